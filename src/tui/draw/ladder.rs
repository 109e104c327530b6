//! The ladder: a row for each segment, the one looked at marked.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::Areas;
use super::lines::span;
use super::rungs::Rungs;
use crate::event::Side;
use crate::tui::model::Model;
use crate::view::Paint;

/// Draws the hosts and the rows.
pub(super) fn draw(model: &Model, areas: Areas, frame: &mut Frame<'_>) {
    let area = areas.ladder;
    let mut rungs = Rungs::new(model, area.width, model.flow.is_none());
    hosts(model, &rungs, areas.hosts, frame);
    let mut before = model
        .top
        .checked_sub(1)
        .and_then(|row| model.pages.row(row))
        .map(|row| row.time);
    for (at, row) in (model.top..).take(usize::from(area.height)).enumerate() {
        let place = Rect::new(area.x, area.y + at as u16, area.width, 1);
        let Some(kept) = model.pages.row(row) else {
            if row < model.extent.rows {
                frame.render_widget(span(model, Paint::Dim, "…"), place);
            }
            continue;
        };
        let drawn = rungs.line(kept, before);
        before = Some(kept.time);
        let drawn = if row == model.cursor {
            drawn.reversed()
        } else {
            drawn
        };
        frame.render_widget(drawn, place);
    }
}

/// The two hosts above their columns.
fn hosts(model: &Model, rungs: &Rungs, area: Rect, frame: &mut Frame<'_>) {
    let Some(segment) = model.current().and_then(|row| row.segment()) else {
        return;
    };
    let (left, right) = match segment.dir.0 {
        Side::Initiator => (segment.src, segment.dst),
        Side::Responder => (segment.dst, segment.src),
    };
    let (from, to) = rungs.columns();
    let (left, right) = (left.to_string(), right.to_string());
    let room = (to + 1).saturating_sub(from);
    let pad = room.saturating_sub(left.len() + right.len()).max(1);
    let line = Line::from(vec![
        span(model, Paint::Plain, " ".repeat(from)),
        span(model, Paint::Initiator, left),
        span(model, Paint::Plain, " ".repeat(pad)),
        span(model, Paint::Responder, right),
    ]);
    frame.render_widget(line, area);
}
