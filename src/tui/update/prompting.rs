//! The line in which is written what to look for.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::tui::message::Wish;
use crate::tui::model::{Model, Over};
use crate::tui::query::Query;
use crate::tui::search::Last;

impl Model {
    /// Asks what to look for.
    pub(super) fn ask_what(&mut self, back: bool) {
        self.search.ask(back);
        self.over = Some(Over::Prompt);
    }

    pub(super) fn prompt_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        match key.code {
            KeyCode::Esc => self.over = None,
            KeyCode::Enter => self.look_for(wishes),
            KeyCode::Up => self.search.recall(false),
            KeyCode::Down => self.search.recall(true),
            // Who takes back what there is nothing of has changed their mind, as in vim.
            KeyCode::Backspace if self.search.prompt.line.text().is_empty() => self.over = None,
            _ => {
                if self.search.prompt.line.key(key) {
                    self.search.prompt.wrong = None;
                }
            }
        }
    }

    fn look_for(&mut self, wishes: &mut Vec<Wish>) {
        let prompt = &self.search.prompt;
        let (text, back) = (prompt.line.text().trim().to_owned(), prompt.back);
        if text.is_empty() && self.search.last.is_some() {
            self.over = None;
            if let Some(last) = &mut self.search.last {
                last.back = back;
            }
            self.seek_again(false, wishes);
            return;
        }
        match Query::parse(&text, self.look.style.encoding) {
            Ok(query) => {
                self.search.remember();
                self.over = None;
                self.search.last = Some(Last {
                    query,
                    text,
                    back,
                    marked: true,
                });
                self.seek_written(wishes);
            }
            Err(why) => self.search.prompt.wrong = Some(why),
        }
    }
}
