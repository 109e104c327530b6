//! Experiments in words and as pictures.

use super::*;

fn experiment(text: &str) -> Experiment {
    Experiment::parse(&format!("title = \"t\"\nlook_for = \"l\"\n{text}")).unwrap()
}

/// The faults of the wire in words.
fn faults(packets: &[&str]) -> Vec<String> {
    let faults = packets.iter().map(|it| format!("[[wire.fault]]\n{it}\n"));
    description(&experiment(&faults.collect::<String>())).faults
}

#[test]
fn calls_are_sentences() {
    let experiment = experiment(
        "[client]\ncalls = [{ set = { nodelay = true, send_buffer = 4096 } }, { connect = { \
         from_port = 4000, timeout_ms = 500 }, expect = \"ETIMEDOUT\" }, { send = 11584 }, { send = { \
         text = \"你好\\n\", encoding = \"gbk\", times = 3, every_ms = 20 } }, { pause_ms = 1500 }, \
         { receive = 27, on = \"b\" }, { ping = { count = 3, ttl = [1, 2] } }, \"close\"]\n\
         [client.also.other]\ncalls = [\"abort\"]\n\
         [server]\ncalls = [{ listen = { backlog = 1 } }, { receive = { amount = \"end\", at_once = \
         100, rate = 1000 } }, { udp_receive = { count = 2 } }, { udp_send = { bytes = 10, times = 2 } }]",
    );
    let told = description(&experiment);
    assert_eq!(
        told.programs[0].calls,
        [
            "sets: Nagle's algorithm off, send buffer 4,096 bytes",
            "connects to port 8080 from port 4000, and gives up after 500 ms; it has to fail with ETIMEDOUT",
            "sends 11,584 bytes",
            "sends \"你好\\n\" (5 bytes), 3 times, 20 ms apart",
            "waits 1.5 s",
            "receives 27 bytes, on its socket 'b'",
            "sends 3 echo requests of 56 bytes, 1 s apart, with a time to live of 1, 2",
            "closes its socket",
        ]
    );
    assert_eq!(
        (told.programs[1].side, &*told.programs[1].name),
        (Side::Client, "other")
    );
    assert_eq!(
        told.programs[1].calls,
        ["aborts: closes its socket with an RST"]
    );
    assert_eq!(
        told.programs[2].calls,
        [
            "listens on port 8080, with room for 1 connection to be accepted",
            "receives until the other side is done, 100 bytes a call at most, at 1,000 bytes a second",
            "receives 2 datagrams on port 8080, until none comes for 1 s",
            "sends datagrams of 10 bytes to port 8080, 2 times",
        ]
    );
}

#[test]
fn faults_are_sentences() {
    for (fault, told) in [
        (
            "packet = \"client data 3\"\ndrop = true",
            "loses the third data segment of the client",
        ),
        (
            "packet = \"server syn-ack 12 x2\"\ndelay_ms = 300",
            "delays the 12th SYN-ACK of the server (and its first retransmission) by 300 ms",
        ),
        (
            "packet = \"ack every\"\nduplicate = 1",
            "delivers every pure ACK twice",
        ),
        (
            "packet = \"client data 2..4\"\nduplicate = 3",
            "delivers data segments 2 to 4 of the client and 3 copies of it",
        ),
        (
            "packet = \"client data 3 every\"\nbehind = 2",
            "holds the third data segment of the client (and all its retransmissions) until 2 later ones have passed, 1 s at most",
        ),
        (
            "packet = \"client bytes 1000..2000\"\ncorrupt_bit = 4",
            "changes what carries any of the bytes 1000 to 1999 of the client (bit 4 from the end), and leaves its checksum wrong",
        ),
        (
            "packet = \"connection 2 server rst 1\"\ntruncate = 40",
            "cuts the first RST of the server in connection 2 to 40 bytes",
        ),
        (
            "packet = \"packet 21\"\nblock_ms = 500",
            "loses the 21st packet on the wire and all that its sender sends in the next 500 ms",
        ),
        (
            "packet = \"any 2..\"\ndrop = true",
            "loses the second packet and all after it",
        ),
    ] {
        assert_eq!(faults(&[fault]), [told], "{fault}");
    }
}

#[test]
fn the_wire_is_told_for_both_directions_or_each() {
    let told = |text: &str| description(&experiment(text)).wire;
    assert_eq!(told(""), ["10 ms each way"]);
    assert_eq!(
        told("seed = 3\n[wire]\nrate_mbit = 2\nqueue_packets = 20\nloss = 0.015"),
        [
            "10 ms each way",
            "2 Mbit/s with a queue of 20 packets, each way",
            "loses 1.5% by chance, each way",
            "chance begins with seed 3",
        ]
    );
    assert_eq!(
        told("[wire.client]\ndelay_ms = 7.5\njitter_ms = 2"),
        [
            "7.5 ms from client to server",
            "jitter up to 2 ms (in order), from client to server",
            "10 ms from server to client",
            "chance begins with seed 0",
        ]
    );
}

#[test]
fn what_differs_is_told() {
    let told = description(&experiment(
        "profile = \"textbook\"\n[network]\nip = 6\nmtu = 1280\n[sysctl]\n\"net.ipv4.tcp_sack\" = \"0\"\n\
         [server.sysctl]\n\"net.core.somaxconn\" = \"1\"\n[[wire.router]]\nmtu = 1280\n",
    ));
    assert_eq!(
        told.settings[1..],
        [
            "IPv6",
            "interfaces with an MTU of 1280 bytes",
            "net.ipv4.tcp_sack = 0",
            "net.core.somaxconn = 1, on the server",
        ]
    );
    assert_eq!(
        told.routers,
        ["a router, fd00:0:0:1::1, passes on packets of 1,280 bytes at most"]
    );
}

const BUSY: &str = "[wire]\nrate_mbit = 2\nqueue_packets = 20\n[wire.server]\nloss = 0.01\n\
    [[wire.fault]]\npacket = \"client data 3\"\ndrop = true\n[[wire.fault]]\npacket = \"ack 2\"\n\
    delay_ms = 5\n[[wire.router]]\n[[wire.router]]\nmtu = 1400\n";

#[test]
fn the_picture_has_hosts_lanes_routers_and_faults() {
    let picture =
        |text: &str, width, unicode| picture(&experiment(text), width, unicode).join("\n");
    insta::assert_snapshot!("plain-80", picture("", 80, true));
    insta::assert_snapshot!("busy-80", picture(BUSY, 80, true));
    insta::assert_snapshot!("busy-160", picture(BUSY, 160, true));
    insta::assert_snapshot!("busy-ascii", picture(BUSY, 80, false));
}

#[test]
fn the_picture_keeps_to_its_width_however_much_there_is() {
    let many = |what: &str, n: usize| what.repeat(n);
    for text in [
        BUSY.to_owned(),
        many("[[wire.router]]\n", 40),
        many("[[wire.fault]]\npacket = \"any 1\"\ndrop = true\n", 60),
        "[wire]\ndelay_ms = 0.25".to_owned(),
        "[wire.burst]\nworsens = 0.1\nmends = 0.2\nbad = 0.5\n[network]\nip = 6\n".to_owned(),
    ] {
        let experiment = experiment(&text);
        for width in [60, 80, 100, 160] {
            for unicode in [true, false] {
                let lines = picture(&experiment, width, unicode);
                let widths: Vec<_> = lines
                    .iter()
                    .map(|line| unicode_width::UnicodeWidthStr::width(&**line))
                    .collect();
                assert!(
                    widths.iter().all(|it| *it == widths[0] && *it <= width),
                    "{}",
                    lines.join("\n")
                );
                assert!(
                    unicode || lines.iter().all(|line| line.is_ascii()),
                    "{lines:?}"
                );
            }
        }
    }
}

#[test]
fn what_cant_happen_is_doubted() {
    let cases = [
        (
            "[[wire.fault]]\npacket = \"client data 1\"\ndrop = true",
            "fault 1 (client data 1: drop) meets no packet: nobody connects",
        ),
        (
            "[client]\ncalls = [\"connect\"]\n[server]\ncalls = [\"listen\", \"accept\", { send = 3 }]\n\
             [[wire.fault]]\npacket = \"client data 1\"\ndrop = true",
            "the client never sends",
        ),
        (
            "[client]\ncalls = [\"connect\", { send = 3 }]\n[server]\ncalls = [\"listen\"]\n\
             [[wire.fault]]\npacket = \"client data 4\"\ndrop = true",
            "3 bytes are sent in all",
        ),
        (
            "[client]\ncalls = [\"connect\", { send = 3 }]\n[server]\ncalls = [\"listen\"]\n\
             [[wire.fault]]\npacket = \"client bytes 5..9\"\ndrop = true",
            "3 bytes are sent in all",
        ),
        ("[[wire.fault]]\npacket = \"arp 1\"\ndrop = true", "learnt"),
        (
            "[[wire.fault]]\npacket = \"udp 1\"\ndrop = true",
            "nobody udp_sends",
        ),
        (
            "[[wire.fault]]\npacket = \"icmp 1\"\ndrop = true",
            "nobody pings",
        ),
        (
            "[server]\ncalls = [\"listen\", \"accept\"]",
            "the client never connects",
        ),
        (
            "[client]\ncalls = [\"connect\"]",
            "the client connects to port 8080, where the server does not listen",
        ),
        (
            "[client]\ncalls = [\"connect\", { receive = 5 }]\n[server]\ncalls = [\"listen\", { send = 4 }]",
            "receives 5 bytes, but the server sends 4 in all",
        ),
        (
            "[client]\ncalls = [{ udp_receive = { count = 5 } }]",
            "5 datagrams, but the server sends 0",
        ),
        ("[sysctl]\n\"kernel.x\" = \"1\"", "begin with net."),
    ];
    for (text, doubt) in cases {
        let doubts = doubts(&experiment(text));
        assert!(
            doubts.len() == 1 && doubts[0].contains(doubt),
            "{text}\n{doubts:?}"
        );
    }
}

#[test]
fn what_may_happen_is_left_in_peace() {
    for text in [
        "",
        "[client]\ncalls = [{ connect = {}, expect = \"ECONNREFUSED\" }]",
        "[client]\ncalls = [{ connect = { port = 2, from_port = 1 } }]\n[server]\ncalls = [{ connect = { port = 1, from_port = 2 } }]\n\
         [[wire.fault]]\npacket = \"server syn-ack 1\"\ndrop = true",
        "[client]\ncalls = [\"connect\", { send = 3 }]\n[server]\ncalls = [\"listen\", \"accept\", { receive = 3 }]\n\
         [[wire.fault]]\npacket = \"client data 2\"\ndrop = true\n[[wire.fault]]\npacket = \"server rst 1\"\ndrop = true",
    ] {
        assert_eq!(doubts(&experiment(text)), [""; 0], "{text}");
    }
}
