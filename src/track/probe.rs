//! Segments sent for their answer: zero-window probes (RFC 9293 section 3.8.6.1) and keep-alives
//! (section 3.8.4), and the answers to them.

use super::connection::Connection;
use super::half::Half;
use super::observation::{Facts, Observation, Probe};

impl Connection {
    /// Finds out whether the segment is a probe, or answers one.
    pub(super) fn probe(&mut self, o: &mut Observation, payload: &[u8]) {
        let (sender, receiver) = self.pair(o.side);
        if let Some(kind) = kind(o, sender, receiver, payload) {
            o.probe = Some(kind);
            o.facts.set(Facts::PROBE);
            let beyond = o.end.after(sender.nxt);
            let rare = sender.rare_mut();
            let before = if rare.probes.0 == Some(kind) {
                rare.probes.1
            } else {
                0
            };
            o.probe_number = before.saturating_add(1);
            rare.probes = (Some(kind), o.probe_number);
            rare.probing = Some((kind, o.frame));
            if beyond {
                rare.probe_end = Some(o.end);
            }
            return;
        }
        let pure =
            o.len == 0 && o.ack.is_some() && !o.flags.syn() && !o.flags.fin() && !o.flags.rst();
        if let (Some(rare), true) = (receiver.rare_if_any(), pure)
            && let Some((kind, frame)) = rare.probing.take()
            && (kind == Probe::KeepAlive || o.field == 0)
        {
            o.facts.set(Facts::PROBE_ANSWER);
            (o.probe_number, o.peer_frame) = (rare.probes.1, frame);
            o.answers = Some(kind);
        }
        if let (Some(rare), true) = (sender.rare_if_any(), o.end != o.seq) {
            (rare.probing, rare.probes) = (None, (None, 0));
        }
    }
}

/// What kind of probe the segment is, if it is one.
fn kind(o: &Observation, sender: &Half, receiver: &Half, payload: &[u8]) -> Option<Probe> {
    if o.flags.syn()
        || o.flags.fin()
        || o.flags.rst()
        || o.len > 1
        || !sender.seen()
        || !sender.acked
    {
        return None;
    }
    let before_una = o.seq == sender.una.minus(1);
    if receiver.window_closed() {
        // Linux sends an empty segment one before SND.UNA, others one byte at the edge.
        let at_edge =
            o.len == 1 && (o.seq == sender.una || receiver.edge.is_some_and(|edge| o.seq == edge));
        return (before_una || at_edge).then_some(Probe::ZeroWindow);
    }
    let idle = sender.outstanding() == 0 && sender.fin.is_none();
    (before_una && idle && !repeats_last_byte(o, sender, payload)).then_some(Probe::KeepAlive)
}

/// Whether the one byte may be the one-byte segment sent last, sent again: the same byte, and not
/// the zero that keep-alives use as garbage.
fn repeats_last_byte(o: &Observation, sender: &Half, payload: &[u8]) -> bool {
    match (payload, sender.one_byte) {
        (&[byte], Some(last)) => o.len == 1 && byte == last && byte != 0,
        _ => false,
    }
}
