//! Stories of captures without TCP.

use etherparse::{IcmpEchoHeader, PacketBuilder};

use super::*;
use crate::decode::Decoder;
use crate::frame::{LinkType, Timestamp};

const HOSTS: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];

/// Follows packets that come a millisecond apart.
#[derive(Default)]
struct Told {
    beside: Beside,
    frame: u64,
}

impl Told {
    fn packet(&mut self, link_type: LinkType, bytes: &[u8]) -> &mut Self {
        self.frame += 1;
        let frame = Frame {
            number: self.frame,
            time: Timestamp::from_nanos(self.frame * 1_000_000),
            link_type,
            interface: 0,
            original_len: bytes.len() as u32,
            bytes,
            comment: None,
        };
        let mut decoder = Decoder::new();
        let mut packet = Packet::default();
        decoder.decode_into(&frame, &mut packet);
        self.beside.observe(&frame, &packet);
        self
    }

    fn echo(&mut self, from: usize, ttl: u8, seq: u16) -> &mut Self {
        let bytes = echo(from, ttl, seq);
        self.packet(LinkType::RAW, &bytes)
    }

    fn arp(&mut self, operation: u8, sender: u8, target: u8) -> &mut Self {
        let mut bytes = vec![0xff; 6];
        bytes.extend([2, 0, 0, 0, 0, sender, 8, 6]);
        bytes.extend([0, 1, 8, 0, 6, 4, 0, operation]);
        bytes.extend([2, 0, 0, 0, 0, sender, 10, 0, 0, sender]);
        bytes.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, target]);
        self.packet(LinkType::ETHERNET, &bytes)
    }

    fn of(&self, kind: &str) -> Finding {
        let findings = self.beside.conclude();
        let found = findings.iter().find(|finding| finding.kind.name() == kind);
        found
            .unwrap_or_else(|| panic!("{kind} in {findings:#?}"))
            .clone()
    }
}

fn echo(from: usize, ttl: u8, seq: u16) -> Vec<u8> {
    let builder = PacketBuilder::ipv4(HOSTS[from], HOSTS[1 - from], ttl);
    let header = IcmpEchoHeader { id: 7, seq };
    let mut bytes = Vec::new();
    let message = if from == 0 {
        builder.icmpv4_echo_request(header.id, header.seq)
    } else {
        builder.icmpv4_echo_reply(header.id, header.seq)
    };
    message.write(&mut bytes, b"ping").expect("it is built");
    bytes
}

/// A router's error about a packet.
fn error(router: u8, kind: u8, code: u8, mtu: u8, about: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, mtu];
    message.extend(&about[..28]);
    let sum = crate::wire::checksum::Sum::new()
        .add_bytes(&message)
        .checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let builder = PacketBuilder::ipv4([10, 0, 1, router], HOSTS[0], 64);
    let mut bytes = Vec::new();
    builder
        .write(&mut bytes, etherparse::IpNumber::ICMP, &message)
        .expect("it is built");
    bytes
}

#[test]
fn what_a_ping_lost_is_told_by_number() {
    let mut told = Told::default();
    told.echo(0, 64, 1)
        .echo(1, 64, 1)
        .echo(0, 64, 2)
        .echo(0, 64, 3);
    told.echo(1, 64, 3)
        .echo(0, 64, 5)
        .echo(1, 64, 5)
        .echo(1, 64, 5);
    let ping = told.of("ping");
    assert_eq!(
        ping.summary,
        "10.0.0.1 sent 10.0.0.2 4 echo requests, 3 answered, after 1.00ms; number 2 was \
         not; number 4 never came by here; 1 answer came twice"
    );
    assert_eq!(
        (ping.severity, &*ping.evidence),
        (Severity::Notice, &[3][..])
    );
    assert!(!ping.advice.is_empty() && ping.flow.is_none());
}

#[test]
fn a_ping_that_is_answered_is_no_trouble_and_one_that_is_not_is() {
    let mut told = Told::default();
    told.echo(0, 64, 1).echo(1, 64, 1);
    assert_eq!(told.of("ping").severity, Severity::Info);
    let mut told = Told::default();
    told.echo(0, 64, 1).echo(0, 64, 2);
    let ping = told.of("ping");
    assert_eq!(ping.severity, Severity::Problem);
    assert!(
        ping.summary.ends_with("2 echo requests: no answer"),
        "{}",
        ping.summary
    );
}

#[test]
fn routers_that_say_that_the_ttl_ran_out_make_a_way() {
    let mut told = Told::default();
    for ttl in [1, 2] {
        told.echo(0, ttl, ttl.into());
        let about = echo(0, ttl, ttl.into());
        told.packet(LinkType::RAW, &error(ttl, 11, 0, 0, &about));
    }
    told.echo(0, 3, 3).echo(1, 64, 3);
    let way = told.of("way");
    assert!(
        way.summary
            .ends_with("hop 1: 10.0.1.1 (1.00ms), hop 2: 10.0.1.2 (1.00ms)"),
        "{}",
        way.summary
    );
    assert_eq!(way.evidence, [2, 4]);
    // What was meant to run out is no error, and no lost request.
    let kinds: Vec<_> = told
        .beside
        .conclude()
        .iter()
        .map(|f| f.kind.name())
        .collect();
    assert_eq!(kinds, ["ping", "way"]);
}

#[test]
fn an_error_says_what_it_is_about() {
    let mut told = Told::default();
    let mut about = Vec::new();
    PacketBuilder::ipv4(HOSTS[0], HOSTS[1], 64)
        .udp(4000, 53)
        .write(&mut about, b"?")
        .expect("it is built");
    told.packet(LinkType::RAW, &about);
    told.packet(LinkType::RAW, &error(9, 3, 3, 0, &about));
    told.packet(LinkType::RAW, &error(9, 3, 3, 0, &about));
    let said = told.of("icmp-error");
    assert_eq!(
        said.summary,
        "10.0.1.9 said twice of UDP 10.0.0.1:4000 > 10.0.0.2:53: port unreachable"
    );
    assert_eq!(said.advice, "nothing listens on that port there");
    let sent = told.of("datagrams");
    assert!(
        sent.summary.contains("1 datagram (1 byte)"),
        "{}",
        sent.summary
    );
}

#[test]
fn neighbours_answer_or_do_not() {
    let mut told = Told::default();
    told.arp(1, 1, 2).arp(2, 2, 1);
    let told = told.of("neighbour");
    assert_eq!(
        told.summary,
        "10.0.0.1 asked who has 10.0.0.2 (ARP) and was told: 02:00:00:00:00:02, after 1.00ms"
    );
    let mut told = Told::default();
    told.arp(1, 1, 9).arp(1, 1, 9);
    let finding = told.of("neighbour");
    assert_eq!(finding.severity, Severity::Problem);
    assert_eq!(
        finding.summary,
        "10.0.0.1 asked twice who has 10.0.0.9 (ARP): nobody answered"
    );
    // Who announces itself asks nobody.
    let mut told = Told::default();
    told.arp(1, 3, 3);
    assert_eq!(told.of("neighbour").severity, Severity::Info);
    told.arp(2, 3, 3);
    assert_eq!(told.of("neighbour").severity, Severity::Problem);
}

#[test]
fn memory_stays_bounded_whatever_comes() {
    let mut told = Told::default();
    for n in 0..2_000_u16 {
        let [high, low] = n.to_be_bytes();
        for kind in [0, 1] {
            let builder = PacketBuilder::ipv4([10, 9, high, low], HOSTS[0], 64);
            let mut bytes = Vec::new();
            if kind == 0 {
                builder.udp(n, 53).write(&mut bytes, b"").expect("built");
            } else {
                let echo = builder.icmpv4_echo_request(n, n);
                echo.write(&mut bytes, b"").expect("built");
            }
            told.packet(LinkType::RAW, &bytes);
        }
    }
    assert_eq!(told.beside.talks.len(), MOST);
    let findings = told.beside.conclude();
    assert_eq!(findings.len(), 2 * MOST + 1);
    let other = told.of("other-packets");
    assert!(
        other.summary.starts_with("3,488 packets"),
        "{}",
        other.summary
    );
}
