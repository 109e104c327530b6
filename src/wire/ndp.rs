//! Neighbor discovery: what its messages have after type, code and checksum, and their options
//! (RFC 4861 section 4; prefixes: RFC 4862; routes: RFC 4191; DNS: RFC 8106).
//!
//! ```
//! use wirelab::wire::{icmpv6, ndp};
//!
//! // A neighbor solicitation: whose address, and where the answer goes.
//! let target: std::net::Ipv6Addr = "2001:db8::2".parse().unwrap();
//! let mut rest = target.octets().to_vec();
//! ndp::emit_option(1, &[2, 0, 0, 0, 0, 1], &mut rest);
//! let mut bytes = Vec::new();
//! let solicitation = icmpv6::Repr { kind: 135, ..icmpv6::Repr::default() };
//! solicitation.emit("2001:db8::1".parse().unwrap(), target, &rest, &mut bytes);
//!
//! let fields = icmpv6::layout(&bytes).fields;
//! let address = fields.iter().find(|it| it.field.name == "address").unwrap();
//! assert_eq!(address.part, Some("source link-layer address"));
//! assert_eq!(address.field.value(address.base(&bytes)).unwrap(), "02:00:00:00:00:01");
//! ```

use super::field::{Field, Read};
use super::layout::Lay;

const OPTION: &str = "RFC 4861 4.6";

const SOLICIT: &[Field] = &[Field::new(
    "reserved",
    32,
    32,
    Read::Hex,
    "zero",
    "RFC 4861 4",
)];
const ROUTER: &str = "RFC 4861 4.2";
const ADVERTISE_ROUTER: &[Field] = &[
    Field::new(
        "hop limit",
        32,
        8,
        Read::Number,
        "what hosts should send with; 0 says nothing",
        ROUTER,
    ),
    Field::flag("managed", 40, "addresses are to be had by DHCPv6", ROUTER),
    Field::flag(
        "other",
        41,
        "other settings are to be had by DHCPv6",
        ROUTER,
    ),
    Field::flag(
        "home agent",
        42,
        "the router is one for mobile nodes",
        "RFC 6275 7.1",
    ),
    Field::new(
        "preference",
        43,
        2,
        Read::Named(preference),
        "over other routers",
        "RFC 4191 2.2",
    ),
    Field::flag("proxy", 45, "came by way of a proxy", "RFC 4389 4.1.3.3"),
    Field::new("reserved", 46, 2, Read::Number, "zero", ROUTER),
    Field::new(
        "router lifetime",
        48,
        16,
        Read::Number,
        "seconds it may be a default router; 0: it is none",
        ROUTER,
    ),
];
const NEIGHBOR: &str = "RFC 4861 4.4";
const ADVERTISE_NEIGHBOR: &[Field] = &[
    Field::flag("router", 32, "the sender is a router", NEIGHBOR),
    Field::flag("solicited", 33, "in answer to a solicitation", NEIGHBOR),
    Field::flag("override", 34, "replaces what is known", NEIGHBOR),
    Field::new("reserved", 35, 29, Read::Hex, "zero", NEIGHBOR),
];
const PREFIX: &[Field] = &[
    Field::new(
        "prefix length",
        0,
        8,
        Read::Number,
        "bits of the prefix that count",
        "RFC 4861 4.6.2",
    ),
    Field::flag(
        "on-link",
        8,
        "its addresses are on this link",
        "RFC 4861 4.6.2",
    ),
    Field::flag(
        "autonomous",
        9,
        "hosts may make addresses of it",
        "RFC 4861 4.6.2",
    ),
    Field::flag(
        "router address",
        10,
        "the prefix holds the router's whole address",
        "RFC 6275 7.2",
    ),
    Field::new("reserved", 11, 5, Read::Hex, "zero", "RFC 4861 4.6.2"),
    Field::new(
        "valid lifetime",
        16,
        32,
        Read::Number,
        "seconds addresses of it hold; all ones is for ever",
        "RFC 4861 4.6.2",
    ),
    Field::new(
        "preferred lifetime",
        48,
        32,
        Read::Number,
        "seconds they are used for new connections",
        "RFC 4861 4.6.2",
    ),
    Field::new("reserved 2", 80, 32, Read::Hex, "zero", "RFC 4861 4.6.2"),
    Field::new(
        "prefix",
        112,
        128,
        Read::Ipv6,
        "what addresses begin with",
        "RFC 4861 4.6.2",
    ),
];
const ROUTE: &[Field] = &[
    Field::new(
        "prefix length",
        0,
        8,
        Read::Number,
        "bits of the prefix that count",
        "RFC 4191 2.3",
    ),
    Field::new("reserved", 8, 3, Read::Number, "zero", "RFC 4191 2.3"),
    Field::new(
        "preference",
        11,
        2,
        Read::Named(preference),
        "over other routers",
        "RFC 4191 2.3",
    ),
    Field::new("reserved 2", 13, 3, Read::Number, "zero", "RFC 4191 2.3"),
    Field::new(
        "lifetime",
        16,
        32,
        Read::Number,
        "seconds the route holds",
        "RFC 4191 2.3",
    ),
];
#[rustfmt::skip] // a table reads best as one
const INTERVAL: &[Field] = &[
    Field::new("reserved", 0, 16, Read::Hex, "zero", "RFC 6275 7.3"),
    Field::new("interval", 16, 32, Read::Number, "most milliseconds between two advertisements", "RFC 6275 7.3"),
];
#[rustfmt::skip] // a table reads best as one
const HOME_AGENT: &[Field] = &[
    Field::new("reserved", 0, 16, Read::Hex, "zero", "RFC 6275 7.4"),
    Field::new("preference", 16, 16, Read::Number, "over other home agents: the higher the better", "RFC 6275 7.4"),
    Field::new("lifetime", 32, 16, Read::Number, "seconds it may be one", "RFC 6275 7.4"),
];
#[rustfmt::skip] // a table reads best as one
const PREF64: &[Field] = &[
    Field::new("lifetime", 0, 13, Read::EightSeconds, "how long it may be used", "RFC 8781 4"),
    Field::new("prefix length code", 13, 3, Read::Named(pref64), "bits of the prefix that count", "RFC 8781 4"),
    Field::new("prefix", 16, 96, Read::Bytes, "what IPv4 addresses are put behind, to reach them by NAT64", "RFC 8781 4"),
];
const TYPE: Field = Field::new(
    "type",
    0,
    8,
    Read::Named(option),
    "which option it is",
    OPTION,
);
const LENGTH: Field = Field::new(
    "length",
    8,
    8,
    Read::EightBytes,
    "length of the option, type and length included",
    OPTION,
);

fn pref64(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "96 bits",
        1 => "64 bits",
        2 => "56 bits",
        3 => "48 bits",
        4 => "40 bits",
        5 => "32 bits",
        _ => return None,
    })
}

fn preference(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "medium",
        1 => "high",
        2 => "reserved",
        3 => "low",
        _ => return None,
    })
}

fn option(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "source link-layer address",
        9 => "source address list",
        10 => "target address list",
        2 => "target link-layer address",
        3 => "prefix information",
        4 => "redirected header",
        5 => "mtu",
        7 => "advertisement interval",
        8 => "home agent information",
        14 => "nonce",
        24 => "route information",
        25 => "recursive dns server",
        31 => "dns search list",
        37 => "captive portal",
        38 => "PREF64",
        _ => return None,
    })
}

/// The fields of the four bytes after the checksum.
pub(super) const fn rest(kind: u8) -> &'static [Field] {
    match kind {
        134 => ADVERTISE_ROUTER,
        136 => ADVERTISE_NEIGHBOR,
        _ => SOLICIT,
    }
}

/// Lays out what follows those, options included.
pub(super) fn lay(lay: &mut Lay<'_>, kind: u8) {
    match kind {
        134 => {
            let meaning = "milliseconds a neighbor counts as reachable; 0 says nothing";
            lay.bytes(4, "reachable time", Read::Number, meaning, ROUTER);
            let meaning = "milliseconds between solicitations; 0 says nothing";
            lay.bytes(4, "retransmission timer", Read::Number, meaning, ROUTER);
        }
        135 | 136 => {
            let meaning = "the address whose owner is asked for, or tells";
            lay.bytes(16, "target", Read::Ipv6, meaning, "RFC 4861 4.3");
        }
        137 => {
            let meaning = "where to send instead; equal to the destination if that is a neighbor";
            lay.bytes(16, "target", Read::Ipv6, meaning, "RFC 4861 4.5");
            let meaning = "packets to which address";
            lay.bytes(16, "destination", Read::Ipv6, meaning, "RFC 4861 4.5");
        }
        _ => {}
    }
    options(lay);
}

/// Lays out options up to the end of the message.
pub(super) fn options(lay: &mut Lay<'_>) {
    while let (&[kind, ref after @ ..], false) = (lay.rest(), lay.is_done()) {
        lay.part(option(kind.into()).unwrap_or("unknown option"));
        let len = after.first().map_or(0, |&len| usize::from(len) * 8);
        if len == 0 {
            let why = "the option's length is missing or 0: the next one would be itself";
            return lay.stop_after(&[TYPE, LENGTH], why, OPTION);
        }
        if len > lay.rest().len() {
            let why = "the option's length reaches beyond the message";
            return lay.stop_after(&[TYPE, LENGTH], why, OPTION);
        }
        lay.table(&[TYPE, LENGTH]);
        data(lay, kind, len - 2);
    }
}

/// Lays out the `len` bytes after type and length.
fn data(lay: &mut Lay<'_>, kind: u8, len: usize) {
    let mut left = len;
    match (kind, len) {
        (1 | 2, _) => {
            let meaning = "where on this link";
            lay.bytes(len, "address", Read::Hardware, meaning, "RFC 4861 4.6.1");
            return;
        }
        (3, 30) => {
            lay.table(PREFIX);
            return;
        }
        (4, 6..) => {
            lay.bytes(6, "reserved", Read::Hex, "zero", "RFC 4861 4.6.3");
            let meaning = "the packet that was redirected";
            lay.bytes(len - 6, "packet", Read::Bytes, meaning, "RFC 4861 4.6.3");
            return;
        }
        (5, 6) => {
            lay.bytes(2, "reserved", Read::Hex, "zero", "RFC 4861 4.6.4");
            let meaning = "longest packet, in bytes, that hosts should send on this link";
            lay.bytes(4, "mtu", Read::Number, meaning, "RFC 4861 4.6.4");
            return;
        }
        (7, 6) => {
            lay.table(INTERVAL);
            return;
        }
        (8, 6) => {
            lay.table(HOME_AGENT);
            return;
        }
        (38, 14) => {
            lay.table(PREF64);
            return;
        }
        (9 | 10, 6..) => {
            lay.bytes(6, "reserved", Read::Hex, "zero", "RFC 3122 3.1");
            left -= 6;
            while left >= 16 {
                lay.bytes(
                    16,
                    "address",
                    Read::Ipv6,
                    "an address of the interface",
                    "RFC 3122 3.1",
                );
                left -= 16;
            }
        }
        (24, 6..) => {
            lay.table(ROUTE);
            let meaning = "what addresses begin with";
            let read = if len == 22 { Read::Ipv6 } else { Read::Bytes };
            lay.bytes(len - 6, "prefix", read, meaning, "RFC 4191 2.3");
            return;
        }
        (25 | 31, 6..) => {
            lay.bytes(2, "reserved", Read::Hex, "zero", "RFC 8106 5");
            let meaning = "seconds they may be used";
            lay.bytes(4, "lifetime", Read::Number, meaning, "RFC 8106 5");
            left -= 6;
        }
        _ => {}
    }
    while kind == 25 && left >= 16 {
        let meaning = "a name server";
        lay.bytes(16, "server", Read::Ipv6, meaning, "RFC 8106 5.1");
        left -= 16;
    }
    let meaning = match kind {
        14 => "random; ties an answer to its question",
        31 => "domain names as in DNS, padded with zeros",
        37 => "the address of the portal's API, padded with zeros",
        _ => "the option's own",
    };
    lay.bytes(left, "data", Read::Bytes, meaning, OPTION);
}

/// Appends an option to `out`, padded with zeros to a multiple of 8 bytes. Its length holds the low
/// eight bits of how long it is.
pub fn emit_option(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    let whole = (data.len() + 2).next_multiple_of(8);
    let end = out.len() + whole;
    out.extend([kind, (whole / 8) as u8]);
    out.extend(data);
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::icmpv6::{LEN, layout};
    use crate::wire::layout::assert_tiles;

    fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 0, 0, 0][..], rest].concat()
    }

    #[test]
    fn the_tables_cover_the_options() {
        assert_covers(PREFIX, 30);
        assert_covers(ROUTE, 6);
        assert_covers(INTERVAL, 6);
        assert_covers(HOME_AGENT, 6);
        assert_covers(PREF64, 14);
    }

    #[test]
    fn a_router_advertisement_is_read_to_its_end() {
        let mut rest = vec![0; 8];
        emit_option(1, &[2, 0, 0, 0, 0, 1], &mut rest);
        emit_option(5, &[0, 0, 0, 0, 5, 0xdc], &mut rest);
        emit_option(3, &[64; 30], &mut rest);
        emit_option(25, &[0; 22], &mut rest);
        let bytes = message(134, &rest);
        let layout = layout(&bytes);
        assert_tiles(&layout, bytes.len());
        let parts: std::collections::BTreeSet<_> =
            layout.fields.iter().filter_map(|laid| laid.part).collect();
        assert_eq!(
            parts.into_iter().collect::<Vec<_>>(),
            [
                "mtu",
                "prefix information",
                "recursive dns server",
                "source link-layer address"
            ]
        );
        let theirs = pnet_packet::icmpv6::ndp::RouterAdvertPacket::new(&bytes).unwrap();
        assert_eq!(theirs.get_options().len(), 4);
    }

    #[test]
    fn an_option_of_no_length_ends_the_reading() {
        let bytes = message(133, &[1, 0, 0, 0, 0, 0, 0, 0]);
        let layout = layout(&bytes);
        let stop = layout.stop.unwrap();
        assert_eq!((stop.at as usize, stop.rfc), (LEN, OPTION));
        assert!(stop.why.contains("or 0"));
    }
}
