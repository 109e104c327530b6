//! How an interface of a pcapng file counts time (`if_tsresol` and `if_tsoffset`).

use crate::frame::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What turns an interface's ticks into a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    rate: Rate,
    /// Added to every time.
    pub(super) offset_seconds: i64,
}

/// Ticks of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rate {
    /// A tick is so many nanoseconds.
    Nanos(u64),
    /// So many ticks are a nanosecond.
    PerNano(u64),
    /// Two to this power are a second.
    Binary(u8),
}

impl Clock {
    /// A clock of the resolution that `if_tsresol` gives: the negative power of ten, or with the
    /// top bit set of two, that a tick is of a second.
    pub(super) fn new(resolution: u8) -> Self {
        let rate = match (resolution & 0x80, resolution & 0x7f) {
            (0, exponent @ ..=9) => Rate::Nanos(10_u64.pow(u32::from(9 - exponent))),
            // So fine that the whole counter is less than a nanosecond: every time is zero.
            (0, exponent) => 10_u64
                .checked_pow(u32::from(exponent - 9))
                .map_or(Rate::Nanos(0), Rate::PerNano),
            (_, exponent) => Rate::Binary(exponent),
        };
        Self {
            rate,
            offset_seconds: 0,
        }
    }

    /// Ticks in a second at that resolution; the most there is a number for, when it is finer.
    pub(super) fn ticks_per_second(resolution: u8) -> u64 {
        let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
        base.saturating_pow(u32::from(resolution & 0x7f))
    }

    /// The time of `ticks`. Times before 1970, which only a wrong offset gives, become zero.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        let nanos = match self.rate {
            Rate::Nanos(nanos) => ticks.saturating_mul(nanos),
            Rate::PerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Rate::Binary(exponent) => {
                let nanos = (u128::from(ticks) * u128::from(NANOS_PER_SECOND)) >> exponent;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        if self.offset_seconds == 0 {
            return Timestamp::from_nanos(nanos);
        }
        let offset = i128::from(self.offset_seconds) * i128::from(NANOS_PER_SECOND);
        let moved = (i128::from(nanos) + offset).max(0);
        Timestamp::from_nanos(u64::try_from(moved).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: u64 = 1_700_000_000;

    #[test]
    fn every_resolution_gives_nanoseconds() {
        let cases = [
            (0, SECONDS, "1700000000.000000000"),
            (3, SECONDS * 1_000 + 7, "1700000000.007000000"),
            (6, SECONDS * 1_000_000 + 7, "1700000000.000007000"),
            (9, SECONDS * 1_000_000_000 + 7, "1700000000.000000007"),
            (10, SECONDS * 10_000_000_000 + 79, "1700000000.000000007"),
            (12, 3_141_592_653_589, "3.141592653"),
            (0x8a, (SECONDS << 10) + 512, "1700000000.500000000"),
            (0x94, (SECONDS << 20) + 12_345, "1700000000.011773109"),
            (0xa0, (SECONDS << 32) + (1 << 31), "1700000000.500000000"),
            (0xbf, u64::MAX, "1.999999999"),
            (0xc0, u64::MAX, "0.999999999"),
            (0xff, u64::MAX, "0.000000000"),
            (19, u64::MAX, "1.844674407"),
            (0x7f, u64::MAX, "0.000000000"),
        ];
        for (resolution, ticks, expected) in cases {
            let time = Clock::new(resolution).time(ticks);
            assert_eq!(time.to_string(), expected, "resolution {resolution:#x}");
        }
    }

    #[test]
    fn an_offset_moves_times_and_never_wraps() {
        let mut clock = Clock::new(6);
        clock.offset_seconds = SECONDS as i64;
        assert_eq!(clock.time(5).to_string(), "1700000000.000005000");
        clock.offset_seconds = -1;
        assert_eq!(clock.time(1_500_000).to_string(), "0.500000000");
        assert_eq!(clock.time(5), Timestamp::default());
        clock.offset_seconds = i64::MIN;
        assert_eq!(clock.time(u64::MAX), Timestamp::default());
        clock.offset_seconds = i64::MAX;
        assert_eq!(clock.time(1), Timestamp::from_nanos(u64::MAX));
    }

    #[test]
    fn ticks_of_a_second_are_told() {
        assert_eq!(Clock::ticks_per_second(6), 1_000_000);
        assert_eq!(Clock::ticks_per_second(0x8a), 1024);
        assert_eq!(Clock::ticks_per_second(0xff), u64::MAX);
    }
}
