//! Findings in words: a connection's opening, what was agreed, what it carried, how it ended.

use super::episode::Episodes;
use super::nagle::Nagle;
use super::pace::Pace;
use super::trouble;
use crate::event::units::{count, nanos, plural};
use crate::event::{
    Capability, Finding, Flow, Kind, LetGo, Severity, Shape, Side, Stats, TcpState,
};

/// From so many bytes on a throughput is told: of a few it says more about pauses than the path.
const RATE_SAYS_SOMETHING: u64 = 65_536;

/// A way, there and back, that is across a network.
const FAR_NS: u64 = 1_000_000;

/// A finding with nothing but its sentence.
pub(super) fn finding(
    kind: &'static str,
    severity: Severity,
    summary: impl Into<String>,
) -> Finding {
    Finding {
        kind,
        flow: None,
        severity,
        side: None,
        summary: summary.into(),
        evidence: Vec::new(),
        more: 0,
        advice: String::new(),
    }
}

/// What the two hosts are called: by address where that tells them apart, else with the port.
pub(super) struct Names([String; 2]);

impl Names {
    fn of(flow: &Flow) -> Self {
        let ends = [flow.initiator, flow.responder];
        let same = flow.initiator.addr == flow.responder.addr;
        Self(ends.map(|end| {
            if same {
                end.to_string()
            } else {
                end.addr.to_string()
            }
        }))
    }

    pub(super) fn of_side(&self, side: Side) -> &str {
        &self.0[side.index()]
    }
}

/// All findings of a connection: first what went wrong, or that nothing did; then its opening, what happened
/// by frames, and its end.
pub(super) fn tell(flow: &Flow, episodes: &Episodes, pace: Option<&(Pace, Nagle)>) -> Vec<Finding> {
    let names = Names::of(flow);
    let mut findings = Vec::new();
    if let Some((pace, nagle)) = pace {
        // What a person asks first: why is it slow?
        findings.extend(pace.tell(&names));
        findings.extend(nagle.tell(&names));
    }
    findings.push(opening(flow, &names, episodes));
    findings.extend(unanswered(flow, &names));
    findings.extend(agreement(flow, &names));
    let mut middle = trouble::all(flow, &names, episodes);
    middle.sort_by_key(|finding| finding.evidence.first().copied().unwrap_or(u64::MAX));
    findings.append(&mut middle);
    findings.extend(carried(flow, &names));
    findings.extend(missed(flow));
    findings.extend(round_trips(flow, &names));
    if let Some((pace, _)) = pace {
        findings.extend(pace.tell_whole(flow, &names));
    }
    findings.extend(vantage(flow, &names));
    findings.extend(ending(flow, &names, episodes));
    findings.extend(time_wait(flow, &names));
    findings.extend(limits(flow, episodes));
    // A person looks for trouble first, and reads the story then.
    if findings
        .iter()
        .all(|finding| finding.severity == Severity::Info)
    {
        findings.insert(0, healthy(flow));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &mut findings {
        finding.flow = Some(flow.flow);
        // An answer may be captured before what it answers.
        finding.evidence.sort_unstable();
    }
    findings
}

/// That there is nothing to mend, as far as this capture shows.
fn healthy(flow: &Flow) -> Finding {
    let seen = flow.stats.iter().all(|stats| stats.packets > 0);
    let what = if seen {
        "nothing went wrong as far as this capture shows: no loss, no closed window, no reset"
    } else {
        "nothing is seen to go wrong, but only one direction is in the capture"
    };
    finding("healthy", Severity::Info, what)
}

fn opening(flow: &Flow, names: &Names, episodes: &Episodes) -> Finding {
    let h = &flow.handshake;
    let (from, to) = (names.of_side(Side::Initiator), flow.responder.to_string());
    let evidence: Vec<u64> = [h.syn_frame, h.syn_ack_frame, h.ack_frame]
        .into_iter()
        .flatten()
        .collect();
    if let Some(reset) = episodes.reset.as_ref().filter(|reset| reset.refused) {
        return Finding {
            side: Some(reset.side),
            evidence: h.syn_frame.into_iter().chain([reset.frame]).collect(),
            advice: format!(
                "see whether the server runs and listens on {to}, or whether a firewall answers for it"
            ),
            ..finding(
                "refused",
                Severity::Problem,
                format!("{to} refused the connection of {from}: {}", reset.why),
            )
        };
    }
    if h.syn_frame.is_none() && h.syn_ack_frame.is_none() {
        let what = "its opening is not in the capture: what was agreed is not known, and relative \
                    numbers count from the first byte seen";
        return Finding {
            evidence: vec![flow.first_frame],
            ..finding("seen-from-middle", Severity::Info, what)
        };
    }
    if h.syn_ack_frame.is_none() && flow.shape == Shape::S0 {
        let tried = match flow.stats[0].syns {
            0 | 1 => String::new(),
            n => format!(", {n} times in {}", nanos(flow.duration_ns())),
        };
        let what = format!("{from} asked {to} for a connection{tried} and got no answer");
        let mut evidence = evidence;
        evidence.push(flow.last_frame);
        evidence.dedup();
        return Finding {
            evidence,
            advice: "the SYN or its answer is lost on the way: is the host up, the route there, does a firewall drop \
                     it? Or it is there, and its queue of connections that wait to be accepted is full"
                .to_owned(),
            ..finding("no-answer", Severity::Problem, what)
        };
    }
    if flow
        .notes
        .iter()
        .any(|notes| notes.of(Kind::SimultaneousOpen) > 0)
        && h.ack_frame.is_some()
    {
        let took = h.took_ns.map(nanos);
        let took = took
            .map(|ns| format!(", done after {ns}"))
            .unwrap_or_default();
        let what =
            format!("{from} and {to} opened the connection together: their SYNs crossed{took}");
        return Finding {
            evidence,
            ..finding("opened", Severity::Info, what)
        };
    }
    let took = h
        .took_ns
        .map(|ns| match flow.stats[0].syns {
            0 | 1 => format!(", which took {}", nanos(ns)),
            n => format!(", which took {} from the last of {n} SYNs on", nanos(ns)),
        })
        .unwrap_or_default();
    let (severity, what) = match (h.syn_ack_frame, h.ack_frame) {
        (Some(_), Some(_)) => (
            Severity::Info,
            format!("{from} opened a connection to {to}{took}"),
        ),
        (Some(_), None) => (
            Severity::Notice,
            format!("{from} asked {to} for a connection and was answered, but did not confirm it"),
        ),
        (None, _) => (
            Severity::Notice,
            format!("{from} asked {to} for a connection; the answer is not in the capture"),
        ),
    };
    Finding {
        evidence,
        ..finding("opened", severity, what)
    }
}

/// SYNs that came to the responder, as a capture near it shows, and were answered by the last only: then it was
/// not the path that lost them.
fn unanswered(flow: &Flow, names: &Names) -> Option<Finding> {
    let h = &flow.handshake;
    let [i, r] = &flow.stats;
    let near = i.rtt.count > 0 && r.rtt.count > 0 && i.rtt.min < r.rtt.min / 8;
    let again = flow.notes[0].of(Kind::Retransmission) > 0 && i.syns > 1 && r.syns == 1;
    let evidence: Vec<u64> = [h.syn_frame, h.syn_ack_frame]
        .into_iter()
        .flatten()
        .collect();
    (near && again).then(|| Finding {
        side: Some(Side::Responder),
        evidence,
        advice: "connections wait to be accepted, and the queue is full (the backlog that listen() was given; on \
                 Linux, ss -lt shows it, and nstat TcpExtListenOverflows counts), or a firewall on the host drops them"
            .to_owned(),
        ..finding(
            "syn-ignored",
            Severity::Problem,
            format!(
                "{} SYNs came to {}, as seen from near it, and only the last was answered: the path did not lose them",
                count(i.syns.into()),
                names.of_side(Side::Responder),
            ),
        )
    })
}

fn agreement(flow: &Flow, names: &Names) -> Option<Finding> {
    let h = &flow.handshake;
    let (syn, syn_ack) = (h.syn_frame?, h.syn_ack_frame?);
    if h.window_scaling == Capability::Unknown {
        let what = "what was agreed is not known: the capture cut off the options of the SYNs";
        return Some(Finding {
            evidence: vec![syn, syn_ack],
            advice: "keep 128 bytes of each packet or more (-s) to have all headers".to_owned(),
            ..finding("agreed", Severity::Notice, what)
        });
    }
    let [i, r] = &flow.stats;
    let mss = |mss: u16| {
        if mss == 0 {
            "536".to_owned()
        } else {
            mss.to_string()
        }
    };
    let mut parts = vec![if i.mss == r.mss {
        format!("segments of up to {} bytes (MSS)", mss(i.mss))
    } else {
        format!(
            "segments of up to {} bytes towards {} and {} towards {} (MSS)",
            mss(i.mss),
            names.of_side(Side::Initiator),
            mss(r.mss),
            names.of_side(Side::Responder)
        )
    }];
    parts.push(match (h.window_scaling, i.wscale, r.wscale) {
        (Capability::On, Some(i), Some(r)) => {
            format!(
                "windows in units of {} and {} bytes",
                1_u32 << i.min(14),
                1_u32 << r.min(14)
            )
        }
        _ => "no window scaling, so at most 65,535 bytes under way".to_owned(),
    });
    for (capability, on, off) in [
        (
            h.sack,
            "selective acknowledgments",
            "no selective acknowledgments",
        ),
        (h.timestamps, "timestamps", "no timestamps"),
        (h.ecn, "ECN", ""),
    ] {
        let part = match capability {
            Capability::On => on,
            Capability::Off => off,
            Capability::Unknown => "",
        };
        if !part.is_empty() {
            parts.push(part.to_owned());
        }
    }
    Some(Finding {
        evidence: vec![syn, syn_ack],
        ..finding(
            "agreed",
            Severity::Info,
            format!("agreed: {}", parts.join(", ")),
        )
    })
}

fn carried(flow: &Flow, names: &Names) -> Option<Finding> {
    // Over the time in which there was data: what idles before and after says nothing of the path.
    let rate = |stats: &Stats| {
        let (bytes, time) = (stats.unique_bytes, stats.data_time_ns);
        if bytes < RATE_SAYS_SOMETHING || time == 0 {
            return String::new();
        }
        let rate = bytes as f64 * 1e9 / time as f64;
        format!(
            ", {} bytes/s over the {} from its first data to its last",
            count(rate.round() as u64),
            nanos(time)
        )
    };
    let again = |stats: &Stats| match stats.retransmitted_packets {
        0 => String::new(),
        n => format!(", {} of them again", count(n.into())),
    };
    let parts: Vec<String> = [Side::Initiator, Side::Responder]
        .into_iter()
        .map(|side| (side, &flow.stats[side.index()]))
        .filter(|(_, stats)| stats.unique_bytes > 0)
        .map(|(side, stats)| {
            let (bytes, segments) = (
                plural(stats.unique_bytes, "byte"),
                plural(stats.data_packets.into(), "segment"),
            );
            format!(
                "{} sent {bytes} in {segments}{}{}",
                names.of_side(side),
                again(stats),
                rate(stats)
            )
        })
        .collect();
    if parts.is_empty() {
        let whole = flow.handshake.ack_frame.is_some();
        return whole.then(|| finding("carried", Severity::Info, "no data was sent"));
    }
    Some(finding("carried", Severity::Info, parts.join("; ")))
}

fn missed(flow: &Flow) -> Option<Finding> {
    let missed: u64 = flow.stats.iter().map(|stats| stats.missed_bytes).sum();
    let what = format!(
        "{} of the streams are not in the capture",
        plural(missed, "byte")
    );
    (missed > 0).then(|| finding("missed", Severity::Notice, what))
}

/// The longer samples are those across the network; the others are of the near host alone.
fn round_trips(flow: &Flow, names: &Names) -> Option<Finding> {
    let mean = |side: Side| flow.stats[side.index()].rtt.mean().unwrap_or(0.0);
    let [a, b] = [Side::Initiator, Side::Responder];
    let far = if mean(a) >= mean(b) { a } else { b };
    let stats = &flow.stats[far.index()];
    if stats.rtt.count == 0 || stats.data_packets == 0 {
        return None;
    }
    let (least, most) = (nanos(stats.rtt.min), nanos(stats.rtt.max));
    let span = if least == most {
        least
    } else {
        let mean = nanos(mean(far).round() as u64);
        format!("{least} to {most}, {mean} on average")
    };
    let what = format!(
        "what {} sent was acknowledged after {span} ({})",
        names.of_side(far),
        plural(stats.rtt.count.into(), "sample"),
    );
    Some(Finding {
        side: Some(far),
        ..finding("round-trips", Severity::Info, what)
    })
}

/// Where the capture was made: near the side whose answers come sooner; and what can't be judged from there.
fn vantage(flow: &Flow, names: &Names) -> Option<Finding> {
    let [i, r] = &flow.stats;
    if i.rtt.count == 0 || r.rtt.count == 0 {
        return None;
    }
    // What the responder sent is answered by the initiator, and the other way.
    let legs = [r.rtt.min, i.rtt.min];
    let (near, far) = if legs[0] <= legs[1] {
        (Side::Initiator, Side::Responder)
    } else {
        (Side::Responder, Side::Initiator)
    };
    let (short, long) = (legs[near.index()], legs[far.index()]);
    // Where both ends are a moment away, nothing is further than the other.
    if long < FAR_NS {
        return None;
    }
    let (a, b) = (names.of_side(near), names.of_side(far));
    let (what, cannot) = if short < long / 8 {
        (
            format!("the capture was made at {a} or near it"),
            format!(
                "what {a} sent and was lost shows only when it is sent again; what {b} sent and was lost on the \
                 way here was never seen, so a late segment of {b} may be a retransmission"
            ),
        )
    } else {
        (
            "the capture was made between the two".to_owned(),
            "losses before this point show as gaps, losses behind it only as what is sent again"
                .to_owned(),
        )
    };
    // What can't be judged matters where there was something to judge.
    let judged = [
        Kind::Retransmission,
        Kind::OutOfOrder,
        Kind::Hole,
        Kind::Dsack,
    ];
    let moot = flow
        .notes
        .iter()
        .all(|notes| judged.iter().all(|&kind| notes.of(kind) == 0));
    Some(Finding {
        side: Some(near),
        advice: if moot { String::new() } else { cannot },
        ..finding(
            "vantage",
            Severity::Info,
            format!(
                "{what}: {a} answered after {} at least, {b} after {}",
                nanos(short),
                nanos(long)
            ),
        )
    })
}

/// Who closed first keeps the addresses and ports for a while (RFC 9293 section 3.6.1).
fn time_wait(flow: &Flow, names: &Names) -> Option<Finding> {
    let holders: Vec<_> = [Side::Initiator, Side::Responder]
        .into_iter()
        .filter(|side| flow.state[side.index()] == TcpState::TimeWait)
        .collect();
    let first = *holders.first()?;
    let who = holders
        .iter()
        .map(|&side| names.of_side(side))
        .collect::<Vec<_>>()
        .join(" and ");
    let (port, what) = match first {
        Side::Initiator => (
            flow.initiator.port,
            "its next connection there needs another one, or bind() or connect() fails (EADDRINUSE, EADDRNOTAVAIL)",
        ),
        Side::Responder => (
            flow.responder.port,
            "a server started again there gets EADDRINUSE from bind() unless it sets SO_REUSEADDR",
        ),
    };
    let hold = if holders.len() == 1 { "holds" } else { "hold" };
    Some(Finding {
        side: Some(first),
        evidence: vec![flow.last_frame],
        ..finding(
            "time-wait",
            Severity::Info,
            format!(
                "{who} {hold} the TIME-WAIT: port {port} stays taken towards the other side for 4 minutes (twice the \
                 life of a segment, RFC 9293; 60s on Linux), longer if a FIN comes again; {what}"
            ),
        )
    })
}

fn ending(flow: &Flow, names: &Names, episodes: &Episodes) -> Option<Finding> {
    if let Some(reset) = &episodes.reset {
        let host = names.of_side(reset.side);
        return (!reset.refused).then(|| Finding {
            side: Some(reset.side),
            evidence: vec![reset.frame],
            advice: format!("what was not delivered yet is lost; look at what the application on {host} did just before"),
            ..finding("reset", Severity::Problem, format!("{host} reset the connection: {}", reset.why))
        });
    }
    let mut evidence: Vec<u64> = episodes.fins.iter().flatten().copied().collect();
    evidence.sort_unstable();
    let over = flow.state.iter().all(|state| state.is_over());
    let (side, severity, kind, what) = match (episodes.fins, flow.closed_by) {
        ([Some(_), Some(_)], Some(first)) => {
            let (a, b) = (names.of_side(first), names.of_side(first.other()));
            let end = if over {
                "both ends are done"
            } else {
                "the last ACK is not in the capture"
            };
            (
                Some(first),
                Severity::Info,
                "closed",
                format!("{a} closed first, then {b}; {end}"),
            )
        }
        ([Some(_), None] | [None, Some(_)], _) => {
            let first = if episodes.fins[0].is_some() {
                Side::Initiator
            } else {
                Side::Responder
            };
            let (a, b) = (names.of_side(first), names.of_side(first.other()));
            let what =
                format!("{a} closed its direction; {b} had not closed when the capture ended");
            (Some(first), Severity::Notice, "half-closed", what)
        }
        _ if flow.state.contains(&TcpState::Established) => {
            evidence = vec![flow.last_frame];
            let what = match flow.let_go {
                LetGo::Idle => "nothing more was heard of it, though it was open",
                _ => "it was still open at the end of the capture",
            };
            (None, Severity::Info, "still-open", what.to_owned())
        }
        _ => return None,
    };
    Some(Finding {
        side,
        evidence,
        ..finding(kind, severity, what)
    })
}

fn limits(flow: &Flow, episodes: &Episodes) -> Vec<Finding> {
    let mut findings = Vec::new();
    if episodes.untold {
        let what = "too much happened on too many connections at once to tell all of it here";
        findings.push(Finding {
            evidence: vec![flow.last_frame],
            advice: "`wirelab flows --long` counts what was noted, and `wirelab replay` shows each"
                .to_owned(),
            ..finding("limit", Severity::Notice, what)
        });
    }
    if let Some(frame) = flow.gave_up_at {
        let what = format!(
            "too much was missing or outstanding to follow all of it: from frame {frame} on judgements may be incomplete"
        );
        findings.push(Finding {
            evidence: vec![frame],
            ..finding("limit", Severity::Notice, what)
        });
    }
    if flow.let_go == LetGo::TableFull {
        let what = "there were too many connections at once: this one was let go before it ended";
        findings.push(Finding {
            evidence: vec![flow.last_frame],
            ..finding("limit", Severity::Notice, what)
        });
    }
    findings
}
