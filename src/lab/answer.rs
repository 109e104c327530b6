//! The ICMP errors of virtual routers: Time Exceeded, Fragmentation Needed, Packet Too Big (RFC 792,
//! RFC 1191 section 4, RFC 1812 section 4.3, RFC 4443 section 3).

use std::net::IpAddr;

use super::ip::{Header, V4_LEN, V6_LEN, put, seal};
use crate::wire::checksum::Sum;

/// Bytes of an ICMP header.
const ICMP_LEN: usize = 8;
/// Most bytes of an ICMPv4 error with its IP header (RFC 1812 section 4.3.2.3).
const MAX_V4: usize = 576;
/// Most bytes of an ICMPv6 error: the smallest MTU there may be (RFC 4443 section 2.4 (c)).
const MAX_V6: usize = 1280;
/// What a router gives its own packets, as Linux does.
const TTL: u8 = 64;
/// Precedence 6, internetwork control (RFC 1812 section 4.3.2.5).
const TRAFFIC_CLASS: u8 = 0xc0;

/// What a router has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// The time to live has run out.
    TimeExceeded,
    /// The next hop takes no more than this.
    TooBig(u16),
}

/// The frame with which the router at `address` answers the packet of `header`, when it arrives after
/// `hops` more routers. `None` when it may not answer.
pub(super) fn build(
    error: Error,
    address: IpAddr,
    frame: &[u8],
    header: &Header,
    hops: u8,
) -> Option<Vec<u8>> {
    if header.is_unanswerable(frame) {
        return None;
    }
    let datagram = header.datagram(frame);
    let max = if header.v6 { MAX_V6 } else { MAX_V4 };
    let ip_len = if header.v6 { V6_LEN } else { V4_LEN };
    let quote = datagram.get(..datagram.len().min(max - ip_len - ICMP_LEN))?;
    let mut answer = Vec::with_capacity(14 + ip_len + ICMP_LEN + quote.len());
    link(frame, header, &mut answer);
    let ip_at = answer.len();
    let message_len = ICMP_LEN + quote.len();
    match (address, header.src) {
        (IpAddr::V4(router), IpAddr::V4(host)) => {
            answer.extend([0x45, TRAFFIC_CLASS]);
            answer.extend(((V4_LEN + message_len) as u16).to_be_bytes());
            // Never fragmented, so its identification means nothing (RFC 6864 section 4.1).
            answer.extend([0, 0, 0x40, 0, TTL.saturating_sub(hops), 1, 0, 0]);
            answer.extend(router.octets());
            answer.extend(host.octets());
            seal(answer.get_mut(ip_at..)?);
        }
        (IpAddr::V6(router), IpAddr::V6(host)) => {
            answer.extend([0x60 | TRAFFIC_CLASS >> 4, TRAFFIC_CLASS << 4, 0, 0]);
            answer.extend((message_len as u16).to_be_bytes());
            answer.extend([58, TTL.saturating_sub(hops)]);
            answer.extend(router.octets());
            answer.extend(host.octets());
        }
        _ => return None,
    }
    let message_at = answer.len();
    answer.extend(message_head(error, header.v6));
    answer.extend(quote);
    let message = answer.get_mut(message_at..)?;
    let sum = if header.v6 {
        Sum::pseudo_header(address, header.src, 58, message_len as u32)
    } else {
        Sum::new()
    };
    let checksum = sum.add_bytes(message).checksum();
    put(message, 2, checksum);
    Some(answer)
}

/// The link header of an answer: that of the packet, with its addresses exchanged.
fn link(frame: &[u8], header: &Header, out: &mut Vec<u8>) {
    let link = frame.get(..header.at).unwrap_or_default();
    match link.split_first_chunk::<12>() {
        Some((addresses, rest)) => {
            let (dst, src) = addresses.split_at(6);
            out.extend(src);
            out.extend(dst);
            out.extend(rest);
        }
        None => out.extend(link),
    }
}

/// Type, code, a checksum of zero, and the four bytes that depend on the type.
const fn message_head(error: Error, v6: bool) -> [u8; ICMP_LEN] {
    let (kind, code, mtu) = match (error, v6) {
        (Error::TimeExceeded, false) => (11, 0, 0),
        (Error::TimeExceeded, true) => (3, 0, 0),
        (Error::TooBig(mtu), false) => (3, 4, mtu),
        (Error::TooBig(mtu), true) => (2, 0, mtu),
    };
    let [high, low] = mtu.to_be_bytes();
    [kind, code, 0, 0, 0, 0, high, low]
}
