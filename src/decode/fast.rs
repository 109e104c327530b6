//! The short way for what nearly every frame is: Ethernet, IPv4 without options and not a fragment,
//! TCP whose header was captured whole.
//!
//! It reads the same fields as the walk and must give the same packet; a test holds the two against
//! each other. Everything else, and everything wrong, is left to the walk.

use std::net::{IpAddr, Ipv4Addr};

use super::ipv4::header_checksum;
use super::span::Span;
use super::{Body, Ip, Layer, LayerKind, Packet, tcp, transport};
use crate::frame::{Frame, LinkType};

/// Ethernet, IPv4 and TCP headers without options.
const HEADERS: usize = 14 + 20 + 20;
/// Ethernet type of IPv4, then version 4 and a header of five words, as they stand side by side.
const IPV4_PLAIN: [u8; 3] = [0x08, 0x00, 0x45];

/// Fills `packet` and returns true, or leaves it alone and returns false.
#[inline]
pub(super) fn decode<'a>(frame: &Frame<'a>, packet: &mut Packet<'a>) -> bool {
    if frame.link_type != LinkType::ETHERNET {
        return false;
    }
    let Some(head) = frame.bytes.first_chunk::<HEADERS>() else {
        return false;
    };
    let (link, rest) = head.split_at(14);
    let (Some(ip_header), Some(tcp_header)) = (rest.first_chunk::<20>(), rest.last_chunk::<20>())
    else {
        return false;
    };
    if link.last_chunk() != Some(&[IPV4_PLAIN[0], IPV4_PLAIN[1]]) || ip_header[0] != IPV4_PLAIN[2] {
        return false;
    }
    let [
        _,
        tos,
        l0,
        l1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = *ip_header;
    let total_len = u32::from(u16::from_be_bytes([l0, l1]));
    // More fragments, or an offset: all but the reserved and the don't-fragment bit.
    let is_fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
    let tcp_len = tcp::header_len(tcp_header);
    let wire = frame.original_len.max(frame.bytes.len() as u32) - 14;
    if protocol != tcp::PROTOCOL
        || is_fragment
        || total_len > wire
        || tcp_len < 20
        || total_len < 20 + tcp_len
        || frame.bytes.len() < 34 + tcp_len as usize
    {
        return false;
    }
    let ip = Ip {
        src: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        dst: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        ttl,
        traffic_class: tos,
        id: Some(u32::from(u16::from_be_bytes([i0, i1]))),
        dont_fragment: f0 & 0x40 != 0,
        protocol,
        checksum: header_checksum(ip_header),
    };
    let at = Span {
        bytes: frame.bytes.get(34..).unwrap_or_default(),
        offset: 34,
        wire: wire - 20,
    }
    .limit(total_len - 20);
    let mut segment = tcp::segment(tcp_header, tcp_len, at);
    segment.checksum = transport::checksum(&ip, tcp::PROTOCOL, at, transport::field(at, 16));
    packet.layers.extend([
        layer(LayerKind::Ethernet, 0, 14),
        layer(LayerKind::Ipv4, 14, 20),
        layer(LayerKind::Tcp, 34, tcp_len),
    ]);
    packet.ip = Some(ip);
    packet.body = Body::Tcp(segment);
    true
}

const fn layer(kind: LayerKind, offset: u32, len: u32) -> Layer {
    Layer { kind, offset, len }
}
