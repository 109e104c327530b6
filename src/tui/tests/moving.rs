//! Going to places: by rows and lines, by what is looked for, by the strip, by the mouse, and by itself.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, MouseEventKind};

use super::{click, mouse, press, sample, screen, type_in};
use crate::event::{Kept, Kind, Shape};
use crate::tui::{
    Bucket, Extent, FlowLine, Hit, Look, Message, Model, PAGE_ROWS, Page, Query, Told, Wish,
};

const SMALL: (u16, u16) = (80, 24);

/// The rows of a recording that the query fits.
fn fitting(rows: &[Kept], query: &Query) -> Vec<u64> {
    let places = rows.iter().enumerate();
    let fit = places.filter(|(_, row)| query.fits(row));
    fit.map(|(place, _)| place as u64).collect()
}

#[test]
fn problems_are_gone_to_one_after_another_and_back() {
    let rows = sample::rows("two-losses");
    let problems = fitting(&rows, &Query::Problem);
    let mut model = sample::model_of("two-losses", SMALL);
    assert!(problems.len() > 1);
    for problem in &problems {
        assert_eq!(press(&mut model, KeyCode::Char('p')), [], "all is at hand");
        assert_eq!(model.cursor, *problem);
    }
    press(&mut model, KeyCode::Char('p'));
    assert_eq!(model.cursor, *problems.last().unwrap());
    let notice = model.notice.clone().unwrap();
    let (here, all) = (model.cursor + 1, rows.len());
    let said = format!(
        "no problem in rows {} to {all}, the last; P goes to row {}",
        here + 1,
        problems[problems.len() - 2] + 1
    );
    assert_eq!(notice, said);
    press(&mut model, KeyCode::Char('P'));
    assert_eq!(model.cursor, problems[problems.len() - 2]);
    assert_eq!(model.notice, None);
    // Where nothing was written to look for, once more means the same kind.
    press(&mut model, KeyCode::Char('n'));
    assert_eq!(model.cursor, *problems.last().unwrap());
    press(&mut model, KeyCode::Char('N'));
    assert_eq!(model.cursor, problems[problems.len() - 2]);
    press(&mut model, KeyCode::Home);
    press(&mut model, KeyCode::Char('P'));
    let notice = model.notice.clone().unwrap();
    let first = problems[0] + 1;
    let said = format!("no problem before the first row; p goes to row {first}");
    assert_eq!(notice, said);
}

#[test]
fn keys_that_are_pressed_before_there_is_a_row_wait_for_it() {
    let rows = sample::rows("two-losses");
    let problems = fitting(&rows, &Query::Problem);
    let mut model = Model::new(Look::default(), SMALL);
    model.begin();
    for _ in &problems {
        press(&mut model, KeyCode::Char('p'));
    }
    assert!(model.search.pending().is_none());
    // Nor is it enough to know how many there are.
    let extent = Extent {
        rows: rows.len() as u64,
        ..Extent::default()
    };
    model.update(Message::Told(Told::Extent(0, extent)));
    press(&mut model, KeyCode::Char('P'));
    press(&mut model, KeyCode::Char('p'));
    let page = Page {
        number: 0,
        rows: rows.into(),
    };
    model.update(Message::Told(Told::Page(0, page)));
    assert_eq!(model.cursor, problems[problems.len() - 1]);
    // What is being made may have no row for long: then nothing is kept for later.
    let look = Look {
        follows: true,
        ..Look::default()
    };
    let mut model = Model::new(look, SMALL);
    press(&mut model, KeyCode::Down);
    assert!(model.early.is_empty());
}

#[test]
fn what_is_not_at_hand_is_asked_for_and_gone_to_when_the_answer_comes() {
    let rows = sample::rows("data");
    let mut model = Model::new(Look::default(), SMALL);
    model.begin();
    let page = Page {
        number: 0,
        rows: rows[..5].into(),
    };
    model.update(Message::Told(Told::Page(0, page)));
    type_in(&mut model, "/fin");
    let wishes = press(&mut model, KeyCode::Enter);
    let finds: Vec<_> = wishes
        .iter()
        .filter(|wish| matches!(wish, Wish::Find { .. }))
        .collect();
    assert!(
        matches!(
            finds[..],
            [Wish::Find {
                from: 4,
                back: false,
                ..
            }]
        ),
        "what is at hand need not be looked through again: {wishes:?}"
    );
    assert!(screen(&model).contains("looking for “fin”"));
    // The same once more goes on with it; something else takes its place at once.
    let again = press(&mut model, KeyCode::Char('n'));
    assert!(!again.iter().any(|wish| matches!(wish, Wish::Find { .. })));
    let other = press(&mut model, KeyCode::Char('p'));
    let begun = other.iter().find_map(|wish| match wish {
        Wish::Find { search, query, .. } => Some((*search, query)),
        _ => None,
    });
    assert_eq!(begun, Some((2, &Query::Problem)));
    let hit = |row| {
        Ok(Some(Hit {
            row,
            goes_on: false,
        }))
    };
    model.update(Message::Told(Told::Found(0, 1, hit(700))));
    assert_eq!(model.cursor, 0, "the answer to “fin” comes too late");
    model.update(Message::Told(Told::Found(0, 2, hit(800))));
    assert_eq!((model.cursor, model.extent.rows), (800, 801));
    // Answers about another view are none, nor is a second one.
    model.update(Message::Told(Told::Found(7, 2, hit(3))));
    model.update(Message::Told(Told::Found(0, 2, hit(3))));
    assert_eq!(model.cursor, 800);
}

/// Two million rows, and a search for the next event.
fn looking() -> Model {
    let mut model = Model::new(Look::default(), SMALL);
    model.begin();
    let extent = Extent {
        rows: 2_000_000,
        ..Extent::default()
    };
    model.update(Message::Told(Told::Extent(0, extent)));
    model.start = Some(crate::frame::Timestamp::default());
    press(&mut model, KeyCode::Char('e'));
    model
}

#[test]
fn a_search_tells_how_far_it_is_and_can_be_let_be() {
    let mut model = looking();
    assert!(model.search.pending().is_some());
    model.update(Message::Told(Told::Searching(0, 1, 1_233_999)));
    let shown = screen(&model);
    assert!(
        shown.contains("looking for event … row 1,234,000, Esc lets it be"),
        "{shown}"
    );
    let wishes = press(&mut model, KeyCode::Esc);
    assert!(wishes.contains(&Wish::LetBe), "{wishes:?}");
    let said = "looked for event as far as row 1,234,000, and let it be";
    assert_eq!(model.notice.as_deref(), Some(said));
    let hit = Hit {
        row: 5,
        goes_on: false,
    };
    model.update(Message::Told(Told::Found(0, 1, Ok(Some(hit)))));
    assert_eq!(model.cursor, 0);
}

#[test]
fn why_a_search_could_not_go_on_is_said_and_not_that_there_is_nothing() {
    let mut model = looking();
    let why = Err("the disk is gone".to_owned());
    model.update(Message::Told(Told::Found(0, 1, why)));
    assert_eq!(model.notice.as_deref(), Some("the disk is gone"));
}

#[test]
fn a_frame_and_a_connection_are_gone_to_whichever_way_they_are() {
    let rows = sample::rows("reno-vs-cubic");
    let mut model = sample::model_of("reno-vs-cubic", SMALL);
    model.cursor = 100;
    let go = |model: &mut Model, text: &str| {
        type_in(model, text);
        press(model, KeyCode::Enter);
        model.cursor
    };
    assert_eq!(go(&mut model, "/17"), 16);
    assert_eq!(go(&mut model, "/frame 90"), 89);
    assert_eq!(go(&mut model, "/90"), 89);
    assert_eq!(model.notice.as_deref(), Some("this is frame 90"));
    let first = fitting(&rows, &Query::Flow(1))[0];
    model.cursor = rows.len() as u64 - 1;
    assert_eq!(go(&mut model, "/#1"), first);
    assert_eq!(go(&mut model, "/#0"), 0);
}

#[test]
fn what_was_looked_for_is_looked_for_again_both_ways() {
    let rows = sample::rows("two-losses");
    let query = Query::Note(Kind::Retransmission);
    let found = fitting(&rows, &query);
    let mut model = sample::model_of("two-losses", SMALL);
    type_in(&mut model, "/retransmission");
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.cursor, found[0]);
    press(&mut model, KeyCode::Char('n'));
    assert_eq!(model.cursor, found[1]);
    press(&mut model, KeyCode::Char('N'));
    assert_eq!(model.cursor, found[0]);
    press(&mut model, KeyCode::End);
    type_in(&mut model, "\\");
    press(&mut model, KeyCode::Up);
    assert_eq!(model.search.prompt.line.text(), "retransmission");
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.cursor, *found.last().unwrap());
    press(&mut model, KeyCode::Char('n'));
    assert_eq!(model.cursor, found[found.len() - 2], "n keeps the way");
}

#[test]
fn lines_written_before_come_back_and_the_new_one_is_kept() {
    let mut model = sample::model_of("handshake", SMALL);
    for text in ["syn", "fin"] {
        type_in(&mut model, "/");
        type_in(&mut model, text);
        press(&mut model, KeyCode::Enter);
    }
    type_in(&mut model, "/se");
    let shown = |model: &Model| model.search.prompt.line.text().to_owned();
    let mut seen = Vec::new();
    for code in [
        KeyCode::Up,
        KeyCode::Up,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Down,
    ] {
        press(&mut model, code);
        seen.push(shown(&model));
    }
    assert_eq!(seen, ["fin", "syn", "syn", "fin", "se"]);
    press(&mut model, KeyCode::Enter);
    let wrong = model.search.prompt.wrong.clone().unwrap();
    assert!(
        wrong.contains("seq needs a number") || wrong.contains("text se looks for it"),
        "{wrong}"
    );
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.over, None);
}

/// A page of bulk data between a handshake and whatever comes last: the data segments of a recording over and over.
fn bulk() -> Vec<Kept> {
    let rows = sample::rows("slow-start");
    let data = rows
        .iter()
        .find(|row| row.segment().is_some_and(|s| s.len > 1000) && row.notes.is_empty())
        .unwrap();
    let mut bulk: Vec<Kept> = rows[..3].into();
    bulk.extend((0..20).map(|_| data.clone()));
    bulk.push(rows.last().unwrap().clone());
    bulk
}

#[test]
fn bulk_data_is_one_line_until_one_goes_there() {
    let mut model = sample::model_with("bulk", &bulk(), SMALL);
    let lines = |model: &Model| -> Vec<u64> {
        let lines = model.lines().take_while(|line| line.start < 24);
        lines.map(|line| line.end - line.start).collect()
    };
    assert_eq!(lines(&model), [1, 1, 1, 20, 1]);
    assert!(screen(&model).contains("20 segments, "));
    // Down is the next segment, whatever is folded.
    (0..3).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    assert_eq!(model.cursor, 3);
    let fit = usize::from(crate::tui::draw::ladder_lines(&model));
    assert_eq!(lines(&model).len(), fit, "it is open, and fills the screen");
    (0..20).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    assert_eq!(model.cursor, 23);
    assert_eq!(lines(&model).iter().max(), Some(&20), "it closed behind");
    press(&mut model, KeyCode::Char('F'));
    assert_eq!(lines(&model).iter().max(), Some(&1));
    press(&mut model, KeyCode::Char('F'));
    // Pages count lines, and pass over what is folded.
    press(&mut model, KeyCode::Home);
    press(&mut model, KeyCode::PageDown);
    assert_eq!(model.cursor, 23);
    press(&mut model, KeyCode::PageUp);
    assert_eq!(model.cursor, 0);
}

#[test]
fn folded_pages_are_asked_for_until_the_screen_is_full() {
    let data = bulk()[5].clone();
    let page = |number: u64| Page {
        number,
        rows: vec![data.clone(); PAGE_ROWS as usize].into(),
    };
    let mut model = Model::new(Look::default(), SMALL);
    model.begin();
    model.update(Message::Told(Told::Page(0, page(0))));
    let extent = crate::tui::Extent {
        rows: 100 * PAGE_ROWS,
        complete: true,
        ..Default::default()
    };
    model.update(Message::Told(Told::Extent(0, extent)));
    // The cursor holds the first page open; below its last row come the others.
    (model.cursor, model.top) = (PAGE_ROWS - 1, PAGE_ROWS - 1);
    let mut asked: Vec<u64> = Vec::new();
    let mut wishes = model.update(Message::Resize(SMALL.0, SMALL.1));
    while let Some(wish) = wishes.pop() {
        if let Wish::Page(number) = wish {
            asked.push(number);
            wishes.extend(model.update(Message::Told(Told::Page(0, page(number)))));
        }
    }
    let folded = model
        .lines()
        .filter(|line| line.end - line.start == PAGE_ROWS);
    let folded = folded.count();
    assert!(folded > 5);
    assert_eq!(asked.len(), folded, "each once: {asked:?}");
}

fn buckets(rows: &[Kept]) -> Arc<[Bucket]> {
    let bucket = |(place, row): (usize, &Kept)| {
        let mut bucket = Bucket {
            first_row: place as u64,
            rows: 1,
            times: (row.time, row.time),
            ..Bucket::default()
        };
        if let Some(s) = row.segment() {
            bucket.bytes[s.dir.0.index()] = s.len.into();
        }
        let noted = |kind| row.notes.iter().filter(|note| note.kind == kind).count() as u32;
        bucket.resent = noted(Kind::Retransmission);
        bucket.zero_windows = noted(Kind::ZeroWindow);
        bucket
    };
    rows.iter().enumerate().map(bucket).collect()
}

/// Tells a model of the strip and of the connections as the reader would.
pub(super) fn tell_the_rest(model: &mut Model, rows: &[Kept]) {
    model.update(Message::Told(Told::Overview(0, buckets(rows))));
    let segment = rows.iter().find_map(Kept::segment).unwrap();
    let line = FlowLine {
        flow: 0,
        ends: [segment.src, segment.dst],
        start: rows[0].time,
        duration_ns: rows[rows.len() - 1].time.nanos_since(rows[0].time),
        segments: rows.len() as u64,
        bytes: [1_000, 2_000],
        shape: Shape::Sf,
        problems: 1,
    };
    model.update(Message::Told(Told::Flows([line].into())));
}

#[test]
fn tenths_and_clicks_on_the_strip_jump() {
    let rows = sample::rows("two-losses");
    let last = rows.len() as u64 - 1;
    let mut model = sample::model_of("two-losses", SMALL);
    // Without a strip tenths are of the rows.
    press(&mut model, KeyCode::Char('5'));
    assert_eq!(model.cursor, last / 2);
    tell_the_rest(&mut model, &rows);
    let mut seen = Vec::new();
    press(&mut model, KeyCode::Char('0'));
    for _ in 0..10 {
        seen.push(model.cursor);
        press(&mut model, KeyCode::Char('>'));
    }
    assert!(seen.is_sorted() && seen[0] == 0, "{seen:?}");
    assert_eq!(model.cursor, last);
    press(&mut model, KeyCode::Char('<'));
    assert!(model.cursor < last);
    click(&mut model, 79, 1);
    assert!(model.cursor > last / 2, "{} of {last}", model.cursor);
    click(&mut model, 0, 1);
    assert_eq!(model.cursor, 0);
}

#[test]
fn the_mouse_chooses_rows_and_panes_and_scrolls() {
    let mut model = sample::model_of("data", SMALL);
    click(&mut model, 30, 5);
    assert_eq!(model.cursor, 2, "below title, strip and hosts");
    mouse(&mut model, MouseEventKind::ScrollDown, 30, 5);
    assert_eq!(model.cursor, 5);
    click(&mut model, 30, 20);
    assert_eq!(model.focus, model.beside);
    press(&mut model, KeyCode::Char('?'));
    mouse(&mut model, MouseEventKind::ScrollDown, 30, 5);
    assert_eq!((model.help_top > 0, model.cursor), (true, 5));
    click(&mut model, 30, 5);
    assert_eq!(model.over, None);
}

#[test]
fn a_connection_is_followed_alone_from_the_row_looked_at() {
    let rows = sample::rows("reno-vs-cubic");
    let mut model = sample::model_of("reno-vs-cubic", SMALL);
    assert!(model.is_tagged(), "there are several connections");
    let at = rows
        .iter()
        .rposition(|row| row.segment().is_some_and(|s| s.flow == 1))
        .unwrap();
    model.cursor = at as u64;
    let wishes = press(&mut model, KeyCode::Char('o'));
    let view = Wish::View {
        number: 1,
        flow: Some(1),
    };
    assert_eq!(wishes[0], view);
    let frame = Query::Frame(None, rows[at].frame);
    assert!(
        wishes
            .iter()
            .any(|wish| matches!(wish, Wish::Find { query, .. } if *query == frame)),
        "{wishes:?}"
    );
    let alone: Vec<Kept> = rows
        .iter()
        .filter(|row| row.segment().is_some_and(|s| s.flow == 1))
        .cloned()
        .collect();
    sample::tell(&mut model, 1, &alone);
    let hit = Hit {
        row: alone.len() as u64 - 1,
        goes_on: false,
    };
    model.update(Message::Told(Told::Found(1, 1, Ok(Some(hit)))));
    assert_eq!(model.current().unwrap().frame, rows[at].frame);
    assert!(!model.is_tagged());
    let wishes = press(&mut model, KeyCode::Char('{'));
    let view = Wish::View {
        number: 2,
        flow: Some(0),
    };
    assert_eq!(wishes[0], view, "one connection after another, each alone");
}

#[test]
fn among_all_the_next_connection_is_gone_to_where_it_begins() {
    let rows = sample::rows("reno-vs-cubic");
    let mut model = sample::model_of("reno-vs-cubic", SMALL);
    press(&mut model, KeyCode::Char('}'));
    let first = fitting(&rows, &Query::Flow(1))[0];
    assert_eq!(model.cursor, first);
    press(&mut model, KeyCode::Char('{'));
    assert_eq!(model.cursor, fitting(&rows, &Query::Flow(0))[0]);
    press(&mut model, KeyCode::Char('{'));
    let notice = model.notice.clone().unwrap();
    assert_eq!(notice, "no connection before this one");
}

#[test]
fn it_plays_until_the_end_and_a_key_pauses_it() {
    let rows = sample::rows("handshake");
    let mut model = sample::model_of("handshake", SMALL);
    assert_eq!(model.patience(), None);
    press(&mut model, KeyCode::Char('r'));
    let mut now = Duration::from_secs(9);
    let mut ticks = 0;
    while let Some(patience) = model.patience() {
        now += patience;
        model.update(Message::Tick(now));
        ticks += 1;
        assert!(ticks < 1000);
    }
    assert_eq!(model.cursor, rows.len() as u64 - 1);
    assert_eq!(model.notice.as_deref(), Some("the capture ends"));
    let took = rows[rows.len() - 1].time.since(rows[0].time);
    let shown = now.checked_sub(Duration::from_secs(9)).unwrap();
    assert!(
        shown >= took.min(Duration::from_secs(2)),
        "{shown:?} {took:?}"
    );
    press(&mut model, KeyCode::Home);
    press(&mut model, KeyCode::Char('r'));
    press(&mut model, KeyCode::Down);
    assert_eq!(model.patience(), None);
}
