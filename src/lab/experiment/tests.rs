//! What an experiment's text means, and how a mistake in it is told.

use super::*;
use crate::lab::{Action, Queue};

const WORDS: &str = "title = \"t\"\nlook_for = \"l\"\n";

fn parse(text: &str) -> Result<Experiment, String> {
    Experiment::parse(&format!("{WORDS}{text}")).map_err(|error| error.to_string())
}

#[test]
fn what_is_not_said_has_a_sensible_value() {
    let experiment = parse("").unwrap();
    for side in [Side::Client, Side::Server] {
        let link = experiment.wire.links.of(side);
        assert_eq!(link.delay.as_millis(), 10);
        assert_eq!(
            experiment.sysctls(side)["net.ipv4.tcp_congestion_control"],
            "reno"
        );
    }
    assert_eq!(experiment.network.mtu, 1500);
    assert!(!experiment.quick_ack());
}

#[test]
fn calls_are_words_or_tables() {
    let experiment = parse(
        "[client]\ncalls = [\"connect\", { send = 1000 }, { send = \"hi\" }, { send = { bytes = \
         10, times = 3 } }, { receive = \"end\", on = \"b\" }, { receive = 5, expect = \"ECONNRESET\" }, \
         { connect = { port = 81 } }, { accept = true, on = \"x\" }]",
    )
    .unwrap();
    let steps: Vec<_> = experiment
        .client
        .calls
        .iter()
        .map(|call| &call.step)
        .collect();
    assert_eq!(*steps[0], Step::Connect(Connect::default()));
    let Step::Send(send) = steps[1] else { panic!() };
    assert_eq!((send.payload.bytes().len(), send.times), (1000, 1));
    let Step::Send(send) = steps[2] else { panic!() };
    assert_eq!(send.payload.text(), Some("hi"));
    let Step::Send(send) = steps[3] else { panic!() };
    assert_eq!(send.times, 3);
    assert_eq!(experiment.client.calls[4].on, "b");
    let expected = experiment.client.calls[5].expect.map(Errno::name);
    assert_eq!(expected, Some("ECONNRESET"));
    assert_eq!(*steps[7], Step::Accept);
    // Two ports: no telling which one faults mean.
    assert_eq!(experiment.wire.port, Some(81).filter(|_| false));
}

#[test]
fn the_wire_is_read_with_its_directions_and_faults() {
    let experiment = parse(
        "[wire]\ndelay_ms = 5\nrate_mbit = 2\nqueue_packets = 3\n[wire.server]\ndelay_ms = 7.5\n\
         [[wire.fault]]\npacket = \"client data 3\"\ndrop = true\n[[wire.router]]\nmtu = 1400\n",
    )
    .unwrap();
    let links = &experiment.wire.links;
    assert_eq!(links.client.delay.as_micros(), 5000);
    assert_eq!(links.server.delay.as_micros(), 7500);
    let queue = links.server.rate.map(|rate| rate.queue);
    assert_eq!(queue, Some(Queue::Packets(3)));
    assert_eq!(experiment.wire.faults[0].action, Action::Drop);
    assert_eq!(experiment.wire.routers[0].mtu, Some(1400));
}

#[test]
fn a_mistake_is_told_with_its_line_and_what_would_do() {
    let cases = [
        (
            "[client]\ncalls = [\"conect\"]",
            "line 4, column 10",
            "'conect' is no call",
        ),
        ("[client]\ncalls = [\"send\"]", "line 4", "{ send = … }"),
        ("[wire]\ndelay = 3", "line 4, column 1", "delay_ms"),
        (
            "[wire]\n[[wire.fault]]\npacket = \"client dta 3\"\ndrop = true",
            "line 5, column 10",
            "dta",
        ),
        (
            "[client]\ncalls = [{ send = { text = \"✓\", encoding = \"gbk\" } }]",
            "line 4",
            "U+2713",
        ),
        (
            "[client]\ncalls = [{ send = { text = \"a\", encoding = \"gbkk\" } }]",
            "line 4",
            "gbkk",
        ),
        ("profile = \"bsd\"", "line 3", "textbook"),
        (
            "[client]\ncalls = [{ connect = {}, expect = \"EFOO\" }]",
            "line 4",
            "ECONNREFUSED",
        ),
        ("[network]\nip = 5", "line 4, column 6", "say 4 or 6"),
    ];
    for (text, place, what) in cases {
        let error = parse(text).unwrap_err();
        assert!(
            error.contains(place) && error.contains(what),
            "{text}\n{error}"
        );
    }
    let error = parse("[client]\ncalls = [{ wait = \"x\" }]").unwrap_err();
    assert!(error.starts_with("line 4, column 12\n4 | calls"), "{error}");
    assert!(error.contains("'x'"), "{error}");
    let error = parse("[[wire.router]]\nmtu = 20").unwrap_err();
    assert!(error.contains("68 bytes"), "{error}");
    let numbers = parse("[sysctl]\n\"net.ipv4.tcp_sack\" = 0").unwrap();
    assert_eq!(numbers.sysctls(Side::Client)["net.ipv4.tcp_sack"], "0");
}
