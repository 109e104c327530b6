//! Setting marks, going to them, and keeping what is between them measured.

use super::{Model, Wish};
use crate::event::Host;
use crate::tui::marks::{Mark, Marks};
use crate::tui::measure::Measured;

impl Model {
    /// Marks the row, or takes its mark away. The first mark is a, the second b; a third is a again, and b is gone.
    pub(super) fn set_mark(&mut self) {
        let Some(row) = self.current() else {
            return;
        };
        let mark = Mark {
            view: self.view,
            row: self.cursor,
            host: row.host(),
            frame: row.frame,
        };
        let here = |set: Option<Mark>| set.filter(|set| *set != mark);
        let set = self.marks();
        let elsewhere = self.marks.set.iter().flatten();
        if elsewhere.filter(|mark| mark.view != self.view).count() > 0 {
            self.notice = Some("marks on what is not in this view are gone".to_owned());
        }
        let set = match (set, set.map(here)) {
            (set, without) if set != without => {
                self.notice = Some("the mark here is gone".to_owned());
                match without {
                    [None, b] => [b, None],
                    without => without,
                }
            }
            ([Some(a), None], _) => [Some(a), Some(mark)],
            _ => [Some(mark), None],
        };
        self.marks = Marks {
            set,
            awaited: self.marks.awaited,
            ..Marks::default()
        };
    }

    /// Goes to the mark; from it to the other one.
    pub(super) fn go_to_mark(&mut self) {
        let rows: Vec<u64> = self.marks().iter().flatten().map(|mark| mark.row).collect();
        let here = rows.iter().position(|row| *row == self.cursor);
        let next = match (here, rows.as_slice()) {
            (_, []) => {
                let elsewhere = self.marks.set.iter().flatten().next();
                self.notice = Some(match elsewhere {
                    None => "no mark is set: m sets one here".to_owned(),
                    Some(mark) if mark.frame == 0 => {
                        "what is marked is no packet, and not in this view; m marks this row"
                            .to_owned()
                    }
                    Some(mark) => format!(
                        "frame {} is marked, which is not in this view; m marks this row instead",
                        mark.frame
                    ),
                });
                return;
            }
            (Some(0), [_, second]) => *second,
            (_, [first, ..]) => *first,
        };
        if next != self.cursor {
            self.remember();
            self.cursor = next;
        }
    }

    /// Asks where the marks of another view are in this one: a packet is marked, whichever rows are looked at.
    pub(super) fn carry_marks(&mut self, wishes: &mut Vec<Wish>) {
        let elsewhere = self.marks.set.iter().flatten();
        let elsewhere = elsewhere.filter(|mark| mark.view != self.view && mark.frame > 0);
        let frames: Vec<_> = elsewhere.map(|mark| (mark.host, mark.frame)).collect();
        if !frames.is_empty() {
            wishes.push(Wish::Places(frames));
        }
    }

    /// Takes in where they are.
    pub(super) fn place_marks(&mut self, places: &[(Option<Host>, u64, Option<u64>)]) {
        let view = self.view;
        for mark in self.marks.set.iter_mut().flatten() {
            let of = |place: &&(_, _, _)| (place.0, place.1) == (mark.host, mark.frame);
            if mark.view != view
                && let Some(row) = places.iter().find(of).and_then(|place| place.2)
            {
                (mark.view, mark.row) = (view, row);
                // What was measured was of other rows.
                (self.marks.known, self.marks.refused) = (None, None);
            }
        }
    }

    /// Measures what is to be measured, or asks for it.
    pub(super) fn want_measure(&mut self, wishes: &mut Vec<Wish>) {
        let Some(range) = self.measuring() else {
            return;
        };
        if self.measured_now().is_some() {
            return;
        }
        if let Some(sum) = self.sum(range) {
            self.marks.known = Some((range, sum));
        } else if self.marks.awaited.is_none_or(|(view, _)| view != self.view)
            && self.marks.refused != Some(range)
            && !self.awaits_rows(range)
        {
            self.marks.awaited = Some((self.view, range));
            let (from, to) = range;
            // Before the pages that were asked for just now: those are waited for.
            wishes.insert(0, Wish::Measure { from, to });
        }
    }

    /// Whether the row that we are at is on its way: then the sum will be told from it.
    fn awaits_rows(&self, (from, to): (u64, u64)) -> bool {
        let known = self.marks.known.as_ref().map(|(range, _)| *range);
        known.is_some_and(|(a, b)| a.abs_diff(from) + b.abs_diff(to) <= 1)
            && self.pages.row(self.cursor).is_none()
    }

    /// Takes in what was measured.
    pub(super) fn measured(&mut self, range: (u64, u64), measured: Option<Measured>) {
        if self.marks.awaited == Some((self.view, range)) {
            self.marks.awaited = None;
        }
        match measured {
            Some(sum) => self.marks.known = Some((range, sum)),
            None => self.marks.refused = Some(range),
        }
    }
}
