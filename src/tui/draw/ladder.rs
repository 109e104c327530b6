//! The ladder: a row for each segment, the one looked at marked, bulk data folded.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;

use super::lines::span;
use super::rungs::Rungs;
use super::{Areas, marks};
use crate::event::{Host, Kept, Side};
use crate::frame::Timestamp;
use crate::tui::model::Model;
use crate::view::Paint;

/// Columns of the frame's number, in which it is marked that a row was looked for.
const NUMBER: u16 = 5;
/// So many rows away at most the hosts are looked for.
const FAR: u64 = 64;

/// Draws the hosts and the rows.
pub(super) fn draw(model: &Model, areas: Areas, frame: &mut Frame<'_>) {
    let area = areas.ladder;
    let mut rungs = Rungs::new(model, area.width, model.is_tagged());
    hosts(model, &rungs, areas.hosts, frame);
    let mut before = model
        .top
        .checked_sub(1)
        .and_then(|row| model.pages.row(row))
        .map(|row| row.time);
    for (at, rows) in model.lines().enumerate() {
        let place = Rect::new(area.x, area.y + at as u16, area.width, 1);
        // That there is nothing more would be an answer, too.
        if model.quiz.is_on() && rows.start > model.cursor {
            frame.render_widget(span(model, Paint::Caution, "    ?"), place);
            return;
        }
        if rows.start >= model.extent.rows {
            return;
        }
        row(model, &mut rungs, rows, &mut before, place, frame);
    }
}

/// Draws a line, which stands for one row or for many.
fn row(
    model: &Model,
    rungs: &mut Rungs,
    rows: Range<u64>,
    before: &mut Option<Timestamp>,
    place: Rect,
    frame: &mut Frame<'_>,
) {
    if let Some(run) = model.folds.closed(rows.start, model.cursor) {
        *before = Some(run.bulk.times.1);
        frame.render_widget(rungs.folded(&run.bulk), place);
        return;
    }
    let Some(kept) = model.pages.row(rows.start) else {
        frame.render_widget(span(model, Paint::Dim, "…"), place);
        return;
    };
    let drawn = rungs.line(kept, *before);
    *before = Some(kept.time);
    let here = rows.start == model.cursor;
    let drawn = if here { drawn.reversed() } else { drawn };
    frame.render_widget(drawn, place);
    if model.search.marks().is_some_and(|query| query.fits(kept)) {
        let number = Rect {
            width: NUMBER.min(place.width),
            ..place
        };
        let mark = Style::new().bold().underlined();
        frame.buffer_mut().set_style(number, mark);
    }
    marks::gutter(model, rows.start, kept.frame, place, frame);
}

/// The row with a segment that is nearest to the one looked at. Where two captures are in step, calls and readings have the same two
/// hosts; elsewhere the arrows on the screen have some.
fn nearest(model: &Model) -> Option<&Kept> {
    let shown = || model.lines().last().map_or(0, |rows| rows.end);
    let seen = match model.look.both {
        Some(_) => 0..u64::MAX,
        None => model.top..shown(),
    };
    // What comes next is asked for.
    let hidden = |row: &u64| model.quiz.is_on() && *row > model.cursor;
    let segment = |row: u64| model.pages.row(row).filter(|row| row.segment().is_some());
    let ways =
        (1..=FAR).flat_map(|by| [model.cursor.checked_add(by), model.cursor.checked_sub(by)]);
    let rows = ways.flatten().filter(|row| seen.contains(row));
    rows.filter(|row| !hidden(row)).find_map(segment)
}

/// The two hosts above their columns.
fn hosts(model: &Model, rungs: &Rungs, area: Rect, frame: &mut Frame<'_>) {
    let here = model.current().filter(|row| row.segment().is_some());
    let Some(row) = here.or_else(|| nearest(model)) else {
        return;
    };
    let Some(segment) = row.segment() else {
        return;
    };
    // Of two captures the client's host is at the left, whoever has opened the connection.
    let from_left = match row.sender() {
        None => segment.dir.0 == Side::Initiator,
        Some(sender) => sender == Host::Client,
    };
    let (left, right) = if from_left {
        (segment.src, segment.dst)
    } else {
        (segment.dst, segment.src)
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
