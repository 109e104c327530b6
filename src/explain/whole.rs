//! A direction as a whole: how its round trips spread and whether they grow with what is under way, how much
//! that was at most and when something was lost, how much came out of order, and small windows that make
//! small segments (RFC 9293 section 3.8.6.2).

use super::episode::Evidence;
use super::telling::{Names, finding};
use crate::event::units::{bytes, count, nanos, plural};
use crate::event::{Finding, Flow, Kind, Quantity, Segment, Severity, Side, Topic};

/// Round trips are counted in steps of an eighth of an octave, from 65 µs (2^16 ns) on.
pub(super) const STEPS: usize = 8 * 20;
const FIRST_OCTAVE: u32 = 16;
/// Amounts under way are told apart by octave, from 1 KiB on.
const LOADS: usize = 16;
const FIRST_LOAD: u32 = 10;
/// A round trip that grows by less may be a delayed ACK.
const GROWTH_NS: u64 = 10_000_000;
/// The first samples, of what the initial window carries.
const EARLY: u32 = 4;
/// Fewer samples make no spread.
const LEAST_SAMPLES: u32 = 8;
/// So many small segments against small windows are a pattern.
const SILLY: u32 = 4;

/// What is known of one direction.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    steps: [u16; STEPS],
    samples: u32,
    least: (u64, u64),
    most: (u64, u64),
    /// The sum of the first samples, before there can be a queue of its own.
    early: u64,
    /// How many samples, and their sum, by what was under way.
    loads: [(u32, u64); LOADS],
    /// The most that was under way, in its frame; while the window had room.
    peak: (u32, u64),
    /// What was under way at the first losses.
    at_losses: Vec<u32>,
    /// How far back what came out of order belonged.
    furthest_back: u32,
    silly: Evidence,
}

impl Default for Whole {
    fn default() -> Self {
        Self {
            steps: [0; STEPS],
            samples: 0,
            least: (0, 0),
            most: (0, 0),
            early: 0,
            loads: [(0, 0); LOADS],
            peak: (0, 0),
            at_losses: Vec::new(),
            furthest_back: 0,
            silly: Evidence::default(),
        }
    }
}

/// Losses whose amount under way is told.
const LOSSES: usize = 4;

impl Whole {
    /// Takes a round trip of its data, with so much under way.
    pub(super) fn returned(&mut self, ns: u64, under_way: u32, frame: u64) {
        if let Some(step) = self.steps.get_mut(step(ns)) {
            *step = step.saturating_add(1);
        }
        if self.samples == 0 || ns < self.least.0 {
            self.least = (ns, frame);
        }
        if ns > self.most.0 {
            self.most = (ns, frame);
        }
        if self.samples < EARLY {
            self.early = self.early.saturating_add(ns);
        }
        self.samples = self.samples.saturating_add(1);
        if let Some((n, sum)) = self.loads.get_mut(load(under_way)) {
            *n = n.saturating_add(1);
            *sum = sum.saturating_add(ns);
        }
    }

    /// Takes what it sends, after which `under_way` bytes are.
    pub(super) fn sent(&mut self, s: &Segment<'_>, under_way: u32, full: u32, back: u32) {
        let noted = |kind| s.notes.iter().any(|note| note.kind == kind);
        if under_way > self.peak.0 {
            self.peak = (under_way, s.frame);
        }
        if noted(Kind::OutOfOrder) {
            self.furthest_back = self.furthest_back.max(back);
        }
        if noted(Kind::WindowFull) && s.len * 2 < full {
            self.silly.add(s.frame);
        }
    }

    /// Takes the beginning of a recovery.
    pub(super) fn lost(&mut self, under_way: u32) {
        if self.at_losses.len() < LOSSES {
            self.at_losses.push(under_way);
        }
    }

    /// The round trip that so many of a hundred do not exceed, to an eighth of an octave.
    fn quantile(&self, percent: u32) -> u64 {
        let wanted = u64::from(self.samples) * u64::from(percent) / 100;
        let mut seen = 0;
        for (at, &n) in self.steps.iter().enumerate() {
            seen += u64::from(n);
            if seen > wanted {
                return middle(at).clamp(self.least.0, self.most.0);
            }
        }
        self.most.0
    }

    /// Mean of the first round trips, and with the most under way.
    fn by_load(&self) -> Option<(u64, u64)> {
        let top = load(self.peak.0);
        let range = self.loads.get(top.saturating_sub(1)..=top)?;
        let (n, sum) = range.iter().fold((0_u64, 0_u64), |(n, sum), of| {
            (n + u64::from(of.0), sum.saturating_add(of.1))
        });
        let early = self.early.checked_div(self.samples.min(EARLY).into())?;
        Some((early, sum.checked_div(n)?))
    }

    /// What is to be told of it; `near` says that the capture was made nearer to its sender.
    pub(super) fn tell(&self, flow: &Flow, names: &Names, side: Side, near: bool) -> Vec<Finding> {
        let host = names.of_side(side);
        let of = |finding| Finding {
            side: Some(side),
            ..finding
        };
        let mut findings = Vec::new();
        if near {
            findings.extend(self.queueing(host));
            findings.extend(self.spread(host));
        }
        findings.extend(self.congestion(flow, host, side, near));
        findings.extend(self.disorder(flow, host, side));
        if self.silly.count >= SILLY {
            findings.push(Finding {
                evidence: self.silly.frames.clone(),
                more: self.silly.more,
                advice: "the receiver should wait until a full segment fits before it moves the window \
                         (RFC 9293 section 3.8.6.2.2), and the application read more at once"
                    .to_owned(),
                ..finding(
                    Topic::SillyWindow,
                    Severity::Notice,
                    format!(
                        "{host} sent {} segments of less than half the full size because the window had room for \
                         no more (silly window syndrome)",
                        count(self.silly.count.into())
                    ),
                )
            });
        }
        findings.into_iter().map(of).collect()
    }

    fn spread(&self, host: &str) -> Option<Finding> {
        (self.samples >= LEAST_SAMPLES).then(|| Finding {
            evidence: vec![self.least.1, self.most.1],
            numbers: vec![
                ("samples", Quantity::Count(self.samples.into())),
                ("min", Quantity::Nanos(self.least.0)),
                ("median", Quantity::Nanos(self.quantile(50))),
                ("p95", Quantity::Nanos(self.quantile(95))),
                ("max", Quantity::Nanos(self.most.0)),
            ],
            ..finding(
                Topic::RoundTripSpread,
                Severity::Info,
                format!(
                    "round trips of {host}'s data: {} at least, half within {}, 95 of 100 within {}, {} at most",
                    nanos(self.least.0),
                    nanos(self.quantile(50)),
                    nanos(self.quantile(95)),
                    nanos(self.most.0),
                ),
            )
        })
    }

    /// Round trips that grow with what is under way: it stands in a queue.
    fn queueing(&self, host: &str) -> Option<Finding> {
        let (low, high) = self.by_load()?;
        let grows = high > low.saturating_mul(3) / 2 && high > low.saturating_add(GROWTH_NS);
        (grows && self.samples >= LEAST_SAMPLES).then(|| Finding {
            evidence: vec![self.least.1, self.most.1],
            advice: "the bottleneck's queue holds it: a shorter queue or one that is managed (fq_codel), or a \
                     sender that does not fill it (BBR, a smaller window), would keep round trips short"
                .to_owned(),
            ..finding(
                Topic::Queueing,
                Severity::Notice,
                format!(
                    "round trips of {host}'s data grow with what is under way, from {} at first to {} on average \
                     with the most ({} bytes): it waits in a queue (bufferbloat)",
                    nanos(low),
                    nanos(high),
                    count(self.peak.0.into()),
                ),
            )
        })
    }

    /// How much the sender let be under way: its congestion window, as long as nothing else held it.
    fn congestion(&self, flow: &Flow, host: &str, side: Side, near: bool) -> Option<Finding> {
        let full = u64::from(flow.stats.get(side.index())?.max_segment).clamp(1, 1460);
        let peak = u64::from(self.peak.0);
        if peak < 4 * full {
            return None;
        }
        let segments = |bytes: u64| plural(bytes.div_ceil(full), "segment");
        // From afar it is not known when the sender learnt of a loss.
        let losses = if self.at_losses.is_empty() || !near {
            String::new()
        } else {
            let each: Vec<_> = self.at_losses.iter().map(|&n| segments(n.into())).collect();
            format!("; when it learnt of losses, {}", each.join(", "))
        };
        Some(Finding {
            evidence: vec![self.peak.1],
            numbers: vec![("under_way_max", Quantity::Bytes(peak))],
            ..finding(
                Topic::CongestionWindow,
                Severity::Info,
                format!(
                    "{host} had {} ({} bytes) under way at most{losses}: its congestion window was at least that",
                    segments(peak),
                    count(peak),
                ),
            )
        })
    }

    /// How much was lost, and how much came out of order.
    fn disorder(&self, flow: &Flow, host: &str, side: Side) -> Option<Finding> {
        let stats = flow.stats.get(side.index())?;
        let notes = flow.notes.get(side.index())?;
        let (again, late) = (notes.of(Kind::Retransmission), notes.of(Kind::OutOfOrder));
        let all = stats.data_packets;
        if again + late == 0 || all < 20 {
            return None;
        }
        let share = |n: u32| format!("{:.1} %", f64::from(n) * 100.0 / f64::from(all));
        let mut parts = Vec::new();
        if again > 0 {
            parts.push(format!(
                "{} {} sent again ({})",
                count(again.into()),
                if again == 1 { "was" } else { "were" },
                share(again)
            ));
        }
        if late > 0 {
            let back = bytes(self.furthest_back.into());
            parts.push(format!(
                "{} came out of order ({}), up to {back} behind",
                count(late.into()),
                share(late)
            ));
        }
        let number = |n: u32| Quantity::Count(n.into());
        Some(Finding {
            numbers: vec![
                ("segments", number(all)),
                ("sent_again", number(again)),
                ("out_of_order", number(late)),
            ],
            ..finding(
                Topic::LossAndOrder,
                Severity::Info,
                format!(
                    "of {host}'s {}, {}",
                    plural(all.into(), "segment"),
                    parts.join(", ")
                ),
            )
        })
    }
}

pub(super) fn step(ns: u64) -> usize {
    let octave = ns.max(1).ilog2().max(FIRST_OCTAVE);
    let eighth = (ns.max(1 << FIRST_OCTAVE) >> (octave - 3)) & 7;
    (((octave - FIRST_OCTAVE) as usize) * 8 + eighth as usize).min(STEPS - 1)
}

/// The middle of a step.
pub(super) fn middle(step: usize) -> u64 {
    let octave = FIRST_OCTAVE + (step / 8) as u32;
    let eighth = 1_u64 << (octave - 3);
    (8 + step as u64 % 8) * eighth + eighth / 2
}

fn load(bytes: u32) -> usize {
    (bytes.max(1).ilog2().saturating_sub(FIRST_LOAD) as usize).min(LOADS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_hold_what_they_say() {
        for ns in [70_000, 1_000_000, 41_234_567, 9_999_999_999] {
            let middle = middle(step(ns));
            assert!(middle.abs_diff(ns) * 14 <= ns, "{ns}: {middle}");
        }
        assert_eq!((step(0), step(u64::MAX)), (0, STEPS - 1));
    }

    #[test]
    fn quantiles_are_those_of_the_samples() {
        let mut whole = Whole::default();
        for ms in 1..=100_u64 {
            whole.returned(ms * 1_000_000, 1000, ms);
        }
        for (percent, ms) in [(50, 50), (95, 95)] {
            let found = whole.quantile(percent);
            assert!(
                found.abs_diff(ms * 1_000_000) <= ms * 80_000,
                "{percent}: {found}"
            );
        }
    }

    #[test]
    fn a_queue_shows_only_where_round_trips_grow_with_the_load() {
        let mut whole = Whole {
            peak: (200_000, 9),
            ..Whole::default()
        };
        for n in 0..20 {
            whole.returned(40_000_000, 3_000, n);
            whole.returned(41_000_000, 190_000, n);
        }
        assert!(whole.queueing("a").is_none());
        for n in 0..200 {
            whole.returned(160_000_000, 190_000, n);
        }
        assert!(whole.queueing("a").is_some());
    }
}
