//! What a message changes, and what is wished for then.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};

use super::draw;
use super::keys::{self, Action};
use super::message::{Extent, Message, Told, Wish};
use super::model::{Model, Over, Pane};
use super::pages::{PAGE_ROWS, Page};

/// Rows that a turn of the mouse's wheel goes.
const WHEEL: u64 = 3;

impl Model {
    /// What to ask for before anything has happened.
    pub fn begin(&mut self) -> Vec<Wish> {
        let mut wishes = vec![Wish::View {
            number: self.view,
            flow: self.flow,
        }];
        self.want_pages(&mut wishes);
        wishes
    }

    /// Takes in what happened. Gives what it would like to be told or have done, the most urgent last.
    pub fn update(&mut self, message: Message) -> Vec<Wish> {
        let mut wishes = Vec::new();
        match message {
            Message::Key(key) if key.kind != KeyEventKind::Release => self.key(&key, &mut wishes),
            Message::Key(_) => {}
            Message::Mouse(mouse) => self.mouse(&mouse),
            Message::Resize(columns, lines) => self.size = (columns, lines),
            Message::Told(told) => self.told(told),
            Message::Tick(_) => {}
        }
        self.keep_in_sight();
        self.want_pages(&mut wishes);
        wishes
    }

    fn key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        self.notice = None;
        let Some(action) = keys::action(key) else {
            return;
        };
        let screen = u64::from(draw::ladder_lines(self)).saturating_sub(1).max(1);
        match action {
            Action::Quit => {
                self.over_and_out = true;
                wishes.push(Wish::Quit);
            }
            Action::Back => self.over = None,
            Action::Help if self.over == Some(Over::Help) => self.over = None,
            Action::Help => self.over = Some(Over::Help),
            _ if self.over.is_some() => self.over = None,
            Action::Next => self.go(1),
            Action::Previous => self.go(-1),
            Action::PageDown => self.go(screen as i64),
            Action::PageUp => self.go(-(screen as i64)),
            Action::First => self.cursor = 0,
            Action::Last => self.cursor = self.extent.rows.saturating_sub(1),
            Action::Pane => self.next_pane(1),
            Action::PaneBack => self.next_pane(Pane::ALL.len() - 1),
        }
    }

    fn mouse(&mut self, mouse: &MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.go(WHEEL as i64),
            MouseEventKind::ScrollUp => self.go(-(WHEEL as i64)),
            _ => {}
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Extent(view, extent) if view == self.view => self.extent = extent,
            Told::Page(view, page) if view == self.view => self.page(page),
            Told::Failed(why) => self.notice = Some(why),
            _ => {}
        }
    }

    fn page(&mut self, page: Page) {
        self.awaited.retain(|number| *number != page.number);
        if page.number == 0 {
            self.start = page.rows.first().map(|row| row.time);
        }
        // What is told of rows may come before how many there are.
        let known = page.number * PAGE_ROWS + page.rows.len() as u64;
        self.extent = Extent {
            rows: self.extent.rows.max(known),
            ..self.extent
        };
        self.pages.put(page);
    }

    /// Moves on by so many rows, as far as there are any.
    pub(super) fn go(&mut self, by: i64) {
        let last = self.extent.rows.saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
    }

    fn next_pane(&mut self, by: usize) {
        let at = Pane::ALL.iter().position(|pane| *pane == self.focus);
        let next = (at.unwrap_or(0) + by) % Pane::ALL.len();
        if let Some(&pane) = Pane::ALL.get(next) {
            self.focus = pane;
            if pane != Pane::Ladder {
                self.beside = pane;
            }
        }
    }

    /// Scrolls so that the row looked at is on the screen.
    pub(super) fn keep_in_sight(&mut self) {
        let lines = u64::from(draw::ladder_lines(self)).max(1);
        self.top = self.top.min(self.cursor);
        if self.cursor >= self.top + lines {
            self.top = self.cursor + 1 - lines;
        }
    }

    /// Asks for the pages that the screen shows parts of.
    pub(super) fn want_pages(&mut self, wishes: &mut Vec<Wish>) {
        let lines = u64::from(self.size.1);
        let first = self.top / PAGE_ROWS;
        let last = (self.top + lines).min(self.extent.rows.saturating_sub(1)) / PAGE_ROWS;
        for number in first..=last.max(first) {
            // The last page may have grown since it came.
            let held = self.pages.rows_of(number);
            let should = self
                .extent
                .rows
                .saturating_sub(number * PAGE_ROWS)
                .min(PAGE_ROWS);
            let enough = held
                .is_some_and(|held| held as u64 >= should && (held > 0 || self.extent.complete));
            if enough {
                self.pages.touch(number);
            } else if !self.awaited.contains(&number) {
                self.awaited.push(number);
                wishes.push(Wish::Page(number));
            }
        }
    }
}
