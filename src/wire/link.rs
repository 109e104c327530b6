//! Small headers that links put first: BSD's loopback (`LINKTYPE_NULL`, `LINKTYPE_LOOP` of tcpdump.org),
//! ARCNET (RFC 1201, RFC 1051), and 802.2 with SNAP behind 802.3 lengths (IEEE 802.2, RFC 1042).

use super::field::{Field, Read};
use super::layout::{Lay, Layout};
use super::names::ethertype;

const NULL: &str = "LINKTYPE_NULL";
const LLC: &str = "IEEE 802.2 3";
const SNAP: &str = "RFC 1042";
const ARCNET: &str = "RFC 1201 2";

/// Every field of a loopback header.
#[rustfmt::skip] // a table reads best as one
pub const LOOPBACK_FIELDS: &[Field] = &[
    Field::new("family", 0, 32, Read::OwnOrder(family), "what follows, as the capturing system numbers address families, in its byte order", NULL),
];
/// Every field of a logical link control header.
#[rustfmt::skip] // a table reads best as one
pub const LLC_FIELDS: &[Field] = &[
    Field::new("destination access point", 0, 8, Read::NamedHex(access_point), "what the payload is", LLC),
    Field::new("source access point", 8, 8, Read::NamedHex(access_point), "the same for the sender; its lowest bit tells commands from responses", LLC),
    Field::new("control", 16, 8, Read::NamedHex(control), "which kind of frame", LLC),
];
/// Every field of what SNAP adds to it.
#[rustfmt::skip] // a table reads best as one
pub const SNAP_FIELDS: &[Field] = &[
    Field::new("organization", 0, 24, Read::Hex, "whose numbers the type is of; 0: Ethernet types", SNAP),
    Field::new("type", 24, 16, Read::NamedHex(ethertype), "what follows", SNAP),
];
/// Every field of what some systems put before PPP.
#[rustfmt::skip] // a table reads best as one
pub const DIRECTION_FIELDS: &[Field] = &[
    Field::new("direction", 0, 8, Read::Named(direction), "as the capturing host saw it", "LINKTYPE_PPP_WITH_DIR"),
];
/// What every ARCNET header begins with.
#[rustfmt::skip] // a table reads best as one
pub const ARCNET_FIELDS: &[Field] = &[
    Field::new("source", 0, 8, Read::Hex, "the card that sent it on this link", ARCNET),
    Field::new("destination", 8, 8, Read::Hex, "whose card is to take it; 0 is everybody", ARCNET),
];
const ARCNET_PROTOCOL: Field = Field::new(
    "protocol",
    0,
    8,
    Read::Named(arcnet),
    "what follows",
    ARCNET,
);
#[rustfmt::skip] // a table reads best as one
const ARCNET_SPLIT: &[Field] = &[
    Field::new("split flag", 0, 8, Read::Hex, "whether the packet is split, and which part this is", ARCNET),
    Field::new("sequence number", 8, 16, Read::Number, "the same for all parts of a packet", ARCNET),
];

fn family(family: u16) -> Option<&'static str> {
    Some(match family {
        2 => "IPv4",
        10 => "IPv6 (Linux)",
        24 => "IPv6 (NetBSD, OpenBSD)",
        28 => "IPv6 (FreeBSD)",
        30 => "IPv6 (macOS)",
        _ => return None,
    })
}

fn direction(direction: u16) -> Option<&'static str> {
    Some(match direction {
        0 => "received",
        1 => "sent",
        _ => return None,
    })
}

fn access_point(number: u16) -> Option<&'static str> {
    Some(match number {
        0x06 => "IP",
        0x42 => "spanning tree",
        0xaa | 0xab => "SNAP",
        0xe0 => "IPX",
        0xf0 => "NetBIOS",
        0xfe => "ISO network layer",
        _ => return None,
    })
}

fn control(number: u16) -> Option<&'static str> {
    (number == 3).then_some("unnumbered information")
}

fn arcnet(number: u16) -> Option<&'static str> {
    Some(match number {
        196 => "IPv6",
        212 => "IPv4",
        213 => "ARP",
        214 => "RARP",
        240 => "IPv4, RFC 1051",
        241 => "ARP, RFC 1051",
        _ => return None,
    })
}

/// Lays out a loopback header.
pub fn loopback(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(LOOPBACK_FIELDS).done()
}

/// Lays out the byte that tells the direction.
pub fn direction_of(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(DIRECTION_FIELDS).done()
}

/// Lays out a logical link control header; SNAP follows where there is room for it.
pub fn llc(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(LLC_FIELDS);
    if bytes.len() > 3 {
        lay.part("SNAP").table(SNAP_FIELDS);
    }
    lay.done()
}

/// Lays out an ARCNET header as BSD captures it.
pub fn bsd_arcnet(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(ARCNET_FIELDS).table(&[ARCNET_PROTOCOL]);
    if bytes.len() > 6 {
        lay.part("exception");
        let meaning = "an exception packet: the part's length would not be one that ARCNET has";
        lay.bytes(1, "exception flag", Read::Hex, meaning, ARCNET);
        lay.bytes(3, "padding", Read::Bytes, "makes it longer", ARCNET);
    }
    lay.table(ARCNET_SPLIT).done()
}

/// Lays out an ARCNET header as Linux captures it.
pub fn linux_arcnet(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(ARCNET_FIELDS);
    let meaning = "where in the card's buffer the packet begins";
    lay.bytes(2, "offset", Read::Bytes, meaning, "LINKTYPE_ARCNET_LINUX");
    lay.table(&[ARCNET_PROTOCOL]).table(ARCNET_SPLIT).done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(LOOPBACK_FIELDS, 4);
        assert_covers(DIRECTION_FIELDS, 1);
        assert_covers(LLC_FIELDS, 3);
        assert_covers(SNAP_FIELDS, 5);
        assert_covers(ARCNET_FIELDS, 2);
        assert_covers(ARCNET_SPLIT, 3);
        for len in [3, 6, 10] {
            assert_tiles(&bsd_arcnet(&[0; 10][..len]), len);
        }
        for len in [5, 8] {
            assert_tiles(&linux_arcnet(&[0; 8][..len]), len);
        }
    }

    #[test]
    fn a_family_is_read_in_either_byte_order() {
        let [field] = LOOPBACK_FIELDS else { panic!() };
        for bytes in [[0, 0, 0, 30], [30, 0, 0, 0]] {
            assert_eq!(field.value(&bytes).unwrap(), "30 (IPv6 (macOS))");
        }
    }
}
