//! Delay, rate, queue and chance of a link, from outside.

use std::num::NonZeroU64;
use std::time::Duration;

use proptest::prelude::*;
use wirelab::lab::{
    Both, Cause, Config, Jitter, Link, Loss, Origin, Outcome, Probability, Queue, Rate, Side,
};

use super::frames::udp;
use super::pair::{Pair, at, ms};

use Side::{Client, Server};

fn p(probability: f64) -> Probability {
    Probability::new(probability).unwrap()
}

fn link(client: Link) -> Config {
    Config {
        seed: 1,
        links: Both {
            client,
            server: Link::default(),
        },
        ..Config::default()
    }
}

fn rate(bits_per_second: u64, queue: Queue) -> Option<Rate> {
    NonZeroU64::new(bits_per_second).map(|bits_per_second| Rate {
        bits_per_second,
        queue,
    })
}

/// 1250 bytes at 1 Mbit/s are 10 ms each; then they travel for 30 ms. Five are sent at once: the first
/// goes out, three wait, the fifth is lost.
#[test]
fn a_slow_link_spaces_packets_and_drops_the_tail() {
    let mut pair = Pair::new(link(Link {
        delay: ms(30),
        rate: rate(1_000_000, Queue::Packets(3)),
        ..Link::default()
    }));
    for _ in 0..5 {
        pair.send(0, Client, &udp(Client, false, 64, 1250));
    }
    // By now the second is being sent: one place is free.
    pair.send(10_000, Client, &udp(Client, false, 64, 1250));
    pair.send(10_000, Client, &udp(Client, false, 64, 1250));
    pair.finish();
    let times = [
        (1, 40_000),
        (2, 50_000),
        (3, 60_000),
        (4, 70_000),
        (6, 80_000),
    ];
    assert_eq!(pair.times(), times);
    assert_eq!(pair.dropped(), [5, 7]);
    let lost = pair
        .fates
        .iter()
        .filter(|fate| fate.outcome == Outcome::Dropped);
    assert!(
        lost.into_iter()
            .all(|fate| fate.cause == Some(Cause::QueueFull))
    );
}

#[test]
fn the_directions_are_independent() {
    let mut config = link(Link {
        delay: ms(30),
        ..Link::default()
    });
    config.links.server.delay = ms(5);
    let mut pair = Pair::new(config);
    pair.send(0, Client, &udp(Client, false, 64, 100));
    pair.send(1000, Server, &udp(Server, false, 64, 100));
    pair.finish();
    assert_eq!(pair.times(), [(2, 6000), (1, 30_000)]);
    assert_eq!(pair.arrived[0].1.to, Client);
    assert_eq!(pair.arrived[1].1.to, Server);
    assert_eq!(pair.fates[0].from, Origin::Host(Server));
}

/// Sends 500 packets, 100 µs apart, over a link with up to 2 ms of jitter.
fn jittery(reorders: bool) -> Pair {
    let jitter = Jitter {
        max: ms(2),
        reorders,
    };
    let mut pair = Pair::new(link(Link {
        delay: ms(10),
        jitter,
        ..Link::default()
    }));
    for i in 0..500 {
        pair.send(i * 100, Client, &udp(Client, false, 64, 100));
    }
    pair.finish();
    for (time, transmit) in &pair.arrived {
        let sent = at((transmit.packet - 1) * 100);
        let took = time.since(sent);
        assert!(took >= ms(10), "packet {} took {took:?}", transmit.packet);
    }
    pair
}

#[test]
fn jitter_that_keeps_order_does() {
    let pair = jittery(false);
    assert!(pair.packets().is_sorted());
    assert!(
        pair.fates
            .iter()
            .all(|fate| fate.outcome == Outcome::Delivered)
    );
}

#[test]
fn jitter_that_may_reorder_says_which_were_overtaken() {
    let pair = jittery(true);
    let packets = pair.packets();
    let mut highest = 0;
    let mut overtaken = Vec::new();
    for packet in packets {
        if packet < highest {
            overtaken.push(packet);
        }
        highest = packet.max(highest);
    }
    assert!(overtaken.len() > 100, "{}", overtaken.len());
    let reordered = pair
        .fates
        .iter()
        .filter(|fate| fate.outcome == Outcome::Reordered);
    let reordered: Vec<u64> = reordered.map(|fate| fate.packet).collect();
    assert_eq!(reordered, overtaken);
    // No packet is later than delay and jitter allow.
    let sent = |packet: u64| at((packet - 1) * 100);
    assert!(
        pair.arrived
            .iter()
            .all(|(time, t)| time.since(sent(t.packet)) <= ms(12))
    );
}

#[test]
fn chance_loses_duplicates_and_corrupts() {
    let mut pair = Pair::new(link(Link {
        loss: Loss::Random(p(0.1)),
        duplicate: p(0.1),
        corrupt: p(0.1),
        ..Link::default()
    }));
    let frame = udp(Client, false, 64, 100);
    for i in 0..1000 {
        pair.send(i * 10, Client, &frame);
    }
    pair.finish();
    let of = |outcome| {
        let fates = pair.fates.iter().filter(|fate| fate.outcome == outcome);
        let fates: Vec<_> = fates.collect();
        assert!(
            fates.iter().all(|fate| fate.cause == Some(Cause::Chance)),
            "{outcome}"
        );
        fates.len()
    };
    for outcome in [Outcome::Dropped, Outcome::Duplicated, Outcome::Corrupted] {
        // A tenth of a thousand, give or take six standard deviations.
        assert!(
            (45..160).contains(&of(outcome)),
            "{outcome}: {}",
            of(outcome)
        );
    }
    let changed = pair
        .arrived
        .iter()
        .filter(|(_, t)| t.bytes != frame)
        .count();
    assert_eq!(changed, of(Outcome::Corrupted));
    for (_, transmit) in &pair.arrived {
        let bits: u32 = frame
            .iter()
            .zip(&transmit.bytes)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert!(bits <= 1);
        assert_eq!(transmit.bytes[..14], frame[..14]);
    }
}

/// Each fate is of one delivery, in the order of deliveries.
#[test]
fn fates_and_deliveries_belong_together() {
    let mut pair = Pair::new(link(Link {
        delay: ms(10),
        jitter: Jitter {
            max: ms(5),
            reorders: true,
        },
        loss: Loss::Random(p(0.2)),
        duplicate: p(0.2),
        ..Link::default()
    }));
    for i in 0..300 {
        pair.send(i * 500, Client, &udp(Client, false, 64, 100));
    }
    pair.finish();
    let delivered: Vec<_> = pair
        .fates
        .iter()
        .filter(|fate| fate.delivery.is_some())
        .collect();
    assert_eq!(delivered.len(), pair.arrived.len());
    for (fate, (time, transmit)) in delivered.iter().zip(&pair.arrived) {
        assert_eq!(fate.delivery, Some(transmit.delivery));
        assert_eq!(
            (fate.packet, fate.delivered_at),
            (transmit.packet, Some(*time))
        );
        assert_eq!(fate.late, Duration::ZERO);
        assert_eq!(transmit.due, *time);
    }
    // Every packet has at least one fate.
    for packet in 1..=300 {
        assert!(!pair.outcomes(packet).is_empty(), "{packet}");
    }
}

proptest! {
    /// A transfer over a slow link takes as long as its bits, and never less than the delay.
    #[test]
    fn nothing_is_faster_than_the_link(
        delay in 0..50_u64,
        bits_per_second in 10_000..100_000_000_u64,
        limit in 0..20_usize,
        packets in prop::collection::vec((0..5000_u64, 60..1500_usize), 1..60),
    ) {
        let mut pair = Pair::new(link(Link {
            delay: ms(delay),
            rate: rate(bits_per_second, Queue::Packets(limit)),
            ..Link::default()
        }));
        let mut time = 0;
        let mut sent = Vec::new();
        for (gap, len) in packets {
            time += gap;
            let packet = pair.send(time, Client, &udp(Client, false, 64, len));
            sent.push((packet, at(time), len as u128));
        }
        pair.finish();
        prop_assert!(pair.packets().is_sorted());
        let mut previous = at(0);
        for (time, transmit) in &pair.arrived {
            let (_, entered, len) = sent[transmit.packet as usize - 1];
            let sending = (len * 8 * 1_000_000_000 / u128::from(bits_per_second)) as u64;
            let least = Duration::from_nanos(sending);
            prop_assert!(time.since(entered) >= ms(delay) + least);
            prop_assert!(time.as_nanos() + 1 >= previous.as_nanos() + sending);
            previous = *time;
        }
        prop_assert_eq!(pair.dropped().len() + pair.arrived.len(), sent.len());
    }
}
