//! Multipath TCP's option, whose subtypes differ in all that follows (RFC 8684 section 3).

use super::field::{Field, Read};
use super::layout::Lay;

const RFC: &str = "RFC 8684 3";

const SUBTYPE: Field = Field::new(
    "subtype",
    0,
    4,
    Read::Named(subtype),
    "what the rest is",
    RFC,
);
/// Subtype and twelve bits of nothing.
#[rustfmt::skip] // a table reads best as one
const PLAIN: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 12, Read::Hex, "zero", RFC),
];
#[rustfmt::skip] // a table reads best as one
const CAPABLE: &[Field] = &[
    SUBTYPE,
    Field::new("version", 4, 4, Read::Number, "1 as of RFC 8684, 0 as of RFC 6824", "RFC 8684 3.1"),
    Field::flag("checksum required", 8, "A: data sequence mappings carry a checksum", "RFC 8684 3.1"),
    Field::flag("extensibility", 9, "B: zero", "RFC 8684 3.1"),
    Field::flag("no more subflows", 10, "C: not to this address and port", "RFC 8684 3.1"),
    Field::new("reserved", 11, 4, Read::Hex, "D to G: other algorithms", "RFC 8684 3.1"),
    Field::flag("HMAC-SHA256", 15, "H: the algorithm that proves who adds a subflow", "RFC 8684 3.1"),
];
#[rustfmt::skip] // a table reads best as one
const JOIN: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 3, Read::Hex, "zero", "RFC 8684 3.2"),
    Field::flag("backup", 7, "to be used when the others fail", "RFC 8684 3.2"),
    Field::new("address id", 8, 8, Read::Number, "the sender's name for the address it comes from", "RFC 8684 3.2"),
];
#[rustfmt::skip] // a table reads best as one
const DATA_SEQUENCE: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 7, Read::Hex, "zero", "RFC 8684 3.3"),
    Field::flag("data fin", 11, "F: no more data on the whole connection", "RFC 8684 3.3"),
    Field::flag("long sequence number", 12, "m: it has 8 bytes, not 4", "RFC 8684 3.3"),
    Field::flag("mapping", 13, "M: sequence number, subflow sequence number and length are there", "RFC 8684 3.3"),
    Field::flag("long ack", 14, "a: it has 8 bytes, not 4", "RFC 8684 3.3"),
    Field::flag("ack", 15, "A: the data ack is there", "RFC 8684 3.3"),
];
#[rustfmt::skip] // a table reads best as one
const ADD_ADDRESS: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 3, Read::Hex, "zero", "RFC 8684 3.4.1"),
    Field::flag("echo", 7, "says that the other's was received", "RFC 8684 3.4.1"),
    Field::new("address id", 8, 8, Read::Number, "the sender's name for it", "RFC 8684 3.4.1"),
];
#[rustfmt::skip] // a table reads best as one
const REMOVE_ADDRESS: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 4, Read::Hex, "zero", "RFC 8684 3.4.2"),
];
#[rustfmt::skip] // a table reads best as one
const PRIORITY: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 3, Read::Hex, "zero", "RFC 8684 3.3.8"),
    Field::flag("backup", 7, "to be used when the others fail", "RFC 8684 3.3.8"),
];
#[rustfmt::skip] // a table reads best as one
const RESET: &[Field] = &[
    SUBTYPE,
    Field::new("reserved", 4, 3, Read::Hex, "U, V, W: zero", "RFC 8684 3.6"),
    Field::flag("transient", 7, "T: a new subflow may succeed", "RFC 8684 3.6"),
    Field::new("reason", 8, 8, Read::Named(reason), "why the subflow is aborted", "RFC 8684 3.6"),
];

fn subtype(subtype: u16) -> Option<&'static str> {
    Some(match subtype {
        0 => "MP_CAPABLE",
        1 => "MP_JOIN",
        2 => "DSS",
        3 => "ADD_ADDR",
        4 => "REMOVE_ADDR",
        5 => "MP_PRIO",
        6 => "MP_FAIL",
        7 => "MP_FASTCLOSE",
        8 => "MP_TCPRST",
        15 => "experiment",
        _ => return None,
    })
}

fn reason(reason: u16) -> Option<&'static str> {
    Some(match reason {
        0 => "unspecified",
        1 => "MPTCP-specific",
        2 => "no resources",
        3 => "administratively prohibited",
        4 => "too much outstanding data",
        5 => "unacceptable performance",
        6 => "middlebox interference",
        _ => return None,
    })
}

/// Lays out the `len` bytes after kind and length.
pub(super) fn lay(lay: &mut Lay<'_>, len: usize) {
    let &[first, ref after @ ..] = lay.rest() else {
        return;
    };
    let second = after.first().copied().unwrap_or(0);
    let before = lay.rest().len();
    let number = |lay: &mut Lay<'_>, len, name, meaning, rfc| {
        lay.bytes(len, name, Read::Number, meaning, rfc);
    };
    match (first >> 4, len) {
        (0, 2..) => {
            lay.table(CAPABLE);
            capable(lay, len - 2);
        }
        (1, 2..) => {
            lay.table(if len == 22 { PLAIN } else { JOIN });
            join(lay, len);
        }
        (2, 2..) => {
            lay.table(DATA_SEQUENCE);
            data_sequence(lay, len - 2, second);
        }
        (3, 2..) => {
            lay.table(ADD_ADDRESS);
            address(lay, len - 2);
        }
        (4, 1..) => {
            lay.table(REMOVE_ADDRESS);
            for _ in 1..len {
                number(
                    lay,
                    1,
                    "address id",
                    "which is no longer there",
                    "RFC 8684 3.4.2",
                );
            }
        }
        (5, 1 | 2) => {
            lay.table(PRIORITY);
            number(
                lay,
                len - 1,
                "address id",
                "whose subflows",
                "RFC 8684 3.3.8",
            );
        }
        (6, 10) => {
            lay.table(PLAIN);
            let meaning = "data is lost from here on";
            number(lay, 8, "data sequence number", meaning, "RFC 8684 3.7");
        }
        (7, 10) => {
            lay.table(PLAIN);
            let meaning = "proves that the sender knows it";
            lay.bytes(8, "receiver's key", Read::Hex, meaning, "RFC 8684 3.5");
        }
        (8, 2) => {
            lay.table(RESET);
        }
        _ => {}
    }
    let left = (len + lay.rest().len()).saturating_sub(before);
    lay.bytes(left, "data", Read::Bytes, "the subtype's own", RFC);
}

/// The keys of the two ends, and a mapping of the first data.
fn capable(lay: &mut Lay<'_>, mut left: usize) {
    let rfc = "RFC 8684 3.1";
    let keys = [
        (
            "sender's key",
            "proves later subflows to be of the same end",
        ),
        ("receiver's key", "that of the other end, sent back"),
    ];
    for (name, meaning) in keys {
        if left >= 8 {
            lay.bytes(8, name, Read::Hex, meaning, rfc);
            left -= 8;
        }
    }
    if left >= 2 {
        let meaning = "bytes of data it covers, from the first on";
        lay.bytes(2, "data length", Read::Number, meaning, rfc);
    }
    if left >= 4 {
        lay.bytes(2, "data checksum", Read::Hex, "covers them", rfc);
    }
}

/// What the three segments that open a subflow prove to each other.
fn join(lay: &mut Lay<'_>, len: usize) {
    let rfc = "RFC 8684 3.2";
    match len {
        10 => {
            let meaning = "hash of the receiver's key: which connection to join";
            lay.bytes(4, "receiver's token", Read::Hex, meaning, rfc);
        }
        14 => {
            let meaning = "proof that the sender has both keys, its first 8 bytes";
            lay.bytes(8, "truncated hmac", Read::Hex, meaning, rfc);
        }
        22 => {
            let meaning = "proof that the sender has both keys";
            lay.bytes(20, "hmac", Read::Bytes, meaning, rfc);
            return;
        }
        _ => return,
    }
    let meaning = "goes into the other's proof";
    lay.bytes(4, "random number", Read::Hex, meaning, rfc);
}

/// What the flags say is there.
fn data_sequence(lay: &mut Lay<'_>, mut left: usize, flags: u8) {
    let rfc = "RFC 8684 3.3";
    let mut field = |lay: &mut Lay<'_>, len: usize, name, read, meaning| {
        if left >= len {
            lay.bytes(len, name, read, meaning, rfc);
            left -= len;
        }
    };
    let number = Read::Number;
    if flags & 0x01 != 0 {
        let len = if flags & 0x02 == 0 { 4 } else { 8 };
        let meaning = "the next byte of the whole connection its sender expects";
        field(lay, len, "data ack", number, meaning);
    }
    if flags & 0x04 != 0 {
        let len = if flags & 0x08 == 0 { 4 } else { 8 };
        let meaning = "where in the whole connection the mapping begins";
        field(lay, len, "data sequence number", number, meaning);
        let meaning = "where in this subflow, counted from its first sequence number";
        field(lay, 4, "subflow sequence number", number, meaning);
        field(lay, 2, "data length", number, "bytes that are mapped");
        field(lay, 2, "data checksum", Read::Hex, "covers them");
    }
}

/// An address, a port, and a proof.
fn address(lay: &mut Lay<'_>, mut left: usize) {
    let rfc = "RFC 8684 3.4.1";
    let (len, read) = match left {
        4 | 6 | 12 | 14 => (4, Read::Ipv4),
        16.. => (16, Read::Ipv6),
        _ => return,
    };
    lay.bytes(len, "address", read, "where another subflow may go", rfc);
    left -= len;
    if left % 8 == 2 {
        lay.bytes(2, "port", Read::Number, "the port there", rfc);
        left -= 2;
    }
    if left == 8 {
        let meaning = "proof that the sender has both keys, its last 8 bytes";
        lay.bytes(8, "truncated hmac", Read::Hex, meaning, rfc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use crate::wire::tcp::layout;
    use proptest::prelude::*;

    #[test]
    fn the_tables_cover_the_subtypes() {
        for table in [PLAIN, CAPABLE, JOIN, DATA_SEQUENCE, ADD_ADDRESS, RESET] {
            assert_covers(table, 2);
        }
        assert_covers(REMOVE_ADDRESS, 1);
        assert_covers(PRIORITY, 1);
    }

    proptest! {
        #[test]
        fn every_byte_of_any_of_them_is_laid_out(data in prop::collection::vec(any::<u8>(), 0..37)) {
            let mut header = vec![0; 20];
            header.extend([30, data.len() as u8 + 2]);
            header.extend(data);
            assert_tiles(&layout(&header), header.len());
        }
    }
}
