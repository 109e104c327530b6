//! How late frames were handed over: median and greatest, in a memory that does not grow.

use std::time::Duration;

/// Each power of two is divided into so many steps: what is said is off by 1/32 at most.
const STEPS_LOG2: u32 = 5;
const STEPS: usize = 1 << STEPS_LOG2;
/// Steps below the first power of two that has them all, and those of the others.
const BUCKETS: usize = STEPS * (64 - STEPS_LOG2 as usize + 1);

/// A histogram of nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Lateness {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    max_ns: u64,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self {
            buckets: Box::new([0; BUCKETS]),
            count: 0,
            max_ns: 0,
        }
    }

    /// One more frame was so late.
    pub(super) fn add(&mut self, late: Duration) {
        let ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket(ns)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// The greatest, in nanoseconds.
    pub(super) const fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// So late or less were half of the frames; in nanoseconds.
    pub(super) fn median_ns(&self) -> u64 {
        let mut before = 0;
        let middle = self.count.div_ceil(2);
        for (index, count) in self.buckets.iter().enumerate() {
            before += count;
            if *count > 0 && before >= middle {
                return lowest(index);
            }
        }
        0
    }
}

/// The bucket of a number: its highest bit, and the next five.
const fn bucket(ns: u64) -> usize {
    if ns < STEPS as u64 {
        return ns as usize;
    }
    let shift = ns.ilog2() - STEPS_LOG2;
    (shift as usize) * STEPS + (ns >> shift) as usize
}

/// The lowest number of a bucket.
const fn lowest(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS) as u64) << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_was_late_by_nothing() {
        let lateness = Lateness::new();
        assert_eq!((lateness.median_ns(), lateness.max_ns()), (0, 0));
    }

    proptest! {
        #[test]
        fn a_bucket_is_as_wide_as_it_may_be(ns in any::<u64>(), shift in 0..64_u32) {
            let ns = ns >> shift;
            let from = lowest(bucket(ns));
            prop_assert!(from <= ns && ns - from <= ns / STEPS as u64);
            prop_assert!(bucket(u64::MAX) < BUCKETS);
        }

        #[test]
        fn the_median_is_the_one_in_the_middle(mut all in prop::collection::vec(0..1_000_000_u64, 1..200)) {
            let mut lateness = Lateness::new();
            for ns in &all {
                lateness.add(Duration::from_nanos(*ns));
            }
            all.sort_unstable();
            let middle = all[all.len().div_ceil(2) - 1];
            let median = lateness.median_ns();
            prop_assert!(median <= middle && middle - median <= middle / STEPS as u64);
            prop_assert_eq!(Some(&lateness.max_ns()), all.last());
        }
    }
}
