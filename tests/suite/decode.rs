//! Frames built by etherparse, decoded by us: addresses, lengths, checksums.

use etherparse::PacketBuilder;
use wirelab::decode::{Body, Checksum, Decoder, Packet, Tcp};
use wirelab::frame::{Frame, LinkType, Timestamp};

/// A frame around `bytes`, captured whole.
fn frame(link_type: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::from_nanos(0),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    }
}

fn tcp<'a>(packet: &Packet<'a>) -> Tcp<'a> {
    match packet.body {
        Body::Tcp(tcp) => tcp,
        other => panic!("not TCP: {other:?}"),
    }
}

/// Payloads whose checksum runs over odd and even numbers of bytes.
const PAYLOADS: [&[u8]; 3] = [b"", b"odd", b"four"];

#[test]
fn built_segments_have_good_checksums_and_one_flipped_bit_makes_them_bad() {
    for payload in PAYLOADS {
        for v6 in [false, true] {
            let ethernet =
                PacketBuilder::ethernet2([1; 6], [2; 6]).single_vlan(7.try_into().unwrap());
            let ip = if v6 {
                ethernet.ipv6([3; 16], [4; 16], 64)
            } else {
                ethernet.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            };
            let mut bytes = Vec::new();
            ip.tcp(1000, 80, 5, 100)
                .ack(6)
                .write(&mut bytes, payload)
                .unwrap();
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
                if let Body::Tcp(segment) = packet.body {
                    assert_eq!(segment.checksum, Checksum::Bad, "bit {bit}");
                }
            }
        }
    }
}
