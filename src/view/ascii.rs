//! What is drawn, with ASCII characters only (`--ascii`), whoever drew it: most parts choose signs of their own
//! there, and what is left (a cut mark, the sign of micro, payload in Chinese) is replaced here, each by as many
//! columns as it takes.

use std::io::{self, Write};

use super::{View, text};
use crate::event::Event;

/// What stands for signs of ours; for others a question mark does.
const SIGNS: [(char, char); 26] = [
    ('…', '~'),
    ('≈', '~'),
    ('µ', 'u'),
    ('μ', 'u'),
    ('×', 'x'),
    ('╳', 'x'),
    ('·', '.'),
    ('•', '*'),
    ('→', '>'),
    ('←', '<'),
    ('▶', '>'),
    ('◀', '<'),
    ('↑', '^'),
    ('▲', '^'),
    ('↓', 'v'),
    ('–', '-'),
    ('—', '-'),
    ('─', '-'),
    ('│', '|'),
    ('⋮', ':'),
    ('“', '"'),
    ('”', '"'),
    ('‘', '\''),
    ('’', '\''),
    ('\u{a0}', ' '),
    ('█', '#'),
];

/// The text in ASCII, as wide as it was.
pub fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else if let Some((_, sign)) = SIGNS.iter().find(|(of, _)| *of == c) {
            out.push(*sign);
        } else {
            let mut one = [0; 4];
            let width = text::width(c.encode_utf8(&mut one));
            out.extend(std::iter::repeat_n('?', width));
        }
    }
    out
}

/// A view whose text is ASCII.
pub struct Ascii {
    view: Box<dyn View>,
    written: Vec<u8>,
}

impl Ascii {
    /// The view, as far as ASCII can show what it draws.
    pub const fn of(view: Box<dyn View>) -> Self {
        Self {
            view,
            written: Vec::new(),
        }
    }

    fn pass_on(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let done = if self.written.is_ascii() {
            out.write_all(&self.written)
        } else {
            out.write_all(ascii(&String::from_utf8_lossy(&self.written)).as_bytes())
        };
        self.written.clear();
        done
    }
}

impl View for Ascii {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.view.event(event, &mut self.written)?;
        self.pass_on(out)
    }

    fn shows_segments(&self) -> bool {
        self.view.shows_segments()
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.view.pause(&mut self.written)?;
        self.pass_on(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_as_wide_as_it_was() {
        let text = "228µs … ×128 “小黑” é\u{301} →\u{1b}[1m";
        let shown = ascii(text);
        assert_eq!(shown, "228us ~ x128 \"????\" ? >\u{1b}[1m");
        assert_eq!(text::width(&shown), text::width(text));
        for (sign, _) in SIGNS {
            assert_eq!(text::width(&sign.to_string()), 1, "{sign}");
        }
    }
}
