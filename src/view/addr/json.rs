//! `wirelab addr --format json`: `address`, `route`, `name` and `candidate` lines (docs/schema.json).

use std::net::IpAddr;

use serde::Serialize;

use super::hardware_address;
use crate::address::{Assigned, Card, Machine, Name, Network, Route, RouteKind, kind, policy};

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Address(Box<AddressLine<'a>>),
    Route(RouteLine<'a>),
    Name(NameLine<'a>),
    Candidate(CandidateLine<'a>),
}

#[derive(Serialize)]
struct AddressLine<'a> {
    interface: Option<&'a str>,
    address: IpAddr,
    prefix: Option<u8>,
    kind: &'static str,
    scope: &'static str,
    block: &'static str,
    rfc: &'static str,
    network: Option<IpAddr>,
    broadcast: Option<IpAddr>,
    first_host: Option<IpAddr>,
    last_host: Option<IpAddr>,
    hardware: Option<String>,
    peer: Option<IpAddr>,
    temporary: bool,
    deprecated: bool,
    tentative: bool,
    valid_s: Option<u32>,
}

#[derive(Serialize)]
struct RouteLine<'a> {
    to: String,
    gateway: Option<IpAddr>,
    interface: Option<&'a str>,
    metric: u32,
    usable: bool,
}

#[derive(Serialize)]
struct NameLine<'a> {
    name: &'a str,
    took_ns: u64,
    looked_up_in: &'a [String],
    servers: &'a [String],
    addresses: Vec<IpAddr>,
}

#[derive(Serialize)]
struct CandidateLine<'a> {
    name: &'a str,
    rank: usize,
    address: IpAddr,
    kind: &'static str,
    source: Option<IpAddr>,
    precedence: u8,
    label: u8,
    hosts_file_line: Option<usize>,
    before_next_by_rule: Option<u8>,
    as_rfc_6724: Option<bool>,
}

/// A machine's addresses and default routes, a line each.
pub fn machine_lines(machine: &Machine) -> String {
    let mut lines = String::new();
    for card in &machine.cards {
        for assigned in &card.addresses {
            push(&mut lines, &assigned_line(card, assigned));
        }
    }
    for route in [false, true]
        .into_iter()
        .flat_map(|v6| machine.ways_out(v6))
    {
        push(&mut lines, &route_line(machine, &route));
    }
    lines
}

/// An address or network that was asked about.
pub fn network_line(network: &Network, machine: &Machine) -> String {
    let own = machine.own(network.address);
    let mut about = about(network);
    about.interface = own.and_then(|own| machine.card_name(own.interface));
    let mut lines = String::new();
    push(&mut lines, &Line::Address(Box::new(about)));
    lines
}

/// An address that was asked about without its prefix: its network is that which this machine has it in,
/// or not known.
pub fn address_line(address: IpAddr, machine: &Machine) -> String {
    if let Some(own) = machine.own(address) {
        return network_line(&own.network, machine);
    }
    let mut about = about(&Network::alone(address));
    (about.prefix, about.network, about.broadcast) = (None, None, None);
    (about.first_host, about.last_host) = (None, None);
    let mut lines = String::new();
    push(&mut lines, &Line::Address(Box::new(about)));
    lines
}

/// A name, and each of its addresses in order.
pub fn name_lines(name: &Name) -> String {
    let mut lines = String::new();
    let whole = NameLine {
        name: &name.name,
        took_ns: u64::try_from(name.took.as_nanos()).unwrap_or(u64::MAX),
        looked_up_in: &name.ways,
        servers: &name.servers,
        addresses: name.candidates.iter().map(|it| it.destination).collect(),
    };
    push(&mut lines, &Line::Name(whole));
    let reasons = name.reasons();
    for (at, it) in name.candidates.iter().enumerate() {
        let (policy, reason) = (policy(it.destination), reasons.get(at));
        let line = CandidateLine {
            name: &name.name,
            rank: at + 1,
            address: it.destination,
            kind: kind(it.destination).name,
            source: it.source.map(|source| source.address),
            precedence: policy.precedence,
            label: policy.label,
            hosts_file_line: name.in_hosts_file(it.destination).map(|line| line.number),
            before_next_by_rule: reason.map(|(rule, _)| rule.number()),
            as_rfc_6724: reason.map(|(_, as_asked)| *as_asked),
        };
        push(&mut lines, &Line::Candidate(line));
    }
    lines
}

fn push(lines: &mut String, line: &Line<'_>) {
    // Names, numbers and addresses: there is nothing in them that JSON could not say.
    if let Ok(text) = serde_json::to_string(line) {
        lines.push_str(&text);
        lines.push('\n');
    }
}

fn assigned_line<'a>(card: &'a Card, assigned: &Assigned) -> Line<'a> {
    Line::Address(Box::new(AddressLine {
        interface: Some(&card.name),
        hardware: card.hardware.map(hardware_address),
        peer: assigned.peer,
        temporary: assigned.temporary,
        deprecated: assigned.deprecated,
        tentative: assigned.tentative || assigned.duplicate,
        valid_s: assigned.valid_s,
        ..about(&assigned.network)
    }))
}

fn about(network: &Network) -> AddressLine<'static> {
    let kind = kind(network.address);
    let (first_host, last_host) = network.hosts();
    AddressLine {
        interface: None,
        address: network.address,
        prefix: Some(network.prefix),
        kind: kind.name,
        scope: kind.scope.name(),
        block: kind.block,
        rfc: kind.rfc,
        network: Some(network.first()),
        broadcast: network.broadcast(),
        first_host: Some(first_host),
        last_host: Some(last_host),
        hardware: None,
        peer: None,
        temporary: false,
        deprecated: false,
        tentative: false,
        valid_s: None,
    }
}

fn route_line<'a>(machine: &'a Machine, route: &Route) -> Line<'a> {
    Line::Route(RouteLine {
        to: route.to.to_string(),
        gateway: route.gateway,
        interface: machine.card_name(route.interface),
        metric: route.metric,
        usable: route.kind == RouteKind::Unicast,
    })
}
