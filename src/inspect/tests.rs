//! Any bytes make a sheet, and every byte of it is in one place.

use super::*;
use crate::decode::{Checksum, Decoder, LayerKind};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::recordings;
use proptest::prelude::*;

/// Panics unless each bit of the frame belongs to one field or one rest, quotes included. Where a
/// header was cut in the middle of a field, the field before it may leave the end of its byte over.
fn check(bytes: &[u8], link_type: LinkType, whole: bool) {
    let frame = Frame {
        number: 1,
        time: Timestamp::default(),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    };
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame);
    let sheet = Sheet::new(&frame, &packet);
    let mut bits = vec![0_u8; bytes.len() * 8];
    for header in sheet.headers.iter().filter(|h| h.origin == Origin::Frame) {
        for laid in &header.layout.fields {
            let first = header.offset as usize * 8 + laid.first_bit();
            for bit in &mut bits[first..first + usize::from(laid.field.bits)] {
                *bit += 1;
            }
            assert!(!sheet.value(header, laid).is_empty(), "{laid:?}");
        }
    }
    for rest in sheet.rests.iter().filter(|r| r.origin == Origin::Frame) {
        let first = rest.offset as usize * 8;
        for bit in &mut bits[first..first + rest.len as usize * 8] {
            *bit += 1;
        }
    }
    let wrong = (0..bits.len()).find(|&bit| {
        let cut_off = !whole && bits[bit] == 0 && bits[bit / 8 * 8] == 1;
        bits[bit] != 1 && !cut_off
    });
    assert_eq!(wrong, None, "{sheet:#?}");
}

fn frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for name in ["handshake", "pmtu", "arp", "ipv6-neighbours", "data"] {
        let (_, bytes) = recordings::capture(name).unwrap();
        let mut source = crate::io::file::from_bytes(bytes).unwrap();
        while let Some(frame) = source.next_frame().unwrap() {
            frames.push(frame.bytes.to_vec());
        }
    }
    frames
}

#[test]
fn every_byte_of_the_recordings_is_in_one_place() {
    let frames = frames();
    assert!(frames.len() > 50);
    for frame in frames {
        check(&frame, LinkType::ETHERNET, true);
    }
}

#[test]
fn what_is_no_icmp_has_no_icmp_extension() {
    // A UDP header that reads as an ICMP error with a length: type 3, 32 words.
    let mut bytes = vec![0x45, 0, 0x01, 0x34, 0, 0, 0, 0, 64, 17, 0, 0];
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([3, 0, 0x10, 0, 0x01, 0x20, 0, 0]);
    bytes.resize(20 + 288, 0x20);
    let frame = Frame {
        number: 1,
        time: Timestamp::default(),
        link_type: LinkType::IPV4,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes: &bytes,
        comment: None,
    };
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame);
    let sheet = Sheet::new(&frame, &packet);
    let has = |kind| sheet.headers.iter().any(|header| header.kind == kind);
    assert!(has(LayerKind::Udp));
    assert!(!has(LayerKind::IcmpExtension));
}

#[test]
fn so_is_every_byte_wherever_a_frame_is_cut() {
    let mut frames = frames();
    frames.sort();
    frames.dedup_by_key(|frame| frame.len());
    for frame in frames {
        for len in 0..frame.len().min(200) {
            check(&frame[..len], LinkType::ETHERNET, false);
        }
    }
}

/// Whatever is missing of the header may hold the words that make the sum right.
#[test]
fn the_checksum_of_a_header_that_is_not_whole_is_neither_good_nor_bad() {
    let repr = crate::wire::ipv4::Repr {
        src: [192, 0, 2, 1].into(),
        dst: [192, 0, 2, 2].into(),
        options: vec![1; 40],
        ..crate::wire::ipv4::Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit(&[0; 8], &mut bytes);
    let verdict = |bytes: &[u8], original_len: u32| {
        let frame = Frame {
            number: 1,
            time: Timestamp::default(),
            link_type: LinkType::IPV4,
            interface: 0,
            original_len,
            bytes,
            comment: None,
        };
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        let sheet = Sheet::new(&frame, &packet);
        let bad = sheet.troubles.iter().any(|it| it.text.contains("is bad"));
        assert!(!bad, "{:?}", sheet.troubles);
        let checked = sheet.checked.first().map(|it| it.verdict);
        let ip = packet.ip.map(|ip| ip.checksum);
        assert!(ip.is_none() || ip == checked, "{ip:?} {checked:?}");
        checked
    };
    let all = bytes.len() as u32;
    assert_eq!(verdict(&bytes, all), Some(Checksum::Good));
    for len in 20..60 {
        let part = &bytes[..len];
        let unverified = Some(Checksum::Unverified);
        assert_eq!(verdict(part, all), unverified, "{len} bytes captured");
        assert_eq!(verdict(part, len as u32), unverified, "{len} bytes sent");
    }
}

proptest! {
    #[test]
    fn so_is_every_byte_of_any_frame(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for link_type in [LinkType::ETHERNET, LinkType::RAW, LinkType::IPV4, LinkType::IPV6, LinkType::LINUX_SLL] {
            check(&bytes, link_type, false);
        }
    }

    #[test]
    fn so_is_every_byte_of_a_damaged_one(
        which: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        keep: prop::sample::Index,
        cut: bool,
    ) {
        let frames = frames();
        let mut bytes = which.get(&frames).clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len() + 1));
        }
        check(&bytes, LinkType::ETHERNET, false);
    }
}
