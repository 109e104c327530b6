//! `captures`: the recordings that come with wirelab.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::recordings::{self, Recording};
use crate::view::{Paint, Style, text};

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
    let room = usize::from(style.width).min(110).saturating_sub(column);
    for recording in recordings {
        let name = format!("{:<column$}", recording.name);
        writeln!(
            out,
            "{}{}",
            style.paint(Paint::Strong, name),
            recording.title
        )?;
        for line in text::wrap(recording.look_for, room) {
            writeln!(out, "{:column$}{}", "", style.paint(Paint::Dim, line))?;
        }
    }
    writeln!(
        out,
        "\nwirelab replay NAME shows one; wirelab explain NAME tells its story."
    )
}

fn json(recordings: &[Recording], out: &mut impl Write) -> io::Result<()> {
    for recording in recordings {
        let line = serde_json::json!({
            "type": "recording",
            "name": recording.name,
            "title": recording.title,
            "look_for": recording.look_for,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
