//! Where a capture was made, as round trips show: near the side whose answers come sooner.

use super::telling::{Names, finding};
use crate::event::units::nanos;
use crate::event::{Finding, Flow, Kind, Severity, Side, Topic};

/// A way, there and back, that is across a network: where both ends are a moment away, neither is further.
const FAR_NS: u64 = 1_000_000;

/// The side that a capture was made nearer to, and how far both are, there and back, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vantage {
    near: Side,
    short: u64,
    long: u64,
}

impl Vantage {
    /// Of a connection; `None` where one way has no round trips, or neither end is further than the other.
    pub(super) fn of(flow: &Flow) -> Option<Self> {
        let [i, r] = &flow.stats;
        if i.rtt.count == 0 || r.rtt.count == 0 {
            return None;
        }
        // What the responder sent is answered by the initiator, and the other way.
        let (near, short, long) = if r.rtt.min <= i.rtt.min {
            (Side::Initiator, r.rtt.min, i.rtt.min)
        } else {
            (Side::Responder, i.rtt.min, r.rtt.min)
        };
        (long >= FAR_NS).then_some(Self { near, short, long })
    }

    /// The side at which the capture was made, if it was not made between the two.
    pub(super) fn end(self) -> Option<Side> {
        self.is_at_the_end().then_some(self.near)
    }

    const fn is_at_the_end(self) -> bool {
        self.short < self.long / 8
    }
}

/// Where the capture was made: near the side whose answers come sooner; and what can't be judged from there.
pub(super) fn tell(flow: &Flow, names: &Names) -> Option<Finding> {
    let vantage = Vantage::of(flow)?;
    let Vantage { near, short, long } = vantage;
    let (a, b) = (names.of_side(near), names.of_side(near.other()));
    let (what, cannot) = if vantage.is_at_the_end() {
        (
            format!("the capture was made at {a} or near it"),
            format!(
                "what {a} sent and was lost shows only when it is sent again; what {b} sent and was lost on the \
                 way here was never seen, so a late segment of {b} may be a retransmission"
            ),
        )
    } else {
        (
            "the capture was made between the two".to_owned(),
            "losses before this point show as gaps, losses behind it only as what is sent again"
                .to_owned(),
        )
    };
    // What can't be judged matters where there was something to judge.
    let judged = [
        Kind::Retransmission,
        Kind::OutOfOrder,
        Kind::Hole,
        Kind::Dsack,
    ];
    let moot = flow
        .notes
        .iter()
        .all(|notes| judged.iter().all(|&kind| notes.of(kind) == 0));
    Some(Finding {
        side: Some(near),
        advice: if moot { String::new() } else { cannot },
        ..finding(
            Topic::Vantage,
            Severity::Info,
            format!(
                "{what}: {a} answered after {} at least, {b} after {}",
                nanos(short),
                nanos(long)
            ),
        )
    })
}
