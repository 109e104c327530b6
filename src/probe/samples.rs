//! The figures of round trips: minimum, mean, maximum, deviation, quantiles, jitter (RFC 3550 section
//! 6.4.1).
//!
//! Quantiles need all samples. Up to [`EXACT`] of them are kept; of more, how many fell into each of a
//! fixed number of ranges, each less than a hundredth wide, so that a run of a year takes no more memory
//! than one of an hour.

use crate::event::{JitterStep, RoundTrips};

/// Most samples that are kept as they are: half a megabyte.
const EXACT: usize = 1 << 16;
/// Ranges for each power of two, as a power of two.
const FINE: u32 = 7;

/// Round trips so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    count: u64,
    sum: u128,
    squares: u128,
    min: u64,
    max: u64,
    ewma: u64,
    jitter: f64,
    latest: Option<u64>,
    last_step: Option<JitterStep>,
    exact: Vec<u64>,
    ranges: Vec<u64>,
}

impl Samples {
    /// Adds one, in nanoseconds.
    pub(super) fn add(&mut self, ns: u64) {
        self.min = if self.count == 0 {
            ns
        } else {
            self.min.min(ns)
        };
        self.max = self.max.max(ns);
        self.ewma = if self.count == 0 {
            ns
        } else {
            self.ewma - self.ewma / 8 + ns / 8
        };
        self.count += 1;
        self.sum += u128::from(ns);
        self.squares = self.squares.saturating_add(u128::from(ns) * u128::from(ns));
        if let Some(before) = self.latest {
            self.last_step = Some(JitterStep {
                before_ns: before,
                latest_ns: ns,
                jitter_ns: self.jitter,
            });
            self.jitter += (ns.abs_diff(before) as f64 - self.jitter) / 16.0;
        }
        self.latest = Some(ns);
        if self.ranges.is_empty() && self.exact.len() < EXACT {
            self.exact.push(ns);
            return;
        }
        if self.ranges.is_empty() {
            self.ranges = vec![0; range_of(u64::MAX) + 1];
            for ns in std::mem::take(&mut self.exact) {
                self.put(ns);
            }
        }
        self.put(ns);
    }

    fn put(&mut self, ns: u64) {
        if let Some(range) = self.ranges.get_mut(range_of(ns)) {
            *range += 1;
        }
    }

    /// The longest so far.
    pub(super) const fn max_ns(&self) -> u64 {
        self.max
    }

    /// The figures; `None` while there is no sample.
    pub(super) fn figures(&self) -> Option<RoundTrips> {
        let count = u128::from(self.count);
        let avg = self.sum.checked_div(count)?;
        // In real numbers the difference can't be negative; rounding can make it so.
        let variance =
            self.squares as f64 / self.count as f64 - (self.sum as f64 / self.count as f64).powi(2);
        let mut sorted = self.exact.clone();
        sorted.sort_unstable();
        let [low, high] =
            [self.count.div_ceil(2), self.count / 2 + 1].map(|rank| self.ranked(&sorted, rank));
        Some(RoundTrips {
            count: self.count,
            sum_ns: self.sum,
            sum_squares: self.squares,
            min_ns: self.min,
            avg_ns: u64::try_from(avg).unwrap_or(u64::MAX),
            max_ns: self.max,
            mdev_ns: variance.max(0.0).sqrt() as u64,
            median_ns: low.midpoint(high),
            middle_ns: [low, high],
            p95_ns: self.ranked(&sorted, (self.count * 95).div_ceil(100)),
            jitter_ns: self.jitter as u64,
            last_step: self.last_step,
            exact: self.ranges.is_empty(),
            ewma_ns: self.ewma,
        })
    }

    /// The sample of that rank, from 1 (the nearest-rank quantile).
    fn ranked(&self, sorted: &[u64], rank: u64) -> u64 {
        if self.ranges.is_empty() {
            let index = usize::try_from(rank.saturating_sub(1)).unwrap_or(usize::MAX);
            return sorted.get(index).copied().unwrap_or(self.max);
        }
        let mut before = 0;
        for (index, number) in self.ranges.iter().enumerate() {
            before += number;
            if before >= rank {
                return middle_of(index).clamp(self.min, self.max);
            }
        }
        self.max
    }
}

/// The range that a number falls into: numbers below `2^FINE` have one each, and every power of two
/// above has `2^FINE`.
fn range_of(ns: u64) -> usize {
    let bits = (u64::BITS - ns.leading_zeros()).max(FINE + 1);
    let power = bits - FINE - 1;
    ((power as usize) << FINE) + (ns >> power) as usize
}

/// A number in the middle of a range.
fn middle_of(range: usize) -> u64 {
    let power = (range >> FINE).saturating_sub(1);
    let top = (range - (power << FINE)) as u64;
    (top << power) + ((1_u64 << power) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(samples: &[u64]) -> RoundTrips {
        let mut all = Samples::default();
        for &ns in samples {
            all.add(ns);
        }
        all.figures().unwrap()
    }

    #[test]
    fn figures_of_a_few_by_hand() {
        let figures = of(&[40, 10, 30, 20]);
        assert_eq!(
            (figures.min_ns, figures.avg_ns, figures.max_ns),
            (10, 25, 40)
        );
        // sqrt((1600 + 100 + 900 + 400) / 4 - 625) = sqrt(125)
        assert_eq!(figures.mdev_ns, 11);
        // Of an even number, the mean of the two in the middle.
        assert_eq!((figures.median_ns, figures.p95_ns), (25, 40));
        assert_eq!(figures.middle_ns, [20, 30]);
        assert_eq!((of(&[4, 1]).median_ns, of(&[4, 1, 9]).median_ns), (2, 4));
        // |D| is 30, 20, 10: 30/16 = 1.875; 1.875 + 18.125/16 = 3.0078; 3.0078 + 6.992/16 = 3.444
        assert_eq!(figures.jitter_ns, 3);
        let step = figures.last_step.unwrap();
        assert_eq!((step.before_ns, step.latest_ns), (30, 20));
        assert!((step.jitter_ns - 3.007_812_5).abs() < 1e-9);
        assert!(Samples::default().figures().is_none());
    }

    #[test]
    fn a_single_one_has_no_deviation_and_no_jitter() {
        let figures = of(&[7]);
        assert_eq!(
            (figures.mdev_ns, figures.jitter_ns, figures.p95_ns),
            (0, 0, 7)
        );
        assert_eq!((figures.median_ns, figures.middle_ns), (7, [7, 7]));
    }

    #[test]
    fn very_many_are_known_to_a_hundredth() {
        let all: Vec<u64> = (0..200_000).map(|n| 20_000 + n * 37 % 1_000_003).collect();
        let figures = of(&all);
        assert!(!figures.exact);
        let mut sorted = all.clone();
        sorted.sort_unstable();
        for (got, rank) in [(figures.median_ns, 100_000), (figures.p95_ns, 190_000)] {
            let exact = sorted[rank - 1];
            assert!(got.abs_diff(exact) * 100 <= exact, "{got} is not {exact}");
        }
    }

    proptest! {
        #[test]
        fn a_range_holds_its_middle_and_is_narrow(ns: u64) {
            let middle = middle_of(range_of(ns));
            prop_assert_eq!(range_of(middle), range_of(ns));
            prop_assert!(middle.abs_diff(ns) <= ns / 100 + 1);
        }
    }
}
