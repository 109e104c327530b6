//! The story of a connection, judged: what went wrong, how it opened, what was agreed, who closed it. And of
//! what a capture holds beside TCP. Pure: segments, packets and flows in, findings out.
//!
//! Notes say what is remarkable about one segment; a story is about stretches of many. So while a
//! connection lasts, its notes are gathered into episodes (`episode.rs`), a bounded number of
//! them, and when it ends the rest is told from its summary (`telling.rs`).

mod beside;
mod between;
mod chain;
mod congestion;
mod episode;
mod heard;
mod nagle;
mod opening;
mod pace;
mod telling;
mod trouble;
mod vantage;
mod whole;
mod windows;

use std::collections::HashMap;

pub use between::Between;
pub use chain::Chain;
pub use pace::Shares;
pub use windows::Windows;

use crate::decode::Packet;
use crate::event::{Finding, Flow, Segment, Side};
use crate::frame::Frame;
use beside::Beside;
use episode::Episodes;
use nagle::Nagle;
use pace::Pace;

/// Bytes kept of all stories together; beyond that, what happens is only counted.
const MOST: usize = 4 << 20;

/// Connections whose pace is followed at once, some 12 MB at most.
const MOST_PACES: usize = 4096;

/// Follows all connections and tells the story of each when it ends.
#[derive(Debug, Default)]
pub struct Explainer {
    /// Connections on which something happened; forgotten when they end.
    open: HashMap<u32, Box<Episodes>>,
    /// The pace of connections that carry data, and what kept them waiting; forgotten when they end.
    paces: HashMap<u32, Box<(Pace, Nagle)>>,
    /// What is not TCP.
    beside: Beside,
    /// What their episodes weigh together, in bytes.
    weight: usize,
}

impl Explainer {
    /// Starts with nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next segment of any connection.
    pub fn observe(&mut self, segment: &Segment<'_>) {
        self.pace(segment);
        // A connection without anything remarkable needs no memory: its summary says it all.
        let flags = segment.flags;
        let marks = !segment.notes.is_empty() || flags.fin() || flags.rst();
        let room = self.weight < MOST;
        let (episodes, before) = match self.open.get_mut(&segment.flow) {
            Some(episodes) => {
                let before = episodes.weight();
                (episodes, before)
            }
            None if marks && room => (self.open.entry(segment.flow).or_default(), 0),
            None => return,
        };
        episodes.observe(segment, room);
        self.weight = self.weight + episodes.weight() - before;
    }

    /// Follows what sets the pace, as long as there is room.
    fn pace(&mut self, segment: &Segment<'_>) {
        let known = self.paces.contains_key(&segment.flow);
        if known || (segment.len > 0 && self.paces.len() < MOST_PACES) {
            let (pace, nagle) = &mut **self.paces.entry(segment.flow).or_default();
            pace.observe(segment);
            nagle.observe(segment);
        }
    }

    /// What a direction of an open connection has waited for so far.
    pub fn shares(&self, flow: u32, side: Side) -> Option<Shares> {
        self.paces.get(&flow)?.0.shares(side)
    }

    /// The congestion window of a direction of an open connection by estimate, in bytes: it means something
    /// where the capture was made near the sender.
    pub fn congestion_window(&self, flow: u32, side: Side) -> Option<u32> {
        self.paces.get(&flow)?.0.congestion_window(side)
    }

    /// Takes the next packet that is no TCP segment.
    pub fn beside(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        self.beside.observe(frame, packet);
    }

    /// What there is to tell of what is not TCP, at the end.
    pub fn conclude_beside(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.beside).conclude()
    }

    /// The story of a connection that has ended, in the order in which it happened.
    pub fn conclude(&mut self, flow: &Flow) -> Vec<Finding> {
        let kept = self.open.remove(&flow.flow);
        self.weight -= kept.as_ref().map_or(0, |kept| kept.weight());
        let remarkable = flow.notes.iter().any(|notes| notes.iter().next().is_some());
        let episodes = match kept {
            Some(episodes) => *episodes,
            None if remarkable => Episodes::untold(),
            None => Episodes::default(),
        };
        let pace = self.paces.remove(&flow.flow);
        telling::tell(flow, &episodes, pace.as_deref())
    }
}

#[cfg(test)]
mod tests;
