//! A packet on the wire: what is known of it from when it enters to when it comes out.

use std::cmp::Ordering;
use std::time::Duration;

use super::fate::{Cause, Fate, Origin, Outcome};
use super::side::Side;
use crate::frame::Timestamp;

/// What is known of a packet while it is on the wire.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) packet: u64,
    pub(super) connection: Option<u64>,
    pub(super) time: Timestamp,
    pub(super) from: Side,
    pub(super) ip: Option<usize>,
    pub(super) frame: Vec<u8>,
    pub(super) outcome: Outcome,
    pub(super) cause: Option<Cause>,
    /// What faults add to its delay.
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// Copies to be made of it, and why.
    pub(super) copies: u8,
    pub(super) copied_by: Option<Cause>,
}

impl Parcel {
    /// Something befalls it. What counts is the worst, and of two that are as bad the first.
    pub(super) fn worsen(&mut self, outcome: Outcome, cause: Cause) {
        if outcome > self.outcome {
            (self.outcome, self.cause) = (outcome, Some(cause));
        }
    }

    pub(super) const fn fate(&self, outcome: Outcome, cause: Option<Cause>) -> Fate {
        Fate {
            packet: self.packet,
            time: self.time,
            from: Origin::Host(self.from),
            outcome,
            cause,
            delivered_at: None,
            late: Duration::ZERO,
            delivery: None,
        }
    }
}

/// A frame on its way.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) due: Timestamp,
    /// Keeps frames that are due at the same time in order.
    pub(super) order: u64,
    pub(super) to: Side,
    pub(super) fate: Fate,
    pub(super) bytes: Vec<u8>,
}

/// By when they are due.
impl Ord for Flying {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Flying {}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

/// The moment `by` after `time`; the end of all time when there is none.
pub(super) fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}
