//! What a verdict rests on, followed back; what contradicts what somebody said of a capture; and what congestion
//! window stands beside what is under way.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wirelab::io::file;
use wirelab::recordings;

use crate::run::{results, run};

/// The frames whose lines stand at the left, in the order in which they are shown.
fn frames(shown: &str) -> Vec<u64> {
    let number = |line: &str| line.get(..6)?.strip_suffix(' ')?.trim_start().parse().ok();
    shown.lines().filter_map(number).collect()
}

fn lines(words: &[&str]) -> Vec<Value> {
    let shown = results(words);
    let line = |line| serde_json::from_str(line).expect("JSON");
    shown.lines().map(line).collect()
}

#[test]
fn a_chain_begins_with_the_frame_and_ends_with_what_was_only_seen() {
    let shown = results(&["explain", "retransmission", "--frame", "17"]);
    assert_eq!(frames(&shown), [17, 16, 15, 14, 6, 13], "{shown}");
    for said in [
        "rests on frames 6, 14, 15 and 16",
        "rests on frame 13",
        "What that rests on",
        "(RFC 5681 2)",
    ] {
        assert!(shown.contains(said), "{said} in {shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
    let ascii = results(&["explain", "retransmission", "--frame", "17", "--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
    // A closed window that is probed goes back to where it closed, and why.
    let shown = results(&["explain", "zero-window", "--frame", "14"]);
    assert_eq!(frames(&shown), [14, 13, 12, 11, 10, 9, 8], "{shown}");
    assert!(shown.contains("the application does not read"), "{shown}");
}

#[test]
fn what_proves_later_that_it_was_needless_is_part_of_the_chain() {
    let shown = results(&["explain", "spurious", "--frame", "9"]);
    assert!(frames(&shown).contains(&10), "{shown}");
    assert!(shown.contains("frame 10 proves that it was needless"));
    let notes = lines(&["replay", "spurious", "--format", "json"]);
    let ninth = notes.iter().find(|line| line["frame"] == 9).expect("it");
    assert_eq!(ninth["notes"][0]["frames"], serde_json::json!([8, 9, 10]));
}

#[test]
fn a_long_chain_ends_and_says_so() {
    let (mut cut, mut longest) = (0, 0);
    for frame in ["150", "170", "190", "210", "230"] {
        let shown = results(&["explain", "queue-overflow-20", "--frame", frame]);
        let mut found = frames(&shown);
        longest = longest.max(found.len());
        cut += usize::from(shown.contains("There are more frames behind these"));
        let shown = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), shown, "each once");
    }
    assert!(longest <= 40 && longest > 4, "{longest}, {cut} cut");
}

/// A recording without its first frames, as a pcap of nanoseconds.
fn without_opening(folder: &Path, name: &str, first: usize) -> String {
    let (_, bytes) = recordings::capture(name).expect("a recording");
    let mut source = file::from_bytes(bytes).expect("a capture");
    let word = |n: u32| n.to_le_bytes();
    let head = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, 1].map(word);
    let mut out = head.concat();
    let mut number = 0;
    while let Some(frame) = source.next_frame().expect("whole") {
        number += 1;
        if number > first {
            let (time, captured) = (frame.time.as_nanos(), frame.bytes.len() as u32);
            let record = [
                (time / 1_000_000_000) as u32,
                (time % 1_000_000_000) as u32,
                captured,
                frame.original_len,
            ];
            out.extend(record.map(word).concat());
            out.extend(frame.bytes);
        }
    }
    let path = folder.join("cut.pcap");
    fs::write(&path, out).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_scale_that_what_was_sent_contradicts_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let cut = without_opening(folder.path(), "window-scaling", 4);
    let told = run(&["explain", &cut, "--wscale", "2"]);
    assert_eq!(told.code, 0);
    assert!(
        told.err.contains("warning: --wscale 2 is too small"),
        "{}",
        told.err
    );
    assert!(told.err.contains("18,824 bytes"), "{}", told.err);
    let json = run(&["explain", &cut, "--wscale", "2", "--format", "json"]).out;
    let finding = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .find(|line| line["kind"] == "scale-refuted")
        .expect("a finding");
    // 577 in units of 32 bytes are 18,464, in units of 64 bytes 36,928.
    let numbers = serde_json::json!({
        "wscale_assumed": 2, "wscale_at_least": 6, "outstanding": 18_824, "window_field": 577
    });
    assert_eq!(finding["numbers"], numbers, "{finding}");
    assert_eq!(finding["evidence"], serde_json::json!([18]), "{finding}");
    for scale in ["6", "7"] {
        let told = run(&["explain", &cut, "--wscale", scale]);
        assert!(
            told.err.is_empty() && !told.out.contains("can't be right"),
            "{scale}"
        );
    }
    // Where the opening tells, nobody has to.
    let told = run(&["flows", "window-scaling", "--wscale", "0"]);
    assert!(told.err.is_empty(), "{}", told.err);
    let flows = |scale: &[&str]| {
        let words = [&["flows", &cut, "--format", "json"], scale].concat();
        let first = run(&words).out;
        let first = first.lines().next().expect("a connection");
        serde_json::from_str::<Value>(first).expect("JSON")["r>i"].take()
    };
    let [free, refuted, fits] = [
        flows(&[]),
        flows(&["--wscale", "5"]),
        flows(&["--wscale", "6"]),
    ];
    for (stats, assumed, least) in [
        (free, Value::Null, Value::from(6)),
        (refuted, Value::from(5), Value::from(6)),
        (fits, Value::from(6), Value::Null),
    ] {
        assert_eq!(stats["wscale_assumed"], assumed);
        assert_eq!(stats["wscale_at_least"], least);
    }
}

#[test]
fn beside_what_is_under_way_stands_the_congestion_window() {
    let all = lines(&["replay", "slow-start", "--format", "json"]);
    let told: Vec<_> = all
        .iter()
        .filter(|line| line["cwnd_estimate"].is_u64())
        .collect();
    assert!(told.len() > 50, "{}", told.len());
    for line in &told {
        let [flight, window] = ["in_flight", "cwnd_estimate"].map(|key| line[key].as_u64());
        assert!(flight <= window, "{line}");
    }
    // What is not shown counts all the same.
    let words = [
        "replay",
        "slow-start",
        "--frames",
        "100-",
        "--format",
        "json",
    ];
    for line in lines(&words).iter().filter(|line| line["frame"].is_u64()) {
        let same = all.iter().find(|other| other["frame"] == line["frame"]);
        assert_eq!(Some(line), same);
    }
    let far = lines(&["replay", "slow-start/server", "--format", "json"]);
    assert!(far.iter().all(|line| line["cwnd_estimate"].is_null()));
}

#[test]
fn what_was_lost_delayed_or_changed_between_two_captures_is_told() {
    for (name, said) in [
        (
            "retransmission",
            "1 of 13 packets of 10.0.0.1, with 1,448 bytes, did not arrive",
        ),
        ("corrupt", "1 packet of 10.0.0.1 damaged on the way"),
        ("reorder", "arrived after packets that left later"),
        ("duplicate", "arrived once more than sent"),
        ("spurious", "they waited on the way"),
        ("pmtu", "ttl from 64 to 63"),
        ("data", "all 4 packets of 10.0.0.2 arrived at 10.0.0.1"),
    ] {
        let server = format!("{name}/server");
        let told = results(&["explain", name, "--peer", &server]);
        let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{said} in {told}");
        assert!(
            told.lines().all(|line| line.chars().count() <= 80),
            "{told}"
        );
    }
    // What is lost is what the run's own account of it has.
    let lost = lines(&[
        "explain",
        "queue-overflow-20",
        "--peer",
        "queue-overflow-20/server",
        "--format",
        "json",
    ])
    .into_iter()
    .find(|line| line["kind"] == "lost-between")
    .expect("a loss");
    let (recording, _) = recordings::capture("queue-overflow-20").expect("a recording");
    let truth = recording.truth().expect("the truth");
    let dropped = truth
        .lines()
        .filter(|line| line.contains(r#""fate":"dropped""#))
        .count();
    assert_eq!(lost["numbers"]["lost"], dropped, "{lost}");
    let refused = run(&["explain", "data", "--peer", "handshake/server"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("don't seem to be captures of the same"),
        "{}",
        refused.err
    );
}
