//! What there is between two rows, for rows that the screen does not have at hand: added up a little at a time.

use super::capture::{Capture, Walk};
use super::trail::Trail;
use crate::event::Kept;
use crate::io::SourceError;
use crate::io::clock::Stopwatch;
use crate::tui::Measured;

/// Frames between two looks at the clock.
const LOOK_EVERY: u64 = 64;

/// A sum on its way.
pub(super) struct Measure {
    /// The first row and the last one.
    pub(super) range: (u64, u64),
    walk: Walk,
    sum: Option<Measured>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adding {
    /// This, or nothing where there are not so many rows.
    Over(Option<Measured>),
    /// Not over yet.
    More,
}

impl Measure {
    /// Begins at the first row of the range; `None` before there is anything.
    pub(super) fn new(trail: &Trail, capture: &Capture, range: (u64, u64)) -> Option<Self> {
        let place = trail.before_row(range.0)?;
        Some(Self {
            range,
            walk: place.walk(capture),
            sum: None,
        })
    }

    /// Adds up until the watch shows `slice_ms`.
    pub(super) fn go_on(
        &mut self,
        trail: &Trail,
        capture: &mut Capture,
        watch: Stopwatch,
        slice_ms: u128,
    ) -> Result<Adding, SourceError> {
        let (from, to) = self.range;
        loop {
            let row = self.walk.row;
            if row > to {
                return Ok(Adding::Over(self.sum));
            }
            let sum = &mut self.sum;
            let mut add = |kept: &Kept| {
                sum.get_or_insert_with(|| Measured::empty(kept.time))
                    .push(kept);
            };
            let more = self.walk.next(capture, trail.flow, &mut |frame, event| {
                if row >= from
                    && let Some(kept) = Kept::of(frame, event)
                {
                    add(&kept);
                }
            })?;
            if !more {
                return Ok(Adding::Over(None));
            }
            if row.is_multiple_of(LOOK_EVERY) && watch.elapsed().as_millis() >= slice_ms {
                return Ok(Adding::More);
            }
        }
    }
}
