//! Memory is bounded whatever comes, and whoever looks is told when a bound bites.

use std::convert::Infallible;
use std::net::IpAddr;

use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{End, Event, LetGo};
use wirelab::explain::Explainer;
use wirelab::frame::{Frame, LinkType, Timestamp};
use wirelab::view::{Style, VIEWS};
use wirelab::wire::checksum::Sum;

const SYN: u8 = 2;
const ACK: u8 = 16;

/// A segment of connection `client`, from the initiator unless `back`: flags, numbers, payload
/// length, SACK blocks.
#[derive(Clone, Copy)]
struct Said<'a>(u32, bool, u8, [u32; 2], u16, &'a [[u32; 2]]);

/// An IPv4 packet of which the capture kept the headers only.
fn packet(said: Said<'_>) -> Vec<u8> {
    let Said(client, back, flags, [seq, ack], len, sack) = said;
    let mut options = Vec::new();
    if !sack.is_empty() {
        options.extend([1, 1, 5, 2 + 8 * sack.len() as u8]);
        options.extend(sack.iter().flatten().flat_map(|edge| edge.to_be_bytes()));
    }
    let (total, header) = (40 + options.len() as u16 + len, 20 + options.len() as u8);
    let host = [
        10_u8,
        (client >> 16) as u8,
        (client >> 8) as u8,
        client as u8,
    ];
    let ends = [(host, 40_000_u16), ([192, 168, 0, 1], 80)];
    let [from, to] = if back { [ends[1], ends[0]] } else { ends };
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend([from.0, to.0].concat());
    bytes.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    bytes.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    bytes.extend([header << 2, flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(options);
    let sum = Sum::pseudo_header(
        IpAddr::from(from.0),
        IpAddr::from(to.0),
        6,
        bytes.len() as u32 - 20,
    );
    let sum = sum.add_bytes(&bytes[20..]).checksum();
    bytes[36..38].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// What came of a capture, as far as these tests ask.
#[derive(Default)]
struct Outcome {
    notices: Vec<String>,
    /// By connection: why it was let go, and from which frame on something was forgotten.
    flows: Vec<(u32, LetGo, Option<u64>)>,
    /// Most that was kept at once: connections, and bytes of detail on them.
    most: (usize, usize),
    /// What views made of it.
    text: [String; 3],
}

fn run<'a>(limits: Limits, said: impl IntoIterator<Item = Said<'a>>) -> Outcome {
    let mut analysis = Analysis::new(limits);
    let mut outcome = Outcome::default();
    let mut explainer = Explainer::new();
    let names = ["ladder", "flows", "explain"];
    let mut views = names.map(|name| {
        let entry = VIEWS.iter().find(|entry| entry.name == name);
        ((entry.expect(name).make)(Style::default()), Vec::new())
    });
    let mut sink = |event: &Event<'_>| {
        let mut show = |event: &Event<'_>| {
            for (view, out) in &mut views {
                view.event(event, out).expect("memory takes everything");
            }
        };
        show(event);
        match event {
            Event::Segment(segment) => explainer.observe(segment),
            Event::Notice(text) => outcome.notices.push((*text).to_owned()),
            Event::Flow(flow) => {
                let found = explainer.conclude(flow);
                for finding in &found {
                    show(&Event::Finding(finding));
                }
                outcome
                    .flows
                    .push((flow.flow, flow.let_go, flow.gave_up_at));
            }
            _ => {}
        }
        Ok::<(), Infallible>(())
    };
    let mut end = End::default();
    for (number, said) in (1..).zip(said) {
        let bytes = packet(said);
        let frame = Frame {
            number,
            time: Timestamp::from_nanos(1_000_000_000_000 + number * 1_000),
            link_type: LinkType::RAW,
            interface: 0,
            original_len: bytes.len() as u32 + u32::from(said.4),
            bytes: &bytes,
            comment: None,
        };
        end.frames = number;
        let Ok(()) = analysis.handle(&frame, &mut sink);
        let (connections, details) = analysis.kept();
        outcome.most.0 = outcome.most.0.max(connections);
        outcome.most.1 = outcome.most.1.max(details);
    }
    let Ok(()) = analysis.finish(&end, &mut sink);
    outcome.text = views.map(|(_, out)| String::from_utf8(out).expect("views write text"));
    outcome
}

/// SYN, SYN-ACK, ACK, all numbers beginning at 0.
fn opening(client: u32) -> [Said<'static>; 3] {
    [
        Said(client, false, SYN, [0, 0], 0, &[]),
        Said(client, true, SYN | ACK, [0, 1], 0, &[]),
        Said(client, false, ACK, [1, 1], 0, &[]),
    ]
}

#[test]
fn a_syn_flood_crowds_out_and_says_so() {
    let limits = Limits {
        connections: 1_000,
        ..Limits::default()
    };
    let flood = (0..5_000).map(|client| Said(client, false, SYN, [client, 0], 0, &[]));
    let outcome = run(limits, flood);
    assert_eq!(outcome.most.0, 1_000);
    let mut flows: Vec<u32> = outcome.flows.iter().map(|flow| flow.0).collect();
    flows.sort_unstable();
    assert!(flows.into_iter().eq(0..5_000), "each is reported, and once");
    let crowded_out = |flow: &&(u32, LetGo, _)| flow.1 == LetGo::TableFull;
    assert_eq!(outcome.flows.iter().filter(crowded_out).count(), 4_000);
    assert_eq!(outcome.notices.len(), 2, "{:?}", outcome.notices);
    assert!(outcome.notices[0].starts_with("from frame 1001 on"));
    assert!(outcome.notices[1].starts_with("4000 connections"));
    for text in &outcome.text {
        assert!(text.contains("from frame 1001 on"), "{text:.2000}");
    }
}

#[test]
fn one_connection_with_ever_more_outstanding_gives_up_and_says_so() {
    let limits = Limits {
        ranges: 1_000,
        ..Limits::default()
    };
    let data = (0..5_000).map(|at| Said(1, false, ACK, [1 + at * 1_000, 1], 1_000, &[]));
    let outcome = run(limits, opening(1).into_iter().chain(data));
    assert_eq!(outcome.flows, [(0, LetGo::CaptureEnded, Some(1_004))]);
    assert!(outcome.most.1 < 256 * 1024, "{}", outcome.most.1);
    for text in &outcome.text {
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("from frame 1004 on"), "{said:.3000}");
    }
}

#[test]
fn ever_more_holes_are_given_up_and_that_is_said() {
    let data = (0..5_000).map(|at| Said(1, false, ACK, [1 + at * 2_000, 1], 1_000, &[]));
    let outcome = run(Limits::default(), opening(1).into_iter().chain(data));
    let (_, _, gave_up_at) = outcome.flows[0];
    assert!(gave_up_at.is_some(), "{:?}", outcome.flows);
}

#[test]
fn ever_more_that_only_acknowledgments_tell_of_is_given_up_and_that_is_said() {
    let pairs = (0..500).flat_map(|at| {
        let seq = 1 + at * 2_000;
        [
            Said(1, false, ACK, [seq, 1], 1_000, &[]),
            Said(1, true, ACK, [1, seq + 2_000], 0, &[]),
        ]
    });
    let outcome = run(Limits::default(), opening(1).into_iter().chain(pairs));
    assert!(outcome.flows[0].2.is_some(), "{:?}", outcome.flows);
}

#[test]
fn ever_more_sacked_ranges_are_given_up_and_that_is_said() {
    let data = (0..200).map(|at| Said(1, false, ACK, [1 + at * 60_000, 1], 60_000, &[]));
    let blocks: Vec<[u32; 2]> = (0..6_000)
        .map(|at| [1_001 + at * 1_000, 1_501 + at * 1_000])
        .collect();
    let sack = blocks
        .chunks(3)
        .map(|three| Said(1, true, ACK, [1, 1], 0, three));
    let outcome = run(
        Limits::default(),
        opening(1).into_iter().chain(data).chain(sack),
    );
    assert!(outcome.flows[0].2.is_some(), "{:?}", outcome.flows);
    assert!(outcome.most.1 < 64 * 1024, "{}", outcome.most.1);
}

#[test]
fn many_connections_together_stay_within_the_budget() {
    let limits = Limits {
        details: 100_000,
        ..Limits::default()
    };
    // Each alone is far below every limit of its own.
    let opened = (0..300).flat_map(opening);
    let data = (0..40).flat_map(|at| {
        (0..300).flat_map(move |client| {
            let seq = 1 + at * 2_000;
            [
                Said(client, false, ACK, [seq, 1], 1_000, &[]),
                Said(client, true, ACK, [seq, 1], 1_000, &[]),
            ]
        })
    });
    let outcome = run(limits, opened.chain(data));
    // One connection may be looked at while the others have been let go for it.
    assert!(outcome.most.1 <= limits.details, "{}", outcome.most.1);
    assert!(
        outcome.notices[0].contains("97 KiB"),
        "{:?}",
        outcome.notices
    );
    assert!(outcome.flows.iter().any(|flow| flow.1 == LetGo::TableFull));
}

#[test]
fn room_that_a_burst_took_is_given_back() {
    let limits = Limits {
        details: 1 << 20,
        ..Limits::default()
    };
    // What stays outstanding is one segment each; what they once had together is far beyond.
    let bursts = (0..60).flat_map(|client| {
        let data = (0..1_000).map(move |at| Said(client, false, ACK, [1 + at * 100, 1], 100, &[]));
        let most = Said(client, true, ACK, [1, 1 + 999 * 100], 0, &[]);
        opening(client).into_iter().chain(data).chain([most])
    });
    let outcome = run(limits, bursts);
    assert_eq!(outcome.most.0, 60, "nobody had to go");
    assert_eq!(outcome.notices, Vec::<String>::new());
}
