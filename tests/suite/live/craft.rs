//! `wirelab craft` on real sockets, between two hosts: what was forced is on the wire, and the kernel at the
//! other end answers what a kernel answers.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use wirelab::io::clock::Stopwatch;
use wirelab::io::craft::{Watch, route};

use super::net::{CLIENT, Net, SERVER, inside, ip, live_or_skip, skip};
use super::program::{Reachable, WIRELAB, status_of, wait_until};

/// `nobody`, on every Linux.
const NOBODY: u32 = 65_534;
const CLIENT6: &str = "fd77::1";
const SERVER6: &str = "fd77::2";

/// The hosts with IPv6 addresses besides.
pub(super) fn hosts() -> Option<Net> {
    let net = live_or_skip()?;
    for (host, address) in [(&net.client, CLIENT6), (&net.server, SERVER6)] {
        ip(&format!(
            "-n {host} addr add {address}/64 dev {} nodad",
            Net::IFACE
        ))
        .expect("IPv6");
    }
    Some(net)
}

pub(super) fn craft(net: &Net, arguments: &str) -> Output {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    inside(&net.client, || {
        Command::new(WIRELAB)
            .arg("craft")
            .args(arguments)
            .env_remove("SUDO_UID")
            .env_remove("SUDO_GID")
            .stdin(Stdio::null())
            .output()
    })
    .expect("it ran")
}

/// The lines of JSON that it wrote.
pub(super) fn json(net: &Net, arguments: &str) -> (Vec<Value>, Option<i32>) {
    let output = craft(net, &format!("--format json {arguments}"));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let lines: Vec<Value> = lines.collect();
    let schema = crate::schema::schema();
    for line in &lines {
        let errors: Vec<String> = schema.iter_errors(line).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{line}\n{errors:?}");
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!lines.is_empty(), "{arguments}: {said}");
    (lines, output.status.code())
}

pub(super) fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// How the answer is known and what it is, or `None`.
pub(super) fn answer(net: &Net, arguments: &str) -> Option<(String, String)> {
    let (lines, code) = json(net, &format!("--answer -W 2 {arguments}"));
    let answers = of_type(&lines, "answer");
    assert_eq!(code, Some(i32::from(answers.is_empty())), "{arguments}");
    let answer = answers.first()?;
    let text = |key: &str| answer[key].as_str().expect("text").to_owned();
    Some((text("how"), text("summary")))
}

#[track_caller]
pub(super) fn assert_answer(net: &Net, arguments: &str, how: &str, summary: &str) {
    let Some((known, what)) = answer(net, arguments) else {
        panic!("{arguments}: no answer");
    };
    assert_eq!(known, how, "{arguments}: {what}");
    assert!(what.contains(summary), "{arguments}: {what}");
}

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex
        .chars()
        .map(|it| it.to_digit(16).expect("hex"))
        .collect();
    digits
        .chunks(2)
        .map(|it| (it[0] << 4 | it[1]) as u8)
        .collect()
}

#[test]
fn what_is_forced_is_on_the_wire_unchanged() {
    let Some(net) = hosts() else { return };
    let mut watch = inside(&net.server, || {
        let wire = route(None, Some(Net::IFACE)).expect("its end");
        Watch::open(&wire).expect("root may look")
    });
    for (via, words) in [
        (
            "ipv4",
            "ipv4 dst=10.77.0.2 version=6 reserved df ttl=9 / udp checksum=0xdead len=3 / text a",
        ),
        (
            "ipv4",
            "ipv4 dst=10.77.0.2 src=192.0.2.9 dscp=ef ecn=3 options=rr=2 / tcp flags=NWEUAPRSF",
        ),
        (
            "ipv4",
            "ipv4 dst=10.77.0.2 mf offset=100 proto=253 / pattern 40",
        ),
        ("ether", "ipv4 dst=10.77.0.2 len=21 / icmp / text abc"),
        ("ether", "ipv4 dst=10.77.0.2 checksum=bad / icmp / text abc"),
        ("ether", "ipv4 dst=10.77.0.2 id=0 ihl=15 / udp"),
        ("ether", "ipv4 dst=10.77.0.2 src=0.0.0.0 / udp"),
        (
            "ether",
            "-i wire ether src=02:00:00:00:00:09 type=0x1234 / vlan id=5 prio=7 / hex 00010203",
        ),
        (
            "ether",
            "arp reply sha=02:00:00:00:00:09 spa=192.0.2.1 dst=10.77.0.2 / zeros 18",
        ),
        (
            "ipv6-payload",
            "ipv6 dst=fd77::2 dscp=af11 ecn=1 hlim=3 / icmp6 checksum=bad code=9",
        ),
        (
            "ipv6-payload",
            "ipv6 dst=fd77::2 / udp checksum=0 len=9 / text abc",
        ),
        (
            "ipv6-payload",
            "ipv6 dst=fd77::2 / tcp checksum=0x1234 options=mss=1440",
        ),
        (
            "ipv6",
            "ipv6 dst=fd77::2 flow=0x12345 len=9 / udp / text abc",
        ),
        ("ipv6", "ipv6 dst=fd77::2 version=4 src=fd77::99 / udp"),
        (
            "ipv6",
            "ipv6 dst=fd77::2 / hbh options=ra=0 / dstopt options=30=0102 / udp checksum=bad",
        ),
        (
            "ipv6",
            "ipv6 dst=fd77::2 / fragment offset=3 mf / ah icv=00112233 / tcp",
        ),
    ] {
        let (lines, code) = json(&net, words);
        assert_eq!(code, Some(0), "{words}");
        let chosen = of_type(&lines, "craft");
        assert_eq!(chosen[0]["via"], via, "{words}: {}", chosen[0]["why"]);
        let sent = bytes(of_type(&lines, "sent")[0]["hex"].as_str().expect("hex"));
        let started = Stopwatch::start();
        let seen = loop {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{words}: never seen"
            );
            let Some(frame) = watch.next(Duration::from_secs(1)) else {
                continue;
            };
            let packet = if via == "ether" {
                &frame[..]
            } else {
                &frame[14..]
            };
            if packet.starts_with(&sent) {
                break packet.len();
            }
        };
        assert_eq!(seen, sent.len(), "{words}");
    }
}

#[test]
fn a_raw_socket_rewrites_what_it_is_said_to_rewrite() {
    let Some(net) = hosts() else { return };
    let words = "ipv4 dst=10.77.0.2 id=0 len=99 checksum=bad / icmp / text abc";
    let (lines, _) = json(&net, &format!("--via ip {words}"));
    let told = of_type(&lines, "craft")[0]["rewrites"].to_string();
    for what in [
        "total length 99 becomes 31",
        "identification 0",
        "header checksum",
    ] {
        assert!(told.contains(what), "{told}");
    }
    let shown = craft(&net, &format!("--show --via ip {words}"));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for what in [
        "total length: 99 became 31",
        "identification: 0x0000 became",
        "header checksum:",
    ] {
        assert!(shown.contains(what), "{shown}");
    }
    let shown = craft(&net, &format!("--show {words}"));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("it left as it was built, byte for byte"),
        "{shown}"
    );
}

#[test]
fn kernels_answer_as_they_answer_anyone() {
    let Some(net) = hosts() else { return };
    let open = inside(&net.server, || TcpListener::bind("[::]:0").expect("a port"));
    let port = open.local_addr().expect("its port").port();
    for (words, how, summary) in [
        (
            "ipv4 dst=10.77.0.2 / icmp echo id=7 seq=9 / text abc".to_owned(),
            "replies",
            "echo reply, seq 9",
        ),
        (
            format!("ipv4 dst=10.77.0.2 / tcp dport={port} seq=100 options=mss=1460,sackok"),
            "reversed",
            "AS seq",
        ),
        (
            "ipv4 dst=10.77.0.2 / tcp dport=1 seq=100".to_owned(),
            "reversed",
            "AR seq 0 ack 101",
        ),
        (
            "ipv4 dst=10.77.0.2 / udp dport=9".to_owned(),
            "quotes",
            "port 9 unreachable",
        ),
        (
            "ipv4 dst=10.77.0.2 / hex 00".to_owned(),
            "quotes",
            "protocol unreachable",
        ),
        (
            "ether / arp dst=10.77.0.2".to_owned(),
            "resolves",
            "10.77.0.2 is at",
        ),
        (
            "ipv6 dst=fd77::2 / icmp6 echo id=7 seq=9".to_owned(),
            "replies",
            "echo reply, seq 9",
        ),
        (
            format!("ipv6 dst=fd77::2 / tcp dport={port}"),
            "reversed",
            "AS seq",
        ),
        (
            "ipv6 dst=fd77::2 / udp dport=9".to_owned(),
            "quotes",
            "port 9 unreachable",
        ),
        (
            "ipv6 dst=fd77::2 / routing type=0 addresses=fd77::5 / udp".to_owned(),
            "quotes",
            "erroneous header field",
        ),
        (
            "ipv6 dst=ff02::1:ff00:2 / icmp6 ns target=fd77::2 options=slla=02:00:00:00:00:01"
                .to_owned(),
            "resolves",
            "neighbor advertisement for fd77::2",
        ),
        (
            "--via ether ipv4 dst=10.77.0.2 / icmp echo".to_owned(),
            "replies",
            "echo reply",
        ),
        (
            "--via ether ipv6 dst=fd77::2 / icmp6 echo".to_owned(),
            "replies",
            "echo reply",
        ),
        (
            "ipv4 / icmp echo".to_owned(),
            "replies",
            "127.0.0.1 > 127.0.0.1",
        ),
        ("ipv6 / icmp6 echo".to_owned(), "replies", "::1 > ::1"),
    ] {
        assert_answer(&net, &words, how, summary);
    }
}

/// What it says in words of what came, and of what did not.
#[test]
fn answers_and_silence_come_with_their_reason() {
    let Some(net) = hosts() else { return };
    let open = inside(&net.server, || TcpListener::bind("[::]:0").expect("a port"));
    let port = open.local_addr().expect("its port").port();
    let says = |arguments: &str, code: i32, words: &[&str]| {
        let output = craft(&net, &format!("--width 400 {arguments}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {text}");
        for word in words {
            assert!(text.contains(word), "{arguments}: no {word:?} in\n{text}");
        }
        text
    };
    let to = "ipv4 dst=10.77.0.2";
    let syn = format!("-a {to} / tcp dport={port}");
    says(
        &syn,
        0,
        &[
            "answers the SYN-ACK with an RST at once (RFC 9293 3.10.7.1)",
            "wirelab craft handshake",
        ],
    );
    // Nothing of that where no connection was opened.
    let refused = says(&format!("-a {to} / tcp dport=1"), 0, &["answer after"]);
    assert!(!refused.contains("at once (RFC"), "{refused}");
    for (words, reasons) in [
        (
            format!("{to} / tcp dport={port} checksum=bad"),
            ["TCP checksum", "drops it without a word (RFC 9293 3.1)"],
        ),
        (
            format!("{to} / udp dport=9 checksum=bad"),
            [
                "UDP checksum",
                "discard it without a word (RFC 1122 4.1.3.4)",
            ],
        ),
        (
            format!("{to} checksum=bad / icmp echo"),
            ["checksum", "discard it without a word (RFC 1122 3.2.1.2)"],
        ),
        (
            format!("{to} / icmp echo checksum=bad"),
            ["ICMP checksum", "drops it without a word"],
        ),
    ] {
        let text = says(&format!("-a -W 0.3 {words}"), 1, &reasons);
        assert!(text.contains("no answer within 0.3 s\n"), "{text}");
    }
    // What is right may be on its way still.
    let quiet = format!("-a -W 0.3 {to} / icmp reply");
    says(&quiet, 1, &["no answer within 0.3 s; -W 1 waits longer"]);
    says(
        &format!("-c 3 --interval 0 {to} / udp dport=9"),
        0,
        &["\n3 sent\n"],
    );
    let pieces = format!("-c 2 --interval 0 --fragment 16 {to} / udp dport=9 / zeros 24");
    says(&pieces, 0, &["\n2 times 2 packets sent\n"]);
    let silent = says(&format!("-q -c 3 --interval 0 {to} / udp dport=9"), 0, &[]);
    assert_eq!(silent, "");
}

#[test]
fn a_router_says_when_the_time_to_live_is_over() {
    let Some(net) = hosts() else { return };
    let (client, server) = (&net.client, &net.server);
    ip(&format!("-n {client} route add 192.0.2.0/24 via {SERVER}")).expect("a route");
    ip(&format!("-n {server} route add 192.0.2.0/24 via {CLIENT}")).expect("a route on");
    inside(server, || {
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("its own setting");
    });
    for words in [
        "ipv4 dst=192.0.2.7 ttl=1 / icmp echo id=3",
        "ipv4 dst=192.0.2.7 ttl=1 / udp sport=5000",
        "ipv4 dst=192.0.2.7 ttl=1 / tcp sport=5000",
        "--via ether ipv4 dst=192.0.2.7 ttl=1 / udp sport=5001",
    ] {
        assert_answer(&net, words, "quotes", "time to live exceeded");
    }
}

#[test]
fn what_is_damaged_is_not_answered() {
    let Some(net) = hosts() else { return };
    // What is not damaged is: silence would say nothing.
    assert_answer(
        &net,
        "ipv4 dst=10.77.0.2 / icmp echo / pattern 32",
        "replies",
        "echo",
    );
    for words in [
        "ipv4 dst=10.77.0.2 checksum=bad / icmp echo",
        "ipv4 dst=10.77.0.2 / icmp echo checksum=bad",
        "ipv4 dst=10.77.0.2 / udp dport=9 checksum=bad",
        "ipv4 dst=10.77.0.2 / tcp dport=1 checksum=bad",
        "ipv4 dst=10.77.0.2 ihl=4 / icmp echo",
        "ipv4 dst=10.77.0.2 version=5 / icmp echo",
        "--cut 4 ipv4 dst=10.77.0.2 / icmp echo / pattern 32",
        "ipv6 dst=fd77::2 / icmp6 echo checksum=bad",
    ] {
        let words = format!("-W 0.3 {words}");
        let (lines, code) = json(&net, &format!("--answer {words}"));
        assert_eq!(of_type(&lines, "answer").len(), 0, "{words}");
        assert_eq!(code, Some(1), "{words}");
    }
    // Zeros after the end are no damage: the lengths tell where it is.
    assert_answer(
        &net,
        "--pad 20 ipv4 dst=10.77.0.2 / icmp echo / pattern 8",
        "replies",
        "16 bytes",
    );
}

#[test]
fn fragments_are_put_together_in_any_order_and_dropped_when_they_overlap() {
    let Some(net) = hosts() else { return };
    for packet in [
        "ipv4 dst=10.77.0.2 id=0x4321 / icmp echo / pattern 40",
        "ipv6 dst=fd77::2 / icmp6 echo / pattern 40",
    ] {
        for order in ["forward", "reverse", "2,3,1"] {
            let words = format!("--fragment 16 --order {order} {packet}");
            assert_answer(&net, &words, "replies", "48 bytes");
        }
        // RFC 5722 has all of them dropped, and Linux does so for IPv4 as well.
        let words = format!("-W 0.5 --answer --fragment 16 --overlap 8 --overlap-fill ff {packet}");
        let (lines, code) = json(&net, &words);
        assert_eq!(
            (of_type(&lines, "answer").len(), code),
            (0, Some(1)),
            "{words}"
        );
        assert_eq!(of_type(&lines, "sent").len(), 5, "{words}");
    }
}

#[test]
fn a_next_hop_that_is_not_known_is_asked_for_or_named() {
    let Some(net) = hosts() else { return };
    ip(&format!("-n {} neigh flush all", net.client)).expect("forgotten");
    assert_answer(
        &net,
        "--via ether ipv4 dst=10.77.0.2 / icmp echo",
        "replies",
        "echo",
    );
    ip(&format!("-n {} neigh flush all", net.client)).expect("forgotten");
    assert_answer(
        &net,
        "--via ether ipv6 dst=fd77::2 / icmp6 echo",
        "replies",
        "echo",
    );
    let lost = craft(&net, "--via ether ipv4 dst=10.77.0.99 / udp");
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert_eq!(lost.status.code(), Some(2), "{said}");
    assert!(
        said.contains("nobody says who has 10.77.0.99 on wire"),
        "{said}"
    );
    let named = craft(
        &net,
        "ether dst=02:00:00:00:00:07 / ipv4 dst=10.77.0.99 / udp",
    );
    assert_eq!(named.status.code(), Some(0));
}

#[test]
fn rights_are_gone_while_it_waits() {
    let Some(net) = hosts() else { return };
    let mut running = inside(&net.client, || {
        Command::new(WIRELAB)
            .args([
                "craft",
                "--answer",
                "-W",
                "20",
                "ipv4",
                "dst=10.77.0.77",
                "/",
                "udp",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    })
    .expect("started");
    let pid = running.id();
    wait_until("every right is gone", || {
        let none = ["0000000000000000"];
        status_of(pid, "CapEff") == none && status_of(pid, "CapPrm") == none
    });
    let _ = running.kill();
    let _ = running.wait();
}

#[test]
fn a_user_without_rights_is_told_what_to_do_and_may_look() {
    let Some(net) = hosts() else { return };
    let binary = Reachable::make();
    let run = |arguments: &str| {
        let mut command = Command::new(binary.path());
        command
            .arg("craft")
            .args(arguments.split(' '))
            .uid(NOBODY)
            .gid(NOBODY);
        inside(&net.client, move || command.output()).expect("it ran")
    };
    for (words, what) in [
        ("ipv4 dst=10.77.0.2 / udp", "no raw socket"),
        ("ipv6 dst=fd77::2 / udp", "no raw socket"),
        ("ether / ipv4 dst=10.77.0.2 / udp", "no packet socket"),
    ] {
        let refused = run(words);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(what), "{said}");
        assert!(said.contains("sudo setcap cap_net_raw+ep"), "{said}");
        assert!(refused.stdout.is_empty(), "nothing is said to be sent");
        let shown = run(&format!("--dry-run {words}"));
        assert_eq!(shown.status.code(), Some(0), "{words}");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("source"), "{shown}");
    }
}

#[test]
fn the_example_sends_an_echo_and_reads_the_answer() {
    let Some(net) = hosts() else { return };
    let built = std::path::Path::new(WIRELAB).with_file_name("examples");
    let example = built.join("echo_by_hand");
    if !example.exists() {
        // `cargo test` builds it, `cargo test --test suite` does not.
        skip("the example is not built; cargo build --examples");
        return;
    }
    for to in [SERVER, "127.0.0.1"] {
        let output = inside(&net.client, || Command::new(&example).arg(to).output());
        let output = output.expect("it ran");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        let from = format!("IPv4 {to} > ");
        assert!(
            said.starts_with(&from) && said.contains(": by hand, after "),
            "{said}"
        );
    }
    // From somebody who does not answer, it ends.
    let silent = inside(&net.client, || {
        Command::new(&example).arg("10.9.8.7").output()
    });
    let silent = silent.expect("it ran");
    assert_eq!(silent.status.code(), Some(1), "{silent:?}");
}

#[test]
fn the_example_takes_no_more_than_forty_lines() {
    let text = include_str!("../../../docs/examples/echo_by_hand.rs");
    let lines = text.lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let code = code.count();
    assert!((20..=40).contains(&code), "{code} lines of code");
}
