//! What is said when a capture can't be had: what was tried, what happened, what to do.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::capture;
use super::net::{Net, ip, live_or_skip};
use super::program::{Reachable, Running, WIRELAB};

/// What it says when it ends with code 2, without having captured.
fn refusal(host: &str, command: &mut Command) -> String {
    let ended = Running::start(host, command).end();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains("capturing on"), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_bad_filter_is_refused_in_the_words_of_libpcap() {
    let Some(net) = live_or_skip() else { return };
    let said = refusal(&net.client, &mut capture(&["tcp", "prot", "80"]));
    assert!(
        said.contains("capture: bad filter 'tcp prot 80': "),
        "{said}"
    );
    assert!(said.contains("syntax error; see pcap-filter(7)"), "{said}");
}

#[test]
fn an_unknown_interface_is_answered_with_those_there_are() {
    let Some(net) = live_or_skip() else { return };
    let mut command = Command::new(WIRELAB);
    let said = refusal(&net.client, command.args(["capture", "-i", "eth7"]));
    assert!(
        said.contains("capture: can't open eth7: no such interface; there are lo, wire, any"),
        "{said}"
    );
}

#[test]
fn an_interface_that_is_down_is_answered_with_the_command_that_helps() {
    let Some(net) = live_or_skip() else { return };
    ip(&format!("-n {} link set {} down", net.client, Net::IFACE)).unwrap();
    let said = refusal(&net.client, &mut capture(&[]));
    assert!(said.contains("sudo ip link set wire up"), "{said}");
}

#[test]
fn without_the_right_the_exact_remedy_is_named() {
    let Some(net) = live_or_skip() else { return };
    let binary = Reachable::make();
    let mut command = Command::new(binary.path());
    command
        .args(["capture", "-i", Net::IFACE])
        .uid(65_534)
        .gid(65_534);
    let said = refusal(&net.client, &mut command);
    let remedy = format!(
        "capture: can't open wire: permission denied; run with sudo, or give the binary the \
         right once: sudo setcap cap_net_raw+ep {}",
        binary.path().display()
    );
    assert!(said.contains(&remedy), "{said}");
}

#[test]
fn what_sudo_says_must_make_sense() {
    let Some(net) = live_or_skip() else { return };
    let said = refusal(&net.client, capture(&[]).env("SUDO_UID", "me"));
    assert!(
        said.contains("SUDO_UID is 'me', which is no user id"),
        "{said}"
    );
}

/// A folder with files that have libpcap's names and are no libraries.
fn broken_libpcap() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["libpcap.so", "libpcap.so.0.8", "libpcap.so.1"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    folder
}

#[test]
fn without_libpcap_a_capture_says_what_to_install() {
    let folder = broken_libpcap();
    let output = Command::new(WIRELAB)
        .args(["capture", "-i", "lo"])
        .env("LD_LIBRARY_PATH", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("apt install libpcap0.8"), "{said}");
}

#[test]
fn reading_a_file_never_loads_libpcap() {
    // The dynamic linker tells on stderr every library it opens.
    let output = Command::new(WIRELAB)
        .args(["replay", "handshake"])
        .env("LD_DEBUG", "files")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("libc.so"), "the linker says nothing: {said}");
    assert!(!said.contains("libpcap"), "{said}");
}

#[test]
fn without_libpcap_files_are_read_and_only_a_filter_is_refused() {
    let folder = broken_libpcap();
    let replay = |arguments: &[&str]| {
        Command::new(WIRELAB)
            .args(["replay", "handshake"])
            .args(arguments)
            .env("LD_LIBRARY_PATH", folder.path())
            .output()
            .unwrap()
    };
    let plain = replay(&["--port", "80,8080"]);
    assert_eq!(plain.status.code(), Some(0));
    let filtered = replay(&["tcp port 8080"]);
    let said = String::from_utf8(filtered.stderr).unwrap();
    assert_eq!(filtered.status.code(), Some(2), "{said}");
    assert!(said.contains("a BPF filter needs libpcap"), "{said}");
    assert!(
        said.contains("--port, --host and --flow work without"),
        "{said}"
    );
}

#[test]
fn the_list_of_interfaces_says_what_stands_in_the_way() {
    let Some(net) = live_or_skip() else { return };
    let binary = Reachable::make();
    let list = |user: u32| -> serde_json::Value {
        let mut command = Command::new(binary.path());
        command.args(["interfaces", "--format", "json"]).uid(user);
        let ended = Running::start(&net.client, &mut command).end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        let mut lines = ended.stdout.lines();
        lines
            .find_map(|line| {
                let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
                (value["name"] == Net::IFACE).then_some(value)
            })
            .expect("the wire")
    };
    let wire = list(0);
    assert_eq!(wire["state"], "up");
    assert_eq!(wire["kind"], "Ethernet");
    assert_eq!(wire["addresses"][0], "10.77.0.1/24");
    assert_eq!(
        (&wire["can_capture"], &wire["obstacle"]),
        (&true.into(), &().into())
    );
    let wire = list(65_534);
    assert_eq!(wire["can_capture"], false);
    assert!(
        wire["obstacle"].as_str().unwrap().contains("sudo setcap"),
        "{wire}"
    );
}
