//! Whatever hosts send: no panic, bounded memory, and for the same seed the same bytes.

use std::num::{NonZeroU32, NonZeroU64};

use proptest::prelude::*;
use wirelab::lab::{
    Action, Config, Damage, Fault, FieldChange, Jitter, Kind, Link, Loss, MAX_BYTES, MAX_FATES,
    Outcome, Probability, Queue, Rate, Router, Selector, Side, What, Wire,
};

use super::frames::{self, Tcp, fragmentable, udp};
use super::pair::{Pair, at, fault, ms};

fn any_side() -> impl Strategy<Value = Side> {
    prop::sample::select(vec![Side::Client, Side::Server])
}

fn any_link() -> impl Strategy<Value = Link> {
    let p = || (0..=100_u32).prop_map(|n| Probability::new(f64::from(n) / 400.0).unwrap());
    let rate = prop_oneof![
        Just(None),
        (1_000..1_000_000_000_u64, 0..9_usize).prop_map(|(rate, limit)| Some(Rate {
            bits_per_second: NonZeroU64::new(rate).unwrap(),
            queue: Queue::Packets(limit),
        })),
        (1_000..1_000_000_000_u64, 0..9000_u64).prop_map(|(rate, limit)| Some(Rate {
            bits_per_second: NonZeroU64::new(rate).unwrap(),
            queue: Queue::Bytes(limit),
        })),
    ];
    let loss = prop_oneof![
        Just(Loss::None),
        p().prop_map(Loss::Random),
        (p(), p(), p()).prop_map(|(worsens, mends, bad)| Loss::Bursts {
            worsens,
            mends,
            good: Probability::NEVER,
            bad,
        }),
    ];
    (0..50_u64, rate, (0..5_u64, any::<bool>()), loss, p(), p()).prop_map(
        |(delay, rate, (jitter, reorders), loss, duplicate, corrupt)| Link {
            delay: ms(delay),
            rate,
            jitter: Jitter {
                max: ms(jitter),
                reorders,
            },
            loss,
            duplicate,
            corrupt,
        },
    )
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let kind = prop::sample::select(vec![
        Kind::Syn,
        Kind::Data,
        Kind::Ack,
        Kind::Fin,
        Kind::Segment,
        Kind::Any,
    ]);
    let what = prop_oneof![
        (kind, 1..5_u64, prop::option::of(0..5_u64)).prop_map(|(kind, first, more)| What::Kind {
            kind,
            first,
            last: more.map(|more| first + more),
        }),
        (0..3000_u64, 1..3000_u64).prop_map(|(from, len)| What::Bytes {
            from,
            to: from + len
        }),
    ];
    let times = prop::option::of((1..4_u32).prop_map(|n| NonZeroU32::new(n).unwrap()));
    let named = (prop::option::of(any_side()), what, times).prop_map(|(from, what, times)| {
        Selector::Named {
            connection: None,
            from,
            what,
            times,
        }
    });
    let selector = prop_oneof![(1..40_u64).prop_map(Selector::Packet), named];
    let action = prop_oneof![
        Just(Action::Drop),
        (0..90_u64).prop_map(|by| Action::Delay(ms(by))),
        any::<u8>().prop_map(Action::Duplicate),
        (0..9_u32, 0..90_u64).prop_map(|(packets, timeout)| Action::Hold {
            packets,
            timeout: ms(timeout)
        }),
        (0..20_000_u64, any::<bool>()).prop_map(|(bit, mend)| Action::Corrupt {
            damage: Damage::Bit(bit),
            mend
        }),
        (0..20_u64, any::<bool>()).prop_map(|(bit, mend)| Action::Corrupt {
            damage: Damage::BitFromEnd(bit),
            mend
        }),
        any::<u16>().prop_map(|value| Action::Corrupt {
            damage: Damage::Field(
                FieldChange::new("tcp", "data offset", Some(value.into())).unwrap()
            ),
            mend: true,
        }),
        (0..200_usize).prop_map(Action::Truncate),
        (0..30_u64).prop_map(|time| Action::Block(ms(time))),
    ];
    (selector, action).prop_map(|(packet, action)| Fault { packet, action })
}

fn any_config() -> impl Strategy<Value = Config> {
    let router = (any::<u8>(), prop::option::of(any::<u16>())).prop_map(|(host, mtu)| Router {
        v4: [192, 0, 2, host].into(),
        v6: frames::v6_address(host).into(),
        mtu,
    });
    (
        any::<u64>(),
        any_link(),
        any_link(),
        prop::collection::vec(any_fault(), 0..5),
        prop::collection::vec(router, 0..4),
        prop::option::of(Just(frames::PORT)),
    )
        .prop_map(|(seed, client, server, faults, routers, port)| Config {
            seed,
            links: wirelab::lab::Both { client, server },
            faults,
            routers,
            port,
        })
}

/// Real frames, some with a few bytes changed, and plain noise.
fn any_frame() -> impl Strategy<Value = (Side, Vec<u8>)> {
    let tcp = (
        any_side(),
        0..5_usize,
        0..4000_u32,
        0..1400_usize,
        any::<bool>(),
        0..70_u8,
    );
    let tcp = tcp.prop_map(|(side, flags, seq, len, v6, ttl)| {
        let flags = ["S", "SA", "A", "AF", "R"][flags];
        (
            side,
            Tcp {
                v6,
                ttl,
                ..Tcp::new(side, flags, seq, len)
            }
            .frame(),
        )
    });
    let plain = prop_oneof![
        4 => tcp,
        1 => any_side().prop_map(|side| (side, frames::arp(side))),
        1 => any_side().prop_map(|side| (side, frames::ping(side, 1))),
        1 => (any_side(), any::<bool>(), 100..1500_usize)
            .prop_map(|(side, v6, len)| (side, udp(side, v6, 9, len))),
        1 => (any_side(), 100..1500_usize).prop_map(|(side, len)| (side, fragmentable(side, len))),
        1 => (any_side(), prop::collection::vec(any::<u8>(), 0..200)),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let cut = prop::option::weighted(0.1, any::<prop::sample::Index>());
    (plain, changes, cut).prop_map(|((side, mut frame), changes, cut)| {
        if !frame.is_empty() {
            for (at, byte) in changes {
                let at = at.index(frame.len().min(80));
                frame[at] = byte;
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len()));
            }
        }
        (side, frame)
    })
}

fn run(config: Config, traffic: &[(u64, (Side, Vec<u8>))]) -> Pair {
    let mut pair = Pair::new(config);
    let mut time = 0;
    for (gap, (side, frame)) in traffic {
        time += gap;
        pair.send(time, *side, frame);
    }
    pair.finish();
    pair
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_same_goes_in_the_same_comes_out(
        config in any_config(),
        traffic in prop::collection::vec((0..4000_u64, any_frame()), 0..40),
    ) {
        let pair = run(config.clone(), &traffic);
        let again = run(config.clone(), &traffic);
        prop_assert_eq!(&pair.arrived, &again.arrived);
        prop_assert_eq!(&pair.fates, &again.fates);

        // Every packet has a fate, and no two deliveries the same number.
        for packet in 1..=traffic.len() as u64 {
            prop_assert!(!pair.outcomes(packet).is_empty());
        }
        let deliveries: Vec<u64> = pair.fates.iter().filter_map(|fate| fate.delivery).collect();
        prop_assert!(deliveries.iter().copied().eq(1..=pair.arrived.len() as u64));

        // Polled only at the end it is the same, but for when it was noticed.
        let mut lazy = Wire::new(config);
        let mut time = 0;
        for (gap, (side, frame)) in &traffic {
            time += gap;
            lazy.handle_frame(at(time), *side, frame);
        }
        let late = std::iter::from_fn(|| lazy.poll_transmit(at(u64::MAX / 1000)));
        let late: Vec<_> = late.map(|t| (t.due, t.to, t.packet, t.bytes)).collect();
        let arrived = pair.arrived.into_iter();
        let in_time: Vec<_> = arrived.map(|(_, t)| (t.due, t.to, t.packet, t.bytes)).collect();
        prop_assert_eq!(in_time, late);
    }
}

#[test]
fn another_seed_is_another_fate() {
    let arrived = |seed| {
        let mut config = Config {
            seed,
            ..Config::default()
        };
        config.links.client.loss = Loss::Random(Probability::new(0.5).unwrap());
        let frame = udp(Side::Client, false, 64, 100);
        let traffic: Vec<_> = (0..64)
            .map(|_| (10, (Side::Client, frame.clone())))
            .collect();
        run(config, &traffic).packets()
    };
    assert_eq!(arrived(1), arrived(1));
    assert_ne!(arrived(1), arrived(2));
}

/// Nobody takes what is due: the wire fills up and says so.
#[test]
fn a_wire_that_nobody_empties_is_full_at_last() {
    let mut wire = Wire::new(Config::default());
    let frame = vec![0; 9000];
    let fits = MAX_BYTES / (9000 + 256);
    for _ in 0..fits + 10 {
        wire.handle_frame(at(0), Side::Client, &frame);
    }
    assert_eq!(wire.in_flight(), fits);
    let fates: Vec<_> = std::iter::from_fn(|| wire.poll_fate()).collect();
    assert_eq!(fates.len(), 10);
    assert!(fates.iter().all(|fate| fate.outcome == Outcome::Dropped));
    assert!(
        fates
            .iter()
            .all(|fate| fate.cause == Some(wirelab::lab::Cause::WireFull))
    );
    while wire.poll_transmit(at(0)).is_some() {}
    wire.handle_frame(at(1), Side::Client, &frame);
    assert_eq!(wire.in_flight(), 1);
}

#[test]
fn fates_that_nobody_asks_for_are_counted() {
    let mut wire = Wire::new(Config {
        faults: vec![fault("any every", Action::Drop)],
        ..Config::default()
    });
    for _ in 0..MAX_FATES + 5 {
        wire.handle_frame(at(0), Side::Client, &[]);
    }
    assert_eq!(wire.fates_lost(), 5);
    assert_eq!(wire.poll_fate().unwrap().packet, 6);
}

/// Held packets are bounded too: beyond a thousand the oldest goes early.
#[test]
fn no_more_than_so_many_are_held() {
    let hold = Action::Hold {
        packets: u32::MAX,
        timeout: ms(100_000),
    };
    let mut pair = Pair::with(vec![fault("client udp every", hold)]);
    for i in 0..1030 {
        pair.send(i, Side::Client, &udp(Side::Client, false, 64, 60));
    }
    pair.run_until(at(50_000));
    assert_eq!(pair.packets(), [1, 2, 3, 4, 5, 6]);
    pair.finish();
    assert_eq!(pair.arrived.len(), 1030);
}

#[test]
fn the_end_of_time_is_no_end_of_the_program() {
    let mut config = Config::default();
    config.links.client.delay = std::time::Duration::MAX;
    config
        .faults
        .push(fault("any 1", Action::Delay(std::time::Duration::MAX)));
    let mut wire = Wire::new(config);
    let end = wirelab::frame::Timestamp::from_nanos(u64::MAX);
    wire.handle_frame(end, Side::Client, &[1]);
    // Time that goes backwards stands still.
    wire.handle_frame(at(0), Side::Client, &[2]);
    assert_eq!(wire.poll_timeout(), Some(end));
    assert_eq!(wire.poll_transmit(at(5)).unwrap().bytes, [1]);
    assert_eq!(wire.poll_transmit(end).unwrap().bytes, [2]);
}
