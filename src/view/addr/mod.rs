//! `wirelab addr`: a machine's addresses, each with what it is for; a name with what it leads to.

mod binary;
mod json;
mod name;

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Paint, Style, text};
use crate::address::{Assigned, Card, Machine, Network, Route, RouteKind, kind};
use crate::event::units;

pub use json::{address_line, machine_lines, name_lines, network_line};
pub use name::name;

/// How far what is said of an address is indented.
const INDENT: usize = 6;

/// A machine's interfaces with their addresses, and the way out. `explain` works the networks out in
/// binary.
pub fn machine(machine: &Machine, style: &Style, explain: bool) -> String {
    let mut out = String::new();
    let name = machine.hostname.as_deref().map(text::escape);
    let whose = name.map_or_else(|| "this machine".to_owned(), |name| name.to_string());
    line(
        &mut out,
        &style
            .paint(Paint::Strong, format!("The addresses of {whose}"))
            .to_string(),
    );
    for card in &machine.cards {
        out.push('\n');
        heading(&mut out, card, style);
        if card.addresses.is_empty() {
            wrapped(&mut out, style, 2, "no address");
        }
        for assigned in &card.addresses {
            address(&mut out, assigned, style, explain);
        }
    }
    out.push('\n');
    for (version, v6) in [("IPv4", false), ("IPv6", true)] {
        wrapped(&mut out, style, 0, &way_out(machine, version, v6));
    }
    if !explain {
        let more = "wirelab addr --explain works the networks out in binary; wirelab addr NAME looks a name up.";
        out.push('\n');
        wrapped(&mut out, style, 0, more);
    }
    out
}

/// An address or a network that somebody asks about, whether this machine has it or not.
pub fn network(network: &Network, machine: &Machine, style: &Style) -> String {
    let mut out = String::new();
    title(&mut out, network, style, "");
    about(&mut out, network, style);
    if let Some(card) = owner(network.address, machine) {
        wrapped(
            &mut out,
            style,
            INDENT,
            &format!("This machine has it, on {card}."),
        );
    }
    binary::explain(&mut out, network, style);
    out
}

/// An address that somebody asks about without saying its prefix: of its network nothing is known, unless
/// this machine has it.
pub fn address_alone(address: IpAddr, machine: &Machine, style: &Style) -> String {
    let mut out = String::new();
    let alone = Network::alone(address);
    let shown = style.paint(Paint::Good, address);
    line(&mut out, &format!("  {shown}  {}", kind(address).name));
    about(&mut out, &alone, style);
    if let (Some(own), Some(card)) = (machine.own(address), owner(address, machine)) {
        let said = format!("This machine has it, on {card}, as {}.", own.network);
        wrapped(&mut out, style, INDENT, &said);
        binary::explain(&mut out, &own.network, style);
        return out;
    }
    binary::alone(&mut out, address, style);
    let length = if address.is_ipv4() { 24 } else { 64 };
    let said = format!(
        "Where its network ends and its host begins, an address alone does not say: with a prefix, as in wirelab addr {address}/{length}, that is worked out."
    );
    wrapped(&mut out, style, INDENT, &said);
    out
}

/// The interface of this machine that has an address.
fn owner(address: IpAddr, machine: &Machine) -> Option<String> {
    let own = machine.own(address)?;
    let card = machine.card_name(own.interface).unwrap_or_default();
    Some(text::escape(card).into_owned())
}

/// What an interface is.
fn heading(out: &mut String, card: &Card, style: &Style) {
    let mut words = vec![card.what.to_owned(), card.state.to_owned()];
    words.extend(card.mtu.map(|mtu| format!("mtu {mtu}")));
    let hardware = card.hardware.map(hardware_address);
    words.extend(hardware.map(|mac| format!("hardware address {mac}")));
    let name = style.paint(Paint::Strong, text::escape(&card.name));
    line(out, &format!("{name}: {}", words.join(", ")));
}

/// An address that this machine has.
fn address(out: &mut String, assigned: &Assigned, style: &Style, explain: bool) {
    let network = &assigned.network;
    title(out, network, style, &circumstances(assigned));
    about(out, network, style);
    if explain {
        binary::explain(out, network, style);
    } else if let Some(summary) = summary(network) {
        wrapped(out, style, INDENT, &summary);
    }
    let expected = network.broadcast();
    if let Some(set) = assigned.broadcast.filter(|set| Some(*set) != expected) {
        let said =
            format!("its broadcast address is set to {set}, which is not that of the prefix");
        wrapped(out, style, INDENT, &said);
    }
}

/// The address and its kind, in a line.
fn title(out: &mut String, network: &Network, style: &Style, circumstances: &str) {
    let kind = kind(network.address);
    let address = style.paint(Paint::Good, network);
    line(out, &format!("  {address}  {}{circumstances}", kind.name));
}

/// What it is for.
fn about(out: &mut String, network: &Network, style: &Style) {
    let kind = kind(network.address);
    let mut said = format!("{} ({}, {})", kind.meaning, kind.block, kind.rfc);
    if network.address.is_ipv4() && network.broadcast() == Some(network.address) {
        said = format!(
            "every host of the network at once: the broadcast address of {}/{} (RFC 919 7)",
            network.first(),
            network.prefix
        );
    }
    wrapped(out, style, INDENT, &said);
    if network.prefix + 1 < network.bits() && network.address == network.first() {
        let said =
            "all bits of its host part are zero: this is the network itself, and no host's address";
        wrapped(out, style, INDENT, said);
    }
}

/// What the kernel says of an address beside its bits.
fn circumstances(assigned: &Assigned) -> String {
    let mut words = Vec::new();
    words.extend(assigned.peer.map(|peer| format!("to {peer}")));
    let flags = [
        (
            assigned.temporary,
            "temporary: random, replaced from time to time",
        ),
        (assigned.deprecated, "going out of use"),
        (assigned.tentative, "not usable yet: is it unique?"),
        (assigned.duplicate, "not usable: another host has it"),
    ];
    words.extend(
        flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| (*word).to_owned()),
    );
    let left = assigned
        .valid_s
        .map(|s| units::nanos(u64::from(s) * 1_000_000_000));
    words.extend(left.map(|left| format!("for another {left}")));
    words
        .iter()
        .fold(String::new(), |all, word| all + ", " + word)
}

/// The network that an address is of, in a sentence; nothing for one that is all by itself.
fn summary(network: &Network) -> Option<String> {
    if network.prefix == network.bits() {
        return None;
    }
    let (from, to) = network.hosts();
    let hosts = match network.host_count() {
        Some(count) if count <= u128::from(u32::MAX) => units::count(count as u64),
        _ => format!("2^{}, less one", network.bits() - network.prefix),
    };
    let mut said = format!(
        "network {}, hosts {from} to {to} ({hosts})",
        network.first()
    );
    if let Some(broadcast) = network.broadcast() {
        let _ = write!(said, ", broadcast {broadcast}");
    }
    Some(said)
}

/// Where packets go that are for none of the networks above.
fn way_out(machine: &Machine, version: &str, v6: bool) -> String {
    let routes = machine.ways_out(v6);
    let Some(first) = routes.first() else {
        return format!(
            "The way out for {version}: none. There is no default route, so only the networks above can be reached."
        );
    };
    let others = match routes.len() - 1 {
        0 => String::new(),
        n => format!(
            " (before {}, by its metric)",
            units::plural(n as u64, "other")
        ),
    };
    format!("The way out for {version}: {}{others}.", by(machine, first))
}

fn by(machine: &Machine, route: &Route) -> String {
    let card = machine.card_name(route.interface).unwrap_or_default();
    let card = text::escape(card);
    match (route.kind, route.gateway) {
        (RouteKind::Unicast, Some(gateway)) => format!("the router {gateway} on {card}"),
        (RouteKind::Unicast, None) => {
            format!("{card}, where every address is taken to be on the link")
        }
        (RouteKind::Blackhole, _) => "shut: packets are thrown away silently".to_owned(),
        _ => "shut: programs are told that there is none".to_owned(),
    }
}

/// Six bytes as everybody writes them.
fn hardware_address(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn line(out: &mut String, said: &str) {
    out.push_str(said);
    out.push('\n');
}

fn wrapped(out: &mut String, style: &Style, indent: usize, said: &str) {
    let columns = usize::from(style.width)
        .min(110)
        .saturating_sub(indent)
        .max(20);
    for line in text::wrap(said, columns) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}
