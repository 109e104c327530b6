//! `inspect -i`: packets of a real connection, taken apart as they come.

use std::process::Command;

use serde_json::Value;

use super::net::{Net, live_or_skip};
use super::program::{Running, WIRELAB, status_of};
use super::{ANSWER, ASK};

fn inspect(arguments: &[&str]) -> Command {
    let mut command = Command::new(WIRELAB);
    command
        .args(["inspect", "-i", Net::IFACE])
        .args(arguments)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID");
    command
}

#[test]
fn the_packet_shown_is_the_first_that_matches() {
    let Some(net) = live_or_skip() else { return };
    let mut command = inspect(&["--format", "json", "tcp[tcpflags] & tcp-push != 0"]);
    let running = Running::start(&net.client, &mut command);
    // Nothing is read before the rights are gone.
    assert_eq!(status_of(running.pid(), "CapEff"), ["0000000000000000"]);
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let field = |layer: &str, name: &str| {
        let mut lines = lines.iter();
        lines.find(|line| line["layer"] == layer && line["name"] == name)
    };
    assert_eq!(field("tcp", "PSH").expect("a flag")["value"], true);
    let data = field("rest", "data").expect("data");
    let said = wirelab::wire::field::hex(ASK.as_bytes());
    assert_eq!(data["value"], said.as_str());
}

#[test]
fn as_many_as_were_asked_for_come_each_under_its_number() {
    let Some(net) = live_or_skip() else { return };
    let running = Running::start(&net.client, &mut inspect(&["-c", "2", "tcp"]));
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    for heading in ["Packet 1 of 2", "Packet 2 of 2"] {
        assert!(ended.stdout.contains(heading), "{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("Packet 3"), "{}", ended.stdout);
}
