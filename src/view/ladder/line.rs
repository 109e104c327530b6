//! One row of the ladder by itself, for who draws rows in any order: the stepping screen.

use super::layout::Layout;
use super::remark::{self, Kinds};
use super::{Bulk, Ladder, Paint, Style, label};
use crate::event::Event;
use crate::frame::Timestamp;
use crate::view::text;

/// Draws rows, each a single line: what is to be said of a segment beyond the names of its notes has another
/// place there.
#[derive(Debug)]
pub struct LadderLines {
    ladder: Ladder,
}

impl LadderLines {
    /// In that style; `tagged` says on each row which connection it is of, and times count from `start`.
    pub fn new(style: Style, tagged: bool, start: Option<Timestamp>) -> Self {
        let mut ladder = Ladder::new(style);
        ladder.layout = Layout::narrow(ladder.style.width, tagged);
        ladder.start = start;
        Self { ladder }
    }

    /// Columns between which the arrows run.
    pub const fn columns(&self) -> (usize, usize) {
        let layout = self.ladder.layout;
        (layout.gutter, layout.gutter + layout.inner + 1)
    }

    /// The row of an event that came after one at `before`; empty for what has no row.
    pub fn line(&mut self, event: &Event<'_>, before: Option<Timestamp>) -> &str {
        let ladder = &mut self.ladder;
        ladder.pen.clear();
        match event {
            Event::Segment(segment) => {
                ladder.latest = before.unwrap_or(segment.time);
                let mut remarks = remark::remarks(segment.notes, &mut Kinds::default(), false);
                for remark in &mut remarks {
                    remark.why = None;
                }
                ladder.gutter(segment.frame, segment.time, Some(segment.flow));
                let fitted = label::terse(segment, &remarks, &ladder.style, ladder.room());
                ladder.arrow(segment, fitted);
                ladder.meter(segment);
            }
            Event::Packet(frame, packet) => {
                ladder.latest = before.unwrap_or(frame.time);
                ladder.gutter(frame.number, frame.time, None);
                let room = ladder.layout.width.saturating_sub(ladder.layout.gutter + 2);
                let summary = text::escape(&packet.summary()).into_owned();
                let paint = if packet.problems.iter().any(|it| it.rfc().is_some()) {
                    Paint::Caution
                } else {
                    Paint::Dim
                };
                let summary = text::fit(&summary, room);
                ladder.pen.plain("  ").put(&ladder.style, paint, &summary);
            }
            _ => {}
        }
        ladder.pen.finish()
    }
    /// The row that stands for many.
    pub fn folded(&mut self, bulk: &Bulk) -> &str {
        let ladder = &mut self.ladder;
        let (glyphs, layout, style) = (ladder.glyphs(), ladder.layout, &ladder.style);
        let pen = ladder.pen.clear();
        let frames = format!("{}-{}", bulk.frames.0, bulk.frames.1);
        pen.put(style, Paint::Dim, &format!("{frames:>5}"))
            .pad_to(layout.gutter)
            .put(style, Paint::Dim, &glyphs.fold.to_string());
        let text = bulk.text([glyphs.to, glyphs.from]);
        let text = text::fit(&text, layout.inner.saturating_sub(2));
        pen.plain(" ").put(style, Paint::Dim, &text);
        pen.pad_to(layout.gutter + 1 + layout.inner).put(
            style,
            Paint::Dim,
            &glyphs.fold.to_string(),
        );
        pen.finish()
    }
}
