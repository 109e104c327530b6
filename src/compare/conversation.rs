//! What Wireshark keeps of a conversation, by direction.
//!
//! Sequence numbers are bare here, and 0 stands for "not known", as it does there: a weakness that
//! shows only where a number happens to be 0.

use crate::event::Segment;
use crate::frame::Timestamp;

/// What the latest segment of a direction was, where that decides how its answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Latest {
    #[default]
    Ordinary,
    KeepAlive,
    Probe,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// Its first sequence number, the SYN's or one less.
    pub(super) base: Option<u32>,
    /// Next expected sequence number.
    pub(super) next: u32,
    /// Since when that is expected.
    pub(super) next_since: Timestamp,
    /// The number up to which nothing is missing; may be acknowledged.
    pub(super) seen: u32,
    /// Its latest acknowledgment number.
    pub(super) ack: u32,
    /// When that was given.
    pub(super) acked_at: Timestamp,
    /// How often that was repeated.
    pub(super) dup_acks: u32,
    /// Its latest window, as in the header.
    pub(super) window: Option<u16>,
    /// Whether its SYN was seen.
    syn: bool,
    /// The shift that its SYN offered.
    offer: Option<u8>,
    pub(super) latest: Latest,
}

/// Both directions, and what belongs to neither.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) directions: [Direction; 2],
    syn_at: Option<Timestamp>,
    answered: bool,
    /// From the SYN to the ACK that ends the handshake, nanoseconds.
    pub(super) initial_rtt: Option<u64>,
}

/// Whether `a` is before `b`, around the end of the numbers.
pub(super) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

impl Direction {
    /// The window in bytes, given what the other direction offered. Without both offers it is what the
    /// header says; without its SYN it is not known.
    pub(super) fn window_bytes(&self, other: &Self) -> Option<u32> {
        if !self.syn {
            return None;
        }
        let both = self.offer.zip(other.offer);
        let shift = both.map_or(0, |(own, _)| own.min(14));
        self.window.map(|window| u32::from(window) << shift)
    }
}

impl Conversation {
    /// Learns from a segment what holds for the whole conversation. Gives whether it is a new one on
    /// ports that were used before.
    pub(super) fn open(&mut self, from: usize, s: &Segment<'_>) -> bool {
        let syn = s.flags.syn();
        let known = self.directions[from].base;
        let reused = syn && known.is_some_and(|base| base != s.seq_raw);
        if reused && !s.flags.ack() {
            *self = Self::default();
        }
        let own = &mut self.directions[from];
        if syn {
            own.base = Some(s.seq_raw);
            (own.syn, own.offer) = (true, s.options.wscale);
        } else if own.base.is_none() {
            own.base = Some(s.seq_raw.wrapping_sub(1));
        }
        self.time_handshake(s);
        reused
    }

    fn time_handshake(&mut self, s: &Segment<'_>) {
        match (s.flags.syn(), s.flags.ack()) {
            (true, false) => self.syn_at = Some(s.time),
            (true, true) => self.answered = true,
            (false, true) if self.answered && self.initial_rtt.is_none() => {
                let took = |at| s.time.nanos_since(at);
                self.initial_rtt = self.syn_at.map(took);
            }
            _ => {}
        }
    }
}
