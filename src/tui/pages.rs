//! The rows at hand: pages of kept events, fetched when they are looked at, forgotten when others are.

use std::sync::Arc;

use crate::event::{Host, Kept};

/// Rows in a page.
pub const PAGE_ROWS: u64 = 256;
/// Bytes of rows that are kept at hand; the pages looked at last stay in any case.
const ROOM: usize = 32 << 20;
/// So many pages stay whatever they weigh: those that a screen can show parts of.
const FEWEST: usize = 3;

/// Rows that follow one another.
#[derive(Clone, Debug)]
pub struct Page {
    /// Number of the page, from 0; its first row is `number * PAGE_ROWS`.
    pub number: u64,
    /// Its rows: [`PAGE_ROWS`], fewer at the end of what is known.
    pub rows: Arc<[Kept]>,
}

/// The pages at hand, the one looked at last at the end.
#[derive(Debug, Default)]
pub struct Pages {
    held: Vec<(Page, usize)>,
    /// Pages that are shown until they come anew.
    outdated: Vec<u64>,
}

impl Pages {
    /// The row of that number, counted from 0, if its page is at hand.
    pub fn row(&self, row: u64) -> Option<&Kept> {
        let number = row / PAGE_ROWS;
        let (page, _) = self.held.iter().find(|(page, _)| page.number == number)?;
        page.rows.get((row % PAGE_ROWS) as usize)
    }

    /// The row of that frame and its number, if it is at hand; of two captures, of that host's.
    pub fn frame(&self, host: Option<Host>, frame: u64) -> Option<(u64, &Kept)> {
        self.held.iter().find_map(|(page, _)| {
            let at = page.rows.iter().position(|row| row.shows(host, frame))?;
            Some((page.number * PAGE_ROWS + at as u64, page.rows.get(at)?))
        })
    }

    /// How many rows of a page are at hand; `None` without the page, or when it is out of date.
    pub fn rows_of(&self, number: u64) -> Option<usize> {
        if self.outdated.contains(&number) {
            return None;
        }
        let (page, _) = self.held.iter().find(|(page, _)| page.number == number)?;
        Some(page.rows.len())
    }

    /// Whether there is room for all these pages at once.
    pub fn has_room(&self, numbers: &[u64]) -> bool {
        let heaviest = self.held.iter().map(|(_, weight)| *weight).max();
        let weight = |number: &u64| {
            let held = self.held.iter().find(|(page, _)| page.number == *number);
            // What is not at hand may be as heavy as any.
            held.map_or(heaviest.unwrap_or(0), |(_, weight)| *weight)
        };
        numbers.len() <= FEWEST || numbers.iter().map(weight).sum::<usize>() <= ROOM
    }

    /// Takes a page, in place of what was known of it before.
    pub fn put(&mut self, page: Page) {
        self.held.retain(|(held, _)| held.number != page.number);
        self.outdated.retain(|number| *number != page.number);
        let weight = page.rows.iter().map(Kept::weight).sum();
        self.held.push((page, weight));
        let mut total: usize = self.held.iter().map(|(_, weight)| weight).sum();
        while total > ROOM && self.held.len() > FEWEST {
            total -= self.held.remove(0).1;
        }
    }

    /// Says that these pages are being looked at, so that others go first.
    pub fn touch(&mut self, number: u64) {
        if let Some(at) = self.held.iter().position(|(page, _)| page.number == number) {
            let page = self.held.remove(at);
            self.held.push(page);
        }
    }

    /// Has every page asked for again: more is known of its rows. Until they come, what is at hand is shown.
    pub fn outdate(&mut self) {
        self.outdated = self.held.iter().map(|(page, _)| page.number).collect();
    }

    /// Forgets everything: what the rows are has changed.
    pub fn clear(&mut self) {
        self.held.clear();
        self.outdated.clear();
    }
}
