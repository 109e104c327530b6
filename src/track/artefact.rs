//! What the capture made, and TCP did not do.
//!
//! The same packet captured twice (a span port, the `any` device) is told by everything in it being
//! equal, within moments.
//!
//! What makes it the same *packet* is the IP identification. One that comes again later than at once was
//! copied all the same, but rather by the network. Where there is none (IPv6, and stacks
//! that send 0 with don't-fragment set, RFC 6864 section 4.1), only the very same time shows a copy:
//! nobody sends the same bytes again before the clock moves on.

use super::connection::Connection;
use super::half::Half;
use super::observation::{Facts, Observation};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// Copies made by a capture come within this time, nanoseconds: whoever mirrors a packet does so at once, and
/// the copy waits for little more than the packet itself, which takes 12 µs at 1 Gbit/s and 120 µs at
/// 100 Mbit/s. A network that copies packets (a loop, a radio link that lost an ACK, a bond) is slower.
const AT_ONCE_NS: u64 = 100_000;
/// A copy by the network comes within this time. After it a timer may have run out (no one's runs for less,
/// and RFC 6298 section 2.4 wants a second), and some senders give all their packets one identification.
const SOON_NS: u64 = 200_000_000;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What tells a packet from its sender's others.
pub(super) struct Features {
    pub(super) time: Timestamp,
    pub(super) ip_id: Option<u32>,
    pub(super) seq: Seq,
    pub(super) ack: Option<Seq>,
    pub(super) len: u32,
    pub(super) flags: Flags,
    pub(super) field: u16,
    pub(super) ts: Option<(u32, u32)>,
}

impl Features {
    /// Scrambles them, and the SACK blocks, into one number; never 0, which means "none".
    #[inline]
    pub(super) fn print(&self, sack: &[(u32, u32)]) -> u32 {
        // What else can differ between two ACKs of the same number.
        let start = sack.iter().fold(u64::from(self.field), |sum, block| {
            let (left, right) = *block;
            scramble(sum, &[(u64::from(left) << 32) | u64::from(right)])
        });
        let id = self.ip_id.unwrap_or(0);
        let ack = u64::from(self.ack.map_or(0, |ack| ack.0));
        let (value, echo) = self.ts.unwrap_or_default();
        let parts = [
            (u64::from(self.seq.0) << 32) | ack,
            (u64::from(id) << 32) | (u64::from(self.len) << 9) | u64::from(self.flags.0 & 0x1ff),
            (u64::from(value) << 32) | u64::from(echo),
        ];
        let print = (scramble(start, &parts) >> 32) as u32 | 1;
        if id != 0 {
            return print;
        }
        // Without an identification the time stands in for it.
        let parts = [u64::from(print), self.time.as_nanos()];
        (scramble(1, &parts) >> 32) as u32 | 1
    }
}

#[inline]
fn scramble(start: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(start, |sum, part| {
        (sum.rotate_left(23) ^ part).wrapping_mul(ODD)
    })
}

/// Whether packets of its were copied at once before.
fn has_copied(half: &Half) -> bool {
    half.rare().is_some_and(|rare| rare.copied_at_once)
}

/// Whether a sender may well say this twice at once: a burst of segments is answered by a burst of
/// equal duplicate ACKs, or RSTs, macOS repeats a plain ACK, and a coarse clock gives them all one
/// time. Where the capture has made certain copies before, it is the likelier reason.
fn may_be_said_twice(o: &Observation, sender: &Half, receiver: &Half) -> bool {
    o.end == o.seq && !has_copied(sender) && !has_copied(receiver)
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

    /// Whether the sender's same packet was captured before; remembers it otherwise.
    pub(super) fn captured_twice(&mut self, o: &mut Observation, ip_id: Option<u32>) -> bool {
        let id = ip_id.filter(|&id| id != 0);
        let print = print_of(o, ip_id);
        let (sender, receiver) = self.pair(o.side);
        let known = sender.recent.iter().position(|&known| known == print);
        // New data can't be a copy, whatever its fingerprint is.
        if let Some(at) = known.filter(|_| o.end.at_or_before(sender.seen_end)) {
            let latest = usize::from(sender.recent_next.wrapping_sub(1) & 3) == at;
            // Of one further back only the least time is known: a capture that copies at once has done so before.
            let idle_ns = o.time.nanos_since(sender.last_time);
            let soon = idle_ns <= AT_ONCE_NS;
            o.copied_at_once = soon && (latest || has_copied(sender) || has_copied(receiver));
            // An identification that another packet has as well tells nothing.
            let tells = latest || o.marks.id != o.marks_before.id;
            let copy = match id {
                Some(_) if o.end == o.seq => soon,
                Some(_) => o.copied_at_once || (idle_ns <= SOON_NS && tells),
                None => soon && !may_be_said_twice(o, sender, receiver),
            };
            if copy {
                o.copied_at_once |= id.is_none();
                if o.copied_at_once {
                    sender.rare_mut().copied_at_once = true;
                }
                o.original_frame = latest.then_some(sender.last_frame);
                if o.end != o.seq {
                    sender.rare_mut().copied = Some((o.seq, o.end, o.frame));
                }
                return true;
            }
        }
        sender.remember_print(print);
        false
    }
}

/// What tells the packet from its sender's others.
fn print_of(o: &Observation, ip_id: Option<u32>) -> u32 {
    let features = Features {
        time: o.time,
        ip_id,
        seq: o.seq,
        ack: o.ack,
        len: o.len,
        flags: o.flags,
        field: o.field,
        ts: o.options.ts,
    };
    features.print(o.options.sack.as_slice())
}

impl Half {
    /// Remembers the fingerprint of a packet, to know one that was captured twice.
    #[inline]
    pub(super) fn remember_print(&mut self, print: u32) {
        self.recent[usize::from(self.recent_next & 3)] = print;
        self.recent_next = self.recent_next.wrapping_add(1);
    }
}
