//! The IPv4 header (RFC 791 section 3.1; DSCP: RFC 2474, ECN: RFC 3168). Its options are laid out by
//! `ipv4_options`.
//!
//! ```
//! use wirelab::wire::ipv4::Repr;
//!
//! let header = Repr { dst: [192, 0, 2, 1].into(), ttl: 1, protocol: 17, ..Repr::default() };
//! let mut bytes = Vec::new();
//! header.emit(b"payload", &mut bytes);
//!
//! let (read, payload) = Repr::parse(&bytes)?;
//! assert_eq!((read.ttl, read.total_length, payload), (1, Some(27), &b"payload"[..]));
//!
//! // A number is put there as it is, right or wrong; so it is for every header.
//! let mut wrong = Vec::new();
//! Repr { checksum: Some(0xdead), ..header }.emit(b"payload", &mut wrong);
//! assert_eq!(wrong[10..12], [0xde, 0xad]);
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::ipv4_options;
use super::layout::{Lay, Layout};
use super::names::{dscp, ecn, protocol};

/// Bytes of a header without options.
pub const MIN_LEN: usize = 20;

const RFC: &str = "RFC 791 3.1";

const VERSION: Field = Field::new("version", 0, 4, Read::Number, "4: this is IPv4", RFC);
const IHL: Field = Field::new(
    "header length",
    4,
    4,
    Read::Words,
    "length of this header, 5 words at least: where the payload begins",
    RFC,
);
const DSCP: Field = Field::new(
    "dscp",
    8,
    6,
    Read::Named(dscp),
    "how routers are asked to treat it",
    "RFC 2474 3",
);
const ECN: Field = Field::new(
    "ecn",
    14,
    2,
    Read::Named(ecn),
    "whether routers may mark it instead of dropping it, and did",
    "RFC 3168 5",
);
const TOTAL_LENGTH: Field = Field::new(
    "total length",
    16,
    16,
    Read::Number,
    "bytes of header and payload; what comes after them pads the frame",
    RFC,
);
const IDENTIFICATION: Field = Field::new(
    "identification",
    32,
    16,
    Read::Hex,
    "shared by the fragments of a datagram; means nothing when it may not be fragmented (RFC 6864)",
    RFC,
);
const RESERVED: Field = Field::flag("reserved", 48, "must be zero", RFC);
const DONT_FRAGMENT: Field = Field::flag(
    "don't fragment",
    49,
    "routers drop it and say so when it is too long for the next link",
    RFC,
);
const MORE_FRAGMENTS: Field =
    Field::flag("more fragments", 50, "this is not the last fragment", RFC);
const FRAGMENT_OFFSET: Field = Field::new(
    "fragment offset",
    51,
    13,
    Read::EightBytes,
    "where in the datagram this fragment's payload belongs",
    RFC,
);
const TTL: Field = Field::new(
    "time to live",
    64,
    8,
    Read::Number,
    "routers it may still pass: each takes one, and drops it at zero",
    RFC,
);
const PROTOCOL: Field = Field::new(
    "protocol",
    72,
    8,
    Read::Named(protocol),
    "what the payload is",
    RFC,
);
const CHECKSUM: Field = Field::new(
    "header checksum",
    80,
    16,
    Read::Hex,
    "covers this header; each router changes it with the time to live",
    RFC,
);
const SRC: Field = Field::new("source", 96, 32, Read::Ipv4, "who sent it", RFC);
const DST: Field = Field::new(
    "destination",
    128,
    32,
    Read::Ipv4,
    "who is to get it, or the next stop of a source route",
    RFC,
);

/// Every field of the part without options, in order.
pub const FIELDS: &[Field] = &[
    VERSION,
    IHL,
    DSCP,
    ECN,
    TOTAL_LENGTH,
    IDENTIFICATION,
    RESERVED,
    DONT_FRAGMENT,
    MORE_FRAGMENTS,
    FRAGMENT_OFFSET,
    TTL,
    PROTOCOL,
    CHECKSUM,
    SRC,
    DST,
];

/// Lays out a header: `bytes` end where it does, or earlier.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    lay.table(FIELDS);
    ipv4_options::lay(&mut lay);
    lay.done()
}

/// What a header says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Version; `None`: 4.
    pub version: Option<u8>,
    /// Length of the header in words; `None`: as long as it is.
    pub header_words: Option<u8>,
    /// Differentiated services code point, six bits.
    pub dscp: u8,
    /// Explicit congestion notification, two bits.
    pub ecn: u8,
    /// Bytes of header and payload; `None`: as they are.
    pub total_length: Option<u16>,
    /// Identification.
    pub identification: u16,
    /// The reserved flag.
    pub reserved: bool,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// More fragments.
    pub more_fragments: bool,
    /// Fragment offset, in units of 8 bytes.
    pub fragment_offset: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Header checksum; `None`: the right one.
    pub checksum: Option<u16>,
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Option bytes; padded with zeros to whole words.
    pub options: Vec<u8>,
}

impl Default for Repr {
    /// An empty datagram from and to nowhere, with a time to live of 64 as most systems send it.
    fn default() -> Self {
        Self {
            version: None,
            header_words: None,
            dscp: 0,
            ecn: 0,
            total_length: None,
            identification: 0,
            reserved: false,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: 0,
            checksum: None,
            src: Ipv4Addr::UNSPECIFIED,
            dst: Ipv4Addr::UNSPECIFIED,
            options: Vec::new(),
        }
    }
}

impl Repr {
    /// Reads a header; gives what follows it too, up to the total length as far as it is there.
    ///
    /// # Errors
    ///
    /// When there are fewer bytes than the header has, its version is not 4, its length is below 20,
    /// or the total length is below that. A total length of 0 counts as not filled in.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let short = |required| Malformed::Short {
            header: "IPv4",
            required,
            actual: bytes.len(),
        };
        if bytes.len() < MIN_LEN {
            return Err(short(MIN_LEN));
        }
        let number = |field: Field| field.number(bytes);
        let wrong = |field: Field| Malformed::Value {
            header: "IPv4",
            field: field.name,
            actual: number(field).into(),
            rfc: field.rfc,
        };
        let header_len = number(IHL) as usize * 4;
        let total = number(TOTAL_LENGTH) as usize;
        if number(VERSION) != 4 {
            return Err(wrong(VERSION));
        }
        if header_len < MIN_LEN {
            return Err(wrong(IHL));
        }
        if total != 0 && total < header_len {
            return Err(wrong(TOTAL_LENGTH));
        }
        let options = bytes
            .get(MIN_LEN..header_len)
            .ok_or_else(|| short(header_len))?;
        let end = if total == 0 { bytes.len() } else { total };
        let payload = bytes.get(header_len..end.min(bytes.len()));
        let repr = Self {
            version: Some(4),
            header_words: Some(number(IHL) as u8),
            dscp: number(DSCP) as u8,
            ecn: number(ECN) as u8,
            total_length: Some(total as u16),
            identification: number(IDENTIFICATION) as u16,
            reserved: number(RESERVED) == 1,
            dont_fragment: number(DONT_FRAGMENT) == 1,
            more_fragments: number(MORE_FRAGMENTS) == 1,
            fragment_offset: number(FRAGMENT_OFFSET) as u16,
            ttl: number(TTL) as u8,
            protocol: number(PROTOCOL) as u8,
            checksum: Some(number(CHECKSUM) as u16),
            src: number(SRC).into(),
            dst: number(DST).into(),
            options: options.to_vec(),
        };
        Ok((repr, payload.unwrap_or_default()))
    }

    /// Appends the header and `payload` to `out`.
    ///
    /// Options beyond the 40 bytes that the header length can tell of are appended all the same: it
    /// then holds the low four bits of the length. So does the total length of a datagram too long
    /// for it.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = vec![0; MIN_LEN];
        header.extend(&self.options);
        header.resize(header.len().next_multiple_of(4), 0);
        let words = self.header_words.unwrap_or((header.len() / 4) as u8);
        let total = (header.len() + payload.len()) as u16;
        for (field, value) in [
            (VERSION, u32::from(self.version.unwrap_or(4))),
            (IHL, words.into()),
            (DSCP, self.dscp.into()),
            (ECN, self.ecn.into()),
            (TOTAL_LENGTH, self.total_length.unwrap_or(total).into()),
            (IDENTIFICATION, self.identification.into()),
            (RESERVED, self.reserved.into()),
            (DONT_FRAGMENT, self.dont_fragment.into()),
            (MORE_FRAGMENTS, self.more_fragments.into()),
            (FRAGMENT_OFFSET, self.fragment_offset.into()),
            (TTL, self.ttl.into()),
            (PROTOCOL, self.protocol.into()),
            (SRC, self.src.into()),
            (DST, self.dst.into()),
        ] {
            field.put(&mut header, value.into());
        }
        let checksum = self
            .checksum
            .unwrap_or_else(|| Sum::new().add_bytes(&header).checksum());
        CHECKSUM.put(&mut header, checksum.into());
        out.extend(header);
        out.extend(payload);
    }
}

/// `IPv4 10.0.0.1 > 10.0.0.2, TCP, ttl 64`.
impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv4 {} > {}, ", self.src, self.dst)?;
        match protocol(self.protocol.into()) {
            Some(name) => write!(f, "{name}, ttl {}", self.ttl),
            None => write!(f, "protocol {}, ttl {}", self.protocol, self.ttl),
        }
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
    fn the_table_covers_the_header() {
        assert_covers(FIELDS, MIN_LEN);
    }

    fn repr() -> impl Strategy<Value = Repr> {
        let numbers = (any::<(u16, u8, u8)>(), 0..64_u8, 0..4_u8, 0..0x2000_u16);
        let options = prop::collection::vec(any::<[u8; 4]>(), 0..=10);
        (numbers, any::<([u8; 4], [u8; 4], bool, bool)>(), options).prop_map(
            |(((id, ttl, protocol), dscp, ecn, offset), (src, dst, df, mf), options)| Repr {
                identification: id,
                ttl,
                protocol,
                dscp,
                ecn,
                fragment_offset: offset,
                src: src.into(),
                dst: dst.into(),
                dont_fragment: df,
                more_fragments: mf,
                options: options.concat(),
                ..Repr::default()
            },
        )
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(repr in repr(), data in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = Vec::new();
            repr.emit(&data, &mut bytes);
            let (theirs, rest) = etherparse::Ipv4Header::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.header_checksum, theirs.calc_header_checksum());
            prop_assert_eq!(theirs.identification, repr.identification);
            prop_assert_eq!((theirs.dscp.value(), theirs.ecn.value()), (repr.dscp, repr.ecn));
            prop_assert_eq!((theirs.dont_fragment, theirs.more_fragments), (repr.dont_fragment, repr.more_fragments));
            prop_assert_eq!(theirs.fragment_offset.value(), repr.fragment_offset);
            prop_assert_eq!((theirs.time_to_live, theirs.protocol.0), (repr.ttl, repr.protocol));
            prop_assert_eq!((theirs.source, theirs.destination), (repr.src.octets(), repr.dst.octets()));
            prop_assert_eq!(theirs.options.as_slice(), &repr.options);
            prop_assert_eq!(rest, &data);
            let theirs = pnet_packet::ipv4::Ipv4Packet::new(&bytes).unwrap();
            prop_assert_eq!(theirs.get_checksum(), pnet_packet::ipv4::checksum(&theirs));
            prop_assert_eq!(usize::from(theirs.get_total_length()), bytes.len());
            prop_assert_eq!(theirs.payload(), &data);
            let (again, rest) = Repr::parse(&bytes).unwrap();
            prop_assert_eq!(rest, &data);
            let mut twice = Vec::new();
            again.emit(rest, &mut twice);
            prop_assert_eq!(twice, bytes);
        }

        #[test]
        fn what_etherparse_builds_our_table_reads(src: [u8; 4], dst: [u8; 4], ttl: u8, len in 0..1000_u16) {
            let mut header = etherparse::Ipv4Header::new(len, ttl, 6.into(), src, dst).unwrap();
            header.header_checksum = header.calc_header_checksum();
            let bytes = header.to_bytes();
            let raw: Vec<_> = FIELDS.iter().map(|field| field.raw(&bytes).unwrap()).collect();
            let number = |bytes: [u8; 4]| u128::from(u32::from_be_bytes(bytes));
            prop_assert_eq!(raw, [
                4, 5, 0, 0, u128::from(len) + 20, 0, 0, 1, 0, 0, ttl.into(), 6,
                header.header_checksum.into(), number(src), number(dst),
            ]);
        }

        #[test]
        fn options_that_say_nonsense_are_laid_out_or_stopped_at(options in prop::collection::vec(any::<u8>(), 0..40)) {
            let repr = Repr { options, ..Repr::default() };
            let mut bytes = Vec::new();
            repr.emit(&[], &mut bytes);
            let layout = layout(&bytes);
            assert_tiles(&layout, layout.len as usize);
            prop_assert!(layout.stop.is_some() || layout.len as usize == bytes.len());
        }
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        let mut bytes = Vec::new();
        Repr::default().emit(&[], &mut bytes);
        let error = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            Repr::parse(&bytes).unwrap_err().to_string()
        };
        assert_eq!(error(0, 0x65), "IPv4: version can't be 6 (RFC 791 3.1)");
        assert_eq!(
            error(0, 0x44),
            "IPv4: header length can't be 4 (RFC 791 3.1)"
        );
        assert_eq!(
            error(0, 0x46),
            "IPv4: total length can't be 20 (RFC 791 3.1)"
        );
        assert_eq!(error(3, 19), "IPv4: total length can't be 19 (RFC 791 3.1)");
        let short = Repr::parse(&bytes[..19]).unwrap_err();
        assert_eq!(short.to_string(), "IPv4 needs 20 bytes, there are 19");
    }
}
