//! What the capture made, and TCP did not do.
//!
//! The same packet captured twice (a span port, the `any` device) is told by everything in it being
//! equal, within moments.
//!
//! What makes it the same *packet* is the IP identification. Where there is none (IPv6, and stacks
//! that send 0 with don't-fragment set, RFC 6864 section 4.1), only the very same time shows a copy:
//! nobody sends the same bytes again before the clock moves on.

use super::connection::Connection;
use super::half::Half;
use super::observation::{Facts, Observation};

/// Copies made by a capture come within this time; a sender's own copy has a new identification.
const MOMENT_NS: u64 = 100_000;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scrambles what tells one packet from another into one number; never 0, which means "none".
fn fingerprint(o: &Observation, id: u32) -> u32 {
    let ack = u64::from(o.ack.map_or(0, |ack| ack.0));
    let (value, echo) = o.options.ts.unwrap_or_default();
    let parts = [
        (u64::from(o.seq.0) << 32) | ack,
        (u64::from(id) << 32) | (u64::from(o.len) << 9) | u64::from(o.flags.0 & 0x1ff),
        (u64::from(value) << 32) | u64::from(echo),
    ];
    (scramble(1, &parts) >> 32) as u32 | 1
}

/// The same for a packet without an identification: its time stands in for that, and what else can
/// differ between two ACKs of the same number counts too.
fn fingerprint_of_the_moment(o: &Observation) -> u32 {
    let blocks = o.options.sack.as_slice().iter();
    let sack = blocks.fold(1, |sum, &(left, right)| {
        scramble(sum, &[(u64::from(left) << 32) | u64::from(right)])
    });
    let parts = [u64::from(fingerprint(o, 0)), o.time.as_nanos(), sack];
    (scramble(u64::from(o.field), &parts) >> 32) as u32 | 1
}

fn scramble(start: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(start, |sum, part| {
        (sum.rotate_left(23) ^ part).wrapping_mul(ODD)
    })
}

/// Whether a sender may well say this twice at once: a burst of segments is answered by a burst of
/// equal duplicate ACKs, or RSTs, macOS repeats a plain ACK, and a coarse clock gives them all one
/// time. Where the capture has made certain copies before, it is the likelier reason.
fn may_be_said_twice(o: &Observation, sender: &Half, receiver: &Half) -> bool {
    let copied = |half: &Half| {
        half.rare()
            .is_some_and(|rare| rare.counts.capture_duplicates > 0)
    };
    o.end == o.seq && !copied(sender) && !copied(receiver)
}

impl Connection {
    /// Whether it is longer than any segment on the wire can be: a network card cuts it later, or has
    /// put it together of several (RFC 9293 section 3.7.1 has no other reason).
    pub(super) fn measure(&mut self, o: &mut Observation) {
        let (_, receiver) = self.pair(o.side);
        // 0: the receiver's SYN was not seen, or had no such option.
        let mss = u32::from(receiver.offer.mss);
        if mss > 0 && o.len > mss && !o.flags.syn() {
            o.facts.set(Facts::OVERSIZED);
        }
    }

    /// Whether the sender's same packet was captured moments ago; remembers it otherwise.
    pub(super) fn captured_twice(&mut self, o: &mut Observation, ip_id: Option<u32>) -> bool {
        let id = ip_id.filter(|&id| id != 0);
        let print = print_of(o, ip_id);
        let (sender, receiver) = self.pair(o.side);
        // New data can't be a copy, whatever its fingerprint is.
        let told_before = o.end.at_or_before(sender.seen_end);
        if told_before
            && sender.recent.contains(&print)
            && (id.is_some() && o.end != o.seq || o.time.nanos_since(sender.last_time) <= MOMENT_NS)
            && (id.is_some() || !may_be_said_twice(o, sender, receiver))
        {
            let latest = usize::from(sender.recent_next.wrapping_sub(1) & 3);
            o.original_frame = (sender.recent[latest] == print).then_some(sender.last_frame);
            return true;
        }
        sender.remember_print(print);
        false
    }
}

/// What tells the packet from its sender's others.
#[inline]
pub(super) fn print_of(o: &Observation, ip_id: Option<u32>) -> u32 {
    match ip_id {
        Some(id) if id != 0 => fingerprint(o, id),
        _ => fingerprint_of_the_moment(o),
    }
}

impl Half {
    /// Remembers the fingerprint of a packet, to know one that was captured twice.
    #[inline]
    pub(super) fn remember_print(&mut self, print: u32) {
        self.recent[usize::from(self.recent_next & 3)] = print;
        self.recent_next = self.recent_next.wrapping_add(1);
    }
}
