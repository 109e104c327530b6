//! `replay --at both`: the two ends of a recording as one story.

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};

use super::ends::{Ends, Merged, Next, Told};
use super::output::{self, Terminal};
use super::pipeline::{Halt, Pipeline, Stopped, learn};
use super::show::{headline, pace};
use crate::analysis::{Hindsight, Limits};
use crate::cli;
use crate::event::{End, Event, Host};
use crate::io::SourceError;
use crate::io::clock::Speed;
use crate::lab::truth::Happening;
use crate::pair::Pair;
use crate::select::{Scope, Selection};
use crate::view::{self, BothEnds, Json, Lines, View};

/// Shows both ends.
///
/// # Errors
///
/// When there are no two, or they can't be read, shown or waited for.
pub(super) fn run(args: &cli::Replay, speed: Speed) -> Result<ExitCode> {
    let name = args.input.capture();
    if args
        .view
        .view
        .as_deref()
        .is_some_and(|view| view != "ladder")
    {
        bail!(
            "--at both is drawn as a ladder only; for other views choose --at client or --at server"
        );
    }
    if !args.input.filter().is_empty() {
        bail!(
            "--at both takes no filter, which could tear packets apart; choose with --flow, --port or --frames"
        );
    }
    let mut style = output::style(&args.output, &args.view, Terminal::look())?;
    let ends = Ends::find(name)?;
    let mut merged = Merged::open(&ends)?;
    let selection = Selection::from(&args.select);
    style.chosen = !selection.is_everything();
    // Who waits for each packet wants to see each.
    style.all |= speed != Speed::Max;
    if let Ends::Recording(recording) = &ends {
        style.headline = headline(recording);
    }
    let shows = BothEnds {
        calls: !args.packets_only,
        figures: !args.packets_only && merged.has_truth(),
    };
    let view: Box<dyn View> = match (args.output.format, &args.view.view) {
        (cli::Format::Json, None) => Box::new(Json::new(Lines::Everything)),
        (cli::Format::Json, Some(_)) => {
            bail!("--format json prints data and --view draws text: leave one of them out")
        }
        (cli::Format::Text, _) => view::both(style, shows),
    };
    let mut out = output::stdout();
    let pipeline = Pipeline {
        view,
        out: &mut out,
        selection,
        scope: Scope::Segments,
        filter: None,
        pace: pace(speed)?,
        limits: Limits::default(),
        hindsight: Hindsight::default(),
    };
    let learned = |host| -> Result<Hindsight> {
        let mut source = ends.open(host)?;
        let scale = args.input.wscale;
        Ok(learn(source.as_mut(), &mut None, Limits::default()).and_scale(scale))
    };
    let hindsight = [learned(Host::Client)?, learned(Host::Server)?];
    match tell(pipeline, &mut merged, hindsight) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(stopped @ Stopped::Source(_)) => {
            Err(anyhow!(stopped).context(format!("can't read on in {}", name.escape_debug())))
        }
        Err(stopped) => Err(stopped.into()),
    }
}

/// Why it ends before its end.
enum Interrupt {
    Halt(Halt),
    Source(SourceError),
}

impl From<Halt> for Interrupt {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<SourceError> for Interrupt {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// Joins the two ends and shows what comes of it.
fn tell(
    pipeline: Pipeline<'_>,
    merged: &mut Merged,
    hindsight: [Hindsight; 2],
) -> Result<(), Stopped> {
    let (mut shown, limits, _) = pipeline.split();
    let mut pair = Pair::new(merged.join(), limits).with_hindsight(hindsight);
    let mut failure = None;
    let mut end = End::default();
    loop {
        let outcome = merged.next(|next| -> Result<(), Interrupt> {
            let mut sink = |event: &Event<'_>| shown.event(event);
            match next {
                Next::Frame(host, frame, sent) => pair.frame(host, &frame, sent, &mut sink)?,
                Next::Told(Told::Begins(call)) => pair.begins(&call),
                Next::Told(Told::Line(line)) => {
                    pair.happening(&Happening::Line(line), &mut sink)?;
                }
            }
            Ok(())
        });
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                end.truncated = merged.truncated();
                break;
            }
            Err(Interrupt::Halt(Halt::Enough)) => break,
            Err(Interrupt::Halt(halt)) => return Err(halt.into()),
            Err(Interrupt::Source(error)) => {
                end.truncated = Some(error.to_string());
                failure = Some(error);
                break;
            }
        }
    }
    shown.unpace();
    if let Some(problem) = merged.problem() {
        shown.event(&Event::Notice(problem))?;
    }
    pair.finish(&end, &mut |event| shown.event(event))?;
    shown.flush()?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}
