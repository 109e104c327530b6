//! The pane beside the ladder, or below it: why, or the bytes.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::lines;
use super::{bytes, place_of, why};
use crate::tui::model::{Model, Pane};
use crate::view::{self, Paint, text};

/// Where what it shows stands, below its heading.
pub(super) fn body(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area)
}

/// Draws its heading and what it shows of the row looked at.
pub(super) fn draw(model: &Model, pane: Pane, area: Rect, frame: &mut Frame<'_>) {
    let [heading, area] = body(area);
    let paint = if model.focus == pane {
        Paint::Strong
    } else {
        Paint::Dim
    };
    let more = match pane {
        Pane::Bytes => [bytes::heading(model), notes(model)],
        Pane::Why => [why::heading(model), String::new()],
        Pane::Ladder | Pane::Ends => [notes(model), String::new()],
    };
    let more = more.into_iter().filter(|more| !more.is_empty());
    let more = more.collect::<Vec<_>>().join(", ");
    let title = match more.as_str() {
        "" => pane.name().to_owned(),
        more => format!("{}: {more}", pane.name()),
    };
    frame.render_widget(lines::rule(model, paint, &title, heading.width), heading);
    let Some(row) = model.current() else {
        let words = nothing(model);
        let lines = text::wrap(words, area.width.into()).into_iter();
        let lines = lines.map(|line| Line::from(lines::span(model, Paint::Dim, line)));
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
        return;
    };
    match pane {
        Pane::Ends => super::ends::draw(model, row, area, frame),
        Pane::Bytes => bytes::draw(model, area, frame),
        _ => why::draw(model, area, frame),
    }
}

/// What there is to say where there is no row to look at.
const fn nothing(model: &Model) -> &'static str {
    match (model.extent.rows, model.extent.complete) {
        (0, true) => {
            "No packet: there is none in this capture, or none that fits what was asked for."
        }
        (0, false) if model.look.follows => "No packet so far.",
        _ => "",
    }
}

/// What the notes on the row looked at are called, and how to be told why: the ladder has seldom room for that.
fn notes(model: &Model) -> String {
    let tags: Vec<_> = model
        .current()
        .map(|row| row.notes.iter().map(view::tag).collect())
        .unwrap_or_default();
    match tags.as_slice() {
        [] => String::new(),
        tags if place_of(model, Pane::Why).is_some() => tags.join(", "),
        tags => format!("{}, v says why", tags.join(", ")),
    }
}
