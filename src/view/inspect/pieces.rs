//! Where each fragment sits in its datagram.
//!
//! ```text
//! frame 3   bytes 0 to 1479      (1480)  |=======        |
//! ```

use std::io::{self, Write};

use crate::inspect::{Piece, gaps};
use crate::view::{Paint, Style};

/// Most columns of the picture.
const PICTURE: usize = 100;
/// Columns before it.
const BEFORE: usize = 46;

/// Writes a line for each fragment, and what is missing. `this` is the frame shown.
///
/// # Errors
///
/// Whatever writing gives.
pub fn pieces(style: &Style, pieces: &[Piece], this: u64, out: &mut dyn Write) -> io::Result<()> {
    let (end, missing) = gaps(pieces);
    let reach = pieces.iter().map(|piece| piece.offset + piece.len).max();
    let reach = end.max(reach).unwrap_or(0).max(1) as usize;
    let of = match end {
        Some(end) => format!("of {end} bytes"),
        None => "whose end has not been seen".to_owned(),
    };
    let text = format!("The fragments of this datagram, {of}:");
    writeln!(out, "\n{}", style.paint(Paint::Strong, text))?;
    let columns = usize::from(style.width)
        .saturating_sub(BEFORE + 2)
        .min(PICTURE);
    for piece in pieces {
        let (from, to) = (piece.offset as usize, (piece.offset + piece.len) as usize);
        let (first, last) = (from * columns / reach, (to * columns).div_ceil(reach));
        let bar: String = (0..columns)
            .map(|at| {
                if (first..last).contains(&at) {
                    '='
                } else {
                    ' '
                }
            })
            .collect();
        let mark = if piece.frame == this { '>' } else { ' ' };
        let place = format!("bytes {from} to {}", to.saturating_sub(1));
        let len = format!("({})", piece.len);
        let line = format!("{mark} frame {:<8} {place:<20} {len:<7}", piece.frame);
        let paint = if piece.frame == this {
            Paint::Good
        } else {
            Paint::Plain
        };
        let line = format!("{line:<BEFORE$}|{bar}|");
        // Too narrow for a picture: the numbers say it all.
        let line = if columns < 8 {
            line.split('|').next().unwrap_or_default()
        } else {
            &line
        };
        writeln!(out, "{}", style.paint(paint, line))?;
    }
    for (from, to) in missing {
        let text = format!("  bytes {from} to {} are missing ({})", to - 1, to - from);
        writeln!(out, "{}", style.paint(Paint::Trouble, text))?;
    }
    Ok(())
}
