//! Text as the views write it, as lines of the screen. What a view writes is escaped already; colours and nothing
//! else are taken from it.

use ansi_to_tui::IntoText;
use ratatui::symbols::border::Set;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Block;

use crate::tui::model::Model;
use crate::view::{Paint, Style, text};

/// What a view wrote, as lines.
pub(super) fn lines_of(written: &[u8]) -> Text<'static> {
    written
        .into_text()
        .unwrap_or_else(|_| Text::raw(String::from_utf8_lossy(written).into_owned()))
}

/// One line of it.
pub(super) fn line(written: &str) -> Line<'static> {
    lines_of(written.as_bytes()).lines.pop().unwrap_or_default()
}

/// A piece of text in the look of its role.
pub(super) fn span(model: &Model, paint: Paint, text: impl std::fmt::Display) -> Span<'static> {
    let painted = model.look.style.paint(paint, text).to_string();
    line(&painted).spans.pop().unwrap_or_default()
}

/// The model's style at that width.
pub(super) fn style(model: &Model, width: u16) -> Style {
    Style {
        width,
        ..model.look.style.clone()
    }
}

/// Text from the left to the right of a line that is drawn through; a heavy one where the text is strong, so that
/// one sees without colours which pane has the keys.
pub(super) fn rule(model: &Model, paint: Paint, text: &str, width: u16) -> Line<'static> {
    let dash = match (paint, model.look.style.unicode) {
        (Paint::Strong, true) => "━",
        (Paint::Strong, false) => "=",
        (_, true) => "─",
        (_, false) => "-",
    };
    let width = usize::from(width);
    let text = text::fit(text, width.saturating_sub(4)).into_owned();
    let rest = width.saturating_sub(text::width(&text) + 4);
    let rule = format!("{0}{0} {text} {1}", dash, dash.repeat(rest));
    Line::from(span(model, paint, rule))
}

/// A frame around what lies over the rest.
pub(super) fn boxed(model: &Model, title: &str) -> Block<'static> {
    const BORDER: Set<'static> = Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    };
    let block = Block::bordered().title(format!(" {title} "));
    if model.look.style.unicode {
        block
    } else {
        block.border_set(BORDER)
    }
}

/// What stands for signs of ours where there is only ASCII.
const ASCII: [(&str, &str); 11] = [
    ("↓", "Down"),
    ("↑", "Up"),
    ("←", "Left"),
    ("→", "Right"),
    ("…", "..."),
    ("–", "-"),
    ("—", "-"),
    ("·", "|"),
    ("×", "x"),
    ("“", "\""),
    ("”", "\""),
];

/// Our own words with what the terminal has, where that is ASCII only.
pub(super) fn said(model: &Model, words: &str) -> String {
    if model.look.style.unicode {
        return words.to_owned();
    }
    let mut words = words.to_owned();
    for (sign, ascii) in ASCII {
        words = words.replace(sign, ascii);
    }
    words
}
