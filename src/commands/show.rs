//! What `replay`, `flows` and `explain` have in common: open a capture, choose, show.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::{Result, anyhow};

use super::explain::explaining;
use super::input;
use super::output::{self, Terminal};
use super::pipeline::{Pace, Pipeline, Stopped, learn};
use super::progress::Progress;
use super::scale::doubting;
use crate::analysis::{Hindsight, Limits};
use crate::cli;
use crate::compare::Compare;
use crate::event::Host;
use crate::io::clock::{self, Pacer, Speed};
use crate::recordings::Recording;
use crate::select::{Scope, Selection};
use crate::view::{Ascii, Style, View, view};

/// What is to be shown, as the command line has it.
pub(super) struct Show<'a> {
    pub(super) input: &'a cli::Input,
    /// Whose capture, of what has two.
    pub(super) end: Option<Host>,
    pub(super) select: &'a cli::Select,
    pub(super) output: &'a cli::Output,
    pub(super) view: &'a cli::View,
    pub(super) scope: Scope,
    pub(super) speed: Speed,
    /// Whether results are written while reading, and not all at the end.
    pub(super) streams: bool,
    /// Whether to say of each segment how large its sender's congestion window is by estimate.
    pub(super) estimates: bool,
    /// Whether to say what Wireshark says.
    pub(super) as_wireshark: bool,
}

/// Shows a capture by the view that `make` makes for the style of the place it is written to.
pub(super) fn show(
    show: &Show<'_>,
    make: impl FnOnce(Style) -> Result<Box<dyn View>>,
) -> Result<ExitCode> {
    let terminal = Terminal::look();
    let mut style = output::style(show.output, show.view, terminal)?;
    let mut input = input::open(show.input, show.end)?;
    style.headline = input.recording.map(headline).unwrap_or_default();
    if let Some(recording) = input.recording.filter(|it| has_calls(it)) {
        style.headline = format!(
            "{}\nWith both programs' calls: wirelab replay {} --at both",
            style.headline, recording.name
        );
    }
    let selection = Selection::from(show.select);
    style.chosen = !selection.is_everything() || input.filter.is_some();
    let mut progress = Progress::new(show.streams);
    let mut out = output::stdout();
    let view = doubting(make(style)?, show.input.wscale);
    let limits = Limits::default();
    let hindsight = if input.lasts && view.shows_segments() {
        let mut first = input::open(show.input, show.end)?;
        learn(first.source.as_mut(), &mut first.filter, limits)
    } else {
        Hindsight::default()
    };
    let pipeline = Pipeline {
        view,
        out: &mut out,
        selection,
        scope: show.scope,
        filter: input.filter.take(),
        pace: pace(show.speed)?,
        limits,
        hindsight: hindsight.and_scale(show.input.wscale),
        compare: show.as_wireshark.then(Compare::default),
        estimates: show.estimates,
    };
    let outcome = pipeline.run(input.source.as_mut(), &mut |source| progress.watch(source));
    progress.clear();
    match outcome {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(stopped @ Stopped::Source(_)) => {
            let name = show.input.capture().escape_debug();
            Err(anyhow!(stopped).context(format!("can't read on in {name}")))
        }
        Err(stopped) => Err(stopped.into()),
    }
}

/// The text view of that name.
///
/// # Errors
///
/// When there is none.
pub(super) fn text_view(name: &str, style: Style) -> Result<Box<dyn View>> {
    let entry = view(name).ok_or_else(|| anyhow!("there is no view called {name}"))?;
    let unicode = style.unicode;
    let view = (entry.make)(style);
    let view = if entry.findings {
        explaining(view)
    } else {
        view
    };
    Ok(in_ascii(view, !unicode))
}

/// The view that lays out findings, for who has some of another kind to show.
pub(super) fn findings_view(style: Style) -> Result<Box<dyn View>> {
    let entry = view("explain").ok_or_else(|| anyhow!("there is no view called explain"))?;
    let unicode = style.unicode;
    Ok(in_ascii((entry.make)(style), !unicode))
}

/// The view, with nothing but ASCII if that is `wanted`.
pub(super) fn in_ascii(view: Box<dyn View>, wanted: bool) -> Box<dyn View> {
    if wanted {
        Box::new(Ascii::of(view))
    } else {
        view
    }
}

pub(super) fn headline(recording: &Recording) -> String {
    format!(
        "{}: {}\n{}",
        recording.name, recording.title, recording.look_for
    )
}

/// Whether the truth of its run tells of the programs' calls.
fn has_calls(recording: &Recording) -> bool {
    recording
        .truth()
        .is_some_and(|truth| truth.contains(r#""type":"call""#))
}

/// What paces the replay, unless it is to go as fast as it can.
pub(super) fn pace(speed: Speed) -> Result<Option<Pace>> {
    if speed == Speed::Max {
        return Ok(None);
    }
    let mut pacer = Pacer::new(speed, None)?;
    // The first segment needs no pressing of Enter: an empty screen would not say what to do.
    let mut first = speed == Speed::Step;
    if first {
        let _ = writeln!(
            io::stderr(),
            "(Enter shows the next segment, q and Enter ends)"
        );
    }
    Ok(Some(Box::new(move |time| {
        if std::mem::take(&mut first) {
            return Ok(ControlFlow::Continue(()));
        }
        Ok(match pacer.wait(time)? {
            clock::Pace::Go => ControlFlow::Continue(()),
            clock::Pace::Stop => ControlFlow::Break(()),
        })
    })))
}
