//! The question for one socket and the kernel's answer to it, as bytes (`linux/netlink.h`,
//! `linux/sock_diag.h`, `linux/inet_diag.h`). All numbers but ports are in the machine's byte order.

use std::io;
use std::net::IpAddr;

use super::{Ends, tcp_info};
use crate::event::TcpState;
use crate::lab::truth::Sample;

/// Longest answer that is read; the kernel's are a few hundred bytes.
pub(super) const LONGEST: usize = 8192;

/// Of a netlink message: length, type, flags, sequence number, port.
const HEADER: usize = 16;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// What is wanted beside the socket's own numbers: this attribute, and its bit in the question.
const INET_DIAG_INFO: u16 = 2;
const WANTED: u8 = 1 << (INET_DIAG_INFO - 1);
/// Bytes of a question (`struct inet_diag_req_v2`).
const QUESTION: usize = HEADER + 56;
/// Bytes of an answer before its attributes (`struct inet_diag_msg`).
const ANSWER: usize = 72;
/// Bits of an attribute's type that say how its content is arranged.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

/// What the kernel says.
pub(super) enum Answer {
    /// This is the socket.
    Socket(Box<Sample>),
    /// There is none.
    None,
    /// It can't say.
    Error(io::Error),
}

/// The question for the socket of these ends; `None` when they are of different versions of IP.
pub(super) fn question(ends: &Ends, sequence: u32) -> Option<Vec<u8>> {
    let family = match (ends.local.0, ends.peer.0) {
        (IpAddr::V4(_), IpAddr::V4(_)) => libc::AF_INET,
        (IpAddr::V6(_), IpAddr::V6(_)) => libc::AF_INET6,
        _ => return None,
    };
    let mut bytes = Vec::with_capacity(QUESTION);
    bytes.extend((QUESTION as u32).to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([family as u8, libc::IPPROTO_TCP as u8, WANTED, 0]);
    // Whatever its state.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(ends.local.1.to_be_bytes());
    bytes.extend(ends.peer.1.to_be_bytes());
    for address in [ends.local.0, ends.peer.0] {
        match address {
            IpAddr::V4(address) => {
                bytes.extend(address.octets());
                bytes.extend([0; 12]);
            }
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    // On any interface.
    bytes.extend(0_u32.to_ne_bytes());
    // Not a socket that is already known by its cookie (INET_DIAG_NOCOOKIE).
    bytes.extend([0xff; 8]);
    Some(bytes)
}

/// What a message says to the question of that sequence number; `None` when it is about another.
pub(super) fn answer(bytes: &[u8], sequence: u32) -> Option<Answer> {
    let said = u32_at(bytes, 0)? as usize;
    let message = bytes.get(..said)?;
    if u32_at(message, 8)? != sequence {
        return None;
    }
    let body = message.get(HEADER..)?;
    match u16_at(message, 4)? {
        NLMSG_ERROR => {
            let code = i32::from_ne_bytes(*body.first_chunk()?);
            Some(match code.checked_neg() {
                Some(libc::ENOENT) => Answer::None,
                code => Answer::Error(io::Error::from_raw_os_error(code.unwrap_or(libc::EIO))),
            })
        }
        SOCK_DIAG_BY_FAMILY => {
            Some(socket(body).map_or(Answer::None, |sample| Answer::Socket(Box::new(sample))))
        }
        _ => None,
    }
}

/// What a message says about a socket (`struct inet_diag_msg` with attributes).
fn socket(body: &[u8]) -> Option<Sample> {
    let head = body.first_chunk::<ANSWER>()?;
    let state = tcp_info::state(head[1])?;
    let (rqueue, wqueue) = (u32_at(head, 56)?, u32_at(head, 60)?);
    let (recv_queue, send_queue) = queues(state, rqueue.into(), wqueue.into());
    let mut sample = Sample {
        port: u16::from_be_bytes([head[4], head[5]]),
        peer_port: u16::from_be_bytes([head[6], head[7]]),
        state: state.name().to_owned(),
        recv_queue: Some(recv_queue),
        send_queue,
        ..Sample::default()
    };
    let info = attributes(body.get(ANSWER..)?).find(|(kind, _)| *kind == INET_DIAG_INFO);
    // There, the numbers of a listening socket are about its queue of connections.
    if let (Some((_, info)), false) = (info, state == TcpState::Listen) {
        tcp_info::read(info, &mut sample);
    }
    Some(sample)
}

/// The queues in bytes. The kernel subtracts sequence numbers, and those count a SYN or FIN as one
/// (RFC 9293 section 3.4): in these states there is one in the difference. For a socket that listens,
/// the second is how many connections may wait, which is no queue.
pub(in crate::io) fn queues(state: TcpState, receive: u64, send: u64) -> (u64, Option<u64>) {
    let receive = match state {
        TcpState::CloseWait | TcpState::LastAck | TcpState::Closing => receive.saturating_sub(1),
        _ => receive,
    };
    let send = match state {
        TcpState::Listen => return (receive, None),
        TcpState::SynSent
        | TcpState::SynReceived
        | TcpState::FinWait1
        | TcpState::LastAck
        | TcpState::Closing => send.saturating_sub(1),
        _ => send,
    };
    (receive, Some(send))
}

/// The attributes in `bytes`, each with its type, up to the first that is longer than what there is.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & ATTRIBUTE_TYPE;
        let content = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, content))
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer with this state, these queues and these attributes.
    fn message(state: u8, queues: [u32; 2], attributes: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + ANSWER];
        bytes[4] = SOCK_DIAG_BY_FAMILY as u8;
        bytes[8] = 5;
        bytes[HEADER + 1] = state;
        bytes[HEADER + 4..HEADER + 8].copy_from_slice(&[0x1f, 0x90, 0x9c, 0x40]);
        bytes[HEADER + 56..HEADER + 60].copy_from_slice(&queues[0].to_ne_bytes());
        bytes[HEADER + 60..HEADER + 64].copy_from_slice(&queues[1].to_ne_bytes());
        bytes.extend(attributes);
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes
    }

    fn sample(bytes: &[u8]) -> Option<Sample> {
        match answer(bytes, 5)? {
            Answer::Socket(sample) => Some(*sample),
            _ => None,
        }
    }

    #[test]
    fn flags_that_take_a_number_are_no_bytes_of_a_queue() {
        let queues = |state| {
            let sample = sample(&message(state, [11, 21], &[])).unwrap();
            (sample.recv_queue, sample.send_queue)
        };
        assert_eq!(queues(1), (Some(11), Some(21)), "ESTABLISHED");
        assert_eq!(queues(2), (Some(11), Some(20)), "SYN-SENT");
        assert_eq!(queues(4), (Some(11), Some(20)), "FIN-WAIT-1");
        assert_eq!(queues(8), (Some(10), Some(21)), "CLOSE-WAIT");
        assert_eq!(queues(9), (Some(10), Some(20)), "LAST-ACK");
        assert_eq!(queues(10), (Some(11), None), "LISTEN");
    }

    #[test]
    fn only_the_answer_to_this_question_counts() {
        let bytes = message(1, [0, 0], &[]);
        assert_eq!(sample(&bytes).unwrap().port, 8080);
        assert!(answer(&bytes, 6).is_none());
        let mut refusal = vec![
            20,
            0,
            0,
            0,
            NLMSG_ERROR as u8,
            0,
            0,
            0,
            5,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        refusal.extend((-libc::ENOENT).to_ne_bytes());
        assert!(matches!(answer(&refusal, 5), Some(Answer::None)));
        refusal[16..].copy_from_slice(&(-libc::EPERM).to_ne_bytes());
        let Some(Answer::Error(error)) = answer(&refusal, 5) else {
            panic!("an error is an error");
        };
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn an_older_kernel_s_shorter_answer_gives_less() {
        // A type between, padded to four; then as much of TCP_INFO as Linux 2.6 has: 104 bytes.
        let mut attributes = vec![5, 0, 4, 0, 99, 0, 0, 0, 108, 0, INET_DIAG_INFO as u8, 0];
        attributes.extend([1; 104]);
        let sample = sample(&message(1, [0, 0], &attributes)).unwrap();
        assert_eq!(sample.cwnd, Some(0x0101_0101));
        assert_eq!(sample.total_retrans, Some(0x0101_0101));
        assert_eq!((sample.busy_ns, sample.snd_wnd), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_are_trusted(
            mut bytes in prop::collection::vec(any::<u8>(), 0..600),
            len in any::<u16>(),
        ) {
            answer(&bytes, 5);
            // The same behind a header that makes sense, with a length that may not.
            let mut likely = message(1, [0, 0], &[]);
            likely.append(&mut bytes);
            likely[..2].copy_from_slice(&len.to_ne_bytes());
            answer(&likely, 5);
        }
    }
}
