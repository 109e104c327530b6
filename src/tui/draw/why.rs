//! The why pane: what is said of the row looked at, and of the frames that this rests on.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Text;
use ratatui::widgets::Paragraph;

use super::lines::{self, style};
use super::{beside, place_of};
use crate::event::{End, Event, Kept, Note};
use crate::tui::model::{Model, Pane};
use crate::tui::why::{Tour, evidence};
use crate::view::{self, BothLines, Paint};

/// Lines that it has room for, and lines that there are.
pub(in crate::tui) fn room(model: &Model) -> (u16, u16) {
    let [_, area] = beside::body(place_of(model, Pane::Why).unwrap_or_default());
    let lines = text(model, area.width).height();
    (area.height, u16::try_from(lines).unwrap_or(u16::MAX))
}

/// Where we are on the way through the evidence.
pub(super) fn heading(model: &Model) -> String {
    let next = model.current().map(evidence).unwrap_or_default();
    match model.tour() {
        Some(tour) => format!(
            "evidence {} of {} for frame {} (v next, Backspace back)",
            tour.at + 1,
            tour.frames.len(),
            tour.of
        ),
        None if next.is_empty() => String::new(),
        None => "v goes to what it rests on".to_owned(),
    }
}

/// Draws it.
pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let mut text = text(model, area.width);
    let room = usize::from(area.height);
    let hidden = text
        .height()
        .saturating_sub(room + usize::from(model.why.top));
    if hidden > 0 && room > 1 {
        // The last line that fits says that there are more, which takes that line, too.
        let more = format!(
            "… {} more lines: Tab comes here, ↓ scrolls, z makes room",
            hidden + 1
        );
        let more = if model.look.style.unicode {
            more
        } else {
            more.replace('…', "..").replace('↓', "down")
        };
        let at = usize::from(model.why.top) + room - 1;
        let more = lines::span(model, Paint::Dim, more);
        if let Some(line) = text.lines.get_mut(at) {
            *line = more.into();
        }
    }
    frame.render_widget(Paragraph::new(text).scroll((model.why.top, 0)), area);
}

/// What the frame that we have come to is evidence of: that is what was asked, so it stays in sight.
fn purpose(model: &Model, tour: &Tour, width: u16) -> Vec<u8> {
    let here = model.current().map(|row| row.frame);
    let row = model.pages.frame(tour.host, tour.of).map(|(_, row)| row);
    let notes = row.map(|row| row.notes.iter()).into_iter().flatten();
    let rests = |note: &&Note| {
        note.frames
            .iter()
            .chain(&note.of_frame)
            .any(|it| Some(*it) == here)
    };
    let mut said = String::new();
    for note in notes.filter(rests) {
        let tag = Paint::of(note.kind);
        let tag = model.look.style.paint(tag, view::tag(note));
        // Writing to a string can't fail.
        let _ = writeln!(said, "Frame {}, {tag}", tour.of);
        let room = usize::from(width).saturating_sub(2).max(20);
        for line in view::text::wrap(&note.why(), room) {
            let _ = writeln!(said, "  {line}");
        }
    }
    said.into_bytes()
}

/// What there is to say of a row that is no packet: a call, or what a kernel has in mind.
pub(super) fn beside_packets(model: &Model, row: &Kept, width: u16) -> Text<'static> {
    let mut out = Vec::new();
    if let (Some(shows), Some(joint)) = (model.look.both, &row.joint) {
        let lines = BothLines::new(style(model, width), shows, false, model.start);
        // Writing to memory can't fail.
        let _ = joint.with(|event| lines.aside(event, &mut out));
    }
    lines::lines_of(&out)
}

fn text(model: &Model, width: u16) -> Text<'static> {
    let Some(row) = model.current() else {
        return Text::default();
    };
    let mut reasons = view::reasons(style(model, width), row.frame, model.start);
    let (mut own, mut out, mut way, mut fate) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    if let (Some(shows), Some(joint)) = (model.look.both, &row.joint) {
        let lines = BothLines::new(style(model, width), shows, false, model.start);
        let _ = joint.with(|event| {
            lines.fate(event, &mut fate)?;
            lines.aside(event, &mut way)
        });
    }
    if !row.has_frame() {
        return beside_packets(model, row, width);
    }
    // Writing to memory can't fail.
    let _ = row.with(|event| reasons.event(event, &mut own));
    let _ = reasons.event(&Event::End(&End::default()), &mut out);
    // What this is evidence of stands first, and what became of the packet before what the rules made of that.
    let told = out.iter().position(|byte| *byte != b'\n').unwrap_or(0);
    let heading = out.iter().skip(told).position(|byte| *byte == b'\n');
    let said = heading.map_or(out.len(), |at| told + at + 1);
    out.splice(said..said, fate);
    let before = model
        .tour()
        .map_or_else(Vec::new, |tour| purpose(model, tour, width));
    out.splice(..told, before);
    out.append(&mut way);
    let frames = evidence(row);
    if !frames.is_empty() {
        out.push(b'\n');
    }
    for frame in frames {
        match model.evidence_row(frame) {
            Some(row) => {
                let _ = row.with(|event| reasons.event(event, &mut out));
            }
            None => out.extend_from_slice(format!("{frame:>5} is not at hand\n").as_bytes()),
        }
    }
    lines::lines_of(&out)
}
