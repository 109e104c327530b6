//! TCP (RFC 9293 section 3.1). etherparse gives nothing of a header whose options were cut off by
//! the capture, so the fixed part is read here.

use super::span::Span;
use super::transport;
use super::walk::{Next, Walk};
use super::{Body, Fault, LayerKind, Tcp};
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// Bytes of a header without options.
const MIN_HEADER: u32 = 20;
/// The protocol number.
pub(super) const PROTOCOL: u8 = 6;

impl Walk<'_, '_> {
    /// Reads a TCP header and ends the walk.
    pub(super) fn tcp(&mut self) -> Next {
        let at = self.at;
        let unreadable = Body::Other { protocol: PROTOCOL };
        let Some(fixed) = at.array(0) else {
            self.too_short(LayerKind::Tcp, at, MIN_HEADER);
            return self.done(unreadable);
        };
        let header_len = header_len(fixed);
        self.layer(LayerKind::Tcp, at, header_len.max(MIN_HEADER));
        if header_len < MIN_HEADER {
            let fault = Fault::HeaderLength {
                required: MIN_HEADER,
                actual: header_len,
            };
            self.problem(LayerKind::Tcp, at, fault);
            return self.done(unreadable);
        }
        if header_len > at.wire {
            let fault = Fault::LengthBeyond {
                claimed: header_len,
                actual: at.wire,
            };
            self.problem(LayerKind::Tcp, at, fault);
            return self.done(unreadable);
        }
        if header_len as usize > at.bytes.len() {
            let fault = Fault::Cut {
                required: header_len,
                actual: at.bytes.len() as u32,
            };
            self.problem(LayerKind::Tcp, at, fault);
        }
        let mut tcp = segment(fixed, header_len, at);
        if let Some(ip) = &self.packet.ip {
            tcp.checksum =
                transport::checksum((ip.src, ip.dst), PROTOCOL, at, transport::field(at, 16));
        }
        self.done(Body::Tcp(tcp))
    }
}

/// Length of the header by its data offset field, in bytes.
#[inline]
pub(super) const fn header_len(fixed: &[u8; 20]) -> u32 {
    (fixed[12] >> 4) as u32 * 4
}

/// The segment at `at` whose first bytes are `fixed`; its checksum is not looked at.
#[inline]
pub(super) fn segment<'a>(fixed: &[u8; 20], header_len: u32, at: Span<'a>) -> Tcp<'a> {
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        f0,
        f1,
        w0,
        w1,
        _,
        _,
        u0,
        u1,
    ] = *fixed;
    let payload = at.skip(header_len);
    let options = at.limit(header_len).skip(MIN_HEADER).bytes;
    Tcp {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        seq: Seq(u32::from_be_bytes([q0, q1, q2, q3])),
        ack: Seq(u32::from_be_bytes([a0, a1, a2, a3])),
        flags: Flags(u16::from_be_bytes([f0 & 0x0f, f1])),
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        options,
        options_cut: (options.len() as u32) < header_len.saturating_sub(MIN_HEADER),
        payload: payload.bytes,
        payload_len: payload.wire,
        checksum: super::Checksum::Unverified,
    }
}
