//! `lab list`: the experiments that come with wirelab, by topic.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use super::json::Line;
use crate::cli;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::recordings::{self, Lesson};
use crate::view::{Paint, Style, text};

/// Runs it.
pub(super) fn run(args: &cli::LabList) -> Result<ExitCode> {
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let mut out = output::stdout();
    let written = match args.output.format {
        cli::Format::Json => json(recordings::lessons(), &mut out),
        cli::Format::Text => list(recordings::lessons(), &style, &mut out),
    };
    written
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn list(lessons: &[Lesson], style: &Style, out: &mut impl Write) -> io::Result<()> {
    let widths = lessons.iter().map(|lesson| text::width(lesson.name));
    let column = widths.max().unwrap_or(0) + 2;
    for topic in lessons.chunk_by(|one, next| one.topic == next.topic) {
        let name = topic.first().map_or("", |first| first.topic);
        writeln!(out, "{}", style.paint(Paint::State, name))?;
        for lesson in topic {
            let name = format!("{:<column$}", lesson.name);
            write!(
                out,
                "  {}{}",
                style.paint(Paint::Strong, name),
                lesson.title
            )?;
            if lesson.recording().is_none() {
                write!(out, " {}", style.paint(Paint::Dim, "(not recorded yet)"))?;
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    let name = "NAME";
    how_to_go_on(
        name,
        lessons.iter().any(|lesson| lesson.recording().is_some()),
        true,
        out,
    )
}

/// What to do with an experiment of that name.
pub(super) fn how_to_go_on(
    name: &str,
    recorded: bool,
    listed: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let column = "sudo wirelab lab run ".len() + text::width(name) + 2;
    let show = listed.then(|| {
        (
            format!("wirelab lab show {name}"),
            "what it does, and what to look for",
        )
    });
    let replay = recorded.then(|| {
        (
            format!("wirelab replay {name}"),
            "its recording; needs no rights",
        )
    });
    let run = Some((
        format!("sudo wirelab lab run {name}"),
        "does it here and now",
    ));
    for (command, what) in [show, replay, run].into_iter().flatten() {
        writeln!(out, "{command:<column$}{what}")?;
    }
    Ok(())
}

fn json(lessons: &[Lesson], out: &mut impl Write) -> io::Result<()> {
    for lesson in lessons {
        let line = Line::Experiment {
            name: lesson.name,
            topic: lesson.topic,
            order: lesson.order,
            title: lesson.title,
            look_for: lesson.look_for,
            recorded: lesson.recording().is_some(),
        };
        writeln!(out, "{}", line.to_json())?;
    }
    Ok(())
}
