//! A sheet line by line, for who draws lines in any order: the stepping screen.
//!
//! ```text
//! c TCP, bytes 34 to 73 (40)
//!   34       source port      49152
//! ```
//!
//! and all that is known of one of them:
//!
//! ```text
//! TCP header length: byte 46, bit 0, 4 bits, 0xa = 10 (40 bytes)
//! 1010....  RFC 9293 3.1: length of this header …
//! ```

use super::bits::patterns;
use super::{PLACE, cut, look, name_width, place, raw, rest, title, trouble, whole};
use crate::inspect::{Header, Line, Origin, Outline, Sheet};
use crate::view::text::{glimpse, wrap};
use crate::view::{Paint, Style};
use crate::wire::layout::Laid;

/// Bytes whose bits stand in a line at most.
const BITS_OF: usize = 4;
/// Lines of bits at most; a field that has more is no number.
const BIT_LINES: usize = 4;

/// A line of the sheet in a line.
pub fn line(style: &Style, sheet: &Sheet<'_>, outline: &Outline<'_, '_>, line: Line) -> String {
    if let Some((header, laid)) = outline.field(line) {
        return field(style, sheet, header, laid);
    }
    let (paint, text) = match part(sheet, line) {
        Some((header, laid)) => {
            let at = header.offset as usize + laid.start();
            let name = laid.part.unwrap_or_default();
            (Paint::Dim, format!("  {at:<PLACE$} [{name}]"))
        }
        None => named(sheet, line).unwrap_or((Paint::Plain, String::new())),
    };
    let text = cut(&text, usize::from(style.width));
    style.paint(paint, text).to_string()
}

/// What is said of a line that is no field.
fn named(sheet: &Sheet<'_>, line: Line) -> Option<(Paint, String)> {
    Some(match line {
        Line::Datagram => (Paint::Strong, whole(sheet)),
        Line::Header(index) => (look(index), title(index, sheet.headers.get(index)?)),
        Line::Part(index, _) => {
            let (header, laid) = part(sheet, line)?;
            let part = laid.part.unwrap_or_default();
            (look(index), format!("{} [{part}]", header.name))
        }
        Line::Rest(index) => (Paint::Strong, rest(sheet.rests.get(index)?)),
        Line::Trouble(index) => (Paint::Trouble, trouble(sheet.troubles.get(index)?)),
        Line::Field(..) => return None,
    })
}

/// The header of a line that is a part, and the first field of that.
fn part<'s>(sheet: &'s Sheet<'_>, line: Line) -> Option<(&'s Header, &'s Laid)> {
    let Line::Part(index, first) = line else {
        return None;
    };
    let header = sheet.headers.get(index)?;
    Some((header, header.layout.fields.get(first)?))
}

/// `  46.0     header length    10 (40 bytes)`.
fn field(style: &Style, sheet: &Sheet<'_>, header: &Header, laid: &Laid) -> String {
    let place = place(header, laid);
    let columns = usize::from(style.width);
    // Values are said in full elsewhere; names are what one looks for.
    let wide = Style {
        width: (columns * 4 / 3 + 3) as u16,
        ..style.clone()
    };
    let name = name_width(&wide, header);
    let head = format!("  {place:<PLACE$} {:name$}  ", cut(laid.field.name, name));
    let left = columns.saturating_sub(head.len());
    let value = cut(&sheet.remarked(header, laid), left);
    format!("{}{value}", cut(&head, columns))
}

/// All that is known of a line of the sheet, in lines of their own.
pub fn detail(
    style: &Style,
    sheet: &Sheet<'_>,
    outline: &Outline<'_, '_>,
    line: Line,
) -> Vec<String> {
    let columns = usize::from(style.width);
    if let Some((header, laid)) = outline.field(line) {
        return of_field(style, sheet, header, laid);
    }
    let (origin, range) = outline.bytes_of(line);
    let bytes = sheet.bytes(origin).get(range.clone()).unwrap_or_default();
    let more = match line {
        Line::Header(index) => {
            let fields = sheet
                .headers
                .get(index)
                .map_or(0, |it| it.layout.fields.len());
            format!("{fields} fields; Enter hides or shows them")
        }
        Line::Part(..) => format!("bytes {} to {}", range.start, range.end.saturating_sub(1)),
        Line::Rest(_) => match glimpse(bytes, style.encoding, columns.saturating_sub(8)) {
            Some(text) => format!("as text {text}"),
            None => String::new(),
        },
        _ => String::new(),
    };
    let (paint, text) = named(sheet, line).unwrap_or((Paint::Plain, String::new()));
    let mut lines: Vec<String> = wrap(&text, columns)
        .into_iter()
        .map(|line| style.paint(paint, line).to_string())
        .collect();
    // Text from the network is cut to fit, and not broken at its blanks.
    lines.extend((!more.is_empty()).then_some(more));
    lines
}

/// Name, place, number, value, bits, meaning and clause of a field.
fn of_field(style: &Style, sheet: &Sheet<'_>, header: &Header, laid: &Laid) -> Vec<String> {
    let columns = usize::from(style.width);
    let field = &laid.field;
    let part = laid.part.map_or(String::new(), |part| format!(" [{part}]"));
    let whose = match header.origin {
        Origin::Frame => "",
        Origin::Datagram => " of the datagram",
    };
    let name = format!("{}{part} {}", header.name, field.name);
    let mut rest = format!(": {}{whose}", spoken(header, laid));
    if let Some(raw) = raw(sheet, header, laid) {
        rest.push_str(", ");
        rest.push_str(&raw);
    }
    rest.push_str(" = ");
    rest.push_str(&sheet.remarked(header, laid));
    let mut lines = Vec::new();
    for (at, text) in wrap(&format!("{name}{rest}"), columns).iter().enumerate() {
        // The name is loud as far as it stands in the first line.
        lines.push(match text.strip_prefix(name.as_str()) {
            Some(rest) if at == 0 => format!("{}{rest}", style.paint(Paint::Strong, &name)),
            _ => text.clone(),
        });
    }
    // In two lines as far as that goes: words stand beside them.
    let most = (laid.end() - laid.start()).div_ceil(2).clamp(1, BITS_OF);
    let mut bits = patterns(field, laid.base(sheet.header(header)), most.max(2));
    if bits.len() > BIT_LINES {
        bits.truncate(BIT_LINES);
        if let Some(last) = bits.last_mut() {
            last.push_str("..");
        }
    }
    let wide = bits.iter().map(String::len).max().unwrap_or(0) + 2;
    // The clause comes first: in a low pane the end is cut off.
    let meaning = format!("{}: {}", field.rfc, field.meaning);
    let meaning = wrap(&meaning, columns.saturating_sub(wide));
    for at in 0..bits.len().max(meaning.len()) {
        let bits = bits.get(at).map_or("", String::as_str);
        let meaning = meaning.get(at).map_or("", String::as_str);
        let pad = wide - bits.len();
        lines.push(format!(
            "{}{:pad$}{}",
            style.paint(Paint::Good, bits),
            "",
            style.paint(Paint::Dim, meaning)
        ));
    }
    lines
}

/// Where a field is: `byte 46, bit 4, 4 bits`, `bytes 48 to 49, 16 bits`.
fn spoken(header: &Header, laid: &Laid) -> String {
    let field = &laid.field;
    let bit = header.offset as usize * 8 + laid.first_bit();
    let last = header.offset as usize + laid.end().saturating_sub(1);
    let byte = match bit / 8 {
        first if first == last => format!("byte {first}"),
        first => format!("bytes {first} to {last}"),
    };
    let from = if field.is_whole_bytes() {
        String::new()
    } else {
        format!(", bit {}", bit % 8)
    };
    match field.bits {
        1 => format!("{byte}{from}, 1 bit"),
        bits => format!("{byte}{from}, {bits} bits"),
    }
}
