//! Two captures of the same packets, one of each end, and what really happened where somebody was there
//! to see it, joined into one story: who sent what when, what became of it on the way, and what the
//! programs and the kernels had to do with it.
//!
//! [`Pair`] takes [`Happening`]s in the order in which they happen: frames as the hosts sent and
//! received them, and lines of truth. It gives [`Event`]s to whoever shows them:
//!
//! ```
//! use wirelab::analysis::Limits;
//! use wirelab::event::{End, Event};
//! use wirelab::lab::truth::Happening;
//! use wirelab::pair::{Join, Pair};
//! use wirelab::view::{self, BothEnds, Style, View};
//!
//! # fn happenings() -> Vec<Happening> { Vec::new() }
//! # fn main() -> std::io::Result<()> {
//! let mut out = Vec::new(); // or standard output, or any other `Write`
//! let mut view = view::both(Style::default(), BothEnds { calls: true, figures: true });
//! let mut pair = Pair::new(Join::ByFate, Limits::default());
//! for happening in happenings() {
//!     pair.happening(&happening, &mut |event| view.event(event, &mut out))?;
//! }
//! pair.finish(&End::default(), &mut |event| view.event(event, &mut out))
//! # }
//! ```
//!
//! Who shows a run while it goes on calls [`Pair::idle`], then `view.pause` and `out.flush`, whenever
//! nothing has happened for a moment (50 ms, say) and after each run's last happening `finish`. Not after
//! every happening: what is held back is folded when more of it comes.
//!
//! Within a run everything is joined by the fates that the wire tells ([`Join::ByFate`]); fates may come
//! before or after the frames they name. Captures that nobody kept the truth of are joined by what the
//! packets hold ([`Join::ByContent`]). Either way each frame of each capture is accounted for exactly
//! once, in an [`Event::Passage`] that is not [`Part::Departs`](crate::event::Part::Departs).
//!
//! A packet is told of when it is known what became of it, at most [`PATIENCE`] after it left; then it
//! is said to have left, and of its end later.

mod changes;
mod clock;
mod content;
mod digest;
mod fates;
mod held;
mod homes;
mod meeting;
mod mind;
mod parts;
mod settle;
mod survey;
mod tell;
mod timeline;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub use homes::Homes;
pub use meeting::Meeting;
pub use mind::figures;
pub use survey::Survey;

use crate::analysis::{Analysis, Hindsight, Limits};
use crate::decode::Packet;
use crate::event::{CallPart, Crossing, End, Event, Fate, Host, Origin};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::lab::Side;
use crate::lab::truth::{CallLine, Happening, HostFrame, Line};
use content::Content;
use digest::Digest;
use fates::{Fates, Settled};
use held::Held;
use parts::Piece;
use survey::Way;
use timeline::{Slot, Timeline, Verdict};

/// How long a packet whose fate is not known holds up what happened after it, joined by fate.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// How much later than what happens after it a call may become known: programs tell of them when they
/// return, in threads of their own.
pub const LAG: Duration = Duration::from_millis(5);
/// How long one that is joined by content may take to arrive.
pub const HORIZON: Duration = Duration::from_secs(10);
/// Most packets and calls held up at once, and most departures remembered.
pub const MOST: usize = 8_192;
/// A call that takes longer than this has waited for something.
const BLOCKED: Duration = Duration::from_millis(1);

/// How departures and arrivals are brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// By the fates that the lab's wire told.
    ByFate,
    /// By what the packets hold.
    ByContent,
}

/// A departure, for as long as an arrival may have to do with it.
#[derive(Debug)]
struct Sent {
    host: Host,
    frame: u64,
    time: Timestamp,
    notes: Vec<crate::event::Note>,
    /// Whether it is known what became of it, copies aside.
    settled: bool,
    arrived: bool,
    packet: u64,
}

/// The story of two ends, as far as it has come.
#[derive(Debug)]
pub struct Pair {
    join: Join,
    ends: [Analysis; 2],
    read: [End; 2],
    begun: [Option<Timestamp>; 2],
    timeline: Timeline,
    content: Content,
    fates: Fates,
    sent: BTreeMap<u64, Sent>,
    crossings: [Crossing; 2],
    /// What each fault of the wire is, in words.
    faults: Vec<String>,
    teller: tell::Teller,
    now: Timestamp,
    /// Departures so far, for their numbers where there are no others.
    departures: u64,
    crowded: bool,
    /// Whether calls are told of when they are made.
    foreseen: bool,
    /// What is known of captures made at two places.
    meeting: Option<Rc<Meeting>>,
    /// Of what each host sent and the other's capture shows: the first and the last departure, and the
    /// first and the last arrival.
    shown: [Option<[[Timestamp; 2]; 2]>; 2],
}

/// As the events name it.
const fn host(side: Side) -> Host {
    match side {
        Side::Client => Host::Client,
        Side::Server => Host::Server,
    }
}

impl Pair {
    /// A story of which nothing has happened yet.
    pub fn new(join: Join, limits: Limits) -> Self {
        Self {
            join,
            ends: [Analysis::new(limits), Analysis::new(limits)],
            read: [End::default(), End::default()],
            begun: [None; 2],
            timeline: Timeline::default(),
            content: Content::default(),
            fates: Fates::default(),
            sent: BTreeMap::new(),
            crossings: [Crossing::default(); 2],
            faults: Vec::new(),
            teller: tell::Teller::default(),
            now: Timestamp::default(),
            departures: 0,
            crowded: false,
            foreseen: false,
            meeting: None,
            shown: [None; 2],
        }
    }

    /// With what is known beyond the frames of the client's and the server's capture.
    #[must_use]
    pub fn with_hindsight(self, [at_client, at_server]: [Hindsight; 2]) -> Self {
        let [client, server] = self.ends;
        let ends = [
            client.with_hindsight(at_client),
            server.with_hindsight(at_server),
        ];
        Self { ends, ..self }
    }

    /// With what is known of two captures that were made at two places. Their frames come with times
    /// that [`Meeting::correct`] has set right.
    #[must_use]
    pub fn with_meeting(self, meeting: Rc<Meeting>) -> Self {
        let meeting = Some(meeting);
        Self { meeting, ..self }
    }

    /// Takes what happens next in a run.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn happening<E>(
        &mut self,
        happening: &Happening,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match happening {
            Happening::Frame(frame) => self.host_frame(frame, sink),
            Happening::Line(line) => self.line(line, sink),
        }
    }

    fn host_frame<E>(
        &mut self,
        frame: &HostFrame,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = Frame {
            number: frame.number,
            time: frame.time,
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
            bytes: &frame.bytes,
            comment: None,
        };
        self.frame(host(frame.side), &whole, frame.sent, sink)
    }

    /// Takes the next frame of one host's capture, and whether the host sent it.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn frame<E>(
        &mut self,
        host: Host,
        frame: &Frame<'_>,
        sent: bool,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // What belongs to what came before has come by now.
        self.passes(frame.time);
        self.tell(sink)?;
        let end = &mut self.read[host.index()];
        end.frames += 1;
        end.bytes += frame.bytes.len() as u64;
        let begun = *self.begun[host.index()].get_or_insert(frame.time);
        end.elapsed_ns = end.elapsed_ns.max(frame.time.nanos_since(begun));

        let mut held = Held::bare(host, frame.number, frame.time);
        let mut digest = None;
        let names = self.meeting.as_ref().filter(|it| it.first() != host);
        let renamed = |packet: &Packet<'_>| names?.renamed.get(&Way::of(packet)?);
        self.ends[host.index()].handle(frame, &mut |event| {
            match event {
                Event::Segment(segment) => {
                    digest = Some(Digest::of(frame, segment.packet, renamed(segment.packet)));
                    held.segment(segment);
                }
                Event::Packet(frame, packet) => {
                    digest = Some(Digest::of(frame, packet, renamed(packet)));
                    held.packet(frame, packet);
                }
                _ => {}
            }
            sink(&Event::At(host, event))
        })?;
        if self.meeting.as_ref().is_none_or(|it| it.same_clock) {
            digest = digest.map(Digest::with_identification);
        }
        if sent {
            self.departs(held, digest, frame.is_cut());
        } else {
            self.arrives(held, digest, frame.is_cut());
        }
        self.make_room(sink)
    }

    fn departs(&mut self, held: Held, digest: Option<Digest>, cut: bool) {
        self.departures += 1;
        let (host, number, time) = (held.host, held.frame, held.time);
        let sent = Sent {
            host,
            frame: number,
            time,
            notes: held.notes().to_vec(),
            settled: false,
            arrived: false,
            packet: self.departures,
        };
        self.crossings[host.index()].sent += 1;
        let place = self.timeline.departs(held);
        self.sent.insert(place, sent);
        match (self.join, digest) {
            (Join::ByContent, Some(digest)) => {
                self.content.departs(place, host, time, digest, cut);
            }
            (Join::ByContent, None) => {}
            (Join::ByFate, _) => {
                let settled = self.fates.departs(host, number, place);
                self.settle_all(settled);
            }
        }
    }

    fn arrives(&mut self, held: Held, digest: Option<Digest>, cut: bool) {
        let (host, number, time) = (held.host, held.frame, held.time);
        let place = self.timeline.arrives(held);
        if self.join == Join::ByFate {
            let settled = self.fates.arrives(host, number, place);
            self.settle_all(settled);
            return;
        }
        let from = host.other();
        let Some(digest) = digest else {
            return self.lands_alone(place, host);
        };
        let mut found = self.content.arrives(from, time, digest, cut);
        if found.is_none()
            && let Some(range) = digest.range
        {
            let ids = self.content.overlapped(from, range);
            if !ids.is_empty() {
                let piece = Piece {
                    place,
                    frame: number,
                    host,
                    time,
                    of: u32::try_from(ids.len()).unwrap_or(u32::MAX),
                };
                return self.in_pieces(&ids, range, piece);
            }
        }
        found = found.or_else(|| self.content.arrives_changed(from, time, digest, cut));
        let Some(found) = found else {
            return self.lands_alone(place, host);
        };
        let overtaken_by = self.timeline.overtaken(found.id, host);
        let fate = match found {
            _ if found.changed => Fate::Corrupted,
            _ if found.copy => Fate::Duplicated,
            _ if overtaken_by > 0 => Fate::Reordered,
            _ => Fate::Delivered,
        };
        self.settle(Settled {
            departure: Some(found.id),
            arrival: Some((place, host)),
            from: Origin::Host(from),
            packet: None,
            fate,
            fault: None,
            cause: None,
            captured_as: None,
            at: time,
        });
    }

    /// Takes a line of truth.
    fn line<E>(
        &mut self,
        line: &Line,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match line {
            Line::Run(run) => self.faults.clone_from(&run.faults),
            Line::Fate(fate) => {
                let settled = self.fates.fate(fate);
                self.settle_all(settled);
            }
            Line::Sample(sample) => {
                self.passes(sample.time);
                // A listening socket has no congestion window, and its queue is one of connections.
                let host = tell::named(&sample.host);
                if let Some(host) = host.filter(|_| sample.state != "LISTEN") {
                    self.timeline.reads(sample, host);
                }
                // Readings follow the packet that gave rise to them; one by the clock ends the wait.
                if sample.packet.is_none() {
                    self.tell(sink)?;
                }
            }
            Line::Call(call) => self.returns(call),
            Line::Counters(_) | Line::Outcome(_) => self.tell(sink)?,
        }
        self.make_room(sink)
    }

    /// Says of a call that will return later that it is made now. Only who knows the future can: in a
    /// run, a call is known when it returns.
    pub fn begins(&mut self, call: &CallLine) {
        // Sleeping asks nothing of the kernel, and when it began is of no interest.
        if Self::blocks(call) && call.call != "sleep" {
            self.foreseen = true;
            self.passes(call.time);
            let slot = Slot::Call(Box::new(call.clone()), CallPart::Begins);
            self.timeline.aside(call.time, slot);
        }
    }

    fn returns(&mut self, call: &CallLine) {
        let back = call.time.as_nanos().saturating_add(call.blocked_ns);
        self.passes(Timestamp::from_nanos(back));
        let part = if Self::blocks(call) && self.foreseen && call.call != "sleep" {
            CallPart::Returns
        } else {
            CallPart::Whole
        };
        let slot = Slot::Call(Box::new(call.clone()), part);
        self.timeline.aside(Timestamp::from_nanos(back), slot);
    }

    fn blocks(call: &CallLine) -> bool {
        call.blocked_ns >= BLOCKED.as_nanos() as u64
    }

    /// Nothing more has happened until `now`: tells what has waited for long enough. For who shows a run
    /// while it goes on.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn idle<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.passes(now);
        self.tell(sink)
    }

    /// The time is at least that: what has waited for too long waits no more.
    fn passes(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
        if self.join == Join::ByContent {
            let horizon = self
                .now
                .as_nanos()
                .saturating_sub(HORIZON.as_nanos() as u64);
            let forgotten = self.content.forget_before(Timestamp::from_nanos(horizon));
            self.forgets(forgotten);
        }
    }

    /// Tells what can be told, in order, and what has waited long enough.
    fn tell<E>(&mut self, sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>) -> Result<(), E> {
        let lag = LAG.as_nanos() as u64;
        let until = self.now.as_nanos().saturating_sub(lag);
        self.tell_until(Timestamp::from_nanos(until), sink)
    }

    fn tell_until<E>(
        &mut self,
        until: Timestamp,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            while let Some(slot) = self.timeline.pop(until) {
                self.teller.tell(slot, sink)?;
            }
            let Some((place, since, departure)) = self.timeline.waits_for() else {
                return Ok(());
            };
            let patience = match self.join {
                Join::ByFate => PATIENCE,
                Join::ByContent => HORIZON,
            };
            let late = self.now.since(since) >= patience;
            if !late && self.timeline.len() <= MOST {
                return Ok(());
            }
            if departure {
                let packet = self.sent.get(&place).map_or(0, |sent| sent.packet);
                let from = self.sent.get(&place).map(|sent| sent.host);
                let from = from.map_or(Origin::Unknown, Origin::Host);
                let verdict = Verdict::plain(packet, from, Fate::Flying);
                self.timeline.hurry(place, verdict);
            } else if let Some(owner) = self.content.owner(place) {
                let pieces = self.content.pieces(owner);
                self.settle_pieces(owner, &pieces);
            } else if let Some(to) = self.fates.gives_up(place) {
                self.lands_alone(place, to);
            } else {
                self.lands_alone(place, Host::Client);
            }
        }
    }

    /// Keeps to the bounds.
    fn make_room<E>(
        &mut self,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut crowded = self.fates.keep_to(MOST);
        while self.content.len() > MOST {
            let forgotten = self.content.forget().filter(|it| !it.arrived);
            crowded |= forgotten.is_some();
            self.forgets(forgotten);
        }
        while self.sent.len() > MOST {
            if let Some((&place, sent)) = self.sent.first_key_value() {
                if !sent.settled {
                    crowded = true;
                    self.gives_up(place, Fate::Missing);
                }
                if let Some(sent) = self.sent.remove(&place) {
                    self.fates.forgets(sent.host, sent.frame);
                }
            }
        }
        if self.timeline.len() > MOST {
            self.tell(sink)?;
        }
        if crowded && !self.crowded {
            self.crowded = true;
            sink(&Event::Notice(&format!(
                "more than {MOST} packets are on their way at once: the oldest are taken for lost, \
                 to hold memory"
            )))?;
        }
        Ok(())
    }

    /// Ends the story: what is still on its way, the connections as each end saw them, sums. `end` says
    /// what the captures did not; its counts are added up here.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn finish<E>(
        &mut self,
        end: &End,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let unknown = match self.join {
            Join::ByFate => Fate::Flying,
            Join::ByContent => Fate::Missing,
        };
        while let Some(forgotten) = self.content.forget() {
            self.forgets(Some(forgotten).filter(|it| !it.arrived));
        }
        for (place, departure) in self.timeline.unsettled() {
            if departure {
                self.gives_up(place, unknown);
            } else {
                let to = self.fates.gives_up(place).unwrap_or(Host::Client);
                self.lands_alone(place, to);
            }
        }
        // And those that were told to have left.
        let left: Vec<u64> = self.sent.keys().copied().collect();
        for place in left {
            self.gives_up(place, unknown);
        }
        self.tell_until(Timestamp::from_nanos(u64::MAX), sink)?;
        for host in [Host::Client, Host::Server] {
            let read = self.read[host.index()].clone();
            self.ends[host.index()].finish(&read, &mut |event| match event {
                Event::End(_) => Ok(()),
                event => sink(&Event::At(host, event)),
            })?;
        }
        sink(&Event::Crossings(&self.crossings))?;
        let [client, server] = &self.read;
        sink(&Event::End(&End {
            frames: client.frames + server.frames,
            bytes: client.bytes + server.bytes,
            elapsed_ns: client.elapsed_ns.max(server.elapsed_ns),
            ..end.clone()
        }))
    }
}
