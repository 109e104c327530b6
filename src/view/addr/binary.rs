//! A network worked out bit by bit: which bits of an address name the network, which the host (RFC 4632
//! section 3.1), and how an IPv6 address comes to its short form (RFC 5952 section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{INDENT, Style, hardware_address, line, wrapped};
use crate::address::Network;
use crate::event::units;

/// Writes it, as lines below the address.
pub(super) fn explain(out: &mut String, network: &Network, style: &Style) {
    match network.address {
        IpAddr::V4(address) => ipv4(out, network, address, style),
        IpAddr::V6(address) => ipv6(out, network, address, style),
    }
}

/// Writes an address of whose network nothing is known.
pub(super) fn alone(out: &mut String, address: IpAddr, style: &Style) {
    match address {
        IpAddr::V4(address) => {
            let bits = bits(address, 32, ' ');
            line(out, &format!("{:INDENT$}in binary  {bits}", ""));
        }
        // A prefix of all bits draws no bar, and leaves out network and host.
        IpAddr::V6(v6) => ipv6(out, &Network::alone(address), v6, style),
    }
}

fn ipv4(out: &mut String, network: &Network, address: Ipv4Addr, style: &Style) {
    let bar = if style.unicode { '│' } else { '|' };
    let mut row = |name: &str, value: IpAddr, how: &str| {
        let IpAddr::V4(value) = value else { return };
        let bits = bits(value, network.prefix, bar);
        let row = format!("{:INDENT$}{name:<10} {bits:<36}  {value:<15} {how}", "");
        line(out, row.trim_end());
    };
    row("address", address.into(), "");
    row(&format!("mask /{}", network.prefix), network.mask(), "");
    row("network", network.first(), "and");
    if let Some(broadcast) = network.broadcast() {
        row("broadcast", broadcast, "or not");
    }
    let host_bits = 32 - network.prefix;
    let (from, to) = network.hosts();
    let said = match host_bits {
        0 => "No bit is left for hosts: this network (address AND mask) is one address.".to_owned(),
        1 => format!(
            "One bit is left: two hosts, {from} and {to}, as between two routers (RFC 3021). The network is address AND mask."
        ),
        _ => format!(
            "The {host_bits} bits right of the bar are the host's: 2^{host_bits} - 2 = {} hosts, {from} to {to}. All zeros is the network (address AND mask), all ones is every host at once (address OR NOT mask).",
            units::count(
                u64::try_from(network.host_count().unwrap_or_default()).unwrap_or(u64::MAX)
            )
        ),
    };
    wrapped(out, style, INDENT, &said);
}

/// The bits of an address by bytes, with a bar behind the prefix.
fn bits(address: Ipv4Addr, prefix: u8, bar: char) -> String {
    let mut text = String::with_capacity(40);
    for bit in 0..32_u8 {
        if bit == prefix && bit > 0 {
            text.push(bar);
        } else if bit > 0 && bit % 8 == 0 {
            text.push(' ');
        }
        let one = address.to_bits() >> (31 - bit) & 1 == 1;
        text.push(if one { '1' } else { '0' });
    }
    text
}

fn ipv6(out: &mut String, network: &Network, address: Ipv6Addr, style: &Style) {
    let bar = if style.unicode { '│' } else { '|' };
    let mut row =
        |name: &str, value: String| line(out, &format!("{:INDENT$}{name:<10} {value}", ""));
    row("in full", groups(address, network.prefix, bar));
    if !network.prefix.is_multiple_of(16) {
        let (group, bits) = border(address, network.prefix, bar);
        row(&format!("group {group}"), bits);
    }
    row("in short", address.to_string());
    if network.prefix < 128 {
        let (first, prefix) = (network.first(), network.prefix);
        row("network", format!("{first}/{prefix}"));
        let host = Ipv6Addr::from(address.to_bits() & !mask(prefix));
        let name = if prefix == 64 {
            "  the interface identifier"
        } else {
            ""
        };
        row("host", format!("{host}{name}"));
    }
    wrapped(out, style, INDENT, &shortening(address));
    if let Some(mac) = hardware_inside(address).filter(|_| network.prefix == 64) {
        let mac = hardware_address(mac);
        let said = format!(
            "The host part is made from the hardware address {mac}: ff:fe in its middle, and bit 7 turned over (RFC 4291 appendix A)."
        );
        wrapped(out, style, INDENT, &said);
    }
}

/// All eight groups of four digits, with a bar behind the prefix where it ends between two digits.
fn groups(address: Ipv6Addr, prefix: u8, bar: char) -> String {
    let mut text = String::with_capacity(48);
    for digit in 0..32_u8 {
        if digit > 0 && digit * 4 == prefix {
            text.push(bar);
        } else if digit > 0 && digit % 4 == 0 {
            text.push(':');
        }
        let value = address.to_bits() >> (124 - u32::from(digit) * 4) & 0xf;
        text.extend(char::from_digit(value as u32, 16));
    }
    text
}

/// The group of 16 bits that the prefix ends in, from 1, and its bits with a bar there.
fn border(address: Ipv6Addr, prefix: u8, bar: char) -> (usize, String) {
    let at = usize::from(prefix / 16).min(7);
    let group = address.segments()[at];
    let mut text = String::with_capacity(20);
    for bit in 0..16_u8 {
        if bit == prefix % 16 {
            text.push(bar);
        } else if bit > 0 && bit % 4 == 0 {
            text.push(' ');
        }
        text.push(if group >> (15 - bit) & 1 == 1 {
            '1'
        } else {
            '0'
        });
    }
    (at + 1, text)
}

/// How the short form comes about.
fn shortening(address: Ipv6Addr) -> String {
    let short = address.to_string();
    if !short.contains("::") {
        return "In short: each group without its leading zeros; no two groups of zeros stand together, so there is no :: (RFC 5952 4).".to_owned();
    }
    let given = short
        .split(':')
        .filter(|group| !group.is_empty() && !group.contains('.'))
        .count();
    let given = given + if short.contains('.') { 2 } else { 0 };
    format!(
        "In short: each group without its leading zeros, and :: for the longest run of zero groups, {} here (RFC 5952 4).",
        8 - given
    )
}

/// The hardware address that an interface identifier was made from, if it has the mark of it.
fn hardware_inside(address: Ipv6Addr) -> Option<[u8; 6]> {
    let identifier: Option<[u8; 8]> = address.octets().last_chunk().copied();
    let [first, second, third, 0xff, 0xfe, rest @ ..] = identifier? else {
        return None;
    };
    let [fourth, fifth, sixth]: [u8; 3] = rest;
    Some([first ^ 0x02, second, third, fourth, fifth, sixth])
}

fn mask(prefix: u8) -> u128 {
    let zeros = 128 - u32::from(prefix.min(128));
    u128::MAX.checked_shl(zeros).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn explained(network: &str) -> String {
        let mut out = String::new();
        explain(&mut out, &network.parse().unwrap(), &Style::default());
        out
    }

    #[test]
    fn a_network_of_the_notes_in_binary() {
        insta::assert_snapshot!(explained("192.168.131.62/20"));
    }

    #[test]
    fn a_bar_between_two_bytes_takes_the_place_of_the_gap() {
        let bits = bits([192, 168, 131, 62].into(), 24, '|');
        assert_eq!(bits, "11000000 10101000 10000011|00111110");
    }

    #[test]
    fn an_ipv6_address_shows_its_parts() {
        insta::assert_snapshot!(explained("2001:db8:0:7:5eff:fe10:0:ff/64"));
    }

    #[test]
    fn a_border_inside_a_digit_is_shown_in_binary() {
        let text = explained("2001:db8:0:7::1/61");
        assert!(
            text.contains("group 4    0000 0000 0000 0|111")
                || text.contains("group 4    0000 0000 0000 0│111"),
            "{text}"
        );
        assert!(!explained("2001:db8::1/64").contains("      group "));
    }

    #[test]
    fn a_hardware_address_is_found_inside() {
        assert!(explained("fe80::5eff:fe10:ff/64").contains("in full"));
        let text = explained("fe80::200:5eff:fe10:ff/64");
        assert!(text.contains("00:00:5e:10:00:ff"), "{text}");
        let text = explained("fe80::1/64");
        assert!(!text.contains("made from"), "{text}");
    }

    proptest! {
        #[test]
        fn the_zero_groups_that_are_counted_are_those_left_out(bits: u128, holes: u128) {
            let address = Ipv6Addr::from(bits & holes & holes.rotate_left(16));
            let said = shortening(address);
            if let Some((_, rest)) = said.split_once("groups, ") {
                let count: usize = rest.split(' ').next().unwrap().parse().unwrap();
                let run = address.segments().split(|it| *it != 0).map(<[u16]>::len).max().unwrap();
                prop_assert!(count == run, "{address}: {said}");
            }
        }

        #[test]
        fn no_line_is_wider_than_asked_for(bits: u32, prefix in 0_u8..=32) {
            let mut out = String::new();
            let network = Network { address: Ipv4Addr::from(bits).into(), prefix };
            explain(&mut out, &network, &Style::default());
            for line in out.lines() {
                prop_assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }
}
