//! The first line and the last one.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;

use super::lines::{said, span};
use super::marks;
use crate::event::units;
use crate::tui::model::{Model, Over, Pane};
use crate::tui::quiz::Stage;
use crate::view::{Paint, text};

/// What is looked at, and where in it we are.
pub(super) fn title(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let place = place(model);
    let title = text::escape(&model.look.title).into_owned() + &said(model, &connections(model));
    let room = usize::from(area.width).saturating_sub(text::width(&place) + 1);
    let title = text::fit(&title, room).into_owned();
    frame.render_widget(Line::from(span(model, Paint::Strong, title)), area);
    let place = span(model, Paint::Dim, place);
    frame.render_widget(Line::from(place).alignment(Alignment::Right), area);
}

/// Which connection is looked at, of how many.
fn connections(model: &Model) -> String {
    let all = model.list.flows.len() as u64;
    match (model.flow, all) {
        (Some(flow), 0) => format!(" · connection {flow}"),
        (Some(flow), all) => format!(" · connection {flow} of {}", units::count(all)),
        (None, 0) => String::new(),
        (None, all) => format!(" · {}", units::plural(all, "connection")),
    }
}

fn place(model: &Model) -> String {
    let extent = model.extent;
    let here = units::count(model.cursor + 1);
    // How many there are would tell whether the capture ends here.
    if model.quiz.is_on() {
        return here;
    }
    let place = match extent.rows {
        0 if extent.complete => "nothing in it".to_owned(),
        0 => String::new(),
        rows => format!("{here} of {}", units::count(rows)),
    };
    let reading = match (extent.complete, extent.total) {
        (true, _) if extent.settled => String::new(),
        (true, _) => ", judgements may still change".to_owned(),
        (false, Some(total)) if total > 0 => {
            format!(
                " and more, {} % read",
                extent.read.saturating_mul(100) / total
            )
        }
        (false, _) => " so far".to_owned(),
    };
    place + &reading
}

/// What can be done, or what there is to say.
pub(super) fn bar(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let quiet = model.notice.is_none() && model.over.is_none() && !model.quiz.is_on();
    if quiet
        && model.search.pending().is_none()
        && model.play.words().is_none()
        && let Some(line) = marks::measured(model, area.width)
    {
        return frame.render_widget(line, area);
    }
    let (paint, words) = words(model);
    let loud = paint == Paint::Caution;
    let words = said(model, &words);
    let words = text::fit(&words, area.width.into()).into_owned();
    let line = Line::from(span(model, paint, words));
    let line = if loud { line.bold() } else { line };
    frame.render_widget(line, area);
}

fn words(model: &Model) -> (Paint, String) {
    if let Some(notice) = &model.notice {
        return (Paint::Caution, text::escape(notice).into_owned());
    }
    if let Some(sought) = model.search.pending() {
        let what = sought.aim.what.as_deref().unwrap_or("the same place");
        let what = text::escape(what);
        let at = sought.at.map_or_else(String::new, |row| {
            format!(" row {},", units::count(row + 1))
        });
        return (
            Paint::Caution,
            format!("looking for {what} …{at} Esc lets it be"),
        );
    }
    if let Some(playing) = model.play.words() {
        return (Paint::Caution, format!("{playing}   r faster, then pause"));
    }
    (Paint::Dim, keys(model).to_owned())
}

/// The keys that matter most just now.
fn keys(model: &Model) -> &'static str {
    match (model.over, model.quiz.stage) {
        (Some(Over::Flows), _) if model.list.typing => "Enter keeps these lines  Esc shows all",
        (Some(Over::Flows), _) => {
            "Enter follows it alone  a all  s other order  S turned round  / search  Esc back"
        }
        (Some(Over::Help), _) => "↓ ↑ scroll  any other key goes back",
        (Some(Over::Prompt), _) => "",
        (Some(Over::Sums), _) => "↓ ↑ scroll  Esc back",
        (None, Stage::Asking) => "↓ ↑ field  ← → choose  0–9 number  Enter shows it  Esc ends",
        (None, Stage::Told) => "Enter the next question  PgDn PgUp scroll  Esc ends",
        (None, Stage::Off) => match model.focus {
            Pane::Ladder => {
                "↓ next  p problem  / find  c connections  t test  Tab pane  ? keys  q quit"
            }
            Pane::Ends | Pane::Why | Pane::Bytes => {
                "↓ next  ↑ back  Tab other pane  ? all keys  q quit"
            }
        },
    }
}
