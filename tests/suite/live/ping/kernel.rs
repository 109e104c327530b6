//! Edge cases that are the kernel's doing: what it makes of packets built by hand, of headers in replies, of
//! checksums that are left to the card. See the table in the module above.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;
use wirelab::io::clock::Stopwatch;
use wirelab::io::craft::{Watch, route};

use super::super::craft::{answer, assert_answer, bytes, craft, hosts, json, of_type};
use super::super::net::{Net, SERVER, inside, ip};
use super::super::program::{Running, WIRELAB};
use super::super::{ANSWER, ASK, capture};
use super::{Fault, against, lines, open_to_all, ping, setting, states};

/// The frames that pass one end of the cable.
fn watch(host: &str) -> Watch {
    inside(host, || {
        let wire = route(None, Some(Net::IFACE)).expect("its end");
        Watch::open(&wire).expect("root may look")
    })
}

/// The IP packet in the next frame that `is_it`.
fn seen(watch: &mut Watch, what: &str, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let started = Stopwatch::start();
    loop {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{what}: never seen"
        );
        if let Some(frame) = watch.next(Duration::from_secs(1))
            && is_it(&frame[14..])
        {
            return frame[14..].to_vec();
        }
    }
}

#[test]
fn a_routing_header_has_the_final_destination_in_the_checksum() {
    let Some(net) = hosts() else { return };
    // A stop that is also the end: a second address of the server's.
    let (client, server) = (&net.client, &net.server);
    ip(&format!("-n {server} addr add fd88::9/128 dev lo nodad")).expect("an address");
    ip(&format!("-n {client} route add fd88::/64 via fd77::2")).expect("a route");
    setting(server, "ipv6/conf/all/forwarding", "1");
    for name in ["all", Net::IFACE] {
        setting(server, &format!("ipv6/conf/{name}/seg6_enabled"), "1");
    }
    let words =
        "ipv6 dst=fd77::2 / routing type=4 addresses=fd88::9+fd77::2 / icmp6 echo id=7 seq=9";
    let (how, what) = answer(&net, words).expect("the kernel there finds the checksum right");
    assert_eq!(how, "replies");
    assert!(
        what.contains("fd88::9 > fd77::1: echo reply, seq 9,") && what.ends_with("id 7"),
        "{what}"
    );
    let (told, _) = json(&net, words);
    let sent = of_type(&told, "sent")[0]["hex"]
        .as_str()
        .expect("hex")
        .to_owned();
    let of_icmp = |hex: &str| {
        let lines = sums(&["--hex", hex, "--link", "raw"]);
        let line = lines
            .iter()
            .find(|it| it["layer"] == "icmpv6")
            .expect("ICMPv6");
        (
            line["verdict"].clone(),
            line["computed"].as_u64().expect("a sum"),
        )
    };
    let (verdict, right) = of_icmp(&sent);
    assert_eq!(verdict, "good", "{sent}");
    // Without the header, the same message to the first stop has another checksum, and with that nobody
    // answers.
    let (told, _) = json(&net, "ipv6 dst=fd77::2 / icmp6 echo id=7 seq=9");
    let direct = of_type(&told, "sent")[0]["hex"].as_str().expect("hex");
    let (verdict, of_first_stop) = of_icmp(direct);
    assert_eq!(verdict, "good");
    assert_ne!(right, of_first_stop);
    let wrong = format!(
        "-W 0.5 {}",
        words.replace("echo", &format!("echo checksum={of_first_stop}"))
    );
    assert_eq!(
        of_type(&json(&net, &format!("--answer {wrong}")).0, "answer").len(),
        0
    );
    assert_eq!(
        of_icmp(
            of_type(&json(&net, &wrong).0, "sent")[0]["hex"]
                .as_str()
                .expect("hex")
        )
        .0,
        "bad"
    );
}

/// What `inspect --checksum` says.
fn sums(arguments: &[&str]) -> Vec<Value> {
    let mut command = std::process::Command::new(WIRELAB);
    command
        .args(["inspect", "--checksum", "--format", "json"])
        .args(arguments);
    let output = command.output().expect("it ran");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let all = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    all.filter(|line| line["type"] == "checksum").collect()
}

#[test]
fn before_offload_bad_partial_and_unverifiable_are_told_apart() {
    let Some(net) = hosts() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("offload.pcapng");
    let path = file.to_str().expect("a name");
    let mut command = capture(&["-s", "80", "-w", path, "-c", "6", "udp or dst port 1"]);
    let running = Running::start(&net.client, &mut command);
    // A virtual cable takes checksums off the kernel's hands, and never works them out.
    let socket = inside(&net.client, || {
        UdpSocket::bind("10.77.0.1:0").expect("a socket")
    });
    socket
        .send_to(b"left to the card", (SERVER, 9))
        .expect("sent");
    for words in [
        "udp dport=9 / text ours",
        "udp dport=9 checksum=bad / text ours",
        "udp dport=9 / pattern 200",
        "tcp dport=1 checksum=bad",
        "tcp dport=1 / pattern 200",
    ] {
        let output = craft(&net, &format!("ipv4 dst=10.77.0.2 / {words}"));
        assert_eq!(output.status.code(), Some(0), "{words}");
    }
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let verdicts: Vec<String> = (1..=6)
        .flat_map(|frame| sums(&[path, "--frame", &frame.to_string()]))
        .filter(|line| line["layer"] != "ipv4")
        .map(|line| line["verdict"].as_str().expect("a word").to_owned())
        .collect();
    assert_eq!(
        verdicts,
        ["partial", "good", "bad", "unverified", "bad", "unverified"]
    );
    // The same by `replay`, which knows segments of TCP; a conversation of kernels is left to the card.
    let talk = folder.path().join("talk.pcapng");
    let talk_path = talk.to_str().expect("a name");
    let running = Running::start(
        &net.client,
        &mut capture(&["-w", talk_path, "-c", "3", "tcp"]),
    );
    net.converse(ASK, ANSWER);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let replayed = |path: &str| -> Vec<String> {
        let mut command = std::process::Command::new(WIRELAB);
        command.args(["replay", "--format", "json", path]);
        let text = String::from_utf8(command.output().expect("it ran").stdout).expect("text");
        let all = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        all.filter(|line| line["type"] == "segment")
            .map(|line| line["checksum"].as_str().expect("a word").to_owned())
            .collect()
    };
    assert_eq!(replayed(path), ["bad", "unverified"]);
    assert_eq!(replayed(talk_path), ["partial"; 3]);
    // An echo request is never left to the card: it is whole where it is seen to leave.
    for host in [SERVER, "fd77::2"] {
        let output = inside(&net.client, || {
            ping(&format!("-c 1 --show {host}")).output()
        });
        let text = String::from_utf8(output.expect("it ran").stdout).expect("text");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("its checksum is right"), "{text}");
    }
    let output = inside(&net.client, || {
        ping(&format!("-c 1 -s 3000 --show {SERVER}")).output()
    });
    let text = String::from_utf8(output.expect("it ran").stdout).expect("text");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("can't be verified by one of them"), "{text}");
}

#[test]
fn a_whole_ipv4_packet_is_rewritten_where_linux_rewrites_it_and_nowhere_else() {
    let Some(net) = hosts() else { return };
    let mut watch = watch(&net.server);
    let number = |packet: &[u8], at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let mut pass = |words: &str| {
        let (told, code) = json(&net, &format!("--via ip ipv4 dst=10.77.0.2 {words}"));
        assert_eq!(code, Some(0), "{words}");
        let asked = bytes(of_type(&told, "sent")[0]["hex"].as_str().expect("hex"));
        let packet = seen(&mut watch, words, |packet| {
            packet[20..].starts_with(&asked[20..])
        });
        (asked, packet)
    };
    // Total length and header checksum, always.
    let (asked, packet) = pass("len=99 checksum=bad id=5 / udp sport=1001");
    assert_eq!((number(&asked, 2), number(&packet, 2)), (99, 28));
    assert_ne!(number(&asked, 10), number(&packet, 10));
    assert_eq!(
        (&packet[4..10], &packet[12..20]),
        (&asked[4..10], &asked[12..20])
    );
    let sum = wirelab::wire::checksum::Sum::new().add_bytes(&packet[..20]);
    assert_eq!(sum.fold(), 0xffff);
    // A source of 0, and an identification of 0 that may be needed.
    let (_, packet) = pass("src=0.0.0.0 id=5 / udp sport=1002 checksum=0x1234");
    assert_eq!(packet[12..16], [10, 77, 0, 1]);
    let (_, packet) = pass("id=0 / udp sport=1003");
    assert_ne!(number(&packet, 4), 0);
    let (_, packet) = pass("id=0 df / udp sport=1004");
    assert_eq!((number(&packet, 4), packet[6]), (0, 0x40));
    // Nobody looks at the version, nor at the flag that has to be 0.
    let (_, packet) = pass("version=6 reserved id=5 / udp sport=1005");
    assert_eq!((packet[0], packet[6]), (0x65, 0x80));
    for (words, why) in [
        ("ihl=4 / udp", "invalid argument"),
        ("ihl=15 / udp", "invalid argument"),
        ("/ udp / zeros 1473", "longer than the interface takes"),
    ] {
        let output = craft(&net, &format!("--via ip ipv4 dst=10.77.0.2 {words}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(said.contains(why), "{words}: {said}");
    }
    let whole = craft(&net, "--via ip ipv4 dst=10.77.0.2 / udp / zeros 1472");
    assert_eq!(whole.status.code(), Some(0));
}

#[test]
fn a_reply_has_the_requests_tos_with_the_ecn_bits() {
    let Some(net) = hosts() else { return };
    let mut watch = watch(&net.client);
    for tos in [0xb8_u8, 0x03, 0x01, 0xff] {
        let what = format!("TOS {tos:#04x}");
        let asked = format!(
            "ipv4 dst=10.77.0.2 dscp={} ecn={} / icmp echo id={tos}",
            tos >> 2,
            tos & 3
        );
        assert_answer(&net, &asked, "replies", "echo reply");
        let is_reply = |packet: &[u8]| packet[9] == 1 && packet[20] == 0 && packet[25] == tos;
        let packet = seen(&mut watch, &what, is_reply);
        assert_eq!(packet[1], tos, "{what}");
    }
}

#[test]
fn raw_sockets_get_what_was_put_together_and_packet_sockets_the_pieces() {
    let Some(net) = hosts() else { return };
    for (host, fragment) in [(SERVER, None), ("fd77::2", Some(44))] {
        let mut watch = watch(&net.client);
        let output = inside(&net.client, || {
            ping(&format!("-c 1 -s 4000 --socket raw --format json {host}")).output()
        });
        let all = lines(&output.expect("it ran"));
        assert_eq!(states(&all), ["answered"], "{host}");
        assert_eq!(all[0]["bytes"], 4_008, "{host}");
        let mut longest = 0;
        let mut pieces = 0;
        let own = |packet: &[u8]| match fragment {
            None => packet[0] == 0x45 && packet[12..16] == [10, 77, 0, 2],
            Some(next) => packet[0] >> 4 == 6 && packet[6] == next && packet[23] == 2,
        };
        let started = Stopwatch::start();
        while pieces < 3 && started.elapsed() < Duration::from_secs(10) {
            let Some(frame) = watch.next(Duration::from_millis(200)) else {
                continue;
            };
            if own(&frame[14..]) {
                pieces += 1;
                longest = longest.max(frame.len());
            }
        }
        assert_eq!(pieces, 3, "{host}");
        assert!(longest <= 1_514, "{host}: {longest}");
    }
}

#[test]
fn a_wrong_checksum_of_icmpv6_reaches_raw_sockets_that_ask_for_it() {
    let Some(net) = hosts() else { return };
    open_to_all(&net.client);
    for (kind, state) in [("raw", "corrupted"), ("datagram", "lost")] {
        let command = ping(&format!(
            "-c 2 -i 0.1 -W 2 --socket {kind} --format json fd77::2"
        ));
        let outputs = against(&net, &[(1, Fault::Flip(30))], &mut [command]);
        let all = lines(&outputs[0]);
        assert_eq!(states(&all), [state, "answered"], "{kind}");
        if state == "corrupted" {
            assert_eq!(all[0]["damage"]["byte"], 30);
            assert_eq!(all[0]["damage"]["checksum_fits"], false);
        }
    }
}

/// Every row of the table above is a case of its own, and names tests that exist.
#[test]
fn the_table_of_edge_cases_names_tests_that_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("tests/suite/live/ping/mod.rs")).expect("it");
    let mut rows = 0;
    for row in table.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").collect();
        let Some(Ok(number)) = cells.first().map(|it| it.trim().parse::<u32>()) else {
            continue;
        };
        rows += 1;
        assert_eq!(number, rows);
        let names: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let (file, test) = name.rsplit_once("::").unwrap_or(("live::ping", name));
            let of = |folder: &str| {
                let base = root.join(folder).join(file.replace("::", "/"));
                let all = [
                    base.with_extension("rs"),
                    base.join("mod.rs"),
                    base.join("tests.rs"),
                ];
                all.iter()
                    .filter_map(|path| std::fs::read_to_string(path).ok())
                    .collect::<String>()
            };
            let text = of("tests/suite") + &of("src");
            assert!(text.contains(&format!("fn {test}()")), "{number}: {name}");
        }
    }
    assert_eq!(rows, 20);
}
