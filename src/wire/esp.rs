//! What is in the clear of an encrypted payload (ESP, RFC 4303 section 2), and the header of a compressed
//! one (`IPComp`, RFC 3173 section 3.1).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::protocol;

const RFC: &str = "RFC 4303 2";
const IPCOMP: &str = "RFC 3173 3.1";

/// Every field of ESP that can be read without the key.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS: &[Field] = &[
    Field::new("security parameters index", 0, 32, Read::Hex, "which agreement between the two ends this goes by", RFC),
    Field::new("sequence number", 32, 32, Read::Number, "counts packets, so that none can be sent again by someone else", RFC),
];
/// Every field of an `IPComp` header.
#[rustfmt::skip] // a table reads best as one
pub const IPCOMP_FIELDS: &[Field] = &[
    Field::new("next header", 0, 8, Read::Named(protocol), "what the payload is once it is no longer compressed", IPCOMP),
    Field::new("flags", 8, 8, Read::Hex, "zero", IPCOMP),
    Field::new("compression parameter index", 16, 16, Read::Named(algorithm), "how it was compressed; from 256 on as the two ends agreed", IPCOMP),
];

fn algorithm(index: u16) -> Option<&'static str> {
    Some(match index {
        2 => "DEFLATE",
        3 => "LZS",
        4 => "LZJH",
        _ => return None,
    })
}

/// Lays out what is in the clear.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// Lays out an `IPComp` header.
pub fn ipcomp(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(IPCOMP_FIELDS).done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, 8);
        assert_covers(IPCOMP_FIELDS, 4);
    }
}
