//! Tunnels: the innermost TCP header counts, and the tunnel tells equal connections apart.

use wirelab::decode::{Body, Decoder};
use wirelab::frame::LinkType;

use super::{ethernet, frame, ipv4, segment, tcp};

const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [192, 0, 2, 2];

fn udp(port: u16, body: &[u8]) -> Vec<u8> {
    let len = (8 + body.len() as u16).to_be_bytes();
    [&[0xc0, 0x00][..], &port.to_be_bytes(), &len, &[0, 0], body].concat()
}

/// One way of wrapping: protocol number and body of the outer packet.
type Wrap = fn(&[u8], u8) -> (u8, Vec<u8>);

/// All the tunnels; the number tells two of a kind apart, for those with a key.
const WRAPS: [(&str, Wrap, bool); 8] = [
    ("IP in IP", |inner, _| (4, inner.to_vec()), false),
    (
        "GRE",
        |inner, _| (47, [&[0, 0, 8, 0], inner].concat()),
        false,
    ),
    (
        "GRE with key",
        |inner, key| (47, [&[0x20, 0, 8, 0, 0, 0, 0, key], inner].concat()),
        true,
    ),
    (
        "GRE with Ethernet",
        |inner, key| {
            let gre = [0x20, 0, 0x65, 0x58, 0, 0, 0, key];
            (47, [&gre[..], &ethernet(inner)].concat())
        },
        true,
    ),
    (
        "VXLAN",
        |inner, key| {
            (
                17,
                udp(
                    4789,
                    &[&[8, 0, 0, 0, 0, 0, key, 0][..], &ethernet(inner)].concat(),
                ),
            )
        },
        true,
    ),
    (
        "VXLAN on Linux's first port",
        |inner, key| {
            (
                17,
                udp(
                    8472,
                    &[&[8, 0, 0, 0, 0, 0, key, 0][..], &ethernet(inner)].concat(),
                ),
            )
        },
        true,
    ),
    (
        "Geneve with an option",
        |inner, key| {
            let geneve = [1, 0, 0x65, 0x58, 0, 0, key, 0, 1, 2, 3, 0];
            (17, udp(6081, &[&geneve[..], &ethernet(inner)].concat()))
        },
        true,
    ),
    (
        "EtherIP",
        |inner, _| (97, [&[0x30, 0], &ethernet(inner)[..]].concat()),
        false,
    ),
];

fn tunnel_number(packet: &[u8]) -> u32 {
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, packet));
    let segment = tcp(&packet);
    assert_eq!(segment.payload, b"inside");
    assert_eq!(
        packet.ip.unwrap().src,
        std::net::IpAddr::from([10, 0, 0, 1])
    );
    packet.tunnel
}

#[test]
fn both_directions_share_a_number_and_two_tunnels_do_not() {
    let inner = segment(false, b"inside");
    assert_eq!(tunnel_number(&inner), 0);
    let mut numbers = std::collections::HashMap::new();
    for (name, wrap, keyed) in WRAPS {
        let (protocol, body) = wrap(&inner, 1);
        let there = tunnel_number(&ipv4(protocol, HERE, THERE, &body));
        let back = tunnel_number(&ipv4(protocol, THERE, HERE, &body));
        assert_ne!(there, 0, "{name}");
        assert_eq!(there, back, "{name}");
        if keyed {
            let (protocol, body) = wrap(&inner, 2);
            assert_ne!(
                there,
                tunnel_number(&ipv4(protocol, HERE, THERE, &body)),
                "{name}"
            );
        } else {
            let elsewhere = ipv4(protocol, HERE, [192, 0, 2, 3], &body);
            assert_ne!(there, tunnel_number(&elsewhere), "{name}");
        }
        // Both VXLAN ports lead into the same network, both GRE keys into the same tunnel.
        numbers.entry(there).or_insert_with(Vec::new).push(name);
    }
    assert_eq!(numbers.len(), WRAPS.len() - 2, "{numbers:?}");
}

#[test]
fn a_tunnel_in_a_tunnel_is_another_one() {
    let inner = segment(false, b"inside");
    let once = ipv4(4, HERE, THERE, &inner);
    let twice = ipv4(4, HERE, THERE, &once);
    let numbers = [&inner, &once, &twice].map(|packet| tunnel_number(packet));
    assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[2] != 0);
}

#[test]
fn a_port_number_alone_makes_no_tunnel() {
    for port in [4789, 8472, 6081] {
        let bytes = ipv4(17, HERE, THERE, &udp(port, &[0xff; 40]));
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
        assert!(matches!(packet.body, Body::Udp(udp) if udp.payload_len == 40));
        assert_eq!(packet.tunnel, 0);
    }
}

#[test]
fn authenticated_and_compressed_payloads_are_read_encrypted_ones_are_not() {
    let whole = segment(false, b"inside");
    let body = &whole[20..];
    let ends = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let ah = [&[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[7; 12], body].concat();
    let packet = ipv4(51, ends.0, ends.1, &ah);
    assert_eq!(tunnel_number(&packet), 0);
    let mut deflated =
        flate2::write::DeflateEncoder::new(vec![6, 0, 0, 2], flate2::Compression::default());
    std::io::Write::write_all(&mut deflated, body).unwrap();
    let packet = ipv4(108, ends.0, ends.1, &deflated.finish().unwrap());
    assert_eq!(tunnel_number(&packet), 0);
    let esp = [&[0, 0, 0, 9, 0, 0, 0, 3][..], body].concat();
    let packet = ipv4(50, ends.0, ends.1, &esp);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &packet));
    assert!(matches!(packet.body, Body::Esp(esp) if (esp.spi, esp.seq) == (9, 3)));
}
