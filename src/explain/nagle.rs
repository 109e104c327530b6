//! Nagle's algorithm against delayed ACKs: a sender keeps a short segment back until what it sent before is
//! acknowledged (RFC 9293 section 3.7.4), and the receiver keeps that ACK back in the hope of data to send it
//! with (section 3.8.6.3). Neither is wrong, and together they cost a pause.

use super::episode::Evidence;
use super::telling::{Names, finding};
use crate::event::units::{nanos, plural};
use crate::event::{Finding, Segment, Severity, Side, Topic};
use crate::frame::Timestamp;

/// An ACK that takes this long, with nothing else to wait for, was delayed: Linux delays them by 40 ms at
/// least, and RFC 9293 section 3.8.6.3 allows 500.
const DELAYED_NS: u64 = 25_000_000;
/// What an ACK sets free follows it within this time, beside the way.
const AT_ONCE_NS: u64 = 1_500_000;
/// Every host takes segments as long (RFC 9293 section 3.7.1): shorter ones may be kept back.
const SHORT: u32 = 536;

/// Both directions of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Nagle([Half; 2]);

/// One direction.
#[derive(Clone, Debug, Default)]
struct Half {
    /// Its latest data: when, in which frame, and the number after it.
    last: Option<(Timestamp, u64, u32)>,
    /// The bare ACK of all of that, if it was delayed: when, in which frame, and by how much.
    late: Option<(Timestamp, u64, u64)>,
    /// The longest delay.
    longest: u64,
    /// What was kept back: the segments before it, the ACKs, and themselves.
    held: Evidence,
    count: u32,
}

impl Nagle {
    /// Takes the next segment.
    pub(super) fn observe(&mut self, s: &Segment<'_>) {
        let (side, other) = (s.dir.0, s.dir.0.other());
        let leg = |side: Side| s.legs_ns[side.index()];
        let plain = s.notes.is_empty() && !s.flags.syn() && !s.flags.rst() && !s.flags.fin();
        let half = &mut self.0[side.index()];
        if s.len > 0 {
            let late = half.late.take().filter(|_| plain && s.len < SHORT);
            if let (Some((at, ack, waited)), Some((_, before, _))) = (late, half.last)
                && s.time.nanos_since(at) <= AT_ONCE_NS + leg(side) + leg(side) / 8
            {
                half.count = half.count.saturating_add(1);
                half.longest = half.longest.max(waited);
                for frame in [before, ack, s.frame] {
                    half.held.see(frame);
                }
            }
            half.last = plain.then_some((s.time, s.frame, s.seq_end()));
        }
        let Some(ack) = s.ack.filter(|_| s.len == 0 && plain) else {
            return;
        };
        let data = &mut self.0[other.index()];
        data.late = data.last.and_then(|(at, _, end)| {
            let waited = s.time.nanos_since(at).saturating_sub(leg(side));
            (ack == end && waited >= DELAYED_NS).then_some((s.time, s.frame, waited))
        });
    }

    /// What was kept back.
    pub(super) fn tell(&self, names: &Names) -> Vec<Finding> {
        let sides = [Side::Initiator, Side::Responder];
        let halves = sides.into_iter().zip(&self.0);
        let held = halves.filter(|(_, half)| half.count > 0);
        held.map(|(side, half)| half.tell(names, side)).collect()
    }
}

impl Half {
    fn tell(&self, names: &Names, side: Side) -> Finding {
        let (host, other) = (names.of_side(side), names.of_side(side.other()));
        let each = if self.count == 1 { "" } else { "up to " };
        Finding {
            side: Some(side),
            evidence: self.held.frames.clone(),
            advice: format!(
                "write each message in one call, or set TCP_NODELAY on {host}; the receiver's delay is meant to \
                 save ACKs"
            ),
            ..finding(
                Topic::Nagle,
                Severity::Notice,
                format!(
                    "{host} seems to have kept back {} until what it sent before was acknowledged, and {other} delayed \
                     that ACK by {each}{}: Nagle's algorithm and delayed ACKs wait for each other",
                    plural(self.count.into(), "short segment"),
                    nanos(self.longest),
                ),
            )
        }
    }
}
