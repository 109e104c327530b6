//! Descriptions and the bytes they become, held against what etherparse and pnet read and against our own
//! headers' representations.

use proptest::prelude::*;

use super::*;
use crate::wire::field::hex;

fn build(words: &str) -> Vec<u8> {
    let recipe = Recipe::parse(&[words]).unwrap_or_else(|mistake| panic!("{mistake}"));
    recipe.build(&Around::default()).bytes
}

fn mistake(words: &str) -> String {
    Recipe::parse(&[words]).unwrap_err().to_string()
}

#[test]
fn the_packet_of_the_help() {
    let bytes = build("ether / ipv4 ttl=1 / icmp echo id=7 seq=1 / text abc");
    let (headers, rest) = etherparse::PacketHeaders::from_ethernet_slice(&bytes)
        .map(|it| (it.clone(), it.payload.slice().to_vec()))
        .unwrap();
    assert_eq!(rest, b"abc");
    let Some(etherparse::NetHeaders::Ipv4(ip, _)) = headers.net else {
        panic!("{headers:?}");
    };
    assert_eq!((ip.time_to_live, ip.destination), (1, [127, 0, 0, 1]));
    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
}

#[test]
fn what_is_forced_is_there_and_the_rest_is_right() {
    let right = build("ipv4 dst=192.0.2.1 / udp sport=1 dport=2 / text hello");
    for (words, at, bytes) in [
        ("ipv4 dst=192.0.2.1 version=6", 0, "65"),
        ("ipv4 dst=192.0.2.1 ihl=15", 0, "4f"),
        ("ipv4 dst=192.0.2.1 len=9", 2, "0009"),
        ("ipv4 dst=192.0.2.1 dscp=ef ecn=3", 1, "bb"),
        ("ipv4 dst=192.0.2.1 reserved df mf offset=3", 6, "e003"),
        ("ipv4 dst=192.0.2.1 checksum=0xdead", 10, "dead"),
        ("ipv4 dst=192.0.2.1 proto=tcp", 9, "06"),
    ] {
        let built = build(&format!("{words} / udp sport=1 dport=2 / text hello"));
        let wanted = hex(&built[at..at + bytes.len() / 2]);
        assert_eq!(wanted, bytes, "{words}");
        // The datagram inside does not care.
        assert_eq!(built[20..], right[20..], "{words}");
    }
}

#[test]
fn bad_checksums_are_bad_and_nothing_else_is() {
    for layers in [
        "ipv4 checksum=C",
        "ipv4 / icmp checksum=C",
        "ipv4 / udp checksum=C",
        "ipv6 / tcp checksum=C",
    ] {
        for data in 0..300 {
            let words = format!("{layers} / zeros {data}");
            let (right, bad) = (words.replace('C', "auto"), words.replace('C', "bad"));
            let (right, bad) = (build(&right), build(&bad));
            let differ = right
                .iter()
                .zip(&bad)
                .filter(|(one, two)| one != two)
                .count();
            assert_eq!(differ, 1, "{words}");
        }
    }
}

#[test]
fn mistakes_say_where_and_what_would_do() {
    for (words, said) in [
        (
            "",
            "word 1: a layer is missing here; layers are: ether, vlan",
        ),
        ("ipv4 /", "word 3: a layer is missing here"),
        ("ipv5", "word 1, ipv5: no such layer; did you mean ipv4?"),
        (
            "ipv4 ttll=1",
            "word 2, ttll=1: ipv4 has no field ttll; did you mean ttl?; ipv4 has: version, ihl",
        ),
        (
            "ipv4 ttl=256",
            "time to live can't be 256; it has 8 bits: 255 at most",
        ),
        ("ipv4 ttl=x", "time to live can't be x; a number up to 255"),
        ("ipv4 ttl", "ttl needs a value, as in ttl=1"),
        (
            "ipv4 ttl=1 ttl=2",
            "word 3, ttl=2: time to live is set twice",
        ),
        (
            "ipv4 dst=1.2.3",
            "destination can't be 1.2.3; an IPv4 address",
        ),
        ("tcp flags=SX", "letters of NWEUAPRSF"),
        (
            "tcp options=mms=1",
            "options=mms=1: mms=1: no such option; options of tcp: mss=N",
        ),
        ("icmp echo reply", "icmp can't be two messages"),
        (
            "icmp time-exceeded id=1",
            "icmp time-exceeded has no field id",
        ),
        ("text a udp", "word 3, udp: layers are parted by /"),
        ("hex abc", "not pairs of hexadecimal digits"),
        ("zeros 65536", "not a number of bytes up to 65535"),
        ("text 'a\\q'", "\\q means nothing"),
        ("text", "word 2: text needs the text"),
    ] {
        let told = mistake(words);
        let plain = told.replace("\\\\", "\\");
        assert!(plain.contains(said), "{words}: {told}");
    }
    let marked = Recipe::parse(&["ipv4 ttll=1 / udp"]).unwrap_err().marked();
    assert_eq!(marked, "  ipv4 ttll=1 / udp\n       ^^^^^^");
}

#[test]
fn every_field_of_every_kind_can_be_set_by_its_name_and_nothing_else_changes() {
    for kind in KINDS {
        let mut messages: Vec<&str> = kind.messages.iter().map(|it| it.name).collect();
        if messages.is_empty() {
            messages.push("");
        }
        for message in messages {
            let blank = build(&format!("{} {message}", kind.name));
            let Layer::Header(header) = &Recipe::parse(&[format!("{} {message}", kind.name)])
                .unwrap()
                .layers[0]
            else {
                panic!("{}", kind.name);
            };
            for slot in header.slots() {
                if matches!(
                    slot.field.name,
                    "type" | "code" | "routing type" | "operation"
                ) {
                    continue;
                }
                let name = kind.name_of(&slot);
                let all = value::largest(&slot.field);
                // A bit of TCP's is said with the others off, or there would be no SYN.
                let text = value::shown(&slot.field, all);
                let built = build(&format!("{} {message} {name}={text}", kind.name));
                assert_eq!(slot.get(&built), all, "{} {name}", kind.name);
                let others = header.slots();
                let others = others.iter().filter(|other| {
                    let follows =
                        other.field.name.ends_with("checksum") || other.field.name == "SYN";
                    other.field.name != slot.field.name && !follows
                });
                for other in others {
                    let (before, after) = (other.get(&blank), other.get(&built));
                    assert_eq!(
                        before, after,
                        "{} {name} and {}",
                        kind.name, other.field.name
                    );
                }
            }
        }
    }
}

#[test]
fn segment_routing_sums_over_the_last_stop() {
    let words = "ipv6 src=fd00::1 dst=fd00::2 / routing addresses=fd00::9+fd00::2 / udp / text x";
    let bytes = build(words);
    let packet = &bytes[40 + 8 + 32..];
    let sum = crate::wire::checksum::Sum::pseudo_header(
        "fd00::1".parse().unwrap(),
        "fd00::9".parse().unwrap(),
        17,
        packet.len() as u32,
    );
    assert_eq!(sum.add_bytes(packet).checksum(), 0);
    // One stop to make, two in the list.
    assert_eq!(bytes[40..48], [17, 4, 4, 1, 1, 0, 0, 0]);
}

#[test]
fn packets_inside_errors_go_the_other_way() {
    let bytes = build("ipv4 src=192.0.2.1 dst=192.0.2.2 / icmp port-unreachable / ipv4 / udp");
    assert_eq!(bytes[28 + 12..28 + 20], [192, 0, 2, 2, 192, 0, 2, 1]);
}

/// Some recipe, by its words.
fn words() -> impl Strategy<Value = String> {
    let layer = prop_oneof![
        Just("ether dst=02:00:00:00:00:01".to_owned()),
        (0..4096_u16, any::<bool>())
            .prop_map(|(id, dei)| format!("vlan id={id} dei={}", u8::from(dei))),
        (any::<u8>(), any::<u16>(), any::<[u8; 4]>()).prop_map(|(ttl, id, dst)| {
            format!(
                "ipv4 ttl={ttl} id={id} dst={} options=rr=3,nop",
                std::net::Ipv4Addr::from(dst)
            )
        }),
        (any::<u128>(), 0..64_u8).prop_map(|(dst, dscp)| {
            format!(
                "ipv6 dst={} dscp={dscp} checksum=auto",
                std::net::Ipv6Addr::from_bits(dst)
            )
            .replace(" checksum=auto", "")
        }),
        any::<u32>().prop_map(|jumbo| format!("hbh options=jumbo={jumbo},padn=4")),
        any::<u32>().prop_map(|id| format!("fragment id={id} mf")),
        Just("routing type=0 addresses=fd00::1+fd00::2".to_owned()),
        Just("ah icv=00112233".to_owned()),
        (any::<u8>(), any::<u8>()).prop_map(|(kind, code)| format!("icmp type={kind} code={code}")),
        any::<u16>().prop_map(|seq| format!("icmp6 echo seq={seq} checksum=bad")),
        Just("icmp6 ra options=prefix=2001:db8::/64,slla=02:00:00:00:00:01,mtu=1500".to_owned()),
        (any::<u32>(), any::<u32>(), any::<u16>()).prop_map(|(seq, ack, flags)| {
            format!(
                "tcp seq={seq} ack={ack} flags={} options=mss=1460,sackok,ts=1:2,wscale=7",
                flags & 0x1ff
            )
        }),
        any::<u16>().prop_map(|port| format!("udp sport={port} checksum=0x1234")),
        any::<Vec<u8>>().prop_map(|bytes| format!("text {}", quoted(&recipe::escaped(&bytes)))),
        prop::collection::vec(any::<u8>(), 1..20).prop_map(|bytes| format!("hex {}", hex(&bytes))),
        (0..100_usize).prop_map(|count| format!("pattern {count}")),
        Just("arp reply src=192.0.2.1".to_owned()),
    ];
    prop::collection::vec(layer, 1..6).prop_map(|layers| layers.join(" / "))
}

proptest! {
    #[test]
    fn a_recipe_prints_itself_as_words_and_as_toml(words in words()) {
        let recipe = Recipe::parse(&[&words]).map_err(|it| TestCaseError::fail(it.to_string()))?;
        let bytes = recipe.build(&Around::default()).bytes;
        let again = Recipe::parse(&recipe.words()).unwrap();
        prop_assert_eq!(again.words(), recipe.words());
        prop_assert_eq!(&again.build(&Around::default()).bytes, &bytes);
        let typed = Recipe::parse(&[recipe.command()]).unwrap();
        prop_assert_eq!(&typed.build(&Around::default()).bytes, &bytes);
        let file = from_toml(&to_toml(&recipe)).map_err(|it| TestCaseError::fail(it.to_string()))?;
        prop_assert_eq!(&file.build(&Around::default()).bytes, &bytes);
    }

    #[test]
    fn no_words_panic(words in prop::collection::vec(".{0,20}", 0..8)) {
        if let Err(mistake) = Recipe::parse(&words) {
            let _ = (mistake.to_string(), mistake.marked());
        }
    }

    #[test]
    fn no_words_like_ours_panic(
        layers in prop::collection::vec("(ether|vlan|arp|ip|ipv6|hbh|dstopt|routing|fragment|ah|icmp|ndp|tcp|udp|text|hex|zeros)( (options|addresses|icv|type|code|flags|dst|len|ihl|checksum|ns|offset)(=[0-9a-fx:.+,=/-]{0,12})?){0,3}", 1..5),
    ) {
        match Recipe::parse(&[layers.join(" / ")]) {
            Err(mistake) => {
                let _ = (mistake.to_string(), mistake.marked());
            }
            Ok(recipe) => {
                let built = recipe.build(&Around::default());
                let fragments = Fragments { size: 8, overlap: 0, fill: None, order: Order::Reverse };
                if let Ok(all) = fragments.of(&recipe, &built) {
                    let _ = choose(&recipe, &all, None, None);
                }
                if let Some(asked) = Asked::of(&recipe, &built) {
                    let _ = asked.answered_by(built.link_type, &built.bytes);
                }
            }
        }
    }

    #[test]
    fn no_frame_that_comes_panics(frame in prop::collection::vec(any::<u8>(), 0..200), first: u8) {
        let (recipe, asked) = ("ipv6 dst=fd00::1 / udp", LinkType::RAW);
        let recipe = Recipe::parse(&[recipe]).unwrap();
        let built = recipe.build(&Around::default());
        let frame: Vec<u8> = [first & 0x0f | if first & 1 == 0 { 0x40 } else { 0x60 }].into_iter().chain(frame).collect();
        let _ = Asked::of(&recipe, &built).unwrap().answered_by(asked, &frame);
    }
}

use crate::frame::LinkType;
