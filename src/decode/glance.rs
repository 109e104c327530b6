//! The ends of a TCP segment at a glance: enough to know which connection a frame will be about, for
//! who wants to have it at hand in time. Not a judgement of the frame; [`super::Decoder`] gives that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::frame::LinkType;

/// Source and destination address and port of what looks like plain TCP over IPv4 or IPv6.
#[inline]
pub fn glance(link_type: LinkType, bytes: &[u8]) -> Option<[(IpAddr, u16); 2]> {
    let link = match link_type {
        LinkType::ETHERNET => 14,
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => 0,
        LinkType::LINUX_SLL => 16,
        LinkType::LINUX_SLL2 => 20,
        _ => return None,
    };
    let ip = bytes.get(link..)?;
    let (src, dst, tcp): (IpAddr, IpAddr, _) = match ip.first()? {
        0x45 => {
            let header = ip.first_chunk::<24>()?;
            let &[_, _, [_, protocol, _, _], src, dst, tcp] = header.as_chunks::<4>().0 else {
                return None;
            };
            if protocol != 6 {
                return None;
            }
            (Ipv4Addr::from(src).into(), Ipv4Addr::from(dst).into(), tcp)
        }
        0x60..=0x6f => {
            let header = ip.first_chunk::<44>()?;
            if header[6] != 6 {
                return None;
            }
            let address = |at: usize| header[at..].first_chunk::<16>().map(|a| Ipv6Addr::from(*a));
            let tcp = header[40..].first_chunk::<4>()?;
            (address(8)?.into(), address(24)?.into(), *tcp)
        }
        _ => return None,
    };
    let [a, b, c, d] = tcp;
    Some([
        (src, u16::from_be_bytes([a, b])),
        (dst, u16::from_be_bytes([c, d])),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    #[test]
    fn a_glance_sees_the_ends_of_tcp_and_nothing_else() {
        let mut bytes = Vec::new();
        let builder =
            PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        builder.tcp(4000, 80, 1, 1).write(&mut bytes, &[]).unwrap();
        let ends = [([10, 0, 0, 1].into(), 4000), ([10, 0, 0, 2].into(), 80)];
        assert_eq!(glance(LinkType::ETHERNET, &bytes), Some(ends));
        assert_eq!(glance(LinkType::RAW, &bytes[14..]), Some(ends));
        assert_eq!(glance(LinkType::ETHERNET, &bytes[..30]), None);
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv6([1; 16], [2; 16], 64);
        builder.tcp(1, 2, 1, 1).write(&mut bytes, &[]).unwrap();
        let ends = [([1; 16].into(), 1), ([2; 16].into(), 2)];
        assert_eq!(glance(LinkType::RAW, &bytes), Some(ends));
        bytes[6] = 17;
        assert_eq!(glance(LinkType::RAW, &bytes), None);
    }
}
