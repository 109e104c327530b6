//! `wirelab craft` as text: what can be set, what was sent and how, what came back.

pub mod json;

pub use crate::craft::quoted;

use std::io::{self, Write};
use std::time::Duration;

use super::text::{escape, wrap};
use super::{Paint, Style, dump};
use crate::craft::{Answer, Choice, Entry, Kind, Recipe};
use crate::decode::Packet;
use crate::frame::Frame;
use crate::inspect::{Difference, Silenced};

/// From so many columns on a field's meaning stands beside it.
const WIDE: u16 = 100;

/// The command that makes a packet again and shows it; without `--dry-run` it would be sent. `None` where `craft` has
/// no words for it.
pub fn again(frame: &Frame<'_>, packet: &Packet<'_>) -> Option<String> {
    let (recipe, padding) = Recipe::again(frame, packet)?;
    let padding = match padding {
        0 => String::new(),
        count => format!(" --pad {count}"),
    };
    Some(format!(
        "wirelab craft --dry-run{padding} {}",
        recipe.command()
    ))
}

/// Writes what can be set in a layer.
///
/// # Errors
///
/// Whatever writing gives.
pub fn listing(
    style: &Style,
    kind: &Kind,
    entries: &[Entry],
    out: &mut dyn Write,
) -> io::Result<()> {
    let heading = format!("{}: {}", kind.name, kind.about);
    writeln!(out, "{}", style.paint(Paint::Strong, heading))?;
    let others = kind.others.join(", ");
    if !others.is_empty() {
        writeln!(out, "  also called {others}")?;
    }
    let names = entries.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let usuals = entries
        .iter()
        .filter_map(|it| it.usual.as_ref().map(String::len));
    let usuals = usuals.max().unwrap_or(0).max("automatic".len());
    let column = 2 + names + 2 + 4 + 2 + usuals + 2;
    for entry in entries {
        let bits = entry.slot.field.bits;
        let usual = entry.usual.as_deref().unwrap_or("automatic");
        let padding = usuals.saturating_sub(usual.len()) * usize::from(style.width >= WIDE);
        let usual = style.paint(Paint::Dim, usual);
        write!(
            out,
            "  {:names$}  {bits:4}  {usual}{:padding$}",
            entry.name, ""
        )?;
        let about = format!("{} ({})", entry.slot.field.meaning, entry.slot.field.rfc);
        let (indent, columns) = if style.width >= WIDE {
            (column, usize::from(style.width) - column)
        } else {
            writeln!(out)?;
            (
                names + 10,
                usize::from(style.width).saturating_sub(names + 10),
            )
        };
        for (number, line) in wrap(&about, columns.max(20)).iter().enumerate() {
            let indent = match (number, style.width >= WIDE) {
                (0, true) => 2,
                _ => indent,
            };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    let mut below = Vec::new();
    if let Some((name, how)) = kind.tail {
        below.push(format!("{name}= {how}"));
    }
    let messages: Vec<String> = kind
        .messages()
        .map(|(name, of_type, code)| match (kind.name, code) {
            ("arp", _) => format!("{name} ({of_type})"),
            _ => format!("{name} ({of_type}/{code})"),
        })
        .collect();
    if !messages.is_empty() {
        below.push(format!("messages: {}", messages.join(", ")));
    }
    for text in below {
        for (number, line) in wrap(&text, usize::from(style.width) - 6).iter().enumerate() {
            let indent = if number == 0 { 2 } else { 6 };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

/// Where packets go, and how.
#[derive(Clone, Debug)]
pub struct Leaving<'a> {
    /// How many packets there are, and how many bytes in all.
    pub packets: (usize, usize),
    /// Where to, in words.
    pub to: String,
    /// The interface.
    pub interface: &'a str,
    /// The way that was chosen.
    pub choice: &'a Choice,
}

/// Says by which way packets leave, and why.
///
/// # Errors
///
/// Whatever writing gives.
pub fn leaving(style: &Style, leaving: &Leaving<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (packets, bytes) = leaving.packets;
    let what = match packets {
        1 => format!("{bytes} bytes"),
        n => format!("{n} packets, {bytes} bytes together,"),
    };
    let text = format!(
        "sending {what} {} by {}: {}",
        leaving.to,
        escape(leaving.interface),
        leaving.choice.way.name()
    );
    lines(style, Paint::Strong, &text, 0, out)?;
    reasons(style, leaving.choice, out)
}

/// Says by which way packets would leave that are not sent, and why.
///
/// # Errors
///
/// Whatever writing gives.
pub fn would_leave(style: &Style, choice: &Choice, out: &mut dyn Write) -> io::Result<()> {
    let text = format!("not sent; it would leave through: {}", choice.way.name());
    writeln!(out)?;
    lines(style, Paint::Strong, &text, 0, out)?;
    reasons(style, choice, out)
}

/// Why that way, and what the kernel makes of packets on it.
fn reasons(style: &Style, choice: &Choice, out: &mut dyn Write) -> io::Result<()> {
    lines(style, Paint::Dim, &choice.why, 2, out)?;
    for rewrite in &choice.rewrites {
        lines(
            style,
            Paint::Caution,
            &format!("the kernel: {rewrite}"),
            2,
            out,
        )?;
    }
    Ok(())
}

/// Says what came back.
///
/// # Errors
///
/// Whatever writing gives.
pub fn answer(
    style: &Style,
    answer: Answer,
    after: Duration,
    summary: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let after = after.as_nanos() as f64 / 1e6;
    let text = format!("answer after {after:.3} ms: {summary}");
    lines(style, Paint::Good, &text, 0, out)?;
    lines(style, Paint::Dim, answer.why(), 2, out)
}

/// Says what this machine's kernel makes of a SYN-ACK to a SYN that it knows nothing of.
///
/// # Errors
///
/// Whatever writing gives.
pub fn reset_follows(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let text = "this machine's kernel knows nothing of this connection and answers the SYN-ACK with an RST \
                at once (RFC 9293 3.10.7.1); for one that lasts: wirelab craft handshake";
    lines(style, Paint::Caution, text, 2, out)
}

/// Says that nothing came back, and of a packet with errors that this was to be expected.
///
/// # Errors
///
/// Whatever writing gives.
pub fn silence(
    style: &Style,
    timeout: Duration,
    wrong: &[Silenced],
    out: &mut dyn Write,
) -> io::Result<()> {
    let seconds = timeout.as_secs_f64();
    let hint = if wrong.is_empty() {
        format!("; -W {} waits longer", (seconds * 2.0).ceil())
    } else {
        String::new()
    };
    let text = format!("no answer within {seconds} s{hint}");
    lines(style, Paint::Caution, &text, 0, out)?;
    for Silenced { what, why } in wrong {
        lines(style, Paint::Plain, &format!("{what}: {why}"), 2, out)?;
    }
    Ok(())
}

/// A packet at its three stages.
#[derive(Debug)]
pub struct Stages<'a> {
    /// The words that asked for it, a line a layer.
    pub asked: &'a [String],
    /// As it was built.
    pub built: &'a [u8],
    /// As it was seen to leave, or why it was not.
    pub on_wire: Result<&'a [u8], &'a str>,
    /// What differs between the two.
    pub difference: Option<&'a Difference>,
}

/// Shows a packet as it was asked for, built, and seen to leave.
///
/// # Errors
///
/// Whatever writing gives.
pub fn stages(style: &Style, stages: &Stages<'_>, out: &mut dyn Write) -> io::Result<()> {
    lines(style, Paint::Strong, "asked", 0, out)?;
    for layer in stages.asked {
        lines(style, Paint::Plain, layer, 2, out)?;
    }
    let heading = format!("built: {} bytes", stages.built.len());
    lines(style, Paint::Strong, &heading, 0, out)?;
    dump::write(style, stages.built, out)?;
    let bytes = match stages.on_wire {
        Ok(bytes) => bytes,
        Err(why) => {
            lines(style, Paint::Strong, "on the wire", 0, out)?;
            return lines(style, Paint::Dim, why, 2, out);
        }
    };
    let heading = format!("on the wire: {} bytes", bytes.len());
    lines(style, Paint::Strong, &heading, 0, out)?;
    dump::write(style, bytes, out)?;
    lines(
        style,
        Paint::Strong,
        "what was changed on the way out",
        0,
        out,
    )?;
    let Some(difference) = stages.difference.filter(|_| bytes != stages.built) else {
        return lines(
            style,
            Paint::State,
            "nothing: it left as it was built, byte for byte",
            2,
            out,
        );
    };
    for change in &difference.changes {
        let value = |it: &Option<String>| it.clone().unwrap_or_else(|| "nothing".to_owned());
        let (one, two) = (value(&change.values.0), value(&change.values.1));
        let text = format!("{} {}: {one} became {two}", change.header, change.name);
        lines(style, Paint::Caution, &text, 2, out)?;
    }
    for line in &difference.data {
        lines(style, Paint::Plain, line, 2, out)?;
    }
    Ok(())
}

/// Text in lines, further ones two columns further in.
fn lines(
    style: &Style,
    paint: Paint,
    text: &str,
    indent: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = usize::from(style.width).saturating_sub(indent + 2).max(20);
    for (number, line) in wrap(text, columns).iter().enumerate() {
        let indent = if number == 0 { indent } else { indent + 2 };
        writeln!(out, "{:indent$}{}", "", style.paint(paint, line))?;
    }
    Ok(())
}
