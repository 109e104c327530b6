//! The command line of `ping`: iputils' letters for what it does as iputils does.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Output;
use crate::probe::{Pattern, Trace};

pub(super) const HELP: &str = "\
Examples:
  wirelab ping -c 3 192.0.2.1                 three requests, one a second
  wirelab ping -c 3 one.example two.example   two hosts at once
  wirelab ping -c 1 --show 127.0.0.1          a packet as asked for, as built, and on the wire
  wirelab ping -c 10 --explain 192.0.2.1      how each figure comes about
  wirelab ping -c 1 -t 3 192.0.2.1            where it is after three routers
  wirelab ping -c 1 -s 1472 -M do 192.0.2.1   whether 1500 bytes get through in one piece
  wirelab ping -c 5 --format json ::1 | jq 'select(.state != \"answered\")'

Over a raw socket where that is permitted, else over a datagram socket, which needs no rights; the
second line says which. Ctrl-C ends it with the figures, Ctrl-\\ shows them and goes on.
Exit code 0: every host answered; 1: one did not; 2: wrong usage, or nothing can be sent.";

/// `ping`.
#[derive(Debug, Args)]
pub struct Ping {
    /// Names, addresses, or link-local addresses with their interface, as in `fe80::1%eth0`
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// End after N requests; with -w, after N answers
    #[arg(short, long, value_name = "N", value_parser = requests)]
    pub count: Option<u64>,
    /// Seconds from one request to the next
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub interval: Option<Duration>,
    /// End after this many seconds, whatever came
    #[arg(short = 'w', long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// How long a reply may take; later ones are called late. Not given: twice the longest seen, at
    /// least 1; 10 while none was seen
    #[arg(short = 'W', long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "v6")]
    pub v4: bool,
    /// IPv6 only
    #[arg(short = '6')]
    pub v6: bool,
    /// The next request as soon as the last is answered, or 100 a second
    #[arg(short, long, conflicts_with = "adaptive", help_heading = "Pace")]
    pub flood: bool,
    /// The next request when the last is answered
    #[arg(short = 'A', long, help_heading = "Pace")]
    pub adaptive: bool,
    /// So many requests at once to begin with, and in a flood as many under way
    #[arg(short = 'l', long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Pace")]
    pub preload: u32,
    /// Bytes of data in a request
    #[arg(short, long, value_name = "BYTES", default_value_t = 56, value_parser = clap::value_parser!(u16).range(..=65_527), help_heading = "Packets")]
    pub size: u16,
    /// Fill the data with these bytes, in hexadecimal
    #[arg(short, long, value_name = "HEX", value_parser = Pattern::parse, help_heading = "Packets")]
    pub pattern: Option<Pattern>,
    /// TTL or hop limit
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), help_heading = "Packets")]
    pub ttl: Option<u8>,
    /// TOS or traffic class: DSCP and ECN bits, in decimal or as 0x…
    #[arg(short = 'Q', long, value_name = "BITS", value_parser = byte, help_heading = "Packets")]
    pub tos: Option<u8>,
    /// Identifier of the first host, one more for each further one
    #[arg(short = 'e', long, value_name = "N", help_heading = "Packets")]
    pub identifier: Option<u16>,
    /// What to do about packets larger than the path takes
    #[arg(
        short = 'M',
        long,
        value_enum,
        value_name = "do|want|dont|probe",
        hide_possible_values = true,
        help_heading = "Packets"
    )]
    pub pmtu: Option<PathMtu>,
    /// Send from this interface or address
    #[arg(short = 'I', long, value_name = "FROM", help_heading = "Packets")]
    pub interface: Option<String>,
    /// Keep to the address that was chosen to send from at first
    #[arg(short = 'B', long, help_heading = "Packets")]
    pub sticky: bool,
    /// Allow a broadcast address
    #[arg(short, long, help_heading = "Packets")]
    pub broadcast: bool,
    /// Only hosts on the same link: past the routing table
    #[arg(short = 'r', long, help_heading = "Packets")]
    pub on_link: bool,
    /// Don't send this host what it sends to a group
    #[arg(short = 'L', long, help_heading = "Packets")]
    pub no_loop: bool,
    /// Have routers record their addresses (IPv4 option, nine at most)
    #[arg(
        short = 'R',
        long,
        conflicts_with = "record_times",
        help_heading = "Packets"
    )]
    pub record_route: bool,
    /// Have routers record their clocks (IPv4 option): tsonly, tsandaddr, or tsprespec=ADDRESS,…
    #[arg(short = 'T', long, value_name = "TIMES", value_parser = times, help_heading = "Packets")]
    pub record_times: Option<Trace>,
    /// Flow label of IPv6, in decimal or as 0x…
    #[arg(short = 'F', long, value_name = "LABEL", value_parser = label, help_heading = "Packets")]
    pub flow_label: Option<u32>,
    /// Room for what waits to be sent, in bytes (`SO_SNDBUF`); the kernel has a least and a most
    #[arg(short = 'S', long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "Packets")]
    pub send_buffer: Option<u32>,
    /// Mark packets for this host's own routing and filters
    #[arg(short = 'm', long, value_name = "N", help_heading = "Packets")]
    pub mark: Option<u32>,
    /// Use this kind of socket, and no other
    #[arg(
        long,
        value_enum,
        value_name = "raw|datagram",
        hide_possible_values = true,
        help_heading = "Packets"
    )]
    pub socket: Option<SocketKind>,
    /// Show the first packet as asked for, as built, and as it was on the wire
    #[arg(long, help_heading = "Showing")]
    pub show: bool,
    /// Say how each figure comes about, with its numbers
    #[arg(long, help_heading = "Showing")]
    pub explain: bool,
    /// Only the figures at the end
    #[arg(short, long, help_heading = "Showing")]
    pub quiet: bool,
    /// The time before each line, in seconds since the epoch
    #[arg(short = 'D', long, help_heading = "Showing")]
    pub timestamps: bool,
    /// Say which request has no answer yet when the next is made
    #[arg(short = 'O', long, help_heading = "Showing")]
    pub outstanding: bool,
    /// Ring the bell at each good reply
    #[arg(short, long, help_heading = "Showing")]
    pub audible: bool,
    /// Show ICMP messages that are about something else as well
    #[arg(short, long, help_heading = "Showing")]
    pub verbose: bool,
    /// Accepted: addresses are never turned into names
    #[arg(short, help_heading = "Showing")]
    numeric: bool,
    #[arg(short = 'C', hide = true)]
    connected: bool,
    #[arg(short = 'd', hide = true)]
    debug: bool,
    #[arg(short = 'N', value_name = "QUERY", hide = true)]
    node_information: Option<String>,
    #[arg(short = 'U', hide = true)]
    user_to_user: bool,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl Ping {
    /// What to do in place of an option of iputils' that there is no use for here.
    pub fn instead(&self) -> Option<&'static str> {
        let all = [
            (
                self.connected,
                "-C: a connected socket would hide replies from other addresses, which are told here \
                 (wrong-source); leave it out",
            ),
            (
                self.debug,
                "-d: Linux does nothing with SO_DEBUG on such a socket; leave it out, and see what is \
                 sent with --show",
            ),
            (
                self.node_information.is_some(),
                "-N: questions for node information (RFC 4620) are not asked here, and Linux does not \
                 answer them; build one: wirelab craft --answer 'ipv6 dst=HOST / icmp6 type=139 / …'",
            ),
            (
                self.user_to_user,
                "-U: round trips end when the kernel has the reply; how much later the program has it is \
                 told by --explain, and by own_rtt_ns in --format json",
            ),
        ];
        all.iter().find(|(asked, _)| *asked).map(|(_, what)| *what)
    }
}

/// `-M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathMtu {
    /// Don't fragment.
    Do,
    /// Fragment here if need be.
    Want,
    /// Anyone may fragment.
    Dont,
    /// Don't fragment, and don't believe what is known of the path.
    Probe,
}

/// `--socket`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SocketKind {
    /// `SOCK_RAW`.
    Raw,
    /// `SOCK_DGRAM`.
    Datagram,
}

/// How many requests: without the option there is no end to them, so none is not what 0 could mean.
fn requests(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("with no request there is nothing to see; give 1 or more, or leave -c out and end it with \
                      Ctrl-C"
            .to_owned()),
        other => other.map_err(|_| "give a number, as in 3".to_owned()),
    }
}

/// Seconds, with decimals.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    number
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .filter(|time| *time <= Duration::from_hours(24 * 365))
        .ok_or_else(|| "give seconds, as in 0.2".to_owned())
}

/// 20 bits, in decimal or hexadecimal.
fn label(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let label = parsed.ok().filter(|&label| label < 1 << 20);
    label.ok_or_else(|| "give a number of 20 bits, 0 to 0xfffff".to_owned())
}

/// What the timestamp option is to ask for.
fn times(text: &str) -> Result<Trace, String> {
    let help = "give tsonly, tsandaddr, or tsprespec=ADDRESS,…, four IPv4 addresses at most";
    match (text, text.strip_prefix("tsprespec=")) {
        ("tsonly", _) => Ok(Trace::Times),
        ("tsandaddr", _) => Ok(Trace::TimesAndAddresses),
        (_, Some(hosts)) => {
            let hosts: Result<Vec<Ipv4Addr>, _> = hosts.split(',').map(str::parse).collect();
            let hosts = hosts.ok().filter(|it| it.len() <= Trace::MOST_NAMED);
            hosts.map(Trace::TimesOf).ok_or_else(|| help.to_owned())
        }
        _ => Err(help.to_owned()),
    }
}

/// Seconds, and not none.
pub(super) fn some_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("give seconds, more than 0".to_owned()),
        time => Ok(time),
    }
}

/// A byte, in decimal or hexadecimal.
pub(super) fn byte(text: &str) -> Result<u8, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "give a number from 0 to 255, or 0x00 to 0xff".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_routers_are_asked_for() {
        assert_eq!(times("tsonly"), Ok(Trace::Times));
        assert_eq!(times("tsandaddr"), Ok(Trace::TimesAndAddresses));
        let two = vec![Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        assert_eq!(
            times("tsprespec=10.0.0.1,10.0.0.2"),
            Ok(Trace::TimesOf(two))
        );
        for wrong in [
            "",
            "tsprespec",
            "tsprespec=",
            "tsprespec=::1",
            "tsprespec=1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4,5.5.5.5",
        ] {
            assert!(times(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_as_they_are_typed() {
        assert_eq!(seconds("0.2"), Ok(Duration::from_millis(200)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for wrong in ["", "-1", "nan", "inf", "1e99", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!((label("0x12345"), label("7")), (Ok(0x12345), Ok(7)));
        assert!(label("0x100000").is_err() && label("x").is_err());
        assert_eq!((byte("0x10"), byte("184")), (Ok(16), Ok(184)));
        assert!(byte("256").is_err() && byte("0x100").is_err());
        assert_eq!(requests("3"), Ok(3));
        assert!(requests("0").unwrap_err().contains("leave -c out"));
        assert!(requests("-1").is_err() && requests("").is_err());
    }
}
