//! Conversations by hand, and the ladder drawn of them.

use super::*;
use crate::event::{Cause, Note, TcpState};
use crate::view::sample::Talk;
use crate::wire::tcp::Flags;

fn ladder(style: Style) -> Talk<Ladder> {
    Talk::new(Ladder::new(style))
}

fn at_width(width: u16) -> Talk<Ladder> {
    ladder(Style {
        width,
        ..Style::default()
    })
}

fn note(kind: Kind, number: Option<u32>) -> Note {
    let mut note = Note::new(kind, "RFC 9293", |_| {
        "a reason of the length that reasons have, with bytes 1001 to 2001 in it".to_owned()
    });
    note.number = number;
    note
}

/// A loss, found by duplicate ACKs.
fn loss(talk: &mut Talk<Ladder>) {
    talk.handshake().at(50_100);
    for letter in [b'a', b'b', b'c', b'd'] {
        talk.send(0, &[letter; 1000]);
    }
    talk.at(100_200).rtt(50_100, 4).ack_at(1, 1001);
    for n in 1..=3 {
        talk.note(note(Kind::DupAck, Some(n)))
            .sack(&[(2001, 3001)])
            .ack_at(1, 1001);
    }
    let mut again = note(Kind::Retransmission, Some(1));
    again.cause = Some(Cause::Fast);
    talk.at(100_500).note(again).resend(0, 1001, &[b'b'; 1000]);
    talk.at(150_700).ack(1);
}

/// A bit of everything that can stand in a ladder.
fn everything(talk: &mut Talk<Ladder>) {
    talk.packet(b"not a frame of any sense");
    loss(talk);
    talk.send(1, "GET /数据/你好 HTTP/1.1\r\n\x1b[31m\u{202e}".as_bytes());
    talk.opens(1, 0)
        .note(note(Kind::ZeroWindow, None))
        .comment(b"\x1b[2J evil \xe2\x80\xae")
        .ack(1);
    talk.note(note(Kind::ZeroWindowProbe, Some(1)))
        .emit(0, Flags::ACK, 4000, b"");
    talk.opens(1, 9_000);
    for _ in 0..40 {
        talk.send(0, &[b'x'; 1448]).ack(1);
    }
    talk.flow = 1;
    talk.handshake();
    talk.flow = 0;
    talk.becomes(TcpState::FinWait1, TcpState::CloseWait).fin(0);
    let mut flow = talk.summary();
    flow.notes[0].add(Kind::Retransmission);
    talk.flow(&flow)
        .event(&Event::Notice("too many connections"))
        .end();
}

#[test]
fn a_loss_reads_as_it_happened() {
    let mut talk = at_width(80);
    loss(&mut talk);
    let expected = "\
frame   seconds     gap 10.0.0.1:40312                        10.0.0.2:80 window
── setup ───────────────────────────────────────────────────────────────────────
    1  0.000000         ├─ SYN seq 0 win 64240 mss 1460 ws 7 sack-ok ──▶│
                        │ SYN-SENT                         SYN-RECEIVED │
    2  0.000040   +40µs │◀───── SYN ACK seq 0 ack 1 win 64240 mss 1460 ─┤
                        │ ESTABLISHED                                   │
    3  0.000060   +20µs ├─ ACK 1 win 64256 ────────────────────────────▶│
                        │                                   ESTABLISHED │
── transfer ── MSS 1460, windows ×128, SACK, no timestamps ─────────────────────
    4  0.050100 +50.0ms ├─ PSH ACK seq 1 len 1000 ack 1 \"aaaaaaaaaa…\" ─▶│ █·····
    5  0.050100         ├─ PSH ACK seq 1001 len 1000 ack 1 \"bbbbbbb…\" ─▶│ █·····
    6  0.050100         ├─ PSH ACK seq 2001 len 1000 ack 1 \"ccccccc…\" ─▶│ █·····
    7  0.050100         ├─ PSH ACK seq 3001 len 1000 ack 1 \"ddddddd…\" ─▶│ █·····
    8  0.100200 +50.1ms │◀───────────────────────── ACK 1001 win 65152 ─┤ █·····
    9  0.100200         │◀────────── ACK 1001 sack 2001-3001 win 65152 ─┤ █·····
                        │ • dup-ack #1: a reason of the length that reasons
                        │   have, with bytes 1001 to 2001 in it
   10  0.100200         │◀─ dup-ack #2 ─────── ACK 1001 sack 2001-3001 ─┤ █·····
   11  0.100200         │◀─ dup-ack #3 ─────── ACK 1001 sack 2001-3001 ─┤ █·····
   12  0.100500  +300µs ├╌ PSH ACK seq 1001 len 1000 ack 1 \"bbbbbbb…\" ╌▶│ █·····
                        │ ! retransmission #1 (fast): a reason of the length
                        │   that reasons have, with bytes 1001 to 2001 in it
   13  0.150700 +50.2ms │◀───────────────────────── ACK 4001 win 65152 ─┤
";
    assert_eq!(
        talk.text().lines().collect::<Vec<_>>(),
        expected.lines().collect::<Vec<_>>()
    );
}

#[test]
fn no_line_is_wider_than_asked_and_none_does_anything_to_a_terminal() {
    for width in 40..220 {
        let mut talk = at_width(width);
        everything(&mut talk);
        for line in talk.text().lines() {
            // The hosts' own line can't be narrower than their addresses.
            assert!(
                text::width(line) <= usize::from(width).max(48),
                "{width}: {line}"
            );
        }
        assert!(!talk.text().chars().any(|c| c != '\n' && text::is_unsafe(c)));
    }
}

#[test]
fn arrows_end_at_the_right_host_at_every_width() {
    for width in 40..220 {
        let mut talk = at_width(width);
        loss(&mut talk);
        let edge = Layout::new(width, false);
        let edge = edge.gutter + edge.inner + 1;
        for line in talk.text().lines().filter(|l| l.contains(['▶', '◀'])) {
            let at = line
                .chars()
                .position(|c| c == '│' || c == '┤')
                .unwrap_or_default();
            let right = line.chars().nth(edge);
            assert!(
                matches!(right, Some('│' | '┤')),
                "{width}: {at} {edge} {line}"
            );
        }
    }
}

#[test]
fn wide_notes_stand_beside_the_arrow() {
    let mut talk = at_width(160);
    loss(&mut talk);
    let line = talk
        .text()
        .lines()
        .find(|l| l.contains("retransmission"))
        .unwrap();
    assert!(
        line.contains("seq 1001") && line.contains("3000 of 65.2k"),
        "{line}"
    );
}

#[test]
fn a_long_run_is_folded_unless_all_is_asked_for() {
    let rows = |all| {
        let mut talk = ladder(Style {
            all,
            ..Style::default()
        });
        talk.handshake();
        for _ in 0..40 {
            talk.send(0, &[b'x'; 1448]).ack(1);
        }
        talk.end();
        talk.text().to_owned()
    };
    assert!(rows(false).lines().count() < 20);
    assert!(
        rows(false).contains("73 segments, 52.1kB →"),
        "{}",
        rows(false)
    );
    assert!(rows(true).lines().count() > 80);
}

#[test]
fn what_is_held_back_is_shown_when_nothing_more_comes() {
    let mut talk = at_width(80);
    talk.handshake();
    for _ in 0..40 {
        talk.send(0, &[b'x'; 1448]).ack(1);
    }
    assert!(!talk.text().contains("segments"));
    let mut out = Vec::new();
    talk.view.pause(&mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("73 segments"));
}

#[test]
fn interleaved_connections_are_told_apart() {
    let mut talk = at_width(80);
    talk.handshake();
    talk.flow = 1;
    talk.hosts[0].port = 40314;
    talk.handshake();
    talk.flow = 0;
    talk.hosts[0].port = 40312;
    talk.send(0, b"hello");
    let lines: Vec<_> = talk.text().lines().collect();
    assert!(
        lines
            .iter()
            .any(|l| l.contains("#1") && l.contains("10.0.0.1:40314")),
        "{}",
        talk.text()
    );
    assert!(lines.last().unwrap().contains("#0"), "{}", talk.text());
}

#[test]
fn ascii_is_ascii() {
    let mut talk = ladder(Style {
        unicode: false,
        ..Style::default()
    });
    loss(&mut talk);
    let drawn: String = talk.text().lines().filter(|l| l.contains("seq")).collect();
    assert!(
        drawn.chars().all(|c| c.is_ascii() || "…µ×".contains(c)),
        "{drawn}"
    );
    assert!(
        drawn.contains("|- SYN seq 0") && drawn.contains("->|"),
        "{drawn}"
    );
}

#[test]
fn colour_adds_looks_and_takes_no_words_away() {
    let plain = {
        let mut talk = at_width(80);
        everything(&mut talk);
        talk.text().to_owned()
    };
    let mut talk = ladder(Style {
        color: true,
        ..Style::default()
    });
    everything(&mut talk);
    let mut stripped = String::new();
    let mut rest = talk.text();
    while let Some((before, after)) = rest.split_once('\x1b') {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped.push_str(rest);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&stripped), words(&plain));
    assert!(talk.text().contains("\x1b["));
}

#[test]
fn rows_stay_in_order_when_a_run_mixes_small_and_large() {
    let mut talk = at_width(80);
    talk.handshake();
    for _ in 0..40 {
        talk.send(0, &[b'x'; 1448]).send(1, b"short");
    }
    talk.end();
    let frames: Vec<u64> = talk
        .text()
        .lines()
        .filter_map(|line| {
            line.split(['-', ' '])
                .find(|word| !word.is_empty())?
                .parse()
                .ok()
        })
        .collect();
    assert!(frames.is_sorted(), "{}", talk.text());
}
