//! Which reader takes what an Ethernet type or an IP protocol number names: the one place where a
//! header is registered.

use super::Body;
use super::span::Span;
use super::walk::{Next, Walk};

impl<'a> Walk<'a, '_> {
    /// What follows a header that names its successor by Ethernet type (IEEE 802 numbers).
    #[inline]
    pub(super) fn ethertype(&mut self, ethertype: u16, at: Span<'a>) -> Next<'a> {
        match ethertype {
            0x0800 => self.ipv4(at),
            0x86dd => self.ipv6(at),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => self.vlan(at),
            _ => self.done(Body::NotIp { ethertype }),
        }
    }

    /// What follows a header that names its successor by IP protocol number.
    #[inline]
    pub(super) fn protocol(&mut self, protocol: u8, at: Span<'a>) -> Next<'a> {
        match protocol {
            6 => self.tcp(at),
            _ => self.done(Body::Other { protocol }),
        }
    }
}
