//! The order in which both hosts' doings are told.
//!
//! What happens is lined up as it comes. A packet takes two places, that of its departure and that of
//! its arrival, until both are known. When nothing happened at the far end between the two, they become
//! one; otherwise both stay, so that each host's own order is told as it was. A departure holds up what
//! stands behind it until it is known what becomes of the packet.

use std::collections::VecDeque;

use super::held::Held;
use super::mind::Mind;
use crate::event::{Change, Fate, Host, Origin, Part, Reading};
use crate::frame::Timestamp;
use crate::lab::truth::CallLine;

/// Arrivals remembered for each direction, to count how many overtook a late one.
const RECENT: usize = 256;

/// What became of a packet.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) packet: u64,
    pub(super) from: Origin,
    pub(super) fate: Fate,
    pub(super) fault: Option<u64>,
    pub(super) cause: Option<String>,
    pub(super) overtaken_by: u32,
    /// What of it is not as it left.
    pub(super) changes: Vec<Change>,
    pub(super) captured_as: Option<[u32; 2]>,
}

impl Verdict {
    /// That fate, with nothing more to say.
    pub(super) fn plain(packet: u64, from: Origin, fate: Fate) -> Self {
        Self {
            packet,
            from,
            fate,
            fault: None,
            cause: None,
            overtaken_by: 0,
            changes: Vec::new(),
            captured_as: None,
        }
    }
}

/// What is to be told, in the order in which it is.
#[derive(Debug)]
pub(super) enum Slot {
    /// A packet leaves. With the verdict comes what is told here: all of it, or that it leaves.
    Departure {
        held: Held,
        end: Option<(Verdict, Part)>,
        arrived: Option<Held>,
    },
    /// A packet arrives, or is known to be lost.
    Arrival {
        to: Host,
        time: Timestamp,
        held: Option<Held>,
        /// The departure, as a bare stop.
        sent: Option<Held>,
        end: Option<Verdict>,
        /// The place of the latest departure of this host before it.
        tail: u64,
    },
    /// A call: all of it, or its beginning, or its end.
    Call(Box<CallLine>, crate::event::CallPart),
    /// A kernel changed its mind.
    Reading(Reading),
    /// It became part of another.
    Gone,
}

impl Slot {
    /// When it was, of a packet.
    const fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Departure { held, .. } => Some(held.time),
            Self::Arrival { time, .. } => Some(*time),
            _ => None,
        }
    }

    /// Whether it can be told.
    const fn is_ready(&self) -> bool {
        match self {
            Self::Departure { end, .. } => end.is_some(),
            Self::Arrival { end, .. } => end.is_some(),
            _ => true,
        }
    }
}

/// The line of slots.
#[derive(Debug)]
pub(super) struct Timeline {
    slots: VecDeque<Slot>,
    /// The place of the first of `slots`; places count from 1.
    first: u64,
    /// Of each host: its latest departure, and the latest arrival that stands by itself.
    tail: [u64; 2],
    split: [u64; 2],
    /// The places of departure of what arrived at each host lately.
    recent: [VecDeque<u64>; 2],
    /// Where the figures of each host belong that come next: a place, and whether to the arrival in it.
    latest: [Option<(u64, bool)>; 2],
    minds: Mind,
    /// Calls and readings, by their time: they are told before what comes later.
    asides: VecDeque<(Timestamp, Slot)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            first: 1,
            tail: [0; 2],
            split: [0; 2],
            recent: [VecDeque::new(), VecDeque::new()],
            latest: [None; 2],
            minds: Mind::default(),
            asides: VecDeque::new(),
        }
    }
}

impl Timeline {
    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.asides.len()
    }

    /// Adds a call or a reading. They may come a little later than what happened after them.
    pub(super) fn aside(&mut self, time: Timestamp, slot: Slot) {
        let at = self.asides.partition_point(|(other, _)| *other <= time);
        self.asides.insert(at, (time, slot));
    }

    /// Adds something that needs no waiting.
    fn push(&mut self, slot: Slot) -> u64 {
        self.slots.push_back(slot);
        self.first + self.slots.len() as u64 - 1
    }

    fn slot(&mut self, place: u64) -> Option<&mut Slot> {
        let at = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at)
    }

    /// A packet leaves; gives its place.
    pub(super) fn departs(&mut self, held: Held) -> u64 {
        let host = held.host.index();
        let place = self.push(Slot::Departure {
            held,
            end: None,
            arrived: None,
        });
        self.tail[host] = place;
        self.latest[host] = Some((place, false));
        place
    }

    /// A packet arrives; gives its place.
    pub(super) fn arrives(&mut self, held: Held) -> u64 {
        let host = held.host;
        let tail = self.tail[host.index()];
        let place = self.push(Slot::Arrival {
            to: host,
            time: held.time,
            held: Some(held),
            sent: None,
            end: None,
            tail,
        });
        self.latest[host.index()] = Some((place, false));
        place
    }

    /// How many that left after `departure` have arrived at `to` already.
    pub(super) fn overtaken(&self, departure: u64, to: Host) -> u32 {
        let recent = &self.recent[to.index()];
        recent.iter().filter(|&&other| other > departure).count() as u32
    }

    /// Joins a departure and its arrival. `first` when it is no copy.
    pub(super) fn join(
        &mut self,
        departure: u64,
        arrival: u64,
        sent: Held,
        verdict: Verdict,
        first: bool,
    ) {
        let Some(Slot::Arrival { to, tail, .. }) = self.slot(arrival) else {
            return;
        };
        let (to, tail) = (*to, *tail);
        let crossed = tail > departure
            || self.split[to.index()] > departure
            || self.overtaken(departure, to) > 0;
        if first {
            let recent = &mut self.recent[to.index()];
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(departure);
        }
        let waits = matches!(
            self.slot(departure),
            Some(Slot::Departure { end: None, .. })
        );
        if first && waits && !crossed {
            let held = match self.slot(arrival) {
                Some(Slot::Arrival { held, .. }) => held.take(),
                _ => None,
            };
            if let Some(slot) = self.slot(arrival) {
                *slot = Slot::Gone;
            }
            if let Some(Slot::Departure { end, arrived, .. }) = self.slot(departure) {
                *end = Some((verdict, Part::Whole));
                *arrived = held;
            }
            if self.latest[to.index()] == Some((arrival, false)) {
                self.latest[to.index()] = Some((departure, true));
            }
            return;
        }
        if first && let Some(Slot::Departure { end, .. }) = self.slot(departure) {
            end.get_or_insert_with(|| (verdict.clone(), Part::Departs));
        }
        self.lands(arrival, Some(sent), verdict);
    }

    /// Says of an arrival what it is, so that it stands by itself.
    pub(super) fn lands(&mut self, arrival: u64, departure: Option<Held>, verdict: Verdict) {
        if let Some(Slot::Arrival { to, sent, end, .. }) = self.slot(arrival) {
            *sent = departure;
            *end = Some(verdict);
            let to = *to;
            self.split[to.index()] = self.split[to.index()].max(arrival);
        }
    }

    /// Says that a departure will have no arrival. When it has been told already, or this is of a
    /// copy, it becomes news by itself.
    pub(super) fn loses(&mut self, departure: u64, now: Timestamp, sent: Held, verdict: Verdict) {
        if let Some(Slot::Departure { end, .. }) = self.slot(departure)
            && end.is_none()
        {
            *end = Some((verdict, Part::Whole));
            return;
        }
        self.push(Slot::Arrival {
            to: sent.host.other(),
            time: now,
            held: None,
            sent: Some(sent),
            end: Some(verdict),
            tail: 0,
        });
    }

    /// What differs between a departure and its arrival, as far as both are still here.
    pub(super) fn changes(&self, departure: u64, arrival: u64) -> Vec<Change> {
        let slot = |place: u64| {
            let at = usize::try_from(place.checked_sub(self.first)?).ok()?;
            self.slots.get(at)
        };
        match (slot(departure), slot(arrival)) {
            (
                Some(Slot::Departure { held: sent, .. }),
                Some(Slot::Arrival {
                    held: Some(arrived),
                    ..
                }),
            ) => sent.changes(arrived),
            _ => Vec::new(),
        }
    }

    /// Whether the receiver will discard an arrival: its checksum is wrong.
    pub(super) fn is_damaged(&self, arrival: u64) -> bool {
        let at = arrival
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok());
        match at.and_then(|at| self.slots.get(at)) {
            Some(Slot::Arrival {
                held: Some(held), ..
            }) => held.is_damaged(),
            _ => false,
        }
    }

    /// Says of a departure that the far end's capture shows it in one with others.
    pub(super) fn merges(&mut self, departure: u64, bare: Held, sent: Held, verdict: Verdict) {
        if let Some(Slot::Departure { end, arrived, .. }) = self.slot(departure)
            && end.is_none()
        {
            *end = Some((verdict, Part::Whole));
            *arrived = Some(bare);
            return;
        }
        self.push(Slot::Arrival {
            to: bare.host,
            time: bare.time,
            held: Some(bare),
            sent: Some(sent),
            end: Some(verdict),
            tail: 0,
        });
    }

    /// What a host's kernel has in mind belongs to what the host did last.
    pub(super) fn reads(&mut self, sample: &crate::lab::truth::Sample, host: Host) {
        let (figures, news) = self.minds.read(sample, host);
        if let Some((place, arrived_there)) = self.latest[host.index()] {
            let held = match self.slot(place) {
                Some(Slot::Departure { arrived, .. }) if arrived_there => arrived.as_mut(),
                Some(Slot::Departure { held, .. }) => Some(held),
                Some(Slot::Arrival { held, .. }) => held.as_mut(),
                _ => None,
            };
            // A reading by the clock says less of it than one that a packet gave rise to.
            if let Some(held) = held
                && (sample.packet.is_some() || held.figures.is_none())
            {
                held.figures = Some(figures);
            }
        }
        if let Some(news) = news {
            self.aside(sample.time, Slot::Reading(news));
        }
    }

    /// The next slot that can be told, of what was up to `until`.
    pub(super) fn pop(&mut self, until: Timestamp) -> Option<Slot> {
        while matches!(self.slots.front(), Some(Slot::Gone)) {
            self.first += 1;
            self.slots.pop_front();
        }
        let next = self.slots.front().and_then(Slot::time);
        if let Some((time, _)) = self.asides.front()
            && *time <= until
            && next.is_none_or(|next| *time < next)
        {
            return self.asides.pop_front().map(|(_, slot)| slot);
        }
        let ready = self.slots.front()?.is_ready() && next.is_none_or(|next| next <= until);
        if !ready {
            return None;
        }
        self.first += 1;
        self.slots.pop_front()
    }

    /// The place of the slot that holds up the others, since when, and whether it is a departure.
    pub(super) fn waits_for(&self) -> Option<(u64, Timestamp, bool)> {
        let slot = self.slots.front().filter(|slot| !slot.is_ready())?;
        Some((
            self.first,
            slot.time()?,
            matches!(slot, Slot::Departure { .. }),
        ))
    }

    /// Tells a departure before it is known what becomes of it.
    pub(super) fn hurry(&mut self, departure: u64, verdict: Verdict) {
        if let Some(Slot::Departure { end, .. }) = self.slot(departure) {
            end.get_or_insert((verdict, Part::Departs));
        }
    }

    /// The places of all slots that nothing is known of: departures, and arrivals.
    pub(super) fn unsettled(&self) -> Vec<(u64, bool)> {
        (self.first..)
            .zip(&self.slots)
            .filter(|(_, slot)| !slot.is_ready())
            .map(|(place, slot)| (place, matches!(slot, Slot::Departure { .. })))
            .collect()
    }

    /// Takes notes away from an arrival.
    pub(super) fn retain_notes(
        &mut self,
        arrival: u64,
        keep: impl FnMut(&crate::event::Note) -> bool,
    ) {
        if let Some(Slot::Arrival {
            held: Some(held), ..
        }) = self.slot(arrival)
        {
            held.retain(keep);
        }
    }
}
