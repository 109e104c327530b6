//! A line that is being written: characters, and where in them the next one goes.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_width::UnicodeWidthChar;

use crate::view::text;

/// So many bytes are enough for anything that is asked here.
const MOST: usize = 512;

/// The line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    text: String,
    /// Byte before which the next character goes.
    at: usize,
}

impl Line {
    /// What is written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes that text in place of what is written.
    pub(super) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.at = self.text.len();
    }

    /// Does what the key does to a line that is written; whether it does anything.
    pub(super) fn key(&mut self, key: &KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let held = key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('u') if control => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            KeyCode::Char('k') if control => self.text.truncate(self.at),
            KeyCode::Char('w') if control => self.word_back(),
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            KeyCode::Left => self.at -= self.before(),
            KeyCode::Right => self.at += self.after(),
            KeyCode::Backspace => {
                let from = self.at - self.before();
                self.text.drain(from..self.at);
                self.at = from;
            }
            KeyCode::Delete => {
                self.text.drain(self.at..self.at + self.after());
            }
            KeyCode::Char(c) if !held => self.put(c),
            _ => return false,
        }
        true
    }

    fn put(&mut self, c: char) {
        let mut bytes = [0; 4];
        let one: &str = c.encode_utf8(&mut bytes);
        // What would be shown as something else is not what was meant to be written.
        if self.text.len() + one.len() <= MOST && text::escape(one) == one {
            self.text.insert(self.at, c);
            self.at += one.len();
        }
    }

    fn word_back(&mut self) {
        let kept = self.text[..self.at].trim_end();
        let from = kept.rfind(' ').map_or(0, |space| space + 1);
        self.text.drain(from..self.at);
        self.at = from;
    }

    fn before(&self) -> usize {
        let last = self.text[..self.at].chars().next_back();
        last.map_or(0, char::len_utf8)
    }

    fn after(&self) -> usize {
        let next = self.text[self.at..].chars().next();
        next.map_or(0, char::len_utf8)
    }

    /// The part of it that is seen in so many columns, and in which of them the next character goes.
    pub(super) fn seen(&self, columns: usize) -> (&str, usize) {
        // A column is kept for what comes next.
        let room = columns.saturating_sub(1);
        let (mut from, mut used) = (self.at, 0);
        for (at, c) in self.text[..self.at].char_indices().rev() {
            let width = c.width().unwrap_or(0);
            if used + width > room {
                break;
            }
            (from, used) = (at, used + width);
        }
        let place = used;
        let mut end = self.at;
        for c in self.text[self.at..].chars() {
            used += c.width().unwrap_or(0);
            if used > columns {
                break;
            }
            end += c.len_utf8();
        }
        (&self.text[from..end], place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, keys: &[KeyCode]) -> Line {
        let mut line = Line::default();
        for c in text.chars() {
            line.key(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        }
        for key in keys {
            line.key(&KeyEvent::new(*key, KeyModifiers::NONE));
        }
        line
    }

    #[test]
    fn keys_go_to_where_the_line_is_written() {
        use KeyCode::{Backspace, Char, Delete, End, Home, Left, Right};
        assert_eq!(line("sxyn", &[Left, Left, Backspace]).text(), "syn");
        assert_eq!(line("你好", &[Left, Char('们')]).text(), "你们好");
        assert_eq!(line("你好", &[Home, Delete, End, Char('!')]).text(), "好!");
        assert_eq!(line("", &[Left, Backspace, Delete, Right]).text(), "");
        let mut words = line("text GET", &[]);
        words.key(&KeyEvent::new(Char('w'), KeyModifiers::CONTROL));
        assert_eq!(words.text(), "text ");
        words.key(&KeyEvent::new(Char('u'), KeyModifiers::CONTROL));
        assert_eq!(words.text(), "");
    }

    #[test]
    fn control_codes_are_not_written() {
        assert_eq!(line("a\u{1b}[31m\u{202e}b", &[]).text(), "a[31mb");
    }

    #[test]
    fn a_long_line_shows_where_it_is_written() {
        assert_eq!(line("abcdef", &[]).seen(4), ("def", 3));
        assert_eq!(line("abcdef", &[KeyCode::Home]).seen(4), ("abcd", 0));
        assert_eq!(line("你好吗", &[]).seen(5), ("好吗", 4));
        assert_eq!(line("你好吗", &[KeyCode::Home]).seen(5), ("你好", 0));
        assert_eq!(line("", &[]).seen(0), ("", 0));
    }
}
