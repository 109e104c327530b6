//! Holds a reply against the request it answers: RFC 792 has the data of a request returned as it
//! came.

use std::net::IpAddr;

use super::plan::Plan;
use crate::event::{Damage, ReplyFault};
use crate::wire::echo;

/// Where a reply is not what it should be, `expected`; `None` when it is.
pub(super) fn compare(
    plan: &Plan,
    from: IpAddr,
    message: &[u8],
    expected: &[u8],
) -> Option<ReplyFault> {
    // Nearly all of them, and in a flood each instruction counts.
    if message == expected && from == plan.target {
        return None;
    }
    let sound = is_sound(plan, from, message);
    let checked = !plan.is_v6() || plan.source.is_some();
    let differs = |at: &usize| {
        let known = checked || !echo::CHECKSUM.contains(at);
        known && expected.get(*at) != message.get(*at)
    };
    let common = expected.len().min(message.len());
    let outside = |at: &usize| !echo::CHECKSUM.contains(at);
    let first = (0..common).filter(outside).find(differs);
    if first.is_none() && message.len() < expected.len() {
        return Some(ReplyFault::Truncated {
            came: message.len(),
            sent: expected.len(),
        });
    }
    let extra = (message.len() > expected.len()).then_some(expected.len());
    // The checksum alone differs, or it is wrong over bytes that are all right.
    let in_sum = || echo::CHECKSUM.clone().find(differs);
    let Some(at) = first.or(extra).or_else(in_sum) else {
        return (from != plan.target && !plan.many)
            .then_some(ReplyFault::WrongSource { asked: plan.target });
    };
    let differing = (0..common).filter(outside).filter(differs).count();
    let bytes = differing + message.len().saturating_sub(expected.len());
    Some(ReplyFault::Corrupted(Damage {
        at,
        expected: expected.get(at).copied(),
        found: message.get(at).copied().unwrap_or(0),
        bytes: bytes.max(1),
        checksum_fits: sound,
    }))
}

/// The reply to request `count` as it should be. The checksum of an IPv6 reply covers who sent it.
pub(super) fn write_reply(plan: &Plan, count: u64, from: IpAddr, reply: &mut Vec<u8>) {
    plan.write(reply, echo::reply(plan.is_v6()), plan.id, count);
    echo::seal(reply, ends(plan, from));
}

/// The same, from that request as it was written: copying it is less work than making it anew.
pub(super) fn turn_into_reply(plan: &Plan, request: &[u8], from: IpAddr, reply: &mut Vec<u8>) {
    reply.clear();
    reply.extend_from_slice(request);
    if let Some(kind) = reply.get_mut(echo::KIND) {
        *kind = echo::reply(plan.is_v6());
    }
    if let Some(checksum) = reply.get_mut(echo::CHECKSUM) {
        checksum.fill(0);
    }
    if let Some(id) = reply.get_mut(echo::ID) {
        id.copy_from_slice(&plan.id.to_be_bytes());
    }
    echo::seal(reply, ends(plan, from));
}

/// Whether the checksum of a reply is right, as far as that can be known.
pub(super) fn is_sound(plan: &Plan, from: IpAddr, message: &[u8]) -> bool {
    if plan.is_v6() && plan.source.is_none() {
        // The kernel has checked what it gave.
        return true;
    }
    echo::is_sound(message, ends(plan, from))
}

/// Who a reply came from and to, where the checksum covers that.
fn ends(plan: &Plan, from: IpAddr) -> Option<(IpAddr, IpAddr)> {
    plan.is_v6().then_some(())?;
    Some((from, plan.source?))
}
