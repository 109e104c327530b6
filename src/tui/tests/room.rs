//! That room is used and nothing is cut: lines of the ladder, notices, titles, and captures without anything in them.

use ratatui::crossterm::event::KeyCode;

use super::panes::{picture, press};
use super::sample::{model_of, model_with};
use crate::tui::{Message, Told};

#[test]
fn what_had_the_screen_for_itself_leaves_nothing_empty() {
    let mut model = model_of("retransmission", (80, 24));
    press(&mut model, "G\t\t\tzz");
    let lines = model.lines().count();
    let last = model.lines().last().unwrap();
    assert_eq!(last.end, model.extent.rows, "{lines} lines to the end");
    // So it is when what was folded is folded again.
    let mut model = model_of("slow-start", (80, 24));
    press(&mut model, "FGF");
    let last = model.lines().last().unwrap();
    assert!(model.top == 0 || last.end == model.extent.rows, "{last:?}");
}

#[test]
fn where_there_is_no_packet_it_is_said() {
    let mut model = model_with("empty", &[], (80, 24));
    let shown = picture(&model);
    assert!(
        shown.contains("No packet: there is none in this capture"),
        "{shown}"
    );
    press(&mut model, "t");
    assert!(!model.quiz.is_on());
    let said = "there is no packet yet after which one could come";
    assert_eq!(model.notice.as_deref(), Some(said));
}

#[test]
fn a_long_notice_is_told_to_its_end_and_a_long_path_from_its() {
    let mut model = model_of("handshake", (80, 24));
    model.look.title = format!("/{}/of/{}/trace.pcapng", "far".repeat(20), "it".repeat(9));
    let words = "damaged at frame 2: ".to_owned() + &"a reason ".repeat(12) + "to the end";
    model.update(Message::Told(Told::Failed(words)));
    let shown = picture(&model);
    assert!(shown.contains("/trace.pcapng"), "{shown}");
    let last: Vec<&str> = shown.lines().rev().take(2).collect();
    assert!(last[1].starts_with("damaged at frame 2"), "{shown}");
    assert!(last[0].ends_with("to the end"), "{shown}");
    press(&mut model, "j");
    assert!(!picture(&model).contains("damaged"));
}

#[test]
fn marks_go_away_when_asked_to() {
    let mut model = model_of("zero-window", (80, 24));
    press(&mut model, "mjjm");
    assert_eq!(model.marks().iter().flatten().count(), 2);
    press(&mut model, "m");
    assert_eq!(model.notice.as_deref(), Some("the mark here is gone"));
    model.update(Message::Key(KeyCode::Esc.into()));
    assert_eq!(model.marks(), [None, None]);
    assert_eq!(model.notice.as_deref(), Some("the marks are gone"));
}
