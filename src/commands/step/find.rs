//! A search through rows, a little at a time, so that it can be given up for something else.

use super::capture::{Capture, Walk};
use super::trail::Trail;
use crate::event::Kept;
use crate::io::SourceError;
use crate::io::clock::Stopwatch;
use crate::tui::Query;

/// Frames between two looks at the clock.
const LOOK_EVERY: u64 = 64;

/// A search on its way.
pub(super) struct Find {
    query: Query,
    back: bool,
    /// Rows from here on are not looked at; backwards only.
    end: u64,
    /// The row from which on they are; forwards only.
    begin: u64,
    walk: Walk,
    /// The row from which this piece of the way was begun.
    piece: u64,
    found: Option<u64>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// This row, or none.
    Over(Option<u64>),
    /// Not over yet.
    More,
}

impl Find {
    /// Begins a search on a trail from a row, which itself is not looked at; `None` before there is anything.
    pub(super) fn new(
        trail: &Trail,
        capture: &Capture,
        (from, back): (u64, bool),
        query: Query,
    ) -> Option<Self> {
        let begin = from.saturating_add(1);
        let first = if back { from.saturating_sub(1) } else { begin };
        let place = trail.before_row(first)?;
        Some(Self {
            query,
            back,
            end: from,
            begin,
            walk: place.walk(capture),
            piece: place.row,
            found: None,
        })
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
            let mut fits = false;
            let more = !over
                && (!self.back || row < self.end)
                && self.walk.next(capture, trail.flow, &mut |frame, event| {
                    fits = Kept::of(frame, event).is_some_and(|kept| self.query.fits(&kept));
                })?;
            if fits && self.back {
                self.found = Some(row);
            } else if fits && row >= self.begin {
                return Ok(Search::Over(Some(row)));
            }
            if !more && !self.back {
                return Ok(Search::Over(None));
            }
            if !more && !self.piece_before(trail, capture) {
                return Ok(Search::Over(self.found));
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
        if self.found.is_some() || self.piece == 0 {
            return false;
        }
        self.end = self.piece;
        let Some(place) = trail.before_row(self.piece - 1) else {
            return false;
        };
        self.piece = place.row;
        self.walk = place.walk(capture);
        true
    }
}
