//! What became of a packet: the truth that a capture can only guess at.

use std::fmt;
use std::time::Duration;

use super::Side;
use crate::frame::Timestamp;

/// What became of one copy of a packet.
///
/// A packet that is delivered or lost once has one fate. Each further copy has one of its own, and so
/// has each fragment a router makes of it, under the same packet number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Which packet, in the order in which hosts gave them to the wire, from 1. For a router's
    /// answer: the packet it answers.
    pub packet: u64,
    /// When the host gave it to the wire.
    pub time: Timestamp,
    /// Where it came from.
    pub from: Origin,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where it was not simply carried across.
    pub cause: Option<Cause>,
    /// When it was handed to the far end; `None` when it was lost.
    pub delivered_at: Option<Timestamp>,
    /// How much later that was than the wire had it in mind: the doing of whoever drives it.
    pub late: Duration,
    /// The number of the delivery, as in [`super::Transmit::delivery`]; `None` when it was lost.
    pub delivery: Option<u64>,
}

impl Fate {
    /// The fault that decided it, as index in [`super::Config::faults`].
    pub const fn fault(&self) -> Option<usize> {
        match self.cause {
            Some(Cause::Fault(index)) => Some(index),
            _ => None,
        }
    }
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A host.
    Host(Side),
    /// A router on the way, as index in [`super::Config::routers`].
    Router(usize),
}

/// `client`, `server` or, as people count them, `router 1`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(side) => side.fmt(f),
            Self::Router(index) => write!(f, "router {}", index + 1),
        }
    }
}

/// What became of a packet, in a word. Of several that fit, the one furthest down counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It arrived as the wire carries packets.
    Delivered,
    /// A fault made it late.
    Delayed,
    /// It arrived after one that was sent later.
    Reordered,
    /// It is a copy that nobody sent.
    Duplicated,
    /// It arrived changed.
    Corrupted,
    /// It did not arrive.
    Dropped,
}

impl Outcome {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Delayed => "delayed",
            Self::Reordered => "reordered",
            Self::Duplicated => "duplicated",
            Self::Corrupted => "corrupted",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a packet met its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A fault named it; the index in [`super::Config::faults`].
    Fault(usize),
    /// Chance: [`super::Link::loss`], [`super::Link::duplicate`] or [`super::Link::corrupt`].
    Chance,
    /// The queue before the link was full.
    QueueFull,
    /// Its time to live ran out at a router (index in [`super::Config::routers`]).
    TimeExceeded(usize),
    /// It is longer than this router's MTU and may not be fragmented; or it was, into pieces.
    TooBig(usize),
    /// No router forwards what its IP header says, such as a wrong checksum (RFC 1812 section
    /// 5.2.2).
    Malformed(usize),
    /// The wire holds as much as it can ([`super::MAX_BYTES`]).
    WireFull,
}

/// `fault 1`, `chance`, `queue full` …, counting as people do.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(index) => write!(f, "fault {}", index + 1),
            Self::Chance => f.write_str("chance"),
            Self::QueueFull => f.write_str("queue full"),
            Self::TimeExceeded(index) => write!(f, "time exceeded at router {}", index + 1),
            Self::TooBig(index) => write!(f, "too big for router {}", index + 1),
            Self::Malformed(index) => write!(f, "malformed, says router {}", index + 1),
            Self::WireFull => f.write_str("wire full"),
        }
    }
}
