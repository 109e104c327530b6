//! The stepping screen over a live capture: whether it keeps up with what passes, and still answers keys meanwhile
//! (docs/PERFORMANCE.md, "Following a live capture").
//!
//! Frames of a generated capture are sent at a steady rate over a veth pair between two namespaces, to nobody: the
//! kernel at the other end takes none of them for its own, so what is captured is what was sent.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use pnet_datalink::{Channel, Config};
use wirelab::io::clock::Stopwatch;
use wirelab::io::file;

use crate::generate;
use crate::screen::{Screen, median, place, row};
use crate::wire::Veth;

/// What is sent: frames of which capture, and how many a second.
const LOADS: [(&str, u32); 3] = [("mixed", 50_000), ("tiny", 100_000), ("bulk", 50_000)];
/// Seconds of it.
const SECONDS: f64 = 10.0;
/// So long before the end no more keys are pressed, to see when the last row comes.
const LAST: Duration = Duration::from_millis(1500);
/// Between two keys.
const BETWEEN_KEYS: Duration = Duration::from_millis(150);

/// Frames in memory, so that nothing but sending takes time.
struct Frames {
    bytes: Vec<u8>,
    each: Vec<Range<usize>>,
}

impl Frames {
    /// The first `most` of a capture.
    fn of(path: &Path, most: usize) -> io::Result<Self> {
        let mut source = file::open(path).map_err(io::Error::other)?;
        let mut frames = Self {
            bytes: Vec::new(),
            each: Vec::new(),
        };
        while frames.each.len() < most
            && let Some(frame) = source.next_frame().map_err(io::Error::other)?
        {
            let start = frames.bytes.len();
            frames.bytes.extend_from_slice(frame.bytes);
            frames.each.push(start..frames.bytes.len());
        }
        Ok(frames)
    }

    /// Sends all of them, so many a second in bursts of a millisecond; gives the seconds that it took, and a watch
    /// that began when it was over.
    fn send(&self, rate: u32) -> io::Result<(f64, Stopwatch)> {
        Veth::enter(Veth::NAMES[0])?;
        let all = pnet_datalink::interfaces();
        let found = all.iter().find(|one| one.name == Veth::IFACE);
        let found = found.ok_or_else(|| io::Error::other("the cable is gone"))?;
        let Channel::Ethernet(mut to, _) = pnet_datalink::channel(found, Config::default())? else {
            return Err(io::Error::other("that is no Ethernet"));
        };
        let burst = (rate / 1000).max(1) as usize;
        let watch = Stopwatch::start();
        for (at, frames) in self.each.chunks(burst).enumerate() {
            let due = Duration::from_secs_f64((at * burst) as f64 / f64::from(rate));
            if let Some(early) = due.checked_sub(watch.elapsed()) {
                thread::sleep(early);
            }
            for frame in frames {
                let bytes = self.bytes.get(frame.clone()).unwrap_or_default();
                to.send_to(bytes, None)
                    .ok_or_else(|| io::Error::other("nothing can be sent"))??;
            }
        }
        Ok((watch.elapsed().as_secs_f64(), Stopwatch::start()))
    }
}

/// What one load came to.
struct Measured {
    sent: usize,
    seconds: f64,
    rows: u64,
    dropped: u64,
    behind_ms: f64,
    keys_ms: Vec<f64>,
    peak_mib: f64,
    cpu_s: (f64, f64),
}

/// What was measured, as text.
pub(super) fn section(program: &str, folder: &Path, scale: f64) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    let mut text = String::from(
        "| frames of | sent | a second | dropped by the kernel | on the screen | behind at the end | a key, median | \
         worst | peak MiB | CPU s, user + system |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (name, rate) in LOADS {
        let path = folder.join(format!("{name}-1.pcap"));
        generate::capture(name, 1.0, &path)?;
        let most = (f64::from(rate) * SECONDS * scale) as usize;
        let frames = Frames::of(&path, most.max(1))?;
        let it = follow(program, &frames, rate)?;
        let worst = it.keys_ms.iter().copied().fold(0.0, f64::max);
        let line = format!(
            "| {name} | {} | {:.0} | {} | {} | {:.0} ms | {:.0} ms | {worst:.0} ms | {:.0} | {:.1} + {:.1} |",
            it.sent,
            it.sent as f64 / it.seconds,
            it.dropped,
            it.rows,
            it.behind_ms,
            median(it.keys_ms),
            it.peak_mib,
            it.cpu_s.0,
            it.cpu_s.1,
        );
        writeln!(io::stderr(), "{line}")?;
        let _ = writeln!(text, "{line}");
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cpus = thread::available_parallelism()?;
    let _ = writeln!(
        text,
        "\nOn {cpus} CPUs with a load of {} over the last minute, the sender and other programs included.",
        load.split(' ').next().unwrap_or("?"),
    );
    Ok(text)
}

/// Sends them past the screen, and types meanwhile.
fn follow(program: &str, frames: &Frames, rate: u32) -> io::Result<Measured> {
    let _made = Veth::make()?;
    let mut screen = Veth::inside(Veth::NAMES[1], || {
        Screen::open(program, &["capture", "-i", Veth::IFACE, "--tui", "tcp"])
    })?;
    screen.until("the screen", |text| text.contains("q quit"))?;
    let sent = frames.each.len() as u64;
    let all = |text: &str| place(text).is_some_and(|(_, rows, rest)| rows + dropped(&rest) >= sent);
    let (seconds, keys_ms, behind_ms) = thread::scope(|scope| {
        let sender = scope.spawn(|| frames.send(rate));
        screen.until("the first row", |text| row(text) > 0)?;
        let begin = Stopwatch::start();
        let typing = Duration::from_secs_f64(sent as f64 / f64::from(rate)).saturating_sub(LAST);
        let mut keys_ms = Vec::new();
        while begin.elapsed() < typing {
            keys_ms.extend(type_some(&mut screen)?);
        }
        screen.until("the last row", all)?;
        let seen = Stopwatch::start();
        let (seconds, over) = sender
            .join()
            .map_err(|_| io::Error::other("the sender broke off"))??;
        let behind = over.elapsed().saturating_sub(seen.elapsed());
        Ok::<_, io::Error>((seconds, keys_ms, behind.as_secs_f64() * 1e3))
    })?;
    let (_, rows, rest) = place(&screen.text()).unwrap_or_default();
    let (peak_mib, cpu_s) = (screen.peak_mib(), screen.cpu_s());
    let said = screen.quit()?;
    let last = said.trim_end().lines().last().unwrap_or_default();
    writeln!(io::stderr(), "{last}")?;
    Ok(Measured {
        sent: frames.each.len(),
        seconds,
        rows,
        dropped: dropped(&rest),
        behind_ms,
        keys_ms,
        peak_mib,
        cpu_s,
    })
}

/// What the first line says of packets that the kernel had no room for.
fn dropped(rest: &str) -> u64 {
    let before = rest.split(" dropped").next().filter(|it| *it != rest);
    let number = before.and_then(|it| it.rsplit(' ').next());
    let digits = number.map(|it| it.replace(',', ""));
    digits.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// The keys that change what is seen whatever passes: help and back, away from the end, to the beginning, and to the
/// end again; the milliseconds that each took.
fn type_some(screen: &mut Screen) -> io::Result<Vec<f64>> {
    let is_help = |text: &str| text.contains("a screen further");
    let mut times = Vec::new();
    let mut press = |screen: &mut Screen, key: &str, what: &str, fits: &dyn Fn(&str) -> bool| {
        screen.watch(BETWEEN_KEYS);
        screen.keys(key)?;
        times.push(screen.until(what, fits)?);
        Ok::<_, io::Error>(())
    };
    press(screen, "?", "the help", &is_help)?;
    press(screen, "?", "the ladder", &|text| !is_help(text))?;
    let place = |text: &str| place(text).unwrap_or_default();
    press(screen, "k", "the row before", &|text| {
        place(text).0 < place(text).1
    })?;
    press(screen, "g", "the first row", &|text| {
        place(text).0 == 1 && text.contains("SYN seq 0")
    })?;
    press(screen, "G", "the end", &|text| {
        place(text).0 == place(text).1
    })?;
    Ok(times)
}
