//! Every field as bits, in the bytes they stand in.
//!
//!       14.0     0100....            version          4
//!       14.4     ....0101            header length    5 (20 bytes)

use std::io::{self, Write};

use super::{heading, place};
use crate::inspect::Sheet;
use crate::view::text::{fit, width};
use crate::view::{Paint, Style};

/// Bytes of a field that are shown; of longer ones the first.
const MOST_BYTES: usize = 4;

/// Writes the bits of every field.
///
/// # Errors
///
/// Whatever writing gives.
pub fn bits(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (index, header) in sheet.headers.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        heading(style, index, header, out)?;
        let bytes = sheet.header(header);
        for laid in &header.layout.fields {
            let field = &laid.field;
            let base = laid.base(bytes);
            let all = field.bytes(base).unwrap_or_default();
            let first = usize::from(field.bit) - field.start() * 8;
            let own = first..first + usize::from(field.bits);
            let mut pattern = String::new();
            for (at, byte) in all.iter().take(MOST_BYTES).enumerate() {
                if at > 0 {
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
            if all.len() > MOST_BYTES {
                pattern.push_str(" ...");
            }
            let line = format!(
                "  {:8} {pattern:39} {:20} ",
                place(header, laid),
                field.name
            );
            let left = usize::from(style.width).saturating_sub(width(&line));
            let value = sheet.value(header, laid);
            let value = fit(&value, left);
            writeln!(out, "{line}{}", style.paint(Paint::Strong, value))?;
        }
    }
    Ok(())
}
