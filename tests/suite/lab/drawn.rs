//! What a wire did to packets, as the ladder of both ends draws it.

use etherparse::PacketBuilder;
use wirelab::analysis::Limits;
use wirelab::event::{End, Event};
use wirelab::frame::Timestamp;
use wirelab::lab::truth::{CallLine, Happening, Line, Sample};
use wirelab::lab::{Action, Config, Damage, Link, Router, Side};
use wirelab::pair::{Join, Pair};
use wirelab::view::{self, BothEnds, Style};

use super::frames::{arp, ping, udp, v6_address};
use super::joins::Run;
use super::pair::{at, fault, ms};

fn config(faults: &[(&str, Action)]) -> Config {
    let mut config = Config::default();
    config.links.client.delay = ms(10);
    config.links.server.delay = ms(10);
    config.faults = faults
        .iter()
        .map(|(packet, action)| fault(packet, action.clone()))
        .collect();
    config
}

/// With the first line of a run, which names the faults.
fn with_names(happenings: Vec<Happening>, faults: &[(&str, Action)]) -> Vec<Happening> {
    let run = wirelab::lab::truth::Run {
        faults: config(faults)
            .faults
            .iter()
            .map(ToString::to_string)
            .collect(),
        ..Default::default()
    };
    std::iter::once(Happening::Line(Line::Run(run)))
        .chain(happenings)
        .collect()
}

fn draw(happenings: &[Happening], style: Style) -> String {
    let mut out = Vec::new();
    let shows = BothEnds {
        calls: true,
        figures: true,
    };
    let mut view = view::both(style, shows);
    let mut pair = Pair::new(Join::ByFate, Limits::default());
    for happening in happenings {
        pair.happening(happening, &mut |event| view.event(event, &mut out))
            .expect("a vector takes all");
    }
    pair.finish(&End::default(), &mut |event: &Event<'_>| {
        view.event(event, &mut out)
    })
    .expect("a vector takes all");
    String::from_utf8(out).expect("text")
}

fn shows(name: &str, happenings: &[Happening]) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, draw(happenings, Style::default()));
    });
}

#[test]
fn packets_that_are_no_segments() {
    let faults = [
        ("client udp 2", Action::Drop),
        ("client udp 3", Action::Duplicate(1)),
        ("client udp 4", Action::Delay(ms(1500))),
    ];
    let mut config = config(&faults);
    config.routers = [1, 2]
        .map(|number| Router {
            v4: [192, 0, 2, number].into(),
            v6: v6_address(100 + number).into(),
            mtu: None,
        })
        .to_vec();
    let mut run = Run::new(config);
    run.send(at(0), Side::Client, arp(Side::Client));
    for n in 1..=4 {
        run.send(
            at(n * 1000),
            Side::Client,
            udp(Side::Client, false, 64, 100 + n as usize),
        );
    }
    // The time of these runs out on the way.
    run.send(at(40_000), Side::Client, udp(Side::Client, false, 1, 90));
    run.send(at(80_000), Side::Client, udp(Side::Client, false, 2, 91));
    run.send(at(120_000), Side::Client, ping(Side::Client, 1));
    run.send(at(3_000_000), Side::Server, ping(Side::Server, 2));
    run.finish();
    shows("both-no-segments", &with_names(run.happenings, &faults));
}

/// A segment with a window that is never in the way.
fn segment(from: Side, flags: &str, seq: u32, ack: u32, len: usize) -> Vec<u8> {
    let (src, dst, ports) = match from {
        Side::Client => (1, 2, (40_000, 8080)),
        Side::Server => (2, 1, (8080, 40_000)),
    };
    let mut tcp = PacketBuilder::ethernet2([2, 0, 0, 0, 0, src], [2, 0, 0, 0, 0, dst])
        .ipv4([10, 0, 0, src], [10, 0, 0, dst], 64)
        .tcp(ports.0, ports.1, seq, 65_535);
    if flags.contains('S') {
        tcp = tcp.syn();
    }
    if flags.contains('A') {
        tcp = tcp.ack(ack);
    }
    let mut bytes = Vec::new();
    tcp.write(&mut bytes, &vec![b'.'; len]).expect("it fits");
    bytes
}

fn line(host: &str, time: Timestamp, call: &str, result: i64, blocked_ms: u64) -> Happening {
    Happening::Line(Line::Call(CallLine {
        host: host.to_owned(),
        time,
        call: call.to_owned(),
        arguments: "…".to_owned(),
        result: Some(result),
        blocked_ns: blocked_ms * 1_000_000,
        ..CallLine::default()
    }))
}

/// A transfer of `count` segments at 1 ms each, acknowledged one by one.
fn bulk(count: u32, faults: &[(&str, Action)]) -> Vec<Happening> {
    use Side::{Client, Server};
    let mut run = Run::new(config(faults));
    run.send(at(0), Client, segment(Client, "S", 0, 0, 0));
    run.send(at(10_000), Server, segment(Server, "SA", 0, 1, 0));
    run.send(at(20_000), Client, segment(Client, "A", 1, 1, 0));
    run.happenings.push(line("client", at(0), "connect", 0, 20));
    let mut sends = Vec::new();
    for n in 0..u64::from(count) {
        let seq = 1 + n as u32 * 1000;
        sends.push((
            21_000 + n * 1000,
            Client,
            segment(Client, "A", seq, 1, 1000),
        ));
        sends.push((
            31_010 + n * 1000,
            Server,
            segment(Server, "A", 1, seq + 1000, 0),
        ));
    }
    sends.sort_by_key(|(time, ..)| *time);
    for (time, from, bytes) in sends {
        run.send(at(time), from, bytes);
        if from == Server {
            run.happenings
                .push(line("server", at(time), "recv", 1000, 0));
        } else {
            run.happenings
                .push(Happening::Line(Line::Sample(Box::new(Sample {
                    host: "client".to_owned(),
                    time: at(time),
                    packet: Some(1),
                    state: "ESTABLISHED".to_owned(),
                    cwnd: Some(10),
                    unacked: Some(10),
                    ..Sample::default()
                }))));
        }
    }
    run.finish();
    run.happenings
}

#[test]
fn a_long_transfer_is_folded_and_what_happens_in_it_is_not() {
    let faults = [
        ("client data 60", Action::Drop),
        (
            "client data 80",
            Action::Corrupt {
                damage: Damage::BitFromEnd(9),
                mend: false,
            },
        ),
        ("client data 90", Action::Duplicate(1)),
    ];
    let happenings = with_names(bulk(120, &faults), &faults);
    shows("both-bulk", &happenings);
    let all = Style {
        all: true,
        ..Style::default()
    };
    let drawn = draw(&happenings, all);
    assert_eq!(drawn.matches("recv(…) → 1000").count(), 120);
    assert!(!drawn.contains("unfolds"));
}

#[test]
fn what_comes_from_outside_does_nothing_to_a_terminal() {
    let mut happenings = bulk(3, &[]);
    let evil = "\x1b[2J\u{202e}evil";
    happenings.push(Happening::Line(Line::Call(CallLine {
        host: "client".to_owned(),
        program: evil.to_owned(),
        socket: evil.to_owned(),
        time: at(50_000),
        call: evil.to_owned(),
        arguments: evil.to_owned(),
        errno: Some(evil.to_owned()),
        data: Some(evil.to_owned()),
        ..CallLine::default()
    })));
    happenings.insert(
        0,
        Happening::Line(Line::Run(wirelab::lab::truth::Run {
            faults: vec![evil.to_owned()],
            ..Default::default()
        })),
    );
    for width in [40, 80, 160] {
        let style = Style {
            width,
            ..Style::default()
        };
        let drawn = draw(&happenings, style);
        assert!(width == 40 || drawn.contains("evil"), "{drawn}");
        assert!(!drawn.contains(['\x1b', '\u{202e}']), "{drawn}");
    }
}

#[test]
fn a_link_without_delay_draws_nothing_twice() {
    let mut config = config(&[]);
    config.links.client = Link::default();
    config.links.server = Link::default();
    let mut run = Run::new(config);
    for n in 0..5 {
        run.send(
            at(n * 100),
            Side::Client,
            segment(Side::Client, "A", n as u32 * 10, 1, 10),
        );
    }
    run.finish();
    let drawn = draw(&run.happenings, Style::default());
    assert_eq!(drawn.matches("len 10").count(), 5, "{drawn}");
    assert!(!drawn.contains('╲'), "{drawn}");
}

#[test]
fn what_takes_long_is_told_to_have_left_and_later_what_became_of_it() {
    let mut run = Run::new(config(&[("client udp 1", Action::Delay(ms(2500)))]));
    run.send(at(0), Side::Client, udp(Side::Client, false, 64, 100));
    run.send(at(1000), Side::Client, udp(Side::Client, false, 64, 101));
    run.finish();
    let mut out = Vec::new();
    let shows = BothEnds {
        calls: true,
        figures: true,
    };
    let mut view = view::both(Style::default(), shows);
    let mut pair = Pair::new(Join::ByFate, Limits::default());
    let mut told = Vec::new();
    for (happening, now) in run
        .happenings
        .iter()
        .zip([0, 1000, 11_000, 900_000, 1_100_000, 2_600_000])
    {
        let mut sink = |event: &Event<'_>| view.event(event, &mut out);
        pair.happening(happening, &mut sink)
            .expect("a vector takes all");
        pair.idle(at(now), &mut sink).expect("a vector takes all");
        told.push(String::from_utf8_lossy(&out).lines().count());
    }
    // The heading and the first departure wait for a second, and all that came meanwhile with them.
    assert_eq!(told, [0, 0, 0, 0, 3, 7]);
    let mut sink = |event: &Event<'_>| view.event(event, &mut out);
    pair.finish(&End::default(), &mut sink)
        .expect("a vector takes all");
    let drawn = String::from_utf8(out).expect("text");
    let rows: Vec<_> = drawn.lines().skip(1).take(5).collect();
    let holds = |row: usize, words: &[&str]| words.iter().all(|word| rows[row].contains(word));
    assert!(holds(0, &["0.000000", "╲"]), "{drawn}");
    assert!(holds(1, &["0.001000", "+10.0ms"]), "{drawn}");
    assert!(holds(2, &["╲", "+2.51s", "2.510000"]), "{drawn}");
    assert!(holds(3, &["delayed: fault 1"]), "{drawn}");
    assert!(holds(4, &["overtaken: 1 packet"]), "{drawn}");
}
