//! The why pane: the frames that a reasoning rests on, and the way back from them.

use std::collections::VecDeque;

use super::model::Model;
use crate::event::{Host, Kept};

/// Places kept to go back to.
const TRAIL: usize = 64;
/// Rows of evidence kept at most: a note has six frames, and few segments have more than two notes.
const EVIDENCE: usize = 12;

/// What the why pane keeps.
#[derive(Debug, Default)]
pub(super) struct Why {
    /// First line shown.
    pub(super) top: u16,
    /// The frame whose reasons are shown, its evidence as far as it is known, and the frames of it that were asked for.
    pub(super) frame: Option<u64>,
    pub(super) evidence: Vec<Kept>,
    pub(super) asked: Vec<u64>,
    /// The frames that are gone through, one by one.
    pub(super) tour: Option<Tour>,
    /// Views and rows that we came from, the latest last.
    trail: VecDeque<(u64, u64)>,
}

/// Frames that a reasoning rests on, on the way through them.
#[derive(Clone, Debug)]
pub(super) struct Tour {
    /// The frame whose reasoning it is.
    pub(super) of: u64,
    /// Whose capture it is in, where two are looked at.
    pub(super) host: Option<Host>,
    /// Those that it rests on.
    pub(super) frames: Vec<u64>,
    /// Index of the one that was gone to last.
    pub(super) at: usize,
}

/// The frames that the notes of a row rest on, but itself, each once.
pub(super) fn evidence(row: &Kept) -> Vec<u64> {
    let mut frames = Vec::new();
    for note in &row.notes {
        for frame in note.evidence().chain(note.of_frame) {
            if frame != row.frame && !frames.contains(&frame) && frames.len() < EVIDENCE {
                frames.push(frame);
            }
        }
    }
    frames
}

impl Model {
    /// The tour that we are on, if the row looked at is the one it has come to.
    pub(super) fn tour(&self) -> Option<&Tour> {
        let tour = self.why.tour.as_ref()?;
        let here = self.current()?;
        let frame = *tour.frames.get(tour.at)?;
        here.shows(tour.host, frame).then_some(tour)
    }

    /// The row of a frame of evidence, if it is at hand.
    pub(super) fn evidence_row(&self, frame: u64) -> Option<&Kept> {
        let host = self.current()?.host();
        let kept = || self.why.evidence.iter().find(|row| row.shows(host, frame));
        let row = self.pages.frame(host, frame).map(|(_, row)| row);
        row.or_else(kept)?.as_frame(host, frame)
    }

    /// Remembers where we are, to go back there.
    pub(super) fn remember(&mut self) {
        if self.why.trail.len() == TRAIL {
            self.why.trail.pop_front();
        }
        self.why.trail.push_back((self.view, self.cursor));
    }

    /// Where we came from, which is forgotten; rows of another view are no rows here.
    pub(super) fn came_from(&mut self) -> Option<u64> {
        while let Some((view, row)) = self.why.trail.pop_back() {
            if view == self.view {
                return Some(row);
            }
        }
        None
    }
}
