//! Asking what comes next, and telling.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::event::{Board, Event, Kept};
use crate::tui::keys::{self, Action};
use crate::tui::message::Wish;
use crate::tui::model::Model;
use crate::tui::quiz::{Field, Stage};
use crate::view::guess::{self, Answer};

/// Lines that a page of the answer goes.
const PAGE: usize = 5;

impl Model {
    /// Begins to ask. Among several connections it is asked about the one looked at, alone: nobody could know
    /// which of them has its turn.
    pub(super) fn begin_quiz(&mut self, wishes: &mut Vec<Wish>) {
        self.quiz.score = (0, 0);
        self.give_up(wishes);
        if self.extent.rows == 0 {
            self.notice = Some("there is no packet yet after which one could come".to_owned());
            return;
        }
        if self.is_tagged() {
            let Some(segment) = self.current().and_then(Kept::segment) else {
                let why =
                    "go to a segment of a connection first: it is asked what comes next on it";
                self.notice = Some(why.to_owned());
                return;
            };
            let (flow, frame) = (segment.flow, segment.frame);
            self.look_at(Some(flow), Some(frame), wishes);
            self.notice = Some(format!("connection #{flow} alone; o shows all again"));
        }
        self.ask_next(wishes);
    }

    fn ask_next(&mut self, wishes: &mut Vec<Wish>) {
        // What is no segment has nothing to be asked about, and gives nothing away; and what was seen to leave is no
        // question when it arrives.
        let from = self.cursor;
        let arrives = |row: &Kept| row.joint.as_ref().is_some_and(|it| it.is_arrival());
        while let Some(next) = self.pages.row(self.cursor + 1)
            && (next.segment().is_none() || arrives(next))
        {
            self.cursor += 1;
        }
        if self.extent.complete && self.extent.rows > 0 && self.cursor + 1 >= self.extent.rows {
            self.cursor = from;
            self.end_quiz("nothing comes after this");
            return;
        }
        self.quiz.ask();
        wishes.push(Wish::Board(self.cursor));
    }

    fn end_quiz(&mut self, why: &str) {
        let (right, of) = self.quiz.score;
        let score = match of {
            0 => String::new(),
            of => format!("; {right} of {of} right"),
        };
        self.notice = Some(format!("{why}{score}"));
        self.quiz.stage = Stage::Off;
        self.quiz.board = None;
    }

    /// How the connection stands where it was asked; who answers fast may be told only then.
    pub(super) fn quiz_board(&mut self, row: u64, board: Option<&Board>) {
        let asked_at = match self.quiz.stage {
            Stage::Off => None,
            Stage::Asking => Some(self.cursor),
            Stage::Told => self.cursor.checked_sub(1),
        };
        if asked_at == Some(row) {
            self.quiz.board = board.map(|board| (row, Box::new(board.clone())));
        }
    }

    pub(super) fn quiz_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        match self.quiz.stage {
            Stage::Off => {}
            Stage::Asking => self.asking_key(key, wishes),
            Stage::Told => self.told_key(key, wishes),
        }
    }

    fn asking_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        let quiz = &mut self.quiz;
        let last = Field::ALL.len() - 1;
        match key.code {
            KeyCode::Enter => self.reveal(),
            KeyCode::Esc => self.end_quiz("no more questions"),
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => quiz.next_field(1),
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => quiz.next_field(last),
            KeyCode::Right | KeyCode::Char(' ' | 'l') => quiz.next_choice(false),
            KeyCode::Left | KeyCode::Char('h') => quiz.next_choice(true),
            KeyCode::Char(digit) if digit.is_ascii_digit() => quiz.digit(digit),
            KeyCode::Backspace | KeyCode::Delete => quiz.take_back(),
            _ => match keys::action(key) {
                Some(Action::Quit) => self.quit(wishes),
                Some(Action::Help) => self.open_help(),
                _ => {}
            },
        }
    }

    fn told_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        if key.code == KeyCode::Enter {
            self.ask_next(wishes);
            return;
        }
        match keys::action(key) {
            Some(Action::Next | Action::Predict) => self.ask_next(wishes),
            Some(Action::PageDown) => self.quiz.top += PAGE,
            Some(Action::PageUp) => self.quiz.top = self.quiz.top.saturating_sub(PAGE),
            Some(Action::Back | Action::Previous) => self.end_quiz("no more questions"),
            Some(Action::Quit) => self.quit(wishes),
            Some(Action::Help) => self.open_help(),
            _ => {}
        }
    }

    /// Shows what came.
    fn reveal(&mut self) {
        if self.pages.row(self.cursor + 1).is_none() {
            self.notice = Some(if self.extent.complete {
                "nothing comes after this".to_owned()
            } else {
                "what comes next has not been read yet".to_owned()
            });
            return;
        }
        self.cursor += 1;
        self.quiz.stage = Stage::Told;
        let answers = self.answers();
        self.quiz.count(&answers);
    }

    /// What was asked, what was said, and what is so.
    pub(in crate::tui) fn answers(&self) -> Vec<Answer> {
        let asked_at = self.cursor.checked_sub(1);
        let board = self.quiz.board.as_ref();
        let board = board.filter(|(row, _)| Some(*row) == asked_at);
        let board = board.map(|(_, board)| &**board);
        let Some(row) = self.current() else {
            return Vec::new();
        };
        row.with(|event| match event {
            Event::Segment(segment) => guess::answers(&self.quiz.guess(), segment, board),
            _ => Vec::new(),
        })
    }
}
