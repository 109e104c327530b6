//! The bytes pane: the dump, the fields, and all that is known of the one looked at.
//!
//! ```text
//! 0020  00 02 c0 00 00 50 9d 1e │ - c TCP, bytes 34 to 73 (40)
//! 0028  5b 03 00 00 00 00[a0]02 │     46.0     header length    10 (40 bytes)
//! TCP header length: byte 46, bit 0, 4 bits, 0xa = 10 (40 bytes)
//! 1010....  RFC 9293 3.1: length of this header …
//! ```

use std::io::Write as _;
use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::{Line as Drawn, Span, Text};
use ratatui::widgets::Paragraph;

use super::lines::{self, span, style};
use super::{areas_of, beside};
use crate::inspect::{Line, Origin, Outline, Sheet};
use crate::tui::model::{Model, Pane};
use crate::view::{self, Paint, inspect, text};

/// From so many columns on the dump stands beside the fields with sixteen bytes a row.
const WIDE: u16 = 130;
/// From so many columns on it has eight bytes a row, and else four, to leave room for what the fields say.
const MIDDLING: u16 = 72;
/// From so many columns and lines on it stands above them, sixteen bytes a row.
const TALL: (u16, u16) = (74, 22);
/// Lines for what is known of the field, in a tall pane, a middling one and a low one.
const DETAIL: [(u16, u16); 3] = [(20, 6), (12, 4), (0, 3)];
/// Rows of the dump above the fields.
const ROWS: u16 = 12;
/// From so many columns on a dump at the left has its bytes as characters beside it.
const WITH_TEXT: u16 = 92;

/// Where the parts of the pane are.
struct Parts {
    dump: Rect,
    tree: Rect,
    detail: Rect,
    /// Bytes in a row of the dump.
    row: usize,
    /// Whether they stand beside it as characters.
    text: bool,
}

/// The parts, for so many bytes; `dump` when that has the keys.
fn parts(area: Rect, bytes: usize, dump: bool) -> Parts {
    let detail = DETAIL.iter().find(|(from, _)| area.height >= *from);
    let detail = detail.map_or(0, |(_, lines)| *lines).min(area.height / 2);
    let [upper, detail] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(detail)]).areas(area);
    if area.width < WIDE && area.width >= TALL.0 && area.height >= TALL.1 {
        let rows = bytes.div_ceil(16).min(usize::from(ROWS)) as u16;
        let [dump, _, tree] = Layout::vertical([
            Constraint::Length(rows.min(upper.height / 2)),
            Constraint::Length(1),
            Constraint::Fill(1),
        ])
        .areas(upper);
        let (row, text) = (16, true);
        return Parts {
            dump,
            tree,
            detail,
            row,
            text,
        };
    }
    if dump && (TALL.0..WITH_TEXT).contains(&area.width) {
        // There is room for characters or for the fields. Who goes from byte to byte reads them.
        return Parts {
            dump: upper,
            tree: Rect { width: 0, ..upper },
            detail,
            row: 16,
            text: true,
        };
    }
    let row: usize = match area.width {
        WIDE.. => 16,
        MIDDLING.. => 8,
        _ => 4,
    };
    let text = area.width >= WITH_TEXT;
    // Offset, three columns a byte, a gap in the middle, and as characters.
    let width = 7 + row * 3 + row / 16 + if text { 2 + row } else { 0 };
    let [dump, _, tree] = Layout::horizontal([
        Constraint::Length(width as u16),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(upper);
    Parts {
        dump,
        tree,
        detail,
        row,
        text,
    }
}

/// Lines that the fields have room for, and bytes in a row of the dump.
pub(in crate::tui) fn room(model: &Model) -> (u16, usize) {
    let [_, area] = beside::body(areas_of(model).beside);
    let bytes = model.current().map_or(0, |row| row.bytes.len());
    let parts = parts(area, bytes, model.bytes.dump);
    let lines = if model.bytes.dump {
        parts.dump.height
    } else {
        parts.tree.height
    };
    (lines, parts.row)
}

/// What is looked at, and whether something is wrong.
pub(super) fn heading(model: &Model) -> String {
    let said = model.with_sheet(|_, sheet, _| {
        let mut said = Vec::new();
        match sheet.troubles.len() {
            0 => {}
            1 => said.push("! 1 problem".to_owned()),
            n => said.push(format!("! {n} problems")),
        }
        if model.focus == Pane::Bytes {
            said.push(
                if model.bytes.dump {
                    "in the dump, x for the fields"
                } else {
                    "in the fields, x for the dump"
                }
                .to_owned(),
            );
        }
        said.join(", ")
    });
    said.unwrap_or_default()
}

/// Draws it.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    if model.current().is_some_and(|row| !row.has_frame()) {
        let none = "No packet: of this nothing was on the wire.";
        return frame.render_widget(span(model, Paint::Dim, none), area);
    }
    let _ = model.with_sheet(|_, sheet, _| {
        let outline = Outline::new(sheet);
        let at = model.bytes.at(&outline);
        let Some(line) = outline.line(at) else {
            let text = span(model, Paint::Dim, "no byte of it was captured");
            return frame.render_widget(text, area);
        };
        let parts = parts(area, sheet.frame.len(), model.bytes.dump);
        dump(model, &outline, sheet, line, &parts, frame);
        tree(model, &outline, sheet, at, parts.tree, frame);
        let detail = inspect::detail(&style(model, parts.detail.width), sheet, &outline, line);
        let mut detail = detail.join("\n").into_bytes();
        if matches!(line, Line::Rest(_) | Line::Datagram | Line::Header(_)) {
            fragments(model, parts.detail.width, &mut detail);
        }
        let detail = lines::lines_of(&detail);
        frame.render_widget(Paragraph::new(detail), parts.detail);
    });
}

/// The fragments that are put together, where the frame is one of them.
fn fragments(model: &Model, width: u16, out: &mut Vec<u8>) {
    let pieces = model.pieces();
    let (this, whole) = model
        .current()
        .map_or((0, 0), |row| (row.frame, usize::from(row.fragments())));
    // One connection alone has the frame that completed it: what was before that was not known to be of it.
    if whole > pieces.len() && model.flow.is_some() {
        let text = format!("from {whole} fragments; o shows the rows of the others, too");
        for line in text::wrap(&text, width.into()) {
            let _ = write!(out, "\n{}", model.look.style.paint(Paint::State, line));
        }
    } else if !pieces.is_empty() {
        // Writing to memory can't fail.
        let _ = inspect::pieces(&style(model, width), &pieces, this, out);
    }
}

/// The first of so many rows, for one of them to be in their middle, or near it.
const fn first_of(at: usize, count: usize, room: usize) -> usize {
    let first = at.saturating_sub(room / 2);
    let last = count.saturating_sub(room);
    if first < last { first } else { last }
}

fn dump(
    model: &Model,
    outline: &Outline<'_, '_>,
    sheet: &Sheet<'_>,
    line: Line,
    parts: &Parts,
    frame: &mut Frame<'_>,
) {
    let (origin, range) = outline.bytes_of(line);
    let bytes = sheet.bytes(origin);
    let within = model.bytes.within.min(range.len().saturating_sub(1));
    let byte = range.start + within;
    let room = usize::from(parts.dump.height);
    let first = first_of(byte / parts.row, bytes.len().div_ceil(parts.row), room);
    let here = (model.focus == Pane::Bytes && !range.is_empty()).then_some(byte);
    let rows = bytes.chunks(parts.row).enumerate().skip(first).take(room);
    let rows = rows.map(|(row, bytes)| {
        let row = Row {
            start: row * parts.row,
            bytes,
            chosen: &range,
            here,
        };
        row.draw(model, parts, |byte| owner(sheet, origin, byte))
    });
    let text = Text::from(rows.collect::<Vec<_>>());
    frame.render_widget(Paragraph::new(text), parts.dump);
}

/// A row of the dump.
struct Row<'a> {
    /// Its first byte.
    start: usize,
    bytes: &'a [u8],
    /// The bytes that are marked.
    chosen: &'a Range<usize>,
    /// The one that is looked at.
    here: Option<usize>,
}

impl Row<'_> {
    fn draw(
        &self,
        model: &Model,
        parts: &Parts,
        owner: impl Fn(usize) -> Option<usize>,
    ) -> Drawn<'static> {
        let mut spans = vec![span(model, Paint::Dim, format!("{:04x} ", self.start))];
        let mut text = vec![Span::raw("  ")];
        let mut marked_before = false;
        for (index, &value) in self.bytes.iter().enumerate() {
            let at = self.start + index;
            let paint = owner(at).map_or(Paint::Dim, inspect::look);
            let chosen = self.chosen.contains(&at);
            let mark = |span: Span<'static>, chosen| if chosen { span.reversed() } else { span };
            let gap = if index == 8 { " " } else { "" };
            // What is between two bytes of the field is marked with them.
            let between = span(model, paint, self.sign(index));
            spans.push(mark(between, chosen && marked_before && gap.is_empty()));
            spans.push(Span::raw(gap));
            spans.push(mark(span(model, paint, format!("{value:02x}")), chosen));
            let shown = match value {
                b' '..=b'~' => char::from(value),
                _ => '.',
            };
            text.push(mark(span(model, paint, shown), chosen));
            marked_before = chosen;
        }
        spans.push(span(model, Paint::Plain, self.sign(self.bytes.len())));
        if parts.text {
            let missing = (parts.row - self.bytes.len()) * 3;
            let gap = usize::from(parts.row > 8 && self.bytes.len() <= 8);
            spans.push(Span::raw(" ".repeat(missing + gap)));
            spans.extend(text);
        }
        Drawn::from(spans)
    }

    /// What stands before the byte of that index: the byte looked at is in brackets.
    fn sign(&self, index: usize) -> &'static str {
        match self.here {
            Some(here) if here == self.start + index && index < self.bytes.len() => "[",
            Some(here) if index > 0 && here + 1 == self.start + index => "]",
            _ => " ",
        }
    }
}

/// Index of the header that a byte belongs to, the innermost.
fn owner(sheet: &Sheet<'_>, origin: Origin, byte: usize) -> Option<usize> {
    sheet.headers.iter().rposition(|header| {
        let from = header.offset as usize;
        header.origin == origin && (from..from + header.len as usize).contains(&byte)
    })
}

fn tree(
    model: &Model,
    outline: &Outline<'_, '_>,
    sheet: &Sheet<'_>,
    at: usize,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let shown = model.bytes.shown(outline);
    let chosen = shown.iter().position(|index| *index == at).unwrap_or(0);
    let room = usize::from(area.height);
    let first = first_of(chosen, shown.len(), room);
    let style = style(model, area.width.saturating_sub(2));
    let mut drawn = Vec::new();
    for &index in shown.iter().skip(first).take(room) {
        let Some(line) = outline.line(index) else {
            continue;
        };
        let sign = match line {
            _ if index == at => "> ",
            Line::Header(header) if model.bytes.is_folded(outline, header) => "+ ",
            _ => "  ",
        };
        let mut text = lines::line(&view::inspect::line(&style, sheet, outline, line));
        text.spans.insert(0, span(model, Paint::Strong, sign));
        drawn.push(match index == at {
            true if model.focus == Pane::Bytes => text.reversed(),
            true => text.bold(),
            false => text,
        });
    }
    frame.render_widget(Paragraph::new(Text::from(drawn)), area);
}
