//! How a step looks, wide and narrow, with and without Unicode.

use super::*;
use crate::event::TcpState;
use crate::wire::seq::Seq;
use crate::wire::tcp::TcpOptions;

fn sample() -> HandmadeEvent {
    HandmadeEvent::Segment(Box::new(HandmadeSegment {
        frame: 3,
        time: Timestamp::from_nanos(5_000_000),
        sent: true,
        flags: Flags::SYN,
        seq: Seq(100),
        ack: None,
        window: 65_535,
        options: TcpOptions {
            mss: Some(1460),
            ..TcpOptions::default()
        },
        data: b"a\x1b[31mb".to_vec(),
        again: 1,
        mistake: Some("a wrong checksum".to_owned()),
        states: [TcpState::Closed, TcpState::SynSent],
        reasons: vec![Reason {
            what: "seq 100".to_owned(),
            why: "our initial sequence number, chosen so that nobody guesses it or mistakes it"
                .to_owned(),
            rfc: "RFC 9293 3.4.1",
            ok: true,
        }],
        variables: Variables::default(),
    }))
}

fn shown(width: u16, unicode: bool, brief: bool) -> String {
    let style = Style {
        width,
        unicode,
        ..Style::default()
    };
    let mut out = Vec::new();
    Text::new(style, brief).event(&sample(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn it_fits_and_hides_nothing_dangerous() {
    for width in [40, 80, 160] {
        let text = shown(width, true, false);
        for line in text.lines() {
            assert!(super::width(line) <= width.into(), "{width}: {line}");
        }
        assert!(!text.contains('\x1b') && text.contains("\\x1b"), "{text}");
    }
}

#[test]
fn ascii_is_ascii_and_brief_gives_no_reasons() {
    let text = shown(80, false, false);
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("--> SYN seq 100") && text.contains("RFC 9293 3.4.1"));
    assert!(
        text.contains("we: CLOSED -> SYN-SENT") && text.contains("on purpose: a wrong checksum")
    );
    let brief = shown(80, true, true);
    assert!(
        !brief.contains("RFC") && brief.contains("SYN-SENT"),
        "{brief}"
    );
}

fn told(event: &HandmadeEvent) -> String {
    let mut out = Vec::new();
    let mut text = Text::new(Style::default(), false);
    text.event(event, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_meant_to_be_wrong_gets_no_cross() {
    let HandmadeEvent::Segment(mut segment) = sample() else {
        panic!("a segment");
    };
    segment.reasons[0].ok = false;
    let cross = Style::default().unicode;
    let mark = if cross { "✗" } else { "!" };
    let show = |it: &HandmadeSegment| told(&HandmadeEvent::Segment(Box::new(it.clone())));
    // Our own mistake.
    assert!(!show(&segment).contains(&format!("{mark} seq 100")));
    assert!(show(&segment).contains("RCV.NXT (nothing yet), RCV.WND 0"));
    // A probe of our closed window, and the same while it is open.
    segment.sent = false;
    segment.variables.rcv_nxt = Some(Seq(101));
    assert!(!show(&segment).contains(&format!("{mark} seq 100")));
    segment.variables.rcv_wnd = 1000;
    assert!(show(&segment).contains(&format!("{mark} seq 100")));
}

#[test]
fn the_far_end_has_its_own_times() {
    let call = crate::event::CallNews {
        time: Timestamp::from_nanos(1_000_000),
        text: "send(12 bytes) = 12".to_owned(),
    };
    let text = told(&HandmadeEvent::Call(call));
    assert!(
        text.starts_with("  0.000000 their program: send(12"),
        "{text}"
    );
}
