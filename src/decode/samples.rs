//! Frames of every shape the readers know, for tests to break from there.

use std::sync::LazyLock;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};

/// Link types and frames.
pub(super) static SAMPLES: LazyLock<Vec<(u16, Vec<u8>)>> = LazyLock::new(|| {
    let plain = plain();
    let wrapped = plain.iter().flat_map(|packet| wrapped(packet));
    let mut samples: Vec<_> = plain
        .iter()
        .cloned()
        .chain(wrapped)
        .flat_map(|packet| framed(&packet))
        .collect();
    let mut arp = vec![0xff; 12];
    arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([2; 20]);
    samples.push((1, arp));
    samples
});

fn ip(six: bool) -> PacketBuilderStep<IpHeaders> {
    if six {
        PacketBuilder::ipv6([3; 16], [4; 16], 64)
    } else {
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
    }
}

/// TCP, UDP and ICMP in both kinds of IP.
fn plain() -> Vec<Vec<u8>> {
    let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let mut packets = Vec::new();
    for payload in [&b""[..], b"odd", b"something longer"] {
        for six in [false, true] {
            let tcp = ip(six).tcp(1000, 80, 5, 100).ack(6);
            let mut bytes = Vec::new();
            tcp.options_raw(&timestamps)
                .unwrap()
                .write(&mut bytes, payload)
                .unwrap();
            packets.push(bytes);
        }
        for (six, port) in [(false, 53), (true, 53), (false, 4789), (false, 6081)] {
            let mut bytes = Vec::new();
            ip(six).udp(9, port).write(&mut bytes, payload).unwrap();
            packets.push(bytes);
        }
    }
    let mut bytes = Vec::new();
    let echo = ip(false).icmpv4_echo_request(1, 2);
    echo.write(&mut bytes, b"data").unwrap();
    packets.push(bytes);
    let mut bytes = Vec::new();
    let echo = ip(true).icmpv6_echo_request(1, 2);
    echo.write(&mut bytes, b"data").unwrap();
    packets.push(bytes);
    packets
}

/// The packet inside IP, GRE, ESP, AH, `IPComp`, an IPv6 fragment header, and as an ICMP error's
/// quote, each of them over IPv4 and IPv6.
fn wrapped(inner: &[u8]) -> Vec<Vec<u8>> {
    let (protocol, ethertype) = if inner[0] >> 4 == 4 {
        (4, [8, 0])
    } else {
        (41, [0x86, 0xdd])
    };
    let gre = [&[0x20, 0][..], &ethertype, &[0, 0, 0, 7]].concat();
    let mut packets = Vec::new();
    for (outer, prefix) in [
        (protocol, vec![]),
        (47, gre),
        (50, vec![0; 8]),
        (51, vec![protocol, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
        (108, vec![protocol, 0, 0, 2]),
        (1, vec![3, 3, 0, 0, 0, 0, 0, 0]),
        (44, vec![protocol, 0, 0, 0, 0, 0, 0, 1]),
    ] {
        let body = [&prefix, inner].concat();
        let mut four = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, outer, 0, 0];
        four.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        four.extend(&body);
        let len = four.len() as u16;
        four[2..4].copy_from_slice(&len.to_be_bytes());
        packets.push(four);
        let mut six = vec![0x60, 0, 0, 0, 0, 0, outer, 64];
        six[4..6].copy_from_slice(&(body.len() as u16).to_be_bytes());
        six.extend([0x20; 32]);
        six.extend(&body);
        packets.push(six);
    }
    packets
}

/// The packet behind the header of every link type.
fn framed(packet: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let v4 = packet[0] >> 4 == 4;
    let ethertype = if v4 { [8, 0] } else { [0x86, 0xdd] };
    let either = |four: u8, six: u8| if v4 { four } else { six };
    let with = |prefix: &[u8]| [prefix, packet].concat();
    let typed = |before: &[u8], after: usize| with(&[before, &ethertype, &vec![0; after]].concat());
    let addresses = [0; 12];
    let ethernet = |then: &[u8]| typed(&[&addresses, then].concat(), 0);
    vec![
        (1, ethernet(&[])),
        (1, ethernet(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6])),
        (1, ethernet(&[1, 0xff, 0xaa, 0xaa, 3, 0, 0, 0])),
        (
            1,
            with(&[&addresses[..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat()),
        ),
        (101, packet.to_vec()),
        (if v4 { 228 } else { 229 }, packet.to_vec()),
        (113, typed(&[0; 14], 0)),
        (276, typed(&[], 18)),
        (0, with(&[either(2, 30), 0, 0, 0])),
        (108, with(&[0, 0, 0, either(2, 24)])),
        (9, with(&[0xff, 3, 0, either(0x21, 0x57)])),
        (51, with(&[0x11, 0, 0, 1, 2, 0, 0, either(0x21, 0x57)])),
        (7, with(&[1, 2, either(212, 196), 0, 0, 1])),
        (129, with(&[1, 2, 0, 0, either(212, 196), 0, 0, 1])),
    ]
}
