//! Those who watch a run: what happens is kept and shown on a thread of its own, as it happens.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use anyhow::{Result, bail};

use super::feed::{Feed, Live, Told};
use crate::analysis::{Hindsight, Limits};
use crate::cli::{self, At};
use crate::commands::output;
use crate::commands::pipeline::{Pipeline, Stopped};
use crate::commands::replay::segments_view;
use crate::event::End;
use crate::io::lab::record::Recorder;
use crate::lab::truth::{Happening, Line};
use crate::lab::{Side, Tally};
use crate::pair::{Join, Pair};
use crate::select::{Scope, Selection};
use crate::view::{self, BothEnds, Json, Lines, Paint, Style, View, text};

/// What is shown.
#[derive(Clone, Copy)]
pub(super) enum Shows<'a> {
    /// Nothing.
    Nothing,
    /// As JSON, what it came to.
    Outcome,
    /// As JSON, the truth and what both ends show together, unless one end is asked for.
    Truth,
    /// Both ends in one ladder.
    Both(BothEnds),
    /// One end, by the view that was asked for.
    One(Side, &'a cli::LabRun),
}

impl<'a> Shows<'a> {
    /// What the command line asks for.
    ///
    /// # Errors
    ///
    /// When it can't be meant.
    pub(super) fn of(args: &'a cli::LabRun, style: &Style) -> Result<Self> {
        segments_view(&args.output, &args.view, style.clone())?;
        let other = args
            .view
            .view
            .as_deref()
            .is_some_and(|view| view != "ladder");
        Ok(match (args.output.format, args.end()) {
            (_, At::Both) if other => bail!(
                "--at both is drawn as a ladder only; for other views choose --at client or --at server"
            ),
            (cli::Format::Json, _) if args.quiet => Self::Outcome,
            (cli::Format::Json, At::Client) if args.at.is_some() => Self::One(Side::Client, args),
            (cli::Format::Json, At::Server) if args.at.is_some() => Self::One(Side::Server, args),
            (cli::Format::Json, _) => Self::Truth,
            (cli::Format::Text, _) if args.quiet => Self::Nothing,
            (cli::Format::Text, At::Both) => Self::Both(BothEnds {
                calls: !args.packets_only,
                figures: !args.packets_only,
            }),
            (cli::Format::Text, At::Client) => Self::One(Side::Client, args),
            (cli::Format::Text, At::Server) => Self::One(Side::Server, args),
        })
    }
}

/// Keeps what happens and shows it, until there is no more. That nobody reads it any more ends the
/// showing, and the run if it is not recorded.
pub(super) fn keep_and_show(
    from: Receiver<Happening>,
    recorder: Option<Recorder>,
    shows: Shows<'_>,
    style: Style,
) -> (Told, Result<(), Stopped>) {
    let mut feed = Feed::new(from, recorder);
    let mut out = output::stdout();
    let written = match shows {
        Shows::Nothing => Ok(()),
        Shows::Outcome => outcome(&mut feed, &mut out).map_err(Stopped::Output),
        Shows::Truth => {
            let view = Box::new(Json::new(Lines::Everything));
            both(&mut feed, view, true, &mut out).map_err(Stopped::Output)
        }
        Shows::Both(ends) => {
            let view = view::both(style, ends);
            both(&mut feed, view, false, &mut out).map_err(Stopped::Output)
        }
        Shows::One(side, args) => one(&mut feed, side, args, style, &mut out),
    };
    if written.is_ok() || feed.records() {
        while feed.next().is_some() {}
    }
    (feed.finish(), written)
}

/// Writes what it came to, a line each.
fn outcome(feed: &mut Feed, out: &mut impl Write) -> io::Result<()> {
    while let Some(next) = feed.next() {
        if let Happening::Line(line @ (Line::Run(_) | Line::Counters(_) | Line::Outcome(_))) = next
        {
            writeln!(out, "{}", line.to_json())?;
        }
    }
    out.flush()
}

/// Shows both ends joined; with `truth`, each line of it first.
fn both(
    feed: &mut Feed,
    mut view: Box<dyn View>,
    truth: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut pair = Pair::new(Join::ByFate, Limits::default());
    loop {
        if feed.waits() {
            view.pause(out)?;
            out.flush()?;
        }
        let Some(next) = feed.next() else { break };
        if let (true, Happening::Line(line)) = (truth, &next) {
            writeln!(out, "{}", line.to_json())?;
        }
        pair.happening(&next, &mut |event| view.event(event, out))?;
    }
    pair.finish(&End::default(), &mut |event| view.event(event, out))?;
    view.pause(out)?;
    out.flush()
}

/// Shows what one side sends and receives.
fn one(
    feed: &mut Feed,
    side: Side,
    args: &cli::LabRun,
    style: Style,
    out: &mut impl Write,
) -> Result<(), Stopped> {
    let view = segments_view(&args.output, &args.view, style)
        .map_err(|error| Stopped::Output(io::Error::other(error.to_string())))?;
    let pipeline = Pipeline {
        view,
        out,
        selection: Selection::default(),
        scope: Scope::Segments,
        filter: None,
        pace: None,
        limits: Limits::default(),
        hindsight: Hindsight::default(),
        compare: None,
        estimates: false,
    };
    let mut source = Live::new(feed, side);
    pipeline.run(&mut source, &mut |_| ()).map(|_| ())
}

/// What it came to, on standard output, behind what was shown.
pub(super) fn summary(tally: &Tally, behind: bool, style: &Style) -> io::Result<()> {
    let mut out = output::stdout();
    let width = usize::from(style.width);
    let mut tell = |paint: Paint, sentence: &str| {
        for (line, at) in text::wrap(&text::escape(sentence), width.saturating_sub(2))
            .iter()
            .zip(0..)
        {
            let indent = if at == 0 { 0 } else { 2 };
            writeln!(out, "{:indent$}{}", "", style.paint(paint, line))?;
        }
        Ok::<(), io::Error>(())
    };
    if behind {
        tell(Paint::Plain, "")?;
    }
    for sentence in tally.sentences() {
        tell(Paint::Plain, &sentence)?;
    }
    for fault in tally.unmet() {
        tell(Paint::Caution, &format!("{fault} met no packet"))?;
    }
    for setting in &tally.missing {
        tell(Paint::Caution, &format!("this kernel lacks {setting}"))?;
    }
    let failures = tally.outcome.iter().flat_map(|outcome| &outcome.failures);
    for failure in failures {
        tell(Paint::Trouble, &format!("it failed: {failure}"))?;
    }
    out.flush()
}
