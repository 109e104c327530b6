//! The bundled recordings teach what they say they do: what each end's capture shows is counted and
//! compared, so that a recording made anew, or a rule changed, can't quietly spoil a lesson.

use std::collections::BTreeMap;
use std::convert::Infallible;

use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{End, Event, Flow, Kind, Note};
use wirelab::io::file;
use wirelab::recordings;

/// Name, what the client's recording shows, what the server's does.
const LESSONS: &[(&str, &str, &str)] = &[
    ("handshake", "", ""),
    ("data", "", ""),
    ("teardown", "", ""),
    ("half-close", "1 half-close", "1 half-close"),
    ("refused", "1 refused", "1 refused"),
    // The server meets the third SYN only.
    ("syn-lost", "2 rto retransmission", ""),
    ("reset", "1 reset", "1 reset"),
    (
        "retransmission",
        "5 dup-ack, 1 fast retransmission",
        "5 dup-ack, 1 fast retransmission, 1 hole",
    ),
    // Nothing comes after what is lost, so the server never knows.
    ("rto", "2 rto retransmission", ""),
    (
        "tail-loss-probe",
        "1 dup-ack, 1 fast retransmission, 1 tlp retransmission",
        "1 dup-ack, 1 fast retransmission, 1 hole",
    ),
    ("reorder", "2 dup-ack", "2 dup-ack, 1 hole, 1 out-of-order"),
    ("zero-window", PROBED, PROBED),
    (
        "keepalive",
        "2 keep-alive, 2 keep-alive-ack",
        "2 keep-alive, 2 keep-alive-ack",
    ),
    (
        "corrupt",
        "3 dup-ack, 1 fast retransmission",
        "1 checksum-bad, 3 dup-ack, 1 fast retransmission, 1 hole",
    ),
];

const PROBED: &str = "1 window-update, 4 zero-window, 3 zero-window-probe, 3 zero-window-probe-ack";

/// Not compared: whether the window's edge is just reached, or has just moved, is a matter of
/// microseconds, and differs from one run of the same experiment to the next.
const RACES: Kind = Kind::WindowFull;

/// Counts of notes by kind (and cause), by name, of a capture.
fn shown(capture: &'static [u8]) -> String {
    let mut source = file::from_bytes(capture).expect("a recording is a capture");
    let mut analysis = Analysis::new(Limits::default());
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |event: &Event<'_>| {
        match event {
            Event::Segment(segment) => {
                for note in segment.notes.iter().filter(|note| note.kind != RACES) {
                    *counts.entry(name(note)).or_default() += 1;
                }
            }
            Event::Packet(..) => *counts.entry("not TCP".to_owned()).or_default() += 1,
            _ => {}
        }
        Ok::<(), Infallible>(())
    };
    let mut end = End::default();
    while let Some(frame) = source.next_frame().expect("a recording can be read") {
        end.frames = frame.number;
        analysis
            .handle(&frame, &mut count)
            .unwrap_or_else(|never| match never {});
    }
    analysis
        .finish(&end, &mut count)
        .unwrap_or_else(|never| match never {});
    let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn name(note: &Note) -> String {
    let kind = note.kind.name();
    note.cause.map_or_else(
        || kind.to_owned(),
        |cause| format!("{} {kind}", cause.name()),
    )
}

#[test]
fn each_recording_shows_what_its_lesson_is_about() {
    for recording in recordings::all() {
        let (.., client, server) = LESSONS
            .iter()
            .find(|lesson| lesson.0 == recording.name)
            .unwrap_or_else(|| panic!("{} needs a line in LESSONS", recording.name));
        assert_eq!(
            shown(recording.client()),
            *client,
            "{}, client",
            recording.name
        );
        assert_eq!(
            shown(recording.server()),
            *server,
            "{}, server",
            recording.name
        );
    }
}

#[test]
fn the_figures_of_a_connection_agree_with_its_notes() {
    let mut probes = 0;
    for recording in recordings::all() {
        for capture in [recording.client(), recording.server()] {
            for flow in flows(capture) {
                let counted = flow.stats.each_ref().map(|s| s.probe_packets);
                let noted = flow.notes.each_ref().map(|n| n.of(Kind::ZeroWindowProbe));
                assert_eq!(counted, noted, "{}", recording.name);
                // Duplicate ACKs count for the side whose data they ask for.
                let counted = flow.stats.each_ref().map(|s| s.duplicate_acks);
                let [i, r] = flow.notes.each_ref().map(|n| n.of(Kind::DupAck));
                assert_eq!(counted, [r, i], "{}", recording.name);
                probes += noted[0];
            }
        }
    }
    assert!(probes > 0, "no recording has a zero-window probe");
}

/// The connections of a capture.
fn flows(capture: &'static [u8]) -> Vec<Flow> {
    let mut source = file::from_bytes(capture).expect("a recording is a capture");
    let mut analysis = Analysis::new(Limits::default());
    let mut flows = Vec::new();
    let mut keep = |event: &Event<'_>| {
        if let Event::Flow(flow) = event {
            flows.push((*flow).clone());
        }
        Ok::<(), Infallible>(())
    };
    while let Some(frame) = source.next_frame().expect("a recording can be read") {
        analysis
            .handle(&frame, &mut keep)
            .unwrap_or_else(|never| match never {});
    }
    analysis
        .finish(&End::default(), &mut keep)
        .unwrap_or_else(|never| match never {});
    flows
}
