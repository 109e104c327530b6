//! The view of a capture in so few pieces that they fit on a line, made as it is read.

use std::sync::Arc;

use crate::event::{Kind, Note, Segment};
use crate::frame::Timestamp;
use crate::tui::Bucket;

/// Most pieces.
const MOST: usize = 2048;

/// The pieces so far. All but the last have the same number of rows.
#[derive(Clone, Debug)]
pub(super) struct Overview {
    buckets: Vec<Bucket>,
    /// Rows in a piece.
    each: u64,
}

impl Default for Overview {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            each: 1,
        }
    }
}

impl Overview {
    /// Takes in the next row: when it was, the segment that it counts as, if it does, and what is noted of it.
    pub(super) fn add(
        &mut self,
        row: u64,
        time: Timestamp,
        segment: Option<&Segment<'_>>,
        notes: &[Note],
    ) {
        let full = self
            .buckets
            .last()
            .is_none_or(|last| last.rows >= self.each);
        if full {
            if self.buckets.len() >= MOST {
                self.halve();
            }
            self.buckets.push(Bucket {
                first_row: row,
                times: (time, time),
                ..Bucket::default()
            });
        }
        let Some(bucket) = self.buckets.last_mut() else {
            return;
        };
        bucket.rows += 1;
        bucket.times = span(bucket.times, (time, time));
        let trouble = notes.iter().any(|note| note.kind.is_trouble());
        bucket.problems += u32::from(trouble);
        let Some(segment) = segment else {
            return;
        };
        if let Some(bytes) = bucket.bytes.get_mut(segment.dir.0.index()) {
            *bytes += u64::from(segment.len);
        }
        let has = |kind| notes.iter().any(|note| note.kind == kind);
        bucket.resent += u32::from(has(Kind::Retransmission));
        bucket.zero_windows += u32::from(has(Kind::ZeroWindow));
    }

    /// Makes one of every two pieces.
    fn halve(&mut self) {
        self.each *= 2;
        self.buckets = self
            .buckets
            .chunks(2)
            .map(|pair| pair.iter().copied().reduce(join).unwrap_or_default())
            .collect();
    }

    /// What is known so far.
    pub(super) fn told(&self) -> Arc<[Bucket]> {
        self.buckets.as_slice().into()
    }
}

/// Two pieces that follow one another as one.
fn join(one: Bucket, other: Bucket) -> Bucket {
    Bucket {
        first_row: one.first_row,
        rows: one.rows + other.rows,
        times: span(one.times, other.times),
        bytes: [one.bytes[0] + other.bytes[0], one.bytes[1] + other.bytes[1]],
        resent: one.resent + other.resent,
        zero_windows: one.zero_windows + other.zero_windows,
        problems: one.problems + other.problems,
    }
}

/// From the first time to the last; captures of several interfaces are not always in order.
fn span(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
    (one.0.min(other.0), one.1.max(other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_merged_when_there_are_too_many() {
        for rows in [0, 1, 2047, 2048, 2049, 100_000_u64] {
            let mut overview = Overview::default();
            for row in 0..rows {
                overview.add(row, Timestamp::from_nanos(row), None, &[]);
            }
            let told = overview.told();
            assert!(told.len() <= MOST && told.len() as u64 >= rows.min(MOST as u64 / 2));
            let mut next = 0;
            for bucket in &*told {
                assert_eq!(bucket.first_row, next);
                assert_eq!(bucket.times.0, Timestamp::from_nanos(next));
                next += bucket.rows;
                assert_eq!(bucket.times.1, Timestamp::from_nanos(next - 1));
            }
            assert_eq!(next, rows);
        }
    }
}
