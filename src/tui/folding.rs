//! Runs of bulk data, each shown as one line until somebody goes there.
//!
//! A run never leaves its page: so what is folded depends on nothing but that page, however long the transfer is,
//! and is known as soon as the page is.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pages::{PAGE_ROWS, Page};
use crate::event::Event;
use crate::view::{self, Bulk};

/// Fewer rows are not worth a line that says so.
const FEWEST: u64 = 8;
/// The runs of so many pages are remembered, which are some hundred thousand rows.
const MOST_PAGES: usize = 4096;

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) rows: Range<u64>,
    pub(super) bulk: Bulk,
}

/// All runs that are known.
#[derive(Debug)]
pub(super) struct Folds {
    pub(super) on: bool,
    runs: BTreeMap<u64, Box<[Run]>>,
}

impl Default for Folds {
    fn default() -> Self {
        let runs = BTreeMap::new();
        Self { on: true, runs }
    }
}

impl Folds {
    /// Learns which rows of a page can be folded.
    pub(super) fn learn(&mut self, page: &Page) {
        let mut runs: Vec<Run> = Vec::new();
        for (row, kept) in (page.number * PAGE_ROWS..).zip(page.rows.iter()) {
            let mut see = |event: &Event<'_>| {
                if view::is_bulk(event) {
                    if runs.last().is_none_or(|run| run.rows.end != row) {
                        let (rows, bulk) = (row..row, Bulk::default());
                        runs.push(Run { rows, bulk });
                    }
                    if let Some(run) = runs.last_mut() {
                        run.rows.end += 1;
                        run.bulk.add(event);
                    }
                }
            };
            match &kept.joint {
                Some(joint) => joint.with(&mut see),
                None => kept.with(&mut see),
            }
        }
        runs.retain(|run| run.rows.end - run.rows.start >= FEWEST);
        self.runs.insert(page.number, runs.into());
        if self.runs.len() > MOST_PAGES {
            // The pages farthest away are those at one end or the other.
            let (first, last) = (self.runs.keys().next(), self.runs.keys().next_back());
            let far = match (first.copied(), last.copied()) {
                (Some(first), Some(last)) if page.number - first < last - page.number => last,
                (first, _) => first.unwrap_or(0),
            };
            self.runs.remove(&far);
        }
    }

    /// The run that a row is in, unless the cursor is in it, too.
    pub(super) fn closed(&self, row: u64, cursor: u64) -> Option<&Run> {
        if !self.on {
            return None;
        }
        let runs = self.runs.get(&(row / PAGE_ROWS))?;
        let at = runs.partition_point(|run| run.rows.end <= row);
        let run = runs.get(at)?;
        (run.rows.contains(&row) && !run.rows.contains(&cursor)).then_some(run)
    }

    /// Forgets all runs: what the rows are has changed.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }
}
