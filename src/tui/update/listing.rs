//! Keys in the list of connections.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::event::Kept;
use crate::tui::draw;
use crate::tui::keys::{self, Action};
use crate::tui::message::Wish;
use crate::tui::model::{Model, Over};

impl Model {
    /// Opens the list at the connection looked at.
    pub(super) fn open_list(&mut self, wishes: &mut Vec<Wish>) {
        self.over = Some(Over::Flows);
        wishes.push(Wish::Flows);
        let here = self.current().and_then(Kept::segment);
        if let Some(flow) = self.flow.or(here.map(|segment| segment.flow)) {
            self.list.choose(flow);
        }
        self.list.keep_in_sight(draw::list_lines(self));
    }

    pub(super) fn list_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        let lines = draw::list_lines(self);
        if self.list.typing {
            self.filter_key(key);
        } else {
            match key.code {
                KeyCode::Enter => self.follow_chosen(wishes),
                KeyCode::Char('a') => {
                    self.over = None;
                    if self.flow.is_some() {
                        self.toggle_alone(wishes);
                    }
                }
                KeyCode::Char('s') => self.list.next_sort(),
                KeyCode::Char('S') => self.list.reverse(),
                KeyCode::Char('c') => self.over = None,
                _ => match keys::action(key) {
                    Some(Action::Next) => self.list.go(1),
                    Some(Action::Previous) => self.list.go(-1),
                    Some(Action::PageDown) => self.list.go(lines as i64),
                    Some(Action::PageUp) => self.list.go(-(lines as i64)),
                    Some(Action::First) => self.list.go(i64::MIN),
                    Some(Action::Last) => self.list.go(i64::MAX),
                    Some(Action::Search) => self.list.typing = true,
                    Some(Action::Help) => self.open_help(),
                    Some(Action::Back) if !self.list.filter.text().is_empty() => {
                        self.list.filter.set("");
                        self.list.arrange();
                    }
                    Some(Action::Back) => self.over = None,
                    Some(Action::Quit) => self.quit(wishes),
                    _ => {}
                },
            }
        }
        self.list.keep_in_sight(lines);
    }

    fn filter_key(&mut self, key: &KeyEvent) {
        match key.code {
            KeyCode::Enter => self.list.typing = false,
            KeyCode::Down => self.list.go(1),
            KeyCode::Up => self.list.go(-1),
            KeyCode::Esc => {
                self.list.typing = false;
                self.list.filter.set("");
                self.list.arrange();
            }
            _ => {
                if self.list.filter.key(key) {
                    self.list.arrange();
                }
            }
        }
    }

    /// Looks at the chosen connection alone.
    pub(super) fn follow_chosen(&mut self, wishes: &mut Vec<Wish>) {
        let Some(flow) = self.list.chosen().map(|line| line.flow) else {
            return;
        };
        self.over = None;
        if self.flow != Some(flow) {
            self.look_at(Some(flow), None, wishes);
        }
    }
}
