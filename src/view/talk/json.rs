//! `--format json` of `server` and `client`: `call`, `message`, `told` and `lacking` lines
//! (docs/schema.json). Segments among them are as `capture` has them.

use std::io::{self, Write};

use serde::Serialize;

use super::text::hex;
use crate::event::Event;
use crate::frame::Timestamp;
use crate::talk::{self, CallLine, Lacking, Message};
use crate::view::View;

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Message(MessageLine<'a>),
    Told(RemarkLine<'a>),
    Lacking(LackingLine<'a>),
}

#[derive(Serialize)]
struct MessageLine<'a> {
    host: &'static str,
    socket: &'a str,
    time: Timestamp,
    way: &'static str,
    bytes: u64,
    encoding: &'static str,
    text: &'a str,
    completed: usize,
    pending: usize,
    malformed: Vec<Bytes>,
    malformed_total: usize,
}

#[derive(Serialize)]
struct Bytes {
    offset: u64,
    bytes: String,
}

#[derive(Serialize)]
struct RemarkLine<'a> {
    host: &'static str,
    socket: &'a str,
    time: Timestamp,
    text: &'a str,
}

#[derive(Serialize)]
struct LackingLine<'a> {
    host: &'static str,
    socket: &'a str,
    time: Timestamp,
    encoding: &'a str,
    characters: Vec<Character>,
    total: usize,
    instead: Option<&'a str>,
}

#[derive(Serialize)]
struct Character {
    character: char,
    at: usize,
}

/// Writes a talk as JSON lines.
#[derive(Debug)]
pub struct Json {
    host: &'static str,
    segments: crate::view::Json,
}

impl Json {
    /// Of `server` or `client`.
    pub fn new(server: bool) -> Self {
        Self {
            host: if server { "server" } else { "client" },
            segments: crate::view::Json::new(crate::view::Lines::Everything),
        }
    }

    /// A call, and what its error means.
    ///
    /// # Errors
    ///
    /// Whatever writing gives; so do the others.
    pub fn call(&self, call: &CallLine, advice: &[String], out: &mut dyn Write) -> io::Result<()> {
        let line = talk::Line::Call(call.clone());
        writeln!(out, "{}", line.to_json())?;
        for text in advice {
            self.remark(&call.socket, call.time, text, out)?;
        }
        Ok(())
    }

    /// What a call carried.
    #[expect(clippy::missing_errors_doc, reason = "as for `call`")]
    pub fn message(&self, message: &Message, out: &mut dyn Write) -> io::Result<()> {
        let decoded = &message.decoded;
        let malformed = decoded.malformed.iter().map(|it| Bytes {
            offset: it.offset,
            bytes: hex(&it.bytes, ""),
        });
        write(
            &Line::Message(MessageLine {
                host: self.host,
                socket: &message.socket,
                time: message.time,
                way: message.way.name(),
                bytes: message.bytes,
                encoding: message.encoding,
                text: &decoded.text,
                completed: decoded.completed,
                pending: decoded.pending,
                malformed: malformed.collect(),
                malformed_total: decoded.malformed_total,
            }),
            out,
        )
    }

    /// Something worth knowing.
    #[expect(clippy::missing_errors_doc, reason = "as for `call`")]
    pub fn remark(
        &self,
        socket: &str,
        time: Timestamp,
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let host = self.host;
        write(
            &Line::Told(RemarkLine {
                host,
                socket,
                time,
                text,
            }),
            out,
        )
    }

    /// Characters that an encoding lacks.
    #[expect(clippy::missing_errors_doc, reason = "as for `call`")]
    pub fn lacking(
        &self,
        socket: &str,
        time: Timestamp,
        lacking: &Lacking,
        instead: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let of = |&(character, at): &(char, usize)| Character { character, at };
        write(
            &Line::Lacking(LackingLine {
                host: self.host,
                socket,
                time,
                encoding: lacking.encoding,
                characters: lacking.characters.iter().map(of).collect(),
                total: lacking.total,
                instead,
            }),
            out,
        )
    }

    /// A segment.
    #[expect(clippy::missing_errors_doc, reason = "as for `call`")]
    pub fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.segments.event(event, out)
    }
}

fn write(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    // Text and numbers: there is nothing in them that JSON could not say.
    let line = serde_json::to_string(line).unwrap_or_default();
    writeln!(out, "{line}")
}
