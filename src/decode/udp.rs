//! UDP (RFC 768), and the tunnels that run over it: VXLAN (RFC 7348 section 5) and Geneve
//! (RFC 8926 section 3.4).

use super::span::Span;
use super::transport;
use super::tunnel::Kind;
use super::walk::{Next, Walk};
use super::{Body, Checksum, Fault, LayerKind, Udp};

/// Bytes of the header.
const HEADER: u32 = 8;
/// The protocol number.
const PROTOCOL: u8 = 17;

impl<'a> Walk<'a, '_> {
    /// Reads a UDP header.
    pub(super) fn udp(&mut self) -> Next {
        let at = self.at;
        let Some(&[s0, s1, d0, d1, l0, l1, c0, c1]) = at.array(0) else {
            self.too_short(LayerKind::Udp, at, HEADER);
            return self.done(Body::Other { protocol: PROTOCOL });
        };
        self.layer(LayerKind::Udp, at, HEADER);
        let len = u32::from(u16::from_be_bytes([l0, l1]));
        let datagram = match len {
            // Too long for the field: a jumbogram (RFC 2675 section 4), or left to offload.
            0 => at,
            1..HEADER => {
                let fault = Fault::LengthBelowHeader {
                    claimed: len,
                    header: HEADER,
                };
                self.problem(LayerKind::Udp, at, fault);
                at
            }
            _ => self.limit(LayerKind::Udp, at, at, len),
        };
        let payload = datagram.skip(HEADER);
        let dst_port = u16::from_be_bytes([d0, d1]);
        match dst_port {
            4789 | 8472 if is_vxlan(payload) => {
                self.at = payload;
                return self.vxlan();
            }
            6081 if is_geneve(payload) => {
                self.at = payload;
                return self.geneve();
            }
            _ => {}
        }
        let checksum = self.udp_checksum(datagram, u16::from_be_bytes([c0, c1]));
        self.done(Body::Udp(Udp {
            src_port: u16::from_be_bytes([s0, s1]),
            dst_port,
            payload: payload.bytes,
            payload_len: payload.wire,
            checksum,
        }))
    }

    fn udp_checksum(&mut self, at: Span<'a>, field: u16) -> Checksum {
        if field != 0 {
            return self.packet.ip.map_or(Checksum::Unverified, |ip| {
                transport::checksum((ip.src, ip.dst), PROTOCOL, at, field)
            });
        }
        if self.in_ipv6() {
            self.problem(LayerKind::Udp, at, Fault::NoChecksum);
        }
        Checksum::Absent
    }

    /// Reads a VXLAN header.
    fn vxlan(&mut self) -> Next {
        let at = self.at;
        self.layer(LayerKind::Vxlan, at, 8);
        let network = at.array(4).copied().map(u32::from_be_bytes);
        self.enter_tunnel(Kind::Vxlan, network.map(|vni| vni >> 8));
        self.go(Next::Ethernet, at.skip(8))
    }

    /// Reads a Geneve header and its options.
    fn geneve(&mut self) -> Next {
        let at = self.at;
        let Some(&[lengths, _, p0, p1, v0, v1, v2, _]) = at.array(0) else {
            return Next::Done;
        };
        let len = 8 + u32::from(lengths & 0x3f) * 4;
        self.layer(LayerKind::Geneve, at, len);
        self.enter_tunnel(Kind::Geneve, Some(u32::from_be_bytes([0, v0, v1, v2])));
        self.at = at.skip(len);
        match u16::from_be_bytes([p0, p1]) {
            0x6558 => Next::Ethernet,
            protocol => Next::EtherType(protocol),
        }
    }
}

/// The I flag set, everything reserved zero, and room for an Ethernet header: ports alone prove
/// nothing, 8472 in particular is used by others.
fn is_vxlan(at: Span<'_>) -> bool {
    matches!(at.array(0), Some([0x08, 0, 0, 0, _, _, _, 0])) && at.bytes.len() >= 8 + 14
}

/// Version 0, and the options and two bytes more were captured.
fn is_geneve(at: Span<'_>) -> bool {
    at.bytes.first().is_some_and(|lengths| {
        lengths >> 6 == 0 && at.bytes.len() >= 8 + usize::from(lengths & 0x3f) * 4 + 2
    })
}
