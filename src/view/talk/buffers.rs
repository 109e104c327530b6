//! `--watch`: the buffers of the connections, below the talk on a terminal, else among its lines.

use std::io::{self, Write};

use super::Text;
use crate::event::units;
use crate::frame::Timestamp;
use crate::sockets::Watched;
use crate::view::sockets::{Long, brief, live, live_heading};
use crate::view::{Paint, Style, text};

/// Most connections that are shown in a line each, beside the one in full.
const OTHERS: usize = 3;

impl Text {
    /// The buffers of those whose have changed since they were shown last, among the lines of the talk.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn buffers(
        &mut self,
        time: Timestamp,
        all: &[Watched],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        for it in all {
            let before = self
                .watched
                .iter_mut()
                .find(|before| before.name == it.name);
            match before {
                Some(before) if it.is_as(before) => continue,
                Some(before) => it.clone_into(before),
                None => self.watched.push(it.clone()),
            }
            self.flush(out)?;
            let at = units::seconds(time.nanos_since(self.start));
            let state = self.style.paint(Paint::State, it.near.state.name());
            writeln!(out, "{}buffers, {state}", self.prefix(&at, &it.name))?;
            let indent = self.indent();
            let style = Style {
                width: u16::try_from(self.columns().saturating_sub(indent)).unwrap_or(u16::MAX),
                ..self.style.clone()
            };
            for line in live(it, &style, Long::Wrapped) {
                writeln!(out, "{:indent$}{line}", "")?;
            }
        }
        self.watched
            .retain(|before| all.iter().any(|it| it.name == before.name));
        Ok(())
    }
}

/// The lines of a panel: a rule, the first connection in full, the others in a line each, at most `rows`.
pub fn panel(all: &[Watched], rows: usize, style: &Style) -> Vec<String> {
    let heading = all.first().map_or_else(
        || "nobody is connected".to_owned(),
        |it| live_heading(it, style),
    );
    let mut lines = vec![rule(&format!("buffers  {heading}"), style)];
    if let Some((first, others)) = all.split_first() {
        lines.extend(live(first, style, Long::Cut));
        let shown = if others.len() > OTHERS {
            OTHERS - 1
        } else {
            OTHERS
        };
        lines.extend(others.iter().take(shown).map(|it| brief(it, style)));
        if others.len() > shown {
            let more = format!("  and {} more", others.len() - shown);
            lines.push(style.paint(Paint::Dim, more).to_string());
        }
    }
    lines.truncate(rows);
    lines
}

/// A rule across the terminal with a heading in it.
fn rule(heading: &str, style: &Style) -> String {
    let dash = if style.unicode { "─" } else { "-" };
    let width = usize::from(style.width);
    let heading = text::fit(heading, width.saturating_sub(6));
    let rest = width.saturating_sub(text::width(&heading) + 4);
    let (left, right) = (dash.repeat(2), dash.repeat(rest));
    format!(
        "{} {} {}",
        style.paint(Paint::Dim, left),
        style.paint(Paint::Strong, heading),
        style.paint(Paint::Dim, right)
    )
}
