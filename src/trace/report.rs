//! What follows from the hops: how the trace ended, and what is worth knowing about the path.

use std::net::IpAddr;
use std::time::Duration;

use super::plan::Plan;
use crate::event::{Hop, Outcome, PathMtu, Probe, ProbeState, Trace, TraceRemark};

/// A router seen at so many TTLs is in a loop.
const LOOP: usize = 3;
/// Ways there and back of which one is longer by this are told.
const ASYMMETRY: u8 = 2;

/// What is known when all is over.
pub(super) struct Known<'a> {
    pub(super) plan: &'a Plan,
    pub(super) hops: &'a [Hop],
    /// All probes of the path, those beyond its end included.
    pub(super) probes: &'a [Probe],
    pub(super) stopped: bool,
    pub(super) path_mtu: Option<PathMtu>,
    pub(super) duplicates: u64,
    pub(super) unmatched: u64,
    pub(super) elapsed: Duration,
}

pub(super) fn trace(known: &Known<'_>) -> Trace {
    let shown = || known.hops.iter().flat_map(|hop| &hop.probes);
    let mut states = [0; 7];
    for probe in shown() {
        let index = ProbeState::ALL.iter().position(|&it| it == probe.state);
        if let Some(count) = index.and_then(|index| states.get_mut(index)) {
            *count += 1;
        }
    }
    let sent = known
        .probes
        .iter()
        .filter(|it| it.state != ProbeState::Unsent);
    let sent = sent.count() as u64;
    let own = known.hops.iter().map(Hop::sent).sum::<usize>() as u64;
    let arrived = shown().filter(|it| is_arrival(known.plan, it));
    Trace {
        outcome: outcome(known),
        sent,
        last_ttl: known.probes.iter().map(|it| it.ttl).max(),
        beyond: sent.saturating_sub(own),
        answered: known.hops.iter().map(Hop::answered).sum::<usize>() as u64,
        states,
        remarks: remarks(known),
        path_mtu: known.path_mtu.clone(),
        best_rtt_ns: arrived.filter_map(|it| it.answer.as_ref()?.rtt_ns).min(),
        elapsed_ns: u64::try_from(known.elapsed.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// Whether the destination answered it, in time or late.
fn is_arrival(plan: &Plan, probe: &Probe) -> bool {
    match probe.state {
        ProbeState::Destination => true,
        ProbeState::Late => {
            let unmarked = |it: &crate::event::Answer| it.mark.is_none();
            probe.from() == Some(plan.target) && probe.answer.as_ref().is_some_and(unmarked)
        }
        _ => false,
    }
}

fn outcome(known: &Known<'_>) -> Outcome {
    let has = |hop: &&Hop, of: &dyn Fn(&Probe) -> bool| hop.probes.iter().any(of);
    let arrived = |probe: &Probe| is_arrival(known.plan, probe);
    if let Some(hop) = known.hops.iter().find(|hop| has(hop, &arrived)) {
        return Outcome::Reached(hop.ttl);
    }
    let answered = known.hops.iter().rev().find(|hop| hop.answered() > 0);
    let last = answered.map_or(0, |hop| hop.ttl);
    if known.stopped {
        return Outcome::Stopped(last);
    }
    if let Some(circle) = circle(known.hops) {
        return Outcome::Loop(circle.first);
    }
    let refused = |probe: &Probe| {
        let marked = probe.answer.as_ref().is_some_and(|it| it.mark.is_some());
        matches!(probe.state, ProbeState::Unreachable | ProbeState::Unsent) || marked
    };
    match known.hops.iter().find(|hop| has(hop, &refused)) {
        Some(hop) => Outcome::Refused(hop.ttl),
        None => Outcome::Silence(last),
    }
}

/// Whether packets came as far as that hop: who refuses them may be any router before it.
fn is_passed_to(hop: &Hop) -> bool {
    let came = |probe: &Probe| match probe.state {
        ProbeState::Router | ProbeState::Destination => true,
        ProbeState::Late => probe.answer.as_ref().is_some_and(|it| it.mark.is_none()),
        _ => false,
    };
    hop.probes.iter().any(came)
}

fn remarks(known: &Known<'_>) -> Vec<TraceRemark> {
    let hops = known.hops;
    let mut remarks = match outcome(known) {
        Outcome::Loop(first) => loops(hops, first, 1),
        _ => of_the_path(known),
    };
    if known.unmatched > 0 {
        remarks.push(TraceRemark::Unmatched(known.unmatched));
    }
    if known.duplicates > 0 {
        remarks.push(TraceRemark::Duplicates(known.duplicates));
    }
    remarks
}

fn of_the_path(known: &Known<'_>) -> Vec<TraceRemark> {
    let mut remarks = Vec::new();
    let hops = known.hops;
    let last = hops.iter().rposition(is_passed_to);
    let before = hops.get(..last.unwrap_or(0)).unwrap_or_default();
    let silent: Vec<u8> = before
        .iter()
        .filter(|hop| hop.answered() == 0)
        .map(|hop| hop.ttl)
        .collect();
    if !silent.is_empty() {
        remarks.push(TraceRemark::Silent(silent));
    }
    remarks.extend(losses(hops));
    let balanced: Vec<u8> = hops
        .iter()
        .filter(|hop| hop.addresses().len() > 1)
        .map(|hop| hop.ttl)
        .collect();
    if !balanced.is_empty() {
        remarks.push(TraceRemark::Balanced(balanced));
    }
    remarks.extend(asymmetry(known.plan, hops));
    remarks.extend(loops(hops, 0, LOOP));
    remarks
}

/// Who answers less often than a later hop withholds answers: had the packets been lost before it, the
/// later hop would lack them too.
fn losses(hops: &[Hop]) -> Vec<TraceRemark> {
    let mut remarks = Vec::new();
    // Of the answers, in thousandths, so that numbers of probes may differ.
    let share = |hop: &Hop| hop.answered() * 1000 / hop.sent().max(1);
    let mut lossy = None;
    for (index, hop) in hops.iter().enumerate() {
        if hop.answered() == 0 || hop.answered() == hop.sent() {
            continue;
        }
        let later = hops.get(index + 1..).unwrap_or_default();
        let more = |it: &&Hop| is_passed_to(it) && share(it) > share(hop);
        match later.iter().find(more) {
            Some(better) => remarks.push(TraceRemark::Limited {
                ttl: hop.ttl,
                unanswered: hop.sent() - hop.answered(),
                sent: hop.sent(),
                later: better.ttl,
            }),
            None => {
                lossy.get_or_insert(hop.ttl);
            }
        }
    }
    let from = |ttl: u8| hops.iter().filter(move |hop| hop.ttl >= ttl);
    let is_error = |probe: &Probe| {
        let icmp = probe.answer.as_ref().and_then(|it| it.icmp);
        icmp.is_some_and(|(kind, _)| !matches!(kind, 0 | 129))
    };
    let all_errors = |ttl| {
        let mut answered = from(ttl)
            .flat_map(|hop| &hop.probes)
            .filter(|it| it.answer.is_some());
        answered.all(is_error)
    };
    remarks.extend(lossy.map(|ttl| TraceRemark::Lossy {
        ttl,
        errors: all_errors(ttl),
    }));
    remarks
}

fn asymmetry(plan: &Plan, hops: &[Hop]) -> Vec<TraceRemark> {
    let mut remarks = Vec::new();
    let mut told: Vec<IpAddr> = Vec::new();
    for probe in hops.iter().flat_map(|hop| &hop.probes) {
        let Some(answer) = &probe.answer else {
            continue;
        };
        let (Some(back), Some(left)) = (answer.back, answer.ttl) else {
            continue;
        };
        let told_already = told.contains(&answer.from);
        if back.hops.abs_diff(probe.ttl) >= ASYMMETRY && !told_already && plan.flows <= 1 {
            told.push(answer.from);
            remarks.push(TraceRemark::Asymmetric {
                ttl: probe.ttl,
                from: answer.from,
                left,
                back,
            });
        }
    }
    remarks
}

/// Routers that hand packets round: from which TTL on.
pub(super) struct Circle {
    pub(super) first: u8,
}

/// Longest circle that is looked for, in routers.
const LONGEST_CIRCLE: usize = 4;

/// Whether from some hop on the same few routers answer in turn, each at least twice. Hops that keep
/// silent say nothing against it; one more address does, as paths of unequal length look like that.
pub(super) fn circle(hops: &[Hop]) -> Option<Circle> {
    let mut seen: Vec<(u8, Vec<IpAddr>)> = Vec::new();
    for hop in hops {
        let expired = |it: &&Probe| {
            let unmarked = it.answer.as_ref().is_some_and(|it| it.mark.is_none());
            it.state == ProbeState::Router || it.state == ProbeState::Late && unmarked
        };
        let mut addresses: Vec<IpAddr> = hop
            .probes
            .iter()
            .filter(expired)
            .filter_map(Probe::from)
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        if !addresses.is_empty() {
            seen.push((hop.ttl, addresses));
        }
    }
    (2..=LONGEST_CIRCLE).find_map(|length| {
        // Whose turn it is follows from the TTL; read from the far end, where the circle is.
        let mut turns: Vec<Option<(&IpAddr, u8)>> = vec![None; length];
        let mut first = None;
        for (ttl, addresses) in seen.iter().rev() {
            let [address] = &addresses[..] else { break };
            let index = usize::from(*ttl) % length;
            let other = |it: &Option<(&IpAddr, u8)>| it.is_some_and(|(it, _)| it == address);
            if turns
                .iter()
                .enumerate()
                .any(|(at, it)| at != index && other(it))
            {
                break;
            }
            let Some(turn) = turns.get_mut(index) else {
                break;
            };
            match turn {
                Some((before, _)) if *before != address => break,
                Some((_, times)) => *times = times.saturating_add(1),
                None => *turn = Some((address, 1)),
            }
            first = Some(*ttl);
        }
        let twice = |it: &Option<(&IpAddr, u8)>| it.is_some_and(|(_, times)| times >= 2);
        turns
            .iter()
            .all(twice)
            .then_some(first)
            .flatten()
            .map(|first| Circle { first })
    })
}

/// Who answers as a router at `least` TTLs or more, from the hop `first` on.
fn loops(hops: &[Hop], first: u8, least: usize) -> Vec<TraceRemark> {
    let mut seen: Vec<(IpAddr, Vec<u8>)> = Vec::new();
    for hop in hops.iter().filter(|hop| hop.ttl >= first) {
        for probe in &hop.probes {
            let Some(from) = probe.from().filter(|_| probe.state == ProbeState::Router) else {
                continue;
            };
            let index = seen.iter().position(|(address, _)| *address == from);
            let index = index.unwrap_or_else(|| {
                seen.push((from, Vec::new()));
                seen.len() - 1
            });
            if let Some((_, ttls)) = seen.get_mut(index)
                && ttls.last() != Some(&hop.ttl)
            {
                ttls.push(hop.ttl);
            }
        }
    }
    let looped = seen.into_iter().filter(|(_, ttls)| ttls.len() >= least);
    looped
        .map(|(from, ttls)| TraceRemark::Loop { from, ttls })
        .collect()
}
