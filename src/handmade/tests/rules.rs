//! The rules of RFC 9293 section 3.10.7, segment by segment.

use super::*;
use crate::handmade::Segment;
use crate::wire::tcp::Flags;

const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
const OUR: u32 = 1000;
const THEIR: u32 = 5000;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(START.as_nanos() + ms * 1_000_000)
}

fn segment(flags: Flags, seq: u32, ack: u32, data: &[u8]) -> Segment {
    Segment {
        flags,
        seq: Seq(seq),
        ack: Seq(ack),
        window: 1000,
        mss: flags.syn().then_some(1460),
        data: data.to_vec(),
    }
}

/// What it sends now: flags, seq and ack.
fn says(end: &mut Endpoint, ms: u64) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(sending) = end.poll_transmit(at(ms)) {
        let Segment {
            flags,
            seq,
            ack,
            data,
            ..
        } = sending.segment;
        said.push(format!("{flags} {seq} {ack} {}", data.len()));
    }
    said
}

/// One that has sent a SYN.
fn syn_sent() -> Endpoint {
    let mut end = Endpoint::new(config(OUR));
    end.open();
    assert_eq!(says(&mut end, 0), ["S 1000 0 0"]);
    end
}

/// One that is connected.
fn established() -> Endpoint {
    let mut end = syn_sent();
    end.handle(
        at(1),
        &segment(Flags::SYN | Flags::ACK, THEIR, OUR + 1, b""),
    );
    assert_eq!(says(&mut end, 1), ["A 1001 5001 0"]);
    assert_eq!(end.state(), TcpState::Established);
    end
}

#[test]
fn in_syn_sent_an_ack_of_another_syn_is_reset_and_an_rst_has_to_know_ours() {
    for ack in [OUR, OUR + 2, 0] {
        let mut end = syn_sent();
        end.handle(at(1), &segment(Flags::SYN | Flags::ACK, THEIR, ack, b""));
        assert_eq!(says(&mut end, 1), [format!("R {ack} 0 0")]);
        assert_eq!(end.state(), TcpState::SynSent);
    }
    let mut end = syn_sent();
    for rst in [
        segment(Flags::RST, 0, 0, b""),
        segment(Flags::RST | Flags::ACK, 0, OUR, b""),
    ] {
        end.handle(at(1), &rst);
        assert_eq!(
            (end.state(), says(&mut end, 1).len()),
            (TcpState::SynSent, 0)
        );
    }
    end.handle(at(1), &segment(Flags::RST | Flags::ACK, 0, OUR + 1, b""));
    assert_eq!(end.ended(), Some(Ended::Refused));
}

#[test]
fn an_unacceptable_segment_is_answered_and_changes_nothing() {
    let ack = Flags::ACK;
    let cases = [
        segment(ack, THEIR, OUR + 1, b""),
        segment(ack, THEIR + 1 + 65_535, OUR + 1, b"beyond"),
        segment(ack, THEIR - 100, OUR + 1, b"old"),
        // An ACK of what was never sent, and of long ago.
        segment(ack, THEIR + 1, OUR + 2, b""),
        segment(ack, THEIR + 1, OUR - 1000, b""),
        // A SYN, and an RST that is in the window and no more.
        segment(Flags::SYN, THEIR + 1, 0, b""),
        segment(Flags::RST, THEIR + 2, 0, b""),
        // Something is missing before it.
        segment(ack, THEIR + 5, OUR + 1, b"later"),
    ];
    for case in cases {
        let mut end = established();
        let checks = end.handle(at(2), &case);
        assert!(checks.iter().any(|check| !check.ok), "{case:?}: {checks:?}");
        assert_eq!(says(&mut end, 2), ["A 1001 5001 0"], "{case:?}");
        assert_eq!(
            (end.state(), end.received_count()),
            (TcpState::Established, 0)
        );
    }
}

#[test]
fn an_rst_counts_only_with_exactly_the_next_number() {
    let mut end = established();
    for seq in [THEIR, THEIR - 9, THEIR + 1 + 65_535] {
        end.handle(at(2), &segment(Flags::RST, seq, 0, b""));
        assert_eq!(
            (end.state(), says(&mut end, 2).len()),
            (TcpState::Established, 0)
        );
    }
    end.handle(at(2), &segment(Flags::RST, THEIR + 1, 0, b""));
    assert_eq!(end.ended(), Some(Ended::Reset));
    // From now on it knows nothing of the connection.
    end.handle(at(3), &segment(Flags::ACK, THEIR + 1, 77, b"x"));
    assert_eq!(says(&mut end, 3), ["R 77 0 0"]);
    end.handle(at(3), &segment(Flags::SYN, 300, 0, b"x"));
    assert_eq!(says(&mut end, 3), ["AR 0 302 0"]);
}

#[test]
fn what_was_there_before_is_cut_off() {
    let mut end = established();
    end.handle(at(2), &segment(Flags::ACK, THEIR + 1, OUR + 1, b"abc"));
    end.handle(at(3), &segment(Flags::ACK, THEIR + 2, OUR + 1, b"bcde"));
    assert_eq!(end.received(), b"abcde");
    assert_eq!(says(&mut end, 3), ["A 1001 5006 0"]);
}

#[test]
fn a_segment_without_answer_is_repeated_by_the_clock_and_then_given_up() {
    let mut end = established();
    end.send(b"hello");
    assert_eq!(says(&mut end, 10), ["AP 1001 5001 5"]);
    let mut due = 10;
    for wait in [1000, 2000, 4000, 8000, 16_000, 32_000] {
        due += wait;
        assert_eq!(end.poll_timeout(), Some(at(due)));
        assert_eq!(says(&mut end, due - 1), [""; 0]);
        assert_eq!(says(&mut end, due), ["AP 1001 5001 5"]);
    }
    assert_eq!(says(&mut end, due + 60_000), [""; 0]);
    assert_eq!(end.ended(), Some(Ended::GaveUp));
}

#[test]
fn after_a_lost_syn_data_begin_with_three_seconds() {
    let mut end = syn_sent();
    assert_eq!(says(&mut end, 1000), ["S 1000 0 0"]);
    assert_eq!(end.poll_timeout(), Some(at(3000)), "a second doubled");
    end.handle(
        at(1100),
        &segment(Flags::SYN | Flags::ACK, THEIR, OUR + 1, b""),
    );
    end.send(b"x");
    assert_eq!(says(&mut end, 1100), ["AP 1001 5001 1"]);
    assert_eq!(end.poll_timeout(), Some(at(4100)));
}

#[test]
fn a_window_of_zero_is_probed_without_giving_up_and_used_when_it_opens() {
    let mut end = established();
    let shut = Segment {
        window: 0,
        ..segment(Flags::ACK, THEIR + 1, OUR + 1, b"")
    };
    end.handle(at(2), &shut);
    end.send(b"waiting");
    assert_eq!(says(&mut end, 2), [""; 0]);
    let mut now = 2;
    for number in 0..12 {
        let due = end.poll_timeout().unwrap();
        now = (due.as_nanos() - START.as_nanos()) / 1_000_000;
        assert_eq!(says(&mut end, now), ["AP 1001 5001 1"], "probe {number}");
        end.handle(at(now), &shut);
        assert_eq!(says(&mut end, now), [""; 0]);
    }
    let open = segment(Flags::ACK, THEIR + 1, OUR + 1, b"");
    end.handle(at(now + 1), &open);
    assert_eq!(says(&mut end, now + 1), ["AP 1001 5001 7"]);
    assert_eq!(end.ended(), None);
}

#[test]
fn our_own_window_of_zero_takes_nothing_but_acks() {
    let mut end = Endpoint::new(Config {
        window: 0,
        ..config(OUR)
    });
    end.open();
    says(&mut end, 0);
    end.handle(
        at(1),
        &segment(Flags::SYN | Flags::ACK, THEIR, OUR + 1, b""),
    );
    end.send(b"ours");
    assert_eq!(says(&mut end, 1), ["AP 1001 5001 4"]);
    end.handle(at(2), &segment(Flags::ACK, THEIR + 1, OUR + 5, b"theirs"));
    assert!(
        end.all_acknowledged(),
        "the ACK of a refused segment counts"
    );
    assert_eq!(
        (end.received_count(), says(&mut end, 2)),
        (0, vec!["A 1005 5001 0".to_owned()])
    );
    end.set_window(3);
    assert_eq!(says(&mut end, 3), ["A 1005 5001 0"]);
    end.handle(
        at(4),
        &segment(Flags::ACK | Flags::FIN, THEIR + 1, OUR + 5, b"theirs"),
    );
    assert_eq!(end.received(), b"the");
    assert_eq!(
        end.state(),
        TcpState::Established,
        "the FIN is behind bytes that did not fit"
    );
}

#[test]
fn in_time_wait_a_fin_is_acknowledged_again_and_the_wait_begins_anew() {
    let mut end = established();
    end.close();
    assert_eq!(says(&mut end, 2), ["AF 1001 5001 0"]);
    end.handle(at(3), &segment(Flags::ACK, THEIR + 1, OUR + 2, b""));
    assert_eq!(end.state(), TcpState::FinWait2);
    end.handle(
        at(4),
        &segment(Flags::ACK, THEIR + 1, OUR + 2, b"still here"),
    );
    let fin = segment(Flags::FIN | Flags::ACK, THEIR + 11, OUR + 2, b"");
    end.handle(at(5), &fin);
    assert_eq!(end.state(), TcpState::TimeWait);
    assert_eq!(says(&mut end, 5), ["A 1002 5012 0"]);
    end.handle(at(100_000), &fin);
    assert_eq!(says(&mut end, 100_000), ["A 1002 5012 0"]);
    assert_eq!(end.poll_timeout(), Some(at(340_000)));
    says(&mut end, 340_000);
    assert_eq!(end.ended(), Some(Ended::Closed));
}

#[test]
fn in_syn_received_a_wrong_ack_is_reset_and_the_right_one_still_connects() {
    let mut end = Endpoint::new(config(OUR));
    end.listen();
    end.handle(at(0), &segment(Flags::SYN, THEIR, 0, b""));
    assert_eq!(says(&mut end, 0), ["AS 1000 5001 0"]);
    end.handle(at(1), &segment(Flags::ACK, THEIR + 1, OUR, b""));
    assert_eq!(says(&mut end, 1), ["R 1000 0 0"]);
    end.handle(at(2), &segment(Flags::ACK, THEIR, OUR + 1, b""));
    assert_eq!(says(&mut end, 2), ["A 1001 5001 0"]);
    assert_eq!(end.state(), TcpState::SynReceived);
    end.handle(at(3), &segment(Flags::ACK, THEIR + 1, OUR + 1, b"hi"));
    assert_eq!(
        (end.state(), end.received()),
        (TcpState::Established, &b"hi"[..])
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever segments come, in whatever state: no panic, and what was acknowledged stays so.
    #[test]
    fn no_segments_make_it_panic_or_go_back(
        passive: bool,
        segments in prop::collection::vec(
            (0..512_u16, -3..80_i32, -3..80_i32, any::<u16>(), 0..40_usize, 0..3000_u64, 0..8_u8), 0..60),
    ) {
        let mut end = if passive { Endpoint::new(config(OUR)) } else { established() };
        if passive {
            end.listen();
        }
        let mut now = 10;
        for (flags, seq, ack, window, len, wait, act) in segments {
            now += wait;
            let before = end.variables();
            let segment = Segment {
                flags: Flags(flags),
                seq: Seq(THEIR.wrapping_add_signed(seq)),
                ack: Seq(OUR.wrapping_add_signed(ack)),
                window,
                mss: (window % 3 == 0).then_some(window % 100),
                data: vec![7; len],
            };
            end.handle(at(now), &segment);
            match act {
                0 => end.close(),
                1 => { end.send(&[1; 300]); }
                2 => end.set_window(window),
                _ => {}
            }
            for _ in 0..20 {
                if end.poll_transmit(at(now)).is_none() {
                    break;
                }
            }
            prop_assert!(end.poll_transmit(at(now)).is_none(), "it never ends");
            let after = end.variables();
            if let (Some(was), Some(is)) = (before.rcv_nxt, after.rcv_nxt)
                && !passive
            {
                prop_assert!(is.at_or_after(was));
                prop_assert!(after.snd_una.at_or_after(before.snd_una));
            }
            prop_assert!(after.snd_una.at_or_before(after.snd_nxt));
            if let Some(next) = end.poll_timeout() {
                prop_assert!(next > at(now), "a timer that has run out is not served");
            }
        }
    }
}
