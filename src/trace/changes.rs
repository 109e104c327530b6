//! What is odd about a quoted packet: what is not as it was sent, and not as routers have to change it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plan::Plan;
use super::quote::{Inner, change};
use crate::event::{Method, Probe, ProbeState, QuoteChange};

/// The quoted TTL or hop limit.
pub(super) fn ttl(v6: bool, header: &[u8]) -> Option<u8> {
    header.get(if v6 { 7 } else { 8 }).copied()
}

/// The quoted destination.
pub(super) fn destination(v6: bool, header: &[u8]) -> Option<IpAddr> {
    address(header, v6, if v6 { 24 } else { 16 })
}

fn address(header: &[u8], v6: bool, at: usize) -> Option<IpAddr> {
    let from = header.get(at..)?;
    Some(if v6 {
        Ipv6Addr::from(*from.first_chunk::<16>()?).into()
    } else {
        Ipv4Addr::from(*from.first_chunk::<4>()?).into()
    })
}

/// All that is odd about a packet that is quoted with its IP header.
pub(super) fn all(
    plan: &Plan,
    probe: &Probe,
    inner: &Inner<'_>,
    state: ProbeState,
) -> Vec<QuoteChange> {
    let mut changes = Vec::new();
    header(plan, probe, inner, state, &mut changes);
    let rest = match plan.method {
        Method::Icmp => inner.message,
        Method::Udp => {
            udp(plan, probe, inner.message, &mut changes);
            inner.message.get(8..).unwrap_or_default()
        }
        Method::Tcp => {
            if plan.syn_mark.is_some() {
                ports(plan, probe, inner.message, &mut changes);
            }
            &[]
        }
    };
    of_data(plan, probe, rest, &mut changes);
    changes
}

fn header(
    plan: &Plan,
    probe: &Probe,
    inner: &Inner<'_>,
    state: ProbeState,
    changes: &mut Vec<QuoteChange>,
) {
    let v6 = plan.is_v6();
    let header = inner.header;
    let quoted_ttl = ttl(v6, header);
    if let Some(quoted) = quoted_ttl
        && state == ProbeState::Router
        && quoted != 1
    {
        let why = if quoted == 0 {
            "the router had taken its one before it made the quote"
        } else {
            "a router quotes what it received, so 1: this one forwards by labels, or the TTL was \
             changed on the way"
        };
        let field = if v6 { "hop limit" } else { "TTL" };
        changes.push(change(
            field,
            probe.ttl.to_string(),
            quoted.to_string(),
            why,
        ));
    }
    let tos = match *header {
        [high, low, ..] if v6 => Some(high << 4 | low >> 4),
        [_, tos, ..] => Some(tos),
        _ => None,
    };
    if let Some(tos) = tos.filter(|&tos| tos != plan.tos) {
        let why = match (tos ^ plan.tos) & 0xfc {
            0 => "the ECN bits were changed on the way",
            _ => "the DSCP was changed on the way",
        };
        let field = if v6 { "traffic class" } else { "TOS" };
        let (sent, quoted) = (format!("{:#04x}", plan.tos), format!("{tos:#04x}"));
        changes.push(change(field, sent, quoted, why));
    }
    let ends = [
        ("source address", if v6 { 8 } else { 12 }, plan.source),
        (
            "destination address",
            if v6 { 24 } else { 16 },
            Some(plan.target),
        ),
    ];
    for (field, at, sent) in ends {
        if let (Some(quoted), Some(sent)) = (address(header, v6, at), sent)
            && quoted != sent
        {
            let why = "translated on the way (NAT), and not translated back in the quote";
            changes.push(change(field, sent.to_string(), quoted.to_string(), why));
        }
    }
    if !v6 {
        length(probe, header, changes);
    }
}

/// IPv4's total length. Some kernels turned its bytes around, or took the header off, before they quoted.
fn length(probe: &Probe, header: &[u8], changes: &mut Vec<QuoteChange>) {
    let Some(&[_, _, high, low]) = header.first_chunk::<4>() else {
        return;
    };
    let quoted = usize::from(u16::from_be_bytes([high, low]));
    // TCP's segment is the kernel's: how long it is, it does not say.
    if probe.size == 0 || quoted == probe.size {
        return;
    }
    let why = "not what was sent: it was cut into fragments, or the router quotes it badly";
    changes.push(change(
        "total length",
        probe.size.to_string(),
        quoted.to_string(),
        why,
    ));
}

/// Whether the ports are others than were sent: those of UDP and of our own SYNs.
fn ports(plan: &Plan, probe: &Probe, message: &[u8], changes: &mut Vec<QuoteChange>) -> bool {
    let Some(&[s0, s1, d0, d1]) = message.first_chunk::<4>() else {
        return false;
    };
    let flow = probe.flow - 1;
    let pairs = [
        (
            "source port",
            plan.src_ports.get(usize::from(flow)).copied(),
            u16::from_be_bytes([s0, s1]),
        ),
        (
            "destination port",
            Some(plan.dst_port(probe.number, flow)),
            u16::from_be_bytes([d0, d1]),
        ),
    ];
    let mut translated = false;
    for (field, sent, quoted) in pairs {
        if let Some(sent) = sent.filter(|&sent| sent != quoted) {
            let why = "translated on the way (NAT), and not translated back in the quote";
            changes.push(change(field, sent.to_string(), quoted.to_string(), why));
            translated = true;
        }
    }
    translated
}

fn udp(plan: &Plan, probe: &Probe, message: &[u8], changes: &mut Vec<QuoteChange>) {
    let translated = ports(plan, probe, message, changes);
    let Some(&[_, _, _, _, _, _, c0, c1]) = message.first_chunk::<8>() else {
        return;
    };
    let flow = probe.flow - 1;
    let quoted = u16::from_be_bytes([c0, c1]);
    if let Some(sent) = plan.udp_checksum(probe.number, flow, probe.size)
        && sent != quoted
        && quoted != 0
        && plan.udp_partial(probe.size) != Some(quoted)
    {
        let why = if translated {
            "as it has to be when ports or addresses change"
        } else {
            "changed on the way, as address translation does"
        };
        let (sent, quoted) = (format!("{sent:#06x}"), format!("{quoted:#06x}"));
        changes.push(change("UDP checksum", sent, quoted, why));
    }
}

/// What of the ICMP message, or of UDP's data, is not as it was sent.
pub(super) fn of_data(plan: &Plan, probe: &Probe, quoted: &[u8], changes: &mut Vec<QuoteChange>) {
    if plan.method == Method::Tcp {
        return;
    }
    let mut sent = Vec::new();
    plan.write(probe.number, probe.flow - 1, probe.size, &mut sent);
    // The checksum of ICMPv6 is the kernel's where the source was not known to us.
    let skipped = match (plan.method, plan.is_v6(), plan.source) {
        (Method::Icmp, true, None) => 2..4,
        _ => 0..0,
    };
    let differs = |at: &usize| !skipped.contains(at) && sent.get(*at) != quoted.get(*at);
    let all = 0..quoted.len().min(sent.len());
    if let Some(at) = all.clone().find(differs) {
        let byte = |bytes: &[u8]| format!("{:#04x}", bytes.get(at).copied().unwrap_or(0));
        let header = if plan.method == Method::Icmp {
            "the ICMP message"
        } else {
            "the data"
        };
        let number = all.filter(differs).count();
        let why = format!("byte {at} of {header} is the first of {number} that differ");
        changes.push(change("data", byte(&sent), byte(quoted), &why));
    }
}
