//! `lab run`: an experiment, here and now.
//!
//! Nothing may start a thread before the hosts are made, and everything that needs the rights of who
//! called is opened before: the files of the recording. Then the run has this thread, and another one
//! keeps and shows what happens.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};

use super::watch::{self, Shows};
use super::{Asked, find, lines, repeat, shown};
use crate::cli;
use crate::commands::USAGE_OR_ENVIRONMENT;
use crate::commands::ends;
use crate::commands::output::{self, Terminal};
use crate::commands::pipeline::Stopped;
use crate::commands::replay;
use crate::io::Signals;
use crate::io::lab::host::{self, Host, HostError};
use crate::io::lab::record::Recorder;
use crate::io::lab::run::{Options, run_with};
use crate::io::privileges::Becomes;
use crate::lab::{Both, Side};
use crate::recordings::Lesson;
use crate::view::text;

/// Happenings that may wait to be kept and shown before the run's own queue fills.
const WAITING: usize = 4096;

/// Runs it.
pub(super) fn run(args: &cli::LabRun) -> Result<ExitCode> {
    let asked = asked(args)?;
    if let Some(times) = args.repeat {
        return repeat::run(args, times, &asked);
    }
    // What is wrong with the command line is said before anything is opened.
    let mut style = output::style(&args.output, &args.view, Terminal::look())?;
    style.headline = headline(&asked);
    let shows = Shows::of(args, &style)?;
    let replaced = args
        .record
        .as_deref()
        .filter(|folder| ends::is_recording(folder));
    if let Some(folder) = replaced {
        let folder = shown(folder);
        say(&format!("the recording that was in {folder} is replaced"));
    }
    let recorder = args
        .record
        .as_deref()
        .map(|folder| recorder(folder, &asked));
    let recorder = recorder.transpose()?;
    let signals = Signals::catch().context("can't catch signals")?;
    let hosts = match host::open(&asked.experiment) {
        Ok(hosts) => hosts,
        Err(error) => return not_here(args, &asked, &error),
    };
    announce(args, &asked, &hosts);

    let (to, from) = mpsc::sync_channel(WAITING);
    let options = Options {
        name: &asked.name,
        signals: Some(signals),
        keep: args.keep,
    };
    let (outcome, (told, written)) = thread::scope(|scope| {
        let style = style.clone();
        let keeper = scope.spawn(move || watch::keep_and_show(from, recorder, shows, style));
        // When nobody is there any more to take it, the run is to end.
        let mut sink = |happening| match to.send(happening) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let outcome = run_with(&asked.experiment, hosts, &options, &mut sink);
        drop(to);
        let kept = keeper.join();
        (outcome, kept.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    if let (Some(Ok(recorded)), Some(folder)) = (&told.recorded, &args.record) {
        let folder = shown(folder);
        say(&format!("recorded in {folder}: {recorded}"));
    }
    told.recorded.transpose()?;
    match written {
        // Whoever read it has seen enough, and did not wait for the end.
        Err(error) if error.is_closed_pipe() => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error.into()),
        Ok(()) => {}
    }
    let outcome = outcome.context("can't run it to its end")?;
    let tally = &told.tally;
    match args.output.format {
        cli::Format::Text => watch::summary(tally, !args.quiet, &style).map_err(Stopped::Output)?,
        cli::Format::Json => {
            for fault in tally.unmet() {
                say(&format!("lab: {fault} met no packet"));
            }
        }
    }
    Ok(ExitCode::from(u8::from(!outcome.ok)))
}

/// The experiment, with what the command line says otherwise.
fn asked(args: &cli::LabRun) -> Result<Asked> {
    let mut asked = find(&args.experiment)?;
    let experiment = &mut asked.experiment;
    if let Some(seed) = args.seed {
        experiment.seed = seed;
        experiment.wire.seed = seed;
    }
    if let Some(profile) = args.profile {
        experiment.profile = profile.into();
    }
    Ok(asked)
}

fn headline(asked: &Asked) -> String {
    let experiment = &asked.experiment;
    let text = format!(
        "{}: {}\n{}",
        asked.name, experiment.title, experiment.look_for
    );
    lines(&text)
}

/// The files are made while there are rights to, and belong to whoever called sudo.
fn recorder(folder: &Path, asked: &Asked) -> Result<Recorder> {
    let title = &asked.experiment.title;
    Ok(Recorder::create(folder, title, Becomes::find()?)?)
}

/// Says on standard error what runs, and with `--keep` how to look around.
fn announce(args: &cli::LabRun, asked: &Asked, hosts: &Both<Host>) {
    let experiment = &asked.experiment;
    if !args.quiet {
        let name = text::escape(&asked.name);
        let profile = experiment.profile.name();
        let seed = experiment.seed;
        say(&format!(
            "running {name} (profile {profile}, seed {seed}); Ctrl-C ends it"
        ));
    }
    if args.keep {
        for side in [Side::Client, Side::Server] {
            let enter = hosts.of(side).enter();
            say(&format!("from another terminal, the {side}: {enter}"));
        }
    }
}

/// The experiment can't be run on this machine: says why, and shows the recording if there is one and
/// looking is what was asked for.
fn not_here(args: &cli::LabRun, asked: &Asked, error: &HostError) -> Result<ExitCode> {
    let recording = asked.lesson.and_then(Lesson::recording);
    let Some(recording) = recording else {
        bail!("{error}; recordings need no rights: wirelab captures has them");
    };
    let name = recording.name;
    if args.no_fallback || args.record.is_some() || args.keep || args.quiet {
        bail!("{error}; the recording needs no rights: wirelab replay {name}");
    }
    say(&format!("lab: {error}"));
    say(&format!(
        "lab: {name} was not run. What follows is its recording, as wirelab replay {name} shows it"
    ));
    let at = Some(args.end());
    let replay = cli::Replay::of(name, at, args.view.clone(), args.output.clone());
    replay::run(&replay)?;
    Ok(ExitCode::from(USAGE_OR_ENVIRONMENT))
}

/// A line on standard error. Where nobody reads it, there is nobody to tell, and nothing else ends for it.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
