//! The ladder: two hosts as columns, time running down, an arrow for each segment.
//!
//! It is made to be read from the top by someone who has not seen TCP before: what is sent stands
//! on the arrow, what it changes stands at the host where it changes, and what is remarkable is
//! said in words next to it. Runs of segments with nothing remarkable are folded.

mod both;
mod bulk;
mod fold;
mod heading;
mod label;
mod layout;
mod line;
mod pen;
mod remark;
mod row;

use std::collections::HashMap;
use std::io::{self, Write};

pub(super) use both::Both;
pub use both::{BothEnds, BothLines};
pub use bulk::{Bulk, is_bulk};
use fold::{Fold, Left, Turn};
use heading::Flowing;
use layout::Layout;
pub use line::LadderLines;
use pen::{Glyphs, Pen, glyphs};
use remark::Kinds;
pub use remark::tag;

use super::{Paint, Style, View, text};
use crate::decode::Packet;
use crate::event::{Event, Flow, Kind, Phase, Segment, units};
use crate::frame::{Frame, Timestamp};
use crate::wire::tcp::{Flags, TcpOptions};

/// After so many rows of other connections, a connection's heading is shown again.
const HEADING_LASTS: u64 = 24;

/// What the ladder remembers of a connection while it lasts.
#[derive(Debug, Default)]
struct Known {
    phase: Option<Phase>,
    said: Kinds,
    /// What each side offered in its SYN.
    offers: [Option<TcpOptions>; 2],
    /// At which row its heading was last shown or its last row was.
    seen_at: u64,
}

/// The view.
#[derive(Debug)]
pub(super) struct Ladder {
    style: Style,
    layout: Layout,
    known: HashMap<u32, Known>,
    current: Option<u32>,
    /// Time of the first row and of the latest one.
    start: Option<Timestamp>,
    latest: Timestamp,
    rows: u64,
    fold: Fold,
    /// Whether the latest line is part of the drawing.
    drawn: bool,
    pen: Pen,
}

impl Ladder {
    pub(super) fn new(style: Style) -> Self {
        Self {
            layout: Layout::new(style.width, false),
            style,
            known: HashMap::new(),
            current: None,
            start: None,
            latest: Timestamp::default(),
            rows: 0,
            fold: Fold::default(),
            drawn: false,
            pen: Pen::default(),
        }
    }

    fn glyphs(&self) -> &'static Glyphs {
        glyphs(&self.style)
    }

    /// Whether nothing about this segment needs to be seen.
    fn is_uneventful(&self, s: &Segment<'_>) -> bool {
        let known = self.known.get(&s.flow);
        known.is_some_and(|known| {
            known.phase == Some(s.phase) && fold::is_unremarkable(s, known.said)
        })
    }

    fn segment(&mut self, s: &Segment<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.begin(s.time, out)?;
        if self.fold.is_over(s.time) {
            self.unfold(out)?;
        }
        let mut turn = Turn::Show;
        if !self.style.all {
            if self.is_uneventful(s) {
                turn = self.fold.segment(s);
            } else {
                self.unfold(out)?;
            }
        }
        if turn == Turn::Counted {
            return Ok(());
        }
        let mut text = Vec::new();
        if turn == Turn::Show {
            self.headings(s, &mut text)?;
        }
        self.row(s, &mut text)?;
        if turn == Turn::Keep {
            // What is kept is always a row by itself, as it was uneventful.
            self.fold.keep(String::from_utf8_lossy(&text).into_owned());
            return Ok(());
        }
        out.write_all(&text)
    }

    /// Remembers when it all began; the headline comes first.
    fn begin(&mut self, time: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        if self.start.is_some() {
            return Ok(());
        }
        (self.start, self.latest) = (Some(time), time);
        heading::headline(&self.style, out)
    }

    /// Shows what is left of the run that ends here.
    fn unfold(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let glyphs = self.glyphs();
        match self.fold.end([glyphs.to, glyphs.from]) {
            Left::Nothing => Ok(()),
            Left::Rows(rows) => rows
                .iter()
                .try_for_each(|row| out.write_all(row.as_bytes())),
            Left::Folded { frames, text } => self.folded(frames, &text, out),
        }
    }

    fn folded(&mut self, frames: (u64, u64), what: &str, out: &mut dyn Write) -> io::Result<()> {
        let (glyphs, layout, style) = (self.glyphs(), self.layout, &self.style);
        let pen = self.pen.clear();
        let range = format!("{}-{}", frames.0, frames.1);
        pen.put(style, Paint::Dim, &format!("{range:>5}"))
            .pad_to(layout.gutter);
        pen.put(style, Paint::Dim, &glyphs.fold.to_string());
        let room = layout.inner.saturating_sub(2);
        let mut what = format!("{what} (--all unfolds)");
        if text::width(&what) > room {
            what.truncate(what.len() - " (--all unfolds)".len());
        }
        pen.plain(" ")
            .put(style, Paint::Dim, &text::fit(&what, room));
        pen.pad_to(layout.gutter + 1 + layout.inner);
        pen.put(style, Paint::Dim, &glyphs.fold.to_string());
        writeln!(out, "{}", pen.finish())
    }

    /// Says which connection this is and which phase it is in, when that is news.
    fn headings(&mut self, s: &Segment<'_>, out: &mut dyn Write) -> io::Result<()> {
        let new = !self.known.contains_key(&s.flow);
        if new && !self.known.is_empty() && !self.layout.tagged {
            self.layout = Layout::new(self.style.width, true);
        }
        let known = self.known.entry(s.flow).or_default();
        if s.flags.syn() && !s.options_cut {
            known.offers[s.dir.0.index()].get_or_insert(s.options);
        }
        let changed = self.current != Some(s.flow);
        let forgotten = self.rows.saturating_sub(known.seen_at) > HEADING_LASTS;
        let heading = new || (changed && forgotten);
        let before = known.phase.replace(s.phase);
        let phase = (before != Some(s.phase)).then_some(s.phase);
        known.seen_at = self.rows;
        self.current = Some(s.flow);
        if heading {
            self.hosts(s, out)?;
        }
        if let Some(phase) = phase {
            self.phase(s.flow, phase, out)?;
        }
        Ok(())
    }

    /// The two hosts at the top of their columns.
    fn hosts(&mut self, s: &Segment<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (left, right) = match s.dir.0.index() {
            0 => (s.src, s.dst),
            _ => (s.dst, s.src),
        };
        let (left, right) = (left.to_string(), right.to_string());
        if self.rows > 0 {
            writeln!(out)?;
        }
        let (style, layout) = (&self.style, self.layout);
        let edge = layout.gutter + layout.inner + 2;
        let pen = self.pen.clear();
        let gap = if layout.gaps { "     gap" } else { "" };
        pen.put(style, Paint::Dim, &format!("frame   seconds{gap}"));
        if layout.tagged {
            pen.put(style, Paint::Strong, &format!(" #{}", s.flow));
        }
        let body = edge - layout.gutter;
        let one_line = left.len() + right.len() + 2 <= body && pen.used() < layout.gutter;
        pen.pad_to(layout.gutter)
            .put(style, Paint::Initiator, &left);
        if !one_line {
            writeln!(out, "{}", pen.finish())?;
            pen.clear();
        }
        pen.pad_to(edge.saturating_sub(right.len()));
        pen.put(style, Paint::Responder, &right);
        if layout.meter > 0 && pen.used() <= edge {
            pen.pad_to(edge + 1);
            let words = if layout.amounts() {
                "in flight of window"
            } else {
                "window"
            };
            pen.put(style, Paint::Dim, words);
        }
        writeln!(out, "{}", pen.finish())
    }

    /// A thin line with the phase's name, and what was agreed when the transfer begins.
    fn phase(&mut self, flow: u32, phase: Phase, out: &mut dyn Write) -> io::Result<()> {
        let offers = self.known.get(&flow).map(|known| known.offers);
        let tag = self.layout.tagged.then_some(flow);
        heading::phase(&mut self.pen, &self.style, tag, phase, offers);
        writeln!(out, "{}", self.pen.finish())
    }

    fn packet(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.begin(frame.time, out)?;
        if self.fold.is_over(frame.time) {
            self.unfold(out)?;
        }
        let turn = if self.style.all {
            Turn::Show
        } else {
            self.fold.packet(frame.number, frame.time)
        };
        if turn == Turn::Counted {
            return Ok(());
        }
        self.gutter(frame.number, frame.time, None);
        let room = self.layout.width - self.layout.gutter - 2;
        let summary = text::escape(&packet.summary()).into_owned();
        let indent = self.layout.gutter + 2;
        let mut row = String::new();
        for (at, line) in text::wrap(&summary, room).iter().enumerate() {
            if at > 0 {
                self.pen.clear().pad_to(self.layout.gutter);
            }
            self.pen.plain("  ").put(&self.style, Paint::Dim, line);
            row.push_str(self.pen.finish());
            row.push('\n');
        }
        for problem in packet
            .problems
            .iter()
            .filter(|problem| problem.rfc().is_some())
        {
            for line in text::wrap(&format!("! {problem}"), self.layout.width - indent) {
                let line = self.style.paint(Paint::Caution, line);
                row.push_str(&" ".repeat(indent));
                row.push_str(&line.to_string());
                row.push('\n');
            }
        }
        if turn == Turn::Keep {
            self.fold.keep(row);
            return Ok(());
        }
        out.write_all(row.as_bytes())
    }

    /// How a connection ended, and how often what was noted.
    fn flow(&mut self, flow: &Flow, out: &mut dyn Write) -> io::Result<()> {
        self.unfold(out)?;
        self.known.remove(&flow.flow);
        // A line of air between the last arrow and what became of it all.
        if std::mem::take(&mut self.drawn) {
            writeln!(out)?;
        }
        let glyphs = self.glyphs();
        let style = &self.style;
        let bytes: Vec<String> = [(0, glyphs.to), (1, glyphs.from)]
            .iter()
            .map(|&(side, arrow)| {
                format!(
                    "{} {arrow}",
                    units::plural(flow.stats[side].unique_bytes, "byte")
                )
            })
            .collect();
        let what = format!(
            "{}. {} in {}, {}.",
            flow.shape.meaning(),
            units::plural(flow.packets(), "segment"),
            units::nanos(flow.duration_ns()),
            bytes.join(", "),
        );
        let mut noted = Vec::new();
        for &kind in Kind::ALL {
            let count = flow.notes[0].of(kind) + flow.notes[1].of(kind);
            if count > 0 {
                noted.push((kind, count));
            }
        }
        let title = format!("connection {}: ", flow.flow);
        let pen = self.pen.clear();
        pen.put(style, Paint::Strong, &title);
        let mut line = Flowing {
            out,
            pen,
            style,
            width: self.layout.width,
        };
        for word in what.split(' ') {
            line.word(Paint::Plain, word)?;
        }
        if !noted.is_empty() {
            line.word(Paint::Plain, "Noted:")?;
        }
        for (at, (kind, count)) in noted.iter().enumerate() {
            let end = if at + 1 == noted.len() { '.' } else { ',' };
            line.word(
                Paint::of(*kind),
                &format!("{kind}\u{a0}{}{end}", units::count((*count).into())),
            )?;
        }
        for caveat in flow.caveats() {
            for word in caveat.split(' ') {
                line.word(Paint::Caution, word)?;
            }
        }
        line.end()
    }
}

impl View for Ladder {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Segment(segment) => self.segment(segment, out),
            Event::Packet(frame, packet) => self.packet(frame, packet, out),
            Event::Flow(flow) => self.flow(flow, out),
            Event::Notice(notice) => {
                self.unfold(out)?;
                writeln!(out, "{}", self.style.paint(Paint::Caution, notice))
            }
            Event::End(end) => {
                self.unfold(out)?;
                if let Some(what) = &end.truncated {
                    let what = format!("the capture ends early: {}", text::escape(what));
                    writeln!(out, "{}", self.style.paint(Paint::Caution, what))?;
                }
                if self.start.is_none() {
                    writeln!(out, "{}", self.style.nothing(end.frames))?;
                }
                Ok(())
            }
            // Findings are told elsewhere, and both ends are drawn by a ladder of their own.
            _ => Ok(()),
        }
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.unfold(out)
    }
}

/// What a segment says, flags first, in `room` columns: for who shows it in another place than a ladder.
pub(super) fn caption(s: &Segment<'_>, style: &Style, room: usize) -> Vec<(Paint, String)> {
    label::label(s, style, room)
}

/// Flags as words: `SYN ACK`.
pub(super) fn flags(flags: Flags) -> String {
    label::flags(flags)
}

#[cfg(test)]
mod tests;
