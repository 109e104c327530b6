//! Marks on rows, and what is measured between them.

use super::measure::Measured;
use super::model::Model;
use crate::event::Host;

/// Rows that are summed from what is at hand; more of them are asked for.
const NEAR: u64 = 1024;

/// A row that is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The view of the capture that its row counts in.
    pub(super) view: u64,
    /// The row.
    pub(super) row: u64,
    /// Whose capture its frame is of, where two are looked at, and the frame: what it is known by in another view. A
    /// row without a packet has none, and number 0.
    pub(super) host: Option<Host>,
    pub(super) frame: u64,
}

/// The marks.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// `a` and `b`, in the order in which they were set.
    pub(super) set: [Option<Mark>; 2],
    /// What was measured last, from a row to another.
    pub(super) known: Option<((u64, u64), Measured)>,
    /// What was asked for and has not come, and in which view: another view has no answer.
    pub(super) awaited: Option<(u64, (u64, u64))>,
    /// What could not be had, so that it is not asked for over and over.
    pub(super) refused: Option<(u64, u64)>,
}

impl Model {
    /// The marks of this view of the capture.
    pub(super) fn marks(&self) -> [Option<Mark>; 2] {
        self.marks
            .set
            .map(|mark| mark.filter(|mark| mark.view == self.view))
    }

    /// The letter of the mark on a row.
    pub(super) fn mark_on(&self, row: u64) -> Option<char> {
        let on = |mark: Option<Mark>| mark.is_some_and(|mark| mark.row == row);
        let at = self.marks().into_iter().position(on)?;
        ['a', 'b'].get(at).copied()
    }

    /// From which row to which it is to be measured: from mark to mark, or from the mark to where we are.
    pub(super) fn measuring(&self) -> Option<(u64, u64)> {
        let (one, other) = match self.marks() {
            [Some(a), Some(b)] => (a.row, b.row),
            [Some(mark), None] | [None, Some(mark)] => (mark.row, self.cursor),
            [None, None] => return None,
        };
        Some((one.min(other), one.max(other)))
    }

    /// What is measured, if that is known.
    pub(super) fn measured_now(&self) -> Option<&Measured> {
        let (range, sum) = self.marks.known.as_ref()?;
        (self.measuring() == Some(*range)).then_some(sum)
    }

    /// The sum over rows that are all at hand, from that of others if there is one.
    pub(super) fn sum(&self, (from, to): (u64, u64)) -> Option<Measured> {
        match self.marks.known {
            Some(((a, b), sum)) if from <= b && a <= to => {
                if a.abs_diff(from).saturating_add(b.abs_diff(to)) > NEAR {
                    return None;
                }
                let mut sum = sum;
                for row in (from..a).chain((b + 1)..=to) {
                    sum.add(self.pages.row(row)?);
                }
                for row in (a..from).chain((to + 1)..=b) {
                    sum.remove(self.pages.row(row)?);
                }
                if from != a {
                    sum.times.0 = self.pages.row(from)?.time;
                }
                if to != b {
                    sum.times.1 = self.pages.row(to)?.time;
                }
                Some(sum)
            }
            _ if to - from > NEAR => None,
            _ => Measured::of((from..=to).map(|row| self.pages.row(row))),
        }
    }
}
