//! What the keys do.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::lines::{boxed, said, span};
use crate::tui::keys::KEYS;
use crate::tui::model::Model;
use crate::view::{Paint, text};

/// Columns of the keys, and of all of it: with one column of lines, and with two.
const KEYS_WIDE: usize = 12;
const NARROW: u16 = 62;
const TWICE: u16 = 118;

/// A line of the help: a subject, or keys and what they do.
enum Row {
    Subject(&'static str),
    Binding(&'static str, String),
}

/// Where it stands, and what stands in each of its columns.
fn layout(model: &Model) -> (Rect, Vec<Vec<Row>>) {
    let size = model.size;
    let whole = Rect::new(0, 0, size.0, size.1);
    let one = rows(model, usize::from(NARROW.min(size.0)).saturating_sub(2));
    let inside = usize::from(size.1.saturating_sub(2));
    let columns = if one.iter().map(Vec::len).sum::<usize>() <= inside || size.0 < NARROW {
        vec![one.into_iter().flatten().collect()]
    } else {
        let width = usize::from(TWICE.min(size.0) - 2) / 2;
        split(rows(model, width.saturating_sub(1)))
    };
    let width = if columns.len() == 1 { NARROW } else { TWICE }.min(size.0);
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0) as u16;
    let height = (longest + 2).min(size.1);
    let place = whole.centered(Constraint::Length(width), Constraint::Length(height));
    (place, columns)
}

/// The lines of each subject, wrapped to that width.
fn rows(model: &Model, width: usize) -> Vec<Vec<Row>> {
    let room = width.saturating_sub(KEYS_WIDE + 2);
    let of = |(subject, bindings): &(&'static str, &'static [crate::tui::keys::Binding])| {
        let mut rows = vec![Row::Subject(subject)];
        for binding in *bindings {
            let lines = text::wrap(&said(model, binding.help), room);
            for (at, line) in lines.into_iter().enumerate() {
                rows.push(Row::Binding(if at == 0 { binding.shown } else { "" }, line));
            }
        }
        rows
    };
    KEYS.iter().map(of).collect()
}

/// Two columns, as equally long as subjects allow that stay whole.
fn split(subjects: Vec<Vec<Row>>) -> Vec<Vec<Row>> {
    let all: usize = subjects.iter().map(Vec::len).sum();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for subject in subjects {
        let taller = (first.len() + subject.len()).abs_diff(all.div_ceil(2));
        if second.is_empty() && taller <= first.len().abs_diff(all.div_ceil(2)) {
            first.extend(subject);
        } else {
            second.extend(subject);
        }
    }
    vec![first, second]
}

/// How many of its lines do not fit on the screen.
pub(in crate::tui) fn overhang(model: &Model) -> u16 {
    let (place, columns) = layout(model);
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0) as u16;
    longest.saturating_sub(place.height.saturating_sub(2))
}

/// Draws the table of keys over the rest.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let (place, columns) = layout(model);
    let over = overhang(model);
    frame.render_widget(Clear, place);
    let mut block = boxed(model, "keys");
    if over > 0 {
        let more = if model.help_top < over {
            " ↓ more "
        } else {
            " ↑ more "
        };
        block = block.title_bottom(said(model, more));
    }
    let inside = block.inner(place);
    frame.render_widget(block, place);
    let parts = Layout::horizontal(columns.iter().map(|_| Constraint::Fill(1))).split(inside);
    for (rows, part) in columns.iter().zip(parts.iter()) {
        let lines: Vec<Line<'_>> = rows.iter().map(|row| line(model, row)).collect();
        let paragraph = Paragraph::new(lines).scroll((model.help_top.min(over), 0));
        frame.render_widget(paragraph, *part);
    }
}

fn line(model: &Model, row: &Row) -> Line<'static> {
    match row {
        Row::Subject(subject) => Line::from(span(model, Paint::Strong, *subject)),
        Row::Binding(keys, help) => {
            let keys = said(model, keys);
            let pad = KEYS_WIDE.saturating_sub(text::width(&keys));
            let keys = format!(" {keys}{} ", " ".repeat(pad));
            Line::from(vec![
                span(model, Paint::State, keys),
                span(model, Paint::Plain, help.clone()),
            ])
        }
    }
}
