//! All TCP and UDP sockets of this network namespace (`sock_diag(7)`), as `ss` lists them.

use std::io;

use super::ip;
use crate::event::TcpState;
use crate::io::netlink::{Answer, Message, Netlink, attributes, u32_at};
use crate::io::sample::tcp_info;
use crate::sockets::{Listed, Protocol};

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// Bytes of `struct inet_diag_req_v2`: family, protocol, what else is wanted, states, ends.
const QUESTION: usize = 56;
/// Bytes of `struct inet_diag_msg`.
const BODY: usize = 72;
/// `INET_DIAG_SKV6ONLY`: whether an IPv6 socket takes no IPv4.
const ONLY_V6: u16 = 11;
/// The timer of a socket in TIME-WAIT (`idiag_timer`).
const TIMER_TIME_WAIT: u8 = 3;

/// The sockets, and the number by which each is known to who has it open ([`super::Owners`]); 0 for none.
///
/// # Errors
///
/// When the kernel does not answer such questions.
pub fn sockets() -> io::Result<Vec<(Listed, u32)>> {
    let mut all = Vec::new();
    for (protocol, number) in [
        (Protocol::Tcp, libc::IPPROTO_TCP),
        (Protocol::Udp, libc::IPPROTO_UDP),
    ] {
        for family in [libc::AF_INET, libc::AF_INET6] {
            let mut question = [0; QUESTION];
            question[0] = family as u8;
            question[1] = number as u8;
            // Whatever its state.
            question[4..8].fill(0xff);
            let answers = match Netlink::about_sockets()?.list(Message::list(BY_FAMILY, &question))
            {
                // A kernel without IPv6, or without the module for UDP.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => continue,
                answers => answers?,
            };
            all.extend(answers.iter().filter_map(|answer| read(answer, protocol)));
        }
    }
    Ok(all)
}

fn read(answer: &Answer, protocol: Protocol) -> Option<(Listed, u32)> {
    if answer.kind != BY_FAMILY {
        return None;
    }
    let body = answer.body.first_chunk::<BODY>()?;
    let v6 = i32::from(body[0]) == libc::AF_INET6;
    let address = |at: usize| ip(body.get(at..at + if v6 { 16 } else { 4 })?);
    let number = |at: usize| u32_at(body, at);
    let only_v6 = attributes(&answer.body, BODY).find(|(kind, _)| *kind == ONLY_V6);
    let listed = Listed {
        protocol,
        state: tcp_info::state(body[1]).unwrap_or(TcpState::Closed),
        address: address(8)?,
        port: u16::from_be_bytes([body[4], body[5]]),
        peer: (address(24)?, u16::from_be_bytes([body[6], body[7]])),
        only_v6: only_v6.is_some_and(|(_, value)| value.first() == Some(&1)),
        receive_queue: number(56)?,
        send_queue: number(60)?,
        waits_ms: number(52).filter(|_| body[2] == TIMER_TIME_WAIT),
        user: number(64)?,
        owners: Vec::new(),
    };
    Some((listed, number(68)?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn of_port(port: u16) -> Vec<Listed> {
        let all = sockets().unwrap().into_iter().map(|it| it.0);
        all.filter(|it| it.port == port).collect()
    }

    #[test]
    fn a_listening_socket_with_a_connection_that_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let found = of_port(port);
        let listening = found.iter().find(|it| it.is_listening()).unwrap();
        assert_eq!(listening.receive_queue, 1, "one to accept");
        assert!(listening.send_queue > 0);
        assert!(
            found.iter().any(|it| it.state == TcpState::Established),
            "{found:?}"
        );
    }

    #[test]
    fn who_closes_first_waits() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("::1", port)).unwrap();
        let own = client.local_addr().unwrap().port();
        let (server, _) = listener.accept().unwrap();
        drop(client);
        drop(server);
        let waiting = of_port(own);
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        assert_eq!(waiting[0].state, TcpState::TimeWait);
        let left = waiting[0].waits_ms.unwrap();
        assert!((1..=60_000).contains(&left), "{left}");
    }

    #[test]
    fn a_udp_socket_is_among_them() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = of_port(socket.local_addr().unwrap().port());
        assert!(
            found
                .iter()
                .any(|it| it.protocol == Protocol::Udp && it.is_listening()),
            "{found:?}"
        );
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_panic() {
        let mut body = vec![7; BODY];
        body.extend([5, 0, 11, 0, 1, 0, 0, 0]);
        for length in 0..body.len() {
            let _ = read(
                &Answer {
                    kind: BY_FAMILY,
                    body: body[..length].to_vec(),
                },
                Protocol::Tcp,
            );
        }
    }
}
