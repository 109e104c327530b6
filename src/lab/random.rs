//! Chance from a seed: `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", 2014). It is small, and the same on every machine.
//!
//! Each kind of impairment of each direction has a stream of its own: adding jitter to an experiment
//! does not change which packets it loses.

/// Added at each step: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream `stream` of `seed`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        // One step apart, two streams would be the same numbers one place apart; mixed first, they
        // are not.
        Self(mix(seed ^ mix(stream.wrapping_add(STEP))))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from 0 to `below - 1`; 0 when that is none. The upper half of a product is as even
    /// as 64 bits allow.
    pub(super) fn below(&mut self, below: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(below)) >> 64) as u64
    }

    /// Whether something of this probability happens.
    pub(super) fn happens(&mut self, probability: Probability) -> bool {
        self.next() < probability.threshold() || probability == Probability::ALWAYS
    }
}

const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// How likely something is: from 0, never, to 1, always.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Probability(f64);

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self(0.0);
    /// It always happens.
    pub const ALWAYS: Self = Self(1.0);

    /// This probability; `None` unless it is between 0 and 1.
    pub fn new(probability: f64) -> Option<Self> {
        (0.0..=1.0)
            .contains(&probability)
            .then_some(Self(probability))
    }

    /// As a number from 0 to 1.
    pub const fn as_f64(self) -> f64 {
        self.0
    }

    /// Below how many of 2^64 a number must be for it to happen.
    fn threshold(self) -> u64 {
        (self.0 * 2_f64.powi(64)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of `SplitMix64` from the state 1234567, as its authors' C program gives
    /// them.
    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = Random(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| random.next()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(numbers, published);
    }

    #[test]
    fn what_is_certain_and_what_is_impossible_is_so() {
        let mut random = Random::new(1, 1);
        for _ in 0..1000 {
            assert!(random.happens(Probability::ALWAYS));
            assert!(!random.happens(Probability::NEVER));
            assert!(random.below(7) < 7);
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(Probability::new(1.1), None);
        assert_eq!(Probability::new(f64::NAN), None);
    }

    #[test]
    fn streams_of_a_seed_differ() {
        assert_ne!(Random::new(1, 1).next(), Random::new(1, 2).next());
        assert_ne!(Random::new(1, 1).next(), Random::new(2, 1).next());
    }
}
