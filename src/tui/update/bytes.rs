//! Moving through the fields and the bytes of a frame.

use super::{Action, Model, Over};
use crate::inspect::{Line, Outline, Sheet};
use crate::tui::bytes::{Bytes, MOST_FOLDED};
use crate::tui::draw;

/// A step through the bytes pane.
#[derive(Clone, Copy)]
enum Step {
    /// So many lines of the tree.
    Lines(isize),
    /// So many bytes of the dump, or as many rows of that many as there are.
    Bytes(isize, isize),
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
        let dump = self.bytes.dump;
        let along = |lines: isize| {
            if dump {
                Step::Bytes(lines * row, row)
            } else {
                Step::Lines(lines)
            }
        };
        let step = match action {
            Action::Next => along(1),
            Action::Previous => along(-1),
            Action::PageDown => along(lines),
            Action::PageUp => along(-lines),
            Action::First => Step::Ends(false),
            Action::Last => Step::Ends(true),
            Action::Right => Step::Bytes(1, 1),
            Action::Left => Step::Bytes(-1, 1),
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
            match step {
                Step::Lines(by) => bytes.by_lines(&outline, by),
                Step::Ends(last) => bytes.go_to_end(&outline, last),
                Step::Bytes(by, row) => bytes.by_bytes(sheet, &outline, by, row),
                Step::Fold => bytes.fold(&outline),
            }
        });
        self.bytes = bytes;
    }

    /// Opens the checksums, worked out.
    pub(super) fn show_sums(&mut self) {
        match self.current() {
            Some(row) if row.has_frame() => {
                self.bytes.sums_top = 0;
                self.over = Some(Over::Sums);
            }
            Some(_) => self.notice = Some("there is no packet here".to_owned()),
            None => {}
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

impl Bytes {
    /// Looks at that line, and at a byte of it.
    fn look_at(&mut self, outline: &Outline<'_, '_>, index: usize, within: usize) {
        if let Some(spot) = outline.line(index).and_then(|line| outline.spot(line)) {
            (self.spot, self.within) = (Some(spot), within);
        }
    }

    /// Goes on by so many lines that are not hidden.
    fn by_lines(&mut self, outline: &Outline<'_, '_>, by: isize) {
        let (at, shown) = (self.at(outline), self.shown(outline));
        let from = shown.iter().position(|index| *index == at).unwrap_or(0);
        let to = from.saturating_add_signed(by);
        if let Some(&index) = shown.get(to.min(shown.len().saturating_sub(1))) {
            self.look_at(outline, index, 0);
        }
    }

    /// Goes to the first line, or the last one.
    fn go_to_end(&mut self, outline: &Outline<'_, '_>, last: bool) {
        let shown = self.shown(outline);
        let to = if last { shown.last() } else { shown.first() };
        self.look_at(outline, to.copied().unwrap_or(0), 0);
    }

    /// Goes on by so many bytes, to the field or whatever that byte belongs to; as many rows as there are.
    fn by_bytes(&mut self, sheet: &Sheet<'_>, outline: &Outline<'_, '_>, by: isize, row: isize) {
        let Some(line) = outline.line(self.at(outline)) else {
            return;
        };
        let (origin, range) = outline.bytes_of(line);
        let last = sheet.bytes(origin).len().saturating_sub(1);
        let within = self.within.min(range.len().saturating_sub(1));
        let from = range.start + within;
        let mut by = by;
        let to = loop {
            match from.checked_add_signed(by) {
                Some(to) if to <= last => break to,
                _ if by.abs() <= row => return,
                _ => by -= by.signum() * row,
            }
        };
        let Some(index) = outline.of_byte(origin, to) else {
            return;
        };
        let found = outline.line(index).unwrap_or(line);
        let header = Outline::header_of(found);
        if let Some(place) = header.and_then(|header| outline.place(header)) {
            self.folded.retain(|folded| *folded != place);
        }
        let (_, range) = outline.bytes_of(found);
        self.look_at(outline, index, to.saturating_sub(range.start));
    }

    /// Hides the fields of the header looked at, or shows them.
    fn fold(&mut self, outline: &Outline<'_, '_>) {
        let at = self.at(outline);
        let Some(header) = outline.line(at).and_then(Outline::header_of) else {
            return;
        };
        let Some(place) = outline.place(header) else {
            return;
        };
        let held = self.folded.len();
        self.folded.retain(|folded| *folded != place);
        if self.folded.len() == held && held < MOST_FOLDED {
            self.folded.push(place);
        }
        let line = Line::Header(header);
        let index = outline.lines.iter().position(|it| *it == line);
        self.look_at(outline, index.unwrap_or(at), 0);
    }
}
