//! What became of each request, worked out from what the wire and the answering host did, without the
//! session.

use std::time::Duration;

use wirelab::event::EchoState;
use wirelab::frame::Timestamp;

use super::hosts::{Client, Deviation, receive};

/// How long an unanswered request is open for late replies.
const GUARD: Duration = Duration::from_secs(10);

/// Something that came to the client's socket about a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) count: u64,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Good,
    /// With the first byte of the message that is not right, where that is known.
    Corrupted(Option<usize>),
    Truncated,
    WrongSource,
    Error,
}

/// What a reply is when it comes; `None` if the kernel drops it, or it no longer is one to us. `ideal` is
/// the reply to what the client sent, `made` what the host sent, and `how` it deviated.
pub(crate) fn of_reply(
    client: Client,
    ideal: &[u8],
    made: &[u8],
    came: &[u8],
    how: Option<Deviation>,
) -> Option<What> {
    let [ideal, made] =
        [ideal, made].map(|it| receive(client.v6, it).expect("what a host makes is whole"));
    let came = client.heard(came)?;
    let checksum = 2..4;
    let bytes = 0..made.message.len().min(came.message.len());
    // Mended damage shows in the checksum too, which then is not what was damaged.
    let first = bytes
        .clone()
        .filter(|at| !checksum.contains(at))
        .find(|&at| ideal.message[at] != came.message[at]);
    match first {
        // Type and identifier: a message to somebody else.
        Some(0 | 4 | 5) => return None,
        Some(at) => return Some(What::Corrupted(Some(at))),
        None => {}
    }
    let in_sum = bytes
        .clone()
        .find(|&at| made.message[at] != came.message[at]);
    let source_changed = made.from != came.from;
    match how {
        // By the host, or by damage to the length in an IPv6 header, which no checksum covers.
        _ if came.message.len() < ideal.message.len() => Some(What::Truncated),
        _ if in_sum.is_some() => Some(What::Corrupted(in_sum)),
        // Only the checksum shows that, which over IPv6 covers it.
        _ if source_changed => Some(What::Corrupted(None)),
        Some(Deviation::WrongSource) => Some(What::WrongSource),
        _ => Some(What::Good),
    }
}

/// What is known of a request.
#[derive(Clone, Debug, Default)]
struct Known {
    /// When the first thing came.
    ended: Option<Timestamp>,
    replies: u32,
    first_fault: Option<What>,
    /// The first good reply: when, and whether a later request's reply was here before it.
    good: Option<(Timestamp, bool)>,
    error: bool,
}

/// The state of each request, with the first damaged byte of what is damaged.
pub(crate) fn states(
    sent: &[Timestamp],
    arrivals: &[Arrival],
    timeout: Duration,
) -> Vec<(EchoState, Option<usize>)> {
    let mut known = vec![Known::default(); sent.len()];
    let mut highest = 0;
    let until = |index: usize, it: &Known| {
        let after = |time: Timestamp, long: Duration| time.as_nanos() + long.as_nanos() as u64;
        match it.ended {
            None => after(sent[index], GUARD),
            Some(ended) => {
                after(sent[index], timeout).max(after(ended, timeout.min(Duration::from_secs(1))))
            }
        }
    };
    for arrival in arrivals {
        let index = arrival.count as usize - 1;
        // Requests are settled in order, so one is open as long as any before it.
        let open = (0..=index).any(|it| until(it, &known[it]) > arrival.at.as_nanos());
        if !open {
            continue;
        }
        let it = &mut known[index];
        it.ended.get_or_insert(arrival.at);
        match arrival.what {
            What::Error => {
                it.error = true;
                continue;
            }
            What::Good if it.good.is_none() => {
                it.good = Some((arrival.at, arrival.count < highest && it.replies == 0));
            }
            What::Good => {}
            fault => _ = it.first_fault.get_or_insert(fault),
        }
        it.replies += 1;
        highest = highest.max(arrival.count);
    }
    let state = |(it, sent): (&Known, &Timestamp)| match (it.good, it.first_fault) {
        (Some(_), _) if it.replies > 1 => (EchoState::Duplicate, None),
        (Some((at, _)), _) if at.since(*sent) > timeout => (EchoState::Late, None),
        (Some((_, true)), _) => (EchoState::Reordered, None),
        (Some(_), _) => (EchoState::Answered, None),
        (None, Some(What::Corrupted(at))) => (EchoState::Corrupted, at),
        (None, Some(What::Truncated)) => (EchoState::Truncated, None),
        (None, Some(What::WrongSource)) => (EchoState::WrongSource, None),
        (None, _) if it.error => (EchoState::IcmpError, None),
        (None, _) => (EchoState::Lost, None),
    };
    known.iter().zip(sent).map(state).collect()
}
