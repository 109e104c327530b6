//! Two captures of what passed a wire, joined: by the fates it told, and by what the packets hold. Both
//! must come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;
use wirelab::analysis::Limits;
use wirelab::event::{End, Event, Fate, Host, Part, Passage};
use wirelab::frame::Timestamp;
use wirelab::lab::truth::{FateLine, Frames, Happening, HostFrame, Line};
use wirelab::lab::{
    Action, Both, Config, Damage, Jitter, Link, Loss, Probability, Queue, Rate, Side, Wire,
};
use wirelab::pair::{Join, Pair};

use super::frames::{Tcp, mend_ipv4};
use super::pair::{at, fault, ms};

/// Drives a wire in virtual time, and writes down what happens.
pub(super) struct Run {
    wire: Wire,
    pub(super) happenings: Vec<Happening>,
    /// How many frames each host's capture has.
    frames: Both<u64>,
    /// The frame of each packet at the host that sent it.
    sent: BTreeMap<u64, (Side, u64)>,
}

impl Run {
    pub(super) fn new(config: Config) -> Self {
        Self {
            wire: Wire::new(config),
            happenings: Vec::new(),
            frames: Both::default(),
            sent: BTreeMap::new(),
        }
    }

    fn frame(&mut self, time: Timestamp, side: Side, sent: bool, bytes: Vec<u8>) -> u64 {
        let number = self.frames.of_mut(side);
        *number += 1;
        let number = *number;
        self.happenings.push(Happening::Frame(HostFrame {
            side,
            number,
            time,
            sent,
            bytes,
        }));
        number
    }

    fn run_until(&mut self, time: Timestamp) {
        while let Some(wake) = self.wire.poll_timeout().filter(|wake| *wake <= time) {
            while let Some(transmit) = self.wire.poll_transmit(wake) {
                let number = self.frame(wake, transmit.to, false, transmit.bytes);
                self.fates(Some((transmit.to, number)));
            }
            self.fates(None);
        }
    }

    /// Writes down fates, of which the last belongs to the frame that just arrived.
    fn fates(&mut self, arrived: Option<(Side, u64)>) {
        while let Some(fate) = self.wire.poll_fate() {
            let mut frames = Frames::default();
            let sent = self.sent.get(&fate.packet).copied();
            let arrived = arrived.filter(|_| fate.delivery.is_some());
            for (side, number) in sent.into_iter().chain(arrived) {
                match side {
                    Side::Client => frames.client = Some(number),
                    Side::Server => frames.server = Some(number),
                }
            }
            let line = FateLine::new(&fate, frames);
            self.happenings.push(Happening::Line(Line::Fate(line)));
        }
    }

    pub(super) fn send(&mut self, time: Timestamp, side: Side, bytes: Vec<u8>) {
        self.run_until(time);
        let packet = self.wire.handle_frame(time, side, &bytes);
        let number = self.frame(time, side, true, bytes);
        self.sent.insert(packet, (side, number));
        self.fates(None);
    }

    pub(super) fn finish(&mut self) {
        self.run_until(Timestamp::from_nanos(u64::MAX));
        self.fates(None);
    }
}

/// The host a packet goes to, its frame at either end, and its fate.
type Pairing = (bool, Option<u64>, Option<u64>, &'static str);

/// What a join came to.
#[derive(Debug, Default)]
struct Told {
    /// Frames that were brought together, each pair once for each time.
    pairs: Vec<Pairing>,
    /// The frames of each host in the order in which they were told.
    order: [Vec<u64>; 2],
}

impl Told {
    fn passage(&mut self, p: &Passage<'_>) {
        let ends = [
            p.sent
                .filter(|_| p.part != Part::Arrives)
                .map(|stop| (p.to.other(), stop)),
            p.arrived
                .filter(|_| p.part != Part::Departs)
                .map(|stop| (p.to, stop)),
        ];
        for (host, stop) in ends.into_iter().flatten() {
            self.order[host.index()].push(stop.frame);
        }
        if p.part == Part::Departs {
            return;
        }
        let frame = |stop: Option<wirelab::event::Stop<'_>>| stop.map(|stop| stop.frame);
        // What the wire dropped is, without the truth, simply not there.
        let fate = match p.fate {
            Fate::Dropped => Fate::Missing,
            // Whether it was held back, or only overtaken, the packets don't tell.
            Fate::Delayed | Fate::Reordered => Fate::Delivered,
            fate => fate,
        };
        let to_server = p.to == Host::Server;
        let ends = (frame(p.sent), frame(p.arrived));
        self.pairs.push((to_server, ends.0, ends.1, fate.name()));
    }
}

fn told(join: Join, happenings: &[Happening]) -> Told {
    let mut told = Told::default();
    let mut pair = Pair::new(join, Limits::default());
    let mut sink = |event: &Event<'_>| {
        if let Event::Passage(passage) = event {
            told.passage(passage);
        }
        Ok::<(), Infallible>(())
    };
    for happening in happenings {
        let Ok(()) = pair.happening(happening, &mut sink);
    }
    let Ok(()) = pair.finish(&End::default(), &mut sink);
    told.pairs.sort_unstable();
    told
}

/// Without the losses of copies, of which the packets tell nothing when another one arrived.
fn without_lost_copies(mut pairs: Vec<Pairing>) -> Vec<Pairing> {
    let landed: BTreeSet<_> = pairs
        .iter()
        .filter(|(_, _, arrived, _)| arrived.is_some())
        .map(|(to, sent, ..)| (*to, *sent))
        .collect();
    pairs.retain(|(to, sent, arrived, _)| arrived.is_some() || !landed.contains(&(*to, *sent)));
    pairs.dedup();
    pairs
}

/// A segment that no other is like.
fn segment(number: u16, from: Side) -> Vec<u8> {
    let mut bytes = Tcp::new(from, "A", 1000 + u32::from(number) * 100, 100).frame();
    bytes[18..20].copy_from_slice(&number.to_be_bytes());
    mend_ipv4(&mut bytes);
    bytes
}

fn any_link() -> impl Strategy<Value = Link> {
    let p = || (0..=100_u32).prop_map(|n| Probability::new(f64::from(n) / 400.0).unwrap());
    let rate = prop_oneof![
        Just(None),
        (1_000_000..100_000_000_u64, 0..9_usize).prop_map(|(rate, limit)| Some(Rate {
            bits_per_second: std::num::NonZeroU64::new(rate).unwrap(),
            queue: Queue::Packets(limit),
        })),
    ];
    (0..50_u64, rate, (0..30_u64, any::<bool>()), p(), p()).prop_map(
        |(delay, rate, (jitter, reorders), loss, duplicate)| Link {
            delay: ms(delay),
            rate,
            jitter: Jitter {
                max: ms(jitter),
                reorders,
            },
            loss: Loss::Random(loss),
            duplicate,
            corrupt: Probability::NEVER,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn by_content_and_by_fate_come_to_the_same(
        seed: u64,
        client in any_link(),
        server in any_link(),
        sends in prop::collection::vec((0..20_000_u64, any::<bool>()), 1..150),
        corrupt in 1..20_u32,
        hold in 1..20_u32,
    ) {
        let faults = vec![
            fault(
                &format!("client data {corrupt}"),
                Action::Corrupt { damage: Damage::BitFromEnd(77), mend: false },
            ),
            fault(
                &format!("server data {hold}"),
                Action::Hold { packets: 3, timeout: ms(100) },
            ),
        ];
        let mut run = Run::new(Config {
            seed,
            links: Both { client, server },
            faults,
            ..Config::default()
        });
        let mut time = 0;
        for (number, (after, from_client)) in (1..).zip(&sends) {
            time += after;
            let from = if *from_client { Side::Client } else { Side::Server };
            run.send(at(time), from, segment(number, from));
        }
        run.finish();
        let by_fate = told(Join::ByFate, &run.happenings);
        let by_content = told(Join::ByContent, &run.happenings);
        prop_assert_eq!(
            without_lost_copies(by_fate.pairs.clone()),
            without_lost_copies(by_content.pairs.clone())
        );
        for told in [&by_fate, &by_content] {
            for (host, frames) in told.order.iter().enumerate() {
                // Each host's own doings are told in their own order, and each of them once.
                prop_assert!(frames.is_sorted_by(|a, b| a < b), "{host}: {frames:?}");
                let most = if host == 0 { run.frames.client } else { run.frames.server };
                prop_assert_eq!(frames.len() as u64, most);
            }
        }
    }

    #[test]
    fn what_is_missing_or_comes_twice_is_accounted_for_once(
        seed: u64,
        client in any_link(),
        server in any_link(),
        sends in prop::collection::vec((0..20_000_u64, any::<bool>()), 1..80),
        lose in prop::collection::btree_set(0..400_usize, 0..60),
        swap in prop::collection::vec((0..400_usize, 0..400_usize), 0..8),
        join in prop::sample::select(vec![Join::ByFate, Join::ByContent]),
    ) {
        let mut run = Run::new(Config {
            seed,
            links: Both { client, server },
            ..Config::default()
        });
        let mut time = 0;
        for (number, (after, from_client)) in (1..).zip(&sends) {
            time += after;
            let from = if *from_client { Side::Client } else { Side::Server };
            run.send(at(time), from, segment(number, from));
        }
        run.finish();
        // Frames and fates go missing, and come in the wrong order.
        let mut happenings = run.happenings;
        for (a, b) in swap {
            if a < happenings.len() && b < happenings.len() {
                happenings.swap(a, b);
            }
        }
        let kept: Vec<_> = happenings
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !lose.contains(at))
            .map(|(_, happening)| happening)
            .collect();
        let told = told(join, &kept);
        let frames = kept.iter().filter_map(|happening| match happening {
            Happening::Frame(frame) => Some(frame),
            Happening::Line(_) => None,
        });
        let (mut left, mut landed) = (BTreeSet::new(), BTreeSet::new());
        for frame in frames {
            let place = (frame.side == Side::Server, frame.number);
            assert!(if frame.sent { left.insert(place) } else { landed.insert(place) });
        }
        let arrived: Vec<_> = told
            .pairs
            .iter()
            .filter_map(|(to_server, _, arrived, _)| Some((*to_server, (*arrived)?)))
            .collect();
        let unique: BTreeSet<_> = arrived.iter().copied().collect();
        prop_assert_eq!(arrived.len(), unique.len(), "an arrival is told of twice");
        prop_assert_eq!(unique, landed);
        let sent: BTreeSet<_> = told
            .pairs
            .iter()
            .filter_map(|(to_server, sent, ..)| Some((!*to_server, (*sent)?)))
            .collect();
        prop_assert_eq!(sent, left);
    }
}

#[test]
fn a_flood_that_never_arrives_is_let_go_and_said_so() {
    for join in [Join::ByFate, Join::ByContent] {
        let mut pair = Pair::new(join, Limits::default());
        let (mut told, mut notices) = (0_u64, 0);
        let mut sink = |event: &Event<'_>| {
            match event {
                Event::Passage(p) if p.part != Part::Departs => told += 1,
                Event::Notice(_) => notices += 1,
                _ => {}
            }
            Ok::<(), Infallible>(())
        };
        let frames = 20_000;
        for number in 1..=frames {
            let mut bytes = segment(number as u16, Side::Client);
            bytes[16..18].copy_from_slice(&140_u16.to_be_bytes());
            let frame = Happening::Frame(HostFrame {
                side: Side::Client,
                number,
                time: Timestamp::from_nanos(number * 1000),
                sent: true,
                bytes,
            });
            let Ok(()) = pair.happening(&frame, &mut sink);
        }
        let Ok(()) = pair.finish(&End::default(), &mut sink);
        assert_eq!((told, notices), (frames, 1), "{join:?}");
    }
}

#[test]
fn what_has_not_arrived_after_long_is_missing_even_if_it_comes_then() {
    let mut told = Told::default();
    let mut pair = Pair::new(Join::ByContent, Limits::default());
    let frame = |side, number, seconds: u64, sent, segment_number| {
        Happening::Frame(HostFrame {
            side,
            number,
            time: Timestamp::from_nanos(seconds * 1_000_000_000),
            sent,
            bytes: segment(segment_number, Side::Client),
        })
    };
    let happenings = [
        frame(Side::Client, 1, 1, true, 1),
        frame(Side::Client, 2, 5, true, 2),
        frame(Side::Server, 1, 6, false, 2),
        frame(Side::Client, 3, 12, true, 3),
        frame(Side::Server, 2, 13, false, 1),
    ];
    for happening in &happenings {
        let Ok(()) = pair.happening(happening, &mut |event: &Event<'_>| {
            if let Event::Passage(passage) = event {
                told.passage(passage);
            }
            Ok::<(), Infallible>(())
        });
    }
    // The first is given up, which sets free what came after it; the third may still arrive.
    let expected = [
        (true, Some(1), None, "missing"),
        (true, Some(2), Some(1), "delivered"),
    ];
    assert_eq!(told.pairs, expected);
    let Ok(()) = pair.finish(&End::default(), &mut |event: &Event<'_>| {
        if let Event::Passage(passage) = event {
            told.passage(passage);
        }
        Ok::<(), Infallible>(())
    });
    let rest = [
        (true, Some(3), None, "missing"),
        (true, None, Some(2), "unsent"),
    ];
    assert_eq!(told.pairs[2..], rest);
}
