//! The rows of a segment: its arrow, the states it changes, and what is to be said of it.

use std::io::{self, Write};

use super::label::{self, Fitted, Piece};
use super::remark;
use super::{Ladder, Pen};
use crate::event::{Kind, Segment, Side, units};
use crate::frame::Timestamp;
use crate::view::{Paint, text};

/// Columns an arrow needs beside its label: tail, two spaces, one piece of shaft, head.
const ARROW: usize = 5;

impl Ladder {
    /// Starts a row with frame number, time and the gap before it.
    pub(super) fn gutter(&mut self, frame: u64, time: Timestamp, flow: Option<u32>) {
        let start = self.start.unwrap_or(time);
        let at = units::seconds(time.nanos_since(start));
        let gap = match time.nanos_since(self.latest) {
            0 => String::new(),
            ns => format!("+{}", units::nanos(ns)),
        };
        self.latest = time;
        self.rows += 1;
        self.drawn = true;
        let (style, layout) = (&self.style, self.layout);
        let pen = self.pen.clear();
        pen.put(style, Paint::Dim, &format!("{frame:>5} "));
        pen.plain(&format!("{at:>9} "));
        if layout.gaps {
            pen.put(style, Paint::Dim, &format!("{gap:>7} "));
        }
        if layout.tagged {
            let tag = flow.map(|flow| format!("#{flow}")).unwrap_or_default();
            pen.put(style, flow_paint(flow), &format!("{tag:<3} "));
        }
    }

    /// The rows of one segment.
    pub(super) fn row(&mut self, s: &Segment<'_>, out: &mut dyn Write) -> io::Result<()> {
        let all = self.style.all;
        let known = self.known.entry(s.flow).or_default();
        let remarks = remark::remarks(s.notes, &mut known.said, all);
        self.gutter(s.frame, s.time, Some(s.flow));
        let fitted = label::fitted(s, &remarks, &self.style, self.room());
        let inline = self.arrow(s, fitted);
        self.meter(s);
        // What goes into the panel at the right, or under the arrow.
        let mut says: Vec<(Paint, String)> = Vec::new();
        for (at, remark) in remarks.iter().enumerate() {
            match &remark.why {
                Some(why) => says.push((remark.paint, format!("{}: {why}", remark.tag))),
                None if !inline.contains(&at) => says.push((remark.paint, remark.tag.clone())),
                None => {}
            }
        }
        let differing = s.wireshark.filter(|wireshark| wireshark.differs);
        says.extend(differing.map(|wireshark| (Paint::Dim, format!("Wireshark {wireshark}"))));
        // What only the capture falls short of is no news: it says so at its end.
        let broken = s
            .packet
            .problems
            .iter()
            .filter(|problem| problem.rfc().is_some());
        says.extend(broken.map(|problem| (Paint::Caution, format!("packet: {problem}"))));
        says.extend(s.comment.map(|comment| {
            (
                Paint::Good,
                format!("comment: {}", text::escape_bytes(comment)),
            )
        }));
        if self.layout.panel > 0 {
            self.with_panel(s, &says, out)
        } else {
            self.with_notes_below(s, &says, out)
        }
    }

    /// Columns for what an arrow says.
    pub(super) const fn room(&self) -> usize {
        self.layout.inner.saturating_sub(ARROW)
    }

    /// The arrow with what it says; which remarks found a place on it.
    pub(super) fn arrow(&mut self, s: &Segment<'_>, fitted: Fitted) -> Vec<usize> {
        let (glyphs, layout) = (self.glyphs(), self.layout);
        let style = &self.style;
        let Fitted {
            pieces,
            tags,
            inline,
        } = fitted;
        let width = label::width;
        let again = s.notes.iter().any(|n| n.kind == Kind::Retransmission);
        let loud = s
            .notes
            .iter()
            .map(|n| Paint::of(n.kind))
            .find(|p| *p == Paint::Trouble);
        let from_left = s.dir.0 == Side::Initiator;
        let own = if from_left {
            Paint::Initiator
        } else {
            Paint::Responder
        };
        let arrow = Arrow {
            shaft: if again { glyphs.again } else { glyphs.shaft },
            paint: loud.unwrap_or(if s.is_pure_ack() { Paint::Dim } else { own }),
        };
        let end = layout.gutter + 1 + layout.inner;
        let pen = &mut self.pen;
        if from_left {
            pen.put(style, Paint::Dim, &glyphs.tail_left.to_string());
            pen.run(style, arrow.paint, arrow.shaft, 1).plain(" ");
            put_all(pen, style, &pieces);
            let tag_width = width(&tags) + tags.len();
            let shaft = end.saturating_sub(pen.used() + tag_width + 1);
            let (before, after) = if tags.is_empty() {
                (shaft, 0)
            } else {
                (shaft.saturating_sub(1), 1)
            };
            pen.run(style, arrow.paint, arrow.shaft, before);
            for tag in &tags {
                pen.plain(" ").put(style, tag.0, &tag.1).plain(" ");
            }
            pen.run(style, arrow.paint, arrow.shaft, after);
            pen.put(style, arrow.paint, &glyphs.head_right.to_string());
            pen.put(style, Paint::Dim, &glyphs.line.to_string());
        } else {
            pen.put(style, Paint::Dim, &glyphs.line.to_string());
            pen.put(style, arrow.paint, &glyphs.head_left.to_string());
            if !tags.is_empty() {
                pen.run(style, arrow.paint, arrow.shaft, 1);
            }
            for tag in &tags {
                pen.plain(" ").put(style, tag.0, &tag.1).plain(" ");
            }
            let label = width(&pieces) + 2;
            let shaft = end.saturating_sub(pen.used() + label);
            pen.run(style, arrow.paint, arrow.shaft, shaft).plain(" ");
            put_all(pen, style, &pieces);
            pen.run(style, arrow.paint, arrow.shaft, 1);
            pen.put(style, Paint::Dim, &glyphs.tail_right.to_string());
        }
        inline
    }

    /// How much of the receiver's window the bytes in flight fill.
    pub(super) fn meter(&mut self, s: &Segment<'_>) {
        let (glyphs, layout, style) = (self.glyphs(), self.layout, &self.style);
        let Some(window) = s
            .flight_window
            .filter(|_| layout.meter > 0 && !s.flags.syn())
        else {
            return;
        };
        let closed = window == 0;
        if !closed && s.in_flight == 0 {
            return;
        }
        let pen = self.pen.plain(" ");
        if closed {
            pen.put(style, Paint::Trouble, &text::fit("closed", layout.meter));
        } else {
            let share = (u64::from(s.in_flight) * layout.meter as u64).div_ceil(u64::from(window));
            let cells = (share as usize).min(layout.meter);
            let full = s.in_flight >= window;
            pen.run(
                style,
                if full { Paint::Trouble } else { Paint::Plain },
                glyphs.full,
                cells,
            );
            pen.run(style, Paint::Dim, glyphs.free, layout.meter - cells);
        }
        if layout.amounts() && !closed {
            let amounts = format!(
                "{} of {}",
                units::amount(s.in_flight.into()),
                units::amount(window.into())
            );
            pen.pad_to(layout.gutter + layout.inner + 2 + 1 + layout.meter + 1);
            pen.put(style, Paint::Dim, &amounts);
        }
    }

    /// States of either host that this segment changed, as words inside the ladder: in one row, or where that
    /// has no room for both, in two.
    fn states(&self, s: &Segment<'_>) -> Vec<[&'static str; 2]> {
        let changed = |side: usize| {
            if s.state_before[side] == s.state[side] {
                ""
            } else {
                s.state[side].name()
            }
        };
        let names = [changed(0), changed(1)];
        let [left, right] = names;
        match (left, right) {
            ("", "") => Vec::new(),
            ("", _) | (_, "") => vec![names],
            _ if text::width(left) + text::width(right) + 3 <= self.layout.inner => vec![names],
            _ => vec![[left, ""], ["", right]],
        }
    }

    /// A row without an arrow: the hosts' lines, and states if there are any.
    fn rungs(&mut self, states: Option<[&'static str; 2]>) {
        let (glyphs, layout, style) = (self.glyphs(), self.layout, &self.style);
        let line = glyphs.line.to_string();
        let [left, right] = states.unwrap_or_default();
        let pen = self.pen.clear().pad_to(layout.gutter);
        pen.put(style, Paint::Dim, &line)
            .plain(" ")
            .put(style, Paint::State, left);
        pen.pad_to((layout.gutter + layout.inner).saturating_sub(text::width(right)));
        pen.put(style, Paint::State, right)
            .plain(" ")
            .put(style, Paint::Dim, &line);
    }

    /// Finishes the arrow's row, then states, then notes under it.
    fn with_notes_below(
        &mut self,
        s: &Segment<'_>,
        says: &[Piece],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "{}", self.pen.finish())?;
        for states in self.states(s) {
            self.rungs(Some(states));
            writeln!(out, "{}", self.pen.finish())?;
        }
        let (glyphs, layout) = (self.glyphs(), self.layout);
        let room = layout.width.saturating_sub(layout.gutter + 4);
        for (paint, says) in says {
            for (at, line) in text::wrap(says, room).iter().enumerate() {
                let style = &self.style;
                let pen = self.pen.clear().pad_to(layout.gutter);
                pen.put(style, Paint::Dim, &glyphs.line.to_string());
                put_says(pen, style, *paint, line, at == 0);
                writeln!(out, "{}", pen.finish())?;
            }
        }
        Ok(())
    }

    /// Finishes the arrow's row with the first line of the panel, and goes on with both.
    fn with_panel(
        &mut self,
        s: &Segment<'_>,
        says: &[Piece],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let layout = self.layout;
        let column = layout.width - layout.panel;
        let mut panel: Vec<(Paint, String, bool)> = Vec::new();
        for (paint, says) in says {
            let lines = text::wrap(says, layout.panel.saturating_sub(2));
            panel.extend(
                lines
                    .into_iter()
                    .enumerate()
                    .map(|(at, line)| (*paint, line, at == 0)),
            );
        }
        if let Some(rtt) = s.rtt.filter(|_| panel.is_empty()) {
            let style = &self.style;
            let text = format!("  rtt {} (frame {})", units::nanos(rtt.ns), rtt.acks_frame);
            self.pen.pad_to(column).put(style, Paint::Dim, &text);
        }
        let mut panel = panel.iter();
        let mut states = self.states(s).into_iter();
        let mut first = true;
        loop {
            let line = panel.next();
            let state = if first { None } else { states.next() };
            if !first {
                if line.is_none() && state.is_none() {
                    return Ok(());
                }
                self.rungs(state);
            }
            first = false;
            if let Some((paint, line, start)) = line {
                self.pen.pad_to(column.saturating_sub(1));
                put_says(&mut self.pen, &self.style, *paint, line, *start);
            }
            writeln!(out, "{}", self.pen.finish())?;
        }
    }
}

/// The look of an arrow.
struct Arrow {
    shaft: char,
    paint: Paint,
}

/// Pieces with a space after each.
pub(super) fn put_all(pen: &mut Pen, style: &crate::view::Style, pieces: &[Piece]) {
    for (paint, piece) in pieces {
        pen.put(style, *paint, piece).plain(" ");
    }
}

/// A line of a note; the first one with a mark, and its name in colour.
pub(super) fn put_says(
    pen: &mut Pen,
    style: &crate::view::Style,
    paint: Paint,
    line: &str,
    first: bool,
) {
    if !first {
        pen.plain("   ").plain(line);
        return;
    }
    let mark = match (paint, style.unicode) {
        (Paint::Trouble, _) => " ! ",
        (Paint::Good, true) => " » ",
        (_, true) => " • ",
        (_, false) => " * ",
    };
    pen.put(style, paint, mark);
    match line.split_once(": ") {
        Some((tag, rest)) => {
            pen.put(style, paint, tag).plain(": ").plain(rest);
        }
        None => {
            pen.put(style, paint, line);
        }
    }
}

/// Connections take turns with a few colours, so that a row's tag is told at a glance.
pub(super) fn flow_paint(flow: Option<u32>) -> Paint {
    const TURNS: [Paint; 4] = [Paint::Strong, Paint::State, Paint::Caution, Paint::Good];
    flow.map_or(Paint::Dim, |flow| TURNS[flow as usize % TURNS.len()])
}
