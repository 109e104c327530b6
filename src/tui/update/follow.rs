//! The end of a capture that is being made: it is looked at until its user goes elsewhere.

use super::Model;

impl Model {
    /// Stays at the end, or notes that its user, who was at row `before`, has gone elsewhere; at the end again,
    /// it stays there again.
    pub(super) fn follow(&mut self, before: u64) {
        let last = self.extent.rows.saturating_sub(1);
        if self.cursor != before {
            self.following = self.look.follows && self.cursor == last;
        } else if self.following {
            self.cursor = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::tui::{Extent, Look, Message, Told, Wish};

    fn grown(model: &mut Model, rows: u64) -> u64 {
        let extent = Extent {
            rows,
            ..Extent::default()
        };
        model.update(Message::Told(Told::Extent(0, extent)));
        model.cursor
    }

    fn press(model: &mut Model, code: KeyCode) {
        model.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    #[test]
    fn the_end_is_followed_until_one_goes_up_and_again_from_the_end_on() {
        let look = Look {
            follows: true,
            ..Look::default()
        };
        let mut model = Model::new(look, (80, 24));
        model.begin();
        assert_eq!(grown(&mut model, 10), 9);
        assert_eq!(grown(&mut model, 500), 499);
        press(&mut model, KeyCode::Up);
        assert_eq!(grown(&mut model, 600), 498);
        press(&mut model, KeyCode::Down);
        assert_eq!(grown(&mut model, 700), 499, "that is not the end any more");
        press(&mut model, KeyCode::End);
        assert_eq!(grown(&mut model, 800), 799);
        // Down at the end goes nowhere, and is no wish to stay behind.
        press(&mut model, KeyCode::Down);
        assert_eq!(grown(&mut model, 900), 899);
    }

    #[test]
    fn a_capture_that_is_read_is_looked_at_from_its_beginning() {
        let mut model = Model::new(Look::default(), (80, 24));
        model.begin();
        model.start = Some(crate::frame::Timestamp::default());
        assert_eq!(grown(&mut model, 500), 0);
        press(&mut model, KeyCode::End);
        assert_eq!(grown(&mut model, 600), 499);
    }

    #[test]
    fn what_is_settled_is_asked_for_again() {
        let mut model = Model::new(Look::default(), (80, 24));
        model.begin();
        let page = crate::tui::Page {
            number: 0,
            rows: std::sync::Arc::new([]),
        };
        let extent = |settled| Extent {
            complete: true,
            settled,
            ..Extent::default()
        };
        model.update(Message::Told(Told::Extent(0, extent(false))));
        let wishes = model.update(Message::Told(Told::Page(0, page)));
        assert!(!wishes.contains(&Wish::Page(0)), "{wishes:?}");
        let wishes = model.update(Message::Told(Told::Extent(0, extent(true))));
        assert!(wishes.contains(&Wish::Page(0)), "{wishes:?}");
    }
}
