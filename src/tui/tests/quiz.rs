//! Asking what comes next: nothing of it may be seen before, and all of it is explained after.

use ratatui::crossterm::event::KeyCode;

use super::moving::tell_the_rest;
use super::{press, sample, screen, type_in};
use crate::event::{Board, HalfBoard};
use crate::tui::{Message, Model, Told, Wish};

fn asked(recording: &str, at: u64) -> Model {
    let mut model = sample::model_of(recording, (100, 40));
    let rows = sample::rows(recording);
    tell_the_rest(&mut model, &rows);
    model.cursor = at;
    let wishes = press(&mut model, KeyCode::Char('t'));
    assert!(wishes.contains(&Wish::Board(at)), "{wishes:?}");
    model
}

#[test]
fn nothing_of_what_comes_next_is_seen() {
    let rows = sample::rows("retransmission");
    for at in 0..rows.len() as u64 - 1 {
        let mut model = asked("retransmission", at);
        // The screen is the same whatever comes: even nothing but one more segment.
        let mut cut = sample::model_with("retransmission", &rows[..=at as usize + 1], (100, 40));
        tell_the_rest(&mut cut, &rows);
        cut.cursor = at;
        press(&mut cut, KeyCode::Char('t'));
        assert_eq!(screen(&model), screen(&cut), "at row {at}");
        // Nor is the question after that one given away by the answer to this one.
        for model in [&mut model, &mut cut] {
            press(model, KeyCode::Enter);
        }
        assert_eq!(screen(&model), screen(&cut), "told of row {}", at + 1);
    }
}

#[test]
fn keys_fill_in_the_form_and_nothing_else() {
    let mut model = asked("handshake", 0);
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Down);
    type_in(&mut model, "0");
    press(&mut model, KeyCode::Down);
    type_in(&mut model, "12");
    press(&mut model, KeyCode::Backspace);
    for other in ['n', 'p', 'c', '/', '>', 'G'] {
        press(&mut model, KeyCode::Char(other));
    }
    assert_eq!((model.cursor, model.over), (0, None));
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.cursor, 1);
    assert_eq!(model.quiz.score, (4, 4), "{}", screen(&model));
    let told = screen(&model);
    assert!(told.contains("4 of 4 right"), "{told}");
    press(&mut model, KeyCode::Enter);
    assert_eq!((model.cursor, model.quiz.score), (1, (4, 4)));
    press(&mut model, KeyCode::Esc);
    let notice = model.notice.clone().unwrap();
    assert_eq!(notice, "no more questions; 4 of 4 right");
    assert!(screen(&model).contains(" of "));
}

#[test]
fn why_it_was_that_number_is_told_from_how_the_connection_stood() {
    let rows = sample::rows("data");
    let at = rows
        .iter()
        .position(|row| row.segment().is_some_and(|s| s.len > 0))
        .unwrap();
    let segment = rows[at].segment().unwrap();
    let mut model = asked("data", at as u64 - 1);
    let mut board = Board {
        frame: rows[at - 1].frame,
        flow: 0,
        halves: [HalfBoard::default(), HalfBoard::default()],
        gave_up_at: None,
    };
    board.halves[segment.dir.0.index()].nxt = Some(segment.seq);
    board.halves[segment.dir.0.other().index()].nxt = segment.ack;
    let told = Told::Board(0, at as u64 - 1, Some(Box::new(board)));
    model.update(Message::Told(told));
    (0..2).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    type_in(&mut model, "77777");
    press(&mut model, KeyCode::Enter);
    let told = screen(&model);
    assert!(told.contains("✗ wrong seq: 1   you said 77,777"), "{told}");
    assert!(
        told.contains("It has sent everything before 1: that is its SND.NXT"),
        "{told}"
    );
    assert!(
        told.contains("All that the other side has sent has come: 1 is the next"),
        "{told}"
    );
}

#[test]
fn at_the_end_nothing_is_asked() {
    let mut model = sample::model_of("handshake", (80, 24));
    press(&mut model, KeyCode::End);
    press(&mut model, KeyCode::Char('t'));
    assert_eq!(model.notice.as_deref(), Some("nothing comes after this"));
    assert!(!model.quiz.is_on());
}
