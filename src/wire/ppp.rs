//! PPP (RFC 1661 section 2, RFC 1662 section 3.1) and PPP over Ethernet (RFC 2516 section 4).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};

/// Bytes of a PPPoE header.
pub const PPPOE_LEN: usize = 6;

const RFC: &str = "RFC 1661 2";
const FRAMING: &str = "RFC 1662 3.1";
const PPPOE: &str = "RFC 2516 4";

#[rustfmt::skip] // a table reads best as one
const FRAMING_FIELDS: &[Field] = &[
    Field::new("address", 0, 8, Read::Hex, "0xff: all stations, of which there is one", FRAMING),
    Field::new("control", 8, 8, Read::Hex, "0x03: unnumbered information", FRAMING),
];
/// Every field of a PPPoE session header.
#[rustfmt::skip] // a table reads best as one
pub const PPPOE_FIELDS: &[Field] = &[
    Field::new("version", 0, 4, Read::Number, "1", PPPOE),
    Field::new("type", 4, 4, Read::Number, "1", PPPOE),
    Field::new("code", 8, 8, Read::NamedHex(code), "0: data of a session", PPPOE),
    Field::new("session", 16, 16, Read::Hex, "which one, with the two Ethernet addresses", PPPOE),
    Field::new("length", 32, 16, Read::Number, "bytes after this header", PPPOE),
];

fn code(code: u16) -> Option<&'static str> {
    Some(match code {
        0x00 => "session data",
        0x07 => "active discovery offer",
        0x09 => "active discovery initiation",
        0x19 => "active discovery request",
        0x65 => "active discovery confirmation",
        0xa7 => "active discovery termination",
        _ => return None,
    })
}

fn protocol(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0021 => "IPv4",
        0x0057 => "IPv6",
        0x00fd => "compressed",
        0x0281 | 0x0283 => "MPLS",
        0x8021 => "IPv4 control",
        0x8057 => "IPv6 control",
        0x80fd => "compression control",
        0xc021 => "link control",
        0xc023 => "password authentication",
        0xc223 => "challenge handshake authentication",
        _ => return None,
    })
}

/// Lays out a PPP header: `bytes` end where it does, or earlier. Address and control may have been
/// left out, and so may the first byte of the protocol.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    if bytes.starts_with(&[0xff, 0x03]) {
        lay.table(FRAMING_FIELDS);
    }
    let len = if lay.rest().first().is_some_and(|&first| first & 1 == 1) {
        1
    } else {
        2
    };
    let meaning = "what follows; one byte where zeros were left out";
    lay.bytes(len, "protocol", Read::NamedHex(protocol), meaning, RFC);
    lay.done()
}

/// Lays out a PPPoE session header.
pub fn pppoe(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(PPPOE_FIELDS).done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FRAMING_FIELDS, 2);
        assert_covers(PPPOE_FIELDS, PPPOE_LEN);
    }

    #[test]
    fn what_was_left_out_is_not_there() {
        for bytes in [
            &[0xff, 3, 0, 0x21][..],
            &[0xff, 3, 0x21],
            &[0, 0x21],
            &[0x21],
        ] {
            let layout = layout(bytes);
            assert_tiles(&layout, bytes.len());
            let last = layout.fields.last().unwrap();
            let value = last.field.value(last.base(bytes)).unwrap();
            assert!(value.ends_with("21 (IPv4)"), "{value}");
        }
    }
}
