//! Asking how the connection stands after the row looked at.

use crate::event::Board;
use crate::tui::draw;
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
        let shown = draw::place_of(self, Pane::Ends).is_some() && self.ends.asked.is_none();
        let segment = self.current().is_some() && self.anchor().is_some();
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

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::tui::tests::read::read;
    use crate::tui::{Look, Message, Told};

    fn down() -> Message {
        Message::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE))
    }

    #[test]
    fn one_board_is_asked_for_at_a_time_and_then_the_one_that_is_looked_at() {
        let read = read("retransmission");
        let mut model = read.model(Look::default(), (80, 24));
        assert!(matches!(&model.ends.known, Some((0, Some(_)))));
        assert_eq!(model.update(down()), [Wish::Board(1)]);
        assert_eq!(model.update(down()), []);
        assert_eq!(model.update(down()), []);
        // The answer is no longer of interest; the row that is gets asked for.
        let late = model.update(Message::Told(Told::Board(0, 1, None)));
        assert_eq!(late, [Wish::Board(3)]);
        assert!(matches!(&model.ends.known, Some((0, _))));
        let done = model.update(Message::Told(Told::Board(0, 3, None)));
        assert_eq!(done, []);
        assert!(matches!(&model.ends.known, Some((3, None))));
    }

    #[test]
    fn an_answer_about_another_view_is_let_go() {
        let read = read("retransmission");
        let mut model = read.model(Look::default(), (80, 24));
        model.update(down());
        model.view = 7;
        let wishes = model.update(Message::Told(Told::Board(0, 1, None)));
        assert_eq!(wishes, [Wish::Board(1)], "asked for anew, in this view");
        assert!(model.ends.known.is_none());
    }

    #[test]
    fn no_board_is_asked_for_that_is_not_shown() {
        let read = read("retransmission");
        let mut model = read.model(Look::default(), (80, 24));
        model.beside = Pane::Why;
        assert_eq!(model.update(down()), []);
    }
}
