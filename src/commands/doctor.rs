//! `wirelab doctor`: what this machine allows, and what to do about what it does not.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::output::{self, Terminal};
use super::pipeline::Stopped;
use crate::cli;
use crate::io::doctor::{self, Ability, Errand, Fix, Probe, Report, Screen, Subject, Task};
use crate::view::text::{escape, width, wrap};
use crate::view::{Paint, Style};

/// Runs it.
pub(super) fn run(args: &cli::Doctor) -> Result<ExitCode> {
    if let (Some(errand), Some(parent)) = (&args.errand, args.parent) {
        let errand = Errand::from_name(errand).context("no such errand")?;
        doctor::run_errand(errand, parent, &mut io::stdout())?;
        return Ok(ExitCode::SUCCESS);
    }
    let terminal = Terminal::look();
    let style = output::style(&args.output, &cli::View::default(), terminal)?;
    let report = doctor::examine(Screen {
        is_terminal: terminal.is_one,
        columns: style.width,
        color: style.color,
        unicode: style.unicode,
    });
    let mut out = output::stdout();
    let written = match args.output.format {
        cli::Format::Text => text(&report, &style, &mut out),
        cli::Format::Json => lines(&report, &mut out),
    };
    written
        .and_then(|()| out.flush())
        .map_err(Stopped::Output)?;
    Ok(if report.is_well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The verdict, then what it rests on, then what to do.
fn text(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let abilities = report.abilities();
    let column = abilities.iter().map(|it| width(it.name)).max().unwrap_or(0);
    for Ability { name, works, how } in &abilities {
        row(style, out, name, column, Some(*works), how)?;
    }
    let here = report.circumstances.summary().join("; ");
    writeln!(out)?;
    paragraph(style, out, 0, Paint::Dim, &format!("Here: {here}."))?;

    let column = report.probes.iter().map(|it| width(it.name)).max();
    for subject in Subject::ALL {
        writeln!(out, "\n{}", style.paint(Paint::Strong, subject.name()))?;
        let mine = report.probes.iter().filter(|it| it.subject == subject);
        for probe in mine {
            let column = column.unwrap_or(0);
            row(style, out, probe.name, column, probe.ok, &probe.detail)?;
        }
    }
    let tasks = report.fixes();
    for (needed, heading) in [(true, "What to do"), (false, "Not needed, but possible")] {
        let mut these = tasks.iter().filter(|task| task.needed == needed).peekable();
        if these.peek().is_some() {
            writeln!(out, "\n{}", style.paint(Paint::Strong, heading))?;
        }
        these.try_for_each(|task| to_do(style, out, task))?;
    }
    Ok(())
}

/// A name, whether it works, and how or why not.
fn row(
    style: &Style,
    out: &mut dyn Write,
    name: &str,
    column: usize,
    ok: Option<bool>,
    detail: &str,
) -> io::Result<()> {
    let (word, paint) = match ok {
        Some(true) => ("ok", Paint::Good),
        Some(false) => ("no", Paint::Trouble),
        None => ("--", Paint::Dim),
    };
    let indent = 2 + column + 2 + 2 + 2;
    let detail = escape(detail);
    let room = usize::from(style.width).saturating_sub(indent).max(20);
    let mut words = wrap(&detail, room).into_iter();
    let first = words.next().unwrap_or_default();
    let word = style.paint(paint, word);
    writeln!(out, "  {name:<column$}  {word}  {first}")?;
    words.try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

fn paragraph(
    style: &Style,
    out: &mut dyn Write,
    indent: usize,
    paint: Paint,
    text: &str,
) -> io::Result<()> {
    let room = usize::from(style.width).saturating_sub(indent).max(20);
    for line in wrap(&escape(text), room) {
        writeln!(out, "{:indent$}{}", "", style.paint(paint, line))?;
    }
    Ok(())
}

/// What it is for, what it does, and the lines to paste.
fn to_do(style: &Style, out: &mut dyn Write, task: &Task) -> io::Result<()> {
    let Task { fix, probes, .. } = task;
    let what = format!("{}: {}", probes.join(", "), fix.say());
    let commands = fix.commands();
    let end = if commands.is_empty() { "." } else { ":" };
    paragraph(style, out, 2, Paint::Plain, &format!("{what}{end}"))?;
    for command in commands {
        for line in folded(
            &escape(&command),
            usize::from(style.width).saturating_sub(8),
        ) {
            writeln!(out, "      {}", style.paint(Paint::State, line))?;
        }
    }
    Ok(())
}

/// A command in lines of at most `columns`, as far as it can be broken: between words, with a
/// backslash at the end, so that what is pasted is still one command.
fn folded(command: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words(command) {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) + 2 <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            line.push_str(" \\");
            lines.push(format!("  {word}"));
        }
    }
    lines
}

/// The words as a shell separates them: what is in quotes is one.
fn words(command: &str) -> Vec<&str> {
    let (mut all, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, c) in command.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, ' ') => {
                all.extend(command.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    all.extend(command.get(start..));
    all.retain(|word| !word.is_empty());
    all
}

/// A JSON line a probe, and then a line for each thing one may want to do.
fn lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for probe in &report.probes {
        out.write_all(probe_line(probe).as_bytes())?;
    }
    for Ability { name, works, how } in report.abilities() {
        let members = [
            ("type", json!("ability")),
            ("name", json!(name)),
            ("works", json!(works)),
            ("how", json!(how)),
        ];
        out.write_all(object(&members).as_bytes())?;
    }
    Ok(())
}

fn probe_line(probe: &Probe) -> String {
    let fix = probe.fix.as_ref().map(|fix: &Fix| {
        json!({
            "say": fix.say(),
            "commands": fix.commands(),
        })
    });
    object(&[
        ("type", json!("probe")),
        ("name", json!(probe.name)),
        ("subject", json!(probe.subject.name())),
        ("ok", json!(probe.ok)),
        ("detail", json!(probe.detail)),
        ("fix", json!(fix)),
    ])
}

/// In the order of the contract: `type` first. A map would sort them.
fn object(members: &[(&str, serde_json::Value)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}\n", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_broken_between_words_and_not_in_quotes() {
        let command = "printf 'a b  c' /x | sudo tee /y && z \"$(sysctl -n q) r\"";
        let lines = folded(command, 26);
        assert_eq!(
            lines,
            [
                "printf 'a b  c' /x | \\",
                "  sudo tee /y && z \\",
                "  \"$(sysctl -n q) r\""
            ]
        );
        assert_eq!(folded(command, 200), [command]);
    }
}
