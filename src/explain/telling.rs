//! Findings in words: a connection's opening, what was agreed, what it carried, how it ended.

use super::episode::Episodes;
use super::nagle::Nagle;
use super::pace::Pace;
use super::{opening, trouble, vantage};
use crate::event::units::{count, nanos, plural};
use crate::event::{Finding, Flow, Kind, LetGo, Severity, Side, Stats, TcpState, Topic};

/// From so many bytes on a throughput is told: of a few it says more about pauses than the path.
const RATE_SAYS_SOMETHING: u64 = 65_536;

/// A finding with nothing but its sentence.
pub(super) fn finding(
    kind: impl Into<Topic>,
    severity: Severity,
    summary: impl Into<String>,
) -> Finding {
    Finding {
        kind: kind.into(),
        flow: None,
        severity,
        side: None,
        summary: summary.into(),
        evidence: Vec::new(),
        more: 0,
        advice: String::new(),
        numbers: Vec::new(),
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
    let one_way = one_way(flow, &names);
    // Who waited for what, and how much was under way, shows in what both say.
    let pace = pace.filter(|_| one_way.is_none());
    if let Some((pace, nagle)) = pace {
        // What a person asks first: why is it slow?
        findings.extend(pace.tell(&names));
        findings.extend(nagle.tell(&names));
    }
    findings.push(opening::tell(flow, &names, episodes));
    findings.extend(opening::unanswered(flow, &names));
    findings.extend(opening::agreement(flow, &names));
    let mut middle = trouble::all(flow, &names, episodes);
    middle.sort_by_key(|finding| finding.evidence.first().copied().unwrap_or(u64::MAX));
    findings.append(&mut middle);
    findings.extend(carried(flow, &names));
    findings.extend(missed(flow));
    findings.extend(round_trips(flow, &names));
    if let Some((pace, _)) = pace {
        findings.extend(pace.tell_whole(flow, &names));
    }
    findings.extend(vantage::tell(flow, &names));
    findings.extend(ending(flow, &names, episodes));
    findings.extend(time_wait(flow, &names));
    findings.extend(limits(flow, episodes));
    findings.splice(0..0, opening::scale_refuted(flow, &names));
    // A person looks for trouble first, and reads the story then.
    if findings
        .iter()
        .all(|finding| finding.severity == Severity::Info)
    {
        findings.insert(0, healthy());
    }
    // All else is to be read with that in mind.
    findings.splice(0..0, one_way);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &mut findings {
        finding.flow = Some(flow.flow);
        // An answer may be captured before what it answers.
        finding.evidence.sort_unstable();
    }
    findings
}

/// That there is nothing to mend, as far as this capture shows.
fn healthy() -> Finding {
    let what =
        "nothing went wrong as far as this capture shows: no loss, no closed window, no reset";
    finding(Topic::Healthy, Severity::Info, what)
}

/// The side of which there is nothing, though it was there: what the other sent acknowledges something.
fn absent(flow: &Flow) -> Option<Side> {
    let [a, b] = [Side::Initiator, Side::Responder].map(|side| &flow.stats[side.index()]);
    match (a.packets, b.packets) {
        (_, 0) if a.acks > 0 => Some(Side::Responder),
        (0, _) if b.acks > 0 => Some(Side::Initiator),
        _ => None,
    }
}

/// That one direction is missing.
fn one_way(flow: &Flow, names: &Names) -> Option<Finding> {
    let absent = absent(flow)?;
    let (seen, unseen) = (names.of_side(absent.other()), names.of_side(absent));
    Some(Finding {
        side: Some(absent.other()),
        evidence: vec![flow.first_frame],
        advice: "capture where both directions pass: one alone tells neither what set the pace nor how much was under \
                 way, and of the other side no more than what is acknowledged"
            .to_owned(),
        ..finding(
            Topic::OneWay,
            Severity::Notice,
            format!("only what {seen} sent is in the capture, nothing of {unseen}"),
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
        return whole.then(|| finding(Topic::Carried, Severity::Info, "no data was sent"));
    }
    Some(finding(Topic::Carried, Severity::Info, parts.join("; ")))
}

fn missed(flow: &Flow) -> Option<Finding> {
    let missed: u64 = flow.stats.iter().map(|stats| stats.missed_bytes).sum();
    let what = format!(
        "{} of the streams are not in the capture",
        plural(missed, "byte")
    );
    (missed > 0).then(|| finding(Topic::Missed, Severity::Notice, what))
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
        ..finding(Topic::RoundTrips, Severity::Info, what)
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
    let ports = match holders[..] {
        [Side::Initiator] => format!("port {} stays", flow.initiator.port),
        [Side::Responder] => format!("port {} stays", flow.responder.port),
        _ => format!(
            "ports {} and {} stay",
            flow.initiator.port, flow.responder.port
        ),
    };
    let what = match first {
        Side::Initiator => {
            "its next connection there needs another one, or bind() or connect() fails (EADDRINUSE, EADDRNOTAVAIL)"
        }
        Side::Responder => {
            "a server started again there gets EADDRINUSE from bind() unless it sets SO_REUSEADDR"
        }
    };
    let hold = if holders.len() == 1 { "holds" } else { "hold" };
    Some(Finding {
        side: Some(first),
        evidence: vec![flow.last_frame],
        ..finding(
            Topic::TimeWait,
            Severity::Info,
            format!(
                "{who} {hold} the TIME-WAIT: {ports} taken towards the other side for 4 minutes (twice the \
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
            ..finding(Topic::Noted(Kind::Reset), Severity::Problem, format!("{host} reset the connection: {}", reset.why))
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
                Topic::Closed,
                if crossed(flow) {
                    format!("{a} and {b} closed at the same time; {end}")
                } else {
                    format!("{a} closed first, then {b}; {end}")
                },
            )
        }
        ([Some(_), None] | [None, Some(_)], _) => {
            let first = if episodes.fins[0].is_some() {
                Side::Initiator
            } else {
                Side::Responder
            };
            let (a, b) = (names.of_side(first), names.of_side(first.other()));
            let what = if absent(flow).is_some() {
                format!("{a} closed its direction; whether {b} did is not in the capture")
            } else {
                format!("{a} closed its direction; {b} had not closed when the capture ended")
            };
            (Some(first), Severity::Notice, Topic::HalfClosed, what)
        }
        _ if flow.state.contains(&TcpState::Established) => {
            evidence = vec![flow.last_frame];
            let what = match flow.let_go {
                LetGo::Idle => "nothing more was heard of it, though it was open",
                _ => "it was still open at the end of the capture",
            };
            (None, Severity::Info, Topic::StillOpen, what.to_owned())
        }
        _ => return None,
    };
    Some(Finding {
        side,
        evidence,
        ..finding(kind, severity, what)
    })
}

/// Whether both FINs were under way at once (RFC 9293 figure 13).
fn crossed(flow: &Flow) -> bool {
    let mut notes = flow.notes.iter();
    notes.any(|notes| notes.of(Kind::SimultaneousClose) > 0)
}

fn limits(flow: &Flow, episodes: &Episodes) -> Vec<Finding> {
    let mut findings = Vec::new();
    if episodes.untold {
        let what = "too much happened on too many connections at once to tell all of it here";
        findings.push(Finding {
            evidence: vec![flow.last_frame],
            advice: "`wirelab flows --long` counts what was noted, and `wirelab replay` shows each"
                .to_owned(),
            ..finding(Topic::Limit, Severity::Notice, what)
        });
    }
    if let Some(frame) = flow.gave_up_at {
        let what = format!(
            "too much was missing or outstanding to follow all of it: from frame {frame} on judgements may be incomplete"
        );
        findings.push(Finding {
            evidence: vec![frame],
            ..finding(Topic::Limit, Severity::Notice, what)
        });
    }
    if flow.let_go == LetGo::TableFull {
        let what = "there were too many connections at once: this one was let go before it ended";
        findings.push(Finding {
            evidence: vec![flow.last_frame],
            ..finding(Topic::Limit, Severity::Notice, what)
        });
    }
    findings
}
