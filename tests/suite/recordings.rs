//! The figures of the bundled recordings agree with each other. What each recording has to show is in
//! `tests/suite/experiments/`.

use std::convert::Infallible;
use std::fs;

use serde_json::Value;
use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{End, Event, Flow, Kind};
use wirelab::io::file;
use wirelab::recordings;

use crate::root;
use crate::run::results;

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

/// What was damaged on the way and sent again is counted once, as what the reader got.
#[test]
fn bytes_that_came_damaged_first_are_counted_when_they_come_whole() {
    let truth =
        fs::read_to_string(root().join("captures/corrupt/truth.ndjson")).expect("its truth");
    let calls = truth
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let got: u64 = calls
        .filter(|it| it["call"] == "recv" && it["host"] == "server")
        .filter_map(|it| it["result"].as_u64())
        .sum();
    assert!(got > 0);
    let flows = results(&["flows", "corrupt/server", "--format", "json"]);
    let flow: Value = serde_json::from_str(flows.lines().next().expect("a flow")).expect("JSON");
    assert_eq!(flow["i>r"]["unique_bytes"], got);
    assert_eq!(flow["i>r"]["bad_checksums"], 1);
}
