//! The bytes pane, the why pane, copying, marks: keys in, and what is drawn and wished for then.

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::sample::{model_of, model_with, rows};
use crate::craft::{Around, Fragments, Recipe};
use crate::decode::Decoder;
use crate::event::{Event, Kept};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::inspect::{Line, Outline};
use crate::tui::model::Pane;
use crate::tui::{Hit, Measured, Message, Model, PAGE_ROWS, Page, Query, Told, Wish, draw};

/// Presses keys, one for each character; `\t` is Tab, `\n` Enter, `\x08` Backspace, `\x1b` Esc.
pub(super) fn press(model: &mut Model, keys: &str) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for key in keys.chars() {
        let code = match key {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            '\x08' => KeyCode::Backspace,
            '\x1b' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        wishes.extend(model.update(Message::Key(event)));
    }
    wishes
}

/// What the screen shows, line by line; what is reversed stands in ⟦ ⟧.
pub(super) fn picture(model: &Model) -> String {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut reversed = false;
        for x in 0..width {
            let cell = &buffer[(x, y)];
            let now = cell.modifier.contains(ratatui::style::Modifier::REVERSED);
            if now != reversed {
                line.push(if now { '⟦' } else { '⟧' });
                reversed = now;
            }
            line.push_str(cell.symbol());
        }
        if reversed {
            line.push('⟧');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Name of the line looked at in the bytes pane, and its first byte.
fn looked_at(model: &Model) -> (String, usize) {
    let looked = model.with_sheet(|_, sheet, _| {
        let outline = Outline::new(sheet);
        let line = outline.line(model.bytes.at(&outline)).unwrap();
        let name = match line {
            Line::Header(header) => sheet.headers[header].name.to_owned(),
            Line::Rest(rest) => sheet.rests[rest].name.to_owned(),
            line => match outline.field(line) {
                Some((header, laid)) => format!("{} {}", header.name, laid.field.name),
                None => format!("{line:?}"),
            },
        };
        (name, outline.bytes_of(line).1.start)
    });
    looked.unwrap()
}

fn frame_of(model: &Model) -> u64 {
    model.current().unwrap().frame
}

#[test]
fn fields_and_bytes_move_each_other() {
    let mut model = model_of("handshake", (80, 24));
    press(&mut model, "\t\t\t");
    assert_eq!(looked_at(&model).0, "TCP");
    press(&mut model, "jjj");
    assert_eq!(looked_at(&model), ("TCP sequence number".to_owned(), 38));
    // Byte by byte through the number, and on into the next one.
    press(&mut model, "lll");
    assert_eq!(looked_at(&model).0, "TCP sequence number");
    press(&mut model, "l");
    assert_eq!(looked_at(&model).0, "TCP acknowledgment number");
    press(&mut model, "h");
    assert_eq!(
        (looked_at(&model).0.as_str(), model.bytes.within),
        ("TCP sequence number", 3)
    );
    // In the dump, up and down are rows, which are longer there: it has the room of the fields.
    press(&mut model, "xk");
    assert_eq!(looked_at(&model).0, "IPv4 header checksum");
    let shown = picture(&model);
    assert!(
        shown.contains(" 00 02 ab 48 1f 90 0a 98  15 db 00"),
        "{shown}"
    );
    assert!(shown.contains("   ...H............\n"), "{shown}");
    press(&mut model, "xk");
    assert_eq!(looked_at(&model).0, "IPv4 protocol");
}

#[test]
fn the_field_is_kept_from_row_to_row() {
    let mut model = model_of("handshake", (80, 24));
    press(&mut model, "\t\t\t");
    for _ in 0..500 {
        if looked_at(&model).0 == "TCP window" {
            break;
        }
        press(&mut model, "j");
    }
    let before = frame_of(&model);
    press(&mut model, "J");
    assert_eq!(
        (frame_of(&model), looked_at(&model).0.as_str()),
        (before + 1, "TCP window")
    );
    // With the keys at the ladder it is kept, too.
    press(&mut model, "\tj");
    assert_eq!(
        (frame_of(&model), looked_at(&model).0.as_str()),
        (before + 2, "TCP window")
    );
}

#[test]
fn a_folded_header_hides_its_fields_until_a_byte_of_it_is_looked_at() {
    let mut model = model_of("handshake", (80, 24));
    press(&mut model, "\t\t\tj\n");
    assert_eq!(looked_at(&model).0, "TCP");
    assert!(picture(&model).contains("> c TCP"), "{}", picture(&model));
    press(&mut model, "k");
    assert_eq!(looked_at(&model).0, "IPv4 destination");
    press(&mut model, "llll");
    assert_eq!(looked_at(&model).0, "TCP source port");
}

#[test]
fn evidence_is_a_key_away_and_back() {
    let mut model = model_of("retransmission", (80, 24));
    let rests = |row: &Kept| row.notes.iter().any(|note| note.of_frame.is_some());
    for _ in 0..500 {
        if rests(model.current().unwrap()) {
            break;
        }
        press(&mut model, "j");
    }
    let (frame, row) = (frame_of(&model), model.cursor);
    let note = &model.current().unwrap().notes[0];
    let mut frames: Vec<u64> = note.frames.iter().copied().chain(note.of_frame).collect();
    frames.retain(|other| *other != frame);
    // First it says why, which lay behind another pane.
    assert_eq!(press(&mut model, "v"), []);
    assert_eq!(model.cursor, row);
    assert!(
        picture(&model).contains("by RFC 5681"),
        "{}",
        picture(&model)
    );
    assert_eq!(press(&mut model, "v"), []);
    assert_eq!(frame_of(&model), frames[0]);
    assert!(
        picture(&model).contains(&format!("for frame {frame}")),
        "{}",
        picture(&model)
    );
    press(&mut model, "\x08");
    assert_eq!(model.cursor, row);
    press(&mut model, "\x08");
    assert!(
        model.notice.as_deref().unwrap().contains("no place"),
        "{:?}",
        model.notice
    );
}

#[test]
fn evidence_that_is_not_at_hand_is_asked_for() {
    let rows = rows("retransmission");
    let at = rows
        .iter()
        .position(|row| row.notes.iter().any(|note| note.of_frame.is_some()))
        .unwrap();
    // The rows before are elsewhere: those here begin a page further on.
    let mut model = model_with("far", &[], (80, 24));
    let page = Page {
        number: 1,
        rows: rows[at..].into(),
    };
    model.update(Message::Told(Told::Page(0, page)));
    model.cursor = PAGE_ROWS;
    let of = crate::tui::why::evidence(model.current().unwrap())[0];
    let wishes = press(&mut model, "vv");
    let find = Wish::Find {
        search: 1,
        from: PAGE_ROWS,
        back: true,
        query: Query::Frame(None, of),
    };
    assert!(wishes.contains(&find), "{wishes:?}");
    assert!(Query::Frame(None, of).fits(&rows[of as usize - 1]));
    let hit = Hit {
        row: 3,
        goes_on: false,
    };
    model.update(Message::Told(Told::Found(0, 1, Ok(Some(hit)))));
    assert_eq!(model.cursor, 3);
    press(&mut model, "\x08");
    assert_eq!(model.cursor, PAGE_ROWS);
}

#[test]
fn evidence_that_is_no_row_of_what_is_looked_at_is_shown_all_the_same() {
    let rows = rows("retransmission");
    let noted = |row: &&Kept| row.notes.iter().any(|note| note.of_frame.is_some());
    let row = rows.iter().find(noted).unwrap();
    let frames = crate::tui::why::evidence(row);
    let mut model = model_with("chosen", &[], (120, 40));
    let page = Page {
        number: 0,
        rows: [row.clone()].into(),
    };
    let wishes = model.update(Message::Told(Told::Page(0, page)));
    let wish = Wish::Frames {
        host: None,
        frames: frames.clone(),
    };
    assert!(wishes.contains(&wish), "{wishes:?}");
    let again = press(&mut model, "\t\t");
    assert!(!again.contains(&wish), "once is enough");
    let of = &rows[frames[0] as usize - 1];
    let before = picture(&model);
    model.update(Message::Told(Told::Frames(0, vec![of.clone()])));
    let shown = picture(&model);
    let line = format!("{}  ", of.frame);
    let has = |picture: &str| picture.lines().filter(|at| at.contains(&line)).count();
    assert!(has(&shown) > has(&before), "{before}\n{shown}");
    // Frames of a row that was left are of no use.
    model.update(Message::Told(Told::Frames(0, vec![row.clone()])));
    assert_eq!(picture(&model), shown);
}

#[test]
fn what_is_copied_is_what_replay_writes_and_craft_reads() {
    let mut model = model_of("handshake", (80, 24));
    let wishes = press(&mut model, "jyY");
    let [Wish::Copy(json), Wish::Copy(command)] = wishes.as_slice() else {
        panic!("{wishes:?}");
    };
    assert!(
        json.starts_with("{\"type\":\"segment\",\"frame\":2,"),
        "{json}"
    );
    assert!(!json.contains('\n'));
    let words = command.strip_prefix("wirelab craft --dry-run ").unwrap();
    let recipe = Recipe::parse(&[words]).unwrap();
    let built = recipe.build(&Around::default());
    assert_eq!(built.bytes, *model.current().unwrap().bytes);
}

#[test]
fn sums_between_marks_are_those_of_their_rows() {
    let mut model = model_of("data", (80, 24));
    let rows = rows("data");
    press(&mut model, "jjm");
    for keys in ["jjjj", "k", "G", "kkk", "g", "j"] {
        press(&mut model, keys);
        let (from, to) = model.measuring().unwrap();
        let direct = Measured::of(rows[from as usize..=to as usize].iter().map(Some)).unwrap();
        assert_eq!(model.measured_now(), Some(&direct), "{keys}");
    }
    // A second mark holds the other end, a third begins anew, and the same key takes one away.
    press(&mut model, "Gmg");
    assert_eq!(model.measuring(), Some((2, rows.len() as u64 - 1)));
    press(&mut model, "'");
    assert_eq!(model.cursor, 2);
    press(&mut model, "'");
    assert_eq!(model.cursor, rows.len() as u64 - 1);
    press(&mut model, "m");
    assert_eq!(model.measuring(), Some((2, rows.len() as u64 - 1)));
    press(&mut model, "'m");
    assert_eq!(model.measuring(), None);
}

#[test]
fn what_is_not_at_hand_is_measured_elsewhere() {
    let mut model = model_of("handshake", (80, 24));
    press(&mut model, "m");
    let more = crate::tui::Extent {
        rows: 100_000,
        complete: true,
        ..crate::tui::Extent::default()
    };
    model.update(Message::Told(Told::Extent(0, more)));
    let wishes = press(&mut model, "G");
    let wish = Wish::Measure {
        from: 0,
        to: 99_999,
    };
    assert!(wishes.contains(&wish), "{wishes:?}");
    // One at a time, and the answer counts for the rows that were asked about.
    assert!(
        !press(&mut model, "k")
            .iter()
            .any(|wish| matches!(wish, Wish::Measure { .. }))
    );
    let sum = Measured {
        rows: 100_000,
        ..Measured::default()
    };
    model.update(Message::Told(Told::Measured(0, 0, 99_999, Some(sum))));
    press(&mut model, "j");
    assert_eq!(model.measured_now(), Some(&sum));
}

#[test]
fn a_pane_can_have_the_screen_for_itself() {
    let mut model = model_of("handshake", (80, 24));
    press(&mut model, "\t\t\tz");
    let bytes = picture(&model);
    assert!(
        bytes.contains("0038") && !bytes.contains("SYN seq"),
        "{bytes}"
    );
    press(&mut model, "\x1b");
    assert!(picture(&model).contains("SYN seq"), "{}", picture(&model));
}

#[test]
fn checksums_are_worked_out_on_a_key() {
    let mut model = model_of("data", (80, 24));
    press(&mut model, "jjjs");
    let text = picture(&model);
    assert!(
        text.contains("TCP checksum") || text.contains("IPv4 header checksum"),
        "{text}"
    );
    press(&mut model, "G");
    assert!(
        picture(&model).contains("good: they are the same"),
        "{}",
        picture(&model)
    );
    press(&mut model, "s");
    assert!(model.over.is_none());
}

#[test]
fn a_large_screen_has_two_panes_and_the_mouse_chooses() {
    let mut model = model_of("retransmission", (200, 60));
    let text = picture(&model);
    assert!(
        text.contains("── both ends") && text.contains("── why"),
        "{text}"
    );
    super::click(&mut model, 150, 50);
    assert_eq!((model.focus, model.beside), (Pane::Why, Pane::Why));
    // The one that is not looked at is told of, too.
    press(&mut model, "\t");
    let text = picture(&model);
    assert!(
        text.contains("── both ends") && text.contains("━━ bytes"),
        "{text}"
    );
    model.update(Message::Told(Told::Board(0, 0, None)));
    let wishes = press(&mut model, "J");
    assert!(wishes.contains(&Wish::Board(1)), "{wishes:?}");
    super::click(&mut model, 150, 5);
    assert_eq!((model.focus, model.beside), (Pane::Ends, Pane::Ends));
}

#[test]
fn the_panes_as_they_look() {
    for (name, size) in [("80", (80, 24)), ("200", (200, 60))] {
        let mut model = model_of("retransmission", size);
        let rests = |row: &Kept| row.notes.iter().any(|note| note.of_frame.is_some());
        for _ in 0..500 {
            if rests(model.current().unwrap()) {
                break;
            }
            press(&mut model, "j");
        }
        press(&mut model, "mv");
        insta::assert_snapshot!(format!("step-why-{name}"), picture(&model));
        press(&mut model, "v");
        insta::assert_snapshot!(format!("step-evidence-{name}"), picture(&model));
        press(&mut model, "\t\t\tjjjjjl");
        insta::assert_snapshot!(format!("step-bytes-{name}"), picture(&model));
        press(&mut model, "z");
        insta::assert_snapshot!(format!("step-bytes-zoomed-{name}"), picture(&model));
        press(&mut model, "s");
        insta::assert_snapshot!(format!("step-sums-{name}"), picture(&model));
    }
}

#[test]
fn fragments_are_put_together() {
    let words = "ipv4 src=10.0.0.1 dst=10.0.0.2 id=7 / udp dport=9 / pattern 64";
    let recipe = Recipe::parse(&[words]).unwrap();
    let cut = Fragments {
        size: 32,
        overlap: 0,
        fill: None,
        order: crate::craft::Order::Forward,
    };
    let pieces = cut.of(&recipe, &recipe.build(&Around::default())).unwrap();
    let mut decoder = Decoder::new();
    let rows = pieces.iter().enumerate();
    let rows = rows.map(|(at, bytes)| {
        let number = at as u64 + 1;
        let frame = row(number, bytes, LinkType::RAW);
        let frame = frame.frame();
        Kept::of(&frame, &Event::Packet(&frame, &decoder.decode(&frame))).unwrap()
    });
    let rows: Vec<Kept> = rows.collect();
    let mut model = model_with("fragments", &rows, (100, 40));
    press(&mut model, "\t\t\tj");
    assert!(
        !picture(&model).contains("The datagram"),
        "{}",
        picture(&model)
    );
    press(&mut model, "JJ");
    assert_eq!(model.pieces().len(), 3);
    for _ in 0..500 {
        if looked_at(&model).0 == "Datagram" {
            break;
        }
        press(&mut model, "j");
    }
    let text = picture(&model);
    assert!(
        text.contains("The datagram this fragment completes, 72 bytes from 3 fragments"),
        "{text}"
    );
    press(&mut model, "jjj");
    assert_eq!(looked_at(&model).0, "UDP destination port");
    // Its bytes are those of the datagram, from its own beginning on.
    assert_eq!(looked_at(&model).1, 2);
    press(&mut model, "hhh");
    assert_eq!(looked_at(&model), ("UDP source port".to_owned(), 0));
    // Alone it is whole, and the others are not said to be missing.
    let mut model = model_with("fragments", &rows[2..], (100, 40));
    model.flow = Some(0);
    press(&mut model, "\t\t\t");
    let text = picture(&model);
    assert!(
        text.contains("\nfrom 3 fragments; o shows the rows of the others, too"),
        "{text}"
    );
    assert!(!text.contains("missing:"), "{text}");
}

/// A row of any bytes.
fn row(number: u64, bytes: &[u8], link_type: LinkType) -> Kept {
    let frame = Frame {
        number,
        time: Timestamp::from_nanos(number * 1_000_000),
        link_type,
        interface: 0,
        original_len: bytes.len() as u32,
        bytes,
        comment: None,
    };
    let mut decoder = crate::decode::Decoder::new();
    let packet = decoder.decode(&frame);
    Kept::of(&frame, &Event::Packet(&frame, &packet)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_bytes_and_no_keys_make_it_fall_over(
        frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..90), any::<bool>()), 0..5),
        keys in "[\t\n\x08\x1bjkJKhlxszvmyYgGbq?' ]{0,40}",
        size in (1_u16..220, 1_u16..70),
    ) {
        let rows = frames.iter().enumerate().map(|(at, (bytes, ip))| {
            let link = if *ip { LinkType::RAW } else { LinkType::ETHERNET };
            row(at as u64 + 1, bytes, link)
        });
        let mut model = model_with("any", &rows.collect::<Vec<_>>(), size);
        for key in keys.chars() {
            press(&mut model, &key.to_string());
            let _ = picture(&model);
        }
    }

    #[test]
    fn nor_do_frames_of_recordings(
        name in prop::sample::select(vec!["options", "pmtu", "arp", "ipv6-neighbours", "traceroute"]),
        keys in "[\t\n\x08\x1bjkJKhlxszvmyY'G]{0,30}",
        size in (40_u16..220, 8_u16..70),
    ) {
        let mut model = model_of(name, size);
        for key in keys.chars() {
            press(&mut model, &key.to_string());
            let _ = picture(&model);
        }
    }
}

#[test]
fn marks_go_along_to_the_packets_that_another_view_has() {
    let mut model = model_of("reno-vs-cubic", (80, 24));
    let rows = rows("reno-vs-cubic");
    let of = |flow| {
        let of = move |row: &&Kept| row.segment().is_some_and(|s| s.flow == flow);
        rows.iter().filter(of).cloned().collect::<Vec<_>>()
    };
    let [first, second] = [of(0), of(1)];
    let place = |kept: &Kept| rows.iter().position(|row| row.frame == kept.frame).unwrap() as u64;
    // One mark on each connection; then one connection alone.
    (model.cursor, model.top) = (place(&first[5]), 0);
    press(&mut model, "m");
    (model.cursor, model.top) = (place(&second[7]), 0);
    press(&mut model, "m");
    let wishes = press(&mut model, "o");
    let frames = vec![(None, first[5].frame), (None, second[7].frame)];
    assert!(wishes.contains(&Wish::Places(frames)), "{wishes:?}");
    assert_eq!(model.marks(), [None, None], "not before it is known where");
    super::sample::tell(&mut model, 1, &second);
    let places = vec![
        (None, first[5].frame, None),
        (None, second[7].frame, Some(7)),
    ];
    model.update(Message::Told(Told::Places(1, places)));
    assert_eq!((model.mark_on(7), model.mark_on(5)), (Some('b'), None));
    press(&mut model, "g'");
    assert_eq!(model.cursor, 7);
    press(&mut model, "jj");
    let sum = Measured::of(second[7..=9].iter().map(Some)).unwrap();
    assert_eq!(model.measured_now(), Some(&sum), "of the rows of this view");
    // Both are there again where both can be.
    let wishes = press(&mut model, "o");
    assert!(
        wishes
            .iter()
            .any(|wish| matches!(wish, Wish::Places(frames) if frames.len() == 2))
    );
    super::sample::tell(&mut model, 2, &rows);
    let places = [&first[5], &second[7]].map(|kept| (None, kept.frame, Some(place(kept))));
    model.update(Message::Told(Told::Places(2, places.to_vec())));
    let (a, b) = (place(&first[5]), place(&second[7]));
    assert_eq!(model.measuring(), Some((a.min(b), a.max(b))));
}

#[test]
fn a_mark_that_is_not_in_the_view_is_told_of() {
    let mut model = model_of("reno-vs-cubic", (80, 24));
    press(&mut model, "m");
    let frame = model.current().unwrap().frame;
    press(&mut model, "o");
    let rows = rows("reno-vs-cubic");
    super::sample::tell(&mut model, 1, &rows[..3]);
    model.update(Message::Told(Told::Places(1, vec![(None, frame, None)])));
    press(&mut model, "'");
    let notice = model.notice.clone().unwrap();
    assert_eq!(
        notice,
        "frame 1 is marked, which is not in this view; m marks this row instead"
    );
    press(&mut model, "m");
    let notice = model.notice.clone().unwrap();
    assert_eq!(notice, "marks on what is not in this view are gone");
}
