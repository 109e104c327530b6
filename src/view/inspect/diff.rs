//! Two frames field by field: what differs, what only one has, how much is the same.

use std::io::{self, Write};

use super::cut;
use crate::inspect::{Change, Difference};
use crate::view::text::{width, wrap};
use crate::view::{Paint, Style};

/// Writes the differences between frames `of.0` and `of.1`.
///
/// # Errors
///
/// Whatever writing gives.
pub fn diff(
    style: &Style,
    of: (u64, u64),
    difference: &Difference,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = usize::from(style.width);
    let (one, two) = of;
    let fields = difference.changes.len();
    let text = format!(
        "frames {one} and {two}: {} fields alike, {fields} not",
        difference.alike
    );
    writeln!(out, "{}", style.paint(Paint::Strong, text))?;
    let each = columns.saturating_sub(38) / 2;
    let mut layer = "";
    for change in &difference.changes {
        let Change {
            header,
            key: _,
            name,
            part,
            values: (before, after),
            by,
        } = change;
        if layer != *header {
            layer = header;
            writeln!(out, "\n{}", style.paint(Paint::Strong, layer))?;
        }
        let name = match part {
            Some(part) => format!("{part}: {name}"),
            None => (*name).to_owned(),
        };
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let (before, after) = (show(before), show(after));
        let by = by.map_or(String::new(), |by| format!("  ({by:+})"));
        let line = format!("  {:32}  {before:each$}  ", cut(&name, 32));
        if width(&line) + width(&after) + width(&by) <= columns && width(&before) <= each {
            writeln!(out, "{line}{}{by}", style.paint(Paint::Caution, after))?;
            continue;
        }
        // Too long to stand side by side.
        writeln!(out, "  {name}{by}")?;
        for (number, value, paint) in [(one, before, Paint::Plain), (two, after, Paint::Caution)] {
            for line in wrap(&format!("{number}: {value}"), columns - 6) {
                writeln!(out, "      {}", style.paint(paint, line))?;
            }
        }
    }
    if difference.data.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for line in &difference.data {
        for line in wrap(line, columns) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
