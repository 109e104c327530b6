//! ICMP for IPv4 (RFC 792) and IPv6 (RFC 4443), with the packet that an error quotes.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::span::Span;
use super::transport;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Icmp, IcmpDetail, LayerKind, quoted};
use crate::wire::checksum::Sum;
use crate::wire::icmp;

/// Bytes up to where messages differ in kind: type, code, checksum, and four that depend on type.
const HEADER: u32 = 8;

impl Walk<'_, '_> {
    /// Reads an ICMP message.
    pub(super) fn icmp(&mut self, v6: bool) -> Next {
        let at = self.at;
        let (layer, protocol) = if v6 {
            (LayerKind::Icmpv6, 58)
        } else {
            (LayerKind::Icmpv4, 1)
        };
        let Some(&[kind, code, c0, c1, r0, r1, r2, r3]) = at.array(0) else {
            self.too_short(layer, at, HEADER);
            return self.done(Body::Other { protocol });
        };
        self.layer(layer, at, HEADER);
        let payload = at.skip(HEADER);
        let rest = [r0, r1, r2, r3];
        let (detail, quotes) = if v6 {
            detail_v6(kind, rest, payload)
        } else {
            detail_v4(kind, code, rest)
        };
        let checksum = if at.is_cut() {
            Checksum::Unverified
        } else if let (true, Some(ip)) = (v6, &self.packet.ip) {
            transport::checksum((ip.src, ip.dst), protocol, at, u16::from_be_bytes([c0, c1]))
        } else if Sum::new().add_bytes(at.bytes).fold() == 0xffff {
            Checksum::Good
        } else {
            Checksum::Bad
        };
        self.done(Body::Icmp(Icmp {
            v6,
            kind,
            code,
            name: icmp::name(v6, kind, code),
            detail,
            quoted: quotes.then(|| quoted::read(payload)).flatten(),
            payload: payload.bytes,
            payload_len: payload.wire,
            checksum,
        }))
    }
}

/// What the four bytes after an ICMPv4 checksum say, and whether a packet is quoted after them.
fn detail_v4(kind: u8, code: u8, rest: [u8; 4]) -> (IcmpDetail, bool) {
    let [r0, r1, r2, r3] = rest;
    let low = u16::from_be_bytes([r2, r3]);
    match (kind, code) {
        (0 | 8 | 13..=18, _) => {
            let id = u16::from_be_bytes([r0, r1]);
            (IcmpDetail::Echo { id, seq: low }, false)
        }
        (3, 4) => (IcmpDetail::Mtu(u32::from(low)), true),
        (5, _) => (IcmpDetail::Gateway(Ipv4Addr::from(rest)), true),
        (12, _) => (IcmpDetail::Pointer(u32::from(r0)), true),
        (3 | 4 | 11, _) => (IcmpDetail::None, true),
        _ => (IcmpDetail::None, false),
    }
}

/// The same of ICMPv6, where neighbor discovery has its target in the 16 bytes that follow.
fn detail_v6(kind: u8, rest: [u8; 4], payload: Span<'_>) -> (IcmpDetail, bool) {
    let number = u32::from_be_bytes(rest);
    match kind {
        2 => (IcmpDetail::Mtu(number), true),
        4 => (IcmpDetail::Pointer(number), true),
        // Every type below 128 is an error and quotes (RFC 4443 section 2.1).
        0..128 => (IcmpDetail::None, true),
        128 | 129 => {
            let [id, seq] = [(number >> 16) as u16, number as u16];
            (IcmpDetail::Echo { id, seq }, false)
        }
        135..=137 => {
            let target = payload.array::<16>(0).copied().map(Ipv6Addr::from);
            (target.map_or(IcmpDetail::None, IcmpDetail::Target), false)
        }
        _ => (IcmpDetail::None, false),
    }
}
