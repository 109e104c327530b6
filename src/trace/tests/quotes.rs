//! Quotes that are short, changed, or not ours.

use super::*;
use crate::event::QuoteChange;
use crate::wire::icmp_extension::{Extensions, Label, Object};

/// A tracer that has sent `count` probes, and the IP packets it sent.
fn sent(method: Method, v6: bool, count: usize) -> (Tracer, Vec<Vec<u8>>) {
    let mut run = Run::new(method, v6, routers(9), |plan| {
        plan.in_flight = count;
        plan.per_hop = if count == 1 { 1 } else { 3 };
    });
    let now = run.at();
    let mut packets = Vec::new();
    while let Some(probe) = run.tracer.poll_transmit(now) {
        run.tracer.handle_port(probe.number, PORT + probe.number);
        let payload = transport(run.tracer.plan(), &probe);
        let protocol = run.tracer.plan().protocol();
        // As it arrives where its TTL ends.
        packets.push(frame(v6, 1, protocol, false, &payload).split_off(ETHERNET));
    }
    assert_eq!(packets.len(), count);
    (run.tracer, packets)
}

/// Time exceeded, quoting that, with an extension structure behind where there is one.
fn exceeded(v6: bool, quote: &[u8], objects: &[Object]) -> Vec<u8> {
    let mut message = vec![if v6 { 3 } else { 11 }, 0, 0, 0, 0, 0, 0, 0];
    message.extend(quote);
    if !objects.is_empty() {
        let unit = if v6 { 8 } else { 4 };
        let len = (message.len() - 8).next_multiple_of(unit).max(128);
        message.resize(8 + len, 0);
        message[if v6 { 4 } else { 5 }] = (len / unit) as u8;
        Extensions::emit(objects, &mut message);
    }
    message
}

fn tell(tracer: &mut Tracer, message: &[u8]) {
    let now = Timestamp::from_nanos(1_000_005_000_000);
    let got = Received {
        from: ours(false),
        ttl: Some(60),
        message,
    };
    tracer.handle_message(now, Duration::ZERO, &got);
}

/// Who was answered, by number, with what is odd about the quotes.
fn answered(tracer: &mut Tracer) -> Vec<(u16, Vec<QuoteChange>)> {
    tracer.stop(Timestamp::from_nanos(1_000_006_000_000));
    let mut found = Vec::new();
    while let Some(event) = tracer.poll_event() {
        if let TraceEvent::Settled(hop) = event {
            let probes = hop.probes.into_iter();
            let answers = probes.filter_map(|it| Some((it.number, it.answer?.quote?.changes)));
            found.extend(answers);
        }
    }
    found
}

#[test]
fn eight_bytes_are_enough_for_all() {
    for (method, v6) in METHODS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let (mut tracer, packets) = sent(method, v6, 6);
        for number in [5, 2] {
            let quote = &packets[number - 1];
            let header = if v6 { 40 } else { 20 };
            tell(&mut tracer, &exceeded(v6, &quote[..header + 8], &[]));
        }
        let expected = [(2, vec![]), (5, vec![])];
        assert_eq!(answered(&mut tracer), expected, "{method:?} {v6}");
    }
}

#[test]
fn what_was_changed_on_the_way_is_told() {
    let (mut tracer, mut packets) = sent(Method::Icmp, false, 3);
    let quote = &mut packets[2];
    quote[1] = 0x28;
    quote[8] = 4;
    quote[12..16].copy_from_slice(&[192, 0, 2, 7]);
    quote[40] ^= 0xff;
    tell(&mut tracer, &exceeded(false, quote, &[]));
    let found = answered(&mut tracer);
    let (number, changes) = &found[0];
    let told: Vec<_> = changes
        .iter()
        .map(|it| (it.field, it.sent.as_str(), it.quoted.as_str()))
        .collect();
    assert_eq!(*number, 3);
    assert_eq!(
        told,
        [
            ("TTL", "1", "4"),
            ("TOS", "0x00", "0x28"),
            ("source address", "10.0.0.1", "192.0.2.7"),
            ("data", "0x0c", "0xf3"),
        ]
    );
}

#[test]
fn translated_ports_are_known_by_the_data() {
    let (mut tracer, mut packets) = sent(Method::Udp, false, 3);
    let quote = &mut packets[1];
    quote[16..20].copy_from_slice(&[192, 0, 2, 9]);
    quote[20..22].copy_from_slice(&9_u16.to_be_bytes());
    tell(&mut tracer, &exceeded(false, quote, &[]));
    let found = answered(&mut tracer);
    let fields: Vec<_> = found[0].1.iter().map(|it| it.field).collect();
    assert_eq!(found[0].0, 2);
    assert_eq!(fields, ["destination address", "source port"]);
}

#[test]
fn what_others_sent_is_nothing_of_ours() {
    for (method, v6) in METHODS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let (mut tracer, packets) = sent(method, v6, 3);
        let header = if v6 { 40 } else { 20 };
        // Another identifier, another port, another destination, another protocol, another type.
        for (at, method_of_it) in [
            (header + 4, Method::Icmp),
            (header, Method::Udp),
            (header, Method::Tcp),
            (header - 1, method),
            (if v6 { 6 } else { 9 }, method),
        ] {
            let mut quote = packets[0].clone();
            quote[at] ^= 0x55;
            quote.truncate(header + 8);
            if method == method_of_it {
                tell(&mut tracer, &exceeded(v6, &quote, &[]));
            }
        }
        let mut redirect = exceeded(v6, &packets[0], &[]);
        redirect[0] = if v6 { 137 } else { 5 };
        tell(&mut tracer, &redirect);
        assert_eq!(answered(&mut tracer), [], "{method:?} {v6}");
    }
}

#[test]
fn labels_behind_the_quote_are_read_and_are_no_part_of_it() {
    for v6 in [false, true] {
        let (mut tracer, packets) = sent(Method::Icmp, v6, 1);
        let labels = vec![Label {
            label: 24_015,
            traffic_class: 3,
            bottom: true,
            ttl: 1,
        }];
        let objects = [Object::Mpls(labels)];
        tell(&mut tracer, &exceeded(v6, &packets[0], &objects));
        tracer.stop(Timestamp::from_nanos(1_000_006_000_000));
        let hop = std::iter::from_fn(|| tracer.poll_event()).find_map(|event| match event {
            TraceEvent::Settled(hop) => Some(hop),
            _ => None,
        });
        let answer = hop.unwrap().probes[0].answer.clone().unwrap();
        assert_eq!(answer.extensions.unwrap().objects, objects);
        assert_eq!(answer.quote.unwrap().changes, []);
    }
}

#[test]
fn letters_are_those_of_traceroute() {
    let of = [
        ((3, 0), "!N"),
        ((3, 1), "!H"),
        ((3, 2), "!P"),
        ((3, 4), "!F-1300"),
        ((3, 5), "!S"),
        ((3, 9), "!X"),
        ((3, 13), "!X"),
        ((3, 14), "!V"),
        ((3, 15), "!C"),
        ((3, 99), "!<99>"),
        ((12, 0), "!<12-0>"),
    ];
    for ((kind, code), mark) in of {
        let (mut tracer, packets) = sent(Method::Icmp, false, 1);
        let mut message = exceeded(false, &packets[0], &[]);
        message[0] = kind;
        message[1] = code;
        if (kind, code) == (3, 4) {
            message[6..8].copy_from_slice(&1300_u16.to_be_bytes());
        }
        tell(&mut tracer, &message);
        tracer.handle_timeout(Timestamp::from_nanos(1_000_006_000_000));
        let hop = std::iter::from_fn(|| tracer.poll_event()).find_map(|event| match event {
            TraceEvent::Settled(hop) => Some(hop),
            _ => None,
        });
        let probe = &hop.expect("it ends the path").probes[0];
        let answer = probe.answer.as_ref().unwrap();
        assert_eq!(answer.mark.as_deref(), Some(mark));
        assert_eq!(probe.state, ProbeState::Unreachable);
        assert_eq!(tracer.trace().outcome, Outcome::Refused(1));
    }
}

proptest! {
    #[test]
    fn any_message_is_read_or_refused(
        v6: bool, method in 0..3_usize, cut in 0..100_usize, at in 0..100_usize, byte: u8,
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let (mut tracer, packets) = sent(METHODS[method], v6, 4);
        tell(&mut tracer, &noise);
        let mut message = exceeded(v6, &packets[1], &[Object::Mpls(vec![Label::default()])]);
        if let Some(it) = message.get_mut(at) {
            *it = byte;
        }
        message.truncate(cut);
        tell(&mut tracer, &message);
        let now = Timestamp::from_nanos(1_000_007_000_000);
        for extension_at in [None, Some(cut), Some(at)] {
            let queued = Queued {
                from: Some(ours(v6)),
                ttl: None,
                icmp: Some((byte, 0)),
                info: 0,
                number: Some(at as u16),
                port: Some(at as u16),
                quoted: &noise,
                extension_at,
            };
            tracer.handle_queued(now, Duration::ZERO, &queued);
        }
        tracer.stop(now);
    }
}
