//! The command line: help, errors, exit codes, pipes, files that are odd.

use std::io::{Read, Write};
use std::process::Stdio;

use crate::run::{results, run, wirelab};
use crate::schema::schema;

fn shows(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn help_has_examples_and_fits_a_terminal() {
    for command in [
        "addr", "captures", "check", "client", "craft", "explain", "flows", "inspect", "ping",
        "ports", "replay", "server", "sockets", "trace",
    ] {
        let help = results(&[command, "--help"]);
        assert!(help.contains("Example"), "{help}");
        shows(&format!("help-{command}"), &help);
    }
    shows("help", &results(&["--help"]));
    shows("start", &results(&[]));
}

#[test]
fn wrong_usage_is_two() {
    for words in [
        &["replay"][..],
        &["addr", "10.0.0.1/33"],
        &["ports", "70000"],
        &["ports", "no such service"],
        &["ports", "--try", "here:80"],
        &["ports", "--waiting", "--try", "80"],
        &["server", "70000"],
        &["server", "here:80"],
        &["server", "8080", "--encoding", "utf-16"],
        &["server", "8080", "--save", "x"],
        &["client", "127.0.0.1", "0"],
        &["client", "127.0.0.1", "80", "--send", "@/no/such/file"],
        &["client", "127.0.0.1", "80", "--bind", "nonsense"],
        &["sockets", "no such service"],
        &["sockets", "pid:me"],
        &["sockets", "127.0.0.1:70000"],
        &["sockets", "--count", "3"],
        &["sockets", "--watch", "0"],
        &["replay", "handshake", "--note", "nonsense"],
        &["replay", "handshake", "--speed", "fast"],
        &["replay", "handshake", "--encoding", "klingon"],
        &[
            "replay",
            "handshake",
            "--format",
            "json",
            "--view",
            "ladder",
        ],
        &["replay", "handshake", "--frames", "9-1"],
        &["replay", "handshake", "--at", "both", "--as-wireshark"],
        &["nonsense"],
    ] {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}");
        assert!(!run.err.is_empty(), "{words:?}");
    }
}

#[test]
fn what_is_missing_or_belongs_to_another_command_has_a_way_out() {
    for command in ["replay", "flows", "explain", "step"] {
        let said = run(&[command]).err;
        assert!(said.contains("wirelab captures lists those"), "{said}");
    }
    for command in ["flows", "explain"] {
        for at in [&["--at", "server"][..], &["--at=server"]] {
            let words = [&[command, "retransmission"][..], at].concat();
            let said = run(&words).err;
            assert!(said.contains("retransmission/server"), "{said}");
        }
    }
    // What is wrong otherwise is told by itself.
    let said = run(&["flows", "rto", "--bogus"]).err;
    assert!(!said.contains("recording"), "{said}");
}

#[test]
fn errors_say_what_was_tried_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "just some text\n").expect("written");
    let file = text.to_str().expect("a name");
    let say = |words: &[&str]| {
        let run = run(words);
        assert_eq!(run.code, 2, "{words:?}");
        assert_eq!(run.err.lines().count(), 1, "one line: {}", run.err);
        run.err
            .replace(folder.path().to_str().expect("a name"), "FOLDER")
    };
    let mut all = String::new();
    for words in [
        &["replay", "retransmision"][..],
        &["replay", "/no/such/file.pcap"],
        &["flows", file],
        &["explain", folder.path().to_str().expect("a name")],
        &["replay", "handshake", "--speed", "fast"],
        &["replay", "handshake", "--encoding", "klingon"],
        &[
            "replay",
            "handshake",
            "--format",
            "json",
            "--view",
            "ladder",
        ],
    ] {
        all.push_str(&say(words));
    }
    shows("errors", &all);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    for words in [
        &["replay", "retransmission"][..],
        &["captures"],
        &["lab", "list"],
        &["lab", "show", "retransmission"],
        &["flows", "data", "--long"],
    ] {
        let mut child = wirelab()
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        // Closed before anything is written, as by a reader that wants nothing.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    }
}

#[test]
fn a_full_disk_is_said() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        return; // Only Linux has one.
    };
    let child = wirelab()
        .args(["replay", "handshake"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("can't write the output") && said.contains("No space left"),
        "{said}"
    );
}

#[test]
fn standard_input_is_read_like_a_file() {
    let recording = wirelab::recordings::find("handshake").expect("there is one");
    let mut child = wirelab()
        .args(["replay", "-", "--view", "segments"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(recording.client()).expect("it reads");
    drop(stdin);
    let mut out = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut out)
        .expect("text");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(out, results(&["replay", "handshake", "--view", "segments"]));
}

#[test]
fn a_capture_cut_short_gives_everything_before_the_cut_and_says_so() {
    let recording = wirelab::recordings::find("retransmission").expect("there is one");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.pcapng");
    let most = recording.client().len() * 3 / 4;
    std::fs::write(&path, &recording.client()[..most]).expect("written");
    let file = path.to_str().expect("a name");
    for command in ["replay", "flows", "explain"] {
        let out = results(&[command, file]);
        assert!(out.contains("the capture ends early: "), "{out}");
        assert!(out.contains("10.0.0.1"), "{out}");
    }
    let out = results(&["flows", file, "--format", "json"]);
    assert!(!out.contains("\"truncated\":null"), "{out}");
}

#[test]
fn connections_and_segments_are_chosen_without_libpcap() {
    let frames = |words: &[&str]| {
        let out = results(&[&["replay", "retransmission", "--format", "json"], words].concat());
        let lines = out
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        lines
            .filter(|l| l["type"] == "segment")
            .filter_map(|l| l["frame"].as_u64())
            .collect::<Vec<_>>()
    };
    let all = frames(&[]);
    assert_eq!(frames(&["--flow", "0"]), all);
    assert!(frames(&["--flow", "1"]).is_empty());
    assert!(frames(&["--host", "10.0.0.9"]).is_empty());
    assert_eq!(frames(&["--host", "10.0.0.9,10.0.0.1"]), all);
    assert_eq!(frames(&["--port", "8080", "--frames", "2-3"]), [2, 3]);
    assert_eq!(frames(&["--note", "retransmission"]).len(), 1);
}

#[test]
fn colour_comes_when_asked_for_and_not_into_pipes() {
    let has_color = |words: &[&str]| results(words).contains('\x1b');
    assert!(!has_color(&["replay", "retransmission"]));
    assert!(has_color(&[
        "replay",
        "retransmission",
        "--color",
        "always"
    ]));
    assert!(has_color(&[
        "explain",
        "retransmission",
        "--color",
        "always"
    ]));
    assert!(!has_color(&[
        "replay",
        "retransmission",
        "--format",
        "json",
        "--color",
        "always"
    ]));
}

#[test]
fn a_paced_replay_shows_what_a_quick_one_shows() {
    let quick = results(&["replay", "handshake", "--all"]);
    let paced = results(&["replay", "handshake", "--speed", "10"]);
    assert_eq!(quick, paced);
}

#[test]
fn a_choice_that_nothing_meets_is_told() {
    for words in [
        &["replay", "data", "--flow", "7"][..],
        &["replay", "data", "--view", "segments", "--port", "9"],
        &["flows", "data", "--host", "10.9.9.9"],
        &["explain", "data", "--note", "reset"],
    ] {
        let run = run(words);
        assert_eq!(
            run.out, "nothing that was asked for in 10 frames\n",
            "{words:?}"
        );
    }
}

/// The probes of Linux are keep-alives to Wireshark; frame 8 is a closed window to both.
#[test]
fn what_wireshark_says_stands_beside_ours_where_they_differ() {
    let words = [
        "replay",
        "silly-window",
        "--frames",
        "8,9",
        "--as-wireshark",
    ];
    let ladder = results(&words);
    assert_eq!(ladder.matches("Wireshark says").count(), 1, "{ladder}");
    assert!(
        ladder.contains("Wireshark says: TCP Keep-Alive"),
        "{ladder}"
    );
    let lines = results(&[&words[..], &["--view", "segments"]].concat());
    let said = "[zero-window-probe #1] {Wireshark says: TCP Keep-Alive}";
    assert_eq!(lines.matches("Wireshark").count(), 1, "{lines}");
    assert!(lines.contains(said), "{lines}");
    let json = results(&[&words[..], &["--format", "json"]].concat());
    for said in [
        r#""wireshark":["zero_window"]"#,
        r#""wireshark":["keep_alive"]"#,
    ] {
        assert_eq!(json.matches(said).count(), 1, "{json}");
    }
    let without = results(&["replay", "silly-window", "--format", "json"]);
    assert!(!without.contains("wireshark"));
}

#[test]
fn an_end_asked_for_as_of_replay_is_told_how_other_commands_name_it() {
    for command in ["explain", "flows"] {
        let refused = run(&[command, "retransmission", "--at", "server"]);
        assert_eq!(refused.code, 2);
        assert!(
            refused.err.contains("retransmission/server"),
            "{}",
            refused.err
        );
        results(&[command, "retransmission/server"]);
    }
}

#[test]
fn an_address_without_a_prefix_is_not_given_one() {
    // Addresses that no machine has.
    for (address, kind) in [
        ("203.0.113.7", "documentation"),
        ("2001:db8::7", "documentation"),
    ] {
        let said = results(&["addr", address]);
        assert!(
            said.contains(kind) && said.contains("with a prefix, as in"),
            "{said}"
        );
        for invented in ["/32", "/128", "255.255.255.255", "No bit is left"] {
            let block = said.replace("2001:db8::/32", "");
            assert!(!block.contains(invented), "{said}");
        }
        let line = results(&["addr", address, "--format", "json"]);
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        for unknown in ["prefix", "network", "first_host", "last_host", "broadcast"] {
            assert!(line[unknown].is_null(), "{line}");
        }
        assert!(schema().is_valid(&line), "{line}");
    }
    // With one, be it all of it, that is what is shown.
    assert!(results(&["addr", "203.0.113.7/32"]).contains("No bit is left"));
}

#[test]
fn a_hardware_address_is_called_one() {
    for name in ["02:00:00:00:00:01", "02-00-00-00-00-0A"] {
        let refused = run(&["addr", name]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("hardware address"), "{}", refused.err);
    }
    let refused = run(&["addr", "02:00:00:00:00:0g"]);
    assert!(!refused.err.contains("hardware address"), "{}", refused.err);
}

#[test]
fn a_text_that_the_encoding_lacks_is_refused_in_one_line_of_its_command() {
    for words in [&["server", "0"][..], &["client", "127.0.0.1", "9"]] {
        let refused = run(&[words, &["--encoding", "gbk", "--send", "a😀"]].concat());
        assert_eq!((refused.code, &*refused.out), (1, ""));
        let command = words[0];
        let start = format!("{command}: --send: GBK has no '😀' (U+1F600");
        assert!(refused.err.starts_with(&start), "{}", refused.err);
        assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
    }
}

#[test]
fn recordings_with_calls_say_where_these_are_shown() {
    for name in ["send-buffer", "recv-buffer"] {
        let hint = format!("wirelab replay {name} --at both");
        let said = results(&["replay", name, "--width", "160"]);
        assert!(said.contains(&hint), "{said}");
        assert!(results(&["replay", name, "--at", "both"]).contains("send("));
        assert!(!results(&["replay", name, "--at", "both", "--width", "160"]).contains(&hint));
    }
}
