//! Packets that are no TCP, in one line each; and ICMP's quotes.

use wirelab::decode::{Body, Checksum, Decoder, IcmpDetail};
use wirelab::frame::LinkType;

use super::{ethernet, frame, ip, ipv4, ipv6, segment};

fn summary(link_type: LinkType, bytes: &[u8]) -> String {
    Decoder::new().decode(&frame(link_type, bytes)).summary()
}

fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> String {
    let mut bytes = vec![0xff; 12];
    bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    bytes.extend([2, 0, 0, 0, 0, 1]);
    bytes.extend(sender);
    bytes.extend([2, 0, 0, 0, 0, 2]);
    bytes.extend(target);
    summary(LinkType::ETHERNET, &bytes)
}

#[test]
fn arp_in_words() {
    let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    assert_eq!(arp(1, one, two), "ARP, who has 10.0.0.2? tell 10.0.0.1");
    assert_eq!(arp(2, one, two), "ARP, 10.0.0.1 is at 02:00:00:00:00:01");
    assert_eq!(arp(1, [0; 4], two), "ARP, is 10.0.0.2 in use?");
    assert_eq!(
        arp(1, one, one),
        "ARP, 10.0.0.1 announces itself at 02:00:00:00:00:01"
    );
    assert_eq!(arp(9, one, two), "ARP, operation 9");
}

#[test]
fn udp_and_others_in_words() {
    let mut bytes = Vec::new();
    ip(true).udp(53, 4000).write(&mut bytes, &[0; 40]).unwrap();
    assert_eq!(
        summary(LinkType::RAW, &bytes),
        "UDP [303:303:303:303:303:303:303:303]:53 > [404:404:404:404:404:404:404:404]:4000, 40 bytes"
    );
    let ospf = ipv4(89, [10, 0, 0, 1], [224, 0, 0, 5], &[0; 4]);
    assert_eq!(summary(LinkType::RAW, &ospf), "OSPF 10.0.0.1 > 224.0.0.5");
    let lldp = [&[1; 12][..], &[0x88, 0xcc, 1, 2]].concat();
    assert_eq!(summary(LinkType::ETHERNET, &lldp), "LLDP");
    assert_eq!(
        summary(LinkType::ETHERNET, &ethernet(&segment(false, b"x"))[..40]),
        "TCP 10.0.0.1 > 10.0.0.2 [IPv4 at byte 14: length field says 41 bytes, there are 26]"
    );
}

/// An ICMP message, version 4 or 6, around a quote.
fn icmp(v6: bool, kind: u8, code: u8, rest: [u8; 4], quote: &[u8]) -> Vec<u8> {
    let body = [&[kind, code, 0, 0][..], &rest, quote].concat();
    if v6 {
        ipv6(58, &body)
    } else {
        ipv4(1, [10, 0, 0, 2], [10, 0, 0, 1], &body)
    }
}

#[test]
fn an_error_says_what_it_quotes_and_the_quote_is_no_segment() {
    let quote = &segment(false, b"never a segment")[..28];
    let bytes = icmp(false, 11, 0, [0; 4], quote);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    let Body::Icmp(message) = packet.body else {
        panic!("{packet:?}");
    };
    let quoted = message.quoted.unwrap();
    assert_eq!((quoted.ports, quoted.protocol), (Some((1000, 80)), 6));
    assert_eq!(quoted.seq.map(|seq| seq.0), Some(5));
    assert_eq!(
        (quoted.datagram_len, quoted.ttl, quoted.offset),
        (55, 64, 28)
    );
    assert_eq!(
        packet.summary(),
        "ICMP 10.0.0.2 > 10.0.0.1: time to live exceeded in transit \
         (quotes TCP 10.0.0.1:1000 > 10.0.0.2:80 seq 5)"
    );
}

#[test]
fn unreachable_ports_and_packets_too_big_in_words() {
    let mut datagram = Vec::new();
    ip(false).udp(40_000, 9).write(&mut datagram, b"x").unwrap();
    assert_eq!(
        summary(LinkType::RAW, &icmp(false, 3, 3, [0; 4], &datagram)),
        "ICMP 10.0.0.2 > 10.0.0.1: port 9 unreachable (quotes UDP 10.0.0.1:40000 > 10.0.0.2:9)"
    );
    assert_eq!(
        summary(
            LinkType::RAW,
            &icmp(false, 3, 4, [0, 0, 5, 0x78], &datagram[..20])
        ),
        "ICMP 10.0.0.2 > 10.0.0.1: fragmentation needed, MTU 1400 (quotes UDP 10.0.0.1 > 10.0.0.2)"
    );
    let quote = segment(true, b"big");
    let line = summary(LinkType::RAW, &icmp(true, 2, 0, [0, 0, 5, 0], &quote));
    assert!(
        line.contains("packet too big, MTU 1280 (quotes TCP ["),
        "{line}"
    );
}

#[test]
fn echoes_have_identifier_sequence_number_and_checksum() {
    for v6 in [false, true] {
        let mut bytes = Vec::new();
        if v6 {
            let echo = ip(v6).icmpv6_echo_request(7, 9);
            echo.write(&mut bytes, b"odd").unwrap();
        } else {
            let echo = ip(v6).icmpv4_echo_request(7, 9);
            echo.write(&mut bytes, b"odd").unwrap();
        }
        for (flip, verdict) in [(0, Checksum::Good), (1, Checksum::Bad)] {
            *bytes.last_mut().unwrap() ^= flip;
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
            let Body::Icmp(message) = packet.body else {
                panic!("{packet:?}");
            };
            assert_eq!(message.detail, IcmpDetail::Echo { id: 7, seq: 9 });
            assert_eq!((message.name, message.checksum), ("echo request", verdict));
            let ttl = if v6 { "hop limit" } else { "ttl" };
            let end = format!("echo request, seq 9, {ttl} 64, 11 bytes, id 7");
            assert!(packet.summary().ends_with(&end), "{}", packet.summary());
        }
    }
}
