//! The first line and the last one.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::lines::{said, span};
use super::marks;
use crate::event::units;
use crate::tui::model::{Model, Over, Pane};
use crate::tui::quiz::Stage;
use crate::view::{Paint, text};

/// So many lines more than the last one a notice may take.
const NOTICE: usize = 3;

/// What is looked at, and where in it we are.
pub(super) fn title(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let place = place(model);
    let of = said(model, &connections(model));
    let room = usize::from(area.width).saturating_sub(text::width(&place) + 1);
    let name = text::escape(&model.look.title);
    let name = end_of(&name, room.saturating_sub(text::width(&of)));
    let title = text::fit(&(name + &of), room).into_owned();
    frame.render_widget(Line::from(span(model, Paint::Strong, title)), area);
    let place = span(model, Paint::Dim, place);
    frame.render_widget(Line::from(place).alignment(Alignment::Right), area);
}

/// The end of a name that is too long for its room: of a path the file tells more than the folders.
fn end_of(name: &str, room: usize) -> String {
    // Less would not tell anything.
    const LEAST: usize = 12;
    if text::width(name) <= room || room < LEAST {
        return name.to_owned();
    }
    let (mut used, mut from) = (1, name.len());
    for (at, _) in name.char_indices().rev() {
        used += text::width(&name[at..from]);
        if used > room {
            break;
        }
        from = at;
    }
    format!("…{}", &name[from..])
}

/// Which connection is looked at, of how many.
fn connections(model: &Model) -> String {
    let all = model.list.flows.len() as u64;
    match (model.flow, all) {
        (Some(flow), 0) => format!(" · #{flow} alone"),
        (Some(flow), all) => {
            format!(" · #{flow} alone of {}", units::plural(all, "connection"))
        }
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
    let dropped = match extent.dropped {
        0 => String::new(),
        some => format!(", {} dropped", units::count(some)),
    };
    place + &reading + &dropped
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
    let lines = if model.notice.is_some() {
        text::wrap(&words, area.width.into())
    } else {
        vec![words]
    };
    // What there is to say is said to its end, over what stands above.
    let more = lines.len().saturating_sub(1).min(NOTICE) as u16;
    let above = more.min(area.y);
    let area = Rect::new(area.x, area.y - above, area.width, 1 + above);
    frame.render_widget(Clear, area);
    let lines = lines.into_iter().map(|words| {
        let words = text::fit(&words, area.width.into()).into_owned();
        let line = Line::from(span(model, paint, words));
        if loud { line.bold() } else { line }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
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
    (Paint::Dim, keys(model))
}

/// A key and what it does, and how much it is to be missed: the greater the number, the sooner it is left out.
type Hint = (u8, &'static str);

/// What matters while the ladder has the keys.
const WALKING: [Hint; 9] = [
    (2, "↓ next"),
    (4, "p problem"),
    (3, "v why"),
    (5, "/ find"),
    (8, "c connections"),
    (7, "t test"),
    (6, "Tab pane"),
    (0, "? keys"),
    (1, "q quit"),
];
/// What matters in the pane of both endpoints.
const ENDS: [Hint; 6] = [
    (2, "↓ next"),
    (3, "↑ back"),
    (5, "z whole screen"),
    (4, "Tab other pane"),
    (0, "? all keys"),
    (1, "q quit"),
];
/// What matters in the pane of reasons.
const WHY: [Hint; 7] = [
    (2, "↓ ↑ scroll"),
    (3, "v evidence"),
    (4, "Backspace back"),
    (6, "z whole screen"),
    (5, "Tab other pane"),
    (0, "? keys"),
    (1, "q quit"),
];
/// What matters in the pane of bytes.
const BYTES: [Hint; 8] = [
    (2, "↓ ↑ fields"),
    (3, "← → bytes"),
    (6, "J next segment"),
    (7, "s checksums"),
    (5, "z larger"),
    (4, "Tab pane"),
    (0, "? keys"),
    (1, "q quit"),
];

/// As many of the hints as there is room for.
fn fitting(model: &Model, hints: &[Hint], width: u16) -> String {
    let mut hints = hints.to_vec();
    loop {
        let words: Vec<_> = hints.iter().map(|hint| hint.1).collect();
        let line = words.join("  ");
        let most = hints.iter().map(|hint| hint.0).max();
        if text::width(&said(model, &line)) <= width.into() || hints.len() < 2 {
            return line;
        }
        hints.retain(|hint| Some(hint.0) != most);
    }
}

/// The keys that matter most just now.
fn keys(model: &Model) -> String {
    let hints: &[Hint] = match (model.over, model.quiz.stage, model.focus) {
        (None, Stage::Off, Pane::Ladder) => &WALKING,
        (None, Stage::Off, Pane::Ends) => &ENDS,
        (None, Stage::Off, Pane::Why) => &WHY,
        (None, Stage::Off, Pane::Bytes) => &BYTES,
        _ => return other_keys(model).to_owned(),
    };
    fitting(model, hints, model.size.0)
}

/// The same while something lies over the screen or is asked.
fn other_keys(model: &Model) -> &'static str {
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
        (None, Stage::Off) => "? keys",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{Extent, Look, Message, Told};

    #[test]
    fn what_was_dropped_is_said_beside_what_is_there() {
        let mut model = Model::new(Look::default(), (80, 24));
        model.begin();
        let mut said = |dropped, complete| {
            let extent = Extent {
                rows: 12_345,
                dropped,
                complete,
                settled: complete,
                ..Extent::default()
            };
            model.update(Message::Told(Told::Extent(0, extent)));
            place(&model)
        };
        assert_eq!(said(0, false), "1 of 12,345 so far");
        assert_eq!(said(1_234, false), "1 of 12,345 so far, 1,234 dropped");
        assert_eq!(said(1_234, true), "1 of 12,345, 1,234 dropped");
    }
}
