//! `capture --tui`: what passes on an interface, stepped through while it comes.
//!
//! One thread saves frames to a file, as `capture -w` does, and does nothing else, so that the kernel's buffer
//! does not fill while somebody looks; the screen reads that file as it grows. The order of rights, files and
//! bytes is that of `capture`.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Teller, Wanted, follow};
use crate::cli;
use crate::commands::capture::{give_up_rights, options, report};
use crate::commands::pipeline::Stopped;
use crate::io::clock::Stopwatch;
use crate::io::file::Store;
use crate::io::live::{Ending, Live, LiveOptions};
use crate::io::privileges::Becomes;
use crate::io::save::Saver;
use crate::io::saving::Saving;
use crate::io::{Signals, Source, SourceError};
use crate::select::Selection;
use crate::tui::Look;
use crate::view::text;

/// How often it is asked how many packets were dropped, where more and more come.
const DROPS_EVERY: Duration = Duration::from_millis(100);

/// Runs it.
pub(in crate::commands) fn run(args: &cli::Capture) -> Result<ExitCode> {
    let style = super::style(&args.output, &args.view, "leave --tui out")?;
    if args.write.as_deref() == Some(Path::new("-")) {
        bail!("-w - writes to standard output, and --tui draws on it; name a file");
    }
    let becomes = Becomes::find()?;
    let signals = Signals::catch_for_screen().context("can't catch signals")?;
    let options = LiveOptions {
        // Nobody sees sooner than the next picture what came.
        immediate: false,
        ..options(args)
    };
    let live = Live::open(&options, Some(signals))?;
    let (saver, name, store) = give_up_rights(becomes, || make(args.write.as_deref(), becomes))?;
    let source = Saving::new(live, Some((saver, name)))?;
    let look = Look {
        style,
        title: args.interface.clone(),
        follows: true,
        ..Look::default()
    };
    let wanted = Wanted {
        filter: String::new(),
        selection: Selection::from(&args.select),
        wscale: args.wscale,
    };
    let mut keeper = None;
    let code = follow(store.clone(), wanted, look, signals, |teller| {
        keeper = Some(
            thread::Builder::new()
                .name("capture".to_owned())
                .spawn(move || keep(source, &store, &teller)),
        );
    });
    // Who has seen enough has the capture end, too; its file is ended as it should be.
    signals.end();
    let keeper = keeper
        .context("nothing was captured")?
        .context("can't start capturing")?;
    let Ok((mut source, kept)) = keeper.join() else {
        bail!("capturing has ended because of a fault of wirelab's own");
    };
    let frames = source.frames();
    let captured = report(&mut source, frames)?;
    kept?;
    Ok(if code? == ExitCode::SUCCESS {
        captured
    } else {
        ExitCode::from(super::USAGE_OR_ENVIRONMENT)
    })
}

/// Saves what comes until there is an end to it, and says on the screen if nobody asked for that.
fn keep(mut source: Saving<Live>, store: &Store, teller: &Teller) -> (Saving<Live>, Result<()>) {
    let outcome = save_all(&mut source, store).map_err(Stopped::Source);
    store.note_dropped(drops(&mut source));
    let saved = source.finish();
    let why = match (&outcome, source.source().ending()) {
        (Err(Stopped::Source(error)), _) => Some(error.to_string()),
        (_, Some(Ending::Interface(why))) => Some(format!("{why}: nothing more can come")),
        _ => None,
    };
    if let Some(why) = why {
        teller.say(why);
    }
    store.end(None);
    let ended = |error: SourceError| anyhow::Error::from(Stopped::Source(error));
    (
        source,
        outcome
            .map_err(anyhow::Error::from)
            .and(saved.map_err(ended)),
    )
}

/// Takes frames until no more come, and notes meanwhile how many there was no room for.
fn save_all(source: &mut Saving<Live>, store: &Store) -> Result<(), SourceError> {
    let mut looked = Stopwatch::start();
    while source.next_frame()?.is_some() {
        // Where nothing more is to be had at once, this may be the last time for long.
        if source.source().is_drained() || source.may_wait() && looked.elapsed() > DROPS_EVERY {
            store.note_dropped(drops(source));
            looked = Stopwatch::start();
        }
    }
    Ok(())
}

/// Packets that the kernel or the interface had no room for.
fn drops(source: &mut Saving<Live>) -> u64 {
    let (kernel, interface) = source.dropped();
    kernel.unwrap_or(0) + interface.unwrap_or(0)
}

/// The file that is written, which is also the one that is read: what was asked for, or one without a name.
fn make(path: Option<&Path>, becomes: Becomes) -> Result<(Saver, String, Store)> {
    let Some(path) = path else {
        let (file, store) = Store::temporary()?;
        let saver = Saver::to_file(file, &[])?;
        return Ok((saver, "a temporary file".to_owned(), store));
    };
    let name = text::escape(&path.to_string_lossy()).into_owned();
    let denied = |error: &io::Error| match becomes {
        Becomes::Invoker { .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            "; files are written as the user who called sudo, so choose a folder of theirs"
        }
        _ => "",
    };
    let file: io::Result<File> = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) => bail!("can't write {name}: {error}{}", denied(&error)),
    };
    if !file.metadata()?.is_file() {
        bail!("can't write {name}: --tui reads what it saves, and that is no plain file");
    }
    let store = Store::growing(file.try_clone()?);
    let saver = Saver::to_file(file, &[]).with_context(|| format!("can't write {name}"))?;
    Ok((saver, name, store))
}
