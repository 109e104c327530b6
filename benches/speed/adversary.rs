//! Captures made to hurt: what takes a tracker's lists, tables and searches to their limits. Time has to
//! grow with the packets and no faster, and memory not at all beyond its bounds.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::generate::Dice;
use crate::packet::{ACK, Host, PSH, RST, SYN, Segment, Writer};
use crate::tools::measure;

/// Fewest packets, times the scale; the longer captures have four times as many.
const PACKETS: f64 = 100_000.0;
const TIMES: u64 = 4;
const COMMANDS: [&str; 3] = ["flows", "replay --format json", "explain"];
/// Segments that a direction remembers, and a little: more would be forgotten and cost nothing.
const OUTSTANDING: u32 = 16_000;

type Out = Writer<BufWriter<File>>;

/// A shape: its name, what it is, and who writes that many packets of it.
type Shape = (
    &'static str,
    &'static str,
    fn(&mut Line<'_>) -> io::Result<()>,
);

const SHAPES: &[Shape] = &[
    ("flood", "a SYN from a new address each time", flood),
    ("reborn", "the same ports opened again and again", reborn),
    (
        "sack",
        "ACKs with four SACK blocks each, anywhere in 16,000 outstanding segments",
        sack,
    ),
    ("late", "segments of a byte each, in any order", late),
    (
        "crumbs",
        "a large hole filled from its end, a byte at a time",
        crumbs,
    ),
    (
        "again",
        "16,000 segments of a byte, sent again 1,400 in one, and one by one",
        again,
    ),
    ("copies", "every packet captured three times", copies),
    ("stray", "RSTs and ACKs that hit nothing", stray),
    (
        "needless",
        "retransmissions that no ACK ever answers, among SACKed ranges",
        needless,
    ),
];

/// One connection, its hosts taking turns.
struct Line<'a> {
    out: &'a mut Out,
    dice: Dice,
    hosts: [Host; 2],
    now: u64,
    until: u64,
}

impl<'a> Line<'a> {
    fn new(out: &'a mut Out, packets: u64) -> Self {
        let hosts = [
            Host::new([10, 0, 0, 1], 40_000),
            Host::new([10, 0, 0, 2], 50_505),
        ];
        Self {
            out,
            dice: Dice(13),
            hosts,
            now: 1_000_000_000,
            until: packets,
        }
    }

    const fn goes_on(&self) -> bool {
        self.out.packets < self.until
    }

    /// A segment from a host, its numbers relative.
    fn send(&mut self, from: usize, flags: u8, (seq, len): (u32, u32), ack: u32) -> io::Result<()> {
        self.put(from, flags, (seq, len), ack, &[])
    }

    fn put(
        &mut self,
        from: usize,
        flags: u8,
        (seq, len): (u32, u32),
        ack: u32,
        sack: &[(u32, u32)],
    ) -> io::Result<()> {
        self.now += 10_000;
        let (sender, receiver) = (self.hosts[from], self.hosts[1 - from]);
        let isn = receiver.isn;
        let sack: Vec<_> = sack
            .iter()
            .map(|range| (isn.wrapping_add(range.0), isn.wrapping_add(range.1)))
            .collect();
        self.out.segment(&Segment {
            time_ns: self.now,
            from: sender,
            to: receiver,
            seq: sender.isn.wrapping_add(seq),
            ack: isn.wrapping_add(ack),
            flags,
            window: 65_535,
            len,
            echo: None,
            sack: &sack,
        })
    }

    /// The handshake.
    fn open(&mut self) -> io::Result<()> {
        self.send(0, SYN, (0, 0), 0)?;
        self.send(1, SYN | ACK, (0, 0), 1)?;
        self.send(0, ACK, (1, 0), 1)
    }

    /// The handshake, and as many segments of `len` bytes as are remembered.
    fn fill(&mut self, len: u32) -> io::Result<()> {
        self.open()?;
        (0..OUTSTANDING).try_for_each(|at| self.send(0, ACK, (1 + at * len, len), 1))
    }
}

fn flood(line: &mut Line<'_>) -> io::Result<()> {
    let mut number = 0_u32;
    while line.goes_on() {
        let [_, b, c, d] = number.to_be_bytes();
        line.hosts[0] = Host::new([10, b, c, d], 40_000);
        line.send(0, SYN, (0, 0), 0)?;
        number += 1;
    }
    Ok(())
}

fn reborn(line: &mut Line<'_>) -> io::Result<()> {
    while line.goes_on() {
        line.hosts[0].isn = line.hosts[0].isn.wrapping_add(100_000);
        line.send(0, SYN, (0, 0), 0)?;
        line.send(1, SYN | ACK, (0, 0), 1)?;
    }
    Ok(())
}

fn sack(line: &mut Line<'_>) -> io::Result<()> {
    line.fill(100)?;
    while line.goes_on() {
        let blocks: Vec<_> = (0..4)
            .map(|_| {
                let left = 2 + line.dice.roll(u64::from(OUTSTANDING) * 100 - 100) as u32;
                (left, left + 1 + line.dice.roll(90) as u32)
            })
            .collect();
        line.put(1, ACK, (1, 0), 1, &blocks)?;
    }
    Ok(())
}

fn late(line: &mut Line<'_>) -> io::Result<()> {
    line.open()?;
    let mut base = 1;
    while line.goes_on() {
        let at = base + line.dice.roll(100_000) as u32;
        line.send(0, ACK, (at, 1), 1)?;
        if line.dice.roll(4) == 0 {
            base += 1;
        }
    }
    Ok(())
}

fn crumbs(line: &mut Line<'_>) -> io::Result<()> {
    line.open()?;
    let mut base = 1;
    while line.goes_on() {
        // Half of what is remembered beyond the hole, so that each crumb goes to the middle.
        let hole = OUTSTANDING / 2;
        for at in 0..OUTSTANDING / 2 {
            line.send(0, ACK, (base + hole + at, 1), 1)?;
        }
        for at in (0..hole).rev() {
            line.send(0, ACK, (base + at, 1), 1)?;
        }
        base += OUTSTANDING;
        line.send(1, ACK, (1, 0), base)?;
    }
    Ok(())
}

fn again(line: &mut Line<'_>) -> io::Result<()> {
    line.fill(1)?;
    while line.goes_on() {
        line.send(0, ACK | PSH, (1, 1400), 1)?;
        let at = line.dice.roll(u64::from(OUTSTANDING)) as u32;
        line.send(0, ACK | PSH, (1 + at, 1), 1)?;
    }
    Ok(())
}

fn copies(line: &mut Line<'_>) -> io::Result<()> {
    line.open()?;
    let mut at = 1;
    while line.goes_on() {
        for _ in 0..3 {
            // The same packet has the same identification, which the writer counts, and time.
            let (id, now) = (line.out.id, line.now);
            line.send(0, ACK, (at, 100), 1)?;
            (line.out.id, line.now) = (id, now);
        }
        line.out.id = line.out.id.wrapping_add(1);
        line.now += 20_000;
        line.send(1, ACK, (1, 0), at + 100)?;
        at += 100;
    }
    Ok(())
}

fn stray(line: &mut Line<'_>) -> io::Result<()> {
    line.fill(100)?;
    while line.goes_on() {
        let at = line.dice.roll(1 << 32) as u32;
        match line.dice.roll(3) {
            0 => line.send(1, RST, (at, 0), 0)?,
            1 => line.send(1, ACK, (1, 0), at)?,
            _ => line.send(0, ACK, (at, 10), 1)?,
        }
    }
    Ok(())
}

fn needless(line: &mut Line<'_>) -> io::Result<()> {
    line.fill(100)?;
    while line.goes_on() {
        let at = 1 + 2 * line.dice.roll(u64::from(OUTSTANDING) / 2 - 1) as u32;
        line.send(0, ACK, (1 + at * 100, 100), 1)?;
        // Every second segment, so that the ranges never join.
        let left = 1 + 2 * 100 * line.dice.roll(1000) as u32;
        line.put(1, ACK, (1, 0), 1, &[(left, left + 90)])?;
    }
    Ok(())
}

fn capture(folder: &Path, shape: &Shape, packets: u64) -> io::Result<PathBuf> {
    let path = folder.join(format!("{}-{packets}.pcap", shape.0));
    if !path.is_file() {
        let mut out = Writer::new(BufWriter::with_capacity(1 << 20, File::create(&path)?))?;
        (shape.2)(&mut Line::new(&mut out, packets))?;
        out.finish()?;
    }
    Ok(path)
}

/// Every shape by every command, short and long, as a table.
pub(super) fn section(wirelab: &str, folder: &Path, scale: f64) -> io::Result<String> {
    let folder = folder.join("adversary");
    fs::create_dir_all(&folder)?;
    let packets = (PACKETS * scale) as u64;
    let mut text = format!(
        "CPU time per packet of {packets} packets, and of {TIMES} times as many; and the largest memory.\n\n\
         | shape |{}\n|---|{}\n",
        COMMANDS
            .map(|command| format!(" {command}, µs | µs | MiB |"))
            .concat(),
        "--:|".repeat(3 * COMMANDS.len()),
    );
    for shape in SHAPES {
        let _ = write!(text, "| *{}*: {} |", shape.0, shape.1);
        let (short, long) = (
            capture(&folder, shape, packets)?,
            capture(&folder, shape, packets * TIMES)?,
        );
        for command in COMMANDS {
            let cost = |path: &Path| {
                let mut arguments: Vec<_> = command.split(' ').map(str::to_owned).collect();
                arguments.push(path.display().to_string());
                measure(wirelab, &arguments)
            };
            let (few, many) = (cost(&short)?, cost(&long)?);
            let each = |seconds: f64, packets: u64| seconds * 1e6 / packets as f64;
            let _ = write!(
                text,
                " {:.2} | {:.2} | {:.0} |",
                each(few.cpu_s, packets),
                each(many.cpu_s, packets * TIMES),
                many.peak_kib as f64 / 1024.0,
            );
            writeln!(io::stderr(), "{} {command}: {:.2} s", shape.0, many.cpu_s)?;
        }
        text.push('\n');
    }
    Ok(text)
}
