//! A frame taken apart, as text: its bytes with a letter and a colour for each header, then every
//! field of each header.

mod bits;
mod diagram;
mod diff;
mod dump;
mod pieces;
mod sums;
mod tree;

use std::io::{self, Write};

pub use bits::bits;
pub use diagram::diagram;
pub use diff::diff;
pub use pieces::pieces;
pub use sums::sums;
pub use tree::{detail, line};

use super::text::{escape, width, wrap};
use super::{Paint, Style};
use crate::inspect::{Header, Origin, Rest, Sheet, Trouble};
use crate::wire::field::Read;
use crate::wire::layout::Laid;

/// Columns of byte and bit, of the number of bits, and of the longest raw number shown.
const PLACE: usize = 8;
const BITS: usize = 4;
const RAW: usize = 10;
/// From so many columns on meaning and RFC stand in the line of the field.
const WIDE: usize = 140;
/// What headers look like, in turn.
const LOOKS: [Paint; 6] = [
    Paint::Initiator,
    Paint::Caution,
    Paint::State,
    Paint::Responder,
    Paint::Good,
    Paint::Strong,
];

/// The look of the header of that index.
pub fn look(index: usize) -> Paint {
    LOOKS
        .get(index % LOOKS.len())
        .copied()
        .unwrap_or(Paint::Plain)
}

/// The letter of the header of that index; a frame has 26 headers at most before they repeat.
fn letter(index: usize) -> char {
    char::from(b'a' + (index % 26) as u8)
}

/// Text in so many columns; what is cut off is told by dots, which any terminal has.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(2);
    let dots = ".".repeat(columns - kept);
    text.chars().take(kept).collect::<String>() + &dots
}

/// Says in a line what the frame is: `frame 1: TCP 10.0.0.1:43848 > 10.0.0.2:8080, SYN …`.
///
/// # Errors
///
/// Whatever writing gives.
pub fn what(style: &Style, number: u64, summary: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = escape(summary);
    let text = format!("frame {number}: {text}");
    for line in wrap(&text, usize::from(style.width)) {
        writeln!(out, "{}", style.paint(Paint::Strong, line))?;
    }
    writeln!(out)
}

/// Writes a frame's line in a list of frames.
///
/// # Errors
///
/// Whatever writing gives.
pub fn listed(style: &Style, number: u64, summary: &str, out: &mut dyn Write) -> io::Result<()> {
    let room = usize::from(style.width).saturating_sub(7);
    let text = cut(&escape(summary), room);
    let number = style.paint(Paint::Dim, format!("{number:>5}"));
    writeln!(out, "{number}  {text}")
}

/// Writes the dump and every field.
///
/// # Errors
///
/// Whatever writing gives.
pub fn fields(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    dump::write(style, sheet, Origin::Frame, out)?;
    let mut origin = Origin::Frame;
    for (index, header) in sheet.headers.iter().enumerate() {
        if header.origin != origin {
            origin = header.origin;
            writeln!(out)?;
            let whole = whole(sheet);
            writeln!(out, "{}", style.paint(Paint::Strong, whole))?;
            dump::write(style, sheet, origin, out)?;
        }
        writeln!(out)?;
        heading(style, index, header, out)?;
        let name = name_width(style, header);
        let mut item = 0;
        for laid in &header.layout.fields {
            if laid.part.is_some() && laid.item != item {
                let at = header.offset as usize + laid.start();
                let text = laid.part.unwrap_or_default();
                writeln!(
                    out,
                    "  {:PLACE$} {}",
                    at,
                    style.paint(Paint::Dim, format!("[{text}]"))
                )?;
            }
            item = laid.item;
            field(style, sheet, header, laid, name, out)?;
        }
    }
    rests(style, sheet, out)
}

/// What the second half of a sheet is about.
fn whole(sheet: &Sheet<'_>) -> String {
    let len = sheet.datagram.len();
    match sheet.fragments {
        0 => format!("The payload as it was before compression, {len} bytes:"),
        n => format!("The datagram this fragment completes, {len} bytes from {n} fragments:"),
    }
}

/// `a Ethernet, bytes 0 to 13 (14)`.
pub(super) fn heading(
    style: &Style,
    index: usize,
    header: &Header,
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = title(index, header);
    writeln!(out, "{}", style.paint(look(index), text))
}

/// What stands over a header.
fn title(index: usize, header: &Header) -> String {
    let quoted = match header.quoted {
        0 => "",
        1 => ", quoted",
        _ => ", quoted in the quoted",
    };
    let last = (header.offset + header.len).saturating_sub(1);
    format!(
        "{} {}{quoted}, bytes {} to {last} ({})",
        letter(index),
        header.name,
        header.offset,
        header.len
    )
}

/// Columns of the longest name.
fn name_width(style: &Style, header: &Header) -> usize {
    let longest = header
        .layout
        .fields
        .iter()
        .map(|laid| laid.field.name.len());
    longest.max().unwrap_or(0).min(usize::from(style.width) / 3)
}

/// `14.4     4 header length  0x5        5 (20 bytes)`, and what it means.
fn field(
    style: &Style,
    sheet: &Sheet<'_>,
    header: &Header,
    laid: &Laid,
    name: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let field = &laid.field;
    let place = place(header, laid);
    let bits = field.bits;
    let raw = raw(sheet, header, laid).unwrap_or_default();
    let line = format!(
        "  {place:PLACE$} {bits:>BITS$} {:name$}  {raw:RAW$} ",
        field.name
    );
    let columns = usize::from(style.width);
    let left = columns.saturating_sub(width(&line)).max(8);
    let value = sheet.remarked(header, laid);
    let meaning = format!("{} [{}]", field.meaning, field.rfc);
    if columns >= WIDE {
        let value = cut(&value, 40);
        let room = left.saturating_sub(42).max(8);
        let pad = 40_usize.saturating_sub(width(&value));
        let mut lines = wrap(&meaning, room).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(
            out,
            "{line}{value}{:pad$}  {}",
            "",
            style.paint(Paint::Dim, first)
        )?;
        for more in lines {
            writeln!(
                out,
                "{:1$}{2}",
                "",
                columns - room,
                style.paint(Paint::Dim, more)
            )?;
        }
        return Ok(());
    }
    let mut lines = wrap(&value, left).into_iter();
    writeln!(out, "{line}{}", lines.next().unwrap_or_default())?;
    for more in lines {
        writeln!(out, "{:1$}{more}", "", columns - left)?;
    }
    let indent = 2 + PLACE + 1 + BITS + 1;
    for more in wrap(&meaning, columns.saturating_sub(indent)) {
        writeln!(out, "{:indent$}{}", "", style.paint(Paint::Dim, more))?;
    }
    Ok(())
}

/// `14.4`: the byte it begins in, and the bit of that where it is not the first.
fn place(header: &Header, laid: &Laid) -> String {
    let bit = header.offset as usize * 8 + laid.first_bit();
    match (bit / 8, bit % 8) {
        (byte, 0) if laid.field.is_whole_bytes() => byte.to_string(),
        (byte, bit) => format!("{byte}.{bit}"),
    }
}

/// The bits as a hexadecimal number, where they are few and their value does not show them anyway.
fn raw(sheet: &Sheet<'_>, header: &Header, laid: &Laid) -> Option<String> {
    let field = &laid.field;
    if field.bits > 32 || matches!(field.read, Read::Bytes | Read::Hex) {
        return None;
    }
    let raw = field.raw(laid.base(sheet.header(header)))?;
    let digits = usize::from(field.bits).div_ceil(4) + 2;
    Some(format!("{raw:#0digits$x}"))
}

fn rests(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    if sheet.rests.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for it in &sheet.rests {
        let text = rest(it);
        writeln!(out, "{}", style.paint(Paint::Dim, text))?;
    }
    Ok(())
}

/// `. data, bytes 54 to 99 (46)`.
fn rest(rest: &Rest) -> String {
    let Rest {
        name,
        origin,
        offset,
        len,
    } = *rest;
    let place = match origin {
        Origin::Frame => "",
        Origin::Datagram => " of the datagram",
    };
    let last = offset + len - 1;
    format!(". {name}, bytes {offset} to {last}{place} ({len})")
}

/// `! IPv4 at byte 14: …`.
fn trouble(trouble: &Trouble) -> String {
    let rfc = trouble.rfc.map_or(String::new(), |rfc| format!(" ({rfc})"));
    format!(
        "! {} at byte {}: {}{rfc}",
        trouble.name, trouble.offset, trouble.text
    )
}

/// Writes what is wrong, and where reading stopped.
///
/// # Errors
///
/// Whatever writing gives.
pub fn troubles(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    if sheet.troubles.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for it in &sheet.troubles {
        let text = trouble(it);
        for line in wrap(&text, usize::from(style.width)) {
            writeln!(out, "{}", style.paint(Paint::Trouble, line))?;
        }
    }
    Ok(())
}
