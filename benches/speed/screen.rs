//! The program on a pseudo-terminal: what is typed, what is seen, and how long that takes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use wirelab::io::clock::Stopwatch;

/// Nothing that is measured takes so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// The program on a terminal of its own, of 80 × 24.
pub(super) struct Screen {
    pub(super) child: Child,
    keyboard: File,
    sent: Receiver<Vec<u8>>,
    shown: vt100::Parser,
    pub(super) begun: Stopwatch,
}

impl Screen {
    /// Starts `program` with these words.
    pub(super) fn open(program: &str, words: &[&str]) -> io::Result<Self> {
        let (lines, columns) = (NonZero::new(24), NonZero::new(80));
        let none = || io::Error::other("a terminal has lines and columns");
        let (lines, columns) = (lines.ok_or_else(none)?, columns.ok_or_else(none)?);
        let size = Winsize {
            ws_row: lines.get(),
            ws_col: columns.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None)?;
        let end = || pty.slave.try_clone().map(Stdio::from);
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", program])
            .args(words)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID")
            .stdin(end()?)
            .stdout(end()?)
            .stderr(end()?);
        let keyboard = File::from(pty.master);
        let mut from = keyboard.try_clone()?;
        let (to, sent) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if to.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let begun = Stopwatch::start();
        Ok(Self {
            child: command.spawn()?,
            keyboard,
            sent,
            shown: vt100::Parser::new(lines, columns, 0),
            begun,
        })
    }

    /// What stands there.
    pub(super) fn text(&self) -> String {
        self.shown.screen().contents()
    }

    /// Milliseconds until the screen is as `fits` says, which is called `what`.
    pub(super) fn until(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> io::Result<f64> {
        let begin = Stopwatch::start();
        while !fits(&self.text()) {
            let bytes = self.sent.recv_timeout(Duration::from_millis(100));
            self.shown.process(&bytes.unwrap_or_default());
            if begin.elapsed() > PATIENCE {
                let text = self.text();
                return Err(io::Error::other(format!("{what} never came:\n{text}")));
            }
        }
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    }

    /// Takes in what is drawn for so long.
    pub(super) fn watch(&mut self, time: Duration) {
        let begin = Stopwatch::start();
        while let Some(left) = time.checked_sub(begin.elapsed()) {
            let bytes = self.sent.recv_timeout(left);
            self.shown.process(&bytes.unwrap_or_default());
        }
    }

    /// Types these.
    pub(super) fn keys(&mut self, keys: &str) -> io::Result<()> {
        self.keyboard.write_all(keys.as_bytes())
    }

    /// The largest resident set so far, in MiB.
    pub(super) fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let line = status.unwrap_or_default();
        let line = line.lines().find(|line| line.starts_with("VmHWM"));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0.0);
        kib / 1024.0
    }

    /// CPU seconds of its process so far, user and system.
    pub(super) fn cpu_s(&self) -> (f64, f64) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // The name, in parentheses, may have anything in it; the times are the 12th and 13th word behind it.
        let words = stat.rsplit(')').next().unwrap_or_default();
        let seconds = |at: usize| {
            let ticks: Option<f64> = words
                .split_whitespace()
                .nth(at)
                .and_then(|it| it.parse().ok());
            // USER_HZ is 100 wherever Linux runs.
            ticks.unwrap_or(0.0) / 100.0
        };
        (seconds(11), seconds(12))
    }

    /// Ends it by its key, and gives everything that it has said behind the screen.
    pub(super) fn quit(&mut self) -> io::Result<String> {
        self.keys("q")?;
        self.child.wait()?;
        self.watch(Duration::from_millis(100));
        Ok(self.text())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number as the screen writes it.
fn number(word: &str) -> Option<u64> {
    word.replace([',', '\u{202f}'], "").parse().ok()
}

/// What the first line says of the row that is looked at: its number, how many there are, and what else.
pub(super) fn place(text: &str) -> Option<(u64, u64, String)> {
    let title = text.lines().next()?;
    // A title may have the same words.
    let (before, after) = title.rsplit_once(" of ")?;
    let (rows, rest) = after.split_once(' ').unwrap_or((after, ""));
    let row = number(before.rsplit(' ').next()?)?;
    let rows = number(rows.trim_end_matches(','))?;
    Some((row, rows, rest.trim().to_owned()))
}

/// The row that is looked at; 0 while nothing is said of it.
pub(super) fn row(text: &str) -> u64 {
    place(text).map_or(0, |(row, ..)| row)
}

/// The number in the middle.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
