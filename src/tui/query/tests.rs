//! What is written, and what it finds.

use encoding_rs::Encoding;

use super::*;
use crate::tui::tests::sample;

fn parsed(text: &str) -> Query {
    Query::parse(text, None).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn what_people_write_is_read() {
    use Query::{All, Figure as Number, Frame, Note};
    let ack = Flags::SYN | Flags::ACK;
    let cases = [
        ("retransmission", Note(Kind::Retransmission)),
        ("note retransmission", Note(Kind::Retransmission)),
        ("Retrans", Note(Kind::Retransmission)),
        ("zero", Note(Kind::ZeroWindow)),
        ("zero window probe", Note(Kind::ZeroWindowProbe)),
        ("dup ack", Note(Kind::DupAck)),
        ("reset", Note(Kind::Reset)),
        ("notes", Query::Noted),
        ("trouble", Query::Problem),
        ("syn", Query::Flags(Flags::SYN)),
        ("SYN-ACK", Query::Flags(ack)),
        ("flags AS", Query::Flags(ack)),
        ("ack", Query::Flags(Flags::ACK)),
        ("ack 1449", Query::Ack(1449)),
        ("ack = 1449", Number(Figure::Ack, Relation::Equal, 1449)),
        ("seq = 1449", Number(Figure::Seq, Relation::Equal, 1449)),
        ("spurious", Query::Needless),
        (
            "fast retransmission",
            All(vec![Query::Cause(Cause::Fast), Note(Kind::Retransmission)]),
        ),
        ("fin+ack", Query::Flags(Flags::FIN | Flags::ACK)),
        ("rst", Query::Flags(Flags::RST)),
        ("ack >= 1,449", Number(Figure::Ack, Relation::AtLeast, 1449)),
        ("seq 1449", Query::Seq(1449)),
        ("seq>1449", Number(Figure::Seq, Relation::More, 1449)),
        (
            "len more than 1000",
            Number(Figure::Len, Relation::More, 1000),
        ),
        ("window = 0", Number(Figure::Window, Relation::Equal, 0)),
        ("window update", Note(Kind::WindowUpdate)),
        ("frame 17", Frame(None, 17)),
        ("17", Frame(None, 17)),
        ("#3", Query::Flow(3)),
        ("port 80", Query::Port(80)),
        ("10.0.0.1", Query::Address([10, 0, 0, 1].into())),
        ("text get", Query::Letters(b"get".as_slice().into())),
        ("text GET /", Query::Bytes(b"GET /".as_slice().into())),
        ("\"GET /\"", Query::Bytes(b"GET /".as_slice().into())),
        ("0x474554", Query::Bytes(b"GET".as_slice().into())),
        ("hex 47 45 54", Query::Bytes(b"GET".as_slice().into())),
        (
            "[::1]:80",
            All(vec![
                Query::Address("::1".parse().unwrap()),
                Query::Port(80),
            ]),
        ),
        (
            "syn and port 80",
            All(vec![Query::Flags(Flags::SYN), Query::Port(80)]),
        ),
    ];
    for (text, query) in cases {
        assert_eq!(parsed(text), query, "{text}");
    }
}

#[test]
fn text_is_looked_for_in_the_encoding_of_the_payload() {
    let gbk = Encoding::for_label(b"gbk");
    let bytes = |bytes: &[u8]| Ok(Query::Bytes(bytes.into()));
    assert_eq!(
        Query::parse("text 你好", gbk),
        bytes(&[0xc4, 0xe3, 0xba, 0xc3])
    );
    assert_eq!(Query::parse("text 你好", None), bytes("你好".as_bytes()));
    let latin = Encoding::for_label(b"latin1");
    let why = Query::parse("text 你好", latin).unwrap_err();
    assert!(why.contains("can't be written in windows-1252"), "{why}");
}

#[test]
fn what_cant_be_read_is_answered_with_what_could() {
    for (text, says) in [
        ("", "write what to look for"),
        (
            "nonsense",
            "“nonsense” is no note, flag or figure; text nonsense looks",
        ),
        ("window", "window-update, window-shrunk, window-full"),
        ("len > many", "many is none that it can be"),
        ("seq", "seq needs a number after it"),
        ("port 70000", "70000 is none that it can be"),
        ("len <> 4", "<> compares nothing"),
        ("0x4", "pairs of hexadecimal digits"),
        ("host there", "an IPv4 or IPv6 address"),
        ("text", "text GET"),
    ] {
        let why = Query::parse(text, None).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn it_finds_what_was_meant() {
    let rows = sample::rows("retransmission");
    let found = |text: &str| -> Vec<u64> {
        let query = parsed(text);
        let fit = rows.iter().filter(|row| query.fits(row));
        fit.map(|row| row.frame).collect()
    };
    let resent = found("retransmission");
    assert!(!resent.is_empty());
    assert!(found("problem").contains(&resent[0]));
    let syns = found("syn");
    assert_eq!(syns.len(), 2, "SYN and SYN-ACK");
    assert_eq!(found("syn-ack"), [syns[1]]);
    // The byte was sent twice, and both segments cover it.
    let again = rows.iter().find(|row| row.frame == resent[0]).unwrap();
    let seq = again.segment().unwrap().seq;
    let covering = found(&format!("seq {}", seq + 1));
    assert!(covering.len() >= 2, "{covering:?}");
    assert!(covering.contains(&resent[0]));
    let large = found("len > 0");
    assert!(large.len() < rows.len() && !large.is_empty());
    assert_eq!(found("len > 0 and len = 0"), Vec::<u64>::new());
    assert_eq!(found(&format!("frame {}", resent[0])), [resent[0]]);
    let payload = again.with(|event| match event {
        Event::Segment(s) => s.payload[..8].to_vec(),
        _ => Vec::new(),
    });
    let hex: Vec<String> = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(found(&format!("hex {}", hex.join(" "))).contains(&resent[0]));
}

#[test]
fn a_number_finds_the_segment_that_has_or_acknowledges_that_byte() {
    let rows = sample::rows("data");
    let fit = |text: &str| -> Vec<&Kept> {
        let query = parsed(text);
        rows.iter().filter(|row| query.fits(row)).collect()
    };
    // An acknowledgment that covers more than one byte, and a number in the middle of what it covers.
    let (row, ack, newly) = rows
        .iter()
        .find_map(|row| {
            let s = row.segment()?;
            (s.newly_acked > 2).then_some((row, s.ack?, s.newly_acked))
        })
        .unwrap();
    let middle = fit(&format!("ack {}", ack - newly / 2));
    assert!(middle.iter().any(|found| found.frame == row.frame));
    let first = row.segment().unwrap();
    for found in middle {
        let s = found.segment().unwrap();
        assert!(
            s.dir != first.dir || found.frame == row.frame,
            "{}",
            found.frame
        );
    }
    assert!(fit(&format!("ack = {}", ack - newly / 2)).is_empty());
    let raw = first.ack_raw - newly / 2;
    assert_eq!(fit(&format!("ack {raw}"))[0].frame, row.frame);
    // Who says it once more is found, too: a duplicate ACK.
    let again: Vec<u64> = fit(&format!("ack {ack}"))
        .iter()
        .map(|row| row.frame)
        .collect();
    let same = fit(&format!("ack = {ack}"));
    assert!(same.iter().all(|row| again.contains(&row.frame)));
}

proptest::proptest! {
    #[test]
    fn any_words_are_read_or_refused(text in "\\PC{0,40}", gbk: bool) {
        let encoding = gbk.then(|| Encoding::for_label(b"gbk").unwrap());
        let _ = Query::parse(&text, encoding);
    }
}
