//! What Linux puts in front of packets captured on "any" interface, in two versions
//! (`LINKTYPE_LINUX_SLL` and `LINKTYPE_LINUX_SLL2` of tcpdump.org).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::{cooked_protocol, hardware};

/// Bytes of the first version.
pub const LEN: usize = 16;
/// Bytes of the second.
pub const LEN_2: usize = 20;

const RFC: &str = "LINKTYPE_LINUX_SLL";
const RFC_2: &str = "LINKTYPE_LINUX_SLL2";

/// Every field of the first version before the address.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS: &[Field] = &[
    Field::new("packet type", 0, 16, Read::Named(packet_type), "whom it was for, as the capturing host saw it", RFC),
    Field::new("hardware type", 16, 16, Read::Named(hardware), "kind of interface", RFC),
    Field::new("address length", 32, 16, Read::Number, "bytes of the sender's address", RFC),
];
/// Every field of the second version before the address.
#[rustfmt::skip] // a table reads best as one
pub const FIELDS_2: &[Field] = &[
    Field::new("protocol", 0, 16, Read::NamedHex(cooked_protocol), "what follows", RFC_2),
    Field::new("reserved", 16, 16, Read::Hex, "zero", RFC_2),
    Field::new("interface", 32, 32, Read::Number, "index of the interface on the capturing host", RFC_2),
    Field::new("hardware type", 64, 16, Read::Named(hardware), "kind of interface", RFC_2),
    Field::new("packet type", 80, 8, Read::Named(packet_type), "whom it was for, as the capturing host saw it", RFC_2),
    Field::new("address length", 88, 8, Read::Number, "bytes of the sender's address", RFC_2),
];

fn packet_type(number: u16) -> Option<&'static str> {
    Some(match number {
        0 => "to this host",
        1 => "broadcast",
        2 => "multicast",
        3 => "to another host",
        4 => "sent by this host",
        _ => return None,
    })
}

/// Lays out a header of the first version.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let len = bytes.get(5).copied().unwrap_or(0);
    lay.table(FIELDS);
    address(&mut lay, len, RFC);
    let read = Read::NamedHex(cooked_protocol);
    lay.bytes(2, "protocol", read, "what follows", RFC).done()
}

/// Lays out a header of the second version.
pub fn layout_2(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let len = bytes.get(11).copied().unwrap_or(0);
    lay.table(FIELDS_2);
    address(&mut lay, len, RFC_2);
    lay.done()
}

/// The sender's address, of which there is room for eight bytes.
fn address(lay: &mut Lay<'_>, len: u8, rfc: &'static str) {
    let len = usize::from(len).min(8);
    lay.bytes(
        len,
        "source",
        Read::Hardware,
        "who sent it on this link",
        rfc,
    );
    lay.bytes(
        8 - len,
        "unused",
        Read::Bytes,
        "room for longer addresses",
        rfc,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use proptest::prelude::*;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, 6);
        assert_covers(FIELDS_2, 12);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header(bytes: [u8; LEN_2]) {
            assert_tiles(&layout_2(&bytes), LEN_2);
            assert_tiles(&layout(&bytes[..LEN]), LEN);
        }
    }
}
