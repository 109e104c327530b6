//! `probe` over the lab's wire, in virtual time: both without sockets and clocks, so that hundreds of
//! runs take a moment, and what the wire did is known. The state that each request ends in is held
//! against that truth.

pub(crate) mod hosts;
pub(crate) mod truth;

use std::collections::HashMap;
use std::time::Duration;

use hosts::{Client, Deviation, Responder, Way};
use truth::{Arrival, What};
use wirelab::event::{Echo, EchoEvent, EchoState, ReplyFault};
use wirelab::frame::Timestamp;
use wirelab::lab::{
    Action, Config, Damage, Fault, Jitter, Link, Loss, Origin, Outcome, Probability, Router, Side,
    Wire,
};
use wirelab::probe::{Plan, Session};

/// How long a reply may take.
const TIMEOUT: Duration = Duration::from_millis(600);
const REQUESTS: u64 = 40;

/// A stream of numbers from a seed (`SplitMix64`).
pub(super) struct Chance(u64);

impl Chance {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % below
    }
}

/// A run: what is sent, how, and what becomes of it.
struct World {
    wire: Wire,
    session: Session,
    client: Client,
    responder: Responder,
    now: Timestamp,
    /// When each request was sent, by its count.
    sent: Vec<Timestamp>,
    /// Each reply's frame as the host made it, its request, and how the host deviated.
    replies: HashMap<u64, (u64, Vec<u8>, Option<Deviation>)>,
    /// The reply to each request as it was sent, by its count.
    ideal: HashMap<u64, Vec<u8>>,
    /// The request of each frame that the client gave to the wire.
    requests: HashMap<u64, u64>,
    /// Each frame that came out, by the number of its delivery.
    delivered: HashMap<u64, Vec<u8>>,
    settled: Vec<Echo>,
}

impl World {
    fn new(v6: bool, way: Way, size: usize, config: Config, responder: Responder) -> Self {
        let client = Client { v6, way };
        let mut plan = Plan::new(client.peer(), hosts::ID);
        plan.timeout = Some(TIMEOUT);
        plan.size = size;
        plan.nonce = size.is_multiple_of(2).then_some(*b"of ours!");
        plan.count = Some(REQUESTS);
        plan.interval = Duration::from_millis(50);
        plan.source = Some(client.address());
        plan.ttl = responder.ttl;
        if way == Way::Datagram {
            plan.written_id = 0;
        }
        Self {
            wire: Wire::new(config),
            session: Session::new(plan),
            client,
            responder,
            now: Timestamp::from_nanos(1_000_000_000_000),
            sent: Vec::new(),
            replies: HashMap::new(),
            ideal: HashMap::new(),
            requests: HashMap::new(),
            delivered: HashMap::new(),
            settled: Vec::new(),
        }
    }

    /// Until the wire is empty and all is sent; then everything is settled.
    fn run(mut self) -> Self {
        loop {
            self.step();
            let all_sent = self.sent.len() as u64 == REQUESTS;
            let due = (!all_sent).then(|| self.session.poll_timeout(self.now));
            let next = due.flatten().into_iter().chain(self.wire.poll_timeout());
            match next.min() {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
        }
        self.session.stop(self.now);
        self.collect();
        self
    }

    fn step(&mut self) {
        while let Some(request) = self.session.poll_transmit(self.now) {
            let count = request.count;
            let frame = self.client.send(request.message, self.responder.ttl);
            self.session.handle_sent(self.now);
            self.sent.push(self.now);
            let packet = self.wire.handle_frame(self.now, Side::Client, &frame);
            self.requests.insert(packet, count);
            let ideal = Responder::default().answer(self.client, &frame, count);
            self.ideal.insert(count, ideal.expect("an answer").0);
        }
        while let Some(out) = self.wire.poll_transmit(self.now) {
            match out.to {
                Side::Client => {
                    self.client.receive(&out.bytes, &mut self.session, self.now);
                }
                Side::Server => {
                    let count = self.requests.get(&out.packet).copied().unwrap_or(0);
                    if let Some((reply, how)) =
                        self.responder.answer(self.client, &out.bytes, count)
                    {
                        let packet = self.wire.handle_frame(self.now, Side::Server, &reply);
                        self.replies.insert(packet, (count, reply, how));
                    }
                }
            }
            self.delivered.insert(out.delivery, out.bytes);
        }
        self.session.handle_timeout(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let EchoEvent::Settled(echo) = event {
                self.settled.push(echo);
            }
        }
    }

    /// What came to the client, as the wire's fates have it.
    fn arrivals(&mut self) -> Vec<Arrival> {
        let mut all = Vec::new();
        while let Some(fate) = self.wire.poll_fate() {
            let (Some(at), Some(delivery)) = (fate.delivered_at, fate.delivery) else {
                continue;
            };
            let came = &self.delivered[&delivery];
            let (count, what) = match fate.from {
                Origin::Host(Side::Server) => {
                    let (count, made, how) = &self.replies[&fate.packet];
                    // The wire owns up to what it does. Damage to a checksum alone it also mends.
                    assert!(came == made || fate.outcome == Outcome::Corrupted);
                    (
                        *count,
                        truth::of_reply(self.client, &self.ideal[count], made, came, *how),
                    )
                }
                // Its answer to the packet of that number; the requests are the client's.
                Origin::Router(_) => match self.requests.get(&fate.packet) {
                    Some(&count) => (count, Some(What::Error)),
                    None => continue,
                },
                Origin::Host(Side::Client) => continue,
            };
            if let Some(what) = what {
                all.push(Arrival { count, at, what });
            }
        }
        // In the order in which they came, which is that of their deliveries.
        all.sort_by_key(|arrival| arrival.at);
        all
    }
}

fn probability(percent: u64) -> Probability {
    Probability::new(percent as f64 / 100.0).unwrap()
}

fn link(chance: &mut Chance) -> Link {
    Link {
        delay: Duration::from_millis(1 + chance.below(40)),
        jitter: Jitter {
            max: Duration::from_millis(chance.below(60)),
            reorders: chance.below(2) == 0,
        },
        loss: Loss::Random(probability(chance.below(15))),
        duplicate: probability(chance.below(10)),
        corrupt: probability(chance.below(15)),
        ..Link::default()
    }
}

/// Faults that are surely met, one for each kind of them.
fn faults(chance: &mut Chance, size: usize) -> Vec<Fault> {
    let mut named = |side: &str, action| Fault {
        packet: format!("{side} icmp {}", 1 + chance.below(25))
            .parse()
            .unwrap(),
        action,
    };
    let hold = Action::Hold {
        packets: 2,
        timeout: Duration::from_secs(1),
    };
    // Within the data, behind what tells which request it is.
    let mended = |bit| Action::Corrupt {
        damage: Damage::BitFromEnd(bit),
        mend: true,
    };
    let last = (size - 8).max(1) as u64 * 8;
    vec![
        named("server", Action::Delay(Duration::from_millis(700))),
        named("client", Action::Delay(Duration::from_millis(2_500))),
        named("server", hold),
        named("server", Action::Duplicate(2)),
        named("server", Action::Truncate(40)),
        named("server", Action::Block(Duration::from_millis(120))),
        named("client", mended(last / 2)),
        named("server", mended(last - 1)),
    ]
}

fn world(seed: u64) -> World {
    let mut chance = Chance(seed);
    let v6 = chance.below(2) == 0;
    let way = if chance.below(2) == 0 {
        Way::Raw
    } else {
        Way::Datagram
    };
    let size = 9 + chance.below(90) as usize;
    let mut config = Config {
        seed,
        ..Config::default()
    };
    (config.links.client, config.links.server) = (link(&mut chance), link(&mut chance));
    config.faults = faults(&mut chance, size);
    let mut responder = Responder::default();
    for (number, how) in Deviation::ALL.into_iter().enumerate() {
        let count = 1 + (chance.below(REQUESTS / 4) * 4 + number as u64);
        responder.deviations.insert(count, how);
    }
    if seed.is_multiple_of(8) {
        // It ends at the second of two routers.
        responder.ttl = 2;
        // A router quotes whatever it got; here it is to get what was sent.
        config.links.client.corrupt = Probability::NEVER;
        config.faults.clear();
        config.routers = vec![router(1), router(2)];
    }
    World::new(v6, way, size, config, responder)
}

fn router(number: u8) -> Router {
    Router {
        v4: [10, 0, 9, number].into(),
        v6: [0x2001, 0xdb8, 9, 0, 0, 0, 0, u16::from(number)].into(),
        mtu: None,
    }
}

#[test]
fn over_any_wire_each_state_is_the_truth() {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    for seed in 0..600 {
        let mut world = world(seed).run();
        let arrivals = world.arrivals();
        let expected = truth::states(&world.sent, &arrivals, TIMEOUT);
        assert_eq!(world.settled.len() as u64, REQUESTS);
        for (echo, (state, damage)) in world.settled.iter().zip(&expected) {
            assert_eq!(
                (echo.state, echo.count),
                (*state, echo.count),
                "seed {seed}, request {}: {echo:#?}\n{:#?}",
                echo.count,
                arrivals
                    .iter()
                    .filter(|it| it.count == echo.count)
                    .collect::<Vec<_>>()
            );
            if let (Some(at), Some(ReplyFault::Corrupted(found))) = (damage, &echo.fault) {
                assert_eq!(found.at, *at, "seed {seed}: {echo:?}");
            }
            *seen.entry(echo.state.name()).or_default() += 1;
        }
        let received = expected.iter().filter(|(state, _)| state.is_received());
        let statistics = world.session.statistics();
        assert_eq!(statistics.received, received.count() as u64, "seed {seed}");
        assert_eq!(statistics.transmitted, REQUESTS);
    }
    // It would prove nothing if some never came about.
    for state in EchoState::ALL {
        // What the kernel refuses to send never reaches a wire.
        if state.name() == "unsent" {
            continue;
        }
        let number = seen.get(state.name()).copied().unwrap_or(0);
        assert!(number >= 100, "{}: {number} only of {seen:?}", state.name());
    }
}

#[test]
fn a_perfect_wire_answers_everything() {
    for v6 in [false, true] {
        for way in [Way::Raw, Way::Datagram] {
            let world = World::new(v6, way, 56, Config::default(), Responder::default()).run();
            let answered = |echo: &Echo| echo.state == EchoState::Answered && echo.replies == 1;
            assert!(world.settled.iter().all(answered), "{:?}", world.settled);
            assert!(
                world
                    .settled
                    .iter()
                    .all(|echo| echo.from == Some(world.client.peer()))
            );
        }
    }
}
