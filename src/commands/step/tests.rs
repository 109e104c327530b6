//! Rows from anywhere are those that reading through gives, whatever was looked at before.

mod held;

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use super::capture::Wanted;
use super::worker::Worker;
use crate::analysis::{Analysis, Limits};
use crate::commands::pipeline::learn;
use crate::event::{Board, Event, Kept, Kind, Side};
use crate::explain::Windows;
use crate::frame::Frame;
use crate::io::clock::Stopwatch;
use crate::io::file::{CaptureFile, Store};
use crate::io::save::Saver;
use crate::io::{Interface, Source};
use crate::recordings;
use crate::select::Selection;
use crate::tui::{Extent, FlowLine, Hit, Measured, PAGE_ROWS, Page, Query, Told, Wish};

/// So long an answer may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A worker, and what it tells.
struct Desk {
    wishes: Sender<Wish>,
    told: Receiver<Told>,
    view: u64,
    searches: u64,
    extent: Extent,
}

impl Desk {
    fn at(store: Store, wanted: Wanted) -> Self {
        let (tell, told) = mpsc::channel();
        let wishes = Worker::start(store, wanted, move |news| tell.send(news).is_ok()).unwrap();
        let mut desk = Self {
            wishes,
            told,
            view: 0,
            searches: 0,
            extent: Extent::default(),
        };
        desk.look_at(None);
        desk
    }

    fn look_at(&mut self, flow: Option<u32>) {
        self.view += 1;
        self.extent = Extent::default();
        self.wish(Wish::View {
            number: self.view,
            flow,
        });
    }

    fn wish(&self, wish: Wish) {
        self.wishes.send(wish).unwrap();
    }

    /// Waits until `what` finds what it looks for in what is told.
    fn hear<T>(&mut self, mut what: impl FnMut(&Told, &Extent) -> Option<T>) -> T {
        let watch = Stopwatch::start();
        loop {
            let left = PATIENCE.saturating_sub(watch.elapsed());
            let told = self.told.recv_timeout(left).expect("an answer");
            if let Told::Extent(view, extent) = &told
                && *view == self.view
            {
                self.extent = *extent;
            }
            if let Some(found) = what(&told, &self.extent) {
                return found;
            }
        }
    }

    fn settled(&mut self) -> Extent {
        if self.extent.complete && self.extent.settled {
            return self.extent;
        }
        self.hear(|_, extent| (extent.complete && extent.settled).then_some(*extent))
    }

    fn page(&mut self, number: u64) -> Page {
        self.wish(Wish::Page(number));
        let view = self.view;
        self.hear(|told, _| match told {
            Told::Page(of, page) if *of == view && page.number == number => Some(page.clone()),
            _ => None,
        })
    }

    fn board(&mut self, row: u64) -> Option<Board> {
        self.wish(Wish::Board(row));
        self.hear(|told, _| match told {
            Told::Board(_, of, board) if *of == row => Some(board.as_deref().cloned()),
            _ => None,
        })
    }

    fn find(&mut self, from: u64, back: bool, query: Query) -> Option<u64> {
        self.hit(from, back, query).map(|hit| hit.row)
    }

    fn hit(&mut self, from: u64, back: bool, query: Query) -> Option<Hit> {
        self.searches += 1;
        let search = self.searches;
        self.wish(Wish::Find {
            search,
            from,
            back,
            query,
        });
        self.hear(|told, _| match told {
            Told::Found(_, of, found) if *of == search => Some(found.clone().unwrap()),
            _ => None,
        })
    }
}

/// What is compared of a row.
type Row = (u64, Option<u32>, Vec<(Kind, String)>);

fn row(kept: &Kept) -> Row {
    (
        kept.frame,
        kept.segment().map(|segment| segment.flow),
        kept.notes
            .iter()
            .map(|note| (note.kind, format!("{note:?}")))
            .collect(),
    )
}

/// The rows and boards as reading twice from the beginning gives them, which is what `replay` does.
fn through(store: &Store) -> (Vec<Row>, Vec<Option<Board>>) {
    let open = || CaptureFile::from_reader(store.reader(0), None).unwrap();
    let hindsight = learn(&mut open(), &mut None, Limits::default());
    let mut analysis = Analysis::new(Limits::default()).with_hindsight(hindsight);
    let (mut source, mut rows, mut boards) = (open(), Vec::new(), Vec::new());
    let mut windows = Windows::default();
    while let Some(frame) = source.next_frame().unwrap() {
        let mut at = None;
        let done: Result<(), std::convert::Infallible> = analysis.handle(&frame, &mut |event| {
            if let Some(kept) = Kept::of(&frame, event) {
                rows.push(row(&kept));
            }
            if let Event::Segment(segment) = event {
                windows.observe(segment);
                at = Some(([segment.src, segment.dst], segment.packet.tunnel));
            }
            Ok(())
        });
        let Ok(()) = done;
        let board = at.and_then(|(ends, tunnel)| analysis.board(ends, tunnel));
        boards.push(board.map(|board| {
            let mut board = Board {
                frame: frame.number,
                ..board
            };
            for side in [Side::Initiator, Side::Responder] {
                board.halves[side.index()].cwnd = windows.estimate(board.flow, side);
            }
            board
        }));
    }
    (rows, boards)
}

fn pages(rows: u64) -> u64 {
    rows.div_ceil(PAGE_ROWS)
}

fn all(desk: &mut Desk, order: impl Iterator<Item = u64>) -> Vec<Row> {
    let pages: BTreeMap<u64, Page> = order.map(|number| (number, desk.page(number))).collect();
    pages
        .values()
        .flat_map(|page| page.rows.iter().map(row))
        .collect()
}

fn captures() -> Vec<(&'static str, &'static [u8])> {
    let names = recordings::all().iter().map(|recording| recording.name);
    names
        .filter_map(|name| Some((name, recordings::capture(name)?.1)))
        .collect()
}

/// All recordings one after the other, several times.
fn long(times: u64) -> Store {
    let (file, store) = Store::temporary().unwrap();
    let mut saver = Saver::to_file(file, &[]).unwrap();
    saver
        .interfaces(&[Interface {
            name: None,
            link_type: crate::frame::LinkType::ETHERNET,
            snaplen: 0,
            ticks_per_second: 1_000_000_000,
        }])
        .unwrap();
    // A thousand times as fast as it was, so that nothing is let go for being old: of that the table decides
    // by chance when.
    let (mut number, mut begin) = (0, 0);
    for _ in 0..times {
        for (_, bytes) in captures() {
            let mut source = CaptureFile::from_bytes(bytes).unwrap();
            let (mut first, mut last) = (None, begin);
            while let Some(frame) = source.next_frame().unwrap() {
                number += 1;
                let first = *first.get_or_insert(frame.time);
                last = begin + frame.time.nanos_since(first) / 1000;
                let frame = Frame {
                    number,
                    interface: 0,
                    time: crate::frame::Timestamp::from_nanos(last),
                    ..frame
                };
                saver.frame(&frame).unwrap();
            }
            begin = last + 1000;
        }
    }
    saver.finish(&[]).unwrap();
    store.end(None);
    store
}

#[test]
fn rows_are_in_the_end_those_of_replay() {
    let mut learned = 0;
    for (name, bytes) in captures() {
        let store = Store::of_bytes(bytes).unwrap();
        let (rows, _) = through(&store);
        let mut desk = Desk::at(store, Wanted::default());
        let extent = desk.settled();
        assert_eq!(extent.rows, rows.len() as u64, "{name}");
        assert_eq!(all(&mut desk, 0..pages(extent.rows)), rows, "{name}");
        learned += rows.iter().filter(|(.., notes)| !notes.is_empty()).count();
    }
    assert!(learned > 100, "nothing was judged");
}

#[test]
fn what_stands_before_a_damaged_record_is_there() {
    let (_, whole) = recordings::capture("retransmission").unwrap();
    // An enhanced packet block (draft-ietf-opsawg-pcapng section 4.3) that is shorter than its own header.
    let broken = [6, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    let bytes: &'static [u8] = Vec::leak([whole, &broken].concat());
    let count = through(&Store::of_bytes(whole).unwrap()).0.len();
    let mut desk = Desk::at(Store::of_bytes(bytes).unwrap(), Wanted::default());
    let why = desk.hear(|told, _| match told {
        Told::Failed(why) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("damaged"), "{why}");
    assert_eq!(desk.page(0).rows.len(), count);
    assert!(desk.board(count as u64 - 1).is_some());
}

#[test]
fn pages_boards_and_finds_anywhere_in_a_long_capture_are_those_of_reading_through() {
    let store = long(7);
    let (rows, boards) = through(&store);
    let count = rows.len() as u64;
    assert!(pages(count) > 12, "{count} rows are too few to be a test");
    let mut desk = Desk::at(store, Wanted::default());
    assert_eq!(desk.settled().rows, count);
    // Forwards, backwards, and back and forth.
    assert_eq!(all(&mut desk, 0..pages(count)), rows);
    assert_eq!(all(&mut desk, (0..pages(count)).rev()), rows);
    let jumps = (0..pages(count)).map(|at| at * 7919 % pages(count));
    let there: BTreeMap<u64, Page> = jumps.map(|at| (at, desk.page(at))).collect();
    for (number, page) in there {
        let seen: Vec<_> = page.rows.iter().map(row).collect();
        let from = (number * PAGE_ROWS) as usize;
        assert_eq!(seen, rows[from..from + seen.len()], "page {number}");
    }
    for at in (0..300)
        .map(|at| at * 7919 % count)
        .chain(600..640)
        .chain((500..540).rev())
    {
        assert_eq!(desk.board(at), boards[at as usize], "board {at}");
    }
    let kind = Kind::ZeroWindow;
    let has = |(.., notes): &Row| notes.iter().any(|note| note.0 == kind);
    for from in (0..40).map(|at| at * 7919 % count).chain([0, count - 1]) {
        let at = from as usize;
        let next = rows.iter().skip(at + 1).position(has).map(|by| at + 1 + by);
        let before = rows[..at].iter().rposition(has);
        let query = || Query::Note(kind);
        assert_eq!(desk.find(from, false, query()), next.map(|at| at as u64));
        assert_eq!(desk.find(from, true, query()), before.map(|at| at as u64));
    }
}

/// Payload bytes by connection, side and sequence number, each with the row that brought it first.
fn streams(rows: &[Kept]) -> BTreeMap<(u32, usize), BTreeMap<u32, (u8, u64)>> {
    let mut streams = BTreeMap::<_, BTreeMap<u32, (u8, u64)>>::new();
    for (row, kept) in rows.iter().enumerate() {
        kept.with(|event| {
            let Event::Segment(s) = event else {
                return;
            };
            let stream = streams.entry((s.flow, s.dir.0.index())).or_default();
            let first = s.seq + u32::from(s.flags.syn());
            for (at, byte) in s.payload.iter().enumerate() {
                let place = stream.entry(first + at as u32);
                place.or_insert((*byte, row as u64));
            }
        });
    }
    streams
}

#[test]
fn text_that_goes_on_in_another_segment_is_found_where_it_begins() {
    let mut across = 0;
    for name in ["retransmission", "two-losses", "data"] {
        let bytes = recordings::capture(name).unwrap().1;
        let mut desk = Desk::at(Store::of_bytes(bytes).unwrap(), Wanted::default());
        let count = desk.settled().rows;
        let kept: Vec<Kept> = (0..pages(count))
            .flat_map(|number| desk.page(number).rows.to_vec())
            .collect();
        let streams = streams(&kept);
        // The bytes on both sides of a boundary between segments.
        let boundary = streams.values().find_map(|stream| {
            let places: Vec<_> = stream.iter().collect();
            let cut = places.windows(12).find(|window| {
                let follows = *window[11].0 == *window[0].0 + 11;
                follows && window[5].1.1 != window[6].1.1
            })?;
            Some(cut.iter().map(|(_, (byte, _))| *byte).collect::<Vec<u8>>())
        });
        let Some(text) = boundary else {
            continue;
        };
        // Each row in which it begins, by looking at all bytes.
        let begins = |row: &Kept, at: u64| {
            let in_stream = streams.values().any(|stream| {
                let of_row = stream.iter().filter(|(_, (_, row))| *row == at);
                of_row.clone().any(|(seq, _)| {
                    let there = (0..text.len() as u32).map(|by| stream.get(&(seq + by)));
                    there
                        .map(|place| place.map(|place| place.0))
                        .eq(text.iter().copied().map(Some))
                })
            });
            in_stream || Query::Bytes(text.as_slice().into()).fits(row)
        };
        let all = kept.iter().enumerate();
        let rows: Vec<u64> = all
            .filter(|(at, row)| begins(row, *at as u64))
            .map(|(at, _)| at as u64)
            .collect();
        let query = || Query::Bytes(text.as_slice().into());
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(hit) = desk.hit(from, false, query()) {
            across += u64::from(hit.goes_on);
            found.push(hit.row);
            from = hit.row;
        }
        assert_eq!(found, rows, "{name}");
        found.clear();
        from = count;
        while let Some(hit) = desk.hit(from, true, query()) {
            found.insert(0, hit.row);
            from = hit.row;
        }
        assert_eq!(found, rows, "{name}, backwards");
    }
    assert!(across > 0, "nothing was found across segments");
}

#[test]
fn a_search_tells_how_far_it_is_and_ends_when_it_is_let_be() {
    let store = long(40);
    let mut desk = Desk::at(store, Wanted::default());
    desk.settled();
    let find = |search| Wish::Find {
        search,
        from: 0,
        back: false,
        query: Query::Bytes((*b"this is nowhere").into()),
    };
    desk.wish(find(1));
    let row = desk.hear(|told, _| match told {
        Told::Searching(_, 1, row) => Some(*row),
        Told::Found(..) => panic!("it was over too soon to tell how far it was"),
        _ => None,
    });
    assert!(row > 0);
    desk.wish(Wish::LetBe);
    // Another takes its place; the first is not answered.
    let answered = desk.hit(0, false, Query::Frame(None, 3));
    assert_eq!(answered.map(|hit| hit.row), Some(2));
    desk.page(1);
    let left: Vec<Told> = desk.told.try_iter().collect();
    assert!(!left.iter().any(|told| matches!(told, Told::Found(..))));
}

#[test]
fn a_search_that_is_begun_while_all_is_still_read_is_answered() {
    let store = long(7);
    let rows = through(&store).0.len() as u64;
    for wait_for in [0, rows / 3, rows - 1] {
        let mut desk = Desk::at(store.clone(), Wanted::default());
        desk.hear(|_, extent| (extent.rows >= wait_for).then_some(()));
        let last = desk.hit(0, false, Query::Frame(None, rows));
        assert_eq!(last.map(|hit| hit.row), Some(rows - 1));
        let first = desk.hit(rows - 1, true, Query::Frame(None, 1));
        assert_eq!(first.map(|hit| hit.row), Some(0));
    }
}

/// Of all segments those that were sent before.
fn retransmissions() -> Wanted {
    let selection = Selection {
        notes: vec![Kind::Retransmission],
        ..Selection::default()
    };
    Wanted {
        selection,
        ..Wanted::default()
    }
}

#[test]
fn frames_are_told_of_that_are_no_rows() {
    let store = long(3);
    let (rows, _) = through(&store);
    let mut desk = Desk::at(store, retransmissions());
    assert!(desk.settled().rows < rows.len() as u64);
    for flow in [None, Some(2)] {
        desk.look_at(flow);
        desk.settled();
        for frames in [
            vec![1],
            vec![900, 2, 1500],
            vec![rows.len() as u64, 1 << 40],
        ] {
            desk.wish(Wish::Frames {
                host: None,
                frames: frames.clone(),
            });
            let view = desk.view;
            let told: Vec<Row> = desk.hear(|told, _| match told {
                Told::Frames(of, kept) if *of == view => Some(kept.iter().map(row).collect()),
                _ => None,
            });
            let there = frames
                .iter()
                .filter_map(|frame| rows.get(*frame as usize - 1));
            assert_eq!(told, there.cloned().collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_is_measured_is_the_sum_of_the_rows() {
    let mut desk = Desk::at(long(3), Wanted::default());
    let rows = desk.settled().rows;
    let mut kept = Vec::new();
    for number in 0..pages(rows) {
        kept.extend(desk.page(number).rows.iter().cloned());
    }
    for (from, to) in [
        (0, 0),
        (3, rows - 1),
        (rows / 2, rows / 2 + 700),
        (rows - 9, rows),
    ] {
        desk.wish(Wish::Measure { from, to });
        let sum = desk.hear(|told, _| match told {
            Told::Measured(_, of, until, sum) if (*of, *until) == (from, to) => Some(*sum),
            _ => None,
        });
        let direct = Measured::of((from..=to).map(|row| kept.get(row as usize)));
        assert_eq!(sum, direct, "{from} to {to}");
        assert_eq!(sum.is_some(), to < rows);
    }
}

#[test]
fn a_connection_alone_has_its_rows_and_no_others() {
    let store = long(3);
    let (rows, _) = through(&store);
    let mut desk = Desk::at(store, Wanted::default());
    desk.settled();
    desk.wish(Wish::Flows);
    let flows: Vec<FlowLine> = desk.hear(|told, _| match told {
        Told::Flows(flows) => Some(flows.to_vec()),
        _ => None,
    });
    assert!(flows.len() > 30, "{}", flows.len());
    for at in (0..flows.len()).step_by(17).chain([flows.len() - 1]) {
        let flow = flows[at].flow;
        let expected: Vec<Row> = rows
            .iter()
            .filter(|row| row.1 == Some(flow))
            .cloned()
            .collect();
        assert_eq!(flows[at].segments, expected.len() as u64, "{flow}");
        desk.look_at(Some(flow));
        // The first page does not wait for the rest.
        let first = desk.page(0);
        assert_eq!(row(&first.rows[0]), expected[0]);
        let extent = desk.settled();
        assert_eq!(extent.rows, expected.len() as u64, "{flow}");
        assert_eq!(all(&mut desk, (0..pages(extent.rows)).rev()), expected);
    }
    desk.look_at(None);
    assert_eq!(desk.settled().rows, rows.len() as u64);
}

#[test]
fn what_is_chosen_makes_the_rows() {
    let bytes = recordings::capture("retransmission").unwrap().1;
    let store = Store::of_bytes(bytes).unwrap();
    let (rows, _) = through(&store);
    let mut desk = Desk::at(store, retransmissions());
    let extent = desk.settled();
    let expected: Vec<Row> = rows
        .into_iter()
        .filter(|(.., notes)| {
            let kind = Kind::Retransmission;
            notes.iter().any(|note| note.0 == kind)
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(all(&mut desk, 0..pages(extent.rows)), expected);
}

#[test]
fn a_capture_that_grows_is_followed() {
    use std::io::Write;
    let whole = Store::of_bytes(recordings::capture("slow-start").unwrap().1).unwrap();
    let (rows, _) = through(&whole);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut whole.reader(0), &mut bytes).unwrap();
    let (mut file, store) = Store::temporary().unwrap();
    let mut desk = Desk::at(store.clone(), Wanted::default());
    // Cut anywhere: what is not whole has not come yet.
    desk.wish(Wish::Page(0));
    let step = bytes.len() / 7 + 1;
    let mut before = 0;
    for piece in bytes.chunks(step) {
        file.write_all(piece).unwrap();
        desk.hear(|_, extent| (extent.rows > before).then_some(()));
        before = desk.extent.rows;
        assert!(!desk.extent.complete && before > 0);
        // The page that grows has what is there of it, each time and at once again.
        let last = pages(before) - 1;
        for _ in 0..2 {
            let page = desk.page(last);
            let frames: Vec<u64> = page.rows.iter().map(|row| row.frame).collect();
            let from = (last * PAGE_ROWS) as usize;
            assert!(from as u64 + frames.len() as u64 >= before);
            let expected = rows[from..].iter().map(|row| row.0);
            assert!(expected.take(frames.len()).eq(frames.iter().copied()));
        }
    }
    store.end(None);
    let extent = desk.settled();
    assert_eq!(extent.rows, rows.len() as u64);
    assert_eq!(all(&mut desk, 0..pages(extent.rows)), rows);
}

#[test]
fn a_file_that_is_cut_meanwhile_is_told_of() {
    let store = long(3);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::copy(&mut store.reader(0), &mut file.as_file()).unwrap();
    let mut desk = Desk::at(Store::open(file.path()).unwrap(), Wanted::default());
    let extent = desk.settled();
    let half = store.len() / 2;
    file.as_file().set_len(half).unwrap();
    desk.wish(Wish::Page(pages(extent.rows) - 2));
    let why = desk.hear(|told, _| match told {
        Told::Notice(why) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("shorter"), "{why}");
    // The rest goes on.
    assert_eq!(desk.page(0).rows.len() as u64, PAGE_ROWS);
}
