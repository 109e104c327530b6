//! Which of several addresses of a name is tried first (RFC 6724 section 6), and which rule says so.
//!
//! getaddrinfo(3) sorts by these rules; what it did is the truth, this says why. The rules for mobile
//! hosts and for tunnels (4 and 7) need knowledge that no system call gives, and nearly never decide.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};

use super::Network;

/// An address that a name has, and what this machine would send to it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where to.
    pub destination: IpAddr,
    /// From which of this machine's addresses; `None` if there is no way there.
    pub source: Option<Network>,
    /// Whether that address is going out of use (RFC 4862 section 5.5.4).
    pub deprecated: bool,
}

/// What the policy table says of an address (RFC 6724 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The block that the address is of.
    pub block: &'static str,
    /// Higher is tried first.
    pub precedence: u8,
    /// Source and destination should have the same.
    pub label: u8,
}

/// The default policy table, the narrower before the wider. IPv4 is looked up as `::ffff:0:0/96`.
const POLICIES: &[Policy] = &[
    Policy {
        block: "::1/128",
        precedence: 50,
        label: 0,
    },
    Policy {
        block: "::ffff:0:0/96",
        precedence: 35,
        label: 4,
    },
    Policy {
        block: "::/96",
        precedence: 1,
        label: 3,
    },
    Policy {
        block: "2001::/32",
        precedence: 5,
        label: 5,
    },
    Policy {
        block: "2002::/16",
        precedence: 30,
        label: 2,
    },
    Policy {
        block: "3ffe::/16",
        precedence: 1,
        label: 12,
    },
    Policy {
        block: "fec0::/10",
        precedence: 1,
        label: 11,
    },
    Policy {
        block: "fc00::/7",
        precedence: 3,
        label: 13,
    },
    Policy {
        block: "::/0",
        precedence: 40,
        label: 1,
    },
];

/// A rule that put one address before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Only one can be reached at all.
    Unusable,
    /// Only one has a source of its own scope.
    Scope,
    /// Only one has a source that stays in use.
    Deprecated,
    /// Only one has a source of the same label.
    Label,
    /// One has the higher precedence.
    Precedence,
    /// One is valid less far.
    SmallerScope,
    /// One has more leading bits in common with its source.
    LongestPrefix,
    /// None: they stay as they came.
    AsTheyCame,
}

impl Rule {
    /// Its number in RFC 6724 section 6.
    pub const fn number(self) -> u8 {
        match self {
            Self::Unusable => 1,
            Self::Scope => 2,
            Self::Deprecated => 3,
            Self::Label => 5,
            Self::Precedence => 6,
            Self::SmallerScope => 8,
            Self::LongestPrefix => 9,
            Self::AsTheyCame => 10,
        }
    }
}

/// The line of the policy table that an address is under.
pub fn policy(address: IpAddr) -> Policy {
    let mapped = IpAddr::V6(as_v6(address));
    let is_under = |policy: &&Policy| {
        let block: Option<Network> = policy.block.parse().ok();
        block.is_some_and(|block| block.contains(mapped))
    };
    let line = POLICIES.iter().find(is_under);
    line.or(POLICIES.last()).copied().unwrap_or(POLICIES[0])
}

/// Which of two is tried first (`Less`: the first), and the rule that decides.
pub fn preferred(a: &Candidate, b: &Candidate) -> (Ordering, Rule) {
    let yes_first = |a: bool, b: bool| b.cmp(&a);
    let (Some(from_a), Some(from_b)) = (a.source, b.source) else {
        let order = yes_first(a.source.is_some(), b.source.is_some());
        return decided(order, Rule::Unusable).unwrap_or((Ordering::Equal, Rule::AsTheyCame));
    };
    let same_scope = |it: &Candidate, from: Network| scope(it.destination) == scope(from.address);
    let same_label =
        |it: &Candidate, from: Network| policy(it.destination).label == policy(from.address).label;
    let precedence = |it: &Candidate| policy(it.destination).precedence;
    decided(
        yes_first(same_scope(a, from_a), same_scope(b, from_b)),
        Rule::Scope,
    )
    .or_else(|| decided(a.deprecated.cmp(&b.deprecated), Rule::Deprecated))
    .or_else(|| {
        decided(
            yes_first(same_label(a, from_a), same_label(b, from_b)),
            Rule::Label,
        )
    })
    .or_else(|| decided(precedence(b).cmp(&precedence(a)), Rule::Precedence))
    .or_else(|| {
        decided(
            scope(a.destination).cmp(&scope(b.destination)),
            Rule::SmallerScope,
        )
    })
    .or_else(|| {
        let both_v6 = a.destination.is_ipv6() && b.destination.is_ipv6();
        let common = |it: &Candidate, from: Network| common_bits(it.destination, from);
        both_v6
            .then(|| common(b, from_b).cmp(&common(a, from_a)))
            .and_then(|order| decided(order, Rule::LongestPrefix))
    })
    .unwrap_or((Ordering::Equal, Rule::AsTheyCame))
}

fn decided(order: Ordering, rule: Rule) -> Option<(Ordering, Rule)> {
    order.is_ne().then_some((order, rule))
}

/// The scope as a number of RFC 4291 section 2.7, as RFC 6724 section 3.1 and 3.2 assign it: loopback
/// counts as link-local, and private IPv4 addresses as global.
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) if v4.is_loopback() || v4.is_link_local() => 0x2,
        IpAddr::V6(v6) if v6.is_multicast() => v6.octets()[1] & 0x0f,
        IpAddr::V6(v6) if v6.is_loopback() || v6.is_unicast_link_local() => 0x2,
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfec0 => 0x5,
        IpAddr::V4(_) | IpAddr::V6(_) => 0xe,
    }
}

/// How many leading bits they share, at most as many as name the source's network (RFC 6724 section 2.2).
fn common_bits(destination: IpAddr, source: Network) -> u32 {
    let differing = as_v6(destination).to_bits() ^ as_v6(source.address).to_bits();
    differing.leading_zeros().min(u32::from(source.prefix))
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(destination: &str, source: &str) -> Candidate {
        Candidate {
            destination: destination.parse().unwrap(),
            source: source.parse().ok(),
            deprecated: false,
        }
    }

    #[track_caller]
    fn first_by(rule: Rule, first: Candidate, second: Candidate) {
        assert_eq!(preferred(&first, &second), (Ordering::Less, rule));
        assert_eq!(preferred(&second, &first), (Ordering::Greater, rule));
    }

    #[test]
    fn the_policy_table_of_the_rfc() {
        let line = |address: &str| {
            let policy = policy(address.parse().unwrap());
            (policy.precedence, policy.label)
        };
        assert_eq!(line("::1"), (50, 0));
        assert_eq!(line("2606:4700::1"), (40, 1));
        assert_eq!(line("10.1.2.3"), (35, 4));
        assert_eq!(line("2002::1"), (30, 2));
        assert_eq!(line("2001::1"), (5, 5));
        assert_eq!(line("fd00::1"), (3, 13));
        assert_eq!(line("::7"), (1, 3));
    }

    /// The examples of RFC 6724 section 10.2, as far as they are about destinations.
    #[test]
    fn the_examples_of_the_rfc() {
        first_by(
            Rule::Scope,
            to("2001:db8:1::1", "2001:db8:1::2/64"),
            to("198.51.100.121", "169.254.13.78/16"),
        );
        first_by(
            Rule::Scope,
            to("198.51.100.121", "198.51.100.117/24"),
            to("2001:db8:1::1", "fe80::1/64"),
        );
        first_by(
            Rule::Precedence,
            to("2001:db8:1::1", "2001:db8:1::2/64"),
            to("10.1.2.3", "10.1.2.4/24"),
        );
        first_by(
            Rule::SmallerScope,
            to("fe80::1", "fe80::2/64"),
            to("2001:db8:1::1", "2001:db8:1::2/64"),
        );
        first_by(
            Rule::LongestPrefix,
            to("2001:db8:1::1", "2001:db8:1::2/64"),
            to("2001:db8:3ffe::1", "2001:db8:1::2/64"),
        );
        first_by(
            Rule::Label,
            to("2002:c633:6401::1", "2002:c633:6401::2/48"),
            to("2001:db8:1::1", "2002:c633:6401::2/48"),
        );
    }

    #[test]
    fn what_cannot_be_reached_comes_last_and_equals_stay() {
        first_by(
            Rule::Unusable,
            to("10.0.0.1", "10.0.0.2/24"),
            to("2001:db8::1", ""),
        );
        let two = (to("10.0.0.1", "10.0.0.2/24"), to("10.0.0.9", "10.0.0.2/24"));
        assert_eq!(
            preferred(&two.0, &two.1),
            (Ordering::Equal, Rule::AsTheyCame)
        );
        let none = (to("10.0.0.1", ""), to("2001:db8::1", ""));
        assert_eq!(
            preferred(&none.0, &none.1),
            (Ordering::Equal, Rule::AsTheyCame)
        );
    }
}
