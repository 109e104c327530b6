//! ARP (RFC 826) and its reverse (RFC 903).

use std::net::Ipv4Addr;

use etherparse::ArpPacketSlice;

use super::walk::{Next, Walk};
use super::{Arp, Body, HardwareAddress, LayerKind};

impl Walk<'_, '_> {
    /// Reads an ARP packet; one that is not about IPv4 addresses is told by its Ethernet type.
    pub(super) fn arp(&mut self, ethertype: u16) -> Next {
        let at = self.at;
        let packet = match ArpPacketSlice::from_slice(at.bytes) {
            Ok(packet) => packet,
            Err(error) => {
                self.too_short(LayerKind::Arp, at, error.required_len as u32);
                return self.done(Body::NotIp { ethertype });
            }
        };
        self.layer(LayerKind::Arp, at, packet.slice().len() as u32);
        let address = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from);
        let (Some(sender), Some(target)) = (
            address(packet.sender_protocol_addr()),
            address(packet.target_protocol_addr()),
        ) else {
            return self.done(Body::NotIp { ethertype });
        };
        self.done(Body::Arp(Arp {
            operation: packet.operation().0,
            sender_hardware: HardwareAddress::new(packet.sender_hw_addr()),
            sender,
            target_hardware: HardwareAddress::new(packet.target_hw_addr()),
            target,
        }))
    }
}
