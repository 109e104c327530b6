//! Telling tunnels apart: the same inner addresses and ports in two tunnels are two connections.
//!
//! Both directions of a connection must get the same number, so the outer addresses count as a
//! pair, not as source and destination, and where a tunnel has an identifier of its own (VXLAN,
//! Geneve) they don't count at all: replies may well leave through another gateway.

use std::net::IpAddr;

use super::walk::Walk;

/// How a packet is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IP directly in IP (RFC 2003, RFC 4213).
    Ip = 1,
    /// GRE (RFC 2784).
    Gre,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// MPLS in IP (RFC 4023).
    Mpls,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// Geneve (RFC 8926).
    Geneve,
}

impl Walk<'_, '_> {
    /// Notes that what follows is inside a tunnel, told apart by `key` or else by its two ends.
    pub(super) fn enter_tunnel(&mut self, kind: Kind, key: Option<u32>) {
        let ends = match (kind, &self.packet.ip) {
            (Kind::Vxlan | Kind::Geneve, _) | (_, None) => 0,
            (_, Some(ip)) => hash_address(ip.src) ^ hash_address(ip.dst),
        };
        let key = key.map_or(0, |key| u64::from(key) << 1 | 1);
        let number = [kind as u64, key, ends]
            .into_iter()
            .fold(u64::from(self.packet.tunnel), mix);
        self.packet.tunnel = ((number >> 32) as u32).max(1);
    }
}

fn hash_address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => mix(4, u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            mix(mix(6, (bits >> 64) as u64), bits as u64)
        }
    }
}

/// One round of a multiplicative hash; a fixed one, so that numbers are the same in every run.
const fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}
