//! Which table a header's fields are in, and what it is called: the one place where a header that
//! `decode` finds is joined to what `wire` knows of it.

use crate::decode::{Body, LayerKind, Packet};
use crate::frame::LinkType;
use crate::wire::layout::Layout;
use crate::wire::{
    ah, arp, cooked, esp, ethernet, gre, icmp_extension, icmpv4, icmpv6, igmp, ipv4, ipv6,
    ipv6_ext, link, mpls, names, ppp, tcp, udp, vxlan,
};

/// What leads to a header.
#[derive(Clone, Copy)]
pub(super) struct Before {
    /// What the frame begins with.
    pub(super) link: LinkType,
    /// The protocol number that named it, if one did.
    pub(super) protocol: Option<u8>,
}

impl Before {
    /// The header's names, for people and for scripts.
    pub(super) fn names(self, kind: LayerKind) -> (&'static str, &'static str) {
        let key = match kind {
            LayerKind::Ethernet => "ethernet",
            LayerKind::Vlan => "vlan",
            LayerKind::Llc => "llc",
            LayerKind::Link => match self.link {
                LinkType::LINUX_SLL => return ("Linux cooked header", "sll"),
                LinkType::LINUX_SLL2 => return ("Linux cooked header, version 2", "sll2"),
                LinkType::NULL | LinkType::LOOP => return ("loopback header", "loopback"),
                LinkType::ARCNET | LinkType::ARCNET_LINUX => return ("ARCNET", "arcnet"),
                _ => "link",
            },
            LayerKind::Arp => "arp",
            LayerKind::Ipv4 => "ipv4",
            LayerKind::Ipv6 => "ipv6",
            LayerKind::Ipv6Extension => return self.extension(),
            LayerKind::Ah => "ah",
            LayerKind::Esp => "esp",
            LayerKind::Ipcomp => "ipcomp",
            LayerKind::Mpls => "mpls",
            LayerKind::ControlWord => "control-word",
            LayerKind::Ppp => "ppp",
            LayerKind::Pppoe => "pppoe",
            LayerKind::Gre => "gre",
            LayerKind::Erspan => "erspan",
            LayerKind::EtherIp => "etherip",
            LayerKind::Vxlan => "vxlan",
            LayerKind::Geneve => "geneve",
            LayerKind::Icmpv4 => "icmpv4",
            LayerKind::Icmpv6 => "icmpv6",
            LayerKind::Igmp => "igmp",
            LayerKind::IcmpExtension => "icmp-extension",
            LayerKind::Tcp => "tcp",
            LayerKind::Udp => "udp",
        };
        (kind.name(), key)
    }

    fn extension(self) -> (&'static str, &'static str) {
        match self.protocol {
            Some(ipv6_ext::HOP_BY_HOP) => ("IPv6 hop-by-hop options", "ipv6-hop-by-hop"),
            Some(ipv6_ext::ROUTING) => ("IPv6 routing header", "ipv6-routing"),
            Some(ipv6_ext::FRAGMENT) => ("IPv6 fragment header", "ipv6-fragment"),
            Some(ipv6_ext::DESTINATION) => ("IPv6 destination options", "ipv6-destination"),
            Some(ipv6_ext::MOBILITY) => ("IPv6 mobility header", "ipv6-mobility"),
            _ => (LayerKind::Ipv6Extension.name(), "ipv6-extension"),
        }
    }

    /// Lays out a header. The length of ICMP and IGMP is a matter of what the whole message says.
    pub(super) fn layout(self, kind: LayerKind, header: &[u8], message: &[u8]) -> Layout {
        match kind {
            LayerKind::Ethernet => ethernet::layout(header),
            LayerKind::Vlan => ethernet::vlan_layout(header),
            LayerKind::Llc => link::llc(header),
            LayerKind::Link => match self.link {
                LinkType::LINUX_SLL => cooked::layout(header),
                LinkType::LINUX_SLL2 => cooked::layout_2(header),
                LinkType::NULL | LinkType::LOOP => link::loopback(header),
                LinkType::ARCNET => link::bsd_arcnet(header),
                LinkType::ARCNET_LINUX => link::linux_arcnet(header),
                _ => link::direction_of(header),
            },
            LayerKind::Arp => arp::layout(header),
            LayerKind::Ipv4 => ipv4::layout(header),
            LayerKind::Ipv6 => ipv6::layout(header),
            LayerKind::Ipv6Extension => ipv6_ext::layout(self.protocol.unwrap_or(u8::MAX), header),
            LayerKind::Ah => ah::layout(header),
            LayerKind::Esp => esp::layout(header),
            LayerKind::Ipcomp => esp::ipcomp(header),
            LayerKind::Mpls => mpls::layout(header),
            LayerKind::ControlWord => mpls::control_word(header),
            LayerKind::Ppp => ppp::layout(header),
            LayerKind::Pppoe => ppp::pppoe(header),
            LayerKind::Gre => gre::layout(header),
            LayerKind::Erspan => gre::erspan(header),
            LayerKind::EtherIp => gre::etherip(header),
            LayerKind::Vxlan => vxlan::layout(header),
            LayerKind::Geneve => vxlan::geneve(header),
            LayerKind::Icmpv4 => icmpv4::layout(message),
            LayerKind::Icmpv6 => icmpv6::layout(message),
            LayerKind::Igmp => igmp::layout(message),
            LayerKind::IcmpExtension => icmp_extension::layout(header),
            LayerKind::Tcp => tcp::layout(header),
            LayerKind::Udp => udp::layout(header),
        }
    }
}

/// The protocol number of what follows a header, if it has one.
pub(super) fn next(kind: LayerKind, header: &[u8]) -> Option<u8> {
    let at = match kind {
        LayerKind::Ipv4 => 9,
        LayerKind::Ipv6 => 6,
        LayerKind::Ipv6Extension | LayerKind::Ah | LayerKind::Ipcomp => 0,
        _ => return None,
    };
    header.get(at).copied()
}

/// What follows the last header: by its protocol, where that is known but has no table.
pub(super) fn data(packet: &Packet<'_>) -> &'static str {
    let name = match packet.body {
        Body::Other { protocol } => names::ip_protocol(protocol),
        Body::NotIp { ethertype } => names::ethertype(ethertype),
        Body::Esp(_) => Some("encrypted"),
        Body::Fragment(_) => Some("fragment"),
        Body::Tcp(_) | Body::Udp(_) | Body::Icmp(_) | Body::Igmp(_) | Body::Arp(_) => None,
    };
    name.filter(|_| packet.problems.is_empty())
        .unwrap_or("data")
}
