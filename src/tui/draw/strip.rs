//! The overview: a line of bars for what was sent in each part of the time, with marks where it stuck.
//!
//! ```text
//! ▁▇█▇▇▇x▁▁▃▅▇▇▇▇▇▇▇▇▆0·····0▅▇▇▇▇▂  1.2 MB/s at most
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::lines::span;
use crate::event::units;
use crate::tui::message::Bucket;
use crate::tui::model::Model;
use crate::tui::strip::{self, Column};
use crate::view::Paint;

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_BARS: [&str; 8] = [".", ".", ":", ":", "-", "=", "#", "#"];

/// From this width on the greatest rate is told.
const WIDE: u16 = 100;
/// Columns for that.
const LEGEND: u16 = 20;

/// The part of the strip's line that has columns.
pub(in crate::tui) const fn place(area: Rect) -> Rect {
    let width = if area.width >= WIDE {
        area.width - LEGEND
    } else {
        area.width
    };
    Rect { width, ..area }
}

/// Draws it.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let bars = place(area);
    let width = usize::from(bars.width);
    let buckets = &model.overview;
    // While somebody guesses what comes next, neither bars nor the place among them may tell.
    if buckets.is_empty() || width == 0 || model.quiz.is_on() {
        return;
    }
    let time = model.current().map(|row| row.time);
    let here = time.and_then(|time| strip::column_of(buckets, time, width));
    let columns = strip::columns(buckets, width);
    let most = columns
        .iter()
        .map(|column| column.bytes)
        .fold(0.0, f64::max);
    let cells = columns.iter().enumerate().map(|(at, column)| {
        let (paint, glyph) = look(model, column, most);
        let cell = span(model, paint, glyph);
        if Some(at) == here {
            cell.reversed()
        } else {
            cell
        }
    });
    frame.render_widget(cells.collect::<Line<'_>>(), bars);
    if area.width >= WIDE {
        let rate = span(model, Paint::Dim, rate(buckets, most, width));
        let legend = Rect::new(bars.right() + 1, area.y, LEGEND - 1, 1);
        frame.render_widget(rate, legend);
    }
}

/// Trouble first: it is what one looks for.
fn look(model: &Model, column: &Column, most: f64) -> (Paint, &'static str) {
    if column.resent > 0 {
        return (Paint::Trouble, "x");
    }
    if column.zero_windows > 0 {
        return (Paint::Trouble, "0");
    }
    if column.problems > 0 {
        return (Paint::Caution, "!");
    }
    let (bars, none) = if model.look.style.unicode {
        (BARS, "·")
    } else {
        (ASCII_BARS, " ")
    };
    if column.bytes <= 0.0 {
        return (Paint::Dim, none);
    }
    let height = (column.bytes / most * 8.0).ceil() as usize;
    (Paint::Initiator, bars[height.clamp(1, 8) - 1])
}

/// `1.2 MB/s at most`.
fn rate(buckets: &[Bucket], most: f64, columns: usize) -> String {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return String::new();
    };
    let nanos = last.times.1.nanos_since(first.times.0);
    if nanos == 0 || most <= 0.0 {
        return String::new();
    }
    let seconds = nanos as f64 / 1e9 / columns as f64;
    format!("{}B/s at most", units::amount((most / seconds) as u64))
}
