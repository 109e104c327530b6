//! Names of numbers that several headers share (IANA's protocol numbers, IEEE 802 numbers).

/// The name of an IP protocol.
pub const fn ip_protocol(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        0 => "IPv6 hop-by-hop options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4",
        6 => "TCP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "IPv6 routing header",
        44 => "IPv6 fragment header",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        59 => "no next header",
        60 => "IPv6 destination options",
        88 => "EIGRP",
        89 => "OSPF",
        97 => "EtherIP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TP",
        132 => "SCTP",
        135 => "IPv6 mobility header",
        136 => "UDP-Lite",
        137 => "MPLS in IP",
        139 => "HIP",
        140 => "Shim6",
        _ => return None,
    })
}

/// The name of an Ethernet type.
pub const fn ethertype(ethertype: u16) -> Option<&'static str> {
    Some(match ethertype {
        0x0800 => "IPv4",
        0x0806 => "ARP",
        0x0842 => "wake on LAN",
        0x6558 => "Ethernet",
        0x8035 => "RARP",
        0x8100 => "802.1Q VLAN tag",
        0x86dd => "IPv6",
        0x8809 => "LACP or another slow protocol",
        0x880b => "PPP",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE",
        0x888e => "802.1X",
        0x88a8 => "802.1ad VLAN tag",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88f7 => "PTP",
        _ => return None,
    })
}

/// The name of a hardware type: ARP's (IANA), and those that only Linux has.
pub const fn hardware(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "Ethernet",
        6 => "IEEE 802",
        7 => "ARCNET",
        15 => "frame relay",
        24 => "IEEE 1394",
        32 => "InfiniBand",
        512 => "PPP",
        768 => "IPv4 tunnel",
        769 => "IPv6 tunnel",
        772 => "loopback",
        778 => "GRE over IPv4",
        803 => "IEEE 802.11 with a radio header",
        824 => "netlink",
        65534 => "none",
        _ => return None,
    })
}

/// The name of a protocol in a cooked header: an Ethernet type, or a small number of Linux.
pub const fn cooked_protocol(number: u16) -> Option<&'static str> {
    Some(match number {
        1 => "802.3 without 802.2",
        4 => "802.2",
        12 => "CAN",
        13 => "CAN FD",
        _ => return ethertype(number),
    })
}

/// The name of a differentiated services code point (RFC 2474, RFC 2597, RFC 3246, RFC 5865,
/// RFC 8622).
pub const fn dscp(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "CS0, best effort",
        1 => "LE, less than best effort",
        8 => "CS1",
        10 => "AF11",
        12 => "AF12",
        14 => "AF13",
        16 => "CS2",
        18 => "AF21",
        20 => "AF22",
        22 => "AF23",
        24 => "CS3",
        26 => "AF31",
        28 => "AF32",
        30 => "AF33",
        32 => "CS4",
        34 => "AF41",
        36 => "AF42",
        38 => "AF43",
        40 => "CS5",
        44 => "voice admit",
        46 => "EF, expedited",
        48 => "CS6, network control",
        56 => "CS7",
        _ => return None,
    })
}

/// The name of an explicit congestion notification codepoint (RFC 3168 section 5).
pub const fn ecn(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "not ECN-capable",
        1 => "ECT(1)",
        2 => "ECT(0)",
        3 => "congestion experienced",
        _ => return None,
    })
}

/// The same for a field's value.
pub(super) fn protocol(number: u16) -> Option<&'static str> {
    u8::try_from(number).ok().and_then(ip_protocol)
}
