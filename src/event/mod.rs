//! Events: the interface between what understands packets and what shows them.
//!
//! The tracker and the verdict rules produce these; the ladder, the tables, the story and the JSON
//! lines consume them. A view that needs a number finds it here, so that no number is computed
//! twice and no view judges.

mod board;
mod clock;
pub mod digits;
mod echo;
mod finding;
mod flow;
mod handmade;
mod joint;
mod kept;
mod note;
mod passage;
mod segment;
mod state;
mod stats;
mod topic;
mod trace;
pub mod units;
mod wireshark;

pub use board::{Board, CwndEstimate, HalfBoard, How, Moved, Stretch};
pub use clock::{ClockBasis, ClockNote};
pub use echo::{
    Damage, Echo, EchoError, EchoEvent, EchoState, EchoStatistics, JitterStep, OtherMessage, Quote,
    QuoteChange, Reply, ReplyFault, RoundTrip, RoundTrips, Route,
};
pub use finding::{Finding, Severity};
pub use flow::{Capability, Flow, Handshake, LetGo, Shape};
pub use handmade::{
    CallNews, HandmadeEnd, HandmadeEvent, HandmadeSegment, Judgement, KernelNews, LinkNews, Reason,
    Remark, Variables,
};
pub use joint::{Joint, KeptCall, KeptPassage};
pub use kept::Kept;
pub use note::{Cause, Confidence, Kind, Link, Note, NoteCounts, Quantity, Why};
pub use passage::{
    Because, Call, CallPart, Change, Crossing, Fate, Figures, Host, Origin, Part, Passage, Reading,
    Stop,
};
pub use segment::{Dir, Endpoint, Phase, Rtt, Segment, Side};
pub use state::TcpState;
pub use stats::{ScaleProof, Stats, Summary};
pub use topic::Topic;
pub use trace::{
    Answer, Back, Hop, Method, MtuStep, Outcome, PathMtu, Probe, ProbeState, Trace, TraceEvent,
    TraceRemark,
};
pub use wireshark::{Wireshark, Word, Words};

use crate::decode::Packet;
use crate::frame::Frame;

/// One thing that happened, in the order of the capture.
#[derive(Debug)]
pub enum Event<'a> {
    /// A TCP segment, judged.
    Segment(&'a Segment<'a>),
    /// A frame that is not a TCP segment: UDP, ICMP, ARP, a fragment, or not even IP.
    Packet(&'a Frame<'a>, &'a Packet<'a>),
    /// A connection that has ended, been let go, or was open when the capture ended.
    Flow(&'a Flow),
    /// Something to know about a connection (from `explain`).
    Finding(&'a Finding),
    /// A limit of ours that bit: what was given up, and from where on.
    Notice(&'a str),
    /// One of the above as one of two captures shows it, where both ends are watched.
    At(Host, &'a Event<'a>),
    /// A packet on its way between the two hosts.
    Passage(&'a Passage<'a>),
    /// A program's call.
    Call(&'a Call<'a>),
    /// A kernel has something else in mind than before.
    Reading(&'a Reading),
    /// How the clock of one of two captures was set right.
    Clock(&'a ClockNote),
    /// What went from the client to the server, and back.
    Crossings(&'a [Crossing; 2]),
    /// The end of the capture; always last.
    End(&'a End),
}

/// What was read in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Frames read.
    pub frames: u64,
    /// Captured bytes in those frames.
    pub bytes: u64,
    /// What is missing at the end, when the capture was cut inside a record.
    pub truncated: Option<String>,
    /// Packets the kernel dropped for want of buffer space; live captures only.
    pub dropped_by_kernel: Option<u64>,
    /// Packets the interface dropped; live captures only, where it counts them.
    pub dropped_by_interface: Option<u64>,
    /// Nanoseconds from the first to the latest frame of the capture.
    pub elapsed_ns: u64,
}
