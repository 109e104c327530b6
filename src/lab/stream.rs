//! One direction of one connection: what of it has entered the wire before.
//!
//! Positions count from the SYN, which is 0, and do not wrap: the 32 bits of a sequence number are
//! completed from where the stream is (RFC 9293 section 3.4).

use crate::wire::seq::Seq;

/// Most separate stretches remembered; with more, holes are taken to be filled, the oldest first.
const MAX_STRETCHES: usize = 64;

/// Positions, the first and the one after the last.
pub(super) type Stretch = (u64, u64);

/// What has been sent in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    /// The sequence number at position 0; `None` before the first segment.
    start: Option<Seq>,
    /// What has been sent, in order and never touching.
    sent: Vec<Stretch>,
}

impl Stream {
    /// Whether this SYN begins another connection on the same addresses and ports.
    pub(super) fn is_other(&self, syn: Seq) -> bool {
        self.start.is_some_and(|start| start != syn)
    }

    /// Where `seq` is; `None` before the SYN. The first segment sets the start, and so does a SYN with
    /// another number than was taken for it.
    pub(super) fn position(&mut self, seq: Seq, syn: bool) -> Option<u64> {
        if syn && self.start != Some(seq) {
            self.start = None;
            self.sent.clear();
        }
        let start = *self
            .start
            .get_or_insert(if syn { seq } else { seq.minus(1) });
        if !syn && self.sent.is_empty() {
            // In mid-stream, what is before the first byte seen has been sent.
            self.sent.push((0, 1));
        }
        let edge = self.edge();
        let distance = seq.from(start.plus(edge as u32));
        edge.checked_add_signed(i64::from(distance))
    }

    /// The position after the last sent.
    fn edge(&self) -> u64 {
        self.sent.last().map_or(0, |&(_, end)| end)
    }

    /// From the first position of `start..end` that has not been sent to the last; `None` when all of
    /// it has.
    pub(super) fn fresh(&self, (start, end): Stretch) -> Option<Stretch> {
        let (mut from, mut to) = (start, end);
        for &(sent_from, sent_to) in &self.sent {
            if sent_from <= from {
                from = from.max(sent_to);
            }
        }
        for &(sent_from, sent_to) in self.sent.iter().rev() {
            if sent_to >= to {
                to = to.min(sent_from);
            }
        }
        (from < to).then_some((from, to))
    }

    /// Notes that `start..end` has been sent.
    pub(super) fn add(&mut self, (start, end): Stretch) {
        if start >= end {
            return;
        }
        let first = self.sent.partition_point(|&(_, to)| to < start);
        let last = self.sent.partition_point(|&(from, _)| from <= end);
        let joined = self.sent.get(first..last).unwrap_or_default();
        let from = joined.first().map_or(start, |&(from, _)| from.min(start));
        let to = joined.last().map_or(end, |&(_, to)| to.max(end));
        if first + 1 == last {
            // The common case grows one stretch.
            if let Some(stretch) = self.sent.get_mut(first) {
                *stretch = (from, to);
            }
        } else {
            self.sent.splice(first..last, [(from, to)]);
        }
        if self.sent.len() > MAX_STRETCHES {
            let (_, end) = self.sent.remove(1);
            if let Some(oldest) = self.sent.first_mut() {
                oldest.1 = end;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_go_on_where_sequence_numbers_wrap() {
        let mut stream = Stream::default();
        let start = Seq(u32::MAX - 9);
        assert_eq!(stream.position(start, true), Some(0));
        stream.add((0, 1));
        let mut sent = 1;
        // Eight gigabytes, in steps of less than the half that tells before from after.
        for _ in 0..8 {
            let position = stream.position(start.plus(sent as u32), false).unwrap();
            assert_eq!(position, sent);
            stream.add((position, position + (1 << 30)));
            sent += 1 << 30;
        }
        assert_eq!(stream.position(start.plus(5), false), Some((8 << 30) + 5));
    }

    #[test]
    fn mid_stream_the_first_byte_seen_is_1() {
        let mut stream = Stream::default();
        assert_eq!(stream.position(Seq(500), false), Some(1));
        assert_eq!(stream.position(Seq(498), false), None);
        assert_eq!(stream.fresh((1, 5)), Some((1, 5)));
    }

    proptest! {
        /// Against the plainest bookkeeping there is: a flag for each position.
        #[test]
        fn what_is_fresh_is_what_was_never_sent(pieces in prop::collection::vec((0..200_u64, 1..40_u64), 1..60)) {
            let mut stream = Stream::default();
            let mut flags = [false; 256];
            for (start, len) in pieces {
                let range = start as usize..(start + len) as usize;
                let first = range.clone().find(|&at| !flags[at]);
                let last = range.clone().rfind(|&at| !flags[at]);
                let expected = first.zip(last).map(|(first, last)| (first as u64, last as u64 + 1));
                prop_assert_eq!(stream.fresh((start, start + len)), expected);
                stream.add((start, start + len));
                flags[range].fill(true);
            }
        }

        #[test]
        fn memory_is_bounded(starts in prop::collection::vec(any::<u32>(), 0..300)) {
            let mut stream = Stream::default();
            for start in starts {
                stream.add((start.into(), u64::from(start) + 1));
                prop_assert!(stream.sent.len() <= MAX_STRETCHES);
                prop_assert!(stream.sent.is_sorted());
            }
        }
    }
}
