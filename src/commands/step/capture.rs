//! The capture that is stepped through: where its bytes are, which frames of it count, and walks through
//! it from anywhere.

use std::convert::Infallible;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::analysis::{Analysis, Hindsight, Limits};
use crate::cli;
use crate::commands::{ends, input};
use crate::event::{Board, End, Endpoint, Event, Flow, Kept, Side};
use crate::explain::Windows;
use crate::frame::{Frame, LinkType};
use crate::io::file::{CaptureFile, Place, Store};
use crate::io::filter::BpfFilter;
use crate::io::{Source, SourceError};
use crate::recordings;
use crate::select::{Scope, Selection};

/// Memory that a connection takes, in bytes, with its share of the table; what is outstanding on it comes
/// to that.
const CONNECTION_BYTES: usize = 1100;
/// So much must be there of a capture that grows before anything of it can be told.
const HEAD_BYTES: u64 = 24;

/// What is wanted of it, as the command line has it.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Wanted {
    /// A BPF filter; empty for none.
    pub(in crate::commands) filter: String,
    /// What of the rest.
    pub(in crate::commands) selection: Selection,
    /// The scale of windows that the capture does not tell.
    pub(in crate::commands) wscale: Option<u8>,
}

impl Wanted {
    pub(super) fn of(args: &cli::Step) -> Self {
        Self {
            filter: args.input.filter(),
            selection: Selection::from(&args.select),
            wscale: args.input.wscale,
        }
    }
}

/// Opens what the command line names, by the rules that `replay` has.
pub(super) fn store(name: &str) -> Result<Store> {
    let path = Path::new(name);
    if name == "-" || path.is_file() {
        return read(path);
    }
    if let Some((_, bytes)) = recordings::capture(name) {
        let store = Store::of_bytes(bytes);
        return store.with_context(|| format!("can't read the recording {name}"));
    }
    if ends::is_recording(path) {
        return read(&path.join("client.pcapng"));
    }
    if path.exists() || name.contains(['/', '.']) {
        return read(path);
    }
    match input::capture(name) {
        Err(error) => Err(error),
        Ok(_) => bail!("no file and no recording called {}", name.escape_debug()),
    }
}

fn read(path: &Path) -> Result<Store> {
    Store::open(path)
        .with_context(|| format!("can't read {}", path.display().to_string().escape_debug()))
}

/// A capture, and which frames of it count.
pub(super) struct Capture {
    pub(super) store: Store,
    wanted: Wanted,
    everything: bool,
    filter: Option<BpfFilter>,
}

/// What a frame came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A row.
    Row,
    /// None: it was not asked for.
    Other,
    /// There is no further frame, or not yet.
    End,
}

impl Capture {
    pub(super) fn new(store: Store, wanted: Wanted) -> Self {
        Self {
            store,
            everything: wanted.selection.is_everything(),
            wanted,
            filter: None,
        }
    }

    /// What is known before anything is read.
    pub(super) fn nothing(&self) -> Hindsight {
        Hindsight::knowing_scale(self.wanted.wscale)
    }

    /// What was learned, and that.
    pub(super) fn knowing(&self, learned: Hindsight) -> Hindsight {
        learned.and_scale(self.wanted.wscale)
    }

    /// The place before the first frame; `None` as long as there is too little to tell.
    ///
    /// # Errors
    ///
    /// When it is no capture, or the filter is wrong.
    pub(super) fn beginning(&mut self) -> Result<Option<Place>, SourceError> {
        if self.store.ending().is_none() && self.store.len() < HEAD_BYTES {
            return Ok(None);
        }
        if let Some(cut) = self.store.ending().and_then(|ending| ending.cut)
            && self.store.is_empty()
        {
            return Err(SourceError::Damaged(cut));
        }
        let reader = self.store.reader(0);
        let mut file = CaptureFile::from_reader(reader, None)?;
        // The interfaces of pcapng come with its first frame, and so does the link type.
        let expression = &self.wanted.filter;
        if !expression.is_empty() && self.filter.is_none() {
            let place = file.place();
            let link_type = file.next_frame()?.map(|frame| frame.link_type);
            let of_file = || file.interfaces().first().map(|first| first.link_type);
            let link_type = match link_type.or_else(of_file) {
                Some(link_type) => link_type,
                None if self.store.ending().is_none() => return Ok(None),
                None => LinkType::ETHERNET,
            };
            self.filter = Some(BpfFilter::compile(link_type, expression)?);
            return Ok(Some(place));
        }
        Ok(Some(file.place()))
    }

    /// The source at a place.
    fn source(&self, place: &Place) -> CaptureFile {
        let total = self.store.ending().map(|_| self.store.len());
        CaptureFile::resume(place, self.store.reader(place.offset()), total)
    }
}

/// A walk through a capture, row by row.
pub(super) struct Walk {
    pub(super) source: CaptureFile,
    analysis: Analysis,
    /// The congestion windows, by estimate.
    windows: Windows,
    /// Number of the next row.
    pub(super) row: u64,
    /// Nothing is written behind what is there: what is no whole frame will never be.
    pub(super) at_its_end: bool,
}

/// Where a walk can begin.
pub(super) struct Checkpoint {
    /// Number of the next row.
    pub(super) row: u64,
    place: Place,
    analysis: Analysis,
    windows: Windows,
    /// Memory it takes, in bytes, about.
    pub(super) weight: usize,
}

impl Checkpoint {
    /// Before the first frame.
    pub(super) fn first(place: Place, known: Hindsight) -> Self {
        Self {
            row: 0,
            place,
            analysis: Analysis::new(Limits::default()).with_hindsight(known),
            windows: Windows::default(),
            weight: 0,
        }
    }

    /// The same, for an analysis that learns.
    pub(super) fn learning(place: Place, known: Hindsight) -> Self {
        Self {
            row: 0,
            place,
            analysis: Analysis::learning(Limits::default())
                .flows_only(false)
                .with_hindsight(known),
            windows: Windows::default(),
            weight: 0,
        }
    }

    /// Frames before it.
    pub(super) const fn frames(&self) -> u64 {
        self.place.frames()
    }

    /// The same place, where rows are counted from there on.
    pub(super) fn anew(&self) -> Self {
        Self {
            row: 0,
            place: self.place.clone(),
            analysis: self.analysis.checkpoint(),
            windows: self.windows.clone(),
            weight: self.weight,
        }
    }

    /// Begins there.
    pub(super) fn walk(&self, capture: &Capture) -> Walk {
        Walk {
            source: capture.source(&self.place),
            analysis: self.analysis.clone(),
            windows: self.windows.clone(),
            row: self.row,
            at_its_end: false,
        }
    }
}

impl Walk {
    /// To begin here another time.
    pub(super) fn checkpoint(&mut self) -> Checkpoint {
        let place = self.source.place();
        Checkpoint {
            row: self.row,
            weight: size_of::<Checkpoint>() + place.weight() + self.weight(),
            place,
            analysis: self.analysis.checkpoint(),
            windows: self.windows.clone(),
        }
    }

    /// Memory that the connections it follows take, in bytes, about.
    pub(super) fn weight(&self) -> usize {
        let (connections, details) = self.analysis.kept();
        connections * CONNECTION_BYTES + details + self.windows.len() * Windows::EACH
    }

    /// Frames it has gone over.
    pub(super) const fn frames(&self) -> u64 {
        self.source.frames()
    }

    /// Goes on behind what was the end when it was reached.
    pub(super) fn again(&mut self, capture: &Capture) {
        let place = self.source.place();
        self.source = capture.source(&place);
    }

    /// Goes over one frame. `see` gets what is a row of the connection looked at, or of all; `ended` gets
    /// the connections that are let go.
    pub(super) fn step(
        &mut self,
        capture: &mut Capture,
        flow: Option<u32>,
        see: &mut impl FnMut(&Frame<'_>, &Event<'_>),
        ended: &mut impl FnMut(&Flow),
    ) -> Result<Step, SourceError> {
        let mut step = Step::Other;
        let selection = (!capture.everything).then_some(&capture.wanted.selection);
        let more = self.read(&mut capture.filter, &mut |frame, event| {
            let of = match event {
                Event::Segment(segment) => Some(segment.flow),
                Event::Packet(..) => None,
                Event::Flow(flow) => return ended(flow),
                _ => return,
            };
            let looked_at = flow.is_none() || flow == of;
            if looked_at && selection.is_none_or(|one| one.wants(event, Scope::Segments)) {
                step = Step::Row;
                see(frame, event);
            }
        })?;
        if step == Step::Row {
            self.row += 1;
        }
        Ok(if more { step } else { Step::End })
    }

    /// Goes over one frame, and hands over all that comes of it, if the filter lets it through; false at the end.
    fn read(
        &mut self,
        filter: &mut Option<BpfFilter>,
        see: &mut impl FnMut(&Frame<'_>, &Event<'_>),
    ) -> Result<bool, SourceError> {
        let Some(frame) = self.source.next_frame()? else {
            return Ok(false);
        };
        if let Some(filter) = filter
            && !filter.matches(&frame)?
        {
            return Ok(true);
        }
        let windows = &mut self.windows;
        let done: Result<(), Infallible> = self.analysis.handle(&frame, &mut |event| {
            match event {
                Event::Segment(segment) => windows.observe(segment),
                Event::Flow(flow) => windows.forget(flow.flow),
                _ => {}
            }
            see(&frame, event);
            Ok(())
        });
        let Ok(()) = done;
        Ok(true)
    }

    /// Goes on to a frame and keeps what became of it, asked for or not.
    pub(super) fn into_frame(
        mut self,
        capture: &mut Capture,
        number: u64,
    ) -> Result<Option<Kept>, SourceError> {
        let mut kept = None;
        while self.frames() < number {
            let more = self.read(&mut capture.filter, &mut |frame, event| {
                if frame.number == number {
                    kept = Kept::of(frame, event).or(kept.take());
                }
            })?;
            if !more {
                break;
            }
        }
        Ok(kept)
    }

    /// Goes over frames until it has gone over a row; false at the end.
    pub(super) fn next(
        &mut self,
        capture: &mut Capture,
        flow: Option<u32>,
        see: &mut impl FnMut(&Frame<'_>, &Event<'_>),
    ) -> Result<bool, SourceError> {
        loop {
            match self.step(capture, flow, see, &mut |_| ())? {
                Step::Row => return Ok(true),
                Step::Other => {}
                Step::End => return Ok(false),
            }
        }
    }

    /// How the connection of the latest segment stands.
    pub(super) fn board(&self, frame: u64, ends: [Endpoint; 2], tunnel: u32) -> Option<Board> {
        let mut board = self.analysis.board(ends, tunnel)?;
        board.frame = frame;
        for side in [Side::Initiator, Side::Responder] {
            board.halves[side.index()].cwnd = self.windows.estimate(board.flow, side);
        }
        Some(board)
    }

    /// The connections that are followed now, as they would be told at the end.
    pub(super) fn followed(&self, told: &mut impl FnMut(&Flow)) {
        let done: Result<(), Infallible> =
            self.analysis
                .checkpoint()
                .finish(&End::default(), &mut |event| {
                    if let Event::Flow(flow) = event {
                        told(flow);
                    }
                    Ok(())
                });
        let Ok(()) = done;
    }

    /// What was learned on the way.
    pub(super) fn learned(self) -> Hindsight {
        self.analysis.learned()
    }
}
