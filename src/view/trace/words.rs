//! What was found, in words.

use std::net::IpAddr;

use super::Target;
use crate::event::{
    Answer, Hop, Method, MtuStep, Outcome, PathMtu, Probe, ProbeState, Trace, TraceRemark, units,
};
use crate::view::Paint;
use crate::view::text::escape_bytes;
use crate::wire::icmp_extension::{Checksum, Extensions, Interface, Label, Object};

/// The last TTL where nobody asks for another.
const USUAL_MAX: u8 = 30;
/// Objects and labels told of one answer.
const MOST_TOLD: usize = 8;

/// What a question mark in place of a time means.
const TWICE: &str = "?: answered only after the kernel had sent the SYN a second time; which of the two \
                     that answers, and so its round trip, can't be told";

/// Milliseconds with three decimals.
pub(super) fn ms(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// `hop 3`, `hops 3 and 5`.
fn hops(ttls: &[u8]) -> String {
    let numbers: Vec<String> = ttls.iter().map(u8::to_string).collect();
    let noun = if ttls.len() == 1 { "hop" } else { "hops" };
    format!("{noun} {}", units::list(&numbers))
}

/// What stands below a hop's line because of a probe.
pub(super) fn below(probe: &Probe, target: &Target) -> Vec<String> {
    if let Some(why) = &probe.unsent {
        return vec![format!("not sent: {why}")];
    }
    let Some(answer) = &probe.answer else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    match (&answer.mark, probe.state) {
        (Some(mark), _) => {
            lines.push(format!("{mark}: {}{}", answer.meaning, numbers(answer)));
        }
        (None, ProbeState::Wrong) => lines.push(answer.meaning.clone()),
        (None, ProbeState::Destination) if target.method == Method::Tcp => {
            lines.push(answer.meaning.clone());
        }
        _ => {}
    }
    if answer.rtt_ns.is_none() {
        lines.push(TWICE.to_owned());
    }
    lines.extend(answer.extensions.iter().flat_map(extensions));
    if let Some(quote) = &answer.quote {
        lines.extend(quote.changes.iter().map(|change| {
            format!(
                "{} was {}, is quoted as {}: {}",
                change.field, change.sent, change.quoted, change.why
            )
        }));
    }
    lines
}

fn numbers(answer: &Answer) -> String {
    answer.icmp.map_or(String::new(), |(kind, code)| {
        format!(", type {kind}, code {code}")
    })
}

/// What a router added to its answer.
fn extensions(extensions: &Extensions) -> Vec<String> {
    let mut lines = Vec::new();
    if extensions.checksum == Checksum::Wrong {
        lines.push("the extension's checksum is wrong: what it says may be too".to_owned());
    }
    for object in extensions.objects.iter().take(MOST_TOLD) {
        match object {
            Object::Mpls(labels) => {
                lines.extend(labels.iter().take(MOST_TOLD).map(|&it| label(it)));
            }
            Object::Interface(it) => lines.push(interface(it)),
            Object::Other {
                class,
                c_type,
                data,
            } => lines.push(format!(
                "extension object of class {class}, type {c_type}: {}",
                units::bytes(data.len() as u64)
            )),
        }
    }
    lines
}

pub(super) fn label(label: Label) -> String {
    let bottom = if label.bottom {
        ", bottom of stack"
    } else {
        ""
    };
    format!(
        "MPLS label {}, traffic class {}, TTL {}{bottom}",
        label.label, label.traffic_class, label.ttl
    )
}

pub(super) fn interface(it: &Interface) -> String {
    let parts = [
        it.name.as_deref().map(escape_bytes),
        it.address.map(|address| address.to_string()),
        it.index.map(|index| format!("index {index}")),
        it.mtu.map(|mtu| format!("MTU {mtu}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}: {}", it.role.name(), parts.join(", "))
}

/// Who said that a packet is too big.
pub(super) fn step(step: &MtuStep) -> String {
    let fits = step
        .mtu
        .map_or("it does not say what fits".to_owned(), |mtu| {
            format!("{} fit", units::bytes(mtu as u64))
        });
    match (step.from, step.hop) {
        (None, _) => format!("our own interface: {fits}"),
        (Some(from), hop) => {
            let hop = hop.map(|hop| format!(" (hop {hop})")).unwrap_or_default();
            let size = units::bytes(step.size as u64);
            format!("{from}{hop}: {size} are too many, {fits}")
        }
    }
}

/// The sentences at the end.
pub(super) fn end(trace: &Trace, target: &Target, all: &[Hop]) -> Vec<(Paint, String)> {
    let paint = match trace.outcome {
        Outcome::Reached(_) => Paint::Good,
        Outcome::Stopped(_) => Paint::Caution,
        Outcome::Silence(ttl) if ttl == target.max => Paint::Caution,
        Outcome::Refused(_) | Outcome::Silence(_) | Outcome::Loop(_) => Paint::Trouble,
    };
    let mut sentences = vec![(paint, outcome(trace, target, all))];
    let limited = limited(&trace.remarks);
    let told = limited.is_some();
    let is_loop = matches!(trace.outcome, Outcome::Loop(_));
    sentences.extend(limited.map(|text| (Paint::Plain, text)));
    let others = trace
        .remarks
        .iter()
        .filter(|it| !told || !matches!(it, TraceRemark::Limited { .. }))
        .filter(|it| !is_loop || !matches!(it, TraceRemark::Loop { .. }));
    sentences.extend(others.map(|it| (Paint::Plain, remark(it, all, target))));
    if let Some(found) = &trace.path_mtu {
        sentences.push(path_mtu(found, target, all));
    }
    sentences
}

/// Several hops that limit their answers, in one sentence.
fn limited(remarks: &[TraceRemark]) -> Option<String> {
    let (mut ttls, mut counts) = (Vec::new(), Vec::new());
    for remark in remarks {
        if let TraceRemark::Limited {
            ttl, unanswered, ..
        } = remark
        {
            ttls.push(*ttl);
            counts.push(unanswered.to_string());
        }
    }
    (ttls.len() > 1).then(|| {
        format!(
            "{} left {} probes unanswered, while later hops answered more of their own: they \
             likely limit how often they answer, which is policy, not loss.",
            capital(&hops(&ttls)),
            units::list(&counts)
        )
    })
}

fn outcome(trace: &Trace, target: &Target, all: &[Hop]) -> String {
    let address = &target.address;
    // Beyond the destination nobody is asked; beyond whoever refuses, somebody was.
    let beyond = match trace.outcome {
        Outcome::Reached(_) => trace.beyond,
        _ => 0,
    };
    let counts = format!(
        "{} of {} answered",
        units::count(trace.answered),
        units::plural(trace.sent.saturating_sub(beyond), "probe")
    );
    match trace.outcome {
        Outcome::Reached(ttl) => {
            let best = trace
                .best_rtt_ns
                .map(|ns| format!(", {} ms there and back at best", ms(ns)));
            let routers = match ttl {
                1 => "no router between".to_owned(),
                _ => format!("{} between", units::plural(u64::from(ttl) - 1, "router")),
            };
            format!(
                "Reached: {address} is {} away, {routers}{}; {counts}.",
                units::plural(ttl.into(), "hop"),
                best.unwrap_or_default()
            )
        }
        Outcome::Refused(ttl) => format!(
            "Not reached: {}; {counts}.",
            refusal(all, ttl).unwrap_or_default()
        ),
        Outcome::Silence(0) => format!(
            "Not reached: nobody answered, up to TTL {}; {}. {}",
            target.max,
            counts,
            other_ways(target)
        ),
        Outcome::Loop(ttl) => format!("Not reached: {}; {counts}.", looped(trace, target, ttl)),
        Outcome::Silence(ttl) if ttl == target.max => {
            let why = if ttl == USUAL_MAX {
                "the limit unless -m raises it"
            } else {
                "as asked (-m)"
            };
            format!(
                "Stopped at TTL {ttl} {why}: hop {ttl}, {}, is not yet the destination; {counts}.",
                who(all, ttl)
            )
        }
        Outcome::Silence(ttl) => format!(
            "Not reached: hop {ttl}, {}, is the last that answered; {counts}. What comes behind it, up \
             to TTL {}, drops the probes or keeps silent. {}",
            who(all, ttl),
            target.max,
            other_ways(target)
        ),
        Outcome::Stopped(0) => format!("Stopped before anybody answered; {counts}."),
        Outcome::Stopped(ttl) => format!(
            "Stopped: hop {ttl}, {}, is the last that answered; {counts}.",
            who(all, ttl)
        ),
    }
}

/// Who passes packets to whom, round and round.
fn looped(trace: &Trace, target: &Target, ttl: u8) -> String {
    let mut routers = Vec::new();
    for remark in &trace.remarks {
        if let TraceRemark::Loop { from, ttls } = remark {
            routers.push(format!("{from} ({})", hops(ttls)));
        }
    }
    let last = trace.last_ttl.filter(|&last| last < target.max);
    let stopped =
        last.map(|last| format!(" Probing stopped at TTL {last}, as no more is to be seen"));
    format!(
        "a routing loop from hop {ttl} on. {} pass packets for {} to each other until no TTL is left: \
         their routes to it point in a circle.{}",
        units::list(&routers),
        target.address,
        stopped.unwrap_or_default()
    )
}

/// What else could get through.
const fn other_ways(target: &Target) -> &'static str {
    match target.method {
        Method::Icmp => "Firewalls may let other probes pass: --tcp --port 443, or --udp.",
        Method::Udp => "Firewalls may let other probes pass: --tcp --port 443, or --icmp.",
        Method::Tcp => "Firewalls may let other probes pass: another --port, --icmp, or --udp.",
    }
}

/// The addresses of a hop.
fn who(all: &[Hop], ttl: u8) -> String {
    let hop = all.iter().find(|hop| hop.ttl == ttl);
    let addresses = hop.map(Hop::addresses).unwrap_or_default();
    let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    units::list(&texts)
}

/// Who said no, and what.
fn refusal(all: &[Hop], ttl: u8) -> Option<String> {
    let hop = all.iter().find(|hop| hop.ttl == ttl)?;
    hop.probes.iter().find_map(|probe| {
        if let Some(why) = &probe.unsent {
            return Some(format!("this host can't send it: {why}"));
        }
        let answer = probe.answer.as_ref()?;
        let mark = answer.mark.as_ref()?;
        // A router that refuses has not come to look at the TTL, so it can be any before.
        let before = answer.quoted_ttl.filter(|&left| left > 1 && left <= ttl);
        let hop = before.map_or(ttl, |left| ttl - left + 1);
        // It may have answered as a router already: the packet had come that far.
        let seen = all.iter().find(|it| it.addresses().contains(&answer.from));
        let hop = seen.map_or(hop, |seen| seen.ttl.min(hop));
        Some(format!(
            "hop {hop}, {}, says {} ({mark}{})",
            answer.from,
            answer.meaning,
            numbers(answer)
        ))
    })
}

/// Whether one probe is all that these hops were asked with.
fn asked_once(all: &[Hop], ttls: &[u8]) -> bool {
    let mut asked = all.iter().filter(|hop| ttls.contains(&hop.ttl));
    asked.all(|hop| hop.sent() <= 1)
}

fn remark(remark: &TraceRemark, all: &[Hop], target: &Target) -> String {
    match remark {
        TraceRemark::Silent(ttls) if asked_once(all, ttls) => format!(
            "{} did not answer this probe, but later hops answer theirs: packets pass. With -q 3 it \
             shows whether that is always so.",
            capital(&hops(ttls))
        ),
        TraceRemark::Silent(ttls) => {
            let (verb, noun) = match ttls.len() {
                1 => (
                    "never answers, but passes",
                    "It is a router that keeps silent",
                ),
                _ => (
                    "never answer, but pass",
                    "These are routers that keep silent",
                ),
            };
            format!(
                "{} {verb} packets on, since later ones answer. {noun}, or whose answers are dropped.",
                capital(&hops(ttls))
            )
        }
        TraceRemark::Limited {
            ttl,
            unanswered,
            sent,
            later,
        } => format!(
            "Hop {ttl} left {unanswered} of {sent} probes unanswered, while hop {later} behind it answered \
             more of its own: it likely limits how often it answers, which is policy, not loss.",
        ),
        TraceRemark::Lossy { ttl, errors: false } => format!(
            "From hop {ttl} on every hop lacks answers: packets may really be lost there, or on the way \
             back."
        ),
        TraceRemark::Lossy { ttl, errors: true } => format!(
            "From hop {ttl} on every hop lacks answers. Packets may be lost, or errors limited, as hosts \
             and routers do: these answers can't tell. Echo replies are rarely limited."
        ),
        TraceRemark::Balanced(ttls) => {
            let answers = if ttls.len() == 1 { "answers" } else { "answer" };
            let more = if target.own_flow {
                "Each TCP probe has its own port, so probes may take any of the paths; with rights (sudo), \
                 all of a flow have the same"
            } else {
                "--flows N follows several paths one by one"
            };
            format!(
                "{} {answers} from several addresses: traffic is shared between paths, or the route \
                 changed. {more}.",
                capital(&hops(ttls))
            )
        }
        TraceRemark::Asymmetric {
            ttl,
            from,
            left,
            back,
        } => format!(
            "The way back from hop {ttl}, {from}, seems to have {}: its answer came with TTL {left}, which \
             began as {}, if that system does as most do.",
            units::plural(back.hops.into(), "hop"),
            back.initial
        ),
        TraceRemark::Loop { from, ttls } => format!(
            "{from} is {} at once: packets go round in a loop.",
            hops(ttls)
        ),
        TraceRemark::Unmatched(number) => {
            let advice = match (target.method, all.is_empty()) {
                (Method::Udp, _) => "; with rights (sudo), --classic or --icmp they can be matched",
                _ => "",
            };
            format!(
                "{} quoted too little of the probe to tell which one it was about{advice}.",
                units::plural(*number, "answer")
            )
        }
        TraceRemark::Duplicates(number) => format!(
            "{} came for probes that had been answered already.",
            units::plural(*number, "more answer")
        ),
    }
}

fn path_mtu(found: &PathMtu, target: &Target, all: &[Hop]) -> (Paint, String) {
    let reached = all
        .iter()
        .any(|hop| hop.ttl == found.hop && hop.addresses().contains(&target.ip));
    let to = if reached {
        target.address.clone()
    } else {
        format!("hop {}, as far as anybody answers", found.hop)
    };
    let Some(mtu) = found.mtu.filter(|_| found.complete) else {
        let why = if found.hop == 0 {
            "nobody answers"
        } else {
            "the search did not come to its end"
        };
        return (Paint::Caution, format!("Path MTU: not known, since {why}."));
    };
    let size = units::bytes(mtu as u64);
    if let Some((before, behind)) = found.black_hole {
        let before = match before {
            0 => "this host".to_owned(),
            hop => format!("hop {hop} ({})", who(all, hop)),
        };
        return (
            Paint::Trouble,
            format!(
                "Path MTU: {size} to {to}. Longer packets vanish without a word between {before} and hop \
                 {behind} ({}): a black hole. Whoever waits there for an ICMP error, as TCP does, waits \
                 in vain; a smaller MTU or MSS on the way helps.",
                who(all, behind)
            ),
        );
    }
    let limit = found.steps.iter().rev().find(|step| step.mtu == Some(mtu));
    let by = match limit {
        Some(MtuStep {
            from: Some(from),
            hop,
            ..
        }) => {
            let hop = hop.map(|hop| format!(" (hop {hop})")).unwrap_or_default();
            format!(", as {from}{hop} says")
        }
        Some(_) => ", as our own interface has it".to_owned(),
        None => String::new(),
    };
    (Paint::Good, format!("Path MTU: {size} to {to}{by}."))
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}
