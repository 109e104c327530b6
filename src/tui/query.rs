//! What can be looked for among rows.

use crate::event::{Kept, Kind};
use crate::wire::tcp::Flags;

/// What a row has to be or to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A note of any kind, or a flag that opens, closes or breaks a connection.
    Event,
    /// A note that tells of trouble.
    Problem,
    /// A note of that kind.
    Note(Kind),
    /// All of these flags.
    Flags(Flags),
}

impl Query {
    /// Whether that row is one.
    pub fn fits(&self, row: &Kept) -> bool {
        let Some(segment) = row.segment() else {
            return false;
        };
        match self {
            Self::Event => {
                let turns = segment.flags.syn() || segment.flags.fin() || segment.flags.rst();
                turns || !row.notes.is_empty()
            }
            Self::Problem => row.notes.iter().any(|note| is_trouble(note.kind)),
            Self::Note(kind) => row.notes.iter().any(|note| note.kind == *kind),
            Self::Flags(flags) => segment.flags.has(*flags),
        }
    }
}

/// Whether a note of that kind tells of something that went wrong or slow.
pub(super) const fn is_trouble(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Retransmission
            | Kind::ZeroWindow
            | Kind::WindowFull
            | Kind::WindowExceeded
            | Kind::WindowShrunk
            | Kind::ChecksumBad
            | Kind::Refused
            | Kind::Reset
    )
}
