//! What an address is for, by its first bits (RFC 6890 and IANA's special-purpose registries; RFC 4291
//! section 2.4 and RFC 5771 for multicast).

use std::net::IpAddr;

use super::Network;

/// How far an address is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nowhere: not the address of anything.
    None,
    /// Inside this machine.
    Machine,
    /// On one link, to the next router.
    Link,
    /// Inside one organisation; routers at its border don't let it out.
    Site,
    /// Everywhere.
    Global,
}

impl Scope {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "nowhere",
            Self::Machine => "this machine",
            Self::Link => "this link",
            Self::Site => "this site",
            Self::Global => "everywhere",
        }
    }
}

/// A block of addresses that are for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The block, as in `10.0.0.0/8`.
    pub block: &'static str,
    /// The field's word for it.
    pub name: &'static str,
    /// Where it is valid.
    pub scope: Scope,
    /// What that means, in a sentence without a full stop.
    pub meaning: &'static str,
    /// Where it is written.
    pub rfc: &'static str,
}

/// Every block, the narrower before the wider that it is part of.
#[rustfmt::skip] // a table reads best as one
const KINDS: &[Kind] = &[
    Kind { block: "0.0.0.0/32", name: "unspecified", scope: Scope::None, rfc: "RFC 1122 3.2.1.3",
        meaning: "no address: a host that has none yet sends from it, a program that listens on it listens on all this machine has" },
    Kind { block: "0.0.0.0/8", name: "this network", scope: Scope::None, rfc: "RFC 1122 3.2.1.3",
        meaning: "a host on the network one is on; only ever a source, and out of use" },
    Kind { block: "10.0.0.0/8", name: "private", scope: Scope::Site, rfc: "RFC 1918 3",
        meaning: "free for anybody's own network, so it is not unique: the way out is a router that translates it (NAT)" },
    Kind { block: "100.64.0.0/10", name: "shared", scope: Scope::Site, rfc: "RFC 6598",
        meaning: "between a provider's customers and its own translator (carrier-grade NAT)" },
    Kind { block: "127.0.0.0/8", name: "loopback", scope: Scope::Machine, rfc: "RFC 1122 3.2.1.3",
        meaning: "this machine itself: what is sent there never reaches a network card; 127.0.0.1 is called localhost" },
    Kind { block: "169.254.0.0/16", name: "link-local", scope: Scope::Link, rfc: "RFC 3927",
        meaning: "chosen by the machine itself, often because no DHCP server answered; routers don't pass it on" },
    Kind { block: "172.16.0.0/12", name: "private", scope: Scope::Site, rfc: "RFC 1918 3",
        meaning: "free for anybody's own network, so it is not unique: the way out is a router that translates it (NAT)" },
    Kind { block: "192.0.0.0/24", name: "protocol assignments", scope: Scope::None, rfc: "RFC 6890 2.1",
        meaning: "kept by IANA for protocols, such as 192.0.0.8 for a router without an address" },
    Kind { block: "192.0.2.0/24", name: "documentation", scope: Scope::None, rfc: "RFC 5737",
        meaning: "for examples in books: nobody in the world is given one" },
    Kind { block: "192.88.99.0/24", name: "6to4 relay", scope: Scope::Global, rfc: "RFC 7526",
        meaning: "was the nearest relay from IPv4 to 6to4; out of use" },
    Kind { block: "192.168.0.0/16", name: "private", scope: Scope::Site, rfc: "RFC 1918 3",
        meaning: "free for anybody's own network, so it is not unique: the way out is a router that translates it (NAT)" },
    Kind { block: "198.18.0.0/15", name: "benchmarking", scope: Scope::None, rfc: "RFC 2544 C.2.2",
        meaning: "for measuring network devices in a laboratory" },
    Kind { block: "198.51.100.0/24", name: "documentation", scope: Scope::None, rfc: "RFC 5737",
        meaning: "for examples in books: nobody in the world is given one" },
    Kind { block: "203.0.113.0/24", name: "documentation", scope: Scope::None, rfc: "RFC 5737",
        meaning: "for examples in books: nobody in the world is given one" },
    Kind { block: "224.0.0.0/24", name: "multicast", scope: Scope::Link, rfc: "RFC 5771 4",
        meaning: "a group on this link, such as 224.0.0.1, all hosts; routers don't pass it on" },
    Kind { block: "239.0.0.0/8", name: "multicast", scope: Scope::Site, rfc: "RFC 2365",
        meaning: "a group inside one organisation" },
    Kind { block: "224.0.0.0/4", name: "multicast", scope: Scope::Global, rfc: "RFC 5771",
        meaning: "a group: every host that joined it gets what is sent there; TCP can't" },
    Kind { block: "255.255.255.255/32", name: "limited broadcast", scope: Scope::Link, rfc: "RFC 919 7",
        meaning: "every host on this link; routers don't pass it on" },
    Kind { block: "240.0.0.0/4", name: "reserved", scope: Scope::None, rfc: "RFC 1112 4",
        meaning: "kept for a use that never came" },
    Kind { block: "0.0.0.0/0", name: "global", scope: Scope::Global, rfc: "RFC 791 3.2",
        meaning: "unique in the world, and reachable if no filter is in the way" },
    Kind { block: "::/128", name: "unspecified", scope: Scope::None, rfc: "RFC 4291 2.5.2",
        meaning: "no address: a host that has none yet sends from it, a program that listens on it listens on all this machine has" },
    Kind { block: "::1/128", name: "loopback", scope: Scope::Machine, rfc: "RFC 4291 2.5.3",
        meaning: "this machine itself: what is sent there never reaches a network card; it is called localhost" },
    Kind { block: "::ffff:0:0/96", name: "IPv4-mapped", scope: Scope::Global, rfc: "RFC 4291 2.5.5.2",
        meaning: "an IPv4 address as a program for IPv6 sees it; never on the wire" },
    Kind { block: "64:ff9b::/96", name: "IPv4 by translation", scope: Scope::Global, rfc: "RFC 6052 2.1",
        meaning: "an IPv4 address behind a translator (NAT64): its last 32 bits" },
    Kind { block: "64:ff9b:1::/48", name: "IPv4 by translation", scope: Scope::Site, rfc: "RFC 8215",
        meaning: "IPv4 addresses behind a translator (NAT64) of one's own" },
    Kind { block: "100::/64", name: "discard", scope: Scope::Site, rfc: "RFC 6666",
        meaning: "whatever is sent there is thrown away" },
    Kind { block: "2001::/32", name: "Teredo", scope: Scope::Global, rfc: "RFC 4380",
        meaning: "IPv6 in UDP over IPv4, through address translators; hardly used now" },
    Kind { block: "2001:db8::/32", name: "documentation", scope: Scope::None, rfc: "RFC 3849",
        meaning: "for examples in books: nobody in the world is given one" },
    Kind { block: "3fff::/20", name: "documentation", scope: Scope::None, rfc: "RFC 9637",
        meaning: "for examples in books: nobody in the world is given one" },
    Kind { block: "2002::/16", name: "6to4", scope: Scope::Global, rfc: "RFC 3056",
        meaning: "a network made from an IPv4 address, the 32 bits behind 2002; out of use" },
    Kind { block: "2000::/3", name: "global", scope: Scope::Global, rfc: "RFC 4291 2.5.4",
        meaning: "unique in the world, and reachable if no filter is in the way" },
    Kind { block: "fc00::/7", name: "unique local", scope: Scope::Site, rfc: "RFC 4193",
        meaning: "free for one's own networks (ULA): 40 random bits behind fd make it all but unique, yet nobody routes it beyond them" },
    Kind { block: "fe80::/10", name: "link-local", scope: Scope::Link, rfc: "RFC 4291 2.5.6",
        meaning: "every interface gives itself one; each link has the same ones, so %interface has to be said with it" },
    Kind { block: "fec0::/10", name: "site-local", scope: Scope::Site, rfc: "RFC 3879",
        meaning: "one organisation's own; given up for unique local addresses" },
    Kind { block: "ff00::/8", name: "multicast", scope: Scope::Global, rfc: "RFC 4291 2.7",
        meaning: "a group: every host that joined it gets what is sent there; TCP can't" },
    Kind { block: "::/0", name: "unassigned", scope: Scope::None, rfc: "RFC 4291 2.4",
        meaning: "not given out to anybody yet" },
];

/// What an address is for. A broadcast address of a network looks like any other: only the network's
/// prefix tells ([`Network::broadcast`]).
pub fn kind(address: IpAddr) -> Kind {
    let narrowest = KINDS
        .iter()
        .find(|kind| block(kind).is_some_and(|block| block.contains(address)));
    let mut kind = narrowest.copied().unwrap_or(KINDS[0]);
    if let Some(scope) = multicast_scope(address) {
        kind.scope = scope;
    }
    kind
}

/// The scope that an IPv6 multicast address carries in its second byte (RFC 7346 section 2); `None`
/// for any other address.
pub const fn multicast_scope(address: IpAddr) -> Option<Scope> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let [0xff, second, ..] = address.octets() else {
        return None;
    };
    Some(match second & 0x0f {
        0 | 15 => Scope::None,
        1 => Scope::Machine,
        2 => Scope::Link,
        3..=8 => Scope::Site,
        _ => Scope::Global,
    })
}

/// The table's own text, read; a test reads all of it.
fn block(kind: &Kind) -> Option<Network> {
    kind.block.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(address: &str) -> &'static str {
        kind(address.parse().unwrap()).name
    }

    #[test]
    fn every_block_can_be_read_and_starts_where_its_prefix_ends() {
        for kind in KINDS {
            let block = block(kind).unwrap_or_else(|| panic!("{}", kind.block));
            assert_eq!(block.address, block.first(), "{}", kind.block);
        }
    }

    #[test]
    fn a_narrower_block_stands_before_the_wider_one() {
        for (at, narrow) in KINDS.iter().enumerate() {
            let narrow = block(narrow).unwrap();
            for wide in &KINDS[..at] {
                let wide_block = block(wide).unwrap();
                let hidden =
                    wide_block.contains(narrow.first()) && wide_block.prefix <= narrow.prefix;
                assert!(!hidden, "{} hides {narrow}", wide.block);
            }
        }
    }

    #[test]
    fn the_addresses_of_every_course() {
        for (address, expected) in [
            ("127.0.0.1", "loopback"),
            ("192.168.131.62", "private"),
            ("172.15.255.255", "global"),
            ("172.31.255.255", "private"),
            ("172.32.0.0", "global"),
            ("100.64.0.1", "shared"),
            ("169.254.1.1", "link-local"),
            ("224.0.0.251", "multicast"),
            ("255.255.255.255", "limited broadcast"),
            ("254.1.1.1", "reserved"),
            ("8.8.8.8", "global"),
            ("0.0.0.0", "unspecified"),
            ("0.0.0.7", "this network"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::2", "unassigned"),
            ("::ffff:10.0.0.1", "IPv4-mapped"),
            ("fe80::1", "link-local"),
            ("fd12::1", "unique local"),
            ("2001:db8::1", "documentation"),
            ("2606:4700::1", "global"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(name(address), expected, "{address}");
        }
    }

    #[test]
    fn a_multicast_address_carries_its_scope() {
        let scope = |address: &str| kind(address.parse().unwrap()).scope;
        assert_eq!(scope("ff01::1"), Scope::Machine);
        assert_eq!(scope("ff02::1"), Scope::Link);
        assert_eq!(scope("ff05::1"), Scope::Site);
        assert_eq!(scope("ff0e::1"), Scope::Global);
        assert_eq!(scope("224.0.0.1"), Scope::Link);
    }

    proptest! {
        /// The standard library knows some of these blocks too.
        #[test]
        fn the_standard_library_agrees_on_ipv4(bits: u32) {
            let address = std::net::Ipv4Addr::from(bits);
            let name = kind(address.into()).name;
            prop_assert_eq!(address.is_private(), name == "private");
            prop_assert_eq!(address.is_loopback(), name == "loopback");
            prop_assert_eq!(address.is_link_local(), name == "link-local");
            prop_assert_eq!(address.is_multicast(), name == "multicast");
            prop_assert_eq!(address.is_documentation(), name == "documentation");
        }

        #[test]
        fn the_standard_library_agrees_on_ipv6(bits: u128, first in proptest::sample::select(vec![0xfc_u128, 0xfd, 0xfe, 0xff, 0x20, 0x00])) {
            let address = std::net::Ipv6Addr::from(bits >> 8 | first << 120);
            let name = kind(address.into()).name;
            prop_assert_eq!(address.is_unique_local(), name == "unique local");
            prop_assert_eq!(address.is_unicast_link_local(), name == "link-local");
            prop_assert_eq!(address.is_multicast(), name == "multicast");
        }
    }
}
