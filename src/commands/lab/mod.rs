//! `lab`: experiments between two hosts, listed, told, checked and run.

mod check;
mod feed;
mod json;
mod list;
mod repeat;
mod run;
mod screen;
mod show;
mod watch;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};

use crate::cli::{self, LabCommand};
use crate::lab::experiment::Experiment;
use crate::recordings::{self, Lesson};
use crate::view::text;

/// Most bytes of a file that can be an experiment.
const LONGEST_BYTES: u64 = 4 << 20;

/// Runs it.
pub(super) fn run(args: &cli::Lab) -> Result<ExitCode> {
    match &args.command {
        None => list::run(&cli::LabList::default()),
        Some(LabCommand::List(args)) => list::run(args),
        Some(LabCommand::Show(args)) => show::run(args),
        Some(LabCommand::Check(args)) => check::run(args),
        Some(LabCommand::Run(args)) => run::run(args),
    }
}

/// An experiment that was asked for.
struct Asked {
    /// The name of the lesson, or of the file; not escaped.
    name: String,
    /// The lesson that it is, if it is one.
    lesson: Option<&'static Lesson>,
    experiment: Experiment,
}

/// The experiment of that name, in a file or bundled.
///
/// # Errors
///
/// When there is none, or its text is wrong.
fn find(name: &str) -> Result<Asked> {
    let path = Path::new(name);
    // A file wins over an experiment of the same name: it is there because someone put it there.
    let lesson = if path.is_file() {
        None
    } else {
        recordings::lesson(name)
    };
    let text = match lesson {
        Some(lesson) => lesson.text().to_owned(),
        // What looks like a path is meant as one, and named pipes can be read.
        None if path.exists() || name.contains(['/', '.']) => {
            read(path).with_context(|| format!("can't read {}", shown(path)))?
        }
        None => bail!(unknown(name)),
    };
    let experiment = Experiment::parse(&text).map_err(|error| {
        anyhow!(
            "{} is no experiment: {}",
            shown(path),
            lines(&error.to_string())
        )
    })?;
    Ok(Asked {
        name: name.to_owned(),
        lesson,
        experiment,
    })
}

/// The text of the file at `path`.
fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?;
    if file.metadata()?.is_dir() {
        bail!("it is a folder; name the file in it that has the experiment");
    }
    let length = file
        .by_ref()
        .take(LONGEST_BYTES + 1)
        .read_to_end(&mut bytes)? as u64;
    if length > LONGEST_BYTES {
        bail!("it is longer than any experiment");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow!("it is no text: byte {at} begins no UTF-8 character")
    })
}

/// What to say of a name that nothing has.
fn unknown(name: &str) -> String {
    let meant = recordings::nearest(name)
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    format!(
        "no file and no experiment called {}{meant} (wirelab lab list has all)",
        name.escape_debug()
    )
}

/// A path as it may be shown.
fn shown(path: &Path) -> String {
    text::escape(&path.to_string_lossy()).into_owned()
}

/// Text of several lines from outside, each safe to show.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(text::escape).collect();
    lines.join("\n")
}
