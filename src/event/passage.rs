//! What two captures of one connection show together: packets on their way from one host to the other,
//! and beside them what the programs asked for and what the kernels had in mind, where that was
//! recorded.

use std::fmt;

use super::{Note, Segment, TcpState};
use crate::frame::Timestamp;

/// One of the two hosts that were watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The one drawn at the left.
    Client,
    /// The one drawn at the right.
    Server,
}

impl Host {
    /// The far end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// 0 for the client, 1 for the server: index into pairs.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `"client"` or `"server"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A host.
    Host(Host),
    /// A router on the way, counted from 1.
    Router(u32),
    /// Neither capture shows it leave.
    Unknown,
}

/// What became of a packet, or of one copy of it, on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrived as it left.
    Delivered,
    /// The wire made it late.
    Delayed,
    /// It arrived after one that left later.
    Reordered,
    /// It is a copy that nobody sent.
    Duplicated,
    /// It arrived changed, and damaged: the receiver discards it.
    Corrupted,
    /// It arrived changed by something on the way that mended its checksum.
    Altered,
    /// The wire lost it.
    Dropped,
    /// It is not in the capture of the far end: lost on the way, or never captured.
    Missing,
    /// It is not in the capture of the near end, which did not see it leave.
    Unsent,
    /// The capture of one end does not cover the time at which it would show it.
    Uncaptured,
    /// It was still on its way when all ended.
    Flying,
}

impl Fate {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Delayed => "delayed",
            Self::Reordered => "reordered",
            Self::Duplicated => "duplicated",
            Self::Corrupted => "corrupted",
            Self::Altered => "altered",
            Self::Dropped => "dropped",
            Self::Missing => "missing",
            Self::Unsent => "unsent",
            Self::Uncaptured => "not-captured",
            Self::Flying => "flying",
        }
    }
}

/// What of a packet's way an event tells. Events come in an order that is right for both hosts: each
/// sees its own departures and arrivals in the order in which they happened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it: nothing happened at the far end between departure and arrival.
    Whole,
    /// It leaves. What follows happens while it is on its way; another event tells of its end.
    Departs,
    /// The end of its way, after other events: it arrives, or is known to be lost. Also all of a copy
    /// that was made on the way, and of what a router sends.
    Arrives,
}

/// A packet at one of the hosts.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The frame of that host's capture that shows it.
    pub frame: u64,
    /// When it was there.
    pub time: Timestamp,
    /// As a segment, with what the tracker of that host's capture knows of it; `None` when it is none,
    /// or when this is only told to say when it was.
    pub segment: Option<&'a Segment<'a>>,
    /// In a line, where it is no segment.
    pub summary: &'a str,
    /// The state of this host's endpoint before and after it.
    pub state: Option<(TcpState, TcpState)>,
    /// What is to be said of it at this host: of an arrival only what is not said of the departure.
    pub notes: &'a [Note],
    /// What this host's kernel had in mind right after it.
    pub figures: Option<Figures>,
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// Its number: that of the lab's wire where the truth is known, else in order of departure.
    pub packet: u64,
    /// Number of the connection, as the client's capture counts if it shows it.
    pub flow: Option<u32>,
    /// What of its way this tells.
    pub part: Part,
    /// Where it came from.
    pub from: Origin,
    /// The host it went to.
    pub to: Host,
    /// Where it left, if that was seen.
    pub sent: Option<Stop<'a>>,
    /// Where it arrived, if it did and if that is known by now.
    pub arrived: Option<Stop<'a>>,
    /// From departure to arrival, in nanoseconds, by the clocks of the two captures.
    pub one_way_ns: Option<u64>,
    /// What became of it.
    pub fate: Fate,
    /// How many that left later arrived before it.
    pub overtaken_by: u32,
    /// The fault of the wire that decided it, as index in the experiment's list.
    pub fault: Option<u64>,
    /// Why, in words, where it was not simply carried across.
    pub cause: Option<&'a str>,
    /// Which fields are not as they left, where the captures alone tell.
    pub changes: &'a [Change],
    /// As how many segments the client's and the server's capture show it, where that is not one each:
    /// network cards cut large segments and merge small ones.
    pub captured_as: Option<[u32; 2]>,
}

/// A field that is not as it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name in JSON.
    pub field: &'static str,
    /// Where it left.
    pub was: String,
    /// Where it arrived.
    pub is: String,
    /// Whether routers and address translation change it all the time.
    pub usual: bool,
}

impl Change {
    /// As a person reads it: `ttl 64 → 63`, with `to` for the arrow.
    pub fn shown(&self, to: &str) -> String {
        format!("{} {} {to} {}", self.field, self.was, self.is)
    }
}

impl Passage<'_> {
    /// When this part of its way was; `None` when neither capture shows it.
    pub fn time(&self) -> Option<Timestamp> {
        let stop = match self.part {
            Part::Whole | Part::Departs => self.sent.or(self.arrived),
            Part::Arrives => self.arrived.or(self.sent),
        };
        stop.map(|stop| stop.time)
    }
}

/// What a kernel had in mind of a connection: numbers of `TCP_INFO`, and the socket's queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Congestion window, in segments.
    pub cwnd: Option<u32>,
    /// Slow start threshold, in segments; `None` while there is none.
    pub ssthresh: Option<u32>,
    /// Payload of a full segment, in bytes.
    pub mss: Option<u32>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u32>,
    /// Of these, those that it takes to be on their way: not SACKed, and not lost unless sent again (RFC 6675's
    /// pipe). That is what the congestion window bounds.
    pub pipe: Option<u32>,
    /// The window it offers, in bytes.
    pub rcv_wnd: Option<u32>,
    /// `open`, `disorder`, `cwr`, `recovery` or `loss`.
    pub mood: Option<&'static str>,
    /// How often the retransmission timeout has been doubled.
    pub backoff: Option<u32>,
    /// Retransmission timeout in nanoseconds.
    pub rto_ns: Option<u64>,
    /// Bytes written by the program and not acknowledged yet.
    pub send_queue: Option<u64>,
    /// Bytes received and not read by the program yet.
    pub recv_queue: Option<u64>,
}

/// A reading of a kernel's figures that tells something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose.
    pub host: Host,
    /// When.
    pub time: Timestamp,
    /// What it has in mind now.
    pub now: Figures,
    /// The congestion window before, when it has shrunk.
    pub cwnd_was: Option<u32>,
    /// Whether the slow start threshold is another.
    pub ssthresh_is_new: bool,
    /// Whether its mood has changed.
    pub mood_is_new: bool,
    /// Whether a timer has been backed off once more: that of retransmissions or of window probes.
    pub backed_off: bool,
    /// Whether that shows in the retransmission timeout.
    pub rto_is_new: bool,
    /// Why the congestion window is what it is, as far as the figures tell.
    pub because: Option<Because>,
}

/// Why a kernel holds its congestion window as it does, or waits with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// The first duplicate ACKs: out of order or lost (RFC 5681 section 3.2).
    Doubt,
    /// A timeout: the loss window (RFC 5681 section 3.1).
    Timeout,
    /// A loss, and so few segments are still on their way that the window is below the threshold already (RFC 6937).
    FewLeft,
    /// A loss: down to the threshold as ACKs come (RFC 6937).
    Down,
    /// Congestion was told of without a loss: a mark of ECN (RFC 3168 section 6.1.2), or its own host's queue.
    Told,
    /// What was under way at the loss is acknowledged: the window is the threshold (RFC 5681 section 3.2 step 6).
    Over,
    /// It was not used for long (RFC 2861 section 3).
    Unused,
}

impl Because {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Doubt => {
                "out of order, or lost: that is decided by more duplicate ACKs or time (RFC 5681 section 3.2)"
            }
            Self::Timeout => {
                "a timeout: all that is under way is taken for lost, and it begins anew with the loss window \
                 (RFC 5681 section 3.1)"
            }
            Self::FewLeft => {
                "no timeout: by its count so little is still on its way that the window is below ssthresh at once; \
                 it lets out what ACKs say has left the network, and a little more until it is ssthresh (RFC 6937)"
            }
            Self::Down => {
                "no timeout: the window comes down to ssthresh step by step, as ACKs come (RFC 6937)"
            }
            Self::Told => {
                "congestion without a loss: a mark of ECN (RFC 3168 section 6.1.2), or its own host's queue was full"
            }
            Self::Over => {
                "what was under way at the loss is acknowledged: recovery is over, and the window is ssthresh \
                 (RFC 5681 section 3.2)"
            }
            Self::Unused => {
                "for longer than a timeout it had less to send than the window allows: what it does not use decays \
                 (RFC 2861)"
            }
        }
    }
}

/// What of a call an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallPart {
    /// All of it: it gave its result at once, or nothing is known of it before it did.
    Whole,
    /// It is made, and blocks.
    Begins,
    /// It returns.
    Returns,
}

/// What a program asked its host for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Whose program.
    pub host: Host,
    /// When this part of it was.
    pub time: Timestamp,
    /// What of it this tells.
    pub part: CallPart,
    /// Which program, where it has a name; not escaped.
    pub program: &'a str,
    /// Which socket, where it has a name; not escaped.
    pub socket: &'a str,
    /// The call's name.
    pub call: &'a str,
    /// Its arguments, as a person reads them; not escaped.
    pub arguments: &'a str,
    /// What it gave; `None` when it failed.
    pub result: Option<i64>,
    /// The error, by name, when it failed.
    pub errno: Option<&'a str>,
    /// How long it blocked, in nanoseconds.
    pub blocked_ns: u64,
    /// Whether it blocked long enough to be worth a word.
    pub blocked: bool,
    /// Whether it is one of many that are much alike: data given or taken without waiting long.
    pub routine: bool,
    /// What was received, or sent as text, as far as it is short; not escaped.
    pub data: Option<&'a str>,
}

/// What went in one direction, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// Packets that left.
    pub sent: u64,
    /// What arrived of what the host there sent: packets, and copies of them.
    pub arrived: u64,
    /// What arrived from routers on the way: their errors.
    pub from_routers: u64,
    /// Packets and copies that were lost, or are missing in the capture of the far end.
    pub lost: u64,
    /// Copies that nobody sent.
    pub copies: u64,
    /// Packets that arrived after one that left later.
    pub reordered: u64,
    /// Packets that arrived changed.
    pub corrupted: u64,
    /// Packets that arrived altered, and not damaged.
    pub altered: u64,
    /// Packets outside of what the capture of one end covers.
    pub uncaptured: u64,
    /// Arrivals that the capture of the near end does not show leaving.
    pub unsent: u64,
    /// Packets that were still on their way when all ended.
    pub flying: u64,
    /// The shortest one-way time, in nanoseconds.
    pub fastest_ns: Option<u64>,
    /// The longest.
    pub slowest_ns: Option<u64>,
}
