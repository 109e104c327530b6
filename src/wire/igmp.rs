//! IGMP, by which hosts tell routers which groups they listen to: version 1 (RFC 1112 appendix I), 2
//! (RFC 2236) and 3 (RFC 3376, which RFC 9776 replaces with the same messages; RFC 9279 for what may
//! follow them). For IPv6 it is part of ICMPv6.
//!
//! ```
//! use wirelab::wire::igmp::{JOINS, Repr};
//!
//! // "From now on I listen to 239.1.2.3, whoever sends to it."
//! let mut bytes = Vec::new();
//! Repr::report_3(&[(JOINS, [239, 1, 2, 3].into(), &[])]).emit(&mut bytes);
//!
//! let (read, records) = Repr::parse(&bytes)?;
//! assert_eq!((read.kind, records.len()), (0x22, 8));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};

/// Bytes of every message but a query of version 3: type, a time, checksum, and four that depend on the type.
pub const LEN: usize = 8;
/// Bytes of a query of version 3 without sources.
pub const QUERY_3_LEN: usize = 12;
/// IP's number for it.
pub const PROTOCOL: u8 = 2;
/// The type of a query.
pub const QUERY: u8 = 0x11;
/// The type of a report of version 3.
pub const REPORT_3: u8 = 0x22;
/// A record's type: from now on everybody who sends to the group is listened to.
pub const JOINS: u8 = 4;
/// A record's type: from now on only these sources are listened to; with none, the group is left.
pub const LISTENS_TO: u8 = 3;

const TYPE: Field = Field::new(
    "type",
    0,
    8,
    Read::NamedHex(kind),
    "question, report or farewell",
    "RFC 3376 4",
);
const CHECKSUM: Field = Field::new(
    "checksum",
    16,
    16,
    Read::Hex,
    "covers the whole message; there is no pseudo-header",
    "RFC 3376 4.1.2",
);
const UNUSED: Field = Field::new("unused", 8, 8, Read::Hex, "zero", "RFC 1112 I");
const RESERVED: Field = Field::new("reserved", 8, 8, Read::Hex, "zero", "RFC 3376 4.2.1");
const IN_TENTHS: Field = Field::new(
    "max response time",
    8,
    8,
    Read::Tenths,
    "reports come at a random moment within it, so that not all come at once",
    "RFC 2236 2.2",
);
const IN_TENTHS_CODED: Field = Field::new(
    "max response code",
    8,
    8,
    Read::TenthsCode,
    "reports come at a random moment within it; from 128 on it is mantissa and exponent",
    "RFC 3376 4.1.1",
);
const GROUP: Field = Field::new(
    "group address",
    32,
    32,
    Read::Ipv4,
    "the group it is about; 0.0.0.0 in a query for all",
    "RFC 2236 2.4",
);
const REST: Field = Field::new(
    "rest of header",
    32,
    32,
    Read::Hex,
    "as the type says",
    "RFC 3376 4",
);

/// Every field of a message of version 2.
pub const FIELDS: &[Field] = &[TYPE, IN_TENTHS, CHECKSUM, GROUP];

const VERSION_1: &[Field] = &[TYPE, UNUSED, CHECKSUM, GROUP];
const OTHER: &[Field] = &[TYPE, UNUSED, CHECKSUM, REST];
#[rustfmt::skip] // a table reads best as one
const QUERY_3: &[Field] = &[
    TYPE,
    IN_TENTHS_CODED,
    CHECKSUM,
    GROUP,
    Field::flag("extended", 64, "extensions follow the sources", "RFC 9279 3"),
    Field::new("reserved bits", 65, 3, Read::Hex, "zero", "RFC 3376 4.1.4"),
    Field::flag("suppress", 68, "routers are not to take this query for a reason to wait", "RFC 3376 4.1.5"),
    Field::new("robustness", 69, 3, Read::Number, "how often reports are repeated against loss", "RFC 3376 4.1.6"),
    Field::new("query interval code", 72, 8, Read::SecondsCode, "between queries; from 128 on it is mantissa and exponent", "RFC 3376 4.1.7"),
    Field::new("number of sources", 80, 16, Read::Number, "source addresses that follow", "RFC 3376 4.1.8"),
];
#[rustfmt::skip] // a table reads best as one
const REPORT: &[Field] = &[
    TYPE,
    RESERVED,
    CHECKSUM,
    Field::flag("extended", 32, "extensions follow the records", "RFC 9279 3"),
    Field::new("reserved bits", 33, 15, Read::Hex, "zero", "RFC 3376 4.2.1"),
    Field::new("number of records", 48, 16, Read::Number, "group records that follow", "RFC 3376 4.2.3"),
];
#[rustfmt::skip] // a table reads best as one
const RECORD: &[Field] = &[
    Field::new("record type", 0, 8, Read::Named(record), "what is listened to, or what changed", "RFC 3376 4.2.12"),
    Field::new("auxiliary length", 8, 8, Read::Words, "length of what follows the sources", "RFC 3376 4.2.6"),
    Field::new("number of sources", 16, 16, Read::Number, "source addresses that follow", "RFC 3376 4.2.7"),
    Field::new("group address", 32, 32, Read::Ipv4, "the group it is about", "RFC 3376 4.2.8"),
];
#[rustfmt::skip] // a table reads best as one
const EXTENSION: &[Field] = &[
    Field::new("extension type", 0, 16, Read::Number, "what it is", "RFC 9279 3"),
    Field::new("extension length", 16, 16, Read::Number, "bytes of its value", "RFC 9279 3"),
];

/// The name of a type.
pub const fn name(kind: u8) -> &'static str {
    match kind {
        QUERY => "membership query",
        0x12 => "version 1 membership report",
        0x13 => "DVMRP",
        0x14 => "PIM version 1",
        0x16 => "version 2 membership report",
        0x17 => "leave group",
        0x1e => "multicast traceroute response",
        0x1f => "multicast traceroute query",
        REPORT_3 => "version 3 membership report",
        0x30 => "multicast router advertisement",
        0x31 => "multicast router solicitation",
        0x32 => "multicast router termination",
        _ => "unassigned type",
    }
}

fn kind(kind: u16) -> Option<&'static str> {
    let name = name(u8::try_from(kind).ok()?);
    (name != "unassigned type").then_some(name)
}

/// What a record's type says of its sources.
pub const fn record_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 => "listens to these sources",
        2 => "listens to all but these",
        LISTENS_TO => "now listens to these sources",
        JOINS => "now listens to all but these",
        5 => "allows new sources",
        6 => "blocks old sources",
        _ => return None,
    })
}

fn record(kind: u16) -> Option<&'static str> {
    record_name(u8::try_from(kind).ok()?)
}

/// Which version of IGMP a message is of, if its type is of one. Queries are told by their length, and the
/// first version by its time of zero (RFC 3376 section 7.1); one of 9, 10 or 11 bytes is of none.
pub fn version(message: &[u8]) -> Option<u8> {
    let (&kind, &time) = (message.first()?, message.get(1)?);
    match (kind, message.len()) {
        (QUERY, QUERY_3_LEN..) => Some(3),
        (QUERY, LEN) if time == 0 => Some(1),
        (QUERY, LEN) => Some(2),
        (0x12, _) => Some(1),
        (0x16 | 0x17, _) => Some(2),
        (REPORT_3, _) => Some(3),
        _ => None,
    }
}

/// Lays out a message: `bytes` end where it does. Data that the type gives no fields is left over.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let &[kind, ..] = bytes else {
        return lay.done();
    };
    match (kind, version(bytes)) {
        (QUERY, Some(3)) => {
            lay.table(QUERY_3);
            let flags = bytes.get(8).copied().unwrap_or(0);
            sources(&mut lay, count(bytes.get(8..).unwrap_or_default()));
            extensions(&mut lay, flags);
        }
        (QUERY, None) if bytes.len() > LEN => {
            lay.table(FIELDS);
            lay.stop("a query of that length is of no version", "RFC 3376 7.1");
        }
        (QUERY | 0x12, Some(1)) => {
            lay.table(VERSION_1);
        }
        (REPORT_3, _) => {
            lay.table(REPORT);
            let flags = bytes.get(4).copied().unwrap_or(0);
            records(&mut lay, count(bytes.get(4..).unwrap_or_default()));
            extensions(&mut lay, flags);
        }
        (QUERY | 0x12 | 0x16 | 0x17, _) => {
            lay.table(FIELDS);
        }
        _ => {
            lay.table(OTHER);
        }
    }
    lay.done()
}

/// The number in the two bytes after the first two.
fn count(bytes: &[u8]) -> u16 {
    match *bytes {
        [_, _, high, low, ..] => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

fn sources(lay: &mut Lay<'_>, number: u16) {
    for _ in 0..number {
        if lay.rest().len() < 4 {
            return lay.stop("there is no room for as many sources", "RFC 3376 4.1.9");
        }
        let meaning = "who sends to the group";
        lay.bytes(4, "source", Read::Ipv4, meaning, "RFC 3376 4.1.9");
    }
}

fn records(lay: &mut Lay<'_>, number: u16) {
    for _ in 0..number {
        if lay.is_done() {
            return lay.stop("there is no room for as many records", "RFC 3376 4.2.3");
        }
        lay.part("group record");
        let own = count(lay.rest());
        let auxiliary = lay.rest().get(1).map_or(0, |&words| usize::from(words) * 4);
        lay.table(RECORD);
        sources(lay, own);
        let meaning = "none is defined; it is to be ignored";
        let rfc = "RFC 3376 4.2.10";
        if lay.rest().len() < auxiliary {
            return lay.stop("there is no room for that much auxiliary data", rfc);
        }
        lay.bytes(auxiliary, "auxiliary data", Read::Bytes, meaning, rfc);
    }
}

/// What follows where the first of these bits says so.
fn extensions(lay: &mut Lay<'_>, flags: u8) {
    while flags & 0x80 != 0 && !lay.is_done() {
        lay.part("extension");
        let len = usize::from(count(lay.rest()));
        lay.table(EXTENSION);
        if lay.rest().len() < len {
            return lay.stop("there is no room for a value of that length", "RFC 9279 3");
        }
        let meaning = "as the extension's type says";
        lay.bytes(len, "extension value", Read::Bytes, meaning, "RFC 9279 3");
    }
}

/// What a message says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Type.
    pub kind: u8,
    /// Second byte: a time, or zero.
    pub time: u8,
    /// Checksum; `None`: the right one.
    pub checksum: Option<u16>,
    /// The four bytes after it: a group, or what a report of version 3 has there.
    pub rest: [u8; 4],
    /// What follows.
    pub data: Vec<u8>,
}

impl Repr {
    /// A message of version 1 or 2 about a group.
    pub fn about(kind: u8, time: u8, group: Ipv4Addr) -> Self {
        Self {
            kind,
            time,
            rest: group.octets(),
            ..Self::default()
        }
    }

    /// A report of version 3: type, group and sources of each record.
    pub fn report_3(records: &[(u8, Ipv4Addr, &[Ipv4Addr])]) -> Self {
        let [n0, n1] = (records.len() as u16).to_be_bytes();
        let mut data = Vec::new();
        for (kind, group, sources) in records {
            data.extend([*kind, 0]);
            data.extend((sources.len() as u16).to_be_bytes());
            data.extend(group.octets());
            data.extend(sources.iter().flat_map(Ipv4Addr::octets));
        }
        Self {
            kind: REPORT_3,
            rest: [0, 0, n0, n1],
            data,
            ..Self::default()
        }
    }

    /// Reads a message; gives what follows its first 8 bytes too.
    ///
    /// # Errors
    ///
    /// When there are fewer bytes than that.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((&[kind, time, c0, c1, r0, r1, r2, r3], data)) = bytes.split_first_chunk::<LEN>()
        else {
            return Err(Malformed::Short {
                header: "IGMP",
                required: LEN,
                actual: bytes.len(),
            });
        };
        let repr = Self {
            kind,
            time,
            checksum: Some(u16::from_be_bytes([c0, c1])),
            rest: [r0, r1, r2, r3],
            data: data.to_vec(),
        };
        Ok((repr, data))
    }

    /// Appends the message to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let [r0, r1, r2, r3] = self.rest;
        let mut header = [self.kind, self.time, 0, 0, r0, r1, r2, r3];
        let sum = Sum::new().add_bytes(&header).add_bytes(&self.data);
        let checksum = self.checksum.unwrap_or_else(|| sum.checksum());
        CHECKSUM.put(&mut header, checksum.into());
        out.extend(header);
        out.extend(&self.data);
    }
}

/// `IGMP version 2 membership report for 239.1.2.3`.
impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IGMP {}", name(self.kind))?;
        let group = Ipv4Addr::from(self.rest);
        match self.kind {
            QUERY if group.is_unspecified() => f.write_str(" for all groups"),
            QUERY | 0x12 | 0x16 | 0x17 => write!(f, " for {group}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use proptest::prelude::*;

    const GROUP_1: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

    #[test]
    fn the_tables_cover_the_headers() {
        for table in [FIELDS, VERSION_1, OTHER, REPORT, RECORD] {
            assert_covers(table, LEN);
        }
        assert_covers(QUERY_3, QUERY_3_LEN);
        assert_covers(EXTENSION, 4);
    }

    fn values(bytes: &[u8]) -> Vec<String> {
        let layout = layout(bytes);
        let of = layout.fields.iter();
        of.map(|laid| laid.field.value(laid.base(bytes)).unwrap())
            .collect()
    }

    #[test]
    fn the_example_of_each_version() {
        let mut query = Vec::new();
        Repr::about(QUERY, 100, Ipv4Addr::UNSPECIFIED).emit(&mut query);
        // RFC 1071 by hand: 0x1164 and nothing else.
        assert_eq!(query[2..4], [0xee, 0x9b]);
        assert_eq!(
            values(&query),
            [
                "0x11 (membership query)",
                "100 (10 seconds)",
                "0xee9b",
                "0.0.0.0"
            ]
        );
        let mut report = Vec::new();
        let source = Ipv4Addr::new(10, 0, 0, 9);
        Repr::report_3(&[(JOINS, GROUP_1, &[]), (1, GROUP_1, &[source])]).emit(&mut report);
        assert_tiles(&layout(&report), report.len());
        let read = values(&report);
        assert_eq!(read[6], "4 (now listens to all but these)");
        assert_eq!(read.last().map(String::as_str), Some("10.0.0.9"));
        assert_eq!(Sum::new().add_bytes(&report).fold(), 0xffff);
        let (repr, records) = Repr::parse(&report).unwrap();
        assert_eq!((records.len(), repr.rest), (20, [0, 0, 0, 2]));
        assert_eq!(repr.to_string(), "IGMP version 3 membership report");
        let leaves = Repr::about(0x17, 0, GROUP_1).to_string();
        assert_eq!(leaves, "IGMP leave group for 239.1.2.3");
    }

    #[test]
    fn queries_are_told_by_their_length() {
        let query = |time: u8, len: usize| {
            let mut bytes = vec![0; len];
            (bytes[0], bytes[1]) = (QUERY, time);
            version(&bytes)
        };
        assert_eq!(query(0, 8), Some(1));
        assert_eq!(query(100, 8), Some(2));
        assert_eq!(query(0, 12), Some(3));
        assert_eq!((query(1, 9), query(1, 11), query(1, 7)), (None, None, None));
        assert_eq!(version(&[]), None);
        let odd = [QUERY, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(layout(&odd).stop.is_some());
    }

    #[test]
    fn times_from_128_on_are_mantissa_and_exponent() {
        // RFC 3376 section 4.1.1: (mant | 0x10) << (exp + 3).
        let mut query = vec![0; QUERY_3_LEN];
        (query[0], query[1], query[9]) = (QUERY, 0xff, 0x80);
        let read = values(&query);
        assert_eq!(read[1], "255 (3174.4 seconds)");
        assert_eq!(read[8], "128 (128 seconds)");
    }

    #[test]
    fn what_lies_about_its_length_says_so() {
        let mut report = Vec::new();
        Repr::report_3(&[(JOINS, GROUP_1, &[])]).emit(&mut report);
        assert!(layout(&report).stop.is_none());
        report[7] = 2;
        assert!(layout(&report).stop.unwrap().why.contains("records"));
        report[7] = 1;
        report[11] = 1;
        assert!(layout(&report).stop.unwrap().why.contains("sources"));
        (report[11], report[9]) = (0, 1);
        assert!(layout(&report).stop.unwrap().why.contains("auxiliary"));
        report[9] = 0;
        report[4] = 0x80;
        report.extend([0, 1, 0, 2, 7]);
        assert!(layout(&report).stop.unwrap().why.contains("value"));
        report.push(7);
        assert_tiles(&layout(&report), report.len());
    }

    proptest! {
        #[test]
        fn any_message_is_laid_out_as_far_as_it_goes(bytes in prop::collection::vec(any::<u8>(), 7..100), kind in 0x10..0x34_u8) {
            let bytes = [&[kind][..], &bytes].concat();
            let layout = layout(&bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.len as usize >= LEN);
            let (repr, data) = Repr::parse(&bytes).unwrap();
            prop_assert_eq!(&repr.data, data);
            let mut again = Vec::new();
            repr.emit(&mut again);
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn what_we_emit_pnet_and_etherparse_carry_as_it_is(group: [u8; 4], time: u8) {
            let mut message = Vec::new();
            Repr::about(0x16, time, group.into()).emit(&mut message);
            prop_assert_eq!(etherparse::checksum::Sum16BitWords::new().add_slice(&message).ones_complement(), 0);
            prop_assert_eq!(pnet_packet::util::checksum(&message, 1), u16::from_be_bytes([message[2], message[3]]));
        }
    }
}
