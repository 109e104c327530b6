//! The checksums of a frame, worked out, over the rest of the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Text;
use ratatui::widgets::{Clear, Paragraph};

use super::lines::{self, style};
use crate::inspect::workings;
use crate::tui::model::Model;
use crate::view;

/// Most columns: words of 16 bits are added up in lines of sixteen.
const MOST: u16 = 122;

/// Lines that there is room for, and lines that there are.
pub(in crate::tui) fn room(model: &Model) -> (u16, u16) {
    let area = area(model.size);
    let lines = text(model, area.width.saturating_sub(2)).height();
    (
        area.height.saturating_sub(2),
        u16::try_from(lines).unwrap_or(u16::MAX),
    )
}

/// Draws them.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    let area = area((whole.width, whole.height));
    let text = text(model, area.width.saturating_sub(2));
    let room = usize::from(area.height.saturating_sub(2));
    let block = lines::boxed(model, "checksums worked out");
    let block = if text.height() > room {
        block.title_bottom(" j k and PgDn PgUp scroll, Esc closes ")
    } else {
        block.title_bottom(" Esc closes ")
    };
    let text = Paragraph::new(text).scroll((model.bytes.sums_top, 0));
    frame.render_widget(Clear, area);
    frame.render_widget(text.block(block), area);
}

fn area(size: (u16, u16)) -> Rect {
    let width = MOST.min(size.0);
    let height = size.1.saturating_sub(2);
    Rect::new((size.0 - width) / 2, 1, width, height)
}

fn text(model: &Model, width: u16) -> Text<'static> {
    let mut written = Vec::new();
    let _ = model.with_sheet(|row, sheet, packet| {
        let workings = workings(sheet, packet.ip.as_ref(), !row.frame().is_cut());
        // Writing to memory can't fail.
        view::inspect::sums(&style(model, width), sheet, &workings, &mut written)
    });
    lines::lines_of(&written)
}
