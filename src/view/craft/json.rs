//! `--format json`: a line for the way taken, one for each packet that left, one for each answer, and
//! one at the end; docs/schema.json describes them.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::craft::{Answer, Choice, Entry, Kind};
use crate::wire::field::hex;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Craft {
        command: &'a str,
        via: &'static str,
        why: &'a str,
        rewrites: &'a [String],
        interface: Option<&'a str>,
        packets: usize,
    },
    Sent {
        number: u64,
        packet: usize,
        bytes: usize,
        hex: String,
    },
    Answer {
        number: u64,
        after_ns: u64,
        how: &'static str,
        summary: &'a str,
        hex: String,
    },
    Crafted {
        sent: u64,
        answered: Option<u64>,
    },
    Settable {
        layer: &'a str,
        name: &'a str,
        field: &'a str,
        bits: u16,
        usual: Option<&'a str>,
        meaning: &'a str,
        rfc: &'a str,
    },
}

fn write(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// The way taken by packets that `command` asks for.
///
/// # Errors
///
/// Whatever writing gives; so for all here.
pub fn craft(
    command: &str,
    choice: &Choice,
    interface: Option<&str>,
    packets: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = Line::Craft {
        command,
        via: choice.way.key(),
        why: &choice.why,
        rewrites: &choice.rewrites,
        interface,
        packets,
    };
    write(&line, out)
}

/// A packet that left: the how-manieth time, and which of them.
///
/// # Errors
///
/// Whatever writing gives.
pub fn sent(number: u64, packet: usize, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let line = Line::Sent {
        number,
        packet,
        bytes: bytes.len(),
        hex: hex(bytes),
    };
    write(&line, out)
}

/// What came back.
///
/// # Errors
///
/// Whatever writing gives.
pub fn answer(
    number: u64,
    answer: Answer,
    after: Duration,
    summary: &str,
    frame: &[u8],
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = Line::Answer {
        number,
        after_ns: after.as_nanos() as u64,
        how: answer.key(),
        summary,
        hex: hex(frame),
    };
    write(&line, out)
}

/// The end.
///
/// # Errors
///
/// Whatever writing gives.
pub fn end(sent: u64, answered: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    write(&Line::Crafted { sent, answered }, out)
}

/// What can be set in a layer.
///
/// # Errors
///
/// Whatever writing gives.
pub fn listing(kind: &Kind, entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    for entry in entries {
        let line = Line::Settable {
            layer: kind.name,
            name: &entry.name,
            field: entry.slot.field.name,
            bits: entry.slot.field.bits,
            usual: entry.usual.as_deref(),
            meaning: entry.slot.field.meaning,
            rfc: entry.slot.field.rfc,
        };
        write(&line, out)?;
    }
    Ok(())
}
