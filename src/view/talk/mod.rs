//! What `server` and `client` show: each call as it ends, what it carried, what its error means, and the
//! segments that belong to it. Calls that follow each other quickly and are much alike share a line.

mod buffers;
mod json;
mod text;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

pub use buffers::panel;
pub use json::Json;

use super::ladder::caption;
use super::text::{escape, width, wrap};
use super::{Paint, Style};
use crate::event::{Event, Segment, units};
use crate::frame::Timestamp;
use crate::sockets::Watched;
use crate::talk::{CallLine, Lacking, Message, Way, of_call};
use text::{malformed, pieces};

/// Calls of a kind in a row that are shown one by one.
const SINGLY: u32 = 10;
/// Calls that share a line at most.
const GROUP: u64 = 10_000;
/// A call that blocks so long is always shown by itself, in nanoseconds.
const LONG: u64 = 100_000_000;
/// Most lines that one text takes.
const LINES: usize = 4;
/// Where the column of segments begins, and how wide a terminal must be to have one.
const ASIDE: (usize, usize) = (66, 120);

/// Shows a talk as text.
#[derive(Debug)]
pub struct Text {
    style: Style,
    /// Whether segments have a column of their own, to the right of the calls.
    aside: bool,
    /// Whether this is the server.
    server: bool,
    /// The server's port, which tells what is sent from what comes.
    port: u16,
    start: Timestamp,
    /// What was explained already.
    explained: BTreeSet<&'static str>,
    /// Connections by the address of their peer.
    names: BTreeMap<String, String>,
    /// Alike calls in a row, by socket and call.
    rows: BTreeMap<(String, String), Row>,
    /// Segments that are not shown one by one.
    segments: u64,
    /// Buffers as they were shown last.
    watched: Vec<Watched>,
}

/// Calls in a row.
#[derive(Clone, Debug, Default)]
struct Row {
    seen: u32,
    calls: u64,
    bytes: u64,
    blocked: u64,
    malformed: usize,
    arguments: String,
}

impl Text {
    /// Times count from `start`. With `segments`, a wide terminal is divided between calls and segments.
    pub fn new(style: Style, server: bool, segments: bool, start: Timestamp) -> Self {
        Self {
            aside: segments && usize::from(style.width) >= ASIDE.1,
            style,
            server,
            port: 0,
            start,
            explained: BTreeSet::new(),
            names: BTreeMap::new(),
            rows: BTreeMap::new(),
            segments: 0,
            watched: Vec::new(),
        }
    }

    /// The server's port, once it is known.
    pub const fn port(&mut self, port: u16) {
        self.port = port;
    }

    /// A line at the beginning or the end.
    ///
    /// # Errors
    ///
    /// Whatever writing gives; so do the others.
    pub fn line(&mut self, line: &str, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out)?;
        for line in wrap(line, self.style.width.into()) {
            writeln!(out, "{}", self.style.paint(Paint::Strong, line))?;
        }
        Ok(())
    }

    /// A call that has ended, and what its error means.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn call(
        &mut self,
        call: &CallLine,
        advice: &[String],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.joins(call) {
            let full = self.rows.values().any(|row| row.calls >= GROUP);
            return if full { self.flush(out) } else { Ok(()) };
        }
        self.flush(out)?;
        if call.call == "accept"
            && let Some(peer) = call.arguments.strip_prefix("from ")
        {
            // As many as there can be at once are remembered, and some.
            if self.names.len() > 1_000 {
                self.names.clear();
            }
            self.names.insert(peer.to_owned(), call.socket.clone());
        }
        self.head(call, out)?;
        if call.errno.is_none()
            && call
                .result
                .is_some_and(|it| it > 0 || !matches!(&*call.call, "send" | "recv"))
            && let Some(meaning) = of_call(&call.call, &call.arguments)
            && self.explained.insert(meaning)
        {
            self.detail(Paint::Dim, meaning, out)?;
        }
        for sentence in advice {
            self.detail(Paint::Caution, sentence, out)?;
        }
        Ok(())
    }

    /// Whether the call is one of many, and shares their line.
    fn joins(&mut self, call: &CallLine) -> bool {
        let Some(bytes) = call.result.and_then(|it| u64::try_from(it).ok()) else {
            return false;
        };
        let routine = matches!(&*call.call, "send" | "recv") && bytes > 0;
        if self.style.all || !routine {
            return false;
        }
        let key = (call.socket.clone(), call.call.clone());
        if call.blocked_ns >= LONG && !self.rows.contains_key(&key) {
            return false;
        }
        let row = self.rows.entry(key).or_default();
        row.seen += 1;
        if row.seen <= SINGLY || call.blocked_ns >= LONG {
            return false;
        }
        row.calls += 1;
        row.bytes = row.bytes.saturating_add(bytes);
        row.blocked = row.blocked.saturating_add(call.blocked_ns);
        row.arguments.clone_from(&call.arguments);
        true
    }

    /// The line of a call.
    fn head(&self, call: &CallLine, out: &mut dyn Write) -> io::Result<()> {
        let style = &self.style;
        let at = units::seconds(
            call.time
                .nanos_since(self.start)
                .saturating_add(call.blocked_ns),
        );
        let mut line = self.prefix(&at, &call.socket);
        let (paint, result) = match (call.result, &call.errno) {
            (Some(n), _) => (Paint::Strong, format!(" = {n}")),
            (None, Some(errno)) => (Paint::Trouble, format!(" = {errno}")),
            (None, None) => (Paint::Caution, " has not returned".to_owned()),
        };
        line.push_str(&style.paint(Paint::Strong, &call.call).to_string());
        let _ = write!(line, "({})", escape(&call.arguments));
        if !result.is_empty() {
            line.push_str(&style.paint(paint, result).to_string());
        }
        if call.blocked_ns >= 1_000_000 {
            let blocked = format!("  blocked {}", units::nanos(call.blocked_ns));
            line.push_str(&style.paint(Paint::State, blocked).to_string());
        }
        writeln!(out, "{line}")
    }

    fn prefix(&self, at: &str, socket: &str) -> String {
        let at = self
            .style
            .paint(Paint::Dim, format!("{at:>9} "))
            .to_string();
        if self.server && socket.is_empty() {
            format!("{at}    ")
        } else if self.server {
            format!(
                "{at}{} ",
                self.style.paint(Paint::State, format!("{socket:<3}"))
            )
        } else {
            at
        }
    }

    /// Columns before what is told of a call.
    const fn indent(&self) -> usize {
        if self.server { 14 } else { 10 }
    }

    fn room(&self) -> usize {
        self.columns().saturating_sub(self.indent() + 2)
    }

    /// Columns for calls.
    fn columns(&self) -> usize {
        if self.aside {
            ASIDE.0 - 1
        } else {
            self.style.width.into()
        }
    }

    fn detail(&self, paint: Paint, text: &str, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(&escape(text), self.room().min(100)) {
            let indent = self.indent() + 2;
            writeln!(out, "{:indent$}{}", "", self.style.paint(paint, line))?;
        }
        Ok(())
    }

    /// What a call carried.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn message(&mut self, message: &Message, out: &mut dyn Write) -> io::Result<()> {
        let call = match message.way {
            Way::Sent => "send",
            Way::Received => "recv",
        };
        let key = (message.socket.clone(), call.to_owned());
        if let Some(row) = self.rows.get_mut(&key).filter(|row| row.calls > 0) {
            row.malformed += message.decoded.malformed_total;
            return Ok(());
        }
        let decoded = &message.decoded;
        if decoded.completed > 0 && message.way == Way::Received {
            let said = format!(
                "its first character began in the recv before, with {}",
                units::bytes(decoded.completed as u64)
            );
            self.detail(Paint::State, &said, out)?;
        }
        self.words(message, out)?;
        let characters = decoded.text.chars().count() as u64;
        if characters < message.bytes
            && decoded.malformed_total + decoded.completed + decoded.pending == 0
            && self.explained.insert("characters")
        {
            let said = format!(
                "{} of {} are {}",
                units::bytes(message.bytes),
                message.encoding,
                units::plural(characters, "character")
            );
            self.detail(Paint::Dim, &said, out)?;
        }
        if decoded.pending > 0 && message.way == Way::Received {
            let whole = decoded
                .of
                .map_or_else(String::new, |of| format!(" of the {of} of a character"));
            let said = format!(
                "cut inside a character: at the end {}{whole}; the rest comes with the next recv",
                units::plural(decoded.pending as u64, "byte"),
            );
            self.detail(Paint::Caution, &said, out)?;
        }
        if decoded.malformed_total > 0 && (!is_binary(message) || self.explained.insert("binary")) {
            self.detail(Paint::Caution, &malformed(message), out)?;
        }
        Ok(())
    }

    /// The text of a message.
    fn words(&self, message: &Message, out: &mut dyn Write) -> io::Result<()> {
        if message.decoded.text.is_empty() {
            return Ok(());
        }
        let arrow = match (message.way, self.style.unicode) {
            (Way::Sent, true) => "→",
            (Way::Received, true) => "←",
            (Way::Sent, false) => ">",
            (Way::Received, false) => "<",
        };
        let shown = escape(&message.decoded.text);
        let most = if is_binary(message) { 1 } else { LINES };
        let (lines, left) = pieces(&shown, self.room().saturating_sub(4), most);
        let (indent, last) = (self.indent(), lines.len().saturating_sub(1));
        for (at, line) in lines.iter().enumerate() {
            let arrow = if at == 0 { arrow } else { " " };
            let open = if at == 0 { "\"" } else { " " };
            let close = if at == last && left == 0 { "\"" } else { "" };
            let line = self
                .style
                .paint(Paint::Good, format!("{open}{line}{close}"));
            writeln!(out, "{:indent$}{arrow} {line}", "")?;
        }
        if left > 0 {
            let more = format!("… and {} more", units::plural(left as u64, "character"));
            self.detail(Paint::Dim, &more, out)?;
        }
        Ok(())
    }

    /// Something worth knowing; each about the same thing is told once only.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn remark(
        &mut self,
        socket: &str,
        time: Timestamp,
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.flush(out)?;
        if !socket.is_empty() || !self.server {
            return self.detail(Paint::Dim, text, out);
        }
        let at = units::seconds(time.nanos_since(self.start));
        let room = self.columns().saturating_sub(self.indent()).min(102);
        for (number, line) in wrap(&escape(text), room).into_iter().enumerate() {
            let prefix = self.prefix(if number == 0 { &at } else { "" }, "");
            writeln!(out, "{prefix}{}", self.style.paint(Paint::Dim, line))?;
        }
        Ok(())
    }

    /// A text that was not sent, or sent with something in place of what the encoding lacks.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn lacking(
        &mut self,
        lacking: &Lacking,
        instead: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.flush(out)?;
        let said = match instead {
            None => format!(
                "Not sent: {} --lacking ? would send ? in its place.",
                lacking.sentence()
            ),
            Some(instead) => format!("Sent with '{instead}' instead: {}", lacking.sentence()),
        };
        self.detail(Paint::Caution, &said, out)
    }

    /// A segment, between the calls that it belongs to.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Segment(segment) => self.segment(segment, out),
            Event::Notice(notice) => writeln!(out, "({notice})"),
            _ => Ok(()),
        }
    }

    fn segment(&mut self, s: &Segment<'_>, out: &mut dyn Write) -> io::Result<()> {
        if s.notes.is_empty() && self.rows.values().any(|row| row.calls > 0) {
            self.segments += 1;
            return Ok(());
        }
        let style = &self.style;
        let comes = (s.dst.port == self.port) == self.server;
        let peer = if comes { s.src } else { s.dst };
        let name = self.names.get(&peer.to_string()).map_or("", String::as_str);
        let at = units::seconds(s.time.nanos_since(self.start));
        let indent = if self.aside { ASIDE.0 } else { 2 };
        let arrow = match (comes, style.unicode) {
            (true, true) => "◀──",
            (false, true) => "──▶",
            (true, false) => "<--",
            (false, false) => "-->",
        };
        let name = if self.server {
            format!("{name:<3} ")
        } else {
            String::new()
        };
        let paint = if comes {
            Paint::Responder
        } else {
            Paint::Initiator
        };
        let mut line = format!(
            "{:indent$}{} {name}",
            "",
            style.paint(Paint::Dim, format!("{at:>9}"))
        );
        line.push_str(&style.paint(paint, arrow).to_string());
        let tags: Vec<String> = s
            .notes
            .iter()
            .map(|note| note.kind.name().to_owned())
            .collect();
        let taken = indent + 10 + width(&name) + 3;
        let room = usize::from(style.width).saturating_sub(taken + 2);
        let for_tags: usize = tags.iter().map(|tag| width(tag) + 3).sum();
        for (paint, piece) in caption(s, style, room.saturating_sub(for_tags)) {
            line.push(' ');
            line.push_str(&style.paint(paint, piece).to_string());
        }
        for (note, tag) in s.notes.iter().zip(tags) {
            let tag = style.paint(Paint::of(note.kind), format!("[{tag}]"));
            let _ = write!(line, " {tag}");
        }
        writeln!(out, "{line}")
    }

    /// A moment of rest: what shares a line has it now.
    #[expect(clippy::missing_errors_doc, reason = "as for `line`")]
    pub fn idle(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out)?;
        self.rows.clear();
        Ok(())
    }

    /// Shows what shares lines.
    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<_> = self
            .rows
            .iter_mut()
            .filter(|(_, row)| row.calls > 0)
            .map(|(key, row)| {
                let seen = row.seen;
                let shown = std::mem::take(row);
                row.seen = seen;
                (key.clone(), shown)
            })
            .collect();
        for ((socket, call), row) in rows {
            let mut said = format!(
                "{call}({}): {}, {}",
                escape(&row.arguments),
                units::plural(row.calls, "more call"),
                units::bytes(row.bytes)
            );
            if row.blocked >= 1_000_000 {
                let _ = write!(said, ", blocked {} in all", units::nanos(row.blocked));
            }
            if row.malformed > 0 {
                let _ = write!(
                    said,
                    "; {} sequences are no text",
                    units::count(row.malformed as u64)
                );
            }
            let prefix = self.prefix("", &socket);
            writeln!(out, "{prefix}{}", self.style.paint(Paint::Dim, said))?;
        }
        if self.segments > 0 {
            let said = format!("and {} like these", units::plural(self.segments, "segment"));
            self.segments = 0;
            self.detail(Paint::Dim, &said, out)?;
        }
        Ok(())
    }
}

/// Whether it is no text at all, so that the beginning says enough.
fn is_binary(message: &Message) -> bool {
    message.decoded.malformed_total * 10 > message.decoded.text.chars().count()
}

#[cfg(test)]
mod tests;
