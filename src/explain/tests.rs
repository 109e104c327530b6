//! Stories of conversations by hand.

use std::io::{self, Write};

use super::*;
use crate::event::{Event, Kind, Note, Severity, TcpState};
use crate::view::View;
use crate::view::sample::Talk;
use crate::wire::tcp::Flags;

/// Collects findings.
#[derive(Default)]
struct Told(Explainer, Vec<Finding>);

impl View for Told {
    fn event(&mut self, event: &Event<'_>, _: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Segment(segment) => self.0.observe(segment),
            Event::Flow(flow) => self.1 = self.0.conclude(flow),
            _ => {}
        }
        Ok(())
    }
}

fn note(kind: Kind) -> Note {
    Note::new(kind, "", |_| "so it is".to_owned())
}

fn finish(talk: &mut Talk<Told>, change: impl FnOnce(&mut Flow)) -> Vec<Finding> {
    let mut flow = talk.summary();
    change(&mut flow);
    talk.flow(&flow);
    assert!(
        talk.view.0.open.is_empty(),
        "nothing is kept of a connection that ended"
    );
    talk.view.1.clone()
}

fn of<'a>(findings: &'a [Finding], kind: &str) -> &'a Finding {
    findings
        .iter()
        .find(|f| f.kind.name() == kind)
        .unwrap_or_else(|| panic!("{kind} in {findings:#?}"))
}

#[test]
fn a_plain_connection_opens_agrees_and_closes() {
    let mut talk = Talk::new(Told::default());
    talk.handshake()
        .at(100)
        .becomes(TcpState::FinWait1, TcpState::CloseWait)
        .fin(0);
    talk.becomes(TcpState::TimeWait, TcpState::LastAck).fin(1);
    talk.becomes(TcpState::TimeWait, TcpState::Closed).ack(0);
    let findings = finish(&mut talk, |flow| {
        flow.closed_by = Some(crate::event::Side::Initiator);
    });
    let kinds: Vec<_> = findings.iter().map(|f| f.kind.name()).collect();
    assert_eq!(
        kinds,
        [
            "healthy",
            "opened",
            "agreed",
            "carried",
            "closed",
            "time-wait"
        ]
    );
    assert_eq!(
        of(&findings, "closed").summary,
        "10.0.0.1 closed first, then 10.0.0.2; both ends are done"
    );
    assert_eq!(of(&findings, "closed").evidence, [4, 5]);
    assert!(findings.iter().all(|f| f.severity == Severity::Info));
}

#[test]
fn a_closed_window_lasts_until_it_opens_and_counts_its_probes() {
    let mut talk = Talk::new(Told::default());
    talk.handshake()
        .opens(1, 0)
        .at(1_000_000)
        .note(note(Kind::ZeroWindow))
        .ack(1);
    for n in 1..=2 {
        talk.at(1_000_000 + n * 200_000)
            .note(note(Kind::ZeroWindowProbe))
            .ack(0);
        talk.note(note(Kind::ZeroWindow)).ack(1);
    }
    talk.at(2_500_000)
        .opens(1, 4096)
        .note(note(Kind::WindowUpdate))
        .ack(1);
    let findings = finish(&mut talk, |_| ());
    let closed = of(&findings, "zero-window");
    assert_eq!(closed.severity, Severity::Problem);
    assert_eq!(
        closed.summary,
        "10.0.0.2 had no room for more data for 1.50s (window 0); 10.0.0.1 asked twice whether it had opened, after 200ms, 200ms"
    );
    assert_eq!((closed.evidence[0], closed.evidence.last()), (4, Some(&9)));
    assert_eq!(
        findings
            .iter()
            .filter(|f| f.kind.name() == "zero-window")
            .count(),
        1
    );
}

#[test]
fn losses_close_together_are_one_episode_and_far_apart_are_two() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().send(0, &[0; 100]);
    for at in [1_000_000, 1_300_000, 9_000_000] {
        talk.at(at)
            .note(note(Kind::Retransmission))
            .resend(0, 1, &[0; 100]);
    }
    let findings = finish(&mut talk, |_| ());
    let losses: Vec<_> = findings
        .iter()
        .filter(|f| f.kind.name() == "lost-segments")
        .collect();
    assert_eq!(losses.len(), 2);
    assert!(
        losses[0]
            .summary
            .contains("2 segments again (200 bytes), within 300ms"),
        "{}",
        losses[0].summary
    );
    assert_eq!(losses[0].evidence, [5, 6]);
}

#[test]
fn memory_stays_bounded_whatever_happens() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().send(0, &[0; 100]);
    for n in 1..500_u64 {
        talk.at(n * 5_000_000)
            .note(note(Kind::Retransmission))
            .note(note(Kind::OutOfOrder));
        talk.resend(0, 1, &[0; 100]);
    }
    let findings = finish(&mut talk, |_| ());
    assert!(findings.len() < 20, "{}", findings.len());
    assert!(
        of(&findings, "more")
            .summary
            .starts_with("493 more segments were sent again")
    );
    assert!(findings.iter().all(|f| f.evidence.len() <= 6));
}

#[test]
fn a_refusal_says_by_whom_and_what_to_do() {
    let mut talk = Talk::new(Told::default());
    talk.emit(0, Flags::SYN, 0, b"");
    talk.note(note(Kind::Refused))
        .emit(1, Flags::RST | Flags::ACK, 0, b"");
    let findings = finish(&mut talk, |flow| flow.handshake.syn_ack_frame = None);
    assert_eq!(findings[0].kind.name(), "refused");
    assert_eq!(findings[0].evidence, [1, 2]);
    assert!(
        findings[0]
            .summary
            .starts_with("10.0.0.2:80 refused the connection of 10.0.0.1")
    );
    assert!(!findings[0].advice.is_empty());
}

#[test]
fn stories_of_ever_more_connections_are_bounded_and_that_is_said() {
    let mut talk = Talk::new(Told::default());
    for flow in 0..60_000 {
        talk.flow = flow;
        talk.note(note(Kind::Retransmission)).ack(0);
    }
    let explainer = &talk.view.0;
    let weighed: usize = explainer.open.values().map(|kept| kept.weight()).sum();
    assert_eq!(weighed, explainer.weight);
    assert!(weighed < MOST + 1_000, "{weighed}");
    let (first, last) = (0, 59_999);
    for (flow, untold) in [(first, false), (last, true)] {
        talk.flow = flow;
        let mut summary = talk.summary();
        summary.notes[0].add(Kind::Retransmission);
        talk.flow(&summary);
        let limits = talk
            .view
            .1
            .iter()
            .filter(|f| f.kind.name() == "limit")
            .count();
        assert_eq!(limits > 0, untold, "{:?}", talk.view.1);
    }
}

#[test]
fn a_reset_that_is_ignored_ends_no_story() {
    let mut talk = Talk::new(Told::default());
    talk.handshake();
    talk.note(note(Kind::Reset)).emit(0, Flags::RST, 900, b"");
    let findings = finish(&mut talk, |_| ());
    assert!(
        findings.iter().all(|f| f.kind.name() != "reset"),
        "{findings:?}"
    );
    assert_eq!(of(&findings, "still-open").severity, Severity::Info);
}

#[test]
fn trouble_comes_first_and_none_is_told_too() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().send(0, &[0; 100]);
    talk.at(1_000_000)
        .note(note(Kind::Retransmission))
        .resend(0, 1, &[0; 100]);
    let findings = finish(&mut talk, |_| ());
    assert_eq!(findings[0].kind.name(), "lost-segments");
    assert!(findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
    assert!(
        findings
            .iter()
            .all(|finding| finding.kind.name() != "healthy")
    );
}

#[test]
fn how_many_more_frames_show_it_is_the_true_number() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().send(0, &[0; 100]);
    for n in 1..=30 {
        talk.at(n * 1_000)
            .note(note(Kind::OutOfOrder))
            .resend(0, 1, &[0; 100]);
    }
    let findings = finish(&mut talk, |_| ());
    let late = of(&findings, "out-of-order");
    assert_eq!((late.evidence.len(), late.more), (6, 24));
}

#[test]
fn segments_that_fill_ever_smaller_windows_are_a_silly_window() {
    for (times, told) in [(3, false), (4, true)] {
        let mut talk = Talk::new(Told::default());
        talk.handshake().at(1_000).send(0, &[0; 1000]);
        for n in 0..times {
            talk.at(2_000 + n * 1_000).ack(1);
            talk.note(note(Kind::WindowFull)).send(0, &[0; 100]);
        }
        // Small for want of data is another thing.
        for _ in 0..9 {
            talk.send(0, &[0; 100]);
        }
        let findings = finish(&mut talk, |_| ());
        let silly = findings.iter().find(|f| f.kind.name() == "silly-window");
        assert_eq!(silly.is_some(), told, "{findings:#?}");
        if let Some(silly) = silly {
            assert!(
                silly.summary.contains("sent 4 segments"),
                "{}",
                silly.summary
            );
            assert_eq!(
                (silly.evidence.len(), silly.severity),
                (4, Severity::Notice)
            );
        }
    }
}

#[test]
fn what_a_delayed_ack_sets_free_was_kept_back() {
    // How late the bare ACK comes, how soon data follows it, and how long that is.
    for (late_us, soon_us, len, told) in [
        (40_000, 200, 50, true),
        (1_000, 200, 50, false),
        (40_000, 9_000, 50, false),
        (40_000, 200, 1000, false),
    ] {
        let mut talk = Talk::new(Told::default());
        talk.handshake()
            .at(10_000)
            .send(0, &[0; 1000])
            .at(10_100)
            .ack(1);
        talk.at(500_000).send(0, &[0; 50]);
        talk.at(500_000 + late_us).ack(1);
        talk.at(500_000 + late_us + soon_us).send(0, &vec![0; len]);
        let findings = finish(&mut talk, |_| ());
        let nagle = findings.iter().find(|f| f.kind.name() == "nagle");
        assert_eq!(
            nagle.is_some(),
            told,
            "{late_us} {soon_us} {len}: {findings:#?}"
        );
        if let Some(nagle) = nagle {
            assert_eq!(nagle.evidence, [6, 7, 8]);
            assert!(
                nagle.summary.contains("1 short segment"),
                "{}",
                nagle.summary
            );
        }
    }
}

#[test]
fn pieces_that_a_router_asked_for_have_their_reason() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().send(0, &[0; 100]);
    for (n, seq) in [(1, 1), (2, 51)] {
        let mut again = note(Kind::Retransmission)
            .with("mtu", crate::event::Quantity::Bytes(1200))
            .frame(4)
            .frame(5)
            .frame(5 + n);
        again.cause = Some(crate::event::Cause::Unknown);
        talk.at(n * 1_000).note(again).resend(0, seq, &[0; 50]);
    }
    let findings = finish(&mut talk, |_| ());
    let found = of(&findings, "path-mtu");
    assert!(
        found.summary.contains("1200 bytes pass"),
        "{}",
        found.summary
    );
    assert!(found.evidence.contains(&5), "{:?}", found.evidence);
}

#[test]
fn throughput_is_over_the_time_with_data_and_not_the_idle_rest() {
    let mut talk = Talk::new(Told::default());
    talk.handshake().at(10).send(0, b"x");
    let findings = finish(&mut talk, |flow| {
        flow.stats[0].unique_bytes = 100_000;
        flow.stats[0].data_time_ns = 500_000_000;
    });
    let summary = &of(&findings, "carried").summary;
    assert!(
        summary.contains("200,000 bytes/s over the 500ms"),
        "{summary}"
    );
}

#[test]
fn syns_that_cross_open_one_connection_together() {
    let mut talk = Talk::new(Told::default());
    talk.handshake();
    let findings = finish(&mut talk, |flow| flow.notes[1].add(Kind::SimultaneousOpen));
    let summary = &of(&findings, "opened").summary;
    assert!(
        summary.contains("opened the connection together"),
        "{summary}"
    );
}

#[test]
fn of_one_direction_alone_no_pace_is_told() {
    let mut talk = Talk::new(Told::default());
    talk.handshake();
    for at in 1..9 {
        talk.at(at * 20_000).send(0, &[b'a'; 1000]);
    }
    let absent = |flow: &mut Flow, side: usize| flow.stats[side].packets = 0;
    let findings = finish(&mut talk, |flow| {
        (flow.stats[0].packets, flow.stats[0].acks) = (9, 8);
        absent(flow, 1);
    });
    let one_way = of(&findings, "one-way");
    assert_eq!(
        (one_way.severity, one_way.side),
        (Severity::Notice, Some(crate::event::Side::Initiator))
    );
    assert!(one_way.summary.contains("nothing of 10.0.0.2"));
    let told = |kind: &str| findings.iter().any(|it| it.kind.name() == kind);
    assert!(!told("pace") && !told("congestion-window"), "{findings:#?}");
}

#[test]
fn a_checksum_that_may_be_the_capture_s_doing_is_no_problem() {
    let mut talk = Talk::new(Told::default());
    talk.handshake();
    let mut doubtful = note(Kind::ChecksumBad);
    doubtful.confidence = crate::event::Confidence::Ambiguous;
    talk.note(doubtful).send(0, b"a");
    let findings = finish(&mut talk, |_| ());
    assert_eq!(of(&findings, "checksum-bad").severity, Severity::Notice);
    talk.note(note(Kind::ChecksumBad)).send(0, b"b");
    let findings = finish(&mut talk, |_| ());
    let found = of(&findings, "checksum-bad");
    assert!(found.summary.contains("discards it"), "{}", found.summary);
    assert_eq!(found.severity, Severity::Problem);
}
