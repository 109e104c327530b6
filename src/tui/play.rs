//! Playing: rows come as they came, or so many times faster.

use std::time::Duration;

use crate::event::units;
use crate::frame::Timestamp;

/// How much faster each time the key is pressed.
const SPEEDS: [u32; 3] = [1, 10, 100];
/// So long is waited at most; longer pauses are told and not waited for.
const LONGEST: Duration = Duration::from_secs(2);
/// Not more often than this is it drawn.
const SHORTEST: Duration = Duration::from_millis(20);

/// How it is played.
#[derive(Debug, Default)]
pub(super) struct Play {
    /// Place among the speeds; `None` while paused.
    speed: Option<usize>,
    /// The latest that is known of the time.
    now: Option<Duration>,
    /// When the next row is to be shown, counted as `now` is.
    due: Option<Duration>,
    /// The pause before it, in the capture's time, when not all of it is waited for.
    skipped: Option<u64>,
}

impl Play {
    /// How many times faster; `None` while paused.
    pub(super) fn speed(&self) -> Option<u32> {
        SPEEDS.get(self.speed?).copied()
    }

    /// Plays, faster, at last pauses.
    pub(super) fn press(&mut self) {
        let next = self.speed.map_or(0, |speed| speed + 1);
        *self = Self {
            speed: Some(next).filter(|next| *next < SPEEDS.len()),
            ..Self::default()
        };
    }

    /// Pauses.
    pub(super) fn pause(&mut self) {
        *self = Self::default();
    }

    /// How long until it wants to know the time.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.speed?;
        let (Some(now), Some(due)) = (self.now, self.due) else {
            return Some(self.now.map_or(Duration::ZERO, |_| SHORTEST));
        };
        Some(due.saturating_sub(now).max(SHORTEST))
    }

    /// Takes in what time it is.
    pub(super) fn tell(&mut self, now: Duration) {
        self.now = Some(now);
    }

    /// Whether it is time for the row at `next`, which comes after the one at `here`.
    pub(super) fn is_due(&mut self, here: Timestamp, next: Timestamp) -> bool {
        let (Some(now), Some(speed)) = (self.now, self.speed()) else {
            return false;
        };
        // Counted from when the last row was due, so that waking late does not add up.
        let due = *self.due.get_or_insert_with(|| {
            let pause = next.since(here) / speed;
            self.skipped = (pause > LONGEST).then(|| next.nanos_since(here));
            now + pause.min(LONGEST)
        });
        if now < due {
            return false;
        }
        true
    }

    /// The row that was due has been shown; the next is waited for from then on.
    pub(super) fn shown(&mut self, here: Timestamp, next: Option<Timestamp>) {
        let (Some(due), Some(speed)) = (self.due, self.speed()) else {
            return;
        };
        let pause = next.map(|next| (next.since(here) / speed, next.nanos_since(here)));
        self.skipped = pause.and_then(|(wait, whole)| (wait > LONGEST).then_some(whole));
        self.due = pause.map(|(wait, _)| due + wait.min(LONGEST));
    }

    /// What is to be said of it.
    pub(super) fn words(&self) -> Option<String> {
        let speed = self.speed()?;
        let passing = self.skipped.map_or(String::new(), |pause| {
            let pause = units::nanos(pause);
            let waited = units::nanos(LONGEST.as_nanos() as u64);
            format!(" … {pause} pass, shown as {waited}")
        });
        Some(format!("playing ×{speed}{passing}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn rows_come_as_they_came_and_ten_times_faster() {
        for (presses, wait) in [(1, 500), (2, 50)] {
            let mut play = Play::default();
            assert_eq!(play.patience(), None);
            (0..presses).for_each(|_| play.press());
            assert_eq!(play.patience(), Some(Duration::ZERO));
            play.tell(ms(1_000));
            assert!(!play.is_due(at(0), at(500)));
            assert_eq!(play.patience(), Some(ms(wait)));
            play.tell(ms(1_000 + wait));
            assert!(play.is_due(at(0), at(500)));
        }
        let mut play = Play::default();
        (0..4).for_each(|_| play.press());
        assert_eq!((play.speed(), play.patience()), (None, None), "paused");
    }

    #[test]
    fn long_pauses_are_told_and_not_waited_for() {
        let mut play = Play::default();
        play.press();
        play.tell(ms(0));
        assert!(!play.is_due(at(0), at(12_000)));
        assert_eq!(play.patience(), Some(LONGEST));
        let words = play.words().unwrap();
        assert_eq!(words, "playing ×1 … 12.0s pass, shown as 2.00s");
    }

    #[test]
    fn waking_late_does_not_add_up() {
        let mut play = Play::default();
        play.press();
        play.tell(ms(0));
        assert!(!play.is_due(at(0), at(100)));
        play.tell(ms(130));
        assert!(play.is_due(at(0), at(100)));
        play.shown(at(100), Some(at(200)));
        assert_eq!(play.patience(), Some(ms(70)));
    }
}
