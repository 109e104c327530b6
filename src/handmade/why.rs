//! The reasons for numbers, in sentences: what a textbook would write beside each arrow.

use std::time::Duration;

use super::endpoint::{AckWhy, Endpoint};
use super::segment::Segment;
use crate::event::Reason;
use crate::wire::seq::Seq;

/// A reason for something that is as it should be.
pub(super) fn reason(what: impl Into<String>, why: impl Into<String>, rfc: &'static str) -> Reason {
    Reason {
        what: what.into(),
        why: why.into(),
        rfc,
        ok: true,
    }
}

/// Why the numbers of a segment are what they are; `end` has sent it by now.
pub(super) fn numbers(end: &Endpoint, segment: &Segment) -> Vec<Reason> {
    let flags = segment.flags;
    let mut reasons = vec![seq(end, segment)];
    if flags.ack() {
        reasons.push(acknowledged(end, segment.ack));
    } else {
        let why =
            "there is no ACK flag, so the field says nothing: no number of theirs is known yet";
        reasons.push(reason("ack 0", why, "RFC 9293 3.1"));
    }
    reasons.push(window(end));
    if let Some(mss) = segment.mss {
        let why = "the MTU of the link less 20 bytes of TCP header and the IP header: the largest segment that \
                   reaches us in one piece";
        reasons.push(reason(format!("mss {mss}"), why, "RFC 9293 3.7.1"));
    }
    if flags.syn() || flags.fin() {
        let name = if flags.syn() { "SYN" } else { "FIN" };
        let next = segment.end();
        let why = format!(
            "the {name} takes one sequence number, as a byte would, so that it can be acknowledged and repeated"
        );
        reasons.push(reason(format!("SND.NXT {next}"), why, "RFC 9293 3.4"));
    } else if !segment.data.is_empty() {
        let next = segment.end();
        let len = segment.data.len();
        let plural = if len == 1 { "byte" } else { "bytes" };
        let why = format!(
            "each byte takes a sequence number: {} + {len} {plural}",
            segment.seq
        );
        reasons.push(reason(format!("SND.NXT {next}"), why, "RFC 9293 3.4"));
    }
    reasons
}

fn seq(end: &Endpoint, segment: &Segment) -> Reason {
    let what = format!("seq {}", segment.seq);
    let iss = end.config.iss;
    if segment.flags.syn() {
        let why = "our initial sequence number, ISS: any will do, as long as it can't be guessed and old \
                   segments of the same ports can't be mistaken for new ones";
        return reason(what, why, "RFC 9293 3.4.1");
    }
    let offset = segment.seq.offset_from(iss);
    let why = if segment.is_empty() {
        format!("SND.NXT, the next number we would use; this segment takes none (ISS + {offset})")
    } else if offset == 1 {
        "the first number after our SYN, which took ISS itself (ISS + 1)".to_owned()
    } else {
        format!("the number after the last byte we sent (ISS + {offset})")
    };
    reason(what, why, "RFC 9293 3.4")
}

fn acknowledged(end: &Endpoint, ack: Seq) -> Reason {
    let offset = ack.offset_from(end.irs);
    let why = if offset == 1 {
        "RCV.NXT: their initial sequence number + 1, because their SYN took one".to_owned()
    } else {
        format!(
            "RCV.NXT: the next number we expect; all before it has come (their initial number + {offset})"
        )
    };
    reason(format!("ack {ack}"), why, "RFC 9293 3.4")
}

fn window(end: &Endpoint) -> Reason {
    let window = end.rcv_wnd;
    let why = if window == 0 {
        "RCV.WND: we take nothing now; they have to wait until we say otherwise".to_owned()
    } else {
        "RCV.WND: bytes from the ack number on that we take; never scaled, as we did not offer to"
            .to_owned()
    };
    reason(format!("win {window}"), why, "RFC 9293 3.8.6")
}

/// Why an ACK is sent.
pub(super) fn ack(why: AckWhy) -> Reason {
    match why {
        AckWhy::Syn => reason(
            "ACK",
            "acknowledges their SYN: only now do both sides know that both initial numbers have arrived",
            "RFC 9293 3.5",
        ),
        AckWhy::Data => reason(
            "ACK",
            "acknowledges their data; it could wait for half a second in the hope of company, and need not",
            "RFC 9293 3.8.6.3",
        ),
        AckWhy::Fin => reason("ACK", "acknowledges their FIN", "RFC 9293 3.6"),
        AckWhy::Unacceptable => reason(
            "ACK",
            "what came was not acceptable: this says which numbers would be",
            "RFC 9293 3.10.7.4",
        ),
        AckWhy::Window => reason(
            "ACK",
            "says nothing but that our window has changed: a window update",
            "RFC 9293 3.8.6.2.2",
        ),
    }
}

/// Why a segment is sent again.
pub(super) fn repeated(
    waited: Duration,
    next: Duration,
    srtt: Option<Duration>,
    doubled: u32,
) -> Reason {
    let basis = match srtt {
        _ if doubled > 1 => "doubled each time".to_owned(),
        None => "a second, as no round trip has been measured".to_owned(),
        Some(srtt) => format!(
            "at least a second, though round trips take {:.3} ms",
            srtt.as_secs_f64() * 1000.0
        ),
    };
    let why = format!(
        "nothing came for {:.3} s: the timeout ran out ({basis}); the next one is {:.3} s",
        waited.as_secs_f64(),
        next.as_secs_f64()
    );
    reason("again", why, "RFC 6298 5.4-5.6")
}

/// Why an RST ends a connection at once.
pub(super) fn abort(seq: Seq) -> Vec<Reason> {
    vec![
        reason(
            "RST",
            "we give up: without it they would keep the connection until their timers run out",
            "RFC 9293 3.10.5",
        ),
        reason(
            format!("seq {seq}"),
            "SND.NXT: exactly what they expect next, or they would have to doubt it",
            "RFC 9293 3.10.7.4",
        ),
    ]
}
