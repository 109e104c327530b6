//! A table of connections: a row for each, in the order in which they began.
//!
//! Connections are let go in the order in which they end, so rows are held until it is their turn.
//! Only so many: when more connections than that are open at once, the table goes on with what it
//! has, in blocks that are each in order.

mod long;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Paint, Style, View, text};
use crate::event::{Event, Finding, Flow, Side, digits, units};
use crate::frame::Timestamp;

/// Connections held at most: a few hundred bytes each, or 1.3 kB in the long form.
const HELD: usize = 4_096;

/// The view.
#[derive(Debug)]
pub(super) struct Flows {
    style: Style,
    /// Connections whose turn has not come: as lines, or whole for the long form.
    held: BTreeMap<u32, Row>,
    held_long: BTreeMap<u32, (Flow, Vec<String>)>,
    /// When the first connection began: starts count from there.
    base: Timestamp,
    widths: Option<[usize; COLUMNS.len()]>,
    shown: u64,
    /// The line being made, kept for its room.
    scratch: String,
}

impl Flows {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            held: BTreeMap::new(),
            held_long: BTreeMap::new(),
            base: Timestamp::default(),
            widths: None,
            shown: 0,
            scratch: String::new(),
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
        if self.widths.is_none() {
            let base = block
                .values()
                .map(|row| row.start)
                .min()
                .unwrap_or_default();
            self.base = base;
            let widths = self.layout(block.values());
            self.widths = Some(widths);
            let titles = COLUMNS.map(|column| column.title);
            self.line(titles, Paint::Dim, out)?;
        }
        let mut start = String::new();
        for row in block.values() {
            self.shown += 1;
            start.clear();
            units::push_seconds(&mut start, row.start.nanos_since(self.base));
            let paint = if row.loud {
                Paint::Trouble
            } else {
                Paint::Plain
            };
            self.line(row.cells(&start), paint, out)?;
            if !row.remarks.is_empty() {
                let room = usize::from(self.style.width).saturating_sub(8);
                for line in text::wrap(&row.remarks, room) {
                    writeln!(out, "        {}", self.style.paint(Paint::Caution, line))?;
                }
            }
        }
        Ok(())
    }

    /// Shows what is held in full, up to `keep` connections.
    fn show_long(&mut self, keep: usize, out: &mut dyn Write) -> io::Result<()> {
        while self.held_long.len() > keep {
            let Some((_, (flow, told))) = self.held_long.pop_first() else {
                break;
            };
            if self.shown > 0 {
                writeln!(out)?;
            }
            self.shown += 1;
            long::show(&flow, &self.style, out)?;
            long::show_told(&told, &self.style, out)?;
        }
        Ok(())
    }

    /// Holds a connection until those before it have come; shows half of them when there are many.
    fn hold(&mut self, flow: &Flow, out: &mut dyn Write) -> io::Result<()> {
        if self.style.long {
            self.held_long.insert(flow.flow, (flow.clone(), Vec::new()));
            if self.held_long.len() > HELD {
                self.show_long(HELD / 2, out)
            } else {
                Ok(())
            }
        } else {
            self.held.insert(flow.flow, Row::of(flow, &self.style));
            if self.held.len() > HELD {
                self.show(HELD / 2, out)
            } else {
                Ok(())
            }
        }
    }

    /// Keeps what is found of a connection as a whole, to be shown below its figures.
    fn tell(&mut self, finding: &Finding) {
        let held = finding.flow.and_then(|flow| self.held_long.get_mut(&flow));
        if let Some((_, told)) = held
            && long::OF_THE_WHOLE.contains(&finding.kind)
        {
            told.push(finding.summary.clone());
        }
    }

    fn show_all(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.show(0, out)?;
        self.show_long(0, out)
    }

    /// Widths that fit the cells; 0 for columns there is no room for.
    fn layout<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> [usize; COLUMNS.len()] {
        let mut widths = COLUMNS.map(|column| column.title.len().max(column.least));
        let mut start = String::new();
        for row in rows {
            start.clear();
            units::push_seconds(&mut start, row.start.nanos_since(self.base));
            for (width, cell) in widths.iter_mut().zip(row.cells(&start)) {
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

    fn line(
        &mut self,
        cells: [&str; COLUMNS.len()],
        paint: Paint,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.scratch);
        line.clear();
        let widths = self.widths.unwrap_or_default();
        for ((cell, column), &width) in cells.iter().zip(COLUMNS).zip(&widths) {
            if width == 0 {
                continue;
            }
            if !line.is_empty() {
                line.push_str("  ");
            }
            let pad = width.saturating_sub(text::width(cell));
            if column.right {
                push_spaces(&mut line, pad);
            }
            let painted = column.title == "state" || paint == Paint::Dim;
            if self.style.color && painted {
                let _ = write!(line, "{}", self.style.paint(paint, cell));
            } else {
                line.push_str(cell);
            }
            if !column.right {
                push_spaces(&mut line, pad);
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        let written = out.write_all(line.as_bytes());
        self.scratch = line;
        written
    }
}

/// Appends spaces, many at once.
fn push_spaces(line: &mut String, count: usize) {
    const SPACES: &str = "                                ";
    let mut left = count;
    while left > 0 {
        let some = left.min(SPACES.len());
        line.push_str(&SPACES[..some]);
        left -= some;
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

/// A connection as its line will show it, so that it need not be kept whole until then.
#[derive(Debug)]
struct Row {
    start: Timestamp,
    /// Whether something went wrong.
    loud: bool,
    /// What there is to say beside the numbers.
    remarks: String,
    /// All cells in a row, but for the start, which counts from the first connection's.
    text: String,
    /// Where each cell ends in `text`.
    ends: [u16; COLUMNS.len()],
}

impl Row {
    fn of(flow: &Flow, style: &Style) -> Self {
        let [i, r] = &flow.stats;
        let mut notes = flow.notes.iter().flat_map(crate::event::NoteCounts::iter);
        let mut row = Self {
            start: flow.start,
            loud: notes.any(|(kind, _)| Paint::of(kind) == Paint::Trouble),
            remarks: remarks(flow),
            text: String::with_capacity(128),
            ends: [0; COLUMNS.len()],
        };
        row.cell(0, |text| digits::push(text, flow.flow.into()));
        row.cell(1, |text| flow.initiator.push_to(text));
        row.cell(2, |text| flow.responder.push_to(text));
        row.cell(3, |_| {});
        row.cell(4, |text| units::push_nanos(text, flow.duration_ns()));
        row.cell(5, |text| units::push_count(text, i.packets.into()));
        row.cell(6, |text| units::push_count(text, r.packets.into()));
        row.cell(7, |text| units::push_amount(text, i.unique_bytes));
        row.cell(8, |text| units::push_amount(text, r.unique_bytes));
        row.cell(9, |text| match rtt(flow) {
            Some(ns) => units::push_nanos(text, ns),
            None => text.push_str(if style.unicode { "–" } else { "-" }),
        });
        row.cell(10, |text| text.push_str(flow.shape.name()));
        row.cell(11, |text| text.push_str(&flow.history));
        row
    }

    fn cell(&mut self, at: usize, push: impl FnOnce(&mut String)) {
        push(&mut self.text);
        self.ends[at] = self.text.len() as u16;
    }

    fn cells<'a>(&'a self, start: &'a str) -> [&'a str; COLUMNS.len()] {
        std::array::from_fn(|at| match at {
            3 => start,
            0 => self
                .text
                .get(..usize::from(self.ends[0]))
                .unwrap_or_default(),
            _ => {
                let (from, to) = (usize::from(self.ends[at - 1]), usize::from(self.ends[at]));
                self.text.get(from..to).unwrap_or_default()
            }
        })
    }
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
            Event::Flow(flow) => self.hold(flow, out),
            Event::Finding(finding) => {
                self.tell(finding);
                Ok(())
            }
            Event::Notice(notice) => {
                self.show_all(out)?;
                writeln!(out, "{}", self.style.paint(Paint::Caution, notice))
            }
            Event::End(end) => {
                self.show_all(out)?;
                if self.shown == 0 {
                    writeln!(out, "{}", self.style.nothing(end.frames))?;
                }
                match &end.truncated {
                    Some(what) => writeln!(out, "the capture ends early: {}", text::escape(what)),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
