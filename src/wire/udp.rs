//! The UDP header (RFC 768).
//!
//! This is the template for a header: the table of its fields, a view that reads them, a
//! representation that can be parsed and emitted, how it is written, tests.
//!
//! ```
//! use wirelab::wire::udp::Repr;
//!
//! let (src, dst) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
//! let header = Repr { src_port: 4000, dst_port: 53, ..Repr::default() };
//! let mut bytes = Vec::new();
//! header.emit(src, dst, b"question", &mut bytes);
//!
//! let (read, data) = Repr::parse(&bytes)?;
//! assert_eq!((read.dst_port, read.length, data), (53, Some(16), &b"question"[..]));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::fmt;
use std::net::IpAddr;

use super::checksum::Sum;
use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};

/// Bytes of the header.
pub const LEN: usize = 8;
/// IP's number for it.
pub const PROTOCOL: u8 = 17;

const SRC_PORT: Field = Field {
    name: "source port",
    bit: 0,
    bits: 16,
    read: Read::Number,
    meaning: "where replies go; 0 when none are wanted",
    rfc: "RFC 768",
};
const DST_PORT: Field = Field {
    name: "destination port",
    bit: 16,
    bits: 16,
    read: Read::Number,
    meaning: "which program at the destination address it is for",
    rfc: "RFC 768",
};
const LENGTH: Field = Field {
    name: "length",
    bit: 32,
    bits: 16,
    read: Read::Number,
    meaning: "bytes of header and data together, 8 at least; 0 in a jumbogram (RFC 2675)",
    rfc: "RFC 768",
};
const CHECKSUM: Field = Field {
    name: "checksum",
    bit: 48,
    bits: 16,
    read: Read::Hex,
    meaning: "covers pseudo-header, header and data; 0 over IPv4 means the sender left it out",
    rfc: "RFC 768",
};

/// Every field, in order.
pub const FIELDS: &[Field] = &[SRC_PORT, DST_PORT, LENGTH, CHECKSUM];

/// Lays out a header.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// The bytes of a header, read field by field.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a>(&'a [u8; LEN]);

impl<'a> Header<'a> {
    /// The header that `bytes` begin with.
    ///
    /// # Errors
    ///
    /// [`Malformed::Short`] when they are too few.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        bytes.first_chunk().map(Self).ok_or(Malformed::Short {
            header: "UDP",
            required: LEN,
            actual: bytes.len(),
        })
    }

    /// Source port.
    pub fn src_port(self) -> u16 {
        SRC_PORT.number(self.0) as u16
    }

    /// Destination port.
    pub fn dst_port(self) -> u16 {
        DST_PORT.number(self.0) as u16
    }

    /// Length field: bytes of header and data.
    pub fn length(self) -> u16 {
        LENGTH.number(self.0) as u16
    }

    /// Checksum field.
    pub fn checksum(self) -> u16 {
        CHECKSUM.number(self.0) as u16
    }
}

/// What a header says. `None` is what the sender should put there; a number is put there as it is,
/// right or wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Length field; `None`: header and data as they are.
    pub length: Option<u16>,
    /// Checksum field; `None`: the right one. Over IPv4 0 leaves it out.
    pub checksum: Option<u16>,
}

impl Repr {
    /// Reads a header; gives the data after it too, as far as it is there.
    ///
    /// # Errors
    ///
    /// When there are too few bytes, or the length is less than the header's own.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let header = Header::new(bytes)?;
        let length = usize::from(header.length());
        if (1..LEN).contains(&length) {
            return Err(Malformed::Value {
                header: "UDP",
                field: LENGTH.name,
                actual: length as u64,
                rfc: LENGTH.rfc,
            });
        }
        let end = if length == 0 { bytes.len() } else { length };
        let data = bytes.get(LEN..end.min(bytes.len())).unwrap_or_default();
        let repr = Self {
            src_port: header.src_port(),
            dst_port: header.dst_port(),
            length: Some(header.length()),
            checksum: Some(header.checksum()),
        };
        Ok((repr, data))
    }

    /// Appends the header and `data` to `out`. Source and destination are those of the IP header,
    /// as the checksum covers them.
    pub fn emit(&self, src: IpAddr, dst: IpAddr, data: &[u8], out: &mut Vec<u8>) {
        let whole = LEN + data.len();
        // A jumbogram's length does not fit: the field is 0 (RFC 2675 section 4).
        let length = self
            .length
            .unwrap_or_else(|| u16::try_from(whole).unwrap_or(0));
        let mut header = [0; LEN];
        SRC_PORT.put(&mut header, self.src_port.into());
        DST_PORT.put(&mut header, self.dst_port.into());
        LENGTH.put(&mut header, length.into());
        let checksum = self.checksum.unwrap_or_else(|| {
            let sum = Sum::pseudo_header(src, dst, PROTOCOL, whole as u32)
                .add_bytes(&header)
                .add_bytes(data);
            // Zero would say that there is none; all ones is the same number in ones' complement.
            match sum.checksum() {
                0 => 0xffff,
                checksum => checksum,
            }
        });
        CHECKSUM.put(&mut header, checksum.into());
        out.extend(header);
        out.extend(data);
    }
}

/// `UDP 53 > 4000, length 48, checksum 0x1c46`.
impl fmt::Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UDP {} > {}", self.src_port, self.dst_port)?;
        if let Some(length) = self.length {
            write!(f, ", length {length}")?;
        }
        match self.checksum {
            Some(checksum) => write!(f, ", checksum {checksum:#06x}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use pnet_packet::Packet as _;
    use pnet_packet::udp::{UdpPacket, ipv4_checksum, ipv6_checksum};
    use proptest::prelude::*;

    #[test]
    fn the_table_covers_the_header() {
        assert_covers(FIELDS, LEN);
    }

    #[test]
    fn a_header_in_words() {
        let repr = Repr {
            src_port: 53,
            dst_port: 4000,
            ..Repr::default()
        };
        assert_eq!(repr.to_string(), "UDP 53 > 4000");
        let mut bytes = Vec::new();
        repr.emit(
            [10, 0, 0, 1].into(),
            [10, 0, 0, 2].into(),
            b"hi",
            &mut bytes,
        );
        let (parsed, _) = Repr::parse(&bytes).unwrap();
        assert_eq!(
            parsed.to_string(),
            "UDP 53 > 4000, length 10, checksum 0x7399"
        );
        let values: Vec<_> = FIELDS
            .iter()
            .map(|field| field.value(&bytes).unwrap())
            .collect();
        assert_eq!(values, ["53", "4000", "10", "0x7399"]);
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        let short = Repr::parse(&[0; 7]).unwrap_err().to_string();
        assert_eq!(short, "UDP needs 8 bytes, there are 7");
        let length = Repr::parse(&[0, 1, 0, 2, 0, 7, 0, 0])
            .unwrap_err()
            .to_string();
        assert_eq!(length, "UDP: length can't be 7 (RFC 768)");
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(
            ports: (u16, u16),
            four: ([u8; 4], [u8; 4]),
            six: ([u8; 16], [u8; 16]),
            v6: bool,
            data in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let repr = Repr { src_port: ports.0, dst_port: ports.1, ..Repr::default() };
            let (src, dst): (IpAddr, IpAddr) = if v6 {
                (six.0.into(), six.1.into())
            } else {
                (four.0.into(), four.1.into())
            };
            let mut bytes = Vec::new();
            repr.emit(src, dst, &data, &mut bytes);

            let slice = etherparse::UdpSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!((slice.source_port(), slice.destination_port()), ports);
            prop_assert_eq!(usize::from(slice.length()), LEN + data.len());
            prop_assert_eq!(slice.payload(), &data);
            let theirs = if v6 {
                slice.to_header().calc_checksum_ipv6_raw(six.0, six.1, &data)
            } else {
                slice.to_header().calc_checksum_ipv4_raw(four.0, four.1, &data)
            };
            prop_assert_eq!(slice.checksum(), theirs.unwrap());

            let packet = UdpPacket::new(&bytes).unwrap();
            prop_assert_eq!((packet.get_source(), packet.get_destination()), ports);
            prop_assert_eq!(packet.payload(), &data);
            let theirs = if v6 {
                ipv6_checksum(&packet, &six.0.into(), &six.1.into())
            } else {
                ipv4_checksum(&packet, &four.0.into(), &four.1.into())
            };
            prop_assert_eq!(packet.get_checksum(), theirs);
        }

        #[test]
        fn what_etherparse_builds_our_table_reads(ports: (u16, u16), data in prop::collection::vec(any::<u8>(), 0..64)) {
            let header = etherparse::UdpHeader::with_ipv4_checksum(
                ports.0,
                ports.1,
                &etherparse::Ipv4Header::new(0, 64, 17.into(), [1; 4], [2; 4]).unwrap(),
                &data,
            )
            .unwrap();
            let bytes = [&header.to_bytes()[..], &data].concat();
            let raw: Vec<_> = FIELDS.iter().map(|field| field.raw(&bytes).unwrap()).collect();
            let theirs = [ports.0, ports.1, header.length, header.checksum].map(u128::from);
            prop_assert_eq!(raw, theirs);
            let (repr, parsed) = Repr::parse(&bytes).unwrap();
            prop_assert_eq!(parsed, &data);
            let mut again = Vec::new();
            Repr { length: None, checksum: None, ..repr }.emit([1; 4].into(), [2; 4].into(), &data, &mut again);
            prop_assert_eq!(again, bytes);
        }
    }
}
