//! One direction of the wire when nothing is done to a packet by name: how long it takes, how fast it
//! sends, how much waits, and what chance does.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;

use super::impair::Loss;
use super::random::Probability;
use crate::frame::Timestamp;

/// One direction of the wire. The default carries everything at once and unharmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// Propagation delay, one way.
    pub delay: Duration,
    /// How fast it sends; `None`: infinitely fast, and nothing ever waits.
    pub rate: Option<Rate>,
    /// What is added to the delay by chance.
    pub jitter: Jitter,
    /// What chance loses.
    pub loss: Loss,
    /// How likely a packet is delivered twice.
    pub duplicate: Probability,
    /// How likely one bit behind the Ethernet header is flipped; no checksum is mended.
    pub corrupt: Probability,
}

/// How fast a link sends, and what it lets wait meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bits a second, of frames as hosts give them: without preamble, check sequence and gap.
    pub bits_per_second: NonZeroU64,
    /// How much may wait.
    pub queue: Queue,
}

/// How much may wait for the link, the packet just being sent not counted. What does not fit is lost
/// (tail drop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// So many packets.
    Packets(usize),
    /// So many bytes of frames.
    Bytes(u64),
}

/// Delay by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jitter {
    /// Each packet is late by something between nothing and this, all equally likely.
    pub max: Duration,
    /// Whether a packet may overtake another because of it. If not, the later one waits.
    pub reorders: bool,
}

/// Most packets that wait, whatever the queue's limit.
const MAX_WAITING: usize = 1 << 18;

/// The sender's end of a link: what is being sent and what waits.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// When the last packet taken will have been sent: whole nanoseconds …
    free_at: u64,
    /// … and the rest, in nanoseconds divided by the rate. Without it a transfer would end too early
    /// by a nanosecond a packet.
    rest: u64,
    /// What waits: when its sending begins, and its bytes.
    waiting: VecDeque<(u64, u64)>,
    waiting_bytes: u64,
}

impl Sender {
    /// Takes a packet of `len` bytes; says when its last bit is sent, `None` when the queue is full.
    pub(super) fn enter(
        &mut self,
        rate: Option<Rate>,
        now: Timestamp,
        len: usize,
    ) -> Option<Timestamp> {
        let Some(rate) = rate else {
            return Some(now);
        };
        let (now, len) = (now.as_nanos(), len as u64);
        while let Some(&(starts, bytes)) = self.waiting.front()
            && starts <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
        }
        // Nanoseconds rounded up, so that what begins at a fraction has not begun before it.
        let starts = self.free_at.saturating_add(u64::from(self.rest > 0));
        if starts <= now {
            (self.free_at, self.rest) = (now, 0);
        } else {
            let fits = match rate.queue {
                Queue::Packets(limit) => self.waiting.len() < limit,
                Queue::Bytes(limit) => self.waiting_bytes.saturating_add(len) <= limit,
            };
            if !fits || self.waiting.len() >= MAX_WAITING {
                return None;
            }
            self.waiting.push_back((starts, len));
            self.waiting_bytes += len;
        }
        let bits_per_second = u128::from(rate.bits_per_second.get());
        let exact = u128::from(len) * 8 * 1_000_000_000 + u128::from(self.rest);
        let nanos = u64::try_from(exact / bits_per_second).unwrap_or(u64::MAX);
        self.free_at = self.free_at.saturating_add(nanos);
        self.rest = (exact % bits_per_second) as u64;
        let sent = self.free_at.saturating_add(u64::from(self.rest > 0));
        Some(Timestamp::from_nanos(sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(bits_per_second: u64, queue: Queue) -> Rate {
        let bits_per_second = NonZeroU64::new(bits_per_second).unwrap();
        Rate {
            bits_per_second,
            queue,
        }
    }

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn a_packet_takes_as_long_as_its_bits() {
        let rate = Some(rate(1_000_000, Queue::Packets(10)));
        let mut sender = Sender::default();
        for n in 1..=5 {
            let sent = sender.enter(rate, at(0), 1250);
            assert_eq!(sent, Some(at(n * 10_000_000)));
        }
        // Idle in between, it starts anew.
        let sent = sender.enter(rate, at(1_000_000_000), 1250);
        assert_eq!(sent, Some(at(1_010_000_000)));
    }

    #[test]
    fn the_tail_is_dropped_at_the_limit() {
        for queue in [Queue::Packets(3), Queue::Bytes(3 * 1250 + 1249)] {
            let (rate, mut sender) = (Some(rate(1_000_000, queue)), Sender::default());
            let taken: Vec<bool> = (0..6)
                .map(|_| sender.enter(rate, at(0), 1250).is_some())
                .collect();
            // One is being sent, three wait.
            assert_eq!(taken, [true, true, true, true, false, false], "{queue:?}");
            assert_eq!(sender.enter(rate, at(9_999_999), 1250), None);
            let sent = sender.enter(rate, at(10_000_000), 1250);
            assert_eq!(sent, Some(at(50_000_000)), "{queue:?}");
        }
    }

    proptest! {
        /// However the rate divides, a long transfer takes exactly its bits, rounded up once.
        #[test]
        fn fractions_of_nanoseconds_do_not_get_lost(
            bits_per_second in 1..10_000_000_000_u64,
            lens in prop::collection::vec(1..2000_usize, 1..200),
        ) {
            let rate = Some(rate(bits_per_second, Queue::Packets(1000)));
            let mut sender = Sender::default();
            let mut bits = 0_u128;
            for len in lens {
                bits += len as u128 * 8;
                let exact = (bits * 1_000_000_000).div_ceil(u128::from(bits_per_second));
                let sent = sender.enter(rate, at(0), len).unwrap();
                prop_assert_eq!(u128::from(sent.as_nanos()), exact);
            }
        }
    }
}
