//! What makes two segments belong to one connection: addresses, ports, and the tunnel around them.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::event::Endpoint;

/// The four-tuple without its direction, inside one tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    low: (u128, u16),
    high: (u128, u16),
    tunnel: u32,
}

/// An address as a number. IPv4 goes where no IPv6 unicast address is, so that the two never meet.
fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => (u128::from(u64::MAX) << 64) | u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FlowKey {
    /// The key of a segment, and whether its sender is the lower of the two ends.
    pub fn of(src: Endpoint, dst: Endpoint, tunnel: u32) -> (Self, bool) {
        let (from, to) = ((number(src.addr), src.port), (number(dst.addr), dst.port));
        if from <= to {
            (
                Self {
                    low: from,
                    high: to,
                    tunnel,
                },
                true,
            )
        } else {
            (
                Self {
                    low: to,
                    high: from,
                    tunnel,
                },
                false,
            )
        }
    }
}

impl Hash for FlowKey {
    // One word at a time: the low halves of the addresses and the ports hold what differs.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports =
            (u64::from(self.low.1) << 48) | (u64::from(self.high.1) << 32) | u64::from(self.tunnel);
        state.write_u64(self.low.0 as u64);
        state.write_u64(self.high.0 as u64);
        state.write_u64(ports);
        state.write_u64((self.low.0 >> 64) as u64 ^ ((self.high.0 >> 64) as u64).rotate_left(32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(addr: &str, port: u16) -> Endpoint {
        Endpoint {
            addr: addr.parse().unwrap(),
            port,
        }
    }

    #[test]
    fn both_directions_share_a_key_and_tunnels_do_not() {
        let (a, b) = (end("10.0.0.1", 4000), end("10.0.0.2", 80));
        let ((there, low), (back, high)) = (FlowKey::of(a, b, 0), FlowKey::of(b, a, 0));
        assert_eq!(there, back);
        assert_ne!(low, high);
        assert_ne!(there, FlowKey::of(a, b, 7).0);
    }

    #[test]
    fn an_ipv4_address_is_not_its_ipv6_mapping() {
        let v4 = FlowKey::of(end("10.0.0.1", 1), end("10.0.0.2", 2), 0).0;
        let v6 = FlowKey::of(end("::ffff:10.0.0.1", 1), end("::ffff:10.0.0.2", 2), 0).0;
        assert_ne!(v4, v6);
    }
}
