//! The ICMP echo message, written and read byte by byte (RFC 792 page 14, RFC 4443 section 4).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+---------------+-------------------------------+
//! |     Type      |     Code      |           Checksum            |
//! +---------------+---------------+-------------------------------+
//! |          Identifier           |        Sequence number        |
//! +-------------------------------+-------------------------------+
//! |     Data …
//! ```
//!
//! Both versions of IP share the layout; the types differ, and what the checksum covers: the message
//! alone for IPv4, a pseudo-header as well for IPv6 (RFC 8200 section 8.1). The header is that of every
//! ICMP message, [`icmpv4::Repr`] and [`super::icmpv6::Repr`]; here is what makes it one of an echo.

use std::net::IpAddr;
use std::ops::Range;

use super::checksum::Sum;
use super::{icmpv4, icmpv6};

/// Bytes before the data.
pub const HEADER: usize = icmpv4::LEN;
/// Where the type is.
pub const KIND: usize = 0;
/// Where the code is, 0 in all echo messages.
pub const CODE: usize = 1;
/// Where the checksum is.
pub const CHECKSUM: Range<usize> = 2..4;
/// Where the identifier is.
pub const ID: Range<usize> = 4..6;
/// Where the sequence number is.
pub const SEQ: Range<usize> = 6..8;

/// The type of an echo request.
pub const fn request(v6: bool) -> u8 {
    if v6 { 128 } else { 8 }
}

/// The type of an echo reply.
pub const fn reply(v6: bool) -> u8 {
    if v6 { 129 } else { 0 }
}

/// The four bytes that an echo message has after its checksum.
pub const fn rest(id: u16, seq: u16) -> [u8; 4] {
    let ([i0, i1], [s0, s1]) = (id.to_be_bytes(), seq.to_be_bytes());
    [i0, i1, s0, s1]
}

/// Writes an echo message of that type into `message`, which is emptied first. The checksum is left
/// zero, which is what [`seal`] has to find there.
pub fn emit(message: &mut Vec<u8>, kind: u8, id: u16, seq: u16, data: impl Iterator<Item = u8>) {
    message.clear();
    let header = icmpv4::Repr {
        kind,
        code: 0,
        checksum: Some(0),
        rest: rest(id, seq),
    };
    header.emit(&[], message);
    message.extend(data);
}

/// Puts the checksum in. `ends` are source and destination for ICMPv6, `None` for ICMPv4, whose
/// checksum covers no pseudo-header.
pub fn seal(message: &mut [u8], ends: Option<(IpAddr, IpAddr)>) {
    let sum = covered(message.len(), ends).add_bytes(message).checksum();
    if let Some(field) = message.get_mut(CHECKSUM) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// Whether the checksum of a whole message is right.
pub fn is_sound(message: &[u8], ends: Option<(IpAddr, IpAddr)>) -> bool {
    covered(message.len(), ends).add_bytes(message).fold() == 0xffff
}

/// What the checksum covers besides the message.
fn covered(len: usize, ends: Option<(IpAddr, IpAddr)>) -> Sum {
    ends.map_or(Sum::new(), |(src, dst)| {
        Sum::pseudo_header(
            src,
            dst,
            icmpv6::PROTOCOL,
            u32::try_from(len).unwrap_or(u32::MAX),
        )
    })
}

/// An echo message taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Checksum, as it stands there.
    pub checksum: u16,
    /// Identifier.
    pub id: u16,
    /// Sequence number.
    pub seq: u16,
    /// What follows.
    pub data: &'a [u8],
}

impl<'a> Echo<'a> {
    /// Takes a message apart; `None` when it has no whole header. Whether it is an echo message at
    /// all, its type tells.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, data) = icmpv4::Repr::parse(message).ok()?;
        let [i0, i1, s0, s1] = header.rest;
        Some(Self {
            kind: header.kind,
            code: header.code,
            checksum: header.checksum?,
            id: u16::from_be_bytes([i0, i1]),
            seq: u16::from_be_bytes([s0, s1]),
            data,
        })
    }
}

/// The field that a byte of an echo message belongs to.
pub const fn field_at(at: usize) -> &'static str {
    match at {
        0 => "type",
        1 => "code",
        2 | 3 => "checksum",
        4 | 5 => "identifier",
        6 | 7 => "sequence number",
        _ => "data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn etherparse_reads_what_was_written(id: u16, seq: u16, data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut message = Vec::new();
            emit(&mut message, request(false), id, seq, data.iter().copied());
            seal(&mut message, None);
            let slice = Icmpv4Slice::from_slice(&message).unwrap();
            let Icmpv4Type::EchoRequest(header) = slice.icmp_type() else { panic!("no echo") };
            prop_assert_eq!((header.id, header.seq, slice.payload()), (id, seq, &*data));
            prop_assert!(is_sound(&message, None));
            prop_assert_eq!(etherparse::Icmpv4Header::from_slice(&message).unwrap().0.icmp_type.calc_checksum(&data), slice.checksum());

            let (src, dst) = ([1; 16], [2; 16]);
            let ends = Some((IpAddr::from(src), IpAddr::from(dst)));
            emit(&mut message, request(true), id, seq, data.iter().copied());
            seal(&mut message, ends);
            let slice = Icmpv6Slice::from_slice(&message).unwrap();
            prop_assert!(matches!(slice.icmp_type(), Icmpv6Type::EchoRequest(_)));
            prop_assert!(slice.is_checksum_valid(src, dst));
            prop_assert!(is_sound(&message, ends));
            let echo = Echo::parse(&message).unwrap();
            prop_assert_eq!((echo.kind, echo.code, echo.id, echo.seq, echo.data), (128, 0, id, seq, &*data));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(Echo::parse(&bytes).is_some(), bytes.len() >= HEADER);
        }
    }

    /// RFC 1071 section 1: an odd byte is summed as if a zero followed.
    #[test]
    fn an_odd_length_is_padded_with_a_zero() {
        let mut message = Vec::new();
        emit(&mut message, 8, 0, 0, [0xab].into_iter());
        seal(&mut message, None);
        // 0x0800 + 0xab00 = 0xb300, whose complement is 0x4cff.
        assert_eq!(message, [8, 0, 0x4c, 0xff, 0, 0, 0, 0, 0xab]);
    }
}
