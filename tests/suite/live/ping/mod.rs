//! `wirelab ping` on real sockets: raw and datagram, IPv4 and IPv6, against a host that answers as it is
//! told to, and over the lab's wire between two kernels, so that the state of each request can be held
//! against the truth.
//!
//! Where each edge case of ICMP is tested: in this folder, or with the module's path from `tests/suite` or
//! `src`. `probe` is `src/probe/tests.rs`, where time is virtual, `echoes` is over the lab's wire in virtual
//! time. A test, in `kernel`, reads this table.
//!
//! | | edge case | tests |
//! |--:|---|---|
//! | 1 | the kernel's identifier; 0 is legal | `live::ping::edges::the_identifier_is_ours_or_the_kernels_and_0_is_legal` |
//! | 2 | datagram sockets: echo alone; the group range, for IPv6 too | `live::ping::edges::a_datagram_socket_sends_echo_requests_and_nothing_else`, `a_user_without_rights_pings_over_a_datagram_socket_or_learns_why_not` |
//! | 3 | where TTL and options come from | `both_kinds_of_socket_reach_both_kinds_of_loopback`, `live::ping::edges::what_routers_record_comes_over_both_kinds_of_socket` |
//! | 4 | raw sockets hear everybody, and their own requests | `live::ping::edges::echoes_of_others_are_not_ours`, `io::probe::filter::of_ipv4_only_what_is_ours_gets_through` |
//! | 5 | errors by the queue | `an_error_is_told_over_both_kinds_of_socket`, `probe::the_error_queue_and_refusals_are_told_apart` |
//! | 6 | a device hides local errors; %interface | `live::ping::edges::where_no_way_leads_is_said_at_once_and_behind_a_device_by_the_link`, `live::ping::edges::a_link_local_address_needs_its_interface` |
//! | 7 | odd lengths; an ICMPv6 checksum of our own | `both_kinds_of_socket_reach_both_kinds_of_loopback`, `wire::echo::an_odd_length_is_padded_with_a_zero`, `the_first_packet_is_shown_as_it_left` |
//! | 8 | wrong checksums reach raw sockets alone | `live::ping::edges::a_wrong_checksum_reaches_raw_sockets_alone`, `live::ping::kernel::a_wrong_checksum_of_icmpv6_reaches_raw_sockets_that_ask_for_it` |
//! | 9 | a routing header: the final destination | `live::ping::kernel::a_routing_header_has_the_final_destination_in_the_checksum` |
//! | 10 | before transmit offload: bad, partial, unverifiable | `live::ping::kernel::before_offload_bad_partial_and_unverifiable_are_told_apart` |
//! | 11 | IP_HDRINCL: what is rewritten | `live::ping::kernel::a_whole_ipv4_packet_is_rewritten_where_linux_rewrites_it_and_nowhere_else`, `live::craft::a_raw_socket_rewrites_what_it_is_said_to_rewrite` |
//! | 12 | the number starts over | `live::ping::edges::the_number_starts_over_within_a_run`, `probe::the_number_starts_over_and_old_replies_are_told_apart` |
//! | 13 | one state each | `each_state_is_the_truth`, `live::ping::carried::over_the_wire_between_two_kernels_each_state_is_the_truth`, `echoes::over_any_wire_each_state_is_the_truth` |
//! | 14 | truncated, a code, TOS and ECN, fragments | `each_state_is_the_truth`, `live::ping::edges::a_code_in_a_reply_is_damage_and_what_is_long_comes_in_pieces`, `live::ping::kernel::a_reply_has_the_requests_tos_with_the_ecn_bits`, `live::ping::kernel::raw_sockets_get_what_was_put_together_and_packet_sockets_the_pieces` |
//! | 15 | broadcast | `live::ping::edges::a_broadcast_address_is_asked_when_that_is_said` |
//! | 16 | what an error quotes | `an_error_is_told_over_both_kinds_of_socket`, `live::ping::edges::too_big_is_the_networks_word_first_and_then_this_hosts`, `probe::quote::a_damaged_number_is_not_put_down_to_another_request` |
//! | 17 | errors are limited, replies are not | `live::ping::edges::errors_are_fewer_than_what_they_are_about_and_replies_are_not` |
//! | 18 | too big: the network's word, then this host's | `live::ping::edges::too_big_is_the_networks_word_first_and_then_this_hosts` |
//! | 19 | two clocks | `live::ping::edges::two_clocks_are_told`, `probe::the_kernels_stamp_is_taken_only_where_it_makes_sense` |
//! | 20 | interrupted, no room | `nothing_is_left_of_roots_rights_and_signals_are_obeyed`, `probe::no_room_is_tried_again_and_then_is_an_error` |

mod carried;
mod edges;
mod kernel;
mod parity;
mod responder;
mod wired;

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use responder::{Fault, Responder};

use super::net::{CLIENT, Net, SERVER, inside, ip, live_or_skip, skip};
use super::program::{Reachable, Running, WIRELAB, status_of, wait_until};
use crate::schema::schema;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;

/// Runs commands on the client while the server answers with those faults.
fn against(net: &Net, faults: &[(u16, Fault)], commands: &mut [Command]) -> Vec<Output> {
    let responder = Responder::new(net, faults);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| responder.run(&over));
        let outputs = commands
            .iter_mut()
            .map(|command| inside(&net.client, move || command.output()))
            .collect::<Result<Vec<_>, _>>();
        over.store(true, Ordering::Relaxed);
        outputs.expect("they ran")
    })
}

/// Datagram ICMP sockets for everybody on that host.
fn open_to_all(host: &str) {
    setting(host, "ipv4/ping_group_range", "0 2147483647");
}

/// A setting of that host's network.
fn setting(host: &str, name: &str, value: &str) {
    inside(host, || {
        std::fs::write(format!("/proc/sys/net/{name}"), value).expect("its own setting");
    });
}

fn ping(arguments: &str) -> Command {
    let mut command = Command::new(WIRELAB);
    command.arg("ping").args(arguments.split(' '));
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    command
}

/// The lines, each checked against the schema.
fn lines(output: &Output) -> Vec<Value> {
    let schema = schema();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).expect("JSON");
            assert!(schema.is_valid(&value), "{line}");
            value
        })
        .collect()
}

fn states(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["state"].as_str())
        .collect()
}

#[test]
fn each_state_is_the_truth() {
    let Some(net) = live_or_skip() else { return };
    let faults = [
        (2, Fault::Drop),
        (3, Fault::Twice),
        (4, Fault::Flip(30)),
        (5, Fault::Cut(40)),
        (6, Fault::After(Duration::from_millis(900))),
        (8, Fault::Behind),
        (10, Fault::From([10, 77, 0, 9])),
    ];
    let command = ping(&format!("-c 12 -i 0.2 -W 0.6 --format json {SERVER}"));
    let [output] = &against(&net, &faults, &mut [command])[..] else {
        panic!()
    };
    let lines = lines(output);
    let expected = [
        "answered",
        "lost",
        "duplicate",
        "corrupted",
        "truncated",
        "late",
        "answered",
        "reordered",
        "answered",
        "wrong-source",
        "answered",
        "answered",
    ];
    assert_eq!(states(&lines), expected);
    let by_seq: HashMap<_, _> = lines
        .iter()
        .map(|line| (line["seq"].as_u64(), line))
        .collect();
    assert_eq!(by_seq[&Some(4)]["damage"]["byte"], 30);
    assert_eq!(by_seq[&Some(4)]["damage"]["checksum_fits"], false);
    assert_eq!(by_seq[&Some(5)]["bytes"], 40);
    assert_eq!(by_seq[&Some(10)]["from"], "10.77.0.9");
    let last = lines.last().expect("statistics");
    assert_eq!(
        (&last["type"], &last["socket"]),
        (&"statistics".into(), &"raw".into())
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn iputils_counts_the_same_on_the_same_wire() {
    let Some(net) = live_or_skip() else { return };
    if Command::new("ping").arg("-V").output().is_err() {
        return skip("iputils' ping is not installed");
    }
    let faults = [(2, Fault::Drop), (3, Fault::Twice), (5, Fault::Drop)];
    let arguments = format!("-c 8 -i 0.1 -W 1 {SERVER}");
    let mut theirs = Command::new("ping");
    theirs.args(arguments.split(' ')).env("LC_ALL", "C");
    let outputs = against(&net, &faults, &mut [ping(&arguments), theirs]);
    let counts = outputs.iter().map(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains("transmitted"));
        let line = line.unwrap_or_else(|| panic!("{text}")).to_owned();
        line.split(", time").next().unwrap_or_default().to_owned()
    });
    let counts: Vec<_> = counts.collect();
    assert_eq!(
        counts[0],
        "8 packets transmitted, 6 received, +1 duplicates, 25% packet loss"
    );
    assert_eq!(counts[0], counts[1]);
}

#[test]
fn both_kinds_of_socket_reach_both_kinds_of_loopback() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for kind in ["raw", "datagram"] {
        let mut command = ping(&format!(
            "-c 3 -i 0.01 -s 55 --socket {kind} --format json 127.0.0.1 ::1"
        ));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        let lines = lines(&output);
        assert_eq!(states(&lines), ["answered"; 6]);
        let ends: Vec<_> = lines
            .iter()
            .filter(|it| it["type"] == "statistics")
            .collect();
        assert_eq!(ends.len(), 2);
        assert!(
            ends.iter()
                .all(|end| end["socket"] == kind && end["loss"] == 0.0)
        );
        assert!(
            lines
                .iter()
                .filter(|it| it["type"] == "echo")
                .all(|it| it["ttl"] == 64)
        );
    }
}

#[test]
fn a_user_without_rights_pings_over_a_datagram_socket_or_learns_why_not() {
    let Some(net) = live_or_skip() else { return };
    let binary = Reachable::make();
    let run = |arguments: &str| {
        let mut command = Command::new(binary.path());
        command
            .arg("ping")
            .args(arguments.split(' '))
            .uid(NOBODY)
            .gid(NOBODY);
        inside(&net.client, move || command.output()).expect("it ran")
    };
    let refused = run("-c 1 127.0.0.1");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said.contains("net.ipv4.ping_group_range ('1 0') has group 65534"),
        "{said}"
    );
    assert!(said.contains("sudo setcap cap_net_raw+ep"), "{said}");
    inside(&net.client, || {
        std::fs::write("/proc/sys/net/ipv4/ping_group_range", "65534 65534").expect("opened");
    });
    for host in ["127.0.0.1", "::1", SERVER] {
        let lines = lines(&run(&format!("-c 2 -i 0.01 --format json {host}")));
        assert_eq!(states(&lines), ["answered"; 2]);
        assert_eq!(lines[2]["socket"], "datagram");
    }
    let flood = run("-f -c 1 127.0.0.1");
    assert_eq!(flood.status.code(), Some(2));
    let shown = run("-c 1 --show 127.0.0.1");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        text.contains("not captured: a packet socket is refused"),
        "{text}"
    );
    // The packet was not seen, but the kernel has told its identifier, and the checksum follows.
    for rewritten in ["identifier 0x0000 became 0x", "checksum 0x0000 became 0x"] {
        assert!(text.contains(rewritten), "{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn nothing_is_left_of_roots_rights_and_signals_are_obeyed() {
    let Some(net) = live_or_skip() else { return };
    let running = Running::start(&net.client, &mut {
        let mut command = ping("-i 0.05 -D");
        command.arg(SERVER);
        // What waits for the capture to begin takes the first line for it.
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo 'capturing on ' >&2; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell
    });
    wait_until("replies", || {
        running.shown().matches(" bytes from ").count() >= 3
    });
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
        assert_eq!(status_of(running.pid(), set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status_of(running.pid(), "NoNewPrivs"), ["1"]);
    running.signal(Signal::SIGQUIT);
    let before = running.shown().matches(" bytes from ").count();
    wait_until("more replies after SIGQUIT", || {
        running.shown().matches(" bytes from ").count() > before + 2
    });
    running.signal(Signal::SIGQUIT);
    wait_until("and after another", || {
        running.shown().matches(" bytes from ").count() > before + 4
    });
    let ended = running.end_by(Signal::SIGINT);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains(" 0% packet loss, "),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stderr
            .matches(" packets, 0% loss, min/avg/ewma/max = ")
            .count()
            >= 2,
        "{}",
        ended.stderr
    );
}

#[test]
fn the_first_packet_is_shown_as_it_left() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    let shown = |kind: &str, host: &str| {
        let mut command = ping(&format!("-c 1 --show --explain --socket {kind} {host}"));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let raw = shown("raw", SERVER);
    assert!(
        raw.contains("the ICMP message left as it was built, byte for byte"),
        "{raw}"
    );
    // The checksum of ICMPv6 too is ours: the kernel leaves it as it was written.
    let raw_v6 = shown("raw", "::1");
    assert!(
        raw_v6.contains("the ICMP message left as it was built, byte for byte"),
        "{raw_v6}"
    );
    let datagram = shown("datagram", SERVER);
    assert!(
        datagram.contains("identifier 0x0000 became 0x"),
        "{datagram}"
    );
    assert!(datagram.contains("checksum 0x0000 became 0x"), "{datagram}");
    for text in [raw, raw_v6, datagram] {
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn an_error_is_told_over_both_kinds_of_socket() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    // To the server, which would have to pass it on.
    ip(&format!(
        "-n {} route add 10.99.0.0/16 via {SERVER}",
        net.client
    ))
    .expect("a route");
    ip(&format!(
        "-n {} route add 10.99.0.0/16 via {CLIENT}",
        net.server
    ))
    .expect("a route on from there");
    inside(&net.server, || {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("it routes");
    });
    for kind in ["raw", "datagram"] {
        let mut command = ping(&format!(
            "-c 1 -t 1 --socket {kind} --format json 10.99.0.1"
        ));
        let output = inside(&net.client, move || command.output()).expect("it ran");
        let lines = lines(&output);
        assert_eq!(states(&lines), ["icmp-error"]);
        let icmp = &lines[0]["icmp"];
        assert_eq!(
            (&icmp["type"], &icmp["code"], &icmp["from"]),
            (&11.into(), &0.into(), &SERVER.into())
        );
        let quoted = if kind == "raw" { 84 } else { 64 };
        assert_eq!(icmp["quoted_bytes"], quoted);
        assert_eq!(output.status.code(), Some(1));
    }
}
