//! The stepping screen: how soon its first page is there, what it keeps in memory on the way through a large
//! capture, how long a jump takes, and how many pictures a second it draws while it scrolls.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::thread;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use wirelab::analysis::{Analysis, Limits};
use wirelab::event::Kept;
use wirelab::io::clock::Stopwatch;
use wirelab::io::file;
use wirelab::tui::{Extent, Look, Message, Model, PAGE_ROWS, Page, Told, Wish, draw};

use crate::generate;
use crate::screen::{Screen, median, place, row};

/// Pictures drawn for each size.
const PICTURES: usize = 2_000;

/// What was measured, as text.
pub(crate) fn section(program: &str, folder: &Path, scale: f64, runs: usize) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    let mut text = String::from(
        "| capture | first page | all read, twice where that tells more | of that CPU s, user + system | to its end | \
         a screen back | peak MiB |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for name in ["bulk", "mixed"] {
        let path = folder.join(format!("{name}-{scale}.pcap"));
        let packets = generate::capture(name, scale, &path)?;
        let path = path.display().to_string();
        let megabytes = fs::metadata(&path)?.len() as f64 / 1e6;
        io::copy(&mut File::open(&path)?, &mut io::sink())?;
        let mut first = Vec::new();
        for _ in 0..runs.max(1) {
            let mut screen = Screen::open(program, &["step", &path])?;
            screen.until("the first row", |text| text.contains("SYN seq 0"))?;
            first.push(screen.begun.elapsed().as_secs_f64() * 1e3);
        }
        writeln!(io::stderr(), "{name}: first pages after {first:.0?} ms")?;
        let mut walks = Vec::new();
        for _ in 0..runs.max(1) {
            walks.push(walk(program, &path)?);
            writeln!(io::stderr(), "{name}: {:.1?}", walks.last())?;
        }
        let middle = |of: &dyn Fn(&Walk) -> f64| median(walks.iter().map(of).collect());
        let _ = writeln!(
            text,
            "| {name}, {packets} packets, {megabytes:.0} MB | {:.0} ms | {:.1} s | {:.1} + {:.1} | {:.0} ms | {:.0} ms | {:.0} |",
            median(first),
            middle(&|it| it.read_s),
            middle(&|it| it.cpu_s.0),
            middle(&|it| it.cpu_s.1),
            middle(&|it| it.end_ms),
            middle(&|it| it.back_ms),
            middle(&|it| it.peak_mib),
        );
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).unwrap_or("?");
    let cpus = thread::available_parallelism()?;
    let _ = writeln!(
        text,
        "\nMedians of {runs} runs, on {cpus} CPUs with a load of {load} over the last five minutes, other programs' \
         work included.\n\nUpdating and drawing, without a terminal:\n"
    );
    for (columns, lines) in [(80, 24), (200, 60)] {
        let rates = (0..runs.max(1)).map(|_| scrolling(columns, lines));
        let rate = median(rates.collect::<io::Result<_>>()?);
        let _ = writeln!(text, "- {columns} × {lines}: {rate:.0} pictures a second");
    }
    Ok(text)
}

/// One way through a capture.
#[derive(Debug)]
struct Walk {
    /// Until all is read, and the CPU seconds of that.
    read_s: f64,
    cpu_s: (f64, f64),
    /// To its end, and a screen back from there.
    end_ms: f64,
    back_ms: f64,
    /// The memory that all of that took.
    peak_mib: f64,
}

fn walk(program: &str, path: &str) -> io::Result<Walk> {
    let mut screen = Screen::open(program, &["step", path])?;
    // As long as there may be more, the first line says so behind the numbers.
    let settled = |text: &str| place(text).is_some_and(|(.., rest)| rest.is_empty());
    screen.until("the end of reading", settled)?;
    let read_s = screen.begun.elapsed().as_secs_f64();
    let cpu_s = screen.cpu_s();
    screen.keys("G")?;
    let end_ms = screen.until("the last row", |text| is_at_end(text) && is_drawn(text))?;
    let mut back = Vec::new();
    for _ in 0..100 {
        let before = row(&screen.text());
        screen.keys("\x1b[5~")?;
        let further_up = |text: &str| (1..before).contains(&row(text)) && is_drawn(text);
        back.push(screen.until("a screen back", further_up)?);
    }
    for _ in 0..5 {
        screen.keys("g")?;
        screen.until("the first row again", |text| {
            row(text) == 1 && text.contains("SYN seq 0")
        })?;
        screen.keys("G")?;
        screen.until("the last row again", |text| {
            is_at_end(text) && is_drawn(text)
        })?;
    }
    let peak_mib = screen.peak_mib();
    screen.quit()?;
    Ok(Walk {
        read_s,
        cpu_s,
        end_ms,
        back_ms: median(back),
        peak_mib,
    })
}

fn is_at_end(text: &str) -> bool {
    place(text).is_some_and(|(row, rows, _)| row == rows)
}

/// Whether the row that is looked at stands there: its frame has the number of the row in captures that have TCP only.
fn is_drawn(text: &str) -> bool {
    let number = row(text).to_string();
    let begins = |line: &str| line.split_whitespace().next() == Some(&number);
    text.lines().skip(1).any(begins)
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
