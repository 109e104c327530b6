//! Properties of decoding any bytes at all: no panic, nothing outside the frame, and the short way
//! and the long way give the same packet.

use std::sync::LazyLock;

use etherparse::PacketBuilder;
use proptest::prelude::*;

use super::*;
use crate::frame::{LinkType, Timestamp};

fn frame(link_type: u16, original_len: u32, bytes: &[u8]) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::from_nanos(1),
        link_type: LinkType(link_type),
        interface: 0,
        original_len,
        bytes,
        comment: None,
    }
}

/// Frames of every shape the readers know, to be broken from there.
static SAMPLES: LazyLock<Vec<(u16, Vec<u8>)>> = LazyLock::new(samples);

fn samples() -> Vec<(u16, Vec<u8>)> {
    let timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let v4 = || PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
    let v6 = || PacketBuilder::ipv6([3; 16], [4; 16], 64);
    let version = |six| if six { v6() } else { v4() };
    let mut ip = Vec::new();
    for payload in [&b""[..], b"odd", b"something longer"] {
        for six in [false, true] {
            let mut bytes = Vec::new();
            let tcp = version(six).tcp(1000, 80, 5, 100).ack(6);
            let tcp = tcp.options_raw(&timestamps).unwrap();
            tcp.write(&mut bytes, payload).unwrap();
            ip.push(bytes);
        }
        for (six, port) in [(false, 53), (true, 53), (false, 4789), (false, 6081)] {
            let mut bytes = Vec::new();
            version(six)
                .udp(9, port)
                .write(&mut bytes, payload)
                .unwrap();
            ip.push(bytes);
        }
    }
    let mut bytes = Vec::new();
    v4().icmpv4_echo_request(1, 2)
        .write(&mut bytes, b"data")
        .unwrap();
    ip.push(bytes);
    let mut bytes = Vec::new();
    v6().icmpv6_echo_request(1, 2)
        .write(&mut bytes, b"data")
        .unwrap();
    ip.push(bytes);
    // Every packet again inside IP, GRE, ESP, AH, IPComp, and as an ICMP error's quote.
    for inner in ip.clone() {
        let version = if inner[0] >> 4 == 4 { 4 } else { 41 };
        let ethertype = if version == 4 { [8, 0] } else { [0x86, 0xdd] };
        for (protocol, prefix) in [
            (version, vec![]),
            (
                47,
                [vec![0x20, 0], ethertype.to_vec(), vec![0, 0, 0, 7]].concat(),
            ),
            (50, vec![0; 8]),
            (51, vec![version, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
            (108, vec![version, 0, 0, 2]),
            (1, vec![3, 3, 0, 0, 0, 0, 0, 0]),
            (44, vec![0, 0, 0, 0]),
        ] {
            let body = [prefix, inner.clone()].concat();
            let mut bytes = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
            bytes.extend([192, 0, 2, 1, 192, 0, 2, 2]);
            bytes.extend(&body);
            let len = (bytes.len() as u16).to_be_bytes();
            bytes[2..4].copy_from_slice(&len);
            ip.push(bytes);
            let mut bytes = vec![0x60, 0, 0, 0, 0, 0, protocol, 64];
            bytes.extend([0x20; 32]);
            bytes[4..6].copy_from_slice(&(body.len() as u16).to_be_bytes());
            bytes.extend(&body);
            ip.push(bytes);
        }
    }
    let mut samples = Vec::new();
    for packet in ip {
        let v4 = packet[0] >> 4 == 4;
        let ethertype = if v4 { [8, 0] } else { [0x86, 0xdd] };
        let ppp = if v4 { 0x21 } else { 0x57 };
        let with = |prefix: &[u8]| [prefix, &packet].concat();
        let typed = |len: usize, at: usize| {
            let mut prefix = vec![0; len];
            prefix[at..at + 2].copy_from_slice(&ethertype);
            with(&prefix)
        };
        samples.push((1, typed(14, 12)));
        samples.push((101, packet.clone()));
        samples.push((if v4 { 228 } else { 229 }, packet.clone()));
        samples.push((113, typed(16, 14)));
        samples.push((276, typed(20, 0)));
        samples.push((0, with(&[if v4 { 2 } else { 30 }, 0, 0, 0])));
        samples.push((108, with(&[0, 0, 0, if v4 { 2 } else { 24 }])));
        samples.push((9, with(&[0xff, 3, 0, ppp])));
        samples.push((51, with(&[0x11, 0, 0, 1, 2, 0, ppp])));
        samples.push((7, with(&[1, 2, if v4 { 212 } else { 196 }, 0, 0, 1])));
        samples.push((
            129,
            with(&[1, 2, 0, 0, if v4 { 212 } else { 196 }, 0, 0, 1]),
        ));
        let mut tagged = vec![0; 12];
        tagged.extend([0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]);
        tagged.extend(ethertype);
        samples.push((1, with(&tagged)));
        let mut labelled = vec![0; 12];
        labelled.extend([0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]);
        samples.push((1, with(&labelled)));
        let mut snap = vec![0; 12];
        snap.extend([1, 0xff, 0xaa, 0xaa, 3, 0, 0, 0]);
        snap.extend(ethertype);
        samples.push((1, with(&snap)));
    }
    let mut arp = vec![0xff; 12];
    arp.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([2; 20]);
    samples.push((1, arp));
    samples
}

/// A sample with some bytes changed and its end cut off or extended, and what it says its length was.
fn broken_sample() -> impl Strategy<Value = (u16, u32, Vec<u8>)> {
    (
        any::<prop::sample::Selector>(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        prop_oneof![3 => Just(usize::MAX), 2 => 0..120_usize],
        prop_oneof![Just(0), 0..40_u32, any::<u32>()],
    )
        .prop_map(|(selector, changes, cut, beyond)| {
            let (link_type, mut bytes) = selector.select(SAMPLES.iter()).clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let original_len = (bytes.len() as u32).saturating_add(beyond);
            bytes.truncate(cut);
            (link_type, original_len, bytes)
        })
}

/// What must hold of any packet.
fn check_bounds(frame: &Frame<'_>, packet: &Packet<'_>) {
    let first_elsewhere = packet
        .reassembled
        .map_or(usize::MAX, |whole| usize::from(whole.first_layer));
    for (i, layer) in packet.layers.iter().enumerate() {
        let bytes = match packet.reassembled {
            Some(whole) if i >= first_elsewhere => whole.bytes,
            _ => frame.bytes,
        };
        let end = layer.offset as usize + layer.len as usize;
        assert!(end <= bytes.len(), "{layer:?} in {} bytes", bytes.len());
    }
    if let Body::Tcp(tcp) = &packet.body {
        assert!(packet.ip.is_some());
        assert!(tcp.payload.len() as u64 <= u64::from(tcp.payload_len));
        assert!(tcp.options.len() <= 40);
    }
    let summary = packet.summary();
    assert!(!summary.is_empty() && !summary.contains(char::is_control));
    for problem in &packet.problems {
        assert!(problem.offset as usize <= frame.bytes.len().max(65_535));
        assert!(!problem.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_of_any_link_type_decode(
        link_type in prop_oneof![
            prop::sample::select(vec![0_u16, 1, 7, 9, 12, 14, 50, 51, 101, 108, 113, 129, 166, 204, 228, 229, 276]),
            any::<u16>(),
        ],
        beyond: u32,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut decoder = Decoder::new();
        let frame = frame(link_type, (bytes.len() as u32).saturating_add(beyond), &bytes);
        check_bounds(&frame, &decoder.decode(&frame));
    }

    #[test]
    fn broken_packets_decode_and_the_short_way_agrees_with_the_long(sample in broken_sample()) {
        let (link_type, original_len, bytes) = sample;
        let frame = frame(link_type, original_len, &bytes);
        let (mut one, mut other) = (Decoder::new(), Decoder::new());
        let packet = one.decode(&frame);
        check_bounds(&frame, &packet);
        let mut long = Packet::default();
        other.walk(&frame, &mut long);
        prop_assert_eq!(packet, long);
    }
}

#[test]
fn the_short_way_takes_what_it_is_for() {
    let mut taken = 0;
    for (link_type, bytes) in SAMPLES.iter() {
        let frame = frame(*link_type, bytes.len() as u32, bytes);
        let mut packet = Packet::default();
        let fast = fast::decode(&frame, &mut packet);
        taken += usize::from(fast);
        let mut long = Packet::default();
        let mut decoder = Decoder::new();
        decoder.walk(&frame, &mut long);
        if fast {
            assert_eq!(packet, long);
        }
        assert!(
            !matches!(long.body, Body::NotIp { ethertype: 0 }),
            "{link_type}: {long:?}"
        );
    }
    // Ethernet and both cooked captures, IPv4 and IPv6, three payloads.
    assert_eq!(taken, 3 * 2 * 3);
}

#[test]
fn every_sample_cut_anywhere_decodes() {
    let mut decoder = Decoder::new();
    for (link_type, bytes) in SAMPLES.iter() {
        for len in 0..bytes.len() {
            let frame = frame(*link_type, bytes.len() as u32, &bytes[..len]);
            check_bounds(&frame, &decoder.decode(&frame));
        }
    }
}
