//! What a sender hears, and when: an ACK counts when it comes to the sender, which is later than it is captured
//! where the capture was made elsewhere.

use std::collections::VecDeque;

use crate::event::{Kind, Segment};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// ACKs kept that the sender is yet to get; those of a sixteenth of the way are taken together.
pub(super) const MOST: usize = 16;
/// A way to the sender that makes no difference, there and back.
pub(super) const NEAR_NS: u64 = 1_000_000;

/// What a segment says to the sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) ack: Seq,
    pub(super) edge: Option<Seq>,
    pub(super) closed: bool,
}

impl Heard {
    /// What that segment says; `None` when it acknowledges nothing.
    pub(super) fn of(s: &Segment<'_>) -> Option<Self> {
        let ack = s.ack.map(Seq).filter(|_| !s.flags.rst())?;
        Some(Self {
            ack,
            edge: s.window_bytes.map(|window| ack.plus(window)),
            closed: s.window == 0 && !s.flags.syn() && !s.flags.fin(),
        })
    }
}

/// What the other side said and has not reached the sender yet, by when it will.
#[derive(Clone, Debug, Default)]
pub(super) struct UnderWay(VecDeque<(Timestamp, Heard)>);

impl UnderWay {
    /// Takes what was said now, `leg_ns` from the sender and back. Gives what the sender hears at once: that, where
    /// it is near, or what came first, where no more can be kept.
    pub(super) fn put(&mut self, heard: Heard, now: Timestamp, leg_ns: u64) -> Option<Heard> {
        if leg_ns < NEAR_NS && self.0.is_empty() {
            return Some(heard);
        }
        let due = Timestamp::from_nanos(now.as_nanos().saturating_add(leg_ns));
        let near = |last: &(Timestamp, Heard)| due.nanos_since(last.0) < leg_ns / MOST as u64;
        let mut first = None;
        if self.0.len() >= MOST && self.0.back().is_some_and(near) {
            self.0.pop_back();
        } else if self.0.len() > MOST {
            first = self.0.pop_front();
        }
        self.0.push_back((due, heard));
        first.map(|(_, heard)| heard)
    }

    /// What comes to the sender next, if it has by now, and when it did.
    pub(super) fn arrived(&mut self, now: Timestamp) -> Option<(Timestamp, Heard)> {
        self.0.front().filter(|(due, _)| *due <= now)?;
        self.0.pop_front()
    }
}

/// Payload of a full segment of who sent this one, `known` being that so far: what is no multiple of it was cut
/// where the data ended. Cards cut long segments later: then the offered MSS tells what a full one is, or else
/// that it is a multiple.
pub(super) fn full(known: u32, s: &Segment<'_>) -> u32 {
    let offload = s
        .notes
        .iter()
        .find(|note| note.kind == Kind::OffloadSegment);
    let mss = offload.map_or(0, |note| note.number_of("mss"));
    let options = s.option_bytes.len();
    let told = u32::try_from(mss)
        .unwrap_or(0)
        .saturating_sub(options as u32);
    if known == 0 && told > 0 {
        told
    } else if s.len > known && told == 0 && (known == 0 || !s.len.is_multiple_of(known)) {
        s.len
    } else {
        known
    }
}
