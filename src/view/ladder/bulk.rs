//! Bulk data told in one line by the stepping screen: which rows are of that kind, and what so many of them are.

use super::fold;
use super::remark::Kinds;
use crate::event::{Event, Side, units};
use crate::frame::Timestamp;

/// Whether a row is a full segment or a bare ACK that changes nothing and is not remarked upon.
pub fn is_bulk(event: &Event<'_>) -> bool {
    match event {
        Event::Segment(segment) => {
            fold::is_bulk(segment) && fold::is_unremarkable(segment, Kinds::ALL)
        }
        _ => false,
    }
}

/// Rows that follow one another, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bulk {
    /// Its first and its last frame.
    pub frames: (u64, u64),
    /// When these were captured.
    pub times: (Timestamp, Timestamp),
    /// How many segments.
    pub segments: u64,
    /// Payload bytes of the initiator and of the responder, those sent again counted again.
    pub bytes: [u64; 2],
    /// The connection they are of.
    flow: Option<u32>,
    /// Whether they are of several.
    several: bool,
}

impl Bulk {
    /// Counts one more.
    pub fn add(&mut self, event: &Event<'_>) {
        let Event::Segment(s) = event else {
            return;
        };
        if self.segments == 0 {
            (self.frames.0, self.times.0) = (s.frame, s.time);
        }
        (self.frames.1, self.times.1) = (s.frame, s.time);
        self.segments += 1;
        self.bytes[s.dir.0.index()] += u64::from(s.len);
        self.several |= *self.flow.get_or_insert(s.flow) != s.flow;
    }

    /// `212 segments, 301,184 bytes →, 50.1ms`.
    pub(super) fn text(&self, arrows: [&str; 2]) -> String {
        let mut parts = vec![units::plural(self.segments, "segment")];
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
        parts.push(units::nanos(self.times.1.nanos_since(self.times.0)));
        parts.join(", ")
    }
}
