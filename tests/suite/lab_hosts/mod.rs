//! The two hosts of the lab, with the kernel's own TCP, and a wire of the tests' own between them.
//!
//! These need root. Where a machine can't run them they say why and pass, except on CI (`CI=true`),
//! where that is a failure.

mod carry;
mod process;
mod rights;
mod settings;

use std::env;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::unistd::geteuid;
use wirelab::io::lab::host::{Host, HostError, open};
use wirelab::lab::experiment::Experiment;
use wirelab::lab::{Both, Side};

use carry::{Carried, Carrier, Frame, connect};

/// Longest wait for anything: far more than a loaded machine needs, and still an end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Says why a test does not run here; fails on CI.
fn skip(name: &str, reason: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name}: CI must be able to run it: {reason}"
    );
    // Past the test harness, which keeps what a passing test prints to itself.
    let _ = std::io::stderr().write_all(format!("skipped: {name}: {reason}\n").as_bytes());
}

/// Runs the test in a process of its own: making hosts gives rights up, and becomes who called sudo,
/// which other tests of this process would not survive.
fn alone(test: impl FnOnce()) {
    if env::var_os("WIRELAB_ALONE").is_some() {
        return test();
    }
    let name = thread::current().name().unwrap_or_default().to_owned();
    if !geteuid().is_root() {
        return skip(&name, "it needs root, to make network namespaces");
    }
    let output = Command::new(env::current_exe().expect("this binary"))
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env("WIRELAB_ALONE", "1")
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .output()
        .expect("this binary runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{out}\n{err}"
    );
}

/// An experiment that has nothing but a network.
fn experiment(more: &str) -> Experiment {
    let text = format!("title = 'hosts'\nlook_for = 'frames'\n{more}");
    Experiment::parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Its hosts. The thread that makes them has no rights afterwards, so it is one of its own.
fn hosts(more: &str) -> Both<Host> {
    try_hosts(more).unwrap_or_else(|error| panic!("{error}"))
}

fn try_hosts(more: &str) -> Result<Both<Host>, HostError> {
    let experiment = experiment(more);
    let made = thread::spawn(move || open(&experiment)).join();
    made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

const ASK: &str = "how do you do";
const ANSWER_BYTES: usize = 100_000;

/// A conversation: the client asks, the server answers at length.
fn converse(hosts: &Both<Host>) -> Vec<Frame> {
    let programs = connect(
        hosts,
        |mut stream| {
            let mut asked = String::new();
            stream.read_to_string(&mut asked)?;
            stream.write_all(&vec![b'a'; ANSWER_BYTES])?;
            Ok(asked)
        },
        |mut stream| {
            stream.write_all(ASK.as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        },
    );
    let mut carrier = Carrier::new(hosts);
    let said = carrier.until_done(&programs);
    assert_eq!(said.server, ASK);
    assert_eq!(said.client, "a".repeat(ANSWER_BYTES));
    carrier.frames
}

/// What was carried, up to the end of the handshake.
fn kinds(frames: &[Frame]) -> Vec<(Side, Carried)> {
    frames.iter().map(|it| (it.side, it.carried())).collect()
}

#[test]
fn frames_are_whole_and_nothing_but_the_connection() {
    alone(|| {
        for (network, overhead) in [("", 40), ("[network]\nip = 6\nmtu = 1400", 60)] {
            let hosts = hosts(network);
            let mtu = if network.is_empty() { 1500 } else { 1400 };
            let frames = converse(&hosts);
            let first = &kinds(&frames)[..3];
            assert_eq!(
                first,
                [
                    (Side::Client, Carried::Tcp("S")),
                    (Side::Server, Carried::Tcp("SA")),
                    (Side::Client, Carried::Tcp("A")),
                ]
            );
            for frame in &frames {
                assert!(matches!(frame.carried(), Carried::Tcp(_)), "{frame:?}");
                assert!(frame.bytes.len() <= 14 + mtu, "{frame:?}");
                frame.assert_checksums();
                assert_eq!(frame.ends(), addresses(&hosts, frame.side), "{frame:?}");
            }
            // Twelve bytes of it are timestamps.
            let full = 14 + mtu;
            let data = ANSWER_BYTES.div_ceil(mtu - overhead);
            let full = frames.iter().filter(|it| it.bytes.len() == full).count();
            assert!(full >= data - 1, "{full} of {data}");
        }
    });
}

fn addresses(hosts: &Both<Host>, from: Side) -> (String, String) {
    let address = |side| hosts.of(side).address().to_string();
    (address(from), address(from.other()))
}

#[test]
fn hosts_that_have_to_learn_ask_first() {
    alone(|| {
        let frames = converse(&hosts("[network]\nneighbours = 'learnt'"));
        assert_eq!(
            kinds(&frames)[..3],
            [
                (Side::Client, Carried::Arp),
                (Side::Server, Carried::Arp),
                (Side::Client, Carried::Tcp("S")),
            ]
        );
    });
}

#[test]
fn an_address_is_used_when_nobody_else_has_it() {
    alone(|| {
        let hosts = hosts("[network]\nip = 6\nneighbours = 'learnt'");
        let frames = converse(&hosts);
        let at = |wanted: Carried| {
            let mut all = frames.iter();
            all.position(|it| it.carried() == wanted)
                .unwrap_or_else(|| panic!("no {wanted:?} in {:?}", kinds(&frames)))
        };
        // From "::", for an address that is not one's own yet (RFC 4862 section 5.4.2).
        let detection = frames
            .iter()
            .filter(|it| it.carried() == Carried::Solicitation && it.ends().0 == "::");
        // Both hosts, for the address given and the link-local one.
        assert_eq!(detection.count(), 4, "{:?}", kinds(&frames));
        let (asked, told) = (at(Carried::Solicitation), at(Carried::Advertisement));
        assert!(
            asked < told && told < at(Carried::Tcp("S")),
            "{:?}",
            kinds(&frames)
        );
    });
}

#[test]
fn each_kernel_counts_for_itself() {
    alone(|| {
        let hosts = hosts("");
        let before = hosts.client.counters().unwrap();
        assert!(!before.contains_key("TcpOutSegs"), "{before:?}");
        let frames = converse(&hosts);
        for (host, opened) in [
            (&hosts.client, "TcpActiveOpens"),
            (&hosts.server, "TcpPassiveOpens"),
        ] {
            let counters = host.counters().unwrap();
            assert_eq!(counters.get(opened), Some(&1), "{counters:?}");
            let sent = frames.iter().filter(|it| it.side == host.side()).count();
            let counted = counters["TcpOutSegs"] + counters.get("TcpRetransSegs").unwrap_or(&0);
            // Those that were sent after the last look.
            assert!(counted as usize >= sent, "{sent}: {counters:?}");
            assert!(counters.values().all(|count| *count > 0));
        }
        let server = hosts.server.counters().unwrap();
        assert!(!server.contains_key("TcpActiveOpens"), "{server:?}");
        assert!(server["TCPOrigDataSent"] >= 69, "{server:?}");
    });
}

#[test]
fn a_host_may_be_used_by_several_threads() {
    fn used_by_several<T: Send + Sync>() {}
    used_by_several::<Both<Host>>();
}

#[test]
fn hosts_are_gone_when_they_are_dropped() {
    alone(|| {
        let hosts = hosts("");
        converse(&hosts);
        let of_hosts = process::namespaces(std::process::id());
        assert_eq!(of_hosts.len(), 3, "ours and two: {of_hosts:?}");
        drop(hosts);
        process::wait_until("one namespace", || {
            process::namespaces(std::process::id()).len() == 1
        });
    });
}
