//! An entry of an MPLS label stack (RFC 3032 section 2.1) and the control word of an Ethernet carried by
//! one (RFC 4448 section 4.6).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};

/// Bytes of either.
pub const LEN: usize = 4;

const RFC: &str = "RFC 3032 2.1";
const WORD: &str = "RFC 4448 4.6";

/// Every field of an entry.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS: &[Field] = &[
    Field::new("label", 0, 20, Read::Named(label), "the next router's name for the way it is to go", RFC),
    Field::new("traffic class", 20, 3, Read::Number, "how routers are asked to treat it", "RFC 5462 3"),
    Field::flag("bottom of stack", 23, "the last label: what it carries follows", RFC),
    Field::new("time to live", 24, 8, Read::Number, "routers it may still pass", RFC),
];
/// Every field of a control word.
#[rustfmt::skip] // a table reads best as one
pub const CONTROL_WORD: &[Field] = &[
    Field::new("zero", 0, 4, Read::Number, "0: it can't be taken for an IP version", WORD),
    Field::new("reserved", 4, 12, Read::Hex, "zero", WORD),
    Field::new("sequence number", 16, 16, Read::Number, "counts frames; 0 when none are counted", WORD),
];

fn label(label: u16) -> Option<&'static str> {
    // A label has 20 bits, and those with a name are below 16.
    Some(match label {
        0 => "IPv4 explicit null",
        1 => "router alert",
        2 => "IPv6 explicit null",
        3 => "implicit null",
        7 => "entropy label indicator",
        13 => "generic associated channel",
        14 => "OAM alert",
        15 => "extension",
        _ => return None,
    })
}

/// Lays out an entry.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// Lays out a control word.
pub fn control_word(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(CONTROL_WORD).done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, LEN);
        assert_covers(CONTROL_WORD, LEN);
    }

    #[test]
    fn only_reserved_labels_have_names() {
        let value = |bytes: [u8; 4]| FIELDS.first().unwrap().value(&bytes).unwrap();
        assert_eq!(value([0, 0, 0x20, 0]), "2 (IPv6 explicit null)");
        assert_eq!(value([0x10, 0, 0x20, 0]), "65538");
    }
}
