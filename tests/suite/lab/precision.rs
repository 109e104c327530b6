//! A fault meets the packet it names and no other, whatever else happens: a thousand connections with
//! random noise, retransmissions and reordering, against a model that is told what each frame is.

use proptest::test_runner::{RngAlgorithm, TestRng};
use wirelab::lab::{Action, Config, Side};

use super::frames::{self, PORT, Tcp};
use super::pair::{Pair, fault};

use Side::{Client, Server};

/// Random numbers for the test: proptest's generator, from a seed.
struct Dice(TestRng);

impl Dice {
    fn new(run: u64) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&run.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    }

    fn below(&mut self, below: u32) -> u32 {
        use proptest::prelude::Rng as _;
        self.0.next_u32() % below
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

/// Something on the wire that is none of the experiment's business.
fn noise(dice: &mut Dice) -> (Side, Vec<u8>) {
    let side = if dice.one_in(2) { Client } else { Server };
    let frame = match dice.below(6) {
        0 => frames::arp(side),
        1 => frames::router_solicitation(side),
        2 => frames::ping(side, 7),
        3 => frames::udp(side, dice.one_in(2), 64, 100),
        // Another connection, to another port.
        4 => Tcp {
            port: 22,
            ..Tcp::new(side, "A", dice.below(5000), 100)
        }
        .frame(),
        // A pure ACK of this one.
        _ => Tcp::new(side, "A", 1, 0).frame(),
    };
    (side, frame)
}

/// The client's ten data segments, each first sent in nearly the order of their numbers, with
/// retransmissions of what went before in between. True marks the first transmission.
fn transmissions(dice: &mut Dice) -> Vec<(usize, bool)> {
    let mut order: Vec<usize> = (0..10).collect();
    for i in 1..order.len() {
        if dice.one_in(4) {
            order.swap(i - 1, i);
        }
    }
    let mut sent = Vec::new();
    for (i, &segment) in order.iter().enumerate() {
        sent.push((segment, true));
        while dice.one_in(3) {
            sent.push((order[dice.below(i as u32 + 1) as usize], false));
        }
    }
    sent
}

/// One connection; gives what was dropped, and the packet that is the third first transmission.
fn run(run: u64) -> (Vec<u64>, u64) {
    let mut dice = Dice::new(run);
    let start = u32::MAX - dice.below(12_000);
    let mut pair = Pair::new(Config {
        faults: vec![fault("client data 3", Action::Drop)],
        port: Some(PORT),
        ..Config::default()
    });
    let mut time = 0;
    let mut first = 0;
    let mut third = 0;
    pair.send(0, Client, &Tcp::new(Client, "S", start, 0).frame());
    for (segment, is_first) in transmissions(&mut dice) {
        while dice.one_in(2) {
            let (side, frame) = noise(&mut dice);
            pair.send(time, side, &frame);
        }
        time += u64::from(dice.below(3000));
        let seq = start.wrapping_add(1 + segment as u32 * 1000);
        let packet = pair.send(time, Client, &Tcp::new(Client, "A", seq, 1000).frame());
        first += usize::from(is_first);
        if is_first && first == 3 {
            third = packet;
        }
    }
    pair.finish();
    (pair.dropped(), third)
}

#[test]
fn a_thousand_runs_drop_the_third_data_segment_and_nothing_else() {
    for seed in 0..1000 {
        let (dropped, third) = run(seed);
        assert_eq!(dropped, [third], "seed {seed}");
    }
}
