//! `make bench`: how fast captures are read, against other tools on the same machine in the same
//! run, and where the time goes (`make callgrind`); and how fast the lab's wire is. Writes
//! docs/PERFORMANCE.md.
//!
//! `BENCH_SCALE=0.1` makes captures a tenth as long, `BENCH_RUNS=1` runs everything once, and
//! `BENCH_WIRELAB=FILE` measures another build, to have a before and an after of the same captures.

mod adversary;
mod follow;
mod generate;
mod packet;
mod ping;
mod report;
mod screen;
mod step;
mod tools;
mod wire;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use report::{Capture, Row, render, replace_part};
use tools::{Tool, measure, measured, on_path};

const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PERFORMANCE.md");

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["measured", ..] => measured(&arguments[1..], &mut io::stdout()),
        ["generate", ..] => captures(setting("BENCH_SCALE", 1.0)).map(|_| ()),
        ["callgrind", ..] => callgrind(),
        ["wire-run", experiment] => wire::run_one(experiment, &mut io::stdout()),
        ["wire", ..] => compare_wire(),
        ["ping", ..] => compare_ping(),
        ["step", ..] => walk_through(),
        ["follow", ..] => keep_up(),
        ["adversary", ..] => hurt(),
        // `cargo test --all-targets` runs benches too, without this word.
        _ if words.contains(&"--bench") => {
            compare()?;
            hurt()?;
            compare_wire()?;
            compare_ping()?;
            walk_through()?;
            keep_up()
        }
        _ => Ok(()),
    }
}

/// The program that is measured.
fn wirelab() -> String {
    env::var("BENCH_WIRELAB").unwrap_or_else(|_| env!("CARGO_BIN_EXE_wirelab").to_owned())
}

fn setting(name: &str, default: f64) -> f64 {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    value.unwrap_or(default)
}

/// Where generated captures live; never committed.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench")
}

fn captures(scale: f64) -> io::Result<Vec<Capture>> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let mut all = Vec::new();
    for name in generate::NAMES {
        let path = folder.join(format!("{name}-{scale}.pcap"));
        let packets = generate::capture(name, scale, &path)?;
        all.push(Capture {
            name,
            packets,
            bytes: fs::metadata(&path)?.len(),
            path: path.display().to_string(),
        });
        writeln!(io::stderr(), "{}: {packets} packets", path.display())?;
    }
    Ok(all)
}

/// Every tool on every capture, taking turns, so that a slow minute of the machine meets them all.
fn compare() -> io::Result<()> {
    let scale = setting("BENCH_SCALE", 1.0);
    let runs = setting("BENCH_RUNS", 5.0) as usize;
    let captures = captures(scale)?;
    let tools = Tool::all(&wirelab(), scale);
    let mut rows = Vec::new();
    for (capture, of) in captures.iter().enumerate() {
        rows.extend((0..tools.len()).map(|tool| Row {
            capture,
            tool,
            packets: of.packets.min(tools[tool].at_most),
            runs: Vec::new(),
        }));
    }
    for run in 0..runs {
        for row in &mut rows {
            let (tool, capture) = (&tools[row.tool], &captures[row.capture]);
            // What takes minutes is run once.
            if run > 0 && row.runs[0].cpu_s > 30.0 {
                continue;
            }
            let arguments = tool.arguments(&capture.path, capture.packets);
            // Whoever comes first would pay for bringing the file into memory.
            io::copy(&mut fs::File::open(&capture.path)?, &mut io::sink())?;
            let cost = measure(&tool.program, &arguments)?;
            writeln!(
                io::stderr(),
                "{} {}: {:.2} s, {} KiB",
                capture.name,
                tool.label,
                cost.cpu_s,
                cost.peak_kib
            )?;
            row.runs.push(cost);
        }
    }
    rewrite("bench", &render(&captures, &tools, &rows))
}

/// Captures that are made to hurt.
fn hurt() -> io::Result<()> {
    let scale = setting("BENCH_SCALE", 1.0);
    rewrite(
        "adversary",
        &adversary::section(&wirelab(), &folder(), scale)?,
    )
}

/// The wire between two hosts.
fn compare_wire() -> io::Result<()> {
    let (scale, runs) = (setting("BENCH_SCALE", 1.0), setting("BENCH_RUNS", 5.0));
    rewrite("wire", &wire::section(scale, runs as usize)?)
}

/// Echo requests beside iputils.
fn compare_ping() -> io::Result<()> {
    let (scale, runs) = (setting("BENCH_SCALE", 1.0), setting("BENCH_RUNS", 5.0));
    match ping::section(&wirelab(), scale, runs as usize)? {
        Some(text) => rewrite("ping", &text),
        None => writeln!(
            io::stderr(),
            "ping: iputils' ping is not installed, or this is not root"
        ),
    }
}

/// The stepping screen on a large capture.
fn walk_through() -> io::Result<()> {
    let (scale, runs) = (setting("BENCH_SCALE", 1.0), setting("BENCH_RUNS", 5.0));
    rewrite(
        "step",
        &step::section(&wirelab(), &folder(), scale, runs as usize)?,
    )
}

/// The same screen while it is captured.
fn keep_up() -> io::Result<()> {
    if !nix::unistd::getuid().is_root() {
        return writeln!(io::stderr(), "follow: this is not root");
    }
    let scale = setting("BENCH_SCALE", 1.0);
    rewrite("follow", &follow::section(&wirelab(), &folder(), scale)?)
}

/// Puts a part into docs/PERFORMANCE.md; the words around it are a person's.
fn rewrite(part: &str, text: &str) -> io::Result<()> {
    let document = fs::read_to_string(REPORT).unwrap_or_else(|_| "# Performance\n".to_owned());
    fs::write(REPORT, replace_part(&document, part, text))?;
    writeln!(io::stderr(), "wrote {REPORT}")
}

/// Instruction counts by function on the tiny capture, where every packet costs the same.
fn callgrind() -> io::Result<()> {
    if !on_path("valgrind") {
        return Err(io::Error::other(
            "valgrind is not installed: apt install valgrind",
        ));
    }
    let scale = setting("BENCH_SCALE", 1.0) / 25.0;
    let capture = captures(scale)?.pop();
    let capture = capture.ok_or_else(|| io::Error::other("no capture was made"))?;
    let counts = folder().join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .args([&wirelab(), "flows", &capture.path])
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("valgrind: {status}")));
    }
    let text = annotated(&counts, "--inclusive=no")?;
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    for (instructions, place) in text.lines().filter_map(line) {
        *places.entry(place).or_default() += instructions;
    }
    let all: u64 = places.values().sum();
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, instructions)| Reverse(*instructions));
    let each = |instructions: u64| instructions as f64 / capture.packets.max(1) as f64;
    let mut table = format!(
        "`wirelab flows` on {} packets of *tiny*: {:.0} instructions a packet. What each stage and \
         everything it calls take:\n\n| per packet | share | stage |\n|--:|--:|---|\n",
        capture.packets,
        each(all),
    );
    let inclusive = annotated(&counts, "--inclusive=yes")?;
    for (stage, function) in STAGES {
        // Code inlined elsewhere has lines of its own; the whole of a function is the largest.
        let lines = inclusive.lines().filter(|line| line.contains(function));
        if let Some(instructions) = lines.filter_map(count).max() {
            let share = instructions as f64 / all.max(1) as f64 * 100.0;
            let _ = writeln!(
                table,
                "| {:.0} | {share:.1} % | {stage} |",
                each(instructions)
            );
        }
    }
    table.push_str(
        "\nBy the file that the code stands in, inlined or not:\n\n\
         | per packet | share | file |\n|--:|--:|---|\n",
    );
    for (place, instructions) in places.into_iter().take(20) {
        let share = instructions as f64 / all.max(1) as f64 * 100.0;
        let _ = writeln!(
            table,
            "| {:.0} | {share:.1} % | {place} |",
            each(instructions)
        );
    }
    rewrite("callgrind", &table)
}

/// The stages of the pipeline, and the function that each of them is.
const STAGES: &[(&str, &str)] = &[
    (
        "reading",
        "CaptureFile as wirelab::io::source::Source>::next_frames",
    ),
    (
        "headers and checksums",
        "wirelab::decode::fast::Plain::read",
    ),
    ("tracking", "wirelab::track::Tracker::follow"),
    ("judging", "wirelab::verdict::judge"),
    ("showing", "wirelab::view::View>::event"),
];

/// What callgrind counted, as text.
fn annotated(counts: &Path, inclusive: &str) -> io::Result<String> {
    let output = Command::new("callgrind_annotate")
        .args(["--threshold=100", "--auto=no", inclusive])
        .arg(counts)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The count that a line starts with.
fn count(line: &str) -> Option<u64> {
    let (count, _) = line.trim_start().split_once(" (")?;
    count.trim().replace(',', "").parse().ok()
}

/// Reads `1,234 ( 5.6%)  file:function [object]`: the count, and whose code it is.
fn line(line: &str) -> Option<(u64, String)> {
    let instructions = count(line)?;
    let (_, place) = line.split_once(')')?;
    let place = place.split(" [").next()?.trim();
    let (file, function) = place.split_once(':')?;
    let from = |mark: &str| file.split_once(mark).map(|(_, rest)| rest);
    let place = if file.starts_with("src/") {
        format!("`{file}`")
    } else if let Some(rest) = from("registry/src/") {
        let package = rest.split('/').nth(1).unwrap_or(rest);
        format!("the crate {package}")
    } else if from("/library/").is_some() {
        "Rust's own library".to_owned()
    } else {
        format!("C library: `{}`", function.trim_start_matches('_'))
    };
    Some((instructions, place))
}
