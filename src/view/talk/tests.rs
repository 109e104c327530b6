//! What is shown of a talk, as a person sees it.

use super::*;
use crate::talk::{Coding, Decoder};

fn call(call: &str, arguments: &str, ms: u64, end: Result<i64, &str>) -> CallLine {
    CallLine {
        host: "server".to_owned(),
        socket: if matches!(call, "accept" | "recv" | "send") {
            "#1"
        } else {
            ""
        }
        .to_owned(),
        time: Timestamp::from_nanos(ms * 1_000_000),
        call: call.to_owned(),
        arguments: arguments.to_owned(),
        result: end.ok(),
        errno: end.err().map(str::to_owned),
        ..CallLine::default()
    }
}

fn message(decoder: &mut Decoder, bytes: &[u8]) -> Message {
    Message {
        socket: "#1".to_owned(),
        time: Timestamp::from_nanos(0),
        way: Way::Received,
        bytes: bytes.len() as u64,
        encoding: decoder.name(),
        decoded: decoder.feed(bytes),
    }
}

fn shown(width: u16, show: impl FnOnce(&mut Text, &mut Vec<u8>)) -> String {
    let style = Style {
        width,
        ..Style::default()
    };
    let mut view = Text::new(style, true, false, Timestamp::from_nanos(0));
    let mut out = Vec::new();
    show(&mut view, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn calls_are_explained_once_and_text_cut_in_a_character_is_told() {
    let mut decoder = Decoder::new(Coding::named("gbk").unwrap().encoding());
    let page = shown(80, |view, out| {
        view.call(&call("bind", "0.0.0.0:8080", 1, Ok(0)), &[], out)
            .unwrap();
        let mut accept = call("accept", "from 127.0.0.1:40312", 2, Ok(0));
        accept.blocked_ns = 1_200_000_000;
        view.call(&accept, &[], out).unwrap();
        for bytes in [&[b'a', 0xc4][..], &[0xe3, 0xba, 0xc3, 0x1b]] {
            let recv = call("recv", "1024 bytes at most", 1_300, Ok(bytes.len() as i64));
            view.call(&recv, &[], out).unwrap();
            view.message(&message(&mut decoder, bytes), out).unwrap();
        }
        let advice = ["Somebody has it.".to_owned()];
        view.call(&call("bind", "x", 1_400, Err("EADDRINUSE")), &advice, out)
            .unwrap();
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("calls", page);
    });
    assert!(page.lines().all(|line| width(line) <= 80), "{page}");
}

#[test]
fn many_alike_share_a_line_and_none_is_lost() {
    let mut decoder = Decoder::new(Coding::default().encoding());
    let page = shown(80, |view, out| {
        for n in 0..500 {
            let recv = call("recv", "1024 bytes at most", n, Ok(1_000));
            view.call(&recv, &[], out).unwrap();
            view.message(&message(&mut decoder, b"x"), out).unwrap();
        }
        view.idle(out).unwrap();
    });
    assert!(page.contains("490 more calls, 490,000 bytes"), "{page}");
    assert_eq!(page.matches(") = 1000").count(), 10, "{page}");
}

#[test]
fn what_strangers_send_moves_nothing() {
    let mut decoder = Decoder::new(Coding::default().encoding());
    let page = shown(80, |view, out| {
        let wild = format!("\x1b[2J{}\u{202e}", "很长".repeat(500));
        view.message(&message(&mut decoder, wild.as_bytes()), out)
            .unwrap();
        view.message(&message(&mut decoder, b"\xff\xfe"), out)
            .unwrap();
    });
    assert!(
        !page.contains('\x1b') && !page.contains('\u{202e}'),
        "{page}"
    );
    assert!(page.contains("more"), "{page}");
    assert!(page.contains("no UTF-8: ff at byte"), "{page}");
    assert!(page.lines().all(|line| width(line) <= 80), "{page}");
}

#[test]
fn every_call_that_succeeds_says_what_it_returned() {
    for (name, arguments, result) in [
        ("socket", "AF_INET, SOCK_STREAM, IPPROTO_TCP", 3),
        ("bind", "0.0.0.0:8080", 0),
        ("accept", "from 127.0.0.1:40312", 5),
        ("connect", "127.0.0.1:8080", 0),
        ("send", "4 bytes", 4),
        ("shutdown", "SHUT_WR", 0),
    ] {
        let page = shown(80, |view, out| {
            view.call(&call(name, arguments, 1, Ok(result)), &[], out)
                .unwrap();
        });
        let whole = format!("{name}({arguments}) = {result}");
        assert!(page.contains(&whole), "{page}");
    }
}
