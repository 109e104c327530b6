//! Lines of the ladder: most show a row, some stand for many.

use std::ops::Range;

use crate::tui::draw;
use crate::tui::message::Wish;
use crate::tui::model::Model;
use crate::tui::pages::PAGE_ROWS;

impl Model {
    /// The rows that the line with that row stands for.
    pub(in crate::tui) fn line_with(&self, row: u64) -> Range<u64> {
        match self.folds.closed(row, self.cursor) {
            Some(run) => run.rows.clone(),
            None => row..row + 1,
        }
    }

    /// The first row of the line that is `lines` lines above the one of that row, but none above `top`.
    fn lines_up(&self, row: u64, lines: u64, top: u64) -> u64 {
        let mut first = self.line_with(row).start;
        for _ in 0..lines {
            if first <= top {
                break;
            }
            first = self.line_with(first - 1).start;
        }
        first
    }

    /// Goes so many lines on or back; a line that stands for many rows counts as one, and is not stopped at.
    pub(super) fn go_lines(&mut self, lines: u64, back: bool) {
        let mut row = self.cursor;
        for _ in 0..lines {
            let line = self.line_with(row);
            let next = if back {
                line.start.checked_sub(1)
            } else {
                Some(line.end)
            };
            let Some(next) = next.filter(|next| *next < self.extent.rows) else {
                break;
            };
            row = next;
        }
        let line = self.line_with(row);
        if line.end - line.start > 1 {
            let beside = if back {
                line.start.checked_sub(1)
            } else {
                Some(line.end).filter(|end| *end < self.extent.rows)
            };
            row = beside.unwrap_or(row);
        }
        self.cursor = row.min(self.extent.rows.saturating_sub(1));
    }

    /// Scrolls so that the row looked at is on the screen.
    pub(super) fn keep_in_sight(&mut self) {
        let lines = u64::from(draw::ladder_lines(self)).max(1);
        self.top = self.line_with(self.top.min(self.cursor)).start;
        self.top = self.lines_up(self.cursor, lines - 1, self.top);
        // Where there is more room than before, or lines are folded that were not, nothing stays empty at the bottom.
        // Who is asked what comes next must not see from that how near the end is.
        if !self.quiz.is_on() {
            let last = self.extent.rows.saturating_sub(1);
            let lowest = self.lines_up(last, lines - 1, 0);
            self.top = self.top.min(lowest);
        }
    }

    /// The lines on the screen, from the first one on: the rows that each stands for.
    pub(in crate::tui) fn lines(&self) -> impl Iterator<Item = Range<u64>> {
        let first = self.line_with(self.top);
        let next = |line: &Range<u64>| Some(self.line_with(line.end));
        std::iter::successors(Some(first), next).take(usize::from(draw::ladder_lines(self)))
    }

    /// Asks for the pages that the screen shows parts of.
    pub(super) fn want_pages(&mut self, wishes: &mut Vec<Wish>) {
        // The row looked at comes first, whatever else there is no room for.
        let mut wanted = vec![self.cursor / PAGE_ROWS];
        let mut want = |row: u64| {
            let number = row / PAGE_ROWS;
            if !wanted.contains(&number) {
                wanted.push(number);
            }
        };
        for line in self.lines() {
            if line.start >= self.extent.rows {
                break;
            }
            // A run is known without its rows.
            if line.end - line.start == 1 {
                want(line.start);
            }
        }
        // What comes next is asked about and played.
        if self.cursor + 1 < self.extent.rows {
            want(self.cursor + 1);
        }
        // Asking for more than can be kept would push out what was just asked for.
        while !self.pages.has_room(&wanted) {
            wanted.pop();
        }
        for number in wanted {
            self.want_page(number, wishes);
        }
    }

    fn want_page(&mut self, number: u64, wishes: &mut Vec<Wish>) {
        // The last page may have grown since it came.
        let held = self.pages.rows_of(number);
        let rows = self.extent.rows.saturating_sub(number * PAGE_ROWS);
        let should = rows.min(PAGE_ROWS);
        let enough =
            held.is_some_and(|held| held as u64 >= should && (held > 0 || self.extent.complete));
        if enough {
            self.pages.touch(number);
        } else if !self.awaited.contains(&number) {
            self.awaited.push(number);
            wishes.push(Wish::Page(number));
        }
    }
}
