//! The programs that are measured, and how one run of one is measured.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// What tshark is asked for: its analysis of each segment.
const TSHARK_FIELDS: &[&str] = &[
    "frame.number",
    "tcp.stream",
    "tcp.seq",
    "tcp.ack",
    "tcp.len",
    "tcp.window_size",
    "tcp.analysis.flags",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.ack_rtt",
];

/// A way to read a capture.
pub(super) struct Tool {
    /// How the tables call it.
    pub label: &'static str,
    /// The program.
    pub program: String,
    arguments: fn(&str, u64) -> Vec<String>,
    /// Most packets it is given; slower tools get the beginning of the capture only.
    pub at_most: u64,
}

impl Tool {
    /// Those that are installed, this program first.
    pub(super) fn all(wirelab: &str, scale: f64) -> Vec<Self> {
        let slice = (500_000.0 * scale) as u64;
        let ours = |label, arguments| Self {
            label,
            program: wirelab.to_owned(),
            arguments,
            at_most: u64::MAX,
        };
        let theirs = |label, program: &str, arguments, at_most| Self {
            label,
            program: program.to_owned(),
            arguments,
            at_most,
        };
        let mut all = vec![
            ours("wirelab flows", |file, _| split(&format!("flows {file}"))),
            ours("wirelab replay --format json", |file, _| {
                split(&format!("replay --format json {file}"))
            }),
            theirs(
                "tcpdump -w /dev/null",
                "tcpdump",
                |file, _| split(&format!("-r {file} -w /dev/null")),
                u64::MAX,
            ),
            theirs(
                "tcptrace -n -l -r",
                "tcptrace",
                |file, _| split(&format!("-n -l -r {file}")),
                u64::MAX,
            ),
            theirs("tshark -T fields", "tshark", tshark, slice),
        ];
        all.retain(|tool| tool.version().is_some());
        all
    }

    /// The arguments for a capture of so many packets.
    pub(super) fn arguments(&self, file: &str, packets: u64) -> Vec<String> {
        (self.arguments)(file, packets.min(self.at_most))
    }

    /// The first line it says of itself, or nothing when it is not there.
    pub(super) fn version(&self) -> Option<String> {
        let flag = if self.program == "tcptrace" {
            "-version"
        } else {
            "--version"
        };
        let output = Command::new(&self.program)
            .arg(flag)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text
            .lines()
            .find(|line| line.chars().any(|c| c.is_ascii_digit()))?;
        // tcpdump and tshark are followed by a page on how they were built.
        Some(line.trim_end_matches('.').trim().to_owned())
    }
}

fn tshark(file: &str, packets: u64) -> Vec<String> {
    let mut arguments = split(&format!("-n -r {file} -c {packets} -T fields"));
    for field in TSHARK_FIELDS {
        arguments.extend(["-e".to_owned(), (*field).to_owned()]);
    }
    arguments
}

fn split(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// What one run took.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// User and system time, seconds.
    pub cpu_s: f64,
    /// Largest resident set, KiB.
    pub peak_kib: i64,
}

/// Runs a program by way of [`measured`], output thrown away.
pub(super) fn measure(program: &str, arguments: &[String]) -> io::Result<Cost> {
    let this = std::env::current_exe()?;
    let output = Command::new(this)
        .arg("measured")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace();
    match (output.status.success(), numbers.next(), numbers.next()) {
        (true, Some(cpu), Some(peak)) => Ok(Cost {
            cpu_s: cpu.parse().map_err(io::Error::other)?,
            peak_kib: peak.parse().map_err(io::Error::other)?,
        }),
        _ => Err(io::Error::other(format!(
            "{program} {} failed",
            arguments.join(" ")
        ))),
    }
}

/// In a process of its own, because the kernel keeps one peak for all the children of a process:
/// runs the program and says what it took.
pub(super) fn measured(command: &[String], out: &mut impl io::Write) -> io::Result<()> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::other("measured: which program?"));
    };
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{program}: {status}")));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    writeln!(out, "{} {}", cpu as f64 / 1e6, usage.max_rss())
}

/// Whether a file is there to run.
pub(super) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
    })
}
