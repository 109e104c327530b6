//! What two captures tell together, kept: packets on their way, calls and readings, for who goes back and forth
//! among them.

use std::sync::Arc;

use super::{Call, Change, Event, Host, Kept, Note, Part, Passage, Reading, Segment, Stop};
use crate::frame::Timestamp;

/// An event of two captures that are looked at together.
#[derive(Clone, Debug)]
pub enum Joint {
    /// A packet on its way, or one end of it.
    Passage(Box<KeptPassage>),
    /// A program's call.
    Call(Box<KeptCall>),
    /// A kernel has something else in mind.
    Reading(Reading),
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub struct KeptPassage {
    /// Without what it borrows.
    facts: Passage<'static>,
    /// Where it left, and where it arrived.
    stops: [Option<KeptStop>; 2],
    cause: Option<Box<str>>,
    changes: Box<[Change]>,
}

#[derive(Clone, Debug)]
struct KeptStop {
    /// Without what it borrows.
    facts: Stop<'static>,
    segment: Option<Arc<Kept>>,
    summary: Box<str>,
    notes: Box<[Note]>,
}

/// A program's call.
#[derive(Clone, Debug)]
pub struct KeptCall {
    /// Without what it borrows.
    facts: Call<'static>,
    /// Program, socket, call and arguments.
    words: [Box<str>; 4],
    errno: Option<Box<str>>,
    data: Option<Box<str>>,
}

impl Joint {
    /// Keeps an event; the frames that it is about are asked for by host and number. `None` for what is neither
    /// packet, call nor reading.
    pub fn of(
        event: &Event<'_>,
        mut frame: impl FnMut(Host, u64) -> Option<Arc<Kept>>,
    ) -> Option<Self> {
        Some(match event {
            Event::Passage(passage) => {
                Self::Passage(Box::new(KeptPassage::of(passage, &mut frame)))
            }
            Event::Call(call) => Self::Call(Box::new(KeptCall::of(call))),
            Event::Reading(reading) => Self::Reading(**reading),
            _ => return None,
        })
    }

    /// When it happened; `None` for a packet that neither capture shows.
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Passage(passage) => passage.time(),
            Self::Call(call) => Some(call.facts.time),
            Self::Reading(reading) => Some(reading.time),
        }
    }

    /// The host at which it is looked at, of a packet.
    pub fn host(&self) -> Option<Host> {
        match self {
            Self::Passage(passage) => passage.shown_at().map(|(host, _)| host),
            Self::Call(_) | Self::Reading(_) => None,
        }
    }

    /// The number of its connection, of a packet: as the client's capture counts if that shows it.
    pub fn flow(&self) -> Option<u32> {
        match self {
            Self::Passage(passage) => passage.facts.flow,
            Self::Call(_) | Self::Reading(_) => None,
        }
    }

    /// Whether that frame of that host's capture is looked at in it.
    pub fn shows(&self, host: Host, frame: u64) -> bool {
        let Self::Passage(passage) = self else {
            return false;
        };
        let near = passage.facts.to.other();
        let hosts = [near, passage.facts.to].into_iter().zip(&passage.stops);
        let stops = hosts.filter_map(|(at, stop)| Some((at, stop.as_ref()?.facts.frame)));
        match passage.facts.part {
            Part::Whole => stops.into_iter().any(|stop| stop == (host, frame)),
            Part::Departs | Part::Arrives => passage.shown_at() == Some((host, frame)),
        }
    }

    /// That frame of that host's capture, if it shows the packet as a segment.
    pub fn frame_of(&self, host: Host, frame: u64) -> Option<&Kept> {
        let Self::Passage(passage) = self else {
            return None;
        };
        let hosts = [passage.facts.to.other(), passage.facts.to];
        let mut stops = hosts.into_iter().zip(&passage.stops);
        stops.find_map(|(at, stop)| {
            let kept = stop.as_ref()?.segment.as_deref()?;
            (at == host && kept.frame == frame).then_some(kept)
        })
    }

    /// Whether another row has told of the packet's departure: then it counts there.
    pub fn is_arrival(&self) -> bool {
        match self {
            Self::Passage(passage) => {
                passage.facts.part == Part::Arrives && passage.stops.iter().all(Option::is_some)
            }
            Self::Call(_) | Self::Reading(_) => false,
        }
    }

    /// Hands over the event as it was.
    pub fn with<T>(&self, then: impl FnOnce(&Event<'_>) -> T) -> T {
        match self {
            Self::Passage(passage) => passage.with(|passage| then(&Event::Passage(passage))),
            Self::Call(call) => then(&Event::Call(&call.call())),
            Self::Reading(reading) => then(&Event::Reading(reading)),
        }
    }
}

impl KeptPassage {
    fn of(passage: &Passage<'_>, frame: &mut impl FnMut(Host, u64) -> Option<Arc<Kept>>) -> Self {
        let mut keep = |host: Host, stop: Option<Stop<'_>>| {
            let stop = stop?;
            Some(KeptStop {
                segment: stop.segment.and_then(|_| frame(host, stop.frame)),
                summary: stop.summary.into(),
                notes: stop.notes.into(),
                facts: Stop {
                    segment: None,
                    summary: "",
                    notes: &[],
                    ..stop
                },
            })
        };
        Self {
            stops: [
                keep(passage.to.other(), passage.sent),
                keep(passage.to, passage.arrived),
            ],
            cause: passage.cause.map(Box::from),
            changes: passage.changes.into(),
            facts: Passage {
                sent: None,
                arrived: None,
                cause: None,
                changes: &[],
                ..*passage
            },
        }
    }

    /// Host and frame number of where this part of its way is shown.
    pub fn shown_at(&self) -> Option<(Host, u64)> {
        let [sent, arrived] = &self.stops;
        let near = sent
            .as_ref()
            .map(|stop| (self.facts.to.other(), stop.facts.frame));
        let far = arrived
            .as_ref()
            .map(|stop| (self.facts.to, stop.facts.frame));
        match self.facts.part {
            Part::Whole | Part::Departs => near.or(far),
            Part::Arrives => far.or(near),
        }
    }

    /// The host it went to.
    pub const fn to(&self) -> Host {
        self.facts.to
    }

    fn time(&self) -> Option<Timestamp> {
        let [sent, arrived] = self
            .stops
            .each_ref()
            .map(|stop| stop.as_ref().map(|it| it.facts.time));
        match self.facts.part {
            Part::Whole | Part::Departs => sent.or(arrived),
            Part::Arrives => arrived.or(sent),
        }
    }

    fn with<T>(&self, then: impl FnOnce(&Passage<'_>) -> T) -> T {
        let [sent, arrived] = &self.stops;
        with_stop(sent.as_ref(), |sent| {
            with_stop(arrived.as_ref(), |arrived| {
                then(&Passage {
                    sent,
                    arrived,
                    cause: self.cause.as_deref(),
                    changes: &self.changes,
                    ..self.facts
                })
            })
        })
    }
}

/// Hands over a stop as it was, with its packet decoded again.
fn with_stop<T>(stop: Option<&KeptStop>, then: impl FnOnce(Option<Stop<'_>>) -> T) -> T {
    let Some(stop) = stop else {
        return then(None);
    };
    match &stop.segment {
        None => then(Some(stop.stop(None))),
        Some(kept) => kept.with(|event| match event {
            Event::Segment(segment) => then(Some(stop.stop(Some(segment)))),
            _ => then(Some(stop.stop(None))),
        }),
    }
}

impl KeptStop {
    fn stop<'a>(&'a self, segment: Option<&'a Segment<'a>>) -> Stop<'a> {
        Stop {
            segment,
            summary: &self.summary,
            notes: &self.notes,
            ..self.facts
        }
    }
}

impl KeptCall {
    fn of(call: &Call<'_>) -> Self {
        Self {
            words: [call.program, call.socket, call.call, call.arguments].map(Box::from),
            errno: call.errno.map(Box::from),
            data: call.data.map(Box::from),
            facts: Call {
                program: "",
                socket: "",
                call: "",
                arguments: "",
                errno: None,
                data: None,
                ..*call
            },
        }
    }

    fn call(&self) -> Call<'_> {
        let [program, socket, call, arguments] = &self.words;
        Call {
            program,
            socket,
            call,
            arguments,
            errno: self.errno.as_deref(),
            data: self.data.as_deref(),
            ..self.facts
        }
    }
}
