//! Traces in virtual time, over the lab's wire with its routers: nothing is sent, and no clock is read.

mod quotes;
mod syns;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{Hop, Method, Outcome, Probe, ProbeState, Trace, TraceEvent, TraceRemark};
use crate::frame::Timestamp;
use crate::lab::{Action, Config, Fault, Loss, Probability, Router, Side, Wire};
use crate::wire::seq::Seq;
use crate::wire::{icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

const ID: u16 = 0x4321;
const PORT: u16 = 41_000;
const ETHERNET: usize = 14;

fn ours(v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 1).into()
    } else {
        Ipv4Addr::new(10, 0, 0, 1).into()
    }
}

fn theirs(v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 2).into()
    } else {
        Ipv4Addr::new(10, 9, 0, 2).into()
    }
}

fn router(number: u8) -> Router {
    Router {
        v4: Ipv4Addr::new(10, number, 0, 1),
        v6: Ipv6Addr::new(0xfd00, u16::from(number) + 0x10, 0, 0, 0, 0, 0, 1),
        mtu: None,
    }
}

/// An Ethernet frame with an IP packet of ours.
fn frame(v6: bool, ttl: u8, protocol: u8, whole: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1];
    match (ours(v6), theirs(v6)) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            frame.extend([8, 0]);
            let header = ipv4::Repr {
                ttl,
                protocol,
                src,
                dst,
                dont_fragment: whole,
                ..ipv4::Repr::default()
            };
            header.emit(payload, &mut frame);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            frame.extend([0x86, 0xdd]);
            let header = ipv6::Repr {
                hop_limit: ttl,
                next_header: protocol,
                src,
                dst,
                ..ipv6::Repr::default()
            };
            header.emit(payload, &mut frame);
        }
        _ => panic!("of two kinds"),
    }
    frame
}

/// What comes after the IP header of a probe.
fn transport(plan: &Plan, probe: &Transmit) -> Vec<u8> {
    let mut message = Vec::new();
    plan.write(probe.number, probe.flow, probe.size, &mut message);
    let v6 = plan.is_v6();
    let mut out = Vec::new();
    match plan.method {
        Method::Icmp => out = message,
        Method::Tcp if plan.syn_mark.is_some() => out = message,
        Method::Udp => {
            let header = udp::Repr {
                src_port: plan.src_ports[usize::from(probe.flow)],
                dst_port: plan.dst_port(probe.number, probe.flow),
                length: None,
                checksum: None,
            };
            header.emit(ours(v6), theirs(v6), &message, &mut out);
        }
        Method::Tcp => syn(plan, probe.number).emit(ours(v6), theirs(v6), &[], &mut out),
    }
    out
}

fn syn(plan: &Plan, number: u16) -> tcp::Repr {
    tcp::Repr {
        src_port: PORT + number,
        dst_port: plan.port,
        seq: Seq(7),
        ack: Seq(0),
        data_offset: None,
        reserved: 0,
        flags: tcp::Flags::SYN,
        window: 64_240,
        checksum: None,
        urgent: 0,
        options: Vec::new(),
    }
}

/// A run whose network is a wire with routers, and a host that answers as Linux does.
struct Run {
    tracer: Tracer,
    wire: Wire,
    now: u64,
    shown: Vec<Hop>,
    settled: Vec<Hop>,
    late: Vec<Probe>,
    sent: Vec<Transmit>,
    in_flight: usize,
}

impl Run {
    fn new(method: Method, v6: bool, config: Config, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::new(theirs(v6), method, ID);
        plan.source = Some(ours(v6));
        plan.wait = Duration::from_secs(1);
        change(&mut plan);
        if method == Method::Udp || plan.syn_mark.is_some() {
            plan.src_ports = (0..plan.flows).map(|flow| PORT + flow).collect();
        }
        Self {
            tracer: Tracer::new(plan),
            wire: Wire::new(config),
            now: 1_000_000_000_000,
            shown: Vec::new(),
            settled: Vec::new(),
            late: Vec::new(),
            sent: Vec::new(),
            in_flight: 0,
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    /// To its end; the time jumps to what is due next.
    fn run(mut self) -> Self {
        for _ in 0..100_000 {
            self.step();
            if self.tracer.is_over() {
                self.collect();
                return self;
            }
            let own = self.tracer.poll_timeout(self.at());
            let next = own.into_iter().chain(self.wire.poll_timeout()).min();
            let next = next.expect("it waits for something").as_nanos();
            self.now = self.now.max(next);
        }
        panic!("it never ends: {:?}", self.tracer);
    }

    fn step(&mut self) {
        while let Some(transmit) = self.wire.poll_transmit(self.at()) {
            match transmit.to {
                Side::Server => self.serve(&transmit.bytes),
                Side::Client => self.take(&transmit.bytes),
            }
        }
        self.tracer.handle_timeout(self.at());
        while let Some(probe) = self.tracer.poll_transmit(self.at()) {
            let plan = self.tracer.plan();
            let (v6, protocol) = (plan.is_v6(), plan.protocol());
            let packet = transport(plan, &probe);
            if plan.method == Method::Tcp && plan.syn_mark.is_none() {
                self.tracer.handle_port(probe.number, PORT + probe.number);
            }
            if probe.whole && probe.size > 1500 {
                let mtu = Some(1500);
                self.tracer
                    .handle_unsent(probe.number, Unsent::TooBig { mtu });
                continue;
            }
            let frame = frame(v6, probe.ttl, protocol, probe.whole, &packet);
            if plan_is_sized(self.tracer.plan()) {
                assert_eq!(frame.len(), ETHERNET + probe.size);
            }
            self.sent.push(probe);
            self.wire.handle_frame(self.at(), Side::Client, &frame);
            self.in_flight = self.in_flight.max(self.wire.in_flight());
        }
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(event) = self.tracer.poll_event() {
            match event {
                TraceEvent::Hop(hop) => self.shown.push(hop),
                TraceEvent::Settled(hop) => self.settled.push(hop),
                TraceEvent::Late(probe) => self.late.push(probe),
                TraceEvent::Mtu(_) => {}
            }
        }
    }

    /// The destination answers: an echo, a port that nobody serves, or RST.
    fn serve(&mut self, frame: &[u8]) {
        let v6 = self.tracer.plan().is_v6();
        let packet = &frame[ETHERNET..];
        let header = if v6 { 40 } else { 20 };
        let message = &packet[header..];
        let answer = match self.tracer.plan().method {
            Method::Icmp => {
                let mut reply = message.to_vec();
                reply[0] = if v6 { 129 } else { 0 };
                reply[2..4].fill(0);
                let ends = v6.then(|| (theirs(v6), ours(v6)));
                crate::wire::echo::seal(&mut reply, ends);
                reply
            }
            Method::Udp => unreachable_port(v6, packet),
            Method::Tcp => {
                let segment = tcp::Header::new(message).unwrap();
                let reset = tcp::Repr {
                    src_port: segment.dst_port(),
                    dst_port: segment.src_port(),
                    ack: segment.seq().plus(1),
                    flags: tcp::Flags::RST | tcp::Flags::ACK,
                    ..syn(self.tracer.plan(), 0)
                };
                let mut out = Vec::new();
                reset.emit(theirs(v6), ours(v6), &[], &mut out);
                out
            }
        };
        let protocol = match (self.tracer.plan().method, v6) {
            (Method::Tcp, _) => 6,
            (_, true) => 58,
            (_, false) => 1,
        };
        let mut back = self::frame(v6, 64, protocol, false, &answer);
        // From there to here: addresses exchanged, which changes no sum.
        let at = ETHERNET + if v6 { 8 } else { 12 };
        let len = if v6 { 16 } else { 4 };
        let (src, dst) = back[at..at + 2 * len].split_at_mut(len);
        src.swap_with_slice(dst);
        self.wire.handle_frame(self.at(), Side::Server, &back);
    }

    fn take(&mut self, frame: &[u8]) {
        let v6 = self.tracer.plan().is_v6();
        let packet = &frame[ETHERNET..];
        let (from, ttl, protocol, message) = if v6 {
            let (header, message) = ipv6::Repr::parse(packet).unwrap();
            let from = header.src.into();
            (from, header.hop_limit, header.next_header, message)
        } else {
            let (header, message) = ipv4::Repr::parse(packet).unwrap();
            (header.src.into(), header.ttl, header.protocol, message)
        };
        let now = self.at();
        if protocol == 6 && self.tracer.plan().syn_mark.is_some() {
            let (lag, ttl) = (Duration::ZERO, Some(ttl));
            let got = Received { from, ttl, message };
            return self.tracer.handle_segment(now, lag, &got);
        }
        if protocol == 6 {
            let segment = tcp::Header::new(message).unwrap();
            let number = segment.dst_port() - PORT;
            return self.tracer.handle_tcp(now, number, TcpAnswer::Reset, true);
        }
        let ttl = Some(ttl);
        let got = Received { from, ttl, message };
        self.tracer.handle_message(now, Duration::ZERO, &got);
    }

    fn trace(&self) -> Trace {
        self.tracer.trace()
    }

    fn addresses(&self) -> Vec<Vec<IpAddr>> {
        self.shown.iter().map(Hop::addresses).collect()
    }

    fn states(&self) -> Vec<Vec<ProbeState>> {
        let of = |hop: &Hop| hop.probes.iter().map(|it| it.state).collect();
        self.settled.iter().map(of).collect()
    }
}

/// The kernel's SYN has a size of its own.
fn plan_is_sized(plan: &Plan) -> bool {
    plan.method != Method::Tcp || plan.syn_mark.is_some()
}

fn unreachable_port(v6: bool, packet: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let (IpAddr::V6(from), IpAddr::V6(to)) = (theirs(v6), ours(v6)) {
        let error = icmpv6::Repr {
            kind: 1,
            code: 4,
            ..icmpv6::Repr::default()
        };
        error.emit(from, to, packet, &mut out);
    } else {
        let error = icmpv4::Repr {
            kind: 3,
            code: 3,
            ..icmpv4::Repr::default()
        };
        error.emit(packet, &mut out);
    }
    out
}

fn routers(number: u8) -> Config {
    let mut config = Config {
        routers: (1..=number).map(router).collect(),
        ..Config::default()
    };
    config.links.client.delay = Duration::from_millis(20);
    config.links.server.delay = Duration::from_millis(20);
    config
}

const METHODS: [Method; 3] = [Method::Icmp, Method::Udp, Method::Tcp];

#[test]
fn every_method_finds_the_same_path() {
    for (method, v6) in METHODS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let run = Run::new(method, v6, routers(3), |_| ()).run();
        let expected: Vec<Vec<IpAddr>> = (1..=3)
            .map(|number| match (router(number), v6) {
                (router, true) => vec![router.v6.into()],
                (router, false) => vec![router.v4.into()],
            })
            .chain([vec![theirs(v6)]])
            .collect();
        assert_eq!(run.addresses(), expected, "{method:?} {v6}");
        let trace = run.trace();
        assert_eq!(trace.outcome, Outcome::Reached(4));
        assert_eq!(trace.remarks, []);
        assert_eq!((trace.answered, trace.best_rtt_ns), (12, Some(40_000_000)));
        // Routers stand at equal distances: a quarter of 40 ms each, there and back.
        for (hop, ms) in run.shown.iter().zip([10, 20, 30, 40]) {
            for probe in &hop.probes {
                let answer = probe.answer.as_ref().unwrap();
                assert_eq!(answer.rtt_ns, Some(ms * 1_000_000));
                if method != Method::Tcp || hop.ttl < 4 {
                    assert_eq!(answer.back.unwrap().hops, hop.ttl);
                }
                if hop.ttl < 4 {
                    assert_eq!(answer.quoted_ttl, Some(1));
                    assert_eq!(answer.quote.as_ref().unwrap().changes, []);
                }
            }
        }
        assert_eq!(run.shown, run.settled);
        assert!(run.in_flight <= 16);
    }
}

#[test]
fn all_probes_of_a_flow_look_alike_to_who_chooses_between_paths() {
    for v6 in [false, true] {
        for method in [Method::Icmp, Method::Udp] {
            let mut run = Run::new(method, v6, routers(5), |plan| {
                plan.flows = 3;
                plan.per_hop = 6;
            });
            let mut seen: [Vec<[u8; 4]>; 3] = Default::default();
            run = run.run();
            for probe in &run.sent {
                let bytes = transport(run.tracer.plan(), probe);
                seen[usize::from(probe.flow)].push(*bytes.first_chunk().unwrap());
            }
            for flow in &mut seen {
                assert!(flow.len() >= 12);
                flow.dedup();
                assert_eq!(flow.len(), 1, "{method:?}");
            }
            assert!(seen[0] != seen[1] && seen[1] != seen[2]);
        }
    }
}

#[test]
fn a_path_that_answers_nowhere_is_given_up_at_its_last_hop() {
    let mut config = routers(2);
    config.faults.push(Fault {
        packet: "client any every".parse().unwrap(),
        action: Action::Drop,
    });
    let run = Run::new(Method::Udp, false, config, |plan| plan.max = 7).run();
    assert_eq!(run.trace().outcome, Outcome::Silence(0));
    assert_eq!(run.states(), vec![vec![ProbeState::Lost; 3]; 7]);
    assert_eq!(run.trace().sent, 21);
}

#[test]
fn late_is_not_lost() {
    let mut config = routers(3);
    config.faults.push(Fault {
        packet: "client icmp 4".parse().unwrap(),
        action: Action::Delay(Duration::from_millis(1500)),
    });
    // The last hop keeps the trace going until the late answer is there.
    config.faults.push(Fault {
        packet: "client icmp 10".parse().unwrap(),
        action: Action::Drop,
    });
    let run = Run::new(Method::Icmp, false, config, |plan| {
        plan.pause = Duration::from_millis(100);
        plan.in_flight = 16;
    })
    .run();
    assert_eq!(run.states()[1][0], ProbeState::Late);
    assert_eq!(run.late.len(), 1);
    assert_eq!(
        run.late[0].answer.as_ref().unwrap().rtt_ns,
        Some(1_520_000_000)
    );
    assert_eq!(run.states()[3][0], ProbeState::Lost);
    assert_eq!(
        run.trace().remarks,
        [TraceRemark::Lossy {
            ttl: 4,
            errors: false
        }]
    );
}

#[test]
fn what_a_later_hop_answers_was_not_lost_at_an_earlier_one() {
    let mut config = routers(3);
    for number in [1, 5, 6] {
        config.faults.push(Fault {
            packet: format!("client icmp {number}").parse().unwrap(),
            action: Action::Drop,
        });
    }
    let run = Run::new(Method::Icmp, false, config, |_| ()).run();
    let limited = |ttl, unanswered| TraceRemark::Limited {
        ttl,
        unanswered,
        sent: 3,
        later: 3,
    };
    assert_eq!(run.trace().remarks, [limited(1, 1), limited(2, 2)]);
}

#[test]
fn the_path_mtu_is_what_the_tightest_router_says() {
    for v6 in [false, true] {
        let mut config = routers(3);
        config.routers[0].mtu = Some(1450);
        config.routers[2].mtu = Some(1400);
        let run = Run::new(Method::Icmp, v6, config, |plan| plan.path_mtu = true).run();
        let found = run.trace().path_mtu.unwrap();
        assert_eq!(
            (found.mtu, found.hop, found.black_hole),
            (Some(1400), 4, None)
        );
        let steps: Vec<_> = found
            .steps
            .iter()
            .map(|it| (it.hop, it.size, it.mtu))
            .collect();
        assert_eq!(
            steps,
            [
                (Some(0), 65535, Some(1500)),
                (Some(1), 1500, Some(1450)),
                (Some(3), 1450, Some(1400))
            ]
        );
        assert!(found.complete);
    }
}

#[test]
fn routers_that_point_at_each_other_are_a_loop_and_end_the_probing() {
    let mut config = routers(1);
    config
        .routers
        .extend((0..16).map(|nth| router(2 + nth % 2)));
    for quiet in [false, true] {
        let mut config = config.clone();
        if quiet {
            // Hops 4 and 5 say nothing: that is not what matters here.
            config.faults.extend((10..=15).map(|number| Fault {
                packet: format!("client icmp {number}").parse().unwrap(),
                action: Action::Drop,
            }));
        }
        let run = Run::new(Method::Icmp, false, config, |_| ()).run();
        let trace = run.trace();
        assert_eq!(trace.outcome, Outcome::Loop(2));
        assert!(trace.sent < 40, "{trace:?}");
        let remarks = &trace.remarks;
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(
            remarks
                .iter()
                .all(|it| matches!(it, TraceRemark::Loop { ttls, .. } if ttls.len() > 1))
        );
    }
}

#[test]
fn stopped_it_tells_what_it_knows() {
    let mut run = Run::new(Method::Icmp, false, routers(3), |plan| plan.in_flight = 4);
    for _ in 0..6 {
        run.step();
        run.now += 5_000_000;
    }
    let now = run.at();
    run.tracer.stop(now);
    run.collect();
    assert!(run.tracer.is_over() && run.tracer.poll_transmit(now).is_none());
    assert!(
        matches!(run.trace().outcome, Outcome::Stopped(1..=3)),
        "{:?}",
        run.trace()
    );
    assert_eq!(run.shown.len(), run.settled.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn over_a_bad_wire_each_probe_ends_in_one_state(
        seed: u64, v6: bool, method in 0..3_usize, loss in 0.0..0.6_f64, copies in 0.0..0.3_f64,
        jitter in 0..1500_u64, in_flight in 1..20_usize, flows in 1..4_u16,
    ) {
        let mut config = routers(4);
        config.seed = seed;
        for link in [&mut config.links.client, &mut config.links.server] {
            link.loss = Loss::Random(Probability::new(loss).unwrap());
            link.duplicate = Probability::new(copies).unwrap();
            link.jitter.max = Duration::from_millis(jitter);
            link.jitter.reorders = true;
        }
        let run = Run::new(METHODS[method], v6, config, |plan| {
            plan.in_flight = in_flight;
            plan.flows = flows;
            plan.max = 9;
        })
        .run();
        let trace = run.trace();
        prop_assert_eq!(trace.states.iter().sum::<u64>() + trace.beyond, trace.sent);
        for (ttl, hop) in (1..).zip(&run.settled) {
            prop_assert_eq!(hop.ttl, ttl);
            for probe in &hop.probes {
                prop_assert_eq!(probe.ttl, ttl);
                // Nobody answers for another: the router of that hop, or the destination.
                if let Some(from) = probe.from() {
                    let own: IpAddr = if v6 { router(ttl).v6.into() } else { router(ttl).v4.into() };
                    prop_assert_eq!(from, if ttl > 4 { theirs(v6) } else { own });
                }
                let answered = !matches!(probe.state, ProbeState::Lost);
                prop_assert_eq!(probe.answer.is_some(), answered);
                prop_assert!(!matches!(probe.state, ProbeState::Wrong | ProbeState::Unsent));
            }
        }
        if let Outcome::Reached(hop) = trace.outcome {
            prop_assert!(hop >= 5);
        }
    }
}
