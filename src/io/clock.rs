//! The only reader of clocks, and the pace of a replay.
//!
//! Everything pure gets its time from the frames. What is left for a clock is when something is
//! written, how long a run took, and waiting as long as a capture once took.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file that may read a clock"
)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use super::Signals;
use crate::frame::Timestamp;

/// The time of day.
pub fn now() -> Timestamp {
    Timestamp::from_nanos(read(ClockId::CLOCK_REALTIME))
}

/// Nanoseconds that a clock shows. A flood reads clocks five times for each echo, and the standard library's
/// types take several times as long as the clock.
fn read(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else {
        return 0;
    };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// Measures how long something takes, undisturbed by changes to the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since it was started.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock for what takes time itself: it shows the time of day as it was when the clock was started,
/// and what has passed since, so that it never jumps when the time of day is set. Copies go alike.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    start: Timestamp,
    /// What the clock that is never set showed then, in nanoseconds.
    began: u64,
}

impl Steady {
    /// Starts it.
    pub fn start() -> Self {
        Self {
            start: now(),
            began: read(ClockId::CLOCK_MONOTONIC),
        }
    }

    /// What it shows.
    pub fn now(self) -> Timestamp {
        Timestamp::from_nanos(self.start.as_nanos().saturating_add(self.passed()))
    }

    /// How long it has been going.
    pub fn elapsed(self) -> Duration {
        Duration::from_nanos(self.passed())
    }

    /// Nanoseconds since it was started.
    fn passed(self) -> u64 {
        read(ClockId::CLOCK_MONOTONIC).saturating_sub(self.began)
    }
}

/// How fast a replay goes: `--speed`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many times as fast as it happened; 1 is as it happened.
    Times(f64),
    /// As fast as it can be shown.
    Max,
    /// One segment each time Enter is pressed.
    Step,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            "step" => Ok(Self::Step),
            _ => match text.trim_end_matches('x').parse::<f64>() {
                Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
                _ => Err(format!(
                    "'{text}' is no speed: give a number above 0 (1 is as it happened, 10 ten \
                     times as fast), max, or step"
                )),
            },
        }
    }
}

/// What to do after a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Go on with the frame.
    Go,
    /// End the replay: a signal came, or the person at the keyboard has had enough.
    Stop,
}

/// Holds frames back until it is their time.
#[derive(Debug)]
pub struct Pacer {
    speed: Speed,
    signals: Option<Signals>,
    /// When the first frame was shown, and the time it bears.
    start: Option<(Stopwatch, Timestamp)>,
    /// Where Enter comes from; only for stepping.
    keyboard: Option<OwnedFd>,
}

impl Pacer {
    /// Ready to pace; the first frame goes at once. With `signals`, one of them ends a wait;
    /// without, they do to the process what they always do.
    ///
    /// # Errors
    ///
    /// When stepping is asked for and there is no terminal to press Enter on.
    pub fn new(speed: Speed, signals: Option<Signals>) -> io::Result<Self> {
        let keyboard = match speed {
            Speed::Step => Some(
                // Not stdin, which may be the capture.
                std::fs::File::open("/dev/tty")
                    .map_err(|error| {
                        io::Error::new(
                            error.kind(),
                            format!(
                                "--speed step waits for Enter, and there is no terminal to press \
                                 it on ({error}); use --speed 1, 10 or max"
                            ),
                        )
                    })?
                    .into(),
            ),
            Speed::Times(_) | Speed::Max => None,
        };
        Ok(Self {
            speed,
            signals,
            start: None,
            keyboard,
        })
    }

    /// Whether the next [`Pacer::wait`] may wait, so that what was written so far should be
    /// flushed first.
    pub fn may_wait(&self) -> bool {
        self.speed != Speed::Max
    }

    /// Waits until a frame captured at `time` is due.
    ///
    /// The schedule is fixed by the first frame, so time spent showing frames does not add up, and
    /// a frame that is late, or whose time lies before the one before it, goes at once.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to wait, or the terminal cannot be read.
    pub fn wait(&mut self, time: Timestamp) -> io::Result<Pace> {
        if self.signals.and_then(Signals::caught).is_some() {
            return Ok(Pace::Stop);
        }
        match self.speed {
            Speed::Max => Ok(Pace::Go),
            Speed::Step => self.wait_for_enter(),
            Speed::Times(times) => {
                let (watch, first) = *self.start.get_or_insert((Stopwatch::start(), time));
                let due = Duration::try_from_secs_f64(time.since(first).as_secs_f64() / times)
                    .unwrap_or(Duration::MAX);
                self.sleep_until(watch, due)
            }
        }
    }

    /// Sleeps until `watch` shows `due`, or a signal comes.
    fn sleep_until(&self, watch: Stopwatch, due: Duration) -> io::Result<Pace> {
        loop {
            let left = due.saturating_sub(watch.elapsed());
            if left.is_zero() {
                return Ok(Pace::Go);
            }
            // A day at a time: a timespec that overflows would be refused.
            let left = TimeSpec::from_duration(left.min(Duration::from_hours(24)));
            let mut signal: Vec<_> = self.signals.iter().map(|s| readable(s.event())).collect();
            match ppoll(&mut signal, Some(left), None) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(Pace::Stop),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a line on the terminal. `q` or the end of input stops the replay.
    fn wait_for_enter(&self) -> io::Result<Pace> {
        let Some(keyboard) = &self.keyboard else {
            return Ok(Pace::Go);
        };
        loop {
            let mut either = vec![readable(keyboard.as_fd())];
            either.extend(self.signals.iter().map(|s| readable(s.event())));
            match ppoll(&mut either, None, None) {
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) if self.signals.and_then(Signals::caught).is_some() => {
                    return Ok(Pace::Stop);
                }
                Ok(_) => {}
            }
            // A terminal hands out one line at a time at most.
            let mut line = [0_u8; 256];
            return match nix::unistd::read(keyboard, &mut line) {
                Ok(0) => Ok(Pace::Stop),
                Ok(_) if line[0] == b'q' => Ok(Pace::Stop),
                Ok(_) => Ok(Pace::Go),
                Err(Errno::EINTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }
}

/// A descriptor to be waited for until it can be read.
fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_above_zero_or_a_word() {
        assert_eq!("1".parse(), Ok(Speed::Times(1.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        assert_eq!("10x".parse(), Ok(Speed::Times(10.0)));
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("step".parse(), Ok(Speed::Step));
        for wrong in ["", "0", "-1", "inf", "nan", "fast", "x"] {
            assert!(
                wrong.parse::<Speed>().unwrap_err().contains("is no speed"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_steady_clock_goes_on_from_the_time_of_day() {
        let before = now();
        let clock = Steady::start();
        let (first, copy) = (clock.now(), clock);
        assert!(before <= first && first <= copy.now());
        assert!(clock.now().since(first) <= clock.elapsed());
    }

    #[test]
    fn frames_are_held_back_in_proportion_and_late_ones_are_not() {
        let mut pacer = Pacer::new(Speed::Times(10.0), None).unwrap();
        let watch = Stopwatch::start();
        let at = |ms: u64| Timestamp::from_nanos(1_000_000_000 + ms * 1_000_000);
        assert_eq!(pacer.wait(at(0)).unwrap(), Pace::Go);
        assert_eq!(pacer.wait(at(300)).unwrap(), Pace::Go);
        assert!(watch.elapsed() >= Duration::from_millis(30));
        // Earlier than the last one, and than the first one: both are due already.
        assert_eq!(pacer.wait(at(100)).unwrap(), Pace::Go);
        assert_eq!(pacer.wait(Timestamp::from_nanos(0)).unwrap(), Pace::Go);
    }

    #[test]
    fn at_full_speed_nothing_is_held_back() {
        let mut pacer = Pacer::new(Speed::Max, None).unwrap();
        assert!(!pacer.may_wait());
        assert_eq!(
            pacer.wait(Timestamp::from_nanos(u64::MAX)).unwrap(),
            Pace::Go
        );
    }
}
