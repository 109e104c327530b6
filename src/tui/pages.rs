//! The rows at hand: pages of kept events, fetched when they are looked at, forgotten when others are.

use std::sync::Arc;

use crate::event::Kept;

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
}

impl Pages {
    /// The row of that number, counted from 0, if its page is at hand.
    pub fn row(&self, row: u64) -> Option<&Kept> {
        let number = row / PAGE_ROWS;
        let (page, _) = self.held.iter().find(|(page, _)| page.number == number)?;
        page.rows.get((row % PAGE_ROWS) as usize)
    }

    /// How many rows of a page are at hand; `None` without the page.
    pub fn rows_of(&self, number: u64) -> Option<usize> {
        let (page, _) = self.held.iter().find(|(page, _)| page.number == number)?;
        Some(page.rows.len())
    }

    /// Takes a page, in place of what was known of it before.
    pub fn put(&mut self, page: Page) {
        self.held.retain(|(held, _)| held.number != page.number);
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

    /// Forgets everything: what the rows are has changed.
    pub fn clear(&mut self) {
        self.held.clear();
    }
}
