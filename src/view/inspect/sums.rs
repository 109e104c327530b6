//! Checksums worked out, word by word, as text.
//!
//! ```text
//! c TCP checksum 0xb125: good [RFC 9293 3.1]
//!   source        0a00 0001
//!   …
//!   sum 0x34ed8, carries added back in: 0x4edb, complement 0xb124
//! ```

use std::io::{self, Write};

use super::{letter, look};
use crate::decode::Checksum;
use crate::inspect::{From, Sheet, Word, Working};
use crate::view::text::wrap;
use crate::view::{Paint, Style};

/// Writes every working.
///
/// # Errors
///
/// Whatever writing gives.
pub fn sums(
    style: &Style,
    sheet: &Sheet<'_>,
    workings: &[Working],
    out: &mut dyn Write,
) -> io::Result<()> {
    if workings.is_empty() {
        writeln!(out, "no header here has a checksum")?;
    }
    for (index, working) in workings.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let name = sheet
            .headers
            .get(working.header)
            .map_or("", |header| header.name);
        let text = format!(
            "{} {name} checksum {:#06x}: {} [{}]",
            letter(working.header),
            working.stated,
            verdict(working.verdict),
            working.rfc
        );
        writeln!(out, "{}", style.paint(look(working.header), text))?;
        words(style, &working.words, out)?;
        outcome(style, working, out)?;
    }
    Ok(())
}

const fn verdict(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::Good => "good",
        Checksum::Bad => "bad",
        Checksum::Partial => "partial",
        Checksum::Unverified => "unverifiable",
        Checksum::Absent => "none was sent",
    }
}

/// Writes the words, as many a line as fit, those of one kind together, with the sum after each line.
fn words(style: &Style, words: &[Word], out: &mut dyn Write) -> io::Result<()> {
    let fit = usize::from(style.width).saturating_sub(36) / 5;
    let fit = fit.clamp(4, 16) / 4 * 4;
    let mut rest = words;
    while let Some(first) = rest.first() {
        let same = rest
            .iter()
            .take_while(|word| word.from == first.from)
            .count();
        let (line, after) = rest.split_at_checked(same.min(fit)).unwrap_or((rest, &[]));
        rest = after;
        let hex: Vec<_> = line
            .iter()
            .map(|word| format!("{:04x}", word.value))
            .collect();
        let place = match first.from {
            From::Header | From::Data => format!("at {}", first.at),
            _ => "pseudo".to_owned(),
        };
        let sum = line.last().map_or(0, |word| word.sum);
        let columns = fit * 5;
        writeln!(
            out,
            "  {:<11} {place:<9} {:columns$} {}",
            first.from.name(),
            hex.join(" "),
            style.paint(Paint::Dim, format_args!("{sum:#06x}"))
        )?;
    }
    Ok(())
}

/// Writes what becomes of the sum.
fn outcome(style: &Style, working: &Working, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    if working.words.iter().any(|word| word.odd) {
        lines.push(
            "the number of bytes is odd: the last one is summed with a zero byte after it"
                .to_owned(),
        );
    }
    let mut sum = working.words.last().map_or(0, |word| word.sum);
    for &fold in &working.folds {
        lines.push(format!(
            "carries added back in: {:#06x} + {:#x} = {fold:#06x}",
            sum & 0xffff,
            sum >> 16
        ));
        sum = fold;
    }
    lines.push(format!(
        "complement of {sum:#06x}: {:#06x}; the header says {:#06x}",
        working.computed, working.stated
    ));
    lines.push(match working.verdict {
        Checksum::Good => "good: they are the same".to_owned(),
        Checksum::Bad => format!(
            "bad: it should be {:#06x}; whoever receives it discards it",
            working.computed
        ),
        Checksum::Partial => {
            "partial: left to the network card, which had not done its part when the frame was captured".to_owned()
        }
        Checksum::Unverified => {
            "unverifiable: not all of the bytes it covers are here".to_owned()
        }
        Checksum::Absent => "the sender left it out, which UDP over IPv4 may".to_owned(),
    });
    let paint = match working.verdict {
        Checksum::Good => Paint::Good,
        Checksum::Bad => Paint::Trouble,
        _ => Paint::Caution,
    };
    let last = lines.len() - 1;
    for (index, line) in lines.into_iter().enumerate() {
        let paint = if index == last { paint } else { Paint::Plain };
        for line in wrap(&line, usize::from(style.width).saturating_sub(2)) {
            writeln!(out, "  {}", style.paint(paint, line))?;
        }
    }
    Ok(())
}
