//! `wirelab craft` without sending: what it builds is read by etherparse, pnet and tshark, what it prints
//! asks for the same again, and its mistakes say what to do.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pnet_packet::Packet as _;
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::tcp::{TcpPacket, ipv4_checksum};
use proptest::prelude::*;
use wirelab::craft::{Around, KINDS, Recipe};

use crate::run::{results, run};
use crate::schema::schema;

fn build(words: &str) -> Vec<u8> {
    let recipe = Recipe::parse(&[words]).unwrap_or_else(|mistake| panic!("{mistake}"));
    recipe.build(&Around::default()).bytes
}

proptest! {
    #[test]
    fn etherparse_and_pnet_read_what_was_asked_for(
        ends: ([u8; 4], [u8; 4]),
        ttl: u8,
        id: u16,
        ports: (u16, u16),
        numbers: (u32, u32),
        flags in 1..512_u16,
        mss: u16,
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let (src, dst) = (Ipv4Addr::from(ends.0), Ipv4Addr::from(ends.1));
        let data_words = if data.is_empty() { String::new() } else {
            let digits: String = wirelab::wire::field::hex(&data);
            format!(" / hex {digits}")
        };
        let frame = build(&format!(
            "ether / ipv4 src={src} dst={dst} ttl={ttl} id={id} / tcp sport={} dport={} seq={} ack={} flags={flags} options=mss={mss}{data_words}",
            ports.0, ports.1, numbers.0, numbers.1,
        ));
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { panic!("{sliced:?}") };
        let header = ip.header();
        prop_assert_eq!((header.source_addr(), header.destination_addr()), (src, dst));
        prop_assert_eq!((header.ttl(), header.identification()), (ttl, id));
        prop_assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("{sliced:?}") };
        prop_assert_eq!((tcp.source_port(), tcp.destination_port()), ports);
        prop_assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), numbers);
        prop_assert_eq!((tcp.syn(), tcp.ack(), tcp.ns()), (flags & 2 != 0, flags & 16 != 0, flags & 256 != 0));
        prop_assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(ends.0, ends.1).unwrap());
        prop_assert_eq!(tcp.payload(), &data);

        let ethernet = EthernetPacket::new(&frame).unwrap();
        let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
        prop_assert_eq!((ip.get_ttl(), ip.get_source(), ip.get_destination()), (ttl, src, dst));
        let tcp = TcpPacket::new(ip.payload()).unwrap();
        prop_assert_eq!(tcp.get_checksum(), ipv4_checksum(&tcp, &src, &dst));
        prop_assert_eq!(tcp.payload(), &data);
    }

    #[test]
    fn etherparse_reads_extension_headers(
        dst: u128,
        hops: u8,
        offset in 0..0x2000_u16,
        id: u32,
    ) {
        let dst = Ipv6Addr::from_bits(dst);
        let frame = build(&format!(
            "ether / ipv6 dst={dst} hlim={hops} / hbh options=ra=0 / routing addresses=fd00::1 left=0 / fragment offset={offset} id={id} mf / ah icv=0011223344556677 / dstopt / text x"
        ));
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv6(ip)) = &sliced.net else { panic!("{sliced:?}") };
        prop_assert_eq!((ip.header().destination_addr(), ip.header().hop_limit()), (dst, hops));
        let extensions = ip.extensions().clone().into_iter().count();
        prop_assert_eq!(extensions, 5);
        prop_assert!(ip.is_payload_fragmented());
    }
}

/// One packet of every kind and message, and some that are put together.
fn packets() -> Vec<String> {
    let mut all = Vec::new();
    for kind in KINDS {
        let mut messages: Vec<&str> = kind.messages().map(|(name, ..)| name).collect();
        if messages.is_empty() {
            messages.push("");
        }
        let around = match kind.name {
            "ether" => "",
            "vlan" | "arp" | "ipv4" | "ipv6" => "ether / ",
            "icmp" => "ether / ipv4 src=192.0.2.1 dst=192.0.2.2 / ",
            _ => "ether / ipv6 src=fd00::1 dst=fd00::2 / ",
        };
        for message in messages {
            // Errors are about something.
            let v6 = kind.name == "icmp6";
            let about = match message {
                "unreachable"
                | "no-route"
                | "prohibited"
                | "packet-too-big"
                | "time-exceeded"
                | "net-unreachable"
                | "protocol-unreachable"
                | "port-unreachable"
                | "reassembly-time-exceeded"
                | "fragmentation-needed"
                | "source-quench"
                | "parameter-problem" => {
                    if v6 {
                        " / ipv6 / udp"
                    } else {
                        " / ipv4 / udp"
                    }
                }
                "redirect" if !v6 => " / ipv4 / udp",
                _ => "",
            };
            let inner = match kind.name {
                "vlan" => " / ipv4 / udp",
                "ipv4" | "ipv6" | "hbh" | "dstopt" | "routing" | "fragment" | "ah" => {
                    " / udp / text abc"
                }
                _ => "",
            };
            // Segment routing without a segment is no routing header.
            let more = match kind.name {
                "routing" => "addresses=fd00::2",
                _ => message,
            };
            all.push(format!("{around}{} {more}{about}{inner}", kind.name));
        }
    }
    all.extend([
        "ether / ipv4 options=rr=3,ra / udp / text abc".to_owned(),
        "ether / ipv4 dst=192.0.2.1 / tcp options=mss=1460,sackok,ts=1:2,nop,wscale=7 / text abc"
            .to_owned(),
        "ether / ipv4 dst=192.0.2.1 / tcp flags=A options=nop,nop,sack=1:2+3:4".to_owned(),
        "ether / ipv6 / icmp6 ra options=prefix=2001:db8::/64,mtu=1500,slla=02:00:00:00:00:01"
            .to_owned(),
        "ether / ipv6 / icmp6 ns target=fd00::2 options=slla=02:00:00:00:00:01".to_owned(),
        "ether / ipv6 / hbh options=ra=0 / dstopt options=limit=3,home=fd00::9 / udp".to_owned(),
    ]);
    all
}

#[test]
fn tshark_finds_nothing_wrong_with_what_is_right() {
    if Command::new("tshark").arg("--version").output().is_err() {
        crate::live::skip("tshark is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.pcap");
    let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    bytes.extend([
        2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0,
    ]);
    let all = packets();
    for words in &all {
        let frame = build(words);
        let len = (frame.len() as u32).to_le_bytes();
        bytes.extend([[0; 4], [0; 4], len, len].concat());
        bytes.extend(frame);
    }
    std::fs::write(&file, bytes).expect("written");
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", folder.path());
    for check in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{check}.check_checksum:TRUE")]);
    }
    command.arg("-nr").arg(&file).args(["-T", "fields"]);
    for field in ["_ws.malformed", "_ws.expert.message", "_ws.expert.severity"] {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(text.lines().count(), all.len());
    let wrong = |line: &str| {
        let lower = line.to_lowercase();
        let words = ["malformed", "checksum", "bogus", "bad length", "truncated"];
        words.iter().any(|word| lower.contains(word))
    };
    let lines = all.iter().zip(text.lines());
    let found: Vec<_> = lines.filter(|(_, line)| wrong(line)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_packet_prints_itself_as_a_command_and_as_a_file() {
    let words = "ether / ipv4 df dst=192.0.2.1 ttl=1 / tcp flags=SA options=mss=1460,sackok / text 'a b\\n'";
    let bytes = results(&["craft", "--hex", words]);
    let command = results(&["craft", "--command", words]);
    let again = command
        .trim_end()
        .strip_prefix("wirelab craft ")
        .expect("a command");
    assert_eq!(results(&["craft", "--hex", again]), bytes);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("packet.toml");
    std::fs::write(&file, results(&["craft", "--toml", words])).expect("written");
    let file = file.to_str().expect("a name");
    assert_eq!(results(&["craft", "--hex", "--file", file]), bytes);
    assert_eq!(results(&["craft", "--command", "--file", file]), command);
}

#[test]
fn what_is_saved_is_what_was_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("saved.pcapng");
    let file = file.to_str().expect("a name");
    let words = "ether / ipv4 src=192.0.2.1 dst=192.0.2.2 / udp / pattern 32";
    let saved = run(&["craft", "-w", file, "--fragment", "16", words]);
    let said =
        format!("wrote 3 packets to {file}; wirelab inspect {file} --frame 1 takes it apart\n");
    assert_eq!((saved.code, saved.out, saved.err), (0, String::new(), said));
    results(&["craft", "-q", "-w", file, "--fragment", "16", words]);
    let shown = results(&["replay", file, "--view", "segments"]);
    // The third completes the datagram, and is shown as that.
    assert_eq!(shown.matches("fragment of 16 bytes").count(), 2, "{shown}");
    assert!(shown.contains("192.0.2.2:33434, 32 bytes"), "{shown}");
}

#[test]
fn json_is_as_described() {
    let schema = schema();
    let shown = [
        "craft",
        "--dry-run",
        "--format",
        "json",
        "ether / ipv4 dst=192.0.2.1 ihl=4 / udp",
    ];
    let listed = ["craft", "--fields", "--format", "json"];
    for words in [&shown[..], &listed] {
        for line in results(words).lines() {
            let value = serde_json::from_str(line).expect("JSON");
            let errors: Vec<_> = schema
                .iter_errors(&value)
                .map(|it| it.to_string())
                .collect();
            assert!(errors.is_empty(), "{line}: {errors:?}");
        }
    }
}

#[test]
fn mistakes_end_with_two_and_say_what_to_do() {
    for (words, said) in [
        (&[][..], "no packet was asked for"),
        (&["ipv4", "ttll=1"], "did you mean ttl?"),
        (&["--fields", "tpc"], "did you mean tcp?"),
        (&["--fields", "icmp6", "nn"], "no such message of icmp6"),
        (
            &["--fragment", "12", "--hex", "ipv4", "/", "udp"],
            "multiple of 8",
        ),
        (&["--overlap", "8", "ipv4"], "--fragment"),
        (
            &["--hex", "file", "/no/such/file"],
            "can't open /no/such/file",
        ),
        (
            &["--file", "/no/such.toml", "--hex"],
            "can't open /no/such.toml",
        ),
        (&["--hex", "--cut", "99", "ipv4"], "nothing is left"),
        (
            &["-i", "nosuch0", "ipv4", "/", "udp"],
            "nosuch0: no such interface",
        ),
        (
            &["--via", "ip", "-i", "lo", "arp"],
            "does not begin with an IP header",
        ),
    ] {
        let run = run(&[&["craft"], words].concat());
        assert_eq!(run.code, 2, "{words:?}: {}", run.err);
        assert!(run.err.contains(said), "{words:?}: {}", run.err);
        assert_eq!(run.out, "", "{words:?}");
    }
}

#[test]
fn every_layer_is_listed_within_eighty_columns() {
    let listed = results(&["craft", "--fields", "--width", "80"]);
    for kind in KINDS {
        assert!(
            listed.contains(&format!("{}: {}", kind.name, kind.about)),
            "{listed}"
        );
    }
    for line in listed.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn a_diagram_is_drawn_and_nothing_is_sent() {
    let packet = "ipv4 src=192.0.2.2 dst=192.0.2.1 / udp dport=53 checksum=bad";
    let drawn = results(&["craft", "--diagram", packet]);
    assert!(
        drawn.contains("|version|") && drawn.contains("bad, should be 0x"),
        "{drawn}"
    );
    assert!(!drawn.contains("sending"), "{drawn}");
    for words in [["--hex", "json"], ["--command", "json"], ["--toml", "json"]] {
        let run = run(&["craft", words[0], "--format", words[1], packet]);
        assert_eq!((run.code, &*run.out), (2, ""), "{words:?}: {}", run.err);
    }
}

#[test]
fn a_dry_run_names_the_socket_that_it_would_take_and_why() {
    for (words, socket, why) in [
        (
            &["ipv4", "dst=192.0.2.1", "checksum=bad", "/", "udp"][..],
            "packet socket",
            "through a raw IPv4 socket, IP_HDRINCL it would not be kept",
        ),
        (
            &["ipv4", "dst=192.0.2.1", "/", "udp"],
            "raw IPv4 socket, IP_HDRINCL",
            "every byte is kept",
        ),
        (
            &["ether", "/", "ipv4", "/", "udp"],
            "packet socket",
            "begins with an Ethernet header",
        ),
        (
            &["--via", "ether", "ipv4", "/", "udp"],
            "packet socket",
            "as asked for",
        ),
    ] {
        let shown = results(&[&["craft", "--dry-run", "--width", "200"], words].concat());
        let through = format!("not sent; it would leave through: {socket}\n");
        let (_, after) = shown.split_once(&through).expect("the socket is named");
        assert!(after.contains(why), "{after}");
    }
    let refused = run(&[
        "craft",
        "--dry-run",
        "--via",
        "ip",
        "ether",
        "/",
        "ipv4",
        "/",
        "udp",
    ]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let json = [
        "craft",
        "--dry-run",
        "--format",
        "json",
        "ipv4",
        "checksum=bad",
        "/",
        "udp",
    ];
    let json = results(&json);
    let line = json
        .lines()
        .find(|it| it.contains(r#""type":"craft""#))
        .expect("a craft line");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["via"], "ether");
    assert!(schema().is_valid(&line), "{line}");
}

#[test]
fn an_overlap_that_cannot_be_says_what_can() {
    for (size, overlap, said) in [
        (
            "8",
            "8",
            "fragments of 8 bytes have no room for one; take --fragment 16 or more",
        ),
        ("16", "16", "in fragments of 16 bytes only 8 is possible"),
        ("24", "5", "in fragments of 24 bytes 8 to 16 is possible"),
    ] {
        let words = [
            "craft",
            "--hex",
            "--fragment",
            size,
            "--overlap",
            overlap,
            "ipv4 / udp / text abc",
        ];
        let refused = run(&words);
        assert_eq!(refused.code, 2, "{}", refused.err);
        let joined = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            joined.contains("it must be a multiple of 8") && joined.contains(said),
            "{joined}"
        );
    }
}
