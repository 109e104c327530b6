//! `wirelab lab run`, for real: two kernels' TCP between two network namespaces.
//!
//! Where a machine can't do that these say why and pass, except on CI (`CI=true`), where that is a
//! failure.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use wirelab::io::file;
use wirelab::lab::truth::Line;

use super::{MINE, file as experiment, json};
use crate::live::skip;
use crate::run::{Run, path, run, wirelab};

/// Whether this machine can run experiments; says why not.
fn able() -> bool {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    let why = WHY.get_or_init(|| {
        let run = run(&["lab", "run", "handshake", "--no-fallback", "-q"]);
        (run.code == 2).then_some(run.err)
    });
    match why {
        Some(why) => {
            skip(why.trim());
            false
        }
        None => true,
    }
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a name")
}

fn truth(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join("truth.ndjson")).expect("truth");
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines");
    text.lines()
        .map(|line| Line::from_json(line).expect("a line of truth"))
        .collect()
}

fn frames(capture: &Path) -> u64 {
    let mut source = file::open(capture).expect("a capture");
    let mut frames = 0;
    while let Some(frame) = source.next_frame().expect("whole frames") {
        frames = frame.number;
    }
    assert_eq!(source.truncated(), None);
    frames
}

#[test]
fn what_is_run_is_shown_summed_up_and_recorded() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("new");
    let run = run(&["lab", "run", "retransmission", "--record", name(&folder)]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("retransmission: A lost segment"),
        "{}",
        run.out
    );
    for part in [
        "retransmission #1 (fast)",
        "1 lost (1 by fault 1: client data 3: drop)",
        "the client's kernel counted 1 segment sent again, 1 fast retransmission",
    ] {
        assert!(run.out.contains(part), "no '{part}' in\n{}", run.out);
    }
    let lines = truth(&folder);
    assert!(matches!(&lines[0], Line::Run(run) if run.experiment == "retransmission"));
    assert!(matches!(lines.last(), Some(Line::Outcome(outcome)) if outcome.ok));
    let dropped: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Fate(fate) if fate.fate == "dropped" => Some(fate),
            _ => None,
        })
        .collect();
    assert_eq!(dropped.len(), 1);
    assert_eq!((dropped[0].fault, dropped[0].frame.server), (Some(0), None));
    // What the wire lost is in the client's capture alone.
    let [client, server] = ["client.pcapng", "server.pcapng"].map(|it| frames(&folder.join(it)));
    assert_eq!(client, server + 1);
    let said = format!("client.pcapng: {client} frames, server.pcapng: {server} frames");
    assert!(run.err.contains(&said), "{}", run.err);
    let comment = fs::read(folder.join("client.pcapng")).expect("the capture");
    let comment = String::from_utf8_lossy(&comment).into_owned();
    assert!(comment.contains("A lost segment, found by duplicate ACKs\n"));
    assert!(comment.contains("\nnet.ipv4.tcp_sack = 1"));
}

#[test]
fn the_truth_is_written_as_json_and_quiet_is_its_summary() {
    if !able() {
        return;
    }
    let kinds = |words: &[&str]| {
        let mut kinds: Vec<_> = json(words)
            .iter()
            .map(|line| line["type"].as_str().expect("a type").to_owned())
            .collect();
        assert_eq!(kinds.first().map(String::as_str), Some("run"));
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let all = kinds(&["lab", "run", "handshake"]);
    assert_eq!(
        all,
        [
            "call", "counters", "end", "fate", "flow", "outcome", "passage", "run", "sample",
            "segment"
        ]
    );
    let quiet = kinds(&["lab", "run", "handshake", "--quiet"]);
    assert_eq!(quiet, ["counters", "outcome", "run"]);
}

#[test]
fn what_the_command_line_says_counts() {
    if !able() {
        return;
    }
    let words = [
        "lab",
        "run",
        "handshake",
        "-q",
        "--seed",
        "7",
        "--profile",
        "textbook",
    ];
    let lines = json(&words);
    assert_eq!(
        (&lines[0]["seed"], &lines[0]["profile"]),
        (&7.into(), &"textbook".into())
    );
    assert_eq!(lines[0]["sysctl"]["client"]["net.ipv4.tcp_sack"], "0");
}

#[test]
fn a_program_that_fails_and_a_fault_that_meets_nothing_are_told() {
    if !able() {
        return;
    }
    let fault = "[[wire.fault]]\npacket = \"client data 90\"\ndrop = true\n";
    let text = MINE.replace("{ receive = \"end\" }", "{ receive = 500 }");
    let (_folder, file) = experiment(&format!("{text}{fault}"));
    let run = run(&["lab", "run", &file, "-q"]);
    assert_eq!(run.code, 1, "{}", run.err);
    for part in [
        "fault 1 (client data 90: drop) met no packet",
        "it failed: server: call 3",
    ] {
        assert!(run.out.contains(part), "no '{part}' in\n{}", run.out);
    }
}

#[test]
fn runs_are_repeated_and_what_broke_is_named() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&[
        "lab",
        "run",
        "handshake",
        "--repeat",
        "3",
        "--record",
        name(folder.path()),
    ]);
    assert_eq!(run.code, 0, "{}", run.err);
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines.len(), 9, "{}", run.out);
    assert_eq!(
        (lines[0], lines[8]),
        ("handshake, 3 times", "all 3 went as they had to")
    );
    for row in &lines[2..5] {
        assert!(row.contains("yes") && row.contains(" 3 "), "{row}");
    }
    assert_eq!(frames(&folder.path().join("3/server.pcapng")), 3);

    let text = MINE.replace("{ receive = \"end\" }", "{ receive = 500 }");
    let (_folder, file) = experiment(&text);
    let run = self::run(&["lab", "run", &file, "--repeat", "2"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(
        run.out
            .ends_with("2 of 2 did not go as they had to: 1, 2\n"),
        "{}",
        run.out
    );
    let lines = json(&["lab", "run", &file, "--repeat", "1"]);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["ok"]),
        (&"repetition".into(), &Value::Bool(false))
    );
}

#[test]
fn kill_leaves_what_was_seen() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // The first SYN is lost, and the second comes a second later.
    let mut child = wirelab()
        .args(["lab", "run", "syn-lost", "--record", name(folder.path())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut shown = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    while !shown.contains("SYN seq 0") {
        let mut some = [0; 512];
        let count = stdout.read(&mut some).expect("what it shows");
        assert!(count > 0, "it ended with\n{shown}");
        shown.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    child.kill().expect("kill -9");
    child.wait().expect("it ends");
    assert!(frames(&folder.path().join("client.pcapng")) >= 1);
    assert_eq!(frames(&folder.path().join("server.pcapng")), 0);
    assert!(truth(folder.path()).len() > 3);
}

#[test]
fn kept_hosts_can_be_entered_until_a_signal_comes() {
    if !able() {
        return;
    }
    let mut child = wirelab()
        .args(["lab", "run", "handshake", "--keep", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let said = BufReader::new(child.stderr.take().expect("piped"));
    let enter = said
        .lines()
        .map(|line| line.expect("what it says"))
        .find_map(|line| Some(line.split_once("the client: ")?.1.to_owned()))
        .expect("how to enter");
    let reads = format!("{enter} cat /proc/net/route");
    let routes = Command::new("sh")
        .args(["-c", &reads])
        .output()
        .expect("sh");
    let routes = String::from_utf8_lossy(&routes.stdout).into_owned();
    let running = child.try_wait().expect("its state").is_none();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it is there");
    let ended = child.wait_with_output().expect("it ends");
    assert!(running && routes.contains("0000000A"), "{routes}");
    let summary = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(summary.starts_with("the wire: "), "{summary}");
}

#[test]
fn a_full_disk_ends_the_run_and_says_what_is_saved() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink("/dev/full", folder.path().join("truth.ndjson")).expect("a link");
    let run = run(&[
        "lab",
        "run",
        "syn-lost",
        "-q",
        "--record",
        name(folder.path()),
    ]);
    assert_eq!((run.code, &*run.out), (2, ""));
    let said = run.err.lines().last().unwrap_or_default();
    assert!(
        said.contains("truth.ndjson: No space left on device"),
        "{said}"
    );
    assert!(
        said.contains("saved before that, and readable: client.pcapng: "),
        "{said}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    if !able() {
        return;
    }
    let mut child = wirelab()
        .args(["lab", "run", "handshake"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "only that it runs: {said}");
}

/// Runs it where /dev/net/tun is no TAP, in a mount namespace of its own.
fn without_tap(words: &[&str]) -> Option<Run> {
    let script = "mount --bind /dev/null /dev/net/tun && exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(path())
        .args(words)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("unshare can't be run: {error}"));
            return None;
        }
    };
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    if err.contains("unshare:") || err.contains("mount:") {
        skip(&format!("/dev/net/tun can't be hidden: {}", err.trim()));
        return None;
    }
    Some(Run {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err,
    })
}

#[test]
fn where_it_cant_be_run_the_recording_is_shown_and_the_reason_told() {
    let Some(run) = without_tap(&["lab", "run", "handshake", "--width", "80"]) else {
        return;
    };
    assert_eq!(run.code, 2);
    assert!(run.err.contains("/dev/net/tun"), "{}", run.err);
    assert!(
        run.err
            .contains("handshake was not run. What follows is its recording"),
        "{}",
        run.err
    );
    assert_eq!(
        run.out,
        crate::run::results(&["replay", "handshake", "--at", "both", "--width", "80"])
    );

    let (_folder, file) = experiment(MINE);
    for words in [
        &["lab", "run", "handshake", "-q"][..],
        &["lab", "run", "handshake", "--no-fallback"],
        &["lab", "run", "handshake", "--repeat", "3"],
        &["lab", "run", &file],
    ] {
        let Some(run) = without_tap(words) else {
            return;
        };
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}");
        assert_eq!(run.err.lines().count(), 1, "{words:?}: {}", run.err);
        let way_out =
            run.err.contains("wirelab replay handshake") || run.err.contains("wirelab captures");
        assert!(way_out, "{words:?}: {}", run.err);
    }
}

#[test]
fn what_cant_be_meant_is_refused_before_anything_is_made() {
    let (_folder, wrong) = experiment("title = 3");
    for words in [
        &["lab", "run"][..],
        &["lab", "run", "handshake", "--profile", "bsd"],
        &["lab", "run", "handshake", "--repeat", "0"],
        &["lab", "run", "handshake", "--repeat", "2", "--keep"],
        &["lab", "run", "handshake", "--encoding", "klingon"],
        &[
            "lab",
            "run",
            "handshake",
            "--format",
            "json",
            "--view",
            "ladder",
        ],
        &["lab", "run", "handshake", "--record", "/proc/no/such"],
        &["lab", "run", &wrong],
    ] {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}: {}", run.err);
        assert!(!run.err.is_empty(), "{words:?}");
    }
}
