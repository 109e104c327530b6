//! What `ping` learns of its echo requests: each reply as it comes, each request when it is settled,
//! and the figures of all of them.

use std::net::{IpAddr, Ipv4Addr};

use crate::frame::Timestamp;

/// The one state that an echo request ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EchoState {
    /// One good reply, in time and in order.
    Answered,
    /// A good reply, after the time to wait for it was over.
    Late,
    /// A good reply, and at least one reply more.
    Duplicate,
    /// A good reply, after that to a request made later.
    Reordered,
    /// What came back is not what was sent.
    Corrupted,
    /// What came back is the beginning of what was sent.
    Truncated,
    /// Answered by another address than the one asked.
    WrongSource,
    /// An ICMP error, from the network or from this host, in place of a reply.
    IcmpError,
    /// The kernel refused to send it.
    Unsent,
    /// Nothing came.
    Lost,
}

impl EchoState {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::Answered,
        Self::Late,
        Self::Duplicate,
        Self::Reordered,
        Self::Corrupted,
        Self::Truncated,
        Self::WrongSource,
        Self::IcmpError,
        Self::Unsent,
        Self::Lost,
    ];

    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Reordered => "reordered",
            Self::Corrupted => "corrupted",
            Self::Truncated => "truncated",
            Self::WrongSource => "wrong-source",
            Self::IcmpError => "icmp-error",
            Self::Unsent => "unsent",
            Self::Lost => "lost",
        }
    }

    /// Whether a good reply came.
    pub const fn is_received(self) -> bool {
        matches!(
            self,
            Self::Answered | Self::Late | Self::Duplicate | Self::Reordered
        )
    }
}

/// How long a reply took, by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// Nanoseconds from the sending until the kernel received the reply, or where it did not say when
    /// that was, until the program had it.
    pub ns: u64,
    /// Nanoseconds until the program had it, by its own clock alone.
    pub own_ns: u64,
    /// Whether the kernel stamped the reply.
    pub by_kernel: bool,
    /// Nanoseconds by the kernel's clock alone, from when it gave the request to the driver until it
    /// received the reply; `None` where it did not stamp both.
    pub kernel_ns: Option<u64>,
}

/// What is wrong with a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyFault {
    /// It differs from what was sent.
    Corrupted(Damage),
    /// It ends early; what there is of it is right.
    Truncated {
        /// Bytes that came, ICMP header included.
        came: usize,
        /// Bytes that were sent.
        sent: usize,
    },
    /// It is not from the address that was asked.
    WrongSource {
        /// Who was asked.
        asked: IpAddr,
    },
}

impl ReplyFault {
    /// The state of a request to which nothing better comes.
    pub const fn state(&self) -> EchoState {
        match self {
            Self::Corrupted(_) => EchoState::Corrupted,
            Self::Truncated { .. } => EchoState::Truncated,
            Self::WrongSource { .. } => EchoState::WrongSource,
        }
    }
}

/// Where a reply differs from what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first byte that differs, from the start of the ICMP message.
    pub at: usize,
    /// What should be there; `None`: the message should have ended before.
    pub expected: Option<u8>,
    /// What is there.
    pub found: u8,
    /// How many bytes differ.
    pub bytes: usize,
    /// Whether the checksum is right all the same: then whoever changed it mended the checksum, or it
    /// was changed before the reply was made.
    pub checksum_fits: bool,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// To which request: they are counted from 1 and, unlike `seq`, never start over.
    pub count: u64,
    /// Its sequence number.
    pub seq: u16,
    /// When it came.
    pub time: Timestamp,
    /// Who sent it.
    pub from: IpAddr,
    /// Length of the ICMP message.
    pub bytes: usize,
    /// TTL or hop limit that it had left, where the kernel told.
    pub ttl: Option<u8>,
    /// How long it took.
    pub round_trip: RoundTrip,
    /// What routers recorded in its IP header, where they were asked to.
    pub route: Option<Route>,
    /// It is the Nth reply to this request, from 1.
    pub number: u32,
    /// Whether it came after its time.
    pub late: bool,
    /// Whether a reply to a later request came first.
    pub reordered: bool,
    /// What is wrong with it.
    pub fault: Option<ReplyFault>,
}

/// What routers on the way put into an IP option (RFC 791 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Their addresses (option 7), in the order in which the packet came by.
    Recorded(Vec<Ipv4Addr>),
    /// Their clocks (option 68).
    Stamped {
        /// Who, where that was asked for, and when: milliseconds since midnight UTC, or, with the
        /// highest bit set, anything else.
        stamps: Vec<(Option<Ipv4Addr>, u32)>,
        /// How many more found no room.
        overflow: u8,
    },
}

/// A difference between a packet as it was sent and as an ICMP error quotes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteChange {
    /// Which field.
    pub field: &'static str,
    /// As it was sent.
    pub sent: String,
    /// As it is quoted.
    pub quoted: String,
    /// What that means.
    pub why: String,
}

/// The packet that an ICMP error quotes (RFC 792: header and 8 bytes; RFC 1812 section 4.3.2.3: as
/// much as fits into 576; RFC 4443 section 3.1: as much as fits into 1280).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Bytes of it that are quoted, IP header included where that is known.
    pub bytes: usize,
    /// Whether its IP header is known: a datagram socket's error queue leaves it out.
    pub with_header: bool,
    /// What changed on the way.
    pub changes: Vec<QuoteChange>,
}

/// An error that came in place of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoError {
    /// Who says so: a router, the host, or `None` for the kernel of this host.
    pub from: Option<IpAddr>,
    /// Type and code, if it is an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// What it means: `time to live exceeded in transit`.
    pub meaning: String,
    /// The largest packet that would get through, where it says so.
    pub mtu: Option<u32>,
    /// The packet that it quotes.
    pub quote: Option<Quote>,
}

/// A request whose state is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Which request, from 1.
    pub count: u64,
    /// Its sequence number.
    pub seq: u16,
    /// When it was sent.
    pub time: Timestamp,
    /// What became of it.
    pub state: EchoState,
    /// How long the first reply took.
    pub round_trip: Option<RoundTrip>,
    /// TTL or hop limit of that reply.
    pub ttl: Option<u8>,
    /// Length of that reply's ICMP message.
    pub bytes: Option<usize>,
    /// Who sent that reply, or the error.
    pub from: Option<IpAddr>,
    /// How many replies came.
    pub replies: u32,
    /// What routers recorded in that reply's IP header.
    pub route: Option<Route>,
    /// What is wrong with the reply.
    pub fault: Option<ReplyFault>,
    /// The error that came, alone or before a reply.
    pub error: Option<Box<EchoError>>,
}

/// Something that happens to a run of echo requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EchoEvent {
    /// A request was sent.
    Sent {
        /// Which, from 1.
        count: u64,
    },
    /// The next request is made while this one is still without a reply.
    Outstanding {
        /// Which, from 1.
        count: u64,
        /// Its sequence number.
        seq: u16,
        /// When that was.
        time: Timestamp,
    },
    /// A reply came.
    Reply(Reply),
    /// An error came.
    Error {
        /// About which request.
        count: u64,
        /// Its sequence number.
        seq: u16,
        /// When it came.
        time: Timestamp,
        /// What it says.
        error: Box<EchoError>,
    },
    /// The state of a request is final.
    Settled(Echo),
    /// A message came that settles nothing: told only to who wants to know of everything.
    Other(OtherMessage),
}

/// An ICMP message that is about no open request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherMessage {
    /// When it came.
    pub time: Timestamp,
    /// Who sent it.
    pub from: IpAddr,
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// What these mean.
    pub meaning: &'static str,
    /// Its length.
    pub bytes: usize,
}

/// The figures of round trips, in nanoseconds. Duplicates and damaged replies are not among them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTrips {
    /// How many.
    pub count: u64,
    /// All of them added up.
    pub sum_ns: u128,
    /// Their squares added up.
    pub sum_squares: u128,
    /// The shortest.
    pub min_ns: u64,
    /// Their mean.
    pub avg_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How far they lie from the mean: the root of the mean of the squares less the square of the mean.
    pub mdev_ns: u64,
    /// Half of them are not longer: the one in the middle, or the mean of the two there.
    pub median_ns: u64,
    /// The two in the middle, which are the same when there is one.
    pub middle_ns: [u64; 2],
    /// 95 of 100 are not longer (nearest rank).
    pub p95_ns: u64,
    /// Interarrival jitter, RFC 3550 section 6.4.1.
    pub jitter_ns: u64,
    /// The latest two, from which the last step of the jitter came, and the jitter before it.
    pub last_step: Option<JitterStep>,
    /// Whether median and p95 are exact; of very many, they are known to within a hundredth.
    pub exact: bool,
    /// The exponentially weighted mean of iputils (an eighth of each new one).
    pub ewma_ns: u64,
}

/// One step of the jitter of RFC 3550: `J += (|D| - J) / 16`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JitterStep {
    /// The round trip before.
    pub before_ns: u64,
    /// The latest.
    pub latest_ns: u64,
    /// The jitter before the step.
    pub jitter_ns: f64,
}

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EchoStatistics {
    /// Requests that were sent.
    pub transmitted: u64,
    /// Requests that the kernel refused to send.
    pub unsent: u64,
    /// Requests that a good reply came to.
    pub received: u64,
    /// Replies more than one to a request.
    pub duplicates: u64,
    /// Errors that came, and requests that were not sent.
    pub errors: u64,
    /// Replies to requests that were settled before, or that nobody made.
    pub strays: u64,
    /// Requests in each state, in the order of [`EchoState::ALL`]; those not settled are in none.
    pub states: [u64; EchoState::ALL.len()],
    /// From the first request to the last that was sent or came.
    pub elapsed_ns: u64,
    /// Most requests that were under way at once.
    pub pipe: u64,
    /// How much later than the kernel the program had a good reply, on average; `None` without the
    /// kernel's stamps.
    pub read_lag_ns: Option<u64>,
    /// Round trips by the kernel's clock alone, of those replies where it is known.
    pub kernel: Option<RoundTrips>,
    /// Of the good replies; `None` while there is none.
    pub round_trips: Option<RoundTrips>,
}

impl EchoStatistics {
    /// Requests that ended in that state.
    pub fn in_state(&self, state: EchoState) -> u64 {
        let index = EchoState::ALL.iter().position(|&it| it == state);
        index
            .and_then(|index| self.states.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// Share of the requests that were sent without a good reply, from 0 to 1; `None` when none was sent.
    pub fn loss(&self) -> Option<f64> {
        let lost = self.transmitted.saturating_sub(self.received);
        (self.transmitted > 0).then(|| lost as f64 / self.transmitted as f64)
    }
}
