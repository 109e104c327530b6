//! What of a segment is new, what fills a hole, and what was sent before
//! (RFC 9293 section 3.4).

use std::cmp::Ordering;

use super::connection::Connection;
use super::half::{Base, Half};
use super::holes::{Filled, Hole};
use super::observation::{Facts, Observation};
use super::sent::{Sent, Store};
use crate::wire::seq::Seq;

/// The least payload that can count as a full-size segment: what IPv4 always carries (RFC 9293
/// section 3.7.1).
const SMALLEST_FULL: u32 = 536;
/// Sequence numbers closer together than this may belong together.
const NEAR: i32 = 1 << 24;

impl Connection {
    /// Places the segment's sequence numbers among those seen so far.
    pub(super) fn place(&mut self, o: &mut Observation, payload: &[u8], store: &mut Store) {
        // An RST's number is where it hits, and a probe's bytes are not there to be delivered.
        if o.flags.rst() || o.probe.is_some() {
            return;
        }
        if self.answers_crossing_syn(o) {
            return;
        }
        if self.is_stray(o) {
            o.facts.set(Facts::STRAY);
            return;
        }
        let (first_frame, tsval) = (self.first_frame, o.options.ts.map(|ts| ts.0));
        let mut forgot = false;
        if o.seq.after(self.halves[o.side.index()].seen_end) {
            forgot |= self.skip(o);
        }
        let (sender, _) = self.pair(o.side);
        if o.end == o.seq {
            sender.keep_in_reach(first_frame, store);
            if forgot {
                self.give_up(o.frame);
            }
            return;
        }
        let fresh_from = o.seq.max(sender.nxt);
        let old_end = o.end.min(sender.nxt);
        if o.seq.before(old_end) {
            forgot |= self.place_old(o, old_end, tsval, store);
        }
        let (sender, _) = self.pair(o.side);
        if o.end.after(fresh_from) {
            o.new += o.end.offset_from(fresh_from);
            let full_size = sender.is_full_size(o.len);
            let sent = Sent::first(o, fresh_from, o.end, full_size, tsval);
            forgot |= sender.append(sent, store);
        }
        sender.seen_end = sender.seen_end.max(o.end);
        // One that is acknowledged is where the stream ends, whatever a later one says; and where data was seen
        // before there is none.
        if o.flags.fin() && !sender.fin_acked() && o.new > 0 {
            sender.fin = Some(o.end.minus(1));
        }
        sender.remember_one_byte(o.len, payload);
        sender.keep_in_reach(first_frame, store);
        self.respoil(o, store);
        if forgot {
            self.give_up(o.frame);
        }
    }

    /// The segment begins beyond what was seen: there is a hole before it. Tells whether another had to be
    /// forgotten for it.
    fn skip(&mut self, o: &mut Observation) -> bool {
        self.goes_on_after_timeout(o);
        let (sender, _) = self.pair(o.side);
        let (start, end) = (sender.seen_end, o.seq);
        let hole = Hole {
            start,
            end,
            frame: o.frame,
            time: o.time,
            stamp: o.stamp,
            acked: None,
            before_capture: false,
        };
        o.hole = Some(hole);
        o.facts.set(Facts::OPENED_HOLE);
        let mut forgot = false;
        // What an acknowledgment has told of before is a hole already.
        if end.after(sender.nxt) {
            let from = start.max(sender.nxt);
            forgot = sender.rare_mut().holes.open(Hole {
                start: from,
                ..hole
            });
            sender.nxt = end;
        }
        sender.seen_end = end;
        forgot
    }

    /// Whether this is the SYN-ACK of a side whose SYN crossed the other's: it repeats the SYN's
    /// number as it must (RFC 9293 figure 7), which is no retransmission.
    fn answers_crossing_syn(&mut self, o: &Observation) -> bool {
        let (sender, _) = self.pair(o.side);
        let first_answer = o.flags.syn() && o.flags.ack() && !sender.answered;
        sender.answered |= first_answer;
        let after_syn = sender.base.plus(1);
        let with_fin = u32::from(sender.fin == Some(after_syn));
        let nothing_more = sender.seen_end == after_syn.plus(with_fin);
        first_answer && o.len == 0 && nothing_more && o.seq == sender.base
    }

    /// Whether the segment's place makes no sense: beyond what the receiver ever offered with
    /// something missing before it, or before the first number there is. Damage that the checksum
    /// did not catch, a forged segment, or a capture that missed a great deal: in the last case
    /// the next segment is near, and both are believed.
    fn is_stray(&mut self, o: &Observation) -> bool {
        let (sender, receiver) = self.pair(o.side);
        let beyond = sender.acked
            && o.seq.after(sender.nxt)
            && receiver
                .furthest_edge()
                .is_some_and(|edge| o.seq.after(edge));
        let below = sender.floor.from(o.seq);
        let before = match sender.base_from {
            Base::Syn => below > 0,
            _ => below > NEAR,
        };
        if !(beyond || before) {
            if let Some(rare) = sender.rare_if_any() {
                rare.stray = None;
            }
            return false;
        }
        let near = sender
            .rare_mut()
            .stray
            .is_some_and(|stray| (0..NEAR).contains(&o.seq.from(stray)));
        // What lies too far back lends no belief to what lies too far ahead.
        sender.rare_mut().stray = (beyond && !near).then_some(o.seq);
        !(beyond && near)
    }

    /// The part of the segment below SND.NXT: first sight of what was missing, and what was sent
    /// before. Tells whether something had to be forgotten for it.
    fn place_old(
        &mut self,
        o: &mut Observation,
        old_end: Seq,
        tsval: Option<u32>,
        store: &mut Store,
    ) -> bool {
        let (first_frame, frame, time) = (self.first_frame, o.frame, o.time);
        let (sender, _) = self.pair(o.side);
        let (mut unseen, mut forgot) = (0, false);
        if o.seq.before(sender.floor) {
            unseen = old_end.min(sender.floor).offset_from(o.seq);
            if old_end.before(sender.floor) {
                let (start, end) = (old_end, sender.floor);
                forgot |= sender.rare_mut().holes.open(Hole {
                    start,
                    end,
                    frame,
                    time,
                    stamp: super::Stamp::default(),
                    acked: None,
                    before_capture: true,
                });
            }
            sender.floor = o.seq;
        }
        let rare = sender.rare_if_any();
        let filled = rare.map_or_else(Filled::default, |rare| rare.holes.fill(o.seq, old_end));
        o.filled = filled.count + unseen;
        o.resent = old_end.offset_from(o.seq).saturating_sub(o.filled);
        if sender.fin == Some(o.seq) && o.len > 0 && o.resent == 1 {
            // Data where a FIN was said to be: the number is not new, the byte is.
            (o.resent, o.new) = (0, o.new + 1);
        }
        if o.filled > 0 {
            o.facts.set(Facts::FILLED);
            o.hole = filled.hole;
            o.new += o.filled;
            if o.len > 0 && o.resent == 0 {
                let early = self.comes_unasked(o);
                self.pair(o.side).0.filled_late(o, old_end, early);
            }
            let (sender, _) = self.pair(o.side);
            if old_end.after(sender.una) {
                let sent = Sent::first(o, o.seq.max(sender.una), old_end, false, tsval);
                forgot |= sender.sent.push(sent, store);
            }
        }
        if o.resent > 0 {
            let (sender, _) = self.pair(o.side);
            o.facts.set(Facts::RESENT);
            if o.filled == 0 {
                o.original = sender
                    .sent
                    .resend((o.seq, old_end), frame, time, tsval, store);
            }
            if o.original.is_none() {
                o.original_frame = sender.sent.acknowledged_frame(o.seq, first_frame);
            }
            if o.len > 0 {
                o.twin = sender.twin(o, old_end);
                match o.twin {
                    None | Some((_, Ordering::Less)) => sender.resent(o, old_end),
                    Some((frame, Ordering::Greater)) => o.needless = sender.overtaken(o, frame),
                    Some((_, Ordering::Equal)) => {}
                }
            }
            o.doubled = self.backed_off(o);
            let (sender, _) = self.pair(o.side);
            let until = sender.nxt;
            sender.rare_mut().recovery_until.get_or_insert(until);
        }
        forgot
    }

    /// The retransmission before this one, if both waited for the retransmission timer: as long as it
    /// runs, then twice as long (RFC 6298 section 5.5). After a tail loss probe it would have run its usual
    /// time (RFC 8985 section 7.3), so who did this makes none.
    fn backed_off(&mut self, o: &Observation) -> Option<u64> {
        let original = o.original.filter(|original| original.resent == 1)?;
        let (sender, receiver) = self.pair(o.side);
        let rto_ns = sender.rto_ns()?.saturating_add(receiver.counts.rtt.min);
        let started = original.time.max(sender.una_time);
        let first = original.last_time.nanos_since(started);
        let second = o.time.nanos_since(original.last_time);
        let doubled = second / 7 >= first / 4 && second / 3 < first;
        if first < rto_ns - rto_ns / 10 || !doubled {
            return None;
        }
        sender.rare_mut().makes_no_probes = true;
        Some(original.last_frame)
    }

    /// New bytes that a spoiled segment carried before are being sent again.
    fn respoil(&mut self, o: &mut Observation, store: &Store) {
        let (sender, _) = self.pair(o.side);
        let Some(spoiled) = sender.rare().and_then(|rare| rare.spoiled) else {
            return;
        };
        let (from, to) = (spoiled.seq.max(o.seq), spoiled.end.min(o.end));
        if to.at_or_before(from) {
            return;
        }
        sender.rare_mut().spoiled = None;
        let again = to.offset_from(from).min(o.new);
        (o.new, o.filled) = (o.new - again, o.filled.saturating_sub(again));
        o.resent += again;
        // They are sent again, and yet this is the first time that they are there.
        let flags =
            u32::from(o.flags.syn() && from == o.seq) + u32::from(o.flags.fin() && to == o.end);
        sender.counts.unique_bytes += u64::from(again.saturating_sub(flags));
        o.facts.set(Facts::RESENT);
        if o.filled == 0 {
            o.facts.clear(Facts::FILLED);
        }
        let first = Sent {
            frame: spoiled.frame,
            time: spoiled.time,
            ..Sent::first(o, from, to, false, None)
        };
        o.original = Some(Sent {
            last_frame: spoiled.frame,
            last_time: spoiled.time,
            ..first
        });
        let tsval = o.options.ts.map(|ts| ts.0);
        sender
            .sent
            .resend((from, to), o.frame, o.time, tsval, store);
    }
}

impl Half {
    /// Takes in what was sent beyond everything known of; tells whether something had to be forgotten for it.
    #[inline]
    pub(super) fn append(&mut self, sent: Sent, store: &mut Store) -> bool {
        (self.nxt, self.seen_end) = (sent.end, sent.end);
        self.sent.push(sent, store)
    }

    /// Whether a payload is as long as any of this side's so far.
    #[inline]
    pub(super) fn is_full_size(&self, len: u32) -> bool {
        len >= self.counts.max_segment.max(SMALLEST_FULL)
    }

    /// Remembers what it sent, if that is one byte.
    #[inline]
    pub(super) fn remember_one_byte(&mut self, len: u32, payload: &[u8]) {
        if len > 0 {
            self.one_byte = payload.first().copied().filter(|_| len == 1);
        }
    }
}

impl Sent {
    /// `seq..end` as carried for the first time by the segment of `o`.
    fn first(o: &Observation, seq: Seq, end: Seq, full_size: bool, tsval: Option<u32>) -> Self {
        Self {
            seq,
            end,
            resent: 0,
            full_size,
            id: o.stamp.id.unwrap_or(0),
            tsval,
            last_tsval: tsval,
            frame: o.frame,
            last_frame: o.frame,
            time: o.time,
            last_time: o.time,
        }
    }
}
