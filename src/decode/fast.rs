//! The short way for what nearly every frame is: a common link header, IPv4 without options or IPv6
//! without extension headers, not a fragment, and TCP whose header was captured whole.
//!
//! It reads the same fields as the walk and must give the same packet; a test holds the two against
//! each other. Everything else, and everything wrong, is left to the walk.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::ipv4::header_checksum;
use super::span::Span;
use super::{Body, Checksum, Ip, Layer, LayerKind, Packet, tcp, transport};
use crate::frame::{Frame, LinkType};

/// Fills `packet` and returns true, or leaves it alone and returns false.
#[inline]
pub(super) fn decode<'a>(frame: &Frame<'a>, packet: &mut Packet<'a>) -> bool {
    let at = Span {
        bytes: frame.bytes,
        offset: 0,
        wire: frame.original_len.max(frame.bytes.len() as u32),
    };
    let (kind, len, ethertype) = match frame.link_type {
        LinkType::ETHERNET => (LayerKind::Ethernet, 14, at.u16(12)),
        LinkType::LINUX_SLL => (LayerKind::Link, 16, at.u16(14)),
        LinkType::LINUX_SLL2 => (LayerKind::Link, 20, at.u16(0)),
        _ => return false,
    };
    let inner = at.skip(len);
    let read = match ethertype {
        Some(0x0800) => ipv4(inner),
        Some(0x86dd) => ipv6(inner),
        _ => None,
    };
    let Some((ip, ip_layer, tcp_at)) = read else {
        return false;
    };
    let Some(fixed) = tcp_at.array(0) else {
        return false;
    };
    let tcp_len = tcp::header_len(fixed);
    if tcp_len < 20 || (tcp_at.bytes.len() as u32) < tcp_len {
        return false;
    }
    let mut segment = tcp::segment(fixed, tcp_len, tcp_at);
    segment.checksum =
        transport::checksum(&ip, tcp::PROTOCOL, tcp_at, transport::field(tcp_at, 16));
    for layer in [
        layer(kind, 0, len),
        ip_layer,
        layer(LayerKind::Tcp, tcp_at.offset, tcp_len),
    ] {
        packet.layers.push(layer);
    }
    packet.ip = Some(ip);
    packet.body = Body::Tcp(segment);
    true
}

/// A plain IPv4 header around TCP, its layer, and what it carries.
#[inline]
fn ipv4(at: Span<'_>) -> Option<(Ip, Layer, Span<'_>)> {
    let header = at.array::<20>(0)?;
    let [
        version,
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
    ] = *header;
    let total_len = u32::from(u16::from_be_bytes([l0, l1]));
    // More fragments, or an offset: all but the reserved and the don't-fragment bit.
    let is_fragment = u16::from_be_bytes([f0, f1]) & 0x3fff != 0;
    if version != 0x45
        || protocol != tcp::PROTOCOL
        || is_fragment
        || total_len < 40
        || total_len > at.wire
    {
        return None;
    }
    let ip = Ip {
        src: Ipv4Addr::new(s0, s1, s2, s3).into(),
        dst: Ipv4Addr::new(d0, d1, d2, d3).into(),
        ttl,
        traffic_class: tos,
        id: Some(u32::from(u16::from_be_bytes([i0, i1]))),
        dont_fragment: f0 & 0x40 != 0,
        protocol,
        checksum: header_checksum(header),
    };
    Some((
        ip,
        layer(LayerKind::Ipv4, at.offset, 20),
        at.limit(total_len).skip(20),
    ))
}

/// The same of an IPv6 header that is followed by TCP right away.
#[inline]
fn ipv6(at: Span<'_>) -> Option<(Ip, Layer, Span<'_>)> {
    let &[v0, v1, _, _, l0, l1, next, hop_limit] = at.array(0)?;
    let src = *at.array::<16>(8)?;
    let dst = *at.array::<16>(24)?;
    let payload_len = u32::from(u16::from_be_bytes([l0, l1]));
    let payload = at.skip(40);
    if v0 >> 4 != 6 || next != tcp::PROTOCOL || payload_len < 20 || payload_len > payload.wire {
        return None;
    }
    let ip = Ip {
        src: Ipv6Addr::from(src).into(),
        dst: Ipv6Addr::from(dst).into(),
        ttl: hop_limit,
        traffic_class: v0 << 4 | v1 >> 4,
        id: None,
        dont_fragment: true,
        protocol: next,
        checksum: Checksum::Absent,
    };
    Some((
        ip,
        layer(LayerKind::Ipv6, at.offset, 40),
        payload.limit(payload_len),
    ))
}

const fn layer(kind: LayerKind, offset: u32, len: u32) -> Layer {
    Layer { kind, offset, len }
}
