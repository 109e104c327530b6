//! JSON lines, parsed back.

use serde_json::{Value, json};

use super::*;
use crate::event::{Kind, Quantity, Severity, Topic};
use crate::view::sample::Talk;
use crate::wire::tcp::Flags;

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_segment_has_every_key_of_the_contract() {
    let mut talk = Talk::new(Json::new(Lines::Everything));
    talk.handshake();
    let syn_ack = &lines(talk.text())[1];
    assert_eq!(
        *syn_ack,
        json!({
            "type": "segment", "frame": 2, "time": "1767225600.000040000", "flow": 0, "dir": "r>i",
            "src": "10.0.0.2", "sport": 80, "dst": "10.0.0.1", "dport": 40312, "flags": "AS",
            "seq": 0, "ack": 1, "seq_raw": 4_294_966_795_u32, "ack_raw": 1_000_001, "len": 0,
            "window": 509, "window_bytes": 64240,
            "options": {"mss": 1460, "wscale": 7, "sack_permitted": true, "sack": null, "ts": null, "other": []},
            "in_flight": 0, "in_flight_of": "initiator", "cwnd_estimate": null, "flight_window": 65152,
            "rtt_ns": 40_000, "acks_frame": 1, "srtt_ns": 40_000,
            "state": {"i": "ESTABLISHED", "r": "SYN-RECEIVED"},
            "checksum": "good", "comment": null, "notes": [],
        })
    );
    assert!(
        talk.text()
            .lines()
            .all(|line| line.starts_with("{\"type\":"))
    );
}

#[test]
fn no_ack_bit_no_ack_number() {
    let mut talk = Talk::new(Json::new(Lines::Everything));
    talk.handshake();
    assert_eq!(lines(talk.text())[0]["ack"], Value::Null);
}

#[test]
fn sack_blocks_are_relative_across_the_wrap() {
    let mut talk = Talk::new(Json::new(Lines::Everything));
    talk.handshake().send(1, &[b'x'; 1000]);
    talk.sack(&[(401, 901)]).ack_at(0, 1);
    assert_eq!(
        lines(talk.text())[4]["options"]["sack"],
        json!([[401, 901]])
    );
}

#[test]
fn a_note_says_all_there_is() {
    let mut note = Note::new(Kind::Retransmission, "RFC 5681 3.2", |n| {
        format!("the \"third\" was {}", n.number_of("ack"))
    });
    note.cause = Some(Cause::Fast);
    note.of_frame = Some(5);
    let mut talk = Talk::new(Json::new(Lines::Everything));
    talk.handshake();
    talk.note(note.with("ack", Quantity::Seq(7)).frame(5).frame(11))
        .send(0, b"x");
    assert_eq!(
        lines(talk.text())[3]["notes"][0],
        json!({
            "kind": "retransmission", "cause": "fast", "spurious": null, "of_frame": 5,
            "number": null, "confidence": "certain", "why": "the \"third\" was 7",
            "rfc": "RFC 5681 3.2", "frames": [5, 11], "alternatives": [], "numbers": {"ack": 7},
        })
    );
}

#[test]
fn strangers_text_reads_back_but_never_acts() {
    let mut talk = Talk::new(Json::new(Lines::Everything));
    talk.comment(b"red \x1b[31m \xe2\x80\xae \"q\" \x9b")
        .handshake();
    assert!(!talk.text().contains(['\x1b', '\u{202e}', '\u{9b}']));
    assert_eq!(
        lines(talk.text())[0]["comment"],
        "red \x1b[31m \u{202e} \"q\" \u{fffd}"
    );
}

#[test]
fn each_command_writes_its_own_lines() {
    let finding = Finding {
        kind: Topic::Opened,
        flow: Some(0),
        severity: Severity::Info,
        side: None,
        summary: "it opened".to_owned(),
        evidence: vec![1, 2],
        more: 0,
        advice: String::new(),
        numbers: vec![("took", Quantity::Nanos(7))],
    };
    let kinds = |which| {
        let mut talk = Talk::new(Json::new(which));
        talk.handshake().packet(b"?");
        let flow = talk.summary();
        talk.flow(&flow)
            .event(&Event::Finding(&finding))
            .event(&Event::Notice("full"))
            .end();
        let names = lines(talk.text())
            .iter()
            .map(|l| l["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        names.join(" ")
    };
    assert_eq!(
        kinds(Lines::Everything),
        "segment segment segment packet flow notice end"
    );
    assert_eq!(kinds(Lines::Flows), "flow notice end");
    assert_eq!(kinds(Lines::Findings), "finding notice end");
}

#[test]
fn an_option_without_a_name_keeps_its_bytes() {
    let mut talk = Talk::new(Json::new(Lines::Everything));
    // A fast open cookie, RFC 7413.
    talk.options(&[34, 6, 0xab, 1, 2, 3])
        .emit(0, Flags::SYN, 0, b"");
    let options = &lines(talk.text())[0]["options"];
    assert_eq!(
        options["other"],
        json!([{"kind": 34, "len": 4, "hex": "ab010203"}])
    );
    assert_eq!(options["mss"], 1460);
}
