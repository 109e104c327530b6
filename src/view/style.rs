//! How text is to be drawn: width, colour, characters, and the encoding of payload.

use std::fmt::{self, Display};

use anstyle::{AnsiColor, Color};
use encoding_rs::Encoding;

use crate::event::{Kind, units};

/// What a view needs to know of the place it writes to.
#[derive(Clone, Debug)]
pub struct Style {
    /// Columns.
    pub width: u16,
    /// Whether escape sequences for colour may be written.
    pub color: bool,
    /// Whether lines and arrows may be drawn with more than ASCII.
    pub unicode: bool,
    /// How payload is read; `None` for UTF-8 if valid, else ASCII.
    pub encoding: Option<&'static Encoding>,
    /// Show every segment: fold nothing.
    pub all: bool,
    /// More of everything (`--long`).
    pub long: bool,
    /// Whether only part of the capture was asked for.
    pub chosen: bool,
    /// What is shown, for the first line; empty for none.
    pub headline: String,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            unicode: true,
            encoding: None,
            all: false,
            long: false,
            chosen: false,
            headline: String::new(),
        }
    }
}

impl Style {
    /// What to say when there was nothing to show in so many frames.
    pub(super) fn nothing(&self, frames: u64) -> String {
        match (frames, self.chosen) {
            (0, _) => "no packets".to_owned(),
            (n, true) => format!(
                "nothing that was asked for in {}",
                units::plural(n, "frame")
            ),
            (n, false) => format!("no TCP connections in {}", units::plural(n, "frame")),
        }
    }
}

/// A role that has a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As the terminal writes.
    Plain,
    /// Scaffolding: lines, gaps, what is there to be overlooked.
    Dim,
    /// Headings and names.
    Strong,
    /// What the initiator sends.
    Initiator,
    /// What the responder sends.
    Responder,
    /// States and phases.
    State,
    /// Worth a look.
    Caution,
    /// Something went wrong.
    Trouble,
    /// Something good, or payload.
    Good,
}

impl Paint {
    /// How loud a note of that kind is drawn. A matter of looks only: nothing is judged by it.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Retransmission
            | Kind::ChecksumBad
            | Kind::Refused
            | Kind::Reset
            | Kind::ZeroWindow
            | Kind::WindowExceeded
            | Kind::WindowShrunk => Self::Trouble,
            Kind::WindowUpdate
            | Kind::OffloadSegment
            | Kind::CaptureDuplicate
            | Kind::PartialAck
            | Kind::KeepAlive
            | Kind::KeepAliveAck
            | Kind::HalfClose
            | Kind::SimultaneousClose
            | Kind::SimultaneousOpen => Self::State,
            _ => Self::Caution,
        }
    }

    fn ansi(self) -> anstyle::Style {
        let style = anstyle::Style::new();
        let color = |color| style.fg_color(Some(Color::Ansi(color)));
        match self {
            Self::Plain => style,
            Self::Dim => color(AnsiColor::BrightBlack),
            Self::Strong => style.bold(),
            Self::Initiator => color(AnsiColor::Blue),
            Self::Responder => color(AnsiColor::Magenta),
            Self::State => color(AnsiColor::Cyan),
            Self::Caution => color(AnsiColor::Yellow),
            Self::Trouble => color(AnsiColor::Red).bold(),
            Self::Good => color(AnsiColor::Green),
        }
    }
}

/// A piece of text in the look of its role.
pub struct Painted<T> {
    text: T,
    style: anstyle::Style,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}{}",
            self.style.render(),
            self.text,
            self.style.render_reset()
        )
    }
}

impl Style {
    /// `text` in the look of `paint`; plain without colour.
    pub fn paint<T: Display>(&self, paint: Paint, text: T) -> Painted<T> {
        Painted {
            text,
            style: if self.color {
                paint.ansi()
            } else {
                anstyle::Style::new()
            },
        }
    }
}
