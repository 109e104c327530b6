//! What tells a packet from others at both ends of its way, whatever routers change in between: the
//! time to live and the header's checksum (RFC 791 section 3.1), and checksums that a network card
//! fills in only after the capture has seen the packet.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use super::survey::Way;
use crate::decode::{Body, LayerKind, Packet};
use crate::frame::Frame;
use crate::wire::tcp::TcpOptions;

/// What a packet is recognized by: hashes, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    /// All of it that does not change on the way.
    pub(super) whole: u64,
    /// Its headers, for captures that don't have all of the rest. `None` for what is no TCP.
    pub(super) head: Option<u64>,
    /// What is left to go by when some bits of it have changed: of IPv4 addresses, identification,
    /// ports and sequence number, and of a segment its numbers, length and timestamps. Those come first
    /// where there is no identification.
    pub(super) names: [Option<u64>; 2],
    /// Whether there is no identification.
    pub(super) numbers_only: bool,
    /// The bytes of a connection that it carries.
    pub(super) range: Option<Range>,
}

/// Bytes of a connection, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Tells connections and directions apart.
    pub(super) stream: u64,
    pub(super) seq: u32,
    pub(super) len: u32,
    /// The sender's timestamp (RFC 7323), which all parts of what was sent at once have in common.
    pub(super) stamp: Option<u32>,
}

/// What a hash is of, so that two kinds of them are never taken for the same.
#[derive(Clone, Copy, Hash)]
enum Of {
    Whole,
    Head,
    Name,
    Numbers,
    Stream,
}

impl Digest {
    /// That of a frame and the packet in it, as if it had gone that way, where it has another there.
    pub(super) fn of(frame: &Frame<'_>, packet: &Packet<'_>, renamed: Option<&Way>) -> Self {
        let ip = packet.layers.iter().find(|layer| {
            matches!(
                layer.kind,
                LayerKind::Ipv4 | LayerKind::Ipv6 | LayerKind::Arp
            )
        });
        let start = ip.map_or(0, |layer| layer.offset as usize);
        let bytes = frame.bytes.get(start..).unwrap_or_default();
        let other = renamed.map(|way| rename(bytes, way));
        let bytes = other.as_deref().unwrap_or(bytes);
        let mut digest = match ip.map(|layer| layer.kind) {
            Some(LayerKind::Ipv4) => ipv4(bytes),
            Some(LayerKind::Ipv6) => ipv6(bytes),
            // What a switch adds behind a short frame is no part of it.
            Some(LayerKind::Arp) => Self::new(&[bytes.get(..28).unwrap_or(bytes)], None, None),
            _ => Self::new(&[bytes], None, None),
        };
        if let (Body::Tcp(tcp), Some(way)) = (&packet.body, Way::of(packet)) {
            let way = renamed.copied().unwrap_or(way);
            let ts = TcpOptions::read(tcp.options).ts;
            // Of a SYN some options are changed on the way: MSS is.
            let options = Some(tcp.options).filter(|_| !tcp.flags.syn() && !tcp.options_cut);
            let numbers = (
                tcp.seq.0,
                tcp.ack.0,
                tcp.flags.0,
                tcp.window,
                tcp.payload_len,
            );
            digest.names[1] = Some(hash(Of::Numbers, &(way, numbers, options, ts)));
            let stamp = ts.map(|(value, _)| value);
            digest.range = (tcp.payload_len > 0).then(|| Range {
                stream: hash(Of::Stream, &way),
                seq: tcp.seq.0,
                len: tcp.payload_len,
                stamp,
            });
            if packet.ip.and_then(|ip| ip.id).unwrap_or(0) == 0 {
                digest.names.swap(0, 1);
                // All ACKs have one sequence number while nothing is sent.
                if tcp.payload_len == 0 && !tcp.flags.syn() && !tcp.flags.fin() {
                    digest.names[1] = None;
                }
                digest.numbers_only = true;
            }
        }
        digest
    }

    fn new(whole: &[&[u8]], head: Option<&[&[u8]]>, name: Option<&[&[u8]]>) -> Self {
        Self {
            whole: hash(Of::Whole, whole),
            head: head.map(|head| hash(Of::Head, head)),
            names: [name.map(|name| hash(Of::Name, name)), None],
            numbers_only: false,
            range: None,
        }
    }

    /// Leaves out what identifications make needless where nothing on the way changes them.
    pub(super) fn with_identification(mut self) -> Self {
        if !self.numbers_only {
            self.names[1] = None;
        }
        self
    }

    /// What it has in common with itself at another place, cut or not.
    pub(super) fn steady(&self) -> u64 {
        self.head.unwrap_or(self.whole)
    }

    /// All of it, the most telling first.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> {
        let rest = [self.head, self.names[0], self.names[1]];
        std::iter::once(self.whole).chain(rest.into_iter().flatten())
    }
}

fn hash(of: Of, what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    what.hash(&mut hasher);
    hasher.finish()
}

/// The packet with the addresses and ports of that way (RFC 3022 section 2.2).
fn rename(bytes: &[u8], way: &Way) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut put = |at: usize, what: &[u8]| {
        if let Some(place) = bytes.get_mut(at..at + what.len()) {
            place.copy_from_slice(what);
        }
    };
    let ports = [way.src.1.to_be_bytes(), way.dst.1.to_be_bytes()].concat();
    match (way.src.0, way.dst.0) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            put(12, &src.octets());
            put(16, &dst.octets());
            let header = usize::from(bytes.first().copied().unwrap_or(0) & 0x0f) * 4;
            if let Some(place) = bytes.get_mut(header..header + 4)
                && way.src.1 != 0
            {
                place.copy_from_slice(&ports);
            }
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            put(8, &src.octets());
            put(24, &dst.octets());
            if way.src.1 != 0 {
                put(40, &ports);
            }
        }
        _ => {}
    }
    bytes
}

/// A part of `bytes`, as far as there is one.
fn part(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    let to = to.min(bytes.len());
    bytes.get(from.min(to)..to).unwrap_or_default()
}

fn ipv4(bytes: &[u8]) -> Digest {
    let Some(fixed) = bytes.first_chunk::<20>() else {
        return Digest::new(&[bytes], None, None);
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
    let [head, rest] = around_header(after, body, fixed[9], first);
    let outer = [
        part(bytes, 0, 1),
        // Routers may mark what meets congestion (RFC 3168 section 5), so not the byte between.
        part(bytes, 2, 8),
        part(bytes, 9, 10),
        part(bytes, 12, header.max(20)),
    ];
    let [version, lengths, protocol, ends] = outer;
    Digest::new(
        &[version, lengths, protocol, ends, before, head, rest],
        is_tcp(fixed[9], first).then_some(&[version, lengths, protocol, ends, before, head]),
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
        return Digest::new(&[bytes], None, None);
    };
    let length = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    let body = part(bytes, 40, 40 + length);
    let [before, after] = around_checksum(body, fixed[6], true);
    let name = transport_name(body, fixed[6], true);
    let [head, rest] = around_header(after, body, fixed[6], true);
    let [start, ends] = [part(bytes, 0, 7), part(bytes, 8, 40)];
    Digest::new(
        &[start, ends, before, head, rest],
        is_tcp(fixed[6], true).then_some(&[start, ends, before, head]),
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

/// Whether a TCP header follows.
const fn is_tcp(protocol: u8, first: bool) -> bool {
    protocol == 6 && first
}

/// Parts what follows the checksum of a segment where its header ends. Of others all is the first part.
fn around_header<'a>(after: &'a [u8], body: &[u8], protocol: u8, first: bool) -> [&'a [u8]; 2] {
    let header = body.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    let at = if is_tcp(protocol, first) {
        header.saturating_sub(18).min(after.len())
    } else {
        after.len()
    };
    let (head, rest) = after.split_at(at);
    [head, rest]
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
