//! The command line of `trace`: traceroute's letters for what it does as traceroute does.

use std::time::Duration;

use clap::Args;

use super::ping::{byte, seconds, some_seconds};
use super::{Output, SocketKind};

pub(super) const HELP: &str = "\
Examples:
  wirelab trace 192.0.2.1                  the routers on the way, three probes each
  wirelab trace --explain 192.0.2.1        and how TTL brings them to speak, with the numbers
  wirelab trace --mtu 192.0.2.1            what fits through, and who says so
  wirelab trace --tcp --port 443 host      through firewalls that let only that pass
  wirelab trace --flows 8 -q 8 host        every path, where routers share traffic between several
  wirelab trace --format json host | jq 'select(.type == \"hop\") | .addresses'

ICMP over a raw socket where that is permitted, else over a datagram socket, else UDP, which needs
no rights; the second line says which. Ctrl-C ends it with what is known.
Exit code 0: the destination answered; 1: it did not.";

/// `trace`.
#[derive(Debug, Args)]
pub struct Trace {
    /// A name, an address, or a link-local address with its interface, as in `fe80::1%eth0`
    #[arg(value_name = "HOST")]
    pub host: String,
    /// Bytes of a whole IP packet
    #[arg(value_name = "SIZE", value_parser = clap::value_parser!(u16).range(36..))]
    pub size: Option<u16>,
    /// ICMP echo requests
    #[arg(long, conflicts_with_all = ["udp", "tcp"], help_heading = "Probes")]
    pub icmp: bool,
    /// UDP datagrams to a port where nobody listens
    #[arg(short = 'U', long, conflicts_with = "tcp", help_heading = "Probes")]
    pub udp: bool,
    /// SYNs of TCP, all of a flow from one port. Without rights each is a connection from a port of
    /// its own, closed again at once
    #[arg(short = 'T', long, conflicts_with = "size", help_heading = "Probes")]
    pub tcp: bool,
    /// Destination port; of UDP that of the first flow. Not given: 33434, with --tcp 80
    #[arg(short, long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Probes")]
    pub port: Option<u16>,
    /// With --udp: the destination port goes up with each probe, as traceroute has it
    #[arg(
        long,
        requires = "udp",
        conflicts_with = "flows",
        help_heading = "Probes"
    )]
    pub classic: bool,
    /// Flows to follow. Routers that share traffic between paths keep a flow on one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Probes")]
    pub flows: u16,
    /// TOS or traffic class, in decimal or as 0x…
    #[arg(short, long, value_name = "BITS", default_value = "0", value_parser = byte, help_heading = "Probes")]
    pub tos: u8,
    /// Send from this interface or address
    #[arg(
        short = 'i',
        long,
        visible_short_alias = 's',
        value_name = "FROM",
        help_heading = "Probes"
    )]
    pub from: Option<String>,
    /// Use raw sockets only, or none
    #[arg(
        long,
        value_enum,
        value_name = "raw|datagram",
        hide_possible_values = true,
        help_heading = "Probes"
    )]
    pub socket: Option<SocketKind>,
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "v6", help_heading = "Probes")]
    pub v4: bool,
    /// IPv6 only
    #[arg(short = '6', help_heading = "Probes")]
    pub v6: bool,
    /// The first TTL
    #[arg(short, long, value_name = "TTL", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..), help_heading = "How far and how often")]
    pub first: u8,
    /// The last TTL
    #[arg(short, long, value_name = "TTL", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..), help_heading = "How far and how often")]
    pub max: u8,
    /// Probes with each TTL
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "How far and how often")]
    pub queries: u16,
    /// Probes on the way at once
    #[arg(short = 'N', long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "How far and how often")]
    pub at_once: u16,
    /// How long an answer may take; later ones are called late
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = some_seconds, help_heading = "How far and how often")]
    pub wait: Duration,
    /// Time between probes, for routers that answer only so often
    #[arg(short = 'z', long, value_name = "SECONDS", default_value = "0", value_parser = seconds, help_heading = "How far and how often")]
    pub pause: Duration,
    /// Find the path MTU: the largest packet that gets through in one piece
    #[arg(long, conflicts_with = "tcp", help_heading = "What to find out")]
    pub mtu: bool,
    /// Say how it works, with the numbers of this path
    #[arg(long, help_heading = "What to find out")]
    pub explain: bool,
    /// Look up the routers' names; not given: no packet but the probes is sent
    #[arg(long, conflicts_with = "numeric", help_heading = "What to find out")]
    pub names: bool,
    /// Accepted: names are looked up only when asked for
    #[arg(short, help_heading = "What to find out")]
    pub numeric: bool,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}
