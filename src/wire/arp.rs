//! ARP (RFC 826) and reverse ARP (RFC 903).
//!
//! ```
//! use wirelab::wire::arp::Repr;
//!
//! let question = Repr {
//!     operation: 1,
//!     sender_hardware: [2, 0, 0, 0, 0, 1],
//!     sender: [192, 0, 2, 1].into(),
//!     target_hardware: [0; 6],
//!     target: [192, 0, 2, 2].into(),
//! };
//! let mut bytes = Vec::new();
//! question.emit(&mut bytes);
//! assert_eq!(Repr::parse(&bytes)?, question);
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use std::net::Ipv4Addr;

use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};
use super::names::{ethertype, hardware};

/// Bytes of a packet about IPv4 addresses on Ethernet.
pub const LEN: usize = 28;
/// Bytes before the addresses.
const FIXED: usize = 8;

const RFC: &str = "RFC 826";

/// Every field of a packet about IPv4 addresses on Ethernet, in order.
pub const FIELDS: &[Field] = &[
    Field::new(
        "hardware type",
        0,
        16,
        Read::Named(hardware),
        "kind of link whose addresses are asked for",
        RFC,
    ),
    Field::new(
        "protocol type",
        16,
        16,
        Read::NamedHex(ethertype),
        "kind of address they are asked by, as an Ethernet type",
        RFC,
    ),
    Field::new(
        "hardware length",
        32,
        8,
        Read::Number,
        "bytes of a hardware address",
        RFC,
    ),
    Field::new(
        "protocol length",
        40,
        8,
        Read::Number,
        "bytes of a protocol address",
        RFC,
    ),
    Field::new(
        "operation",
        48,
        16,
        Read::Named(operation),
        "what is asked or answered",
        RFC,
    ),
    Field::new(
        "sender hardware",
        64,
        48,
        Read::Hardware,
        "the sender's hardware address",
        RFC,
    ),
    Field::new(
        "sender protocol",
        112,
        32,
        Read::Ipv4,
        "the sender's address; 0.0.0.0 in a probe whether an address is free (RFC 5227)",
        RFC,
    ),
    Field::new(
        "target hardware",
        144,
        48,
        Read::Hardware,
        "what a request asks for, and does not know",
        RFC,
    ),
    Field::new(
        "target protocol",
        192,
        32,
        Read::Ipv4,
        "whose hardware address is asked for",
        RFC,
    ),
];

fn operation(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "request",
        2 => "reply",
        3 => "reverse request",
        4 => "reverse reply",
        8 => "inverse request",
        9 => "inverse reply",
        _ => return None,
    })
}

/// Lays out a packet; addresses have the lengths it says.
pub fn layout(bytes: &[u8]) -> Layout {
    let mut lay = Lay::new(bytes);
    let lengths = bytes.get(4..6).unwrap_or_default();
    let &[hardware, protocol] = lengths else {
        return lay.table(FIELDS).done();
    };
    if (hardware, protocol) == (6, 4) {
        return lay.table(FIELDS).done();
    }
    let (fixed, addresses) = FIELDS.split_at(5);
    lay.table(fixed);
    for (field, len) in addresses
        .iter()
        .zip([hardware, protocol, hardware, protocol])
    {
        let read = match (field.read, len) {
            (Read::Ipv4, 4) => Read::Ipv4,
            _ => Read::Bytes,
        };
        lay.bytes(usize::from(len), field.name, read, field.meaning, RFC);
    }
    lay.done()
}

/// What a packet about IPv4 addresses on Ethernet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The sender's hardware address.
    pub sender_hardware: [u8; 6],
    /// The sender's address.
    pub sender: Ipv4Addr,
    /// The target's hardware address.
    pub target_hardware: [u8; 6],
    /// The target's address.
    pub target: Ipv4Addr,
}

impl Repr {
    /// Reads a packet.
    ///
    /// # Errors
    ///
    /// When there are too few bytes, or its addresses are of other kinds.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Some(packet) = bytes.first_chunk::<LEN>() else {
            return Err(Malformed::Short {
                header: "ARP",
                required: LEN,
                actual: bytes.len(),
            });
        };
        let kinds = [0, 1, 8, 0, 6, 4];
        for (field, at) in FIELDS.iter().zip([0, 2, 4, 5]) {
            if field.bytes(packet) != kinds.get(at..at + field.end() - field.start()) {
                return Err(Malformed::Value {
                    header: "ARP",
                    field: field.name,
                    actual: field.number(packet).into(),
                    rfc: RFC,
                });
            }
        }
        let &[
            _,
            _,
            _,
            _,
            _,
            _,
            o0,
            o1,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            a0,
            a1,
            a2,
            a3,
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            b0,
            b1,
            b2,
            b3,
        ] = packet;
        Ok(Self {
            operation: u16::from_be_bytes([o0, o1]),
            sender_hardware: [s0, s1, s2, s3, s4, s5],
            sender: [a0, a1, a2, a3].into(),
            target_hardware: [t0, t1, t2, t3, t4, t5],
            target: [b0, b1, b2, b3].into(),
        })
    }

    /// Appends the packet to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let fixed: [u8; FIXED - 2] = [0, 1, 8, 0, 6, 4];
        out.extend(fixed);
        out.extend(self.operation.to_be_bytes());
        out.extend(self.sender_hardware);
        out.extend(self.sender.octets());
        out.extend(self.target_hardware);
        out.extend(self.target.octets());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use crate::wire::layout::assert_tiles;
    use proptest::prelude::*;

    #[test]
    fn the_table_covers_the_packet() {
        assert_covers(FIELDS, LEN);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(operation: u16, hardware: ([u8; 6], [u8; 6]), addresses: ([u8; 4], [u8; 4])) {
            let repr = Repr {
                operation,
                sender_hardware: hardware.0,
                sender: addresses.0.into(),
                target_hardware: hardware.1,
                target: addresses.1.into(),
            };
            let mut bytes = Vec::new();
            repr.emit(&mut bytes);
            assert_tiles(&layout(&bytes), LEN);
            let theirs = etherparse::ArpPacketSlice::from_slice(&bytes).unwrap();
            prop_assert_eq!(theirs.operation().0, operation);
            prop_assert_eq!(theirs.sender_hw_addr(), hardware.0);
            prop_assert_eq!(theirs.target_protocol_addr(), addresses.1);
            let theirs = pnet_packet::arp::ArpPacket::new(&bytes).unwrap();
            prop_assert_eq!(theirs.get_target_hw_addr().octets(), hardware.1);
            prop_assert_eq!(theirs.get_sender_proto_addr(), repr.sender);
            prop_assert_eq!(Repr::parse(&bytes).unwrap(), repr);
        }

        #[test]
        fn addresses_of_any_length_are_laid_out(hardware in 0..20_u8, protocol in 0..20_u8, rest in prop::collection::vec(any::<u8>(), 80)) {
            let mut bytes = vec![0, 7, 8, 0, hardware, protocol, 0, 1];
            bytes.extend(rest);
            let len = 8 + 2 * (usize::from(hardware) + usize::from(protocol));
            assert_tiles(&layout(&bytes), len);
        }
    }
}
