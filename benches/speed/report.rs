//! What was measured, as the tables of `docs/PERFORMANCE.md`.

use std::fmt::Write;
use std::process::Command;

use crate::tools::{Cost, Tool};

/// A generated capture.
pub(super) struct Capture {
    pub name: &'static str,
    pub path: String,
    pub packets: u64,
    pub bytes: u64,
}

/// All runs of one tool on one capture.
pub(super) struct Row {
    pub capture: usize,
    pub tool: usize,
    pub packets: u64,
    pub runs: Vec<Cost>,
}

impl Row {
    /// The run in the middle; of an even number the better of the two.
    fn median(&self) -> f64 {
        let mut seconds: Vec<f64> = self.runs.iter().map(|run| run.cpu_s).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
            .get((seconds.len().max(1) - 1) / 2)
            .copied()
            .unwrap_or(0.0)
            .max(1e-6)
    }

    fn packets_per_second(&self) -> f64 {
        self.packets as f64 / self.median()
    }

    fn peak_mib(&self) -> f64 {
        let peak = self.runs.iter().map(|run| run.peak_kib).max();
        peak.unwrap_or(0) as f64 / 1024.0
    }
}

/// The machine, the versions, and a table for each capture.
pub(super) fn render(captures: &[Capture], tools: &[Tool], rows: &[Row]) -> String {
    let mut text = machine();
    let _ = writeln!(text, "\nVersions:\n");
    for tool in tools.iter().skip(1) {
        if let Some(version) = tool.version().filter(|line| !text.contains(line.as_str())) {
            let _ = writeln!(text, "- {version}");
        }
    }
    for (index, capture) in captures.iter().enumerate() {
        let _ = writeln!(
            text,
            "\n### {}: {} packets, {:.0} MB\n\n\
             | | CPU s | packets/s | MB/s | peak MiB | wirelab flows is |\n|---|--:|--:|--:|--:|--:|",
            capture.name,
            grouped(capture.packets),
            capture.bytes as f64 / 1e6
        );
        let of_capture = || rows.iter().filter(|row| row.capture == index);
        let ours = of_capture().next().map_or(0.0, Row::packets_per_second);
        for row in of_capture() {
            let rate = row.packets_per_second();
            let part = row.packets as f64 / capture.packets.max(1) as f64;
            let slice = if row.packets < capture.packets {
                format!(" (first {})", grouped(row.packets))
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "| {}{slice} | {:.2} | {} | {:.0} | {:.0} | {} |",
                tools[row.tool].label,
                row.median(),
                grouped(rate as u64),
                capture.bytes as f64 * part / row.median() / 1e6,
                row.peak_mib(),
                times(ours / rate),
            );
        }
    }
    text
}

fn times(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{ratio:.0} × as fast")
    } else {
        format!("{ratio:.2} × as fast")
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or("");
        line.split(':').nth(1).unwrap_or("?").trim().to_owned()
    };
    let say = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        output.map_or("?".to_owned(), |output| {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        })
    };
    let cpus = read("/proc/cpuinfo");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory: f64 = memory
        .split(' ')
        .next()
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0.0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "Measured at commit {} on {} × {}, {:.0} GiB, Linux {}, {}.\n",
        say("git", &["log", "-1", "--format=%h of %cs"]),
        cpus.lines()
            .filter(|line| line.starts_with("processor"))
            .count(),
        field(&cpus, "model name"),
        memory / f64::from(1 << 20),
        kernel.trim().split('-').next().unwrap_or("?"),
        say("rustc", &["--version"]),
    )
}

/// The document with the part between the markers of that name replaced, or put at its end.
pub(super) fn replace_part(document: &str, name: &str, part: &str) -> String {
    let (open, close) = (
        format!("<!-- {name}: begin -->"),
        format!("<!-- {name}: end -->"),
    );
    let block = format!("{open}\n{}\n{close}", part.trim_end());
    match (document.find(&open), document.find(&close)) {
        (Some(from), Some(to)) if from < to => {
            format!(
                "{}{block}{}",
                &document[..from],
                &document[to + close.len()..]
            )
        }
        _ => format!("{}\n\n{block}\n", document.trim_end()),
    }
}
