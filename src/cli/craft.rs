//! The command line of `craft`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Output;
use super::handshake::CraftCommand;
use super::ping::{seconds, some_seconds};
use crate::craft::Order;

pub(super) const HELP: &str = "\
A packet is its layers, outermost first, parted by /, each with what is to be different from usual:

  headers  ether vlan arp ipv4 ipv6 hbh dstopt routing fragment ah icmp icmp6
           igmp tcp udp
  data     text WORD, hex DIGITS, file FILE, zeros N, pattern N

Examples:
  wirelab craft --dry-run ipv4 dst=192.0.2.1 ttl=1 / icmp echo id=7 / text abc
  wirelab craft --fields tcp                           what there is to set
  sudo wirelab craft -a ipv4 dst=192.0.2.1 / tcp dport=80 options=mss=1460,sackok
  sudo wirelab craft -a -i eth0 ether / arp dst=192.0.2.1
  sudo wirelab craft --show ipv4 dst=192.0.2.1 checksum=bad / udp dport=53
  sudo wirelab craft --fragment 16 --overlap 8 --order reverse \\
      ipv4 dst=192.0.2.1 / udp / pattern 64
  sudo wirelab craft handshake --help                  a whole TCP connection
  wirelab craft -w ra.pcapng \\
      ether / ipv6 dst=ff02::1 / icmp6 ra options=prefix=2001:db8::/64

Lengths, checksums, header lengths, protocol numbers and addresses are right \
unless they are forced; checksum=bad makes a wrong one. What is shown or written \
by --dry-run, --diagram, --hex, -w, --command, --toml or --fields is not sent; \
everything else is.

Exit code 0: sent, and with --answer answered; 1: no answer.";

/// `craft`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Craft {
    /// What to make instead of a single packet.
    #[command(subcommand)]
    pub instead: Option<CraftCommand>,
    /// The packet's layers: words parted by /, or one string of them
    #[arg(value_name = "LAYER")]
    pub words: Vec<String>,
    /// Read the layers from this TOML file
    #[arg(long, value_name = "FILE", conflicts_with = "words")]
    pub file: Option<PathBuf>,
    /// List what can be set in a layer, or in all of them, and send nothing; of icmp and icmp6 also
    /// by message, as in --fields icmp6 ns
    #[arg(long, value_name = "LAYER", num_args = 0..=2, conflicts_with_all = ["words", "file"])]
    pub fields: Option<Vec<String>>,
    /// Cut what follows the IP header into fragments with so many bytes each
    #[arg(long, value_name = "BYTES", help_heading = "Deliberate errors")]
    pub fragment: Option<usize>,
    /// Begin each fragment so many bytes earlier than the one before it ends
    #[arg(
        long,
        value_name = "BYTES",
        requires = "fragment",
        help_heading = "Deliberate errors"
    )]
    pub overlap: Option<usize>,
    /// Fill what overlaps with this byte, in hexadecimal, so that one sees whose bytes are kept
    #[arg(long, value_name = "HEX", value_parser = hex_byte, requires = "overlap", help_heading = "Deliberate errors")]
    pub overlap_fill: Option<u8>,
    /// The order of fragments: forward, reverse, or numbers such as 2,1,3
    #[arg(
        long,
        value_name = "ORDER",
        requires = "fragment",
        help_heading = "Deliberate errors"
    )]
    pub order: Option<Order>,
    /// Leave out the last N bytes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Deliberate errors"
    )]
    pub cut: usize,
    /// Put N zeros after the end
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = padding, help_heading = "Deliberate errors")]
    pub pad: usize,
    /// Show the packet, field by field, and send nothing
    #[arg(long, help_heading = "Showing")]
    pub dry_run: bool,
    /// Draw the packet, and send nothing; with --answer or --show, send it and draw the answer
    #[arg(long, help_heading = "Showing")]
    pub diagram: bool,
    /// Write the packet as hexadecimal digits, and send nothing
    #[arg(long, help_heading = "Showing")]
    pub hex: bool,
    /// Write the packet to a pcapng file, and send nothing
    #[arg(short, long, value_name = "FILE", help_heading = "Showing")]
    pub write: Option<PathBuf>,
    /// Write the command that asks for this packet, and send nothing
    #[arg(long, help_heading = "Showing")]
    pub command: bool,
    /// Write the TOML file that asks for this packet, and send nothing
    #[arg(long, help_heading = "Showing")]
    pub toml: bool,
    /// Send it all the same
    #[arg(long, help_heading = "Sending")]
    pub send: bool,
    /// Wait for what comes back, and take it apart
    #[arg(short, long, help_heading = "Sending")]
    pub answer: bool,
    /// Show what was asked for, built and seen on the wire, with what the kernel changed
    #[arg(long, help_heading = "Sending")]
    pub show: bool,
    /// How long an answer may take; that nobody has an address on the link is known after about 3 s
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = some_seconds, default_value = "4", help_heading = "Sending")]
    pub timeout: Duration,
    /// Send it so many times
    #[arg(short, long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Sending")]
    pub count: u64,
    /// Seconds from one time to the next
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1", help_heading = "Sending")]
    pub interval: Duration,
    /// Send by this interface
    #[arg(short, long, value_name = "IFACE", help_heading = "Sending")]
    pub interface: Option<String>,
    /// Send by a raw IP socket or a packet socket, whatever the kernel makes of it
    #[arg(
        long,
        value_enum,
        value_name = "ip|ether",
        hide_possible_values = true,
        help_heading = "Sending"
    )]
    pub via: Option<Via>,
    /// Say nothing of what was sent
    #[arg(short, long, help_heading = "Showing")]
    pub quiet: bool,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl Craft {
    /// Whether the packet itself is to be drawn: with --answer or --show, --diagram is for the answer.
    pub const fn draws(&self) -> bool {
        self.diagram && !(self.answer || self.show)
    }

    /// Whether there is anything to send.
    pub const fn sends(&self) -> bool {
        self.send
            || !(self.dry_run
                || self.hex
                || self.draws()
                || self.write.is_some()
                || self.command
                || self.toml
                || self.fields.is_some())
    }
}

/// `--via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// A raw socket.
    Ip,
    /// A packet socket.
    Ether,
}

/// A byte of two digits.
fn hex_byte(text: &str) -> Result<u8, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is = (1..=2).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is);
    byte.ok_or_else(|| "give a byte as two hexadecimal digits".to_owned())
}

/// Zeros after a packet: no frame is longer.
fn padding(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|&number| number <= 65_535);
    number.ok_or_else(|| "give a number up to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_padding() {
        assert_eq!((hex_byte("ff"), hex_byte("0x0a")), (Ok(255), Ok(10)));
        for wrong in ["", "100", "+1", "g"] {
            assert!(hex_byte(wrong).is_err(), "{wrong}");
        }
        assert!(padding("65536").is_err() && padding("-1").is_err());
    }
}
