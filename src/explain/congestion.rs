//! An estimate of a sender's congestion window (RFC 5681 section 3.1), from what it lets be under way.
//!
//! While nothing else stands in its way, a sender has as much under way as its congestion window allows, so
//! right after a burst what is under way is the window. It grows with what is seen, holds while less is
//! sent, and begins anew when a recovery is over. During one, what is under way is not known, since what
//! is lost is not: there it follows the rules. Seen from near the sender only: elsewhere ACKs count too soon.

use crate::event::{Cause, Kind, Segment};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// What a sender is to hold back to after a loss, of ten parts (RFC 9438 section 4.6).
const HELD_BACK: u32 = 7;
/// What it may send at first, in segments (RFC 6928 section 2).
const FIRST: u32 = 10;
/// Fewer segments may never have filled it.
const BULK: u32 = 50;
/// So long an idle sender begins anew, at least (RFC 5681 section 4.1: one timeout).
const IDLE_NS: u64 = 200_000_000;

/// The congestion window of one direction, as far as it shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Congestion {
    /// The estimate, in bytes; 0 while there is none.
    window: u32,
    /// What it is to be when the recovery is over.
    threshold: u32,
    /// In recovery until this is acknowledged, and whether a timeout began it.
    recovery: Option<(Seq, bool)>,
    una: Option<Seq>,
    end: Option<Seq>,
    last_sent: Option<Timestamp>,
    /// The estimate after each segment sent, added up, and how many those were.
    sum: u64,
    times: u32,
}

impl Congestion {
    /// The estimate now, in bytes; `None` before there is one.
    pub(super) fn window(&self) -> Option<u32> {
        (self.window > 0).then_some(self.window)
    }

    /// Its mean over the segments sent; `None` when they are too few to have filled it.
    pub(super) fn mean(&self) -> Option<u32> {
        if self.times < BULK {
            return None;
        }
        let mean = self.sum.checked_div(self.times.into())?;
        u32::try_from(mean).ok().filter(|&mean| mean > 0)
    }

    /// Takes data that was sent, `full` bytes being a full segment.
    pub(super) fn sends(&mut self, s: &Segment<'_>, full: u32) {
        let end = Seq(s.seq_end());
        let idle = self
            .last_sent
            .is_some_and(|last| s.time.nanos_since(last) > IDLE_NS);
        let again = s.notes.iter().find(|n| n.kind == Kind::Retransmission);
        if let Some(note) = again {
            match note.cause {
                Some(Cause::Rto) if note.number_of("timeout") > 0 => self.times_out(end, full),
                Some(Cause::Fast) if self.recovery.is_none() => self.recovers(end),
                _ => {}
            }
        } else if idle && self.recovery.is_none() && s.in_flight <= s.len {
            // RFC 5681 section 4.1: it restarts with the window it began with.
            self.window = self.window.min(full.saturating_mul(FIRST));
        }
        self.end = Some(self.end.map_or(end, |known| known.max(end)));
        self.last_sent = Some(s.time);
        if self.recovery.is_none() {
            self.window = self.window.max(s.in_flight);
        }
        self.sum = self.sum.saturating_add(self.window.into());
        self.times = self.times.saturating_add(1);
    }

    fn times_out(&mut self, end: Seq, full: u32) {
        let until = self.end.map_or(end, |known| known.max(end));
        self.threshold = self.window / 10 * HELD_BACK;
        self.window = full;
        self.recovery = Some((until, true));
    }

    fn recovers(&mut self, end: Seq) {
        let until = self.end.map_or(end, |known| known.max(end));
        self.threshold = self.window / 10 * HELD_BACK;
        self.recovery = Some((until, false));
    }

    /// Takes an ACK that has come to it.
    pub(super) fn hears(&mut self, ack: Seq, full: u32) {
        let newly = self
            .una
            .map_or(0, |una| ack.from(una).max(0).unsigned_abs());
        if self.una.is_none_or(|una| ack.after(una)) {
            self.una = Some(ack);
        }
        let Some((until, timeout)) = self.recovery else {
            return;
        };
        if ack.at_or_after(until) {
            self.recovery = None;
            // What is under way next shows what it is.
            self.window = if timeout { self.window } else { 0 };
        } else if timeout {
            // Slow start (RFC 5681 section 3.1).
            self.window = self
                .window
                .saturating_add(newly)
                .min(self.threshold.max(full));
        } else if self.window > self.threshold {
            // RFC 6937: it comes down as ACKs come.
            let step = full / 2;
            self.window = self.window.saturating_sub(step).max(self.threshold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(to: u32, window: u32) -> Congestion {
        Congestion {
            window,
            end: Some(Seq(to)),
            una: Some(Seq(1)),
            ..Congestion::default()
        }
    }

    #[test]
    fn what_is_under_way_after_a_recovery_shows_the_window_anew() {
        let mut it = sent(20_001, 20_000);
        it.recovers(Seq(1001));
        assert_eq!(it.window(), Some(20_000), "it comes down as ACKs come");
        for ack in 1..12 {
            it.hears(Seq(ack * 1000), 1000);
        }
        assert_eq!(it.window(), Some(14_500));
        for ack in 12..20 {
            it.hears(Seq(ack * 1000), 1000);
        }
        assert_eq!(it.window(), Some(14_000), "RFC 9438 section 4.6");
        it.hears(Seq(20_001), 1000);
        assert_eq!((it.window(), it.recovery), (None, None));
    }

    #[test]
    fn after_a_timeout_it_starts_slowly_up_to_the_threshold() {
        let mut it = sent(20_001, 20_000);
        it.times_out(Seq(1001), 1000);
        assert_eq!(it.window(), Some(1000));
        it.hears(Seq(1001), 1000);
        it.hears(Seq(3001), 1000);
        assert_eq!(it.window(), Some(4000));
        it.hears(Seq(19_001), 1000);
        assert_eq!(it.window(), Some(14_000));
        it.hears(Seq(20_001), 1000);
        assert_eq!((it.window(), it.recovery), (Some(14_000), None));
    }

    #[test]
    fn an_old_ack_changes_nothing() {
        let mut it = sent(20_001, 20_000);
        it.times_out(Seq(1001), 1000);
        it.hears(Seq(5001), 1000);
        let before = it.window();
        it.hears(Seq(4001), 1000);
        assert_eq!((it.window(), it.una), (before, Some(Seq(5001))));
    }
}
