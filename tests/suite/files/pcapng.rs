//! pcapng: sections, interfaces, options, and blocks that lie about themselves.

use super::build::{
    Blocks,
    Order::{Big, Little},
};
use super::{Seen, read};

const LE: Blocks = Blocks(Little);
const FRAME: &[u8] = b"a frame of 27 bytes, or so.";
/// In microseconds, the unit when an interface names none.
const TICKS: u64 = 1_700_000_000_123_456;

fn seen() -> Seen {
    Seen {
        nanos: TICKS * 1000,
        link_type: 1,
        interface: 0,
        original_len: FRAME.len() as u32,
        bytes: FRAME.to_vec(),
        comment: None,
    }
}

/// A good frame, `between`, and another good frame.
fn around(between: &[u8]) -> Vec<u8> {
    [
        &LE.section(&[]),
        &LE.interface(1, 0, &[]),
        &LE.packet(0, TICKS, FRAME),
        between,
        &LE.packet(0, TICKS, FRAME),
    ]
    .concat()
}

/// Where `between` starts in that.
const BETWEEN: usize = 28 + 20 + 60;

/// Reads that; both frames must be there.
fn both_are_read(between: &[u8]) {
    let read = read(around(between));
    assert_eq!(read.frames, [seen(), seen()]);
    assert_eq!((read.error, read.truncated), (None, None));
}

/// Reads that; the first frame must be there, and then this error.
fn is_damaged(between: &[u8], error: &str) {
    let read = read(around(between));
    assert_eq!(read.frames, [seen()]);
    assert_eq!(
        read.error.unwrap(),
        format!("damaged: the block at byte {BETWEEN} {error}")
    );
}

#[test]
fn sections_of_either_order_and_several_interfaces_are_read() {
    let be = Blocks(Big);
    let file = [
        LE.section(&LE.option(1, b"first section")),
        LE.interface(1, 0, &LE.option(2, b"eth0")),
        LE.interface(101, 0, &LE.option(2, b"tun0")),
        LE.packet(1, TICKS, FRAME),
        be.section(&be.option(1, b"second section")),
        be.interface(113, 0, &be.option(2, b"any")),
        be.packet(0, TICKS, FRAME),
    ];
    let read = read(file.concat());
    let first = Seen {
        interface: 1,
        link_type: 101,
        ..seen()
    };
    let second = Seen {
        interface: 2,
        link_type: 113,
        ..seen()
    };
    assert_eq!(read.frames, [first, second]);
    assert_eq!(read.comments, [&b"first section"[..], b"second section"]);
    let names = [("eth0", 1), ("tun0", 101), ("any", 113)];
    assert_eq!(
        read.interfaces,
        names.map(|(name, link)| (Some(name.to_owned()), link))
    );
}

#[test]
fn each_interface_has_its_own_clock() {
    for order in [Little, Big] {
        let blocks = Blocks(order);
        let hour = match order {
            Little => 3600_i64.to_le_bytes(),
            Big => 3600_i64.to_be_bytes(),
        };
        let with_offset = [blocks.option(9, &[0x8a]), blocks.option(14, &hour)].concat();
        let file = [
            blocks.section(&[]),
            blocks.interface(1, 0, &blocks.option(9, &[9])),
            blocks.interface(1, 0, &with_offset),
            blocks.packet(0, TICKS * 1000 + 7, FRAME),
            blocks.packet(1, (1_700_000_000 << 10) + 512, FRAME),
        ];
        let times: Vec<_> = read(file.concat()).frames.iter().map(|f| f.nanos).collect();
        assert_eq!(times, [TICKS * 1000 + 7, 1_700_003_600_500_000_000]);
    }
}

#[test]
fn every_kind_of_packet_block_is_read() {
    let length = FRAME.len() as u32;
    let simple = LE.block(3, &[Little.u32(length), FRAME.to_vec()].concat());
    both_are_read(&[]);
    let read = read(around(&simple));
    assert_eq!(
        read.frames,
        [seen(), seen(), seen()],
        "the time is the last"
    );

    // The obsolete block has 16 bits for the interface, then a count of drops.
    let mut body = LE.packet_body(0, TICKS, FRAME, length);
    body.splice(2..4, [9, 9]);
    let read = super::read(around(&LE.block(2, &body)));
    assert_eq!(read.frames, [seen(), seen(), seen()]);
}

#[test]
fn a_simple_packet_is_cut_to_the_snaplen() {
    let simple = LE.block(3, &[Little.u32(90), FRAME.to_vec()].concat());
    let file = [LE.section(&[]), LE.interface(1, 25, &[]), simple];
    let read = read(file.concat());
    let expected = Seen {
        nanos: 0,
        original_len: 90,
        bytes: FRAME[..25].to_vec(),
        ..seen()
    };
    assert_eq!(read.frames, [expected]);
}

#[test]
fn comments_are_kept() {
    let one = LE.option(1, b"look here");
    let file = [
        LE.section(&[]),
        LE.interface(1, 0, &[]),
        LE.packet_with(TICKS, FRAME, &one),
        LE.packet_with(
            TICKS,
            FRAME,
            &[one.clone(), LE.option(1, b"and there")].concat(),
        ),
        LE.packet_with(TICKS, FRAME, &LE.option(2, &[0; 4])),
        LE.packet_with(TICKS, FRAME, &LE.option(1, &vec![b'x'; 65_535])),
    ];
    let read = read(file.concat());
    let comments: Vec<_> = read.frames.into_iter().map(|f| f.comment).collect();
    assert_eq!(
        comments,
        [
            Some(b"look here".to_vec()),
            Some(b"look here\nand there".to_vec()),
            None,
            Some(vec![b'x'; 65_535]),
        ]
    );
}

#[test]
fn an_option_past_the_end_costs_its_comment_not_the_packet() {
    let option = [1, 0, 0x88, 0x13, b'a', b'b', b'c', b'd'];
    let file = [
        LE.section(&[]),
        LE.interface(1, 0, &[]),
        LE.packet_with(TICKS, FRAME, &option),
        LE.packet(0, TICKS, FRAME),
    ];
    assert_eq!(read(file.concat()).frames, [seen(), seen()]);
}

#[test]
fn other_blocks_are_passed_over() {
    both_are_read(&LE.block(0xbad, b"custom"));
    both_are_read(&LE.block(5, &[0; 24]));
    both_are_read(&LE.block(0x8000_0001, &vec![7; 1_000_000]));
    both_are_read(&LE.block(4, &[]));
}

#[test]
fn a_length_without_its_padding_is_rounded_up() {
    both_are_read(&LE.with_lengths(0xbad, b"1234567", 19, 19));
}

#[test]
fn lengths_that_cannot_be_end_the_file_with_an_error() {
    is_damaged(&[0; 64], "claims to be 0 bytes long");
    for kind in [1, 3, 6, 0xbad] {
        let block = LE.with_lengths(kind, b"12345678", 11, 11);
        is_damaged(&block, "claims to be 11 bytes long");
    }
    let body = LE.packet_body(0, TICKS, FRAME, 27);
    let differing = LE.with_lengths(6, &body, 60, 40);
    is_damaged(
        &differing,
        "is 60 bytes long by its start and 40 by its end",
    );
    let differing = LE.with_lengths(0xbad, b"1234", 16, 1 << 24);
    is_damaged(
        &differing,
        "is 16 bytes long by its start and 16777216 by its end",
    );
    let large = LE.with_lengths(6, &body, 1_400_000_000, 60);
    is_damaged(
        &large,
        "claims to be 1400000000 bytes long; for a packet 17825792 are allowed",
    );
    is_damaged(&LE.block(6, &[0; 16]), "is too short for a packet");
    is_damaged(
        &LE.block(1, &[0; 4]),
        "is too short for an interface description",
    );
}

#[test]
fn a_packet_that_claims_more_than_its_block_holds_is_damage() {
    let mut body = LE.packet_body(0, TICKS, FRAME, 80);
    body.splice(12..16, Little.u32(80));
    let error = "claims 80 captured bytes, more than it holds";
    is_damaged(&LE.block(6, &body), error);
    let mut body = LE.packet_body(0, TICKS, FRAME, 80);
    body.splice(12..16, Little.u32(3_900_000_000));
    let read = read(around(&LE.block(6, &body)));
    assert_eq!(read.frames, [seen()]);
    assert_eq!(
        read.error.unwrap(),
        "damaged at frame 2: the block at byte 108 claims 3900000000 captured bytes, more than any frame has (16777216)"
    );
}

#[test]
fn a_packet_of_an_interface_not_described_is_damage() {
    is_damaged(
        &LE.packet(3, TICKS, FRAME),
        "is of interface 3, but its section describes 1 before it",
    );
    let other_section = [LE.section(&[]), LE.packet(0, TICKS, FRAME)].concat();
    let read = read(around(&other_section));
    assert_eq!(
        read.error.unwrap(),
        "damaged: the block at byte 136 is of interface 0, but its section describes 0 before it"
    );
}

#[test]
fn a_captured_length_above_the_original_counts_for_both() {
    both_are_read(&[]);
    let block = LE.block(6, &LE.packet_body(0, TICKS, FRAME, 5));
    assert_eq!(read(around(&block)).frames, [seen(), seen(), seen()]);
}

#[test]
fn another_version_is_named() {
    let mut section = LE.section(&[]);
    section[12] = 2;
    is_damaged(
        &section,
        "is a section of pcapng version 2.0; wirelab reads 1.x",
    );
}

#[test]
fn interfaces_without_end_are_not_kept() {
    let file = [LE.section(&[]), LE.interface(1, 0, &[]).repeat(70_000)];
    let error = read(file.concat()).error.unwrap();
    assert!(error.ends_with("describes one interface more than the 65536 allowed"));
}

#[test]
fn a_cut_inside_a_block_is_told() {
    let at = |length: usize| {
        let read = read(around(&LE.block(0xbad, &[0; 88]))[..length].to_vec());
        assert_eq!(read.frames, [seen()]);
        assert_eq!(read.error, None);
        read.truncated
    };
    assert_eq!(at(BETWEEN), None);
    assert_eq!(
        at(BETWEEN + 5).unwrap(),
        "cut in the header of a block: of the one at byte 108 only 5 bytes are there"
    );
    assert_eq!(
        at(BETWEEN + 50).unwrap(),
        "cut in a block of type 0xbad: the block at byte 108 promises 100 bytes, 50 are there"
    );
    assert_eq!(
        at(BETWEEN + 100 + 58).unwrap(),
        "cut in frame 2: the block at byte 208 promises 60 bytes, 58 are there"
    );
}
