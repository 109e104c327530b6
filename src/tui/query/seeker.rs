//! Looking for something in rows that come one after another: row by row, and text across rows.

use super::Query;
use super::stream::{Origin, Streams};
use crate::event::{Event, Kept};
use crate::tui::message::Hit;

/// Rows that are waited for text to go on that has begun, once something else was found or all rows have passed in
/// which it may begin.
const PATIENCE: u64 = 256;

/// Takes rows in their order and finds the first or the last that the query fits.
#[derive(Debug)]
pub struct Seeker {
    query: Query,
    /// The rows that count.
    begin: u64,
    end: u64,
    /// Whether it is the last of them that is wanted.
    last: bool,
    streams: Streams,
    best: Option<Hit>,
    /// The row with which it was found.
    since: u64,
}

impl Seeker {
    /// Looks for the first row from `begin` on.
    pub fn first(query: Query, begin: u64) -> Self {
        Self {
            query,
            begin,
            end: u64::MAX,
            last: false,
            streams: Streams::default(),
            best: None,
            since: 0,
        }
    }

    /// Looks for the last row before `end`.
    pub fn last(query: Query, end: u64) -> Self {
        Self {
            end,
            last: true,
            ..Self::first(query, 0)
        }
    }

    /// Whether there is anything to be looked for in that row and those that follow.
    pub fn wants(&self, row: u64) -> bool {
        let needle = self.query.needle();
        let open = |before: u64, since: u64| {
            let lately = row.saturating_sub(PATIENCE);
            row < since.saturating_add(PATIENCE)
                && needle.is_some_and(|needle| self.streams.is_open(needle, before, lately))
        };
        match self.best {
            // What began earlier may yet turn out to be there.
            Some(best) if !self.last => open(best.row, self.since),
            _ => row < self.end || open(self.end, self.end),
        }
    }

    /// Looks at a row; those before the first that counts may be left out.
    pub fn look(&mut self, row: u64, kept: &Kept) {
        if row < self.begin {
            return;
        }
        let counts = row < self.end;
        let Some(needle) = self.query.needle() else {
            if counts && self.query.fits(kept) {
                self.take(
                    row,
                    Hit {
                        row,
                        goes_on: false,
                    },
                );
            }
            return;
        };
        let from = Origin {
            row,
            counts: counts && self.query.fits_beside_text(kept),
        };
        let streams = &mut self.streams;
        let (alone, across) = kept.with(|event| match event {
            Event::Segment(segment) => {
                let alone = needle.place_in(segment.payload).is_some();
                (alone, streams.add(needle, from, segment))
            }
            Event::Packet(frame, _) => (needle.place_in(frame.bytes).is_some(), None),
            _ => (false, None),
        });
        if from.counts && alone {
            self.take(
                row,
                Hit {
                    row,
                    goes_on: false,
                },
            );
        }
        if let Some(begins) = across {
            let goes_on = begins != row || !alone;
            self.take(
                row,
                Hit {
                    row: begins,
                    goes_on,
                },
            );
        }
    }

    fn take(&mut self, row: u64, hit: Hit) {
        let better = |best: Hit| (hit.row > best.row) == self.last && hit.row != best.row;
        if self.best.is_none_or(better) {
            (self.best, self.since) = (Some(hit), row);
        }
    }

    /// What was found.
    pub const fn found(&self) -> Option<Hit> {
        self.best
    }
}
