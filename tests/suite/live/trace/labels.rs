//! A router of our own making, since Linux adds no extensions: it says what MPLS labels a packet came
//! with, and by which interface (RFC 4950, RFC 5837), and both kinds of socket have to pass that on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use serde_json::Value;
use wirelab::wire::icmp_extension::{Extensions, Interface, Label, Object, Role};
use wirelab::wire::{icmpv4, ipv4};

use super::{lines, set, text, trace};
use crate::live::net::{Net, SERVER, inside, ip, live_or_skip};

const ETHERNET: usize = 14;

fn objects() -> Vec<Object> {
    vec![
        Object::Mpls(vec![Label {
            label: 24_015,
            traffic_class: 2,
            bottom: true,
            ttl: 1,
        }]),
        Object::Interface(Interface {
            role: Role::Incoming,
            index: Some(3),
            address: Some(SERVER.parse().expect("an address")),
            name: Some(b"xe-0/0/1".to_vec()),
            mtu: Some(9000),
        }),
    ]
}

/// Time exceeded for a frame of IPv4, with labels behind what it quotes.
fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = frame.get(ETHERNET..)?;
    let (header, _) = ipv4::Repr::parse(packet).ok()?;
    if frame.get(12..14)? != [8, 0] || header.dst.octets()[..2] != [10, 99] {
        return None;
    }
    let whole = usize::from(header.total_length?);
    let mut data = packet.get(..whole)?.to_vec();
    data.resize(data.len().next_multiple_of(4).max(128), 0);
    let error = icmpv4::Repr {
        kind: 11,
        rest: [0, (data.len() / 4) as u8, 0, 0],
        ..icmpv4::Repr::default()
    };
    Extensions::emit(&objects(), &mut data);
    let mut message = Vec::new();
    error.emit(&data, &mut message);
    let mut out = [frame.get(6..12)?, frame.get(..6)?, &[8, 0]].concat();
    let reply = ipv4::Repr {
        protocol: icmpv4::PROTOCOL,
        src: SERVER.parse().expect("an address"),
        dst: header.src,
        ..ipv4::Repr::default()
    };
    reply.emit(&message, &mut out);
    Some(out)
}

fn channel() -> (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>) {
    let interfaces = pnet_datalink::interfaces();
    let wire = interfaces.iter().find(|it| it.name == Net::IFACE);
    let config = Config {
        read_timeout: Some(Duration::from_millis(5)),
        ..Config::default()
    };
    match pnet_datalink::channel(wire.expect("its end"), config) {
        Ok(Channel::Ethernet(sender, receiver)) => (sender, receiver),
        other => panic!("no channel: {:?}", other.err()),
    }
}

#[test]
fn labels_and_interfaces_come_through_with_rights_and_without() {
    let Some(net) = live_or_skip() else { return };
    set(&net.client, "ipv4/ping_group_range", "0 2147483647");
    ip(&format!("-n {} route add default via {SERVER}", net.client)).expect("a route");
    let (mut sender, mut receiver) = inside(&net.server, channel);
    let over = AtomicBool::new(false);
    let (over, client) = (&over, net.client.as_str());
    thread::scope(|scope| {
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let frame = receiver.next().map(<[u8]>::to_vec).unwrap_or_default();
                if let Some(answer) = answer(&frame) {
                    sender.send_to(&answer, None).expect("room").expect("sent");
                }
            }
        });
        let outputs = super::MAKE_A_WAY.map(|way| {
            let mut command = trace(&format!("--format json -m 1 {way} 10.99.0.1"));
            inside(client, move || command.output()).expect("it ran")
        });
        let mut command = trace("-m 1 10.99.0.1");
        let shown = inside(client, move || command.output()).expect("it ran");
        over.store(true, Ordering::Relaxed);
        for (way, output) in super::MAKE_A_WAY.iter().zip(&outputs) {
            let lines = lines(output);
            let probes = lines[0]["probes"].as_array().expect("probes");
            assert_eq!(probes.len(), 3);
            for probe in probes {
                let extensions = &probe["answer"]["extensions"];
                assert_eq!(extensions["checksum"], "good", "{way}: {probe}");
                assert_eq!(extensions["objects"][0]["labels"][0]["label"], 24_015);
                assert_eq!(extensions["objects"][1]["name"], "xe-0/0/1");
                // What follows the quote is no part of it.
                assert_eq!(
                    probe["answer"]["changes"],
                    Value::Array(Vec::new()),
                    "{way}: {probe}"
                );
            }
        }
        let shown = text(&shown);
        for line in [
            "     MPLS label 24015, traffic class 2, TTL 1, bottom of stack\n",
            "     incoming interface: xe-0/0/1, 10.77.0.2, index 3, MTU 9000\n",
        ] {
            assert_eq!(shown.matches(line).count(), 1, "{shown}");
        }
    });
}
