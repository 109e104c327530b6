//! Fragments through the decoder: the segment appears with the frame that completes it.

use wirelab::decode::{Body, Checksum, Decoder, LayerKind, Packet};
use wirelab::frame::{Frame, LinkType, Timestamp};

use super::{ethernet, frame, ipv4, ipv6, segment, tcp};

/// Every order of three things.
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];
const PAYLOAD: &[u8] = b"in three pieces";

/// The packet's payload in three fragments of 8, 16 and the rest.
fn fragments(v6: bool, packet: &[u8], id: u8) -> [Vec<u8>; 3] {
    let header = if v6 { 40 } else { 20 };
    let protocol = packet[if v6 { 6 } else { 9 }];
    let body = &packet[header..];
    [(0, 8), (8, 24), (24, body.len())].map(|(from, to)| {
        let more = u8::from(to < body.len());
        let piece = &body[from..to];
        if v6 {
            let fragment = [protocol, 0, 0, from as u8 | more, 0, 0, 0, id];
            ipv6(44, &[&fragment, piece].concat())
        } else {
            let mut bytes = ipv4(protocol, [10, 0, 0, 1], [10, 0, 0, 2], piece);
            bytes[5] = id;
            bytes[6] = more << 5;
            bytes[7] = from as u8 / 8;
            bytes
        }
    })
}

fn check(packet: &Packet<'_>, v6: bool) {
    let segment = tcp(packet);
    assert_eq!((segment.src_port, segment.dst_port), (1000, 80));
    assert_eq!(segment.payload, PAYLOAD);
    assert_eq!(segment.checksum, Checksum::Good);
    let whole = packet.reassembled.unwrap();
    assert_eq!(
        (whole.fragments, whole.bytes.len()),
        (3, 20 + PAYLOAD.len())
    );
    let layer = packet.layers[usize::from(whole.first_layer)];
    assert_eq!(
        (layer.kind, layer.offset, layer.len),
        (LayerKind::Tcp, 0, 20)
    );
    assert_eq!(packet.ip.unwrap().src.is_ipv6(), v6);
    assert_eq!(packet.ip.unwrap().protocol, 6);
}

#[test]
fn in_any_order_the_last_to_come_gives_the_segment() {
    for v6 in [false, true] {
        let pieces = fragments(v6, &segment(v6, PAYLOAD), 7).map(|piece| ethernet(&piece));
        for order in ORDERS {
            let mut decoder = Decoder::new();
            for (i, piece) in order.into_iter().enumerate() {
                let packet = decoder.decode(&frame(LinkType::ETHERNET, &pieces[piece]));
                assert!(packet.problems.is_empty());
                if i < 2 {
                    let Body::Fragment(fragment) = packet.body else {
                        panic!("{packet:?}");
                    };
                    assert_eq!((fragment.id, fragment.protocol), (7, 6));
                    assert_eq!(fragment.more, piece < 2);
                } else {
                    check(&packet, v6);
                }
            }
        }
    }
}

#[test]
fn fragments_of_two_datagrams_do_not_mix() {
    for v6 in [false, true] {
        let packet = segment(v6, PAYLOAD);
        let (one, other) = (fragments(v6, &packet, 1), fragments(v6, &packet, 2));
        let mut decoder = Decoder::new();
        for piece in [&one[0], &other[1], &one[2], &other[0]] {
            let packet = decoder.decode(&frame(LinkType::RAW, piece));
            assert!(matches!(packet.body, Body::Fragment(_)));
        }
        check(&decoder.decode(&frame(LinkType::RAW, &one[1])), v6);
        check(&decoder.decode(&frame(LinkType::RAW, &other[2])), v6);
    }
}

#[test]
fn a_tunnel_and_what_is_in_it_may_both_come_in_fragments() {
    let inner = fragments(true, &segment(true, PAYLOAD), 3);
    let mut decoder = Decoder::new();
    let mut complete = 0;
    for (i, piece) in inner.iter().enumerate() {
        let outer = ipv4(41, [192, 0, 2, 1], [192, 0, 2, 2], piece);
        for piece in fragments(false, &outer, i as u8) {
            let packet = decoder.decode(&frame(LinkType::RAW, &piece));
            if let Body::Tcp(segment) = packet.body {
                assert_eq!(segment.payload, PAYLOAD);
                assert_ne!(packet.tunnel, 0);
                complete += 1;
            }
        }
    }
    assert_eq!(complete, 1);
}

#[test]
fn the_same_piece_twice_changes_nothing_and_a_late_one_meets_nobody() {
    let pieces = fragments(false, &segment(false, PAYLOAD), 7);
    let at = |seconds: u64, bytes| Frame {
        time: Timestamp::from_nanos(seconds * 1_000_000_000),
        ..frame(LinkType::RAW, bytes)
    };
    let mut decoder = Decoder::new();
    for piece in [0, 0, 1, 1] {
        let packet = decoder.decode(&at(0, &pieces[piece]));
        assert!(matches!(packet.body, Body::Fragment(_)) && packet.problems.is_empty());
    }
    check(&decoder.decode(&at(1, &pieces[2])), false);
    decoder.decode(&at(10, &pieces[0]));
    decoder.decode(&at(10, &pieces[1]));
    let late = decoder.decode(&at(50, &pieces[2]));
    assert!(matches!(late.body, Body::Fragment(_)));
}
