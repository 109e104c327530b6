//! Going to the frames that a reasoning rests on, and back.

use super::{Action, Model, Pane, Wish};
use crate::event::{Host, Kept};
use crate::tui::draw;
use crate::tui::query::Query;
use crate::tui::why::{Tour, evidence};

impl Model {
    /// Does what a key means in the why pane, which scrolls; gives whether it means anything there.
    pub(super) fn why_key(&mut self, action: Action) -> bool {
        let (room, lines) = draw::why_room(self);
        let most = lines.saturating_sub(room);
        let top = self.why.top;
        self.why.top = match action {
            Action::Next => top.saturating_add(1),
            Action::Previous => top.saturating_sub(1),
            Action::PageDown => top.saturating_add(room),
            Action::PageUp => top.saturating_sub(room),
            Action::First => 0,
            Action::Last => most,
            _ => return false,
        }
        .min(most);
        true
    }

    /// Shows the reasoning; where that is shown already, goes to the next frame that it rests on.
    pub(super) fn go_to_evidence(&mut self, wishes: &mut Vec<Wish>) {
        if self.show_why() {
            return;
        }
        if let Some(mut tour) = self.tour().cloned()
            && let Some(&frame) = tour.frames.get(tour.at + 1)
        {
            tour.at += 1;
            let host = tour.host;
            self.why.tour = Some(tour);
            self.go_to_frame(host, frame, wishes);
            return;
        }
        let Some(row) = self.current() else {
            return;
        };
        let (of, host, frames) = (row.frame, row.host(), evidence(row));
        let Some(&frame) = frames.first() else {
            self.notice = Some(match self.tour() {
                Some(tour) => format!(
                    "that was the last frame that frame {} rests on; Backspace goes back",
                    tour.of
                ),
                None => "there is nothing here that rests on other frames".to_owned(),
            });
            return;
        };
        self.remember();
        self.why.tour = Some(Tour {
            of,
            host,
            frames,
            at: 0,
        });
        self.go_to_frame(host, frame, wishes);
    }

    /// Shows the why pane in the place of another, and gives whether that was to be done.
    fn show_why(&mut self) -> bool {
        let alone = self.zoomed.then_some(self.focus);
        let shown = draw::place_of(self, Pane::Why).is_some();
        self.beside = Pane::Why;
        if alone == Some(Pane::Ladder) {
            self.zoomed = false;
        }
        if self.focus != Pane::Ladder {
            self.focus = Pane::Why;
        }
        !shown
    }

    /// Goes to a frame, or asks where it is. What it is evidence for is what is wanted then.
    fn go_to_frame(&mut self, host: Option<Host>, frame: u64, wishes: &mut Vec<Wish>) {
        self.beside = Pane::Why;
        let found = self.pages.frame(host, frame).map(|(row, _)| row);
        if let Some(row) = found {
            self.cursor = row;
            return;
        }
        let back = self.current().is_some_and(|row| frame < row.frame);
        let what = format!("frame {frame}");
        self.seek(&Query::Frame(host, frame), &what, back, wishes);
    }

    /// Goes back to where we came from.
    pub(super) fn turn_back(&mut self) {
        match self.came_from() {
            Some(row) => self.cursor = row,
            None => self.notice = Some("there is no place to go back to".to_owned()),
        }
    }

    /// Keeps the evidence of the row looked at, and asks for what of it is not at hand: it may be far away, or no
    /// row of what is looked at.
    pub(super) fn want_evidence(&mut self, wishes: &mut Vec<Wish>) {
        let Some(row) = self.current() else {
            return;
        };
        let (here, host, frames) = (row.frame, row.host(), evidence(row));
        if self.why.frame != Some(here) {
            self.why.frame = Some(here);
            self.why.top = 0;
            self.why.evidence.clear();
            self.why.asked.clear();
        }
        let mut missing = Vec::new();
        for frame in frames {
            if self.why.evidence.iter().any(|kept| kept.shows(host, frame)) {
                continue;
            }
            if let Some((_, row)) = self.pages.frame(host, frame) {
                let row = row.clone();
                self.why.evidence.push(row);
            } else if !self.why.asked.contains(&frame) {
                self.why.asked.push(frame);
                missing.push(frame);
            }
        }
        if !missing.is_empty() {
            let frames = missing;
            wishes.insert(0, Wish::Frames { host, frames });
        }
    }

    /// Takes in frames that were asked for; what the row looked at does not rest on is let go.
    pub(super) fn take_evidence(&mut self, frames: Vec<Kept>) {
        let Some(row) = self.current() else {
            return;
        };
        let (host, wanted) = (row.host(), evidence(row));
        for kept in frames {
            let is_wanted = wanted.iter().any(|frame| kept.shows(host, *frame));
            let is_known = |known: &Kept| (known.host(), known.frame) == (kept.host(), kept.frame);
            if is_wanted && !self.why.evidence.iter().any(is_known) {
                self.why.evidence.push(kept);
            }
        }
    }
}
