//! `inspect -i`: the next packets of an interface that match, each taken apart as it comes.
//!
//! The interface is opened with whatever rights there are, which are then given up for good; only
//! after that bytes from the network are looked at.

use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cli;
use crate::commands::USAGE_OR_ENVIRONMENT;
use crate::commands::output;
use crate::commands::pipeline::Stopped;
use crate::decode::Decoder;
use crate::io::live::{Ending, Live, LiveOptions};
use crate::io::privileges::{self, Becomes};
use crate::io::{Signals, Source};
use crate::view::{Paint, Style, text};

/// Waits for the packets and shows them.
pub(super) fn run(args: &cli::Inspect, interface: &str, style: &Style) -> Result<ExitCode> {
    let becomes = Becomes::find()?;
    let signals = Signals::catch().context("can't catch signals")?;
    let mut options = LiveOptions::new(interface);
    options.filter = Some(args.filter()).filter(|filter| !filter.is_empty());
    options.count = Some(args.count);
    let live = Live::open(&options, Some(signals))?;
    privileges::drop_for_good(becomes)?;
    announce(args, interface)?;
    let mut live = live.shown_on(io::stdout().as_fd().try_clone_to_owned()?);
    let mut out = output::stdout();
    let mut decoder = Decoder::new();
    let mut shown = 0;
    while let Some(frame) = live.next_frame()? {
        heading(args, style, frame.number, &mut out)
            .and_then(|()| super::show(args, style, &frame, &mut decoder, &mut out))
            .and_then(|_| out.flush())
            .map_err(Stopped::Output)?;
        shown += 1;
    }
    ended(live.ending(), shown)
}

/// Says on standard error what is waited for.
fn announce(args: &cli::Inspect, interface: &str) -> Result<()> {
    let what = match args.count {
        1 => "the next packet".to_owned(),
        count => format!("the next {count} packets"),
    };
    let filter = match args.filter() {
        filter if filter.is_empty() => filter,
        filter => format!(" (filter: {})", text::escape(&filter)),
    };
    let name = text::escape(interface);
    writeln!(
        io::stderr(),
        "waiting for {what} on {name}{filter}; Ctrl-C ends it"
    )
    .context("can't write standard error")
}

/// The line above each of several packets; JSON has the number in every line.
fn heading(
    args: &cli::Inspect,
    style: &Style,
    number: u64,
    out: &mut BufWriter<impl Write>,
) -> io::Result<()> {
    if args.count == 1 || args.output.format == cli::Format::Json {
        return Ok(());
    }
    let gap = if number > 1 { "\n" } else { "" };
    let of = args.count;
    let text = format!("Packet {number} of {of}");
    writeln!(out, "{gap}{}\n", style.paint(Paint::Strong, text))
}

/// Says why fewer came than were asked for.
fn ended(ending: Option<&Ending>, shown: u64) -> Result<ExitCode> {
    match ending {
        Some(Ending::Interface(reason)) => {
            writeln!(io::stderr(), "inspect: {reason}: nothing more can come")?;
            Ok(ExitCode::from(USAGE_OR_ENVIRONMENT))
        }
        Some(Ending::Signal(_)) if shown == 0 => {
            writeln!(io::stderr(), "inspect: no packet came")?;
            Ok(ExitCode::FAILURE)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
