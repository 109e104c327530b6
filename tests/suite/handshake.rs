//! `wirelab craft handshake`, for real: a connection by hand to a kernel's own TCP in a namespace.
//!
//! Where a machine can't do that these say why and pass, except on CI (`CI=true`), where that is a
//! failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use nix::unistd::geteuid;
use serde_json::Value;

use crate::live::skip;
use crate::run::{Run, path, results, run};
use crate::schema::schema;

/// Whether this machine can do it; says why not.
fn able() -> bool {
    static WHY: OnceLock<Option<String>> = OnceLock::new();
    let why = WHY.get_or_init(|| {
        let run = run(&["craft", "handshake", "--send", "", "-q"]);
        (run.code == 2).then_some(run.err)
    });
    if let Some(why) = why {
        skip(why.trim());
    }
    why.is_none()
}

/// The lines of a run, each as the schema has it.
fn lines(run: &Run) -> Vec<Value> {
    let schema = schema();
    let lines = run.out.lines().map(|line| {
        let value = serde_json::from_str(line).expect("JSON");
        let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{line}");
        value
    });
    lines.collect()
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// A handshake in JSON; its lines, and the capture of it.
fn handshake(words: &[&str], folder: &Path) -> (Run, Vec<Value>, String) {
    let name: String = words
        .concat()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let file = folder.join(format!("made{name}.pcapng"));
    let file = file.to_str().expect("a name").to_owned();
    let all = ["craft", "handshake", "--format", "json", "-w", &file];
    let run = run(&[&all[..], words].concat());
    let lines = lines(&run);
    (run, lines, file)
}

/// What tshark finds malformed, or of a wrong checksum; `None` where there is no tshark.
fn faults(file: &str) -> Option<usize> {
    let filter = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0";
    let output = Command::new("tshark")
        .env("WIRESHARK_CONFIG_DIR", "/nonexistent")
        .args([
            "-nr",
            file,
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
        ])
        .args(["-Y", filter, "-T", "fields", "-e", "frame.number"])
        .output()
        .ok()?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}

/// Whether each judgement agrees. Of what Linux has only done for a short while, it need not.
fn all_agree(lines: &[Value]) -> bool {
    let mut all = true;
    for judgement in of(lines, "judgement") {
        let agrees = judgement["agrees"] == true;
        let recent = judgement["did"] == "acknowledged what they have not sent";
        assert!(
            agrees || recent && judgement["answer"] == "silence",
            "{judgement}"
        );
        all &= agrees;
    }
    all
}

#[test]
fn a_connection_by_hand_opens_talks_and_closes() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for words in [&["--isn", "4294967290"][..], &["-6"]] {
        let (run, lines, file) = handshake(words, folder.path());
        assert_eq!((run.code, &*run.err), (0, ""), "{}", run.out);
        let steps = of(&lines, "step");
        let sent = steps.iter().filter(|step| step["sent"] == true);
        let sent: Vec<_> = sent
            .map(|step| step["flags"].as_str().expect("flags"))
            .collect();
        assert_eq!(sent, ["S", "A", "AP", "A", "AF", "A"]);
        let reasons = steps
            .iter()
            .flat_map(|step| step["reasons"].as_array().expect("reasons"));
        assert!(
            reasons.clone().count() > 30 && reasons.into_iter().all(|reason| reason["ok"] == true)
        );
        let calls = of(&lines, "call");
        let heard = calls
            .iter()
            .any(|call| call["call"] == "recv" && call["data"] == "made by hand");
        assert!(heard, "{calls:?}");
        let states: Vec<_> = of(&lines, "sample")
            .iter()
            .map(|it| it["state"].clone())
            .collect();
        assert!(states.contains(&"SYN-RECEIVED".into()) && states.contains(&"ESTABLISHED".into()));
        let ending = lines.last().expect("an end");
        assert_eq!(
            (&ending["type"], &ending["ok"]),
            (&"ending".into(), &true.into())
        );
        assert_eq!(
            (&ending["state"], &ending["kernel_state"]),
            (&"CLOSED".into(), &"CLOSED".into())
        );

        // What was saved is a connection like any other, to us and to others.
        let replayed = results(&["replay", &file, "--format", "json"]);
        let replayed: Vec<Value> = replayed
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let segments = of(&replayed, "segment");
        assert_eq!(segments.len(), steps.len());
        for segment in segments {
            assert_eq!(
                (&segment["checksum"], &segment["notes"]),
                (&"good".into(), &Value::Array(vec![]))
            );
        }
        if let Some(faults) = faults(&file) {
            assert_eq!(faults, 0);
        }
    }
}

#[test]
fn each_mistake_gets_the_answer_that_rfc_9293_demands() {
    if !able() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("--forget", "ack", 2, "did not acknowledge their SYN"),
        (
            "--forget",
            "fin",
            3,
            "sent the FIN when they had forgotten us",
        ),
        (
            "--wrong",
            "seq",
            3,
            "completed the handshake with a seq one too low",
        ),
        (
            "--wrong",
            "ack",
            4,
            "completed the handshake with an ack one too low",
        ),
        ("--wrong", "checksum", 2, "sent data with a wrong checksum"),
        (
            "--window",
            "0",
            2,
            "offered a window of 0 while they had something to send",
        ),
    ];
    thread::scope(|scope| {
        for (option, value, judged, did) in cases {
            for v6 in [false, true] {
                let folder = folder.path();
                scope.spawn(move || {
                    let version: &[&str] = if v6 { &["-6"] } else { &[] };
                    let (run, lines, file) =
                        handshake(&[&[option, value], version].concat(), folder);
                    let agree = all_agree(&lines);
                    assert_eq!(run.code, i32::from(!agree), "{option} {value}: {}", run.out);
                    let judgements = of(&lines, "judgement");
                    assert_eq!(judgements.len(), judged, "{judgements:?}");
                    assert!(
                        judgements.iter().any(|it| it["did"] == did),
                        "{judgements:?}"
                    );
                    let wrong = usize::from(value == "checksum");
                    if let Some(faults) = faults(&file) {
                        assert_eq!(faults, wrong, "{option} {value}");
                    }
                    let replayed = results(&["replay", &file, "--format", "json"]);
                    let bad = replayed.matches("\"kind\":\"checksum-bad\"").count();
                    assert_eq!(bad, wrong, "{option} {value}");
                    let probes = replayed.matches("\"kind\":\"zero-window-probe\"").count();
                    assert_eq!(probes, if option == "--window" { 4 } else { 0 });
                });
            }
        }
    });
}

#[test]
fn a_closed_port_refuses_and_an_interrupted_connection_says_so() {
    if !able() {
        return;
    }
    for host in ["10.0.0.2", "fd00::2"] {
        let run = run(&["craft", "handshake", host, "81", "--format", "json"]);
        assert_eq!(run.code, 1);
        let lines = lines(&run);
        assert!(
            all_agree(&lines) && of(&lines, "judgement").len() == 1,
            "{}",
            run.out
        );
    }
    let run = run(&[
        "craft",
        "handshake",
        "--forget",
        "ack",
        "--timeout",
        "0.5",
        "-q",
    ]);
    assert_eq!(run.code, 1);
    let end: Vec<&str> = run.out.lines().rev().take(8).collect();
    assert!(
        end.iter()
            .any(|line| line.starts_with("the time is up, 0.5 s")),
        "{}",
        run.out
    );
    assert!(
        end.iter().any(|line| line.contains("RST seq")),
        "{}",
        run.out
    );
}

/// Runs a script of a shell as root, in a network of its own; what it printed.
fn in_a_network(script: &str) -> String {
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", script, "sh"])
        .arg(path())
        .output()
        .expect("unshare");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn nobody_can_do_it_too() {
    if !able() || !geteuid().is_root() {
        return skip("it needs root, to become nobody");
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    let copied = Command::new("cp").arg(path()).arg(folder.path()).status();
    assert!(copied.expect("cp").success());
    // A device for everybody, that this process alone sees.
    let script = format!(
        "mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \
         {}/wirelab craft handshake -6 -q",
        folder.path().display()
    );
    let said = in_a_network(&script);
    if said.contains("user namespace") {
        return skip(&said);
    }
    assert!(said.contains("\nclosed by both sides\n"), "{said}");
}

#[test]
fn behind_a_tap_it_is_whoever_is_there_and_only_with_an_address_that_is_free() {
    if !able() || !geteuid().is_root() {
        return skip("it needs root, to make a TAP device");
    }
    let made = "ip tuntap add dev tap7 mode tap && ip address add 192.0.2.1/24 dev tap7 && ip link set tap7 up && ";
    let said = in_a_network(
        &format!(
            "{made} exec \"$1\" craft handshake -q --tap tap7 --address 192.0.2.9 192.0.2.1 81",
        )
        .replace("\"$1\"", path().to_str().expect("a name")),
    );
    assert!(
        said.contains("refused: nobody listens") && said.contains("1 of 1 answers"),
        "{said}"
    );
    let said = in_a_network(&format!(
        "{made} exec {} craft handshake -q --tap tap7 --address 192.0.2.1 192.0.2.2",
        path().display()
    ));
    assert!(
        said.contains("our address is not ours: 192.0.2.1 is at"),
        "{said}"
    );
    let said = in_a_network(&format!(
        "exec {} craft handshake --tap tap7 --address 192.0.2.9 192.0.2.1",
        path().display()
    ));
    assert!(
        said.contains("ip tuntap add dev tap7 mode tap user $USER"),
        "{said}"
    );
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for (words, why) in [
        (&["192.0.2.1", "80"][..], "not in the lab"),
        (&["--window", "0", "--forget", "fin"], "one at a time"),
        (
            &["--wrong", "ack", "--forget", "fin"],
            "cannot be used with",
        ),
        (&["-6", "10.0.0.2"], "don't go together"),
        (&["--wrong", "checksum", "--send", ""], "send something"),
        (&["--tap", "tap0", "10.0.0.2"], "--address"),
        (
            &["--tap", "tap0", "--address", "fd00::9", "10.0.0.2"],
            "different versions",
        ),
        (&["-w", "/no/such/folder/x"], "can't write"),
        (&["--timeout", "-1"], ""),
    ] {
        let run = run(&[&["craft", "handshake"], words].concat());
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}");
        assert!(run.err.contains(why), "{words:?}: {}", run.err);
    }
    let help = results(&["craft", "handshake", "--help"]);
    assert!(
        help.contains("Examples") && help.lines().all(|line| line.len() <= 110),
        "{help}"
    );
}
