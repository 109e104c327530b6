//! What makes two segments belong to one connection: addresses, ports, and the tunnel around them.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::event::Endpoint;

/// The four-tuple without its direction, inside one tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    /// Both addresses, the lower end's first, high words before low ones.
    addresses: [u64; 4],
    /// Both ports, the lower end's first.
    ports: [u16; 2],
    tunnel: u32,
}

/// The high word of every IPv4 address: no IPv6 unicast address begins like that, so that the two
/// never meet.
const IPV4: u64 = u64::MAX;

/// An address as two words.
fn words(addr: IpAddr) -> [u64; 2] {
    match addr {
        IpAddr::V4(v4) => [IPV4, u64::from(v4.to_bits())],
        IpAddr::V6(v6) => [(v6.to_bits() >> 64) as u64, v6.to_bits() as u64],
    }
}

/// The address of two words.
fn address(high: u64, low: u64) -> IpAddr {
    match high {
        IPV4 => IpAddr::V4(Ipv4Addr::from_bits(low as u32)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(
            (u128::from(high) << 64) | u128::from(low),
        )),
    }
}

impl FlowKey {
    /// The key of a segment, and whether its sender is the lower of the two ends.
    #[inline]
    pub fn of(src: Endpoint, dst: Endpoint, tunnel: u32) -> (Self, bool) {
        if let (IpAddr::V4(from), IpAddr::V4(to)) = (src.addr, dst.addr) {
            return Self::of_v4((from, src.port), (to, dst.port), tunnel);
        }
        let (from, to) = (words(src.addr), words(dst.addr));
        let sender_is_low = (from, src.port) <= (to, dst.port);
        let ((low, low_port), (high, high_port)) = if sender_is_low {
            ((from, src.port), (to, dst.port))
        } else {
            ((to, dst.port), (from, src.port))
        };
        let addresses = [low[0], low[1], high[0], high[1]];
        (
            Self {
                addresses,
                ports: [low_port, high_port],
                tunnel,
            },
            sender_is_low,
        )
    }

    /// The same where both addresses are IPv4: an end is one number then.
    #[inline]
    fn of_v4(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), tunnel: u32) -> (Self, bool) {
        let number = |end: (Ipv4Addr, u16)| u64::from(end.0.to_bits()) << 16 | u64::from(end.1);
        let (from, to) = (number(src), number(dst));
        let (low, high) = (from.min(to), from.max(to));
        let key = Self {
            addresses: [IPV4, low >> 16, IPV4, high >> 16],
            ports: [low as u16, high as u16],
            tunnel,
        };
        (key, from <= to)
    }

    /// Whether both ends are the same address and port.
    #[inline]
    pub(super) fn is_loop(&self) -> bool {
        let [a, b, c, d] = self.addresses;
        self.ports[0] == self.ports[1] && b == d && a == c
    }

    /// The lower and the higher end.
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        let [a, b, c, d] = self.addresses;
        let end = |high, low, port| Endpoint {
            addr: address(high, low),
            port,
        };
        (end(a, b, self.ports[0]), end(c, d, self.ports[1]))
    }

    /// The tunnel, 0 for none.
    pub fn tunnel(&self) -> u32 {
        self.tunnel
    }
}

impl Hash for FlowKey {
    // All of it in three words, or in two where the addresses are IPv4.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d] = self.addresses;
        let ports = (u64::from(self.ports[0]) << 48) | (u64::from(self.ports[1]) << 32);
        if (a, c) == (IPV4, IPV4) {
            state.write_u64(b << 32 | d);
            state.write_u64(ports | u64::from(self.tunnel));
            return;
        }
        state.write_u64(b ^ a.rotate_left(32));
        state.write_u64(d ^ c.rotate_left(32));
        state.write_u64(ports | u64::from(self.tunnel));
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
    fn a_key_gives_its_ends_back() {
        for (a, b) in [("10.0.0.9", "10.0.0.2"), ("2001:db8::1", "fe80::2")] {
            let (a, b) = (end(a, 4000), end(b, 80));
            let (key, sender_is_low) = FlowKey::of(a, b, 0);
            assert_eq!(key.ends(), if sender_is_low { (a, b) } else { (b, a) });
        }
    }

    #[test]
    fn an_ipv4_address_is_not_its_ipv6_mapping() {
        let v4 = FlowKey::of(end("10.0.0.1", 1), end("10.0.0.2", 2), 0).0;
        let v6 = FlowKey::of(end("::ffff:10.0.0.1", 1), end("::ffff:10.0.0.2", 2), 0).0;
        assert_ne!(v4, v6);
    }
}
