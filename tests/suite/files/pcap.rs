//! The classic format: its dialects, and its traps.

use super::build::{
    Order::{Big, Little},
    pcap_header, record, usual_header, usual_record,
};
use super::{Seen, read};

const FRAME: &[u8] = b"a frame of 27 bytes, or so.";

fn seen(nanos: u64) -> Seen {
    Seen {
        nanos,
        link_type: 1,
        interface: 0,
        original_len: FRAME.len() as u32,
        bytes: FRAME.to_vec(),
        comment: None,
    }
}

#[test]
fn every_dialect_is_read() {
    let length = FRAME.len() as u32;
    for order in [Little, Big] {
        for (magic, fraction, header_rest) in [
            (0xa1b2_c3d4, 123_456, vec![]),
            (0xa1b2_3c4d, 123_456_000, vec![]),
            (0xa1b2_cd34, 123_456, vec![7, 0x0800_0000]),
        ] {
            let header = [vec![1_700_000_000, fraction, length, 90], header_rest].concat();
            let file = [
                pcap_header(order, magic, (2, 4), 101),
                record(order, &header, FRAME),
                record(order, &header, FRAME),
            ];
            let read = read(file.concat());
            let expected = Seen {
                link_type: 101,
                original_len: 90,
                ..seen(1_700_000_000_123_456_000)
            };
            assert_eq!(
                read.frames,
                [expected.clone(), expected],
                "{order:?} {magic:x}"
            );
            assert_eq!((read.error, read.truncated), (None, None));
            assert_eq!(read.offsets[0], 24);
            assert_eq!(read.interfaces, [(None, 101)]);
        }
    }
}

#[test]
fn the_upper_half_of_the_link_type_is_not_part_of_it() {
    // 0x2400_0000: a frame check sequence of two 16-bit words ends each frame, and stays there.
    for upper in [0x2400_0000, 0x00ff_0000, 0xffff_0000] {
        let file = [
            pcap_header(Little, 0xa1b2_c3d4, (2, 4), upper | 0x71),
            usual_record(1, 0, FRAME),
        ];
        let read = read(file.concat());
        assert_eq!(read.frames[0].link_type, 0x71);
        assert_eq!(read.frames[0].bytes, FRAME);
    }
}

#[test]
fn time_fractions_of_a_second_and_more_are_carried() {
    let file = [
        usual_header(),
        usual_record(1, 2_500_000, FRAME),
        usual_record(1, 4_000_000_000, FRAME),
        usual_record(u32::MAX, u32::MAX, FRAME),
    ];
    let times: Vec<_> = read(file.concat()).frames.iter().map(|f| f.nanos).collect();
    assert_eq!(
        times,
        [
            3_500_000_000,
            4_001_000_000_000,
            4_294_967_295_000_000_000 + 4_294_967_295_000
        ]
    );
    let file = [
        pcap_header(Big, 0xa1b2_3c4d, (2, 4), 1),
        record(Big, &[1, 2_500_000_000, 0, 0], &[]),
    ];
    assert_eq!(read(file.concat()).frames[0].nanos, 3_500_000_000);
}

#[test]
fn time_may_go_backwards() {
    let file = [
        usual_header(),
        usual_record(9, 0, FRAME),
        usual_record(5, 0, FRAME),
    ];
    let expected = [seen(9_000_000_000), seen(5_000_000_000)];
    assert_eq!(read(file.concat()).frames, expected);
}

#[test]
fn a_captured_length_above_the_original_counts_for_both() {
    let file = [
        usual_header(),
        record(Little, &[1, 0, FRAME.len() as u32, 5], FRAME),
        usual_record(2, 0, FRAME),
    ];
    let expected = [seen(1_000_000_000), seen(2_000_000_000)];
    assert_eq!(read(file.concat()).frames, expected);
}

#[test]
fn lengths_are_swapped_in_old_versions() {
    let length = FRAME.len() as u32;
    let expected = Seen {
        original_len: 90,
        ..seen(1_000_000_000)
    };
    for (version, header) in [
        ((2, 2), [1, 0, 90, length]),
        ((2, 3), [1, 0, 90, length]),
        ((2, 3), [1, 0, length, 90]),
        ((2, 4), [1, 0, length, 90]),
    ] {
        let file = [
            pcap_header(Little, 0xa1b2_c3d4, version, 1),
            record(Little, &header, FRAME),
        ];
        assert_eq!(
            read(file.concat()).frames,
            std::slice::from_ref(&expected),
            "{version:?}"
        );
    }
}

#[test]
fn a_claim_of_gigabytes_is_damage_after_the_frames_before() {
    for claim in [1_400_000_000, 3_900_000_000, u32::MAX, (16 << 20) + 1] {
        let file = [
            usual_header(),
            usual_record(1, 0, FRAME),
            record(Little, &[2, 0, claim, claim], FRAME),
        ];
        let read = read(file.concat());
        assert_eq!(read.frames, [seen(1_000_000_000)]);
        assert_eq!(
            read.error.unwrap(),
            format!(
                "damaged at frame 2: the record at byte 67 claims {claim} captured bytes, more than any frame has (16777216)"
            )
        );
    }
}

#[test]
fn frames_larger_than_the_buffer_are_read() {
    let large = vec![7; 700_000];
    let file = [
        usual_header(),
        usual_record(1, 0, FRAME),
        usual_record(2, 0, &large),
        usual_record(3, 0, FRAME),
    ];
    let read = read(file.concat());
    assert_eq!(read.frames[1].bytes, large);
    assert_eq!(read.frames[2], seen(3_000_000_000));
}

#[test]
fn a_cut_inside_a_record_is_told() {
    let file = [
        usual_header(),
        usual_record(1, 0, FRAME),
        usual_record(2, 0, FRAME),
    ]
    .concat();
    let at = |length: usize| {
        let read = read(file[..length].to_vec());
        assert_eq!(read.frames, [seen(1_000_000_000)]);
        assert_eq!(read.error, None);
        read.truncated
    };
    assert_eq!(at(67), None, "the end of the first record");
    assert_eq!(
        at(77).unwrap(),
        "cut in the header of frame 2: the record at byte 67 needs 16 bytes, 10 are there"
    );
    assert_eq!(
        at(93).unwrap(),
        "cut in frame 2: the record at byte 67 promises 27 bytes, 10 are there"
    );
}
