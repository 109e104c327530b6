//! `wirelab sockets --format json`: `socket-detail` lines (docs/schema.json).

use std::net::IpAddr;

use serde::Serialize;

use super::sentence;
use crate::frame::Timestamp;
use crate::sockets::{Detail, Wait};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    SocketDetail(Box<DetailLine<'a>>),
}

#[derive(Serialize)]
struct DetailLine<'a> {
    time: Timestamp,
    address: IpAddr,
    port: u16,
    peer: Option<IpAddr>,
    peer_port: Option<u16>,
    state: &'static str,
    send_queue: u64,
    sent_unacked: Option<u64>,
    unsent: Option<u64>,
    recv_queue: u64,
    accept_queue: Option<u32>,
    accept_limit: Option<u32>,
    memory: Option<MemoryLine>,
    full: Option<bool>,
    snd_wnd: Option<u64>,
    rcv_wnd: Option<u64>,
    snd_wscale: Option<u8>,
    rcv_wscale: Option<u8>,
    cwnd: Option<u64>,
    ssthresh: Option<u64>,
    snd_mss: Option<u64>,
    rcv_mss: Option<u64>,
    advmss: Option<u64>,
    pmtu: Option<u64>,
    rto_ns: Option<u64>,
    srtt_ns: Option<u64>,
    rttvar_ns: Option<u64>,
    min_rtt_ns: Option<u64>,
    backoff: Option<u64>,
    ca_state: Option<&'static str>,
    unacked: Option<u64>,
    sacked: Option<u64>,
    lost: Option<u64>,
    retrans: Option<u64>,
    in_flight: Option<u64>,
    total_retrans: Option<u64>,
    busy_ns: Option<u64>,
    rwnd_limited_ns: Option<u64>,
    sndbuf_limited_ns: Option<u64>,
    bytes_sent: Option<u64>,
    bytes_retrans: Option<u64>,
    bytes_acked: Option<u64>,
    bytes_received: Option<u64>,
    timer: Option<TimerLine>,
    congestion_control: Option<&'a str>,
    user: u32,
    processes: Vec<Process<'a>>,
    waits: Vec<WaitLine>,
}

#[derive(Serialize)]
struct MemoryLine {
    rmem_alloc: u64,
    rcvbuf: u64,
    wmem_queued: u64,
    sndbuf: u64,
    wmem_alloc: u64,
    backlog: u64,
    drops: u64,
}

#[derive(Serialize)]
struct TimerLine {
    kind: &'static str,
    left_ns: u64,
    tries: u8,
}

#[derive(Serialize)]
struct Process<'a> {
    pid: u32,
    name: &'a str,
}

#[derive(Serialize)]
struct WaitLine {
    kind: &'static str,
    text: String,
}

/// A socket at that time, as a line.
pub fn line(of: &Detail, time: Timestamp) -> String {
    let line = Line::SocketDetail(Box::new(detail(of, time)));
    // Names, numbers and addresses: there is nothing in them that JSON could not say.
    serde_json::to_string(&line).map_or_else(|_| String::new(), |line| line + "\n")
}

fn detail(of: &Detail, time: Timestamp) -> DetailLine<'_> {
    let info = &of.info;
    let has_peer = of.peer.1 != 0;
    DetailLine {
        time,
        address: of.local.0,
        port: of.local.1,
        peer: has_peer.then_some(of.peer.0),
        peer_port: has_peer.then_some(of.peer.1),
        state: of.state.name(),
        send_queue: of.send_queue,
        sent_unacked: of.sent_unacked(),
        unsent: of.unsent,
        recv_queue: of.receive_queue,
        accept_queue: of.accept_queue.map(|it| it.0),
        accept_limit: of.accept_queue.map(|it| it.1),
        memory: memory(of),
        full: of.is_full(),
        snd_wnd: info.snd_wnd,
        rcv_wnd: info.rcv_wnd,
        snd_wscale: info.scales.map(|it| it.0),
        rcv_wscale: info.scales.map(|it| it.1),
        cwnd: info.cwnd,
        ssthresh: info.ssthresh,
        snd_mss: info.snd_mss,
        rcv_mss: info.rcv_mss,
        advmss: info.advmss,
        pmtu: info.pmtu,
        rto_ns: info.rto_ns,
        srtt_ns: info.srtt_ns,
        rttvar_ns: info.rttvar_ns,
        min_rtt_ns: info.min_rtt_ns,
        backoff: info.backoff,
        ca_state: info.mood,
        unacked: info.unacked,
        sacked: info.sacked,
        lost: info.lost,
        retrans: info.retrans,
        in_flight: of.in_flight(),
        total_retrans: info.total_retrans,
        busy_ns: info.busy_ns,
        rwnd_limited_ns: info.rwnd_limited_ns,
        sndbuf_limited_ns: info.sndbuf_limited_ns,
        bytes_sent: info.bytes_sent,
        bytes_retrans: info.bytes_retrans,
        bytes_acked: info.bytes_acked,
        bytes_received: info.bytes_received,
        timer: of.timer.map(|it| TimerLine {
            kind: it.alarm.name(),
            left_ns: u64::from(it.left_ms) * 1_000_000,
            tries: it.tries,
        }),
        congestion_control: of.congestion_control.as_deref(),
        user: of.user,
        processes: processes(of),
        waits: waits(of),
    }
}

fn memory(of: &Detail) -> Option<MemoryLine> {
    of.memory.map(|it| MemoryLine {
        rmem_alloc: it.received,
        rcvbuf: it.receive_limit,
        wmem_queued: it.queued,
        sndbuf: it.send_limit,
        wmem_alloc: it.in_card,
        backlog: it.backlog,
        drops: it.drops,
    })
}

fn processes(of: &Detail) -> Vec<Process<'_>> {
    of.owners
        .iter()
        .map(|it| Process {
            pid: it.pid,
            name: &it.name,
        })
        .collect()
}

fn waits(of: &Detail) -> Vec<WaitLine> {
    let wait = |wait: Wait| WaitLine {
        kind: wait.name(),
        text: sentence(wait, of),
    };
    of.waits().into_iter().map(wait).collect()
}
