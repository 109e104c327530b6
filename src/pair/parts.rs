//! Data that one capture shows in other pieces than the other: network cards cut large segments after the
//! sender's capture has seen them, and merge small ones before the receiver's does.

use super::digest::Range;
use crate::event::Host;
use crate::frame::Timestamp;

/// An arrival that is part of a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its place in the story.
    pub(super) place: u64,
    pub(super) frame: u64,
    pub(super) host: Host,
    pub(super) time: Timestamp,
    /// How many departures it is of.
    pub(super) of: u32,
}

/// What has arrived of a departure.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Offsets from its first byte, in order, not touching each other.
    covered: Vec<(u32, u32)>,
    pub(super) pieces: Vec<Piece>,
}

/// Which bytes of `own` are in `other`, as offsets from its first.
fn shared(own: Range, other: Range) -> Option<(u32, u32)> {
    let ahead = other.seq.wrapping_sub(own.seq);
    let behind = own.seq.wrapping_sub(other.seq);
    let (from, to) = if ahead < own.len {
        (ahead, ahead.saturating_add(other.len))
    } else if behind < other.len {
        (0, other.len - behind)
    } else {
        return None;
    };
    Some((from, to.min(own.len)))
}

impl Parts {
    /// Whether `other` has bytes of `own` that have not arrived yet.
    pub(super) fn lacks(&self, own: Range, other: Range) -> bool {
        shared(own, other).is_some_and(|(from, to)| {
            let within = |&(start, end): &(u32, u32)| start <= from && to <= end;
            !self.covered.iter().any(within)
        })
    }

    /// Takes what `other` has of `own`.
    pub(super) fn take(&mut self, own: Range, other: Range, piece: Option<Piece>) {
        self.pieces.extend(piece);
        let Some((mut from, mut to)) = shared(own, other) else {
            return;
        };
        self.covered.retain(|&(start, end)| {
            let touches = start <= to && from <= end;
            if touches {
                from = from.min(start);
                to = to.max(end);
            }
            !touches
        });
        let at = self.covered.partition_point(|&(start, _)| start < from);
        self.covered.insert(at, (from, to));
    }

    /// Whether nothing of `own` is left to come.
    pub(super) fn is_all(&self, own: Range) -> bool {
        self.covered == [(0, own.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(seq: u32, len: u32) -> Range {
        Range {
            stream: 1,
            seq,
            len,
            stamp: None,
        }
    }

    #[test]
    fn pieces_come_in_any_order_and_overlap_and_numbers_wrap() {
        let own = range(u32::MAX - 99, 300);
        let mut parts = Parts::default();
        for (seq, len) in [(100, 100), (u32::MAX - 199, 150), (0, 100)] {
            assert!(parts.lacks(own, range(seq, len)) && !parts.is_all(own));
            parts.take(own, range(seq, len), None);
            assert!(!parts.lacks(own, range(seq, len)));
        }
        assert_eq!(parts.covered, [(0, 50), (100, 300)]);
        assert!(!parts.lacks(own, range(200, 50)));
        parts.take(own, range(u32::MAX - 49, 60), None);
        assert!(parts.is_all(own));
    }
}
