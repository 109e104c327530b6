//! The packet quoted in an ICMP error, read as far as it goes: 8 bytes of its payload is all that
//! is promised (RFC 792), and what is there may have been changed on the way.
//!
//! None of it counts as a packet of its own: a TCP header in here is not a segment.

use super::Quoted;
use super::span::Span;
use crate::wire::seq::Seq;

/// The quoted packet at `at`; `None` when it is no IP header.
pub(super) fn read(at: Span<'_>) -> Option<Quoted> {
    match at.bytes.first()? >> 4 {
        4 => ipv4(at),
        6 => ipv6(at),
        _ => None,
    }
}

fn ipv4(at: Span<'_>) -> Option<Quoted> {
    let &[
        version_len,
        _,
        l0,
        l1,
        _,
        _,
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
    ] = at.array(0)?;
    let header_len = u32::from(version_len & 0x0f) * 4;
    let first = (f0 & 0x1f, f1) == (0, 0);
    let quoted = Quoted {
        offset: at.offset,
        src: [s0, s1, s2, s3].into(),
        dst: [d0, d1, d2, d3].into(),
        ttl,
        datagram_len: u32::from(u16::from_be_bytes([l0, l1])),
        protocol,
        ports: None,
        seq: None,
        echo: None,
    };
    let readable = first && header_len >= 20;
    Some(transport(quoted, readable.then(|| at.skip(header_len))))
}

fn ipv6(at: Span<'_>) -> Option<Quoted> {
    let &[_, _, _, _, l0, l1, next, ttl] = at.array(0)?;
    let src = *at.array::<16>(8)?;
    let dst = *at.array::<16>(24)?;
    let (protocol, payload) = skip_extensions(next, at.skip(40));
    let quoted = Quoted {
        offset: at.offset,
        src: src.into(),
        dst: dst.into(),
        ttl,
        datagram_len: 40 + u32::from(u16::from_be_bytes([l0, l1])),
        protocol,
        ports: None,
        seq: None,
        echo: None,
    };
    Some(transport(quoted, payload))
}

/// The protocol behind the extension headers, and where it begins if that is quoted too.
fn skip_extensions(mut next: u8, mut at: Span<'_>) -> (u8, Option<Span<'_>>) {
    loop {
        let Some(&[following, len, o0, o1]) = at.array(0) else {
            return (next, None);
        };
        let len = match next {
            0 | 43 | 60 | 135 | 139 | 140 => (u32::from(len) + 1) * 8,
            // A fragment other than the first begins in the middle of something.
            44 if u16::from_be_bytes([o0, o1]) & 0xfff8 != 0 => return (following, None),
            44 => 8,
            51 => (u32::from(len) + 2) * 4,
            _ => return (next, Some(at)),
        };
        next = following;
        at = at.skip(len);
    }
}

/// Adds what the first bytes of the quoted payload say.
fn transport(mut quoted: Quoted, at: Option<Span<'_>>) -> Quoted {
    let Some(at) = at else {
        return quoted;
    };
    match quoted.protocol {
        // TCP, UDP, DCCP, SCTP and UDP-Lite all begin with the ports.
        6 | 17 | 33 | 132 | 136 => quoted.ports = at.u16(0).zip(at.u16(2)),
        1 | 58 => {
            let echo = match quoted.protocol {
                1 => [8, 0],
                _ => [128, 129],
            };
            if at.bytes.first().is_some_and(|kind| echo.contains(kind)) {
                quoted.echo = at.u16(4).zip(at.u16(6));
            }
        }
        _ => {}
    }
    if quoted.protocol == 6 {
        quoted.seq = at.array(4).copied().map(u32::from_be_bytes).map(Seq);
    }
    quoted
}
