//! What routers add behind a quote (RFC 4884, 4950, 5837): `inspect` shows it, in its place, and tshark
//! reads what we build as we do.

use std::fs;
use std::process::Command;

use serde_json::Value;
use wirelab::wire::field::hex;
use wirelab::wire::icmp_extension::{Extensions, Interface, Label, Object, Role};
use wirelab::wire::{icmpv4, icmpv6, ipv4, ipv6};

use crate::run::results;

const ROUTER: &str = "192.0.2.1";

fn objects() -> Vec<Object> {
    let label = |label, bottom, ttl| Label {
        label,
        traffic_class: 5,
        bottom,
        ttl,
    };
    let interface = |role, index, address: &str, name: &str, mtu| {
        Object::Interface(Interface {
            role,
            index,
            address: Some(address.parse().expect("an address")),
            name: Some(name.as_bytes().to_vec()),
            mtu,
        })
    };
    vec![
        Object::Mpls(vec![label(24_015, false, 254), label(1_048_575, true, 1)]),
        interface(Role::Incoming, Some(7), "192.0.2.9", "ge-0/0/1", Some(9000)),
        // tshark leaves a name out that ends its object.
        interface(Role::NextHop, None, "2001:db8::9", "eth12", Some(1500)),
    ]
}

/// A probe as a router quotes it, padded to the 128 bytes that come before an extension.
fn quote(v6: bool) -> Vec<u8> {
    let mut quote = Vec::new();
    let mut echo = Vec::new();
    if v6 {
        icmpv6::Repr::echo_request(7, 9).emit(
            "2001:db8::1".parse().expect("an address"),
            "2001:db8::2".parse().expect("an address"),
            &[0x5a; 24],
            &mut echo,
        );
        let header = ipv6::Repr {
            next_header: 58,
            hop_limit: 1,
            src: "2001:db8::1".parse().expect("an address"),
            dst: "2001:db8::2".parse().expect("an address"),
            ..ipv6::Repr::default()
        };
        header.emit(&echo, &mut quote);
    } else {
        icmpv4::Repr::echo_request(7, 9).emit(&[0x5a; 24], &mut echo);
        let header = ipv4::Repr {
            protocol: 1,
            ttl: 1,
            src: [198, 51, 100, 1].into(),
            dst: [203, 0, 113, 1].into(),
            ..ipv4::Repr::default()
        };
        header.emit(&echo, &mut quote);
    }
    quote.resize(128, 0);
    quote
}

/// Time exceeded, with an extension. `told`: with its place in the length field.
fn packet(v6: bool, told: bool) -> Vec<u8> {
    let mut data = quote(v6);
    Extensions::emit(&objects(), &mut data);
    let (mut message, mut packet) = (Vec::new(), Vec::new());
    if v6 {
        let (src, dst) = (
            "2001:db8::f".parse().expect("one"),
            "2001:db8::1".parse().expect("one"),
        );
        let error = icmpv6::Repr {
            kind: 3,
            rest: [if told { 16 } else { 0 }, 0, 0, 0],
            ..icmpv6::Repr::default()
        };
        error.emit(src, dst, &data, &mut message);
        let header = ipv6::Repr {
            next_header: 58,
            src,
            dst,
            ..ipv6::Repr::default()
        };
        header.emit(&message, &mut packet);
    } else {
        let error = icmpv4::Repr {
            kind: 11,
            rest: [0, if told { 32 } else { 0 }, 0, 0],
            ..icmpv4::Repr::default()
        };
        error.emit(&data, &mut message);
        let header = ipv4::Repr {
            protocol: 1,
            src: ROUTER.parse().expect("an address"),
            dst: [198, 51, 100, 1].into(),
            ..ipv4::Repr::default()
        };
        header.emit(&message, &mut packet);
    }
    packet
}

fn inspected(v6: bool, told: bool) -> Vec<Value> {
    let link = if v6 { "ipv6" } else { "ipv4" };
    let hex = hex(&packet(v6, told));
    let out = results(&["inspect", "--hex", &hex, "--link", link, "--format", "json"]);
    let lines = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines.collect()
}

/// A value, number or not.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn inspect_shows_quote_and_extension_each_in_its_place() {
    for (v6, told) in [(false, true), (false, false), (true, true), (true, false)] {
        let lines = inspected(v6, told);
        let of = |layer: &str, name: &str| -> Vec<String> {
            let own = lines
                .iter()
                .filter(|it| it["layer"] == layer && it["name"] == name);
            own.map(|it| text(&it["value"])).collect()
        };
        let layer = "icmp-extension";
        assert_eq!(of(layer, "label"), ["24015", "1048575"]);
        assert_eq!(of(layer, "ttl"), ["254", "1"]);
        assert_eq!(of(layer, "interface address"), ["192.0.2.9", "2001:db8::9"]);
        assert_eq!(of(layer, "interface mtu"), ["9000", "1500"]);
        assert_eq!(of(layer, "class-num").len(), 3);
        let structure = lines
            .iter()
            .find(|it| it["layer"] == layer)
            .expect("it is there");
        let headers = if v6 { 40 } else { 20 };
        assert_eq!(structure["offset"], headers + 8 + 128);
        // The quoted echo request is there too, and nothing of the extension is taken for its data.
        let quoted = lines
            .iter()
            .filter(|it| it["name"] == "identifier" && text(&it["value"]) == "7");
        assert_eq!(quoted.count(), 1);
        assert!(
            lines.iter().all(|it| it["type"] == "field"),
            "no problems: {lines:#?}"
        );
    }
    let text = results(&[
        "inspect",
        "--hex",
        &hex(&packet(false, true)),
        "--link",
        "ipv4",
    ]);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(text.contains("ICMP extension, bytes 156 to"), "{text}");
}

#[test]
fn tshark_reads_what_is_emitted_as_we_do() {
    if Command::new("tshark").arg("-v").output().is_err() {
        return crate::live::skip("tshark is not installed");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("extension.pcap");
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    // Link type 101: raw IP.
    bytes.extend([
        2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0,
    ]);
    for v6 in [false, true] {
        let packet = packet(v6, true);
        let len = (packet.len() as u32).to_le_bytes();
        bytes.extend([[1, 0, 0, 0], [0; 4], len, len].concat());
        bytes.extend(packet);
    }
    fs::write(&file, bytes).expect("written");
    let fields = [
        "icmp.ext.version",
        "icmp.ext.checksum.status",
        "icmp.ext.class",
        "icmp.mpls.label",
        "icmp.mpls.exp",
        "icmp.mpls.s",
        "icmp.mpls.ttl",
        "icmp.int_info.role",
        "icmp.int_info.index",
        "icmp.int_info.ipv4",
        "icmp.int_info.ipv6",
        "icmp.int_info.name",
        "icmp.int_info.mtu",
        "_ws.malformed",
    ];
    let mut command = Command::new("tshark");
    command
        .env("WIRESHARK_CONFIG_DIR", folder.path())
        .arg("-nr")
        .arg(&file);
    command.args(["-T", "fields", "-E", "separator=|"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
    // 1: the checksum is good.
    let expected = "2|1|1,2,2|24015,1048575|5,5|False,True|254,1|0,3|7|192.0.2.9|2001:db8::9|\
                    ge-0/0/1,eth12|9000,1500|";
    let numbers = expected.replace("False,True", "0,1");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        let line = line.replace('\0', "");
        assert!(
            line == expected || line == numbers,
            "{line}\nis not\n{expected}"
        );
    }
}
