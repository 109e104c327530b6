//! What two captures of the same connections show together: what was lost between them, how long the way took and
//! what took longer, what was overtaken, copied, damaged or rewritten. Pure: packets on their way in, findings out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::episode::Evidence;
use super::telling::finding;
use super::whole::{STEPS, middle, step};
use crate::event::units::{count, nanos, plural};
use crate::event::{Fate, Finding, Host, Part, Passage, Quantity, Severity, Stop, Topic};

/// Connections told of; of more, only that there are.
const MOST: usize = 1024;
/// Fields told apart in a direction; there are not many more.
const FIELDS: usize = 24;
/// Fewer packets make no spread.
const LEAST_SAMPLES: u64 = 8;
/// What takes so much longer than the fastest, and twice as long, waited somewhere.
const LATE_NS: u64 = 10_000_000;

/// Follows packets on their way, until the story of all is told.
#[derive(Debug, Default)]
pub struct Between {
    ways: HashMap<Option<u32>, [Way; 2]>,
    /// Packets of connections that there was no room for.
    untold: u64,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
struct Way {
    /// Who sends, and to whom, as the sender's capture has them.
    who: Option<[IpAddr; 2]>,
    sent: u64,
    arrived: u64,
    lost: Evidence,
    lost_bytes: u64,
    /// Whether it is known that the wire lost them, and why it did.
    by_the_wire: bool,
    why: Option<String>,
    overtaken: Evidence,
    copied: Evidence,
    damaged: Evidence,
    altered: Evidence,
    unsent: Evidence,
    uncaptured: u64,
    times: Times,
    /// Fields that were changed: from what to what at first, how often, and whether that is usual.
    changes: BTreeMap<&'static str, (String, String, u64, bool)>,
}

/// How long packets took.
#[derive(Clone, Debug, Default)]
struct Times {
    steps: Vec<u32>,
    samples: u64,
    least: u64,
    /// The longest, and the frame that left so long before it arrived.
    most: (u64, u64),
}

impl Times {
    fn add(&mut self, ns: u64, frame: u64) {
        self.steps.resize(STEPS, 0);
        if let Some(n) = self.steps.get_mut(step(ns)) {
            *n = n.saturating_add(1);
        }
        self.least = if self.samples == 0 {
            ns
        } else {
            self.least.min(ns)
        };
        self.samples += 1;
        if ns > self.most.0 {
            self.most = (ns, frame);
        }
    }

    /// What so many of a hundred do not exceed, to an eighth of an octave.
    fn quantile(&self, percent: u64) -> u64 {
        let wanted = self.samples * percent / 100;
        let mut seen = 0;
        for (at, &n) in self.steps.iter().enumerate() {
            seen += u64::from(n);
            if seen > wanted {
                return middle(at).clamp(self.least, self.most.0);
            }
        }
        self.most.0
    }
}

impl Between {
    /// Takes a packet on its way; it counts when the end of that is known.
    pub fn observe(&mut self, passage: &Passage<'_>) {
        if passage.part == Part::Departs {
            return;
        }
        if !self.ways.contains_key(&passage.flow) && self.ways.len() >= MOST {
            self.untold += 1;
            return;
        }
        let ways = self.ways.entry(passage.flow).or_default();
        ways[passage.to.other().index()].observe(passage);
    }

    /// What there is to tell of a connection, or of what belongs to none.
    pub fn conclude(&mut self, flow: Option<u32>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let ways = self.ways.remove(&flow).into_iter().flatten();
        for (way, from) in ways.zip([Host::Client, Host::Server]) {
            findings.extend(way.tell(from));
        }
        if flow.is_none() && self.untold > 0 {
            let what = format!(
                "there are too many connections to tell of all: {} more are in neither story",
                plural(self.untold, "packet")
            );
            findings.push(finding(Topic::Limit, Severity::Notice, what));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in &mut findings {
            finding.flow = flow;
        }
        findings
    }
}

impl Way {
    fn observe(&mut self, p: &Passage<'_>) {
        let ends = |stop: Stop<'_>| Some([stop.segment?.src.addr, stop.segment?.dst.addr]);
        if self.who.is_none() {
            self.who = p.sent.or(p.arrived).and_then(ends);
        }
        let frame = p.sent.or(p.arrived).map_or(0, |stop| stop.frame);
        self.sent += u64::from(p.sent.is_some() && p.fate != Fate::Duplicated);
        self.arrived += u64::from(p.arrived.is_some());
        match p.fate {
            Fate::Dropped | Fate::Missing => {
                self.lost.add(frame);
                let len = p.sent.and_then(|stop| stop.segment).map_or(0, |s| s.len);
                self.lost_bytes += u64::from(len);
                self.by_the_wire |= p.fate == Fate::Dropped;
                if self.why.is_none() {
                    self.why = p.cause.map(str::to_owned);
                }
            }
            Fate::Duplicated => self.copied.add(frame),
            Fate::Corrupted => self.damaged.add(frame),
            Fate::Altered => self.altered.add(frame),
            Fate::Unsent => self.unsent.add(frame),
            Fate::Uncaptured => self.uncaptured += 1,
            Fate::Delivered | Fate::Delayed | Fate::Reordered | Fate::Flying => {}
        }
        if p.overtaken_by > 0 {
            self.overtaken.add(frame);
        }
        if let (Some(ns), true) = (p.one_way_ns, p.arrived.is_some()) {
            self.times.add(ns, frame);
        }
        for change in p.changes {
            if let Some(known) = self.changes.get_mut(change.field) {
                known.2 += 1;
            } else if self.changes.len() < FIELDS {
                let first = (change.was.clone(), change.is.clone(), 1, change.usual);
                self.changes.insert(change.field, first);
            }
        }
    }

    fn tell(&self, from: Host) -> Vec<Finding> {
        let [who, whom] = match self.who {
            Some(ends) => ends.map(|end| end.to_string()),
            None => [from, from.other()].map(|host| format!("the {host}")),
        };
        let capture = format!("seen in the {from}'s capture");
        let mut findings = Vec::new();
        let mut add = |kind, severity, what: String, evidence: Option<&Evidence>| {
            let (frames, more) =
                evidence.map_or((Vec::new(), 0), |it| (it.frames.clone(), it.more));
            findings.push(Finding {
                evidence: frames,
                more,
                ..finding(kind, severity, what)
            });
        };
        for (kind, severity, evidence, what) in [
            (
                Topic::OvertakenBetween,
                Severity::Notice,
                &self.overtaken,
                "arrived after packets that left later",
            ),
            (
                Topic::CopiedBetween,
                Severity::Notice,
                &self.copied,
                "arrived once more than sent: copied on the way",
            ),
        ] {
            if evidence.count > 0 {
                let n = plural(evidence.count.into(), "packet");
                let what = format!("{n} of {who} {what}; {capture}");
                add(kind, severity, what, Some(evidence));
            }
        }
        if self.unsent.count > 0 {
            let n = plural(self.unsent.count.into(), "packet");
            let what = format!(
                "{n} came to {whom} that the {from}'s capture does not have: something between the two sent it, as a \
                 router does its errors, or that capture missed it; seen in the {}'s capture",
                from.other()
            );
            add(
                Topic::NotSeenToLeave,
                Severity::Notice,
                what,
                Some(&self.unsent),
            );
        }
        for (kind, severity, evidence, usual, what) in [
            (
                Topic::DamagedBetween,
                Severity::Problem,
                &self.damaged,
                false,
                "damaged on the way",
            ),
            (
                Topic::AlteredBetween,
                Severity::Notice,
                &self.altered,
                false,
                "rewritten on the way",
            ),
        ] {
            if evidence.count > 0 {
                let n = plural(evidence.count.into(), "packet");
                let changed = self.changed(usual);
                add(
                    kind,
                    severity,
                    format!("{n} of {who} {what}{changed}; {capture}"),
                    Some(evidence),
                );
            }
        }
        let usual = self.changed(true);
        if !usual.is_empty() {
            let what = format!("as routers do, the way from {who} changes headers{usual}");
            add(Topic::RewrittenByRouters, Severity::Info, what, None);
        }
        if self.uncaptured > 0 {
            let n = plural(self.uncaptured, "packet");
            let what = format!(
                "{n} of {who} passed when one of the captures had not begun or had ended: what became of them does not show"
            );
            add(Topic::OutsideOfOne, Severity::Info, what, None);
        }
        findings.splice(0..0, self.lost(&who, &whom, &capture));
        findings.extend(self.took(&who, &whom, &capture));
        findings
    }

    /// What was lost, or that nothing was.
    fn lost(&self, who: &str, whom: &str, capture: &str) -> Option<Finding> {
        let sent = plural(self.sent, "packet");
        if self.lost.count == 0 {
            let all = self.sent > 0 && self.uncaptured == 0 && self.arrived >= self.sent;
            let what = format!("all {sent} of {who} arrived at {whom}");
            return all.then(|| finding(Topic::NothingLost, Severity::Info, what));
        }
        let n = count(self.lost.count.into());
        let how = if self.by_the_wire {
            "lost on the wire, as it recorded itself"
        } else {
            "lost between the two captures, or missed by the second"
        };
        let why = self.why.as_deref().map(|why| format!(" ({why})"));
        let what = format!(
            "{n} of {sent} of {who}, with {}, did not arrive at {whom}: {how}{}; {capture}",
            plural(self.lost_bytes, "byte"),
            why.unwrap_or_default(),
        );
        Some(Finding {
            evidence: self.lost.frames.clone(),
            more: self.lost.more,
            numbers: vec![
                ("lost", Quantity::Count(self.lost.count.into())),
                ("sent", Quantity::Count(self.sent)),
                ("bytes", Quantity::Bytes(self.lost_bytes)),
            ],
            ..finding(Topic::LostBetween, Severity::Problem, what)
        })
    }

    /// How long the way took.
    fn took(&self, who: &str, whom: &str, capture: &str) -> Option<Finding> {
        let times = &self.times;
        if times.samples == 0 {
            return None;
        }
        let (least, (most, slowest)) = (times.least, times.most);
        let numbers = vec![
            ("samples", Quantity::Count(times.samples)),
            ("least", Quantity::Nanos(least)),
            ("median", Quantity::Nanos(times.quantile(50))),
            ("p95", Quantity::Nanos(times.quantile(95))),
            ("most", Quantity::Nanos(most)),
        ];
        let way = format!("from {who} to {whom} packets took");
        let span = if times.samples < LEAST_SAMPLES {
            format!("{} to {}", nanos(least), nanos(most))
        } else {
            format!(
                "{} at least, half within {}, 95 of 100 within {}, {} at most",
                nanos(least),
                nanos(times.quantile(50)),
                nanos(times.quantile(95)),
                nanos(most)
            )
        };
        let waited = most - least;
        let late = waited > least && waited > LATE_NS;
        let severity = if late {
            Severity::Notice
        } else {
            Severity::Info
        };
        let (evidence, which) = if late {
            let which = format!(
                ": up to {} of that they waited on the way, as in a queue; the slowest is {capture}",
                nanos(waited)
            );
            (vec![slowest], which)
        } else {
            (Vec::new(), String::new())
        };
        Some(Finding {
            evidence,
            numbers,
            ..finding(Topic::WayTimes, severity, format!("{way} {span}{which}"))
        })
    }

    /// The fields that were changed, from what to what.
    fn changed(&self, usual: bool) -> String {
        let of = self.changes.iter().filter(|(_, it)| it.3 == usual);
        let fields: Vec<_> = of
            .map(|(field, (was, is, n, _))| {
                let times = if *n > 1 {
                    format!(" and so on, {} times", count(*n))
                } else {
                    String::new()
                };
                format!("{field} from {was} to {is}{times}")
            })
            .collect();
        if fields.is_empty() {
            String::new()
        } else {
            format!(": {}", fields.join(", "))
        }
    }
}
