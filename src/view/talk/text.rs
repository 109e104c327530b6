//! Text in pieces that fit, and bytes that are no text in words.

use unicode_width::UnicodeWidthChar;

use crate::event::units;
use crate::talk::Message;

/// Cuts `text` into at most `most` lines of `columns`; and how many characters are left over. Nothing of it is
/// changed, no space lost.
pub(super) fn pieces(text: &str, columns: usize, most: usize) -> (Vec<String>, usize) {
    let columns = columns.max(8);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    let mut left = text.chars();
    while let Some(c) = left.next() {
        let w = c.width().unwrap_or(0);
        if used + w > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
            if lines.len() == most {
                return (lines, 1 + left.count());
            }
        }
        // Marks without end that combine with one character would fill memory and no column.
        if w > 0 || line.len() < columns * 8 {
            line.push(c);
        }
        used += w;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    (lines, 0)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(between)
}

/// What of a message is no text.
pub(super) fn malformed(message: &Message) -> String {
    let listed: Vec<String> = message
        .decoded
        .malformed
        .iter()
        .take(3)
        .map(|it| {
            format!(
                "{} at byte {}",
                hex(&it.bytes, " "),
                units::count(it.offset + 1)
            )
        })
        .collect();
    let more = match message.decoded.malformed_total.saturating_sub(listed.len()) {
        0 => String::new(),
        more => format!(" and {} more", units::count(more as u64)),
    };
    format!(
        "no {}: {}{more}, shown as \u{fffd}; is it in another encoding? --encoding names one",
        message.encoding,
        listed.join(", ")
    )
}
