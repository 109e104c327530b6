//! `lab show`: what an experiment does, in words and as a picture of the wire.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use super::json::{Doing, Line};
use super::list::how_to_go_on;
use super::{Asked, find};
use crate::cli;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::lab::Side;
use crate::lab::describe::{self, Description};
use crate::view::{Paint, Style, text};

/// Wider than this is no easier to read.
const WIDEST: u16 = 110;
/// Columns between what the two hosts do.
const GAP: usize = 3;

/// Runs it.
pub(super) fn run(args: &cli::LabShow) -> Result<ExitCode> {
    let style = output::style(&args.output, &cli::View::default(), Terminal::look())?;
    let asked = find(&args.experiment)?;
    let told = describe::description(&asked.experiment);
    let mut out = output::stdout();
    let written = match args.output.format {
        cli::Format::Json => json(&asked, &told, &mut out),
        cli::Format::Text => show(&asked, &told, &style, &mut out),
    };
    written
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn show(asked: &Asked, told: &Description, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let experiment = &asked.experiment;
    let width = usize::from(style.width.min(WIDEST));
    let name = text::escape(&asked.name);
    let heading = format!("{name}: {}", text::escape(&experiment.title));
    for line in text::wrap(&heading, width) {
        writeln!(out, "{}", style.paint(Paint::Strong, line))?;
    }
    for line in text::wrap(&text::escape(&experiment.look_for), width) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for line in describe::picture(experiment, width, style.unicode) {
        writeln!(out, "{line}")?;
    }

    heading_of("the wire", style, out)?;
    let faults = experiment.wire.faults.iter().enumerate();
    let faults = faults.map(|(at, fault)| describe::fault_mark(fault, at, style.unicode));
    let routers = (0..told.routers.len()).map(describe::router_mark);
    let marks: Vec<_> = faults.chain(routers).collect();
    let indent = marks
        .iter()
        .map(|mark| text::width(mark))
        .max()
        .unwrap_or(0);
    let unmarked = told.wire.iter().map(|sentence| ("", sentence));
    let marked = marks.iter().map(String::as_str);
    let marked = marked.zip(told.faults.iter().chain(&told.routers));
    for (mark, sentence) in unmarked.chain(marked) {
        let padding = " ".repeat(indent.saturating_sub(text::width(mark)));
        let column = 2 + indent + usize::from(indent > 0);
        let sentence = plain(sentence, style);
        for (line, at) in text::wrap(&sentence, width.saturating_sub(column))
            .iter()
            .zip(0..)
        {
            match at {
                0 if indent > 0 => {
                    let mark = style.paint(Paint::Trouble, mark);
                    writeln!(out, "  {mark}{padding} {line}")?;
                }
                _ => writeln!(out, "{:column$}{line}", "")?,
            }
        }
    }

    writeln!(out)?;
    programs(told, width, style, out)?;
    heading_of("the hosts", style, out)?;
    for setting in &told.settings {
        for line in text::wrap(&plain(setting, style), width.saturating_sub(2)) {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out)?;
    let recorded = asked
        .lesson
        .is_some_and(|lesson| lesson.recording().is_some());
    how_to_go_on(&name, recorded, false, out)
}

fn heading_of(what: &str, style: &Style, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{}", style.paint(Paint::State, what))
}

/// What the programs do, the client's at the left and the server's at the right.
fn programs(
    told: &Description,
    width: usize,
    style: &Style,
    out: &mut impl Write,
) -> io::Result<()> {
    let column = width.saturating_sub(GAP) / 2;
    let rows = |side: Side| {
        let mut rows = vec![(Paint::State, side.name().to_owned())];
        let of_side = told.programs.iter().filter(|program| program.side == side);
        for program in of_side {
            if !program.name.is_empty() {
                let beside = format!("beside it, '{}'", text::escape(&program.name));
                rows.push((Paint::State, text::fit(&beside, column).into_owned()));
            }
            for call in &program.calls {
                let lines = text::wrap(&plain(call, style), column.saturating_sub(4));
                rows.extend(lines.into_iter().zip(0..).map(|(line, at)| {
                    let indent = if at == 0 { 2 } else { 4 };
                    (Paint::Plain, format!("{:indent$}{line}", ""))
                }));
            }
        }
        if rows.len() == 1 {
            rows.push((Paint::Dim, "  does nothing".to_owned()));
        }
        rows
    };
    let (left, right) = (rows(Side::Client), rows(Side::Server));
    for at in 0..left.len().max(right.len()) {
        if let Some((paint, text)) = left.get(at) {
            write!(out, "{}", style.paint(*paint, text))?;
        }
        if let Some((paint, text)) = right.get(at) {
            let used = left.get(at).map_or(0, |(_, text)| text::width(text));
            let gap = (column + GAP).saturating_sub(used);
            write!(out, "{:gap$}{}", "", style.paint(*paint, text))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A sentence as it may be shown: nothing that a terminal would obey, and ASCII alone if so wanted.
fn plain(sentence: &str, style: &Style) -> String {
    let sentence = text::escape(sentence);
    if style.unicode {
        return sentence.into_owned();
    }
    sentence.replace('µ', "u").replace('…', "...")
}

fn json(asked: &Asked, told: &Description, out: &mut impl Write) -> io::Result<()> {
    let line = Line::Description {
        name: &asked.name,
        title: &asked.experiment.title,
        look_for: &asked.experiment.look_for,
        programs: told.programs.iter().map(Doing::from).collect(),
        wire: &told.wire,
        faults: &told.faults,
        routers: &told.routers,
        settings: &told.settings,
    };
    writeln!(out, "{}", line.to_json())
}
