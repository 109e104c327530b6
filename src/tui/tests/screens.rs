//! What each screen looks like, small and large.

use std::sync::Arc;

use ratatui::crossterm::event::KeyCode;

use super::moving::tell_the_rest;
use super::{press, read, sample, screen, type_in};
use crate::event::{Endpoint, Shape};
use crate::frame::Timestamp;
use crate::tui::{FlowLine, Look, Message, Model, Told};
use crate::view::Style;

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

/// A model that knows all of a recording, at that row.
fn model(recording: &str, size: (u16, u16), row: u64) -> Model {
    let mut model = sample::model_of(recording, size);
    tell_the_rest(&mut model, &sample::rows(recording));
    (0..row).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    model
}

fn shot(name: &str, model: &Model) {
    let (columns, lines) = model.size;
    insta::assert_snapshot!(format!("{name}_{columns}x{lines}"), screen(model));
}

#[test]
fn the_ladder_folds_bulk_data_under_a_strip() {
    for size in SIZES {
        let mut folded = model("slow-start", size, 0);
        shot("folded", &folded);
        press(&mut folded, KeyCode::Char('p'));
        shot("problem", &folded);
    }
}

#[test]
fn what_to_look_for_is_written_below() {
    for size in SIZES {
        let mut asking = model("data", size, 4);
        type_in(&mut asking, "/text 你好");
        shot("search", &asking);
        press(&mut asking, KeyCode::Esc);
        type_in(&mut asking, "/winter");
        press(&mut asking, KeyCode::Enter);
        shot("search_wrong", &asking);
    }
}

#[test]
fn connections_are_listed() {
    let line = |flow: u32| FlowLine {
        flow,
        ends: [
            Endpoint {
                addr: if flow == 2 {
                    "2001:db8:1234:5678:9abc:def0:1234:5678".parse().unwrap()
                } else {
                    [10, 0, 0, flow as u8].into()
                },
                port: 40_000 + flow as u16,
            },
            Endpoint {
                addr: if flow == 2 {
                    "2001:db8::80".parse().unwrap()
                } else {
                    [192, 0, 2, 80].into()
                },
                port: 443,
            },
        ],
        start: Timestamp::from_nanos(u64::from(flow) * 1_250_000_000),
        duration_ns: u64::from(flow) * 37_000_000,
        segments: 3 + u64::from(flow) * 1_234,
        bytes: [u64::from(flow) * 1_000, u64::from(flow) * 98_765_432],
        shape: [Shape::Sf, Shape::Rej, Shape::S1, Shape::Rsto][flow as usize % 4],
        problems: flow % 3 * 7,
    };
    let flows: Arc<[FlowLine]> = (0..40).map(line).collect();
    for size in SIZES {
        let mut listed = model("data", size, 0);
        listed.update(Message::Told(Told::Flows(Arc::clone(&flows))));
        press(&mut listed, KeyCode::Char('c'));
        (0..6).for_each(|_| drop(press(&mut listed, KeyCode::Char('s'))));
        shot("list", &listed);
        type_in(&mut listed, "/refused");
        shot("list_search", &listed);
    }
}

#[test]
fn what_comes_next_is_asked_and_told() {
    for size in SIZES {
        let mut quiz = model("retransmission", size, 5);
        press(&mut quiz, KeyCode::Char('t'));
        let board = sample::board("retransmission", 5).map(Box::new);
        quiz.update(Message::Told(Told::Board(0, 5, board)));
        press(&mut quiz, KeyCode::Right);
        press(&mut quiz, KeyCode::Down);
        shot("predict_asked", &quiz);
        press(&mut quiz, KeyCode::Right);
        (0..2).for_each(|_| drop(press(&mut quiz, KeyCode::Down)));
        type_in(&mut quiz, "1");
        press(&mut quiz, KeyCode::Enter);
        shot("predict_told", &quiz);
    }
}

#[test]
fn keys_are_told() {
    for size in SIZES {
        let mut help = model("data", size, 0);
        press(&mut help, KeyCode::Char('?'));
        shot("help", &help);
    }
}

#[test]
fn no_size_and_no_moment_is_too_much() {
    let rows = sample::rows("data");
    let sizes = [
        (40, 8),
        (41, 9),
        (60, 11),
        (79, 12),
        (139, 30),
        (140, 8),
        (300, 100),
        (10, 3),
    ];
    for size in sizes {
        let mut model = sample::model_with("data", &rows, size);
        tell_the_rest(&mut model, &rows);
        for keys in [
            "jj", "?", "?", "c", "/x", "\u{8}", "/len > 0", "F", "t", "12",
        ] {
            type_in(&mut model, keys);
            screen(&model);
        }
        for code in [
            KeyCode::Enter,
            KeyCode::PageDown,
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::End,
        ] {
            press(&mut model, code);
            screen(&model);
        }
    }
}

#[test]
fn ascii_is_enough() {
    let rows = sample::rows("slow-start");
    let mut model = sample::model_with("slow-start", &rows, (120, 40));
    model.look.style.unicode = false;
    tell_the_rest(&mut model, &rows);
    for keys in ["p", "t", ""] {
        type_in(&mut model, keys);
        // The heading of the second pane is looked at by its own tests.
        // Brackets mark what is reversed, and microseconds are written as everywhere.
        let drawn = screen(&model);
        let lines = drawn.lines().filter(|line| !line.starts_with('─'));
        let drawn: String = lines.collect();
        let strange: String = drawn
            .chars()
            .filter(|c| !c.is_ascii() && !"⟨⟩".contains(*c))
            .collect();
        assert_eq!(strange, "", "{drawn}");
        press(&mut model, KeyCode::Enter);
    }
}

#[test]
fn with_ascii_there_is_nothing_else_in_any_pane_and_row() {
    for recording in crate::recordings::all() {
        let recorded = read::read(recording.name);
        for (tabs, size) in [
            (0, (80, 24)),
            (2, (80, 24)),
            (3, (80, 24)),
            (1, (200, 60)),
            (3, (200, 60)),
        ] {
            let style = Style {
                unicode: false,
                ..Style::default()
            };
            let look = Look {
                style,
                ..Look::default()
            };
            let mut model = recorded.model(look, size);
            recorded.press(&mut model, KeyCode::Tab, tabs);
            for tenth in ['0', '2', '4', '6', '8'] {
                recorded.press(&mut model, KeyCode::Char(tenth), 1);
                let shown = read::screen(&model);
                assert!(shown.is_ascii(), "{} {tabs}: {shown}", recording.name);
            }
            for over in ['?', 'c', '/', 's', 't'] {
                recorded.press(&mut model, KeyCode::Char(over), 1);
                let shown = read::screen(&model);
                assert!(shown.is_ascii(), "{} {over}: {shown}", recording.name);
                recorded.press(&mut model, KeyCode::Esc, 2);
            }
        }
    }
}
