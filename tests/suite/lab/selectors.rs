//! Which packets a name means.

use wirelab::lab::{Action, Config, Side};

use super::frames::{self, Tcp, data};
use super::pair::{Pair, fault};

use Side::{Client, Server};

/// A whole connection with trouble in it, one frame a millisecond. The numbers on the right are those
/// of the packets.
fn conversation() -> Vec<(Side, Vec<u8>)> {
    let c = |flags, seq, len| (Client, Tcp::new(Client, flags, seq, len).frame());
    let s = |flags, seq, len| (Server, Tcp::new(Server, flags, seq, len).frame());
    vec![
        (Client, frames::arp(Client)),                 // 1
        c("S", 100, 0),                                // 2
        c("S", 100, 0),                                // 3: again
        s("SA", 900, 0),                               // 4
        s("SA", 900, 0),                               // 5: again
        c("A", 101, 0),                                // 6
        (Server, frames::ping(Server, 1)),             // 7
        c("A", 101, 1000),                             // 8: data 1, bytes 1..1001
        c("A", 1101, 1000),                            // 9: data 2
        c("A", 101, 1000),                             // 10: data 1 again
        c("A", 2101, 1000),                            // 11: data 3
        s("A", 901, 0),                                // 12
        c("A", 1101, 2000),                            // 13: data 2 and 3 again, in one
        c("A", 2601, 1000),                            // 14: data 4: half old, half new
        c("AF", 3601, 10),                             // 15: data 5, fin
        c("AF", 3601, 10),                             // 16: again
        s("AF", 901, 0),                               // 17
        (Client, frames::router_solicitation(Client)), // 18
        c("A", 3612, 0),                               // 19
        s("R", 902, 0),                                // 20
    ]
}

/// The packets that `selector` means, in the conversation above.
#[track_caller]
fn meant(selector: &str) -> Vec<u64> {
    let mut pair = Pair::with(vec![fault(selector, Action::Drop)]);
    for (i, (side, frame)) in conversation().into_iter().enumerate() {
        pair.send(i as u64 * 1000, side, &frame);
    }
    pair.finish();
    let dropped = pair.dropped();
    assert!(
        dropped
            .iter()
            .all(|&packet| pair.outcomes(packet).len() == 1)
    );
    assert_eq!(dropped.len() + pair.arrived.len(), 20, "{selector}");
    dropped
}

#[test]
fn a_name_means_these_packets() {
    for (selector, packets) in [
        ("packet 17", &[17][..]),
        ("client syn 1", &[2]),
        ("client syn 1 x2", &[2, 3]),
        ("client syn every", &[2, 3]),
        ("syn 2", &[]),
        ("server syn-ack 1", &[4]),
        ("syn-ack every", &[4, 5]),
        ("client syn-ack 1", &[]),
        ("client data 1", &[8]),
        ("client data 2", &[9]),
        ("client data 3", &[11]),
        ("client data 4", &[14]),
        ("client data 5", &[15]),
        ("client data 6", &[]),
        ("client data 2..4", &[9, 11, 14]),
        ("client data 4..", &[14, 15]),
        ("client data 1..", &[8, 9, 11, 14, 15]),
        ("client data every", &[8, 9, 10, 11, 13, 14, 15, 16]),
        ("client data 1 x2", &[8, 10]),
        ("client data 1 every", &[8, 10]),
        ("data 2 x2", &[9, 13]),
        ("data 3 every", &[11, 13]),
        ("server data 1", &[]),
        ("client ack 1", &[6]),
        ("ack 2", &[12]),
        ("ack every", &[6, 12, 19]),
        ("client fin 1", &[15]),
        ("client fin 1 x2", &[15, 16]),
        ("fin 2", &[17]),
        ("fin every", &[15, 16, 17]),
        ("server rst 1", &[20]),
        ("server segment 2", &[12]),
        ("client segment 3", &[8]),
        ("icmp 1", &[7]),
        ("icmp every", &[7]),
        ("arp 1", &[1]),
        ("any 1", &[1]),
        ("client any 3", &[6]),
        ("client any 10", &[19]),
        ("udp 1", &[]),
        ("client bytes 0..1", &[2]),
        ("client bytes 0..1 every", &[2, 3]),
        ("client bytes 1000..1002", &[8, 9]),
        ("client bytes 1001..1002", &[9]),
        ("client bytes 1001..1002 x2", &[9, 13]),
        ("client bytes 2600..2601 every", &[11, 13, 14]),
        ("server bytes 1..5000", &[]),
        ("connection 1 client data 3", &[11]),
        ("connection 2 client data 3", &[]),
    ] {
        assert_eq!(meant(selector), packets, "{selector}");
    }
}

#[test]
fn connections_are_counted_together_or_one_by_one() {
    let all = |selector: &str, port| {
        let mut pair = Pair::new(Config {
            faults: vec![fault(selector, Action::Drop)],
            port,
            ..Config::default()
        });
        // Somebody else's connection comes first, then two of the experiment's take turns.
        for (ports, seq) in [((5, 22), 0), ((6, 8080), 0), ((7, 8080), 0)] {
            let (client_port, port) = ports;
            let syn = Tcp {
                client_port,
                port,
                ..Tcp::new(Client, "S", seq, 0)
            };
            pair.send(0, Client, &syn.frame());
        }
        for seq in [1, 11, 21] {
            for (client_port, port) in [(5, 22), (6, 8080), (7, 8080)] {
                let data = Tcp {
                    client_port,
                    port,
                    ..Tcp::new(Client, "A", seq, 10)
                };
                pair.send(0, Client, &data.frame());
            }
        }
        pair.finish();
        pair.dropped()
    };
    assert_eq!(all("client syn 2", None), [2]);
    assert_eq!(all("client syn 2", Some(8080)), [3]);
    assert_eq!(all("client data 3", None), [6]);
    assert_eq!(all("client data 3", Some(8080)), [8]);
    assert_eq!(all("connection 2 client data 3", Some(8080)), [12]);
    assert_eq!(all("connection 1 client data 2", None), [7]);
    assert_eq!(all("any 2", Some(8080)), [2]);
}

#[test]
fn a_port_used_again_is_another_connection() {
    let mut pair = Pair::with(vec![
        fault("connection 2 client data 1", Action::Drop),
        fault("client data 3", Action::Drop),
    ]);
    for (i, frame) in [
        Tcp::new(Client, "S", 100, 0).frame(),
        data(Client, 101, 10),
        Tcp::new(Client, "S", 70_000, 0).frame(),
        data(Client, 70_001, 10),
        data(Client, 70_011, 10),
    ]
    .iter()
    .enumerate()
    {
        pair.send(i as u64, Client, frame);
    }
    pair.finish();
    assert_eq!(pair.dropped(), [4, 5]);
}

#[test]
fn when_both_open_at_once_each_sends_a_syn_ack() {
    let mut pair = Pair::with(vec![fault("client syn-ack 1", Action::Drop)]);
    for (i, (side, flags, seq)) in [
        (Client, "S", 1),
        (Server, "S", 9),
        (Client, "SA", 1),
        (Server, "SA", 9),
    ]
    .into_iter()
    .enumerate()
    {
        pair.send(i as u64, side, &Tcp::new(side, flags, seq, 0).frame());
    }
    pair.finish();
    assert_eq!(pair.dropped(), [3]);
}

#[test]
fn numbers_go_on_where_sequence_numbers_wrap() {
    let mut pair = Pair::with(vec![
        fault("client data 2", Action::Drop),
        fault("client bytes 21..31", Action::Drop),
    ]);
    let start = u32::MAX - 4;
    pair.send(0, Client, &Tcp::new(Client, "S", start, 0).frame());
    for (i, offset) in [1, 11, 1, 11, 21, 31].into_iter().enumerate() {
        pair.send(
            1 + i as u64,
            Client,
            &data(Client, start.wrapping_add(offset), 10),
        );
    }
    pair.finish();
    assert_eq!(pair.dropped(), [3, 6]);
}

/// A refusal carries sequence number 0; what the server sends later has its own numbers.
#[test]
fn a_reset_before_the_syn_does_not_spoil_the_count() {
    let mut pair = Pair::with(vec![
        fault("server syn-ack 1", Action::Drop),
        fault("server data 1", Action::Drop),
        fault("server bytes 11..21", Action::Drop),
    ]);
    for (i, (side, flags, seq, len)) in [
        (Client, "S", 500, 0),
        (Server, "R", 0, 0),
        (Client, "S", 500, 0),
        (Server, "SA", 3_000_000_000, 0),
        (Server, "SA", 3_000_000_000, 0),
        (Server, "A", 3_000_000_001, 10),
        (Server, "A", 3_000_000_011, 10),
    ]
    .into_iter()
    .enumerate()
    {
        pair.send(i as u64, side, &Tcp::new(side, flags, seq, len).frame());
    }
    pair.finish();
    assert_eq!(pair.dropped(), [4, 6, 7]);
}

/// A wire that comes to a connection under way takes the first byte it sees for number 1.
#[test]
fn a_connection_under_way_is_counted_from_where_it_is() {
    let mut pair = Pair::with(vec![
        fault("client data 2", Action::Drop),
        fault("client bytes 1..2 x2", Action::Drop),
    ]);
    for (i, seq) in [700, 690, 700, 710].into_iter().enumerate() {
        pair.send(i as u64, Client, &data(Client, seq, 10));
    }
    pair.finish();
    assert_eq!(pair.dropped(), [1, 3, 4]);
}

#[test]
fn each_side_has_its_own_numbers() {
    let mut pair = Pair::with(vec![
        fault("ack 5", Action::Drop),
        fault("server ack 2", Action::Drop),
    ]);
    for (i, side) in [Client, Server, Client, Client, Server, Client]
        .into_iter()
        .enumerate()
    {
        pair.send(i as u64, side, &Tcp::new(side, "A", 1, 0).frame());
    }
    pair.finish();
    assert_eq!(pair.dropped(), [5]);
    assert_eq!(
        pair.fates
            .iter()
            .find(|fate| fate.packet == 5)
            .unwrap()
            .fault(),
        Some(0)
    );
}
