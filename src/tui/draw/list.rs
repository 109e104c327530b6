//! The connections, a line each.
//!
//! ```text
//! 3 connections, by start; s sorts by something else
//!    # initiator → responder              lasted   segs sent → sent ← shape  trouble
//!    0 10.0.0.1:40312 → 10.0.0.2:80        1.20s     37  11.6k      0 SF     !2
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::Clear;

use super::lines::{said, span};
use super::prompt;
use crate::event::units;
use crate::tui::message::FlowLine;
use crate::tui::model::Model;
use crate::view::{Paint, text};

/// Columns of the figures behind the ends, and the same with the time of the beginning before them.
const FIGURES: usize = 8 + 7 + 7 + 7 + 7 + 8;
const START: usize = 11;
/// No two ends are longer: IPv6 addresses in full, with ports.
const MOST_ENDS: usize = 97;

/// The parts of it: what is listed, the headings, the lines, and more on the one looked at.
fn parts(model: &Model) -> [Rect; 4] {
    let (width, height) = model.size;
    let whole = Rect::new(0, 1, width, height.saturating_sub(2));
    let one = Constraint::Length(1);
    Layout::vertical([one, one, Constraint::Fill(1), one]).areas(whole)
}

/// Where the lines are.
pub(in crate::tui) fn rows(model: &Model) -> Rect {
    parts(model)[2]
}

/// What there is room for.
struct Columns {
    number: usize,
    ends: usize,
    start: bool,
    /// Columns for the shape in words.
    meaning: usize,
}

impl Columns {
    fn new(model: &Model, width: usize) -> Self {
        let number = model.list.flows.len().to_string().len().max(3) + 1;
        let start = width >= number + 50 + START + FIGURES;
        let figures = FIGURES + if start { START } else { 0 };
        let room = width.saturating_sub(number + 1 + figures);
        let seen = model.list.order.iter().skip(model.list.top);
        let longest = seen
            .take(rows(model).height.into())
            .filter_map(|at| model.list.flows.get(*at as usize))
            .map(|line| text::width(&ends(model, line)))
            .max();
        let ends = room.min(longest.unwrap_or(0).clamp(21, MOST_ENDS));
        let meaning = room - ends;
        Self {
            number,
            ends,
            start,
            meaning,
        }
    }
}

fn ends(model: &Model, line: &FlowLine) -> String {
    let arrow = if model.look.style.unicode {
        "→"
    } else {
        "->"
    };
    format!("{} {arrow} {}", line.ends[0], line.ends[1])
}

/// `text` in exactly so many columns.
fn left(text: &str, columns: usize) -> String {
    let text = text::fit(text, columns);
    let pad = columns.saturating_sub(text::width(&text));
    format!("{text}{}", " ".repeat(pad))
}

/// Draws it over the rest.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let [what, headings, rows, more] = parts(model);
    let whole = Rect {
        height: more.bottom() - what.y,
        ..what
    };
    frame.render_widget(Clear, whole);
    heading(model, what, frame);
    let columns = Columns::new(model, rows.width.into());
    frame.render_widget(span(model, Paint::Strong, names(model, &columns)), headings);
    let list = &model.list;
    let seen = list.order.iter().enumerate().skip(list.top);
    for (y, (place, at)) in seen.take(rows.height.into()).enumerate() {
        let Some(line) = list.flows.get(*at as usize) else {
            continue;
        };
        let drawn = row(model, line, &columns);
        let drawn = if place == list.cursor {
            drawn.reversed()
        } else {
            drawn
        };
        let area = Rect::new(rows.x, rows.y + y as u16, rows.width, 1);
        frame.render_widget(drawn, area);
    }
    if let Some(line) = list.chosen() {
        let trouble = match u64::from(line.problems) {
            0 => String::new(),
            problems => format!("; {} of trouble", units::plural(problems, "sign")),
        };
        let text = format!("{}: {}{trouble}", ends(model, line), line.shape.meaning());
        let text = text::fit(&text, more.width.into()).into_owned();
        frame.render_widget(span(model, Paint::Dim, text), more);
    }
}

/// What is listed, and how; or the line in which it is chosen what.
fn heading(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let list = &model.list;
    if list.typing {
        prompt::write(model, "lines with: ", &list.filter, area, frame);
        return;
    }
    let all = list.flows.len() as u64;
    let shown = list.order.len() as u64;
    let mut words = if all == 0 {
        "no connection".to_owned()
    } else if shown == all {
        units::plural(all, "connection")
    } else {
        let shown = units::count(shown);
        let filter = text::escape(list.filter.text());
        format!(
            "{shown} of {} with “{filter}”",
            units::plural(all, "connection")
        )
    };
    if !model.extent.complete {
        words.push_str(" so far");
    }
    let turned = if list.reversed {
        ", the other way round"
    } else {
        ""
    };
    let words = format!("{words}, by {}{turned}", list.sort.name());
    let words = text::fit(&said(model, &words), area.width.into()).into_owned();
    frame.render_widget(span(model, Paint::Strong, words), area);
}

fn names(model: &Model, columns: &Columns) -> String {
    let unicode = model.look.style.unicode;
    let [ends, to, from] = if unicode {
        ["initiator → responder", "sent →", "sent ←"]
    } else {
        ["initiator -> responder", "sent >", "sent <"]
    };
    let ends = left(ends, columns.ends);
    let start = if columns.start { "      start" } else { "" };
    format!(
        "{:>number$} {ends}{start} {:>7} {:>6} {to:>6} {from:>6} shape  trouble",
        "#",
        "lasted",
        "segs",
        number = columns.number,
    )
}

fn row(model: &Model, line: &FlowLine, columns: &Columns) -> Line<'static> {
    let number = format!("{:>number$} ", line.flow, number = columns.number);
    let ends = left(&ends(model, line), columns.ends);
    let mut start = String::new();
    if columns.start {
        let first = model.start.unwrap_or(line.start);
        start = format!(" {:>10}", units::seconds(line.start.nanos_since(first)));
    }
    let figures = format!(
        " {:>7} {:>6} {:>6} {:>6} {:<6} ",
        units::nanos(line.duration_ns),
        units::amount(line.segments),
        units::amount(line.bytes[0]),
        units::amount(line.bytes[1]),
        line.shape.name(),
    );
    let trouble = match line.problems {
        0 => String::new(),
        problems => format!("!{}", units::amount(problems.into())),
    };
    let meaning = text::fit(line.shape.meaning(), columns.meaning.saturating_sub(1)).into_owned();
    Line::from(vec![
        span(model, Paint::Dim, number),
        span(model, Paint::Plain, ends + &start + &figures),
        span(model, Paint::Trouble, format!("{trouble:<7} ")),
        span(model, Paint::Dim, meaning),
    ])
}
