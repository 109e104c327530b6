//! The line in which is written what to look for, and above it what can be.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::lines::{said, span};
use crate::tui::line::Line as Written;
use crate::tui::model::Model;
use crate::view::{Paint, text};

const POSSIBLE: &str = "syn · fin-ack · retransmission · spurious · seq 1449, ack 1449: who has that byte, who reaches \
                        it; = 1449: just that · len > 1000 · window = 0 · frame 17 · port 80 · 10.0.0.1 · #3 · text \
                        GET; text get: either case · 0x474554 · problem · event; several: all of them; ↑ earlier ones";

/// Draws both over the last lines.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let prompt = &model.search.prompt;
    let mark = if prompt.back { "\\" } else { "/" };
    write(model, mark, &prompt.line, area, frame);
    let (paint, words) = match &prompt.wrong {
        Some(why) => (Paint::Caution, why.as_str()),
        None => (Paint::Dim, POSSIBLE),
    };
    let words = said(model, &text::escape(words));
    let lines = text::wrap(&words, area.width.into());
    let height = (lines.len() as u16).min(area.y);
    let above = Rect::new(area.x, area.y - height, area.width, height);
    frame.render_widget(Clear, above);
    let lines: Vec<Line<'_>> = lines
        .into_iter()
        .map(|line| Line::from(span(model, paint, line)))
        .collect();
    frame.render_widget(Paragraph::new(lines), above);
}

/// Draws a line that is being written, with the cursor in it.
pub(super) fn write(model: &Model, mark: &str, line: &Written, area: Rect, frame: &mut Frame<'_>) {
    frame.render_widget(Clear, area);
    let room = usize::from(area.width).saturating_sub(text::width(mark));
    let (seen, place) = line.seen(room);
    let whole = Line::from(vec![
        span(model, Paint::Strong, mark),
        span(model, Paint::Plain, seen),
    ]);
    frame.render_widget(whole, area);
    let column = area.x + (text::width(mark) + place) as u16;
    frame.set_cursor_position(Position::new(column.min(area.right() - 1), area.y));
}
