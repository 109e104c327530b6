//! TCP sockets in full, as `ss -tinmo` has them: queues, memory, `TCP_INFO`, timer (`sock_diag(7)`,
//! `linux/inet_diag.h`). No rights are needed, and no program takes part: it need not know that it is
//! watched.

use std::io;
use std::net::SocketAddr;

use super::{ip, octets};
use crate::event::TcpState;
use crate::io::netlink::{Answer, Message, Netlink, attributes, u32_at};
use crate::io::sample::queues;
use crate::io::sample::tcp_info::{self, CA_STATES, NO_THRESHOLD, Place, micros};
use crate::sockets::{Alarm, Detail, Info, Memory, Timer};

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// Bytes of `struct inet_diag_req_v2`: family, protocol, what else is wanted, states, ends.
const QUESTION: usize = 56;
/// Bytes of `struct inet_diag_msg`.
const BODY: usize = 72;
/// Attributes that are asked for, each by a bit of its number less one.
const INFO: u16 = 2;
const CONGESTION: u16 = 4;
const MEMORY: u16 = 7;
const WANTED: u8 = 1 << (INFO - 1) | 1 << (CONGESTION - 1) | 1 << (MEMORY - 1);
/// Bits of an attribute's type that say how its content is arranged.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

/// All TCP sockets of this network namespace, each with the number by which it is known to who has it
/// open ([`super::Owners`]); 0 for none. Owners are not filled in.
///
/// # Errors
///
/// When the kernel does not answer such questions.
pub fn details() -> io::Result<Vec<(Detail, u32)>> {
    let mut all = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let answers = Netlink::about_sockets()?.list(Message::list(BY_FAMILY, &question(family)));
        match answers {
            // A kernel without IPv6.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            answers => all.extend(answers?.iter().filter_map(read)),
        }
    }
    Ok(all)
}

/// The TCP socket with these ends, now; `None`: there is none. It takes microseconds, as the kernel looks
/// it up like the socket of a segment that arrives. Owners are not filled in.
///
/// # Errors
///
/// When the kernel does not answer such questions.
pub fn detail(local: SocketAddr, peer: SocketAddr) -> io::Result<Option<Detail>> {
    let family = match (local, peer) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => libc::AF_INET,
        (SocketAddr::V6(_), SocketAddr::V6(_)) => libc::AF_INET6,
        _ => return Ok(None),
    };
    let mut question = question(family);
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in question.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(8, &local.port().to_be_bytes());
    put(10, &peer.port().to_be_bytes());
    put(12, &octets(local.ip()));
    put(28, &octets(peer.ip()));
    // A link-local connection is one of its interface.
    if let SocketAddr::V6(local) = local {
        put(44, &local.scope_id().to_ne_bytes());
    }
    // Not a socket that is already known by its cookie (INET_DIAG_NOCOOKIE).
    put(48, &[0xff; 8]);
    match Netlink::about_sockets()?.list(Message::order(BY_FAMILY, 0, &question)) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        // Where there is no such connection, the kernel finds who listens on the port.
        answers => Ok(answers?
            .iter()
            .find_map(read)
            .map(|it| it.0)
            .filter(|it| it.peer.1 == peer.port())),
    }
}

fn question(family: libc::c_int) -> [u8; QUESTION] {
    let mut question = [0; QUESTION];
    question[0] = family as u8;
    question[1] = libc::IPPROTO_TCP as u8;
    question[2] = WANTED;
    // Whatever its state.
    question[4..8].fill(0xff);
    question
}

fn read(answer: &Answer) -> Option<(Detail, u32)> {
    if answer.kind != BY_FAMILY {
        return None;
    }
    let body = answer.body.first_chunk::<BODY>()?;
    let v6 = i32::from(body[0]) == libc::AF_INET6;
    let address = |at: usize| ip(body.get(at..at + if v6 { 16 } else { 4 })?);
    let number = |at: usize| u32_at(body, at);
    let state = tcp_info::state(body[1]).unwrap_or(TcpState::Closed);
    let (first, second) = (number(56)?, number(60)?);
    let listens = state == TcpState::Listen;
    let (receive_queue, send_queue) = queues(state, first.into(), second.into());
    let mut detail = Detail {
        local: (address(8)?, u16::from_be_bytes([body[4], body[5]])),
        peer: (address(24)?, u16::from_be_bytes([body[6], body[7]])),
        state,
        timer: timer(body[2], number(52)?, body[3]),
        receive_queue: if listens { 0 } else { receive_queue },
        send_queue: send_queue.unwrap_or(0),
        unsent: None,
        accept_queue: listens.then_some((first, second)),
        memory: None,
        info: Info::default(),
        congestion_control: None,
        user: number(64)?,
        owners: Vec::new(),
    };
    for (kind, value) in attributes(&answer.body, BODY) {
        match kind & ATTRIBUTE_TYPE {
            // There, the numbers of a socket that listens are about its queue of connections.
            INFO if !listens => tcp_info::fill(value, LAYOUT, &mut detail.info),
            CONGESTION if !listens => {
                let name = String::from_utf8_lossy(value);
                let name = name.trim_end_matches('\0').to_owned();
                detail.congestion_control = Some(name).filter(|name| !name.is_empty());
            }
            MEMORY => detail.memory = memory(value),
            _ => {}
        }
    }
    detail.unsent = match detail.info.notsent {
        // A FIN that waits to be sent is no byte of the queue.
        Some(unsent) if send_queue < Some(second.into()) => Some(unsent.saturating_sub(1)),
        unsent => unsent,
    };
    Some((detail, number(68)?))
}

/// `idiag_timer`, `idiag_expires` and `idiag_retrans`.
fn timer(kind: u8, left_ms: u32, tries: u8) -> Option<Timer> {
    let alarm = match kind {
        1 => Alarm::Retransmission,
        2 => Alarm::KeepAlive,
        3 => Alarm::TimeWait,
        4 => Alarm::Persist,
        _ => return None,
    };
    Some(Timer {
        alarm,
        left_ms,
        tries,
    })
}

/// `SK_MEMINFO_…` of `linux/sock_diag.h`, in that order.
fn memory(value: &[u8]) -> Option<Memory> {
    let number = |index: usize| u32_at(value, index * 4).map(u64::from);
    Some(Memory {
        received: number(0)?,
        receive_limit: number(1)?,
        in_card: number(2)?,
        send_limit: number(3)?,
        queued: number(5)?,
        backlog: number(7).unwrap_or(0),
        drops: number(8).unwrap_or(0),
    })
}

/// `struct tcp_info` of `linux/tcp.h`.
#[rustfmt::skip] // a table reads best as one
const LAYOUT: &[Place<Info>] = &[
    (1, 1, |i, n| i.mood = CA_STATES.get(n as usize).copied()),
    (4, 1, |i, n| i.backoff = Some(n)),
    (6, 1, |i, n| i.scales = Some(scales(n as u8))),
    (8, 4, |i, n| i.rto_ns = Some(micros(n))),
    (16, 4, |i, n| i.snd_mss = Some(n)),
    (20, 4, |i, n| i.rcv_mss = Some(n)),
    (24, 4, |i, n| i.unacked = Some(n)),
    (28, 4, |i, n| i.sacked = Some(n)),
    (32, 4, |i, n| i.lost = Some(n)),
    (36, 4, |i, n| i.retrans = Some(n)),
    (60, 4, |i, n| i.pmtu = Some(n)),
    // Zero until there is a first measurement, and then never.
    (68, 4, |i, n| i.srtt_ns = (n != 0).then(|| micros(n))),
    (72, 4, |i, n| i.rttvar_ns = i.srtt_ns.map(|_| micros(n))),
    (76, 4, |i, n| i.ssthresh = (n < NO_THRESHOLD).then_some(n)),
    (80, 4, |i, n| i.cwnd = Some(n)),
    (84, 4, |i, n| i.advmss = Some(n)),
    (100, 4, |i, n| i.total_retrans = Some(n)),
    (120, 8, |i, n| i.bytes_acked = Some(n)),
    (128, 8, |i, n| i.bytes_received = Some(n)),
    (144, 4, |i, n| i.notsent = Some(n)),
    (148, 4, |i, n| i.min_rtt_ns = (n != u64::from(u32::MAX) && n != 0).then(|| micros(n))),
    (168, 8, |i, n| i.busy_ns = Some(micros(n))),
    (176, 8, |i, n| i.rwnd_limited_ns = Some(micros(n))),
    (184, 8, |i, n| i.sndbuf_limited_ns = Some(micros(n))),
    (200, 8, |i, n| i.bytes_sent = Some(n)),
    (208, 8, |i, n| i.bytes_retrans = Some(n)),
    (228, 4, |i, n| i.snd_wnd = Some(n)),
    (232, 4, |i, n| i.rcv_wnd = Some(n)),
];

/// Two numbers of four bits, `snd_wscale` first: bit fields fill a byte from the end that comes first in
/// the machine's order.
const fn scales(byte: u8) -> (u8, u8) {
    if cfg!(target_endian = "little") {
        (byte & 0xf, byte >> 4)
    } else {
        (byte >> 4, byte & 0xf)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair(at: &str) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind(at).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        (listener, client, server)
    }

    fn of(stream: &TcpStream) -> Detail {
        let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        detail(local, peer).unwrap().expect("it is there")
    }

    #[test]
    fn a_connection_is_found_by_its_ends_and_among_all() {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let (_listener, mut client, mut server) = pair(at);
            client.write_all(&[7; 1000]).unwrap();
            let theirs = of(&server);
            assert_eq!(theirs.state, TcpState::Established);
            assert_eq!(theirs.receive_queue, 1000);
            assert!(theirs.memory.unwrap().received >= 1000, "{theirs:?}");
            assert_eq!(theirs.local.1, server.local_addr().unwrap().port());
            let ours = of(&client);
            assert_eq!((ours.send_queue, ours.unsent), (0, Some(0)), "{ours:?}");
            assert_eq!(ours.info.bytes_sent, Some(1000));
            assert!(ours.congestion_control.is_some());
            let all = details().unwrap();
            assert!(
                all.iter()
                    .any(|(it, _)| it.local == ours.local && it.peer == ours.peer)
            );
            server.read_exact(&mut [0; 1000]).unwrap();
            assert_eq!(of(&server).receive_queue, 0);
        }
    }

    #[test]
    fn a_fin_is_no_byte_of_either_queue() {
        let (_listener, client, server) = pair("127.0.0.1:0");
        let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        drop(client);
        let theirs = of(&server);
        assert_eq!(theirs.state, TcpState::CloseWait);
        assert_eq!(theirs.receive_queue, 0);
        let ours = detail(ends.0, ends.1).unwrap().unwrap();
        let waits = [TcpState::FinWait1, TcpState::FinWait2];
        assert!(waits.contains(&ours.state), "{ours:?}");
        assert_eq!((ours.send_queue, ours.unsent), (0, Some(0)));
    }

    #[test]
    fn what_is_not_there_is_none_and_no_listener_in_its_place() {
        let (listener, ..) = pair("127.0.0.1:0");
        let local = listener.local_addr().unwrap();
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(detail(local, nobody).unwrap(), None);
        assert_eq!(detail(local, "[::1]:1".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_panic() {
        let mut body = vec![7; BODY];
        for (kind, length) in [(INFO, 248_usize), (CONGESTION, 6), (MEMORY, 36)] {
            body.extend(((length + 4) as u16).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(vec![0xff; length.next_multiple_of(4)]);
        }
        for length in 0..=body.len() {
            let answer = Answer {
                kind: BY_FAMILY,
                body: body[..length].to_vec(),
            };
            if let Some((detail, _)) = read(&answer) {
                let _ = detail.waits();
            }
        }
    }

    #[test]
    fn an_older_kernel_leaves_the_newer_figures_unknown() {
        let mut info = Info::default();
        tcp_info::fill(&[1; 104], LAYOUT, &mut info);
        assert!(info.cwnd.is_some() && info.total_retrans.is_some());
        assert_eq!(
            (info.snd_wnd, info.rcv_wnd, info.notsent),
            (None, None, None)
        );
    }

    #[test]
    fn timers_by_number() {
        assert_eq!(timer(0, 5, 0), None);
        assert_eq!(timer(4, 5, 2).unwrap().alarm, Alarm::Persist);
        assert_eq!(timer(9, 5, 0), None);
    }
}
