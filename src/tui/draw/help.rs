//! What the keys do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::lines::span;
use crate::tui::keys::KEYS;
use crate::tui::model::Model;
use crate::view::Paint;

/// Draws the table of keys over the rest.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let mut lines = Vec::new();
    for (subject, bindings) in KEYS {
        lines.push(Line::from(span(model, Paint::Strong, subject)));
        for binding in *bindings {
            let keys = format!("  {:<14}", binding.shown);
            lines.push(Line::from(vec![
                span(model, Paint::State, keys),
                span(model, Paint::Plain, binding.help),
            ]));
        }
    }
    let whole = frame.area();
    let width = 60.min(whole.width);
    let height = (lines.len() as u16 + 2).min(whole.height);
    let (x, y) = ((whole.width - width) / 2, (whole.height - height) / 2);
    let area = Rect::new(x, y, width, height);
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" keys ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
