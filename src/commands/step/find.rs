//! A search through rows, a little at a time, so that it can be given up for something else.

use std::time::Duration;

use super::capture::{Capture, Walk};
use super::trail::Trail;
use crate::event::Kept;
use crate::io::SourceError;
use crate::io::clock::Stopwatch;
use crate::tui::{Hit, Query, Seeker};

/// Frames between two looks at the clock.
const LOOK_EVERY: u64 = 64;
/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// A search on its way.
pub(super) struct Find {
    /// Its number.
    pub(super) number: u64,
    query: Query,
    /// The row from which it is looked for, and whether towards the beginning.
    from: u64,
    back: bool,
    seeker: Seeker,
    walk: Walk,
    /// The row from which this piece of the way was begun.
    piece: u64,
    told: Stopwatch,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// This row, or none.
    Over(Option<Hit>),
    /// Not over yet.
    More,
}

impl Find {
    /// Begins a search on a trail from a row, which itself is not looked at; `None` before there is anything.
    pub(super) fn new(
        trail: &Trail,
        capture: &Capture,
        number: u64,
        (from, back): (u64, bool),
        query: Query,
    ) -> Option<Self> {
        let (first, seeker) = if back {
            (from.saturating_sub(1), Seeker::last(query.clone(), from))
        } else {
            let begin = from.saturating_add(1);
            (begin, Seeker::first(query.clone(), begin))
        };
        let place = trail.before_row(first)?;
        Some(Self {
            number,
            query,
            from,
            back,
            seeker,
            walk: place.walk(capture),
            piece: place.row,
            told: Stopwatch::start(),
        })
    }

    /// What was asked for, to begin anew: its number, from where, and what.
    pub(super) fn asked(self) -> (u64, (u64, bool), Query) {
        (self.number, (self.from, self.back), self.query)
    }

    /// The row that it has come to, if it is time to tell.
    pub(super) fn news(&mut self) -> Option<u64> {
        if self.told.elapsed() < TOLD_EVERY {
            return None;
        }
        self.told = Stopwatch::start();
        Some(if self.back { self.piece } else { self.walk.row })
    }

    /// Looks on until the watch shows `slice_ms`.
    pub(super) fn go_on(
        &mut self,
        trail: &Trail,
        capture: &mut Capture,
        watch: Stopwatch,
        slice_ms: u128,
    ) -> Result<Search, SourceError> {
        loop {
            let over = trail.until.is_some_and(|until| self.walk.frames() >= until);
            let row = self.walk.row;
            let seeker = &mut self.seeker;
            let more = !over
                && seeker.wants(row)
                && self.walk.next(capture, trail.flow, &mut |frame, event| {
                    if let Some(kept) = Kept::of(frame, event) {
                        seeker.look(row, &kept);
                    }
                })?;
            let goes_on = more || (self.back && self.piece_before(trail, capture));
            if !goes_on {
                return Ok(Search::Over(self.seeker.found()));
            }
            let look = self.walk.row.is_multiple_of(LOOK_EVERY) || !more;
            if look && watch.elapsed().as_millis() >= slice_ms {
                return Ok(Search::More);
            }
        }
    }

    /// Backwards, the way is gone in pieces, each from its beginning: goes to the piece before; false when
    /// there is none, or no need.
    fn piece_before(&mut self, trail: &Trail, capture: &Capture) -> bool {
        if self.seeker.found().is_some() || self.piece == 0 {
            return false;
        }
        let Some(place) = trail.before_row(self.piece - 1) else {
            return false;
        };
        self.seeker = Seeker::last(self.query.clone(), self.piece);
        self.piece = place.row;
        self.walk = place.walk(capture);
        true
    }
}
