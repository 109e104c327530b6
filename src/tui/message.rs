//! What the screen is told, and what it asks for.

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use super::pages::Page;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has that many columns and lines now.
    Resize(u16, u16),
    /// An answer, or news of the capture.
    Told(Told),
}

/// What the screen is told of the capture. The first number of each is the view of the capture that it is
/// about ([`Wish::View`]): what belongs to one that is no longer looked at is let go.
#[derive(Clone, Debug)]
pub enum Told {
    /// How much of it is known.
    Extent(u64, Extent),
    /// Rows.
    Page(u64, Page),
    /// It can't be read on, and why.
    Failed(String),
}

/// How much of a capture is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Rows so far.
    pub rows: u64,
    /// Bytes of the capture read so far.
    pub read: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
    /// Whether that is all there is.
    pub complete: bool,
}

/// What the screen would like to be told or have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To look at all of the capture, or at one connection alone; everything after is about that.
    View {
        /// Number of this view of it, which answers carry.
        number: u64,
        /// The connection; `None` for all frames.
        flow: Option<u32>,
    },
    /// The rows of that page.
    Page(u64),
    /// To end.
    Quit,
}
