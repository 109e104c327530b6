//! `captures`: the recordings that come with wirelab, by topic.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::recordings::{self, Recording};
use crate::view::{Paint, Style, text};

/// Columns before what belongs to a topic.
const INDENT: usize = 2;

/// Runs it.
pub(super) fn run(args: &cli::Captures) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let mut out = output::stdout();
    let written = match args.output.format {
        cli::Format::Json => json(recordings::all(), &mut out),
        cli::Format::Text => list(recordings::all(), &style, &mut out),
    };
    written
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn list(recordings: &[Recording], style: &Style, out: &mut impl Write) -> io::Result<()> {
    let column = recordings
        .iter()
        .map(|r| text::width(r.name))
        .max()
        .unwrap_or(0)
        + 2;
    let room = usize::from(style.width)
        .min(110)
        .saturating_sub(column + INDENT);
    for of_topic in recordings.chunk_by(|one, next| one.topic() == next.topic()) {
        let name = of_topic.first().map_or("", Recording::topic);
        writeln!(out, "{}", style.paint(Paint::State, name))?;
        for recording in of_topic {
            let name = format!("{:<column$}", recording.name);
            let name = style.paint(Paint::Strong, name);
            writeln!(out, "{:INDENT$}{name}{}", "", recording.title)?;
            for line in text::wrap(recording.look_for, room) {
                let line = style.paint(Paint::Dim, line);
                writeln!(out, "{:1$}{line}", "", INDENT + column)?;
            }
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "wirelab replay NAME shows one; wirelab explain NAME tells its story."
    )
}

/// A line of JSON; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Recording {
        name: &'a str,
        topic: &'a str,
        title: &'a str,
        look_for: &'a str,
    },
}

fn json(recordings: &[Recording], out: &mut impl Write) -> io::Result<()> {
    for recording in recordings {
        let line = Line::Recording {
            name: recording.name,
            topic: recording.topic(),
            title: recording.title,
            look_for: recording.look_for,
        };
        let line = serde_json::to_string(&line).map_err(io::Error::other)?;
        writeln!(out, "{line}")?;
    }
    Ok(())
}
