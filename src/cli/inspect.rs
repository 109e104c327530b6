//! `inspect`: what to take apart, and how to show it.

use clap::{Args, ValueEnum};

use super::Output;

pub(super) const HELP: &str = "\
Examples:
  wirelab inspect handshake --frame 1                every field of a recording's first frame
  wirelab inspect trace.pcap --frame 7 --diagram     as the RFCs draw headers, with its values
  wirelab inspect handshake --frame 1 --checksum     the sums, word by word
  wirelab inspect handshake --diff 1 2               what differs between two frames
  sudo wirelab inspect -i eth0 icmp                  the next packet of an interface that is ICMP
  wirelab inspect --hex '45 00 00 1c 00 01 00 00 40 01 66 dd 0a 00 00 01 0a 00 00 02'
  xxd packet.bin | wirelab inspect -                 also tcpdump -x, Wireshark's copies, base64";

/// `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A capture file, the name of a recording, or - for standard input: a capture, a hexdump (as of
    /// xxd, tcpdump -x, hexdump -C, Wireshark), hexadecimal digits or base64
    #[arg(required_unless_present_any = ["hex", "interface"], conflicts_with = "hex")]
    pub capture: Option<String>,
    /// With -i: only packets that match this filter; see pcap-filter(7)
    #[arg(value_name = "FILTER", requires = "interface")]
    filter: Vec<String>,
    /// The next packet of this interface (see wirelab interfaces)
    #[arg(
        short,
        long,
        value_name = "IFACE",
        conflicts_with_all = ["hex", "frame", "diff", "link"]
    )]
    pub interface: Option<String>,
    /// With -i: end after this many packets
    #[arg(short, long, value_name = "N", default_value_t = 1, requires = "interface", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Which frame, counted from 1
    #[arg(long, value_name = "N", conflicts_with = "diff", value_parser = clap::value_parser!(u64).range(1..))]
    pub frame: Option<u64>,
    /// The packet itself, as hexadecimal digits; spaces, colons and 0x may stand in between
    #[arg(long, value_name = "DIGITS")]
    pub hex: Option<String>,
    /// What the bytes begin with, where that can't be told from them or from the capture
    #[arg(
        long,
        value_enum,
        value_name = "ethernet|ipv4|ipv6|raw",
        hide_possible_values = true
    )]
    pub link: Option<Link>,
    /// Draw the headers as RFCs do, 32 bits a row, with the values that are in them
    #[arg(long, help_heading = "Showing")]
    pub diagram: bool,
    /// Show every field as bits
    #[arg(long, help_heading = "Showing")]
    pub bits: bool,
    /// Work the checksums out, word by word
    #[arg(long, help_heading = "Showing")]
    pub checksum: bool,
    /// Compare two frames field by field
    #[arg(
        long,
        value_names = ["N", "M"],
        num_args = 2,
        help_heading = "Showing",
        conflicts_with_all = ["diagram", "bits", "checksum"],
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub diff: Option<Vec<u64>>,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl Inspect {
    /// The filter, its words joined; empty for none.
    pub fn filter(&self) -> String {
        // With -i, what looks like the capture is the filter's first word.
        let first = self.interface.as_ref().and(self.capture.as_ref());
        let words: Vec<&str> = first
            .into_iter()
            .chain(&self.filter)
            .map(String::as_str)
            .collect();
        words.join(" ")
    }
}

/// What a packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IPv4 header.
    Ipv4,
    /// An IPv6 header.
    Ipv6,
    /// IPv4 or IPv6, as its first digit says.
    Raw,
}
