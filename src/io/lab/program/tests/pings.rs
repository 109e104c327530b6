//! Echo requests. No group may make them where nothing was set, so each test runs in a network of its
//! own, in which all may; that takes root, and CI is.

use std::fs;
use std::io::Write;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

use super::*;

/// Says why a test did not run; fails on CI.
pub(super) fn skip(reason: &str) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name}: CI must be able to make a network of its own: {reason}"
    );
    // Past the test harness, which keeps what a passing test prints to itself.
    let line = format!("skipped: {name}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Does `work` in a new network that has nothing but loopback.
fn in_a_network(groups: &str, work: impl FnOnce() + std::marker::Send) {
    thread::scope(|scope| {
        let inside = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("unshare: {error}"))?;
            // The thread's own network: both follow whoever asks.
            fs::write("/proc/sys/net/ipv4/ping_group_range", groups)
                .map_err(|error| format!("ping_group_range: {error}"))?;
            let up = Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status();
            let up = up.map_err(|error| format!("ip: {error}"))?;
            assert!(up.success());
            work();
            Ok(())
        });
        if let Err(reason) = inside.join().unwrap() {
            let reason: String = reason;
            skip(&reason);
        }
    });
}

/// `ip`, in the network of this thread.
fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status().unwrap();
    assert!(done.success(), "ip {words}");
}

const ALL: &str = "0 2147483647";

#[test]
fn an_echo_request_is_answered() {
    in_a_network(ALL, || {
        for address in ["127.0.0.1", "::1"] {
            let mut run = Run::start_on(
                "[client]\ncalls = [{ ping = { count = 3, bytes = 20, every_ms = 10, ttl = [7, 8] } }]",
                address.parse().unwrap(),
            );
            let came = run.join();
            assert_eq!(came.ends["client"], Ok(()), "{address}");
            let ttl = if address == "::1" {
                "IPV6_UNICAST_HOPS"
            } else {
                "IP_TTL"
            };
            let set: Vec<_> = came
                .calls("client", "setsockopt")
                .into_iter()
                .skip(2)
                .collect();
            let set: Vec<_> = set.iter().map(|line| line.arguments.clone()).collect();
            assert_eq!(set, [format!("{ttl}, 7"), format!("{ttl}, 8")]);
            let sent = came.calls("client", "sendto");
            assert_eq!(sent.len(), 3);
            assert_eq!(
                sent[1].arguments,
                format!("echo request 2, 20 bytes, to {address}")
            );
            let answers = came.calls("client", "recvmsg");
            assert_eq!(answers.len(), 3, "{answers:?}");
            for (number, line) in (1..).zip(answers) {
                assert_eq!(line.arguments, format!("answer to echo request {number}"));
                assert_eq!(line.result, Some(28));
                // The answer has a TTL of its own.
                assert_eq!(line.data.as_deref(), Some("20 bytes of data, TTL 64"));
            }
            assert_eq!(came.names("client").last(), Some(&"close"));
        }
    });
}

#[test]
fn what_is_not_answered_is_lost_and_what_the_kernel_finds_is_told() {
    in_a_network(ALL, || {
        // Nobody answers here, and nothing says so.
        let silent = fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1");
        silent.unwrap();
        ip("link set lo mtu 1500");
        let mut run = Run::start_on(
            "[client]\ncalls = [{ ping = { count = 2, every_ms = 5, wait_ms = 40 } }, \
             { set = { dont_fragment = true } }, { ping = { bytes = 1473 }, expect = \"EMSGSIZE\" }]",
            "127.0.0.1".parse().unwrap(),
        );
        let came = run.join();
        assert_eq!(came.ends["client"], Ok(()));
        let received = came.calls("client", "recvmsg");
        for line in &received[..2] {
            assert_eq!(line.errno.as_deref(), Some("EAGAIN"));
            assert_eq!(line.data.as_deref(), Some("lost: no answer"));
            assert!(line.blocked_ns >= 40_000_000, "{line:?}");
        }
        let told = received[2].data.as_deref();
        assert_eq!(told, Some("message too long (MTU 1500), found here"));
    });
}

/// A router in front of 10.9.9.0/24, at 10.1.1.2: this same host, which meets what it sends as another
/// host would, on the far side of a pair of joined devices. Beyond it the MTU is 1000.
fn router() {
    for words in [
        "link add near type veth peer name far",
        "link add out type veth peer name beyond",
        "link set out mtu 1000",
        "addr add 10.1.1.1/24 dev near",
        "addr add 10.1.1.2/32 dev far",
        "link set near address 02:00:00:00:00:01 up",
        "link set far address 02:00:00:00:00:02 up",
        "link set out up",
        "link set beyond up",
        "neigh add 10.1.1.9 lladdr 02:00:00:00:00:02 dev near",
        "route add 10.9.9.0/24 via 10.1.1.9 dev near src 10.1.1.1",
        "rule add iif far lookup 100 priority 1",
        "route add 10.9.9.0/24 dev out table 100",
    ] {
        ip(words);
    }
    for (setting, value) in [
        ("conf/far/accept_local", "1"),
        ("conf/all/rp_filter", "0"),
        ("conf/far/rp_filter", "0"),
        ("ip_forward", "1"),
        ("icmp_errors_use_inbound_ifaddr", "1"),
    ] {
        fs::write(format!("/proc/sys/net/ipv4/{setting}"), value).unwrap();
    }
}

#[test]
fn an_icmp_error_settles_the_request_that_it_quotes() {
    in_a_network(ALL, || {
        router();
        let mut run = Run::start_on(
            "[client]\ncalls = [{ set = { dont_fragment = true } }, \
             { ping = { bytes = 1200, count = 2, ttl = [1, 9], every_ms = 50, wait_ms = 2000 } }]",
            "10.9.9.9".parse().unwrap(),
        );
        let came = run.join();
        assert_eq!(came.ends["client"], Ok(()), "{:?}", came.lines);
        let settled = came.calls("client", "recvmsg");
        let settled: Vec<_> = settled
            .iter()
            .map(|line| {
                (
                    &*line.arguments,
                    line.errno.as_deref(),
                    line.data.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            settled,
            [
                (
                    "MSG_ERRQUEUE, echo request 1",
                    Some("EHOSTUNREACH"),
                    Some("time to live exceeded in transit from 10.1.1.2")
                ),
                (
                    "MSG_ERRQUEUE, echo request 2",
                    Some("EMSGSIZE"),
                    Some("fragmentation needed (MTU 1000) from 10.1.1.2")
                ),
            ]
        );
    });
}

#[test]
fn without_the_right_it_says_which_setting_is_in_the_way() {
    in_a_network("1 0", || {
        let mut run = Run::start_on("[client]\ncalls = [\"ping\"]", "127.0.0.1".parse().unwrap());
        let came = run.join();
        let failure = came.failure("client");
        assert!(
            failure.contains("EACCES") && failure.contains("net.ipv4.ping_group_range"),
            "{failure}"
        );
    });
}
