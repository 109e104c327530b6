//! Playing the capture by itself.

use std::time::Duration;

use crate::tui::model::Model;

/// At a hundred times the speed many rows are due at once, but never more than this between two pictures.
const MOST_AT_ONCE: usize = 4096;

impl Model {
    /// Plays, faster, at last pauses.
    pub(super) fn press_play(&mut self) {
        self.play.press();
        if self.play.speed().is_none() {
            self.notice = Some("paused".to_owned());
        } else if self.at_the_end() {
            self.play.pause();
            self.notice = Some("the capture ends here; g goes to its beginning".to_owned());
        }
    }

    fn at_the_end(&self) -> bool {
        self.extent.complete && self.cursor + 1 >= self.extent.rows
    }

    /// Shows what is due.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.play.speed().is_none() {
            return;
        }
        self.play.tell(now);
        for _ in 0..MOST_AT_ONCE {
            let time = |row: u64| self.pages.row(row).map(|row| row.time);
            let (Some(here), Some(next)) = (time(self.cursor), time(self.cursor + 1)) else {
                break;
            };
            let after = time(self.cursor + 2);
            if !self.play.is_due(here, next) {
                break;
            }
            self.cursor += 1;
            self.play.shown(next, after);
        }
        if self.at_the_end() {
            self.play.pause();
            self.notice = Some("the capture ends".to_owned());
        }
    }
}
