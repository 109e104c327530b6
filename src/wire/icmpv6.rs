//! ICMP for IPv6: the header of every message and what each type has after it (RFC 4443; multicast
//! listeners: RFC 2710, RFC 3810, RFC 4286; node information: RFC 4620; mobility: RFC 6275; probes: RFC 8335). Neighbor discovery is in `ndp`.
//!
//! ```
//! use std::net::Ipv6Addr;
//! use wirelab::wire::icmpv6::Repr;
//!
//! // The checksum covers the addresses, so they are told.
//! let (src, dst) = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
//! let mut bytes = Vec::new();
//! Repr::echo_request(7, 1).emit(src, dst, b"abc", &mut bytes);
//!
//! let (read, data) = Repr::parse(&bytes)?;
//! assert_eq!((read.kind, data), (128, &b"abc"[..]));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::net::Ipv6Addr;

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::icmpv4::{EXTENDED_REPLY, EXTENDED_REQUEST};
use super::layout::{Lay, Layout};
use super::{echo, icmp, ndp};

/// Bytes of a message without data: type, code, checksum, and four that depend on the type.
pub const LEN: usize = icmp::LEN;
/// IP's number for it.
pub const PROTOCOL: u8 = 58;

const RFC: &str = "RFC 4443 2.1";

const TYPE: Field = Field::new(
    "type",
    0,
    8,
    Read::Named(kind),
    "what it tells; below 128 an error",
    RFC,
);
const CODE: Field = Field::new("code", 8, 8, Read::Number, "the type more closely", RFC);
const CHECKSUM: Field = Field::new(
    "checksum",
    16,
    16,
    Read::Hex,
    "covers pseudo-header and message",
    "RFC 4443 2.3",
);
const REST: Field = Field::new("rest of header", 32, 32, Read::Hex, "as the type says", RFC);

/// Every field of a message whose type says nothing of the last four bytes.
pub const FIELDS: &[Field] = &[TYPE, CODE, CHECKSUM, REST];

const ECHO: &[Field] = &[
    Field::new(
        "identifier",
        32,
        16,
        Read::Number,
        "tells one program's requests from another's",
        "RFC 4443 4.1",
    ),
    Field::new(
        "sequence number",
        48,
        16,
        Read::Number,
        "which request it is, or answers",
        "RFC 4443 4.1",
    ),
];
const ERROR: &[Field] = &[
    Field::new(
        "length",
        32,
        8,
        Read::EightBytes,
        "length of the quoted packet where extensions follow it, else 0",
        "RFC 4884 4",
    ),
    Field::new("unused", 40, 24, Read::Hex, "zero", "RFC 4443 3.1"),
];
const TOO_BIG: &[Field] = &[Field::new(
    "mtu",
    32,
    32,
    Read::Number,
    "longest packet, in bytes, that the next link takes",
    "RFC 4443 3.2",
)];
const PROBLEM: &[Field] = &[Field::new(
    "pointer",
    32,
    32,
    Read::Number,
    "which byte of the quoted packet is wrong",
    "RFC 4443 3.4",
)];
const LISTENER: &[Field] = &[
    Field::new(
        "maximum response delay",
        32,
        16,
        Read::Number,
        "of a query: milliseconds within which to answer",
        "RFC 2710 3",
    ),
    Field::new("reserved", 48, 16, Read::Hex, "zero", "RFC 2710 3"),
];
const LISTENER_V2: &[Field] = &[
    Field::new("reserved", 32, 16, Read::Hex, "zero", "RFC 3810 5.2"),
    Field::new(
        "number of records",
        48,
        16,
        Read::Number,
        "groups it reports on",
        "RFC 3810 5.2",
    ),
];
const QUERY_V2: &[Field] = &[
    Field::new("reserved", 0, 4, Read::Hex, "zero", "RFC 3810 5.1"),
    Field::flag(
        "suppress",
        4,
        "routers leave their timers as they are",
        "RFC 3810 5.1",
    ),
    Field::new(
        "robustness",
        5,
        3,
        Read::Number,
        "how often reports are repeated",
        "RFC 3810 5.1",
    ),
    Field::new(
        "query interval code",
        8,
        8,
        Read::Number,
        "seconds between queries, up to 127",
        "RFC 3810 5.1",
    ),
    Field::new(
        "number of sources",
        16,
        16,
        Read::Number,
        "source addresses that follow",
        "RFC 3810 5.1",
    ),
];
const RECORD: &[Field] = &[
    Field::new(
        "record type",
        0,
        8,
        Read::Named(record),
        "what changed for the group",
        "RFC 3810 5.2",
    ),
    Field::new(
        "auxiliary length",
        8,
        8,
        Read::Words,
        "length of what follows the sources",
        "RFC 3810 5.2",
    ),
    Field::new(
        "number of sources",
        16,
        16,
        Read::Number,
        "source addresses that follow",
        "RFC 3810 5.2",
    ),
    Field::new(
        "multicast address",
        32,
        128,
        Read::Ipv6,
        "the group",
        "RFC 3810 5.2",
    ),
];

#[rustfmt::skip] // a table reads best as one
const NODE_INFORMATION: &[Field] = &[
    Field::new("query type", 32, 16, Read::Number, "2 names, 3 IPv6 addresses, 4 IPv4 addresses", "RFC 4620 4"),
    Field::new("flags", 48, 16, Read::Hex, "as the query type says", "RFC 4620 4"),
];
const INVERSE: &[Field] = &[Field::new(
    "reserved",
    32,
    32,
    Read::Hex,
    "zero",
    "RFC 3122 2",
)];
#[rustfmt::skip] // a table reads best as one
const HOME_AGENTS: &[Field] = &[
    Field::new("identifier", 32, 16, Read::Number, "ties an answer to its question", "RFC 6275 6.5"),
    Field::new("reserved", 48, 16, Read::Hex, "zero", "RFC 6275 6.5"),
];
#[rustfmt::skip] // a table reads best as one
const MOBILE_PREFIXES: &[Field] = &[
    Field::new("identifier", 32, 16, Read::Number, "that of the solicitation", "RFC 6275 6.8"),
    Field::flag("managed", 48, "addresses are to be had by DHCPv6", "RFC 6275 6.8"),
    Field::flag("other", 49, "other settings are to be had by DHCPv6", "RFC 6275 6.8"),
    Field::new("reserved", 50, 14, Read::Hex, "zero", "RFC 6275 6.8"),
];
#[rustfmt::skip] // a table reads best as one
const ROUTERS: &[Field] = &[
    Field::new("query interval", 32, 16, Read::Number, "seconds between queries", "RFC 4286 3.1"),
    Field::new("robustness", 48, 16, Read::Number, "how often queries are repeated", "RFC 4286 3.1"),
];

/// The name of a type, whatever its code.
fn kind(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "destination unreachable",
        3 => "time exceeded",
        4 => "parameter problem",
        _ => {
            let name = icmp::name(true, u8::try_from(kind).ok()?, 0);
            return (name != "unassigned type").then_some(name);
        }
    })
}

fn record(kind: u16) -> Option<&'static str> {
    Some(match kind {
        1 => "listens to these sources",
        2 => "listens to all but these",
        3 => "now listens to these sources",
        4 => "now listens to all but these",
        5 => "allows new sources",
        6 => "blocks old sources",
        _ => return None,
    })
}

/// How a code is read: its meaning depends on the type.
fn code(kind: u8) -> Field {
    fn named<const KIND: u8>(code: u16) -> Option<&'static str> {
        Some(icmp::name(true, KIND, u8::try_from(code).ok()?))
    }
    Field {
        read: match kind {
            1 => Read::Named(named::<1>),
            3 => Read::Named(named::<3>),
            4 => Read::Named(named::<4>),
            _ => CODE.read,
        },
        ..CODE
    }
}

/// The fields of the last four bytes.
const fn rest(kind: u8) -> &'static [Field] {
    match kind {
        1 | 3 => ERROR,
        2 => TOO_BIG,
        4 => PROBLEM,
        128 | 129 => ECHO,
        130..=132 => LISTENER,
        133..=137 => ndp::rest(kind),
        139 | 140 => NODE_INFORMATION,
        141 | 142 => INVERSE,
        143 => LISTENER_V2,
        144..=146 => HOME_AGENTS,
        147 => MOBILE_PREFIXES,
        151 => ROUTERS,
        160 => EXTENDED_REQUEST,
        161 => EXTENDED_REPLY,
        _ => &[REST],
    }
}

/// Whether messages of that type quote the packet they are about: all errors do.
pub const fn quotes(kind: u8) -> bool {
    kind < 128
}

/// Lays out a message: `bytes` end where it does. Data that the type gives no fields is left over.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let &[kind, ..] = bytes else {
        return lay.done();
    };
    let mut fields = vec![TYPE, code(kind), CHECKSUM];
    fields.extend(rest(kind));
    lay.table(&fields);
    match kind {
        130..=132 => {
            let meaning = "the group; none in a query for all";
            lay.bytes(16, "multicast address", Read::Ipv6, meaning, "RFC 2710 3");
            if !lay.rest().is_empty() {
                let sources = count(lay.rest());
                lay.table(QUERY_V2);
                addresses(&mut lay, sources);
            }
        }
        133..=137 | 141 | 142 => ndp::lay(&mut lay, kind),
        139 | 140 => {
            let meaning = "ties an answer to its question";
            lay.bytes(8, "nonce", Read::Hex, meaning, "RFC 4620 4");
        }
        145 => {
            let meaning = "a home agent";
            while lay.rest().len() >= 16 {
                lay.bytes(16, "home agent", Read::Ipv6, meaning, "RFC 6275 6.6");
            }
        }
        147 => ndp::options(&mut lay),
        143 => records(&mut lay),
        _ => {}
    }
    lay.done()
}

/// The number of sources in the two bytes after the first two.
fn count(bytes: &[u8]) -> u16 {
    match *bytes {
        [_, _, high, low, ..] => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

fn addresses(lay: &mut Lay<'_>, number: u16) {
    for _ in 0..number {
        if lay.rest().len() < 16 {
            return lay.stop("there is no room for as many sources", "RFC 3810 5");
        }
        let meaning = "who sends to the group";
        lay.bytes(16, "source", Read::Ipv6, meaning, "RFC 3810 5");
    }
}

fn records(lay: &mut Lay<'_>) {
    while !lay.is_done() {
        lay.part("group record");
        let sources = count(lay.rest());
        let auxiliary = lay.rest().get(1).map_or(0, |&words| usize::from(words) * 4);
        lay.table(RECORD);
        addresses(lay, sources);
        lay.bytes(
            auxiliary,
            "auxiliary data",
            Read::Bytes,
            "not defined",
            "RFC 3810 5.2",
        );
    }
}

/// What a message says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Checksum; `None`: the right one.
    pub checksum: Option<u16>,
    /// The four bytes after it.
    pub rest: [u8; 4],
}

impl Repr {
    /// An echo request.
    pub const fn echo_request(id: u16, seq: u16) -> Self {
        Self {
            kind: echo::request(true),
            code: 0,
            checksum: None,
            rest: echo::rest(id, seq),
        }
    }

    /// Reads a message; gives what follows its first 8 bytes too.
    ///
    /// # Errors
    ///
    /// When there are fewer bytes than that.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let ([kind, code], checksum, rest, data) = icmp::split("ICMPv6", bytes)?;
        let repr = Self {
            kind,
            code,
            checksum: Some(checksum),
            rest,
        };
        Ok((repr, data))
    }

    /// Appends the message with `data` to `out`. Source and destination are those of the IP header,
    /// the final destination where a routing header has it, as the checksum covers them.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, data: &[u8], out: &mut Vec<u8>) {
        let len = (LEN + data.len()) as u32;
        let sum = Sum::pseudo_header(src.into(), dst.into(), PROTOCOL, len);
        icmp::put(
            [self.kind, self.code],
            self.checksum,
            self.rest,
            data,
            sum,
            out,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use pnet_packet::icmpv6;
    use proptest::prelude::*;

    #[test]
    fn the_tables_cover_the_header_whatever_the_type() {
        for kind in 0..=255 {
            let fields = [FIELDS.get(..3).unwrap(), rest(kind)].concat();
            assert_covers(&fields, LEN);
        }
        assert_covers(QUERY_V2, 4);
        assert_covers(RECORD, 20);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(id: u16, seq: u16, src: [u8; 16], dst: [u8; 16], data in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = Vec::new();
            let (from, to) = (Ipv6Addr::from(src), Ipv6Addr::from(dst));
            Repr::echo_request(id, seq).emit(from, to, &data, &mut bytes);
            let theirs = etherparse::Icmpv6Slice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.icmp_type(), etherparse::Icmpv6Type::EchoRequest(etherparse::IcmpEchoHeader { id, seq }));
            prop_assert!(theirs.is_checksum_valid(src, dst));
            let packet = icmpv6::Icmpv6Packet::new(&bytes).unwrap();
            prop_assert_eq!(packet.get_checksum(), icmpv6::checksum(&packet, &from, &to));
            let (again, rest) = Repr::parse(&bytes).unwrap();
            let mut twice = Vec::new();
            again.emit(from, to, rest, &mut twice);
            prop_assert_eq!(twice, bytes);
        }

        #[test]
        fn any_message_is_laid_out_as_far_as_it_goes(bytes in prop::collection::vec(any::<u8>(), 7..200), kind: u8) {
            let bytes = [&[kind][..], &bytes].concat();
            let layout = layout(&bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.len as usize >= LEN);
        }
    }
}
