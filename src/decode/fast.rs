//! The short way for what nearly every frame is: a common link header, IPv4 without options or IPv6
//! without extension headers, not a fragment, and TCP whose header was captured whole.
//!
//! It reads the same fields as the walk and must give the same packet; a test holds the two against
//! each other. Everything else, and everything wrong, is left to the walk.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ipv4::header_checksum;
use super::span::Span;
use super::{Body, Checksum, Ip, Layer, LayerKind, Packet, Tcp, tcp, transport};
use crate::frame::{Frame, LinkType};
use crate::wire::checksum::Sum;

/// A frame of the most common shape: all that is needed to follow its connection, and to make a whole
/// [`Packet`] where one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    network: Network<'a>,
    link: (LayerKind, u8),
    /// Where the segment begins, and the length of its header.
    segment: (u32, u8),
    tcp: Tcp<'a>,
}

/// The header around the segment.
#[derive(Clone, Copy, Debug)]
enum Network<'a> {
    V4(&'a [u8; 20]),
    V6(&'a [u8; 40]),
}

impl<'a> Plain<'a> {
    /// Reads a frame, if it is one.
    #[inline]
    pub fn read(frame: &Frame<'a>) -> Option<Self> {
        let at = Span {
            bytes: frame.bytes,
            offset: 0,
            wire: frame.original_len.max(frame.bytes.len() as u32),
        };
        let (kind, len, ethertype) = match frame.link_type {
            LinkType::ETHERNET => (LayerKind::Ethernet, 14, at.u16(12)),
            LinkType::LINUX_SLL => (LayerKind::Link, 16, at.u16(14)),
            LinkType::LINUX_SLL2 => (LayerKind::Link, 20, at.u16(0)),
            _ => return None,
        };
        let inner = at.skip(len);
        let (network, segment) = match ethertype? {
            0x0800 => ipv4(inner),
            0x86dd => ipv6(inner),
            _ => None,
        }?;
        let fixed = segment.array(0)?;
        let tcp_len = tcp::header_len(fixed);
        if tcp_len < 20 || (segment.bytes.len() as u32) < tcp_len {
            return None;
        }
        let field = transport::field(segment, 16);
        Some(Self {
            network,
            link: (kind, len as u8),
            segment: (segment.offset, tcp_len as u8),
            tcp: Tcp {
                checksum: transport::checksum_from(network.pseudo_header(), segment, field),
                ..tcp::segment(fixed, tcp_len, segment)
            },
        })
    }

    /// The segment.
    #[inline]
    pub const fn tcp(&self) -> &Tcp<'a> {
        &self.tcp
    }

    /// Source and destination address.
    #[inline]
    pub fn ends(&self) -> (IpAddr, IpAddr) {
        self.network.ends()
    }

    /// Identification of the IP packet, if it has one, and its time to live or hop limit.
    #[inline]
    pub fn id_and_ttl(&self) -> (Option<u32>, u8) {
        match self.network {
            Network::V4(header) => {
                let id = u16::from_be_bytes([header[4], header[5]]);
                (Some(u32::from(id)), header[8])
            }
            Network::V6(header) => (None, header[7]),
        }
    }

    /// Fills a packet of which nothing is known.
    pub(super) fn fill(&self, packet: &mut Packet<'a>) {
        let (kind, link_len) = self.link;
        let (tcp_at, tcp_len) = self.segment;
        let (ip_kind, ip_len) = match self.network {
            Network::V4(_) => (LayerKind::Ipv4, 20),
            Network::V6(_) => (LayerKind::Ipv6, 40),
        };
        for layer in [
            layer(kind, 0, link_len.into()),
            layer(ip_kind, link_len.into(), ip_len),
            layer(LayerKind::Tcp, tcp_at, tcp_len.into()),
        ] {
            packet.layers.push(layer);
        }
        packet.ip = Some(self.network.ip());
        packet.body = Body::Tcp(self.tcp);
    }
}

impl Network<'_> {
    #[inline]
    fn ends(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(header) => {
                let address = |at: usize| header[at..].first_chunk::<4>().copied();
                (
                    Ipv4Addr::from(address(12).unwrap_or_default()).into(),
                    Ipv4Addr::from(address(16).unwrap_or_default()).into(),
                )
            }
            Self::V6(header) => {
                let address = |at: usize| header[at..].first_chunk::<16>().copied();
                (
                    Ipv6Addr::from(address(8).unwrap_or_default()).into(),
                    Ipv6Addr::from(address(24).unwrap_or_default()).into(),
                )
            }
        }
    }

    /// What the checksum covers beside the segment, all of it but the segment's length.
    #[inline]
    fn pseudo_header(&self) -> Sum {
        let addresses = match self {
            Self::V4(header) => Sum::new().add_bytes(&header[12..]),
            Self::V6(header) => Sum::new().add_bytes(&header[8..]),
        };
        addresses.add_u16(tcp::PROTOCOL.into())
    }

    fn ip(&self) -> Ip {
        let (src, dst) = self.ends();
        match self {
            Self::V4(header) => Ip {
                src,
                dst,
                ttl: header[8],
                traffic_class: header[1],
                id: Some(u32::from(u16::from_be_bytes([header[4], header[5]]))),
                dont_fragment: header[6] & 0x40 != 0,
                protocol: header[9],
                checksum: header_checksum(*header),
            },
            Self::V6(header) => Ip {
                src,
                dst,
                ttl: header[7],
                traffic_class: header[0] << 4 | header[1] >> 4,
                id: None,
                dont_fragment: true,
                protocol: header[6],
                checksum: Checksum::Absent,
            },
        }
    }
}

/// A plain IPv4 header around TCP, and what it carries.
#[inline]
fn ipv4(at: Span<'_>) -> Option<(Network<'_>, Span<'_>)> {
    let header = at.array::<20>(0)?;
    let total_len = u32::from(u16::from_be_bytes([header[2], header[3]]));
    // More fragments, or an offset: all but the reserved and the don't-fragment bit.
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if header[0] != 0x45
        || header[9] != tcp::PROTOCOL
        || is_fragment
        || total_len < 40
        || total_len > at.wire
    {
        return None;
    }
    Some((Network::V4(header), at.limit(total_len).skip(20)))
}

/// The same of an IPv6 header that is followed by TCP right away.
#[inline]
fn ipv6(at: Span<'_>) -> Option<(Network<'_>, Span<'_>)> {
    let header = at.array::<40>(0)?;
    let payload_len = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let payload = at.skip(40);
    if header[0] >> 4 != 6
        || header[6] != tcp::PROTOCOL
        || payload_len < 20
        || payload_len > payload.wire
    {
        return None;
    }
    Some((Network::V6(header), payload.limit(payload_len)))
}

const fn layer(kind: LayerKind, offset: u32, len: u32) -> Layer {
    Layer { kind, offset, len }
}
