//! What stands above rows and below them: the headline, the phase a connection enters, running text.

use std::io::{self, Write};

use super::pen::{Pen, glyphs};
use crate::event::Phase;
use crate::view::{Paint, Style, text};
use crate::wire::tcp::TcpOptions;

/// What is shown, in a line or a few, and a line of air; nothing where there is nothing to say.
pub(super) fn headline(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.headline.is_empty() {
        return Ok(());
    }
    let width = usize::from(style.width).clamp(40, 100);
    for (at, paragraph) in style.headline.split('\n').enumerate() {
        let paint = if at == 0 { Paint::Strong } else { Paint::Plain };
        for line in text::wrap(paragraph, width) {
            writeln!(out, "{}", style.paint(paint, line))?;
        }
    }
    writeln!(out)
}

/// A thin line with the phase's name, and what was agreed when the transfer begins.
pub(super) fn phase(
    pen: &mut Pen,
    style: &Style,
    tag: Option<u32>,
    phase: Phase,
    offers: Option<[Option<TcpOptions>; 2]>,
) {
    let width = usize::from(style.width).max(40);
    let rule = glyphs(style).rule;
    let name = match phase {
        Phase::Setup => "setup",
        Phase::Transfer => "transfer",
        Phase::Teardown => "teardown",
    };
    let agreed = match (phase, offers) {
        (Phase::Transfer, Some([Some(a), Some(b)])) => agreed(&a, &b),
        _ => String::new(),
    };
    let paint = Paint::Dim;
    pen.clear().run(style, paint, rule, 2).plain(" ");
    if let Some(flow) = tag {
        pen.put(style, Paint::Strong, &format!("#{flow} "));
    }
    pen.put(style, Paint::State, name).plain(" ");
    if !agreed.is_empty() {
        let room = width.saturating_sub(pen.used() + 6);
        pen.run(style, paint, rule, 2).plain(" ");
        pen.put(style, Paint::Plain, &text::fit(&agreed, room))
            .plain(" ");
    }
    let rest = width.saturating_sub(pen.used());
    pen.run(style, paint, rule, rest);
}

/// Words one after the other, broken into lines.
pub(super) struct Flowing<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) pen: &'a mut Pen,
    pub(super) style: &'a Style,
    pub(super) width: usize,
}

impl Flowing<'_> {
    pub(super) fn word(&mut self, paint: Paint, word: &str) -> io::Result<()> {
        if self.pen.used() + text::width(word) > self.width {
            writeln!(self.out, "{}", self.pen.finish())?;
            self.pen.clear().plain("  ");
        }
        self.pen
            .put(self.style, paint, &word.replace('\u{a0}', " "))
            .plain(" ");
        Ok(())
    }

    pub(super) fn end(self) -> io::Result<()> {
        writeln!(self.out, "{}", self.pen.finish())
    }
}

/// What two SYNs agreed on: an option is in force when both offered it.
fn agreed(a: &TcpOptions, b: &TcpOptions) -> String {
    let mut parts = Vec::new();
    let mss = |o: &TcpOptions| o.mss.map_or("none".to_owned(), |mss| mss.to_string());
    parts.push(if a.mss == b.mss {
        format!("MSS {}", mss(a))
    } else {
        format!("MSS {}/{}", mss(a), mss(b))
    });
    if let (Some(x), Some(y)) = (a.wscale, b.wscale) {
        let times = |shift: u8| 1_u32 << shift.min(14);
        parts.push(if x == y {
            format!("windows ×{}", times(x))
        } else {
            format!("windows ×{}/×{}", times(x), times(y))
        });
    } else {
        parts.push("windows unscaled".to_owned());
    }
    parts.push(
        if a.sack_permitted && b.sack_permitted {
            "SACK"
        } else {
            "no SACK"
        }
        .to_owned(),
    );
    parts.push(
        if a.ts.is_some() && b.ts.is_some() {
            "timestamps"
        } else {
            "no timestamps"
        }
        .to_owned(),
    );
    parts.join(", ")
}
