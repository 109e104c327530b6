//! One row of the ladder of both ends by itself, for the stepping screen.

use std::io::{self, Write};

use super::super::Bulk;
use super::super::remark::{self, Kinds};
use super::aside::{self, Says};
use super::{Both, BothEnds, Layout, Paint, Style, calls, stops};
use crate::event::{Call, Event, Figures, units};
use crate::frame::Timestamp;
use crate::view::text;

/// Columns that a call takes at most where all of it is told.
const LONGEST: usize = 2000;

/// Draws rows, each a single line.
#[derive(Debug)]
pub struct BothLines {
    both: Both,
}

impl BothLines {
    /// In that style; `tagged` says on each row which connection it is of, and times count from `start`.
    pub fn new(style: Style, shows: BothEnds, tagged: bool, start: Option<Timestamp>) -> Self {
        let mut both = Both::new(style, shows);
        // The kernels' figures have a pane of their own, and columns without a heading would tell nobody anything.
        both.layout = Layout::new(both.style.width, tagged, false);
        both.begun = start;
        both.terse = true;
        Self { both }
    }

    /// Columns of the two hosts' lines.
    pub const fn columns(&self) -> (usize, usize) {
        (self.both.layout.left, self.both.layout.right())
    }

    /// The row of an event; empty for what has no row.
    pub fn line(&mut self, event: &Event<'_>) -> &str {
        let both = &mut self.both;
        both.pen.clear();
        match event {
            Event::Passage(passage) => {
                let mut remarks = [Vec::new(), Vec::new()];
                for (host, stop) in stops(passage) {
                    let said = remark::remarks(stop.notes, &mut Kinds::default(), false);
                    remarks[host.index()] = said;
                }
                for remark in remarks.iter_mut().flatten() {
                    remark.why = None;
                }
                both.line(passage, &remarks);
            }
            Event::Call(call) => {
                let words = aside::call(call, &both.style, both.layout.inner.saturating_sub(2));
                let paint = if call.errno.is_some() {
                    Paint::Trouble
                } else {
                    Paint::Good
                };
                both.at_host(call.host, call.time, paint, &words);
            }
            Event::Reading(reading) => {
                let words = aside::reading(reading, &both.style);
                both.at_host(reading.host, reading.time, Paint::State, &words);
            }
            _ => {}
        }
        both.pen.finish()
    }

    /// The row that stands for many.
    pub fn folded(&mut self, bulk: &Bulk) -> &str {
        let both = &mut self.both;
        let (glyphs, layout, style) = (both.glyphs(), both.layout, &both.style);
        let line = glyphs.fold.to_string();
        let text = bulk.text([glyphs.to, glyphs.from]);
        let text = text::fit(&text, layout.inner.saturating_sub(2));
        let pen = both.pen.clear().pad_to(layout.left);
        pen.put(style, Paint::Dim, &line).plain(" ");
        pen.put(style, Paint::Dim, &text);
        pen.pad_to(layout.right()).put(style, Paint::Dim, &line);
        pen.finish()
    }

    /// What became of a packet on its way and why, and what changed of it, a line each; nothing where it simply
    /// arrived.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn fate(&self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Event::Passage(passage) = event else {
            return Ok(());
        };
        let (style, to) = (&self.both.style, self.both.glyphs().to);
        let mut says = Says::default();
        says.fate(passage);
        says.pieces(passage);
        let changes: Vec<_> = passage.changes.iter().map(|it| it.shown(to)).collect();
        says.changes(passage, &changes);
        says.problems(stops(passage));
        for (_, paint, what) in says.0 {
            for line in text::wrap(&what, usize::from(style.width).max(20)) {
                writeln!(out, "{}", style.paint(paint, line))?;
            }
        }
        Ok(())
    }

    /// What else is to be said of an event, a line each: how long a packet took and what the kernels at both ends had
    /// in mind then; what a call is for.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn aside(&self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Event::Reading(reading) = event {
            let style = &self.both.style;
            let heading = format!("What the {}'s kernel has in mind:", reading.host);
            writeln!(out, "{}", style.paint(Paint::Strong, heading))?;
            let width = usize::from(style.width).max(20);
            let mut lines = text::wrap(&aside::reading(reading, style), width);
            lines.extend(text::wrap(
                reading.because.map_or("", |because| because.words()),
                width,
            ));
            for line in lines.iter().filter(|line| !line.is_empty()) {
                writeln!(out, "{}", self.both.style.paint(Paint::State, line))?;
            }
            return Ok(());
        }
        if let Event::Call(call) = event {
            return self.call(call, out);
        }
        let Event::Passage(passage) = event else {
            return Ok(());
        };
        let style = &self.both.style;
        if let Some(ns) = passage.one_way_ns {
            writeln!(out, "{} from one host to the other", units::nanos(ns))?;
        }
        for (host, stop) in stops(passage) {
            if let Some(figures) = stop.figures {
                let what = format!("the {host}'s kernel then: {}", in_words(&figures));
                for line in text::wrap(&what, usize::from(style.width).max(20)) {
                    writeln!(out, "{}", style.paint(Paint::State, line))?;
                }
            }
        }
        Ok(())
    }
}

impl BothLines {
    /// All of a call, and what it is for.
    fn call(&self, call: &Call<'_>, out: &mut dyn Write) -> io::Result<()> {
        let style = &self.both.style;
        let width = usize::from(style.width).max(20);
        let heading = format!("A call of the {}'s program:", call.host);
        writeln!(out, "{}", style.paint(Paint::Strong, heading))?;
        let paint = if call.errno.is_some() {
            Paint::Trouble
        } else {
            Paint::Good
        };
        for line in text::wrap(&aside::call(call, style, LONGEST), width - 2) {
            writeln!(out, "  {}", style.paint(paint, line))?;
        }
        for line in text::wrap(&calls::words(call).join(" "), width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// What a kernel had in mind, as far as it is known.
fn in_words(figures: &Figures) -> String {
    let segments = |name: &str, n: Option<u32>| n.map(|n| format!("{name} {n}"));
    let bytes = |name: &str, n: Option<u64>| n.map(|n| format!("{name} {}", units::bytes(n)));
    let parts = [
        segments("cwnd", figures.cwnd),
        segments("ssthresh", figures.ssthresh),
        segments("unacknowledged", figures.unacked),
        figures.mood.map(str::to_owned),
        figures.rto_ns.map(|ns| format!("rto {}", units::nanos(ns))),
        bytes("send queue", figures.send_queue),
        bytes("receive queue", figures.recv_queue),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
