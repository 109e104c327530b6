//! A table of connections: a row for each, in the order in which they began.
//!
//! Connections are let go in the order in which they end, so rows are held until it is their turn.
//! Only so many: when more connections than that are open at once, the table goes on with what it
//! has, in blocks that are each in order.

mod long;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Paint, Style, View, text};
use crate::event::{Event, Flow, Side, units};
use crate::frame::Timestamp;

/// Connections held at most, some 2 kB each.
const HELD: usize = 4_096;

/// The view.
#[derive(Debug)]
pub(super) struct Flows {
    style: Style,
    held: BTreeMap<u32, Flow>,
    /// When the first connection began: starts count from there.
    base: Option<Timestamp>,
    widths: Option<[usize; COLUMNS.len()]>,
    shown: u64,
}

impl Flows {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            held: BTreeMap::new(),
            base: None,
            widths: None,
            shown: 0,
        }
    }

    /// Shows what is held, up to `keep` connections.
    fn show(&mut self, keep: usize, out: &mut dyn Write) -> io::Result<()> {
        let count = self.held.len().saturating_sub(keep);
        if count == 0 {
            return Ok(());
        }
        let rest = self.held.keys().nth(count).copied();
        let later = rest
            .map(|first| self.held.split_off(&first))
            .unwrap_or_default();
        let block = std::mem::replace(&mut self.held, later);
        if self.style.long {
            for flow in block.values() {
                if self.shown > 0 {
                    writeln!(out)?;
                }
                self.shown += 1;
                long::show(flow, &self.style, out)?;
            }
            return Ok(());
        }
        let base = *self.base.get_or_insert_with(|| {
            block
                .values()
                .map(|flow| flow.start)
                .min()
                .unwrap_or_default()
        });
        let rows: Vec<_> = block
            .values()
            .map(|flow| (flow, cells(flow, base, &self.style)))
            .collect();
        if self.widths.is_none() {
            let widths = self.layout(rows.iter().map(|(_, cells)| cells));
            self.widths = Some(widths);
            let titles = COLUMNS.map(|column| column.title.to_owned());
            self.line(&titles, Paint::Dim, out)?;
        }
        for (flow, cells) in &rows {
            self.shown += 1;
            let loud = flow
                .notes
                .iter()
                .flat_map(crate::event::NoteCounts::iter)
                .any(|(kind, _)| Paint::of(kind) == Paint::Trouble);
            self.line(cells, if loud { Paint::Trouble } else { Paint::Plain }, out)?;
            let remarks = remarks(flow);
            if !remarks.is_empty() {
                let room = usize::from(self.style.width).saturating_sub(8);
                for line in text::wrap(&remarks, room) {
                    writeln!(out, "        {}", self.style.paint(Paint::Caution, line))?;
                }
            }
        }
        Ok(())
    }

    /// Widths that fit the cells; 0 for columns there is no room for.
    fn layout<'a>(&self, rows: impl Iterator<Item = &'a Cells>) -> [usize; COLUMNS.len()] {
        let mut widths = COLUMNS.map(|column| column.title.len().max(column.least));
        for cells in rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(text::width(cell));
            }
        }
        for expendable in 1..=3 {
            let needed: usize = widths.iter().filter(|w| **w > 0).map(|w| w + 2).sum();
            if needed <= usize::from(self.style.width) + 2 {
                break;
            }
            for (width, column) in widths.iter_mut().zip(COLUMNS) {
                if column.expendable == expendable {
                    *width = 0;
                }
            }
        }
        widths
    }

    fn line(&self, cells: &Cells, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        let widths = self.widths.unwrap_or_default();
        for ((cell, column), &width) in cells.iter().zip(COLUMNS).zip(&widths) {
            if width == 0 {
                continue;
            }
            let pad = " ".repeat(width.saturating_sub(text::width(cell)));
            if !line.is_empty() {
                line.push_str("  ");
            }
            if column.right {
                line.push_str(&pad);
            }
            let paint = if column.title == "state" || paint == Paint::Dim {
                paint
            } else {
                Paint::Plain
            };
            line.push_str(&self.style.paint(paint, cell).to_string());
            if !column.right {
                line.push_str(&pad);
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// A column of the table.
#[derive(Clone, Copy)]
struct Column {
    title: &'static str,
    /// Numbers stand at the right.
    right: bool,
    /// Least width, for rows that come after the widths were fixed.
    least: usize,
    /// Which columns go first when there is no room: 1, then 2, then 3; 0 never.
    expendable: u8,
}

const fn column(title: &'static str, right: bool, least: usize, expendable: u8) -> Column {
    Column {
        title,
        right,
        least,
        expendable,
    }
}

const COLUMNS: [Column; 12] = [
    column("#", true, 3, 0),
    column("initiator", false, 0, 0),
    column("responder", false, 0, 0),
    column("start", true, 8, 2),
    column("lasted", true, 6, 0),
    column("segs >", true, 0, 3),
    column("segs <", true, 0, 3),
    column("bytes >", true, 0, 0),
    column("bytes <", true, 0, 0),
    column("rtt", true, 6, 2),
    column("state", false, 6, 0),
    column("history", false, 0, 1),
];

type Cells = [String; COLUMNS.len()];

fn cells(flow: &Flow, base: Timestamp, style: &Style) -> Cells {
    let [i, r] = &flow.stats;
    let rtt = rtt(flow).map_or_else(
        || if style.unicode { "–" } else { "-" }.to_owned(),
        units::nanos,
    );
    [
        flow.flow.to_string(),
        flow.initiator.to_string(),
        flow.responder.to_string(),
        units::seconds(flow.start.nanos_since(base)),
        units::nanos(flow.duration_ns()),
        units::count(i.packets.into()),
        units::count(r.packets.into()),
        units::amount(i.unique_bytes),
        units::amount(r.unique_bytes),
        rtt,
        flow.shape.name().to_owned(),
        flow.history.clone(),
    ]
}

/// The round trip of the handshake, or else the mean of the samples of the side with the longer
/// ones: the capture was made nearer to the other.
fn rtt(flow: &Flow) -> Option<u64> {
    let mean = |side: Side| {
        flow.stats[side.index()]
            .rtt
            .mean()
            .map(|ns| ns.round() as u64)
    };
    flow.handshake
        .took_ns
        .or_else(|| mean(Side::Initiator).max(mean(Side::Responder)))
}

/// What there is to say of a connection beside its numbers.
fn remarks(flow: &Flow) -> String {
    let mut parts = Vec::new();
    let [i, r] = &flow.notes;
    for (kind, _) in i.iter().chain(r.iter()) {
        let part = format!("{kind} {}", units::count((i.of(kind) + r.of(kind)).into()));
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.extend(flow.caveats());
    parts.join(", ")
}

impl View for Flows {
    fn shows_segments(&self) -> bool {
        false
    }

    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Flow(flow) => {
                self.held.insert(flow.flow, (*flow).clone());
                if self.held.len() > HELD {
                    self.show(HELD / 2, out)
                } else {
                    Ok(())
                }
            }
            Event::Notice(notice) => {
                self.show(0, out)?;
                writeln!(out, "{}", self.style.paint(Paint::Caution, notice))
            }
            Event::End(end) => {
                self.show(0, out)?;
                if self.shown == 0 {
                    writeln!(
                        out,
                        "no TCP connections in {}",
                        units::plural(end.frames, "frame")
                    )?;
                }
                match &end.truncated {
                    Some(what) => writeln!(out, "the capture ends early: {}", text::escape(what)),
                    None => Ok(()),
                }
            }
            Event::Segment(_) | Event::Packet(..) | Event::Finding(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
