//! docs/STEPPING.md is true: its screens are what the program shows when the keys are pressed that it names.
//!
//! ````markdown
//! ```console
//! $ wirelab step handshake
//! ```
//!
//! Go on with <kbd>j</kbd>:
//!
//! ```text
//! the screen, as it is then
//! ```
//! ````
//!
//! A command begins a walk, and the first screen is there before a key is pressed. Another one comes after all keys
//! in `<kbd>` since the one before, in their order; what is no name of a key is typed.

use std::{env, fs};

use super::SMALL;
use super::terminal::Terminal;

const BOOK: &str = "docs/STEPPING.md";
/// Keys by their names, as a terminal sends them.
const KEYS: [(&str, &str); 11] = [
    ("Backspace", "\x7f"),
    ("Down", "\x1b[B"),
    ("End", "\x1b[F"),
    ("Enter", "\r"),
    ("Esc", "\x1b"),
    ("Home", "\x1b[H"),
    ("Left", "\x1b[D"),
    ("Right", "\x1b[C"),
    ("Space", " "),
    ("Tab", "\t"),
    ("Up", "\x1b[A"),
];

/// The keys that a line of prose says to press.
fn keys(line: &str) -> impl Iterator<Item = &str> {
    let pieces = line.split("<kbd>").skip(1);
    pieces.map(|rest| rest.split_once("</kbd>").expect("a key ends in its line").0)
}

/// What a terminal sends for a key.
fn sent(key: &str) -> &str {
    let named = KEYS.iter().find(|(name, _)| *name == key);
    let typed = key.chars().count() == 1 || !key.starts_with(char::is_uppercase);
    assert!(named.is_some() || typed, "{BOOK}: there is no key {key}");
    named.map_or(key, |(_, sent)| *sent)
}

/// Lines of the document, and the program that goes along.
struct Walk {
    terminal: Option<Terminal>,
    /// Keys pressed since the last screen; `None` before the first.
    pressed: Option<Vec<String>>,
    /// The document with the screens as they are.
    written: String,
    /// Whether those of the document need not be so.
    anew: bool,
    screens: usize,
}

impl Walk {
    fn line(&mut self, line: &str) {
        self.written += line;
        self.written.push('\n');
    }

    fn start(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let ["$", "wirelab", words @ ..] = words.as_slice() else {
            panic!("{BOOK}: {command} is no command of ours");
        };
        if words.first() == Some(&"step") {
            self.terminal = Some(Terminal::start(words, SMALL, &[]));
            self.pressed = None;
        }
    }

    /// Presses what a line of prose says.
    fn prose(&mut self, line: &str) {
        for key in keys(line) {
            let pressed = self.pressed.as_mut();
            let pressed = pressed.unwrap_or_else(|| panic!("{BOOK}: no screen yet: {line}"));
            // With another key at once, a terminal sends the same as for Alt with that.
            let after_esc = pressed.last().is_some_and(|key| key == "Esc");
            assert!(
                !after_esc,
                "{BOOK}: Esc is the last key before a screen: {line}"
            );
            let terminal = self.terminal.as_mut().expect("a screen is of a program");
            terminal.keys(sent(key));
            pressed.push(key.to_owned());
        }
        self.line(line);
    }

    /// Compares a screen, or writes it.
    fn screen(&mut self, shown: &[&str]) {
        self.screens += 1;
        let pressed = self.pressed.replace(Vec::new()).unwrap_or_default();
        let terminal = self.terminal.as_mut().expect("a command before a screen");
        if !self.anew {
            let what = format!(
                "{BOOK}, the screen after the keys {pressed:?}, which is to be\n{}\n(UPDATE_STEPPING=1 cargo test --test \
                 suite walk writes it anew)\n",
                shown.join("\n")
            );
            terminal.until(&what, |terminal| {
                let text = terminal.text();
                text.lines().map(str::trim_end).eq(shown.iter().copied())
            });
        }
        let text = if self.anew {
            terminal.still()
        } else {
            shown.join("\n")
        };
        text.lines().for_each(|line| self.line(line.trim_end()));
    }
}

/// Goes through the document; gives it with the screens as they are, and how many they were.
fn follow(book: &str, anew: bool) -> (String, usize) {
    let mut walk = Walk {
        terminal: None,
        pressed: None,
        written: String::new(),
        anew,
        screens: 0,
    };
    let mut lines = book.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            walk.prose(line);
            continue;
        };
        walk.line(line);
        let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if fence == "text" {
            walk.screen(&inside);
        } else {
            for line in inside {
                walk.line(line);
                if fence == "console" {
                    walk.start(line);
                }
            }
        }
        walk.line("```");
    }
    (walk.written, walk.screens)
}

#[test]
fn the_walk_is_as_it_is_written() {
    let path = crate::root().join(BOOK);
    let book = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{BOOK}: {error}"));
    let anew = env::var_os("UPDATE_STEPPING").is_some();
    let (written, screens) = follow(&book, anew);
    assert!(screens > 12, "{screens} screens");
    if anew {
        fs::write(&path, written).expect("the document can be written");
    }
}
