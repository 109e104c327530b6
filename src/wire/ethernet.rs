//! The Ethernet header (IEEE 802.3 clause 3.2) and the VLAN tag (IEEE 802.1Q clause 9.6).
//!
//! ```
//! use wirelab::wire::ethernet::{Repr, VlanRepr};
//!
//! let mut tagged = Vec::new();
//! VlanRepr { id: 7, ethertype: 0x0800, ..VlanRepr::default() }.emit(b"packet", &mut tagged);
//! let mut frame = Vec::new();
//! Repr { dst: [0xff; 6], src: [2, 0, 0, 0, 0, 1], ethertype: 0x8100 }.emit(&tagged, &mut frame);
//!
//! let (header, rest) = Repr::parse(&frame)?;
//! let (tag, packet) = VlanRepr::parse(rest)?;
//! assert_eq!((header.ethertype, tag.id, packet), (0x8100, 7, &b"packet"[..]));
//! # Ok::<(), wirelab::wire::field::Malformed>(())
//! ```

use super::field::{Field, Malformed, Read};
use super::layout::{Lay, Layout};
use super::names::ethertype;

/// Bytes of the header.
pub const LEN: usize = 14;
/// Bytes of a tag: what follows the Ethernet type that announces it.
pub const VLAN_LEN: usize = 4;

const RFC: &str = "IEEE 802.3 3.2";
const VLAN_RFC: &str = "IEEE 802.1Q 9.6";

const DST: Field = Field::new(
    "destination",
    0,
    48,
    Read::Hardware,
    "whose card is to take the frame; an odd first byte means a group, all ones everybody",
    RFC,
);
const SRC: Field = Field::new(
    "source",
    48,
    48,
    Read::Hardware,
    "the card that sent it on this link",
    RFC,
);
const TYPE: Field = Field::new(
    "type",
    96,
    16,
    Read::NamedHex(ethertype),
    "what follows; up to 1500 it is a length and 802.2 follows",
    RFC,
);

/// Every field of the header, in order.
pub const FIELDS: &[Field] = &[DST, SRC, TYPE];

const PRIORITY: Field = Field::new(
    "priority",
    0,
    3,
    Read::Number,
    "traffic class on this link, 0 to 7; 0 is best effort, 1 comes below it",
    VLAN_RFC,
);
const DROP_ELIGIBLE: Field = Field::flag(
    "drop eligible",
    3,
    "may be dropped first when there is too much",
    VLAN_RFC,
);
const VLAN_ID: Field = Field::new(
    "vlan identifier",
    4,
    12,
    Read::Number,
    "the virtual network; 0 means none, only the priority counts",
    VLAN_RFC,
);
const VLAN_TYPE: Field = Field::new(
    "type",
    16,
    16,
    Read::NamedHex(ethertype),
    "what follows the tag",
    VLAN_RFC,
);

/// Every field of a tag, in order.
pub const VLAN_FIELDS: &[Field] = &[PRIORITY, DROP_ELIGIBLE, VLAN_ID, VLAN_TYPE];

/// Lays out a header.
pub fn layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(FIELDS).done()
}

/// Lays out a tag.
pub fn vlan_layout(bytes: &[u8]) -> Layout {
    Lay::new(bytes).table(VLAN_FIELDS).done()
}

/// What a header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repr {
    /// Destination address.
    pub dst: [u8; 6],
    /// Source address.
    pub src: [u8; 6],
    /// Ethernet type, or a length.
    pub ethertype: u16,
}

impl Repr {
    /// Reads a header; gives what follows it too.
    ///
    /// # Errors
    ///
    /// When there are too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1], rest)) =
            bytes.split_first_chunk::<LEN>()
        else {
            return Err(Malformed::Short {
                header: "Ethernet",
                required: LEN,
                actual: bytes.len(),
            });
        };
        let repr = Self {
            dst: [d0, d1, d2, d3, d4, d5],
            src: [s0, s1, s2, s3, s4, s5],
            ethertype: u16::from_be_bytes([t0, t1]),
        };
        Ok((repr, rest))
    }

    /// Appends the header and `payload` to `out`; nothing is padded.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.extend(self.dst);
        out.extend(self.src);
        out.extend(self.ethertype.to_be_bytes());
        out.extend(payload);
    }
}

/// What a VLAN tag says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VlanRepr {
    /// Priority, three bits.
    pub priority: u8,
    /// Drop eligible.
    pub drop_eligible: bool,
    /// VLAN identifier, twelve bits.
    pub id: u16,
    /// Ethernet type of what follows.
    pub ethertype: u16,
}

impl VlanRepr {
    /// Reads a tag; gives what follows it too.
    ///
    /// # Errors
    ///
    /// When there are too few bytes.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let Some((tag, rest)) = bytes.split_first_chunk::<VLAN_LEN>() else {
            return Err(Malformed::Short {
                header: "VLAN tag",
                required: VLAN_LEN,
                actual: bytes.len(),
            });
        };
        let repr = Self {
            priority: PRIORITY.number(tag) as u8,
            drop_eligible: DROP_ELIGIBLE.number(tag) == 1,
            id: VLAN_ID.number(tag) as u16,
            ethertype: VLAN_TYPE.number(tag) as u16,
        };
        Ok((repr, rest))
    }

    /// Appends the tag and `payload` to `out`.
    pub fn emit(&self, payload: &[u8], out: &mut Vec<u8>) {
        let mut tag = [0; VLAN_LEN];
        PRIORITY.put(&mut tag, self.priority.into());
        DROP_ELIGIBLE.put(&mut tag, self.drop_eligible.into());
        VLAN_ID.put(&mut tag, self.id.into());
        VLAN_TYPE.put(&mut tag, self.ethertype.into());
        out.extend(tag);
        out.extend(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field::assert_covers;
    use proptest::prelude::*;

    #[test]
    fn the_tables_cover_the_headers() {
        assert_covers(FIELDS, LEN);
        assert_covers(VLAN_FIELDS, VLAN_LEN);
    }

    proptest! {
        #[test]
        fn what_we_emit_etherparse_and_pnet_read(dst: [u8; 6], src: [u8; 6], ethertype: u16, data: Vec<u8>) {
            let repr = Repr { dst, src, ethertype };
            let mut bytes = Vec::new();
            repr.emit(&data, &mut bytes);
            let (theirs, rest) = etherparse::Ethernet2Header::from_slice(&bytes).unwrap();
            prop_assert_eq!((theirs.destination, theirs.source, theirs.ether_type.0), (dst, src, ethertype));
            prop_assert_eq!(rest, &data);
            let theirs = pnet_packet::ethernet::EthernetPacket::new(&bytes).unwrap();
            prop_assert_eq!(theirs.get_source().octets(), src);
            prop_assert_eq!(theirs.get_ethertype().0, ethertype);
            let (again, rest) = Repr::parse(&bytes).unwrap();
            prop_assert_eq!((again, rest), (repr, &*data));
        }

        #[test]
        fn tags_are_those_of_etherparse(priority in 0..8_u8, drop_eligible: bool, id in 0..4096_u16, ethertype: u16) {
            let repr = VlanRepr { priority, drop_eligible, id, ethertype };
            let mut bytes = Vec::new();
            repr.emit(&[], &mut bytes);
            let theirs = etherparse::SingleVlanHeader {
                pcp: priority.try_into().unwrap(),
                drop_eligible_indicator: drop_eligible,
                vlan_id: id.try_into().unwrap(),
                ether_type: ethertype.into(),
            };
            prop_assert_eq!(&bytes[..], theirs.to_bytes());
            prop_assert_eq!(VlanRepr::parse(&bytes).unwrap().0, repr);
        }
    }

    #[test]
    fn too_few_bytes_are_refused() {
        assert!(Repr::parse(&[0; 13]).is_err());
        assert!(VlanRepr::parse(&[0; 3]).is_err());
    }
}
