//! Who waits for whom, in a sentence each.

use crate::event::units;
use crate::sockets::{Alarm, Detail, TIME_WAIT_S, Wait};

/// What a wait means for this socket.
pub fn sentence(wait: Wait, of: &Detail) -> String {
    let sent = units::bytes(of.sent_unacked().unwrap_or(of.send_queue));
    let unsent = units::bytes(of.unsent.unwrap_or(0));
    let unread = units::bytes(of.receive_queue);
    match wait {
        Wait::Callers => {
            "Waits for whoever connects: nobody has come that was not accepted.".to_owned()
        }
        Wait::Accept => accept(of),
        Wait::Answer => format!(
            "connect() waits for the peer to answer the SYN{}.",
            again(of)
        ),
        Wait::Open => format!(
            "The kernel waits for the ACK that opens the connection{}.",
            again(of)
        ),
        Wait::ClosedWindow => stuck(
            of,
            "the peer's window is closed: its application does not read",
        ),
        Wait::PeerWindow => stuck(
            of,
            &format!("{sent} on the way fill the peer's window: an ACK must make room"),
        ),
        Wait::Congestion => stuck(
            of,
            &format!(
                "as many segments are on their way as the congestion window allows ({}): an ACK must make room",
                of.info.cwnd.unwrap_or(0)
            ),
        ),
        Wait::Retransmission => stuck(
            of,
            &format!(
                "what was lost, or not answered, is being sent again{}",
                again(of)
            ),
        ),
        Wait::HeldBack => stuck(
            of,
            &format!(
                "the kernel holds {unsent} back, though both windows have room: Nagle's algorithm, TCP_CORK, or pacing"
            ),
        ),
        Wait::Acks if of.unsent.is_none() => {
            format!("The send buffer keeps {sent} until the peer acknowledges them.")
        }
        Wait::Acks => format!(
            "All that was written is sent; the send buffer keeps {sent} until the peer acknowledges them.{}",
            full(of)
        ),
        Wait::Reader => format!("{unread} wait for this application to call recv()."),
        Wait::ReaderStopsPeer => format!(
            "The peer must not send: our window is closed, because this application does not read the {unread} that wait."
        ),
        Wait::Gap => {
            "What came too early waits in the receive buffer for what is missing before it."
                .to_owned()
        }
        Wait::Fin => {
            "All that came has been read; behind it the peer's FIN waits, for which the next recv() gives 0 (ss counts it as 1 in Recv-Q)."
                .to_owned()
        }
        Wait::OwnClose => {
            "The peer will send no more; the connection ends when this application closes it too."
                .to_owned()
        }
        Wait::PeerClose => "This side has closed, and waits for the peer to do so.".to_owned(),
        Wait::FinAck => format!(
            "This side has closed; its FIN is not acknowledged yet{}.",
            again(of)
        ),
        Wait::TimeWait => {
            let left = of.timer.map_or(TIME_WAIT_S * 1000, |timer| timer.left_ms);
            format!(
                "The connection is over; the kernel keeps its ports for another {}, in case the last ACK was lost or a segment is late.",
                milliseconds(left)
            )
        }
        Wait::Nobody => {
            "Nobody waits: all that was written is acknowledged, all that came is read.".to_owned()
        }
    }
}

/// A time in milliseconds as people read it.
pub(super) fn milliseconds(ms: u32) -> String {
    units::nanos(u64::from(ms) * 1_000_000)
}

fn accept(of: &Detail) -> String {
    let (waiting, most) = of.accept_queue.unwrap_or_default();
    let (noun, verb) = if waiting == 1 {
        ("connection", "waits")
    } else {
        ("connections", "wait")
    };
    let full = if waiting > most {
        " The queue is full: the kernel ignores whoever comes now."
    } else {
        ""
    };
    format!("{waiting} {noun} {verb} for this application to call accept().{full}")
}

/// What can't be sent, why, and what that means to the next send.
fn stuck(of: &Detail, why: &str) -> String {
    match of.is_full() {
        _ if !of.may_send() => format!("What was written before the close waits: {why}."),
        Some(true) => format!("send() would block: the send buffer is full because {why}."),
        Some(false) if of.is_writable() == Some(false) => format!(
            "A send() that has blocked goes on waiting until a third of the send buffer is free (poll() too), because {why}."
        ),
        Some(false) => format!(
            "send() returns at once, for the send buffer has room; but its bytes wait: {why}."
        ),
        None => format!("What was written waits: {why}."),
    }
}

fn full(of: &Detail) -> &'static str {
    match (of.is_full(), of.is_writable()) {
        _ if !of.may_send() => "",
        (Some(true), _) => " It is full: send() would block.",
        (_, Some(false)) => {
            " A send() that has blocked goes on waiting until a third of the buffer is free."
        }
        _ => "",
    }
}

/// How often it was tried, and when it will be again.
fn again(of: &Detail) -> String {
    match of.timer {
        Some(timer) if timer.alarm == Alarm::Retransmission && timer.tries > 0 => format!(
            " (timed out {}, again in {})",
            units::times(timer.tries.into()),
            milliseconds(timer.left_ms)
        ),
        _ => String::new(),
    }
}
