//! Properties of decoding any bytes at all: no panic, nothing outside the frame, and the short way
//! and the long way give the same packet.

use proptest::prelude::*;

use super::samples::SAMPLES;
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
        let plain = Plain::read(&frame);
        let fast = plain.is_some();
        if let Some(plain) = plain {
            plain.fill(&mut packet);
        }
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
