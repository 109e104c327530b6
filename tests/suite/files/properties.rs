//! What holds for every file, right or wrong: proptest makes them, and pcap-parser reads the right
//! ones as a second opinion.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wirelab::io::Source;
use wirelab::io::save::Saver;

use super::build::{Blocks, Order, gzip, pcap_header, record, zstd};
use super::{Seen, open, read};

/// A frame to be put in a file.
#[derive(Clone, Debug)]
struct Made {
    seconds: u32,
    micros: u32,
    bytes: Vec<u8>,
    /// Bytes of the frame that were not captured.
    cut: u32,
    comment: Option<Vec<u8>>,
    second_interface: bool,
}

prop_compose! {
    fn made()(
        seconds in any::<u32>(),
        micros in 0..1_000_000_u32,
        bytes in vec(any::<u8>(), 0..90),
        cut in prop_oneof![Just(0_u32), 0..2000_u32],
        comment in option::weighted(0.2, vec(any::<u8>(), 1..40)),
        second_interface in any::<bool>(),
    ) -> Made {
        Made { seconds, micros, bytes, cut, comment, second_interface }
    }
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Little), Just(Order::Big)]
}

impl Made {
    fn original_len(&self) -> u32 {
        self.bytes.len() as u32 + self.cut
    }

    fn micros_in_all(&self) -> u64 {
        u64::from(self.seconds) * 1_000_000 + u64::from(self.micros)
    }

    fn seen(&self, pcapng: bool) -> Seen {
        let second = pcapng && self.second_interface;
        Seen {
            nanos: self.micros_in_all() * 1000,
            link_type: if second { 101 } else { 1 },
            interface: u32::from(second),
            original_len: self.original_len(),
            bytes: self.bytes.clone(),
            comment: self.comment.clone().filter(|_| pcapng),
        }
    }
}

/// A file, and where each of its records starts and the last one ends.
fn pcap(order: Order, nanos: bool, frames: &[Made]) -> (Vec<u8>, Vec<usize>) {
    let (magic, scale) = if nanos {
        (0xa1b2_3c4d, 1000)
    } else {
        (0xa1b2_c3d4, 1)
    };
    let mut file = pcap_header(order, magic, (2, 4), 1);
    let mut ends = vec![file.len()];
    for made in frames {
        let length = made.bytes.len() as u32;
        let header = [
            made.seconds,
            made.micros * scale,
            length,
            made.original_len(),
        ];
        file.extend(record(order, &header, &made.bytes));
        ends.push(file.len());
    }
    (file, ends)
}

fn pcapng(order: Order, frames: &[Made]) -> (Vec<u8>, Vec<usize>) {
    let blocks = Blocks(order);
    let mut file = blocks.section(&blocks.option(1, b"made"));
    file.extend(blocks.interface(1, 0, &blocks.option(2, b"one")));
    file.extend(blocks.interface(101, 0, &[]));
    let mut ends = vec![file.len()];
    for made in frames {
        let id = u32::from(made.second_interface);
        let mut body =
            blocks.packet_body(id, made.micros_in_all(), &made.bytes, made.original_len());
        if let Some(comment) = &made.comment {
            body.extend(blocks.option(1, comment));
        }
        file.extend(blocks.block(6, &body));
        ends.push(file.len());
    }
    (file, ends)
}

/// What pcap-parser makes of a file whose times are in microseconds (or nanoseconds, pcap only).
fn oracle(file: &[u8], nanos: bool) -> Vec<(u64, u32, Vec<u8>)> {
    let mut reader = create_reader(1 << 16, Cursor::new(file.to_vec())).unwrap();
    let mut frames = Vec::new();
    loop {
        match reader.next() {
            Ok((offset, block)) => {
                match block {
                    PcapBlockOwned::Legacy(packet) => {
                        let scale = if nanos { 1 } else { 1000 };
                        let time = u64::from(packet.ts_sec) * 1_000_000_000
                            + u64::from(packet.ts_usec) * scale;
                        frames.push((time, packet.origlen, packet.data.to_vec()));
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                        let data = packet.data[..packet.caplen as usize].to_vec();
                        frames.push((ticks * 1000, packet.origlen, data));
                    }
                    _ => {}
                }
                reader.consume(offset);
            }
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(PcapError::Eof) => return frames,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn as_oracle(frames: Vec<Seen>) -> Vec<(u64, u32, Vec<u8>)> {
    let fields = |seen: Seen| (seen.nanos, seen.original_len, seen.bytes);
    frames.into_iter().map(fields).collect()
}

/// Reads what may be anything; it must come to an end, and give no more than there is.
fn survives(bytes: &[u8]) {
    let read = read(bytes.to_vec());
    let given: usize = read.frames.iter().map(|frame| frame.bytes.len()).sum();
    assert!(read.frames.len() <= bytes.len());
    assert!(given <= bytes.len());
    for told in read.error.iter().chain(&read.truncated) {
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #[test]
    fn pcap_is_read_as_it_was_made(
        frames in vec(made(), 0..20), order in order(), nanos in any::<bool>(),
    ) {
        let (file, starts) = pcap(order, nanos, &frames);
        let read = read(file.clone());
        let expected: Vec<_> = frames.iter().map(|made| made.seen(false)).collect();
        prop_assert_eq!(&read.frames, &expected);
        prop_assert_eq!((read.error, read.truncated), (None, None));
        for (offset, start) in read.offsets.iter().zip(&starts) {
            prop_assert_eq!(*offset, *start as u64);
        }
        prop_assert_eq!(as_oracle(read.frames), oracle(&file, nanos));
    }

    #[test]
    fn pcapng_is_read_as_it_was_made(frames in vec(made(), 0..20), order in order()) {
        let (file, starts) = pcapng(order, &frames);
        let read = read(file.clone());
        let expected: Vec<_> = frames.iter().map(|made| made.seen(true)).collect();
        prop_assert_eq!(&read.frames, &expected);
        prop_assert_eq!((read.error, read.truncated), (None, None));
        for (offset, start) in read.offsets.iter().zip(&starts) {
            prop_assert_eq!(*offset, *start as u64);
        }
        prop_assert_eq!(as_oracle(read.frames), oracle(&file, false));
    }

    #[test]
    fn packing_changes_nothing(frames in vec(made(), 0..20), order in order()) {
        let (file, _) = pcapng(order, &frames);
        let expected = read(file.clone()).frames;
        prop_assert_eq!(&read(gzip(&file)).frames, &expected);
        prop_assert_eq!(&read(zstd(&file)).frames, &expected);
    }

    #[test]
    fn saving_and_reading_again_changes_nothing(frames in vec(made(), 0..20), order in order()) {
        let (bytes, _) = pcapng(order, &frames);
        let expected = read(bytes.clone());
        let memory = Memory::default();
        let mut file = open(bytes).unwrap();
        let mut saver = Saver::to_stream(Box::new(memory.clone()), &expected.comments).unwrap();
        for (number, seen) in (1..).zip(&expected.frames) {
            assert!(file.next_frame().unwrap().is_some());
            // As it goes in a capture: an interface may be met with any frame.
            saver.interfaces(file.interfaces()).unwrap();
            saver.frame(&seen.frame(number)).unwrap();
        }
        assert!(file.next_frame().unwrap().is_none());
        saver.interfaces(file.interfaces()).unwrap();
        prop_assert_eq!(saver.finish(&[]).unwrap(), frames.len() as u64);
        let saved = read(memory.0.lock().unwrap().clone());
        prop_assert_eq!(saved.frames, expected.frames);
        prop_assert_eq!(saved.interfaces, expected.interfaces);
        prop_assert_eq!(saved.comments, expected.comments);
        prop_assert_eq!((saved.error, saved.truncated), (None, None));
    }

    #[test]
    fn anything_is_survived(bytes in vec(any::<u8>(), 0..400), opening in 0..6_usize) {
        let openings: [&[u8]; 6] = [
            b"",
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
            b"\xa1\xb2\xcd\x34\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x01",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            b"\x28\xb5\x2f\xfd\x24",
        ];
        survives(&[openings[opening], &bytes].concat());
    }

    #[test]
    fn damage_is_survived(
        frames in vec(made(), 1..12),
        order in order(),
        kind in 0..4_usize,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = match kind {
            0 => pcap(order, false, &frames).0,
            1 => pcapng(order, &frames).0,
            2 => gzip(&pcapng(order, &frames).0),
            _ => zstd(&pcapng(order, &frames).0),
        };
        for (place, value) in damage {
            let place = place.index(file.len());
            file[place] = value;
        }
        survives_unpacked(&file, kind >= 2);
    }
}

/// Packed data can hold more than its own length.
fn survives_unpacked(file: &[u8], packed: bool) {
    if packed {
        let read = read(file.to_vec());
        assert!(read.frames.len() < 100_000);
    } else {
        survives(file);
    }
}

/// Every length of a file is a prefix: the whole frames before the cut, and word of the cut unless
/// it is between two records.
#[test]
fn every_prefix_of_a_file_gives_the_frames_before_the_cut() {
    let made = |number: u8| Made {
        seconds: u32::from(number),
        micros: 7,
        bytes: vec![number; usize::from(number) * 9],
        cut: 0,
        comment: (number == 2).then(|| b"second".to_vec()),
        second_interface: number == 3,
    };
    let frames: Vec<_> = (1..=4).map(made).collect();
    for (is_pcapng, (file, ends)) in [
        (false, pcap(Order::Little, false, &frames)),
        (false, pcap(Order::Big, true, &frames)),
        (true, pcapng(Order::Little, &frames)),
        (true, pcapng(Order::Big, &frames)),
    ] {
        let expected: Vec<_> = frames.iter().map(|made| made.seen(is_pcapng)).collect();
        for length in 0..=file.len() {
            let read = read(file[..length].to_vec());
            let whole = ends.iter().skip(1).filter(|end| **end <= length).count();
            assert_eq!(read.frames, expected[..whole], "cut at {length}");
            if length < ends[0] {
                continue;
            }
            assert_eq!(read.error, None, "cut at {length}");
            let between = ends.contains(&length);
            assert_eq!(read.truncated.is_none(), between, "cut at {length}");
        }
    }
}
