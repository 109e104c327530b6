//! Both ends of a recording, row by row.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::event::Kind;
use crate::recordings;
use crate::tui::{Look, Message, Model};
use crate::view::{Json, Lines, Style, View};

fn both(name: &str, calls: bool) -> Both {
    Both::open(&Two::Ends(name.to_owned(), calls)).unwrap()
}

fn lines(event: &Event<'_>) -> String {
    let mut out = Vec::new();
    let mut json = Json::new(Lines::Everything);
    json.event(event, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn rows_are_what_replay_tells_of_both_ends() {
    let mut passages = 0;
    for recording in recordings::all() {
        let mut told = Vec::new();
        let Both {
            mut merged,
            mut pair,
            ..
        } = both(recording.name, true);
        let mut tell = |event: &Event<'_>| -> Result<(), crate::io::SourceError> {
            let row = matches!(
                event,
                Event::Passage(_) | Event::Call(_) | Event::Reading(_)
            );
            told.extend(row.then(|| lines(event)));
            Ok(())
        };
        let next = |next: Next<'_>| match next {
            Next::Frame(host, frame, sent) => pair.frame(host, &frame, sent, &mut tell),
            Next::Told(Truth::Begins(call)) => {
                pair.begins(&call);
                Ok(())
            }
            Next::Told(Truth::Line(line)) => pair.happening(&Happening::Line(line), &mut tell),
        };
        let mut next = next;
        while merged.next(&mut next).unwrap() {}
        let end = crate::event::End::default();
        pair.finish(&end, &mut tell).unwrap();

        let mut kept = both(recording.name, true);
        while kept.step().unwrap() {}
        let rows: Vec<String> = kept
            .rows
            .all()
            .iter()
            .map(|row| row.joint.as_ref().unwrap().with(lines))
            .collect();
        assert_eq!(rows, told, "{}", recording.name);
        passages += rows.len();
    }
    assert!(passages > 1000, "{passages}");
}

#[test]
fn the_frames_that_a_row_rests_on_are_found_at_its_host() {
    let mut both = both("retransmission", false);
    while both.step().unwrap() {}
    let (mut found, last) = (0, both.extent().rows);
    for row in (0..last).filter_map(|row| both.row(row)) {
        let host = row.host().unwrap();
        assert!(row.shows(Some(host), row.frame));
        for frame in row.notes.iter().flat_map(|note| &note.frames) {
            let query = Query::Frame(Some(host), *frame);
            let rests = both.find(last, true, &query);
            let rests = rests.or_else(|| both.find(0, false, &query));
            let rests = both.row(rests.unwrap().row).unwrap();
            assert!(rests.shows(Some(host), *frame));
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
    let all = Measured::of((0..last).map(|row| both.row(row))).unwrap();
    // Each packet once: as many as the client sent by its own capture, and what it got.
    let packets = |host: Host| {
        let rows = (0..last).filter_map(|row| both.row(row));
        let rows = rows.filter(|row| row.joint.as_ref().is_some_and(|it| !it.is_arrival()));
        rows.filter(|row| row.host() == Some(host)).count() as u64
    };
    assert_eq!(
        all.segments.iter().sum::<u64>(),
        packets(Host::Client) + packets(Host::Server)
    );
    assert!(all.rows > all.segments.iter().sum());
}

#[test]
fn a_row_has_its_board_and_a_search_goes_both_ways() {
    let mut both = both("retransmission", false);
    while both.step().unwrap() {}
    let again = both.find(0, false, &Query::Problem).unwrap().row;
    let before = both.find(both.extent().rows, true, &Query::Problem);
    assert_eq!(before.map(|hit| hit.row), Some(again));
    let board = both.board(again).unwrap();
    assert_eq!(board.frame, both.row(again).unwrap().frame);
    let half = &board.halves[0];
    assert!(half.una < half.nxt, "{half:?}");
    assert!(
        both.rows.all().iter().all(Kept::has_frame),
        "no calls were wanted"
    );
}

#[test]
fn each_end_stands_as_its_own_capture_has_it() {
    let mut both = both("corrupt", true);
    while both.step().unwrap() {}
    let rows = both.extent().rows;
    // Where the damaged segment arrives: all five were sent, and the server waits for the second.
    let arrives = |row: &u64| {
        both.row(*row)
            .is_some_and(|it| it.shows(Some(Host::Server), 6))
    };
    let row = (0..rows).find(arrives).unwrap();
    let board = both.board(row).unwrap();
    let [client, server] = &board.halves;
    assert_eq!((client.una, client.nxt), (Some(1449), Some(7241)));
    assert_eq!((client.in_flight, server.rcv_nxt), (5792, Some(1449)));
    assert_eq!(client.moved, crate::event::Moved::default());
    // Nothing is known of either before there was a packet; of a call afterwards what stands then.
    assert_eq!(both.board(0), None);
    let calls: Vec<u64> = (row..rows)
        .filter(|row| !both.row(*row).unwrap().has_frame())
        .collect();
    assert!(calls.len() > 5);
    for row in calls {
        assert!(both.board(row).is_some(), "{row}");
    }
    // Forwards or backwards, it is the same.
    let there: Vec<_> = (0..rows).map(|row| both.board(row)).collect();
    let back: Vec<_> = (0..rows).rev().map(|row| both.board(row)).collect();
    assert!(there.iter().eq(back.iter().rev()));
}

#[test]
fn states_of_boards_are_those_that_packets_leave_at_their_hosts() {
    let mut compared = 0;
    for recording in recordings::all() {
        let mut both = both(recording.name, false);
        while both.step().unwrap() {}
        for row in 0..both.extent().rows {
            let kept = both.row(row).unwrap().clone();
            let (Some(segment), Some(joint)) = (kept.segment(), &kept.joint) else {
                continue;
            };
            let board = both.board(row).unwrap();
            joint.with(|event| {
                let Event::Passage(p) = event else { return };
                let sent = p.sent.filter(|_| p.part != crate::event::Part::Arrives);
                let arrived = p.arrived.filter(|_| p.part != crate::event::Part::Departs);
                for (side, stop) in [(segment.dir.0, sent), (segment.dir.0.other(), arrived)] {
                    if let Some((_, after)) = stop.and_then(|stop| stop.state) {
                        let half = board.of(side);
                        assert_eq!(half.state, after, "{} row {row}", recording.name);
                        compared += 1;
                    }
                }
            });
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn what_a_judgement_rests_on_is_shown_as_its_capture_has_it() {
    let mut both = both("retransmission", true);
    while both.step().unwrap() {}
    let keys = [KeyCode::Char('p')];
    let shown = screen(&mut both, Style::default(), (200, 60), &keys);
    // Duplicate ACKs stand in the rows as the server has sent them, and in the reasons as the client got them.
    assert!(
        shown.contains("rests on frames 6, 14, 15 and 16"),
        "{shown}"
    );
    assert!(!shown.contains("not at hand"), "{shown}");
    for frame in [6, 14, 15, 16] {
        assert!(
            shown.contains(&format!("   {frame:>2}  0.0")),
            "{frame}: {shown}"
        );
    }
}

#[test]
fn the_client_is_at_the_left_whoever_has_opened_the_connection() {
    // Each end's capture takes its own host for the one that opened it.
    let mut both = both("simultaneous-open", true);
    while both.step().unwrap() {}
    let rows = both.extent().rows;
    let mut walk = Walk::new(&mut both, Style::default(), (80, 24), &[]);
    let mut ends = 0;
    for row in 0..rows {
        let shown = walk.shown();
        let hosts = shown.lines().nth(2).unwrap();
        let [left, right] = ["10.0.0.1:8080", "10.0.0.2:8080"].map(|end| hosts.find(end));
        assert!(left.unwrap() < right.unwrap(), "{row}: {shown}");
        let heads: Vec<&str> = shown
            .lines()
            .filter(|line| line.starts_with("\"10.0.0."))
            .collect();
        if let [first, second] = heads[..] {
            assert!(
                first.contains("10.0.0.1:8080") && second.contains("10.0.0.2:8080"),
                "{shown}"
            );
            ends += 1;
        }
        walk.press(KeyCode::Down);
    }
    assert!(ends > 10, "{ends}");
}

#[test]
fn where_no_segment_follows_nothing_is_asked_and_nobody_moved() {
    let mut both = both("ping-loss", true);
    while !both.complete {
        assert!(both.read_on(&mut |_| true));
    }
    let shown = screen(&mut both, Style::default(), (80, 24), &[KeyCode::Char('t')]);
    assert!(shown.contains("nothing comes after this"), "{shown}");
    assert!(shown.contains(" 1 of "), "{shown}");
}

#[test]
fn a_call_is_told_and_no_arrival_is_asked_for() {
    let mut both = both("corrupt", true);
    while !both.complete {
        assert!(both.read_on(&mut |_| true));
    }
    let shown = screen(&mut both, Style::default(), (80, 24), &[]);
    assert!(shown.contains("A call of the server's program:"), "{shown}");
    assert!(shown.contains("It makes an endpoint"), "{shown}");
    let mut walk = Walk::new(&mut both, Style::default(), (80, 24), &[KeyCode::Char('t')]);
    let mut asked = 0;
    while !walk.shown().contains("nothing comes after this") {
        walk.press(KeyCode::Enter);
        let row = walk.model.current().unwrap();
        let arrives = row.joint.as_ref().unwrap().is_arrival();
        assert!(row.segment().is_some() && !arrives, "{}", walk.shown());
        walk.press(KeyCode::Enter);
        asked += 1;
        assert!(asked < 40);
    }
    assert_eq!(asked, 17, "as many as packets");
}

/// What a search, a list and a strip are asked for.
fn told(both: &mut Both, wish: Wish) -> Vec<Told> {
    let mut told = Vec::new();
    assert!(both.grant(wish, &mut |news| {
        told.push(news);
        true
    }));
    told
}

#[test]
fn the_connections_are_listed_with_the_numbers_that_rows_have() {
    let mut several = 0;
    for recording in recordings::all() {
        let mut both = both(recording.name, false);
        while both.step().unwrap() {}
        let lines = match &told(&mut both, Wish::Flows)[..] {
            [Told::Flows(lines)] => Arc::clone(lines),
            other => panic!("{other:?}"),
        };
        several += usize::from(lines.len() > 1);
        let mut flows = std::collections::BTreeMap::<u32, (u64, u64)>::new();
        for row in both.rows.all() {
            let Some(segment) = row.segment() else {
                continue;
            };
            let (segments, problems) = flows.entry(segment.flow).or_default();
            *segments += u64::from(!row.joint.as_ref().unwrap().is_arrival());
            let trouble = row.notes.iter().filter(|note| note.kind.is_trouble());
            *problems += trouble.count() as u64;
        }
        let numbers: Vec<u32> = lines.iter().map(|line| line.flow).collect();
        assert!(flows.keys().eq(&numbers), "{}: {numbers:?}", recording.name);
        for line in &*lines {
            let (segments, problems) = flows[&line.flow];
            assert_eq!(u64::from(line.problems), problems, "{}", recording.name);
            // Each host's capture lacks what was lost on the way to it.
            let counted = line.segments..=line.segments + segments;
            assert!(counted.contains(&segments), "{}", recording.name);
            let alone = told(
                &mut both,
                Wish::View {
                    number: 1,
                    flow: Some(line.flow),
                },
            );
            assert!(
                matches!(&alone[..], [Told::Extent(1, extent), Told::Overview(1, strip)]
                    if extent.rows >= segments
                    && strip.iter().map(|bucket| bucket.rows).sum::<u64>() == extent.rows),
                "{alone:?}"
            );
        }
    }
    assert!(several > 0, "some have several connections");
}

#[test]
fn the_strip_counts_what_was_sent_once() {
    let mut both = both("two-losses", true);
    while both.step().unwrap() {}
    let view = Wish::View {
        number: 3,
        flow: None,
    };
    let strip = match &told(&mut both, view)[..] {
        [Told::Extent(3, _), Told::Overview(3, strip)] => Arc::clone(strip),
        other => panic!("{other:?}"),
    };
    let all = Measured::of(both.rows.all().iter().map(Some)).unwrap();
    assert_eq!(
        strip.iter().map(|bucket| bucket.rows).sum::<u64>(),
        all.rows
    );
    for side in [0, 1] {
        let bytes = strip.iter().map(|bucket| bucket.bytes[side]).sum::<u64>();
        assert_eq!(bytes, all.bytes[side]);
    }
    assert_eq!(strip.iter().map(|bucket| bucket.resent).sum::<u32>(), 2);
}

#[test]
fn a_connection_alone_grows_while_it_is_read() {
    let mut both = both("reno-vs-cubic", false);
    told(
        &mut both,
        Wish::View {
            number: 1,
            flow: Some(1),
        },
    );
    let (mut extents, mut strips, mut lists) = (Vec::new(), 0, 0);
    told(&mut both, Wish::Flows);
    while !both.complete {
        both.read_on(&mut |news| {
            match news {
                Told::Extent(1, extent) => extents.push(extent.rows),
                Told::Overview(1, _) => strips += 1,
                Told::Flows(lines) => lists += lines.len(),
                other => panic!("{other:?}"),
            }
            true
        });
    }
    assert!(extents.is_sorted() && extents[0] > 0, "{extents:?}");
    assert_eq!((strips, lists), (1, 2), "told again at the end");
    let last = *extents.last().unwrap();
    let of_it = |row: u64| both.row(row).unwrap().segment().unwrap().flow == 1;
    assert!((0..last).all(of_it));
    assert_eq!(both.row(last).map(|row| row.frame), None);
}

#[test]
fn where_there_is_no_more_room_connections_are_summed_up_all_the_same() {
    let mut both = both("data", false);
    for _ in 0..60 {
        both.step().unwrap();
    }
    let rows = both.rows.all().len();
    assert!(rows > 0 && !both.complete);
    both.sum_up();
    assert_eq!(both.rows.all().len(), rows, "no row is made of that");
    assert!(matches!(
        &told(&mut both, Wish::Flows)[..],
        [Told::Flows(lines)] if lines.len() == 1
    ));
}

/// A screen over all of it.
struct Walk<'a> {
    both: &'a mut Both,
    model: Model,
    size: (u16, u16),
}

impl<'a> Walk<'a> {
    fn new(both: &'a mut Both, style: Style, size: (u16, u16), keys: &[KeyCode]) -> Self {
        let look = Look {
            style,
            both: Some(both.shows),
            ..Look::default()
        };
        let mut model = Model::new(look, size);
        let wishes = model.begin();
        let extent = both.extent();
        let mut walk = Self { both, model, size };
        walk.tell(Told::Extent(0, extent));
        walk.grant(wishes);
        for &key in keys {
            walk.press(key);
        }
        walk
    }

    fn press(&mut self, key: KeyCode) {
        let key = KeyEvent::new(key, KeyModifiers::NONE);
        let wishes = self.model.update(Message::Key(key));
        self.grant(wishes);
    }

    fn tell(&mut self, told: Told) {
        let wishes = self.model.update(Message::Told(told));
        self.grant(wishes);
    }

    /// Grants what it wishes for, and what it wishes for then.
    fn grant(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            for told in told(self.both, wish) {
                self.tell(told);
            }
        }
    }

    /// What it shows.
    fn shown(&self) -> String {
        let (columns, lines) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal
            .draw(|frame| crate::tui::draw(&self.model, frame))
            .unwrap();
        terminal.backend().to_string()
    }
}

fn screen(both: &mut Both, style: Style, size: (u16, u16), keys: &[KeyCode]) -> String {
    Walk::new(both, style, size, keys).shown()
}

#[test]
fn bulk_data_is_folded_and_opens_again() {
    let mut both = both("slow-start", true);
    while both.step().unwrap() {}
    let style = Style::default;
    let folded = screen(&mut both, style(), (80, 40), &[]);
    let line = folded
        .lines()
        .find(|line| line.contains(" segments, ") && line.contains(" call"))
        .unwrap_or_else(|| panic!("{folded}"));
    assert!(line.contains(" bytes →"), "{line}");
    let open = screen(&mut both, style(), (80, 40), &[KeyCode::Char('F')]);
    assert!(!open.contains(" segments, "), "{open}");
    // What became of a packet, and what is said of it, is never folded.
    for name in [
        "two-losses",
        "reorder",
        "duplicate",
        "corrupt",
        "pmtu",
        "zero-window",
    ] {
        let mut both = super::tests::both(name, true);
        while both.step().unwrap() {}
        for row in both.rows.all() {
            let joint = row.joint.as_ref().unwrap();
            joint.with(|event| {
                let Event::Passage(p) = event else { return };
                let said = p.cause.is_some() || p.overtaken_by > 0;
                let noted = [p.sent, p.arrived].into_iter().flatten();
                let noted = noted.flat_map(|stop| stop.notes);
                let trouble = noted.clone().any(|note| note.kind == Kind::Retransmission);
                if said || trouble {
                    assert!(!crate::view::is_bulk(event), "{name} {}", row.frame);
                }
            });
        }
    }
}

#[test]
fn with_ascii_there_is_nothing_else_in_any_pane_and_row() {
    let style = || Style {
        unicode: false,
        all: true,
        ..Style::default()
    };
    let panes: [&[KeyCode]; 4] = [
        &[],
        &[KeyCode::Tab],
        &[KeyCode::Tab, KeyCode::Tab],
        &[KeyCode::Tab, KeyCode::Tab, KeyCode::Tab],
    ];
    for recording in recordings::all() {
        let mut both = both(recording.name, true);
        while both.step().unwrap() {}
        for (size, pane) in [(80, 24), (200, 60)].into_iter().zip([0, 2]).chain([
            ((80, 24), 1),
            ((80, 24), 3),
            ((200, 60), 3),
        ]) {
            let mut walk = Walk::new(&mut both, style(), size, panes[pane]);
            for tenth in ['0', '3', '6', '9'] {
                walk.press(KeyCode::Char(tenth));
                let shown = walk.shown();
                assert!(shown.is_ascii(), "{} {pane}: {shown}", recording.name);
            }
        }
    }
}
