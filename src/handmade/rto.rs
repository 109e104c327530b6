//! The retransmission timeout (RFC 6298).

use std::time::Duration;

/// The least, and the one before anything was measured (sections 2.1, 2.4).
const LEAST: Duration = Duration::from_secs(1);
/// The longest (section 2.5 asks for 60 seconds at least).
const MOST: Duration = Duration::from_mins(1);
/// After a SYN was repeated, data begin with this (section 5.7).
const AFTER_SYN: Duration = Duration::from_secs(3);
/// How fine the clock is: `G` of section 2.
const CLOCK: Duration = Duration::from_millis(1);

/// What is known of round trips, and the timeout that follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rto {
    srtt: Option<Duration>,
    rttvar: Duration,
    base: Duration,
    /// How often it was doubled.
    doubled: u32,
}

impl Rto {
    pub(super) const fn new() -> Self {
        Self {
            srtt: None,
            rttvar: Duration::ZERO,
            base: LEAST,
            doubled: 0,
        }
    }

    /// The timeout now.
    pub(super) fn timeout(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.doubled).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(MOST)
    }

    /// How often it was doubled since something new was acknowledged.
    pub(super) const fn doubled(&self) -> u32 {
        self.doubled
    }

    /// Smoothed round-trip time.
    pub(super) const fn srtt(&self) -> Option<Duration> {
        self.srtt
    }

    /// It has run out (section 5.5).
    pub(super) const fn back_off(&mut self) {
        self.doubled = self.doubled.saturating_add(1);
    }

    /// Something new was acknowledged: no longer doubled.
    pub(super) const fn acknowledged(&mut self) {
        self.doubled = 0;
    }

    /// The handshake is done and its SYN had to be repeated: nothing is known of round trips, so that data
    /// begin with more patience.
    pub(super) const fn syn_was_repeated(&mut self) {
        if self.srtt.is_none() {
            self.base = AFTER_SYN;
        }
    }

    /// Takes a round trip, of a segment that was sent once (section 3, Karn).
    pub(super) fn measure(&mut self, rtt: Duration) {
        let srtt = match self.srtt {
            None => {
                self.rttvar = rtt / 2;
                rtt
            }
            Some(srtt) => {
                self.rttvar = (self.rttvar * 3 + srtt.abs_diff(rtt)) / 4;
                (srtt * 7 + rtt) / 8
            }
        };
        self.srtt = Some(srtt);
        self.base = (srtt + CLOCK.max(self.rttvar * 4)).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_follows_the_formulas() {
        let mut rto = Rto::new();
        assert_eq!(rto.timeout(), ms(1000));
        rto.measure(ms(800));
        assert_eq!((rto.srtt(), rto.timeout()), (Some(ms(800)), ms(2400)));
        // RTTVAR = 3/4 * 400 + 1/4 * 400, SRTT = 7/8 * 800 + 1/8 * 1200.
        rto.measure(ms(1200));
        assert_eq!((rto.srtt(), rto.timeout()), (Some(ms(850)), ms(2450)));
        rto.back_off();
        rto.back_off();
        assert_eq!((rto.timeout(), rto.doubled()), (ms(9800), 2));
        (0..40).for_each(|_| rto.back_off());
        assert_eq!(rto.timeout(), MOST);
        rto.acknowledged();
        assert_eq!(rto.timeout(), ms(2450));
    }

    #[test]
    fn a_fast_link_waits_a_second_and_a_lost_syn_makes_it_three() {
        let mut rto = Rto::new();
        rto.measure(ms(1));
        assert_eq!(rto.timeout(), ms(1000));
        rto.syn_was_repeated();
        assert_eq!(rto.timeout(), ms(1000), "a round trip is known");
        let mut rto = Rto::new();
        rto.syn_was_repeated();
        assert_eq!(rto.timeout(), ms(3000));
    }
}
