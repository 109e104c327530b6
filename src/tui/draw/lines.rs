//! Text as the views write it, as lines of the screen. What a view writes is escaped already; colours and nothing
//! else are taken from it.

use ansi_to_tui::IntoText;
use ratatui::text::{Line, Span, Text};

use crate::tui::model::Model;
use crate::view::{Paint, Style};

/// What a view wrote, as lines.
pub(super) fn text(written: &[u8]) -> Text<'static> {
    written
        .into_text()
        .unwrap_or_else(|_| Text::raw(String::from_utf8_lossy(written).into_owned()))
}

/// One line of it.
pub(super) fn line(written: &str) -> Line<'static> {
    text(written.as_bytes()).lines.pop().unwrap_or_default()
}

/// A piece of text in the look of its role.
pub(super) fn span(model: &Model, paint: Paint, text: impl std::fmt::Display) -> Span<'static> {
    let painted = model.look.style.paint(paint, text).to_string();
    line(&painted).spans.pop().unwrap_or_default()
}

/// The model's style at that width.
pub(super) fn style(model: &Model, width: u16) -> Style {
    Style {
        width,
        ..model.look.style.clone()
    }
}
