//! Which way out leaves a packet as it was built (raw(7), packet(7), ipv6(7)).
//!
//! A raw IPv4 socket with `IP_HDRINCL` has the kernel find the route, the next hop and its hardware
//! address, but it fills in some fields itself. A packet socket takes every byte as it is, and leaves all
//! that to us. So the lowest way that keeps what was asked for is taken.

use std::net::IpAddr;

use super::kinds::Which;
use super::recipe::{Layer, Recipe};
use crate::wire::checksum::Sum;

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A raw IPv4 socket with `IP_HDRINCL`.
    Ipv4,
    /// A raw IPv6 socket of the packet's protocol, whose header the kernel writes as it is told, and
    /// whose checksum it leaves alone.
    Ipv6Payload,
    /// A raw IPv6 socket with `IPV6_HDRINCL`.
    Ipv6,
    /// A packet socket.
    Ether,
}

impl Way {
    /// What it is, in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "raw IPv4 socket, IP_HDRINCL",
            Self::Ipv6Payload => "raw IPv6 socket, IPV6_CHECKSUM off",
            Self::Ipv6 => "raw IPv6 socket, IPV6_HDRINCL",
            Self::Ether => "packet socket",
        }
    }

    /// Its name for scripts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6Payload => "ipv6-payload",
            Self::Ipv6 => "ipv6",
            Self::Ether => "ether",
        }
    }
}

/// A way that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// Some raw IP socket.
    Ip,
    /// A packet socket.
    Ether,
}

/// The way that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub way: Way,
    /// Why.
    pub why: String,
    /// What the kernel will make of the packet on this way.
    pub rewrites: Vec<String>,
}

/// Chooses a way for packets that `recipe` became; `source` is the address they would leave from.
///
/// # Errors
///
/// Why the forced way can't be taken.
pub fn choose(
    recipe: &Recipe,
    packets: &[Vec<u8>],
    forced: Option<Forced>,
    source: Option<IpAddr>,
) -> Result<Choice, String> {
    let choice = |way, why: &str, rewrites| Choice {
        way,
        why: why.to_owned(),
        rewrites,
    };
    let first = recipe.layers.first().and_then(Layer::which);
    let way = match first {
        Some(Which::Ipv4) => Way::Ipv4,
        Some(Which::Ipv6) if is_plain(recipe, packets, source) => Way::Ipv6Payload,
        Some(Which::Ipv6) => Way::Ipv6,
        _ if forced == Some(Forced::Ip) => {
            return Err("--via ip: the packet does not begin with an IP header".to_owned());
        }
        Some(Which::Ether) => {
            let why = "the packet begins with an Ethernet header";
            return Ok(choice(Way::Ether, why, Vec::new()));
        }
        _ => {
            let why = "what does not begin with an IP header needs a frame around it";
            return Ok(choice(Way::Ether, why, Vec::new()));
        }
    };
    if forced == Some(Forced::Ether) {
        return Ok(choice(Way::Ether, "as asked for", Vec::new()));
    }
    let v4 = way == Way::Ipv4;
    let mut rewrites: Vec<String> = Vec::new();
    for packet in packets {
        let all = if v4 { of_ipv4(packet) } else { of_ipv6(packet) };
        rewrites.extend(all);
    }
    rewrites.dedup();
    if forced == Some(Forced::Ip) {
        return Ok(choice(way, "as asked for", rewrites));
    }
    if !rewrites.is_empty() {
        let why = format!(
            "through a {} it would not be kept: {}",
            way.name(),
            rewrites.join("; ")
        );
        return Ok(choice(Way::Ether, &why, Vec::new()));
    }
    let why = match way {
        Way::Ipv6Payload => "the kernel writes the same IPv6 header, and leaves the rest as built",
        _ => "every byte is kept, and the kernel finds route and next hop",
    };
    Ok(choice(way, why, rewrites))
}

/// Whether the kernel would write the same IPv6 header around the payload of each packet.
fn is_plain(recipe: &Recipe, packets: &[Vec<u8>], source: Option<IpAddr>) -> bool {
    let next = recipe.layers.get(1).and_then(Layer::which);
    let is_transport = matches!(next, Some(Which::Icmpv6 | Which::Tcp | Which::Udp));
    let said = recipe.source();
    let source_is_ours = said.is_none() || said == source;
    let protocol = match next {
        Some(Which::Icmpv6) => 58,
        Some(Which::Tcp) => 6,
        _ => 17,
    };
    is_transport
        && source_is_ours
        && packets.iter().all(|packet| match packet.get(..8) {
            Some(&[first, second, third, fourth, high, low, next, _]) => {
                let payload = packet.len().saturating_sub(40);
                first >> 4 == 6
                    // No flow label; the rest is traffic class, which is told to the socket.
                    && (second & 0x0f, third, fourth) == (0, 0, 0)
                    && usize::from(u16::from_be_bytes([high, low])) == payload
                    && next == protocol
            }
            _ => false,
        })
}

/// What becomes of an IPv4 packet that is given to a raw socket whole (raw(7)).
fn of_ipv4(packet: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    let number = |at: usize| -> u16 {
        let two = packet.get(at..).and_then(<[u8]>::first_chunk);
        u16::from_be_bytes(two.copied().unwrap_or_default())
    };
    let words = packet.first().map_or(0, |first| first & 0x0f);
    let header = usize::from(words) * 4;
    let mut kept = packet.get(..header.max(20)).unwrap_or(packet).to_vec();
    if header < 20 || header > packet.len() {
        all.push(format!(
            "a header length of {words} words is refused (EINVAL)"
        ));
        return all;
    }
    let total = number(2);
    if usize::from(total) != packet.len() {
        all.push(format!("total length {total} becomes {}", packet.len()));
    }
    if let Some(bytes) = kept.get_mut(2..4) {
        bytes.copy_from_slice(&(packet.len() as u16).to_be_bytes());
    }
    // Not where the packet must not be fragmented: then the identification means nothing (RFC 6864).
    if number(4) == 0 && number(6) & 0x4000 == 0 {
        all.push("identification 0 becomes one of the kernel's".to_owned());
    }
    if packet.get(12..16) == Some(&[0; 4]) {
        all.push("source 0.0.0.0 becomes an address of this host".to_owned());
    }
    if let Some(bytes) = kept.get_mut(10..12) {
        bytes.fill(0);
    }
    let right = Sum::new().add_bytes(&kept).checksum();
    let wrong = number(10);
    if right != wrong {
        all.push(format!(
            "header checksum {wrong:#06x} becomes the right one, {right:#06x}"
        ));
    }
    all
}

/// What becomes of an IPv6 packet that is given to a raw socket whole.
fn of_ipv6(packet: &[u8]) -> Vec<String> {
    if packet.len() < 40 {
        return vec!["less than a header is refused (EINVAL)".to_owned()];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::Around;

    fn chosen(words: &str, forced: Option<Forced>) -> Result<Choice, String> {
        let recipe = Recipe::parse(&[words]).unwrap();
        let around = Around {
            source: Some([192, 0, 2, 9].into()),
            ..Around::default()
        };
        let packet = recipe.build(&around).bytes;
        choose(&recipe, &[packet], forced, around.source)
    }

    #[test]
    fn what_a_raw_socket_would_rewrite_goes_through_a_packet_socket() {
        for words in [
            "ipv4 dst=192.0.2.1 / udp",
            "ipv4 dst=192.0.2.1 version=6 / udp",
            "ipv4 dst=192.0.2.1 id=0 df / udp checksum=bad",
            "ipv4 dst=192.0.2.1 reserved / tcp",
        ] {
            assert_eq!(chosen(words, None).unwrap().way, Way::Ipv4, "{words}");
        }
        for (words, told) in [
            (
                "ipv4 dst=192.0.2.1 len=99 / udp",
                "total length 99 becomes 28",
            ),
            (
                "ipv4 dst=192.0.2.1 checksum=bad / udp",
                "becomes the right one",
            ),
            ("ipv4 dst=192.0.2.1 id=0 / udp", "identification 0"),
            ("ipv4 dst=192.0.2.1 src=0.0.0.0 / udp", "source 0.0.0.0"),
            ("ipv4 dst=192.0.2.1 ihl=4 / udp", "EINVAL"),
            ("ipv4 dst=192.0.2.1 ihl=15 / udp", "EINVAL"),
        ] {
            let choice = chosen(words, None).unwrap();
            assert_eq!(choice.way, Way::Ether, "{words}");
            assert!(choice.why.contains(told), "{words}: {}", choice.why);
            let forced = chosen(words, Some(Forced::Ip)).unwrap();
            assert_eq!(forced.way, Way::Ipv4);
            assert!(
                forced.rewrites.iter().any(|it| it.contains(told)),
                "{words}"
            );
        }
    }

    #[test]
    fn ipv6_by_what_its_header_says() {
        let way = |words: &str| chosen(words, None).unwrap().way;
        assert_eq!(way("ipv6 dst=::1 / icmp6 echo"), Way::Ipv6Payload);
        assert_eq!(way("ipv6 dst=::1 ecn=1 hlim=3 / udp"), Way::Ipv6Payload);
        assert_eq!(way("ipv6 dst=::1 flow=5 / udp"), Way::Ipv6);
        assert_eq!(way("ipv6 dst=::1 src=::2 / udp"), Way::Ipv6);
        assert_eq!(way("ipv6 dst=::1 / hbh / udp"), Way::Ipv6);
        assert_eq!(way("ether / ipv6 dst=::1 / udp"), Way::Ether);
        assert_eq!(way("arp"), Way::Ether);
        assert!(chosen("arp", Some(Forced::Ip)).is_err());
    }
}
