//! One TCP connection: both halves, and the order in which a segment's questions are asked.

use std::num::NonZeroU32;

use super::half::Half;
use super::history::History;
use super::key::FlowKey;
use super::observation::{Earlier, Facts, Marks, Observation};
use super::order::Habits;
use super::predicted::Said;
use super::rare::Spoiled;
use super::sent::Store;
use crate::decode::{Checksum, Tcp};
use crate::event::{Endpoint, Kind, Note, NoteCounts, Phase, Side, TcpState};
use crate::frame::{Frame, Timestamp};
use crate::wire::seq::Seq;

/// No sender's retransmission timer is known to run for less.
const SILENCE_NS: u64 = 100_000_000;

/// What is kept of a connection.
// In this order: what finds it, then what each segment needs.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Connection {
    /// What its segments have in common.
    pub key: FlowKey,
    /// Time of its first segment.
    pub start: Timestamp,
    /// Its first frame.
    pub first_frame: u64,
    /// 0-based, in order of first appearance.
    pub number: u32,
    /// Whether the initiator is the lower end of the key.
    pub initiator_is_low: bool,
    /// Where it stands.
    pub phase: Phase,
    /// `tcp.completeness` bits.
    pub completeness: u8,
    /// Whether both sides are in the middle of what they have to say (see `is_steady`), and how each goes on.
    pub(super) habits: Habits,
    /// What it weighed when that was last looked at.
    pub(super) weighed: u32,
    /// Low half of the IP identification of each side's latest packet that had one and was no RST.
    pub(super) ip_ids: [u16; 2],
    /// What only eventful connections have.
    pub remarks: Option<Box<Remarks>>,
    /// What the initiator and the responder sent.
    pub halves: [Half; 2],
    /// From the latest SYN to the ACK that completed the handshake; before it, when that SYN was.
    pub opening_ns: u64,
    /// Frames of the first SYN, the first SYN-ACK, and the ACK that completed the handshake, counted
    /// from the connection's first, which is 1.
    pub(super) opening: [Option<NonZeroU32>; 3],
    /// Zeek's history letters so far.
    pub history: History,
    /// Whether SYN and SYN-ACK asked for ECN and granted it.
    pub ecn: [bool; 2],
    /// Who sent the first FIN or RST.
    pub closed_by: Option<Side>,
    /// Whether an RST ended it, and whose.
    pub reset_by: Option<Side>,
}

/// What only eventful connections have.
#[derive(Clone, Debug, Default)]
pub struct Remarks {
    /// The connection that had its addresses and ports before, until its first segment is looked at.
    pub earlier: Option<Earlier>,
    /// First frame from which on something had to be forgotten.
    pub gave_up_at: Option<u64>,
    /// Notes on each side's segments.
    pub notes: [NoteCounts; 2],
}

/// What a segment comes with, beside its TCP header.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Number of the frame.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// Which connection it is part of.
    pub key: FlowKey,
    /// Whether its sender is the lower of the two ends.
    pub sender_is_low: bool,
    /// Identification of the IP packet, if it has one.
    pub ip_id: Option<u32>,
    /// Time to live or hop limit.
    pub ttl: u8,
}

impl Arrival {
    /// Of a segment between these ends, in a packet of that identification and time to live.
    #[inline]
    pub fn of(
        frame: &Frame<'_>,
        [src, dst]: [Endpoint; 2],
        tunnel: u32,
        (ip_id, ttl): (Option<u32>, u8),
    ) -> Self {
        let (key, sender_is_low) = FlowKey::of(src, dst, tunnel);
        Self {
            frame: frame.number,
            time: frame.time,
            key,
            sender_is_low,
            ip_id,
            ttl,
        }
    }
}

impl Connection {
    /// A connection whose first segment is about to be looked at.
    pub fn new(number: u32, arrival: &Arrival, initiator_is_low: bool) -> Self {
        Self {
            key: arrival.key,
            number,
            initiator_is_low,
            halves: [Half::default(), Half::default()],
            phase: Phase::Setup,
            start: arrival.time,
            first_frame: arrival.frame,
            opening: [None; 3],
            opening_ns: 0,
            ecn: [false; 2],
            closed_by: None,
            reset_by: None,
            completeness: 0,
            history: History::default(),
            weighed: 0,
            ip_ids: [0; 2],
            habits: Habits::default(),
            remarks: None,
        }
    }

    /// Initiator and responder.
    pub fn ends(&self) -> [Endpoint; 2] {
        let (low, high) = self.key.ends();
        if self.initiator_is_low {
            [low, high]
        } else {
            [high, low]
        }
    }

    /// When its latest segment was captured, and its frame.
    pub fn latest(&self) -> (Timestamp, u64) {
        let [i, r] = &self.halves;
        (i.last_time.max(r.last_time), i.last_frame.max(r.last_frame))
    }

    /// Looks at every part of it that the next segment will need, a field in each cache line; the result means
    /// nothing.
    pub(super) fn touch(&self) -> u64 {
        let half = |half: &Half| {
            u64::from(half.base.0)
                ^ u64::from(half.recent[0])
                ^ half.una_time.as_nanos()
                ^ half.counts.window_sum
                ^ half.counts.data_bytes
                ^ u64::from(half.counts.rtt.count)
        };
        half(&self.halves[0]) ^ half(&self.halves[1]) ^ self.start.as_nanos()
    }

    /// The same for what it points to.
    pub(super) fn touch_beyond(&self) -> u64 {
        let half = |half: &Half| {
            let full = half.rtt_full.as_deref().map_or(0, |full| full.min);
            half.sent.touch() ^ full
        };
        half(&self.halves[0]) ^ half(&self.halves[1])
    }

    /// The half of `side` and the other one.
    pub(super) fn pair(&mut self, side: Side) -> (&mut Half, &mut Half) {
        let [initiator, responder] = &mut self.halves;
        match side {
            Side::Initiator => (initiator, responder),
            Side::Responder => (responder, initiator),
        }
    }

    /// States of initiator and responder.
    pub fn states(&self) -> [TcpState; 2] {
        [self.halves[0].state, self.halves[1].state]
    }

    /// Whether nothing more is expected of either side.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Teardown && self.halves.iter().all(|half| half.state.is_over())
    }

    /// Whether it never got past its first SYN.
    pub fn is_embryonic(&self) -> bool {
        self.phase == Phase::Setup
    }

    /// Looks at a segment: what it says about the connection as known before, then what the
    /// connection is after it. By the short way, if there is `said` and it is as predicted.
    pub(super) fn observe(
        &mut self,
        o: &mut Observation,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        side: Side,
        store: &mut Store,
        said: Option<&Said<'_>>,
    ) {
        o.begin(tcp, side);
        self.begin(o, arrival);
        self.read_window(o);
        let short = said.is_some_and(|said| self.goes_as_predicted::<true>(o, said, side, store));
        if !short {
            self.look_closely(o, arrival, tcp, side, store);
            self.count(o, tcp);
            self.number();
            let steady = self.is_steady();
            self.habits.set_steady(steady);
        }
        o.state = self.states();
        o.phase = self.phase;
    }

    /// All questions, for a segment that is not what the connection has led to expect.
    fn look_closely(
        &mut self,
        o: &mut Observation,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        side: Side,
        store: &mut Store,
    ) {
        if self.captured_twice(o, arrival.ip_id) {
            o.facts.set(Facts::CAPTURED_TWICE);
        } else if tcp.checksum == Checksum::Bad && self.halves[side.index()].checksums_work {
            o.facts.set(Facts::BAD_CHECKSUM);
            self.spoil(o);
        } else {
            if tcp.checksum == Checksum::Bad {
                o.facts.set(Facts::DOUBTFUL_CHECKSUM);
            } else if tcp.checksum != Checksum::Unverified {
                self.halves[side.index()].checksums_work = true;
            }
            if !self.answers_wrongly(o) {
                self.open(o);
                self.compare_window(o);
                self.probe(o, tcp.payload);
                self.challenge(o);
                self.put_in_order(o, arrival.ip_id);
                self.place(o, tcp.payload, store);
                self.acknowledge(o, store);
                self.advertise(o);
                self.measure(o);
            }
            self.change_state(o);
        }
    }

    /// The connection as it was before the segment.
    pub(super) fn begin(&mut self, o: &mut Observation, arrival: &Arrival) {
        (o.frame, o.time, o.flow) = (arrival.frame, arrival.time, self.number);
        if let Some(remarks) = &mut self.remarks
            && let Some(earlier) = remarks.earlier.take()
        {
            o.earlier = Some(earlier);
            o.facts.set(Facts::PORT_REUSED);
        }
        o.state_before = self.states();
        self.mark(o, arrival);
        let (sender, receiver) = self.pair(o.side);
        (o.una, o.una_frame, o.nxt) = (sender.una, sender.una_frame, sender.nxt);
        o.dup_acks_received = sender.counts.dup_acks;
        (o.window_before, o.field_before) = (sender.window, sender.window_field);
        o.sender_time = if sender.last_frame == 0 {
            o.time
        } else {
            sender.last_time
        };
        (o.peer_frame, o.peer_time) = (receiver.last_frame, receiver.last_time);
    }

    /// Where the packet seems to come from, and its sender's others.
    fn mark(&mut self, o: &mut Observation, arrival: &Arrival) {
        let (ttl, id) = (arrival.ttl, arrival.ip_id.unwrap_or(0) as u16);
        o.marks = Marks { ttl, id };
        let at = o.side.index();
        let (known_ttl, known_id) = (&mut self.halves[at].ttl, &mut self.ip_ids[at]);
        o.marks_before = Marks {
            ttl: *known_ttl,
            id: *known_id,
        };
        if !o.flags.rst() {
            *known_ttl = ttl;
            if id != 0 {
                let step = (*known_id != 0).then(|| id.wrapping_sub(*known_id) as i16);
                self.habits.step(o.side, step);
                *known_id = id;
            }
        }
    }

    /// A segment that its receiver will discard: its bytes were sent, and are not there.
    fn spoil(&mut self, o: &Observation) {
        let (sender, _) = self.pair(o.side);
        let plausible = sender.seen() && o.seq.from(sender.nxt).unsigned_abs() < 1 << 24;
        if plausible && o.end != o.seq {
            sender.rare_mut().spoiled = Some(Spoiled {
                seq: o.seq,
                end: o.end,
                frame: o.frame,
                time: o.time,
            });
        }
    }

    /// Remembers the frame of the SYN (0), the SYN-ACK (1) or the completing ACK (2), the first time.
    pub(super) fn opened(&mut self, step: usize, frame: u64) {
        let frame = u32::try_from(frame.saturating_sub(self.first_frame) + 1).ok();
        self.opening[step] = self.opening[step].or(frame.and_then(NonZeroU32::new));
    }

    /// Frames of the first SYN, the first SYN-ACK, and the ACK that completed the handshake.
    pub fn opening(&self) -> [Option<u64>; 3] {
        self.opening
            .map(|frame| frame.map(|frame| self.first_frame + u64::from(frame.get()) - 1))
    }

    /// Bytes it takes beside itself, as far as they depend on what is sent: who bounds those, bounds
    /// memory. The allocator's own are not counted.
    pub(super) fn weight(&self) -> u32 {
        let remarks = self.remarks.as_ref().map_or(0, |_| size_of::<Remarks>());
        let halves: usize = self.halves.iter().map(Half::weight).sum();
        u32::try_from(remarks + halves).unwrap_or(u32::MAX)
    }

    /// Notes that something had to be forgotten here.
    pub(super) fn give_up(&mut self, frame: u64) {
        self.remarks
            .get_or_insert_default()
            .gave_up_at
            .get_or_insert(frame);
    }

    /// Takes in what the rules said of the segment just observed.
    pub fn judged(&mut self, seen: &Observation, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let side = seen.side;
        let counts = &mut self.remarks.get_or_insert_default().notes;
        for note in notes {
            counts[side.index()].add(note.kind);
        }
        let repeats = |note: &Note| {
            note.kind == Kind::Retransmission || note.alternatives.contains(&Kind::Retransmission)
        };
        let [to_one, to_other] = self.legs_ns();
        let rtt_ns = to_one.saturating_add(to_other);
        // Who waits longer than for an answer has a timer that runs out; what is asked for comes sooner.
        let longer_ns = rtt_ns.saturating_add(rtt_ns / 2).max(SILENCE_NS);
        let silent = seen.time.nanos_since(seen.sender_time) > longer_ns;
        for note in notes {
            let (sender, _) = self.pair(side);
            if repeats(note) && (silent || sender.repeats_unasked_within(rtt_ns, seen.time)) {
                sender.rare_mut().unasked_at = Some(seen.time);
            }
            if note.kind == Kind::Retransmission {
                sender.rare_mut().repeated = Some((seen.seq, seen.end));
            }
            if let Some(cause) = note.cause {
                self.pair(side)
                    .0
                    .sent_again_for(cause, note.number_of("timeout"));
            }
        }
        let steady = self.is_steady();
        self.habits.set_steady(steady);
    }

    /// The shortest it took from the capture to each side and back: what the other side sent, answered.
    pub fn legs_ns(&self) -> [u64; 2] {
        let [i, r] = &self.halves;
        [r.counts.rtt.min, i.counts.rtt.min]
    }

    /// Sequence numbers from the initiator's or responder's zero.
    pub fn relative(&self, side: Side, seq: Seq) -> u32 {
        self.halves[side.index()].relative(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_costs_less_than_a_kilobyte() {
        // The allocator puts 8 bytes before it and rounds up to 16. A slot of the table has 16, of which a quarter may
        // not be needed yet; its entry 8 and a control byte, of which between 7 in 8 and half of that are taken.
        let allocated = (size_of::<Connection>() + 8).next_multiple_of(16);
        let most = allocated + 16 * 5 / 4 + (8 + 1) * 2 * 8 / 7;
        assert!(most <= 1024, "{}: {most}", size_of::<Connection>());
    }
}
