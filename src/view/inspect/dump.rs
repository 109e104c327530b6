//! The bytes of a frame, sixteen a row, with the letter and colour of the header each belongs to.
//!
//! ```text
//! 0000  02 00 00 00 00 02 02 00  00 00 00 01 08 00 45 00  ..............E.
//!       a  a  a  a  a  a  a  a   a  a  a  a  a  a  b  b
//! ```

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{letter, look};
use crate::inspect::{Origin, Sheet};
use crate::view::{Paint, Style};

/// Bytes in a row.
const ROW: usize = 16;
/// Columns of a row with the letters at its end.
const WITH_LETTERS: u16 = 92;
/// Rows shown of what is no header, before they are folded.
const ROWS_OF_DATA: usize = 8;

/// Writes the rows of that origin.
pub(super) fn write(
    style: &Style,
    sheet: &Sheet<'_>,
    origin: Origin,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bytes = sheet.bytes(origin);
    let owners = owners(sheet, origin);
    let last_header = owners
        .iter()
        .rposition(Option::is_some)
        .map_or(0, |at| at / ROW);
    for (row, (bytes, owners)) in bytes.chunks(ROW).zip(owners.chunks(ROW)).enumerate() {
        if row > last_header + ROWS_OF_DATA {
            let more = sheet.bytes(origin).len() - row * ROW;
            let text = format!("      and {more} bytes more of data");
            return writeln!(out, "{}", style.paint(Paint::Dim, text));
        }
        let (mut hex, mut letters, mut shown) = (String::new(), String::new(), String::new());
        for (i, (&byte, &owner)) in bytes.iter().zip(owners).enumerate() {
            let gap = if i == ROW / 2 { "  " } else { " " };
            let gap = if i == 0 { "" } else { gap };
            let paint = owner.map_or(Paint::Dim, look);
            let sign = owner.map_or('.', letter);
            // Writing to a string can't fail.
            let _ = write!(
                hex,
                "{gap}{}",
                style.paint(paint, format_args!("{byte:02x}"))
            );
            let _ = write!(letters, "{gap}{sign} ");
            shown.push(if byte.is_ascii_graphic() || byte == b' ' {
                char::from(byte)
            } else {
                '.'
            });
        }
        // Colour makes escape sequences that have no width, so the padding is counted from the bytes.
        let columns = bytes.len() * 3 - 1 + usize::from(bytes.len() > ROW / 2);
        let pad = ROW * 3 - columns;
        write!(out, "{:04x}  {hex}{:pad$}  {shown}", row * ROW, "")?;
        if style.width >= WITH_LETTERS {
            let signs: String = owners
                .iter()
                .map(|owner| owner.map_or('.', letter))
                .collect();
            writeln!(out, "{:1$}  {signs}", "", ROW - bytes.len())?;
        } else {
            writeln!(out)?;
            if !style.color {
                writeln!(out, "      {}", letters.trim_end())?;
            }
        }
    }
    Ok(())
}

/// The index of the header each byte belongs to.
fn owners(sheet: &Sheet<'_>, origin: Origin) -> Vec<Option<usize>> {
    let mut owners = vec![None; sheet.bytes(origin).len()];
    for (index, header) in sheet.headers.iter().enumerate() {
        if header.origin != origin {
            continue;
        }
        let (from, to) = (
            header.offset as usize,
            (header.offset + header.len) as usize,
        );
        let to = to.min(owners.len());
        if let Some(owners) = owners.get_mut(from..to) {
            owners.fill(Some(index));
        }
    }
    owners
}
