//! What is known of the clocks of the two machines that two captures come from.

use std::fmt;

use super::{Host, units};

/// What an estimate of a clock rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockBasis {
    /// Packets in both directions, the shortest way there and back taken to be equally long.
    BothWays,
    /// Packets in one direction only: the offset and the way can't be told apart.
    OneWay,
    /// One clock timed both captures.
    SameClock,
    /// Nothing that both show can be timed.
    Unknown,
}

impl ClockBasis {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BothWays => "both-ways",
            Self::OneWay => "one-way",
            Self::SameClock => "same-clock",
            Self::Unknown => "unknown",
        }
    }
}

/// How the clock of one capture was set right by the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockNote {
    /// Whose times were corrected.
    pub of: Host,
    /// How far that clock is ahead when its capture begins, in nanoseconds; negative when it is behind.
    pub ahead_ns: i64,
    /// How much it gains in a second, in nanoseconds: parts in 10⁹. 0 when no drift was seen.
    pub drift_ppb: i64,
    /// The shortest way there and the shortest way back together, in nanoseconds; the offset can't be
    /// wrong by more than half of it.
    pub round_trip_ns: Option<u64>,
    /// Packets it rests on: from the client, and from the server.
    pub packets: [u64; 2],
    /// What it rests on.
    pub basis: ClockBasis,
}

/// As a sentence.
impl fmt::Display for ClockNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, .. } = self;
        let other = of.other();
        match self.basis {
            ClockBasis::SameClock => {
                return write!(f, "one clock timed both captures: no time is corrected");
            }
            ClockBasis::Unknown => {
                return write!(
                    f,
                    "nothing tells the clocks of {other} and {of} apart: no time is corrected"
                );
            }
            ClockBasis::BothWays | ClockBasis::OneWay => {}
        }
        let ahead = if self.ahead_ns < 0 {
            "behind"
        } else {
            "ahead of"
        };
        let by = self.ahead_ns.unsigned_abs();
        let by = format!("{}.{:06} s", by / 1_000_000_000, by / 1_000 % 1_000_000);
        if self.basis == ClockBasis::OneWay {
            return write!(
                f,
                "the clock of the {of} shows {by} {} that of the {other}; both captures show packets in \
                 one direction only, so that this can't be told apart from the way: one-way times \
                 are those beyond the quickest packet's",
                if self.ahead_ns < 0 {
                    "less than"
                } else {
                    "more than"
                },
            );
        }
        write!(
            f,
            "the clock of the {of} is {by} {ahead} that of the {other}"
        )?;
        if self.drift_ppb != 0 {
            let gains = if self.drift_ppb < 0 { "loses" } else { "gains" };
            let rate = self.drift_ppb as f64 / 1e3;
            write!(f, " and {gains} {:.1} µs a second", rate.abs())?;
        }
        write!(
            f,
            ", as far as the shortest ways tell; one-way times are worked out with that"
        )?;
        if let Some(ns) = self.round_trip_ns {
            let most = units::nanos(ns / 2);
            write!(f, ", and wrong by {most} at most")?;
        }
        Ok(())
    }
}
