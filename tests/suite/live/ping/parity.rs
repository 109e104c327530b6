//! The same command line for iputils' ping and ours: the same exit code, the same line of figures, and the
//! same letters for the same things.

use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::net::{Net, SERVER, inside, live_or_skip, skip};
use super::{ping, setting};

/// Nobody there.
const DEAD: &str = "10.77.0.99";

fn theirs(arguments: &str) -> Command {
    let mut command = Command::new("ping");
    command.args(arguments.split(' ')).env("LC_ALL", "C");
    command
}

/// Both hosts, where iputils is installed.
fn both() -> Option<Net> {
    let net = live_or_skip()?;
    let installed = Command::new("ping").arg("-V").output();
    if !installed.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains("iputils")) {
        skip("iputils' ping is not installed");
        return None;
    }
    Some(net)
}

/// The line of figures up to the time.
fn counts(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("transmitted"));
    line.and_then(|line| line.split(", time").next())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn exit_codes_and_counts_are_the_same() {
    let Some(net) = both() else { return };
    setting(&net.client, "ipv4/neigh/wire/retrans_time_ms", "100");
    let cases = [
        (format!("-c 2 -i 0.1 {SERVER}"), 0),
        (format!("-c 2 -i 0.1 -n -q -D {SERVER}"), 0),
        (format!("-c 3 -l 3 -i 0.2 {SERVER}"), 0),
        (format!("-f -c 200 -q {SERVER}"), 0),
        (format!("-A -c 20 -q {SERVER}"), 0),
        (format!("-w 1 -i 0.4 {SERVER}"), 0),
        (format!("-c 2 -w 3 -i 0.1 {SERVER}"), 0),
        (
            format!("-c 1 -p ff00 -s 100 -t 5 -Q 0x10 -e 77 -M do {SERVER}"),
            0,
        ),
        (format!("-c 1 -B -r -L -m 3 -a -v {SERVER}"), 0),
        (format!("-c 1 -W 0 -w 0 {SERVER}"), 0),
        (format!("-c 1 -S 100000 {SERVER}"), 0),
        ("-V".to_owned(), 0),
        ("-c 1 -F 0x12345 -6 ::1".to_owned(), 0),
        ("-c 1 -I lo -s 0 127.0.0.1".to_owned(), 0),
        // Whatever came: with a deadline, so many answers are wanted.
        (format!("-c 50 -w 1 -i 0.3 {SERVER}"), 1),
        (format!("-c 1 -W 0.2 -I lo {SERVER}"), 1),
        ("-c 1 nosuch.invalid".to_owned(), 2),
        ("-c 1 -4 ::1".to_owned(), 2),
        ("-c 1 10.77.0.255".to_owned(), 2),
        ("-c 1 -I nowhere 127.0.0.1".to_owned(), 2),
        ("-c 1 -p xyz 127.0.0.1".to_owned(), 2),
    ];
    for (arguments, code) in cases {
        let run =
            |mut command: Command| inside(&net.client, move || command.output()).expect("it ran");
        let (ours, theirs) = (run(ping(&arguments)), run(theirs(&arguments)));
        let said = String::from_utf8_lossy(&ours.stderr);
        assert_eq!(ours.status.code(), Some(code), "{arguments}: {said}");
        assert_eq!(theirs.status.code(), Some(code), "theirs, {arguments}");
        // How many fit into a second is up to the machine.
        if !arguments.contains("-w 1") {
            assert_eq!(counts(&ours), counts(&theirs), "{arguments}");
        }
        assert_eq!(said.is_empty(), code != 2, "{arguments}: {said}");
    }
}

#[test]
fn what_there_is_no_use_for_is_answered_in_a_line() {
    for (arguments, what) in [
        ("-C 127.0.0.1", "wrong-source"),
        ("-d 127.0.0.1", "--show"),
        ("-N name ::1", "wirelab craft"),
        ("-U 127.0.0.1", "own_rtt_ns"),
    ] {
        let output = ping(arguments).output().expect("it ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty());
        assert!(
            said.starts_with(&format!("ping: {}: ", &arguments[..2])),
            "{said}"
        );
        assert!(said.contains(what) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn who_does_not_answer_is_told_alike() {
    let Some(net) = both() else { return };
    // Link resolution fails, and says so to whoever sent.
    let arguments = format!("-c 2 -i 0.2 -W 4 {DEAD}");
    let run = |mut command: Command| inside(&net.client, move || command.output()).expect("it ran");
    for output in [run(ping(&arguments)), run(theirs(&arguments))] {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains("icmp_seq=1 Destination Host Unreachable")
                || text.contains("icmp_seq=1 Host unreachable"),
            "{text}"
        );
        assert!(
            text.contains("2 packets transmitted, 0 received, +2 errors, 100% packet loss"),
            "{text}"
        );
    }
}

#[test]
fn signals_are_answered_alike() {
    let Some(net) = both() else { return };
    let arguments = format!("-i 0.05 {SERVER}");
    let run = |mut command: Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = inside(&net.client, move || command.spawn()).expect("it starts");
        let id = Pid::from_raw(i32::try_from(child.id()).expect("its number"));
        let pause = || thread::sleep(Duration::from_millis(700));
        pause();
        kill(id, Signal::SIGQUIT).expect("it is there");
        pause();
        kill(id, Signal::SIGINT).expect("it is there");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // "10/10 packets, 0% loss, min/avg/ewma/max = 0.0/0.0/0.0/0.0 ms", numbers apart.
        let shape: String = said
            .chars()
            .map(|it| if it.is_ascii_digit() { '9' } else { it })
            .collect();
        let line = shape
            .lines()
            .find(|it| it.contains("packets, "))
            .expect("a line");
        let mut line = line
            .trim_start_matches('\r')
            .replace("99", "9")
            .replace("99", "9");
        // Ours names the host, of which there may be several.
        if let Some((_, rest)) = line.split_once(": ") {
            line = rest.to_owned();
        }
        (
            output.status.code(),
            line,
            counts(&output).contains("0% packet loss"),
        )
    };
    let ours = run(ping(&arguments));
    assert_eq!(ours, run(theirs(&arguments)));
    assert_eq!((ours.0, ours.2), (Some(0), true));
}
