//! The picture of a model.

mod beside;
mod bytes;
mod ends;
mod help;
mod ladder;
mod lines;
mod list;
mod marks;
mod prompt;
mod quiz;
mod rungs;
mod status;
mod strip;
mod sums;
mod tape;
mod tape_marks;
mod why;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

pub(super) use bytes::room as bytes_room;
pub(super) use sums::room as sums_room;
pub(super) use why::room as why_room;

use super::model::{Model, Over, Pane};
use crate::view::ascii;

pub(super) use help::overhang as help_overhang;
pub(super) use list::rows as list_rows;
pub(super) use strip::place as strip_place;

/// From so many columns on the second pane stands at the right of the ladder, and not below it.
const WIDE: u16 = 140;
/// From so many lines on there are two panes at its right, the upper one with so many of them.
const TWO: u16 = 40;
const UPPER: u16 = 24;
/// From so many lines on there is one for the overview.
const HIGH: u16 = 12;
/// The smallest screen on which anything can be shown.
const SMALLEST: (u16, u16) = (40, 8);

/// Where the parts of the screen are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Areas {
    /// What is looked at, and where in it we are.
    pub(super) title: Rect,
    /// The whole of it in one line, where there is room for that.
    pub(super) strip: Option<Rect>,
    /// The two hosts.
    pub(super) hosts: Rect,
    /// The segments.
    pub(super) ladder: Rect,
    /// The other pane.
    pub(super) beside: Rect,
    /// One more, where there is room for it.
    pub(super) company: Option<(Pane, Rect)>,
    /// What can be done, or what was asked.
    pub(super) status: Rect,
}

/// Divides the screen.
pub(super) fn areas_of(model: &Model) -> Areas {
    // Who is asked needs room for what they said, and must not see from the room how many rows there are.
    let asked = model.quiz.is_on();
    let below = if asked { 65 } else { 50 };
    let fixed = model.extent.complete && !model.look.follows && !asked;
    let rows = fixed.then_some(model.extent.rows);
    let zoomed = model.zoomed && !asked;
    let mut areas = areas(model.size, below, rows, zoomed.then_some(model.focus));
    if model.size.0 >= WIDE && areas.beside.height >= TWO && !zoomed && !asked {
        // Each has its place: how both ends stand above, why or the bytes below.
        let [upper, lower] =
            Layout::vertical([Constraint::Length(UPPER), Constraint::Fill(1)]).areas(areas.beside);
        let (beside, company) = match model.beside {
            Pane::Ends => (upper, (Pane::Why, lower)),
            _ => (lower, (Pane::Ends, upper)),
        };
        (areas.beside, areas.company) = (beside, Some(company));
    }
    areas
}

/// Where a pane stands, if it is there.
pub(super) fn place_of(model: &Model, pane: Pane) -> Option<Rect> {
    let areas = areas_of(model);
    match areas.company {
        Some((other, place)) if other == pane => Some(place),
        _ => (model.beside == pane && areas.beside.height > 0).then_some(areas.beside),
    }
}

/// Divides a screen of that many columns and lines; of a hundred lines so many are for what is below the ladder, and
/// more if `rows` are all that the ladder will ever have. A pane that is zoomed has the room of all.
fn areas(size: (u16, u16), below: u16, rows: Option<u64>, zoomed: Option<Pane>) -> Areas {
    let whole = Rect::new(0, 0, size.0, size.1);
    let one = Constraint::Length(1);
    let over = Constraint::Length(u16::from(size.1 >= HIGH));
    let [title, strip, body, status] =
        Layout::vertical([one, over, Constraint::Fill(1), one]).areas(whole);
    let none = Rect { height: 0, ..body };
    let (main, beside) = if zoomed == Some(Pane::Ladder) {
        (body, none)
    } else if zoomed.is_some() {
        (none, body)
    } else if size.0 >= WIDE {
        let [main, _, beside] =
            Layout::horizontal([Constraint::Percentage(57), one, Constraint::Fill(1)]).areas(body);
        (main, beside)
    } else {
        let room = body.height.saturating_sub(1);
        let spare = rows.map_or(0, |rows| u64::from(room).saturating_sub(rows.max(1)));
        let below = (body.height * below / 100).max(spare as u16);
        let below = Constraint::Length(below);
        let [main, beside] = Layout::vertical([Constraint::Fill(1), below]).areas(body);
        (main, beside)
    };
    let [hosts, ladder] = Layout::vertical([one, Constraint::Fill(1)]).areas(main);
    Areas {
        title,
        strip: (strip.height > 0).then_some(strip),
        hosts,
        ladder,
        beside,
        company: None,
        status,
    }
}

/// Lines that the ladder has for segments.
pub(super) fn ladder_lines(model: &Model) -> u16 {
    areas_of(model).ladder.height
}

/// Lines that the list has for connections.
pub(super) fn list_lines(model: &Model) -> usize {
    list_rows(model).height.into()
}

/// Draws all of it.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let size = (frame.area().width, frame.area().height);
    if size.0 < SMALLEST.0 || size.1 < SMALLEST.1 {
        let text = format!("{} × {} is too small", size.0, size.1);
        frame.render_widget(text, frame.area());
        return;
    }
    // What the model believes of its size comes a moment after the screen has changed.
    if size != model.size {
        return;
    }
    let areas = areas_of(model);
    status::title(model, areas.title, frame);
    if let Some(area) = areas.strip {
        strip::draw(model, area, frame);
    }
    if areas.ladder.height > 0 {
        ladder::draw(model, areas, frame);
    }
    if model.quiz.is_on() {
        quiz::draw(model, areas.beside, frame);
    } else if areas.beside.height > 0 {
        beside::draw(model, model.beside, areas.beside, frame);
        if let Some((pane, area)) = areas.company {
            beside::draw(model, pane, area, frame);
        }
    }
    status::bar(model, areas.status, frame);
    match model.over {
        Some(Over::Help) => help::draw(model, frame),
        Some(Over::Sums) => sums::draw(model, frame),
        Some(Over::Flows) => list::draw(model, frame),
        Some(Over::Prompt) => prompt::draw(model, areas.status, frame),
        None => {}
    }
    if !model.look.style.unicode {
        in_ascii(frame);
    }
}

/// Replaces what is not ASCII, whoever drew it: what is cut short, payload, a name.
fn in_ascii(frame: &mut Frame<'_>) {
    let mut rest = String::new();
    for cell in &mut frame.buffer_mut().content {
        if !cell.symbol().is_ascii() {
            rest = ascii(cell.symbol());
            let first = if rest.is_empty() { ' ' } else { rest.remove(0) };
            cell.set_char(first);
        } else if !rest.is_empty() {
            // The second column of a wide character.
            cell.set_char(rest.remove(0));
        }
    }
}
