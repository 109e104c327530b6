//! When a run is over.
//!
//! It has done what it is for when all programs have ended and nothing has moved for a while after: no
//! frame came from a host or went to one, and none is on the wire. A host that sends again and again to
//! a peer that will never answer makes pauses that get longer, and so ends it too.

use std::time::Duration;

use crate::frame::Timestamp;
use crate::lab::experiment::Experiment;

/// When a program has failed and yet frames keep moving, the run ends after so many times the quiet
/// that it would wait for.
const PATIENCE: u32 = 5;

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All programs have ended and all is quiet, or one of them has failed.
    Done,
    /// The time is up.
    TimeLimit,
    /// This signal came.
    Signal(&'static str),
    /// Whoever is told of what happens wants no more.
    Unwatched,
}

/// What decides when a run is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    quiet: Duration,
    /// When the time is up; `None`: it goes on until somebody stops it.
    limit: Option<Timestamp>,
    /// Programs that have not ended.
    running: usize,
    failed: Option<Timestamp>,
    moved: Timestamp,
}

impl Life {
    /// From now on, for so many programs; with `keep` there is no end but from outside.
    pub(super) fn new(
        experiment: &Experiment,
        keep: bool,
        programs: usize,
        now: Timestamp,
    ) -> Self {
        let limit = Duration::from_secs(experiment.longest_s.into());
        Self {
            quiet: Duration::from_millis(experiment.quiet_ms.into()),
            limit: (!keep).then(|| after(now, limit)),
            running: programs,
            failed: None,
            moved: now,
        }
    }

    /// A frame came from a host or went to one.
    pub(super) fn moves(&mut self, now: Timestamp) {
        self.moved = now;
    }

    /// A program has ended.
    pub(super) fn program_ended(&mut self, failed: bool, now: Timestamp) {
        self.moved = now;
        self.running = self.running.saturating_sub(1);
        if failed {
            self.failed.get_or_insert(now);
        }
    }

    /// Whether it is over, given whether the wire is empty.
    pub(super) fn over(&self, now: Timestamp, empty: bool) -> Option<End> {
        // Done in time is done, however late one looks.
        if self.done(empty).is_some_and(|done| done <= now) {
            return Some(End::Done);
        }
        let up = self.limit.is_some_and(|limit| limit <= now);
        up.then_some(End::TimeLimit)
    }

    /// When to ask again at the latest; `None`: not before something happens.
    pub(super) fn next(&self, empty: bool) -> Option<Timestamp> {
        self.done(empty).into_iter().chain(self.limit).min()
    }

    /// When it will have done what it is for, if nothing moves until then.
    fn done(&self, empty: bool) -> Option<Timestamp> {
        // Without a limit it is kept for somebody to look at.
        self.limit?;
        let quiet = empty.then(|| after(self.moved, self.quiet));
        match self.failed {
            None => quiet.filter(|_| self.running == 0),
            Some(failed) => {
                let patience = after(failed, self.quiet.saturating_mul(PATIENCE));
                Some(quiet.map_or(patience, |quiet| quiet.min(patience)))
            }
        }
    }
}

/// The moment `by` after `time`.
pub(super) fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPERIMENT: &str = "title = ''\nlook_for = ''\nquiet_ms = 300\nlongest_s = 2";

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    fn life(programs: usize, keep: bool) -> Life {
        let experiment = Experiment::parse(EXPERIMENT).unwrap();
        Life::new(&experiment, keep, programs, at(0))
    }

    #[test]
    fn it_is_over_when_programs_have_ended_and_nothing_moves() {
        let mut life = life(2, false);
        life.program_ended(false, at(100));
        assert_eq!(life.over(at(900), true), None, "one is running");
        assert_eq!(life.next(true), Some(at(2000)));
        life.program_ended(false, at(1000));
        life.moves(at(1100));
        assert_eq!(life.next(true), Some(at(1400)));
        assert_eq!(life.over(at(1399), true), None);
        assert_eq!(life.over(at(1399), false), None);
        assert_eq!(life.next(false), Some(at(2000)), "a packet is on its way");
        assert_eq!(life.over(at(1500), false), None);
        assert_eq!(life.over(at(1400), true), Some(End::Done));
        assert_eq!(life.over(at(2100), true), Some(End::Done));
        assert_eq!(life.over(at(2000), false), Some(End::TimeLimit));
    }

    #[test]
    fn a_failure_ends_it_early_even_if_others_go_on() {
        let mut life = life(2, false);
        life.program_ended(true, at(100));
        assert_eq!(life.over(at(399), true), None);
        assert_eq!(life.over(at(400), true), Some(End::Done));
        life.moves(at(390));
        assert_eq!(life.over(at(400), true), None);
        assert_eq!(life.next(false), Some(at(1600)));
        assert_eq!(life.over(at(1600), false), Some(End::Done));
    }

    #[test]
    fn what_is_kept_has_no_end_of_its_own() {
        let mut life = life(1, true);
        life.program_ended(true, at(100));
        assert_eq!((life.next(true), life.over(at(90_000), true)), (None, None));
    }
}
