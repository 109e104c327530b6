//! Checksum verdicts.

use wirelab::decode::{Body, Checksum, Decoder};
use wirelab::frame::LinkType;
use wirelab::wire::checksum::Sum;

use super::{ethernet, frame, ip, ipv6, segment, tcp};

/// Payloads whose checksum runs over odd and even numbers of bytes.
const PAYLOADS: [&[u8]; 3] = [b"", b"odd", b"four"];

#[test]
fn built_segments_have_good_checksums_and_one_flipped_bit_makes_them_bad() {
    for payload in PAYLOADS {
        for v6 in [false, true] {
            let bytes = ethernet(&segment(v6, payload));
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
            let segment = tcp(&packet);
            assert_eq!(segment.checksum, Checksum::Good);
            assert_eq!((segment.src_port, segment.dst_port), (1000, 80));
            assert_eq!((segment.seq.0, segment.ack.0, segment.window), (5, 6, 100));
            assert_eq!(segment.payload, payload);
            assert!(packet.problems.is_empty());
            let transport = bytes.len() - 20 - payload.len();
            for bit in transport * 8..bytes.len() * 8 {
                let mut broken = bytes.clone();
                broken[bit / 8] ^= 0x80 >> (bit % 8);
                let mut decoder = Decoder::new();
                let packet = decoder.decode(&frame(LinkType::ETHERNET, &broken));
                match packet.body {
                    Body::Tcp(segment) => assert_eq!(segment.checksum, Checksum::Bad, "bit {bit}"),
                    // Only the data offset can make it unreadable.
                    _ => assert_eq!(bit / 8, transport + 12),
                }
            }
        }
    }
}

#[test]
fn a_field_that_holds_the_pseudo_header_only_is_offload() {
    for v6 in [false, true] {
        let mut bytes = ethernet(&segment(v6, b"payload"));
        let field = bytes.len() - 7 - 20 + 16;
        let len = 20 + 7;
        let (src, dst) = if v6 {
            ([3; 16].into(), [4; 16].into())
        } else {
            ([10, 0, 0, 1].into(), [10, 0, 0, 2].into())
        };
        // With the length as Linux leaves it, and without as cards that segment want it.
        for len in [len, 0] {
            let sum = Sum::pseudo_header(src, dst, 6, len).fold();
            bytes[field..field + 2].copy_from_slice(&sum.to_be_bytes());
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
            assert_eq!(tcp(&packet).checksum, Checksum::Partial);
        }
    }
}

#[test]
fn a_segment_too_long_for_any_link_was_merged_by_the_card() {
    for (len, verdict) in [(1_460, Checksum::Bad), (30_000, Checksum::Partial)] {
        let mut bytes = ethernet(&segment(false, &vec![7; len]));
        bytes[60] ^= 1;
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        assert_eq!(tcp(&packet).checksum, verdict);
    }
}

#[test]
fn what_was_not_captured_whole_is_unverified() {
    for v6 in [false, true] {
        let bytes = ethernet(&segment(v6, b"payload"));
        let mut cut = frame(LinkType::ETHERNET, &bytes);
        cut.bytes = &bytes[..bytes.len() - 1];
        let mut decoder = Decoder::new();
        assert_eq!(tcp(&decoder.decode(&cut)).checksum, Checksum::Unverified);
    }
}

#[test]
fn ipv4_header_checksums_are_told_apart() {
    let verdict = |change: fn(&mut Vec<u8>)| {
        let mut bytes = ethernet(&segment(false, b""));
        change(&mut bytes);
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        packet.ip.unwrap().checksum
    };
    assert_eq!(verdict(|_| ()), Checksum::Good);
    assert_eq!(verdict(|bytes| bytes[22] ^= 1), Checksum::Bad);
    assert_eq!(verdict(|bytes| bytes[24..26].fill(0)), Checksum::Partial);
}

#[test]
fn udp_may_go_without_a_checksum_over_ipv4_only() {
    for v6 in [false, true] {
        let mut bytes = Vec::new();
        ip(v6).udp(53, 4000).write(&mut bytes, b"abc").unwrap();
        let field = bytes.len() - 3 - 2;
        let verdict = |bytes: &[u8]| {
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&frame(LinkType::RAW, bytes));
            match packet.body {
                Body::Udp(udp) => (udp.checksum, packet.problems.len()),
                _ => panic!("{packet:?}"),
            }
        };
        assert_eq!(verdict(&bytes), (Checksum::Good, 0));
        bytes[field] ^= 0x40;
        assert_eq!(verdict(&bytes), (Checksum::Bad, 0));
        bytes[field..field + 2].fill(0);
        assert_eq!(verdict(&bytes), (Checksum::Absent, usize::from(v6)));
    }
}

#[test]
fn the_final_destination_is_the_one_in_the_sum() {
    // The segment was summed for one address; the packet is on its way to a router, and the routing header
    // says where it will end up.
    let whole = segment(true, b"data");
    let tcp_bytes = &whole[40..];
    let last = [4; 16];
    let on_the_way = [9; 16];
    let type_0 = [&[6, 4, 0, 1, 0, 0, 0, 0][..], &on_the_way, &last].concat();
    let segment_routing = [&[6, 4, 4, 1, 1, 0, 0, 0][..], &last, &on_the_way].concat();
    // RPL: all but the last 4 bytes are those of the destination.
    let rpl = [6, 1, 3, 1, 0xcc, 0x40, 0, 0, 4, 4, 4, 4, 0, 0, 0, 0];
    for (header, router) in [
        (&type_0[..], [7; 16]),
        (&segment_routing, [7; 16]),
        (&rpl, [4; 16]),
    ] {
        let mut bytes = ipv6(43, &[header, tcp_bytes].concat());
        bytes[24..40].copy_from_slice(&router);
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
        assert_eq!(tcp(&packet).checksum, Checksum::Good, "{header:?}");
        assert_eq!(packet.ip.unwrap().dst, std::net::IpAddr::from(last));
    }
}

#[test]
fn a_mobile_nodes_home_address_is_the_one_in_the_sum() {
    let whole = segment(true, b"data");
    let option = [&[6, 2, 1, 2, 0, 0, 0xc9, 16][..], &[3; 16]].concat();
    let mut bytes = ipv6(60, &[&option, &whole[40..]].concat());
    bytes[8..24].copy_from_slice(&[0xbb; 16]);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    assert_eq!(tcp(&packet).checksum, Checksum::Good);
    assert_eq!(packet.ip.unwrap().src, std::net::IpAddr::from([3; 16]));
}
