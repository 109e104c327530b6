//! Wireshark's rules, in the order it asks them.

use super::conversation::{Conversation, Direction, Latest, before};
use crate::event::{Segment, Word, Words};

/// Since the peer's latest segment, for a fast retransmission.
const FAST_NS: u64 = 20_000_000;
/// Since the next expected number is what it is, for out of order, where there was no handshake.
const OUT_OF_ORDER_NS: u64 = 3_000_000;

/// A segment before the rules.
struct Case<'a> {
    s: &'a Segment<'a>,
    /// Its sender's direction and that of its receiver, before it.
    own: &'a Direction,
    peer: &'a Direction,
    seq: u32,
    end: u32,
    ack: u32,
    initial_rtt: Option<u64>,
}

/// What is said of a segment of direction `from`; the conversation knows it afterwards.
pub(super) fn judge(conversation: &mut Conversation, from: usize, s: &Segment<'_>) -> Words {
    let mut words = Words::default();
    if conversation.open(from, s) {
        words.add(Word::PortReused);
    }
    let initial_rtt = conversation.initial_rtt;
    let [first, second] = &mut conversation.directions;
    let (own, peer) = if from == 0 {
        (first, second)
    } else {
        (second, first)
    };
    let case = Case {
        s,
        own,
        peer,
        seq: s.seq_raw,
        // It counts one for SYN and FIN together.
        end: s
            .seq_raw
            .wrapping_add(s.len + u32::from(s.flags.syn() || s.flags.fin())),
        ack: if s.flags.ack() { s.ack_raw } else { 0 },
        initial_rtt,
    };
    let latest = case.ask(&mut words);
    let (seq, end, ack) = (case.seq, case.end, case.ack);
    remember(own, peer, s, (seq, end, ack), words, latest);
    words
}

impl Case<'_> {
    fn opens_or_closes(&self) -> bool {
        self.s.flags.syn() || self.s.flags.fin() || self.s.flags.rst()
    }

    /// Nothing but an ACK, at the number that is expected, of what was acknowledged before.
    fn repeats_ack(&self) -> bool {
        self.s.len == 0
            && !self.opens_or_closes()
            && self.own.next != 0
            && self.seq == self.own.next
            && self.own.ack != 0
            && self.ack == self.own.ack
    }

    fn same_window(&self) -> bool {
        self.own.window == Some(self.s.window)
    }

    /// Asks the rules in their order.
    fn ask(&self, words: &mut Words) -> Latest {
        let (s, own, peer) = (self.s, self.own, self.peer);
        let plain = !self.opens_or_closes();
        if s.len == 1 && self.seq == own.next && peer.window == Some(0) {
            words.add(Word::Probe);
            return Latest::Probe;
        }
        if s.window == 0 && plain {
            words.add(Word::ZeroWindow);
        }
        if own.next != 0 && before(own.next, self.seq) && !s.flags.rst() {
            words.add(Word::LostSegment);
        }
        let mut latest = Latest::Ordinary;
        if s.len <= 1 && plain && own.next != 0 && self.seq == own.next.wrapping_sub(1) {
            words.add(Word::KeepAlive);
            latest = Latest::KeepAlive;
        }
        if self.repeats_ack() && s.window != 0 && !self.same_window() {
            words.add(Word::WindowUpdate);
        }
        if self.fills_window() {
            words.add(Word::WindowFull);
        }
        let answers = self.repeats_ack() && self.same_window();
        if answers && s.window != 0 && peer.latest == Latest::KeepAlive {
            words.add(Word::KeepAliveAck);
            return latest;
        }
        if answers && s.window == 0 && peer.latest == Latest::Probe {
            words.add(Word::ProbeAck);
            return latest;
        }
        if self.is_dup_ack() {
            words.add(Word::DupAck);
        }
        if self.ack != 0 && peer.seen != 0 && before(peer.seen, self.ack) {
            words.add(Word::AckLost);
        }
        if !words.has(Word::KeepAlive) {
            self.again(words);
        }
        latest
    }

    /// It ends exactly at the edge of the peer's window.
    fn fills_window(&self) -> bool {
        let peer = self.peer;
        let known = peer.ack != 0;
        let edge = peer
            .window_bytes(self.own)
            .map(|window| peer.ack.wrapping_add(window));
        self.s.len > 0 && known && !self.opens_or_closes() && edge == Some(self.end)
    }

    fn is_dup_ack(&self) -> bool {
        self.repeats_ack() && self.s.window != 0 && self.same_window()
    }

    /// The verdict on what was, or may have been, sent before.
    fn again(&self, words: &mut Words) {
        let (s, own, peer) = (self.s, self.own, self.peer);
        let carries = s.len > 0 || s.flags.syn() || s.flags.fin();
        if !carries {
            return;
        }
        if s.len > 0 && peer.ack != 0 && !before(peer.ack, self.end) {
            *words = words.and(Word::Retransmission).and(Word::Spurious);
            return;
        }
        if own.next == 0 || !before(self.seq, own.next) {
            return;
        }
        let since_ack = s.time.nanos_since(peer.acked_at);
        let wanted = self.seq == peer.ack;
        if peer.dup_acks >= 2 && since_ack < FAST_NS && wanted {
            *words = words.and(Word::Retransmission).and(Word::Fast);
            return;
        }
        let patience = self.initial_rtt.unwrap_or(OUT_OF_ORDER_NS);
        let since_next = s.time.nanos_since(own.next_since);
        if since_next < patience && own.next != self.end {
            words.add(Word::OutOfOrder);
            return;
        }
        words.add(Word::Retransmission);
    }
}

/// What is known after a segment.
fn remember(
    own: &mut Direction,
    peer: &mut Direction,
    s: &Segment<'_>,
    (seq, end, ack): (u32, u32, u32),
    words: Words,
    latest: Latest,
) {
    let probe = latest == Latest::Probe;
    if words.has(Word::DupAck) {
        own.dup_acks += 1;
    } else if ack != own.ack {
        own.dup_acks = 0;
    }
    if words.has(Word::AckLost) {
        // It is surprised once more if it was before; then it knows nothing until more is sent.
        peer.seen = if peer.seen == peer.next { 0 } else { peer.next };
    }
    if own.seen == 0 {
        own.seen = own.next;
    }
    let in_order = own.seen == 0 || own.seen == seq;
    if !probe && (own.next == 0 || before(own.next, end)) {
        own.next = end;
        own.next_since = s.time;
    }
    if in_order {
        own.seen = own.next;
    }
    if s.flags.ack() {
        own.ack = ack;
        own.acked_at = s.time;
    }
    own.window = Some(s.window);
    own.latest = latest;
}
