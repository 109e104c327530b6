//! The command line of `craft handshake`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::Output;

const HELP: &str = "\
Examples:
  sudo wirelab craft handshake                        SYN, SYN-ACK, ACK, data, FIN, and why each number
  sudo wirelab craft handshake --forget ack           how often is a SYN-ACK repeated, and when?
  sudo wirelab craft handshake --wrong ack            what does a kernel say to a number that can't be?
  sudo wirelab craft handshake --window 0 -q          how often does it ask whether it may send?
  sudo wirelab craft handshake 10.0.0.2 81            nobody listens there
  sudo wirelab craft handshake -6 -w made.pcapng      over IPv6; then: wirelab replay made.pcapng
  wirelab craft handshake --tap tap0 --address 192.0.2.9 192.0.2.1 80

Without --tap it takes place in the lab: a host of its own (10.0.0.2, fd00::2) whose kernel's own TCP
listens on port 8080 and echoes; nothing leaves it, and sudo is only needed where user namespaces are
not allowed. With --tap it is whoever is behind that device: this machine itself, or what it is bridged
to. The address has to be one that nobody has; it is asked for first. A kernel that had it would answer
each segment with an RST, for it knows nothing of the connection.

Exit code 0: the connection did all it had to, and every answer was as RFC 9293 demands; 1: not,
and so it is where nobody listens: RST is the right answer then, but there is no connection.";

/// What `craft` makes beside single packets.
#[derive(Debug, Subcommand)]
pub enum CraftCommand {
    /// Make a TCP connection by hand, each number with its reason, and see how a real stack answers
    #[command(after_help = HELP)]
    Handshake(Box<Handshake>),
}

/// `craft handshake`.
#[derive(Debug, Args)]
pub struct Handshake {
    /// Where to connect to: the lab's own host if nothing is said
    pub host: Option<IpAddr>,
    /// To which port; in the lab 8080 listens, and no other
    #[arg(default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// IPv6 in the lab
    #[arg(short = '6')]
    pub v6: bool,
    /// Send this text, and have it come back; with "" no data
    #[arg(long, value_name = "TEXT", default_value = "made by hand")]
    pub send: String,
    /// Leave out the ACK of the handshake, or our FIN when they have closed
    #[arg(
        long,
        value_enum,
        value_name = "ack|fin",
        hide_possible_values = true,
        conflicts_with = "wrong",
        help_heading = "Mistakes (one at a time)"
    )]
    pub forget: Option<Forget>,
    /// Send segments with a wrong number before the right ones
    #[arg(
        long,
        value_enum,
        value_name = "seq|ack|checksum",
        hide_possible_values = true,
        help_heading = "Mistakes (one at a time)"
    )]
    pub wrong: Option<Wrong>,
    /// Offer this window; with 0, until they have asked four times if it is open
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 65_535,
        help_heading = "Mistakes (one at a time)"
    )]
    pub window: u16,
    /// Begin with this sequence number, not with one that can't be guessed
    #[arg(long, value_name = "N", help_heading = "Our end")]
    pub isn: Option<u32>,
    /// Connect from this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Our end")]
    pub from_port: Option<u16>,
    /// Not in the lab: over this TAP device, which has to be there
    #[arg(
        long,
        value_name = "NAME",
        requires = "address",
        requires = "host",
        conflicts_with = "v6",
        help_heading = "Our end"
    )]
    pub tap: Option<String>,
    /// Our address there, which nobody else may have
    #[arg(long, requires = "tap", help_heading = "Our end")]
    pub address: Option<IpAddr>,
    /// End after this many seconds, whatever came
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
    /// Save all frames to this file, as pcapng
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Only segments, states and judgements, without the reasons
    #[arg(short, long)]
    pub quiet: bool,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// What is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Forget {
    /// The ACK of the SYN-ACK.
    Ack,
    /// Our FIN.
    Fin,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wrong {
    /// Sequence numbers.
    Seq,
    /// Acknowledgment numbers.
    Ack,
    /// The checksum of data.
    Checksum,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.1..=3600.0).contains(&seconds) {
        return Err("between 0.1 and 3600".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}
