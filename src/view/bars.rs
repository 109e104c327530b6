//! Bars: how much of a limit is taken, and by what.

use super::{Paint, Style};

/// What fills a piece of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// `█`, or `#`.
    Full,
    /// `▒`, or `+`.
    Shade,
}

impl Ink {
    /// Its character.
    pub fn glyph(self, style: &Style) -> char {
        match (self, style.unicode) {
            (Self::Full, true) => '█',
            (Self::Full, false) => '#',
            (Self::Shade, true) => '▒',
            (Self::Shade, false) => '+',
        }
    }
}

/// A piece of a bar.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// How much it is, in the unit of the limit.
    pub amount: u64,
    /// What it is filled with.
    pub ink: Ink,
    /// Its colour.
    pub paint: Paint,
}

/// A bar of exactly so many columns, brackets included, with the pieces one after another. What is there
/// is seen, be it ever so little; what is beyond the limit is cut; and only what is full looks full.
pub fn bar(style: &Style, pieces: &[Piece], limit: u64, columns: usize) -> String {
    let room = columns.saturating_sub(2);
    let cells = cells(pieces, limit, room);
    let mut out = String::from("[");
    for (piece, cells) in pieces.iter().zip(&cells) {
        let filled = piece.ink.glyph(style).to_string().repeat(*cells);
        out.push_str(&style.paint(piece.paint, filled).to_string());
    }
    let rest = room.saturating_sub(cells.iter().sum());
    let rest = if style.unicode { "·" } else { "." }.repeat(rest);
    out.push_str(&style.paint(Paint::Dim, rest).to_string());
    out.push(']');
    out
}

/// Cells of each piece: where the pieces end on the scale, so that errors of rounding don't add up.
fn cells(pieces: &[Piece], limit: u64, room: usize) -> Vec<usize> {
    let end = |amount: u64| {
        if limit == 0 {
            return 0;
        }
        let end = u128::from(amount.min(limit)) * room as u128 / u128::from(limit);
        usize::try_from(end).unwrap_or(room)
    };
    let (mut sum, mut used) = (0_u64, 0);
    let mut cells = Vec::with_capacity(pieces.len());
    for piece in pieces {
        sum = sum.saturating_add(piece.amount);
        let least = usize::from(piece.amount > 0);
        let own = end(sum)
            .saturating_sub(used)
            .max(least)
            .min(room.saturating_sub(used));
        used += own;
        cells.push(own);
    }
    cells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::view::text;

    fn drawn(amounts: [u64; 2], limit: u64, columns: usize) -> String {
        let [one, two] = amounts;
        let piece = |amount, ink| Piece {
            amount,
            ink,
            paint: Paint::Good,
        };
        bar(
            &Style::default(),
            &[piece(one, Ink::Full), piece(two, Ink::Shade)],
            limit,
            columns,
        )
    }

    #[test]
    fn pieces_stand_one_after_another_on_the_scale_of_the_limit() {
        assert_eq!(drawn([0, 0], 100, 12), "[··········]");
        assert_eq!(drawn([50, 30], 100, 12), "[█████▒▒▒··]");
        assert_eq!(drawn([1, 1], 100_000, 12), "[█▒········]");
        assert_eq!(drawn([99, 0], 100, 12), "[█████████·]");
        assert_eq!(drawn([100, 0], 100, 12), "[██████████]");
        assert_eq!(drawn([80, 500], 100, 12), "[████████▒▒]");
        assert_eq!(drawn([5, 0], 0, 12), "[█·········]", "no limit known");
    }

    #[test]
    fn ascii_has_characters_of_its_own() {
        let style = Style {
            unicode: false,
            ..Style::default()
        };
        let piece = |ink| Piece {
            amount: 4,
            ink,
            paint: Paint::Plain,
        };
        let drawn = bar(&style, &[piece(Ink::Full), piece(Ink::Shade)], 10, 12);
        assert_eq!(drawn, "[####++++..]");
    }

    proptest! {
        #[test]
        fn a_bar_is_as_wide_as_it_is_told(one: u64, two: u64, limit: u64, columns in 2_usize..60) {
            prop_assert_eq!(text::width(&drawn([one, two], limit, columns)), columns);
        }
    }
}
