//! `replay A --peer B`: recordings taken apart, as two machines would have captured them: with clocks that
//! disagree, begun late, ended early, cut, translated, merged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wirelab::frame::Timestamp;
use wirelab::io::file;
use wirelab::recordings;

use crate::run::{results, run};

/// A captured frame: nanoseconds since the epoch, length on the wire, bytes.
#[derive(Clone)]
struct Packet {
    time: i64,
    len: u32,
    bytes: Vec<u8>,
}

/// An end of a recording.
fn packets(name: &str) -> Vec<Packet> {
    let (_, bytes) = recordings::capture(name).expect("a recording");
    let mut source = file::from_bytes(bytes).expect("a capture");
    let mut all = Vec::new();
    while let Some(frame) = source.next_frame().expect("whole") {
        all.push(Packet {
            time: i64::try_from(frame.time.as_nanos()).expect("our times"),
            len: frame.original_len,
            bytes: frame.bytes.to_vec(),
        });
    }
    all
}

/// Writes a pcap of nanoseconds.
fn write(folder: &Path, name: &str, packets: &[Packet]) -> PathBuf {
    let word = |n: u32| n.to_le_bytes();
    let mut out = [
        word(0xa1b2_3c4d),
        [2, 0, 4, 0],
        word(0),
        word(0),
        word(262_144),
        word(1),
    ]
    .concat();
    for packet in packets {
        let (seconds, rest) = (packet.time / 1_000_000_000, packet.time % 1_000_000_000);
        let numbers = [seconds, rest, packet.bytes.len() as i64, packet.len.into()];
        for n in numbers {
            out.extend(word(u32::try_from(n).expect("it fits")));
        }
        out.extend(&packet.bytes);
    }
    let path = folder.join(name);
    fs::write(&path, out).expect("written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name")
}

fn lines(words: &[&str]) -> Vec<Value> {
    let out = results(&[words, &["--format", "json"]].concat());
    let parse = |line| serde_json::from_str(line).expect("JSON");
    out.lines().map(parse).collect()
}

fn joined(a: &[Packet], b: &[Packet]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = [
        write(folder.path(), "a.pcap", a),
        write(folder.path(), "b.pcap", b),
    ];
    lines(&["replay", text(&paths[0]), "--peer", text(&paths[1])])
}

fn passages(lines: &[Value]) -> Vec<&Value> {
    lines
        .iter()
        .filter(|line| line["type"] == "passage")
        .collect()
}

/// What became of each packet, whatever its time and number.
fn fates(lines: &[Value]) -> Vec<String> {
    let tell = |p: &&Value| format!("{} {} {} {}", p["from"], p["to"], p["frames"], p["fate"]);
    let mut all: Vec<String> = passages(lines).iter().map(tell).collect();
    all.sort();
    all
}

/// What the two ends tell when nobody kept the truth, by the recording's own clock.
fn untouched(name: &str) -> Vec<Value> {
    lines(&[
        "replay",
        &format!("{name}/client"),
        "--peer",
        &format!("{name}/server"),
    ])
}

fn count(lines: &[Value], fate: &str) -> usize {
    let own = |p: &&&Value| p["fate"] == fate;
    passages(lines).iter().filter(own).count()
}

/// Each frame of each capture is told of once; the one that is several at the other end with each.
fn is_accounted_for(what: &str, lines: &[Value]) {
    let mut told: BTreeMap<(&str, u64), u32> = BTreeMap::new();
    let mut frames = BTreeMap::new();
    for line in lines {
        if let (Some(at), Some(frame)) = (line["at"].as_str(), line["frame"].as_u64()) {
            frames.insert((if at == "client" { "client" } else { "server" }, frame), 1);
        }
    }
    let mut shared = Vec::new();
    for passage in passages(lines) {
        for end in ["client", "server"] {
            let Some(frame) = passage["frames"][end].as_u64() else {
                continue;
            };
            let other = if end == "client" { "server" } else { "client" };
            if passage["captured_as"][other].as_u64().unwrap_or(1) > 1 {
                shared.push((end, frame));
            }
            if passage["from"] != end || passage["fate"] != "duplicated" {
                *told.entry((end, frame)).or_default() += 1;
            }
        }
    }
    for frame in shared {
        told.insert(frame, 1);
    }
    assert_eq!(told, frames, "{what}");
}

/// The clock of that capture, shifted and drifting.
fn on_another_clock(packets: &[Packet], shift: i64, ppm: i64) -> Vec<Packet> {
    let first = packets.first().map_or(0, |packet| packet.time);
    let other = |packet: &Packet| Packet {
        time: packet.time + shift + (packet.time - first) * ppm / 1_000_000,
        ..packet.clone()
    };
    packets.iter().map(other).collect()
}

#[test]
fn two_ends_of_a_recording_are_what_at_both_shows_whichever_way_round() {
    for name in [
        "retransmission",
        "reorder",
        "zero-window",
        "udp-flood",
        "ping-loss",
        "arp",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        for end in ["client", "server"] {
            let (_, bytes) = recordings::capture(&format!("{name}/{end}")).expect("a recording");
            fs::write(folder.path().join(format!("{end}.pcapng")), bytes).expect("written");
        }
        let at_both = results(&["replay", text(folder.path()), "--at", "both"]);
        let [client, server] = ["client", "server"].map(|end| format!("{name}/{end}"));
        for [a, b] in [[&client, &server], [&server, &client]] {
            let peers = results(&["replay", a, "--peer", b]);
            let rest = peers
                .split_once("corrected\n")
                .expect("the clock comes first")
                .1;
            assert!(rest.ends_with(&at_both), "{name}:\n{rest}\n{at_both}");
        }
    }
}

#[test]
fn clocks_that_disagree_change_nothing() {
    for name in [
        "retransmission",
        "fast-retransmit",
        "lost-ack",
        "teardown",
        "keepalive",
        "window-scaling",
    ] {
        let plain = fates(&untouched(name));
        let client = packets(&format!("{name}/client"));
        for (shift, ppm) in [
            (3_000_000_000, 0),
            (-3_000_000_000, 50),
            (1_203_000_000, -50),
        ] {
            let server = on_another_clock(&packets(&format!("{name}/server")), shift, ppm);
            for (a, b, sign) in [(&client, &server, 1), (&server, &client, -1)] {
                let lines = joined(a, b);
                assert_eq!(fates(&lines), plain, "{name} {shift} {ppm}");
                is_accounted_for(name, &lines);
                let clock = lines
                    .iter()
                    .find(|line| line["type"] == "clock")
                    .expect("a clock");
                let ahead = clock["ahead_ns"].as_i64().expect("a number") * sign;
                assert!((ahead - shift).abs() < 3_000_000, "{name}: {clock}");
                assert_eq!(clock["of"], if sign == 1 { "server" } else { "client" });
            }
        }
    }
}

#[test]
fn the_ladder_of_two_machines() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = on_another_clock(&packets("retransmission/server"), 1_203_000_000, 0);
    let server = write(folder.path(), "server.pcap", &server[2..]);
    let client = write(
        folder.path(),
        "client.pcap",
        &packets("retransmission/client"),
    );
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        let words = ["replay", text(&server), "--peer", text(&client), "--width", "80"];
        insta::assert_snapshot!("peer-retransmission-80", results(&words));
    });
}

#[test]
fn what_one_capture_does_not_cover_is_not_lost() {
    let [client, server] =
        ["client", "server"].map(|end| packets(&format!("retransmission/{end}")));
    let lines = joined(&client, &server[3..server.len() - 2]);
    is_accounted_for("begun late, ended early", &lines);
    assert_eq!((count(&lines, "missing"), count(&lines, "unsent")), (1, 0));
    assert_eq!(count(&lines, "not-captured"), 5);
    let lines = joined(&server, &client[4..client.len() - 3]);
    is_accounted_for("the other way round", &lines);
    assert_eq!(count(&lines, "unsent"), 0);
    assert!(count(&lines, "not-captured") >= 5);
}

#[test]
fn a_capture_that_cut_its_packets_is_compared_as_far_as_it_has_them() {
    for name in ["retransmission", "reorder", "data"] {
        let cut = |packet: Packet| Packet {
            bytes: packet.bytes.iter().copied().take(96).collect(),
            ..packet
        };
        let server: Vec<_> = packets(&format!("{name}/server"))
            .into_iter()
            .map(cut)
            .collect();
        let lines = joined(&packets(&format!("{name}/client")), &server);
        assert_eq!(fates(&lines), fates(&untouched(name)), "{name}");
        is_accounted_for(name, &lines);
    }
}

/// The Internet checksum of an IPv4 header and of the segment in it, made right again (RFC 1071).
fn mend(bytes: &mut [u8]) {
    fn sum(parts: &[&[u8]]) -> [u8; 2] {
        let mut sum = 0_u32;
        for pair in parts.iter().flat_map(|part| part.chunks(2)) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!(sum as u16)).to_be_bytes()
    }
    let ip = &mut bytes[14..];
    ip[10..12].fill(0);
    let checksum = sum(&[&ip[..20]]);
    ip[10..12].copy_from_slice(&checksum);
    let len = u16::from_be_bytes([ip[2], ip[3]]) - 20;
    ip[36..38].fill(0);
    let checksum = sum(&[
        &ip[12..20],
        &[0, 6],
        &len.to_be_bytes(),
        &ip[20..20 + usize::from(len)],
    ]);
    ip[36..38].copy_from_slice(&checksum);
}

/// What a router with address translation makes of a packet, that clamps the MSS too: 10.0.0.1 becomes
/// 192.0.2.9, and its port 61000.
fn translated(mut packet: Packet) -> Packet {
    let bytes = &mut packet.bytes;
    if bytes[12..14] != [8, 0] || bytes[23] != 6 {
        return packet;
    }
    for (address, port) in [(26, 34), (30, 36)] {
        if bytes[address..address + 4] == [10, 0, 0, 1] {
            bytes[address..address + 4].copy_from_slice(&[192, 0, 2, 9]);
            bytes[port..port + 2].copy_from_slice(&61_000_u16.to_be_bytes());
            // Counted down and clamped on the way to the server.
            bytes[22] -= u8::from(address == 26);
            if bytes[47] & 2 != 0 && address == 26 {
                bytes[56..58].copy_from_slice(&1400_u16.to_be_bytes());
            }
        }
    }
    mend(bytes);
    packet
}

#[test]
fn translated_addresses_hide_no_connection_and_what_changed_is_named() {
    let name = "retransmission";
    let client = packets("retransmission/client");
    let server: Vec<_> = packets("retransmission/server")
        .into_iter()
        .map(translated)
        .collect();
    let server = on_another_clock(&server, -3_000_000_000, 50);
    for lines in [joined(&client, &server), joined(&server, &client)] {
        is_accounted_for(name, &lines);
        assert_eq!((count(&lines, "missing"), count(&lines, "unsent")), (1, 0));
        let altered: Vec<_> = passages(&lines)
            .into_iter()
            .filter(|p| p["fate"] == "altered")
            .collect();
        assert_eq!(altered.len(), 1, "the SYN");
        let changed = altered[0]["changed"].as_array().expect("a list");
        let fields: Vec<_> = changed
            .iter()
            .filter_map(|it| it["field"].as_str())
            .collect();
        assert_eq!(fields, ["source", "ttl", "mss"]);
        assert_eq!(
            (&changed[2]["sent"], &changed[2]["arrived"]),
            (&"1460".into(), &"1400".into())
        );
    }
}

/// Two segments that follow each other, as a network card's merging shows them.
fn merged(first: &Packet, second: &Packet) -> Packet {
    let header = |packet: &Packet| 34 + usize::from(packet.bytes[46] >> 4) * 4;
    let mut bytes = first.bytes.clone();
    bytes.extend(&second.bytes[header(second)..]);
    let len = u16::try_from(bytes.len() - 14).expect("it fits");
    bytes[16..18].copy_from_slice(&len.to_be_bytes());
    mend(&mut bytes);
    Packet {
        time: first.time,
        len: u32::try_from(bytes.len()).expect("it fits"),
        bytes,
    }
}

#[test]
fn data_that_is_captured_in_other_pieces_is_not_lost() {
    // Frames 9 and 10, and 11, of the client left as one, as far as its capture knows.
    let mut client = packets("retransmission/client");
    let last = client.remove(10);
    let middle = client.remove(9);
    client[8] = merged(&merged(&client[8], &middle), &last);
    let server = packets("retransmission/server");
    let lines = joined(&client, &server);
    is_accounted_for("cut after the capture", &lines);
    assert_eq!((count(&lines, "missing"), count(&lines, "unsent")), (1, 0));
    let pieces: Vec<_> = passages(&lines)
        .into_iter()
        .filter(|p| !p["captured_as"].is_null())
        .collect();
    assert_eq!(pieces.len(), 3);
    for piece in pieces {
        assert_eq!(
            (&piece["captured_as"]["server"], &piece["frames"]["client"]),
            (&3.into(), &9.into())
        );
    }

    // And the server's capture shows two of what left as more.
    let client = packets("retransmission/client");
    let mut server = packets("retransmission/server");
    let second = server.remove(5);
    server[3] = merged(&server[3], &second);
    let lines = joined(&server, &client);
    is_accounted_for("merged before the capture", &lines);
    assert_eq!((count(&lines, "missing"), count(&lines, "unsent")), (1, 0));
    let pieces: Vec<_> = passages(&lines)
        .into_iter()
        .filter(|p| !p["captured_as"].is_null())
        .collect();
    assert_eq!(pieces.len(), 2);
    assert!(
        pieces
            .iter()
            .all(|p| p["captured_as"]["client"] == 2 && p["frames"]["server"] == 4)
    );
}

#[test]
fn packets_of_one_direction_tell_no_offset() {
    let from_client = |packets: Vec<Packet>| -> Vec<Packet> {
        let own = |packet: &Packet| {
            packet.bytes[12..14] == [8, 0] && packet.bytes[26..30] == [10, 0, 0, 1]
        };
        packets.into_iter().filter(own).collect()
    };
    let client = from_client(packets("retransmission/client"));
    let server = on_another_clock(
        &from_client(packets("retransmission/server")),
        3_000_000_000,
        0,
    );
    let lines = joined(&client, &server);
    is_accounted_for("one direction", &lines);
    let clock = lines
        .iter()
        .find(|line| line["type"] == "clock")
        .expect("a clock");
    assert_eq!(
        (&clock["basis"], &clock["round_trip_ns"]),
        (&"one-way".into(), &Value::Null)
    );
    assert_eq!(count(&lines, "missing"), 1);
}

#[test]
fn captures_of_different_connections_are_refused() {
    for [a, b] in [
        ["retransmission", "data/server"],
        ["ping-loss", "arp/server"],
    ] {
        let run = run(&["replay", a, "--peer", b]);
        assert_eq!((run.code, &*run.out), (1, ""), "{a} {b}");
        assert!(
            run.err.contains("don't seem to be captures of the same"),
            "{}",
            run.err
        );
    }
    let refused = |words: &[&str], reason: &str| {
        let run = run(words);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}");
        assert!(run.err.contains(reason), "{words:?}: {}", run.err);
    };
    refused(
        &["replay", "data", "--peer", "data/client"],
        "the same capture",
    );
    refused(
        &["replay", "data", "--peer", "-"],
        "save it to a file first",
    );
    refused(&["replay", "data", "--peer", "dta"], "did you mean data?");
    refused(
        &["replay", "data", "tcp", "--peer", "data/server"],
        "takes no filter",
    );
}

#[test]
fn a_time_is_what_the_first_capture_says() {
    let server = on_another_clock(&packets("data/server"), 3_000_000_000, 0);
    let client = packets("data/client");
    for (a, b) in [(&client, &server), (&server, &client)] {
        let lines = joined(a, b);
        let first = passages(&lines)[0];
        let sent: Timestamp = first["sent"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        let shift = i64::try_from(sent.as_nanos()).expect("our times") - client[0].time;
        let expected = if a[0].time == client[0].time {
            0
        } else {
            3_000_000_000
        };
        assert!((shift - expected).abs() < 1_000_000, "{shift}");
    }
}
