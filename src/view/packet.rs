//! Names of headers, as scripts want them.

use crate::decode::LayerKind;

/// The name of a header.
pub(super) fn layer(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Ethernet => "ethernet",
        LayerKind::Vlan => "vlan",
        LayerKind::Link => "link",
        LayerKind::Llc => "llc",
        LayerKind::Arp => "arp",
        LayerKind::Ipv4 => "ipv4",
        LayerKind::Ipv6 => "ipv6",
        LayerKind::Ipv6Extension => "ipv6-extension",
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
    }
}
