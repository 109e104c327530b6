//! All there is to know of what is shown.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use super::bytes::Bytes;
use super::ends::Ends;
use super::folding::Folds;
use super::list::FlowList;
use super::marks::Marks;
use super::message::{Bucket, Extent};
use super::pages::Pages;
use super::play::Play;
use super::quiz::Quiz;
use super::search::Search;
use super::why::Why;
use crate::event::Kept;
use crate::frame::Timestamp;
use crate::view::{BothEnds, Style};

/// So many rows away at most a segment is looked for.
const FAR: u64 = 256;

/// How the screen is to look.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Colour, characters, and how payload is read. Its width is not used.
    pub style: Style,
    /// What is looked at, as its user named it.
    pub title: String,
    /// What is shown beside packets where two captures are looked at in step; `None` for one.
    pub both: Option<BothEnds>,
    /// Whether it is being made, so that its end is what there is to see first.
    pub follows: bool,
}

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The segments, an arrow each.
    #[default]
    Ladder,
    /// Both endpoints, as the segment left them.
    Ends,
    /// Why the notes on the segment say what they say.
    Why,
    /// Its bytes and fields.
    Bytes,
}

impl Pane {
    /// All of them, in the order in which Tab goes through them.
    pub const ALL: [Self; 4] = [Self::Ladder, Self::Ends, Self::Why, Self::Bytes];

    /// What stands above it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ladder => "segments",
            Self::Ends => "both ends",
            Self::Why => "why",
            Self::Bytes => "bytes",
        }
    }
}

/// What lies over the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The keys.
    Help,
    /// The checksums of the segment, worked out.
    Sums,
    /// The connections.
    Flows,
    /// The line in which is written what to look for.
    Prompt,
}

/// What is shown, and where in it we are.
#[derive(Debug)]
pub struct Model {
    pub(super) look: Look,
    /// Columns and lines of the terminal.
    pub(super) size: (u16, u16),
    /// Number of the view of the capture that is looked at.
    pub(super) view: u64,
    /// The connection that is looked at alone.
    pub(super) flow: Option<u32>,
    pub(super) extent: Extent,
    pub(super) pages: Pages,
    /// Pages that were asked for and have not come.
    pub(super) awaited: Vec<u64>,
    /// Time of the first row, from which times count.
    pub(super) start: Option<Timestamp>,
    /// The row that is looked at, and the first on the screen.
    pub(super) cursor: u64,
    pub(super) top: u64,
    /// Whether the row that is looked at is to be the latest, whichever that is.
    pub(super) following: bool,
    /// The pane that has the keys, and the one that is shown where there is room for one beside the ladder.
    pub(super) focus: Pane,
    pub(super) beside: Pane,
    /// What is known of both endpoints.
    pub(super) ends: Ends,
    /// Whether that one has the screen for itself.
    pub(super) zoomed: bool,
    pub(super) bytes: Bytes,
    pub(super) why: Why,
    pub(super) marks: Marks,
    pub(super) over: Option<Over>,
    /// The first line of the keys that is on the screen.
    pub(super) help_top: u16,
    pub(super) search: Search,
    pub(super) list: FlowList,
    /// The view in pieces.
    pub(super) overview: Arc<[Bucket]>,
    pub(super) folds: Folds,
    pub(super) play: Play,
    pub(super) quiz: Quiz,
    /// The first connection that was met in the rows, and whether there was another.
    pub(super) only_flow: Option<u32>,
    pub(super) several: bool,
    /// Keys that were pressed before there was a row.
    pub(super) early: Vec<KeyEvent>,
    /// A line for the person, until the next key.
    pub(super) notice: Option<String>,
    pub(super) over_and_out: bool,
}

impl Model {
    /// Before anything is known.
    pub fn new(look: Look, size: (u16, u16)) -> Self {
        let following = look.follows;
        Self {
            look,
            size,
            view: 0,
            flow: None,
            extent: Extent::default(),
            pages: Pages::default(),
            awaited: Vec::new(),
            start: None,
            cursor: 0,
            top: 0,
            following,
            focus: Pane::Ladder,
            beside: Pane::Ends,
            ends: Ends::default(),
            zoomed: false,
            bytes: Bytes::default(),
            why: Why::default(),
            marks: Marks::default(),
            over: None,
            help_top: 0,
            search: Search::default(),
            list: FlowList::default(),
            overview: [].into(),
            folds: Folds::default(),
            play: Play::default(),
            quiz: Quiz::default(),
            only_flow: None,
            several: false,
            early: Vec::new(),
            notice: None,
            over_and_out: false,
        }
    }

    /// The row that is looked at, if it is at hand.
    pub fn current(&self) -> Option<&Kept> {
        self.pages.row(self.cursor)
    }

    /// A row with a segment of the connection that there is to tell of at the row looked at: the row's own, or where two captures
    /// are in step and something else happens, the nearest before it, or after it.
    pub(super) fn anchor(&self) -> Option<&Kept> {
        let here = self.cursor;
        let segment = |row: u64| self.pages.row(row).filter(|row| row.segment().is_some());
        let own = segment(here);
        if own.is_some() || self.look.both.is_none() {
            return own;
        }
        let before = (1..=FAR).map_while(|by| here.checked_sub(by));
        let after = (1..=FAR).map(|by| here.saturating_add(by));
        before.chain(after).find_map(segment)
    }

    /// How long it waits, at most, before it wants a [`super::Message::Tick`]; `None`: for ever.
    pub fn patience(&self) -> Option<Duration> {
        self.play.patience()
    }

    /// Whether rows have to say which connection they are of: there are several, and all are looked at.
    pub(super) fn is_tagged(&self) -> bool {
        self.flow.is_none() && (self.several || self.list.flows.len() > 1)
    }

    /// Whether it was asked to end.
    pub const fn is_over(&self) -> bool {
        self.over_and_out
    }
}
