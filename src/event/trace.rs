//! What `trace` learns: each probe with its answer, each hop, and what follows from all of them.

use std::net::IpAddr;

use super::Quote;
use crate::frame::Timestamp;
use crate::wire::icmp_extension::Extensions;

/// What probes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// ICMP echo requests.
    Icmp,
    /// UDP datagrams to a port where nobody listens.
    Udp,
    /// SYN segments of TCP.
    Tcp,
}

impl Method {
    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// The one state that a probe ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeState {
    /// A router said that its time to live had run out.
    Router,
    /// The destination answered.
    Destination,
    /// Somebody said that it can't go on: unreachable, prohibited, too big.
    Unreachable,
    /// Answered, after the time to wait for it was over.
    Late,
    /// An answer that can't be right: from another address than the one asked, or with other data.
    Wrong,
    /// Nothing came.
    Lost,
    /// It could not be sent.
    Unsent,
}

impl ProbeState {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Router,
        Self::Destination,
        Self::Unreachable,
        Self::Late,
        Self::Wrong,
        Self::Lost,
        Self::Unsent,
    ];

    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Destination => "destination",
            Self::Unreachable => "unreachable",
            Self::Late => "late",
            Self::Wrong => "wrong",
            Self::Lost => "lost",
            Self::Unsent => "unsent",
        }
    }
}

/// What came back for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it.
    pub from: IpAddr,
    /// Nanoseconds from the sending until it came; `None` where the kernel had sent the probe a second
    /// time, so that nobody knows which of the two was answered.
    pub rtt_ns: Option<u64>,
    /// TTL or hop limit that the answer had left, where the kernel told.
    pub ttl: Option<u8>,
    /// How many hops it came back, guessed from that.
    pub back: Option<Back>,
    /// Type and code, where it is an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// What it says, in words.
    pub meaning: String,
    /// The same as traceroute writes it behind the time: `!H`, `!F-1400`.
    pub mark: Option<String>,
    /// The MTU it names.
    pub mtu: Option<u32>,
    /// TTL or hop limit of the quoted packet.
    pub quoted_ttl: Option<u8>,
    /// What it quotes, with what is odd about it.
    pub quote: Option<Quote>,
    /// What the router added (RFC 4884).
    pub extensions: Option<Extensions>,
}

/// The length of the way back, guessed: systems send with a TTL of 32, 64, 128 or 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// The smallest of these that is not less than what was left.
    pub initial: u8,
    /// Hops: what was used up of it, and one for the first link.
    pub hops: u8,
}

/// A probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which one, from 1.
    pub number: u16,
    /// The TTL or hop limit it left with.
    pub ttl: u8,
    /// Its flow, from 1: probes of a flow look alike to whoever chooses between paths.
    pub flow: u16,
    /// Bytes of the IP packet; 0 for TCP, whose SYN the kernel makes.
    pub size: usize,
    /// When it was sent.
    pub time: Timestamp,
    /// What became of it.
    pub state: ProbeState,
    /// What came back.
    pub answer: Option<Answer>,
    /// Why it could not be sent.
    pub unsent: Option<String>,
}

impl Probe {
    /// Who answered.
    pub fn from(&self) -> Option<IpAddr> {
        self.answer.as_ref().map(|answer| answer.from)
    }
}

/// All probes that left with the same TTL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// That TTL or hop limit.
    pub ttl: u8,
    /// The probes, in the order in which they were sent.
    pub probes: Vec<Probe>,
}

impl Hop {
    /// Who answered, each once, in order of first appearance.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for from in self.probes.iter().filter_map(Probe::from) {
            if !found.contains(&from) {
                found.push(from);
            }
        }
        found
    }

    /// How many probes were answered.
    pub fn answered(&self) -> usize {
        self.probes.iter().filter(|it| it.answer.is_some()).count()
    }

    /// How many left.
    pub fn sent(&self) -> usize {
        let unsent = |it: &&Probe| it.state != ProbeState::Unsent;
        self.probes.iter().filter(unsent).count()
    }
}

/// Something that happened, as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// A hop, all of whose probes were answered or waited for long enough. They come in order.
    Hop(Hop),
    /// A late answer about a hop that was told already.
    Late(Probe),
    /// A hop that can't change any more. They come in order.
    Settled(Hop),
    /// A step on the way to the path MTU.
    Mtu(MtuStep),
}

/// Who said that a packet is too big.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtuStep {
    /// The router; `None`: our own interface.
    pub from: Option<IpAddr>,
    /// Which hop that is, where it is known.
    pub hop: Option<u8>,
    /// Bytes of the packet that was too big.
    pub size: usize,
    /// What it said fits; `None`: it did not say (RFC 1191 section 5).
    pub mtu: Option<usize>,
}

/// What fits through the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathMtu {
    /// The largest IP packet that came through, in bytes; `None` when not even that is known.
    pub mtu: Option<usize>,
    /// The TTL up to which it came.
    pub hop: u8,
    /// Who said that packets are too big, in order.
    pub steps: Vec<MtuStep>,
    /// Where larger packets vanish without a word: after that hop (0 is this host), before the other.
    pub black_hole: Option<(u8, u8)>,
    /// Probes it took.
    pub probes: u32,
    /// Whether it came to its end.
    pub complete: bool,
}

/// How a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination answered, first with this TTL.
    Reached(u8),
    /// A router, or our own kernel, said at this TTL why it goes no further.
    Refused(u8),
    /// Nobody beyond that hop answered; 0: nobody at all.
    Silence(u8),
    /// Routers pass packets round in a circle, which this hop is the first of.
    Loop(u8),
    /// It was stopped.
    Stopped(u8),
}

/// Something worth knowing about the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceRemark {
    /// These hops never answered, and passed on what was for later ones.
    Silent(Vec<u8>),
    /// A hop left probes unanswered while a later one answered more of its own: policy, not loss.
    Limited {
        /// The hop.
        ttl: u8,
        /// Probes unanswered.
        unanswered: usize,
        /// Probes sent.
        sent: usize,
        /// The later hop that shows it.
        later: u8,
    },
    /// From this hop on every hop lacks answers: packets may really be lost.
    Lossy {
        /// The first of them.
        ttl: u8,
        /// Whether what answers there are errors, which hosts limit: then it can't be told.
        errors: bool,
    },
    /// Several routers share a hop.
    Balanced(Vec<u8>),
    /// The way back is longer or shorter than the way there.
    Asymmetric {
        /// The hop.
        ttl: u8,
        /// Who answered.
        from: IpAddr,
        /// TTL of the answer.
        left: u8,
        /// What follows from it.
        back: Back,
    },
    /// The same router at several TTLs.
    Loop {
        /// Which.
        from: IpAddr,
        /// Where.
        ttls: Vec<u8>,
    },
    /// Answers that quoted too little to tell which probe they are about.
    Unmatched(u64),
    /// More than one answer to a probe.
    Duplicates(u64),
}

/// What came of it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// How it ended.
    pub outcome: Outcome,
    /// Probes sent, those for the path MTU not counted.
    pub sent: u64,
    /// The last TTL that was probed.
    pub last_ttl: Option<u8>,
    /// Probes sent for TTLs beyond the destination, before it was known.
    pub beyond: u64,
    /// Probes answered.
    pub answered: u64,
    /// How many ended in each state, in the order of [`ProbeState::ALL`].
    pub states: [u64; 7],
    /// What is worth knowing.
    pub remarks: Vec<TraceRemark>,
    /// What fits, where that was asked for.
    pub path_mtu: Option<PathMtu>,
    /// The shortest round trip of the destination.
    pub best_rtt_ns: Option<u64>,
    /// How long it took.
    pub elapsed_ns: u64,
}
