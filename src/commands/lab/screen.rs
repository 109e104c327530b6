//! `lab run --tui`: an experiment, stepped through while it happens and when it is over.
//!
//! The run is recorded as ever, for want of a folder in one that is gone as soon as its files are open, and the
//! screen reads one end's capture as it grows.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{env, process, thread};

use anyhow::{Context, Result, bail};

use super::feed::{Feed, Told};
use super::run::{WAITING, announce, recorder, say};
use super::{Asked, shown, watch};
use crate::cli::{self, At};
use crate::commands::step::{self, Wanted};
use crate::io::Signals;
use crate::io::file::Store;
use crate::io::lab::host;
use crate::io::lab::record::Recorder;
use crate::io::lab::run::{Options, run_with};
use crate::lab::truth::Happening;
use crate::tui::Look;

/// Runs it.
pub(super) fn run(args: &cli::LabRun, asked: &Asked) -> Result<ExitCode> {
    if args.at == Some(At::Both) {
        bail!(
            "--tui shows one end while it runs: leave --at both out, or record it with --record DIR and walk \
             through both ends when it is over: wirelab step DIR --at both"
        );
    }
    let style = step::style(&args.output, &args.view, "leave --tui out")?;
    let (recorder, store) = record(args, asked)?;
    let signals = Signals::catch_for_screen().context("can't catch signals")?;
    let hosts = match host::open(&asked.experiment) {
        Ok(hosts) => hosts,
        Err(error) => {
            let name = &asked.name;
            bail!("{error}; recordings need no rights: wirelab step {name}");
        }
    };
    announce(args, asked, &hosts);
    let look = Look {
        style: style.clone(),
        title: asked.name.clone(),
        follows: true,
        ..Look::default()
    };
    let options = Options {
        name: &asked.name,
        signals: Some(signals),
        keep: false,
    };
    let (to, from) = sync_channel(WAITING);
    let (outcome, told, seen) = thread::scope(|scope| {
        let kept = store.clone();
        let keeper = scope.spawn(move || keep(from, recorder, &kept));
        let screen = scope.spawn(move || {
            let seen = step::follow(store, Wanted::default(), look, signals, drop);
            // Who has seen enough has the run end, too.
            signals.end();
            seen
        });
        let mut sink = |happening| match to.send(happening) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let outcome = run_with(&asked.experiment, hosts, &options, &mut sink);
        drop(to);
        let told = keeper.join().unwrap_or_else(|panic| resume_unwind(panic));
        let seen = screen.join().unwrap_or_else(|panic| resume_unwind(panic));
        (outcome, told, seen)
    });
    if let (Some(Ok(recorded)), Some(folder)) = (&told.recorded, &args.record) {
        let folder = shown(folder);
        say(&format!("recorded in {folder}: {recorded}"));
    }
    told.recorded.transpose()?;
    let seen = seen?;
    let outcome = outcome.context("can't run it to its end")?;
    watch::summary(&told.tally, false, &style)?;
    if seen != ExitCode::SUCCESS {
        return Ok(seen);
    }
    Ok(ExitCode::from(u8::from(!outcome.ok)))
}

/// Keeps what happens, until nothing more does.
fn keep(from: Receiver<Happening>, recorder: Recorder, store: &Store) -> Told {
    let mut feed = Feed::new(from, Some(recorder));
    while feed.next().is_some() {}
    let told = feed.finish();
    store.end(None);
    told
}

/// The recording, and the capture in it that is looked at.
fn record(args: &cli::LabRun, asked: &Asked) -> Result<(Recorder, Store)> {
    let file = match args.at {
        Some(At::Server) => "server.pcapng",
        Some(At::Client | At::Both) | None => "client.pcapng",
    };
    let open = |folder: &Path| {
        let path = folder.join(file);
        let opened = File::open(&path).with_context(|| format!("can't read {}", shown(&path)));
        opened.map(Store::growing)
    };
    if let Some(folder) = &args.record {
        let recorder = recorder(folder, asked)?;
        return Ok((recorder, open(folder)?));
    }
    let folder: PathBuf = env::temp_dir().join(format!("wirelab-run-{}", process::id()));
    fs::create_dir(&folder).with_context(|| format!("can't make {}", shown(&folder)))?;
    let made = recorder(&folder, asked).and_then(|recorder| Ok((recorder, open(&folder)?)));
    // What is open stays, and is gone with whoever has it open.
    let gone = fs::remove_dir_all(&folder);
    let made = made?;
    gone.with_context(|| format!("can't remove {}", shown(&folder)))?;
    Ok(made)
}
