//! Endpoints by hand against each other, over the lab's wire, in virtual time: nothing is sent, no clock is
//! read, and every test ends.

mod rules;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{HandmadeEvent, Judgement, TcpState};
use crate::frame::Timestamp;
use crate::lab::{
    Both, Config as WireConfig, Jitter, Link as Cable, Loss, Probability, Side, Wire,
};
use crate::wire::seq::Seq;

/// The address of each end.
fn address(side: Side, v6: bool) -> SocketAddr {
    let text = match (side, v6) {
        (Side::Client, false) => "10.0.0.1:40000",
        (Side::Server, false) => "10.0.0.2:8080",
        (Side::Client, true) => "[fd00::1]:40000",
        (Side::Server, true) => "[fd00::2]:8080",
    };
    text.parse().unwrap()
}

fn link(side: Side, v6: bool) -> Link {
    let number = if side == Side::Client { 1 } else { 2 };
    let hardware = [2, 0, 0, 0, 0, number];
    Link::new(hardware, address(side, v6), address(side.other(), v6))
}

fn config(iss: u32) -> Config {
    Config {
        iss: Seq(iss),
        window: 65_535,
        mss: 1460,
        mss_unsaid: 536,
        time_wait: Duration::from_mins(4),
    }
}

/// A host with an endpoint and a program that echoes.
struct Host {
    link: Link,
    end: Endpoint,
    closes_first: bool,
    echoed: usize,
    /// What it has to say when it is connected, and whether it is then done.
    speech: Vec<u8>,
}

impl Host {
    fn new(side: Side, v6: bool, config: Config) -> Self {
        Self {
            link: link(side, v6),
            end: Endpoint::new(config),
            closes_first: false,
            echoed: 0,
            speech: Vec::new(),
        }
    }

    fn hear(&mut self, now: Timestamp, frame: &[u8]) {
        if let Heard::Segment(segment) = self.link.hear(frame)
            && segment.0.checksum.1.is_none()
        {
            self.end.handle(now, &segment.0.segment);
        }
        if self.end.state() == TcpState::Established && !self.speech.is_empty() {
            let speech = std::mem::take(&mut self.speech);
            self.end.send(&speech);
            self.end.close();
        } else if self.end.passive && self.end.received().len() > self.echoed {
            let news = self.end.received()[self.echoed..].to_vec();
            self.echoed += news.len();
            self.end.send(&news);
            if self.closes_first {
                self.end.close();
            }
        }
        if self.end.state() == TcpState::CloseWait {
            self.end.close();
        }
    }

    fn say(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        if let Some(saying) = self.link.poll(now) {
            return Some(saying.bytes);
        }
        let sending = self.end.poll_transmit(now)?;
        let (own, peer) = (self.link.own(), self.link.peer());
        Some(self.link.carry(&sending.segment.emit(own, peer, 0)))
    }
}

/// Virtual time with a wire in it.
struct World {
    wire: Wire,
    now: Timestamp,
}

impl World {
    fn new(config: WireConfig) -> Self {
        Self {
            wire: Wire::new(config),
            now: Timestamp::from_nanos(1_000_000_000),
        }
    }

    /// Runs both ends until nothing is left to wait for.
    fn run(&mut self, ends: [Acts<'_>; 2]) {
        let [client, server] = ends;
        let mut sides = [(Side::Client, client), (Side::Server, server)];
        for _ in 0..20_000 {
            let mut next = self.wire.poll_timeout();
            for (side, end) in &mut sides {
                let (frames, due) = end(self.now, None);
                for frame in frames {
                    self.wire.handle_frame(self.now, *side, &frame);
                }
                next = next.into_iter().chain(due).min();
            }
            next = next.into_iter().chain(self.wire.poll_timeout()).min();
            let Some(next) = next else { return };
            self.now = self.now.max(next);
            while let Some(transmit) = self.wire.poll_transmit(self.now) {
                let to = usize::from(transmit.to == Side::Server);
                let (_, end) = &mut sides[to];
                let (frames, _) = end(self.now, Some(&transmit.bytes));
                for frame in frames {
                    self.wire.handle_frame(self.now, transmit.to, &frame);
                }
            }
        }
        panic!("it has no end");
    }
}

/// Frames that it sends, and when it wants to be asked again.
type Turn = (Vec<Vec<u8>>, Option<Timestamp>);
/// What an end does at a time, perhaps with a frame that comes.
type Acts<'a> = &'a mut dyn FnMut(Timestamp, Option<&[u8]>) -> Turn;

fn turn_of_host(host: &mut Host, now: Timestamp, frame: Option<&[u8]>) -> Turn {
    if let Some(frame) = frame {
        host.hear(now, frame);
    }
    let mut frames = Vec::new();
    while let Some(frame) = host.say(now) {
        frames.push(frame);
    }
    (frames, host.end.poll_timeout())
}

fn turn_of_session(
    session: &mut Session,
    events: &mut Vec<HandmadeEvent>,
    now: Timestamp,
    frame: Option<&[u8]>,
) -> Turn {
    if let Some(frame) = frame {
        session.handle_frame(now, frame);
    }
    let mut frames = Vec::new();
    while let Some(transmit) = session.poll_transmit(now) {
        frames.push(transmit.bytes);
    }
    while let Some(event) = session.poll_event() {
        events.push(event);
    }
    (frames, session.poll_timeout())
}

/// A session against a host by hand; what it told.
fn hold(plan: Plan, v6: bool, window: u16, wire: WireConfig) -> (Session, Vec<HandmadeEvent>) {
    let mut server = Host::new(Side::Server, v6, config(9_000_000));
    server.closes_first = plan.mistake == Some(Mistake::ForgetFin);
    server.end.listen();
    let ours = Config {
        window,
        ..config(1000)
    };
    let mut session = Session::new(plan, link(Side::Client, v6), ours);
    let mut events = Vec::new();
    World::new(wire).run([
        &mut |now, frame| turn_of_session(&mut session, &mut events, now, frame),
        &mut |now, frame| turn_of_host(&mut server, now, frame),
    ]);
    (session, events)
}

fn delayed() -> WireConfig {
    let cable = Cable {
        delay: Duration::from_millis(10),
        ..Cable::default()
    };
    WireConfig {
        links: Both {
            client: cable.clone(),
            server: cable,
        },
        ..WireConfig::default()
    }
}

fn plan(mistake: Option<Mistake>) -> Plan {
    Plan {
        mistake,
        data: b"made by hand".to_vec(),
        reply: Some(12),
        ..Plan::default()
    }
}

fn judgements(events: &[HandmadeEvent]) -> Vec<&Judgement> {
    let judged = events.iter().filter_map(|event| match event {
        HandmadeEvent::Judged(judgement) => Some(judgement),
        _ => None,
    });
    judged.collect()
}

/// The flags of what we sent, in order.
fn sent(events: &[HandmadeEvent]) -> Vec<String> {
    let sent = events.iter().filter_map(|event| match event {
        HandmadeEvent::Segment(segment) if segment.sent => {
            Some(format!("{} {}", segment.flags, segment.seq))
        }
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_connection_opens_talks_and_closes() {
    for v6 in [false, true] {
        let (session, events) = hold(plan(None), v6, 65_535, delayed());
        let end = session.ended().unwrap();
        assert!(end.ok, "{end:?}");
        assert_eq!(session.endpoint().received(), b"made by hand");
        // SYN, ACK, data, ACK of the echo, FIN, ACK of their FIN.
        assert_eq!(
            sent(&events),
            ["S 1000", "A 1001", "AP 1001", "A 1013", "AF 1013", "A 1014"]
        );
        for event in &events {
            if let HandmadeEvent::Segment(segment) = event {
                assert!(!segment.reasons.is_empty(), "{segment:?}");
                assert!(
                    segment.reasons.iter().all(|reason| reason.ok),
                    "{segment:?}"
                );
            }
        }
    }
}

/// What our own endpoint answers to each mistake is what is demanded too: the demands can be met.
#[test]
fn each_mistake_gets_the_answer_that_is_demanded() {
    for (mistake, expected) in [
        (Mistake::ForgetAck, 2),
        (Mistake::ForgetFin, 2),
        (Mistake::WrongSeq, 3),
        (Mistake::WrongAck, 4),
        (Mistake::WrongChecksum, 2),
        (Mistake::ZeroWindow, 2),
    ] {
        for v6 in [false, true] {
            let window = if mistake == Mistake::ZeroWindow {
                0
            } else {
                65_535
            };
            let (session, events) = hold(plan(Some(mistake)), v6, window, delayed());
            let judged = judgements(&events);
            assert_eq!(judged.len(), expected, "{mistake:?}: {judged:#?}");
            for judgement in judged {
                assert!(judgement.agrees, "{mistake:?}: {judgement:#?}");
            }
            let end = session.ended().unwrap();
            assert!(end.ok, "{mistake:?}: {end:?}");
            assert_eq!(
                session.endpoint().received(),
                b"made by hand",
                "{mistake:?}"
            );
        }
    }
}

#[test]
fn what_is_not_demanded_is_told() {
    // A wire that loses what comes back for a while: silence where an answer has to come.
    let mut wire = delayed();
    wire.links.server.loss = Loss::Random(Probability::new(1.0).unwrap());
    let (session, events) = hold(plan(Some(Mistake::WrongSeq)), false, 65_535, wire);
    assert!(judgements(&events).is_empty(), "nobody is there to judge");
    let end = session.ended().unwrap();
    assert!(!end.ok && end.text.contains("no such host"), "{end:?}");
}

#[test]
fn an_answer_that_does_not_come_is_no_agreement() {
    let mut server = Host::new(Side::Server, false, config(5));
    server.end.listen();
    let wrong = plan(Some(Mistake::WrongSeq));
    let mut session = Session::new(wrong, link(Side::Client, false), config(1000));
    let (mut events, mut said) = (Vec::new(), 0);
    World::new(delayed()).run([
        &mut |now, frame| turn_of_session(&mut session, &mut events, now, frame),
        &mut |now, frame| {
            let (mut frames, due) = turn_of_host(&mut server, now, frame);
            // After ARP and the SYN-ACK comes the answer to the mistake: it is swallowed.
            frames.retain(|_| {
                said += 1;
                said != 3
            });
            (frames, due)
        },
    ]);
    let judged = judgements(&events);
    let [_, swallowed, second] = judged[..] else {
        panic!("{judged:#?}");
    };
    assert!(
        !swallowed.agrees && swallowed.answer == "silence",
        "{swallowed:#?}"
    );
    assert!(second.agrees, "{second:#?}");
    let end = session.ended().unwrap();
    assert!(!end.ok && end.agreed == [2, 3], "{end:?}");
    assert_eq!(
        session.endpoint().received(),
        b"made by hand",
        "and yet it goes on"
    );
}

#[test]
fn a_closed_port_is_refused_and_judged() {
    let mut server = Host::new(Side::Server, false, config(5));
    let mut session = Session::new(plan(None), link(Side::Client, false), config(1000));
    let mut events = Vec::new();
    // CLOSED, not LISTEN.
    World::new(delayed()).run([
        &mut |now, frame| turn_of_session(&mut session, &mut events, now, frame),
        &mut |now, frame| turn_of_host(&mut server, now, frame),
    ]);
    let end = session.ended().unwrap();
    assert!(!end.ok && end.text.contains("refused"), "{end:?}");
    let judged = judgements(&events);
    assert!(judged.len() == 1 && judged[0].agrees, "{judged:#?}");
}

#[test]
fn stopping_tells_the_other_side() {
    let mut server = Host::new(Side::Server, false, config(5));
    server.end.listen();
    let mut session = Session::new(
        plan(Some(Mistake::ForgetAck)),
        link(Side::Client, false),
        config(1),
    );
    let (mut events, mut rounds) = (Vec::new(), 0);
    World::new(delayed()).run([
        &mut |now, frame| {
            rounds += 1;
            if rounds == 8 {
                session.stop(now, "enough");
            }
            turn_of_session(&mut session, &mut events, now, frame)
        },
        &mut |now, frame| turn_of_host(&mut server, now, frame),
    ]);
    assert_eq!(session.ended().unwrap().text, "enough");
    assert_eq!(sent(&events).last().unwrap(), "R 2");
    assert_eq!(
        server.end.state(),
        TcpState::Listen,
        "its half-open connection is gone"
    );
}

#[test]
fn both_may_open_at_once() {
    let mut one = Host::new(Side::Client, false, config(100));
    let mut two = Host::new(Side::Server, false, config(900));
    one.speech = b"from one".to_vec();
    two.speech = b"from two".to_vec();
    one.end.open();
    two.end.open();
    World::new(delayed()).run([
        &mut |now, frame| turn_of_host(&mut one, now, frame),
        &mut |now, frame| turn_of_host(&mut two, now, frame),
    ]);
    assert_eq!(one.end.received(), b"from two");
    assert_eq!(two.end.received(), b"from one");
    assert_eq!([one.end.ended(), two.end.ended()], [Some(Ended::Closed); 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a wire does to packets, all bytes come, in order, and both ends close.
    #[test]
    fn everything_arrives_over_a_bad_wire(
        seed: u64, loss in 0.0..0.15_f64, twice in 0.0..0.2_f64, damage in 0.0..0.1_f64,
        v6: bool, len in 0..20_000_usize, iss: (u32, u32), window in 1..65_535_u16,
    ) {
        let probability = |it| Probability::new(it).unwrap();
        let cable = Cable {
            delay: Duration::from_millis(20),
            jitter: Jitter { max: Duration::from_millis(30), reorders: true },
            loss: Loss::Random(probability(loss)),
            duplicate: probability(twice),
            corrupt: probability(damage),
            ..Cable::default()
        };
        let links = Both { client: cable.clone(), server: cable };
        let mut client = Host::new(Side::Client, v6, config(iss.0));
        // Small windows make many segments; there is no use in millions of them.
        let window = if len > 2000 { window.max(500) } else { window.max(20) };
        let mut server = Host::new(Side::Server, v6, Config { window, ..config(iss.1) });
        client.speech = (0..len).map(|at| (at % 251) as u8).chain([7]).collect();
        let speech = client.speech.clone();
        client.end.open();
        server.end.listen();
        World::new(WireConfig { seed, links, ..WireConfig::default() }).run([
            &mut |now, frame| turn_of_host(&mut client, now, frame),
            &mut |now, frame| turn_of_host(&mut server, now, frame),
        ]);
        // Seven losses in a row happen, to who tries often enough: then it is given up, and never wrong.
        let gave_up = [client.end.ended(), server.end.ended()].contains(&Some(Ended::GaveUp));
        prop_assert!(speech.starts_with(server.end.received()));
        prop_assert!(speech.starts_with(client.end.received()));
        if !gave_up {
            prop_assert_eq!(server.end.received(), &speech[..]);
            prop_assert_eq!(client.end.received(), &speech[..]);
            prop_assert_eq!([client.end.ended(), server.end.ended()], [Some(Ended::Closed); 2]);
        }
    }
}
