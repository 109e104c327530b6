//! Frames made by hand: every option, message type, extension header and encapsulation there is a table
//! for, and headers that end early or lie.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use wirelab::wire::{ah, arp, ethernet, icmpv4, icmpv6, ipv4, ipv6, ipv6_ext, ndp, tcp, udp};

const FOUR: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
const SIX: (Ipv6Addr, Ipv6Addr) = (
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2),
);

/// Link types, by number.
const ETHERNET: u32 = 1;
pub(super) const IPV4: u32 = 228;
const IPV6: u32 = 229;

/// Frames of one link type, under a name.
pub(super) struct Odd {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) frames: Vec<Vec<u8>>,
}

impl Odd {
    /// Writes them as a capture: microseconds, the machine's order being little-endian.
    pub(super) fn write(&self, path: &Path) {
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
        file.extend(self.link.to_le_bytes());
        for (second, frame) in (1_u32..).zip(&self.frames) {
            let len = frame.len() as u32;
            for number in [second, 0, len, len] {
                file.extend(number.to_le_bytes());
            }
            file.extend(frame);
        }
        std::fs::write(path, file).expect("written");
    }
}

/// All of them.
pub(super) fn all() -> Vec<Odd> {
    let odd = |name, link, frames| Odd { name, link, frames };
    let mut cut = Vec::new();
    for frame in [tcp_options().swap_remove(0), extensions().swap_remove(0)] {
        let (ethertype, payload) = (if frame[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, frame);
        let frame = on_ethernet(ethertype, &payload);
        cut.extend((1..frame.len()).map(|len| frame[..len].to_vec()));
    }
    let mut all = vec![
        odd("tcp-options", IPV4, tcp_options()),
        odd("ipv4-options", IPV4, ipv4_options()),
        odd("icmpv4", IPV4, icmp_messages()),
        odd("icmpv6", IPV6, icmpv6_messages()),
        odd("extensions", IPV6, extensions()),
        odd("tunnels", IPV4, tunnels()),
        odd("ethernet", ETHERNET, on_links()),
        odd("cut", ETHERNET, cut),
    ];
    all.extend(other_links().into_iter().chain(super::groups::all()));
    all
}

pub(super) fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    with_options(protocol, &[], payload)
}

fn with_options(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        protocol,
        src: FOUR.0,
        dst: FOUR.1,
        options: options.to_vec(),
        ..ipv4::Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit(payload, &mut bytes);
    bytes
}

fn in_ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let repr = ipv6::Repr {
        next_header,
        hop_limit: 255,
        flow_label: 0xabcde,
        dscp: 46,
        ecn: 1,
        src: SIX.0,
        dst: SIX.1,
        ..ipv6::Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit(payload, &mut bytes);
    bytes
}

fn on_ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let repr = ethernet::Repr {
        dst: [2, 0, 0, 0, 0, 2],
        src: [2, 0, 0, 0, 0, 1],
        ethertype,
    };
    let mut bytes = Vec::new();
    repr.emit(payload, &mut bytes);
    bytes
}

fn a_segment(options: &[u8]) -> Vec<u8> {
    let repr = tcp::Repr {
        src_port: 40_000,
        dst_port: 9,
        seq: wirelab::wire::seq::Seq(0xfeed_beef),
        ack: wirelab::wire::seq::Seq(0x0102_0304),
        flags: tcp::Flags(0x1d5),
        reserved: 5,
        window: 0xabcd,
        urgent: 7,
        options: options.to_vec(),
        ..tcp::Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit(IpAddr::V4(FOUR.0), IpAddr::V4(FOUR.1), b"odd", &mut bytes);
    bytes
}

fn a_datagram(port: u16, data: &[u8]) -> Vec<u8> {
    let repr = udp::Repr {
        src_port: 40_000,
        dst_port: port,
        ..udp::Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit(IpAddr::V4(FOUR.0), IpAddr::V4(FOUR.1), data, &mut bytes);
    bytes
}

/// Bytes that are all different, so that one at the wrong place shows.
fn counted(len: usize) -> Vec<u8> {
    (1..=len).map(|byte| byte as u8).collect()
}

fn option(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[kind, data.len() as u8 + 2], data].concat()
}

fn tcp_options() -> Vec<Vec<u8>> {
    let mut lists = vec![
        [
            option(2, &[5, 0xb4]),
            option(4, &[]),
            option(8, &counted(8)),
            vec![1],
            option(3, &[7]),
            vec![0],
        ]
        .concat(),
        option(5, &counted(32)),
        option(8, &counted(8)),
        option(19, &counted(16)),
        option(28, &[0x80, 5]),
        option(29, &counted(14)),
        option(34, &counted(8)),
        option(34, &[]),
        option(254, &[0xf9, 0x89, 1, 2, 3, 4]),
        option(253, &[0x12, 0x34, 1, 2]),
        option(27, &counted(6)),
        option(14, &[1]),
        option(69, &counted(5)),
        option(172, &counted(9)),
        option(174, &counted(6)),
        option(99, &counted(4)),
        // What is broken.
        vec![2, 0, 0, 0],
        vec![2, 1, 0, 0],
        vec![8, 40, 1, 2],
        vec![1, 1, 1, 3],
        option(2, &[5]),
        option(3, &[1, 2]),
        option(8, &counted(4)),
        option(5, &counted(7)),
        [&[0][..], &counted(7)].concat(),
    ];
    // Multipath: each subtype with the lengths it can have.
    let subtypes: &[(u8, &[usize])] = &[
        (0x01, &[2, 10, 18, 20, 22]),
        (0x10, &[10, 14, 22]),
        (0x20, &[6, 10, 18, 22, 26]),
        (0x30, &[8, 16, 18, 20]),
        (0x40, &[2, 3]),
        (0x50, &[1, 2]),
        (0x60, &[10]),
        (0x70, &[10]),
        (0x80, &[2]),
        (0xf0, &[4]),
    ];
    for &(first, lens) in subtypes {
        for &len in lens {
            let mut data = counted(len);
            data[0] = first;
            if first == 0x20 {
                // What the length has room for.
                data[1] = match len {
                    6 => 0x01,
                    10 => 0x03,
                    18 => 0x05,
                    22 => 0x07,
                    _ => 0x0f,
                };
            }
            lists.push(option(30, &data));
        }
    }
    let frames = lists.iter().map(|options| in_ipv4(6, &a_segment(options)));
    frames.collect()
}

fn ipv4_options() -> Vec<Vec<u8>> {
    let route = |kind, pointer: u8| option(kind, &[&[pointer], &counted(12)[..]].concat());
    let times = |flag: u8, pointer: u8| option(68, &[&[pointer, flag], &counted(16)[..]].concat());
    let lists = [
        route(7, 4),
        route(7, 12),
        route(7, 16),
        route(131, 4),
        route(131, 16),
        route(137, 8),
        times(0, 5),
        times(0x30, 13),
        times(0x11, 13),
        times(0x23, 21),
        option(130, &counted(9)),
        option(130, &[&[0xd7, 0x88][..], &counted(7)].concat()),
        option(130, &[0xab, 0x80]),
        option(136, &[1, 2]),
        option(148, &[0, 0]),
        option(148, &[0, 1]),
        option(82, &counted(10)),
        option(25, &counted(6)),
        option(134, &counted(10)),
        option(99, &counted(5)),
        vec![1, 1, 1, 0],
        [&[0][..], &counted(7)].concat(),
        // What is broken.
        vec![7, 0, 0, 0],
        vec![7, 1, 0, 0],
        vec![7, 40, 4, 1],
        vec![1, 1, 1, 7],
    ];
    let payload = a_datagram(9, b"odd");
    let mut frames: Vec<Vec<u8>> = lists
        .iter()
        .map(|options| with_options(17, options, &payload))
        .collect();
    // Flags, offsets, and lengths that lie.
    for repr in [
        ipv4::Repr {
            reserved: true,
            dont_fragment: true,
            dscp: 46,
            ecn: 3,
            ..ipv4::Repr::default()
        },
        ipv4::Repr {
            more_fragments: true,
            fragment_offset: 0x1fff,
            ..ipv4::Repr::default()
        },
        ipv4::Repr {
            header_words: Some(15),
            ..ipv4::Repr::default()
        },
        ipv4::Repr {
            total_length: Some(21),
            ..ipv4::Repr::default()
        },
        ipv4::Repr {
            total_length: Some(65_535),
            ..ipv4::Repr::default()
        },
    ] {
        let repr = ipv4::Repr {
            protocol: 17,
            src: FOUR.0,
            dst: FOUR.1,
            ..repr
        };
        let mut bytes = Vec::new();
        repr.emit(&payload, &mut bytes);
        frames.push(bytes);
    }
    frames
}

fn icmp_messages() -> Vec<Vec<u8>> {
    let quoted = in_ipv4(17, &a_datagram(9, b"quoted"));
    let mut frames = Vec::new();
    for kind in 0..=43 {
        let codes: &[u8] = match kind {
            3 => &[0, 4, 13],
            12 => &[0, 1],
            _ => &[0],
        };
        for &code in codes {
            let repr = icmpv4::Repr {
                kind,
                code,
                checksum: None,
                rest: match kind {
                    9 => [2, 2, 7, 8],
                    3 | 11 | 12 => [6, 0, 5, 0xdc],
                    _ => [1, 2, 3, 4],
                },
            };
            let data = match kind {
                3..=5 | 11 | 12 => quoted.clone(),
                _ => counted(16),
            };
            let mut bytes = Vec::new();
            repr.emit(&data, &mut bytes);
            frames.push(in_ipv4(1, &bytes));
        }
    }
    frames
}

fn icmpv6_messages() -> Vec<Vec<u8>> {
    let quoted = in_ipv6(17, &a_datagram(9, b"quoted"));
    let mut options = Vec::new();
    let lens: &[(u8, usize)] = &[
        (1, 6),
        (2, 6),
        (3, 30),
        (5, 6),
        (7, 6),
        (8, 6),
        (14, 6),
        (24, 6),
        (24, 14),
        (24, 22),
        (25, 22),
        (37, 22),
        (38, 14),
        (200, 6),
    ];
    for &(kind, len) in lens {
        ndp::emit_option(kind, &counted(len), &mut options);
    }
    let names = b"\0\0\0\0\x0e\x10\x07example\x03org\0";
    ndp::emit_option(31, names, &mut options);
    let mut frames = Vec::new();
    for kind in [1, 2, 3, 4, 100].into_iter().chain(128..=161) {
        let repr = icmpv6::Repr {
            kind,
            code: 0,
            checksum: None,
            rest: if kind == 143 {
                [0, 0, 0, 2]
            } else {
                [1, 2, 3, 4]
            },
        };
        let record = [&[4, 0, 0, 1][..], &SIX.1.octets(), &SIX.0.octets()].concat();
        let data = match kind {
            0..128 => quoted.clone(),
            130 => [&SIX.1.octets()[..], &[0x0a, 60, 0, 1], &SIX.0.octets()].concat(),
            131 | 132 => SIX.1.octets().to_vec(),
            133 => options.clone(),
            134 => [&counted(8), &options[..]].concat(),
            135 | 136 => [&SIX.1.octets()[..], &options].concat(),
            137 => [&SIX.1.octets()[..], &SIX.0.octets(), &options].concat(),
            143 => [&record[..], &record].concat(),
            _ => counted(24),
        };
        let mut bytes = Vec::new();
        repr.emit(SIX.0, SIX.1, &data, &mut bytes);
        frames.push(in_ipv6(58, &bytes));
    }
    frames
}

fn extensions() -> Vec<Vec<u8>> {
    let payload = a_datagram(9, b"odd");
    let options = |options: &[u8], next_header: u8, payload: &[u8]| {
        let mut bytes = Vec::new();
        ipv6_ext::OptionsRepr {
            next_header,
            length: None,
            options: options.to_vec(),
        }
        .emit(payload, &mut bytes);
        bytes
    };
    let routing = |kind: u8, data: &[u8], next_header: u8, payload: &[u8]| {
        let mut bytes = Vec::new();
        ipv6_ext::RoutingRepr {
            next_header,
            length: None,
            kind,
            segments_left: 1,
            data: data.to_vec(),
        }
        .emit(payload, &mut bytes);
        bytes
    };
    let mut fragment = Vec::new();
    ipv6_ext::FragmentRepr {
        next_header: 17,
        offset: 0x0123,
        more: true,
        identification: 0xfeed_beef,
    }
    .emit(&payload, &mut fragment);
    let two = [&[0; 4][..], &SIX.1.octets(), &SIX.0.octets()].concat();
    let segments = [&[1, 0, 0xab, 0xcd][..], &SIX.1.octets(), &SIX.0.octets()].concat();
    // One after the other, as RFC 8200 section 4.1 orders them.
    let last = options(&option_v6(0xc9, &SIX.0.octets()), 17, &payload);
    let chain = routing(0, &two, 60, &last);
    let chain = options(&option_v6(0x05, &[0, 0]), 43, &chain);
    let mut frames = vec![in_ipv6(0, &chain)];
    for (kind, len) in [
        (0x04, 1),
        (0x05, 2),
        (0x07, 12),
        (0x0f, 10),
        (0x23, 4),
        (0x63, 4),
        (0x26, 6),
        (0x30, 4),
        (0x3e, 5),
        (0xff, 3),
    ] {
        let option = option_v6(kind, &counted(len));
        frames.push(in_ipv6(0, &options(&option, 17, &payload)));
        frames.push(in_ipv6(60, &options(&option, 17, &payload)));
    }
    let mobile = [&[0; 4][..], &SIX.1.octets()].concat();
    for (kind, data) in [
        (0, &two),
        (2, &mobile),
        (3, &counted(20)),
        (4, &segments),
        (9, &counted(12)),
    ] {
        frames.push(in_ipv6(43, &routing(kind, data, 17, &payload)));
    }
    frames.push(in_ipv6(44, &fragment));
    let mut protected = Vec::new();
    ah::Repr {
        next_header: 17,
        length: None,
        spi: 0x0102_0304,
        seq: 5,
        icv: counted(12),
    }
    .emit(&payload, &mut protected);
    frames.push(in_ipv6(51, &protected));
    // Options that lie.
    frames.push(in_ipv6(0, &options(&[5, 200, 0, 0], 17, &payload)));
    frames.push(in_ipv6(0, &[17, 30, 1, 4, 0, 0, 0, 0]));
    frames
}

fn option_v6(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[kind, data.len() as u8], data].concat()
}

fn tunnels() -> Vec<Vec<u8>> {
    let inner = in_ipv4(17, &a_datagram(9, b"inner"));
    let frame = on_ethernet(0x0800, &inner);
    let behind = |header: &[u8], payload: &[u8]| [header, payload].concat();
    let gre = |header: &[u8], payload: &[u8]| in_ipv4(47, &behind(header, payload));
    let ppp = behind(&[0xff, 0x03, 0x00, 0x21], &inner);
    let call = [
        &[0x30, 0x81, 0x88, 0x0b, 0, ppp.len() as u8][..],
        &counted(10),
    ]
    .concat();
    let erspan_2 = [
        &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 9, 0x10, 0x05, 0x60, 0x07][..],
        &[1, 2, 3, 4],
    ]
    .concat();
    let erspan_3 = [
        &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 9, 0x20, 0x05, 0x60, 0x07][..],
        &counted(4),
        &[0, 5, 0x80, 0x10],
    ]
    .concat();
    let geneve = [
        &[2, 0x40, 0x65, 0x58, 0, 1, 2, 0][..],
        &[1, 2, 0x83, 1, 9, 8, 7, 6],
    ]
    .concat();
    let mut protected = Vec::new();
    ah::Repr {
        next_header: 4,
        length: None,
        spi: 0x0102_0304,
        seq: 5,
        icv: counted(12),
    }
    .emit(&inner, &mut protected);
    vec![
        gre(&[0, 0, 8, 0], &inner),
        gre(&[&[0xb0, 0, 8, 0][..], &counted(12)].concat(), &inner),
        gre(&[0x20, 0, 0x65, 0x58, 1, 2, 3, 4], &frame),
        gre(&call, &ppp),
        gre(&erspan_2, &frame),
        gre(&erspan_3, &frame),
        in_ipv4(97, &behind(&[0x30, 0], &frame)),
        in_ipv4(4, &inner),
        in_ipv4(
            17,
            &a_datagram(4789, &behind(&[8, 0, 0, 0, 1, 2, 3, 0], &frame)),
        ),
        in_ipv4(17, &a_datagram(6081, &behind(&geneve, &frame))),
        in_ipv4(51, &protected),
        in_ipv4(50, &counted(40)),
        in_ipv4(108, &[6, 0, 1, 2, 3, 4, 5, 6]),
        in_ipv4(137, &behind(&[0x12, 0x34, 0x51, 64], &inner)),
    ]
}

fn on_links() -> Vec<Vec<u8>> {
    let inner = in_ipv4(17, &a_datagram(9, b"inner"));
    let frame = on_ethernet(0x0800, &inner);
    let behind = |ethertype, header: &[u8], payload: &[u8]| {
        on_ethernet(ethertype, &[header, payload].concat())
    };
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner].concat();
    let mut asked = Vec::new();
    arp::Repr {
        operation: 1,
        sender_hardware: [2, 0, 0, 0, 0, 1],
        sender: FOUR.0,
        target_hardware: [0; 6],
        target: FOUR.1,
    }
    .emit(&mut asked);
    let long = [&[0, 32, 8, 0, 20, 4, 0, 1][..], &counted(48)].concat();
    let pppoe = [0x11, 0, 0x12, 0x34, 0, inner.len() as u8 + 2, 0, 0x21];
    vec![
        on_ethernet(0x0806, &asked),
        on_ethernet(0x8035, &asked),
        on_ethernet(0x0806, &long),
        behind(0x8100, &[0xb1, 0x23, 8, 0], &inner),
        behind(0x88a8, &[0x60, 1, 0x81, 0, 0x10, 2, 8, 0], &inner),
        behind(snap.len() as u16, &snap, &[0; 10]),
        behind(0x8847, &[0, 1, 0, 64, 0xab, 0xcd, 0xe7, 63], &inner),
        behind(0x8847, &[0xab, 0xcd, 0xe7, 63, 0, 0, 0, 9], &frame),
        behind(0x8864, &pppoe, &inner),
    ]
}

fn other_links() -> Vec<Odd> {
    let inner = in_ipv4(17, &a_datagram(9, b"inner"));
    let six = in_ipv6(17, &a_datagram(9, b"inner"));
    let behind = |header: &[u8], payload: &[u8]| [header, payload].concat();
    let odd = |name, link, frames| Odd { name, link, frames };
    let cooked = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0xaa, 0xbb, 8, 0];
    let none = [0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    let second = [
        8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0xaa, 0xbb,
    ];
    vec![
        odd(
            "sll",
            113,
            vec![behind(&cooked, &inner), behind(&none, &inner)],
        ),
        odd("sll2", 276, vec![behind(&second, &inner)]),
        odd(
            "null",
            0,
            vec![behind(&[2, 0, 0, 0], &inner), behind(&[30, 0, 0, 0], &six)],
        ),
        odd("loop", 108, vec![behind(&[0, 0, 0, 2], &inner)]),
        odd(
            "ppp",
            9,
            vec![behind(&[0xff, 3, 0, 0x21], &inner), behind(&[0x21], &inner)],
        ),
        odd(
            "arcnet",
            7,
            vec![
                behind(&[1, 2, 212, 0, 0, 9], &inner),
                behind(&[1, 2, 212, 0xff, 0xff, 0xff, 0xff, 0, 0, 9], &inner),
            ],
        ),
        odd(
            "arcnet-linux",
            129,
            vec![behind(&[1, 2, 0, 0, 212, 0, 0, 9], &inner)],
        ),
    ]
}
