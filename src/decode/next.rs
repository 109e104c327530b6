//! Which reader takes what an Ethernet type or an IP protocol number names: the one place where a
//! header is registered.

use super::Body;
use super::span::Span;
use super::tunnel::Kind;
use super::walk::{Next, Walk};

impl<'a> Walk<'a, '_> {
    /// What follows a header that names its successor by Ethernet type (IEEE 802 numbers).
    #[inline]
    pub(super) fn ethertype(&mut self, ethertype: u16, at: Span<'a>) -> Next<'a> {
        match ethertype {
            0x0000..=0x05dc => self.llc(ethertype, at),
            0x0800 => self.ipv4(at),
            0x0806 | 0x8035 => self.arp(ethertype, at),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => self.vlan(at),
            0x86dd => self.ipv6(at),
            0x8847 | 0x8848 => self.mpls(at),
            0x8864 => self.pppoe(at),
            _ => self.done(Body::NotIp { ethertype }),
        }
    }

    /// What follows a header that names its successor by IP protocol number.
    #[inline]
    pub(super) fn protocol(&mut self, protocol: u8, at: Span<'a>) -> Next<'a> {
        match protocol {
            0 | 43 | 60 | 135 | 139 | 140 if self.in_ipv6() => self.ipv6_extension(protocol, at),
            1 => self.icmp(false, at),
            4 => {
                self.enter_tunnel(Kind::Ip, None);
                self.ipv4(at)
            }
            6 => self.tcp(at),
            17 => self.udp(at),
            41 => {
                self.enter_tunnel(Kind::Ip, None);
                self.ipv6(at)
            }
            44 if self.in_ipv6() => self.ipv6_fragment(at),
            47 => self.gre(at),
            50 => self.esp(at),
            51 => self.ah(at),
            58 => self.icmp(true, at),
            97 => self.etherip(at),
            137 => {
                self.enter_tunnel(Kind::Mpls, None);
                self.mpls(at)
            }
            _ => self.done(Body::Other { protocol }),
        }
    }
}
