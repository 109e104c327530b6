//! Damage to a frame: a bit, or a field by its name; and mending its checksums, for damage that the
//! receiver is not to notice.

use std::fmt;
use std::net::IpAddr;

use super::ip::{put, seal};
use crate::decode::{Decoder, Layer, LayerKind, Packet};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::wire::checksum::Sum;
use crate::wire::field::Field;
use crate::wire::{arp, ethernet, icmpv4, icmpv6, igmp, ipv4, ipv6, tcp, udp};

/// The headers whose fields can be named: the name, which layer it is, and its table.
const HEADERS: &[(&str, LayerKind, &[Field])] = &[
    ("arp", LayerKind::Arp, arp::FIELDS),
    ("ethernet", LayerKind::Ethernet, ethernet::FIELDS),
    ("icmp", LayerKind::Icmpv4, icmpv4::FIELDS),
    ("icmpv6", LayerKind::Icmpv6, icmpv6::FIELDS),
    ("igmp", LayerKind::Igmp, igmp::FIELDS),
    ("ipv4", LayerKind::Ipv4, ipv4::FIELDS),
    ("ipv6", LayerKind::Ipv6, ipv6::FIELDS),
    ("tcp", LayerKind::Tcp, tcp::FIELDS),
    ("udp", LayerKind::Udp, udp::FIELDS),
];

/// What is changed in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// This bit is flipped, counted from the frame's first, the most significant of its first byte.
    Bit(u64),
    /// This bit is flipped, counted from the frame's last, which is 0: the least significant of its
    /// last byte.
    BitFromEnd(u64),
    /// A field of a header.
    Field(FieldChange),
}

/// A field, and what it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Index in `HEADERS`, and in the table of that.
    place: (usize, usize),
    value: Option<u128>,
}

impl FieldChange {
    /// The field `field` of the header `header`, as their table has them: `tcp`, `window`. It becomes
    /// `value`, of which it takes the low bits, or, without one, its lowest bit is flipped.
    ///
    /// # Errors
    ///
    /// When there is no such header or field; it says which there are.
    pub fn new(header: &str, field: &str, value: Option<u128>) -> Result<Self, UnknownField> {
        let unknown = |known: Vec<&'static str>| UnknownField {
            name: format!("{header} {field}"),
            known,
        };
        let found = HEADERS.iter().position(|(name, ..)| *name == header);
        let Some((at, (_, _, table))) = found.and_then(|at| Some((at, HEADERS.get(at)?))) else {
            return Err(unknown(HEADERS.iter().map(|(name, ..)| *name).collect()));
        };
        match table.iter().position(|known| known.name == field) {
            Some(index) => Ok(Self {
                place: (at, index),
                value,
            }),
            None => Err(unknown(table.iter().map(|field| field.name).collect())),
        }
    }

    fn header(&self) -> Option<(&'static str, LayerKind, &'static Field)> {
        let &(name, kind, table) = HEADERS.get(self.place.0)?;
        Some((name, kind, table.get(self.place.1)?))
    }
}

/// A field that no table has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is no field of a header; there are: {}", known.join(", "))]
pub struct UnknownField {
    /// What was asked for.
    pub name: String,
    /// The headers there are, or the fields this header has.
    pub known: Vec<&'static str>,
}

/// `bit 400`, `tcp window to 0`.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bit(bit) => write!(f, "bit {bit}"),
            Self::BitFromEnd(bit) => write!(f, "bit {bit} from the end"),
            Self::Field(change) => {
                if let Some((header, _, field)) = change.header() {
                    write!(f, "{header} {}", field.name)?;
                }
                match change.value {
                    Some(value) => write!(f, " to {value}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl Damage {
    /// Does it to `frame`. False when there is no such bit or header in it, and nothing is changed.
    pub(super) fn apply(&self, frame: &mut [u8]) -> bool {
        match self {
            Self::Bit(bit) => flip(frame, *bit),
            Self::BitFromEnd(bit) => {
                let last = (frame.len() as u64 * 8).checked_sub(1);
                let bit = last.and_then(|last| last.checked_sub(*bit));
                bit.is_some_and(|bit| flip(frame, bit))
            }
            Self::Field(change) => change.apply(frame).is_some(),
        }
    }
}

impl FieldChange {
    fn apply(&self, frame: &mut [u8]) -> Option<()> {
        let (_, kind, field) = self.header()?;
        let (layer, _) = find(frame, |layer| layer.kind == kind)?;
        let header = frame.get_mut(layer.offset as usize..)?;
        let raw = field.raw(header)?;
        field.put(header, self.value.unwrap_or(raw ^ 1));
        Some(())
    }
}

/// Flips a bit, counted from the first.
pub(super) fn flip(frame: &mut [u8], bit: u64) -> bool {
    let byte = usize::try_from(bit / 8).ok();
    match byte.and_then(|byte| frame.get_mut(byte)) {
        Some(byte) => {
            *byte ^= 0x80 >> (bit % 8);
            true
        }
        None => false,
    }
}

/// The innermost layer of the frame's own bytes that is wanted, and all that is known of the frame.
fn find(frame: &[u8], wanted: impl Fn(&Layer) -> bool) -> Option<(Layer, Found)> {
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&Frame {
        number: 1,
        time: Timestamp::default(),
        link_type: LinkType::ETHERNET,
        interface: 0,
        original_len: frame.len() as u32,
        bytes: frame,
        comment: None,
    });
    let own = own_layers(&packet);
    let index = own.iter().rposition(wanted)?;
    let before = own.get(..index)?;
    let is_ip = |layer: &&Layer| matches!(layer.kind, LayerKind::Ipv4 | LayerKind::Ipv6);
    let found = Found {
        ip: before.iter().rev().find(is_ip).copied(),
        ends: packet.ip.map(|ip| (ip.src, ip.dst)),
    };
    Some((*own.get(index)?, found))
}

/// The layers whose offsets are in the frame, and not in what was put together from fragments.
fn own_layers<'a>(packet: &'a Packet<'_>) -> &'a [Layer] {
    let own = packet
        .reassembled
        .map_or(packet.layers.len(), |reassembled| {
            usize::from(reassembled.first_layer)
        });
    packet.layers.get(..own).unwrap_or_default()
}

/// What surrounds a layer.
struct Found {
    /// The IP header around it.
    ip: Option<Layer>,
    /// Its addresses.
    ends: Option<(IpAddr, IpAddr)>,
}

/// Makes the checksums of the innermost IPv4 header and of TCP, UDP or ICMP right.
pub(super) fn mend(frame: &mut [u8]) {
    if let Some((layer, _)) = find(frame, |layer| layer.kind == LayerKind::Ipv4) {
        let (start, end) = (layer.offset as usize, (layer.offset + layer.len) as usize);
        if let Some(header) = frame.get_mut(start..end) {
            seal(header);
        }
    }
    let transport = |layer: &Layer| checksum_at(layer.kind).is_some();
    let Some((layer, found)) = find(frame, transport) else {
        return;
    };
    let (Some((at, protocol)), Some(ip), Some(ends)) =
        (checksum_at(layer.kind), found.ip, found.ends)
    else {
        return;
    };
    let Some(end) = end_of(frame, ip) else {
        return;
    };
    let Some(message) = frame.get_mut(layer.offset as usize..end) else {
        return;
    };
    put(message, at, 0);
    let covers_addresses = !matches!(layer.kind, LayerKind::Icmpv4 | LayerKind::Igmp);
    let mut sum = Sum::new();
    if covers_addresses {
        sum = Sum::pseudo_header(ends.0, ends.1, protocol, message.len() as u32);
    }
    let checksum = match sum.add_bytes(message).checksum() {
        // In UDP zero says that there is none (RFC 768).
        0 if layer.kind == LayerKind::Udp => 0xffff,
        checksum => checksum,
    };
    put(message, at, checksum);
}

/// Where in a transport header the checksum is, and the protocol's number.
const fn checksum_at(kind: LayerKind) -> Option<(usize, u8)> {
    match kind {
        LayerKind::Tcp => Some((16, 6)),
        LayerKind::Udp => Some((6, 17)),
        LayerKind::Icmpv4 => Some((2, 1)),
        LayerKind::Icmpv6 => Some((2, 58)),
        LayerKind::Igmp => Some((2, 2)),
        _ => None,
    }
}

/// Where the datagram of an IP header ends, by its length field and by the frame's end.
fn end_of(frame: &[u8], ip: Layer) -> Option<usize> {
    let at = ip.offset as usize;
    let (field, fixed) = match ip.kind {
        LayerKind::Ipv4 => (2, 0),
        _ => (4, super::ip::V6_LEN),
    };
    let length = frame.get(at + field..)?.first_chunk()?;
    let end = at + fixed + usize::from(u16::from_be_bytes(*length));
    Some(end.min(frame.len()))
}
