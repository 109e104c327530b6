//! The mouse: what is under it.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::tui::draw;
use crate::tui::keys::Action;
use crate::tui::message::Wish;
use crate::tui::model::{Model, Over, Pane};
use crate::tui::strip;

/// Rows that a turn of the mouse's wheel goes.
const WHEEL: i64 = 3;

impl Model {
    pub(super) fn mouse(&mut self, mouse: MouseEvent, wishes: &mut Vec<Wish>) {
        let at = Position::new(mouse.column, mouse.row);
        let turn = match mouse.kind {
            MouseEventKind::ScrollDown => WHEEL,
            MouseEventKind::ScrollUp => -WHEEL,
            MouseEventKind::Down(MouseButton::Left) => {
                self.click(at, wishes);
                return;
            }
            _ => return,
        };
        match self.over {
            Some(Over::Flows) => {
                self.list.go(turn);
                self.list.keep_in_sight(draw::list_lines(self));
            }
            Some(Over::Help) => self.scroll_help(turn),
            Some(Over::Prompt) => {}
            Some(Over::Sums) => self.scroll(turn, Self::sums_key),
            None if self.quiz.is_on() => {
                self.quiz.top = self.quiz.top.saturating_add_signed(turn as isize);
            }
            None => {
                let over = |pane| draw::place_of(self, pane).is_some_and(|area| area.contains(at));
                if over(Pane::Why) {
                    self.scroll(turn, Self::why_key);
                } else if over(Pane::Bytes) {
                    self.scroll(turn, Self::bytes_key);
                } else {
                    self.play.pause();
                    self.go(turn);
                }
            }
        }
    }

    /// Does so often what the keys for the next and the previous line do in a pane.
    fn scroll(&mut self, turn: i64, key: fn(&mut Self, Action) -> bool) {
        let action = if turn > 0 {
            Action::Next
        } else {
            Action::Previous
        };
        for _ in 0..turn.unsigned_abs() {
            key(self, action);
        }
    }

    fn click(&mut self, at: Position, wishes: &mut Vec<Wish>) {
        self.notice = None;
        match self.over {
            Some(Over::Flows) => return self.click_list(at, wishes),
            Some(Over::Help | Over::Sums) => return self.over = None,
            Some(Over::Prompt) => return,
            None if self.quiz.is_on() => return,
            None => {}
        }
        let areas = draw::areas_of(self);
        if areas.ladder.contains(at) {
            let line = usize::from(at.y - areas.ladder.y);
            let row = self.lines().nth(line).map(|line| line.start);
            if let Some(row) = row.filter(|row| *row < self.extent.rows) {
                self.play.pause();
                self.cursor = row;
            }
            self.focus = Pane::Ladder;
        } else if areas.beside.contains(at) {
            self.focus = self.beside;
        } else if let Some((pane, _)) = areas.company.filter(|(_, area)| area.contains(at)) {
            (self.focus, self.beside) = (pane, pane);
        } else if let Some(strip) = areas.strip.filter(|strip| strip.contains(at)) {
            let place = draw::strip_place(strip);
            let column = at.x.saturating_sub(place.x).min(place.width.max(1) - 1);
            self.play.pause();
            self.jump(column.into(), place.width.into());
        }
    }

    fn click_list(&mut self, at: Position, wishes: &mut Vec<Wish>) {
        let rows: Rect = draw::list_rows(self);
        if !rows.contains(at) {
            return;
        }
        let line = self.list.top + usize::from(at.y - rows.y);
        if line >= self.list.order.len() {
            return;
        }
        // The first click chooses, the second follows.
        if self.list.cursor == line {
            self.follow_chosen(wishes);
        } else {
            self.list.cursor = line;
        }
    }

    /// Goes to the row with which a part of the whole begins, of `parts` that are equally long.
    pub(super) fn jump(&mut self, part: u64, parts: u64) {
        let last = self.extent.rows.saturating_sub(1);
        let row = strip::row_at(&self.overview, part, parts).unwrap_or_else(|| {
            let row = u128::from(last) * u128::from(part) / u128::from(parts.max(1));
            row as u64
        });
        self.cursor = row.min(last);
    }

    /// A tenth of the whole further, or back.
    pub(super) fn jump_by_tenth(&mut self, back: bool) {
        let time = self.current().map(|row| row.time);
        // The place in hundredths, by time where that is known.
        let here = time.and_then(|time| strip::column_of(&self.overview, time, 100));
        let here = here.map_or_else(
            || self.cursor.saturating_mul(100) / self.extent.rows.max(1),
            |here| here as u64,
        );
        let (before, part) = (
            self.cursor,
            if back {
                here.saturating_sub(10)
            } else {
                (here + 10).min(100)
            },
        );
        self.jump(part, 100);
        // However the rows lie in time, the key leads on.
        if back {
            self.cursor = self.cursor.min(before.saturating_sub(1));
        } else {
            let last = self.extent.rows.saturating_sub(1);
            self.cursor = self.cursor.max(before + 1).min(last);
        }
    }
}
