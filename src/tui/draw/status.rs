//! The first line and the last one.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::lines::span;
use crate::event::units;
use crate::tui::model::Model;
use crate::view::{Paint, text};

/// What is looked at, and where in it we are.
pub(super) fn title(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let title = text::escape(&model.look.title).into_owned();
    frame.render_widget(Line::from(span(model, Paint::Strong, title)), area);
    let extent = model.extent;
    let place = match extent.rows {
        0 if extent.complete => "nothing in it".to_owned(),
        0 => String::new(),
        rows => format!(
            "{} of {}",
            units::count(model.cursor + 1),
            units::count(rows)
        ),
    };
    let reading = match (extent.complete, extent.total) {
        (true, _) => String::new(),
        (false, Some(total)) if total > 0 => {
            format!(
                " and more, {} % read",
                extent.read.saturating_mul(100) / total
            )
        }
        (false, _) => " so far".to_owned(),
    };
    let place = span(model, Paint::Dim, place + &reading);
    frame.render_widget(Line::from(place).alignment(Alignment::Right), area);
}

/// What can be done, or what there is to say.
pub(super) fn bar(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let text = match &model.notice {
        Some(notice) => span(model, Paint::Caution, text::escape(notice)),
        None => span(
            model,
            Paint::Dim,
            "↓ next  ↑ back  Tab other pane  ? all keys  q quit",
        ),
    };
    let line = Line::from(text);
    let line = if model.notice.is_some() {
        line.bold()
    } else {
        line
    };
    frame.render_widget(line, area);
}
