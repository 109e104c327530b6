//! SYNs of our own: one flow, told apart by their sequence numbers.

use super::*;

const MARK: u16 = 0xfffe;

fn own(v6: bool, config: Config, change: impl FnOnce(&mut Plan)) -> Run {
    Run::new(Method::Tcp, v6, config, |plan| {
        plan.syn_mark = Some(MARK);
        plan.port = 80;
        change(plan);
    })
}

#[test]
fn they_find_the_path_and_all_of_a_flow_look_alike() {
    for v6 in [false, true] {
        let run = own(v6, routers(5), |plan| {
            plan.flows = 3;
            plan.per_hop = 6;
        });
        let run = run.run();
        assert_eq!(run.trace().outcome, Outcome::Reached(6));
        assert_eq!(run.trace().answered, 36);
        for flow in 0..3 {
            let of_flow = run.sent.iter().filter(|probe| probe.flow == flow);
            let packets: Vec<_> = of_flow
                .map(|probe| transport(run.tracer.plan(), probe))
                .collect();
            let mut ports: Vec<_> = packets.iter().map(|it| it[..4].to_vec()).collect();
            ports.dedup();
            let expected = [(PORT + flow).to_be_bytes(), 80_u16.to_be_bytes()].concat();
            assert_eq!(ports, [expected]);
            let mut numbers: Vec<_> = packets.iter().map(|it| it[4..8].to_vec()).collect();
            numbers.dedup();
            assert!(packets.len() >= 12);
            assert_eq!(numbers.len(), packets.len(), "each has a number of its own");
        }
        for hop in &run.settled {
            for probe in &hop.probes {
                let answer = probe.answer.as_ref().unwrap();
                assert!(answer.rtt_ns.is_some());
                assert_eq!(probe.size, if v6 { 72 } else { 52 });
                let quote = answer.quote.as_ref();
                assert!(quote.is_none_or(|quote| quote.changes.is_empty()));
            }
        }
    }
}

/// A tracer whose probes are all sent, and what came of them when it is stopped.
fn sent() -> (Tracer, Timestamp) {
    let mut run = own(false, routers(9), |plan| {
        plan.first = 5;
        plan.max = 5;
    });
    let now = run.at();
    while run.tracer.poll_transmit(now).is_some() {}
    (run.tracer, now)
}

fn came(tracer: &mut Tracer, from: IpAddr, acked: u16, flags: tcp::Flags) {
    let segment = tcp::Repr {
        src_port: 80,
        dst_port: PORT,
        ack: Seq(u32::from(MARK) << 16 | u32::from(acked)).plus(1),
        flags,
        ..syn(tracer.plan(), 0)
    };
    let mut message = Vec::new();
    segment.emit(theirs(false), ours(false), &[], &mut message);
    let got = Received {
        from,
        ttl: Some(60),
        message: &message,
    };
    let now = Timestamp::from_nanos(1_000_005_000_000);
    tracer.handle_segment(now, Duration::ZERO, &got);
}

fn meanings(mut tracer: Tracer) -> Vec<(ProbeState, String)> {
    tracer.stop(Timestamp::from_nanos(1_000_006_000_000));
    let hop = std::iter::from_fn(|| tracer.poll_event()).find_map(|event| match event {
        TraceEvent::Settled(hop) => Some(hop),
        _ => None,
    });
    let of = |it: Probe| (it.state, it.answer.map_or(String::new(), |it| it.meaning));
    hop.unwrap().probes.into_iter().map(of).collect()
}

#[test]
fn an_open_port_answers_later_syns_of_a_flow_by_rst_or_challenge() {
    use tcp::Flags;
    let (mut tracer, _) = sent();
    came(&mut tracer, theirs(false), 1, Flags::SYN | Flags::ACK);
    came(&mut tracer, theirs(false), 2, Flags::RST | Flags::ACK);
    // It acknowledges the first again, and is about the third.
    came(&mut tracer, theirs(false), 1, Flags::ACK);
    let told = meanings(tracer);
    assert!(
        told.iter()
            .all(|(state, _)| *state == ProbeState::Destination)
    );
    for ((_, meaning), begins) in
        told.iter()
            .zip(["SYN-ACK", "RST: the port is open", "ACK: the port is open"])
    {
        assert!(meaning.starts_with(begins), "{meaning}");
    }
}

#[test]
fn segments_that_answer_none_of_them_are_nothing_of_ours() {
    use tcp::Flags;
    let (mut tracer, _) = sent();
    for (acked, flags) in [
        (0, Flags::SYN | Flags::ACK),
        (4, Flags::SYN | Flags::ACK),
        (1, Flags::SYN),
        (0x8000, Flags::RST | Flags::ACK),
    ] {
        came(&mut tracer, theirs(false), acked, flags);
    }
    let told = meanings(tracer);
    assert!(
        told.iter().all(|(state, _)| *state == ProbeState::Lost),
        "{told:?}"
    );
    let (mut tracer, _) = sent();
    came(&mut tracer, ours(false), 1, Flags::SYN | Flags::ACK);
    let told = meanings(tracer);
    assert_eq!(told[0].0, ProbeState::Wrong);
    assert!(told[0].1.ends_with("was asked"), "{told:?}");
}
