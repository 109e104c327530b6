//! Episodes in words: what happened between opening and end, and what to do about it.

use super::episode::{Closed, Episodes, Loss, Simple};
use super::telling::{Names, finding};
use super::vantage::Vantage;
use crate::event::units::{count, nanos, plural, times};
use crate::event::{Finding, Flow, Kind, Severity, Shape, Side, Topic};

/// All that happened, not yet in order.
pub(super) fn all(flow: &Flow, names: &Names, episodes: &Episodes) -> Vec<Finding> {
    // SYNs that nobody answered are what its opening tells of.
    let asked = |episode: &&Loss| !(episode.syn && flow.shape == Shape::S0);
    let losses = episodes.losses.iter().filter(asked);
    let mut findings: Vec<_> = losses.map(|episode| loss(names, episode)).collect();
    for (at, episode) in episodes.closed.iter().enumerate() {
        let mut found = closed_window(flow, names, episode);
        // What to do about it is said once.
        let before = episodes.closed.get(..at).unwrap_or_default();
        if before.iter().any(|earlier| earlier.side == episode.side) {
            found.advice.clear();
        }
        findings.push(found);
    }
    let at = Vantage::of(flow).and_then(Vantage::end);
    let simple = episodes.simple.iter();
    findings.extend(simple.filter_map(|it| simply(names, it, at)));
    // That they crossed is told; that each came twice goes without saying.
    if flow
        .notes
        .iter()
        .any(|it| it.of(Kind::SimultaneousOpen) > 0)
    {
        let of_syn = |it: &&mut Finding| it.summary.contains("having got a SYN twice");
        for it in findings.iter_mut().filter(of_syn) {
            it.severity = Severity::Info;
        }
    }
    for (n, what) in [
        (
            episodes.more_losses,
            "segments were sent again in later episodes",
        ),
        (
            episodes.more_closed,
            "segments closed the window in later episodes",
        ),
    ] {
        if n > 0 {
            let what = format!("{} more {what}; replay shows each", count(n.into()));
            findings.push(finding(Topic::More, Severity::Notice, what));
        }
    }
    findings
}

fn loss(names: &Names, loss: &Loss) -> Finding {
    let host = names.of_side(loss.side);
    let n = loss.evidence.count;
    let segments = plural(n.into(), "segment");
    let base = |kind, severity, what: String, advice: &str| Finding {
        side: Some(loss.side),
        evidence: loss.evidence.frames.clone(),
        more: loss.evidence.more,
        advice: advice.to_owned(),
        ..finding(kind, severity, what)
    };
    if loss.needless == n {
        let what = format!(
            "{host} sent {segments} again that had arrived: {}",
            loss.why
        );
        let advice = "the ACKs were late or lost, or the path reorders: nothing was missing";
        return base(
            Topic::NeedlessRetransmission,
            Severity::Notice,
            what,
            advice,
        );
    }
    let when = |yes: bool, text: String| if yes { text } else { String::new() };
    let syn = if loss.syn_ack { "SYN-ACK" } else { "SYN" };
    let what = match (loss.syn, n) {
        (true, 1) => format!("its {syn} again"),
        (true, n) => format!("its {syn} again {}", times(n.into())),
        (false, _) => {
            let bytes = when(loss.bytes > 0, format!(" ({})", plural(loss.bytes, "byte")));
            if loss.originals == 1 && n > 1 {
                format!("1 segment again {}{bytes}", times(n.into()))
            } else {
                format!("{segments} again{bytes}")
            }
        }
    };
    let lasted = loss.last.nanos_since(loss.first);
    let lasted = when(lasted > 0, format!(", within {}", nanos(lasted)));
    let reason = when(n == 1, format!(": {}", loss.why));
    let what = format!("{host} sent {what}{lasted}, {}{reason}", causes(loss));
    let [rto, tlp, fast, unknown] = loss.causes;
    if loss.too_big == n {
        let advice = "one round trip is lost, once for each path; where a firewall drops the routers' messages, nothing \
                      that long arrives at all, and the connection hangs (RFC 4821 finds it without them)";
        return base(Topic::PathMtu, Severity::Notice, what, advice);
    }
    if loss.syn_ack && unknown == n {
        let advice = "the SYN came again, so the answer to it was lost, or was later than the timer of who asks";
        return base(Topic::LostSegments, Severity::Problem, what, advice);
    }
    let advice = if loss.syn {
        "the SYN or its answer was lost, or the host that was asked let it drop: a firewall, or a queue of \
         connections that wait to be accepted which is full (on Linux, ss -lt shows it, and nstat \
         TcpExtListenOverflows counts)"
    } else if rto == 0 && tlp + fast == 0 {
        "look at what came just before in the ladder (wirelab replay)"
    } else if rto > 0 {
        "while the timer runs nothing moves, and the sender starts slowly afterwards: look for \
         losses in bursts, or of the last segments of a message"
    } else {
        "a loss found this way costs about a round trip; if there are many, look for congestion \
         or a bad link"
    };
    base(Topic::LostSegments, Severity::Problem, what, advice)
}

/// What made the sender send again, counted where it was more than one thing.
fn causes(loss: &Loss) -> String {
    let [rto, tlp, fast, unknown] = loss.causes;
    let mut parts = Vec::new();
    let narrow = match loss.mtu {
        0 => "in smaller pieces, because a router said that they were too long".to_owned(),
        mtu => format!(
            "in smaller pieces, because a router said that only packets of {mtu} bytes pass"
        ),
    };
    let silent = if loss.syn_ack {
        "because the SYN came again"
    } else {
        "for a reason the capture doesn't show"
    };
    // The reason of a single one says this itself.
    let probe = if loss.or_timeout && loss.evidence.count > 1 {
        "as a probe for a lost tail, or because the timer of a sender that makes none ran out"
    } else {
        "as a probe for a lost tail"
    };
    for (n, what) in [
        (loss.too_big, &*narrow),
        (rto, "because its timer ran out before an ACK came"),
        (tlp, probe),
        (fast, "because duplicate ACKs or SACK said what was missing"),
        (unknown, silent),
    ] {
        if n == loss.evidence.count {
            parts.push(what.to_owned());
        } else if n > 0 {
            parts.push(format!("{} {what}", count(n.into())));
        }
    }
    parts.join(", ")
}

fn closed_window(flow: &Flow, names: &Names, closed: &Closed) -> Finding {
    let host = names.of_side(closed.side);
    let how_long = match closed.until {
        Some(until) => format!("for {}", nanos(until.nanos_since(closed.from))),
        None => format!(
            "for {} and until the end",
            nanos(flow.end.nanos_since(closed.from))
        ),
    };
    let probes = match closed.probes {
        0 => String::new(),
        n => {
            let other = names.of_side(closed.side.other());
            let gaps: Vec<_> = closed.gaps.iter().map(|&ns| nanos(ns)).collect();
            let more = if n as usize > gaps.len() { " …" } else { "" };
            format!(
                "; {other} asked {} whether it had opened, after {}{more}",
                times(n.into()),
                gaps.join(", ")
            )
        }
    };
    let what = format!("{host} had no room for more data {how_long} (window 0){probes}");
    Finding {
        side: Some(closed.side),
        evidence: closed.evidence.frames.clone(),
        more: closed.evidence.more,
        advice: format!(
            "the network is not the reason: the application on {host} does not read as fast as data comes"
        ),
        ..finding(Topic::Noted(Kind::ZeroWindow), Severity::Problem, what)
    }
}

/// Kinds of which it is enough to say how often and where; `at` is the side at which the capture was made.
fn simply(names: &Names, simple: &Simple, at: Option<Side>) -> Option<Finding> {
    let Simple {
        kind,
        side,
        of_the_capture,
        ref evidence,
        ref why,
    } = *simple;
    let (host, n) = (names.of_side(side), u64::from(evidence.count));
    let (segments, times) = (plural(n, "segment"), times(n));
    let what = match kind {
        Kind::OutOfOrder if of_the_capture => {
            format!("{segments} of {host} stand in the capture out of the order of time: {why}")
        }
        Kind::OutOfOrder => format!("{segments} of {host} came out of order: {why}"),
        Kind::AckedUnseen => {
            format!("{host} acknowledged data that the capture does not hold, {times}")
        }
        // A SYN is no data.
        Kind::Dsack if why.starts_with("the SYN ") => {
            format!("{host} reported having got a SYN twice, {times}: {why}")
        }
        Kind::Dsack => format!("{host} reported having got data twice, {times}: {why}"),
        Kind::WindowShrunk => format!("{host} took back window it had offered, {times}"),
        Kind::WindowUpdate => format!(
            "{host} read late what had come, {times}: the room for more had shrunk meanwhile; its segment {why}"
        ),
        Kind::WindowFull => {
            format!("{host} filled the window it was offered, {times}: the receiver set the pace")
        }
        Kind::WindowExceeded => format!("{host} sent beyond the window it was offered, {times}"),
        Kind::KeepAlive => {
            format!("{host} asked whether the other side was still there, {times} (keep-alive)")
        }
        Kind::PortReused => format!("these addresses and ports had a connection before: {why}"),
        Kind::CaptureDuplicate => {
            let are = if n == 1 { "is" } else { "are" };
            format!("{segments} of {host} {are} in the capture twice, though sent once: {why}")
        }
        Kind::OffloadSegment => format!(
            "{segments} of {host} were longer than any segment on the wire: cut or merged by a network card"
        ),
        Kind::ChecksumBad if of_the_capture => {
            format!("{segments} of {host}: {why}")
        }
        Kind::ChecksumBad => {
            let what = if n == 1 { "it" } else { "them" };
            format!("{segments} of {host} came with a wrong checksum: the receiver discards {what}")
        }
        Kind::ChallengeAck => {
            format!("{host} answered a suspicious segment with a challenge, {times}")
        }
        Kind::Unacceptable => format!("{host} sent what its receiver has to drop, {times}: {why}"),
        Kind::SimultaneousOpen => "both sides asked for the connection at the same time".to_owned(),
        Kind::SimultaneousClose => "both sides closed at the same time".to_owned(),
        Kind::HalfClose => {
            format!("{host} went on sending after the other side had closed its direction")
        }
        _ => return None,
    };
    let severity = match kind {
        Kind::ChecksumBad if !of_the_capture => Severity::Problem,
        Kind::KeepAlive
        | Kind::WindowUpdate
        | Kind::OffloadSegment
        | Kind::PortReused
        | Kind::SimultaneousOpen
        | Kind::SimultaneousClose
        | Kind::HalfClose => Severity::Info,
        _ => Severity::Notice,
    };
    Some(Finding {
        side: Some(side),
        evidence: evidence.frames.clone(),
        more: evidence.more,
        advice: advice(simple, at).to_owned(),
        ..finding(kind, severity, what)
    })
}

/// What to do about it, where there is something.
fn advice(simple: &Simple, at: Option<Side>) -> &'static str {
    match simple.kind {
        Kind::OutOfOrder if simple.of_the_capture => {
            "packets were captured on several queues or interfaces and written as they came: sort the file by time \
             (reordercap) before judging its order"
        }
        Kind::OutOfOrder => {
            "the path reorders, or a loss before the capture point was repaired there"
        }
        Kind::AckedUnseen => {
            "the capture missed packets, so judgements about loss are less sure: capture with a \
             larger buffer (-B for tcpdump)"
        }
        Kind::WindowShrunk => "RFC 9293 section 3.8.6 discourages it; senders must cope",
        Kind::CaptureDuplicate => {
            "copies at once are the capture's, which saw the packets at two places (a mirror port, \"any\" on a \
             bridge), later ones rather the network's; none of them counts for anything else"
        }
        Kind::OffloadSegment => {
            "sizes and counts of segments here are not those of the wire; to see those, switch it off \
             while capturing (ethtool -K IFACE tso off gso off gro off)"
        }
        Kind::ChecksumBad if at == Some(simple.side.other()) => {
            "the capture was made where this arrives, so what it shows is what came: something on the path damages \
             packets"
        }
        Kind::ChecksumBad if at == Some(simple.side) => {
            "the capture was made where this is sent, and a network card may fill in checksums after that (ethtool -K \
             IFACE tx off shows them as they go out)"
        }
        Kind::ChecksumBad => {
            "if the capture was made on the sender itself, its network card may fill in checksums \
             later; otherwise something on the path damages packets"
        }
        _ => "",
    }
}
