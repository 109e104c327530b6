//! `inspect`: what it shows of the recordings, how it is given packets, and that it keeps to its width.

mod every;
mod groups;
mod names;
mod odd;
mod pdml;
mod tshark;

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::run::{results, run, wirelab};

fn shows(name: &str, words: &[&str]) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, results(words));
    });
}

/// Recordings, and a frame of each that has something to show.
const FRAMES: &[(&str, &str)] = &[
    ("handshake", "1"),
    ("pmtu", "6"),
    ("arp", "1"),
    ("ipv6-neighbours", "1"),
    ("data", "4"),
];

#[test]
fn frames_of_the_recordings() {
    for &(name, frame) in FRAMES {
        shows(
            &format!("inspect-{name}"),
            &["inspect", name, "--frame", frame],
        );
        let words = ["inspect", name, "--frame", frame, "--diagram", "--bits"];
        shows(
            &format!("inspect-{name}-drawn"),
            &[&words[..], &["--checksum"]].concat(),
        );
    }
    let words = ["inspect", "handshake", "--frame", "1", "--width", "160"];
    shows("inspect-handshake-160", &words);
    shows(
        "inspect-diff",
        &["inspect", "handshake", "--diff", "1", "2"],
    );
}

#[test]
fn it_keeps_to_its_width_and_to_ascii() {
    for &(name, frame) in FRAMES {
        for columns in [80, 100, 132, 160] {
            let width = columns.to_string();
            let words = [
                "inspect", name, "--frame", frame, "--width", &width, "--ascii",
            ];
            for more in [&[][..], &["--diagram"], &["--bits"], &["--checksum"]] {
                let out = results(&[&words[..], more].concat());
                for line in out.lines() {
                    assert!(line.chars().count() <= columns, "{name} {columns}: {line}");
                    let plain = line.chars().all(|c| c.is_ascii_graphic() || c == ' ');
                    assert!(plain, "{line}");
                }
            }
        }
    }
}

/// What it says of a packet on standard input.
fn piped(text: &[u8]) -> String {
    let mut child = wirelab()
        .args(["inspect", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_packet_reads_the_same_however_it_is_given() {
    let hex = "4500001c000100004001 66dd0a0000010a0000020800f7ff00000000";
    let told = results(&["inspect", "--hex", hex, "--format", "json"]);
    assert!(told.contains("\"name\":\"time to live\""), "{told}");
    assert_eq!(piped(hex.as_bytes()), told);
    assert_eq!(piped(b"RQAAHAABAABAAWbdCgAAAQoAAAIIAPf/AAAAAA==\n"), told);
    let xxd = "00000000: 4500 001c 0001 0000 4001 66dd 0a00 0001  E.......@.f.....\n\
               00000010: 0a00 0002 0800 f7ff 0000 0000            ............\n";
    assert_eq!(piped(xxd.as_bytes()), told);
    let tcpdump = "12:00:00.0 IP 10.0.0.1 > 10.0.0.2: ICMP echo request\n\
                   \t0x0000:  4500 001c 0001 0000 4001 66dd 0a00 0001\n\
                   \t0x0010:  0a00 0002 0800 f7ff 0000 0000\n";
    assert_eq!(piped(tcpdump.as_bytes()), told);
}

#[test]
fn what_is_wrong_is_said_with_the_clause() {
    let told = results(&["inspect", "--hex", "45000014", "--link", "ipv4"]);
    assert!(told.contains("needs 20 bytes"), "{told}");
    assert!(told.contains("RFC 791 3.1"), "{told}");
    for words in [
        &["inspect", "--hex", "450"][..],
        &["inspect", "--hex", "00000000"],
        &["inspect", "handshake", "--format", "json"],
        &["inspect", "handshake", "--frame", "100000"],
        &["inspect", "handshake", "--frame", "0"],
    ] {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}: {}", run.err);
    }
    let taken_for_a_file = run(&["inspect", "4500001c000100004001f7cd"]);
    assert!(
        taken_for_a_file
            .err
            .contains("--hex '4500001c000100004001f7cd'"),
        "{}",
        taken_for_a_file.err
    );
}

#[test]
fn checksums_worked_out_are_those_of_the_verdicts() {
    let mut bad = 0;
    for frame in 1..=40 {
        let words = [
            "inspect",
            "corrupt/server",
            "--checksum",
            "--format",
            "json",
        ];
        let number = frame.to_string();
        let run = run(&[&words[..], &["--frame", &number]].concat());
        for line in run.out.lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            if line["type"] == "checksum" {
                let same = line["stated"] == line["computed"];
                assert_eq!(line["verdict"] == "good", same, "{line}");
                bad += u32::from(!same);
            }
        }
    }
    assert!(bad > 0, "the recording is of a corrupted segment");
}

#[test]
fn a_bad_checksum_is_marked_where_it_stands() {
    let words = ["inspect", "corrupt/server", "--frame", "6"];
    let fields = results(&words);
    let drawn = results(&[&words[..], &["--diagram"]].concat());
    for told in [&fields, &drawn] {
        assert!(told.contains("0xffee bad, should be 0x"), "{told}");
        assert!(told.contains("\n! TCP at byte "), "{told}");
    }
    assert!(fields.contains(" good\n"), "the IP header's: {fields}");
    let json = results(&[&words[..], &["--format", "json"]].concat());
    let problem = json.lines().find(|line| line.contains("\"problem\""));
    assert!(
        problem.is_some_and(|line| line.contains("is bad")),
        "{json}"
    );
}

#[test]
fn frames_are_listed_when_none_is_asked_for() {
    let listed = results(&["inspect", "handshake", "--width", "80"]);
    assert!(listed.starts_with("    1  TCP 10.0.0.1:"), "{listed}");
    assert!(
        listed.ends_with("--frame N takes one of them apart\n"),
        "{listed}"
    );
    let single = "4500001c000100004001 66dd0a0000010a0000020800f7ff00000000";
    let told = results(&["inspect", "--hex", single]);
    assert!(told.starts_with("frame 1: ICMP 10.0.0.1"), "{told}");
}

#[test]
fn it_begins_with_what_the_frame_is() {
    let told = results(&["inspect", "handshake", "--frame", "1", "--width", "160"]);
    assert!(told.starts_with("frame 1: TCP 10.0.0.1:"), "{told}");
}

#[test]
fn every_bit_is_shown_and_only_counts_are_subtracted() {
    let bits = results(&["inspect", "handshake", "--frame", "1", "--bits"]);
    let address =
        "00001010 00000000  source               10.0.0.1\n           00000000 00000001\n";
    assert!(bits.contains(address), "{bits}");
    let other_way = results(&["inspect", "handshake", "--diff", "1", "2"]);
    let ports = other_way.lines().find(|line| line.contains("source port"));
    assert!(ports.is_some_and(|line| !line.contains('(')), "{other_way}");
    assert!(
        !other_way
            .lines()
            .any(|line| line.contains("sequence number") && line.contains("  ("))
    );
    let same_way = results(&["inspect", "handshake", "--diff", "1", "3"]);
    let sequence = same_way
        .lines()
        .find(|line| line.contains("sequence number"));
    assert!(
        sequence.is_some_and(|line| line.contains("(+1)")),
        "{same_way}"
    );
}

#[test]
fn json_says_what_comes_of_a_checksum_and_shows_the_sum() {
    let words = [
        "inspect",
        "retransmission",
        "--frame",
        "16",
        "--format",
        "json",
    ];
    let lines = |more: &[&str]| -> Vec<Value> {
        let said = results(&[&words[..], more].concat());
        let lines = said.lines();
        // What `results` writes around what was printed is no JSON.
        lines
            .filter_map(|it| serde_json::from_str(it).ok())
            .collect()
    };
    let fields = lines(&[]);
    let sums: Vec<_> = fields
        .iter()
        .filter(|it| it["checksum"] == "good")
        .collect();
    assert_eq!(sums.len(), 2, "of IPv4 and of TCP");
    assert!(
        sums.iter()
            .all(|it| it["name"] == "header checksum" || it["name"] == "checksum")
    );
    assert!(fields.iter().all(|it| it["type"] != "checksum"));
    let worked = lines(&["--checksum"]);
    let worked: Vec<_> = worked
        .iter()
        .filter(|it| it["type"] == "checksum")
        .collect();
    assert_eq!(worked.len(), 2);
    for (sum, field) in worked.iter().zip(sums) {
        assert_eq!(sum["stated"], field["value"]);
        let words = sum["words"].as_array().expect("words");
        let total: u64 = words
            .iter()
            .map(|it| it["word"].as_u64().expect("a word"))
            .sum();
        assert_eq!(words.last().expect("some")["sum"], total);
        let folded = sum["folds"]
            .as_array()
            .expect("folds")
            .last()
            .expect("carries");
        assert_eq!(
            0xffff - folded.as_u64().expect("a sum"),
            sum["computed"].as_u64().expect("a sum")
        );
    }
    for picture in ["--bits", "--diagram"] {
        let refused = run(&[&words[..], &[picture]].concat());
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains("pictures"), "{}", refused.err);
    }
}
