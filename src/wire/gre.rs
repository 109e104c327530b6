//! GRE (RFC 2784; key and sequence number: RFC 2890), the variant of PPTP (RFC 2637 section 4.1), and the
//! headers of Ethernet frames carried in it or by IP itself: ERSPAN, Ethernet in IP (RFC 3378).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::ethertype;

const RFC: &str = "RFC 2784 2.1";
const PPTP: &str = "RFC 2637 4.1";
const ERSPAN: &str = "draft-foschiano-erspan-03 4";

/// Every field that is always there.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS: &[Field] = &[
    Field::flag("checksum present", 0, "checksum and offset follow", RFC),
    Field::flag("routing present", 1, "a list of stops follows: RFC 1701, no longer used", "RFC 1701"),
    Field::flag("key present", 2, "a key follows", "RFC 2890 2"),
    Field::flag("sequence number present", 3, "a sequence number follows", "RFC 2890 2"),
    Field::flag("strict source route", 4, "no longer used", "RFC 1701"),
    Field::new("recursion control", 5, 3, Read::Number, "no longer used", "RFC 1701"),
    Field::flag("acknowledgment present", 8, "PPTP: an acknowledgment number follows", PPTP),
    Field::new("flags", 9, 4, Read::Hex, "zero", RFC),
    Field::new("version", 13, 3, Read::Named(version), "0, or 1 in PPTP", RFC),
    Field::new("protocol", 16, 16, Read::NamedHex(ethertype), "what follows, as an Ethernet type", RFC),
];
#[rustfmt::skip] // a table reads best as one
const CHECKSUM: &[Field] = &[
    Field::new("checksum", 0, 16, Read::Hex, "covers header and payload", RFC),
    Field::new("reserved", 16, 16, Read::Hex, "zero; with routing: where the next stop is", RFC),
];
#[rustfmt::skip] // a table reads best as one
const CALL: &[Field] = &[
    Field::new("payload length", 0, 16, Read::Number, "bytes after this header", PPTP),
    Field::new("call id", 16, 16, Read::Number, "the receiver's name for the session", PPTP),
];
/// Every field of Ethernet in IP.
#[rustfmt::skip] // a table reads best as one
pub const ETHERIP_FIELDS: &[Field] = &[
    Field::new("version", 0, 4, Read::Number, "3", "RFC 3378 2"),
    Field::new("reserved", 4, 12, Read::Hex, "zero", "RFC 3378 2"),
];
#[rustfmt::skip] // a table reads best as one
const ERSPAN_FIRST: &[Field] = &[
    Field::new("version", 0, 4, Read::Named(erspan_type), "which type it is", ERSPAN),
    Field::new("vlan", 4, 12, Read::Number, "the frame's virtual network where it was mirrored", ERSPAN),
    Field::new("class of service", 16, 3, Read::Number, "its priority there", ERSPAN),
];
/// What type II goes on with.
#[rustfmt::skip] // a table reads best as one
const ERSPAN_2: &[Field] = &[
    Field::new("encapsulation", 19, 2, Read::Number, "how its VLAN tag was kept", ERSPAN),
    Field::flag("truncated", 21, "the copy was cut short", ERSPAN),
    Field::new("session", 22, 10, Read::Number, "which mirror it comes from", ERSPAN),
    Field::new("reserved", 32, 12, Read::Hex, "zero", ERSPAN),
    Field::new("index", 44, 20, Read::Number, "port and direction", ERSPAN),
];
/// What type III goes on with.
#[rustfmt::skip] // a table reads best as one
const ERSPAN_3: &[Field] = &[
    Field::new("integrity", 19, 2, Read::Number, "whether the frame was bad, short or oversized", ERSPAN),
    Field::flag("truncated", 21, "the copy was cut short", ERSPAN),
    Field::new("session", 22, 10, Read::Number, "which mirror it comes from", ERSPAN),
    Field::new("timestamp", 32, 32, Read::Number, "when it was mirrored, in units of the granularity", ERSPAN),
    Field::new("security group", 64, 16, Read::Number, "the frame's security group tag", ERSPAN),
    Field::flag("whole frame", 80, "the copy is an Ethernet frame", ERSPAN),
    Field::new("frame type", 81, 5, Read::Number, "0 Ethernet, 2 IP", ERSPAN),
    Field::new("hardware", 86, 6, Read::Number, "which engine of the switch made the copy", ERSPAN),
    Field::flag("direction", 92, "set: it was leaving", ERSPAN),
    Field::new("granularity", 93, 2, Read::Number, "unit of the timestamp", ERSPAN),
    Field::flag("optional part", 95, "8 bytes of the platform's own follow", ERSPAN),
];

fn version(version: u16) -> Option<&'static str> {
    (version == 1).then_some("PPTP")
}

fn erspan_type(version: u16) -> Option<&'static str> {
    Some(match version {
        1 => "type II",
        2 => "type III",
        _ => return None,
    })
}

/// Lays out a header: `bytes` end where it does, or earlier.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let (flags, version) = match *bytes {
        [high, low, ..] => (u16::from_be_bytes([high, low]), low & 7),
        _ => (0, 0),
    };
    lay.table(FIELDS);
    let number = |lay: &mut Lay<'_>, name, meaning, rfc| {
        lay.bytes(4, name, Read::Number, meaning, rfc);
    };
    let sequence = "counts packets, so that what is late can be told";
    match version {
        0 => {
            if flags & 0xc000 != 0 {
                lay.table(CHECKSUM);
            }
            if flags & 0x2000 != 0 {
                number(
                    &mut lay,
                    "key",
                    "which tunnel or flow it is of",
                    "RFC 2890 2.1",
                );
            }
            if flags & 0x1000 != 0 {
                number(&mut lay, "sequence number", sequence, "RFC 2890 2.2");
            }
        }
        1 => {
            lay.table(CALL);
            if flags & 0x1000 != 0 {
                number(&mut lay, "sequence number", sequence, PPTP);
            }
            if flags & 0x0080 != 0 {
                let meaning = "the highest sequence number that came";
                number(&mut lay, "acknowledgment number", meaning, PPTP);
            }
        }
        _ => {}
    }
    lay.done()
}

/// Lays out the two bytes of Ethernet in IP.
pub fn etherip(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(ETHERIP_FIELDS).done()
}

/// Lays out the header of a mirrored frame.
pub fn erspan(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let rest = if bytes.len() > 8 { ERSPAN_3 } else { ERSPAN_2 };
    lay.table(&[ERSPAN_FIRST, rest].concat());
    let len = lay.rest().len();
    lay.bytes(len, "platform", Read::Bytes, "the platform's own", ERSPAN);
    lay.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, 4);
        assert_covers(CHECKSUM, 4);
        assert_covers(CALL, 4);
        assert_covers(ETHERIP_FIELDS, 2);
        assert_covers(&[ERSPAN_FIRST, ERSPAN_2].concat(), 8);
        assert_covers(&[ERSPAN_FIRST, ERSPAN_3].concat(), 12);
        assert_tiles(&erspan(&[0; 20]), 20);
    }

    #[test]
    fn what_the_flags_announce_follows() {
        let names = |first: [u8; 2], len: usize| {
            let mut bytes = first.to_vec();
            bytes.resize(len, 0);
            let layout = layout(&bytes);
            assert_tiles(&layout, len);
            let names = layout.fields.iter().skip(FIELDS.len());
            names.map(|laid| laid.field.name).collect::<Vec<_>>()
        };
        let all = ["checksum", "reserved", "key", "sequence number"];
        assert_eq!(names([0xb0, 0], 16), all);
        assert_eq!(names([0x20, 0], 8), ["key"]);
        assert_eq!(names([0, 0], 4), [""; 0]);
        let all = [
            "payload length",
            "call id",
            "sequence number",
            "acknowledgment number",
        ];
        assert_eq!(names([0x30, 0x81], 16), all);
    }
}
