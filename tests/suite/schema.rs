//! `docs/schema.json` describes every line of every command's JSON, for every recording.

use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};
use wirelab::recordings;

use crate::root;
use crate::run::results;

/// The schema, ready to validate.
pub(crate) fn schema() -> Validator {
    let text = fs::read_to_string(root().join("docs/schema.json")).expect("docs/schema.json");
    let schema: Value = serde_json::from_str(&text).expect("it is JSON");
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("it is a schema")
}

/// What `replay` says of frames that are no TCP: an ARP request, and an IPv4 header cut short by
/// what encloses it.
fn odd_frames() -> String {
    let ethernet = |kind: [u8; 2], payload: &[u8]| {
        [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &kind, payload].concat()
    };
    let arp = [
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
    ];
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([
        2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0,
    ]);
    for frame in [ethernet([8, 6], &arp), ethernet([8, 0], &[0x45, 0, 0])] {
        let len = u32::try_from(frame.len())
            .expect("a short frame")
            .to_le_bytes();
        file.extend([[1, 0, 0, 0], [0; 4], len, len].concat());
        file.extend(frame);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("odd.pcap");
    fs::write(&path, file).expect("written");
    results(&["replay", path.to_str().expect("a name"), "--format", "json"])
}

/// What `inspect` says of frames of all kinds, of one that lies, and of a fragment.
fn inspected() -> String {
    let mut out = String::new();
    for name in ["handshake", "pmtu", "arp", "ipv6-neighbours", "data"] {
        for frame in ["1", "2", "3", "4", "5", "6", "7", "8"] {
            let words = ["inspect", name, "--frame", frame, "--checksum"];
            out += &crate::run::run(&[&words[..], &["--format", "json"]].concat()).out;
        }
        out += &results(&["inspect", name, "--diff", "1", "2", "--format", "json"]);
    }
    for hex in [
        // A total length beyond the packet, and an option that has no length.
        "4600ffff00000000400600000a0000010a00000207000000",
        // A fragment that is not the last.
        "4500001c0001200040010000 0a000001 0a000002 0800f7ff00000000",
    ] {
        let words = [
            "inspect", "--hex", hex, "--link", "ipv4", "--format", "json",
        ];
        out += &results(&words);
    }
    out
}

fn check(schema: &Validator, what: &str, line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{what}: {e}: {line}"));
    let errors: Vec<_> = schema
        .iter_errors(&value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {}\n{line}", errors.join("\n"));
    value
}

#[test]
fn every_line_of_every_recording_is_as_described() {
    let schema = schema();
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    for recording in recordings::all() {
        for command in [
            &["replay", "--as-wireshark"][..],
            &["flows"],
            &["explain"],
            &["replay", "--at", "both"],
        ] {
            let words = [command, &[recording.name, "--format", "json"]].concat();
            let out = results(&words);
            let what = words.join(" ");
            let mut last = String::new();
            for line in out.lines() {
                assert!(line.starts_with("{\"type\":\""), "type comes first: {line}");
                let value = check(&schema, &what, line);
                last = value["type"].as_str().expect("a type").to_owned();
                *seen.entry(last.clone()).or_default() += 1;
            }
            assert_eq!(last, "end", "{what}");
        }
    }
    for line in odd_frames().lines() {
        let value = check(&schema, "odd frames", line);
        *seen
            .entry(value["type"].as_str().expect("a type").to_owned())
            .or_default() += 1;
    }
    for line in results(&["captures", "--format", "json"]).lines() {
        let value = check(&schema, "captures", line);
        *seen
            .entry(value["type"].as_str().expect("a type").to_owned())
            .or_default() += 1;
    }
    for line in inspected().lines() {
        let value = check(&schema, "inspect", line);
        *seen
            .entry(value["type"].as_str().expect("a type").to_owned())
            .or_default() += 1;
    }
    let kinds: Vec<_> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        kinds,
        [
            "checksum",
            "difference",
            "end",
            "field",
            "finding",
            "flow",
            "packet",
            "passage",
            "piece",
            "problem",
            "recording",
            "segment"
        ]
    );
}

#[test]
fn every_interface_is_as_described() {
    let schema = schema();
    let lines = results(&["interfaces", "--format", "json"]);
    assert!(lines.lines().count() > 0);
    for line in lines.lines() {
        check(&schema, "interfaces", line);
    }
}

#[test]
fn a_missing_key_an_unknown_key_and_a_wrong_value_are_found() {
    let schema = schema();
    let good = json!({"type": "end", "frames": 1, "bytes": 2, "truncated": null,
        "dropped_by_kernel": null, "dropped_by_interface": null, "elapsed_ns": 3});
    assert!(schema.is_valid(&good));
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut line = good.clone();
        change(&mut line);
        !schema.is_valid(&line)
    };
    assert!(wrong(&|line| drop(
        line.as_object_mut().expect("an object").remove("bytes")
    )));
    assert!(wrong(&|line| line["more"] = json!(1)));
    assert!(wrong(&|line| line["frames"] = json!(-1)));
    assert!(wrong(&|line| line["type"] = json!("ends")));
    assert!(!wrong(&|_| ()));
}
