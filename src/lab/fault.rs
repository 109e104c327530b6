//! A fault: a packet by its name, and what happens to it.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use super::corrupt::Damage;
use super::counting::{Counter, Sighting};
use super::matching::{Kind, Selector, What};
use super::side::Side;

/// How long [`Action::Hold`] waits for others unless it is told: RFC 6298's first RTO (section 2.1),
/// by when a sender that lost the packet has sent something else.
pub const HOLD: Duration = Duration::from_secs(1);

/// Most packets whose retransmissions a fault remembers; then the oldest is forgotten.
const MAX_MARKS: usize = 1024;

/// Something that happens to packets by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// To which.
    pub packet: Selector,
    /// What.
    pub action: Action,
}

/// `client data 3: drop`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.packet, self.action)
    }
}

/// What happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is lost.
    Drop,
    /// It takes longer, by this; others overtake it.
    Delay(Duration),
    /// So many copies follow it, at most [`MAX_COPIES`].
    Duplicate(u8),
    /// It waits until so many later ones of the same direction (and connection, if it has one) have
    /// gone ahead, and arrives after them. What is lost on the way does not count. Whatever comes, it
    /// goes when `timeout` has passed.
    Hold {
        /// How many go ahead.
        packets: u32,
        /// How long it waits at most.
        timeout: Duration,
    },
    /// Something in it is changed.
    Corrupt {
        /// What.
        damage: Damage,
        /// Whether all checksums are made right again, so that the receiver does not notice.
        mend: bool,
    },
    /// It is cut to so many bytes of its frame, 14 at least: the Ethernet header. No length field is
    /// changed.
    Truncate(usize),
    /// It is lost, and so is all that its sender gives to the wire after it for so long: as if the
    /// cable were pulled.
    Block(Duration),
}

/// Most copies of a packet that [`Action::Duplicate`] makes.
pub const MAX_COPIES: u8 = 100;

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("drop"),
            Self::Delay(by) => write!(f, "delay {by:?}"),
            Self::Duplicate(1) => f.write_str("duplicate"),
            Self::Duplicate(copies) => write!(f, "duplicate {copies} times"),
            Self::Hold { packets, timeout } => {
                write!(f, "hold until {packets} have passed, {timeout:?} at most")
            }
            Self::Corrupt { damage, mend } => {
                let sums = if *mend { ", checksums mended" } else { "" };
                write!(f, "corrupt {damage}{sums}")
            }
            Self::Truncate(len) => write!(f, "truncate to {len} bytes"),
            Self::Block(time) => write!(f, "block its direction for {time:?}"),
        }
    }
}

/// A packet that a fault has met and whose retransmissions it is to meet too.
#[derive(Clone, Copy, Debug)]
struct Mark {
    connection: Option<u64>,
    from: Side,
    /// Where its first new byte, its SYN or its FIN is.
    position: u64,
    /// How many transmissions are left; `None`: no end to them.
    left: Option<u32>,
}

/// A fault at work.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) fault: Fault,
    marks: Vec<Mark>,
}

impl Armed {
    pub(super) const fn new(fault: Fault) -> Self {
        Self {
            fault,
            marks: Vec::new(),
        }
    }

    /// Whether the fault meets this packet, which `counter` has just counted.
    pub(super) fn meets(&mut self, seen: &Sighting, counter: &Counter) -> bool {
        let (connection, from, what, times) = match self.fault.packet {
            Selector::Packet(number) => return number == seen.packet,
            Selector::Named {
                connection,
                from,
                what,
                times,
            } => (connection, from, what, times),
        };
        let elsewhere = |wanted: Option<u64>| wanted.is_some() && wanted != seen.connection;
        if from.is_some_and(|side| side != seen.from) || elsewhere(connection) {
            return false;
        }
        let (is, is_new, position) = match what {
            What::Bytes { from, to } => {
                let overlaps = |(start, end): (u64, u64)| start < to && from < end;
                let is = seen.data.is_some_and(overlaps);
                // A SYN is byte 0 and has no payload to overlap with.
                let syn = from == 0 && (seen.is.has(Kind::Syn) || seen.is.has(Kind::SynAck));
                let syn_new = seen.new.has(Kind::Syn) || seen.new.has(Kind::SynAck);
                let position = seen.fresh.map_or(0, |(start, _)| start.max(from));
                let fresh = seen.fresh.is_some_and(overlaps);
                let position = if syn { 0 } else { position };
                (is || syn, fresh || syn && syn_new, Some(position))
            }
            What::Kind { kind, first, last } => {
                let is = seen.is.has(kind);
                let number = counter.count(connection, from, kind);
                let meant = first <= number && last.is_none_or(|last| number <= last);
                let all = first == 1 && last.is_none() && times.is_none();
                if is && all {
                    return true;
                }
                (is, seen.new.has(kind) && meant, position(kind, seen))
            }
        };
        if is && is_new {
            self.mark(seen, position, times);
            return true;
        }
        is && match what {
            // Every segment with these bytes is one of theirs, whoever counted its first.
            What::Bytes { .. } if times.is_none() => true,
            _ => self.again(what, seen),
        }
    }

    /// Remembers a packet for its retransmissions.
    fn mark(&mut self, seen: &Sighting, position: Option<u64>, times: Option<NonZeroU32>) {
        let left = times.map(|times| times.get() - 1);
        let (Some(position), false) = (position, left == Some(0)) else {
            return;
        };
        if self.marks.len() >= MAX_MARKS {
            self.marks.remove(0);
        }
        self.marks.push(Mark {
            connection: seen.connection,
            from: seen.from,
            position,
            left,
        });
    }

    /// Whether this is a retransmission of a packet that is remembered, and has one to go.
    fn again(&mut self, what: What, seen: &Sighting) -> bool {
        let carries = |position: u64| match what {
            What::Kind {
                kind: Kind::Syn | Kind::SynAck,
                ..
            } => true,
            What::Kind {
                kind: Kind::Fin, ..
            } => seen.fin == Some(position),
            What::Kind {
                kind: Kind::Data | Kind::Segment | Kind::Any,
                ..
            }
            | What::Bytes { .. } => carries(seen, position),
            // These are never sent again: each one is new.
            What::Kind { .. } => false,
        };
        let mark = self.marks.iter().position(|mark| {
            mark.connection == seen.connection && mark.from == seen.from && carries(mark.position)
        });
        let Some(index) = mark else {
            return false;
        };
        if let Some(Mark {
            left: Some(left), ..
        }) = self.marks.get_mut(index)
        {
            *left -= 1;
            if *left == 0 {
                self.marks.remove(index);
            }
        }
        true
    }
}

/// Where what makes the packet one of `kind` is; `None` when it takes no sequence numbers.
fn position(kind: Kind, seen: &Sighting) -> Option<u64> {
    let syn = seen.is.has(Kind::Syn) || seen.is.has(Kind::SynAck);
    match kind {
        Kind::Fin => seen.fin,
        Kind::Data => seen.fresh.map(|(start, _)| start),
        _ if syn => Some(0),
        _ => seen.fresh.map(|(start, _)| start).or(seen.fin),
    }
}

/// Whether a segment carries the byte, SYN or FIN at `position`.
fn carries(seen: &Sighting, position: u64) -> bool {
    let syn = seen.is.has(Kind::Syn) || seen.is.has(Kind::SynAck);
    let data = seen
        .data
        .is_some_and(|(start, end)| (start..end).contains(&position));
    data || seen.fin == Some(position) || (syn && position == 0)
}
