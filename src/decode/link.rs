//! The first header of a frame, by the capture's link type (tcpdump.org/linktypes.html).

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::span::Span;
use super::walk::{Next, Walk};
use super::{Body, LayerKind};
use crate::frame::LinkType;

impl<'a> Walk<'a, '_> {
    /// Reads the first header; what follows is named in the result.
    pub(super) fn link(&mut self, link_type: LinkType, at: Span<'a>) -> Next<'a> {
        match link_type {
            LinkType::ETHERNET => self.ethernet(at),
            LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => Next::Ip(at),
            LinkType::IPV4 => self.ipv4(at),
            LinkType::IPV6 => self.ipv6(at),
            LinkType::LINUX_SLL => self.sll(at),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// IPv4 or IPv6, as the first nibble tells.
    pub(super) fn ip(&mut self, at: Span<'a>) -> Next<'a> {
        match at.bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(at),
            Some(6) => self.ipv6(at),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// Ethernet II, or 802.3 with a length where the type would be (IEEE 802.3 clause 3.2.6).
    pub(super) fn ethernet(&mut self, at: Span<'a>) -> Next<'a> {
        let Ok(header) = Ethernet2HeaderSlice::from_slice(at.bytes) else {
            self.too_short(LayerKind::Ethernet, at, 14);
            return Next::Done;
        };
        self.layer(LayerKind::Ethernet, at, 14);
        Next::EtherType(header.ether_type().0, at.skip(14))
    }

    /// A VLAN tag (IEEE 802.1Q clause 9.6); a second one makes QinQ.
    pub(super) fn vlan(&mut self, at: Span<'a>) -> Next<'a> {
        let Ok(tag) = SingleVlanHeaderSlice::from_slice(at.bytes) else {
            self.too_short(LayerKind::Vlan, at, 4);
            return Next::Done;
        };
        self.layer(LayerKind::Vlan, at, 4);
        Next::EtherType(tag.ether_type().0, at.skip(4))
    }

    /// Linux "cooked" capture: 16 bytes, the Ethernet type in the last two. etherparse's slice
    /// refuses hardware types it does not know, whose frames are just as readable.
    fn sll(&mut self, at: Span<'a>) -> Next<'a> {
        let Some(ethertype) = at.u16(14) else {
            self.too_short(LayerKind::Link, at, 16);
            return Next::Done;
        };
        self.layer(LayerKind::Link, at, 16);
        Next::EtherType(ethertype, at.skip(16))
    }
}
