//! VXLAN (RFC 7348 section 5) and Geneve (RFC 8926 section 3.4), which carry Ethernet over UDP.

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::ethertype;

/// Bytes of a VXLAN header, and of a Geneve header without options.
pub const LEN: usize = 8;

const RFC: &str = "RFC 7348 5";
const GENEVE: &str = "RFC 8926 3.4";
const OPTION: &str = "RFC 8926 3.5";

/// Every field of a VXLAN header.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS: &[Field] = &[
    Field::new("reserved", 0, 4, Read::Hex, "zero", RFC),
    Field::flag("network valid", 4, "I: the network identifier counts; always set", RFC),
    Field::new("reserved 2", 5, 27, Read::Hex, "zero", RFC),
    Field::new("network identifier", 32, 24, Read::Number, "the virtual network the frame is of", RFC),
    Field::new("reserved 3", 56, 8, Read::Hex, "zero", RFC),
];
/// Every field of a Geneve header before the options.
#[rustfmt::skip] // a table reads best as one
pub const GENEVE_FIELDS: &[Field] = &[
    Field::new("version", 0, 2, Read::Number, "0", GENEVE),
    Field::new("options length", 2, 6, Read::Words, "length of the options", GENEVE),
    Field::flag("control", 8, "O: for the tunnel's ends, not to be passed on", GENEVE),
    Field::flag("critical options", 9, "C: who does not know an option must drop it", GENEVE),
    Field::new("reserved", 10, 6, Read::Hex, "zero", GENEVE),
    Field::new("protocol", 16, 16, Read::NamedHex(ethertype), "what follows, as an Ethernet type", GENEVE),
    Field::new("network identifier", 32, 24, Read::Number, "the virtual network the frame is of", GENEVE),
    Field::new("reserved 2", 56, 8, Read::Hex, "zero", GENEVE),
];
#[rustfmt::skip] // a table reads best as one
const OPTION_FIELDS: &[Field] = &[
    Field::new("class", 0, 16, Read::Hex, "whose option it is", OPTION),
    Field::flag("critical", 16, "who does not know it must drop the packet", OPTION),
    Field::new("type", 17, 7, Read::Number, "which of that class", OPTION),
    Field::new("reserved", 24, 3, Read::Number, "zero", OPTION),
    Field::new("length", 27, 5, Read::Words, "length of its data", OPTION),
];

/// Lays out a VXLAN header.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// Lays out a Geneve header: `bytes` end where it does, or earlier.
pub fn geneve(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(GENEVE_FIELDS);
    while !lay.is_done() {
        lay.part("option");
        let len = lay
            .rest()
            .get(3)
            .map_or(0, |&len| usize::from(len & 31) * 4);
        if len + 4 > lay.rest().len() {
            lay.stop_after(
                OPTION_FIELDS,
                "the option's length reaches beyond the header",
                OPTION,
            );
            break;
        }
        lay.table(OPTION_FIELDS);
        lay.bytes(len, "data", Read::Bytes, "the option's own", OPTION);
    }
    lay.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, LEN);
        assert_covers(GENEVE_FIELDS, LEN);
        assert_covers(OPTION_FIELDS, 4);
    }

    #[test]
    fn options_are_read_to_the_header_s_end() {
        let mut bytes = [
            &[4, 0, 0x65, 0x58, 0, 0, 1, 0][..],
            &[1, 2, 3, 1],
            &[9; 4],
            &[0; 8],
        ]
        .concat();
        assert_tiles(&geneve(&bytes), bytes.len());
        bytes[11] = 31;
        let stop = geneve(&bytes).stop.unwrap();
        assert_eq!((stop.at, stop.rfc), (8, OPTION));
    }
}
