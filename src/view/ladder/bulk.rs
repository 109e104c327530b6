//! Bulk data told in one line by the stepping screen: which rows are of that kind, and what so many of them are.

use super::both::{self, parts};
use super::fold;
use super::remark::{self, Kinds};
use crate::event::{Event, Fate, Part, Passage, Side, units};
use crate::frame::Timestamp;

/// Whether a row is a full segment or a bare ACK that changes nothing and is not remarked upon; of two captures also
/// one that crosses like others, or half of its way, and a call that only gives or takes data.
pub fn is_bulk(event: &Event<'_>) -> bool {
    match event {
        Event::Segment(segment) => {
            fold::is_bulk(segment) && fold::is_unremarkable(segment, Kinds::ALL)
        }
        Event::Passage(passage) => crosses_like_others(passage),
        Event::Call(call) => call.routine && !both::is_told(call),
        _ => false,
    }
}

/// Whether nothing but bulk data is to be seen of this part of a packet's way, at either end of it.
fn crosses_like_others(p: &Passage<'_>) -> bool {
    let on_its_way = p.part == Part::Departs && p.fate == Fate::Flying;
    let plain = (p.fate == Fate::Delivered || on_its_way)
        && p.overtaken_by == 0
        && p.cause.is_none()
        // Routers and address translation do the same to every packet.
        && p.changes.iter().all(|change| change.usual);
    plain
        && parts::segment(p).is_some_and(fold::is_bulk)
        && parts::stops(p).all(|(_, stop)| {
            let quiet = stop.state.is_none_or(|(before, after)| before == after)
                && stop
                    .notes
                    .iter()
                    .all(|note| remark::is_quiet(note, Kinds::ALL));
            // An arrival may say only when it left.
            quiet && stop.segment.is_none_or(fold::is_plain)
        })
}

/// Rows that follow one another, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bulk {
    /// Its first and its last frame.
    pub frames: (u64, u64),
    /// When these were captured.
    pub times: (Timestamp, Timestamp),
    /// How many segments, and, of two captures, how many calls.
    pub segments: u64,
    /// See there.
    pub calls: u64,
    /// Payload bytes of the initiator and of the responder, of two captures those of the client and of the server;
    /// those sent again are counted again.
    pub bytes: [u64; 2],
    /// The connection they are of.
    flow: Option<u32>,
    /// Whether they are of several.
    several: bool,
    /// Whether there is anything in it.
    begun: bool,
}

impl Bulk {
    /// Counts one more.
    pub fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::Segment(s) => {
                self.at(s.frame, s.time);
                self.count(s.flow, s.dir.0.index(), s.len);
            }
            Event::Passage(p) => {
                let (Some(s), Some(time)) = (parts::segment(p), p.time()) else {
                    return;
                };
                self.at(s.frame, time);
                // What arrives was counted where it left.
                if p.part != Part::Arrives || p.sent.is_none() {
                    self.count(p.flow.unwrap_or(s.flow), parts::side(p), s.len);
                }
            }
            Event::Call(call) => {
                self.at(0, call.time);
                self.calls += 1;
            }
            _ => {}
        }
    }

    fn at(&mut self, frame: u64, time: Timestamp) {
        if !self.begun {
            (self.frames.0, self.times.0, self.begun) = (frame, time, true);
        }
        (self.frames.1, self.times.1) = (frame, time);
    }

    fn count(&mut self, flow: u32, side: usize, len: u32) {
        self.segments += 1;
        self.bytes[side] += u64::from(len);
        self.several |= *self.flow.get_or_insert(flow) != flow;
    }

    /// `212 segments, 301,184 bytes →, 50.1ms`.
    pub(super) fn text(&self, arrows: [&str; 2]) -> String {
        let mut parts = Vec::new();
        if self.segments > 0 {
            parts.push(units::plural(self.segments, "segment"));
        }
        if self.several {
            parts.push("several connections".to_owned());
            parts.push(units::bytes(self.bytes.iter().sum()));
        } else {
            for side in [Side::Initiator, Side::Responder].map(Side::index) {
                if self.bytes[side] > 0 {
                    let bytes = units::bytes(self.bytes[side]);
                    parts.push(format!("{bytes} {}", arrows[side]));
                }
            }
        }
        if self.calls > 0 {
            parts.push(units::plural(self.calls, "call"));
        }
        parts.push(units::nanos(self.times.1.nanos_since(self.times.0)));
        parts.join(", ")
    }
}
