//! The bytes pane: which field is looked at, and the sheet it is drawn from.

use crate::decode::{Decoder, Packet};
use crate::event::Kept;
use crate::inspect::{Line, Outline, Piece, Place, Sheet, Spot, Whole, piece};

use super::model::Model;

/// Headers of different kinds that are folded at most; a person makes each of them.
pub(super) const MOST_FOLDED: usize = 64;
/// Rows before and after one that are looked through for fragments of its datagram.
const NEAR: u64 = 256;

/// What is looked at in the bytes.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    /// The line that is looked at, by what it is: it is looked for in each frame. `None` before one was chosen.
    pub(super) spot: Option<Spot>,
    /// Bytes from its first one to the one looked at.
    pub(super) within: usize,
    /// Whether up and down walk the dump, and not the fields.
    pub(super) dump: bool,
    /// Headers whose fields are hidden.
    pub(super) folded: Vec<Place>,
    /// First line shown of the checksums.
    pub(super) sums_top: u16,
}

impl Bytes {
    /// Whether the fields of a header are hidden.
    pub(super) fn is_folded(&self, outline: &Outline<'_, '_>, header: usize) -> bool {
        outline
            .place(header)
            .is_some_and(|place| self.folded.contains(&place))
    }

    /// The lines that are not hidden, by their index.
    pub(super) fn shown(&self, outline: &Outline<'_, '_>) -> Vec<usize> {
        let headers = outline.headers();
        let folded: Vec<bool> = (0..headers)
            .map(|header| self.is_folded(outline, header))
            .collect();
        let is_folded = |header: usize| folded.get(header).copied().unwrap_or(false);
        let hidden = |line: &Line| match line {
            Line::Part(header, _) | Line::Field(header, _) => is_folded(*header),
            _ => false,
        };
        let lines = outline.lines.iter().enumerate();
        lines
            .filter(|(_, line)| !hidden(line))
            .map(|(index, _)| index)
            .collect()
    }

    /// Index of the line that is looked at; of one that is hidden, that of its header.
    pub(super) fn at(&self, outline: &Outline<'_, '_>) -> usize {
        let index = match self.spot {
            Some(spot) => outline.find(spot),
            None => outline.innermost(),
        };
        match outline.line(index) {
            Some(line @ (Line::Part(header, _) | Line::Field(header, _)))
                if self.is_folded(outline, header) =>
            {
                let of_header = outline.lines.iter();
                let mut of_header = of_header.take(index);
                let found = of_header.rposition(|it| *it == Line::Header(header));
                debug_assert!(found.is_some(), "{line:?} has a header");
                found.unwrap_or(index)
            }
            _ => index,
        }
    }
}

impl Model {
    /// Hands over the sheet of the row looked at, with its packet; `None` without a row.
    pub(super) fn with_sheet<T>(
        &self,
        then: impl FnOnce(&Kept, &Sheet<'_>, &Packet<'_>) -> T,
    ) -> Option<T> {
        let row = self.current().filter(|row| row.has_frame())?;
        Some(row.with_packet(|frame, packet| {
            let sheet = Sheet::new(frame, packet);
            then(row, &sheet, packet)
        }))
    }

    /// The fragments at hand of the datagram that the row looked at is a fragment of.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let of = |row: u64| -> Option<(Whole, Piece)> {
            let frame = self.pages.row(row).filter(|row| row.has_frame())?.frame();
            let mut decoder = Decoder::new();
            piece(frame.number, frame.bytes, &decoder.decode(&frame))
        };
        let Some((whole, _)) = of(self.cursor) else {
            return Vec::new();
        };
        let near = self.cursor.saturating_sub(NEAR)..=self.cursor.saturating_add(NEAR);
        near.filter_map(of)
            .filter(|(other, _)| *other == whole)
            .map(|(_, piece)| piece)
            .collect()
    }
}
