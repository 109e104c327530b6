//! All there is to know of what is shown.

use std::time::Duration;

use super::message::Extent;
use super::pages::Pages;
use crate::event::Kept;
use crate::frame::Timestamp;
use crate::view::{BothEnds, Style};

/// How the screen is to look.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Colour, characters, and how payload is read. Its width is not used.
    pub style: Style,
    /// What is looked at, as its user named it.
    pub title: String,
    /// What is shown beside packets where two captures are looked at in step; `None` for one.
    pub both: Option<BothEnds>,
}

/// A part of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The segments, an arrow each.
    #[default]
    Ladder,
    /// Why the notes on the segment say what they say.
    Why,
    /// Its bytes and fields.
    Bytes,
}

impl Pane {
    /// All of them, in the order in which Tab goes through them.
    pub const ALL: [Self; 3] = [Self::Ladder, Self::Why, Self::Bytes];

    /// What stands above it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ladder => "segments",
            Self::Why => "why",
            Self::Bytes => "bytes",
        }
    }
}

/// What lies over the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Help,
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
    /// The pane that has the keys, and the one that is shown where there is room for one beside the ladder.
    pub(super) focus: Pane,
    pub(super) beside: Pane,
    pub(super) over: Option<Over>,
    /// A line for the person, until the next key.
    pub(super) notice: Option<String>,
    pub(super) over_and_out: bool,
}

impl Model {
    /// Before anything is known.
    pub fn new(look: Look, size: (u16, u16)) -> Self {
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
            focus: Pane::Ladder,
            beside: Pane::Why,
            over: None,
            notice: None,
            over_and_out: false,
        }
    }

    /// The row that is looked at, if it is at hand.
    pub fn current(&self) -> Option<&Kept> {
        self.pages.row(self.cursor)
    }

    /// How long it waits, at most, before it wants a [`super::Message::Tick`]; `None`: for ever.
    pub const fn patience(&self) -> Option<Duration> {
        None
    }

    /// Whether it was asked to end.
    pub const fn is_over(&self) -> bool {
        self.over_and_out
    }
}
