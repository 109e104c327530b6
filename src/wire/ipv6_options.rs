//! The options of IPv6's hop-by-hop and destination options headers, laid out (RFC 8200 section 4.2;
//! jumbo payload: RFC 2675; router alert: RFC 2711; others at their tables).

use super::field::{Field, Read};
use super::layout::Lay;

const RFC: &str = "RFC 8200 4.2";

/// An option's type: what to do with it when it is not known.
const OPTION_TYPE: [Field; 3] = [
    Field::new(
        "action",
        0,
        2,
        Read::Named(action),
        "what a node does that does not know it",
        RFC,
    ),
    Field::flag("may change", 2, "its data may change on the way", RFC),
    Field::new(
        "type",
        3,
        5,
        Read::Hex,
        "which option it is, with the three bits before",
        RFC,
    ),
];
const OPTION_LENGTH: Field = Field::new(
    "length",
    8,
    8,
    Read::Number,
    "bytes of the option's data",
    RFC,
);
const WHOLE_TYPE: [Field; 4] = {
    let [action, may_change, kind] = OPTION_TYPE;
    [action, may_change, kind, OPTION_LENGTH]
};

#[rustfmt::skip] // a table reads best as one
const METRICS: &[Field] = &[
    Field::new("scale received", 0, 8, Read::Number, "times two to this power: the time since the last packet came", "RFC 8250 3.2"),
    Field::new("scale sent", 8, 8, Read::Number, "times two to this power: the time since the last packet went", "RFC 8250 3.2"),
    Field::new("this packet", 16, 16, Read::Number, "number of this packet", "RFC 8250 3.2"),
    Field::new("last received", 32, 16, Read::Number, "number of the last one that came", "RFC 8250 3.2"),
    Field::new("time since received", 48, 16, Read::Number, "in attoseconds, before scaling", "RFC 8250 3.2"),
    Field::new("time since sent", 64, 16, Read::Number, "in attoseconds, before scaling", "RFC 8250 3.2"),
];
#[rustfmt::skip] // a table reads best as one
const RPL: &[Field] = &[
    Field::flag("down", 0, "goes away from the root", "RFC 6553 3"),
    Field::flag("rank error", 1, "the ranks did not fit the direction", "RFC 6553 3"),
    Field::flag("forwarding error", 2, "could not be forwarded downwards", "RFC 6553 3"),
    Field::new("flags", 3, 5, Read::Hex, "none are defined", "RFC 6553 3"),
    Field::new("instance", 8, 8, Read::Number, "which of the network's trees", "RFC 6553 3"),
    Field::new("sender rank", 16, 16, Read::Number, "how far the sender is from the root", "RFC 6553 3"),
];
/// Quick-start, the same after type and length as in IPv4.
#[rustfmt::skip] // a table reads best as one
pub(super) const QUICK_START: &[Field] = &[
    Field::new("function", 0, 4, Read::Number, "0 a request, 8 a report of the approved rate", "RFC 4782 3.1"),
    Field::new("rate", 4, 4, Read::Number, "80 kbit/s times two to this power is asked for", "RFC 4782 3.1"),
    Field::new("ttl", 8, 8, Read::Number, "counted down by routers that approve, to be compared with the header's", "RFC 4782 3.1"),
    Field::new("nonce", 16, 30, Read::Hex, "random; routers that lower the rate change it", "RFC 4782 3.1"),
    Field::new("reserved", 46, 2, Read::Hex, "zero", "RFC 4782 3.1"),
];
#[rustfmt::skip] // a table reads best as one
const PATH_MTU: &[Field] = &[
    Field::new("minimum mtu", 0, 16, Read::Number, "the smallest of the links so far, in bytes", "RFC 9268 5"),
    Field::new("returned mtu", 16, 15, Read::Number, "what came in the other direction, in units of two bytes", "RFC 9268 5"),
    Field::flag("return wanted", 31, "the receiver is asked to return it", "RFC 9268 5"),
];
#[rustfmt::skip] // a table reads best as one
const CALIPSO: &[Field] = &[
    Field::new("domain", 0, 32, Read::Number, "whose labels these are", "RFC 5570 5.1"),
    Field::new("compartment length", 32, 8, Read::Words, "length of the compartments", "RFC 5570 5.1"),
    Field::new("level", 40, 8, Read::Number, "sensitivity", "RFC 5570 5.1"),
    Field::new("checksum", 48, 16, Read::Hex, "covers the option", "RFC 5570 5.1"),
];

fn calipso(lay: &mut Lay<'_>, len: usize) {
    lay.table(CALIPSO);
    let meaning = "a bit for each";
    lay.bytes(
        len - 8,
        "compartments",
        Read::Bytes,
        meaning,
        "RFC 5570 5.1",
    );
}

fn action(action: u16) -> Option<&'static str> {
    Some(match action {
        0 => "skip it",
        1 => "discard the packet",
        2 => "discard, and send a parameter problem",
        3 => "discard, and send a parameter problem unless multicast",
        _ => return None,
    })
}

fn alert(value: u16) -> Option<&'static str> {
    Some(match value {
        0 => "multicast listener discovery",
        1 => "RSVP",
        2 => "active networks",
        _ => return None,
    })
}

const fn option_name(kind: u8) -> &'static str {
    match kind {
        0x00 => "pad1",
        0x01 => "padn",
        0x04 => "tunnel encapsulation limit",
        0x05 => "router alert",
        0x07 => "CALIPSO",
        0x08 => "SMF",
        0x0f => "performance and diagnostic metrics",
        0x26 => "quick-start",
        0x30 => "minimum path MTU",
        0x23 | 0x63 => "RPL",
        0x6d => "MPL",
        0xc2 => "jumbo payload",
        0xc9 => "home address",
        0xee => "IP_DFF",
        _ => "unknown option",
    }
}

/// Lays out options up to the end of the header.
pub(super) fn lay(lay: &mut Lay<'_>) {
    while let (&[kind, ref after @ ..], false) = (lay.rest(), lay.is_done()) {
        lay.part(option_name(kind));
        if kind == 0 {
            lay.table(&OPTION_TYPE);
            continue;
        }
        let Some(len) = after.first().map(|&len| usize::from(len)) else {
            lay.stop_after(
                &OPTION_TYPE,
                "the header ends before the option's length",
                RFC,
            );
            return;
        };
        if len + 2 > lay.rest().len() {
            lay.stop_after(
                &WHOLE_TYPE,
                "the option's length reaches beyond the header",
                RFC,
            );
            return;
        }
        lay.table(&WHOLE_TYPE);
        option(lay, kind, len);
    }
}

/// Lays out the data of an option.
fn option(lay: &mut Lay<'_>, kind: u8, len: usize) {
    match (kind, len) {
        (0x01, _) => {
            let meaning = "aligns what follows";
            lay.bytes(len, "padding", Read::Bytes, meaning, RFC);
        }
        (0x04, 1) => {
            let meaning = "tunnels it may still be put into";
            lay.bytes(1, "limit", Read::Number, meaning, "RFC 2473 4.1.1");
        }
        (0x05, 2) => {
            let read = Read::Named(alert);
            let meaning = "why routers shall look at it";
            lay.bytes(2, "value", read, meaning, "RFC 2711 2.1");
        }
        (0x07, 8..) => calipso(lay, len),
        (0x0f, 10) => {
            lay.table(METRICS);
        }
        (0x23 | 0x63, 4..) => {
            lay.table(RPL);
            let meaning = "further fields";
            lay.bytes(len - 4, "data", Read::Bytes, meaning, "RFC 6553 3");
        }
        (0x26, 6) => {
            lay.table(QUICK_START);
        }
        (0x30, 4) => {
            lay.table(PATH_MTU);
        }
        (0xc2, 4) => {
            let meaning = "bytes after the IPv6 header, in place of its own length field";
            lay.bytes(4, "length", Read::Number, meaning, "RFC 2675 2");
        }
        (0xc9, 16) => {
            let meaning = "the mobile node's address, which checksums cover instead of the source";
            lay.bytes(16, "home address", Read::Ipv6, meaning, "RFC 6275 6.3");
        }
        _ => {
            lay.bytes(len, "data", Read::Bytes, "the option's own", RFC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;

    #[test]
    fn the_tables_cover_the_options() {
        assert_covers(METRICS, 10);
        assert_covers(RPL, 4);
        assert_covers(QUICK_START, 6);
        assert_covers(PATH_MTU, 4);
        assert_covers(CALIPSO, 8);
    }
}
