//! What `craft handshake` prints: each segment as an arrow, below it why each number is what it is, then our
//! variables and what the far kernel made of it; and what was demanded of it.

mod json;

use std::io::{self, Write};

pub use json::Json;

use super::text::{escape, glimpse, width, wrap};
use super::{Paint, Style};
use crate::event::{
    HandmadeEnd, HandmadeEvent, HandmadeSegment, Judgement, KernelNews, LinkNews, Reason, Remark,
    TcpState, Variables, units,
};
use crate::frame::Timestamp;
use crate::wire::tcp::Flags;

/// Columns before what an arrow says, and before what belongs to it.
const ARROW: usize = 15;
const INDENT: usize = 6;

/// What is said before everything.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// What will happen, in a line.
    pub title: String,
    /// Who takes part, and what else is to be known: a name and a sentence each.
    pub facts: Vec<(&'static str, String)>,
}

/// Prints for people.
#[derive(Debug)]
pub struct Text {
    style: Style,
    /// Without the reasons.
    brief: bool,
    start: Option<Timestamp>,
    /// Reasons that were given before.
    told: Vec<Reason>,
}

/// Most reasons that are remembered.
const MOST_TOLD: usize = 200;

impl Text {
    /// Prints in that style; `brief` leaves the reasons out.
    pub const fn new(style: Style, brief: bool) -> Self {
        Self {
            style,
            brief,
            start: None,
            told: Vec::new(),
        }
    }

    /// The lines before everything.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn begin(&self, opening: &Opening, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(&opening.title, self.columns(0)) {
            writeln!(out, "{}", self.style.paint(Paint::Strong, line))?;
        }
        let most = opening.facts.iter().map(|(name, _)| name.len()).max();
        let column = most.unwrap_or(0) + 4;
        for (name, what) in &opening.facts {
            self.hanging(2, column, name, Paint::Dim, what, Paint::Plain, out)?;
        }
        Ok(())
    }

    /// One thing that happened.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn event(&mut self, event: &HandmadeEvent, out: &mut dyn Write) -> io::Result<()> {
        match event {
            HandmadeEvent::Link(link) => self.link(link, out),
            HandmadeEvent::Segment(segment) => self.segment(segment, out),
            HandmadeEvent::Remark(remark) => self.remark(remark, out),
            HandmadeEvent::Kernel(news) => self.kernel(news, out),
            HandmadeEvent::Call(call) => {
                let text = format!("their program: {}", escape(&call.text));
                self.aside(call.time, &text, Paint::Dim, out)
            }
            HandmadeEvent::Judged(judgement) => self.judgement(judgement, out),
        }
    }

    fn columns(&self, indent: usize) -> usize {
        usize::from(self.style.width).saturating_sub(indent).max(20)
    }

    fn time(&mut self, time: Timestamp) -> String {
        let start = *self.start.get_or_insert(time);
        let micros = time.nanos_since(start) / 1000;
        format!("{:>3}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    const fn arrow(&self, sent: bool) -> &'static str {
        match (sent, self.style.unicode) {
            (true, true) => "──▶",
            (false, true) => "◀──",
            (true, false) => "-->",
            (false, false) => "<--",
        }
    }

    /// The first line of something on the wire.
    fn head(
        &mut self,
        time: Timestamp,
        sent: bool,
        text: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = self.time(time);
        let paint = if sent {
            Paint::Initiator
        } else {
            Paint::Responder
        };
        let arrow = self.arrow(sent);
        for (number, line) in wrap(text, self.columns(ARROW)).iter().enumerate() {
            let line = self.style.paint(paint, line);
            if number == 0 {
                let arrow = self.style.paint(paint, arrow);
                writeln!(
                    out,
                    "{} {arrow} {line}",
                    self.style.paint(Paint::Dim, &time)
                )?;
            } else {
                writeln!(out, "{:ARROW$}{line}", "")?;
            }
        }
        Ok(())
    }

    /// Something that belongs to what stands above.
    fn below(&self, text: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(text, self.columns(INDENT)) {
            writeln!(out, "{:INDENT$}{}", "", self.style.paint(paint, line))?;
        }
        Ok(())
    }

    /// Something at the far end, with the time at which it was so.
    fn aside(
        &mut self,
        time: Timestamp,
        text: &str,
        paint: Paint,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = self.time(time);
        let column = width(&time) + 1;
        self.hanging(0, column, &time, Paint::Dim, text, paint, out)
    }

    /// A name, and what there is to say of it in a column beside.
    #[expect(
        clippy::too_many_arguments,
        reason = "a place, two texts and their looks"
    )]
    fn hanging(
        &self,
        indent: usize,
        column: usize,
        name: &str,
        name_paint: Paint,
        text: &str,
        paint: Paint,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let pad = column.saturating_sub(indent + width(name)).max(1);
        let column = indent + width(name) + pad;
        for (number, line) in wrap(text, self.columns(column)).iter().enumerate() {
            let line = self.style.paint(paint, line);
            if number == 0 {
                let name = self.style.paint(name_paint, name);
                writeln!(out, "{:indent$}{name}{:pad$}{line}", "", "")?;
            } else {
                writeln!(out, "{:column$}{line}", "")?;
            }
        }
        Ok(())
    }

    fn link(&mut self, link: &LinkNews, out: &mut dyn Write) -> io::Result<()> {
        self.head(link.time, link.sent, &link.text, out)?;
        if link.why.is_empty() || self.brief {
            return Ok(());
        }
        let text = format!("{} ({})", link.why, link.rfc);
        self.below(&text, Paint::Dim, out)
    }

    fn segment(&mut self, s: &HandmadeSegment, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let text = self.line(s);
        self.head(s.time, s.sent, &text, out)?;
        if let Some(mistake) = &s.mistake {
            let text = format!("on purpose: {mistake}");
            self.below(&text, Paint::Caution, out)?;
        }
        let [was, now] = s.states;
        if was != now {
            let to = if self.style.unicode { "→" } else { "->" };
            let text = format!("we: {was} {to} {now}");
            self.below(&text, Paint::State, out)?;
        }
        if self.brief {
            return Ok(());
        }
        let longest = s.reasons.iter().map(|it| width(&it.what)).max();
        let column = INDENT + longest.unwrap_or(0).min(22) + 4;
        for reason in &s.reasons {
            // The same once more would hide what is new.
            let known = self.told.iter().any(|told| told == reason);
            if known && reason.ok {
                continue;
            }
            self.reason(reason, is_meant(s, reason), column, out)?;
            if self.told.len() < MOST_TOLD {
                self.told.push(reason.clone());
            }
        }
        self.variables(&s.variables, out)
    }

    /// Our variables, in a line or two.
    fn variables(&self, v: &Variables, out: &mut dyn Write) -> io::Result<()> {
        let next = v
            .rcv_nxt
            .map_or("(nothing yet)".to_owned(), |next| next.to_string());
        let send = format!(
            "SND.UNA {}, SND.NXT {}, SND.WND {}",
            v.snd_una, v.snd_nxt, v.snd_wnd
        );
        let receive = format!("RCV.NXT {next}, RCV.WND {}", v.rcv_wnd);
        let whole = format!("{send}, {receive}");
        if width(&whole) <= self.columns(INDENT) {
            let line = self.style.paint(Paint::Dim, whole);
            return writeln!(out, "{:INDENT$}{line}", "");
        }
        self.below(&send, Paint::Dim, out)?;
        self.below(&receive, Paint::Dim, out)
    }

    /// `SYN seq 5 win 65535 mss 1460`.
    fn line(&self, s: &HandmadeSegment) -> String {
        let mut words = Vec::new();
        for (flag, name) in [
            (Flags::SYN, "SYN"),
            (Flags::FIN, "FIN"),
            (Flags::RST, "RST"),
            (Flags::PSH, "PSH"),
            (Flags::ACK, "ACK"),
            (Flags::URG, "URG"),
            (Flags::ECE, "ECE"),
            (Flags::CWR, "CWR"),
        ] {
            if s.flags.has(flag) {
                words.push(name.to_owned());
            }
        }
        words.push(format!("seq {}", s.seq));
        words.extend(s.ack.map(|ack| format!("ack {ack}")));
        if !s.data.is_empty() {
            words.push(format!("len {}", s.data.len()));
            words.extend(glimpse(&s.data, self.style.encoding, 24));
        }
        words.push(format!("win {}", s.window));
        words.extend(s.options.mss.map(|mss| format!("mss {mss}")));
        if s.again > 0 {
            let nth = units::ordinal(s.again.into());
            words.push(format!("(again, {nth} repetition)"));
        }
        words.join(" ")
    }

    fn reason(
        &self,
        reason: &Reason,
        meant: bool,
        column: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mark = match (meant, reason.ok, self.style.unicode) {
            (true, _, true) => "·",
            (true, _, false) => "-",
            (false, true, true) => "✓",
            (false, true, false) => "+",
            (false, false, true) => "✗",
            (false, false, false) => "!",
        };
        let paint = match (meant, reason.ok) {
            (_, false) => Paint::Caution,
            (true, true) => Paint::Plain,
            (false, true) => Paint::Good,
        };
        let name = format!("{mark} {}", reason.what);
        let text = if reason.rfc.is_empty() {
            reason.why.clone()
        } else {
            format!("{} ({})", reason.why, reason.rfc)
        };
        self.hanging(INDENT, column, &name, paint, &text, Paint::Plain, out)
    }

    fn remark(&mut self, remark: &Remark, out: &mut dyn Write) -> io::Result<()> {
        if let Some([was, now]) = remark.states {
            let to = if self.style.unicode { "→" } else { "->" };
            let time = self.time(remark.time);
            let states = self
                .style
                .paint(Paint::State, format!("we: {was} {to} {now}"));
            writeln!(out, "\n{} {states}", self.style.paint(Paint::Dim, &time))?;
        }
        let rfc = if remark.rfc.is_empty() {
            String::new()
        } else {
            format!(" ({})", remark.rfc)
        };
        self.below(&format!("{}{rfc}", remark.text), Paint::Plain, out)
    }

    fn kernel(&mut self, news: &KernelNews, out: &mut dyn Write) -> io::Result<()> {
        let to = if self.style.unicode { "→" } else { "->" };
        let state = match news.was {
            Some(was) if was != news.state => format!("{was} {to} {}", news.state),
            _ => news.state.to_string(),
        };
        let mut parts = vec![format!("their kernel: {state}")];
        if let (Some(backoff @ 1..), Some(rto)) = (news.backoff, news.rto_ns) {
            let next = units::nanos(rto.saturating_mul(1 << backoff.min(20)));
            let times = units::times(backoff.into());
            parts.push(format!("timer backed off {times}, next after about {next}"));
        }
        let queues = [("unread", news.recv_queue), ("unsent", news.send_queue)];
        for (what, bytes) in queues {
            if let Some(bytes @ 1..) = bytes
                && news.state != TcpState::Listen
            {
                parts.push(format!("{} {what}", units::bytes(bytes)));
            }
        }
        self.aside(news.time, &parts.join(", "), Paint::State, out)
    }

    fn judgement(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        let (mark, paint) = match (judgement.agrees, self.style.unicode) {
            (true, true) => ("✓ as demanded", Paint::Good),
            (true, false) => ("as demanded", Paint::Good),
            (false, true) => ("✗ NOT as demanded", Paint::Trouble),
            (false, false) => ("NOT as demanded", Paint::Trouble),
        };
        let indent = INDENT - 2;
        let column = indent + 9;
        writeln!(out)?;
        let first = format!("{mark}: we {}", judgement.did);
        for line in wrap(&first, self.columns(indent)) {
            writeln!(out, "{:indent$}{}", "", self.style.paint(paint, line))?;
        }
        let demand = format!("{} ({})", judgement.demand, judgement.rfc);
        let plain = Paint::Plain;
        self.hanging(indent, column, "demand", Paint::Dim, &demand, plain, out)?;
        self.hanging(
            indent,
            column,
            "answer",
            Paint::Dim,
            &judgement.answer,
            plain,
            out,
        )?;
        if let Some(remark) = judgement.remark {
            self.hanging(indent, column, "note", Paint::Dim, remark, plain, out)?;
        }
        Ok(())
    }

    /// The last lines.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(&self, end: &HandmadeEnd, out: &mut dyn Write) -> io::Result<()> {
        let [agreed, all] = end.agreed;
        let paint = if end.ok { Paint::Good } else { Paint::Trouble };
        writeln!(out)?;
        for line in wrap(&end.text, self.columns(0)) {
            writeln!(out, "{}", self.style.paint(paint, line))?;
        }
        let mut parts = vec![format!(
            "{} sent, {} received in {}",
            units::plural(end.sent, "segment"),
            end.received,
            units::nanos(end.elapsed_ns),
        )];
        if all > 0 {
            parts.push(format!("{agreed} of {all} answers as demanded"));
        }
        let kernel = end
            .kernel
            .map(|kernel| format!(", their socket in {kernel}"));
        parts.push(format!(
            "we ended in {}{}",
            end.state,
            kernel.unwrap_or_default()
        ));
        let text = parts.join("; ");
        for line in wrap(&text, self.columns(0)) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

/// Whether nothing is to be marked as wrong: what we send is so on purpose, and what asks for our closed
/// window has to be outside it (RFC 9293 section 3.8.6.1).
fn is_meant(s: &HandmadeSegment, reason: &Reason) -> bool {
    let asks = s.variables.rcv_wnd == 0
        && s.variables
            .rcv_nxt
            .is_some_and(|next| s.seq == next || s.seq.plus(1) == next);
    s.sent || !reason.ok && asks && !reason.what.starts_with("checksum")
}

#[cfg(test)]
mod tests;
