//! `--format json`: a `hop` line for each hop when it can't change any more, and `trace` at the end;
//! docs/schema.json describes them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Names, Target, words};
use crate::event::{Answer, Hop, MtuStep, Outcome, PathMtu, Probe, ProbeState, Trace, TraceRemark};
use crate::frame::Timestamp;
use crate::view::quoted::{Change, changes as changes_of};
use crate::wire::field::hex;
use crate::wire::icmp_extension::{Checksum, Extensions, Object};

/// Writes JSON lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Hop(HopLine<'a>),
    Trace(Box<TraceLine<'a>>),
}

#[derive(Serialize)]
struct HopLine<'a> {
    host: &'a str,
    address: &'a str,
    ttl: u8,
    addresses: Vec<String>,
    names: Vec<Option<String>>,
    sent: usize,
    answered: usize,
    probes: Vec<ProbeObject<'a>>,
}

#[derive(Serialize)]
struct ProbeObject<'a> {
    number: u16,
    flow: u16,
    time: Timestamp,
    size: usize,
    state: &'static str,
    from: Option<String>,
    rtt_ns: Option<u64>,
    mark: Option<&'a str>,
    error: Option<&'a str>,
    answer: Option<AnswerObject<'a>>,
}

#[derive(Serialize)]
struct AnswerObject<'a> {
    meaning: &'a str,
    icmp_type: Option<u8>,
    icmp_code: Option<u8>,
    ttl: Option<u8>,
    back_hops: Option<u8>,
    mtu: Option<u32>,
    quoted_ttl: Option<u8>,
    quoted_bytes: Option<usize>,
    changes: Vec<Change<'a>>,
    extensions: Option<ExtensionsObject>,
}

#[derive(Serialize)]
struct ExtensionsObject {
    checksum: &'static str,
    objects: Vec<ObjectObject>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ObjectObject {
    Mpls {
        labels: Vec<LabelObject>,
    },
    Interface {
        role: &'static str,
        index: Option<u32>,
        address: Option<String>,
        name: Option<String>,
        mtu: Option<u32>,
    },
    Other {
        class: u8,
        c_type: u8,
        data: String,
    },
}

#[derive(Serialize)]
struct LabelObject {
    label: u32,
    traffic_class: u8,
    bottom: bool,
    ttl: u8,
}

#[derive(Serialize)]
struct TraceLine<'a> {
    host: &'a str,
    address: &'a str,
    method: &'static str,
    socket: &'static str,
    outcome: &'static str,
    hop: u8,
    sent: u64,
    beyond: u64,
    answered: u64,
    states: BTreeMap<&'static str, u64>,
    best_rtt_ns: Option<u64>,
    remarks: Vec<RemarkObject>,
    path_mtu: Option<MtuObject>,
    summary: Vec<String>,
    elapsed_ns: u64,
}

#[derive(Serialize)]
struct RemarkObject {
    kind: &'static str,
    ttls: Vec<u8>,
    from: Option<String>,
    count: Option<u64>,
}

#[derive(Serialize)]
struct MtuObject {
    mtu: Option<usize>,
    complete: bool,
    hop: u8,
    probes: u32,
    black_hole: Option<HoleObject>,
    steps: Vec<StepObject>,
}

#[derive(Serialize)]
struct HoleObject {
    after: u8,
    before: u8,
}

#[derive(Serialize)]
struct StepObject {
    from: Option<String>,
    hop: Option<u8>,
    size: usize,
    mtu: Option<usize>,
}

impl Json {
    /// A hop that can't change any more.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn hop(
        self,
        target: &Target,
        hop: &Hop,
        names: Names<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let addresses = hop.addresses();
        let line = HopLine {
            host: &target.name,
            address: &target.address,
            ttl: hop.ttl,
            names: addresses.iter().map(|&it| names(it)).collect(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            sent: hop.sent(),
            answered: hop.answered(),
            probes: hop.probes.iter().map(probe).collect(),
        };
        write(&Line::Hop(line), out)
    }

    /// What came of it all. `hops` are those that were told.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(
        self,
        target: &Target,
        trace: &Trace,
        hops: &[Hop],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (outcome, hop) = match trace.outcome {
            Outcome::Reached(hop) => ("reached", hop),
            Outcome::Refused(hop) => ("refused", hop),
            Outcome::Loop(hop) => ("loop", hop),
            Outcome::Silence(hop) => ("silence", hop),
            Outcome::Stopped(hop) => ("stopped", hop),
        };
        let states = ProbeState::ALL.iter().zip(trace.states);
        let summary = words::end(trace, target, hops);
        let line = TraceLine {
            host: &target.name,
            address: &target.address,
            method: target.method.name(),
            socket: target.socket,
            outcome,
            hop,
            sent: trace.sent,
            beyond: trace.beyond,
            answered: trace.answered,
            states: states.map(|(state, count)| (state.name(), count)).collect(),
            best_rtt_ns: trace.best_rtt_ns,
            remarks: trace.remarks.iter().map(remark).collect(),
            path_mtu: trace.path_mtu.as_ref().map(mtu),
            summary: summary.into_iter().map(|(_, text)| text).collect(),
            elapsed_ns: trace.elapsed_ns,
        };
        write(&Line::Trace(Box::new(line)), out)
    }
}

fn probe(probe: &Probe) -> ProbeObject<'_> {
    let answer = probe.answer.as_ref();
    ProbeObject {
        number: probe.number,
        flow: probe.flow,
        time: probe.time,
        size: probe.size,
        state: probe.state.name(),
        from: probe.from().map(|from| from.to_string()),
        rtt_ns: answer.and_then(|it| it.rtt_ns),
        mark: answer.and_then(|it| it.mark.as_deref()),
        error: probe.unsent.as_deref(),
        answer: answer.map(object),
    }
}

fn object(answer: &Answer) -> AnswerObject<'_> {
    let quote = answer.quote.as_ref();
    let changes = quote.map(|it| it.changes.as_slice()).unwrap_or_default();
    AnswerObject {
        meaning: &answer.meaning,
        icmp_type: answer.icmp.map(|(kind, _)| kind),
        icmp_code: answer.icmp.map(|(_, code)| code),
        ttl: answer.ttl,
        back_hops: answer.back.map(|back| back.hops),
        mtu: answer.mtu,
        quoted_ttl: answer.quoted_ttl,
        quoted_bytes: quote.map(|it| it.bytes),
        changes: changes_of(changes),
        extensions: answer.extensions.as_ref().map(extensions),
    }
}

fn extensions(it: &Extensions) -> ExtensionsObject {
    let checksum = match it.checksum {
        Checksum::Right => "good",
        Checksum::Wrong => "bad",
        Checksum::Absent => "absent",
    };
    let object = |object: &Object| match object {
        Object::Mpls(labels) => ObjectObject::Mpls {
            labels: labels
                .iter()
                .map(|it| LabelObject {
                    label: it.label,
                    traffic_class: it.traffic_class,
                    bottom: it.bottom,
                    ttl: it.ttl,
                })
                .collect(),
        },
        Object::Interface(it) => ObjectObject::Interface {
            role: it.role.name(),
            index: it.index,
            address: it.address.map(|address| address.to_string()),
            name: it
                .name
                .as_deref()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            mtu: it.mtu,
        },
        Object::Other {
            class,
            c_type,
            data,
        } => ObjectObject::Other {
            class: *class,
            c_type: *c_type,
            data: hex(data),
        },
    };
    ExtensionsObject {
        checksum,
        objects: it.objects.iter().map(object).collect(),
    }
}

fn remark(remark: &TraceRemark) -> RemarkObject {
    let (kind, ttls, from, count) = match remark {
        TraceRemark::Silent(ttls) => ("silent", ttls.clone(), None, None),
        TraceRemark::Limited {
            ttl,
            unanswered,
            later,
            ..
        } => (
            "limited",
            vec![*ttl, *later],
            None,
            Some(*unanswered as u64),
        ),
        TraceRemark::Lossy { ttl, .. } => ("lossy", vec![*ttl], None, None),
        TraceRemark::Balanced(ttls) => ("balanced", ttls.clone(), None, None),
        TraceRemark::Asymmetric {
            ttl, from, back, ..
        } => (
            "asymmetric",
            vec![*ttl],
            Some(*from),
            Some(back.hops.into()),
        ),
        TraceRemark::Loop { from, ttls } => ("loop", ttls.clone(), Some(*from), None),
        TraceRemark::Unmatched(count) => ("unmatched", Vec::new(), None, Some(*count)),
        TraceRemark::Duplicates(count) => ("duplicates", Vec::new(), None, Some(*count)),
    };
    RemarkObject {
        kind,
        ttls,
        from: from.map(|from| from.to_string()),
        count,
    }
}

fn mtu(found: &PathMtu) -> MtuObject {
    MtuObject {
        mtu: found.mtu,
        complete: found.complete,
        hop: found.hop,
        probes: found.probes,
        black_hole: found
            .black_hole
            .map(|(after, before)| HoleObject { after, before }),
        steps: found.steps.iter().map(step).collect(),
    }
}

fn step(step: &MtuStep) -> StepObject {
    StepObject {
        from: step.from.map(|from| from.to_string()),
        hop: step.hop,
        size: step.size,
        mtu: step.mtu,
    }
}

fn write(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    writeln!(out, "{text}")
}
