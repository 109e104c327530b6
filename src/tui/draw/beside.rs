//! The pane beside the ladder, or below it: why, or the bytes.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::lines::{self, span, style};
use crate::decode::Decoder;
use crate::event::{End, Event, Kept};
use crate::inspect::Sheet;
use crate::tui::model::{Model, Pane};
use crate::view::{self, BothLines, Paint};

/// Draws its heading and what it shows of the row looked at.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let [heading, area] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let paint = if model.focus == model.beside {
        Paint::Strong
    } else {
        Paint::Dim
    };
    let rule = format!(
        "── {} {}",
        model.beside.name(),
        "─".repeat(usize::from(heading.width))
    );
    frame.render_widget(Line::from(span(model, paint, rule)), heading);
    let Some(row) = model.current() else {
        return;
    };
    let mut written = Vec::new();
    match model.beside {
        _ if !row.has_frame() => {}
        Pane::Bytes => bytes(model, row, area.width, &mut written),
        _ => why(model, row, area.width, &mut written),
    }
    frame.render_widget(Paragraph::new(lines::text(&written)), area);
}

fn why(model: &Model, row: &Kept, width: u16, out: &mut Vec<u8>) {
    let mut way = Vec::new();
    if let (Some(shows), Some(joint)) = (model.look.both, &row.joint) {
        let lines = BothLines::new(style(model, width), shows, false, model.start);
        let _ = joint.with(|event| lines.aside(event, &mut way));
    }
    let mut reasons = view::reasons(style(model, width), row.frame, model.start);
    // Writing to memory can't fail.
    let _ = row.with(|event| reasons.event(event, out));
    out.clear();
    let _ = reasons.event(&Event::End(&End::default()), out);
    let told = out.iter().position(|byte| *byte != b'\n').unwrap_or(0);
    out.splice(..told, way);
}

fn bytes(model: &Model, row: &Kept, width: u16, out: &mut Vec<u8>) {
    let frame = row.frame();
    let mut decoder = Decoder::new();
    let packet = decoder.decode(&frame);
    let sheet = Sheet::new(&frame, &packet);
    let _ = view::inspect::fields(&style(model, width), &sheet, out);
}
