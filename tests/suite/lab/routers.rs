//! Routers on the way: time to live, MTU, and what they answer, read by etherparse.

use etherparse::{Icmpv4Type, Icmpv6Type, LaxIpSlice, NetSlice, SlicedPacket, TransportSlice};
use etherparse::{icmpv4, icmpv6};
use wirelab::lab::{Action, Both, Cause, Config, Damage, Link, Origin, Outcome, Router, Side};

use super::frames::{self, Tcp, fragmentable, mend_ipv4, udp, v6_address};
use super::pair::{Pair, at, fault, ms};

use Side::{Client, Server};

/// Three routers at equal distances, 40 ms from end to end; the one in the middle with this MTU.
fn path(mtu: Option<u16>) -> Config {
    let router = |number: u8, mtu| Router {
        v4: [192, 0, 2, number].into(),
        v6: v6_address(100 + number).into(),
        mtu,
    };
    let link = Link {
        delay: ms(40),
        ..Link::default()
    };
    Config {
        links: Both {
            client: link.clone(),
            server: link,
        },
        routers: vec![router(1, None), router(2, mtu), router(3, None)],
        ..Config::default()
    }
}

fn send(config: Config, side: Side, frame: &[u8]) -> Pair {
    let mut pair = Pair::new(config);
    pair.send(0, side, frame);
    pair.finish();
    pair
}

/// What an ICMP error says: who sends it, the time to live it arrives with, the packet it quotes, and
/// its own length as a datagram. Checksums are checked.
struct Answer {
    src: Vec<u8>,
    dst: Vec<u8>,
    ttl: u8,
    error: Error,
    quote: Vec<u8>,
    len: usize,
}

#[derive(Debug, PartialEq)]
enum Error {
    V4(Icmpv4Type),
    V6(Icmpv6Type),
}

fn answer(frame: &[u8]) -> Answer {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    match (packet.net.unwrap(), packet.transport.unwrap()) {
        (NetSlice::Ipv4(ip), TransportSlice::Icmpv4(icmp)) => {
            let header = ip.header();
            let right = header.to_header().calc_header_checksum();
            assert_eq!(header.header_checksum(), right);
            let right = icmp.icmp_type().calc_checksum(icmp.payload());
            assert_eq!(icmp.checksum(), right);
            Answer {
                src: header.source().to_vec(),
                dst: header.destination().to_vec(),
                ttl: header.ttl(),
                error: Error::V4(icmp.icmp_type()),
                quote: icmp.payload().to_vec(),
                len: usize::from(header.total_len()),
            }
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            let header = ip.header();
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
            Answer {
                src: header.source().to_vec(),
                dst: header.destination().to_vec(),
                ttl: header.hop_limit(),
                error: Error::V6(icmp.icmp_type()),
                quote: icmp.payload().to_vec(),
                len: 40 + usize::from(header.payload_length()),
            }
        }
        other => panic!("no ICMP error: {other:?}"),
    }
}

#[test]
fn each_router_takes_one_from_the_time_to_live() {
    for v6 in [false, true] {
        let sent = udp(Client, v6, 64, 100);
        let pair = send(path(None), Client, &sent);
        let mut expected = sent.clone();
        if v6 {
            expected[21] = 61;
        } else {
            expected[22] = 61;
            mend_ipv4(&mut expected);
        }
        assert_eq!(pair.times(), [(1, 40_000)]);
        assert_eq!(pair.arrived[0].1.bytes, expected);
        assert_eq!(pair.outcomes(1), [(Outcome::Delivered, None)]);
    }
}

/// Traceroute: a time to live of 1, 2, 3 makes the first, second, third router speak, each from its
/// own address and from a quarter, a half, three quarters of the way.
#[test]
fn where_the_time_to_live_runs_out_the_router_says_so() {
    for (side, ttl) in [Client, Server]
        .into_iter()
        .flat_map(|side| [(side, 1), (side, 2), (side, 3)])
    {
        for v6 in [false, true] {
            let sent = udp(side, v6, ttl, 900);
            let pair = send(path(None), side, &sent);
            assert_eq!(pair.times(), [(1, 20_000 * u64::from(ttl))]);
            let transmit = &pair.arrived[0].1;
            assert_eq!(transmit.to, side);
            let router = if side == Client { ttl } else { 4 - ttl };
            let fates = &pair.fates;
            assert_eq!(
                fates[0].cause,
                Some(Cause::TimeExceeded(usize::from(router) - 1))
            );
            assert_eq!(fates[0].outcome, Outcome::Dropped);
            assert_eq!(fates[1].from, Origin::Router(usize::from(router) - 1));
            assert_eq!(fates[1].from.to_string(), format!("router {router}"));

            let answer = answer(&transmit.bytes);
            // Back it passes the routers that the packet has passed.
            assert_eq!(answer.ttl, 64 - (ttl - 1));
            // The packet arrived there with 1 left.
            let mut arrived = sent.clone();
            let host = if side == Client { 1 } else { 2 };
            if v6 {
                arrived[21] = 1;
                assert_eq!(answer.src, v6_address(100 + router));
                assert_eq!(answer.dst, v6_address(host));
                assert_eq!(
                    answer.error,
                    Error::V6(Icmpv6Type::TimeExceeded(
                        icmpv6::TimeExceededCode::HopLimitExceeded
                    ))
                );
                // Whole, as it fits into 1280.
                assert_eq!(answer.quote, arrived[14..]);
            } else {
                arrived[22] = 1;
                mend_ipv4(&mut arrived);
                assert_eq!(answer.src, [192, 0, 2, router]);
                assert_eq!(answer.dst, [10, 0, 0, host]);
                assert_eq!(
                    answer.error,
                    Error::V4(Icmpv4Type::TimeExceeded(
                        icmpv4::TimeExceededCode::TtlExceededInTransit
                    ))
                );
                assert_eq!(answer.len, 576);
                assert_eq!(answer.quote, arrived[14..14 + 548]);
            }
            // To who sent it, at the link too.
            assert_eq!(transmit.bytes[..6], sent[6..12]);
            assert_eq!(transmit.bytes[6..12], sent[..6]);
        }
    }
}

#[test]
fn what_may_not_be_fragmented_is_answered_with_the_mtu() {
    // 1014 bytes of frame are 1000 of datagram: they fit.
    let pair = send(path(Some(1000)), Client, &udp(Client, false, 64, 1014));
    assert_eq!((pair.arrived.len(), pair.arrived[0].1.to), (1, Server));
    let sent = udp(Client, false, 64, 1015);
    let pair = send(path(Some(1000)), Client, &sent);
    assert_eq!(pair.times(), [(1, 40_000)]);
    assert_eq!(pair.fates[0].cause, Some(Cause::TooBig(1)));
    let reply = answer(&pair.arrived[0].1.bytes);
    assert_eq!(reply.src, [192, 0, 2, 2]);
    let needed = icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: 1000 };
    assert_eq!(
        reply.error,
        Error::V4(Icmpv4Type::DestinationUnreachable(needed))
    );
    assert_eq!(reply.len, 576);
    // As it arrived there, after one router.
    assert_eq!(reply.quote[8], 63);

    // IPv6 links carry 1280 whatever is said.
    let pair = send(path(Some(1000)), Server, &udp(Server, true, 64, 14 + 1280));
    assert_eq!(pair.arrived[0].1.to, Client);
    let sent = udp(Server, true, 64, 14 + 1281);
    let pair = send(path(Some(1000)), Server, &sent);
    let reply = answer(&pair.arrived[0].1.bytes);
    assert_eq!(reply.src, v6_address(102));
    assert_eq!(
        reply.error,
        Error::V6(Icmpv6Type::PacketTooBig { mtu: 1280 })
    );
    assert_eq!(reply.len, 1280);
    assert_eq!(reply.quote[8..], sent[22..14 + 1232]);
}

#[test]
fn what_may_be_fragmented_is() {
    let sent = fragmentable(Client, 1500);
    let pair = send(path(Some(576)), Client, &sent);
    // 552 bytes of each: 576 less the header, in eights.
    let mut payload: Vec<u8> = Vec::new();
    for (i, (time, transmit)) in pair.arrived.iter().enumerate() {
        assert_eq!((*time, transmit.to), (at(40_000), Server));
        let (ip, _) = LaxIpSlice::from_slice(&transmit.bytes[14..]).unwrap();
        let LaxIpSlice::Ipv4(ip) = ip else {
            panic!("not IPv4");
        };
        let header = ip.header();
        assert_eq!(
            header.header_checksum(),
            header.to_header().calc_header_checksum()
        );
        assert_eq!(
            usize::from(header.fragments_offset().value()) * 8,
            payload.len()
        );
        assert_eq!(header.more_fragments(), i < 2);
        assert_eq!(header.ttl(), 61);
        assert_eq!(usize::from(header.total_len()), transmit.bytes.len() - 14);
        assert!(header.total_len() <= 576);
        payload.extend(ip.payload().payload);
    }
    assert_eq!(pair.arrived.len(), 3);
    assert_eq!(payload, sent[34..]);
    let fates: Vec<_> = pair
        .fates
        .iter()
        .map(|fate| (fate.outcome, fate.cause))
        .collect();
    assert_eq!(fates, [(Outcome::Delivered, Some(Cause::TooBig(1))); 3]);
}

/// Our own decoder puts the fragments together again, even when they were cut twice.
#[test]
fn fragments_of_fragments_make_the_datagram() {
    let mut config = path(Some(576));
    config.routers[2].mtu = Some(100);
    let sent = fragmentable(Client, 1500);
    let pair = send(config, Client, &sent);
    assert!(pair.arrived.len() > 18, "{}", pair.arrived.len());
    let mut decoder = wirelab::decode::Decoder::new();
    let mut last = None;
    for (number, (time, transmit)) in pair.arrived.iter().enumerate() {
        assert!(transmit.bytes.len() <= 114);
        let packet = decoder.decode(&wirelab::frame::Frame {
            number: number as u64 + 1,
            time: *time,
            link_type: wirelab::frame::LinkType::ETHERNET,
            interface: 0,
            original_len: transmit.bytes.len() as u32,
            bytes: &transmit.bytes,
            comment: None,
        });
        assert_eq!(packet.problems.as_slice(), []);
        last = packet
            .reassembled
            .map(|whole| (whole.fragments, whole.bytes.to_vec()));
    }
    assert_eq!(last, Some((pair.arrived.len() as u16, sent[34..].to_vec())));
}

/// Options whose copied flag is set go into every fragment, the others only into the first.
#[test]
fn options_are_copied_where_they_say_so() {
    let plain = fragmentable(Client, 300);
    let mut sent = plain[..34].to_vec();
    // Record route (not copied), 7 bytes; router alert (copied), 4 bytes; end.
    sent.extend([7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0]);
    sent.extend(&plain[34..]);
    sent[14] = 0x48;
    let total = (sent.len() - 14) as u16;
    sent[16..18].copy_from_slice(&total.to_be_bytes());
    mend_ipv4(&mut sent);
    let pair = send(path(Some(200)), Client, &sent);
    let headers: Vec<_> = pair
        .arrived
        .iter()
        .map(|(_, transmit)| {
            etherparse::Ipv4Header::from_slice(&transmit.bytes[14..])
                .unwrap()
                .0
        })
        .collect();
    assert_eq!(headers.len(), 2);
    assert_eq!(
        headers[0].options.as_slice(),
        [7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0]
    );
    assert_eq!(headers[1].options.as_slice(), [148, 4, 0, 0]);
    assert!(
        headers
            .iter()
            .all(|header| header.header_checksum == header.calc_header_checksum())
    );
}

#[test]
fn what_is_not_routed_passes_untouched() {
    for frame in [frames::arp(Client), frames::router_solicitation(Client)] {
        let pair = send(path(Some(68)), Client, &frame);
        assert_eq!(pair.arrived[0].1.bytes, frame);
        assert_eq!(pair.arrived[0].1.to, Server);
    }
    // A neighbor solicitation to a global address must arrive with 255.
    let mut frame = Vec::new();
    etherparse::PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6(v6_address(1), v6_address(2), 255)
        .icmpv6_raw(135, 0, [0; 4])
        .write(&mut frame, &v6_address(2))
        .unwrap();
    let pair = send(path(None), Client, &frame);
    assert_eq!(pair.arrived[0].1.bytes, frame);
}

#[test]
fn no_error_answers_an_error() {
    let first = send(path(None), Client, &udp(Client, false, 1, 100));
    let mut error = first.arrived[0].1.bytes.clone();
    error[22] = 1;
    mend_ipv4(&mut error);
    let pair = send(path(None), Server, &error);
    assert_eq!(pair.arrived, []);
    assert_eq!(pair.fates.len(), 1);
    assert_eq!(pair.fates[0].cause, Some(Cause::TimeExceeded(2)));
    // The same over IPv6.
    let first = send(path(None), Client, &udp(Client, true, 1, 100));
    let mut error = first.arrived[0].1.bytes.clone();
    error[21] = 1;
    assert_eq!(send(path(None), Server, &error).arrived, []);
    // An echo request is a question, and gets an answer.
    let mut ping = frames::ping(Client, 1);
    ping[22] = 1;
    mend_ipv4(&mut ping);
    assert_eq!(send(path(None), Client, &ping).arrived.len(), 1);
}

/// Only the first fragment of a datagram is answered.
#[test]
fn no_error_answers_a_later_fragment() {
    let whole = fragmentable(Client, 1500);
    let pieces = send(path(Some(576)), Client, &whole);
    let answers = pieces.arrived.iter().map(|(_, transmit)| {
        let mut piece = transmit.bytes.clone();
        piece[22] = 1;
        mend_ipv4(&mut piece);
        send(path(None), Client, &piece).arrived.len()
    });
    assert!(answers.eq([1, 0, 0]));
}

#[test]
fn a_router_discards_a_header_with_a_wrong_checksum() {
    let mut config = path(None);
    let damage = Damage::Bit(14 * 8 + 70);
    config.faults.push(fault(
        "any 1",
        Action::Corrupt {
            damage,
            mend: false,
        },
    ));
    let pair = send(config, Client, &udp(Client, false, 64, 100));
    assert_eq!(pair.arrived, []);
    assert_eq!(pair.fates[0].cause, Some(Cause::Malformed(0)));
}

/// A TCP segment that a mended checksum protects gets through all routers, whichever way.
#[test]
fn checksums_stay_right_on_the_way() {
    for (side, v6) in [(Client, false), (Server, true)] {
        let sent = Tcp {
            v6,
            ..Tcp::new(side, "A", 5, 500)
        }
        .frame();
        let pair = send(path(Some(1400)), side, &sent);
        let mut decoder = wirelab::decode::Decoder::new();
        let packet = decoder.decode(&wirelab::frame::Frame {
            number: 1,
            time: at(0),
            link_type: wirelab::frame::LinkType::ETHERNET,
            interface: 0,
            original_len: sent.len() as u32,
            bytes: &pair.arrived[0].1.bytes,
            comment: None,
        });
        let wirelab::decode::Body::Tcp(tcp) = packet.body else {
            panic!("not TCP");
        };
        assert_eq!(tcp.checksum, wirelab::decode::Checksum::Good);
        assert_eq!(packet.ip.unwrap().ttl, 61);
    }
}
