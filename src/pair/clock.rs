//! How far the clock of one machine is ahead of another's, as far as packets that both saw can tell.
//!
//! A packet from A to B shows B's time minus A's as the offset plus its way, one from B to A as the offset
//! minus its way. Taken that the shortest way there and the shortest way back take equally long, the offset
//! lies in the middle (RFC 5905 section 8). Where the clocks drift, both shortest ways move along one
//! straight line: of all lines the one is taken that leaves most room between what went there and what came
//! back. RFC 5905 takes no clock for one that drifts by more than 500 ppm.

use crate::event::{ClockBasis, ClockNote, Host};
use crate::frame::Timestamp;

/// Largest drift believed: RFC 5905's `MAXFREQ`.
const MOST_DRIFT: f64 = 500e-6;
/// Shortest time over which a drift is looked for: in less it makes no difference to see.
const LONG_ENOUGH_NS: f64 = 10e9;
/// Fewest packets in each direction for a drift.
const ENOUGH: usize = 8;
/// What a drift has to explain before it is believed: less is noise.
const WORTH_NS: f64 = 50e3;

/// A packet as both captures show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// By the clock of A and by that of B.
    pub(super) at: [Timestamp; 2],
    /// Whether it went from A to B.
    pub(super) there: bool,
}

impl Sight {
    /// B's time minus A's, in nanoseconds.
    pub(super) fn difference(&self) -> i128 {
        i128::from(self.at[1].as_nanos()) - i128::from(self.at[0].as_nanos())
    }
}

/// What makes B's times A's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Clock {
    /// How far B's clock is ahead at `base`, in nanoseconds.
    ahead_ns: i128,
    /// Nanoseconds that it gains in each nanosecond of its own.
    drift: f64,
    /// A time of B's.
    base: u64,
    /// The shortest way there and back.
    round_trip_ns: Option<u64>,
    packets: [u64; 2],
}

impl Clock {
    /// The clock of B, by packets that went from A to B and back.
    pub(super) fn of(sights: &[Sight]) -> Self {
        let Some(base) = sights.iter().map(|sight| sight.at[1].as_nanos()).min() else {
            return Self::default();
        };
        let zero = sights.first().map_or(0, Sight::difference);
        let points = |there: bool| -> Vec<(f64, f64)> {
            let own = sights.iter().filter(|sight| sight.there == there);
            own.map(|sight| {
                let x = sight.at[1].as_nanos() - base;
                (x as f64, (sight.difference() - zero) as f64)
            })
            .collect()
        };
        let [there, back] = [points(true), points(false)];
        let packets = [there.len() as u64, back.len() as u64];
        let drift = drift(&there, &back);
        let (ahead, round_trip) = match room(&there, &back, drift) {
            (Some(low), Some(high)) => (f64::midpoint(low, high), Some(low - high)),
            // All that can be told is that the quickest did not arrive before it left.
            (Some(only), None) | (None, Some(only)) => (only, None),
            (None, None) => (0.0, None),
        };
        Self {
            ahead_ns: zero + ahead.round() as i128,
            drift,
            base,
            round_trip_ns: round_trip.map(|ns| ns.max(0.0) as u64),
            packets,
        }
    }

    /// A time of B's as A's clock would have told it.
    #[must_use]
    pub(super) fn correct(&self, time: Timestamp) -> Timestamp {
        let since = i128::from(time.as_nanos()) - i128::from(self.base);
        let gained = (since as f64 * self.drift).round() as i128;
        let right = i128::from(time.as_nanos()) - self.ahead_ns - gained;
        Timestamp::from_nanos(u64::try_from(right.max(0)).unwrap_or(u64::MAX))
    }

    /// What is to be said of it, when B is that host.
    pub(super) fn note(&self, of: Host) -> ClockNote {
        let [there, back] = self.packets;
        let basis = match (there, back) {
            (0, 0) => ClockBasis::Unknown,
            (0, _) | (_, 0) => ClockBasis::OneWay,
            _ => ClockBasis::BothWays,
        };
        ClockNote {
            of,
            ahead_ns: i64::try_from(self.ahead_ns).unwrap_or(i64::MAX),
            drift_ppb: (self.drift * 1e9).round() as i64,
            round_trip_ns: self.round_trip_ns,
            // `of` is B: what came back left there.
            packets: match of {
                Host::Server => [there, back],
                Host::Client => [back, there],
            },
            basis,
        }
    }
}

/// The smallest difference of what went there, and the largest of what came back, without that drift.
fn room(there: &[(f64, f64)], back: &[(f64, f64)], drift: f64) -> (Option<f64>, Option<f64>) {
    let level = |&(x, d): &(f64, f64)| d - drift * x;
    (
        there.iter().map(level).reduce(f64::min),
        back.iter().map(level).reduce(f64::max),
    )
}

/// The drift that leaves most room; 0 when that is not worth much.
fn drift(there: &[(f64, f64)], back: &[(f64, f64)]) -> f64 {
    let span = |points: &[(f64, f64)]| {
        let xs = || points.iter().map(|&(x, _)| x);
        match (xs().reduce(f64::min), xs().reduce(f64::max)) {
            (Some(first), Some(last)) => last - first,
            _ => 0.0,
        }
    };
    let few = there.len().min(back.len()) < ENOUGH;
    if few || span(there).min(span(back)) < LONG_ENOUGH_NS {
        return 0.0;
    }
    let gap = |drift| match room(there, back, drift) {
        (Some(low), Some(high)) => low - high,
        _ => f64::NEG_INFINITY,
    };
    // The room is a concave function of the drift: the largest is found by thirds.
    let (mut low, mut high) = (-MOST_DRIFT, MOST_DRIFT);
    for _ in 0..64 {
        let third = (high - low) / 3.0;
        if gap(low + third) < gap(high - third) {
            low += third;
        } else {
            high -= third;
        }
    }
    let best = f64::midpoint(low, high);
    if gap(best) - gap(0.0) < WORTH_NS {
        return 0.0;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i128 = 1_000_000;

    /// A talk of `seconds`, twenty packets a second each way, 10 ms there and back at the least; the ways
    /// are longer most of the time.
    fn talk(seconds: u64, ahead: i128, ppm: f64) -> Vec<Sight> {
        let start = 1_700_000_000_000_000_000_i128;
        let mut sights = Vec::new();
        for n in 0..i128::from(seconds) * 20 {
            for there in [true, false] {
                let left = start + n * 50 * MS + if there { 0 } else { 3 * MS };
                let way = 10 * MS + (n * 7919 % 13) * MS / 4;
                let of_b = |time: i128| {
                    let gained = (time - start) as f64 * ppm * 1e-6;
                    time + ahead + gained as i128
                };
                let (a, b) = if there {
                    (left, of_b(left + way))
                } else {
                    (left + way, of_b(left))
                };
                let at = [a, b].map(|ns| Timestamp::from_nanos(u64::try_from(ns).unwrap()));
                sights.push(Sight { at, there });
            }
        }
        sights
    }

    fn ways(sights: &[Sight], clock: &Clock) -> [i128; 2] {
        let mut least = [i128::MAX; 2];
        for sight in sights {
            let b = i128::from(clock.correct(sight.at[1]).as_nanos());
            let a = i128::from(sight.at[0].as_nanos());
            let way = if sight.there { b - a } else { a - b };
            let least = &mut least[usize::from(!sight.there)];
            *least = way.min(*least);
        }
        least
    }

    #[test]
    fn a_shifted_clock_is_set_right_and_a_steady_one_does_not_drift() {
        for ahead in [-3_000 * MS, 0, 1_203 * MS, 40_000_000_000 * MS] {
            let sights = talk(30, ahead, 0.0);
            let clock = Clock::of(&sights);
            assert_eq!((clock.ahead_ns, clock.drift), (ahead, 0.0));
            assert_eq!(clock.round_trip_ns, Some(20_000_000));
            assert_eq!(ways(&sights, &clock), [10 * MS, 10 * MS]);
        }
    }

    #[test]
    fn a_drift_shows_in_a_long_capture_and_not_in_a_short_one() {
        for ppm in [-200.0, -50.0, 50.0] {
            let sights = talk(60, 3_000 * MS, ppm);
            let clock = Clock::of(&sights);
            assert!((clock.drift * 1e6 - ppm).abs() < 1.0, "{}", clock.drift);
            for least in ways(&sights, &clock) {
                assert!((least - 10 * MS).abs() < MS / 20, "{least}");
            }
            assert!(Clock::of(&talk(5, 0, ppm)).drift.abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_queue_that_fills_is_no_drift() {
        let mut sights = talk(60, 0, 0.0);
        let first = sights[0].at[0];
        for sight in sights.iter_mut().filter(|sight| sight.there) {
            let queued = sight.at[0].nanos_since(first) / 100;
            sight.at[1] = Timestamp::from_nanos(sight.at[1].as_nanos() + queued);
        }
        let clock = Clock::of(&sights);
        assert!(clock.drift.abs() < f64::EPSILON, "{}", clock.drift);
        assert!(clock.ahead_ns.abs() < MS, "{}", clock.ahead_ns);
    }

    #[test]
    fn what_went_one_way_only_tells_no_offset() {
        let sights = talk(20, 5 * MS, 0.0);
        let there: Vec<Sight> = sights.into_iter().filter(|sight| sight.there).collect();
        let clock = Clock::of(&there);
        assert_eq!(clock.note(Host::Server).basis, ClockBasis::OneWay);
        assert_eq!(ways(&there, &clock)[0], 0);
        assert_eq!(Clock::of(&[]).note(Host::Server).basis, ClockBasis::Unknown);
    }
}
