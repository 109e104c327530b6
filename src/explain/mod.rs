//! The story of a connection, judged: how it opened, what was agreed, what went wrong, who closed
//! it. Pure: segments and flows in, findings out.
//!
//! Notes say what is remarkable about one segment; a story is about stretches of many. So while a
//! connection lasts, its notes are gathered into episodes (`episode.rs`), a bounded number of
//! them, and when it ends the rest is told from its summary (`telling.rs`).

mod episode;
mod telling;
mod trouble;

use std::collections::HashMap;

use crate::event::{Finding, Flow, Segment};
use episode::Episodes;

/// Follows all connections and tells the story of each when it ends.
#[derive(Debug, Default)]
pub struct Explainer {
    /// Connections on which something happened; forgotten when they end.
    open: HashMap<u32, Episodes>,
}

impl Explainer {
    /// Starts with nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next segment of any connection.
    pub fn observe(&mut self, segment: &Segment<'_>) {
        // A connection without anything remarkable needs no memory: its summary says it all.
        let flags = segment.flags;
        let marks = !segment.notes.is_empty() || flags.fin() || flags.rst();
        match self.open.get_mut(&segment.flow) {
            Some(episodes) => episodes.observe(segment),
            None if marks => self.open.entry(segment.flow).or_default().observe(segment),
            None => {}
        }
    }

    /// The story of a connection that has ended, in the order in which it happened.
    pub fn conclude(&mut self, flow: &Flow) -> Vec<Finding> {
        let episodes = self.open.remove(&flow.flow).unwrap_or_default();
        telling::tell(flow, &episodes)
    }
}

#[cfg(test)]
mod tests;
