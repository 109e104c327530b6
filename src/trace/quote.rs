//! What came back, and which probe it is about (RFC 792; RFC 4443 section 3; RFC 1812 section 4.3.2.3).
//!
//! A raw socket gives the whole ICMP message. Other sockets have the kernel's error queue (ip(7),
//! `IP_RECVERR`): what is quoted from the ICMP header on for ICMP, from the data on for UDP, from the
//! TCP header on for TCP, and the extension structure behind it (`IP_RECVERR_RFC4884`).

use std::net::IpAddr;

use super::changes;
use super::plan::Plan;
use crate::event::{Answer, Back, Method, Probe, ProbeState, Quote, QuoteChange};
use crate::wire::icmp_extension::{self, Extensions};
use crate::wire::seq::Seq;
use crate::wire::{echo, icmp, tcp};

/// Before the quote: type, code, checksum, and four bytes that depend on them.
const ERROR_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;
/// The extension header that says where a fragment belongs (RFC 8200 section 4.5).
const FRAGMENT: u8 = 44;

/// A message as a socket gives it.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// TTL or hop limit that it had left.
    pub ttl: Option<u8>,
    /// An ICMP message without IP header; of UDP, the data.
    pub message: &'a [u8],
}

/// An error as the kernel's queue has it.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    /// Who sent it; `None` for the kernel of this host.
    pub from: Option<IpAddr>,
    /// TTL or hop limit that the message had left.
    pub ttl: Option<u8>,
    /// Type and code, where it came as an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// The MTU, or 0.
    pub info: u32,
    /// The probe, where the socket sent no other.
    pub number: Option<u16>,
    /// The port that the quoted datagram went to.
    pub port: Option<u16>,
    /// What is quoted, and what follows it.
    pub quoted: &'a [u8],
    /// Bytes of that until the extension structure, where the kernel found a sound one.
    pub extension_at: Option<usize>,
}

/// An answer and the probe that it is about.
pub(super) struct Found {
    pub(super) number: u16,
    pub(super) state: ProbeState,
    pub(super) answer: Answer,
}

/// What a message turned out to be.
pub(super) enum Reading {
    /// About a probe.
    Found(Box<Found>),
    /// About a probe of ours, but it does not tell which.
    Vague,
    /// About nothing of ours.
    Foreign,
}

/// What a packet of ours looks like as it is quoted.
pub(super) struct Inner<'a> {
    /// The IP header; empty where the kernel keeps it.
    pub(super) header: &'a [u8],
    /// What follows.
    pub(super) message: &'a [u8],
}

/// What the destination says to a SYN.
pub(super) const OPEN: &str = "SYN-ACK: the port is open";
pub(super) const CLOSED: &str = "RST: the port is closed";
/// And to another SYN of the same flow while it waits for the end of that handshake.
const RESET_HALF_OPEN: &str = "RST: the port is open, and an earlier SYN of this flow was half way through its handshake (RFC 9293 \
                               3.10.7.4)";
const CHALLENGE: &str = "ACK: the port is open, and an earlier SYN of this flow was half way through its handshake (RFC 5961 4.2)";

fn back(ttl: Option<u8>) -> Option<Back> {
    let left = ttl?;
    let initial = [32, 64, 128, 255].into_iter().find(|&it| it >= left)?;
    Some(Back {
        initial,
        hops: (initial - left).saturating_add(1),
    })
}

fn found(number: u16, state: ProbeState, answer: Answer) -> Reading {
    Reading::Found(Box::new(Found {
        number,
        state,
        answer,
    }))
}

/// An answer of which nothing is known but who sent it.
pub(super) fn plain(from: IpAddr, ttl: Option<u8>, meaning: &str) -> Answer {
    Answer {
        from,
        rtt_ns: None,
        ttl,
        back: back(ttl),
        icmp: None,
        meaning: meaning.to_owned(),
        mark: None,
        mtu: None,
        quoted_ttl: None,
        quote: None,
        extensions: None,
    }
}

/// Reads an ICMP message: the destination's echo reply, or somebody's error.
pub(super) fn message(plan: &Plan, probes: &[Probe], got: &Received<'_>) -> Reading {
    let &[kind, code, ..] = got.message else {
        return Reading::Foreign;
    };
    if kind == echo::reply(plan.is_v6()) {
        return reply(plan, probes, got);
    }
    if !is_error(plan.is_v6(), kind) {
        return Reading::Foreign;
    }
    let place = icmp_extension::find(plan.is_v6(), got.message);
    let until = place.map_or(got.message.len(), |place| place.at);
    let Some(quoted) = got.message.get(ERROR_HEADER..until) else {
        return Reading::Foreign;
    };
    let Some(inner) = open(plan, quoted) else {
        return Reading::Foreign;
    };
    let probe = match whose(plan, probes, &inner) {
        Ok(probe) => probe,
        Err(reading) => return reading,
    };
    let mut answer = plain(got.from, got.ttl, icmp::name(plan.is_v6(), kind, code));
    answer.icmp = Some((kind, code));
    answer.mtu = mtu(plan.is_v6(), got.message);
    answer.extensions = place
        .and_then(|place| got.message.get(place.at..))
        .and_then(Extensions::parse);
    answer.quoted_ttl = changes::ttl(plan.is_v6(), inner.header);
    let state = error_state(plan, (kind, code), got.from);
    answer.quote = Some(Quote {
        bytes: quoted.len(),
        with_header: true,
        changes: changes::all(plan, probe, &inner, state),
    });
    answer.mark = mark(plan.is_v6(), (kind, code), answer.mtu);
    found(probe.number, state, answer)
}

/// Reads an error of the queue.
pub(super) fn queued(plan: &Plan, probes: &[Probe], got: &Queued<'_>) -> Reading {
    let (Some(icmp), Some(from)) = (got.icmp, got.from) else {
        return Reading::Foreign;
    };
    let quoted = got.quoted.get(..got.extension_at.unwrap_or(usize::MAX));
    let quoted = quoted.unwrap_or(got.quoted);
    let by_number = |number: Option<u16>| {
        let index = usize::from(number?).checked_sub(1)?;
        probes.get(index)
    };
    let probe = match plan.method {
        Method::Icmp => {
            let parsed = echo::Echo::parse(quoted);
            by_number(parsed.filter(|it| it.id == plan.id).map(|it| it.seq))
        }
        Method::Tcp => by_number(got.number),
        Method::Udp if plan.classic => by_number(
            got.port
                .map(|port| port.wrapping_sub(plan.port).wrapping_add(1)),
        ),
        Method::Udp => match by_number(plan.marked(quoted)) {
            None => return Reading::Vague,
            probe => probe,
        },
    };
    let Some(probe) = probe else {
        return Reading::Foreign;
    };
    let v6 = plan.is_v6();
    let mut answer = plain(from, got.ttl, icmp::name(v6, icmp.0, icmp.1));
    answer.icmp = Some(icmp);
    answer.mtu = Some(got.info).filter(|&mtu| mtu > 0 && is_too_big(v6, icmp));
    answer.extensions = got
        .extension_at
        .and_then(|at| got.quoted.get(at..))
        .and_then(Extensions::parse);
    let mut changed = Vec::new();
    changes::of_data(plan, probe, quoted, &mut changed);
    answer.quote = Some(Quote {
        bytes: quoted.len(),
        with_header: false,
        changes: changed,
    });
    answer.mark = mark(v6, icmp, answer.mtu);
    found(probe.number, error_state(plan, icmp, from), answer)
}

/// An echo reply, and whether it is what it should be.
fn reply(plan: &Plan, probes: &[Probe], got: &Received<'_>) -> Reading {
    let parsed = echo::Echo::parse(got.message);
    let parsed = parsed.filter(|it| plan.method == Method::Icmp && it.id == plan.id);
    let probe = parsed.and_then(|it| probes.get(usize::from(it.seq).checked_sub(1)?));
    let (Some(echo), Some(probe)) = (parsed, probe) else {
        return Reading::Foreign;
    };
    let mut sent = Vec::new();
    plan.write(probe.number, probe.flow - 1, probe.size, &mut sent);
    let mut answer = plain(got.from, got.ttl, "echo reply");
    answer.icmp = Some((echo.kind, echo.code));
    let same = sent.get(echo::HEADER..) == Some(echo.data);
    let right = got.from == plan.target || plan.target.is_multicast();
    let state = if same && right {
        ProbeState::Destination
    } else {
        let what = if right {
            "echo reply with other data than was sent".to_owned()
        } else {
            format!("echo reply, but {} was asked", plan.target)
        };
        answer.meaning = what;
        ProbeState::Wrong
    };
    found(probe.number, state, answer)
}

/// A segment that came to one of our own SYNs: it acknowledges that SYN's number (RFC 9293 section 3.10.7).
pub(super) fn segment(plan: &Plan, probes: &[Probe], got: &Received<'_>) -> Reading {
    let Ok(header) = tcp::Header::new(got.message) else {
        return Reading::Foreign;
    };
    let flow = plan
        .src_ports
        .iter()
        .position(|&it| it == header.dst_port());
    let flags = header.flags();
    let (Some(flow), true) = (flow, flags.ack() && header.src_port() == plan.port) else {
        return Reading::Foreign;
    };
    let number = plan.marked_syn(Seq(header.ack().0.wrapping_sub(1)));
    let index = number.and_then(|number| usize::from(number).checked_sub(1));
    let own = |probe: &&Probe| usize::from(probe.flow) == flow + 1;
    let Some(acked) = index.and_then(|index| probes.get(index)).filter(own) else {
        return Reading::Foreign;
    };
    let half_open = probes.iter().filter(own).any(|probe| {
        let answer = probe.answer.as_ref();
        answer.is_some_and(|answer| answer.meaning == OPEN)
    });
    let (probe, meaning) = match (flags.syn(), flags.rst()) {
        (true, false) => (Some(acked), OPEN),
        (_, true) if half_open => (Some(acked), RESET_HALF_OPEN),
        (_, true) => (Some(acked), CLOSED),
        // A challenge to a later SYN, which acknowledges the earlier one: to which, order tells.
        (false, false) => {
            let later = |probe: &&Probe| {
                own(probe)
                    && probe.answer.is_none()
                    && probe.unsent.is_none()
                    && probe.ttl >= acked.ttl
            };
            (probes.iter().find(later), CHALLENGE)
        }
    };
    let Some(probe) = probe else {
        return Reading::Vague;
    };
    let mut answer = plain(got.from, got.ttl, meaning);
    let state = if got.from == plan.target {
        ProbeState::Destination
    } else {
        answer.meaning = format!("a TCP segment, but {} was asked", plan.target);
        ProbeState::Wrong
    };
    found(probe.number, state, answer)
}

/// The quoted packet, if it is one of the kind that is sent.
fn open<'a>(plan: &Plan, quoted: &'a [u8]) -> Option<Inner<'a>> {
    let (header, message, protocol) = if plan.is_v6() {
        let (header, rest) = quoted.split_at_checked(IPV6_HEADER)?;
        match *header.get(6)? {
            FRAGMENT => (header, rest.get(8..)?, *rest.first()?),
            next => (header, rest, next),
        }
    } else {
        let len = usize::from(quoted.first()? & 0x0f) * 4;
        let (header, message) = quoted.split_at_checked(len.max(20))?;
        (header, message, *header.get(9)?)
    };
    (protocol == plan.protocol()).then_some(Inner { header, message })
}

/// Which probe is quoted.
fn whose<'p>(plan: &Plan, probes: &'p [Probe], inner: &Inner<'_>) -> Result<&'p Probe, Reading> {
    let by_number = |number: u16| {
        let index = usize::from(number).checked_sub(1)?;
        probes.get(index)
    };
    let word = |at: usize| {
        let bytes = inner.message.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    };
    // Translated addresses are believed when the data bear our mark.
    let data = inner.message.get(8..).unwrap_or_default();
    let seq = || Some(Seq(u32::from(word(4)?) << 16 | u32::from(word(6)?)));
    let marked = match plan.method {
        Method::Tcp => seq().and_then(|seq| plan.marked_syn(seq)),
        _ => plan.marked(data),
    };
    let ours = changes::destination(plan.is_v6(), inner.header) == Some(plan.target);
    if !ours && marked.is_none() {
        return Err(Reading::Foreign);
    }
    let found = match plan.method {
        Method::Icmp => {
            let parsed = echo::Echo::parse(inner.message);
            let of_kind = parsed.filter(|it| it.kind == echo::request(plan.is_v6()));
            let by_id = of_kind.filter(|it| it.id == plan.id).map(|it| it.seq);
            by_id.or(marked).and_then(by_number)
        }
        Method::Udp => {
            let (src, dst) = (word(0), word(2));
            let flow = src.and_then(|port| plan.src_ports.iter().position(|&it| it == port));
            if flow.is_none() && marked.is_none() {
                return Err(Reading::Foreign);
            }
            if plan.classic {
                let number = dst.map(|port| port.wrapping_sub(plan.port).wrapping_add(1));
                marked.or(number).and_then(by_number)
            } else {
                let by_sum = || by_checksum(plan, probes, flow?, word(6)?);
                match marked.and_then(by_number).or_else(by_sum) {
                    None => return Err(Reading::Vague),
                    probe => probe,
                }
            }
        }
        Method::Tcp if plan.syn_mark.is_some() => {
            let port = word(0);
            let own = plan.src_ports.iter().any(|&it| Some(it) == port);
            match marked.and_then(by_number) {
                // Some firewalls give connections other sequence numbers.
                None if own => return Err(Reading::Vague),
                probe => probe,
            }
        }
        Method::Tcp => {
            let port = word(0);
            let ports = plan.src_ports.iter();
            let index = ports.rev().position(|&it| Some(it) == port);
            let index = index.map(|from_end| plan.src_ports.len() - 1 - from_end);
            probes.get(index.unwrap_or(usize::MAX))
        }
    };
    found.ok_or(Reading::Foreign)
}

/// The probe of that flow whose checksum it is: each has another number in its data.
fn by_checksum<'p>(
    plan: &Plan,
    probes: &'p [Probe],
    flow: usize,
    checksum: u16,
) -> Option<&'p Probe> {
    probes.iter().rev().find(|probe| {
        let own = probe.flow - 1;
        usize::from(own) == flow
            && plan.udp_checksum(probe.number, own, probe.size) == Some(checksum)
    })
}

/// Whether a message of that type says that a packet did not get through.
const fn is_error(v6: bool, kind: u8) -> bool {
    if v6 {
        matches!(kind, 1..=4)
    } else {
        matches!(kind, 3 | 11 | 12)
    }
}

/// Whether it says that the packet was too big.
pub(super) const fn is_too_big(v6: bool, (kind, code): (u8, u8)) -> bool {
    if v6 {
        kind == 2
    } else {
        matches!((kind, code), (3, 4))
    }
}

/// The state of a probe that met this error.
fn error_state(plan: &Plan, icmp: (u8, u8), from: IpAddr) -> ProbeState {
    match (plan.is_v6(), icmp) {
        (false, (11, 0)) | (true, (3, 0)) => ProbeState::Router,
        // Who can say that a port or a protocol is not served is where it was sent to.
        (false, (3, 2 | 3)) | (true, (1, 4) | (4, 1)) if from == plan.target => {
            ProbeState::Destination
        }
        _ => ProbeState::Unreachable,
    }
}

/// The MTU that a message names.
fn mtu(v6: bool, message: &[u8]) -> Option<u32> {
    let &[kind, code, _, _, r0, r1, r2, r3, ..] = message else {
        return None;
    };
    let mtu = match (v6, kind, code) {
        // RFC 1191 section 4: in the lower half of what was unused before.
        (false, 3, 4) => u32::from(u16::from_be_bytes([r2, r3])),
        (true, 2, _) => u32::from_be_bytes([r0, r1, r2, r3]),
        _ => return None,
    };
    (mtu > 0).then_some(mtu)
}

/// What traceroute writes behind the time.
fn mark(v6: bool, (kind, code): (u8, u8), mtu: Option<u32>) -> Option<String> {
    if is_too_big(v6, (kind, code)) {
        return Some(mtu.map_or("!F".to_owned(), |mtu| format!("!F-{mtu}")));
    }
    Some(
        match (v6, kind, code) {
            (false, 11, 0) | (true, 3, 0) | (false, 3, 3) | (true, 1, 4) => return None,
            (false, 3, 0 | 6 | 8 | 11) | (true, 1, 0) => "!N",
            (false, 3, 1 | 7 | 12) | (true, 1, 3) => "!H",
            (false, 3, 2) | (true, 4, 1) => "!P",
            (false, 3, 5) | (true, 1, 2 | 7) => "!S",
            (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => "!X",
            (false, 3, 14) => "!V",
            (false, 3, 15) => "!C",
            (false, 3, _) | (true, 1, _) => return Some(format!("!<{code}>")),
            _ => return Some(format!("!<{kind}-{code}>")),
        }
        .to_owned(),
    )
}

/// So that the list of what changed has one way to grow.
pub(super) fn change(field: &'static str, sent: String, quoted: String, why: &str) -> QuoteChange {
    QuoteChange {
        field,
        sent,
        quoted,
        why: why.to_owned(),
    }
}
