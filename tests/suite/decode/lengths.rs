//! Lengths: what is payload, what is padding, what was cut, and what lies.

use wirelab::decode::{Body, Checksum, Decoder, Fault, LayerKind, Problem};
use wirelab::frame::LinkType;

use super::{ethernet, frame, ipv6, segment, tcp};

#[test]
fn what_pads_a_short_frame_is_no_payload() {
    for v6 in [false, true] {
        let bytes = [ethernet(&segment(v6, b"")), vec![0x55; 6]].concat();
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        let segment = tcp(&packet);
        assert_eq!((segment.payload, segment.payload_len), (&b""[..], 0));
        assert_eq!(segment.checksum, Checksum::Good);
        assert!(packet.problems.is_empty());
    }
}

#[test]
fn a_cut_anywhere_keeps_the_length_on_the_wire() {
    for v6 in [false, true] {
        let bytes = ethernet(&segment(v6, b"twelve bytes"));
        let header_end = bytes.len() - 12;
        for captured in 0..bytes.len() {
            let mut cut = frame(LinkType::ETHERNET, &bytes);
            cut.bytes = &bytes[..captured];
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&cut);
            if captured < header_end {
                assert!(!matches!(packet.body, Body::Tcp(_)));
                assert!(matches!(
                    packet.problems[..],
                    [Problem {
                        fault: Fault::Cut { .. },
                        ..
                    }]
                ));
                continue;
            }
            let segment = tcp(&packet);
            assert_eq!(segment.payload_len, 12);
            assert_eq!(segment.payload.len(), captured - header_end);
        }
    }
}

#[test]
fn options_cut_by_the_capture_leave_what_is_there() {
    let mut bytes = Vec::new();
    let tcp_header = super::ip(false).tcp(1000, 80, 5, 100).syn();
    let options = [2, 4, 5, 0xb4, 1, 3, 3, 7];
    tcp_header
        .options_raw(&options)
        .unwrap()
        .write(&mut bytes, b"")
        .unwrap();
    let mut cut = frame(LinkType::RAW, &bytes);
    cut.bytes = &bytes[..bytes.len() - 4];
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&cut);
    assert_eq!(tcp(&packet).options, &options[..4]);
    assert_eq!(tcp(&packet).payload_len, 0);
    let problem = packet.problems[0];
    assert_eq!((problem.layer, problem.offset), (LayerKind::Tcp, 20));
    let (required, actual) = (28, 24);
    assert_eq!(problem.fault, Fault::Cut { required, actual });
}

#[test]
fn a_length_left_to_offload_is_the_frames_own() {
    for v6 in [false, true] {
        let mut bytes = ethernet(&segment(v6, b"left to the card"));
        let field = if v6 { 18 } else { 16 };
        bytes[field..field + 2].fill(0);
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        assert_eq!(tcp(&packet).payload, b"left to the card");
        assert_eq!(tcp(&packet).checksum, Checksum::Good);
        assert!(packet.problems.is_empty());
    }
}

#[test]
fn a_jumbo_payload_option_holds_the_length() {
    let whole = segment(true, b"jumbo");
    let jumbo = |len: u32| {
        let option = [&[6, 0, 0xc2, 4][..], &len.to_be_bytes()].concat();
        let mut bytes = ipv6(0, &[&option, &whole[40..], b"trailing"].concat());
        bytes[4..6].fill(0);
        bytes
    };
    let bytes = jumbo(8 + 25);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    assert_eq!(tcp(&packet).payload, b"jumbo");
    assert_eq!(tcp(&packet).checksum, Checksum::Good);
    let bytes = jumbo(80_000);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    let (claimed, actual) = (80_000, 8 + 25 + 8);
    assert_eq!(
        packet.problems[0].fault,
        Fault::LengthBeyond { claimed, actual }
    );
}

#[test]
fn lengths_that_cannot_be_are_problems_with_their_clause() {
    let change = |at: usize, to: u8| {
        let mut bytes = ethernet(&segment(false, b"0123456789"));
        bytes[at] = to;
        bytes
    };
    let fault = |bytes: &[u8]| {
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame(LinkType::ETHERNET, bytes));
        let problem = packet.problems[0];
        let read = matches!(packet.body, Body::Tcp(_));
        (
            problem.layer,
            problem.offset,
            problem.fault,
            problem.rfc().unwrap(),
            read,
        )
    };
    let (required, actual) = (20, 16);
    assert_eq!(
        fault(&change(14, 0x44)),
        (
            LayerKind::Ipv4,
            14,
            Fault::HeaderLength { required, actual },
            "RFC 791 3.1",
            false
        )
    );
    assert_eq!(
        fault(&change(34 + 12, 0x40)),
        (
            LayerKind::Tcp,
            34,
            Fault::HeaderLength { required, actual },
            "RFC 9293 3.1",
            false
        )
    );
    let (claimed, actual) = (60, 30);
    assert_eq!(
        fault(&change(34 + 12, 0xf0)),
        (
            LayerKind::Tcp,
            34,
            Fault::LengthBeyond { claimed, actual },
            "RFC 9293 3.1",
            false
        )
    );
    let (claimed, header) = (19, 20);
    assert_eq!(
        fault(&change(17, 19)),
        (
            LayerKind::Ipv4,
            14,
            Fault::LengthBelowHeader { claimed, header },
            "RFC 791 3.1",
            false
        )
    );
    // More than there is: what is there is taken, as tshark does.
    let (claimed, actual) = (200, 50);
    assert_eq!(
        fault(&change(17, 200)),
        (
            LayerKind::Ipv4,
            14,
            Fault::LengthBeyond { claimed, actual },
            "RFC 791 3.1",
            true
        )
    );
    let (required, actual) = (4, 6);
    assert_eq!(
        fault(&change(14, 0x65)),
        (
            LayerKind::Ipv4,
            14,
            Fault::Version { required, actual },
            "RFC 791 3.1",
            false
        )
    );
}

#[test]
fn a_hundred_extension_headers_are_walked() {
    // Destination options, and fragment headers that stand for the whole datagram.
    let whole = segment(true, b"deep");
    let mut bytes = whole[40..].to_vec();
    let mut next = 6;
    for i in 0..100 {
        if i % 2 == 0 {
            bytes.splice(0..0, [next, 0, 1, 4, 0, 0, 0, 0]);
            next = 60;
        } else {
            bytes.splice(0..0, [next, 0, 0, 0, 0, 0, 0, 9]);
            next = 44;
        }
    }
    let bytes = ipv6(next, &bytes);
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    assert_eq!(tcp(&packet).payload, b"deep");
    assert_eq!(tcp(&packet).checksum, Checksum::Good);
    assert_eq!(packet.layers.len() as u32 + packet.more_layers, 1 + 100 + 1);
    assert!(packet.problems.is_empty());
}

#[test]
fn a_hop_by_hop_header_may_only_come_first() {
    let whole = segment(true, b"");
    let padding = [1, 4, 0, 0, 0, 0];
    let options = |next: u8| [&[next, 0][..], &padding].concat();
    let bytes = ipv6(60, &[options(0), options(6), whole[40..].to_vec()].concat());
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame(LinkType::RAW, &bytes));
    tcp(&packet);
    let problem = packet.problems[0];
    assert_eq!(problem.fault, Fault::Misplaced { header: 0 });
    assert_eq!((problem.offset, problem.rfc()), (48, Some("RFC 8200 4.1")));
}

#[test]
fn every_address_family_of_bsd_loopback_is_known() {
    for (v6, families) in [(false, &[2_u32][..]), (true, &[10, 24, 28, 30])] {
        for family in families {
            for family in [family.to_be_bytes(), family.to_le_bytes()] {
                let bytes = [&family[..], &segment(v6, b"lo")].concat();
                for link_type in [LinkType::NULL, LinkType::LOOP] {
                    let mut decoder = Decoder::new();
                    let packet = decoder.decode(&frame(link_type, &bytes));
                    assert_eq!(tcp(&packet).payload, b"lo");
                }
            }
        }
    }
}
