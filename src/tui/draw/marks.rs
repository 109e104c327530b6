//! Marks beside the rows, and what is measured between them as a line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::lines::span;
use crate::event::units;
use crate::tui::model::Model;
use crate::view::{Paint, text};

/// Column of a mark: the blank between the number of the frame and the time.
const COLUMN: u16 = 5;

/// Draws the mark of a row, if it has one.
pub(super) fn gutter(model: &Model, row: u64, number: u64, place: Rect, frame: &mut Frame<'_>) {
    let Some(letter) = model.mark_on(row) else {
        return;
    };
    let wider = number.to_string().len().saturating_sub(COLUMN.into());
    let column = COLUMN.saturating_add(wider as u16);
    if column < place.width {
        let place = Rect::new(place.x + column, place.y, 1, 1);
        let mark = span(model, Paint::Strong, letter);
        let mark = if row == model.cursor {
            mark
        } else {
            mark.reversed()
        };
        frame.render_widget(mark, place);
    }
}

/// What there is from mark to mark, or from the mark to where we are.
pub(super) fn measured(model: &Model, width: u16) -> Option<Line<'static>> {
    let what = match model.marks() {
        [Some(_), Some(_)] => "a to b",
        [Some(mark), None] | [None, Some(mark)] if mark.row == model.cursor => {
            let text = format!(
                "frame {} is marked: go on to measure from it, m again marks the other end",
                mark.frame
            );
            return Some(span(model, Paint::State, text).into());
        }
        [Some(_), None] | [None, Some(_)] => "a to here",
        [None, None] => return None,
    };
    let Some(sum) = model.measured_now() else {
        return Some(span(model, Paint::Dim, format!("{what}: being added up")).into());
    };
    let arrows = if model.look.style.unicode {
        ["→", "←"]
    } else {
        ["->", "<-"]
    };
    let segments: u64 = sum.segments.iter().sum();
    let mut spans = vec![span(
        model,
        Paint::Strong,
        format!(
            "{what}: {}, {}",
            units::nanos(sum.duration_ns()),
            units::plural(segments, "segment")
        ),
    )];
    let mut room = usize::from(width).saturating_sub(text::width(&spans[0].content));
    let rates = sum.rates();
    // The most that fits of both directions.
    let long = |side: usize, by: u8| {
        let bytes = sum.bytes[side];
        let again = match sum.again[side] {
            0 => String::new(),
            again => format!(" ({} again)", units::count(again)),
        };
        let rate = match rates {
            Some(rates) if bytes > 0 => format!(" {}bit/s", units::amount(rates[side])),
            _ => String::new(),
        };
        match by {
            0 => format!("  {} {}{again}{rate}", arrows[side], units::bytes(bytes)),
            1 => format!("  {} {} B{rate}", arrows[side], units::count(bytes)),
            _ => format!("  {} {}B", arrows[side], units::amount(bytes)),
        }
    };
    let fits = |by: &u8| text::width(&long(0, *by)) + text::width(&long(1, *by)) <= room;
    let by = (0..2).find(fits).unwrap_or(2);
    for (side, paint) in [(0, Paint::Initiator), (1, Paint::Responder)] {
        let words = long(side, by);
        room = room.saturating_sub(text::width(&words));
        spans.push(span(model, paint, words));
    }
    let others = sum.rows - segments;
    let hint = match others {
        0 => String::new(),
        others => format!("  and {}", units::plural(others, "other frame")),
    };
    if text::width(&hint) <= room {
        spans.push(span(model, Paint::Dim, hint));
    }
    Some(Line::from(spans))
}
