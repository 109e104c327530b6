//! ICMP for IPv4: the header of every message and what each type has after it (RFC 792; path MTU:
//! RFC 1191; router discovery: RFC 1256; extensions: RFC 4884; probes: RFC 8335).
//!
//! ```
//! use wirelab::wire::icmpv4::{Repr, layout};
//!
//! let mut bytes = Vec::new();
//! Repr::echo_request(7, 1).emit(b"abc", &mut bytes);
//!
//! let (read, data) = Repr::parse(&bytes)?;
//! assert_eq!((read.kind, read.rest, data), (8, [0, 7, 0, 1], &b"abc"[..]));
//!
//! // Field by field, with where each is and what it is for.
//! let fields = layout(&bytes).fields;
//! let identifier = fields.iter().find(|it| it.field.name == "identifier").unwrap();
//! assert_eq!(identifier.first_bit(), 32);
//! assert_eq!(identifier.field.value(&bytes).unwrap(), "7");
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};
use super::{echo, icmp};

/// Bytes of a message without data: type, code, checksum, and four that depend on the type.
pub const LEN: usize = icmp::LEN;
/// IP's number for it.
pub const PROTOCOL: u8 = 1;

const RFC: &str = "RFC 792";

const TYPE: Field = Field::new("type", 0, 8, Read::Named(kind), "what it tells", RFC);
const CODE: Field = Field::new("code", 8, 8, Read::Number, "the type more closely", RFC);
const CHECKSUM: Field = Field::new(
    "checksum",
    16,
    16,
    Read::Hex,
    "covers the message, without a pseudo-header",
    RFC,
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
        RFC,
    ),
    Field::new(
        "sequence number",
        48,
        16,
        Read::Number,
        "which request it is, or answers",
        RFC,
    ),
];
const UNUSED: &[Field] = &[Field::new("unused", 32, 32, Read::Hex, "zero", RFC)];
/// Errors that may say how long the quoted datagram is.
const ERROR: &[Field] = &[
    Field::new("unused", 32, 8, Read::Hex, "zero", RFC),
    Field::new(
        "length",
        40,
        8,
        Read::Words,
        "length of the quoted datagram where extensions follow it, else 0",
        "RFC 4884 4",
    ),
    Field::new("unused 2", 48, 16, Read::Hex, "zero", RFC),
];
const TOO_BIG: &[Field] = &[
    Field::new("unused", 32, 8, Read::Hex, "zero", RFC),
    Field::new(
        "length",
        40,
        8,
        Read::Words,
        "length of the quoted datagram where extensions follow it, else 0",
        "RFC 4884 4",
    ),
    Field::new(
        "next-hop mtu",
        48,
        16,
        Read::Number,
        "longest datagram, in bytes, that the next link takes; 0 from routers that don't say",
        "RFC 1191 4",
    ),
];
const PROBLEM: &[Field] = &[
    Field::new(
        "pointer",
        32,
        8,
        Read::Number,
        "which byte of the quoted datagram is wrong",
        RFC,
    ),
    Field::new(
        "length",
        40,
        8,
        Read::Words,
        "length of the quoted datagram where extensions follow it, else 0",
        "RFC 4884 4",
    ),
    Field::new("unused", 48, 16, Read::Hex, "zero", RFC),
];
const REDIRECT: &[Field] = &[Field::new(
    "gateway",
    32,
    32,
    Read::Ipv4,
    "the router to use instead",
    RFC,
)];
const ADVERTISEMENT: &[Field] = &[
    Field::new(
        "number of addresses",
        32,
        8,
        Read::Number,
        "router addresses that follow",
        "RFC 1256 3",
    ),
    Field::new(
        "entry size",
        40,
        8,
        Read::Words,
        "length of each",
        "RFC 1256 3",
    ),
    Field::new(
        "lifetime",
        48,
        16,
        Read::Number,
        "seconds they hold",
        "RFC 1256 3",
    ),
];
pub(super) const EXTENDED_REQUEST: &[Field] = &[
    Field::new(
        "identifier",
        32,
        16,
        Read::Number,
        "tells one program's requests from another's",
        "RFC 8335 2",
    ),
    Field::new(
        "sequence number",
        48,
        8,
        Read::Number,
        "which request it is",
        "RFC 8335 2",
    ),
    Field::new("reserved", 56, 7, Read::Hex, "zero", "RFC 8335 2"),
    Field::flag("local", 63, "the interface is the node's own", "RFC 8335 2"),
];
pub(super) const EXTENDED_REPLY: &[Field] = &[
    Field::new(
        "identifier",
        32,
        16,
        Read::Number,
        "that of the request",
        "RFC 8335 3",
    ),
    Field::new(
        "sequence number",
        48,
        8,
        Read::Number,
        "that of the request",
        "RFC 8335 3",
    ),
    Field::new(
        "state",
        56,
        3,
        Read::Number,
        "of the neighbor entry",
        "RFC 8335 3",
    ),
    Field::new("reserved", 59, 2, Read::Hex, "zero", "RFC 8335 3"),
    Field::flag("active", 61, "the interface is up", "RFC 8335 3"),
    Field::flag("ipv4", 62, "it has IPv4", "RFC 8335 3"),
    Field::flag("ipv6", 63, "it has IPv6", "RFC 8335 3"),
];
const TIMES: &[(&str, &str)] = &[
    (
        "originate timestamp",
        "when the request was sent, in milliseconds since midnight UT",
    ),
    (
        "receive timestamp",
        "when it arrived, in milliseconds since midnight UT",
    ),
    (
        "transmit timestamp",
        "when the reply was sent, in milliseconds since midnight UT",
    ),
];

/// The name of a type, whatever its code.
fn kind(kind: u16) -> Option<&'static str> {
    Some(match kind {
        3 => "destination unreachable",
        5 => "redirect",
        11 => "time exceeded",
        12 => "parameter problem",
        _ => {
            let name = icmp::name(false, u8::try_from(kind).ok()?, 0);
            return (name != "unassigned type").then_some(name);
        }
    })
}

/// How a code is read: its meaning depends on the type.
fn code(kind: u8) -> Field {
    fn named<const KIND: u8>(code: u16) -> Option<&'static str> {
        Some(icmp::name(false, KIND, u8::try_from(code).ok()?))
    }
    Field {
        read: match kind {
            3 => Read::Named(named::<3>),
            5 => Read::Named(named::<5>),
            11 => Read::Named(named::<11>),
            12 => Read::Named(named::<12>),
            _ => CODE.read,
        },
        ..CODE
    }
}

/// The fields of the last four bytes.
const fn rest(kind: u8, code: u8) -> &'static [Field] {
    match (kind, code) {
        (0 | 8 | 13..=18, _) => ECHO,
        (3, 4) => TOO_BIG,
        (3 | 11, _) => ERROR,
        (4 | 10, _) => UNUSED,
        (5, _) => REDIRECT,
        (9, _) => ADVERTISEMENT,
        (12, _) => PROBLEM,
        (42, _) => EXTENDED_REQUEST,
        (43, _) => EXTENDED_REPLY,
        _ => &[REST],
    }
}

/// Whether messages of that type quote the packet they are about.
pub const fn quotes(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// Lays out a message: `bytes` end where it does. Data that the type gives no fields is left over.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let &[kind, ref after @ ..] = bytes else {
        return lay.done();
    };
    let mut fields = vec![TYPE, code(kind), CHECKSUM];
    fields.extend(rest(kind, after.first().copied().unwrap_or(0)));
    lay.table(&fields);
    match kind {
        13 | 14 => {
            for (name, meaning) in TIMES {
                lay.bytes(4, name, Read::Number, meaning, RFC);
            }
        }
        17 | 18 => {
            lay.bytes(4, "address mask", Read::Ipv4, "of the subnet", "RFC 950");
        }
        9 => routers(&mut lay, after),
        _ => {}
    }
    lay.done()
}

/// Lays out the addresses of a router advertisement.
fn routers(lay: &mut Lay<'_>, after: &[u8]) {
    let number = after.get(3).copied().unwrap_or(0);
    let size = after.get(4).map_or(0, |&words| usize::from(words) * 4);
    lay.part("routers");
    for _ in 0..number {
        if size < 8 || lay.rest().len() < size {
            let why = "there is no room for as many addresses, or less than an address for each";
            return lay.stop(why, "RFC 1256 3");
        }
        let rfc = "RFC 1256 3";
        lay.bytes(4, "address", Read::Ipv4, "a router", rfc);
        let meaning = "the higher the better, as a signed number";
        lay.bytes(4, "preference", Read::Hex, meaning, rfc);
        lay.bytes(size - 8, "data", Read::Bytes, "not defined", rfc);
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
            kind: echo::request(false),
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
        let ([kind, code], checksum, rest, data) = icmp::split("ICMP", bytes)?;
        let repr = Self {
            kind,
            code,
            checksum: Some(checksum),
            rest,
        };
        Ok((repr, data))
    }

    /// Appends the message with `data` to `out`.
    pub fn emit(&self, data: &[u8], out: &mut Vec<u8>) {
        let kind = [self.kind, self.code];
        icmp::put(kind, self.checksum, self.rest, data, Sum::new(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use pnet_packet::Packet as _;
    use proptest::prelude::*;

    #[test]
    fn the_tables_cover_the_header_whatever_the_type() {
        for (kind, code) in (0..=255).flat_map(|kind| (0..6).map(move |code| (kind, code))) {
            let fields = [FIELDS.get(..3).unwrap(), rest(kind, code)].concat();
            assert_covers(&fields, LEN);
        }
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(id: u16, seq: u16, data in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = Vec::new();
            Repr::echo_request(id, seq).emit(&data, &mut bytes);
            let theirs = etherparse::Icmpv4Slice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.icmp_type(), etherparse::Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader { id, seq }));
            prop_assert_eq!(theirs.checksum(), theirs.icmp_type().calc_checksum(&data));
            let packet = pnet_packet::icmp::IcmpPacket::new(&bytes).unwrap();
            prop_assert_eq!(packet.get_checksum(), pnet_packet::icmp::checksum(&packet));
            let packet = pnet_packet::icmp::echo_request::EchoRequestPacket::new(&bytes).unwrap();
            prop_assert_eq!((packet.get_identifier(), packet.get_sequence_number()), (id, seq));
            prop_assert_eq!(packet.payload(), &data);
            let (again, rest) = Repr::parse(&bytes).unwrap();
            let mut twice = Vec::new();
            again.emit(rest, &mut twice);
            prop_assert_eq!(twice, bytes);
        }

        #[test]
        fn any_message_is_laid_out_as_far_as_it_goes(bytes in prop::collection::vec(any::<u8>(), 7..100), kind in 0..50_u8) {
            let bytes = [&[kind][..], &bytes].concat();
            let layout = layout(&bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.len as usize >= LEN);
        }
    }

    #[test]
    fn a_code_is_named_by_its_type() {
        let mut bytes = Vec::new();
        let repr = Repr {
            kind: 3,
            code: 4,
            rest: [0, 0, 0x05, 0x14],
            ..Repr::default()
        };
        repr.emit(&[], &mut bytes);
        let layout = layout(&bytes);
        let values: Vec<_> = layout
            .fields
            .iter()
            .map(|laid| laid.field.value(&bytes).unwrap())
            .collect();
        assert_eq!(
            values,
            [
                "3 (destination unreachable)",
                "4 (fragmentation needed)",
                "0xf7e7",
                "0x00",
                "0 (0 bytes)",
                "1300"
            ]
        );
    }
}
