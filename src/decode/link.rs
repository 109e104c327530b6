//! The first header of a frame, by the capture's link type (tcpdump.org/linktypes.html), and the
//! Ethernet headers that may follow it.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::walk::{Next, Walk};
use super::{Body, LayerKind};
use crate::frame::LinkType;

/// PPP in HDLC-like framing, and behind a PPPoE session header.
const PPP_HDLC: LinkType = LinkType(50);
const PPPOE: LinkType = LinkType(51);
/// PPP behind a byte that tells the direction.
const PPP_PPPD: LinkType = LinkType(166);
const PPP_WITH_DIRECTION: LinkType = LinkType(204);
/// Protocol numbers of "cooked" capture that are no Ethernet types.
const COOKED_802_2: u16 = 0x0004;
/// Hardware types whose "protocol" is no Ethernet type: netlink, and frames with radio headers.
const ARPHRD_NETLINK: u16 = 824;

impl Walk<'_, '_> {
    /// Reads the first header; what follows is named in the result.
    pub(super) fn link(&mut self, link_type: LinkType) -> Next {
        let at = self.at;
        match link_type {
            LinkType::ETHERNET => self.ethernet(),
            LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => Next::Ip,
            LinkType::IPV4 => self.ipv4(),
            LinkType::IPV6 => self.ipv6(),
            LinkType::NULL | LinkType::LOOP => self.null(),
            LinkType::LINUX_SLL => self.sll(),
            LinkType::LINUX_SLL2 => self.sll2(),
            LinkType::PPP | PPP_HDLC => self.ppp(),
            PPPOE => self.pppoe(),
            PPP_PPPD | PPP_WITH_DIRECTION => {
                // A byte that tells the direction.
                self.layer(LayerKind::Link, at, 1);
                self.at = at.skip(1);
                self.ppp()
            }
            LinkType::ARCNET => self.arcnet(),
            LinkType::ARCNET_LINUX => self.arcnet_linux(),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// IPv4 or IPv6, as the first nibble tells.
    pub(super) fn ip(&mut self) -> Next {
        let at = self.at;
        match at.bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(),
            Some(6) => self.ipv6(),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// Ethernet II, or 802.3 with a length where the type would be (IEEE 802.3 clause 3.2.6).
    pub(super) fn ethernet(&mut self) -> Next {
        let at = self.at;
        let Ok(header) = Ethernet2HeaderSlice::from_slice(at.bytes) else {
            self.too_short(LayerKind::Ethernet, at, 14);
            return Next::Done;
        };
        self.layer(LayerKind::Ethernet, at, 14);
        self.go(Next::EtherType(header.ether_type().0), at.skip(14))
    }

    /// A VLAN tag (IEEE 802.1Q clause 9.6); a second one makes QinQ.
    pub(super) fn vlan(&mut self) -> Next {
        let at = self.at;
        let Ok(tag) = SingleVlanHeaderSlice::from_slice(at.bytes) else {
            self.too_short(LayerKind::Vlan, at, 4);
            return Next::Done;
        };
        self.layer(LayerKind::Vlan, at, 4);
        self.go(Next::EtherType(tag.ether_type().0), at.skip(4))
    }

    /// 802.2 logical link control after an 802.3 length; SNAP names an Ethernet type
    /// (IEEE 802 clause 9, RFC 1042).
    pub(super) fn llc(&mut self, len: u16) -> Next {
        let at = self.at;
        let unknown = Body::NotIp { ethertype: 0 };
        // A length that can't be is no news here: the frame's own is at least as good.
        let at = at.limit(u32::from(len));
        match *at.bytes {
            [0xaa, 0xaa, 0x03, o0, o1, o2, t0, t1, ..] => {
                self.layer(LayerKind::Llc, at, 8);
                if !matches!([o0, o1, o2], [0, 0, 0 | 0xf8]) {
                    return self.done(unknown);
                }
                match u16::from_be_bytes([t0, t1]) {
                    ethertype @ 0x0600.. => self.go(Next::EtherType(ethertype), at.skip(8)),
                    _ => self.done(unknown),
                }
            }
            // IP directly on LLC (RFC 948).
            [0x06, 0x06, 0x03, ..] => {
                self.layer(LayerKind::Llc, at, 3);
                self.go(Next::Ip, at.skip(3))
            }
            _ => self.done(unknown),
        }
    }

    /// BSD loopback: the address family in the byte order of whoever captured.
    fn null(&mut self) -> Next {
        let at = self.at;
        let Some(&family) = at.array(0) else {
            self.too_short(LayerKind::Link, at, 4);
            return Next::Done;
        };
        self.layer(LayerKind::Link, at, 4);
        // Families are small numbers, so the order that gives one is the right one.
        let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
        self.at = at.skip(4);
        match family {
            2 => self.ipv4(),
            // Linux; NetBSD and OpenBSD; FreeBSD; macOS.
            10 | 24 | 28 | 30 => self.ipv6(),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// Linux "cooked" capture: 16 bytes, the Ethernet type in the last two. etherparse's slice
    /// refuses hardware types it does not know, whose frames are just as readable.
    fn sll(&mut self) -> Next {
        let at = self.at;
        let (Some(hardware), Some(protocol)) = (at.u16(2), at.u16(14)) else {
            self.too_short(LayerKind::Link, at, 16);
            return Next::Done;
        };
        self.layer(LayerKind::Link, at, 16);
        self.at = at.skip(16);
        self.cooked(hardware, protocol)
    }

    /// Version 2 of it: 20 bytes, the Ethernet type in the first two.
    fn sll2(&mut self) -> Next {
        let at = self.at;
        let (Some(protocol), Some(hardware), true) = (at.u16(0), at.u16(8), at.bytes.len() >= 20)
        else {
            self.too_short(LayerKind::Link, at, 20);
            return Next::Done;
        };
        self.layer(LayerKind::Link, at, 20);
        self.at = at.skip(20);
        self.cooked(hardware, protocol)
    }

    fn cooked(&mut self, hardware: u16, protocol: u16) -> Next {
        match (hardware, protocol) {
            (ARPHRD_NETLINK, _) => self.done(Body::NotIp { ethertype: 0 }),
            (_, COOKED_802_2) => self.llc(u16::MAX),
            (_, 0x0600..) => Next::EtherType(protocol),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }

    /// ARCNET as BSD captures it: two addresses, a protocol, and for RFC 1201 protocols a split
    /// flag and a sequence number, 4 bytes further on in an exception packet.
    fn arcnet(&mut self) -> Next {
        let at = self.at;
        let Some(&[_, _, protocol]) = at.array(0) else {
            self.too_short(LayerKind::Link, at, 3);
            return Next::Done;
        };
        let split = at.bytes.get(3).copied();
        let (len, split) = match (protocol, split) {
            // RFC 1051: nothing more.
            (0xf0 | 0xf1, _) => (3, 0),
            (_, Some(0xff)) => (10, at.bytes.get(7).copied().unwrap_or(0)),
            (_, split) => (6, split.unwrap_or(0)),
        };
        if at.bytes.len() < len as usize {
            self.too_short(LayerKind::Link, at, len);
            return Next::Done;
        }
        self.layer(LayerKind::Link, at, len);
        if split != 0 && split & 1 == 0 {
            // The middle or end of a packet that was split over several frames.
            return self.done(Body::NotIp { ethertype: 0 });
        }
        self.at = at.skip(len);
        self.arcnet_protocol(protocol)
    }

    /// ARCNET as Linux captures it: two addresses, an offset, a protocol, and for RFC 1201
    /// protocols a split flag and a sequence number. Linux has put split packets together.
    fn arcnet_linux(&mut self) -> Next {
        let at = self.at;
        let Some(&[_, _, _, _, protocol]) = at.array(0) else {
            self.too_short(LayerKind::Link, at, 5);
            return Next::Done;
        };
        let len = match protocol {
            0xf0 | 0xf1 => 5,
            _ => 8,
        };
        if at.bytes.len() < len as usize {
            self.too_short(LayerKind::Link, at, len);
            return Next::Done;
        }
        self.layer(LayerKind::Link, at, len);
        self.at = at.skip(len);
        self.arcnet_protocol(protocol)
    }

    /// What an ARCNET protocol number names (RFC 1201 section 3.1, RFC 1051, RFC 2497).
    fn arcnet_protocol(&mut self, protocol: u8) -> Next {
        match protocol {
            212 | 240 => self.ipv4(),
            196 => self.ipv6(),
            213 | 241 => self.arp(0x0806),
            214 => self.arp(0x8035),
            _ => self.done(Body::NotIp { ethertype: 0 }),
        }
    }
}
