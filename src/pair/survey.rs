//! What a capture holds, looked through before it is joined with another: a sample of its packets, small
//! enough to be kept, and the same packets at both places.
//!
//! Which packets are in the sample is decided by what they hold and not by when they came, as RFC 5475
//! section 5.3 has it, so that both captures choose alike. When there are too many, half of them are let
//! go, again by what they hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use crate::decode::{Body, Decoder, IcmpDetail, Packet};
use crate::frame::{Frame, Timestamp};

/// Most packets in a sample.
const MOST: usize = 65_536;

/// Who sent to whom, as the packet says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Way {
    pub(super) protocol: u8,
    pub(super) src: (IpAddr, u16),
    pub(super) dst: (IpAddr, u16),
}

impl Way {
    /// That of a packet, when it has addresses.
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        let ip = packet.ip?;
        let ports = match &packet.body {
            Body::Tcp(tcp) => [tcp.src_port, tcp.dst_port],
            Body::Udp(udp) => [udp.src_port, udp.dst_port],
            _ => [0, 0],
        };
        Some(Self {
            protocol: ip.protocol,
            src: (ip.src, ports[0]),
            dst: (ip.dst, ports[1]),
        })
    }

    /// The other direction.
    pub(super) const fn back(self) -> Self {
        Self {
            src: self.dst,
            dst: self.src,
            ..self
        }
    }
}

/// A packet of the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) time: Timestamp,
    pub(super) way: Way,
    pub(super) ttl: u8,
    /// Whether another packet looks the same, so that this one can't be told from it.
    pub(super) again: bool,
    /// A SYN that answers none.
    pub(super) opens: bool,
}

/// A capture, looked through.
#[derive(Debug, Default)]
pub struct Survey {
    decoder: Decoder,
    pub(super) spots: HashMap<u64, Spot>,
    /// Of this power of two packets one is in the sample.
    level: u32,
    /// The first and the last time.
    pub(super) span: Option<[Timestamp; 2]>,
}

impl Survey {
    /// Looks at the next frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let [first, last] = self.span.get_or_insert([frame.time; 2]);
        *first = frame.time.min(*first);
        *last = frame.time.max(*last);
        let packet = self.decoder.decode(frame);
        let (Some(way), Some(ip)) = (Way::of(&packet), packet.ip) else {
            return;
        };
        let Some(key) = key(&packet, way) else { return };
        if !chosen(key, self.level) {
            return;
        }
        let spot = Spot {
            time: frame.time,
            way,
            ttl: ip.ttl,
            again: false,
            opens: matches!(&packet.body, Body::Tcp(tcp) if tcp.flags.syn() && !tcp.flags.ack()),
        };
        match self.spots.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().again = true,
            Entry::Vacant(place) => {
                place.insert(spot);
            }
        }
        while self.spots.len() > MOST {
            self.level += 1;
            let level = self.level;
            self.spots.retain(|&key, _| chosen(key, level));
        }
    }
}

/// Whether a packet is in a sample of that level.
fn chosen(key: u64, level: u32) -> bool {
    key.trailing_zeros() >= level
}

/// What a packet is known by, whatever network address translation (RFC 3022) makes of its header: of a
/// segment numbers, length and timestamps; of the others what tells them apart with their addresses.
/// `None` for what is much alike everywhere.
fn key(packet: &Packet<'_>, way: Way) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match &packet.body {
        Body::Tcp(tcp) => {
            let options = crate::wire::tcp::TcpOptions::read(tcp.options);
            let numbers = (tcp.seq.0, tcp.ack.0, tcp.flags.0 & 0x1f);
            (6_u8, numbers, tcp.payload_len, options.ts).hash(&mut hasher);
        }
        Body::Udp(udp) => {
            let id = packet.ip?.id.filter(|&id| id != 0)?;
            (way, id, udp.payload_len).hash(&mut hasher);
        }
        Body::Icmp(icmp) => {
            let IcmpDetail::Echo { id, seq } = icmp.detail else {
                return None;
            };
            let ip_id = packet.ip?.id;
            (way, icmp.kind, id, seq, ip_id).hash(&mut hasher);
        }
        _ => return None,
    }
    Some(hasher.finish())
}
