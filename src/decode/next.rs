//! Which reader takes what an Ethernet type or an IP protocol number names: the one place where a
//! header is registered.

use super::Body;
use super::tunnel::Kind;
use super::walk::{Next, Walk};

impl Walk<'_, '_> {
    /// What follows a header that names its successor by Ethernet type (IEEE 802 numbers).
    #[inline]
    pub(super) fn ethertype(&mut self, ethertype: u16) -> Next {
        match ethertype {
            0x0000..=0x05dc => self.llc(ethertype),
            0x0800 => self.ipv4(),
            0x0806 | 0x8035 => self.arp(ethertype),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => self.vlan(),
            0x86dd => self.ipv6(),
            0x8847 | 0x8848 => self.mpls(),
            0x8864 => self.pppoe(),
            _ => self.done(Body::NotIp { ethertype }),
        }
    }

    /// What follows a header that names its successor by IP protocol number.
    #[inline]
    pub(super) fn protocol(&mut self, protocol: u8) -> Next {
        match protocol {
            0 | 43 | 60 | 135 | 139 | 140 if self.in_ipv6() => self.ipv6_extension(protocol),
            1 => self.icmp(false),
            2 if !self.in_ipv6() => self.igmp(),
            4 => {
                self.enter_tunnel(Kind::Ip, None);
                self.ipv4()
            }
            6 => self.tcp(),
            17 => self.udp(),
            41 => {
                self.enter_tunnel(Kind::Ip, None);
                self.ipv6()
            }
            44 if self.in_ipv6() => self.ipv6_fragment(),
            47 => self.gre(),
            50 => self.esp(),
            51 => self.ah(),
            58 => self.icmp(true),
            97 => self.etherip(),
            108 => self.ipcomp(),
            137 => {
                self.enter_tunnel(Kind::Mpls, None);
                self.mpls()
            }
            _ => self.done(Body::Other { protocol }),
        }
    }
}
