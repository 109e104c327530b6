//! One line under construction, which knows how wide it is.

use crate::view::{Paint, Style, text};

/// Characters to draw with.
pub(super) struct Glyphs {
    pub(super) line: char,
    pub(super) rule: char,
    pub(super) tail_left: char,
    pub(super) tail_right: char,
    pub(super) head_left: char,
    pub(super) head_right: char,
    pub(super) shaft: char,
    pub(super) again: char,
    pub(super) fold: char,
    pub(super) full: char,
    pub(super) free: char,
    /// Where an arrow leaves its row: one that goes to the right, and one to the left.
    pub(super) bends: [char; 2],
    pub(super) lost: char,
    pub(super) dots: &'static str,
    pub(super) to: &'static str,
    pub(super) from: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    line: '│',
    rule: '─',
    tail_left: '├',
    tail_right: '┤',
    head_left: '◀',
    head_right: '▶',
    shaft: '─',
    again: '╌',
    fold: '⋮',
    full: '█',
    free: '·',
    bends: ['╲', '╱'],
    lost: '✗',
    dots: "…",
    to: "→",
    from: "←",
};

const ASCII: Glyphs = Glyphs {
    line: '|',
    rule: '-',
    tail_left: '|',
    tail_right: '|',
    head_left: '<',
    head_right: '>',
    shaft: '-',
    again: '~',
    fold: ':',
    full: '#',
    free: '.',
    bends: ['\\', '/'],
    lost: 'x',
    dots: "...",
    to: "->",
    from: "<-",
};

/// What to draw with in that style.
pub(super) fn glyphs(style: &Style) -> &'static Glyphs {
    if style.unicode { &UNICODE } else { &ASCII }
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Pen {
    text: String,
    used: usize,
}

impl Pen {
    /// Columns used so far.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    pub(super) fn put(&mut self, style: &Style, paint: Paint, piece: &str) -> &mut Self {
        use std::fmt::Write;
        self.used += text::width(piece);
        let _ = write!(self.text, "{}", style.paint(paint, piece));
        self
    }

    pub(super) fn plain(&mut self, piece: &str) -> &mut Self {
        self.used += text::width(piece);
        self.text.push_str(piece);
        self
    }

    /// The same character so many times.
    pub(super) fn run(&mut self, style: &Style, paint: Paint, c: char, count: usize) -> &mut Self {
        if count == 0 {
            return self;
        }
        let piece: String = std::iter::repeat_n(c, count).collect();
        self.put(style, paint, &piece)
    }

    /// Spaces up to that column.
    pub(super) fn pad_to(&mut self, column: usize) -> &mut Self {
        while self.used < column {
            self.text.push(' ');
            self.used += 1;
        }
        self
    }

    /// The line without spaces at its end.
    pub(super) fn finish(&mut self) -> &str {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        &self.text
    }

    pub(super) fn clear(&mut self) -> &mut Self {
        self.text.clear();
        self.used = 0;
        self
    }
}
