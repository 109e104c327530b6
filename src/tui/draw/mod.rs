//! The picture of a model.

mod beside;
mod help;
mod ladder;
mod lines;
mod rungs;
mod status;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::model::{Model, Over};

/// From so many columns on the second pane stands at the right of the ladder, and not below it.
const WIDE: u16 = 140;
/// The smallest screen on which anything can be shown.
const SMALLEST: (u16, u16) = (40, 8);

/// Where the parts of the screen are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Areas {
    /// What is looked at, and where in it we are.
    pub(super) title: Rect,
    /// The two hosts.
    pub(super) hosts: Rect,
    /// The segments.
    pub(super) ladder: Rect,
    /// The other pane.
    pub(super) beside: Rect,
    /// What can be done, or what was asked.
    pub(super) status: Rect,
}

/// Divides a screen of that many columns and lines.
pub(super) fn areas(size: (u16, u16)) -> Areas {
    let whole = Rect::new(0, 0, size.0, size.1);
    let one = Constraint::Length(1);
    let [title, body, status] = Layout::vertical([one, Constraint::Fill(1), one]).areas(whole);
    let (main, beside) = if size.0 >= WIDE {
        let [main, _, beside] =
            Layout::horizontal([Constraint::Percentage(57), one, Constraint::Fill(1)]).areas(body);
        (main, beside)
    } else {
        let below = Constraint::Length(body.height * 2 / 5);
        let [main, beside] = Layout::vertical([Constraint::Fill(1), below]).areas(body);
        (main, beside)
    };
    let [hosts, ladder] = Layout::vertical([one, Constraint::Fill(1)]).areas(main);
    Areas {
        title,
        hosts,
        ladder,
        beside,
        status,
    }
}

/// Lines that the ladder has for segments.
pub(super) fn ladder_lines(model: &Model) -> u16 {
    areas(model.size).ladder.height
}

/// Draws all of it.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let size = (frame.area().width, frame.area().height);
    if size.0 < SMALLEST.0 || size.1 < SMALLEST.1 {
        let text = format!("{} × {} is too small", size.0, size.1);
        frame.render_widget(text, frame.area());
        return;
    }
    let areas = areas(size);
    status::title(model, areas.title, frame);
    ladder::draw(model, areas, frame);
    beside::draw(model, areas.beside, frame);
    status::bar(model, areas.status, frame);
    match model.over {
        Some(Over::Help) => help::draw(model, frame),
        None => {}
    }
}
