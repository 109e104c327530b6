//! What the screen is told, and what it asks for.

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use std::sync::Arc;
use std::time::Duration;

use super::ends::Mind;
use super::measure::Measured;
use super::pages::Page;
use super::query::Query;
use crate::event::{Board, Endpoint, Host, Kept, Shape};
use crate::frame::Timestamp;

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
    /// The time that [`super::Model::patience`] asked for has passed; so long since the screen began.
    Tick(Duration),
}

/// What the screen is told of the capture. The first number of each is the view of the capture that it is
/// about ([`Wish::View`]): what belongs to one that is no longer looked at is let go.
#[derive(Clone, Debug)]
pub enum Told {
    /// How much of it is known.
    Extent(u64, Extent),
    /// Rows.
    Page(u64, Page),
    /// How the connection of a row stands after it; `None` for a row that is no segment.
    Board(u64, u64, Option<Box<Board>>),
    /// What the search of that number ([`Wish::Find`]) came to: the row, if there is one, or why it could not go on.
    Found(u64, u64, Result<Option<Hit>, String>),
    /// The search of that number has come to that row.
    Searching(u64, u64, u64),
    /// Frames that were asked for, those that there are.
    Frames(u64, Vec<Kept>),
    /// The view in pieces, to draw it as one line.
    Overview(u64, Arc<[Bucket]>),
    /// All connections; comes again when more is known.
    Flows(Arc<[FlowLine]>),
    /// What the kernels had in mind while it was captured, in the order of time.
    Truth(Arc<[Mind]>),
    /// What there is from a row to another, both included; `None` when they can't be had.
    Measured(u64, u64, u64, Option<Measured>),
    /// The rows in which frames that were asked for are, each with its host where two captures are looked at; `None`
    /// for what is no row of the view, or none yet.
    Places(u64, Vec<(Option<Host>, u64, Option<u64>)>),
    /// Something worth knowing; all goes on.
    Notice(String),
    /// Something could not be read or done, and why.
    Failed(String),
}

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The row in which it begins.
    pub row: u64,
    /// Whether it is text that goes on in the segment with the bytes that follow.
    pub goes_on: bool,
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
    /// Packets that passed and are not in it, because there was no room for them.
    pub dropped: u64,
    /// Whether that is all there is.
    pub complete: bool,
    /// Whether what is said of the rows stays. Until all was read, later frames may prove something of earlier
    /// ones; rows that came before this was told are to be asked for again.
    pub settled: bool,
}

/// A connection as a line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLine {
    /// Its number.
    pub flow: u32,
    /// Initiator and responder.
    pub ends: [Endpoint; 2],
    /// Time of its first segment.
    pub start: Timestamp,
    /// From its first to its latest segment, nanoseconds.
    pub duration_ns: u64,
    /// Segments of both sides.
    pub segments: u64,
    /// Payload bytes that the initiator and the responder sent, each counted once.
    pub bytes: [u64; 2],
    /// How it opened and closed, in Zeek's words.
    pub shape: Shape,
    /// Notes on it that tell of trouble: see [`Query::Problem`].
    pub problems: u32,
}

/// A piece of the capture: rows that follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its first row.
    pub first_row: u64,
    /// How many rows.
    pub rows: u64,
    /// Time of its first and of its last row.
    pub times: (Timestamp, Timestamp),
    /// Payload bytes that the initiator and the responder sent.
    pub bytes: [u64; 2],
    /// Retransmissions.
    pub resent: u32,
    /// Windows that were closed.
    pub zero_windows: u32,
    /// Rows with a note that tells of trouble: see [`Query::Problem`].
    pub problems: u32,
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
    /// How the connection stands after that row.
    Board(u64),
    /// The next row after `from`, or with `back` the one before it, that the query fits.
    Find {
        /// Number of the search, which its answer carries. It takes the place of any other.
        search: u64,
        /// The row from which it is looked for.
        from: u64,
        /// Whether towards the beginning.
        back: bool,
        /// What for.
        query: Query,
    },
    /// That what is being looked for is looked for no more; no answer comes.
    LetBe,
    /// What became of these frames, rows or not, of that host's capture where two are looked at.
    Frames {
        /// The host.
        host: Option<Host>,
        /// Numbers of the frames.
        frames: Vec<u64>,
    },
    /// What there is from a row to another, both included.
    Measure {
        /// The first row.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// The rows in which these frames are, of that host's capture where two are looked at.
    Places(Vec<(Option<Host>, u64)>),
    /// The connections.
    Flows,
    /// That this text can be pasted elsewhere (the terminal's clipboard).
    Copy(String),
    /// To end.
    Quit,
}
