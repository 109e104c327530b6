//! What each fault does to the packet it meets, and that it does nothing to others.

use std::time::Duration;

use etherparse::{SlicedPacket, TransportSlice};
use wirelab::lab::{Action, Damage, FieldChange, HOLD, Outcome, Side};

use super::frames::{self, Tcp, data};
use super::pair::{Pair, at, fault, ms};

use Outcome::{Corrupted, Delayed, Delivered, Dropped, Duplicated, Reordered};
use Side::{Client, Server};

/// Four data segments of the client, a millisecond apart, over 10 ms of delay.
fn four(packet: &str, action: Action) -> Pair {
    let mut pair = Pair::with(vec![fault(packet, action)]);
    for i in 0..4 {
        pair.send(u64::from(i) * 1000, Client, &data(Client, 1 + i * 100, 100));
    }
    pair.finish();
    pair
}

#[test]
fn dropped() {
    let pair = four("client data 2", Action::Drop);
    assert_eq!(pair.times(), [(1, 10_000), (3, 12_000), (4, 13_000)]);
    assert_eq!(pair.outcomes(2), [(Dropped, Some(0))]);
    assert_eq!(pair.outcomes(3), [(Delivered, None)]);
    let fate = pair.fates.iter().find(|fate| fate.packet == 2).unwrap();
    assert_eq!(
        (fate.time, fate.delivered_at, fate.delivery),
        (at(1000), None, None)
    );
}

#[test]
fn delayed() {
    let pair = four("client data 2", Action::Delay(Duration::from_micros(1500)));
    let times = [(1, 10_000), (3, 12_000), (2, 12_500), (4, 13_000)];
    assert_eq!(pair.times(), times);
    assert_eq!(pair.outcomes(2), [(Delayed, Some(0))]);
    assert_eq!(pair.outcomes(3), [(Delivered, None)]);
}

#[test]
fn duplicated() {
    let pair = four("client data 2", Action::Duplicate(2));
    assert_eq!(pair.packets(), [1, 2, 2, 2, 3, 4]);
    let copies = [
        (Delivered, None),
        (Duplicated, Some(0)),
        (Duplicated, Some(0)),
    ];
    assert_eq!(pair.outcomes(2), copies);
    for (_, transmit) in &pair.arrived[1..4] {
        assert_eq!(transmit.bytes, data(Client, 101, 100));
        assert_eq!(transmit.due, at(11_000));
    }
}

#[test]
fn held_until_others_have_passed() {
    let hold = Action::Hold {
        packets: 2,
        timeout: HOLD,
    };
    let pair = four("client data 2", hold);
    assert_eq!(
        pair.times(),
        [(1, 10_000), (3, 12_000), (4, 13_000), (2, 13_000)]
    );
    assert_eq!(pair.outcomes(2), [(Reordered, Some(0))]);
    assert_eq!(pair.outcomes(3), [(Delivered, None)]);
}

/// What passes is what arrives, and of the same connection: not the other side's, not ARP, not a
/// packet that is lost.
#[test]
fn only_what_arrives_of_the_connection_has_passed() {
    let hold = Action::Hold {
        packets: 1,
        timeout: HOLD,
    };
    let mut pair = Pair::with(vec![
        fault("client data 1", hold),
        fault("client data 2", Action::Drop),
    ]);
    pair.send(0, Client, &data(Client, 1, 10));
    pair.send(1000, Client, &frames::arp(Client));
    pair.send(2000, Server, &data(Server, 1, 10));
    let other = Tcp {
        client_port: 9,
        ..Tcp::new(Client, "A", 1, 0)
    };
    pair.send(3000, Client, &other.frame());
    pair.send(4000, Client, &data(Client, 11, 10));
    pair.send(5000, Client, &data(Client, 21, 10));
    pair.finish();
    assert_eq!(pair.packets(), [2, 3, 4, 6, 1]);
    assert_eq!(pair.arrived[4].0, at(15_000));
}

/// A copy that nobody sent is no further packet that has passed.
#[test]
fn copies_do_not_pass_for_more() {
    let hold = Action::Hold {
        packets: 2,
        timeout: HOLD,
    };
    let mut pair = Pair::with(vec![
        fault("client data 1", hold),
        fault("client data 2", Action::Duplicate(3)),
    ]);
    for i in 0..3 {
        pair.send(u64::from(i), Client, &data(Client, 1 + i * 100, 100));
    }
    pair.finish();
    assert_eq!(pair.packets(), [2, 2, 2, 2, 3, 1]);
}

/// To pass is to arrive before: when what goes ahead is late itself, what is held is later still.
#[test]
fn what_is_held_arrives_behind_what_passes() {
    let hold = Action::Hold {
        packets: 1,
        timeout: HOLD,
    };
    let mut pair = Pair::with(vec![
        fault("client data 1", hold),
        fault("client data 2", Action::Delay(ms(100))),
    ]);
    pair.send(0, Client, &data(Client, 1, 100));
    pair.send(0, Client, &data(Client, 101, 100));
    pair.finish();
    assert_eq!(pair.times(), [(2, 110_000), (1, 110_000)]);
}

#[test]
fn nothing_is_held_for_ever() {
    let hold = Action::Hold {
        packets: 9,
        timeout: ms(300),
    };
    let pair = four("client data 4", hold);
    assert_eq!(
        pair.times(),
        [(1, 10_000), (2, 11_000), (3, 12_000), (4, 313_000)]
    );
    // Nothing has passed it.
    assert_eq!(pair.outcomes(4), [(Delayed, Some(0))]);
}

/// A wire that is polled late sends a held packet on its way at its deadline all the same.
#[test]
fn a_late_poll_does_not_move_a_deadline() {
    let hold = Action::Hold {
        packets: 9,
        timeout: ms(300),
    };
    let mut pair = Pair::with(vec![fault("client data 1", hold)]);
    pair.wire.handle_frame(at(0), Client, &data(Client, 1, 10));
    assert_eq!(pair.wire.poll_timeout(), Some(at(300_000)));
    let transmit = pair.wire.poll_transmit(at(500_000)).unwrap();
    assert_eq!(transmit.due, at(310_000));
    let fate = pair.wire.poll_fate().unwrap();
    assert_eq!((fate.delivered_at, fate.late), (Some(at(500_000)), ms(190)));
}

#[test]
fn a_direction_is_blocked_for_a_while() {
    let mut pair = Pair::with(vec![fault("client data 2", Action::Block(ms(2)))]);
    for i in 0..5 {
        pair.send(u64::from(i) * 1000, Client, &data(Client, 1 + i * 100, 100));
        pair.send(
            u64::from(i) * 1000,
            Server,
            &Tcp::new(Server, "A", 1, 0).frame(),
        );
    }
    pair.finish();
    // Packets of the client have the odd numbers. The third falls into the block, the fourth comes as
    // it ends.
    assert_eq!(pair.dropped(), [3, 5]);
    assert_eq!(pair.outcomes(5), [(Dropped, Some(0))]);
    assert_eq!(pair.arrived.len(), 8);
}

fn corrupt(damage: Damage, mend: bool) -> (Vec<u8>, Vec<u8>, Pair) {
    let pair = four("client data 2", Action::Corrupt { damage, mend });
    let sent = data(Client, 101, 100);
    let arrived = pair.arrived[1].1.bytes.clone();
    (sent, arrived, pair)
}

/// The positions of the bits that differ.
fn flipped(a: &[u8], b: &[u8]) -> Vec<usize> {
    assert_eq!(a.len(), b.len());
    (0..a.len() * 8)
        .filter(|bit| (a[bit / 8] ^ b[bit / 8]) & 0x80 >> (bit % 8) != 0)
        .collect()
}

/// Whether IP and TCP checksum are right, as etherparse computes them.
fn checksums(frame: &[u8]) -> (bool, bool) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(etherparse::NetSlice::Ipv4(ip)) = packet.net else {
        panic!("not IPv4");
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        panic!("not TCP");
    };
    let header = ip.header();
    let right = tcp.calc_checksum_ipv4(header.source(), header.destination());
    let ip_right = header.to_header().calc_header_checksum() == header.header_checksum();
    (ip_right, right.unwrap() == tcp.checksum())
}

#[test]
fn a_bit_is_flipped() {
    let (sent, arrived, pair) = corrupt(Damage::Bit(500), false);
    assert_eq!(flipped(&sent, &arrived), [500]);
    assert_eq!(checksums(&arrived), (true, false));
    assert_eq!(pair.outcomes(2), [(Corrupted, Some(0))]);
    let (sent, arrived, _) = corrupt(Damage::BitFromEnd(3), false);
    assert_eq!(flipped(&sent, &arrived), [sent.len() * 8 - 4]);
}

#[test]
fn a_bit_is_flipped_and_nobody_notices() {
    let (sent, arrived, pair) = corrupt(Damage::Bit(500), true);
    assert_ne!(sent, arrived);
    assert_eq!(checksums(&arrived), (true, true));
    assert_eq!(pair.outcomes(2), [(Corrupted, Some(0))]);
    // The time to live is in the IP header.
    let (_, arrived, _) = corrupt(Damage::Bit(22 * 8), true);
    assert_eq!(arrived[22], 64 ^ 0x80);
    assert_eq!(checksums(&arrived), (true, true));
}

#[test]
fn damage_beyond_the_end_is_none() {
    for damage in [
        Damage::Bit(1_000_000),
        Damage::Bit(u64::MAX),
        Damage::BitFromEnd(u64::MAX),
    ] {
        let (sent, arrived, pair) = corrupt(damage, true);
        assert_eq!(sent, arrived);
        assert_eq!(pair.outcomes(2), [(Delivered, None)]);
    }
    let udp = FieldChange::new("udp", "length", None).unwrap();
    let (sent, arrived, _) = corrupt(Damage::Field(udp), false);
    assert_eq!(sent, arrived);
}

#[test]
fn a_field_is_changed_by_name() {
    let window = FieldChange::new("tcp", "window", Some(0)).unwrap();
    let (_, arrived, _) = corrupt(Damage::Field(window), true);
    let packet = SlicedPacket::from_ethernet(&arrived).unwrap();
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
        panic!("not TCP");
    };
    assert_eq!((tcp.window_size(), tcp.sequence_number()), (0, 101));
    assert_eq!(checksums(&arrived), (true, true));
    let fin = FieldChange::new("tcp", "FIN", None).unwrap();
    let (sent, arrived, _) = corrupt(Damage::Field(fin), false);
    assert_eq!(flipped(&sent, &arrived), [34 * 8 + 111]);
}

#[test]
fn a_field_that_is_not_there_is_named_with_those_that_are() {
    let error = FieldChange::new("udp", "window", None)
        .unwrap_err()
        .to_string();
    let known = "source port, destination port, length, checksum";
    assert_eq!(
        error,
        format!("'udp window' is no field of a header; there are: {known}")
    );
    let error = FieldChange::new("tpc", "window", None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "'tpc window' is no field of a header; there are: arp, ethernet, icmp, icmpv6, igmp, ipv4, ipv6, tcp, udp"
    );
}

#[test]
fn truncated() {
    let pair = four("client data 2", Action::Truncate(60));
    assert_eq!(pair.arrived[1].1.bytes, data(Client, 101, 100)[..60]);
    assert_eq!(pair.outcomes(2), [(Corrupted, Some(0))]);
    let pair = four("client data 2", Action::Truncate(0));
    assert_eq!(pair.arrived[1].1.bytes.len(), 14);
    let pair = four("client data 2", Action::Truncate(9999));
    assert_eq!(pair.outcomes(2), [(Delivered, None)]);
}

/// Several faults can meet one packet: each does its work, and the worst is its fate.
#[test]
fn faults_add_up() {
    let mut pair = Pair::with(vec![
        fault("client data 1", Action::Delay(ms(5))),
        fault("client segment 1", Action::Duplicate(1)),
        fault(
            "packet 1",
            Action::Corrupt {
                damage: Damage::Bit(400),
                mend: false,
            },
        ),
    ]);
    pair.send(0, Client, &data(Client, 1, 10));
    pair.finish();
    assert_eq!(pair.times(), [(1, 15_000), (1, 15_000)]);
    assert_eq!(pair.outcomes(1)[0], (Corrupted, Some(2)));
    assert_eq!(pair.outcomes(1)[1].0, Corrupted);
}

#[test]
fn faults_are_put_in_words() {
    for (action, words) in [
        (Action::Drop, "drop"),
        (Action::Delay(ms(300)), "delay 300ms"),
        (Action::Duplicate(1), "duplicate"),
        (Action::Duplicate(3), "duplicate 3 times"),
        (
            Action::Hold {
                packets: 2,
                timeout: HOLD,
            },
            "hold until 2 have passed, 1s at most",
        ),
        (Action::Truncate(40), "truncate to 40 bytes"),
        (Action::Block(ms(2000)), "block its direction for 2s"),
        (
            Action::Corrupt {
                damage: Damage::Field(FieldChange::new("tcp", "window", Some(0)).unwrap()),
                mend: true,
            },
            "corrupt tcp window to 0, checksums mended",
        ),
        (
            Action::Corrupt {
                damage: Damage::Bit(7),
                mend: false,
            },
            "corrupt bit 7",
        ),
    ] {
        let fault = fault("client data 3", action);
        assert_eq!(fault.to_string(), format!("client data 3: {words}"));
    }
}
