//! Asking how the connection stands after the row looked at.

use crate::event::Board;
use crate::tui::message::Wish;
use crate::tui::model::{Model, Pane};

impl Model {
    /// Asks for the board of the row looked at, if that is shown and not at hand. One is asked for at a time: who
    /// runs through rows wants the one where he stops.
    pub(super) fn want_board(&mut self, wishes: &mut Vec<Wish>) {
        if self.ends.view != self.view {
            self.ends.view = self.view;
            (self.ends.asked, self.ends.known) = (None, None);
        }
        let shown = self.beside == Pane::Ends && self.ends.asked.is_none();
        let segment = self.current().is_some_and(|row| row.segment().is_some());
        let known = self.ends.known.as_ref().map(|(row, _)| *row);
        if shown && segment && known != Some(self.cursor) {
            self.ends.asked = Some(self.cursor);
            wishes.push(Wish::Board(self.cursor));
        }
    }

    /// Takes in a board. That of a row that is no longer looked at is let go.
    pub(super) fn board(&mut self, row: u64, board: Option<Box<Board>>) {
        if self.ends.asked == Some(row) {
            self.ends.asked = None;
        }
        if row == self.cursor {
            self.ends.learn(row, board);
        }
    }
}
