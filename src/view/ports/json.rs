//! `wirelab ports --format json`: `socket` and `attempt` lines (docs/schema.json).

use std::net::IpAddr;

use serde::Serialize;

use super::Ports;
use crate::event::TcpState;
use crate::sockets::{Attempt, Listed, Protocol, Step, class};

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Socket(SocketLine<'a>),
    Attempt(AttemptLine<'a>),
}

#[derive(Serialize)]
struct SocketLine<'a> {
    protocol: &'static str,
    state: &'static str,
    address: IpAddr,
    port: u16,
    class: &'static str,
    service: Option<&'a str>,
    peer: Option<IpAddr>,
    peer_port: Option<u16>,
    recv_queue: u32,
    send_queue: u32,
    waits_ns: Option<u64>,
    user: u32,
    processes: Vec<Process<'a>>,
}

#[derive(Serialize)]
struct Process<'a> {
    pid: u32,
    name: &'a str,
}

#[derive(Serialize)]
struct AttemptLine<'a> {
    protocol: &'static str,
    address: IpAddr,
    port: u16,
    calls: Vec<Call<'a>>,
    with_reuse: Option<Vec<Call<'a>>>,
    errno: Option<&'a str>,
    got: Option<u16>,
    conclusions: &'a [String],
}

#[derive(Serialize)]
struct Call<'a> {
    call: &'a str,
    errno: Option<&'a str>,
}

/// Sockets, a line each.
pub fn socket_lines<'a>(ports: &'a Ports, of: impl Iterator<Item = &'a Listed>) -> String {
    let line = |it: &'a Listed| {
        let has_peer = it.peer.1 != 0;
        text(&Line::Socket(SocketLine {
            protocol: it.protocol.name(),
            state: match (it.protocol, it.state) {
                (Protocol::Udp, TcpState::Closed) => "UNCONNECTED",
                (_, state) => state.name(),
            },
            address: it.address,
            port: it.port,
            class: class(it.port).name(),
            service: ports.services.name(it.port, it.protocol),
            peer: has_peer.then_some(it.peer.0),
            peer_port: has_peer.then_some(it.peer.1),
            recv_queue: it.receive_queue,
            send_queue: it.send_queue,
            waits_ns: it.waits_ms.map(|ms| u64::from(ms) * 1_000_000),
            user: it.user,
            processes: it
                .owners
                .iter()
                .map(|it| Process {
                    pid: it.pid,
                    name: &it.name,
                })
                .collect(),
        }))
    };
    of.map(line).collect()
}

/// A port that was tried.
pub fn attempt_line(attempt: &Attempt, conclusions: &[String]) -> String {
    text(&Line::Attempt(AttemptLine {
        protocol: attempt.protocol.name(),
        address: attempt.at.ip(),
        port: attempt.at.port(),
        calls: calls(&attempt.plain),
        with_reuse: attempt.reuse.as_deref().map(calls),
        errno: attempt.refusal().map(|it| it.name.as_str()),
        got: attempt.got,
        conclusions,
    }))
}

fn calls(steps: &[Step]) -> Vec<Call<'_>> {
    steps
        .iter()
        .map(|step| Call {
            call: &step.call,
            errno: step.refusal.as_ref().map(|it| it.name.as_str()),
        })
        .collect()
}

fn text(line: &Line<'_>) -> String {
    // Names, numbers and addresses: there is nothing in them that JSON could not say.
    serde_json::to_string(line).map_or_else(|_| String::new(), |line| line + "\n")
}
