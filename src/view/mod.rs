//! Views turn events into text. A view never judges and never computes; if a picture needs a
//! number, the tracker has it.
//!
//! A new view is a file here and a line in [`VIEWS`]; `segments.rs` is the smallest complete one.

pub mod addr;
mod ascii;
pub mod bars;
pub mod check;
pub mod craft;
mod dump;
mod explain;
mod flows;
pub mod guess;
pub mod handmade;
pub mod inspect;
mod json;
mod ladder;
pub mod ping;
pub mod ports;
mod quoted;
mod reasons;
#[cfg(test)]
pub(crate) mod sample;
mod segments;
pub mod sockets;
mod style;
pub mod talk;
pub mod text;
pub mod trace;

use std::io::{self, Write};

pub use ascii::{Ascii, ascii};
pub use json::{
    Json, Lines, difference as json_difference, fields as json_fields, pieces as json_pieces,
    sums as json_sums,
};
pub use ladder::{BothEnds, BothLines, Bulk, LadderLines, is_bulk, tag};
pub use style::{Paint, Painted, Style};

use crate::event::{Event, Link};
use crate::frame::Timestamp;

/// Something that shows events.
pub trait View {
    /// Shows one event, in the order of the capture.
    ///
    /// # Errors
    ///
    /// Whatever writing to `out` gives; a closed pipe is `BrokenPipe`.
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Whether it shows anything of single segments; events of them need not be made otherwise.
    fn shows_segments(&self) -> bool {
        true
    }

    /// Shows what is held back: nothing more may come for a while (a live capture, a paced replay).
    ///
    /// # Errors
    ///
    /// As [`View::event`].
    fn pause(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// A line of [`VIEWS`].
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What `--view` calls it.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub about: &'static str,
    /// Whether it lays out findings, so that the story must be followed for it.
    pub findings: bool,
    /// Makes one.
    pub make: fn(Style) -> Box<dyn View>,
}

/// All views that draw text, by name.
pub const VIEWS: &[Entry] = &[
    Entry {
        name: "explain",
        about: "the story of each connection in sentences",
        findings: true,
        make: |style| Box::new(explain::Explain::new(style)),
    },
    Entry {
        name: "flows",
        about: "a table of connections",
        findings: false,
        make: |style| Box::new(flows::Flows::new(style)),
    },
    Entry {
        name: "ladder",
        about: "two hosts as columns, an arrow for each segment, and what it means",
        findings: false,
        make: |style| Box::new(ladder::Ladder::new(style)),
    },
    Entry {
        name: "segments",
        about: "a line a segment, as tcpdump prints them",
        findings: false,
        make: |style| Box::new(segments::Segments::new(style)),
    },
];

/// The reasoning behind the notes on frame `frame`, for who is shown that frame and its evidence; times
/// count from `start`.
pub fn reasons(style: Style, frame: u64, start: Option<Timestamp>) -> Box<dyn View> {
    Box::new(reasons::Reasons::new(style, frame, start))
}

/// The whole reasoning behind the notes on the first of `links`, for who is shown these frames; `cut` says that
/// there are more, and times count from `start`.
pub fn chain(style: Style, links: Vec<Link>, cut: bool, start: Option<Timestamp>) -> Box<dyn View> {
    Box::new(reasons::Chained::new(style, links, cut, start))
}

/// The ladder of what two captures show together, for the events of a join: passages, calls
/// and readings.
pub fn both(style: Style, shows: BothEnds) -> Box<dyn View> {
    Box::new(ladder::Both::new(style, shows))
}

/// The view of that name.
pub fn view(name: &str) -> Option<&'static Entry> {
    VIEWS.iter().find(|entry| entry.name == name)
}
