//! Sets of sequence ranges: what was SACKed, in a handful of disjoint intervals (RFC 2018).

use crate::wire::seq::Seq;

/// Disjoint ranges of sequence numbers in order, all within half the number space of each other.
#[derive(Clone, Debug, Default)]
pub struct RangeSet {
    ranges: Vec<(Seq, Seq)>,
    total: u32,
}

impl RangeSet {
    /// Bytes in all ranges.
    pub const fn total(&self) -> u32 {
        self.total
    }

    /// Number of ranges.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, in order, each from its first number to the one after its last.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, Seq)> {
        self.ranges.iter().copied()
    }

    /// Bytes of memory they take.
    pub(super) fn weight(&self) -> usize {
        self.ranges.capacity() * size_of::<(Seq, Seq)>()
    }

    /// End of the last range.
    pub fn last_end(&self) -> Option<Seq> {
        self.ranges.last().map(|r| r.1)
    }

    /// Whether `start..end` lies in one range.
    pub fn covers(&self, start: Seq, end: Seq) -> bool {
        let at = self.ranges.partition_point(|&(_, r)| r.before(end));
        self.ranges
            .get(at)
            .is_some_and(|&(l, r)| l.at_or_before(start) && r.at_or_after(end))
    }

    /// Adds `start..end`, merging what touches; gives the number of bytes that were not in the set.
    pub fn insert(&mut self, start: Seq, end: Seq) -> u32 {
        if end.at_or_before(start) {
            return 0;
        }
        let first = self.ranges.partition_point(|&(_, r)| r.before(start));
        let last = first + self.ranges[first..].partition_point(|&(l, _)| l.at_or_before(end));
        let (mut merged, mut before) = ((start, end), 0);
        for &(l, r) in &self.ranges[first..last] {
            merged = (merged.0.min(l), merged.1.max(r));
            before += r.offset_from(l);
        }
        self.ranges.splice(first..last, [merged]);
        let added = merged.1.offset_from(merged.0).saturating_sub(before);
        self.total = self.total.saturating_add(added);
        added
    }

    /// Forgets everything before `edge`.
    pub fn remove_below(&mut self, edge: Seq) {
        if self.ranges.first().is_none_or(|r| r.0.at_or_after(edge)) {
            return;
        }
        self.ranges.retain_mut(|r| {
            r.0 = r.0.max(edge);
            r.0.before(r.1)
        });
        self.total = self.ranges.iter().map(|&(l, r)| r.offset_from(l)).sum();
        if self.ranges.is_empty() {
            self.ranges = Vec::new();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u32, u32)]) -> RangeSet {
        let mut set = RangeSet::default();
        for &(l, r) in ranges {
            set.insert(Seq(l), Seq(r));
        }
        set
    }

    #[test]
    fn inserting_counts_only_what_is_new() {
        let mut s = set(&[(10, 20), (30, 40)]);
        assert_eq!((s.len(), s.total()), (2, 20));
        assert_eq!(s.insert(Seq(15), Seq(35)), 10);
        assert_eq!((s.len(), s.total(), s.last_end()), (1, 30, Some(Seq(40))));
        assert_eq!(s.insert(Seq(12), Seq(18)), 0);
        assert_eq!(s.insert(Seq(40), Seq(41)), 1, "ranges that touch merge");
        assert_eq!(s.len(), 1);
    }

    #[test]
    fn ranges_cross_the_wrap() {
        let mut s = set(&[(u32::MAX - 5, 4)]);
        assert_eq!(s.total(), 10);
        assert!(s.covers(Seq(u32::MAX), Seq(2)));
        s.remove_below(Seq(0));
        assert_eq!(s.total(), 4);
        s.remove_below(Seq(9));
        assert!(s.is_empty());
    }

    #[test]
    fn an_empty_or_backward_range_adds_nothing() {
        let mut s = RangeSet::default();
        assert_eq!(s.insert(Seq(5), Seq(5)), 0);
        assert_eq!(s.insert(Seq(9), Seq(5)), 0);
        assert!(s.is_empty());
    }
}
