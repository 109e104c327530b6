//! What a message changes, and what is wished for then.

mod bytes;
mod copy;
mod ends;
mod folding;
mod follow;
mod listing;
mod marks;
mod panes;
mod playing;
mod pointing;
mod prompting;
mod quizzing;
mod seeking;
mod why;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::draw;
use super::keys::{self, Action};
use super::marks::Marks;
use super::message::{Extent, Message, Told, Wish};
use super::model::{Model, Over, Pane};
use super::pages::{PAGE_ROWS, Page};
use super::query::Query;

/// So many keys are kept that are pressed before there is anything to go to.
const MOST_EARLY: usize = 64;

impl Model {
    /// What to ask for before anything has happened.
    pub fn begin(&mut self) -> Vec<Wish> {
        let mut wishes = vec![
            Wish::Flows,
            Wish::View {
                number: self.view,
                flow: self.flow,
            },
        ];
        self.want_pages(&mut wishes);
        wishes
    }

    /// Takes in what happened. Gives what it would like to be told or have done, the most urgent last.
    pub fn update(&mut self, message: Message) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let before = self.cursor;
        match message {
            Message::Key(key) if key.kind != KeyEventKind::Release => self.key(&key, &mut wishes),
            Message::Key(_) => {}
            Message::Mouse(mouse) => self.mouse(mouse, &mut wishes),
            Message::Resize(columns, lines) => self.size = (columns, lines),
            Message::Told(told) => self.told(told, &mut wishes),
            Message::Tick(now) => self.tick(now),
        }
        self.follow(before);
        self.keep_in_sight();
        self.want_pages(&mut wishes);
        self.want_board(&mut wishes);
        self.want_evidence(&mut wishes);
        self.want_measure(&mut wishes);
        wishes
    }

    fn key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        self.notice = None;
        let ends = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        match self.over {
            _ if ends => self.quit(wishes),
            Some(Over::Help) => self.help_key(key, wishes),
            Some(Over::Flows) => self.list_key(key, wishes),
            Some(Over::Prompt) => self.prompt_key(key, wishes),
            Some(Over::Sums) => match keys::action(key) {
                Some(Action::Quit) => self.quit(wishes),
                Some(action) if self.sums_key(action) => {}
                _ => self.over = None,
            },
            None if self.quiz.is_on() => self.quiz_key(key, wishes),
            None => {
                if let Some(action) = keys::action(key) {
                    if self.is_too_early(action) {
                        self.early.push(*key);
                    } else {
                        self.act(action, wishes);
                    }
                }
            }
        }
    }

    /// Whether no row has come yet from which that would lead anywhere: who knows the capture types ahead. Of what is
    /// being made there may be none for long.
    const fn is_too_early(&self, action: Action) -> bool {
        let nothing = self.start.is_none() && !self.look.follows;
        nothing && self.early.len() < MOST_EARLY && keys::leads_elsewhere(action)
    }

    fn act(&mut self, action: Action, wishes: &mut Vec<Wish>) {
        if action != Action::Play {
            self.play.pause();
        }
        let screen = u64::from(draw::ladder_lines(self)).saturating_sub(1).max(1);
        if self.pane_key(action, wishes) {
            return;
        }
        match action {
            Action::Quit => self.quit(wishes),
            Action::Back => self.leave(wishes),
            Action::Help => self.open_help(),
            Action::Next => self.go(1),
            Action::Previous => self.go(-1),
            Action::PageDown => self.go_lines(screen, false),
            Action::PageUp => self.go_lines(screen, true),
            Action::First => self.cursor = 0,
            Action::Last => {
                self.cursor = self.extent.rows.saturating_sub(1);
                self.following = self.look.follows;
            }
            Action::Pane => self.next_pane(1),
            Action::PaneBack => self.next_pane(Pane::ALL.len() - 1),
            Action::NextEvent => self.seek_kind(Query::Event, false, wishes),
            Action::PreviousEvent => self.seek_kind(Query::Event, true, wishes),
            Action::NextProblem => self.seek_kind(Query::Problem, false, wishes),
            Action::PreviousProblem => self.seek_kind(Query::Problem, true, wishes),
            Action::NextFlow => self.seek_flow(false, wishes),
            Action::PreviousFlow => self.seek_flow(true, wishes),
            Action::Search => self.ask_what(false),
            Action::SearchBack => self.ask_what(true),
            Action::Again => self.seek_again(false, wishes),
            Action::AgainBack => self.seek_again(true, wishes),
            Action::TenthOn => self.jump_by_tenth(false),
            Action::TenthBack => self.jump_by_tenth(true),
            Action::Tenth(tenth) => self.jump(tenth.into(), 10),
            Action::Flows => self.open_list(wishes),
            Action::Alone => self.toggle_alone(wishes),
            Action::Fold => self.toggle_folds(),
            Action::Play => self.press_play(),
            Action::Predict => self.begin_quiz(wishes),
            // What a pane or a feature has not taken means nothing here.
            _ => {}
        }
    }

    fn quit(&mut self, wishes: &mut Vec<Wish>) {
        self.over_and_out = true;
        wishes.push(Wish::Quit);
    }

    /// Ends what was begun last.
    fn leave(&mut self, wishes: &mut Vec<Wish>) {
        if self.search.pending().is_some() {
            self.let_be(wishes);
        } else if let Some(last) = self.search.last.as_mut().filter(|last| last.marked) {
            last.marked = false;
        } else if self.marks.set.iter().any(Option::is_some) {
            self.marks = Marks::default();
            self.notice = Some("the marks are gone".to_owned());
        }
    }

    fn toggle_folds(&mut self) {
        self.folds.on = !self.folds.on;
        let now = if self.folds.on {
            "bulk data is folded into lines that count it"
        } else {
            "every row is shown"
        };
        self.notice = Some(now.to_owned());
    }

    fn open_help(&mut self) {
        (self.over, self.help_top) = (Some(Over::Help), 0);
    }

    fn help_key(&mut self, key: &KeyEvent, wishes: &mut Vec<Wish>) {
        let page = i64::from(self.size.1 / 2);
        match keys::action(key) {
            Some(Action::Next) => self.scroll_help(1),
            Some(Action::Previous) => self.scroll_help(-1),
            Some(Action::PageDown) => self.scroll_help(page),
            Some(Action::PageUp) => self.scroll_help(-page),
            Some(Action::Quit) => self.quit(wishes),
            _ => self.over = None,
        }
    }

    fn scroll_help(&mut self, by: i64) {
        let most = draw::help_overhang(self);
        let top = i64::from(self.help_top) + by;
        self.help_top = top.clamp(0, most.into()) as u16;
    }

    fn told(&mut self, told: Told, wishes: &mut Vec<Wish>) {
        match told {
            Told::Extent(view, extent) if view == self.view => {
                if extent.settled && !self.extent.settled {
                    self.pages.outdate();
                }
                // Frames that were not found may have been read by now.
                if extent.complete
                    && (!self.extent.complete || extent.settled != self.extent.settled)
                {
                    self.carry_marks(wishes);
                }
                self.extent = extent;
            }
            Told::Places(view, places) if view == self.view => self.place_marks(&places),
            Told::Page(view, page) if view == self.view => {
                self.page(page);
                for key in std::mem::take(&mut self.early) {
                    self.key(&key, wishes);
                }
            }
            Told::Board(view, row, board) if view == self.view => {
                self.quiz_board(row, board.as_deref());
                self.board(row, board);
            }
            Told::Found(view, search, found) if view == self.view => {
                self.found(search, found, wishes);
            }
            Told::Searching(view, search, row) if view == self.view => self.searching(search, row),
            Told::Frames(view, frames) if view == self.view => self.take_evidence(frames),
            Told::Overview(view, buckets) if view == self.view => self.overview = buckets,
            Told::Flows(flows) => {
                self.list.take(flows);
                self.list.keep_in_sight(draw::list_lines(self));
            }
            Told::Truth(minds) => self.ends.remember(minds),
            Told::Measured(view, from, to, measured) if view == self.view => {
                self.measured((from, to), measured);
            }
            Told::Notice(text) | Told::Failed(text) => self.notice = Some(text),
            _ => {}
        }
    }

    fn page(&mut self, page: Page) {
        self.awaited.retain(|number| *number != page.number);
        // A row has the same time whether all is looked at or its connection alone.
        if page.number == 0 && (self.flow.is_none() || self.start.is_none()) {
            self.start = page.rows.first().map(|row| row.time);
        }
        for segment in page.rows.iter().filter_map(|row| row.segment()) {
            self.several |= *self.only_flow.get_or_insert(segment.flow) != segment.flow;
        }
        // What is told of rows may come before how many there are.
        let known = page.number * PAGE_ROWS + page.rows.len() as u64;
        self.extent = Extent {
            rows: self.extent.rows.max(known),
            ..self.extent
        };
        self.folds.learn(&page);
        self.pages.put(page);
    }

    /// Forgets what belongs to a view that is no longer looked at.
    fn forget_rows(&mut self) {
        self.extent = Extent::default();
        self.pages.clear();
        self.awaited.clear();
        self.folds.clear();
        self.overview = [].into();
        self.search.forget();
        (self.cursor, self.top) = (0, 0);
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
}
