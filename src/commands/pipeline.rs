//! The loop that all commands share: frames from a source, through the analysis, into a view.
//!
//! It allocates nothing per packet. What is shown is flushed at the end, and before every moment
//! at which the next frame may have to be waited for: nobody watching should see less than what
//! has been read, and nobody redirecting to a file should pay for a system call a line.

use std::convert::Infallible;
use std::io::{self, Write};
use std::ops::ControlFlow;

use arrayvec::ArrayVec;

use crate::analysis::{Analysis, Hindsight, Limits};
use crate::compare::Compare;
use crate::event::{End, Event, Host, Segment};
use crate::explain::Windows;
use crate::frame::{Batch, Frame, Timestamp};
use crate::io::{Source, SourceError};
use crate::select::{Scope, Selection};
use crate::view::View;

/// Why the loop ended before the source did.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Reading failed; everything read before has been shown.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// Writing failed: a full disk, or a closed pipe (see [`Stopped::is_closed_pipe`]).
    #[error("can't write the output: {0}")]
    Output(#[source] io::Error),
    /// Waiting for the time of a segment, or for Enter, failed.
    #[error("can't wait: {0}")]
    Wait(#[source] io::Error),
}

impl Stopped {
    /// Whether the reader of our output has gone, as `head` does: no reason to complain.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Whether a frame is to be looked at: a BPF filter.
pub type Filter = Box<dyn FnMut(&Frame<'_>) -> Result<bool, SourceError>>;
/// Waits until an event of that time is to be shown; `Break` ends the replay.
pub type Pace = Box<dyn FnMut(Timestamp) -> io::Result<ControlFlow<()>>>;

/// What is to be shown, where and how.
pub struct Pipeline<'a> {
    /// Shows the events.
    pub view: Box<dyn View>,
    /// Where to; should be buffered.
    pub out: &'a mut dyn Write,
    /// What to show.
    pub selection: Selection,
    /// Whether the selection is of segments or of connections.
    pub scope: Scope,
    /// Which frames to look at; `None` for all.
    pub filter: Option<Filter>,
    /// When to show what; `None` for at once.
    pub pace: Option<Pace>,
    /// What the analysis keeps at most.
    pub limits: Limits,
    /// What is known of the frames from reading them before.
    pub hindsight: Hindsight,
    /// Says what Wireshark says of segments; `None` if nobody asked.
    pub compare: Option<Compare>,
    /// Whether to say of each segment how large the congestion window is by estimate.
    pub estimates: bool,
}

/// Ends the sink of the analysis early.
pub(super) enum Halt {
    Output(io::Error),
    Wait(io::Error),
    Enough,
}

/// The part of the pipeline behind the analysis.
pub(super) struct Shown<'a> {
    view: Box<dyn View>,
    out: &'a mut dyn Write,
    /// `None` for everything, which is asked once and not for every event.
    selection: Option<Selection>,
    scope: Scope,
    pace: Option<Pace>,
    compare: Option<Compare>,
    /// Congestion windows by estimate, as each of two captures shows them; `None` if nobody asked.
    windows: Option<Box<[Windows; 2]>>,
}

impl Shown<'_> {
    /// Nothing is paced any more: what is left are summaries.
    pub(super) fn unpace(&mut self) {
        self.pace = None;
    }

    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), Halt> {
        // Each segment counts for what comes after it, whether it is shown or not.
        if let Some(windows) = &mut self.windows {
            let (host, inner) = match event {
                Event::At(host, inner) => (*host, *inner),
                event => (Host::Client, event),
            };
            let windows = &mut windows[host as usize];
            match inner {
                Event::Segment(segment) => {
                    windows.observe(segment);
                    let cwnd = windows.estimate(segment.flow, segment.in_flight_of);
                    if cwnd.is_some() {
                        let segment = Segment { cwnd, ..**segment };
                        let told = Event::Segment(&segment);
                        return match event {
                            Event::At(host, _) => self.compared(&Event::At(*host, &told)),
                            _ => self.compared(&told),
                        };
                    }
                }
                Event::Flow(flow) => windows.forget(flow.flow),
                _ => {}
            }
        }
        self.compared(event)
    }

    /// Shows an event with what Wireshark says of it.
    fn compared(&mut self, event: &Event<'_>) -> Result<(), Halt> {
        if let (Some(compare), Event::Segment(segment)) = (&mut self.compare, event) {
            let segment = Segment {
                wireshark: Some(compare.segment(segment)),
                ..**segment
            };
            return self.chosen(&Event::Segment(&segment));
        }
        self.chosen(event)
    }

    /// Shows an event if it was asked for, when its time has come.
    fn chosen(&mut self, event: &Event<'_>) -> Result<(), Halt> {
        if let Some(selection) = &self.selection
            && !selection.wants(event, self.scope)
        {
            return Ok(());
        }
        if let Some(pace) = &mut self.pace {
            let time = match event {
                Event::Segment(segment) => Some(segment.time),
                Event::Packet(frame, _) => Some(frame.time),
                Event::Passage(passage) => passage.time(),
                Event::Call(call) => Some(call.time),
                _ => None,
            };
            if let Some(time) = time {
                self.view.pause(self.out).map_err(Halt::Output)?;
                self.out.flush().map_err(Halt::Output)?;
                if pace(time).map_err(Halt::Wait)?.is_break() {
                    return Err(Halt::Enough);
                }
            }
        }
        self.view.event(event, self.out).map_err(Halt::Output)
    }

    /// Shows what is held back.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        self.view
            .pause(self.out)
            .and_then(|()| self.out.flush())
            .map_err(Halt::Output)
    }
}

impl<'a> Pipeline<'a> {
    /// What shows, and what comes before it.
    pub(super) fn split(self) -> (Shown<'a>, Limits, Option<Filter>) {
        let everything = self.selection.is_everything();
        let shown = Shown {
            view: self.view,
            out: self.out,
            selection: (!everything).then_some(self.selection),
            scope: self.scope,
            pace: self.pace,
            compare: self.compare,
            windows: self.estimates.then(Box::default),
        };
        (shown, self.limits, self.filter)
    }

    /// Reads `source` to its end and shows what comes of it. Gives what was read.
    ///
    /// When reading fails, what was read before is shown to its end first: flows, summaries and
    /// the `end` line, which names the failure.
    ///
    /// # Errors
    ///
    /// When reading, writing or waiting fails.
    pub fn run(
        mut self,
        source: &mut dyn Source,
        watch: &mut dyn FnMut(&dyn Source),
    ) -> Result<End, Stopped> {
        let everything = self.selection.is_everything();
        let hindsight = std::mem::take(&mut self.hindsight);
        let (mut shown, limits, mut filter) = self.split();
        // Who shows and selects whole connections needs no event of a segment.
        let flows_only = everything && shown.pace.is_none() && !shown.view.shows_segments();
        let mut analysis = Analysis::new(limits)
            .flows_only(flows_only)
            .with_hindsight(hindsight);
        let mut end = End::default();
        let mut failure = None;
        let outcome = read(
            source,
            &mut analysis,
            &mut filter,
            &mut shown,
            watch,
            &mut end,
        );
        match outcome {
            Ok(()) | Err(Interrupt::Halt(Halt::Enough)) => end.truncated = source.truncated(),
            Err(Interrupt::Halt(halt)) => return Err(halt.into()),
            Err(Interrupt::Source(error)) => {
                end.truncated = Some(error.to_string());
                failure = Some(error);
            }
        }
        shown.unpace();
        (end.dropped_by_kernel, end.dropped_by_interface) = source.dropped();
        analysis.finish(&end, &mut |event| shown.event(event))?;
        shown.flush()?;
        failure.map_or(Ok(end), |error| Err(error.into()))
    }
}

/// Reads a source once for what its later frames prove about earlier ones. Where reading fails, it fails
/// again when the frames are to be shown, and is told then.
pub fn learn(source: &mut dyn Source, filter: &mut Option<Filter>, limits: Limits) -> Hindsight {
    let mut analysis = Analysis::learning(limits);
    loop {
        let mut frames = Batch::new();
        let read = source.next_frames(&mut frames);
        if read.is_err() || frames.is_empty() {
            return analysis.learned();
        }
        let mut looks = ArrayVec::new();
        analysis.look_ahead(&frames, &mut looks);
        for (frame, ahead) in frames.iter().zip(&looks) {
            let wanted = filter
                .as_mut()
                .is_none_or(|filter| filter(frame).unwrap_or(false));
            if wanted {
                let done: Result<(), Infallible> =
                    analysis.handle_ahead(frame, ahead, &mut |_| Ok(()));
                let Ok(()) = done;
            }
        }
    }
}

/// What interrupts reading.
enum Interrupt {
    Halt(Halt),
    Source(SourceError),
}

impl From<Halt> for Stopped {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Output(error) => Self::Output(error),
            Halt::Wait(error) => Self::Wait(error),
            Halt::Enough => Self::Wait(io::ErrorKind::Interrupted.into()),
        }
    }
}

/// How many frames go by between two looks at the progress.
const WATCH_EVERY: u64 = 4_096;

fn read(
    source: &mut dyn Source,
    analysis: &mut Analysis,
    filter: &mut Option<Filter>,
    shown: &mut Shown<'_>,
    watch: &mut dyn FnMut(&dyn Source),
    end: &mut End,
) -> Result<(), Interrupt> {
    let mut first = None;
    loop {
        if source.may_wait() {
            shown.flush().map_err(Interrupt::Halt)?;
        }
        let watched = end.frames / WATCH_EVERY;
        if !read_some(source, analysis, filter, shown, end, &mut first)? {
            return Ok(());
        }
        if end.frames / WATCH_EVERY != watched {
            watch(source);
        }
    }
}

/// Reads the frames that are at hand, one at least; false at the end.
fn read_some(
    source: &mut dyn Source,
    analysis: &mut Analysis,
    filter: &mut Option<Filter>,
    shown: &mut Shown<'_>,
    end: &mut End,
    first: &mut Option<Timestamp>,
) -> Result<bool, Interrupt> {
    let mut frames = Batch::new();
    source.next_frames(&mut frames).map_err(Interrupt::Source)?;
    let mut looks = ArrayVec::new();
    analysis.look_ahead(&frames, &mut looks);
    for (frame, ahead) in frames.iter().zip(&looks) {
        end.frames += 1;
        end.bytes += frame.bytes.len() as u64;
        let first = *first.get_or_insert(frame.time);
        end.elapsed_ns = end.elapsed_ns.max(frame.time.nanos_since(first));
        let wanted = match filter {
            Some(filter) => filter(frame).map_err(Interrupt::Source)?,
            None => true,
        };
        if wanted {
            analysis
                .handle_ahead(frame, ahead, &mut |event| shown.event(event))
                .map_err(Interrupt::Halt)?;
        }
    }
    Ok(!frames.is_empty())
}

#[cfg(test)]
mod tests;
