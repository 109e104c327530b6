//! What there is between two rows: a sum that grows and shrinks row by row.

use crate::event::Kept;
use crate::frame::Timestamp;

/// Rows taken together, from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How many, segments or not.
    pub rows: u64,
    /// Segments that initiators and responders sent.
    pub segments: [u64; 2],
    /// Payload bytes they sent, those sent again included.
    pub bytes: [u64; 2],
    /// As many of them as had been seen before.
    pub again: [u64; 2],
    /// Time of the first row and of the last one.
    pub times: (Timestamp, Timestamp),
}

impl Measured {
    /// Those rows, which follow each other; `None` without any, or when one of them is not to be had.
    pub fn of<'a>(rows: impl IntoIterator<Item = Option<&'a Kept>>) -> Option<Self> {
        let mut sum = None;
        for row in rows {
            let row = row?;
            sum.get_or_insert_with(|| Self::empty(row.time)).push(row);
        }
        sum
    }

    /// Nothing yet, at that time.
    pub fn empty(time: Timestamp) -> Self {
        Self {
            times: (time, time),
            ..Self::default()
        }
    }

    /// Adds a row after the last one.
    pub fn push(&mut self, row: &Kept) {
        self.times.1 = row.time;
        self.count(row, u64::wrapping_add);
    }

    /// Adds a row, wherever it stands; times stay.
    pub(super) fn add(&mut self, row: &Kept) {
        self.count(row, u64::wrapping_add);
    }

    /// Takes a row away that was added; times stay.
    pub(super) fn remove(&mut self, row: &Kept) {
        self.count(row, u64::wrapping_sub);
    }

    fn count(&mut self, row: &Kept, by: fn(u64, u64) -> u64) {
        self.rows = by(self.rows, 1);
        // Of two captures a packet has two rows where something happened while it was on its way.
        let told = row.joint.as_ref().is_some_and(|joint| joint.is_arrival());
        let Some(segment) = row.segment().filter(|_| !told) else {
            return;
        };
        let [segments, bytes, again] = match segment.dir.0.index() {
            0 => [
                &mut self.segments[0],
                &mut self.bytes[0],
                &mut self.again[0],
            ],
            _ => [
                &mut self.segments[1],
                &mut self.bytes[1],
                &mut self.again[1],
            ],
        };
        *segments = by(*segments, 1);
        *bytes = by(*bytes, segment.len.into());
        let old = segment.len.saturating_sub(segment.new_bytes);
        *again = by(*again, old.into());
    }

    /// From its first row to its last one, nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.times.1.nanos_since(self.times.0)
    }

    /// Payload bits in a second that initiators and responders sent; `None` where no time has passed.
    pub fn rates(&self) -> Option<[u64; 2]> {
        let ns = self.duration_ns();
        let rate = |bytes: u64| {
            let bits = u128::from(bytes) * 8 * 1_000_000_000;
            u64::try_from(bits / u128::from(ns)).unwrap_or(u64::MAX)
        };
        (ns > 0).then(|| self.bytes.map(rate))
    }
}
