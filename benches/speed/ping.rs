//! `wirelab ping` beside iputils' ping over the loopback interface: how long an echo takes as each of
//! them tells it, and how many a second they get through in a flood (docs/PERFORMANCE.md, "Ping").

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::tools::{measure, on_path};

/// Hosts that are asked.
const HOSTS: [(&str, &str); 2] = [("IPv4", "127.0.0.1"), ("IPv6", "::1")];

/// One of the two programs.
struct Program {
    name: &'static str,
    path: String,
    arguments: &'static [&'static str],
}

impl Program {
    /// What it prints. `SUDO_UID` would only make ours become somebody else.
    fn run(&self, arguments: &[&str]) -> io::Result<String> {
        let output = Command::new(&self.path)
            .args(self.arguments)
            .args(arguments)
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "{}: {}",
                self.name, output.status
            )));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The median of what it prints as `time=0.040 ms`, in microseconds.
    fn median_us(&self, host: &str, count: u32) -> io::Result<f64> {
        let count = count.to_string();
        let text = self.run(&["-i", "0.01", "-c", &count, host])?;
        let times = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once(" time=")?;
            let ms: f64 = rest.split(' ').next()?.parse().ok()?;
            Some(ms * 1e3)
        });
        Ok(middle(times.collect()))
    }

    /// Answered requests a second, by the time that it tells.
    fn flood(&self, host: &str, count: u32) -> io::Result<f64> {
        let text = self.run(&["-f", "-q", "-c", &count.to_string(), host])?;
        let told = text.lines().find_map(|line| {
            let received: f64 = line.split(", ").nth(1)?.split(' ').next()?.parse().ok()?;
            let ms: f64 = line
                .split_once(", time ")?
                .1
                .trim_end_matches("ms")
                .parse()
                .ok()?;
            Some(received / ms.max(1.0) * 1e3)
        });
        told.ok_or_else(|| io::Error::other(format!("{}: no figures in {text}", self.name)))
    }
}

impl Program {
    /// Microseconds of CPU for each echo of a flood, the kernel's included.
    fn cpu_us(&self, host: &str, count: u32) -> io::Result<f64> {
        let count_text = count.to_string();
        let mut arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        arguments.extend(["-f", "-q", "-c", &count_text, host].map(str::to_owned));
        let cost = measure(&self.path, &arguments)?;
        Ok(cost.cpu_s / f64::from(count) * 1e6)
    }
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get((all.len().max(1) - 1) / 2).copied().unwrap_or(0.0)
}

/// Measures both, taking turns; `None` where the other one is missing, or floods are refused.
pub(super) fn section(wirelab: &str, scale: f64, runs: usize) -> io::Result<Option<String>> {
    if !on_path("ping") || !nix::unistd::getuid().is_root() {
        return Ok(None);
    }
    let programs = [
        Program {
            name: "wirelab ping",
            path: wirelab.to_owned(),
            arguments: &["ping"],
        },
        Program {
            name: "iputils ping",
            path: "ping".to_owned(),
            arguments: &[],
        },
    ];
    let echoes = (500.0 * scale).max(20.0) as u32;
    let flood = (200_000.0 * scale).max(1_000.0) as u32;
    let mut text = String::from(
        "| | echo, median | flood, echoes/s | flood, CPU for each |\n|---|--:|--:|--:|\n",
    );
    for (version, host) in HOSTS {
        let mut times = [const { Vec::new() }; 2];
        let mut rates = [const { Vec::new() }; 2];
        let mut costs = [const { Vec::new() }; 2];
        for _ in 0..runs.max(1) {
            for (at, program) in programs.iter().enumerate() {
                times[at].push(program.median_us(host, echoes)?);
                rates[at].push(program.flood(host, flood)?);
                costs[at].push(program.cpu_us(host, flood)?);
            }
        }
        for (at, program) in programs.iter().enumerate() {
            let [time, rate, cost] = [&times, &rates, &costs].map(|all| middle(all[at].clone()));
            writeln!(
                io::stderr(),
                "{} {version}: {time:.0} us, {rate:.0}/s",
                program.name
            )?;
            let _ = writeln!(
                text,
                "| {}, {version} | {time:.0} µs | {rate:.0} | {cost:.2} µs |",
                program.name
            );
        }
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let version = programs[1].run(&["-V"])?;
    let _ = writeln!(
        text,
        "\nMedians of {runs} runs, taking turns; {echoes} echoes every 10 ms, floods of {flood}. {}, load {} over \
         the last five minutes, other programs' work included.",
        version.trim(),
        load.split(' ').nth(1).unwrap_or("?"),
    );
    Ok(Some(text))
}
