//! What comes next, asked and told, in the place of the second pane.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::lines::span;
use crate::event::{Kept, Side};
use crate::tui::model::Model;
use crate::tui::quiz::{FLAGS, Field, Stage};
use crate::view::guess::Answer;
use crate::view::{Paint, guess, text};

/// Draws it.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let [heading, area] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let (right, of) = model.quiz.score;
    let score = match of {
        0 => String::new(),
        of => format!(" {right} of {of} right "),
    };
    let name = if model.quiz.stage == Stage::Asking {
        "what comes next?"
    } else {
        "what came next"
    };
    let (rule, cut) = if model.look.style.unicode {
        ("─", "──")
    } else {
        ("-", "--")
    };
    let rule = format!(
        "{cut} {name} {cut}{score}{}",
        rule.repeat(heading.width.into())
    );
    frame.render_widget(Line::from(span(model, Paint::Strong, rule)), heading);
    let lines = if model.quiz.stage == Stage::Asking {
        form(model, area.width.into())
    } else {
        answers(model, area.width.into())
    };
    let room = usize::from(area.height);
    let top = if model.quiz.stage == Stage::Asking {
        // The field that is filled in stays in sight.
        (model.quiz.field as usize + 1).saturating_sub(room)
    } else {
        model.quiz.top.min(lines.len().saturating_sub(room))
    };
    let top = top as u16;
    frame.render_widget(Paragraph::new(lines).scroll((top, 0)), area);
}

fn form(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<_> = Field::ALL.map(|field| entry(model, field)).into();
    let hint = "Fill in what you know, as it is shown here: numbers that count from the SYN. Enter shows it.";
    lines.push(Line::default());
    let hint = text::wrap(hint, width);
    lines.extend(
        hint.into_iter()
            .map(|line| Line::from(span(model, Paint::Dim, line))),
    );
    lines
}

/// A line of the form.
fn entry(model: &Model, field: Field) -> Line<'static> {
    let quiz = &model.quiz;
    let chosen = quiz.field == field;
    let choice = matches!(field, Field::From | Field::Flags);
    let value = match field {
        Field::From => quiz.from.map(|side| who(model, side)),
        Field::Flags => quiz
            .flags
            .and_then(|at| FLAGS.get(at))
            .map(|flags| guess::words(*flags)),
        Field::Seq | Field::Ack | Field::Window => {
            let digits = &quiz.numbers[field as usize - Field::Seq as usize];
            (!digits.is_empty()).then(|| digits.clone())
        }
    };
    let nothing = if model.look.style.unicode { "—" } else { "-" };
    let value = value.unwrap_or_else(|| nothing.to_owned());
    let value = match (choice, chosen) {
        (true, true) => format!("< {value} >"),
        (false, true) => format!("{value}_"),
        _ => format!("  {value}"),
    };
    let mark = if chosen { "> " } else { "  " };
    let name = span(model, Paint::State, format!("{mark}{:<10}", field.name()));
    let value = span(model, Paint::Plain, value);
    let value = if chosen { value.bold() } else { value };
    Line::from(vec![name, value])
}

fn who(model: &Model, side: Side) -> String {
    let segment = model.current().and_then(Kept::segment);
    let end = segment.map(|segment| {
        if segment.dir.0 == side {
            segment.src
        } else {
            segment.dst
        }
    });
    match end {
        Some(end) => format!("{end}, the {}", side.name()),
        None => side.name().to_owned(),
    }
}

fn answers(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for answer in model.answers() {
        lines.push(verdict(model, &answer));
        let why = format!("{} ({})", answer.why, answer.rfc);
        for line in text::wrap(&why, width.saturating_sub(4)) {
            lines.push(Line::from(span(model, Paint::Plain, format!("    {line}"))));
        }
    }
    lines
}

/// Whether they were right, and what it was.
fn verdict(model: &Model, answer: &Answer) -> Line<'static> {
    let unicode = model.look.style.unicode;
    let (paint, mark) = match (answer.right, unicode) {
        (Some(true), true) => (Paint::Good, "✓ right"),
        (Some(true), false) => (Paint::Good, "+ right"),
        (Some(false), true) => (Paint::Trouble, "✗ wrong"),
        (Some(false), false) => (Paint::Trouble, "x wrong"),
        (None, _) => (Paint::Dim, "       "),
    };
    let mut spans = vec![
        span(model, paint, format!("{mark} ")),
        span(model, Paint::State, format!("{}: ", answer.asked)),
        span(model, Paint::Strong, answer.was.clone()),
    ];
    if !answer.said.is_empty() {
        let said = format!("   you said {}", answer.said);
        spans.push(span(model, Paint::Dim, said));
    }
    Line::from(spans)
}
