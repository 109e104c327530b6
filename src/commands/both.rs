//! `replay --at both` and `replay --peer`: two captures of the same as one story.

use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Result, anyhow, bail};

use super::ends::{Ends, Merged, Next, Told};
use super::output::{self, Terminal};
use super::peer::{self, Peers};
use super::pipeline::{Halt, Pipeline, Stopped, learn};
use super::show::{headline, pace};
use crate::analysis::{Hindsight, Limits};
use crate::cli;
use crate::event::{End, Event, Host};
use crate::io::SourceError;
use crate::io::clock::Speed;
use crate::lab::truth::Happening;
use crate::pair::{Meeting, Pair};
use crate::select::{Scope, Selection};
use crate::view::{self, Ascii, BothEnds, Json, Lines, Style, View};

/// Said where nothing tells which place is nearer to whom.
const UNTOLD: &str = "which capture is nearer to who opened the connections can't be told: the first is \
                      drawn left, as the client's";

/// What is to be joined and shown, as the command line has it.
pub(super) struct Joint<'a> {
    /// The command, as messages name it.
    pub(super) command: &'static str,
    pub(super) input: &'a cli::Input,
    /// The other capture; `None` for both ends of a recording.
    pub(super) peer: Option<&'a str>,
    pub(super) select: &'a cli::Select,
    pub(super) output: &'a cli::Output,
    pub(super) view: &'a cli::View,
    pub(super) scope: Scope,
    pub(super) speed: Speed,
    /// Whether to say of each segment how large its sender's congestion window is by estimate.
    pub(super) estimates: bool,
}

/// Shows both ends, or two captures of the same.
///
/// # Errors
///
/// When there are no two, or they can't be read, shown or waited for.
pub(super) fn run(args: &cli::Replay, speed: Speed) -> Result<ExitCode> {
    refuse(args)?;
    let asked = Joint {
        command: "replay",
        input: &args.input,
        peer: args.peer.as_deref(),
        select: &args.select,
        output: &args.output,
        view: &args.view,
        scope: Scope::Segments,
        speed,
        estimates: args.output.format == cli::Format::Json,
    };
    joint(&asked, |mut style, has_truth| {
        // Who waits for each packet wants to see each.
        style.all |= speed != Speed::Max;
        let shows = BothEnds {
            calls: !args.packets_only,
            figures: !args.packets_only && has_truth,
        };
        Ok(match (args.output.format, &args.view.view) {
            (cli::Format::Json, None) => Box::new(Json::new(Lines::Everything)),
            (cli::Format::Json, Some(_)) => {
                bail!("--format json prints data and --view draws text: leave one of them out")
            }
            (cli::Format::Text, _) if style.unicode => view::both(style, shows),
            (cli::Format::Text, _) => Box::new(Ascii::of(view::both(style, shows))),
        })
    })
}

/// Joins two captures and shows them by the view that `make` makes, which is told whether the truth of the run is
/// known.
pub(super) fn joint(
    asked: &Joint<'_>,
    make: impl FnOnce(Style, bool) -> Result<Box<dyn View>>,
) -> Result<ExitCode> {
    let name = asked.input.capture();
    let mut style = output::style(asked.output, asked.view, Terminal::look())?;
    let (ends, meeting) = match asked.peer {
        None => (Ends::find(name)?, None),
        Some(peer) => match peer::meet(name, peer)? {
            Some(Peers { ends, meeting }) => (ends, Some(Rc::new(meeting))),
            None => return Ok(strangers(asked.command, name, peer)),
        },
    };
    let mut merged = Merged::open(&ends, meeting.clone())?;
    let selection = Selection::from(asked.select);
    style.chosen = !selection.is_everything();
    if let Some(recording) = ends.recording() {
        style.headline = headline(recording);
    }
    let view = make(style, merged.has_truth())?;
    let mut out = output::stdout();
    let pipeline = Pipeline {
        view,
        out: &mut out,
        selection,
        scope: asked.scope,
        filter: None,
        pace: pace(asked.speed)?,
        limits: Limits::default(),
        hindsight: Hindsight::default(),
        compare: None,
        estimates: asked.estimates,
    };
    let learned = |host| -> Result<Hindsight> {
        let mut source = ends.open(host)?;
        let scale = asked.input.wscale;
        Ok(learn(source.as_mut(), &mut None, Limits::default()).and_scale(scale))
    };
    let hindsight = [learned(Host::Client)?, learned(Host::Server)?];
    match tell(pipeline, &mut merged, hindsight, meeting) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(stopped @ Stopped::Source(_)) => {
            Err(anyhow!(stopped).context(format!("can't read on in {}", name.escape_debug())))
        }
        Err(stopped) => Err(stopped.into()),
    }
}

/// Refuses what can't be shown of two ends.
fn refuse(args: &cli::Replay) -> Result<()> {
    if args.as_wireshark {
        bail!("--as-wireshark is about one capture: choose it with --at client or --at server");
    }
    let (option, instead) = if args.peer.is_some() {
        ("--peer", "look at one capture alone")
    } else {
        ("--at both", "choose --at client or --at server")
    };
    let view = args.view.view.as_deref();
    if view.is_some_and(|view| view != "ladder") {
        bail!("{option} is drawn as a ladder only; for other views {instead}");
    }
    if !args.input.filter().is_empty() {
        bail!(
            "{option} takes no filter, which could tear packets apart; choose with --flow, --port or --frames"
        );
    }
    Ok(())
}

/// Says that two captures have too little in common.
fn strangers(command: &str, first: &str, second: &str) -> ExitCode {
    let _ = writeln!(
        io::stderr(),
        "{command}: {} and {} don't seem to be captures of the same connections: too few packets of one \
         are in the other",
        first.escape_debug(),
        second.escape_debug()
    );
    ExitCode::FAILURE
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
    meeting: Option<Rc<Meeting>>,
) -> Result<(), Stopped> {
    let (mut shown, limits, _) = pipeline.split();
    let mut pair = Pair::new(merged.join(), limits).with_hindsight(hindsight);
    if let Some(meeting) = meeting {
        shown.event(&Event::Clock(&meeting.clock()))?;
        if meeting.first_is.is_none() {
            shown.event(&Event::Notice(UNTOLD))?;
        }
        pair = pair.with_meeting(meeting);
    }
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
