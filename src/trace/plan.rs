//! What a trace is to be, and the bytes of its probes.
//!
//! Routers that share traffic between paths choose by what makes a flow: addresses, protocol, and the
//! first four bytes after the IP header. Those are the ports of UDP, and type, code and checksum of
//! ICMP. So all probes of a flow have the same: a UDP probe carries its number in the data, a SYN of our
//! own in its sequence number, and an ICMP probe makes up in its data for what its sequence number does to
//! the checksum (Augustin et al., "Avoiding traceroute anomalies with Paris traceroute", 2006).

use std::net::IpAddr;
use std::time::Duration;

use crate::event::Method;
use crate::wire::checksum::Sum;
use crate::wire::seq::Seq;
use crate::wire::tcp::{self, Flags, TcpOption};
use crate::wire::{echo, icmpv4, icmpv6, udp};

/// Bytes at the start of the data that tell which probe it is.
pub(super) const TAG: usize = 8;
/// Where the mark of this run is among them.
const MAGIC: std::ops::Range<usize> = 4..8;
/// The shortest IPv4 packet that can be a probe, in bytes.
pub const SMALLEST_V4: usize = 20 + 8 + TAG;
/// The shortest IPv6 packet that can be one.
pub const SMALLEST_V6: usize = 40 + 8 + TAG;

/// How to trace.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The destination.
    pub target: IpAddr,
    /// The address that probes leave from, where it is known.
    pub source: Option<IpAddr>,
    /// What probes are.
    pub method: Method,
    /// The first TTL.
    pub first: u8,
    /// The last TTL.
    pub max: u8,
    /// Probes with each TTL; at least one of each flow is sent.
    pub per_hop: u16,
    /// How long an answer may take.
    pub wait: Duration,
    /// Time between two probes.
    pub pause: Duration,
    /// Probes on the way at once.
    pub in_flight: usize,
    /// Flows to follow.
    pub flows: u16,
    /// Every probe is its own flow: UDP's destination port goes up with each, as traceroute has it.
    pub classic: bool,
    /// Bytes of the IP packet.
    pub size: usize,
    /// The TOS byte or traffic class.
    pub tos: u8,
    /// ICMP's identifier; marks the data of UDP as ours.
    pub id: u16,
    /// Source ports, one for each flow of UDP and of our own SYNs; of the kernel's SYNs one for each probe.
    pub src_ports: Vec<u16>,
    /// The upper half of our own SYNs' sequence numbers, whose lower half is the probe's number; `None`: the
    /// kernel makes the SYNs, each from a port of its own.
    pub syn_mark: Option<u16>,
    /// The destination port: UDP's first, or TCP's only one.
    pub port: u16,
    /// Find the path MTU too.
    pub path_mtu: bool,
}

impl Plan {
    /// The usual: up to 30 hops, three probes each, sixteen on the way at once.
    pub fn new(target: IpAddr, method: Method, id: u16) -> Self {
        Self {
            target,
            source: None,
            method,
            first: 1,
            max: 30,
            per_hop: 3,
            // Linux gives up asking for a neighbour's address after a good 3 s, and only then says so.
            wait: Duration::from_secs(5),
            pause: Duration::ZERO,
            in_flight: 16,
            flows: 1,
            classic: false,
            size: if target.is_ipv6() { 80 } else { 60 },
            tos: 0,
            id,
            src_ports: Vec::new(),
            syn_mark: None,
            port: 33_434,
            path_mtu: false,
        }
    }

    /// Whether it goes over IPv6.
    pub const fn is_v6(&self) -> bool {
        self.target.is_ipv6()
    }

    /// Probes with each TTL.
    pub(super) fn each(&self) -> u16 {
        self.per_hop.max(self.flows).max(1)
    }

    /// The flow of the probe of that index among those of its TTL, from 0.
    pub(super) fn flow(&self, nth: u16) -> u16 {
        nth % self.flows.max(1)
    }

    /// The shortest IP packet that can be a probe.
    pub const fn smallest(&self) -> usize {
        if self.is_v6() {
            SMALLEST_V6
        } else {
            SMALLEST_V4
        }
    }

    /// UDP's or TCP's destination port of a probe.
    pub fn dst_port(&self, number: u16, flow: u16) -> u16 {
        match self.method {
            Method::Udp if self.classic => self.port.wrapping_add(number.wrapping_sub(1)),
            Method::Udp => self.port.wrapping_add(flow),
            Method::Icmp | Method::Tcp => self.port,
        }
    }

    /// Bytes after the IP header and the eight of ICMP or UDP.
    fn data_len(&self, size: usize) -> usize {
        let headers = if self.is_v6() { 48 } else { 28 };
        size.max(self.smallest()) - headers
    }

    /// Writes what comes after the IP header for ICMP and our own SYNs, or after the UDP header, into `out`,
    /// which is emptied first. Other SYNs are the kernel's to write.
    pub fn write(&self, number: u16, flow: u16, size: usize, out: &mut Vec<u8>) {
        let data = self.data_len(size);
        match self.method {
            Method::Icmp => {
                let tag = self.tag(!number, flow);
                let bytes = (0..data).map(|at| tag.get(at).copied().unwrap_or(at as u8));
                echo::emit(out, echo::request(self.is_v6()), self.id, number, bytes);
                let ends = self.source.map(|source| (source, self.target));
                echo::seal(out, ends.filter(|_| self.is_v6()));
            }
            Method::Udp => {
                let tag = self.tag(number, flow);
                out.clear();
                out.extend((0..data).map(|at| tag.get(at).copied().unwrap_or(at as u8)));
            }
            Method::Tcp => {
                out.clear();
                if let (Some(syn), Some(source)) = (self.syn(number, flow), self.source) {
                    syn.emit(source, self.target, &[], out);
                }
            }
        }
    }

    /// A SYN of our own, with the options that most have, as firewalls may ask for them.
    fn syn(&self, number: u16, flow: u16) -> Option<tcp::Repr> {
        let mark = u32::from(self.syn_mark?);
        let mut options = Vec::new();
        let mss = if self.is_v6() { 1440 } else { 1460 };
        for option in [
            TcpOption::Mss(mss),
            TcpOption::SackPermitted,
            TcpOption::Nop,
            TcpOption::WindowScale(7),
        ] {
            option.emit(&mut options);
        }
        Some(tcp::Repr {
            src_port: self.src_ports.get(usize::from(flow)).copied()?,
            dst_port: self.port,
            seq: Seq(mark << 16 | u32::from(number)),
            flags: Flags::SYN,
            window: 64_240,
            options,
            ..tcp::Repr::default()
        })
    }

    /// Bytes of an IP packet with a probe; 0 where only the kernel knows, as of its own SYNs.
    pub(super) fn size_of(&self, size: usize) -> usize {
        let headers = if self.is_v6() { 40 } else { 20 };
        match (self.method, self.syn(0, 0)) {
            (Method::Tcp, Some(syn)) => {
                let options = syn.options.len().next_multiple_of(4);
                headers + tcp::MIN_LEN + options
            }
            (Method::Tcp, None) => 0,
            _ => size,
        }
    }

    /// The number of the probe that has this sequence number, by its upper half.
    pub(super) fn marked_syn(&self, seq: Seq) -> Option<u16> {
        let mark = u32::from(self.syn_mark?);
        (seq.0 >> 16 == mark).then_some(seq.0 as u16)
    }

    /// What marks a probe: a word that depends on its number, its flow, and what is the same in all.
    fn tag(&self, word: u16, flow: u16) -> [u8; TAG] {
        let ([w0, w1], [f0, f1]) = (word.to_be_bytes(), flow.to_be_bytes());
        let [i0, i1] = self.id.to_be_bytes();
        [w0, w1, f0, f1, b'w', b'l', i0, i1]
    }

    /// The number of the probe with that data, by its mark.
    pub(super) fn marked(&self, data: &[u8]) -> Option<u16> {
        let ours = self.tag(0, 0);
        let word = u16::from_be_bytes(*data.first_chunk()?);
        (data.get(MAGIC)? == ours.get(MAGIC)?).then_some(match self.method {
            Method::Icmp => !word,
            Method::Udp | Method::Tcp => word,
        })
    }

    /// The sum over the pseudo-header alone: what stands in UDP's checksum field of a packet whose
    /// checksum was left to a network card that never came, as between virtual hosts.
    pub(super) fn udp_partial(&self, size: usize) -> Option<u16> {
        let length = udp::LEN + self.data_len(size);
        let sum = Sum::pseudo_header(self.source?, self.target, udp::PROTOCOL, length as u32);
        Some(sum.fold())
    }

    /// UDP's checksum as a probe should have it; `None` when the source address is not known.
    pub(super) fn udp_checksum(&self, number: u16, flow: u16, size: usize) -> Option<u16> {
        let src_port = self.src_ports.get(usize::from(flow)).copied()?;
        let source = self.source?;
        let mut data = Vec::new();
        self.write(number, flow, size, &mut data);
        let length = (udp::LEN + data.len()) as u16;
        let sum = Sum::pseudo_header(source, self.target, udp::PROTOCOL, length.into())
            .add_u16(src_port)
            .add_u16(self.dst_port(number, flow))
            .add_u16(length)
            .add_bytes(&data)
            .checksum();
        Some(if sum == 0 { 0xffff } else { sum })
    }

    /// IP's number for what probes are.
    pub(super) const fn protocol(&self) -> u8 {
        match (self.method, self.is_v6()) {
            (Method::Icmp, false) => icmpv4::PROTOCOL,
            (Method::Icmp, true) => icmpv6::PROTOCOL,
            (Method::Udp, _) => udp::PROTOCOL,
            (Method::Tcp, _) => crate::wire::tcp::PROTOCOL,
        }
    }
}
