//! `replay --at both`: the two ends of a recording, joined.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use wirelab::frame::Timestamp;
use wirelab::lab::truth::Line;
use wirelab::recordings;

use crate::run::{results, run};

/// Compares with `tests/suite/snapshots/`; see `views.rs`.
fn shows(name: &str, words: &[&str]) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, results(words));
    });
}

fn lines(words: &[&str]) -> Vec<Value> {
    let out = results(&[words, &["--at", "both", "--format", "json"]].concat());
    let parse = |line| serde_json::from_str(line).expect("JSON");
    out.lines().map(parse).collect()
}

#[test]
fn ladders_of_both_ends() {
    for name in [
        "handshake",
        "retransmission",
        "reorder",
        "zero-window",
        "corrupt",
        "half-close",
        "recv-buffer",
        "send-buffer",
    ] {
        for width in ["80", "160"] {
            let words = ["replay", name, "--at", "both", "--width", width];
            shows(&format!("both-{name}-{width}"), &words);
        }
    }
    let ascii = ["replay", "corrupt", "--at", "both", "--ascii"];
    shows("both-corrupt-ascii", &ascii);
}

#[test]
fn ladders_of_both_ends_keep_to_their_width() {
    for recording in recordings::all() {
        for width in [40_usize, 60, 80, 100, 119, 120, 160, 200] {
            let columns = width.to_string();
            let words = ["replay", recording.name, "--at", "both", "--all", "--width"];
            let out = results(&[&words[..], &[&columns]].concat());
            for line in out.lines() {
                // The names of the hosts can't be narrower than their addresses.
                let most = width.max(if line.contains("client 10.") { 58 } else { 0 });
                assert!(
                    line.chars().count() <= most,
                    "{} at {width}: {line}",
                    recording.name
                );
            }
        }
    }
}

/// Counts how often each frame of each end is told of.
fn accounted(lines: &[Value]) -> BTreeMap<(String, u64), u32> {
    let mut told = BTreeMap::new();
    for passage in lines.iter().filter(|line| line["type"] == "passage") {
        for end in ["client", "server"] {
            let own = passage["from"] == end;
            // Copies have the sender's frame in common.
            if own && passage["fate"] == "duplicated" {
                continue;
            }
            if let Some(frame) = passage["frames"][end].as_u64() {
                *told.entry((end.to_owned(), frame)).or_default() += 1;
            }
        }
    }
    told
}

fn is_accounted_for(what: &str, lines: &[Value]) {
    let mut frames = BTreeMap::new();
    for line in lines {
        if let (Some(at), Some(frame)) = (line["at"].as_str(), line["frame"].as_u64()) {
            frames.insert((at.to_owned(), frame), 1);
        }
    }
    assert_eq!(accounted(lines), frames, "{what}");
}

#[test]
fn every_frame_of_every_recording_is_accounted_for_once() {
    for recording in recordings::all() {
        let lines = lines(&["replay", recording.name]);
        is_accounted_for(recording.name, &lines);
        // What the wire did is what the experiment says it does.
        let lost = lines.iter().filter(|line| {
            line["type"] == "passage"
                && matches!(line["fate"].as_str(), Some("missing" | "dropped"))
        });
        let lost = lost.count();
        let fates = recording.truth().unwrap_or_default().lines();
        let dropped = fates.filter(
            |line| matches!(Line::from_json(line), Ok(Line::Fate(fate)) if fate.fate == "dropped"),
        );
        let expected = dropped.count();
        assert_eq!(lost, expected, "{}", recording.name);
        assert!(
            lines.iter().all(|line| line["fate"] != "unsent"),
            "{}",
            recording.name
        );
    }
}

/// A folder as `lab run --record` makes it, of a recording.
fn folder(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for end in ["client", "server"] {
        let (_, bytes) = recordings::capture(&format!("{name}/{end}")).expect("a recording");
        fs::write(folder.path().join(format!("{end}.pcapng")), bytes).expect("written");
    }
    folder
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("a name")
}

#[test]
fn a_cut_capture_leaves_packets_missing_and_counts_none_twice() {
    for name in ["retransmission", "reorder", "half-close"] {
        for (end, parts) in [("client", 5), ("server", 5)] {
            for part in 1..parts {
                let folder = folder(name);
                let file = folder.path().join(format!("{end}.pcapng"));
                let bytes = fs::read(&file).expect("it is there");
                fs::write(&file, &bytes[..bytes.len() * part / parts]).expect("written");
                let lines = lines(&["replay", path(folder.path())]);
                is_accounted_for(&format!("{name}, {part}/{parts} of the {end}"), &lines);
            }
        }
    }
}

#[test]
fn a_capture_that_begins_late_changes_nothing_of_the_rest() {
    // Without the client's first frames, what the server got first was still sent by the client.
    let folder = folder("retransmission");
    let file = folder.path().join("client.pcapng");
    let bytes = fs::read(&file).expect("it is there");
    let mut at = 0;
    let mut kept = Vec::new();
    let mut packets = 0;
    while at + 8 <= bytes.len() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        let (kind, len) = (word(at), word(at + 4) as usize);
        packets += u32::from(kind == 6);
        if kind != 6 || packets > 5 {
            kept.extend_from_slice(&bytes[at..at + len]);
        }
        at += len;
    }
    fs::write(&file, kept).expect("written");
    let lines = lines(&["replay", path(folder.path())]);
    is_accounted_for("without its beginning", &lines);
    let passages = lines.iter().filter(|line| line["type"] == "passage");
    let count = |fate: &str| passages.clone().filter(|line| line["fate"] == fate).count();
    assert_eq!((count("missing"), count("unsent")), (2, 4));
}

/// A moment before a time, both as in JSON.
fn before(time: &Value) -> Value {
    let time: Timestamp = time.as_str().expect("a time").parse().expect("a time");
    let moment = Timestamp::from_nanos(time.as_nanos() - 50_000);
    Value::String(moment.to_string())
}

/// The truth of the recording `retransmission`, as far as its captures tell it, and what a kernel and a
/// program could have had to do with it.
fn truth(lines: &[Value]) -> String {
    let mut truth = vec![r#"{"type":"run","faults":["client data 3: drop"]}"#.to_owned()];
    let mut times = BTreeMap::new();
    for p in lines.iter().filter(|line| line["type"] == "passage") {
        let dropped = p["arrived"].is_null();
        let cause = if dropped { "\"fault 1\"" } else { "null" };
        let fault = if dropped { "0" } else { "null" };
        let fate = if dropped { "dropped" } else { "delivered" };
        truth.push(format!(
            r#"{{"type":"fate","packet":{},"time":{},"from":{},"frame":{},"fate":"{fate}","fault":{fault},"cause":{cause},"delivered_at":{},"late_ns":0}}"#,
            p["packet"], p["sent"], p["from"], p["frames"], p["arrived"]
        ));
        if p["from"] == "client" {
            times.insert(p["frames"]["client"].as_u64(), p["sent"].clone());
        }
    }
    let sample = |frame: u64, cwnd: u32, ssthresh: &str, mood: &str| {
        format!(
            r#"{{"type":"sample","host":"client","time":{},"packet":{frame},"state":"ESTABLISHED","ca_state":"{mood}","cwnd":{cwnd},"ssthresh":{ssthresh},"unacked":8,"send_queue":11584,"recv_queue":0}}"#,
            times[&Some(frame)]
        )
    };
    truth.push(sample(11, 10, "null", "open"));
    truth.push(sample(17, 5, "5", "recovery"));
    let call = |frame: u64, call: &str, arguments: &str, result: u64, blocked: u64| {
        format!(
            r#"{{"type":"call","host":"client","time":{},"call":"{call}","arguments":"{arguments}","result":{result},"blocked_ns":{blocked}}}"#,
            // Programs ask before packets go.
            before(&times[&Some(frame)])
        )
    };
    truth.push(call(1, "connect", "10.0.0.2:8080", 0, 20_400_000));
    truth.push(call(4, "send", "11584 bytes", 11_584, 30_000));
    truth.join("\n") + "\n"
}

#[test]
fn with_the_truth_it_says_why_and_what_kernels_and_programs_did() {
    let folder = folder("retransmission");
    let text = truth(&lines(&["replay", path(folder.path())]));
    fs::write(folder.path().join("truth.ndjson"), &text).expect("written");
    for width in ["80", "160"] {
        let words = [
            "replay",
            path(folder.path()),
            "--at",
            "both",
            "--width",
            width,
        ];
        shows(&format!("both-with-truth-{width}"), &words);
    }
    let words = [
        "replay",
        path(folder.path()),
        "--at",
        "both",
        "--packets-only",
    ];
    let plain = results(&words);
    assert!(
        !plain.contains("connect(") && !plain.contains("cwnd"),
        "{plain}"
    );
    assert!(
        plain.contains("lost: fault 1 (client data 3: drop)"),
        "{plain}"
    );

    let lines = lines(&["replay", path(folder.path())]);
    is_accounted_for("with the truth", &lines);
    let dropped: Vec<_> = lines
        .iter()
        .filter(|line| line["fate"] == "dropped")
        .collect();
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0]["fault"], 0);
    assert_eq!(dropped[0]["cause"], "fault 1 (client data 3: drop)");

    // A truth that was cut is believed as far as it goes.
    fs::write(folder.path().join("truth.ndjson"), &text[..text.len() / 3]).expect("written");
    let cut = self::lines(&["replay", path(folder.path())]);
    is_accounted_for("with a cut truth", &cut);
    assert!(
        cut.iter().any(|line| line["type"] == "notice"
            && line["text"]
                .as_str()
                .is_some_and(|text| text.contains("makes no sense"))),
        "it says so"
    );
}

#[test]
fn an_end_is_asked_for_by_name() {
    for end in ["client", "server"] {
        assert_eq!(
            results(&["replay", "reorder", "--at", end]),
            results(&["replay", &format!("reorder/{end}")])
        );
    }
    let folder = folder("reorder");
    let client = results(&["replay", path(folder.path())]);
    let server = results(&["replay", path(folder.path()), "--at", "server"]);
    assert_ne!(client, server);
}

#[test]
fn what_has_no_two_ends_is_refused_with_the_reason() {
    let folder = folder("reorder");
    let file = folder.path().join("client.pcapng");
    let refused = |words: &[&str], reason: &str| {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}");
        assert!(run.err.contains(reason), "{words:?}: {}", run.err);
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    };
    refused(
        &["replay", path(&file), "--at", "both"],
        "one capture has one end",
    );
    refused(
        &["replay", "reorder/server", "--at", "both"],
        "is one end of reorder",
    );
    refused(
        &["replay", "reordr", "--at", "server"],
        "did you mean reorder?",
    );
    refused(
        &["replay", "/", "--at", "both"],
        "no client.pcapng and server.pcapng",
    );
    refused(
        &["replay", "reorder", "port 80", "--at", "both"],
        "takes no filter",
    );
    refused(
        &["replay", "reorder", "--at", "both", "--view", "flows"],
        "a ladder only",
    );
}

#[test]
fn packets_are_chosen_with_both_their_ends() {
    let words = ["replay", "corrupt", "--note", "checksum-bad"];
    let chosen = lines(&words);
    let passages: Vec<_> = chosen
        .iter()
        .filter(|line| line["type"] == "passage")
        .collect();
    assert_eq!(passages.len(), 1, "{chosen:?}");
    assert_eq!(passages[0]["fate"], "corrupted");
}

#[test]
fn errors_of_routers_are_counted_apart_from_what_the_server_sent() {
    let shown = results(&["replay", "traceroute", "--at", "both", "--width", "160"]);
    let shown = shown.replace('\u{a0}', " ");
    assert!(
        shown.contains("1 packet sent, 1 arrived, and 3 from routers"),
        "{shown}"
    );
}
