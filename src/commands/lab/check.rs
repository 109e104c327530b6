//! `lab check`: whether a file is an experiment, and what of it can't happen.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::json::Line;
use super::{lines, read, shown};
use crate::cli;
use crate::commands::USAGE_OR_ENVIRONMENT;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::event::units::plural;
use crate::lab::describe;
use crate::lab::experiment::Experiment;
use crate::recordings;
use crate::view::{Paint, Style, text};

/// What came of a file.
enum Verdict {
    /// It is an experiment; with what can't happen in it.
    Right(Box<Experiment>, Vec<String>),
    /// It is none: what is wrong, with line and column.
    Wrong(String),
    /// It can't be read.
    Unread(anyhow::Error),
}

/// Runs it.
pub(super) fn run(args: &cli::LabCheck) -> Result<ExitCode> {
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let mut out = output::stdout();
    let mut code = 0;
    for path in &args.files {
        let verdict = judge(path);
        code = code.max(match &verdict {
            Verdict::Right(..) => 0,
            Verdict::Wrong(_) => 1,
            Verdict::Unread(_) => USAGE_OR_ENVIRONMENT,
        });
        if let Verdict::Unread(error) = &verdict {
            out.flush().map_err(Stopped::Output)?;
            writeln!(io::stderr(), "lab check: {error:#}").context("can't write standard error")?;
            continue;
        }
        let written = match args.output.format {
            cli::Format::Json => json(path, &verdict, &mut out),
            cli::Format::Text => tell(path, &verdict, &style, &mut out),
        };
        written.map_err(Stopped::Output)?;
    }
    out.flush().map_err(Stopped::Output)?;
    Ok(ExitCode::from(code))
}

fn judge(path: &Path) -> Verdict {
    // A name that comes with wirelab means that experiment, as it does for show and run.
    let bundled = path.to_str().filter(|_| !path.exists());
    let text = match bundled.and_then(recordings::lesson) {
        Some(lesson) => Ok(lesson.text().to_owned()),
        None => read(path).with_context(|| format!("can't read {}", shown(path))),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return Verdict::Unread(error),
    };
    match Experiment::parse(&text) {
        Ok(experiment) => {
            let doubts = describe::doubts(&experiment);
            Verdict::Right(Box::new(experiment), doubts)
        }
        Err(error) => Verdict::Wrong(error.to_string()),
    }
}

fn tell(path: &Path, verdict: &Verdict, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let name = shown(path);
    let width = usize::from(style.width);
    match verdict {
        Verdict::Right(experiment, doubts) => {
            let fine = style.paint(Paint::Good, "fine");
            writeln!(out, "{name}: {fine}: {}", text::escape(&experiment.title))?;
            for line in text::wrap(&gist(experiment), width.saturating_sub(2)) {
                writeln!(out, "  {line}")?;
            }
            for doubt in doubts {
                let doubt = format!("doubtful: {doubt}");
                for line in text::wrap(&text::escape(&doubt), width.saturating_sub(2)) {
                    writeln!(out, "  {}", style.paint(Paint::Caution, line))?;
                }
            }
            Ok(())
        }
        Verdict::Wrong(what) => {
            writeln!(out, "{name}: {}", style.paint(Paint::Trouble, "wrong"))?;
            for line in lines(what).lines() {
                writeln!(out, "  {line}")?;
            }
            Ok(())
        }
        Verdict::Unread(_) => Ok(()),
    }
}

/// What an experiment would do, in a sentence.
fn gist(experiment: &Experiment) -> String {
    let told = describe::description(experiment);
    let calls = told
        .programs
        .iter()
        .map(|program| program.calls.len() as u64);
    let mut said = vec![
        plural(told.programs.len() as u64, "program"),
        plural(calls.sum(), "call"),
        told.wire.join("; "),
    ];
    said.extend(told.faults);
    match told.routers.len() {
        0 => {}
        routers => said.push(plural(routers as u64, "router")),
    }
    text::escape(&said.join(", ")).into_owned()
}

fn json(path: &Path, verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let (error, doubts) = match verdict {
        Verdict::Right(_, doubts) => (None, doubts.as_slice()),
        Verdict::Wrong(what) => (Some(what), &[][..]),
        Verdict::Unread(_) => return Ok(()),
    };
    let line = Line::Check {
        file: &path.to_string_lossy(),
        ok: error.is_none(),
        error: error.map(String::as_str),
        doubts,
    };
    writeln!(out, "{}", line.to_json())
}
