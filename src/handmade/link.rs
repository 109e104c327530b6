//! Our place on an Ethernet: a hardware address and an IP address of our own, and what makes them known, ARP
//! (RFC 826, RFC 5227) or neighbor discovery (RFC 4861, RFC 4862). No kernel takes part, so none answers a
//! segment of a connection that it knows nothing of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::endpoint::after;
use super::segment::{Came, parse};
use crate::frame::Timestamp;
use crate::wire::checksum::Sum;
use crate::wire::{arp, ethernet, icmpv6, ipv4, ipv6, ndp, tcp};

const EVERYBODY: [u8; 6] = [0xff; 6];
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
/// Type of a neighbor solicitation, and of an advertisement.
const SOLICIT: u8 = 135;
const ADVERTISE: u8 = 136;

/// A question is asked again after so long, so often (RFC 4861 section 10: `RETRANS_TIMER`,
/// `MAX_MULTICAST_SOLICIT`).
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_QUESTIONS: u32 = 3;
/// How long somebody has to say that our address is theirs after each time that it is asked, and how often it is
/// (RFC 5227 section 1.1: `PROBE_NUM`; its waits are longer, for networks with slow switches). Once is not enough: a
/// device that has only just come up loses what is sent through it.
const CLAIM: Duration = Duration::from_millis(250);
const MOST_CLAIMS: u32 = 3;

/// What a frame turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A segment of our connection; `Err` with the reason when it can't be read.
    Segment(Box<Segment>),
    /// A question or an answer about hardware addresses: what it says, and whether we answer.
    Link(String),
    /// Somebody has our address.
    Taken(String),
    /// Something else.
    Other,
}

/// A segment as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment(pub(super) Came);

/// What is to be said on the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) bytes: Vec<u8>,
    pub(super) text: String,
    pub(super) why: &'static str,
    pub(super) rfc: &'static str,
}

/// How far we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked.
    Idle,
    /// Whether anybody has our address.
    Claiming {
        asked: u32,
        again: Option<Timestamp>,
    },
    /// Which hardware address the other end has.
    Asking {
        asked: u32,
        again: Option<Timestamp>,
    },
    /// It is known.
    Known,
    /// Nobody answers.
    Silent,
}

/// Our place on the link.
#[derive(Debug)]
pub struct Link {
    hardware: [u8; 6],
    own: SocketAddr,
    peer: SocketAddr,
    peer_hardware: [u8; 6],
    stage: Stage,
    answers: Vec<Saying>,
}

impl Link {
    /// With those addresses; to talk to `peer`, which has to be of the same version of IP.
    pub const fn new(hardware: [u8; 6], own: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            hardware,
            own,
            peer,
            peer_hardware: EVERYBODY,
            stage: Stage::Idle,
            answers: Vec::new(),
        }
    }

    /// Our address and port.
    pub const fn own(&self) -> SocketAddr {
        self.own
    }

    /// The other end's.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Begins to ask for the other end's hardware address; with `claim`, first whether ours is free.
    pub(super) const fn begin(&mut self, claim: bool) {
        self.stage = if claim {
            Stage::Claiming {
                asked: 0,
                again: None,
            }
        } else {
            Stage::Asking {
                asked: 0,
                again: None,
            }
        };
    }

    /// Whether the other end's hardware address is known.
    pub(super) fn is_known(&self) -> bool {
        self.stage == Stage::Known
    }

    /// Whether nobody answers.
    pub(super) fn is_silent(&self) -> bool {
        self.stage == Stage::Silent
    }

    /// When [`Link::poll`] may have something that it has not now.
    pub(super) const fn next(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Claiming { again, .. } | Stage::Asking { again, .. } => again,
            _ => None,
        }
    }

    /// What is to be said now.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<Saying> {
        if let Some(answer) = self.answers.pop() {
            return Some(answer);
        }
        match self.stage {
            Stage::Claiming { asked, again } if again.is_none_or(|again| again <= now) => {
                if asked == MOST_CLAIMS {
                    self.begin(false);
                    return self.poll(now);
                }
                self.stage = Stage::Claiming {
                    asked: asked + 1,
                    again: Some(after(now, CLAIM)),
                };
                Some(self.claim())
            }
            Stage::Asking { asked, again } if again.is_none_or(|again| again <= now) => {
                if asked == MOST_QUESTIONS {
                    self.stage = Stage::Silent;
                    return None;
                }
                self.stage = Stage::Asking {
                    asked: asked + 1,
                    again: Some(after(now, PATIENCE)),
                };
                Some(self.ask())
            }
            _ => None,
        }
    }

    /// Whether anybody has our address (RFC 5227 section 2.1.1, RFC 4862 section 5.4.2).
    fn claim(&self) -> Saying {
        let why = "before an address is used, its user asks whether somebody else has it";
        match self.own.ip() {
            IpAddr::V4(own) => Saying {
                bytes: self.arp(EVERYBODY, 1, Ipv4Addr::UNSPECIFIED, [0; 6], own),
                text: format!("ARP probe: who has {own}?"),
                why,
                rfc: "RFC 5227 2.1.1",
            },
            IpAddr::V6(own) => Saying {
                bytes: self.solicit(Ipv6Addr::UNSPECIFIED, own),
                text: format!("neighbor solicitation from ::, who has {own}?"),
                why,
                rfc: "RFC 4862 5.4.2",
            },
        }
    }

    fn ask(&self) -> Saying {
        let why = "frames go to hardware addresses; theirs has to be asked for";
        match (self.own.ip(), self.peer.ip()) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => Saying {
                bytes: self.arp(EVERYBODY, 1, own, [0; 6], peer),
                text: format!("ARP: who has {peer}? tell {own}"),
                why,
                rfc: "RFC 826",
            },
            (own, peer) => Saying {
                bytes: self.solicit(v6(own), v6(peer)),
                text: format!("neighbor solicitation: who has {peer}? tell {own}"),
                why,
                rfc: "RFC 4861 7.2.2",
            },
        }
    }

    fn arp(
        &self,
        dst: [u8; 6],
        operation: u16,
        sender: Ipv4Addr,
        target_hardware: [u8; 6],
        target: Ipv4Addr,
    ) -> Vec<u8> {
        let mut packet = Vec::new();
        arp::Repr {
            operation,
            sender_hardware: self.hardware,
            sender,
            target_hardware,
            target,
        }
        .emit(&mut packet);
        self.frame(dst, ARP, &packet)
    }

    /// Asks all that could have the target (its solicited-node group, RFC 4291 section 2.7.1).
    fn solicit(&self, from: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
        let [.., a, b, c] = target.octets();
        let [high, low] = [u16::from(a), u16::from_be_bytes([b, c])];
        let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | high, low);
        let mut data = target.octets().to_vec();
        if !from.is_unspecified() {
            ndp::emit_option(1, &self.hardware, &mut data);
        }
        self.icmpv6(
            [0x33, 0x33, 0xff, a, b, c],
            from,
            group,
            SOLICIT,
            [0; 4],
            &data,
        )
    }

    fn icmpv6(
        &self,
        hardware: [u8; 6],
        from: Ipv6Addr,
        to: Ipv6Addr,
        kind: u8,
        rest: [u8; 4],
        data: &[u8],
    ) -> Vec<u8> {
        let mut message = Vec::new();
        let repr = icmpv6::Repr {
            kind,
            rest,
            ..icmpv6::Repr::default()
        };
        repr.emit(from, to, data, &mut message);
        let mut packet = Vec::new();
        let header = ipv6::Repr {
            next_header: icmpv6::PROTOCOL,
            hop_limit: 255,
            src: from,
            dst: to,
            ..ipv6::Repr::default()
        };
        header.emit(&message, &mut packet);
        self.frame(hardware, IPV6, &packet)
    }

    fn frame(&self, dst: [u8; 6], ethertype: u16, packet: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        let header = ethernet::Repr {
            dst,
            src: self.hardware,
            ethertype,
        };
        header.emit(packet, &mut frame);
        frame
    }

    /// The frame for a segment's bytes.
    pub(super) fn carry(&self, segment: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        let ethertype = match (self.own.ip(), self.peer.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                // Never fragmented, so that the identification says nothing and may be 0 (RFC 6864).
                let header = ipv4::Repr {
                    dont_fragment: true,
                    protocol: tcp::PROTOCOL,
                    src,
                    dst,
                    ..ipv4::Repr::default()
                };
                header.emit(segment, &mut packet);
                IPV4
            }
            (src, dst) => {
                let header = ipv6::Repr {
                    next_header: tcp::PROTOCOL,
                    src: v6(src),
                    dst: v6(dst),
                    ..ipv6::Repr::default()
                };
                header.emit(segment, &mut packet);
                IPV6
            }
        };
        self.frame(self.peer_hardware, ethertype, &packet)
    }

    /// What a frame is; questions for our hardware address are answered by the next [`Link::poll`].
    pub(super) fn hear(&mut self, frame: &[u8]) -> Heard {
        let Ok((header, packet)) = ethernet::Repr::parse(frame) else {
            return Heard::Other;
        };
        let is_group = header.dst.first().is_some_and(|first| first & 1 == 1);
        if header.src == self.hardware || header.dst != self.hardware && !is_group {
            return Heard::Other;
        }
        let heard = match header.ethertype {
            ARP => self.hear_arp(packet),
            IPV4 => self.hear_ipv4(packet),
            IPV6 => self.hear_ipv6(packet),
            _ => None,
        };
        heard.unwrap_or(Heard::Other)
    }

    fn hear_arp(&mut self, packet: &[u8]) -> Option<Heard> {
        let packet = arp::Repr::parse(packet).ok()?;
        let (IpAddr::V4(own), IpAddr::V4(peer)) = (self.own.ip(), self.peer.ip()) else {
            return None;
        };
        let at = hardware(packet.sender_hardware);
        if packet.sender == own {
            return Some(Heard::Taken(format!("{own} is at {at}")));
        }
        if packet.operation == 1 && packet.target == own && !self.is_claiming() {
            let bytes = self.arp(
                packet.sender_hardware,
                2,
                own,
                packet.sender_hardware,
                packet.sender,
            );
            self.answers.push(Saying {
                bytes,
                text: format!("ARP: {own} is at {}", hardware(self.hardware)),
                why: "the address is ours alone: no kernel would answer for us",
                rfc: "RFC 826",
            });
            let text = format!("ARP: who has {own}? tell {}", packet.sender);
            return Some(Heard::Link(text));
        }
        if packet.sender == peer {
            self.learn(packet.sender_hardware);
            return Some(Heard::Link(format!("ARP: {peer} is at {at}")));
        }
        None
    }

    fn is_claiming(&self) -> bool {
        matches!(self.stage, Stage::Claiming { .. })
    }

    fn learn(&mut self, hardware: [u8; 6]) {
        self.peer_hardware = hardware;
        if matches!(self.stage, Stage::Asking { .. }) {
            self.stage = Stage::Known;
        }
    }

    fn hear_ipv4(&self, packet: &[u8]) -> Option<Heard> {
        let (header, payload) = ipv4::Repr::parse(packet).ok()?;
        let from = IpAddr::V4(header.src);
        let is_whole = !header.more_fragments && header.fragment_offset == 0;
        let length = usize::from(header.header_words.unwrap_or(5)) * 4;
        let sum = Sum::new().add_bytes(packet.get(..length)?);
        let ours = IpAddr::V4(header.dst) == self.own.ip() && from == self.peer.ip();
        if header.protocol != tcp::PROTOCOL || !is_whole || !ours || sum.fold() != 0xffff {
            return None;
        }
        self.segment(payload)
    }

    fn hear_ipv6(&mut self, packet: &[u8]) -> Option<Heard> {
        let (header, payload) = ipv6::Repr::parse(packet).ok()?;
        if header.next_header == icmpv6::PROTOCOL {
            return self.hear_neighbor(&header, payload);
        }
        let ours =
            IpAddr::V6(header.dst) == self.own.ip() && IpAddr::V6(header.src) == self.peer.ip();
        if header.next_header != tcp::PROTOCOL || !ours {
            return None;
        }
        self.segment(payload)
    }

    fn segment(&self, payload: &[u8]) -> Option<Heard> {
        let came = parse(self.peer, self.own, payload).ok()??;
        Some(Heard::Segment(Box::new(Segment(came))))
    }

    /// Neighbor discovery (RFC 4861 section 7.2); what is not from this link does not count (section 7.1).
    fn hear_neighbor(&mut self, header: &ipv6::Repr, message: &[u8]) -> Option<Heard> {
        let length = message.len() as u32;
        let sum = Sum::pseudo_header(
            header.src.into(),
            header.dst.into(),
            icmpv6::PROTOCOL,
            length,
        );
        if header.hop_limit != 255 || sum.add_bytes(message).fold() != 0xffff {
            return None;
        }
        let (repr, data) = icmpv6::Repr::parse(message).ok()?;
        let target = Ipv6Addr::from(*data.first_chunk::<16>()?);
        let option = |kind| option(data.get(16..)?, kind);
        let IpAddr::V6(own) = self.own.ip() else {
            return None;
        };
        match repr.kind {
            SOLICIT if target == own && header.src.is_unspecified() => {
                Some(Heard::Taken(format!("somebody else wants {own} too")))
            }
            SOLICIT if target == own && !self.is_claiming() => {
                let to = option(1)?;
                self.advertise(to, header.src);
                let text = format!("neighbor solicitation: who has {own}? tell {}", header.src);
                Some(Heard::Link(text))
            }
            ADVERTISE if target == own => Some(Heard::Taken(format!("{own} has an owner"))),
            ADVERTISE if IpAddr::V6(target) == self.peer.ip() => {
                let at = option(2)?;
                self.learn(at);
                let text = format!("neighbor advertisement: {target} is at {}", hardware(at));
                Some(Heard::Link(text))
            }
            _ => None,
        }
    }

    fn advertise(&mut self, hardware_of: [u8; 6], to: Ipv6Addr) {
        let own = v6(self.own.ip());
        let mut data = own.octets().to_vec();
        ndp::emit_option(2, &self.hardware, &mut data);
        // Solicited, and it replaces what was known.
        let flags = [0x60, 0, 0, 0];
        let bytes = self.icmpv6(hardware_of, own, to, ADVERTISE, flags, &data);
        self.answers.push(Saying {
            bytes,
            text: format!(
                "neighbor advertisement: {own} is at {}",
                hardware(self.hardware)
            ),
            why: "the address is ours alone: no kernel would answer for us",
            rfc: "RFC 4861 7.2.4",
        });
    }
}

/// The hardware address in the option of that kind.
fn option(mut options: &[u8], wanted: u8) -> Option<[u8; 6]> {
    while let &[kind, units, ..] = options {
        let length = usize::from(units) * 8;
        if length == 0 {
            return None;
        }
        if kind == wanted {
            return options.get(2..)?.first_chunk().copied();
        }
        options = options.get(length..)?;
    }
    None
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(address) => address,
        IpAddr::V4(address) => address.to_ipv6_mapped(),
    }
}

/// As people write it.
fn hardware(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(own: &str, peer: &str) -> Link {
        let port = |address: &str, port| SocketAddr::new(address.parse().unwrap(), port);
        let last = own.as_bytes()[own.len() - 1] - b'0';
        Link::new([2, 0, 0, 0, 0, last], port(own, 1), port(peer, 1))
    }

    #[test]
    fn two_of_them_find_each_other() {
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
            let (mut one, mut two) = (link(a, b), link(b, a));
            let now = Timestamp::default();
            one.begin(false);
            let question = one.poll(now).unwrap();
            assert!(matches!(two.hear(&question.bytes), Heard::Link(_)), "{a}");
            let answer = two.poll(now).unwrap();
            assert!(matches!(one.hear(&answer.bytes), Heard::Link(_)), "{a}");
            assert!(one.is_known());
            assert_eq!(one.peer_hardware, two.hardware);
            assert!(one.poll(now).is_none());
        }
    }

    #[test]
    fn an_address_that_is_taken_is_not_used() {
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
            let (mut ours, mut theirs) = (link(a, b), link(a, b));
            theirs.hardware = [2, 0, 0, 0, 0, 9];
            let mut now = Timestamp::default();
            ours.begin(true);
            // The first two are lost on the way.
            for _ in 0..2 {
                assert!(ours.poll(now).is_some() && ours.poll(now).is_none());
                now = ours.next().unwrap();
            }
            let probe = ours.poll(now).unwrap();
            let heard = theirs.hear(&probe.bytes);
            let answer = match heard {
                // An IPv6 owner that hears a probe for its address would defend it; ours sees a rival.
                Heard::Taken(_) => theirs.claim().bytes,
                _ => theirs.poll(now).unwrap().bytes,
            };
            assert!(matches!(ours.hear(&answer), Heard::Taken(_)), "{a}");
        }
    }

    #[test]
    fn it_asks_three_times_and_no_more() {
        let mut link = link("10.0.0.1", "10.0.0.2");
        link.begin(false);
        let mut now = Timestamp::default();
        for _ in 0..3 {
            assert!(link.poll(now).is_some());
            assert!(link.poll(now).is_none());
            now = link.next().unwrap();
        }
        assert!(link.poll(now).is_none() && link.is_silent());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_frame_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 0..3_usize) {
            let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
            frame.extend([[8, 0], [8, 6], [0x86, 0xdd]][kind]);
            frame.extend(bytes);
            for mut link in [link("10.0.0.1", "10.0.0.2"), link("fd00::1", "fd00::2")] {
                let _ = link.hear(&frame);
            }
        }
    }
}
