//! The same packet captured twice (a span port, the `any` device): told by its IP identification
//! and everything else being equal, within moments. It must not pass for something TCP did.

use super::connection::Connection;
use super::observation::Observation;

/// Copies made by a capture come within this time; a sender's own copy has a new identification.
const MOMENT_NS: u64 = 100_000;

/// Scrambles what tells one packet from another into one number; never 0, which means "none".
fn fingerprint(o: &Observation, id: u32) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let ack = u64::from(o.ack.map_or(0, |ack| ack.0));
    let (value, echo) = o.options.ts.unwrap_or_default();
    let parts = [
        (u64::from(o.seq.0) << 32) | ack,
        (u64::from(id) << 32) | (u64::from(o.len) << 9) | u64::from(o.flags.0 & 0x1ff),
        (u64::from(value) << 32) | u64::from(echo),
    ];
    let sum = parts.iter().fold(1, |sum: u64, part| {
        (sum.rotate_left(23) ^ part).wrapping_mul(ODD)
    });
    (sum >> 32) as u32 | 1
}

impl Connection {
    /// Whether the sender's same packet was captured moments ago; remembers it otherwise.
    pub(super) fn captured_twice(&mut self, o: &Observation, ip_id: Option<u32>) -> bool {
        // Many stacks send 0 with don't-fragment set: that identifies nothing (RFC 6864).
        let Some(id) = ip_id.filter(|&id| id != 0) else {
            return false;
        };
        let print = fingerprint(o, id);
        let (sender, _) = self.pair(o.side);
        // New data can't be a copy, whatever its fingerprint is.
        let told_before = o.end.at_or_before(sender.seen_end);
        if told_before
            && sender.recent.contains(&print)
            && o.time.nanos_since(sender.last_time) <= MOMENT_NS
        {
            return true;
        }
        sender.recent[usize::from(sender.recent_next & 3)] = print;
        sender.recent_next = sender.recent_next.wrapping_add(1);
        false
    }
}
