//! The IPv6 header (RFC 8200 section 3). Its extension headers are in `ipv6_ext`.
//!
//! ```
//! use wirelab::wire::ipv6::{LEN, Repr};
//!
//! let header = Repr { dst: "2001:db8::1".parse().unwrap(), hop_limit: 3, ..Repr::default() };
//! let mut bytes = Vec::new();
//! header.emit(b"payload", &mut bytes);
//!
//! assert_eq!(bytes.len(), LEN + 7);
//! let (read, payload) = Repr::parse(&bytes)?;
//! assert_eq!((read.hop_limit, read.payload_length, payload), (3, Some(7), &b"payload"[..]));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::fmt;
use std::net::Ipv6Addr;

use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};
use super::names::{dscp, ecn, protocol};

/// Bytes of the header.
pub const LEN: usize = 40;

const RFC: &str = "RFC 8200 3";

const VERSION: Field = Field::new("version", 0, 4, Read::Number, "6: this is IPv6", RFC);
const DSCP: Field = Field::new(
    "dscp",
    4,
    6,
    Read::Named(dscp),
    "how routers are asked to treat it",
    "RFC 2474 3",
);
const ECN: Field = Field::new(
    "ecn",
    10,
    2,
    Read::Named(ecn),
    "whether routers may mark it instead of dropping it, and did",
    "RFC 3168 5",
);
const FLOW_LABEL: Field = Field::new(
    "flow label",
    12,
    20,
    Read::Hex,
    "the same for all packets of a flow, so that they go one way",
    "RFC 6437 2",
);
const PAYLOAD_LENGTH: Field = Field::new(
    "payload length",
    32,
    16,
    Read::Number,
    "bytes after this header, extension headers included; 0 in a jumbogram (RFC 2675)",
    RFC,
);
const NEXT_HEADER: Field = Field::new(
    "next header",
    48,
    8,
    Read::Named(protocol),
    "what follows this header",
    RFC,
);
const HOP_LIMIT: Field = Field::new(
    "hop limit",
    56,
    8,
    Read::Number,
    "routers it may still pass: each takes one, and drops it at zero",
    RFC,
);
const SRC: Field = Field::new("source", 64, 128, Read::Ipv6, "who sent it", RFC);
const DST: Field = Field::new(
    "destination",
    192,
    128,
    Read::Ipv6,
    "who is to get it, or the next stop of a routing header",
    RFC,
);

/// Every field, in order.
pub const FIELDS: &[Field] = &[
    VERSION,
    DSCP,
    ECN,
    FLOW_LABEL,
    PAYLOAD_LENGTH,
    NEXT_HEADER,
    HOP_LIMIT,
    SRC,
    DST,
];

/// Lays out a header.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// What a header says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Version; `None`: 6.
    pub version: Option<u8>,
    /// Differentiated services code point, six bits.
    pub dscp: u8,
    /// Explicit congestion notification, two bits.
    pub ecn: u8,
    /// Flow label, twenty bits.
    pub flow_label: u32,
    /// Bytes after the header; `None`: as they are.
    pub payload_length: Option<u16>,
    /// Protocol number of what follows.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
}

impl Default for Repr {
    /// An empty packet from and to nowhere, with a hop limit of 64 as most systems send it.
    fn default() -> Self {
        Self {
            version: None,
            dscp: 0,
            ecn: 0,
            flow_label: 0,
            payload_length: None,
            next_header: 59,
            hop_limit: 64,
            src: Ipv6Addr::UNSPECIFIED,
            dst: Ipv6Addr::UNSPECIFIED,
        }
    }
}

impl Repr {
    /// Reads a header; gives what follows it too, up to the payload length as far as it is there. A
    /// payload length of 0 counts as not filled in.
    ///
    /// # Errors
    ///
    /// When there are too few bytes, or the version is not 6.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((header, rest)) = bytes.split_first_chunk::<LEN>() else {
            return Err(Malformed::Short {
                header: "IPv6",
                required: LEN,
                actual: bytes.len(),
            });
        };
        let number = |field: Field| field.number(header);
        if number(VERSION) != 6 {
            return Err(Malformed::Value {
                header: "IPv6",
                field: VERSION.name,
                actual: number(VERSION).into(),
                rfc: RFC,
            });
        }
        let address = |field: Field| Ipv6Addr::from_bits(field.raw(header).unwrap_or(0));
        let repr = Self {
            version: Some(6),
            dscp: number(DSCP) as u8,
            ecn: number(ECN) as u8,
            flow_label: number(FLOW_LABEL),
            payload_length: Some(number(PAYLOAD_LENGTH) as u16),
            next_header: number(NEXT_HEADER) as u8,
            hop_limit: number(HOP_LIMIT) as u8,
            src: address(SRC),
            dst: address(DST),
        };
        let end = match number(PAYLOAD_LENGTH) as usize {
            0 => rest.len(),
            len => len.min(rest.len()),
        };
        Ok((repr, rest.get(..end).unwrap_or_default()))
    }

    /// Appends the header and `payload` to `out`. A payload too long for its length field has 0 there
    /// (RFC 2675 section 3).
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; LEN];
        let payload_length = self
            .payload_length
            .unwrap_or_else(|| u16::try_from(payload.len()).unwrap_or(0));
        for (field, value) in [
            (VERSION, u128::from(self.version.unwrap_or(6))),
            (DSCP, self.dscp.into()),
            (ECN, self.ecn.into()),
            (FLOW_LABEL, self.flow_label.into()),
            (PAYLOAD_LENGTH, payload_length.into()),
            (NEXT_HEADER, self.next_header.into()),
            (HOP_LIMIT, self.hop_limit.into()),
            (SRC, self.src.to_bits()),
            (DST, self.dst.to_bits()),
        ] {
            field.put(&mut header, value);
        }
        out.extend(header);
        out.extend(payload);
    }
}

/// `IPv6 fe80::1 > ff02::1, ICMPv6, hop limit 255`.
impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv6 {} > {}, ", self.src, self.dst)?;
        match protocol(self.next_header.into()) {
            Some(name) => write!(f, "{name}, hop limit {}", self.hop_limit),
            None => write!(
                f,
                "next header {}, hop limit {}",
                self.next_header, self.hop_limit
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use pnet_packet::Packet as _;
    use proptest::prelude::*;

    #[test]
    fn the_table_covers_the_header() {
        assert_covers(FIELDS, LEN);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(
            addresses: ([u8; 16], [u8; 16]),
            numbers: (u8, u8),
            class in (0..64_u8, 0..4_u8, 0..0x10_0000_u32),
            data in prop::collection::vec(any::<u8>(), 1..64),
        ) {
            let repr = Repr {
                src: addresses.0.into(),
                dst: addresses.1.into(),
                next_header: numbers.0,
                hop_limit: numbers.1,
                dscp: class.0,
                ecn: class.1,
                flow_label: class.2,
                ..Repr::default()
            };
            let mut bytes = Vec::new();
            repr.emit(&data, &mut bytes);
            let (theirs, rest) = etherparse::Ipv6Header::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.traffic_class, class.0 << 2 | class.1);
            prop_assert_eq!(theirs.flow_label.value(), class.2);
            prop_assert_eq!((theirs.next_header.0, theirs.hop_limit), numbers);
            prop_assert_eq!((theirs.source, theirs.destination), addresses);
            prop_assert_eq!((usize::from(theirs.payload_length), rest), (data.len(), &*data));
            prop_assert_eq!(&theirs.to_bytes()[..], &bytes[..LEN]);
            let theirs = pnet_packet::ipv6::Ipv6Packet::new(&bytes).unwrap();
            prop_assert_eq!(theirs.get_flow_label(), class.2);
            prop_assert_eq!(theirs.get_source(), repr.src);
            prop_assert_eq!(theirs.payload(), &data);
            let (again, rest) = Repr::parse(&bytes).unwrap();
            let mut twice = Vec::new();
            again.emit(rest, &mut twice);
            prop_assert_eq!(twice, bytes);
        }
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        assert!(Repr::parse(&[0x60; 39]).is_err());
        let error = Repr::parse(&[0x45; 40]).unwrap_err().to_string();
        assert_eq!(error, "IPv6: version can't be 4 (RFC 8200 3)");
    }
}
