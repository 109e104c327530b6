//! `capture`: what passes on an interface, shown as `replay` shows a file, and saved with `-w`.
//!
//! The order of things matters here. The capture is opened with whatever rights there are, then
//! the rights are given up for good, and only then are bytes from the network looked at. The file
//! is made after that where it should belong to the user who called sudo, and before it where the
//! process stays root: without capabilities, root may not write into other users' folders.

use std::cell::Cell;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use super::USAGE_OR_ENVIRONMENT;
use super::output::{self, Terminal};
use super::pipeline::{Pipeline, Stopped};
use super::replay::segments_view;
use super::scale::doubting;
use super::step;
use crate::analysis::{Hindsight, Limits};
use crate::cli;
use crate::event::Event;
use crate::io::live::{Ending, Live, LiveOptions};
use crate::io::privileges::{self, Becomes};
use crate::io::save::Saver;
use crate::io::saving::Saving;
use crate::io::{Signals, Source};
use crate::select::{Scope, Selection};
use crate::view::{View, text};

/// Runs it.
pub(super) fn run(args: &cli::Capture) -> Result<ExitCode> {
    if args.tui {
        return step::live::run(args);
    }
    let terminal = Terminal::look();
    let to_stdout = args.write.as_deref() == Some(Path::new("-"));
    if to_stdout && terminal.is_one {
        bail!("-w - writes a capture, not text, to standard output, which is a terminal; pipe it");
    }
    // What is wrong with the command line is said before anything is opened.
    let mut style = output::style(&args.output, &args.view, terminal)?;
    let selection = Selection::from(&args.select);
    style.chosen = !selection.is_everything();
    let view = segments_view(&args.output, &args.view, style)?;
    let shown = Rc::new(Cell::new(0));
    let view = Box::new(Counted {
        view,
        shown: Rc::clone(&shown),
    });

    let becomes = Becomes::find()?;
    let signals = Signals::catch().context("can't catch signals")?;
    let live = Live::open(&options(args), Some(signals))?;
    let file = give_up_rights(becomes, || make(args.write.as_deref(), becomes))?;
    announce(&live, args)?;
    let silent = args.quiet || to_stdout;
    let live = if silent {
        live
    } else {
        live.shown_on(io::stdout().as_fd().try_clone_to_owned()?)
    };
    let mut source = Saving::new(live, file)?;

    let outcome = if silent {
        drain(&mut source)
    } else {
        let mut out = output::stdout();
        let pipeline = Pipeline {
            view: doubting(view, args.wscale),
            out: &mut out,
            selection,
            scope: Scope::Segments,
            filter: None,
            pace: None,
            limits: Limits::default(),
            hindsight: Hindsight::knowing_scale(args.wscale),
            compare: None,
            estimates: args.output.format == cli::Format::Json,
        };
        pipeline.run(&mut source, &mut |_| ()).map(|_| ())
    };
    let saved = source.finish();
    if let Err(stopped) = outcome {
        if !stopped.is_closed_pipe() {
            report(&mut source, shown.get())?;
        }
        return Err(stopped.into());
    }
    let code = report(&mut source, shown.get())?;
    saved?;
    Ok(code)
}

pub(super) fn options(args: &cli::Capture) -> LiveOptions {
    let mut options = LiveOptions::new(&args.interface);
    options.snaplen = args.snaplen;
    options.filter = Some(args.filter()).filter(|filter| !filter.is_empty());
    options.count = args.count;
    options.promiscuous = !args.no_promiscuous;
    if let Some(kib) = args.buffer_size {
        options.buffer_bytes = kib.saturating_mul(1024);
    }
    options
}

/// Gives up all rights, and has the file made as whoever it is to belong to.
pub(super) fn give_up_rights<T>(becomes: Becomes, make: impl FnOnce() -> Result<T>) -> Result<T> {
    match becomes {
        Becomes::Same => {
            let made = make()?;
            privileges::drop_for_good(becomes)?;
            Ok(made)
        }
        Becomes::Invoker { .. } => {
            privileges::drop_for_good(becomes)?;
            make()
        }
    }
}

/// Makes the file; gives its name too, for messages.
fn make(path: Option<&Path>, becomes: Becomes) -> Result<Option<(Saver, String)>> {
    let Some(path) = path else { return Ok(None) };
    let name = text::escape(&path.to_string_lossy()).into_owned();
    match Saver::create(path, &[]) {
        Ok(saver) => Ok(Some((saver, name))),
        Err(failed) => {
            let denied = failed.error.kind() == io::ErrorKind::PermissionDenied;
            let whose = match becomes {
                Becomes::Invoker { .. } if denied => {
                    "; files are written as the user who called sudo, so choose a folder of theirs"
                }
                _ => "",
            };
            bail!("can't write {name}: {}{whose}", failed.error)
        }
    }
}

/// Says on standard error what is captured, where it goes and how it ends.
fn announce(live: &Live, args: &cli::Capture) -> Result<()> {
    let name = text::escape(&args.interface);
    let cut = match args.snaplen {
        0 => String::new(),
        bytes => format!(", {bytes} bytes of each packet"),
    };
    let file = match &args.write {
        Some(path) if path == Path::new("-") => ", to standard output".to_owned(),
        Some(path) => format!(", to {}", text::escape(&path.to_string_lossy())),
        None => String::new(),
    };
    let link = live.link_name();
    writeln!(
        io::stderr(),
        "capturing on {name} ({link}{cut}){file}; Ctrl-C ends it"
    )
    .context("can't write standard error")
}

/// Reads without showing.
pub(super) fn drain(source: &mut dyn Source) -> Result<(), Stopped> {
    while source.next_frame()?.is_some() {}
    Ok(())
}

/// Says on standard error why it ended, if that was not asked for, and what was counted.
pub(super) fn report(source: &mut Saving<Live>, shown: u64) -> Result<ExitCode> {
    let mut err = io::stderr();
    let code = match source.source().ending() {
        Some(Ending::Interface(reason)) => {
            writeln!(err, "capture: {reason}: nothing more can come")?;
            ExitCode::from(USAGE_OR_ENVIRONMENT)
        }
        // As `head` would have it: quietly.
        Some(Ending::Unread) => return Ok(ExitCode::SUCCESS),
        Some(Ending::Count | Ending::Signal(_)) | None => ExitCode::SUCCESS,
    };
    let (kernel, interface) = source.dropped();
    writeln!(
        err,
        "{}",
        summary(source.frames(), shown, kernel, interface)
    )?;
    Ok(code)
}

/// The last line; counts that the system does not give are left out.
fn summary(captured: u64, shown: u64, kernel: Option<u64>, interface: Option<u64>) -> String {
    let packets = if captured == 1 { "packet" } else { "packets" };
    let dropped = |count: Option<u64>, who: &str| {
        count.map_or_else(String::new, |count| format!(", {count} dropped by {who}"))
    };
    format!(
        "{captured} {packets} captured, {shown} shown{}{}",
        dropped(kernel, "kernel"),
        dropped(interface, "interface")
    )
}

/// Counts the packets that are shown.
struct Counted {
    view: Box<dyn View>,
    shown: Rc<Cell<u64>>,
}

impl View for Counted {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Event::Segment(_) | Event::Packet(..) = event {
            self.shown.set(self.shown.get() + 1);
        }
        self.view.event(event, out)
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.view.pause(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_what_is_known() {
        assert_eq!(
            summary(14, 3, Some(0), Some(2)),
            "14 packets captured, 3 shown, 0 dropped by kernel, 2 dropped by interface"
        );
        assert_eq!(summary(1, 1, None, None), "1 packet captured, 1 shown");
    }
}
