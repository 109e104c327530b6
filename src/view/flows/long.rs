//! Everything that was counted of a connection, both directions side by side: what
//! `tcptrace -l -r` reports, and what it does not.

use std::io::{self, Write};

use crate::event::{Capability, Flow, Handshake, Stats, Summary, Topic, units};
use crate::view::text::wrap;
use crate::view::{Paint, Style};

/// A row: what it is, and how to say it of a direction; `None` where it does not apply.
type Row = (&'static str, fn(&Stats, u64) -> Option<String>);

#[expect(
    clippy::unnecessary_wraps,
    reason = "rows say None where they do not apply, and these always do"
)]
fn n(value: impl Into<u64>) -> Option<String> {
    Some(units::count(value.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "as for `n`")]
fn ns(value: u64) -> Option<String> {
    Some(units::nanos(value))
}

fn mean(value: Option<f64>) -> Option<String> {
    value.map(|value| units::count(value.round() as u64))
}

fn mean_ns(value: Option<f64>) -> Option<String> {
    value.map(|value| units::nanos(value.round() as u64))
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// The least, the mean and the most of durations.
fn spread(samples: &Summary) -> Option<String> {
    let (min, max) = (units::nanos(samples.min), units::nanos(samples.max));
    mean_ns(samples.mean()).map(|mean| format!("{min}/{mean}/{max}"))
}

const GROUPS: &[(&str, &[Row])] = &[
    (
        "volume",
        &[
            ("segments", |s, _| n(s.packets)),
            ("  with payload", |s, _| n(s.data_packets)),
            ("  with ACK", |s, _| n(s.acks)),
            ("  nothing but an ACK", |s, _| n(s.pure_acks)),
            ("  with PSH and payload", |s, _| n(s.pushed)),
            ("  with SYN / FIN / RST", |s, _| {
                Some(format!("{} / {} / {}", s.syns, s.fins, s.resets))
            }),
            ("  with URG, urgent bytes", |s, _| {
                Some(format!(
                    "{} / {}",
                    s.urgent_packets,
                    units::count(s.urgent_bytes)
                ))
            }),
            ("payload bytes sent", |s, _| n(s.data_bytes)),
            ("payload bytes, each once", |s, _| n(s.unique_bytes)),
            ("stream length, bytes", |s, _| n(s.stream_length)),
            ("  never seen, bytes", |s, _| n(s.missed_bytes)),
            ("cut off by the capture, bytes", |s, _| n(s.truncated_bytes)),
            ("  in segments", |s, _| n(s.truncated_packets)),
            ("throughput, bytes/s", |s, duration| {
                mean(s.throughput(duration))
            }),
            ("first to last payload", |s, _| ns(s.data_time_ns)),
            ("longest silence", |s, _| ns(s.max_idle_ns)),
        ],
    ),
    (
        "offered in the SYN",
        &[
            ("MSS, bytes", |s, _| (s.mss > 0).then(|| s.mss.to_string())),
            ("window scale", |s, _| {
                s.wscale
                    .map(|shift| format!("{shift} (×{})", 1_u32 << shift.min(14)))
            }),
            ("  in force, as --wscale has it", |s, _| {
                s.assumed_wscale
                    .map(|shift| format!("{shift} (×{})", 1_u32 << shift.min(14)))
            }),
            ("  in force, not known; at least", |s, _| {
                s.least_wscale
                    .map(|shift| format!("{shift} (×{})", 1_u32 << shift.min(14)))
            }),
            ("SACK", |s, _| (s.syns > 0).then(|| yes(s.sack_permitted))),
            ("timestamps", |s, _| (s.syns > 0).then(|| yes(s.timestamps))),
        ],
    ),
    (
        "segment sizes, bytes",
        &[
            ("largest", |s, _| {
                (s.data_packets > 0).then(|| units::count(s.max_segment.into()))
            }),
            ("smallest", |s, _| {
                (s.data_packets > 0).then(|| units::count(s.min_segment.into()))
            }),
            ("average", |s, _| mean(s.average_segment())),
        ],
    ),
    (
        "window it advertised, bytes",
        &[
            ("largest", |s, _| {
                (s.window_count > 0).then(|| units::count(s.max_window.into()))
            }),
            ("smallest", |s, _| {
                (s.window_count > 0).then(|| units::count(s.min_window.into()))
            }),
            ("average", |s, _| mean(s.average_window())),
            ("times zero", |s, _| n(s.zero_windows)),
            ("probes of the other's zero", |s, _| n(s.probe_packets)),
            ("  bytes in those", |s, _| n(s.probe_bytes)),
        ],
    ),
    (
        "outstanding, bytes",
        &[
            ("before the first ACK", |s, _| n(s.initial_window_bytes)),
            ("  segments", |s, _| n(s.initial_window_packets)),
            ("most", |s, _| n(s.max_outstanding)),
            ("least above zero", |s, _| {
                (s.min_outstanding > 0).then(|| units::count(s.min_outstanding.into()))
            }),
            ("average by segment", |s, _| mean(s.average_outstanding())),
            ("average by time", |s, duration| {
                mean(s.weighted_outstanding(duration))
            }),
        ],
    ),
    (
        "loss and repair",
        &[
            ("sent again, segments", |s, _| n(s.retransmitted_packets)),
            ("sent again, bytes", |s, _| n(s.retransmitted_bytes)),
            ("  one segment at most, times", |s, _| {
                n(s.max_retransmissions)
            }),
            ("  after, least/mean/most", |s, _| {
                spread(&s.retransmission_time)
            }),
            ("  deviation", |s, _| {
                mean_ns(s.retransmission_time.deviation())
            }),
            ("out of order, segments", |s, _| n(s.out_of_order_packets)),
            ("captured twice", |s, _| n(s.capture_duplicates)),
            ("with a bad checksum", |s, _| n(s.bad_checksums)),
            ("duplicate ACKs it got", |s, _| n(s.duplicate_acks)),
            ("  three in a row", |s, _| n(s.triple_duplicate_acks)),
            ("ACKs after a loss it got", |s, _| n(s.post_loss_acks)),
            ("segments with SACK it sent", |s, _| n(s.sacks)),
            ("  with D-SACK", |s, _| n(s.dsacks)),
            ("  most blocks in one", |s, _| n(s.max_sack_blocks)),
        ],
    ),
    (
        "round trips of its data",
        &[
            ("of its SYN", |s, _| s.rtt_handshake_ns.map(units::nanos)),
            ("samples", |s, _| n(s.rtt.count)),
            ("least/mean/most", |s, _| spread(&s.rtt)),
            ("deviation", |s, _| mean_ns(s.rtt.deviation())),
            ("full-size, samples", |s, _| n(s.rtt_full.count)),
            ("full-size, least/mean/most", |s, _| spread(&s.rtt_full)),
            ("full-size, deviation", |s, _| {
                mean_ns(s.rtt_full.deviation())
            }),
            ("segments acked with a later one", |s, _| {
                n(s.cumulatively_acked)
            }),
            ("ambiguous ACKs (no sample)", |s, _| n(s.ambiguous_acks)),
        ],
    ),
];

/// Columns of the labels, and of each direction.
const LABEL: usize = 34;
const VALUE: usize = 22;

/// Shows one connection.
pub(super) fn show(flow: &Flow, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let arrow = if style.unicode { "→" } else { "->" };
    let title = format!(
        "connection {}: {} {arrow} {}",
        flow.flow, flow.initiator, flow.responder
    );
    writeln!(out, "{}", style.paint(Paint::Strong, title))?;
    let room = usize::from(style.width).saturating_sub(4);
    for fact in facts(flow) {
        for (number, line) in wrap(&fact, room).iter().enumerate() {
            let indent = if number == 0 { 2 } else { 4 };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    let names = ["from the initiator", "from the responder"];
    let heading = format!("  {:<LABEL$}{:>VALUE$}{:>VALUE$}", "", names[0], names[1]);
    writeln!(out, "{}", style.paint(Paint::Dim, heading))?;
    for (group, rows) in GROUPS {
        writeln!(out, "  {}", style.paint(Paint::State, group))?;
        for (label, value) in *rows {
            let values = [0, 1].map(|side| value(&flow.stats[side], flow.duration_ns()));
            if values.iter().all(Option::is_none) {
                continue;
            }
            row(label, &values.map(Option::unwrap_or_default), out)?;
        }
    }
    let [i, r] = &flow.notes;
    let kinds = crate::event::Kind::ALL
        .iter()
        .filter(|kind| i.of(**kind) + r.of(**kind) > 0);
    for (at, kind) in kinds.enumerate() {
        if at == 0 {
            writeln!(
                out,
                "  {}",
                style.paint(Paint::State, "noted on its segments")
            )?;
        }
        row(
            kind.name(),
            &[i, r].map(|counts| units::count(counts.of(*kind).into())),
            out,
        )?;
    }
    Ok(())
}

fn row(label: &str, [i, r]: &[String; 2], out: &mut dyn Write) -> io::Result<()> {
    // Labels are ASCII, values may have µ and ×: padding by characters is padding by columns.
    let line = format!("    {label:<w$}{i:>VALUE$}{r:>VALUE$}", w = LABEL - 2);
    writeln!(out, "{}", line.trim_end())
}

/// What is said of both directions together.
fn facts(flow: &Flow) -> Vec<String> {
    let [i, r] = flow.state;
    let mut facts = vec![
        format!(
            "{} ({}), history {}",
            flow.shape.meaning(),
            flow.shape.name(),
            flow.history
        ),
        format!(
            "frames {} to {}, {} in {}, complete: {}",
            flow.first_frame,
            flow.last_frame,
            units::plural(flow.packets(), "segment"),
            units::nanos(flow.duration_ns()),
            completeness(flow.completeness),
        ),
        format!("from {} to {} (seconds since 1970)", flow.start, flow.end),
        format!("states at the end: initiator {i}, responder {r}"),
        handshake(&flow.handshake),
    ];
    if let Some(side) = flow.closed_by {
        facts.push(format!("closed first by the {}", side.name()));
    }
    facts.extend(flow.caveats());
    facts
}

/// Which parts of a whole connection were seen.
fn completeness(bits: u8) -> String {
    let parts = [
        (1, "SYN"),
        (2, "SYN-ACK"),
        (4, "ACK"),
        (8, "data"),
        (16, "FIN"),
        (32, "RST"),
    ];
    let seen: Vec<_> = parts
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    if seen.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{} ({bits})", seen.join(", "))
    }
}

fn handshake(h: &Handshake) -> String {
    let agreed = |name: &str, capability: Capability| match capability {
        Capability::On => format!("{name} on"),
        Capability::Off => format!("{name} off"),
        Capability::Unknown => format!("{name} unknown"),
    };
    let mut parts = vec![
        agreed("window scaling", h.window_scaling),
        agreed("SACK", h.sack),
        agreed("timestamps", h.timestamps),
        agreed("ECN", h.ecn),
    ];
    if let Some(ns) = h.took_ns {
        parts.insert(0, format!("handshake took {}", units::nanos(ns)));
    }
    parts.join(", ")
}

/// Findings that are of a connection as a whole: what set its pace, round trips, windows, losses.
pub(super) const OF_THE_WHOLE: [Topic; 5] = [
    Topic::Pace,
    Topic::RoundTripSpread,
    Topic::Queueing,
    Topic::CongestionWindow,
    Topic::LossAndOrder,
];

/// What the story has of the connection as a whole.
pub(super) fn show_told(told: &[String], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {}", style.paint(Paint::State, "as a whole"))?;
    let room = usize::from(style.width).saturating_sub(6);
    for sentence in told {
        for line in wrap(sentence, room) {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}
