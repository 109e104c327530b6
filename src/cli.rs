//! The command line as data: what was asked for, nothing opened or built yet.

mod addr;
mod check;
mod client;
mod craft;
mod handshake;
mod inspect;
mod lab;
mod ping;
mod ports;
mod server;
mod sockets;
mod step;
mod talk;
mod trace;

use std::net::IpAddr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::addr::Addr;
pub use self::check::Check;
pub use self::client::Client;
pub use self::craft::{Craft, Via};
pub use self::handshake::{CraftCommand, Forget, Handshake, Wrong};
pub use self::inspect::{Inspect, Link};
pub use self::lab::{Lab, LabCheck, LabCommand, LabList, LabRun, LabShow};
pub use self::ping::{PathMtu, Ping, SocketKind};
pub use self::ports::Ports;
pub use self::server::Server;
pub use self::sockets::Sockets;
pub use self::step::Step;
pub use self::talk::Talk;
pub use self::trace::Trace;
use crate::event::Kind;
use crate::select::{Range, Selection};
use crate::view::VIEWS;

/// A TCP/IP laboratory: replay, watch and explain what TCP did, and why.
#[derive(Debug, Parser)]
#[command(name = "wirelab", version, about, disable_help_subcommand = true)]
#[command(max_term_width = 100, propagate_version = true)]
pub struct Cli {
    /// What to do; the start page if nothing.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show this machine's addresses and what each is for; look a name up, or explain an address
    #[command(after_help = addr::HELP)]
    Addr(Addr),
    /// Show what passes on an interface as it passes, and save it with -w
    #[command(after_help = CAPTURE_HELP)]
    Capture(Capture),
    /// List the recordings that come with wirelab, and what each one shows
    #[command(after_help = "Example:\n  wirelab captures")]
    Captures(Captures),
    /// Find out whether the network is all right, link by link, and where it ends if it is not
    #[command(after_help = check::HELP)]
    Check(Check),
    /// Connect to a server and talk with it, each call told: what it did, gave, and how long it blocked
    #[command(after_help = client::HELP)]
    Client(Client),
    /// Build a packet by hand, every field as asked for, and send it
    #[command(after_help = craft::HELP)]
    Craft(Craft),
    /// Try out what this machine allows, and say how to get what it does not
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Tell the story of each connection: how it opened, what went wrong, who closed it
    #[command(after_help = EXPLAIN_HELP, override_usage = "wirelab explain [OPTIONS] <CAPTURE> [FILTER]...")]
    Explain(Explain),
    /// Sum up each connection in a line, or with --long in full
    #[command(after_help = FLOWS_HELP, override_usage = "wirelab flows [OPTIONS] <CAPTURE> [FILTER]...")]
    Flows(Flows),
    /// Take a frame apart: every field of every header, with its bits, value and meaning
    #[command(after_help = inspect::HELP)]
    Inspect(Inspect),
    /// List the interfaces that can be captured on, and what stands in the way
    #[command(after_help = "Example:\n  wirelab interfaces")]
    Interfaces(Interfaces),
    /// Run experiments: two hosts, real TCP, and a wire that does exactly what it is told
    #[command(after_help = lab::HELP, disable_help_subcommand = true)]
    Lab(Lab),
    /// Ask hosts for an echo, packets written byte by byte, and tell what became of each
    #[command(after_help = ping::HELP)]
    Ping(Ping),
    /// Show which ports there are, who has which, and what waits; try to take one
    #[command(after_help = ports::HELP)]
    Ports(Ports),
    /// Show a capture as conversations: who sent what when, and what TCP made of it
    #[command(after_help = REPLAY_HELP, override_usage = "wirelab replay [OPTIONS] <CAPTURE> [FILTER]...")]
    Replay(Replay),
    /// Listen on a port and talk with whoever connects, each call told
    #[command(after_help = server::HELP)]
    Server(Server),
    /// Show what is in the buffers of TCP sockets, and who waits for whom; --watch goes on
    #[command(after_help = sockets::HELP)]
    Sockets(Sockets),
    /// Walk through a capture on a screen: segment by segment, with what each does and why
    #[command(after_help = step::HELP, override_usage = "wirelab step [OPTIONS] <CAPTURE> [FILTER]...")]
    Step(Step),
    /// Find the path to a host: which routers packets pass, and what fits through
    #[command(after_help = trace::HELP, disable_version_flag = true)]
    Trace(Trace),
}

const EXPLAIN_HELP: &str = "\
Examples:
  wirelab explain retransmission
  wirelab explain trace.pcapng --host 192.0.2.7
  wirelab explain retransmission --frame 17          why frame 17 is what it is said to be
  wirelab explain here.pcap --peer there.pcap        what was lost, late or changed between two captures
  wirelab explain trace.pcapng --format json | jq 'select(.severity == \"problem\")'";
const CAPTURE_HELP: &str = "\
Examples:
  sudo wirelab capture -i eth0                       until Ctrl-C
  sudo wirelab capture -i any port 443               a filter, as for tcpdump
  sudo wirelab capture -i eth0 -w trace.pcapng       show it and save it
  sudo wirelab capture -i eth0 -q -c 1000 -w t.pcapng

Under sudo the capture is opened, then wirelab becomes the user who called sudo, for good; the file
belongs to that user. Without sudo, once: sudo setcap cap_net_raw+ep $(command -v wirelab)";

const DOCTOR_HELP: &str = "\
Examples:
  wirelab doctor                    as the user you are
  sudo wirelab doctor               as root, and what the user who called sudo could do
  wirelab doctor --format json | jq 'select(.ok == false) | .fix'

Everything is tried for real, on the loopback interface and in a namespace of its own; nothing is
changed and nothing stays behind. Exit code 0: capture and lab work; 1: one of them is blocked.";

const FLOWS_HELP: &str = "\
Examples:
  wirelab flows trace.pcap
  wirelab flows trace.pcap --long --flow 3
  wirelab flows trace.pcap --note zero-window";

const REPLAY_HELP: &str = "\
Examples:
  wirelab replay retransmission               a recording that comes with wirelab
  wirelab replay retransmission --at both     both ends of it, and what the wire did between
  wirelab replay here.pcap --peer there.pcap  what two machines captured, packet by packet
  wirelab replay trace.pcapng --flow 3        one connection of a file
  wirelab replay trace.pcap 'port 80'         a BPF filter, where libpcap is installed
  wirelab replay data --speed step            one segment each time Enter is pressed
  wirelab replay trace.pcap --view segments   a line a segment, as tcpdump prints them
  wirelab replay trace.pcap --as-wireshark    and what Wireshark says instead (docs/VERDICTS.md)
  tcpdump -w - | wirelab replay -             from a pipe";

/// `capture`.
#[derive(Debug, Args)]
pub struct Capture {
    /// Where to capture: the name of an interface (see wirelab interfaces), or any for all of them
    #[arg(short, long, value_name = "IFACE")]
    pub interface: String,
    /// Only packets that match this filter; see pcap-filter(7)
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// Save the packets to this file too, as pcapng; - for standard output, which then shows
    /// nothing else
    #[arg(short, long, value_name = "FILE", help_heading = "Capturing")]
    pub write: Option<std::path::PathBuf>,
    /// End after this many packets
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capturing")]
    pub count: Option<u64>,
    /// Keep this many bytes of each packet; 0 for all
    #[arg(
        short,
        long = "snapshot-length",
        value_name = "LEN",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Capturing"
    )]
    pub snaplen: u32,
    /// Don't ask the interface for packets to other machines
    #[arg(short = 'p', long = "no-promiscuous-mode", help_heading = "Capturing")]
    pub no_promiscuous: bool,
    /// Size of the kernel's buffer in KiB, for when it drops packets
    #[arg(short = 'B', long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(64..=1_048_576), help_heading = "Capturing")]
    pub buffer_size: Option<u32>,
    /// Walk through what comes on a screen; see wirelab step
    #[arg(long, conflicts_with_all = ["quiet", "format"])]
    pub tui: bool,
    /// Show nothing; for use with -w
    #[arg(short, long, help_heading = "Capturing")]
    pub quiet: bool,
    /// Window scale of connections that were open before the capture began, if you know it
    #[arg(long, value_name = "SHIFT", value_parser = clap::value_parser!(u8).range(0..=14), help_heading = "Capturing")]
    pub wscale: Option<u8>,
    /// Accepted: names are never looked up
    #[arg(short, help_heading = "Capturing")]
    numeric: bool,
    /// How to show it.
    #[command(flatten)]
    pub view: View,
    /// What of it to show; everything is saved.
    #[command(flatten)]
    pub select: Select,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl Capture {
    /// The filter, its words joined; empty for none.
    pub fn filter(&self) -> String {
        self.filter.join(" ")
    }
}

/// `captures`.
#[derive(Debug, Args)]
pub struct Captures {
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// What a copy of the program, started by itself, is to try.
    #[arg(long, hide = true, requires = "parent")]
    pub errand: Option<String>,
    /// The process that started it.
    #[arg(long, hide = true)]
    pub parent: Option<i32>,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// The whole reasoning behind what is noted on this frame
    #[arg(long, value_name = "N", conflicts_with_all = ["flow", "host", "port", "note", "frames"])]
    pub frame: Option<u64>,
    /// A second capture of the same connections, made at the other end or anywhere on the way: what was lost, delayed
    /// or changed between the two; their clocks need not agree
    #[arg(long, value_name = "CAPTURE", conflicts_with_all = ["frame", "read"])]
    pub peer: Option<String>,
    /// What of it.
    #[command(flatten)]
    pub select: Select,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `flows`.
#[derive(Debug, Args)]
pub struct Flows {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Everything there is to count, per connection and direction
    #[arg(long, short)]
    pub long: bool,
    /// What of it.
    #[command(flatten)]
    pub select: Select,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `interfaces`.
#[derive(Debug, Args)]
pub struct Interfaces {
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Whose capture of a recording to show: the client's, the server's, or both in one ladder with
    /// the packets between them
    #[arg(long, value_enum, value_name = "END", hide_possible_values = true)]
    pub at: Option<At>,
    /// A second capture of the same connections, made at the other end or anywhere on the way: both
    /// in one ladder, as --at both; their clocks need not agree
    #[arg(long, value_name = "CAPTURE", conflicts_with_all = ["at", "read"])]
    pub peer: Option<String>,
    /// With --at both: only packets, without the programs' calls and the kernels' figures
    #[arg(long, requires = "at", help_heading = "Showing")]
    pub packets_only: bool,
    /// Beside our notes say what Wireshark calls a segment, where that is something else
    #[arg(long, help_heading = "Showing")]
    pub as_wireshark: bool,
    /// How to show it.
    #[command(flatten)]
    pub view: View,
    /// Pace: a number (1 is as it happened, 10 ten times as fast), max, or step (waits for Enter)
    #[arg(
        long,
        value_name = "SPEED",
        default_value = "max",
        help_heading = "Showing"
    )]
    pub speed: String,
    /// What of it.
    #[command(flatten)]
    pub select: Select,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

impl Replay {
    /// To show a recording at once.
    pub fn of(recording: &str, at: Option<At>, view: View, output: Output) -> Self {
        Self {
            input: Input {
                capture: Some(recording.to_owned()),
                ..Input::default()
            },
            at,
            peer: None,
            packets_only: false,
            as_wireshark: false,
            view,
            speed: "max".to_owned(),
            select: Select::default(),
            output,
        }
    }
}

/// Where packets come from.
#[derive(Debug, Default, Args)]
pub struct Input {
    /// A capture file (pcap or pcapng, also gzip or zstd), - for standard input, or the name of a
    /// recording (see wirelab captures)
    #[arg(required_unless_present = "read")]
    capture: Option<String>,
    /// Only packets that match this BPF filter, as for tcpdump (needs libpcap)
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// Read this file, as tcpdump's -r
    #[arg(short, long, value_name = "FILE", help_heading = "tcpdump's habits")]
    read: Option<String>,
    /// Window scale of connections that were open before the capture began, if you know it
    #[arg(long, value_name = "SHIFT", value_parser = clap::value_parser!(u8).range(0..=14), help_heading = "Reading")]
    pub wscale: Option<u8>,
    /// Accepted: names are never looked up
    #[arg(short, help_heading = "tcpdump's habits")]
    numeric: bool,
}

impl Input {
    /// What to read.
    pub fn capture(&self) -> &str {
        self.read
            .as_deref()
            .or(self.capture.as_deref())
            .unwrap_or("-")
    }

    /// The BPF filter, its words joined; empty for none.
    pub fn filter(&self) -> String {
        // With -r, what looks like the capture is the filter's first word.
        let first = self.read.as_ref().and(self.capture.as_ref());
        let words: Vec<&str> = first
            .into_iter()
            .chain(&self.filter)
            .map(String::as_str)
            .collect();
        words.join(" ")
    }
}

/// Which connections and segments.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Choosing (options narrow, several values of one widen)")]
pub struct Select {
    /// Connections of these numbers
    #[arg(long, value_name = "N", value_delimiter = ',')]
    flow: Vec<u32>,
    /// From or to these addresses
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    host: Vec<IpAddr>,
    /// From or to these ports
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    port: Vec<u16>,
    /// With these notes: retransmission, dup-ack, zero-window, reset …
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds(), hide_possible_values = true)]
    note: Vec<Kind>,
    /// Frames of these numbers
    #[arg(
        long,
        value_name = "A-B",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    frames: Vec<Range>,
}

impl Select {
    /// These frames and no others.
    pub fn of_frames(frames: &[u64]) -> Self {
        Self {
            frames: frames.iter().map(|&frame| Range::one(frame)).collect(),
            ..Self::default()
        }
    }
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.name()))
        .try_map(|name| Kind::from_name(&name).ok_or("no such kind of note"))
}

impl From<&Select> for Selection {
    fn from(select: &Select) -> Self {
        Self {
            flows: select.flow.clone(),
            hosts: select.host.clone(),
            ports: select.port.clone(),
            notes: select.note.clone(),
            frames: select.frames.clone(),
        }
    }
}

/// How segments are shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Showing")]
pub struct View {
    /// How to draw
    #[arg(long, value_name = "VIEW", value_parser = views())]
    pub view: Option<String>,
    /// Show every segment: fold nothing
    #[arg(long, short)]
    pub all: bool,
    /// Read payload in this encoding: utf-8, gbk, big5, shift-jis, latin1 …
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

fn views() -> PossibleValuesParser {
    PossibleValuesParser::new(
        VIEWS
            .iter()
            .map(|view| clap::builder::PossibleValue::new(view.name).help(view.about)),
    )
}

/// An end of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum At {
    /// What the client sent and received.
    Client,
    /// What the server sent and received.
    Server,
    /// Both, joined.
    Both,
}

/// Text or data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON lines, one object a line; docs/schema.json describes them.
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are written.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Text for people, or JSON lines
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "text|json"
    )]
    pub format: Format,
    /// Colour: auto is on a terminal, unless `NO_COLOR` is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub color: Color,
    /// Columns to fill; as wide as the terminal, or 80
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=1000))]
    pub width: Option<u16>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn input(line: &str) -> Input {
        let words = std::iter::once("wirelab").chain(line.split(' '));
        match Cli::try_parse_from(words).unwrap().command {
            Some(Command::Replay(replay)) => replay.input,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_capture_comes_first_or_after_r_and_the_rest_is_the_filter() {
        let plain = input("replay x.pcap tcp port 80");
        assert_eq!(
            (plain.capture(), &*plain.filter()),
            ("x.pcap", "tcp port 80")
        );
        let habit = input("replay -n -r x.pcap tcp port 80");
        assert_eq!(
            (habit.capture(), &*habit.filter()),
            ("x.pcap", "tcp port 80")
        );
        assert_eq!(input("replay -").capture(), "-");
        assert_eq!(input("replay -").filter(), "");
        assert!(Cli::try_parse_from(["wirelab", "replay"]).is_err());
    }

    #[test]
    fn a_kind_that_is_not_one_is_refused_with_the_nearest() {
        let error = Cli::try_parse_from(["wirelab", "replay", "x", "--note", "retransmision"]);
        assert!(error.unwrap_err().to_string().contains("'retransmission'"));
    }
}
