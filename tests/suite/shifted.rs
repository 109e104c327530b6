//! What is said of a recording does not depend on where its numbers start, on the date, or on which host has
//! the lower address: the recordings, moved, are judged as they stand. `tests/suite/conversations.rs` does the
//! same with the conversations.

use std::convert::Infallible;
use std::fmt::Write as _;

use wirelab::analysis::{Analysis, Hindsight, Limits};
use wirelab::event::{End, Event, Segment};
use wirelab::frame::{Frame, LinkType, Timestamp};
use wirelab::io::file;
use wirelab::recordings;

/// As many numbers of a capture are made to be exactly 0 in turn.
const ZEROS: usize = 8;
/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

#[derive(Clone)]
struct Kept {
    time: u64,
    link_type: LinkType,
    original_len: u32,
    bytes: Vec<u8>,
}

/// How a recording is moved.
#[derive(Clone, Copy, Debug, Default)]
struct Move {
    /// Added to what the host counts that sent the first segment, and the other.
    numbers: [u32; 2],
    /// Added to all times, nanoseconds.
    time: u64,
    /// Whether the hosts exchange their addresses.
    swap: bool,
}

#[test]
fn recordings_are_judged_alike_wherever_they_start() {
    let mut moved = 0;
    for recording in recordings::all() {
        for capture in [recording.client(), recording.server()] {
            let frames = read(capture);
            let Some(first) = frames.iter().find_map(|kept| source(&kept.bytes)) else {
                continue;
            };
            let expected = judge(&frames);
            for by in moves(&frames, &first) {
                let there: Vec<Kept> = frames.iter().map(|kept| kept.moved(by, &first)).collect();
                let found = judge(&there);
                for (expected, found) in expected.iter().zip(&found) {
                    assert_eq!(expected, found, "{} by {by:?}", recording.name);
                }
                assert_eq!(expected.len(), found.len(), "{} by {by:?}", recording.name);
                moved += 1;
            }
        }
    }
    assert!(moved > 500, "{moved}");
}

fn read(capture: &'static [u8]) -> Vec<Kept> {
    let mut source = file::from_bytes(capture).expect("a recording is a capture");
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().expect("a recording can be read") {
        frames.push(Kept {
            time: frame.time.as_nanos(),
            link_type: frame.link_type,
            original_len: frame.original_len,
            bytes: frame.bytes.to_vec(),
        });
    }
    frames
}

/// To other dates, to other addresses, and so that what each host counts comes to exactly 0 after a segment.
fn moves(frames: &[Kept], first: &[u8]) -> Vec<Move> {
    let start = frames.first().map_or(0, |kept| kept.time);
    let mut all = vec![
        Move {
            time: 0_u64.wrapping_sub(start),
            ..Move::default()
        },
        Move {
            time: (1_u64 << 42).wrapping_sub(start + 30_000_000),
            ..Move::default()
        },
        Move {
            swap: true,
            ..Move::default()
        },
    ];
    let mut ends = [Vec::new(), Vec::new()];
    for kept in frames {
        if let (Some(at), Some(src)) = (tcp(&kept.bytes), source(&kept.bytes)) {
            ends[usize::from(src != first)].push(end(&kept.bytes, at));
        }
    }
    for n in 0..ZEROS {
        let numbers = [0, 1].map(|side| {
            let of: &Vec<u32> = &ends[side];
            of.get(n * of.len() / ZEROS)
                .map_or(0, |end| end.wrapping_neg())
        });
        all.push(Move {
            numbers,
            ..Move::default()
        });
    }
    all
}

/// A source address, IPv4 or IPv6.
type Side = Vec<u8>;

/// Where the addresses of an IP header begin, and how long one is.
fn addresses(bytes: &[u8], ip: usize) -> Option<(usize, usize)> {
    match bytes.get(ip)? >> 4 {
        4 => Some((ip + 12, 4)),
        6 => Some((ip + 8, 16)),
        _ => None,
    }
}

/// Where the TCP header of an Ethernet frame is.
fn tcp(bytes: &[u8]) -> Option<usize> {
    let ip = bytes.get(ETHERNET..)?;
    let at = match ip.first()? >> 4 {
        4 if ip.get(9) == Some(&6) => ETHERNET + usize::from(ip[0] & 15) * 4,
        6 if ip.get(6) == Some(&6) => ETHERNET + 40,
        _ => return None,
    };
    (bytes.len() >= at + 20).then_some(at)
}

/// The sender of a TCP segment.
fn source(bytes: &[u8]) -> Option<Side> {
    tcp(bytes)?;
    let (at, len) = addresses(bytes, ETHERNET)?;
    Some(bytes[at..at + len].to_vec())
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"))
}

fn add(bytes: &mut [u8], at: usize, by: u32) {
    let sum = number(bytes, at).wrapping_add(by);
    bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
}

/// The number after the last of a segment, by the length of the IP packet.
fn end(bytes: &[u8], at: usize) -> u32 {
    let word = |at: usize| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let total = if bytes[ETHERNET] >> 4 == 4 {
        word(ETHERNET + 2)
    } else {
        word(ETHERNET + 4) + 40
    };
    let headers = (at - ETHERNET) as u32 + u32::from(bytes[at + 12] >> 4) * 4;
    let flags = u32::from(bytes[at + 13]);
    number(bytes, at + 4)
        .wrapping_add(total - headers)
        .wrapping_add((flags & 1) + (flags >> 1 & 1))
}

impl Kept {
    fn moved(&self, by: Move, first: &[u8]) -> Self {
        let mut kept = self.clone();
        kept.time = kept.time.wrapping_add(by.time);
        if let (Some(at), Some(src)) = (tcp(&kept.bytes), source(&kept.bytes)) {
            let side = usize::from(src != first);
            let numbers = [by.numbers[side], by.numbers[1 - side]];
            renumber(&mut kept.bytes, at, numbers);
        }
        if by.swap {
            exchange(&mut kept.bytes, ETHERNET);
            // What an ICMP error quotes has its addresses too.
            if kept.bytes.get(ETHERNET + 9) == Some(&1) && kept.bytes.get(ETHERNET + 20) == Some(&3)
            {
                exchange(&mut kept.bytes, ETHERNET + 28);
            }
        }
        kept
    }
}

/// Adds to all numbers of a TCP header: to its sender's and to those that it acknowledges. Its checksum stays
/// right, or wrong by as much (RFC 1624).
fn renumber(bytes: &mut [u8], at: usize, [own, other]: [u32; 2]) {
    let header = (at + usize::from(bytes[at + 12] >> 4) * 4).min(bytes.len());
    let before = sum(&bytes[at..header]);
    let flags = bytes[at + 13];
    // An RST that answers a SYN has no number of its own to give (RFC 9293 section 3.10.7.1).
    if flags & 4 == 0 || number(bytes, at + 4) != 0 {
        add(bytes, at + 4, own);
    }
    if flags & 0x10 != 0 {
        add(bytes, at + 8, other);
    }
    let mut option = at + 20;
    while option + 1 < header {
        match (bytes[option], usize::from(bytes[option + 1])) {
            (0, _) | (2.., ..2) => break,
            (1, _) => option += 1,
            (5, len) => {
                for edge in (option + 2..(option + len).min(header) - 3).step_by(4) {
                    add(bytes, edge, other);
                }
                option += len;
            }
            (_, len) => option += len,
        }
    }
    let after = sum(&bytes[at..header]);
    let field = u16::from_be_bytes([bytes[at + 16], bytes[at + 17]]);
    let all = u32::from(!field) + u32::from(!before) + u32::from(after);
    let checksum = !fold(all);
    bytes[at + 16..at + 18].copy_from_slice(&checksum.to_be_bytes());
}

/// The sum of a header's words, the checksum left out.
fn sum(header: &[u8]) -> u16 {
    let words = header.chunks(2).enumerate().filter(|(at, _)| *at != 8);
    let words = words.map(|(_, word)| u32::from(word[0]) << 8 | u32::from(word[1]));
    fold(words.sum())
}

fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// Exchanges the addresses of an IP header, which no checksum notices.
fn exchange(bytes: &mut [u8], ip: usize) {
    if let Some((at, len)) = addresses(bytes, ip)
        && bytes.len() >= at + 2 * len
    {
        bytes[at..at + 2 * len].rotate_left(len);
    }
}

/// What is said of each segment.
fn judge(frames: &[Kept]) -> Vec<String> {
    let mut learner = Analysis::learning(Limits::default());
    follow(frames, &mut learner);
    let hindsight: Hindsight = learner.learned();
    let mut analysis = Analysis::new(Limits::default()).with_hindsight(hindsight);
    follow(frames, &mut analysis)
}

fn follow(frames: &[Kept], analysis: &mut Analysis) -> Vec<String> {
    let mut said = Vec::new();
    let mut take = |event: &Event<'_>| {
        if let Event::Segment(segment) = event {
            said.push(line(segment));
        }
        Ok::<(), Infallible>(())
    };
    for (number, kept) in (1..).zip(frames) {
        let frame = Frame {
            number,
            time: Timestamp::from_nanos(kept.time),
            link_type: kept.link_type,
            interface: 0,
            original_len: kept.original_len,
            bytes: &kept.bytes,
            comment: None,
        };
        let Ok(()) = analysis.handle(&frame, &mut take);
    }
    let Ok(()) = analysis.finish(&End::default(), &mut take);
    said
}

fn line(s: &Segment<'_>) -> String {
    let mut line = format!(
        "{} {} {:?} {} {:?} {} {} {:?} {:?} {:?} {:?}",
        s.frame,
        s.flow,
        s.dir.0,
        s.seq,
        s.ack,
        s.len,
        s.in_flight,
        s.window_bytes,
        s.rtt,
        s.state,
        s.checksum
    );
    for note in s.notes {
        // A bare number is one of those that were moved.
        let why = Some(note.why()).filter(|why| !why.contains("(raw)"));
        let _ = write!(
            line,
            "\n  {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {why:?}",
            note.kind,
            note.cause,
            note.spurious,
            note.confidence,
            note.of_frame,
            note.number,
            note.alternatives,
            note.frames
        );
    }
    line
}
