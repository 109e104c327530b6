//! Holes: bytes that must have been sent, because later ones were seen, but that this capture has
//! not seen. Filling one is the first sight of its bytes; anything else below SND.NXT was sent before.

use super::order::Stamp;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// Most holes remembered per direction; the lowest goes first.
const MAX_HOLES: usize = 256;

/// A gap in what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// First missing sequence number.
    pub start: Seq,
    /// The one after the last missing.
    pub end: Seq,
    /// The frame that showed it: it carried, or acknowledged, bytes beyond.
    pub frame: u64,
    /// When that frame was captured.
    pub time: Timestamp,
    /// When that frame was sent, if it was of the same sender.
    pub stamp: Stamp,
    /// The frame that acknowledged its bytes though they had not been seen, and when that was captured.
    pub acked: Option<(u64, Timestamp)>,
    /// Whether its bytes were sent before what the capture knows of their sender: then neither
    /// frame nor time says when they were overtaken.
    pub before_capture: bool,
}

impl Hole {
    /// Sequence numbers in it.
    fn len(&self) -> u32 {
        self.end.offset_from(self.start)
    }
}

/// The holes of one direction, in order.
#[derive(Clone, Debug, Default)]
pub struct Holes {
    list: Vec<Hole>,
    /// Sequence numbers in holes that are not listed any more.
    given_up: u64,
}

/// What filling did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Sequence numbers seen for the first time.
    pub count: u32,
    /// The first hole they were in.
    pub hole: Option<Hole>,
}

impl Holes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The holes that are listed, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Hole> {
        self.list.iter()
    }

    /// Bytes of memory they take.
    pub(super) fn weight(&self) -> usize {
        self.list.capacity() * size_of::<Hole>()
    }

    /// Remembers a hole; tells whether the lowest one was forgotten for it.
    pub fn open(&mut self, hole: Hole) -> bool {
        let full = self.list.len() >= MAX_HOLES;
        if full {
            self.given_up += u64::from(self.list.remove(0).len());
        }
        let at = self
            .list
            .partition_point(|other| other.start.before(hole.start));
        self.list.insert(at, hole);
        full
    }

    /// Whether any hole begins before `edge`.
    pub fn any_before(&self, edge: Seq) -> bool {
        self.list
            .first()
            .is_some_and(|hole| hole.start.before(edge))
    }

    /// Missing sequence numbers before `edge`.
    pub fn missing_before(&self, edge: Seq) -> u32 {
        let parts = self.list.iter().take_while(|hole| hole.start.before(edge));
        parts
            .map(|hole| hole.end.min(edge).offset_from(hole.start))
            .sum()
    }

    /// Takes in that `frame` acknowledged everything before `edge`, what is missing there, too.
    pub(super) fn acknowledge(&mut self, edge: Seq, frame: u64, time: Timestamp) {
        let acked = Some((frame, time));
        let reached = self.list.partition_point(|hole| hole.start.before(edge));
        let room = self.list.len() < MAX_HOLES;
        let Some(before) = self.list.get_mut(..reached) else {
            return;
        };
        for hole in before.iter_mut().filter(|hole| hole.end.at_or_before(edge)) {
            hole.acked = hole.acked.or(acked);
        }
        // Of the one that it ends in, only a part.
        let Some(last) = before
            .last_mut()
            .filter(|hole| room && hole.end.after(edge))
        else {
            return;
        };
        let part = Hole {
            end: edge,
            acked: last.acked.or(acked),
            ..*last
        };
        last.start = edge;
        self.list.insert(reached - 1, part);
    }

    /// Missing sequence numbers in all.
    pub fn missing(&self) -> u64 {
        let listed = self.list.iter().map(|hole| u64::from(hole.len()));
        self.given_up + listed.sum::<u64>()
    }

    /// Gives up what is missing before `edge`: it only counts from now on.
    pub fn give_up_before(&mut self, edge: Seq) {
        let Self { list, given_up } = self;
        list.retain_mut(|hole| {
            // Everything is within reach of each other here, so that `end` tells what is before.
            if hole.end.at_or_before(edge) {
                *given_up += u64::from(hole.len());
                return false;
            }
            if hole.start.before(edge) {
                *given_up += u64::from(edge.offset_from(hole.start));
                hole.start = edge;
            }
            true
        });
    }

    /// Takes `start..end` as seen.
    pub fn fill(&mut self, start: Seq, end: Seq) -> Filled {
        let mut filled = Filled::default();
        let mut index = self
            .list
            .partition_point(|hole| hole.end.at_or_before(start));
        while let Some(&hole) = self.list.get(index) {
            if hole.start.at_or_after(end) {
                break;
            }
            filled.hole.get_or_insert(hole);
            filled.count += hole.end.min(end).offset_from(hole.start.max(start));
            self.list.remove(index);
            if hole.start.before(start) {
                self.list.insert(index, Hole { end: start, ..hole });
                index += 1;
            }
            if end.before(hole.end) {
                self.list.insert(index, Hole { start: end, ..hole });
                break;
            }
        }
        if self.list.is_empty() && filled.count > 0 {
            self.list = Vec::new();
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(ranges: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::default();
        for &(start, end) in ranges {
            holes.open(Hole {
                start: Seq(start),
                end: Seq(end),
                frame: u64::from(start),
                time: Timestamp::default(),
                stamp: Stamp::default(),
                acked: None,
                before_capture: false,
            });
        }
        holes
    }

    #[test]
    fn filling_the_middle_leaves_both_ends() {
        let mut h = holes(&[(10, 40)]);
        let filled = h.fill(Seq(20), Seq(30));
        assert_eq!((filled.count, filled.hole.map(|h| h.frame)), (10, Some(10)));
        assert_eq!(h.missing(), 20);
        assert_eq!(h.missing_before(Seq(35)), 15);
        assert_eq!(h.fill(Seq(0), Seq(100)).count, 20);
        assert!(h.is_empty());
    }

    #[test]
    fn bytes_outside_every_hole_fill_nothing() {
        let mut h = holes(&[(10, 20), (30, 40)]);
        assert_eq!(h.fill(Seq(20), Seq(30)), Filled::default());
        assert_eq!(h.fill(Seq(15), Seq(35)).count, 10);
        assert_eq!(h.missing(), 10);
    }

    #[test]
    fn the_lowest_hole_goes_when_there_are_too_many() {
        let mut h = Holes::default();
        let mut forgot = 0;
        for i in 0..MAX_HOLES as u32 + 5 {
            let hole = Hole {
                start: Seq(i * 10),
                end: Seq(i * 10 + 1),
                frame: 1,
                time: Timestamp::default(),
                stamp: Stamp::default(),
                acked: None,
                before_capture: false,
            };
            forgot += u32::from(h.open(hole));
        }
        // Forgotten, but not found.
        assert_eq!((forgot, h.missing()), (5, MAX_HOLES as u64 + 5));
    }

    #[test]
    fn an_acknowledgment_that_ends_in_a_hole_divides_it() {
        let mut h = holes(&[(10, 20), (30, 40)]);
        h.acknowledge(Seq(33), 7, Timestamp::default());
        assert_eq!((h.missing(), h.missing_before(Seq(33))), (20, 13));
        h.acknowledge(Seq(50), 8, Timestamp::default());
        let acked: Vec<_> = h.iter().map(|hole| hole.acked.map(|it| it.0)).collect();
        assert_eq!(acked, [Some(7), Some(7), Some(8)]);
        assert_eq!(
            h.fill(Seq(33), Seq(40)).hole.map(|hole| hole.start),
            Some(Seq(33))
        );
    }

    #[test]
    fn what_is_given_up_still_counts_as_missing() {
        let mut h = holes(&[(10, 20), (30, 40)]);
        h.give_up_before(Seq(35));
        assert_eq!(h.missing(), 20);
        assert_eq!(h.fill(Seq(0), Seq(100)).count, 5);
        assert_eq!(h.missing(), 15);
    }
}
