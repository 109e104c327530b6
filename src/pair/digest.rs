//! What tells a packet from others at both ends of its way, whatever routers change in between: the
//! time to live and the header's checksum (RFC 791 section 3.1), and checksums that a network card
//! fills in only after the capture has seen the packet.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::decode::{LayerKind, Packet};
use crate::frame::Frame;

/// What a packet is recognized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// All of it that does not change on the way.
    pub(super) whole: u64,
    /// What is left to go by when some bits of it have changed: addresses, identification, ports and
    /// sequence number. `None` for what has no such thing.
    pub(super) name: Option<u64>,
}

impl Digest {
    /// That of a frame and the packet in it.
    pub(super) fn of(frame: &Frame<'_>, packet: &Packet<'_>) -> Self {
        let ip = packet.layers.iter().find(|layer| {
            matches!(
                layer.kind,
                LayerKind::Ipv4 | LayerKind::Ipv6 | LayerKind::Arp
            )
        });
        let start = ip.map_or(0, |layer| layer.offset as usize);
        let bytes = frame.bytes.get(start..).unwrap_or_default();
        match ip.map(|layer| layer.kind) {
            Some(LayerKind::Ipv4) => ipv4(bytes),
            Some(LayerKind::Ipv6) => ipv6(bytes),
            // What a switch adds behind a short frame is no part of it.
            Some(LayerKind::Arp) => Self::new(&[bytes.get(..28).unwrap_or(bytes)], None),
            _ => Self::new(&[bytes], None),
        }
    }

    fn new(whole: &[&[u8]], name: Option<&[&[u8]]>) -> Self {
        let hash = |parts: &[&[u8]]| {
            let mut hasher = DefaultHasher::new();
            for part in parts {
                part.hash(&mut hasher);
            }
            hasher.finish()
        };
        Self {
            whole: hash(whole),
            name: name.map(hash),
        }
    }
}

/// A part of `bytes`, as far as there is one.
fn part(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    let to = to.min(bytes.len());
    bytes.get(from.min(to)..to).unwrap_or_default()
}

fn ipv4(bytes: &[u8]) -> Digest {
    let Some(fixed) = bytes.first_chunk::<20>() else {
        return Digest::new(&[bytes], None);
    };
    let header = usize::from(fixed[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    let end = if total < header { bytes.len() } else { total };
    let body = part(bytes, header.max(20), end);
    // Only the first fragment holds a transport header.
    let offset = u16::from_be_bytes([fixed[6], fixed[7]]) & 0x1fff;
    let first = matches!(offset, 0);
    let [before, after] = around_checksum(body, fixed[9], first);
    let name = transport_name(body, fixed[9], first);
    Digest::new(
        &[
            part(bytes, 0, 1),
            // Routers may mark what meets congestion (RFC 3168 section 5), so not the byte between.
            part(bytes, 2, 8),
            part(bytes, 9, 10),
            part(bytes, 12, header.max(20)),
            before,
            after,
        ],
        Some(&[
            part(bytes, 4, 6),
            part(bytes, 9, 10),
            part(bytes, 12, 20),
            name,
        ]),
    )
}

fn ipv6(bytes: &[u8]) -> Digest {
    let Some(fixed) = bytes.first_chunk::<40>() else {
        return Digest::new(&[bytes], None);
    };
    let length = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let body = part(bytes, 40, 40 + length);
    let [before, after] = around_checksum(body, fixed[6], true);
    let name = transport_name(body, fixed[6], true);
    Digest::new(
        &[part(bytes, 0, 7), part(bytes, 8, 40), before, after],
        // Without an identification a repetition has the same name: it is better than nothing.
        Some(&[part(bytes, 6, 7), part(bytes, 8, 40), name]),
    )
}

/// What stands before the checksum of a transport header and what stands after it.
fn around_checksum(body: &[u8], protocol: u8, first: bool) -> [&[u8]; 2] {
    let at = match protocol {
        6 => 16,
        17 => 6,
        1 | 58 => 2,
        _ => body.len(),
    };
    if first {
        [part(body, 0, at), part(body, at + 2, body.len())]
    } else {
        [body, &[]]
    }
}

/// Ports and sequence number, or the like.
fn transport_name(body: &[u8], protocol: u8, first: bool) -> &[u8] {
    match protocol {
        6 if first => part(body, 0, 8),
        17 if first => part(body, 0, 4),
        1 | 58 if first => part(body, 4, 8),
        _ => &[],
    }
}
