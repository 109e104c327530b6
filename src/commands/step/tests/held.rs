//! What is kept of a row is what `replay` shows of its frame, to the letter: of every conversation whose verdicts are
//! known, wherever one comes from; of connections in tunnels; and of datagrams in fragments.

use std::path::Path;

use super::*;
use crate::commands::pipeline::Pipeline;
use crate::frame::{LinkType, Timestamp};
use crate::select::Scope;
use crate::view::{Json, Lines, View};

#[path = "../../../../tests/suite/conversations/said.rs"]
mod said;

/// A capture of these frames, one a millisecond.
fn store_of<'a>(link_type: LinkType, frames: impl IntoIterator<Item = &'a [u8]>) -> Store {
    let (file, store) = Store::temporary().unwrap();
    let mut saver = Saver::to_file(file, &[]).unwrap();
    saver
        .interfaces(&[Interface {
            name: None,
            link_type,
            snaplen: 0,
            ticks_per_second: 1_000_000_000,
        }])
        .unwrap();
    for (number, bytes) in (1..).zip(frames) {
        let frame = Frame {
            number,
            time: Timestamp::from_nanos(number * 1_000_000),
            link_type,
            interface: 0,
            original_len: bytes.len() as u32,
            bytes,
            comment: None,
        };
        saver.frame(&frame).unwrap();
    }
    saver.finish(&[]).unwrap();
    store.end(None);
    store
}

/// What `replay --format json` writes of each frame.
fn replayed(store: &Store) -> Vec<String> {
    let open = || CaptureFile::from_reader(store.reader(0), None).unwrap();
    let mut out = Vec::new();
    let pipeline = Pipeline {
        view: Box::new(Json::new(Lines::Everything)),
        out: &mut out,
        selection: Selection::default(),
        scope: Scope::Segments,
        filter: None,
        pace: None,
        limits: Limits::default(),
        hindsight: learn(&mut open(), &mut None, Limits::default()),
        compare: None,
        estimates: false,
    };
    pipeline.run(&mut open(), &mut |_| ()).unwrap();
    let text = String::from_utf8(out).unwrap();
    let of_frame =
        |line: &&str| line.contains(r#""type":"segment""#) || line.contains(r#""type":"packet""#);
    text.lines().filter(of_frame).map(str::to_owned).collect()
}

fn line(kept: &Kept) -> String {
    let mut out = Vec::new();
    let mut json = Json::new(Lines::Everything);
    kept.with(|event| json.event(event, &mut out)).unwrap();
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

fn lines(desk: &mut Desk, order: impl Iterator<Item = u64>) -> Vec<String> {
    let pages: BTreeMap<u64, Page> = order.map(|number| (number, desk.page(number))).collect();
    let rows = pages.values().flat_map(|page| page.rows.iter());
    rows.map(line).collect()
}

#[test]
fn of_every_conversation_the_same_is_kept_as_is_replayed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let captures = said::captures(root);
    assert!(captures.len() > 100, "{}", captures.len());
    let mut notes = 0;
    for (name, pcap) in &captures {
        let store = Store::of_bytes(Vec::leak(pcap.clone())).unwrap();
        let told = replayed(&store);
        let mut desk = Desk::at(store, Wanted::default());
        let count = desk.settled().rows;
        assert_eq!(lines(&mut desk, 0..pages(count)), told, "{name}");
        notes += told
            .iter()
            .filter(|line| line.contains(r#""notes":[{"#))
            .count();
    }
    assert!(notes > 200, "{notes}");
}

#[test]
fn conversations_that_are_jumped_to_are_the_same_as_those_read_through() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut frames = Vec::new();
    for (_, pcap) in said::captures(root) {
        let mut source = CaptureFile::from_bytes(Vec::leak(pcap)).unwrap();
        while let Some(frame) = source.next_frame().unwrap() {
            frames.push(frame.bytes.to_vec());
        }
    }
    // The same again and again: places to walk on from are hundreds of frames apart.
    let all = (0..5).flat_map(|_| frames.iter().map(Vec::as_slice));
    let store = store_of(LinkType::RAW, all);
    let told = replayed(&store);
    let mut desk = Desk::at(store, Wanted::default());
    let count = desk.settled().rows;
    assert!(pages(count) > 12, "{count} rows are too few to be a test");
    let jumps = (0..pages(count)).rev().map(|at| at * 7919 % pages(count));
    assert_eq!(lines(&mut desk, jumps), told);
}

/// The frames of a recording from the IP header on.
fn packets(name: &str) -> Vec<Vec<u8>> {
    let mut source = CaptureFile::from_bytes(recordings::capture(name).unwrap().1).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        if frame.bytes[12..14] == [8, 0] {
            packets.push(frame.bytes[14..].to_vec());
        }
    }
    packets
}

/// An IPv4 header (RFC 791 section 3.1) from 192.0.2.1 to 192.0.2.2, and what follows it.
fn ipv4(protocol: u8, id: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((20 + payload.len() as u16).to_be_bytes());
    header.extend(id.to_be_bytes());
    header.extend(fragment.to_be_bytes());
    header.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let words = header
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
    let sum: u32 = words.sum();
    let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(payload);
    header
}

#[test]
fn a_board_is_that_of_the_connection_in_its_own_tunnel() {
    // The same connection in two tunnels of GRE, told apart by their keys (RFC 2890 section 2): the second lags.
    let inner = packets("data");
    let in_tunnel = |key: u32, packet: &[u8]| {
        let mut gre = vec![0x20, 0, 8, 0];
        gre.extend(key.to_be_bytes());
        gre.extend(packet);
        ipv4(47, 7, 0, &gre)
    };
    let lag = 5;
    let mut frames: Vec<_> = Vec::new();
    for at in 0..inner.len() + lag {
        frames.extend(inner.get(at).map(|packet| in_tunnel(1, packet)));
        let behind = at.checked_sub(lag).and_then(|at| inner.get(at));
        frames.extend(behind.map(|packet| in_tunnel(2, packet)));
    }
    let store = store_of(LinkType::RAW, frames.iter().map(Vec::as_slice));
    let (rows, boards) = through(&store);
    let mut desk = Desk::at(store, Wanted::default());
    desk.settled();
    let mut differ = 0;
    let mut before: Option<Board> = None;
    for (at, row) in rows.iter().enumerate() {
        let board = desk.board(at as u64).unwrap();
        assert_eq!(Some(board.flow), row.1, "row {at}");
        assert_eq!(Some(&board), boards[at].as_ref(), "row {at}");
        let other = before.filter(|other| other.flow != board.flow);
        differ += usize::from(other.is_some_and(|it| it.halves[0].nxt != board.halves[0].nxt));
        before = Some(board);
    }
    assert!(differ > 5, "both tunnels look alike: {differ}");
    assert_eq!(rows.iter().filter_map(|row| row.1).max(), Some(1));
}

/// The packets, those that carry much cut into fragments with so many bytes each, and how many were cut.
fn cut(packets: &[Vec<u8>], bytes: usize) -> (Vec<Vec<u8>>, usize) {
    let (mut frames, mut count) = (Vec::new(), 0);
    for (id, packet) in (1..).zip(packets) {
        let payload = &packet[20..];
        let pieces = payload.chunks(bytes).count();
        count += usize::from(pieces > 1);
        for (at, piece) in payload.chunks(bytes).enumerate() {
            let more = if at + 1 < pieces { 0x2000 } else { 0 };
            let offset = (at * bytes / 8) as u16;
            let mut frame = ipv4(packet[9], id, more | offset, piece);
            // Between the ends that the checksum of TCP is made with.
            frame[12..20].copy_from_slice(&packet[12..20]);
            let words = frame[..20].chunks(2).enumerate();
            let words = words.filter(|(at, _)| *at != 5);
            let sum: u32 = words
                .map(|(_, two)| u32::from(two[0]) << 8 | u32::from(two[1]))
                .sum();
            let sum = !(((sum & 0xffff) + (sum >> 16)) as u16);
            frame[10..12].copy_from_slice(&sum.to_be_bytes());
            frames.push(frame);
        }
    }
    (frames, count)
}

#[test]
fn a_datagram_in_fragments_is_whole_wherever_one_comes_from() {
    for name in ["retransmission", "udp-flood", "corrupt"] {
        let (frames, count) = cut(&packets(name), 104);
        assert!(count > 0, "{name}: nothing was cut");
        let store = store_of(LinkType::RAW, frames.iter().map(Vec::as_slice));
        let told = replayed(&store);
        let mut desk = Desk::at(store, Wanted::default());
        let rows = desk.settled().rows;
        assert_eq!(lines(&mut desk, 0..pages(rows)), told, "{name}");
    }
    // One connection alone: each of its segments, the fragments before the last of each being known to nobody then.
    let whole = packets("retransmission");
    let (frames, count) = cut(&whole, 104);
    let store = store_of(LinkType::RAW, frames.iter().map(Vec::as_slice));
    let told = replayed(&store);
    let mut desk = Desk::at(store, Wanted::default());
    desk.settled();
    desk.look_at(Some(0));
    let rows = desk.settled().rows;
    let alone = desk.page(0);
    assert_eq!((rows, alone.rows.len()), (whole.len() as u64, whole.len()));
    assert_eq!(
        alone.rows.iter().filter(|row| row.fragments() > 1).count(),
        count
    );
    for row in alone.rows.iter() {
        assert!(told.contains(&line(row)), "{}", line(row));
        row.with(|event| match event {
            Event::Segment(segment) => assert_eq!(segment.payload.len(), segment.len as usize),
            _ => panic!("a row of a connection is a segment"),
        });
    }
}

#[test]
fn the_row_of_a_frame_is_known_in_every_view() {
    let store = long(2);
    let (rows, _) = through(&store);
    let mut desk = Desk::at(store, Wanted::default());
    desk.settled();
    let places = |desk: &mut Desk, frames: &[u64]| {
        desk.wish(Wish::Places(
            frames.iter().map(|frame| (None, *frame)).collect(),
        ));
        desk.hear(|told, _| match told {
            Told::Places(_, places) => Some(places.clone()),
            _ => None,
        })
    };
    let last = rows.len() as u64;
    let frames = [1, 2, 700, last / 2, last, last + 1];
    let expected = frames.map(|frame| (None, frame, Some(frame - 1).filter(|row| *row < last)));
    assert_eq!(places(&mut desk, &frames), expected, "each frame is a row");
    let flow = rows.iter().rev().find_map(|row| row.1);
    desk.look_at(flow);
    desk.settled();
    let alone: Vec<u64> = rows
        .iter()
        .filter(|row| row.1 == flow)
        .map(|row| row.0)
        .collect();
    let frames = [1, alone[0], alone[2], alone[alone.len() - 1]];
    let expected: Vec<_> = frames
        .iter()
        .map(|frame| {
            let row = alone.iter().position(|own| own == frame);
            (None, *frame, row.map(|row| row as u64))
        })
        .collect();
    assert_eq!(places(&mut desk, &frames), expected);
}
