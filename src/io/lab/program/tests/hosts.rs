//! Programs on two real hosts, over the lab's wire: what loopback has not. Needs what hosts need; CI has
//! it.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::pings::skip;
use super::*;
use crate::io::clock::Stopwatch;
use crate::io::lab::host::{self, Host};
use crate::lab::Wire;

/// Runs an experiment on hosts of its own; `None` where there can't be any. The thread has no rights
/// afterwards, so a test may do this once.
fn on_hosts(text: &str) -> Option<Came> {
    let experiment = experiment(text);
    if std::env::var_os("SUDO_UID").is_some() {
        skip("under sudo all tests of this process would go on as the user who called it");
        return None;
    }
    let hosts = match host::open(&experiment) {
        Ok(hosts) => hosts,
        Err(error) => {
            skip(&error.to_string());
            return None;
        }
    };
    let addresses = Both {
        client: hosts.client.address(),
        server: hosts.server.address(),
    };
    let (sender, lines) = channel();
    let log = move |line| drop(sender.send(line));
    let stages = Stage::for_run(&experiment, addresses, log, clock::now).unwrap();
    let (sender, ends) = channel();
    let mut running = 0;
    for side in [Side::Client, Side::Server] {
        for (name, calls) in experiment.host(side).programs() {
            let (stage, calls, sender) = (stages.of(side).clone(), calls.to_vec(), sender.clone());
            let program = name.to_owned();
            let job = move || drop(sender.send((side.to_string(), run(&program, &calls, &stage))));
            hosts.of(side).spawn("program", job).unwrap();
            running += 1;
        }
    }
    let mut wire = Wire::new(experiment.wire.clone());
    let mut ended = BTreeMap::new();
    let watch = Stopwatch::start();
    while running > 0 {
        assert!(watch.elapsed() < PATIENCE, "{ended:?}");
        carry(&hosts, &mut wire);
        for (who, end) in ends.try_iter() {
            running -= 1;
            assert_eq!(end, Ok(()), "{who}");
            ended.insert(who, end);
        }
    }
    Some(Came {
        ends: ended,
        lines: lines.try_iter().collect(),
    })
}

/// Waits a moment for frames, and moves those that are due.
fn carry(hosts: &Both<Host>, wire: &mut Wire) {
    let hosts = [&hosts.client, &hosts.server];
    let mut taps = hosts.map(|host| PollFd::new(host.tap().as_fd(), PollFlags::POLLIN));
    let moment = TimeSpec::from_duration(Duration::from_millis(1));
    ppoll(&mut taps, Some(moment), None).unwrap();
    let mut frame = [0; 2048];
    for host in hosts {
        while let Some(len) = host.tap().read(&mut frame).unwrap() {
            wire.handle_frame(clock::now(), host.side(), &frame[..len]);
        }
    }
    while let Some(due) = wire.poll_transmit(clock::now()) {
        let [client, server] = hosts;
        let to = if due.to == Side::Client {
            client
        } else {
            server
        };
        to.tap().write(&due.bytes).unwrap();
    }
}

#[test]
fn both_sides_open_at_once_and_have_one_connection() {
    let came = on_hosts(
        r#"
        [wire]
        delay_ms = 60
        [server]
        calls = [{ signal = "s" }, { wait = "c" }, { connect = { port = 4001, from_port = 4002 } },
            { receive = 5 }, { send = "hello" }, { receive = "end" }, "close"]
        [client]
        calls = [{ signal = "c" }, { wait = "s" }, { connect = { port = 4002, from_port = 4001 } },
            { send = "hello" }, { receive = 5 }, "close"]"#,
    );
    let Some(came) = came else { return };
    for side in ["client", "server"] {
        let connect = came.calls(side, "connect")[0];
        assert_eq!(connect.result, Some(0));
        // One way is enough: the other's SYN is under way as well.
        assert!(connect.blocked_ns >= 60_000_000, "{connect:?}");
        assert!(came.calls(side, "accept").is_empty());
    }
}

#[test]
fn routers_answer_in_their_own_names() {
    routers_answer(
        4,
        "time to live exceeded in transit from ",
        "fragmentation needed (MTU 1300) from ",
    );
}

#[test]
fn routers_answer_in_their_own_names_over_ipv6() {
    routers_answer(
        6,
        "hop limit exceeded in transit from ",
        "packet too big (MTU 1300) from ",
    );
}

fn routers_answer(ip: u8, exceeded: &str, too_big: &str) {
    let came = on_hosts(&format!(
        r#"
            [network]
            ip = {ip}
            [[wire.router]]
            [[wire.router]]
            mtu = 1300
            [client]
            calls = [{{ ping = {{ count = 3, every_ms = 100, ttl = [1, 2, 3] }} }},
                {{ set = {{ dont_fragment = true }} }}, {{ ping = {{ bytes = 1400 }} }},
                {{ set = {{ dont_fragment = true }} }}, {{ ping = {{ bytes = 1400 }}, expect = "EMSGSIZE" }},
                {{ set = {{ dont_fragment = true }} }}, {{ udp_send = {{ bytes = 1400 }}, expect = "EMSGSIZE" }},
                {{ udp_send = {{ bytes = 14 }} }},
                {{ udp_receive = {{ wait_ms = 5000 }}, expect = "ECONNREFUSED" }}]"#
    ));
    let Some(came) = came else { return };
    let told: Vec<_> = came
        .calls("client", "recvmsg")
        .iter()
        .map(|line| (line.errno.clone(), line.data.clone().unwrap()))
        .collect();
    let start = |at: usize, words: &str| {
        let (_, told) = &told[at];
        assert!(told.starts_with(words), "{told:?} {words}");
        told.split(" from ").nth(1).map(str::to_owned)
    };
    let first = start(0, exceeded);
    let second = start(1, exceeded);
    assert_ne!(first, second);
    start(2, "56 bytes of data, TTL 62");
    // The second router's link is the narrow one; who says so is the one before it.
    start(3, too_big);
    for line in &told[4..6] {
        assert_eq!(line.1, "message too long (MTU 1300), found here");
    }
    let refused = start(6, "port unreachable from ");
    assert_ne!(refused, second);
    assert_eq!(told.len(), 7, "{told:?}");
}
