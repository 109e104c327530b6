//! Edge cases of ICMP on real sockets: see the table in the module above.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};
use serde_json::Value;

use super::super::net::{CLIENT, Net, SERVER, inside, ip, live_or_skip};
use super::{Fault, against, lines, open_to_all, ping, setting, states};

const KINDS: [&str; 2] = ["raw", "datagram"];

/// What it prints in JSON, run on the client.
fn run(net: &Net, arguments: &str) -> Vec<Value> {
    let output = inside(&net.client, || {
        ping(&format!("--format json {arguments}")).output()
    });
    lines(&output.expect("it ran"))
}

/// The exit code and what it prints for people, and what it complains of.
fn told(net: &Net, arguments: &str) -> (Option<i32>, String, String) {
    let output = inside(&net.client, || ping(arguments).output()).expect("it ran");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn datagram_socket() -> OwnedFd {
    let (kind, flags) = (SockType::Datagram, SockFlag::empty());
    let opened = socket(AddressFamily::Inet, kind, flags, SockProtocol::Icmp);
    opened.expect("a datagram socket")
}

/// A network behind the server, over a link with that MTU.
fn behind_the_server(net: &Net, mtu: u16) {
    let ran = [
        format!("-n {} route add 10.99.0.0/16 via {SERVER}", net.client),
        format!(
            "-n {} link add behind type veth peer name beyond",
            net.server
        ),
        format!("-n {} link set beyond up", net.server),
        format!("-n {} link set behind up mtu {mtu}", net.server),
        format!("-n {} addr add 10.99.0.1/16 dev behind", net.server),
    ];
    for it in &ran {
        ip(it).expect("a network behind");
    }
    setting(&net.server, "ipv4/ip_forward", "1");
}

#[test]
fn the_identifier_is_ours_or_the_kernels_and_0_is_legal() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for (arguments, line) in [
        ("--socket raw -e 0", "identifier 0x0000"),
        ("--socket raw -e 4660", "identifier 0x1234"),
        (
            "--socket datagram -e 4660",
            "the kernel's identifier 0x1234",
        ),
    ] {
        for host in ["127.0.0.1", "::1"] {
            let (code, text, _) = told(&net, &format!("-c 1 {arguments} {host}"));
            assert_eq!(code, Some(0), "{arguments}: {text}");
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(line), "{arguments}: {text}");
        }
    }
}

#[test]
fn a_datagram_socket_sends_echo_requests_and_nothing_else() {
    let Some(net) = live_or_skip() else { return };
    setting(&net.client, "ipv4/ping_group_range", "0 2147483647");
    inside(&net.client, || {
        let socket = datagram_socket();
        let to = SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
        let send = |message: &[u8]| sendto(socket.as_raw_fd(), message, &to, MsgFlags::empty());
        assert_eq!(send(&[8, 0, 0, 0, 0, 0, 0, 1]), Ok(8));
        // A timestamp request, a code, and a message that is too short.
        assert_eq!(send(&[13, 0, 0, 0, 0, 0, 0, 1]), Err(Errno::EINVAL));
        assert_eq!(send(&[8, 1, 0, 0, 0, 0, 0, 1]), Err(Errno::EINVAL));
        assert_eq!(send(&[8, 0, 0, 0]), Err(Errno::EINVAL));
    });
}

#[test]
fn what_routers_record_comes_over_both_kinds_of_socket() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for kind in KINDS {
        let all = run(&net, &format!("-c 1 -R --socket {kind} {SERVER}"));
        assert_eq!(states(&all), ["answered"]);
        let hops: Vec<_> = all[0]["route"].as_array().expect("hops").iter().collect();
        let addresses: Vec<_> = hops
            .iter()
            .filter_map(|hop| hop["address"].as_str())
            .collect();
        assert_eq!(addresses.first(), Some(&CLIENT), "{kind}: {hops:?}");
        assert!(addresses.contains(&SERVER), "{kind}: {hops:?}");
        let all = run(
            &net,
            &format!("-c 1 -T tsprespec={SERVER} --socket {kind} {SERVER}"),
        );
        let hop = &all[0]["route"][0];
        assert_eq!(hop["address"], SERVER, "{kind}: {hop}");
        assert!(hop["clock_ms"].as_u64().is_some_and(|ms| ms < 86_400_000));
    }
    let (code, _, said) = told(&net, "-c 1 -R ::1");
    assert_eq!(code, Some(2));
    assert!(said.contains("only IPv4 has options"), "{said}");
}

#[test]
fn echoes_of_others_are_not_ours() {
    let Some(net) = live_or_skip() else { return };
    // At once: with the same identifier to different hosts and to the same, and with another.
    let all: Vec<String> = [
        "-e 7 127.0.0.1",
        "-e 7 127.0.0.1",
        "-e 7 127.0.0.2",
        "-e 8 127.0.0.1",
        "-e 7 ::1",
    ]
    .map(|it| format!("-c 30 -i 0.01 -v --format json --socket raw {it}"))
    .into();
    let outputs = inside(&net.client, || {
        let started: Vec<_> = all
            .iter()
            .map(|arguments| {
                let mut command = ping(arguments);
                command.stdout(std::process::Stdio::piped());
                command.stderr(std::process::Stdio::piped());
                command.spawn().expect("it starts")
            })
            .collect();
        started
            .into_iter()
            .map(|it| it.wait_with_output().expect("it ends"))
            .collect::<Vec<_>>()
    });
    for output in &outputs {
        let lines = lines(output);
        assert_eq!(states(&lines), ["answered"; 30]);
        assert!(lines.iter().all(|it| it["damage"].is_null()));
    }
}

#[test]
fn a_link_local_address_needs_its_interface() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for (host, number) in [(&net.client, 1), (&net.server, 2)] {
        ip(&format!(
            "-n {host} addr add fe80::{number}/64 dev {} nodad",
            Net::IFACE
        ))
        .expect("an address");
    }
    let (code, _, said) = told(&net, "-c 1 fe80::2");
    assert_eq!(code, Some(2));
    assert!(said.contains("say which one: fe80::2%wire"), "{said}");
    for kind in KINDS {
        let all = run(
            &net,
            &format!("-c 2 -i 0.1 --socket {kind} fe80::2%{}", Net::IFACE),
        );
        assert_eq!(states(&all), ["answered"; 2], "{kind}");
        assert_eq!(all[0]["address"], "fe80::2%wire");
    }
    let (code, _, said) = told(&net, "-c 1 fe80::2%nowhere");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no interface nowhere"), "{said}");
    // As with iputils, -I says it too.
    let all = run(&net, &format!("-c 1 -I {} fe80::2", Net::IFACE));
    assert_eq!(states(&all), ["answered"]);
    assert_eq!(all[0]["address"], "fe80::2%wire");
}

#[test]
fn where_no_way_leads_is_said_at_once_and_behind_a_device_by_the_link() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for kind in KINDS {
        let all = run(&net, &format!("-c 1 -W 0.3 --socket {kind} 10.88.0.1"));
        assert_eq!(states(&all), ["unsent"], "{kind}");
        assert_eq!(all[0]["error"], "network is unreachable");
        // Bound to the device, the kernel takes it for a neighbour, and only its silence is an error.
        let all = run(
            &net,
            &format!(
                "-c 2 -i 0.2 -W 4 --socket {kind} -I {} 10.88.0.1",
                Net::IFACE
            ),
        );
        let errors: Vec<_> = all
            .iter()
            .filter_map(|it| it["icmp"]["meaning"].as_str())
            .collect();
        assert_eq!(states(&all), ["icmp-error"; 2], "{kind}: {errors:?}");
        assert_eq!(all[0]["icmp"]["from"], CLIENT, "of this host's own kernel");
    }
    let (code, _, said) = told(&net, "-c 1 -I nowhere 10.77.0.2");
    assert_eq!(code, Some(2));
    assert!(said.contains("-I nowhere: no such interface"), "{said}");
}

#[test]
fn a_wrong_checksum_reaches_raw_sockets_alone() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for (kind, state) in [("raw", "corrupted"), ("datagram", "lost")] {
        let command = ping(&format!(
            "-c 2 -i 0.1 -W 2 --socket {kind} --format json {SERVER}"
        ));
        let outputs = against(&net, &[(1, Fault::Flip(30))], &mut [command]);
        assert_eq!(states(&lines(&outputs[0])), [state, "answered"], "{kind}");
    }
}

#[test]
fn a_code_in_a_reply_is_damage_and_what_is_long_comes_in_pieces() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for kind in KINDS {
        let arguments = format!("-c 1 -W 5 --socket {kind} --format json {SERVER}");
        let outputs = against(&net, &[(1, Fault::Code(3))], &mut [ping(&arguments)]);
        let all = lines(&outputs[0]);
        assert_eq!(states(&all), ["corrupted"], "{kind}");
        assert_eq!(all[0]["damage"]["byte"], 1);
        assert_eq!(all[0]["damage"]["checksum_fits"], true);
    }
    setting(&net.server, "ipv4/icmp_echo_ignore_all", "0");
    for (kind, size) in [("raw", 4_000), ("datagram", 4_000), ("raw", 65_507)] {
        // With an odd byte at the end, and put together again before we see it.
        let all = run(&net, &format!("-c 1 -s {size} --socket {kind} {SERVER}"));
        assert_eq!(states(&all), ["answered"], "{kind}, {size}");
        assert_eq!(all[0]["bytes"], size + 8);
    }
    let (code, _, said) = told(&net, &format!("-c 1 -s 65508 {SERVER}"));
    assert_eq!(code, Some(2));
    assert!(said.contains("room for 65507 bytes"), "{said}");
}

#[test]
fn the_number_starts_over_within_a_run() {
    let Some(net) = live_or_skip() else { return };
    for host in ["127.0.0.1", "::1"] {
        // So many lines are not all held against the schema.
        let output = inside(&net.client, || {
            ping(&format!("--format json -f -q -c 66000 {host}")).output()
        });
        let text = String::from_utf8(output.expect("it ran").stdout).expect("text");
        assert_eq!(text.matches(r#""state":"answered""#).count(), 66_000);
        let line = |at: usize| -> Value {
            let line = text.lines().nth(at).expect("a line");
            serde_json::from_str(line).expect("JSON")
        };
        let (again, end) = (line(65_535), line(66_000));
        assert_eq!(
            (&again["seq"], &again["count"]),
            (&0.into(), &65_536.into())
        );
        assert_eq!(
            (&end["received"], &end["strays"]),
            (&66_000.into(), &0.into())
        );
    }
}

#[test]
fn a_broadcast_address_is_asked_when_that_is_said() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for kind in KINDS {
        setting(&net.server, "ipv4/icmp_echo_ignore_broadcasts", "1");
        let (code, _, said) = told(&net, &format!("-c 1 --socket {kind} 10.77.0.255"));
        assert_eq!(code, Some(2));
        assert!(said.contains("10.77.0.255: a broadcast address"), "{said}");
        assert!(said.contains("give -b"), "{said}");
        // Linux keeps silent unless it is told otherwise.
        let all = run(&net, &format!("-b -c 1 -W 0.3 --socket {kind} 10.77.0.255"));
        assert_eq!(states(&all), ["lost"]);
        setting(&net.server, "ipv4/icmp_echo_ignore_broadcasts", "0");
        let all = run(&net, &format!("-b -c 1 -W 1 --socket {kind} 10.77.0.255"));
        assert_eq!(states(&all), ["answered"], "{kind}");
        assert_eq!(
            (&all[0]["from"], &all[0]["ttl"]),
            (&SERVER.into(), &64.into())
        );
    }
}

#[test]
fn errors_are_fewer_than_what_they_are_about_and_replies_are_not() {
    let Some(net) = live_or_skip() else { return };
    behind_the_server(&net, 1500);
    // The limit of the server's kernel, whatever the machine has set.
    setting(&net.server, "ipv4/icmp_ratelimit", "1000");
    setting(&net.server, "ipv4/icmp_ratemask", "6168");
    let all = run(&net, "-c 20 -i 0.002 -t 1 -W 0.5 10.99.0.9");
    let states = states(&all);
    let errors = states.iter().filter(|it| **it == "icmp-error").count();
    let lost = states.iter().filter(|it| **it == "lost").count();
    assert_eq!(errors + lost, 20, "{states:?}");
    assert!((1..20).contains(&errors), "{states:?}");
    let all = run(&net, &format!("-c 20 -i 0.002 {SERVER}"));
    assert_eq!(super::states(&all), ["answered"; 20]);
}

#[test]
fn too_big_is_the_networks_word_first_and_then_this_hosts() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    behind_the_server(&net, 1_000);
    for (kind, host) in [("raw", "10.99.0.9"), ("datagram", "10.99.0.8")] {
        let all = run(
            &net,
            &format!("-c 2 -i 0.2 -W 0.5 -M do -s 1200 --socket {kind} {host}"),
        );
        assert_eq!(states(&all), ["icmp-error", "unsent"], "{kind}");
        let end = all.last().expect("the figures");
        let counts = ["transmitted", "received", "unsent", "errors"].map(|name| &end[name]);
        assert_eq!(counts, [1, 0, 1, 2].map(Value::from).each_ref(), "{kind}");
        assert_eq!(end["loss"], 1.0);
        let first = &all[0]["icmp"];
        assert_eq!(
            (
                &first["type"],
                &first["code"],
                &first["mtu"],
                &first["from"]
            ),
            (&3.into(), &4.into(), &1000.into(), &SERVER.into())
        );
        // RFC 1812 section 4.3.2.3: as much as fits into 576 bytes. A datagram socket has no IP header.
        let quoted = if kind == "raw" { 576 - 28 } else { 576 - 48 };
        assert_eq!(first["quoted_bytes"], quoted, "{kind}");
        assert_eq!(all[1]["icmp"], Value::Null);
        assert_eq!(all[1]["error"], "message too long (MTU 1000)", "{kind}");
    }
}

#[test]
fn two_clocks_are_told() {
    let Some(net) = live_or_skip() else { return };
    open_to_all(&net.client);
    for (kind, host) in [
        ("raw", SERVER),
        ("datagram", SERVER),
        ("raw", "::1"),
        ("datagram", "::1"),
    ] {
        let all = run(&net, &format!("-c 5 -i 0.02 --socket {kind} {host}"));
        let (end, echoes) = all.split_last().expect("lines");
        for echo in echoes {
            let ns = |name: &str| echo[name].as_u64().expect(name);
            assert!(ns("kernel_rtt_ns") <= ns("own_rtt_ns"), "{echo}");
            assert!(ns("rtt_ns") <= ns("own_rtt_ns"), "{echo}");
        }
        assert!(end["kernel_rtt_median_ns"].is_u64(), "{end}");
    }
    // In a flood nobody asks for it.
    let all = run(&net, &format!("-f -q -c 5 {SERVER}"));
    assert!(all[0]["kernel_rtt_ns"].is_null(), "{}", all[0]);
}
