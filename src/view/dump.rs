//! Bytes as rows of sixteen, with what of them is text.

use std::io::{self, Write};

use super::{Paint, Style};

/// Writes the rows.
pub(super) fn write(style: &Style, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    for (number, line) in bytes.chunks(16).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = line
            .iter()
            .map(|&byte| match byte {
                b' '..=b'~' => char::from(byte),
                _ => '.',
            })
            .collect();
        let offset = style.paint(Paint::Dim, format!("{:04x}", number * 16));
        writeln!(out, "  {offset}  {:<47}  {text}", hex.join(" "))?;
    }
    Ok(())
}
