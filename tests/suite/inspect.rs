//! `inspect`: what it shows of the recordings, how it is given packets, and that it keeps to its width.

mod every;
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
        &["inspect", "handshake"],
        &["inspect", "handshake", "--frame", "100000"],
        &["inspect", "handshake", "--frame", "0"],
    ] {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}: {}", run.err);
    }
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
