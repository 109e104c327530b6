//! What comes back in answer to a packet: a reply that has its addresses, ports or identifier reversed, or
//! an ICMP error that quotes it.

use std::net::IpAddr;

use super::build::Built;
use super::kinds::Which;
use super::recipe::{Layer, Recipe};
use crate::frame::LinkType;
use crate::wire::{icmpv4, icmpv6};

/// What an answer is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Source and destination; of ARP, only whom it asks for.
    src: Option<IpAddr>,
    dst: IpAddr,
    /// Who answers: where a routing header leads to in the end, else the destination.
    last: IpAddr,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Whose hardware address is asked for.
    Arp,
    /// An echo request or another with a reply: the reply's type, and four bytes that come back.
    Echo { v6: bool, reply: u8, id: [u8; 4] },
    /// The same of IPv6 neighbors: whose hardware address is asked for.
    Neighbor { target: [u8; 16] },
    /// Ports of TCP or UDP, as they stand in the header.
    Ports { protocol: u8, ports: [u8; 4] },
    /// Anything else over IP.
    Other { protocol: u8 },
}

/// How a packet answers another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It quotes the packet.
    Quotes,
    /// It is an echo reply, or another, with the same identifier and sequence number.
    Replies,
    /// Its addresses and ports are the packet's, reversed.
    Reversed,
    /// It says where the address that was asked for is.
    Resolves,
}

impl Answer {
    /// In words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Quotes => "an ICMP error that quotes the packet",
            Self::Replies => "the reply with the packet's identifier and sequence number",
            Self::Reversed => "from where the packet went to where it came from",
            Self::Resolves => "the answer to who has that address",
        }
    }

    /// Its name for scripts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Replies => "replies",
            Self::Reversed => "reversed",
            Self::Resolves => "resolves",
        }
    }
}

impl Asked {
    /// What an answer to that packet is known by; `None` when nothing could answer it.
    pub fn of(recipe: &Recipe, built: &Built) -> Option<Self> {
        let Some((ip, _)) = recipe.ip() else {
            recipe
                .headers()
                .find(|(_, it)| it.kind.which == Which::Arp)?;
            let dst = recipe.destination()?;
            return Some(Self {
                src: None,
                dst,
                last: dst,
                what: What::Arp,
            });
        };
        let (src, dst) = built.ends?;
        let inner = recipe.headers().find(|(index, header)| {
            let extension = matches!(
                header.kind.which,
                Which::HopByHop | Which::Destination | Which::Routing | Which::Fragment | Which::Ah
            );
            *index > ip && !extension
        });
        let protocol = ip_protocol(built, recipe, ip);
        let what = match inner {
            None => What::Other { protocol },
            Some((index, header)) => {
                let start = built.starts.get(index).copied().unwrap_or_default();
                let bytes = built.bytes.get(start..).unwrap_or_default();
                of_header(header.kind.which, bytes).unwrap_or(What::Other { protocol })
            }
        };
        let src = Some(src).filter(|src| !src.is_unspecified());
        let behind = inner.map_or(recipe.layers.len(), |(index, _)| index);
        let last = recipe.final_stop(behind).map_or(dst, IpAddr::from);
        Some(Self {
            src,
            dst,
            last,
            what,
        })
    }

    /// How a frame answers it, if it does.
    pub fn answered_by(&self, link_type: LinkType, frame: &[u8]) -> Option<Answer> {
        let (ethertype, packet) = inside(link_type, frame)?;
        if self.what == What::Arp {
            let IpAddr::V4(wanted) = self.dst else {
                return None;
            };
            let reply = packet.get(6..8) == Some(&[0, 2]);
            let of_it = packet.get(14..18) == Some(&wanted.octets());
            return (ethertype == 0x0806 && reply && of_it).then_some(Answer::Resolves);
        }
        let flow = Flow::of(packet)?;
        if let Some(quote) = flow.quote() {
            return self.is(&Flow::of(quote)?).then_some(Answer::Quotes);
        }
        self.reply(&flow)
    }

    /// Whether a quoted packet is this one.
    fn is(&self, quoted: &Flow<'_>) -> bool {
        // A stop of a routing header has the destination changed to the next one.
        let to = [self.dst, self.last].contains(&quoted.dst);
        let ends = self.src.is_none_or(|src| src == quoted.src) && to;
        let same = |at: usize, bytes: &[u8]| quoted.rest.get(at..at + bytes.len()) == Some(bytes);
        ends && match self.what {
            What::Arp => false,
            What::Echo { v6, id, .. } => quoted.protocol == icmp(v6) && same(4, &id),
            What::Neighbor { target } => quoted.protocol == icmp(true) && same(8, &target),
            What::Ports { protocol, ports } => quoted.protocol == protocol && same(0, &ports),
            What::Other { protocol } => quoted.protocol == protocol,
        }
    }

    fn reply(&self, flow: &Flow<'_>) -> Option<Answer> {
        // Whoever is asked in a group answers for itself.
        let from = self.last == flow.src || is_group(self.last);
        if !from || self.src.is_some_and(|src| src != flow.dst) {
            return None;
        }
        let same = |at: usize, bytes: &[u8]| flow.rest.get(at..at + bytes.len()) == Some(bytes);
        let yes = |is: bool, answer| is.then_some(answer);
        match self.what {
            What::Arp => None,
            What::Echo { v6, reply, id } => {
                let is = flow.protocol == icmp(v6) && same(0, &[reply]) && same(4, &id);
                yes(is, Answer::Replies)
            }
            What::Neighbor { target } => {
                let is = flow.protocol == icmp(true) && same(0, &[136]) && same(8, &target);
                yes(is, Answer::Resolves)
            }
            What::Ports { protocol, ports } => {
                let [s1, s2, d1, d2] = ports;
                let is = flow.protocol == protocol && same(0, &[d1, d2, s1, s2]);
                yes(is, Answer::Reversed)
            }
            What::Other { protocol } => yes(flow.protocol == protocol, Answer::Reversed),
        }
    }
}

const fn icmp(v6: bool) -> u8 {
    if v6 {
        icmpv6::PROTOCOL
    } else {
        icmpv4::PROTOCOL
    }
}

fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // A subnet's broadcast address can't be told by itself; most end so.
            address.is_multicast() || address.is_broadcast() || address.octets()[3] == 255
        }
        IpAddr::V6(address) => address.is_multicast(),
    }
}

/// The number of what comes after all extension headers of the outermost IP header.
fn ip_protocol(built: &Built, recipe: &Recipe, ip: usize) -> u8 {
    let start = built.starts.get(ip).copied().unwrap_or_default();
    let packet = built.bytes.get(start..).unwrap_or_default();
    let known = Flow::of(packet).map(|flow| flow.protocol);
    // Of one whose version says something else, what the header's own place for it says.
    let at = match recipe.layers.get(ip).and_then(Layer::which) {
        Some(Which::Ipv4) => 9,
        _ => 6,
    };
    known
        .or_else(|| packet.get(at).copied())
        .unwrap_or_default()
}

/// What an answer to that header is known by.
fn of_header(which: Which, bytes: &[u8]) -> Option<What> {
    let four = |at: usize| -> Option<[u8; 4]> { bytes.get(at..)?.first_chunk().copied() };
    let kind = bytes.first().copied()?;
    Some(match which {
        Which::Icmpv4 => What::Echo {
            v6: false,
            reply: match kind {
                8 => 0,
                42 => 43,
                13 | 15 | 17 => kind + 1,
                10 => 9,
                _ => return None,
            },
            id: four(4)?,
        },
        Which::Icmpv6 if kind == 135 => What::Neighbor {
            target: bytes.get(8..)?.first_chunk().copied()?,
        },
        Which::Icmpv6 => What::Echo {
            v6: true,
            reply: match kind {
                128 => 129,
                _ => return None,
            },
            id: four(4)?,
        },
        Which::Tcp => What::Ports {
            protocol: 6,
            ports: four(0)?,
        },
        Which::Udp => What::Ports {
            protocol: 17,
            ports: four(0)?,
        },
        _ => return None,
    })
}

/// What a frame has inside, with its Ethernet type; 0 where there is no Ethernet.
fn inside(link_type: LinkType, frame: &[u8]) -> Option<(u16, &[u8])> {
    if link_type != LinkType::ETHERNET {
        return Some((0, frame));
    }
    let mut at = 12;
    loop {
        let ethertype = u16::from_be_bytes(*frame.get(at..)?.first_chunk()?);
        if !matches!(ethertype, 0x8100 | 0x88a8) {
            return Some((ethertype, frame.get(at + 2..)?));
        }
        at += 4;
    }
}

/// Who sends what to whom.
struct Flow<'a> {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    /// What comes after the IP header and its extensions.
    rest: &'a [u8],
}

impl<'a> Flow<'a> {
    /// Of an IP packet, or as much of it as was quoted.
    fn of(packet: &'a [u8]) -> Option<Self> {
        let first = packet.first()?;
        if first >> 4 == 4 {
            let address =
                |at: usize| -> Option<[u8; 4]> { packet.get(at..)?.first_chunk().copied() };
            return Some(Self {
                src: address(12)?.into(),
                dst: address(16)?.into(),
                protocol: *packet.get(9)?,
                rest: packet
                    .get(usize::from(first & 0x0f) * 4..)
                    .unwrap_or_default(),
            });
        }
        if first >> 4 != 6 {
            return None;
        }
        let address = |at: usize| -> Option<[u8; 16]> { packet.get(at..)?.first_chunk().copied() };
        let mut protocol = *packet.get(6)?;
        let mut rest = packet.get(40..)?;
        while let 0 | 43 | 44 | 51 | 60 = protocol {
            let &[next, len, ..] = rest else { break };
            let len = match protocol {
                44 => 8,
                51 => (usize::from(len) + 2) * 4,
                _ => (usize::from(len) + 1) * 8,
            };
            protocol = next;
            rest = rest.get(len..).unwrap_or_default();
        }
        Some(Self {
            src: address(8)?.into(),
            dst: address(24)?.into(),
            protocol,
            rest,
        })
    }

    /// The packet that it is an error about.
    fn quote(&self) -> Option<&'a [u8]> {
        let kind = *self.rest.first()?;
        let quotes = match self.protocol {
            icmpv4::PROTOCOL => icmpv4::quotes(kind),
            icmpv6::PROTOCOL => icmpv6::quotes(kind),
            _ => false,
        };
        self.rest.get(icmpv4::LEN..).filter(|_| quotes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::Around;

    fn built(words: &str) -> (Recipe, Built) {
        let recipe = Recipe::parse(&[words]).unwrap();
        let built = recipe.build(&Around::default());
        (recipe, built)
    }

    fn answer(asked: &str, came: &str) -> Option<Answer> {
        let (recipe, packet) = built(asked);
        let (_, frame) = built(came);
        Asked::of(&recipe, &packet)?.answered_by(frame.link_type, &frame.bytes)
    }

    #[test]
    fn replies_are_known_by_what_they_have_of_the_packet() {
        let ping = "ipv4 src=192.0.2.1 dst=192.0.2.2 / icmp echo id=7 seq=1";
        let back = "ipv4 src=192.0.2.2 dst=192.0.2.1 / icmp";
        let reply = |rest: &str| answer(ping, &format!("{back} {rest}"));
        assert_eq!(reply("reply id=7 seq=1"), Some(Answer::Replies));
        assert_eq!(reply("reply id=7 seq=2"), None);
        assert_eq!(reply("echo id=7 seq=1"), None);
        assert_eq!(answer(ping, ping), None);
        let syn = "ipv4 src=192.0.2.1 dst=192.0.2.2 / tcp sport=5 dport=80";
        let back = "ipv4 src=192.0.2.2 dst=192.0.2.1 / tcp sport=80 flags=SA";
        assert_eq!(
            answer(syn, &format!("{back} dport=5")),
            Some(Answer::Reversed)
        );
        assert_eq!(answer(syn, &format!("{back} dport=6")), None);
    }

    #[test]
    fn errors_are_known_by_what_they_quote() {
        let asked = "ipv4 src=192.0.2.1 dst=192.0.2.2 ttl=1 / udp sport=5 dport=9";
        let error = "ether / vlan / ipv4 src=198.51.100.1 dst=192.0.2.1 / icmp time-exceeded";
        let quoted = |quote: &str| answer(asked, &format!("{error} / {quote}"));
        assert_eq!(quoted(asked), Some(Answer::Quotes));
        assert_eq!(
            quoted("ipv4 src=192.0.2.1 dst=192.0.2.2 / udp sport=5 dport=7"),
            None
        );
        assert_eq!(
            quoted("ipv4 src=192.0.2.1 dst=192.0.2.3 / udp sport=5 dport=9"),
            None
        );
        let asked = "ipv6 src=fd00::1 dst=fd00::2 hlim=1 / hbh / icmp6 echo id=3";
        let error = "ipv6 src=fd00::9 dst=fd00::1 / icmp6 time-exceeded";
        assert_eq!(
            answer(asked, &format!("{error} / {asked}")),
            Some(Answer::Quotes)
        );
    }

    #[test]
    fn the_last_stop_of_a_routing_header_answers() {
        let asked =
            "ipv6 src=fd00::1 dst=fd00::2 / routing addresses=fd00::9+fd00::2 / icmp6 echo id=3";
        let back = |src: &str| {
            answer(
                asked,
                &format!("ipv6 src={src} dst=fd00::1 / icmp6 reply id=3"),
            )
        };
        assert_eq!(back("fd00::9"), Some(Answer::Replies));
        assert_eq!(back("fd00::2"), None);
        // A stop's error quotes the packet as it came there.
        for dst in ["fd00::2", "fd00::9"] {
            let quoted = asked.replace("dst=fd00::2", &format!("dst={dst}"));
            let error = format!("ipv6 src=fd00::2 dst=fd00::1 / icmp6 time-exceeded / {quoted}");
            assert_eq!(answer(asked, &error), Some(Answer::Quotes), "{dst}");
        }
    }

    #[test]
    fn addresses_are_resolved() {
        let asked = "ether / arp dst=192.0.2.2";
        assert_eq!(
            answer(asked, "ether / arp reply src=192.0.2.2"),
            Some(Answer::Resolves)
        );
        assert_eq!(answer(asked, "ether / arp reply src=192.0.2.3"), None);
        let asked = "ipv6 src=fd00::1 dst=ff02::1:ff00:2 / icmp6 ns target=fd00::2";
        let advertised = "ipv6 src=fd00::2 dst=fd00::1 / icmp6 na target=fd00::2";
        assert_eq!(answer(asked, advertised), Some(Answer::Resolves));
    }
}
