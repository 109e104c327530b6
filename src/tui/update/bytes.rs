//! Moving through the fields and the bytes of a frame.

use super::{Action, Model, Over};
use crate::inspect::{Line, Outline};
use crate::tui::bytes::MOST_FOLDED;
use crate::tui::draw;

/// A step through the bytes pane.
#[derive(Clone, Copy)]
enum Step {
    /// So many lines of the tree.
    Lines(isize),
    /// So many bytes of the dump.
    Bytes(isize),
    /// To the first line, or the last one.
    Ends(bool),
    /// Folds the header looked at, or unfolds it.
    Fold,
}

impl Model {
    /// Does what a key means in the bytes pane; gives whether it means anything there.
    pub(super) fn bytes_key(&mut self, action: Action) -> bool {
        let (lines, row) = draw::bytes_room(self);
        let (lines, row) = (lines.max(1) as isize, row.max(1) as isize);
        let along = |lines: isize| match self.bytes.dump {
            true => Step::Bytes(lines * row),
            false => Step::Lines(lines),
        };
        let step = match action {
            Action::Next => along(1),
            Action::Previous => along(-1),
            Action::PageDown => along(lines),
            Action::PageUp => along(-lines),
            Action::First => Step::Ends(false),
            Action::Last => Step::Ends(true),
            Action::Right => Step::Bytes(1),
            Action::Left => Step::Bytes(-1),
            Action::Enter => Step::Fold,
            Action::Switch => {
                self.bytes.dump = !self.bytes.dump;
                return true;
            }
            _ => return false,
        };
        self.step(step);
        true
    }

    fn step(&mut self, step: Step) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let _ = self.with_sheet(|_, sheet, _| {
            let outline = Outline::new(sheet);
            let at = bytes.at(&outline);
            let go = |bytes: &mut crate::tui::bytes::Bytes, index: usize, within: usize| {
                if let Some(spot) = outline.line(index).and_then(|line| outline.spot(line)) {
                    (bytes.spot, bytes.within) = (Some(spot), within);
                }
            };
            match step {
                Step::Lines(by) => {
                    let shown = bytes.shown(&outline);
                    let from = shown.iter().position(|index| *index == at).unwrap_or(0);
                    let to = from.saturating_add_signed(by);
                    let to = to.min(shown.len().saturating_sub(1));
                    if let Some(&index) = shown.get(to) {
                        go(&mut bytes, index, 0);
                    }
                }
                Step::Ends(last) => {
                    let shown = bytes.shown(&outline);
                    let to = if last { shown.last() } else { shown.first() };
                    go(&mut bytes, to.copied().unwrap_or(0), 0);
                }
                Step::Bytes(by) => {
                    let Some(line) = outline.line(at) else {
                        return;
                    };
                    let (origin, range) = outline.bytes_of(line);
                    let last = sheet.bytes(origin).len().saturating_sub(1);
                    let within = bytes.within.min(range.len().saturating_sub(1));
                    let from = range.start + within;
                    let to = from.saturating_add_signed(by);
                    // Past an end there is nothing; a row further there may be.
                    let to = if to > last && by > 1 {
                        from
                    } else {
                        to.min(last)
                    };
                    if to == from && by.unsigned_abs() > 1 {
                        return;
                    }
                    let Some(index) = outline.of_byte(origin, to) else {
                        return;
                    };
                    let found = outline.line(index).unwrap_or(line);
                    let header = Outline::header_of(found);
                    if let Some(place) = header.and_then(|header| outline.place(header)) {
                        bytes.folded.retain(|folded| *folded != place);
                    }
                    let (_, range) = outline.bytes_of(found);
                    go(&mut bytes, index, to.saturating_sub(range.start));
                }
                Step::Fold => {
                    let header = outline.line(at).and_then(Outline::header_of);
                    let Some((header, place)) =
                        header.and_then(|header| Some((header, outline.place(header)?)))
                    else {
                        return;
                    };
                    let held = bytes.folded.len();
                    bytes.folded.retain(|folded| *folded != place);
                    if bytes.folded.len() == held && held < MOST_FOLDED {
                        bytes.folded.push(place);
                    }
                    let line = Line::Header(header);
                    let index = outline.lines.iter().position(|it| *it == line);
                    go(&mut bytes, index.unwrap_or(at), 0);
                }
            }
        });
        self.bytes = bytes;
    }

    /// Opens the checksums, worked out.
    pub(super) fn show_sums(&mut self) {
        if self.current().is_some() {
            self.bytes.sums_top = 0;
            self.over = Some(Over::Sums);
        }
    }

    /// Scrolls them, or closes them.
    pub(super) fn sums_key(&mut self, action: Action) -> bool {
        let (room, lines) = draw::sums_room(self);
        let most = lines.saturating_sub(room);
        let top = self.bytes.sums_top;
        self.bytes.sums_top = match action {
            Action::Next => top.saturating_add(1),
            Action::Previous => top.saturating_sub(1),
            Action::PageDown => top.saturating_add(room),
            Action::PageUp => top.saturating_sub(room),
            Action::First => 0,
            Action::Last => most,
            Action::Back | Action::Sums | Action::Enter => {
                self.over = None;
                return true;
            }
            // Anything else is for who has the keys without it.
            _ => return false,
        }
        .min(most);
        true
    }
}
