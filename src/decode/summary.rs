//! One line for a packet, in the tcpdump reader's habit.
//!
//! What differs between packets of a kind comes first, so that a short line still tells them apart.
//! Everything in it comes from numbers, so it holds no bytes of the network's choosing.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use super::{Arp, Body, Icmp, IcmpDetail, Igmp, Ip, Packet, Quoted, Tcp};
use crate::wire::{igmp, names};

impl Packet<'_> {
    /// What the packet is, in one line: `UDP 10.0.0.1:53 > 10.0.0.2:4000, 40 bytes`.
    pub fn summary(&self) -> String {
        let mut line = String::new();
        // Writing to a string can't fail.
        let _ = self.summarize(&mut line);
        line
    }

    fn summarize(&self, line: &mut String) -> fmt::Result {
        match (&self.body, &self.ip) {
            (Body::Tcp(tcp), Some(ip)) => tcp_line(line, ip, tcp)?,
            (Body::Udp(udp), Some(ip)) => write!(
                line,
                "UDP {} > {}, {} bytes",
                SocketAddr::new(ip.src, udp.src_port),
                SocketAddr::new(ip.dst, udp.dst_port),
                udp.payload_len
            )?,
            (Body::Icmp(icmp), Some(ip)) => icmp_line(line, ip, icmp)?,
            (Body::Igmp(igmp), Some(ip)) => igmp_line(line, ip, igmp)?,
            (Body::Arp(arp), _) => arp_line(line, arp)?,
            (Body::Fragment(fragment), Some(ip)) => write!(
                line,
                "{} {} > {}, fragment of {} bytes at {}, {}, id {:#x}",
                protocol_name(fragment.protocol),
                ip.src,
                ip.dst,
                fragment.len,
                fragment.offset,
                if fragment.more {
                    "more follow"
                } else {
                    "the last one"
                },
                fragment.id
            )?,
            (Body::Esp(esp), Some(ip)) => write!(
                line,
                "ESP {} > {}, SPI {:#010x}, sequence number {}",
                ip.src, ip.dst, esp.spi, esp.seq
            )?,
            (Body::Other { protocol }, Some(ip)) => {
                write!(line, "{} {} > {}", protocol_name(*protocol), ip.src, ip.dst)?;
            }
            (Body::NotIp { ethertype: 0 }, _) => line.push_str("not IP"),
            (Body::NotIp { ethertype }, _) => match names::ethertype(*ethertype) {
                // These have bodies of their own when they can be read.
                Some(name @ ("IPv4" | "IPv6" | "ARP" | "RARP")) => {
                    write!(line, "{name}, not readable")?;
                }
                Some(name) => line.push_str(name),
                None => write!(line, "not IP, Ethernet type {ethertype:#06x}")?,
            },
            // Without an IP header there is none of the bodies above.
            (_, None) => line.push_str("not readable"),
        }
        match self.problems.first() {
            Some(problem) => write!(line, " [{problem}]"),
            None => Ok(()),
        }
    }
}

fn tcp_line(line: &mut String, ip: &Ip, tcp: &Tcp<'_>) -> fmt::Result {
    write!(
        line,
        "TCP {} > {}, {} seq {} ack {} win {}, {} bytes",
        SocketAddr::new(ip.src, tcp.src_port),
        SocketAddr::new(ip.dst, tcp.dst_port),
        tcp.flags,
        tcp.seq,
        tcp.ack,
        tcp.window,
        tcp.payload_len
    )
}

fn icmp_line(line: &mut String, ip: &Ip, icmp: &Icmp<'_>) -> fmt::Result {
    let version = if icmp.v6 { "ICMPv6" } else { "ICMP" };
    write!(line, "{version} {} > {}: ", ip.src, ip.dst)?;
    let quoted_port = icmp.quoted.and_then(|quoted| quoted.ports);
    match (quoted_port, icmp.v6, icmp.kind, icmp.code) {
        (Some((_, port)), false, 3, 3) | (Some((_, port)), true, 1, 4) => {
            write!(line, "port {port} unreachable")?;
        }
        _ => line.push_str(icmp.name),
    }
    if icmp.name == "unassigned type" {
        write!(line, " {} code {}", icmp.kind, icmp.code)?;
    }
    match icmp.detail {
        IcmpDetail::None => {}
        IcmpDetail::Echo { id, seq } => write!(
            line,
            // What differs from one echo to the next comes first: who asks for which hop, with what TTL.
            ", seq {seq}, {} {}, {} bytes, id {id}",
            if icmp.v6 { "hop limit" } else { "ttl" },
            ip.ttl,
            u64::from(icmp.payload_len) + 8
        )?,
        IcmpDetail::Mtu(mtu) => write!(line, ", MTU {mtu}")?,
        IcmpDetail::Pointer(at) => write!(line, ", at byte {at}")?,
        IcmpDetail::Gateway(gateway) => write!(line, ", use {gateway}")?,
        IcmpDetail::Target(target) => write!(line, " for {target}")?,
    }
    match &icmp.quoted {
        Some(quoted) => {
            line.push_str(" (quotes ");
            quoted_text(line, quoted)?;
            line.write_char(')')
        }
        None => Ok(()),
    }
}

fn igmp_line(line: &mut String, ip: &Ip, message: &Igmp) -> fmt::Result {
    write!(line, "IGMP {} > {}: {}", ip.src, ip.dst, message.name)?;
    match (message.kind, message.version, message.group, message.first) {
        (igmp::QUERY, version, Some(group), _) => {
            if group.is_unspecified() {
                line.push_str(" for all groups");
            } else {
                write!(line, " for {group}")?;
            }
            match version {
                Some(version) => write!(line, ", version {version}"),
                None => line.write_str(", of no version"),
            }
        }
        (_, _, Some(group), _) => write!(line, " for {group}"),
        (igmp::REPORT_3, _, _, Some((kind, sources, group))) => {
            write!(line, ", {group}: ")?;
            match (kind, sources) {
                (igmp::JOINS, 0) => line.push_str("joins"),
                (igmp::LISTENS_TO, 0) => line.push_str("leaves"),
                _ => match igmp::record_name(kind) {
                    Some(name) => write!(line, "{name} ({sources})")?,
                    None => write!(line, "record type {kind}")?,
                },
            }
            match message.records {
                0 | 1 => Ok(()),
                records => write!(line, ", first of {records} records"),
            }
        }
        _ if message.name == "unassigned type" => write!(line, " {:#04x}", message.kind),
        _ => Ok(()),
    }
}

fn quoted_text(line: &mut String, quoted: &Quoted) -> fmt::Result {
    line.push_str(&protocol_name(quoted.protocol));
    let end = |address: IpAddr, port: Option<u16>| match port {
        Some(port) => SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    };
    write!(
        line,
        " {} > {}",
        end(quoted.src, quoted.ports.map(|ports| ports.0)),
        end(quoted.dst, quoted.ports.map(|ports| ports.1))
    )?;
    if let Some(seq) = quoted.seq {
        write!(line, " seq {seq}")?;
    }
    if let Some((id, seq)) = quoted.echo {
        write!(line, " echo seq {seq}, id {id}")?;
    }
    Ok(())
}

fn arp_line(line: &mut String, arp: &Arp) -> fmt::Result {
    match arp.operation {
        1 if arp.sender == arp.target => {
            write!(line, "ARP, {} announces itself", arp.sender)?;
            write!(line, " at {}", arp.sender_hardware)
        }
        1 if arp.sender.is_unspecified() => {
            write!(line, "ARP, is {} in use?", arp.target)
        }
        1 => write!(line, "ARP, who has {}? tell {}", arp.target, arp.sender),
        2 => write!(line, "ARP, {} is at {}", arp.sender, arp.sender_hardware),
        3 => write!(line, "RARP, who is {}?", arp.target_hardware),
        4 => write!(line, "RARP, {} is {}", arp.target_hardware, arp.target),
        other => write!(line, "ARP, operation {other}"),
    }
}

/// The name of an IP protocol, or its number.
fn protocol_name(protocol: u8) -> Cow<'static, str> {
    match names::ip_protocol(protocol) {
        Some(name) => name.into(),
        None => format!("IP protocol {protocol}").into(),
    }
}
