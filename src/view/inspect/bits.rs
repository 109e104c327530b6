//! Every field as bits, in the bytes they stand in.
//!
//! ```text
//!   14.0     0100....            version          4
//!   14.4     ....0101            header length    5 (20 bytes)
//! ```

use std::io::{self, Write};

use super::{cut, heading, place};
use crate::inspect::Sheet;
use crate::view::text::width;
use crate::view::{Paint, Style};
use crate::wire::field::Field;

/// Columns from which on four bytes of a field stand in a line, and not only two.
const WIDE: u16 = 110;

/// Writes the bits of every field.
///
/// # Errors
///
/// Whatever writing gives.
pub fn bits(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    let most = if style.width < WIDE { 2 } else { 4 };
    let columns = most * 9;
    for (index, header) in sheet.headers.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        heading(style, index, header, out)?;
        let bytes = sheet.header(header);
        for laid in &header.layout.fields {
            let field = &laid.field;
            let mut patterns = patterns(field, laid.base(bytes), most).into_iter();
            let pattern = patterns.next().unwrap_or_default();
            let line = format!(
                "  {:8} {pattern:columns$} {:20} ",
                place(header, laid),
                field.name
            );
            let left = usize::from(style.width).saturating_sub(width(&line));
            let value = sheet.remarked(header, laid);
            let value = cut(&value, left);
            writeln!(out, "{line}{}", style.paint(Paint::Strong, value))?;
            for pattern in patterns {
                writeln!(out, "  {:8} {pattern}", "")?;
            }
        }
    }
    Ok(())
}

/// A field's bits in the bytes they stand in, those of others as dots; `most` bytes a line.
pub(super) fn patterns(field: &Field, base: &[u8], most: usize) -> Vec<String> {
    let all = field.bytes(base).unwrap_or_default();
    let first = usize::from(field.bit) - field.start() * 8;
    let own = first..first + usize::from(field.bits);
    let mut patterns = Vec::new();
    for (at, byte) in all.iter().enumerate() {
        if at % most == 0 {
            patterns.push(String::new());
        }
        let Some(pattern) = patterns.last_mut() else {
            continue;
        };
        if at % most > 0 {
            pattern.push(' ');
        }
        for bit in 0..8 {
            let set = byte & (0x80 >> bit) != 0;
            pattern.push(match own.contains(&(at * 8 + bit)) {
                true if set => '1',
                true => '0',
                false => '.',
            });
        }
    }
    patterns
}
