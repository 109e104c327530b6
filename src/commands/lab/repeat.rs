//! `lab run --repeat N`: the same experiment again and again, and what varied.
//!
//! Making hosts ends with giving up all rights for good, so each run is a process of its own: this
//! program again, whose truth is read as JSON.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::Asked;
use crate::cli;
use crate::commands::USAGE_OR_ENVIRONMENT;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::event::units;
use crate::io::Signals;
use crate::lab::Tally;
use crate::lab::truth::{Line, Outcome};
use crate::view::{Paint, Style, text};

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename = "repetition")]
struct Repetition {
    /// Its number, from 1.
    run: u32,
    ok: bool,
    packets: u64,
    dropped: u64,
    /// Segments sent again, as the kernels counted them.
    retransmissions: u64,
    elapsed_ns: u64,
    /// Faults that met no packet.
    unmet: Vec<String>,
    failures: Vec<String>,
}

/// Runs it so often.
pub(super) fn run(args: &cli::LabRun, times: u32, asked: &Asked) -> Result<ExitCode> {
    let style = output::style(&args.output, &args.view, Terminal::look())?;
    let signals = Signals::catch().context("can't catch signals")?;
    let json = args.output.format == cli::Format::Json;
    let mut out = output::stdout();
    let mut done = Vec::new();
    for number in 1..=times {
        let record = args.record.as_ref();
        let record = record.map(|folder| folder.join(number.to_string()));
        let repetition = once(args, number, record.as_deref())?;
        // On a terminal Ctrl-C reaches the run under way too, which then says nothing of the others.
        if signals.caught().is_some() && !repetition.ok {
            break;
        }
        let written = if json {
            let line = serde_json::to_string(&repetition).map_err(io::Error::from);
            line.and_then(|line| writeln!(out, "{line}"))
        } else {
            // Not before the first run has worked: an error needs no table.
            let begin = match number {
                1 => begin(asked, times, &style, &mut out),
                _ => Ok(()),
            };
            begin.and_then(|()| row(&repetition, &style, &mut out))
        };
        let written = written.and_then(|()| out.flush());
        written.map_err(Stopped::Output)?;
        done.push(repetition);
        if signals.caught().is_some() {
            break;
        }
    }
    if !json {
        let written = totals(&done, &style, &mut out).and_then(|()| out.flush());
        written.map_err(Stopped::Output)?;
    }
    if let Some(signal) = signals.caught() {
        let runs = done.len();
        writeln!(
            io::stderr(),
            "lab: {signal} came after {runs} of {times} runs"
        )
        .context("can't write standard error")?;
    }
    let all_ok = done.iter().all(|repetition| repetition.ok);
    Ok(ExitCode::from(u8::from(!all_ok)))
}

/// Runs it in a process of its own, and reads what it came to.
fn once(args: &cli::LabRun, number: u32, record: Option<&Path>) -> Result<Repetition> {
    let program = std::env::current_exe().context("can't find this program, to run it again")?;
    let mut command = Command::new(program);
    command
        .args(["lab", "run", "--format", "json", "--no-fallback"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(profile) = args.profile {
        command.args([
            "--profile",
            crate::lab::experiment::Profile::from(profile).name(),
        ]);
    }
    if let Some(folder) = record {
        command.arg("--record").arg(folder);
    }
    command.arg("--").arg(&args.experiment);
    let mut child = command.spawn().context("can't run this program again")?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("can't read what a run came to")?;
            if let Ok(line) = Line::from_json(&line) {
                tally.line(&line);
            }
        }
    }
    let ended = child.wait_with_output().context("can't wait for a run")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let Some(outcome) = &tally.outcome else {
        let why = said.lines().last().unwrap_or("it said nothing");
        bail!(
            "run {number}: {}",
            text::escape(why.strip_prefix("lab: ").unwrap_or(why))
        );
    };
    // Such as a recording that does not fit on the disk.
    if ended.status.code() == Some(USAGE_OR_ENVIRONMENT.into()) {
        bail!("run {number}: {}", text::escape(said.trim()));
    }
    Ok(Repetition::new(number, &tally, outcome))
}

impl Repetition {
    fn new(run: u32, tally: &Tally, outcome: &Outcome) -> Self {
        Self {
            run,
            ok: outcome.ok,
            packets: outcome.packets,
            dropped: tally.dropped,
            retransmissions: tally.retransmissions(),
            elapsed_ns: outcome.elapsed_ns,
            unmet: tally.unmet(),
            failures: outcome.failures.clone(),
        }
    }

    /// The columns that vary, in the order of [`Row::HEAD`].
    const fn numbers(&self) -> [u64; 4] {
        [
            self.packets,
            self.dropped,
            self.retransmissions,
            self.elapsed_ns,
        ]
    }
}

/// A row of the table.
struct Row<'a> {
    label: &'a str,
    ok: &'a str,
    numbers: [u64; 4],
}

impl Row<'_> {
    const HEAD: &'static str = "    run   ok   packets  dropped  sent again  duration";
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [packets, dropped, resent, elapsed] = self.numbers;
        let (label, ok) = (self.label, self.ok);
        let elapsed = units::nanos(elapsed);
        let fill = 10_usize.saturating_sub(text::width(&elapsed));
        write!(
            f,
            "{label:>7}  {ok:>3}  {packets:>8} {dropped:>8} {resent:>11}{:fill$}{elapsed}",
            ""
        )
    }
}

fn begin(asked: &Asked, times: u32, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let heading = format!("{}, {times} times", text::escape(&asked.name));
    writeln!(out, "{}", style.paint(Paint::Strong, heading))?;
    writeln!(out, "{}", style.paint(Paint::Dim, Row::HEAD))
}

/// A run as a row, and what was wrong with it.
fn row(repetition: &Repetition, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let (ok, paint) = if repetition.ok {
        ("yes", Paint::Plain)
    } else {
        ("no", Paint::Trouble)
    };
    let row = Row {
        label: &repetition.run.to_string(),
        ok,
        numbers: repetition.numbers(),
    };
    writeln!(out, "{}", style.paint(paint, row))?;
    let unmet = repetition
        .unmet
        .iter()
        .map(|fault| format!("{fault} met no packet"));
    for line in repetition.failures.iter().cloned().chain(unmet) {
        let room = usize::from(style.width).saturating_sub(9);
        for line in text::wrap(&text::escape(&line), room) {
            writeln!(out, "{:9}{}", "", style.paint(Paint::Caution, line))?;
        }
    }
    Ok(())
}

/// The least, the median and the most of each column, and which runs broke.
fn totals(done: &[Repetition], style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut columns: [Vec<u64>; 4] = Default::default();
    for repetition in done {
        for (column, number) in columns.iter_mut().zip(repetition.numbers()) {
            column.push(number);
        }
    }
    for column in &mut columns {
        column.sort_unstable();
    }
    let last = done.len().saturating_sub(1);
    for (label, at) in [("least", 0), ("median", last / 2), ("most", last)] {
        let numbers = columns
            .each_ref()
            .map(|column| column.get(at).copied().unwrap_or(0));
        let row = Row {
            label,
            ok: "",
            numbers,
        };
        writeln!(out, "{}", style.paint(Paint::Strong, row))?;
    }
    let broken = done.iter().filter(|repetition| !repetition.ok);
    let broken: Vec<_> = broken
        .map(|repetition| repetition.run.to_string())
        .collect();
    match (done.len(), broken.len()) {
        (runs, 0) => writeln!(out, "all {runs} went as they had to"),
        (runs, count) => writeln!(
            out,
            "{count} of {runs} did not go as they had to: {}",
            broken.join(", ")
        ),
    }
}
