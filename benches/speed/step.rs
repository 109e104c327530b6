//! The stepping screen: how soon its first page is there, what it keeps in memory on the way through a large
//! capture, how long a jump takes, and how many pictures a second it draws while it scrolls.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use wirelab::analysis::{Analysis, Limits};
use wirelab::event::Kept;
use wirelab::io::clock::Stopwatch;
use wirelab::io::file;
use wirelab::tui::{Extent, Look, Message, Model, PAGE_ROWS, Page, Told, Wish, draw};

use crate::generate;

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_mins(2);
/// Pictures drawn for each size.
const PICTURES: usize = 2_000;

/// The program on a terminal of its own.
struct Screen {
    child: Child,
    keyboard: File,
    sent: Receiver<Vec<u8>>,
    shown: vt100::Parser,
    begun: Stopwatch,
}

impl Screen {
    fn open(program: &str, capture: &str) -> io::Result<Self> {
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
            .args(["--ctty", program, "step", capture])
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
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

    /// Milliseconds until the screen is as `fits` says.
    fn until(&mut self, fits: impl Fn(&str) -> bool) -> io::Result<f64> {
        let begin = Stopwatch::start();
        while !fits(&self.shown.screen().contents()) {
            let bytes = self.sent.recv_timeout(Duration::from_millis(100));
            self.shown.process(&bytes.unwrap_or_default());
            if begin.elapsed() > PATIENCE {
                let text = self.shown.screen().contents();
                return Err(io::Error::other(format!("it never came:\n{text}")));
            }
        }
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    }

    fn keys(&mut self, keys: &str) -> io::Result<()> {
        self.keyboard.write_all(keys.as_bytes())
    }

    /// The row that is looked at, as the title says; 0 while it says nothing.
    fn row(text: &str) -> u64 {
        let title = text.lines().next().unwrap_or_default();
        let before = title.split(" of ").next().unwrap_or_default();
        let number = before.rsplit(' ').next().unwrap_or_default();
        number.replace([',', '\u{202f}'], "").parse().unwrap_or(0)
    }

    /// The largest resident set so far, in MiB.
    fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let line = status.unwrap_or_default();
        let line = line.lines().find(|line| line.starts_with("VmHWM"));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(0.0);
        kib / 1024.0
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// What was measured, as text.
pub(crate) fn section(program: &str, folder: &Path, scale: f64, runs: usize) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    let mut text = String::from(
        "| capture | first page | all read, twice where that tells more | to its end | a screen back, median | peak MiB |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for name in ["bulk", "mixed"] {
        let path = folder.join(format!("{name}-{scale}.pcap"));
        let packets = generate::capture(name, scale, &path)?;
        let path = path.display().to_string();
        let megabytes = fs::metadata(&path)?.len() as f64 / 1e6;
        io::copy(&mut File::open(&path)?, &mut io::sink())?;
        let mut first = Vec::new();
        for _ in 0..runs.max(1) {
            let mut screen = Screen::open(program, &path)?;
            screen.until(|text| text.contains("SYN seq 0"))?;
            first.push(screen.begun.elapsed().as_secs_f64() * 1e3);
        }
        let (read, end, back, peak) = walk(program, &path)?;
        let _ = writeln!(
            text,
            "| {name}, {packets} packets, {megabytes:.0} MB | {:.0} ms | {read:.1} s | {end:.0} ms | {back:.0} ms | {peak:.0} |",
            median(first)
        );
    }
    let _ = writeln!(text, "\nUpdating and drawing, without a terminal:\n");
    for (columns, lines) in [(80, 24), (200, 60)] {
        let rate = scrolling(columns, lines)?;
        let _ = writeln!(text, "- {columns} × {lines}: {rate:.0} pictures a second");
    }
    Ok(text)
}

/// Seconds until all is read, milliseconds to its end and a screen back from there, and the memory that all of
/// that took.
fn walk(program: &str, path: &str) -> io::Result<(f64, f64, f64, f64)> {
    let mut screen = Screen::open(program, path)?;
    let settled = |text: &str| {
        let title = text.lines().next().unwrap_or_default();
        title.contains(" of ") && !title.contains("read") && !title.contains("change")
    };
    screen.until(settled)?;
    let read = screen.begun.elapsed().as_secs_f64();
    screen.keys("G")?;
    let end = screen.until(|text| Screen::row(text) > 1 && text.contains(" ACK"))?;
    let mut back = Vec::new();
    for _ in 0..100 {
        let before = Screen::row(&screen.shown.screen().contents());
        screen.keys("\x1b[5~")?;
        back.push(screen.until(|text| Screen::row(text) < before)?);
    }
    for _ in 0..5 {
        screen.keys("g")?;
        screen.until(|text| text.contains("SYN seq 0"))?;
        screen.keys("G")?;
        screen.until(|text| Screen::row(text) > 1)?;
    }
    let peak = screen.peak_mib();
    screen.keys("q")?;
    screen.child.wait()?;
    Ok((read, end, median(back), peak))
}

/// Pictures a second, a row further each.
fn scrolling(columns: u16, lines: u16) -> io::Result<f64> {
    let (_, bytes) = wirelab::recordings::capture("slow-start")
        .ok_or_else(|| io::Error::other("the recording is gone"))?;
    let mut source = file::from_bytes(bytes).map_err(io::Error::other)?;
    let mut analysis = Analysis::new(Limits::default());
    let mut rows = Vec::new();
    while let Some(frame) = source.next_frame().map_err(io::Error::other)? {
        analysis.handle(&frame, &mut |event| {
            rows.extend(Kept::of(&frame, event));
            Ok::<(), io::Error>(())
        })?;
    }
    let mut model = Model::new(Look::default(), (columns, lines));
    let backend = TestBackend::new(columns, lines);
    let mut terminal = Terminal::new(backend).map_err(io::Error::other)?;
    let mut wishes = model.begin();
    let extent = Extent {
        rows: rows.len() as u64,
        complete: true,
        settled: true,
        ..Extent::default()
    };
    wishes.extend(model.update(Message::Told(Told::Extent(0, extent))));
    let begin = Stopwatch::start();
    for picture in 0..PICTURES {
        while let Some(wish) = wishes.pop() {
            if let Wish::Page(number) = wish {
                let from = (number * PAGE_ROWS) as usize;
                let page = rows.iter().skip(from).take(PAGE_ROWS as usize).cloned();
                let page = Page {
                    number,
                    rows: page.collect(),
                };
                wishes.extend(model.update(Message::Told(Told::Page(0, page))));
            }
        }
        terminal
            .draw(|frame| draw(&model, frame))
            .map_err(io::Error::other)?;
        // Down for as long as there is anything, then up again.
        let down = (picture / (rows.len() - 1).max(1)).is_multiple_of(2);
        let code = if down { KeyCode::Down } else { KeyCode::Up };
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        wishes.extend(model.update(Message::Key(key)));
    }
    Ok(PICTURES as f64 / begin.elapsed().as_secs_f64())
}
