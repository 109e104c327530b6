//! A frame taken apart as JSON lines: `field`, `problem` for what is wrong, `checksum`, and
//! `difference` between two.

use std::io::{self, Write};

use super::line::Line;
use crate::inspect::{Difference, Header, Origin, Piece, Rest, Sheet, Working};
use crate::wire::field::{self, Read};
use crate::wire::layout::Laid;

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Frame => "frame",
        Origin::Datagram => "datagram",
    }
}

/// Writes every field of a frame, what is no header, and what is wrong, in that order. `number` is
/// the frame's.
///
/// # Errors
///
/// Whatever writing gives.
pub fn fields(sheet: &Sheet<'_>, number: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Line::default();
    for (index, header) in sheet.headers.iter().enumerate() {
        for laid in &header.layout.fields {
            line.start("field").key("frame").int(number);
            write_field(&mut line, sheet, index, header, laid);
            out.write_all(line.end())?;
        }
    }
    for rest in &sheet.rests {
        line.start("field").key("frame").int(number);
        write_rest(&mut line, sheet, rest);
        out.write_all(line.end())?;
    }
    for trouble in &sheet.troubles {
        line.start("problem").key("frame").int(number);
        line.key("layer").name(trouble.key);
        line.key("in").name(origin(trouble.origin));
        line.key("offset").int(trouble.offset.into());
        line.key("text").string(&trouble.text);
        line.key("rfc").maybe_name(trouble.rfc);
        out.write_all(line.end())?;
    }
    Ok(())
}

fn write_field(line: &mut Line, sheet: &Sheet<'_>, index: usize, header: &Header, laid: &Laid) {
    let field = &laid.field;
    let base = laid.base(sheet.header(header));
    line.key("layer").name(header.key);
    line.key("header").int(index as u64);
    line.key("quoted").int(header.quoted.into());
    line.key("part").maybe_name(laid.part);
    line.key("name").name(field.name);
    line.key("in").name(origin(header.origin));
    line.key("offset")
        .int(u64::from(header.offset) + laid.start() as u64);
    line.key("bit").int(laid.first_bit() as u64 % 8);
    line.key("bits").int(field.bits.into());
    line.key("len").int((laid.end() - laid.start()) as u64);
    line.key("mask");
    match field.mask_in_bytes() {
        Some(mask) => line.show(format_args!("{mask:#x}")),
        None => line.null(),
    };
    let raw = field.raw(base);
    line.key("raw");
    match raw {
        Some(raw) => {
            let digits = usize::from(field.bits).div_ceil(4) + 2;
            line.show(format_args!("{raw:#0digits$x}"))
        }
        None => line.show(format_args!("0x{}", sheet.value(header, laid))),
    };
    let text = sheet.value(header, laid);
    line.key("value");
    let number = raw.map(|raw| field.number_of(raw));
    match (
        field.read,
        number.and_then(|number| u64::try_from(number).ok()),
    ) {
        (Read::Flag, Some(raw)) => line.bool(raw == 1),
        (Read::Ipv4 | Read::Ipv6 | Read::Hardware | Read::Bytes, _) | (_, None) => {
            line.string(&text)
        }
        (_, Some(raw)) => line.int(raw),
    };
    line.key("text").string(&text);
    line.key("checksum")
        .maybe_name(sheet.checked(header, laid).map(|it| it.verdict.name()));
    line.key("meaning").string(field.meaning);
    line.key("rfc").name(field.rfc);
}

fn write_rest(line: &mut Line, sheet: &Sheet<'_>, rest: &Rest) {
    let (from, len) = (rest.offset as usize, rest.len as usize);
    let bytes = sheet.bytes(rest.origin).get(from..from + len);
    let bytes = bytes.unwrap_or_default();
    line.key("layer").name("rest").key("header").null();
    line.key("quoted").int(0).key("part").null();
    line.key("name").name(rest.name);
    line.key("in").name(origin(rest.origin));
    line.key("offset").int(rest.offset.into());
    line.key("bit").int(0);
    line.key("bits").int(u64::from(rest.len) * 8);
    line.key("len").int(rest.len.into());
    line.key("mask").null();
    let hex = field::hex(bytes);
    line.key("raw").show(format_args!("0x{hex}"));
    line.key("value").show(&hex);
    line.key("text").show(&hex);
    line.key("checksum").null();
    line.key("meaning").null().key("rfc").null();
}

/// Writes the checksums of a frame with all that was summed.
///
/// # Errors
///
/// Whatever writing gives.
pub fn sums(
    sheet: &Sheet<'_>,
    number: u64,
    workings: &[Working],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = Line::default();
    for working in workings {
        let Some(header) = sheet.headers.get(working.header) else {
            continue;
        };
        line.start("checksum").key("frame").int(number);
        line.key("layer").name(header.key);
        line.key("header").int(working.header as u64);
        line.key("verdict").name(working.verdict.name());
        line.key("stated").int(working.stated.into());
        line.key("computed").int(working.computed.into());
        line.key("words").list();
        for word in &working.words {
            line.object().key("of").name(word.from.name());
            line.key("at").int(word.at.into());
            line.key("word").int(word.value.into());
            line.key("sum").int(word.sum.into()).end_object();
        }
        line.end_list().key("folds").list();
        for &fold in &working.folds {
            line.int(fold.into());
        }
        line.end_list().key("rfc").name(working.rfc);
        out.write_all(line.end())?;
    }
    Ok(())
}

/// Writes the fields that differ between two frames.
///
/// # Errors
///
/// Whatever writing gives.
pub fn difference(
    (one, two): (u64, u64),
    difference: &Difference,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = Line::default();
    for change in &difference.changes {
        line.start("difference").key("frames").ints(&[one, two]);
        line.key("layer").name(change.key);
        line.key("part").maybe_name(change.part);
        line.key("name").name(change.name);
        for (key, value) in [("before", &change.values.0), ("after", &change.values.1)] {
            match value {
                Some(value) => line.key(key).string(value),
                None => line.key(key).null(),
            };
        }
        out.write_all(line.end())?;
    }
    Ok(())
}

/// Writes the fragments of a datagram.
///
/// # Errors
///
/// Whatever writing gives.
pub fn pieces(pieces: &[Piece], out: &mut dyn Write) -> io::Result<()> {
    let mut line = Line::default();
    for piece in pieces {
        line.start("piece").key("frame").int(piece.frame);
        line.key("offset").int(piece.offset.into());
        line.key("len").int(piece.len.into());
        line.key("more").bool(piece.more);
        out.write_all(line.end())?;
    }
    Ok(())
}
