//! How a connection opened, and what was agreed (RFC 9293 section 3.5).

use std::fmt::Write as _;

use super::episode::Episodes;
use super::telling::{Names, finding};
use crate::event::units::{count, nanos};
use crate::event::{
    Capability, Finding, Flow, Kind, Quantity, ScaleProof, Severity, Shape, Side, Topic,
};

/// How it opened, as far as the capture shows.
pub(super) fn tell(flow: &Flow, names: &Names, episodes: &Episodes) -> Finding {
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
                Topic::Noted(Kind::Refused),
                Severity::Problem,
                format!("{to} refused the connection of {from}: {}", reset.why),
            )
        };
    }
    if h.syn_frame.is_none() && h.syn_ack_frame.is_none() {
        return from_the_middle(flow, names);
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
            ..finding(Topic::NoAnswer, Severity::Problem, what)
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
            ..finding(Topic::Opened, Severity::Info, what)
        };
    }
    if let (Some(syn), Some(answer)) = (h.syn_frame, h.syn_ack_frame)
        && answer < syn
    {
        let what = format!(
            "{from} opened a connection to {to}; the capture has the SYN behind its answer, so how long that took \
             does not show"
        );
        return Finding {
            evidence,
            ..finding(Topic::Opened, Severity::Notice, what)
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
        ..finding(Topic::Opened, severity, what)
    }
}

/// Of a connection that was open when the capture began.
fn from_the_middle(flow: &Flow, names: &Names) -> Finding {
    let mut what = "its opening is not in the capture: what was agreed is not known, and relative \
                    numbers count from the first byte seen"
        .to_owned();
    let (mut advice, mut evidence) = (String::new(), vec![flow.first_frame]);
    for side in [Side::Initiator, Side::Responder] {
        let stats = &flow.stats[side.index()];
        if let Some(assumed) = stats.assumed_wscale {
            if side == Side::Initiator {
                let _ = write!(
                    what,
                    "; windows are read with the scale that was given, {assumed}"
                );
            }
        } else if let (Some(least), Some(proof)) = (stats.least_wscale, stats.least_wscale_by) {
            let unit = 1_u32 << least.min(14);
            let _ = write!(
                what,
                "; the window that {} offers counts in units of {unit} bytes or more (scale {least} to 14): {}",
                names.of_side(side),
                shown(proof),
            );
            evidence.push(proof.frame);
            "if you know what was agreed, --wscale says it".clone_into(&mut advice);
        }
    }
    Finding {
        evidence,
        advice,
        ..finding(Topic::SeenFromMiddle, Severity::Info, what)
    }
}

/// What shows the least scale of a side's windows.
fn shown(proof: ScaleProof) -> String {
    format!(
        "{} bytes were under way towards it in frame {}, and the largest window field that it had sent was {}",
        count(proof.outstanding.into()),
        proof.frame,
        count(proof.field.into()),
    )
}

/// That the scale which was given can't be right.
pub(super) fn scale_refuted(flow: &Flow, names: &Names) -> Vec<Finding> {
    let sides = [Side::Initiator, Side::Responder].into_iter();
    let refuted = sides.filter_map(|side| Some((side, flow.stats[side.index()].refuted_scale()?)));
    refuted
        .map(|(side, (assumed, least, proof))| {
            let what = format!(
                "--wscale {assumed} can't be right for {}: {}, so its scale is {least} or more",
                names.of_side(side),
                shown(proof),
            );
            Finding {
                side: Some(side),
                evidence: vec![proof.frame],
                advice: format!(
                    "give --wscale {least} to 14, or leave it out: what is said of its windows here is wrong"
                ),
                numbers: vec![
                    ("wscale_assumed", Quantity::Count(assumed.into())),
                    ("wscale_at_least", Quantity::Count(least.into())),
                    ("outstanding", Quantity::Bytes(proof.outstanding.into())),
                    ("window_field", Quantity::Count(proof.field.into())),
                ],
                ..finding(Topic::ScaleRefuted, Severity::Problem, what)
            }
        })
        .collect()
}

/// SYNs that came to the responder, as a capture near it shows, and were answered by the last only: then it was
/// not the path that lost them.
pub(super) fn unanswered(flow: &Flow, names: &Names) -> Option<Finding> {
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
            Topic::SynIgnored,
            Severity::Problem,
            format!(
                "{} SYNs came to {}, as seen from near it, and only the last was answered: the path did not lose them",
                count(i.syns.into()),
                names.of_side(Side::Responder),
            ),
        )
    })
}

/// What both sides agreed to use.
pub(super) fn agreement(flow: &Flow, names: &Names) -> Option<Finding> {
    let h = &flow.handshake;
    let (syn, syn_ack) = (h.syn_frame?, h.syn_ack_frame?);
    if h.window_scaling == Capability::Unknown {
        let what = "what was agreed is not known: the capture cut off the options of the SYNs";
        return Some(Finding {
            evidence: vec![syn, syn_ack],
            advice: "keep 128 bytes of each packet or more (-s) to have all headers".to_owned(),
            ..finding(Topic::Agreed, Severity::Notice, what)
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
            Topic::Agreed,
            Severity::Info,
            format!("agreed: {}", parts.join(", ")),
        )
    })
}
