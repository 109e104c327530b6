//! Fragments in any order, twice, overlapping, lying, too many, too late.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn key(id: u32) -> Key {
    Key {
        src: Ipv4Addr::new(10, 0, 0, 1).into(),
        dst: Ipv4Addr::new(10, 0, 0, 2).into(),
        id,
        protocol: 6,
        tunnel: 0,
    }
}

fn key_v6() -> Key {
    Key {
        src: Ipv6Addr::LOCALHOST.into(),
        dst: Ipv6Addr::LOCALHOST.into(),
        protocol: 0,
        ..key(1)
    }
}

fn piece(offset: u32, more: bool, bytes: &[u8]) -> Piece<'_> {
    Piece {
        offset,
        more,
        len: bytes.len() as u32,
        bytes,
        protocol: 6,
        header_len: 20,
    }
}

const NOW: Timestamp = Timestamp::from_nanos(1_000 * SECOND);

/// A datagram and where it is cut into pieces: multiples of 8 bytes, in some order.
fn pieces() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    (
        prop::collection::vec(any::<u8>(), 9..400),
        prop::collection::btree_set(1..50_usize, 1..8),
    )
        .prop_flat_map(|(bytes, cuts)| {
            let mut ends: Vec<usize> = cuts
                .into_iter()
                .map(|cut| cut * 8)
                .filter(|&cut| cut < bytes.len())
                .collect();
            ends.push(bytes.len());
            let starts = std::iter::once(0).chain(ends.clone());
            let ranges: Vec<_> = starts.zip(ends.clone()).collect();
            (Just(bytes), Just(ranges).prop_shuffle())
        })
}

proptest! {
    #[test]
    fn pieces_in_any_order_and_some_of_them_twice_give_the_datagram(
        (bytes, ranges) in pieces(),
        again in any::<prop::sample::Index>(),
    ) {
        let mut reassembly = Reassembly::default();
        let twice = again.index(ranges.len());
        for (i, &(start, end)) in ranges.iter().enumerate() {
            let piece = piece(start as u32, end < bytes.len(), &bytes[start..end]);
            let (datagram, fault) = reassembly.add(key(1), piece, NOW);
            prop_assert_eq!(fault, None);
            if i + 1 < ranges.len() {
                prop_assert!(datagram.is_none());
                if i == twice {
                    let (datagram, fault) = reassembly.add(key(1), piece, NOW);
                    prop_assert!(datagram.is_none() && fault.is_none());
                }
            } else {
                let datagram = datagram.expect("all pieces have come");
                prop_assert_eq!(datagram.fragments as usize, ranges.len());
                prop_assert_eq!(datagram.len as usize, bytes.len());
                prop_assert_eq!(&datagram.bytes, &bytes);
            }
        }
        prop_assert_eq!((reassembly.bytes, reassembly.partials.len()), (0, 0));
    }

    #[test]
    fn whatever_comes_memory_stays_bounded(
        pieces in prop::collection::vec((0..600_u32, 0..8_191_u32, any::<bool>(), 0..1_500_usize), 0..400),
    ) {
        let mut reassembly = Reassembly::default();
        let bytes = vec![7; 1_500];
        for (id, offset, more, len) in pieces {
            let piece = piece(offset * 8, more, &bytes[..len]);
            let _ = reassembly.add(key(id), piece, NOW);
            prop_assert!(reassembly.partials.len() <= MAX_DATAGRAMS);
            prop_assert!(reassembly.bytes <= MAX_BYTES);
            let held: usize = reassembly.partials.values().map(|p| p.bytes.capacity()).sum();
            prop_assert_eq!(reassembly.bytes, held);
        }
    }
}

#[test]
fn in_ipv4_what_came_first_stands_and_the_overlap_is_told() {
    let mut reassembly = Reassembly::default();
    reassembly.add(key(1), piece(8, true, b"BBBBBBBB"), NOW);
    let (datagram, fault) = reassembly.add(key(1), piece(0, true, b"aaaaaaaabbbbbbbb"), NOW);
    assert!(datagram.is_none());
    assert_eq!(fault, Some(Fault::FragmentOverlap { from: 8, to: 16 }));
    let (datagram, fault) = reassembly.add(key(1), piece(16, false, b"c"), NOW);
    assert_eq!(fault, None);
    assert_eq!(datagram.unwrap().bytes, b"aaaaaaaaBBBBBBBBc");
}

#[test]
fn in_ipv6_an_overlap_is_the_end_of_the_datagram() {
    let mut reassembly = Reassembly::default();
    reassembly.add(key_v6(), piece(8, true, b"BBBBBBBB"), NOW);
    let (_, fault) = reassembly.add(key_v6(), piece(0, true, b"aaaaaaaabbbbbbbb"), NOW);
    assert_eq!(fault, Some(Fault::FragmentOverlap { from: 8, to: 16 }));
    for late in [piece(0, true, b"aaaaaaaa"), piece(16, false, b"c")] {
        assert!(reassembly.add(key_v6(), late, NOW).0.is_none());
    }
}

#[test]
fn a_piece_inside_an_earlier_one_is_an_overlap() {
    // Teardrop: the second fragment ends before the first does.
    let mut reassembly = Reassembly::default();
    reassembly.add(key(1), piece(0, true, &[1; 32]), NOW);
    let (datagram, fault) = reassembly.add(key(1), piece(24, false, &[2; 4]), NOW);
    assert!(datagram.is_none());
    let beyond = Fault::FragmentEnd {
        claimed: 28,
        known: 32,
    };
    assert_eq!(fault, Some(beyond));
}

#[test]
fn pieces_that_cannot_be_are_refused() {
    let mut reassembly = Reassembly::default();
    let (_, fault) = reassembly.add(key(1), piece(65_520, false, &[0; 100]), NOW);
    let limit = 65_515;
    assert_eq!(fault, Some(Fault::FragmentBeyond { end: 65_620, limit }));
    let (_, fault) = reassembly.add(key(1), piece(0, true, &[0; 9]), NOW);
    assert_eq!(fault, Some(Fault::FragmentLength { len: 9 }));
    reassembly.add(key(2), piece(16, false, &[0; 4]), NOW);
    let (_, fault) = reassembly.add(key(2), piece(24, true, &[0; 8]), NOW);
    let known = 20;
    assert_eq!(fault, Some(Fault::FragmentEnd { claimed: 32, known }));
}

#[test]
fn a_cut_piece_gives_what_comes_before_the_cut_and_the_whole_length() {
    let mut reassembly = Reassembly::default();
    let cut = Piece {
        len: 16,
        ..piece(0, true, b"aaaaaaaaaa")
    };
    reassembly.add(key(1), cut, NOW);
    let (datagram, _) = reassembly.add(key(1), piece(16, false, b"bbbb"), NOW);
    let datagram = datagram.unwrap();
    assert_eq!(
        (datagram.bytes.as_slice(), datagram.len),
        (&b"aaaaaaaaaa"[..], 20)
    );
}

#[test]
fn pieces_too_far_apart_in_time_do_not_meet() {
    let mut reassembly = Reassembly::default();
    let at = |seconds: u64| Timestamp::from_nanos((1_000 + seconds) * SECOND);
    reassembly.add(key(1), piece(0, true, &[1; 8]), at(0));
    assert!(
        reassembly
            .add(key(1), piece(8, false, &[2; 8]), at(31))
            .0
            .is_none()
    );
    // The late one began anew, so its own beginning still completes it.
    assert!(
        reassembly
            .add(key(1), piece(0, true, &[1; 8]), at(32))
            .0
            .is_some()
    );
    reassembly.add(key_v6(), piece(0, true, &[1; 8]), at(0));
    assert!(
        reassembly
            .add(key_v6(), piece(8, false, &[2; 8]), at(59))
            .0
            .is_some()
    );
}
