//! Lines as they stand on a screen of 80 columns.

use super::*;
use crate::event::{Answer, Back, Outcome, PathMtu, TraceRemark};
use crate::frame::Timestamp;
use crate::wire::icmp_extension::{Checksum, Extensions, Label, Object};

fn target(v6: bool) -> Target {
    let ip: IpAddr = if v6 { "2001:db8::2" } else { "203.0.113.9" }
        .parse()
        .unwrap();
    Target {
        own_flow: false,
        name: "there.example\x1b[31m".to_owned(),
        address: ip.to_string(),
        ip,
        method: Method::Icmp,
        socket: "raw",
        max: 30,
        size: 60,
        wait_ns: 3_000_000_000,
        matched_by: "the sequence number".to_owned(),
    }
}

fn probe(number: u16, ttl: u8, from: Option<&str>, state: ProbeState) -> Probe {
    let answer = from.map(|from| Answer {
        from: from.parse().unwrap(),
        rtt_ns: Some(u64::from(number) * 1_234_567),
        ttl: Some(60),
        back: Some(Back {
            initial: 64,
            hops: 5,
        }),
        icmp: Some((11, 0)),
        meaning: "time to live exceeded in transit".to_owned(),
        mark: None,
        mtu: None,
        quoted_ttl: Some(1),
        quote: None,
        extensions: None,
    });
    Probe {
        number,
        ttl,
        flow: 1,
        size: 60,
        time: Timestamp::from_nanos(0),
        state,
        answer,
        unsent: None,
    }
}

fn hop(ttl: u8, answers: &[Option<&str>]) -> Hop {
    let state = |from: Option<&str>| from.map_or(ProbeState::Lost, |_| ProbeState::Router);
    let probes = (1..)
        .zip(answers.iter().copied())
        .map(|(number, from)| probe(number, ttl, from, state(from)));
    Hop {
        ttl,
        probes: probes.collect(),
    }
}

fn show(hops: &[Hop], trace: &Trace, explains: bool) -> String {
    let mut text = Text::new(Style::default(), target(false), explains);
    let mut out = Vec::new();
    let mut names = |address: IpAddr| {
        (address.to_string() == "10.0.0.1").then(|| "gate\u{202e}way.example".to_owned())
    };
    text.begin("over a test", &mut out).unwrap();
    for hop in hops {
        text.event(&TraceEvent::Hop(hop.clone()), &mut names, &mut out)
            .unwrap();
    }
    text.end(trace, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| width(line) <= 80), "{text}");
    assert!(!text.contains(['\x1b', '\u{202e}']), "{text}");
    text
}

fn trace(outcome: Outcome) -> Trace {
    Trace {
        outcome,
        sent: 12,
        last_ttl: None,
        beyond: 0,
        answered: 6,
        states: [0; 7],
        remarks: Vec::new(),
        path_mtu: None,
        best_rtt_ns: None,
        elapsed_ns: 0,
    }
}

#[test]
fn a_line_a_hop_and_silence_in_one() {
    let (a, b, c) = (Some("10.0.0.1"), Some("10.1.0.1"), Some("10.1.0.2"));
    let silent = [None; 3];
    let mut labelled = hop(3, &[b, c, b]);
    let label = Label {
        label: 16,
        traffic_class: 0,
        bottom: true,
        ttl: 1,
    };
    labelled.probes[0].answer.as_mut().unwrap().extensions = Some(Extensions {
        checksum: Checksum::Right,
        objects: vec![Object::Mpls(vec![label])],
    });
    let mut hops = vec![hop(1, &[a, a, None]), hop(2, &silent), labelled];
    hops.extend((4..=9).map(|ttl| hop(ttl, &silent)));
    let mut end = trace(Outcome::Silence(3));
    end.remarks = vec![TraceRemark::Silent(vec![2]), TraceRemark::Balanced(vec![3])];
    let text = show(&hops, &end, true);
    let expected = "\
hop  address          round trips in ms
  1  10.0.0.1           1.234    2.469        *
     gate\\u{202e}way.example
  2  no answer              *        *        *
  3  10.1.0.1           1.234    3.703
     10.1.0.2           2.469
     MPLS label 16, traffic class 0, TTL 1, bottom of stack
  4 to 9: no answer

Not reached: hop 3, 10.1.0.1 and 10.1.0.2, is the last that answered; 6 of 12
probes answered.";
    assert!(text.contains(expected), "{text}\nhas not\n{expected}");
    assert!(
        text.contains("Hop 3 answers from several addresses"),
        "{text}"
    );
}

#[test]
fn hops_that_limit_their_answers_share_a_sentence() {
    let limited = |ttl, unanswered| TraceRemark::Limited {
        ttl,
        unanswered,
        sent: 3,
        later: 4,
    };
    let mut end = trace(Outcome::Reached(4));
    end.remarks = vec![limited(1, 2)];
    let one = show(&[], &end, false);
    assert!(
        one.contains("Hop 1 left 2 of 3 probes unanswered, while hop 4"),
        "{one}"
    );
    end.remarks.push(limited(3, 1));
    let two = show(&[], &end, false);
    assert!(
        two.contains("Hops 1 and 3 left 2 and 1 probes unanswered"),
        "{two}"
    );
    assert_eq!(two.matches("policy").count(), 1, "{two}");
}

#[test]
fn a_refusal_says_where_and_a_black_hole_between_whom() {
    let mut refused = hop(2, &[Some("10.1.0.1")]);
    let probe = &mut refused.probes[0];
    probe.state = ProbeState::Unreachable;
    let answer = probe.answer.as_mut().unwrap();
    answer.mark = Some("!X".to_owned());
    answer.icmp = Some((3, 13));
    answer.meaning = "communication administratively prohibited".to_owned();
    let hops = [hop(1, &[Some("10.0.0.1")]), refused];
    let mut end = trace(Outcome::Refused(2));
    end.path_mtu = Some(PathMtu {
        mtu: Some(1400),
        hop: 2,
        black_hole: Some((1, 2)),
        complete: true,
        ..PathMtu::default()
    });
    let text = show(&hops, &end, false);
    for expected in [
        "  2  10.1.0.1           1.234 !X\n     !X: communication administratively prohibited, type 3, code 13\n",
        "Not reached: hop 2, 10.1.0.1, says communication administratively prohibited\n(!X, type 3, code 13)",
        "Path MTU: 1,400 bytes to hop 2, as far as anybody answers. Longer packets vanish\nwithout a word between hop 1 (10.0.0.1) and hop 2 (10.1.0.1): a black hole.",
    ] {
        assert!(text.contains(expected), "{text}\nhas not\n{expected}");
    }
}

#[test]
fn a_late_refusal_is_the_verdict_and_all_that_were_sent_are_counted() {
    let mut late = probe(7, 2, Some("10.0.0.1"), ProbeState::Late);
    let answer = late.answer.as_mut().unwrap();
    answer.mark = Some("!H".to_owned());
    answer.icmp = Some((3, 1));
    answer.meaning = "host unreachable".to_owned();
    let mut silent = hop(2, &[None]);
    silent.probes[0].number = 7;
    let mut end = trace(Outcome::Refused(2));
    end.beyond = 4;
    let mut text = Text::new(Style::default(), target(false), false);
    let mut out = Vec::new();
    for event in [
        TraceEvent::Hop(hop(1, &[Some("10.0.0.1")])),
        TraceEvent::Hop(silent),
        TraceEvent::Late(late),
    ] {
        text.event(&event, &mut |_| None, &mut out).unwrap();
    }
    text.end(&end, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap().replace('\n', " ");
    for expected in [
        "ms: host unreachable (!H)",
        "Not reached: hop 1, 10.0.0.1, says host unreachable (!H, type 3, code 1); 6 of 12 probes",
    ] {
        assert!(text.contains(expected), "{text}\nhas not\n{expected}");
    }
}

#[test]
fn a_limit_that_was_asked_for_accuses_nobody() {
    let mut text = Text::new(
        Style::default(),
        Target {
            max: 2,
            ..target(false)
        },
        false,
    );
    let mut out = Vec::new();
    text.end(&trace(Outcome::Silence(2)), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("Stopped at TTL 2 as asked (-m)") && !text.contains("irewall"),
        "{text}"
    );
}

#[test]
fn a_loop_is_the_verdict() {
    let mut end = trace(Outcome::Loop(2));
    end.last_ttl = Some(6);
    end.remarks = [("10.1.0.1", [2, 4]), ("10.2.0.1", [3, 5])]
        .map(|(from, ttls)| TraceRemark::Loop {
            from: from.parse().unwrap(),
            ttls: ttls.to_vec(),
        })
        .to_vec();
    let text = show(&[], &end, false).replace('\n', " ");
    let expected = "Not reached: a routing loop from hop 2 on. 10.1.0.1 (hops 2 and 4) and 10.2.0.1 (hops 3 \
                    and 5) pass packets";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("stopped at TTL 6") && !text.contains("irewall"),
        "{text}"
    );
}

#[test]
fn one_probe_is_no_habit_and_a_question_mark_is_explained() {
    let mut twice = hop(3, &[Some("10.2.0.1")]);
    twice.probes[0].answer.as_mut().unwrap().rtt_ns = None;
    let mut end = trace(Outcome::Silence(3));
    end.remarks = vec![TraceRemark::Silent(vec![2])];
    let text = show(&[hop(2, &[None]), twice], &end, false);
    assert!(text.contains("Hop 2 did not answer this probe"), "{text}");
    assert!(!text.contains("never answers"), "{text}");
    assert!(text.contains("sent the SYN a second time"), "{text}");
}
