//! A terminal as small as it can be: enough of one to see what a person would see.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use unicode_width::UnicodeWidthChar;

use super::program::wait_until;

/// A cell that the wide character before it covers.
const COVERED: char = '\0';

/// What a terminal shows after these bytes.
pub(super) struct Screen {
    cells: Vec<Vec<char>>,
    /// Line and column of the cursor, from 0; a column behind the last one is a line that is full.
    at: (usize, usize),
    saved: (usize, usize),
    /// The lines that scroll.
    scrolls: (usize, usize),
}

impl Screen {
    pub(super) fn of(bytes: &[u8], rows: usize, columns: usize) -> Self {
        let mut screen = Self {
            cells: vec![vec![' '; columns]; rows],
            at: (0, 0),
            saved: (0, 0),
            scrolls: (0, rows - 1),
        };
        let text = String::from_utf8_lossy(bytes);
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\r' => screen.at.1 = 0,
                '\n' => screen.down(),
                '\u{1b}' => screen.escape(&mut rest),
                c if c.is_control() => {}
                c => screen.put(c),
            }
        }
        screen
    }

    /// The lines from the top, without what is empty at their ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |cells: &Vec<char>| {
            let shown = cells.iter().filter(|it| **it != COVERED);
            shown.collect::<String>().trim_end().to_owned()
        };
        self.cells.iter().map(line).collect()
    }

    fn put(&mut self, c: char) {
        let columns = self.cells[0].len();
        if self.at.1 >= columns {
            self.at.1 = 0;
            self.down();
        }
        let width = c.width().unwrap_or(0);
        let cells = &mut self.cells[self.at.0];
        // A wide character covers the cells behind its own.
        for (at, cell) in cells.iter_mut().skip(self.at.1).take(width).enumerate() {
            *cell = if at == 0 { c } else { COVERED };
        }
        self.at.1 += width;
    }

    /// A line down; at the end of those that scroll, they do.
    fn down(&mut self) {
        let (first, last) = self.scrolls;
        if self.at.0 == last {
            let columns = self.cells[0].len();
            self.cells.remove(first);
            self.cells.insert(last, vec![' '; columns]);
        } else if self.at.0 + 1 < self.cells.len() {
            self.at.0 += 1;
        }
    }

    fn escape(&mut self, rest: &mut std::str::Chars<'_>) {
        match rest.next() {
            Some('7') => self.saved = self.at,
            Some('8') => self.at = self.saved,
            Some('D') => self.down(),
            Some('[') => {
                let mut given = String::new();
                let end = rest.find(|c| {
                    let is_end = c.is_ascii_alphabetic();
                    if !is_end {
                        given.push(*c);
                    }
                    is_end
                });
                self.control(&given, end.expect("a whole sequence"));
            }
            other => panic!("an escape that this terminal does not know: {other:?}"),
        }
    }

    fn control(&mut self, given: &str, end: char) {
        let numbers: Vec<usize> = given.split(';').filter_map(|it| it.parse().ok()).collect();
        let number = |at: usize, unless: usize| numbers.get(at).copied().unwrap_or(unless);
        let last = self.cells.len() - 1;
        match end {
            'A' => self.at.0 = self.at.0.saturating_sub(number(0, 1)),
            'H' => self.at = ((number(0, 1) - 1).min(last), number(1, 1) - 1),
            'r' => {
                self.scrolls = (number(0, 1) - 1, number(1, last + 1) - 1);
                self.at = (0, 0);
            }
            'K' if number(0, 0) == 2 => self.cells[self.at.0].fill(' '),
            'K' => self.cells[self.at.0]
                .iter_mut()
                .skip(self.at.1)
                .for_each(|it| *it = ' '),
            'J' => {
                let (row, column) = self.at;
                self.cells[row]
                    .iter_mut()
                    .skip(column)
                    .for_each(|it| *it = ' ');
                self.cells
                    .iter_mut()
                    .skip(row + 1)
                    .for_each(|it| it.fill(' '));
            }
            'm' | 'h' | 'l' => {}
            other => panic!("a sequence that this terminal does not know: {given}{other}"),
        }
    }
}

/// A program at a terminal of 80 columns, with somebody who types and reads; killed when dropped.
pub(super) struct AtTerminal {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl AtTerminal {
    /// Lines of its terminal.
    pub(super) const ROWS: usize = 40;
    const COLUMNS: usize = 80;

    pub(super) fn start(mut command: Command) -> Self {
        let size = Winsize {
            ws_row: Self::ROWS as u16,
            ws_col: Self::COLUMNS as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().expect("a descriptor"));
        let child = command
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(end(&pty.slave))
            .stdout(end(&pty.slave))
            .stderr(end(&pty.slave))
            .spawn()
            .expect("it starts");
        drop(pty.slave);
        let mut screen = File::from(pty.master.try_clone().expect("a descriptor"));
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let sink = Arc::clone(&shown);
        // Ends when the program has closed its end.
        thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut some) {
                sink.lock().expect("no panic").extend(&some[..count]);
            }
        });
        Self {
            child,
            keyboard: pty.master.into(),
            shown,
        }
    }

    pub(super) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("it reads");
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let shown = self.shown.lock().expect("no panic");
        Screen::of(&shown, Self::ROWS, Self::COLUMNS).lines()
    }

    /// Waits until a line has that in it.
    pub(super) fn shows(&self, what: &str) {
        wait_until(&format!("{what:?} on the screen"), || {
            self.lines().iter().any(|line| line.contains(what))
        });
    }

    /// Interrupts it, and gives its exit code.
    pub(super) fn interrupt(&mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, Signal::SIGINT).expect("it runs");
        self.child.wait().expect("its end").code()
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
