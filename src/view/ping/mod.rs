//! What `ping` prints: lines as iputils has them, so that eyes and scripts find what they know, and
//! below a line that is out of the ordinary, what it means.

mod explain;
mod json;
mod route;
mod show;

use std::io::{self, Write};
use std::net::IpAddr;

pub use json::Json;
pub use show::{Asked, Packet};

use super::text::{escape, width, wrap};
use super::{Paint, Style};
use crate::event::{
    Damage, EchoError, EchoEvent, EchoState, EchoStatistics, OtherMessage, Reply, ReplyFault,
    RoundTrips, units,
};
use crate::frame::Timestamp;
use crate::wire::echo;

/// A host as it is named on the screen.
#[derive(Clone, Debug)]
pub struct Host {
    /// As it was asked for.
    pub name: String,
    /// What it turned out to be, with its zone.
    pub address: String,
    /// Bytes of data in a request.
    pub size: usize,
    /// Bytes of a whole packet.
    pub whole: usize,
}

/// What of it is printed.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Shows {
    /// `-q`: the figures alone.
    pub quiet: bool,
    /// `-f`: a dot for a request, taken away again by its reply.
    pub flood: bool,
    /// `-D`: the time before each line.
    pub times: bool,
    /// `-O`: requests without a reply when the next is made.
    pub outstanding: bool,
    /// `-A`, `-f`: the pace is part of the figures.
    pub pace: bool,
    /// `-a`: the bell at each good reply.
    pub audible: bool,
    /// `--explain`: each figure's formula with its numbers.
    pub explain: bool,
}

/// Prints for people.
#[derive(Debug)]
pub struct Text {
    style: Style,
    shows: Shows,
}

impl Text {
    /// Prints in that style.
    pub const fn new(style: Style, shows: Shows) -> Self {
        Self { style, shows }
    }

    /// The lines before everything: who is asked, and over what kind of socket.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn begin(&self, host: &Host, how: &str, out: &mut dyn Write) -> io::Result<()> {
        let name = escape(&host.name);
        let sizes = format!("{}({}) bytes of data.", host.size, host.whole);
        let whole = format!("PING {name} ({}) {sizes}", host.address);
        // Two IPv6 addresses with their zones alone may fill a line.
        let apart = if width(&whole) <= usize::from(self.style.width) {
            " "
        } else {
            "\n    "
        };
        writeln!(
            out,
            "PING {} ({}){apart}{sizes}",
            self.style.paint(Paint::Strong, &name),
            host.address,
        )?;
        self.below(how, Paint::Dim, out)
    }

    /// One thing that happened.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn event(&self, event: &EchoEvent, out: &mut dyn Write) -> io::Result<()> {
        if self.shows.flood && !self.shows.quiet {
            return match event {
                EchoEvent::Sent { .. } => out.write_all(b"."),
                EchoEvent::Reply(reply) if reply.fault.is_none() && reply.number == 1 => {
                    out.write_all(b"\x08 \x08")
                }
                EchoEvent::Reply(_) | EchoEvent::Error { .. } => out.write_all(b"\x08E"),
                _ => Ok(()),
            };
        }
        if self.shows.quiet {
            return Ok(());
        }
        match event {
            EchoEvent::Reply(reply) => self.reply(reply, out),
            EchoEvent::Error {
                seq, time, error, ..
            } => self.error(*seq, *time, error, out),
            EchoEvent::Outstanding { seq, time, .. } if self.shows.outstanding => {
                self.stamp(*time, out)?;
                writeln!(out, "no answer yet for icmp_seq={seq}")
            }
            EchoEvent::Other(message) => self.other(message, out),
            _ => Ok(()),
        }
    }

    fn stamp(&self, time: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        if !self.shows.times {
            return Ok(());
        }
        let micros = time.as_nanos() / 1_000;
        write!(out, "[{}.{:06}] ", micros / 1_000_000, micros % 1_000_000)
    }

    fn reply(&self, reply: &Reply, out: &mut dyn Write) -> io::Result<()> {
        self.stamp(reply.time, out)?;
        if self.shows.audible && reply.fault.is_none() {
            out.write_all(b"\x07")?;
        }
        write!(
            out,
            "{} bytes from {}: icmp_seq={}",
            reply.bytes, reply.from, reply.seq
        )?;
        if let Some(ttl) = reply.ttl {
            write!(out, " ttl={ttl}")?;
        }
        write!(out, " time={} ms", milliseconds(reply.round_trip.ns))?;
        let mut said = Vec::new();
        if reply.number > 1 {
            said.push("DUP!");
        }
        if reply.late {
            said.push("late");
        }
        if reply.reordered {
            said.push("reordered");
        }
        if !said.is_empty() {
            write!(
                out,
                " {}",
                self.style
                    .paint(Paint::Caution, format!("({})", said.join(", ")))
            )?;
        }
        let what = match &reply.fault {
            None => {
                writeln!(out)?;
                return route::show(reply.route.as_ref(), out);
            }
            Some(ReplyFault::Truncated { came, sent }) => {
                format!("truncated: {came} of {sent} bytes came back, and those are right")
            }
            Some(ReplyFault::WrongSource { asked }) => {
                format!("DIFFERENT ADDRESS! {asked} was asked")
            }
            Some(ReplyFault::Corrupted(damage)) => corrupted(damage),
        };
        writeln!(out)?;
        self.below(&what, Paint::Trouble, out)
    }

    fn other(&self, it: &OtherMessage, out: &mut dyn Write) -> io::Result<()> {
        self.stamp(it.time, out)?;
        let line = format!(
            "From {}: {} (type {}, code {}), {} bytes, about no open request",
            it.from,
            capital(it.meaning),
            it.kind,
            it.code,
            it.bytes
        );
        writeln!(out, "{}", self.style.paint(Paint::Dim, line))
    }

    fn error(
        &self,
        seq: u16,
        time: Timestamp,
        error: &EchoError,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.stamp(time, out)?;
        let mtu = error
            .mtu
            .map(|mtu| format!(" (mtu = {mtu})"))
            .unwrap_or_default();
        let what = format!("{}{mtu}", capital(&error.meaning));
        let line = match (error.from, error.icmp) {
            (Some(from), Some(_)) => format!("From {from} icmp_seq={seq} {what}"),
            _ => format!("icmp_seq={seq} not sent: {}{mtu}", error.meaning),
        };
        for (number, line) in wrap(&line, self.columns()).iter().enumerate() {
            let indent = if number == 0 { "" } else { "  " };
            writeln!(out, "{indent}{}", self.style.paint(Paint::Trouble, line))?;
        }
        for line in quoted(error) {
            self.below(&line, Paint::Dim, out)?;
        }
        Ok(())
    }

    /// Columns for a line with two spaces before it.
    fn columns(&self) -> usize {
        usize::from(self.style.width).saturating_sub(2)
    }

    /// What a line means, below it.
    fn below(&self, what: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(what, self.columns()) {
            writeln!(out, "  {}", self.style.paint(paint, line))?;
        }
        Ok(())
    }

    /// The figures of a host whose requests are all settled.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(&self, host: &Host, s: &EchoStatistics, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n--- {} ping statistics ---", escape(&host.name))?;
        let faults = [
            EchoState::Corrupted,
            EchoState::Truncated,
            EchoState::WrongSource,
        ]
        .map(|state| (s.in_state(state), state.name()));
        let more = [(s.duplicates, "duplicates")].into_iter().chain(faults);
        let mut parts = vec![
            format!("{} packets transmitted", s.transmitted),
            format!("{} received", s.received),
        ];
        parts.extend(
            more.chain([(s.errors, "errors")])
                .filter(|(number, _)| *number > 0)
                .map(|(number, what)| format!("+{number} {what}")),
        );
        if s.unsent > 0 {
            parts.push(format!("{} not sent", s.unsent));
        }
        if let Some(loss) = s.loss() {
            parts.push(format!("{}% packet loss", general(loss * 100.0)));
        }
        parts.push(format!("time {}ms", s.elapsed_ns / 1_000_000));
        let line = parts.join(", ");
        for line in wrap(&line, usize::from(self.style.width)) {
            writeln!(out, "{line}")?;
        }
        if let Some(figures) = &s.round_trips {
            self.round_trips(s, figures, out)?;
        }
        let states: Vec<String> = EchoState::ALL
            .iter()
            .filter(|&&state| s.in_state(state) > 0)
            .map(|&state| format!("{} {}", units::count(s.in_state(state)), state.name()))
            .collect();
        if s.in_state(EchoState::Answered) < s.transmitted + s.unsent {
            for line in wrap(
                &format!("each request: {}", states.join(", ")),
                self.columns(),
            ) {
                writeln!(out, "{line}")?;
            }
        }
        if self.shows.explain {
            self.explain(s, out)?;
        }
        Ok(())
    }

    fn round_trips(
        &self,
        s: &EchoStatistics,
        f: &RoundTrips,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let ms = thousandths;
        write!(
            out,
            "rtt min/avg/max/mdev = {}/{}/{}/{} ms",
            ms(f.min_ns),
            ms(f.avg_ns),
            ms(f.max_ns),
            ms(f.mdev_ns)
        )?;
        if s.pipe > 1 {
            write!(out, ", pipe {}", s.pipe)?;
        }
        writeln!(out)?;
        if self.shows.pace && s.transmitted > 1 {
            let gap = s.elapsed_ns / (s.transmitted - 1);
            writeln!(out, "ipg/ewma {}/{} ms", ms(gap), ms(f.ewma_ns))?;
        }
        let about = if f.exact { "" } else { "about " };
        writeln!(
            out,
            "median {about}{} ms, p95 {about}{} ms, jitter {} ms",
            ms(f.median_ns),
            ms(f.p95_ns),
            ms(f.jitter_ns)
        )
    }

    /// How it stands, in a line, as iputils answers SIGQUIT.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn asked(&self, host: &Host, s: &EchoStatistics, out: &mut dyn Write) -> io::Result<()> {
        write!(
            out,
            "\r{}: {}/{} packets, {}% loss",
            escape(&host.name),
            s.received,
            s.transmitted,
            (s.loss().unwrap_or(0.0) * 100.0) as u64
        )?;
        if let Some(f) = &s.round_trips {
            let ms = thousandths;
            write!(
                out,
                ", min/avg/ewma/max = {}/{}/{}/{} ms",
                ms(f.min_ns),
                ms(f.avg_ns),
                ms(f.ewma_ns),
                ms(f.max_ns)
            )?;
        }
        writeln!(out)
    }
}

/// Which byte is not what it should be, in words.
pub(super) fn corrupted(damage: &Damage) -> String {
    let field = echo::field_at(damage.at);
    let first = match damage.expected {
        Some(expected) => {
            let bits: Vec<String> = (0..8_u8)
                .rev()
                .filter(|bit| (expected ^ damage.found) >> bit & 1 == 1)
                .map(|bit| bit.to_string())
                .collect();
            let bits = match bits.as_slice() {
                [one] => format!(" (bit {one})"),
                _ => format!(" (bits {})", bits.join(", ")),
            };
            format!(
                "byte {} ({field}) should be {expected:#04x}, is {:#04x}{bits}",
                damage.at, damage.found
            )
        }
        None => format!("byte {} and what follows was never sent", damage.at),
    };
    let number = units::plural(damage.bytes as u64, "byte");
    let verb = if damage.bytes == 1 {
        "differs"
    } else {
        "differ"
    };
    let sum = if damage.checksum_fits {
        "the checksum is right all the same: changed before it was computed, or mended after"
    } else {
        "the checksum shows it"
    };
    format!("corrupted: {first}; {number} {verb}; {sum}")
}

/// What an error quotes, and what changed on the way.
pub(super) fn quoted(error: &EchoError) -> Vec<String> {
    let Some(quote) = &error.quote else {
        return Vec::new();
    };
    let header = if quote.with_header {
        ""
    } else {
        " from its ICMP header on (the kernel keeps the IP header from a datagram socket)"
    };
    let unchanged = if quote.changes.is_empty() {
        ": as it was sent"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "quotes {} bytes of the request{header}{unchanged}",
        quote.bytes
    )];
    lines.extend(quote.changes.iter().map(|change| {
        format!(
            "{} was {}, is {}: {}",
            change.field, change.sent, change.quoted, change.why
        )
    }));
    lines
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

/// Milliseconds as iputils has them: three digits or more, no more than are known.
fn milliseconds(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    match ns {
        100_000_000.. => format!("{ms:.0}"),
        10_000_000.. => format!("{ms:.1}"),
        1_000_000.. => format!("{ms:.2}"),
        // iputils counts microseconds, and what is less than one is cut off.
        _ => thousandths(ns),
    }
}

/// Milliseconds with three decimals.
fn thousandths(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// A number as C's `%g` has it: six digits, no zeros at the end.
fn general(number: f64) -> String {
    let before = if number < 1.0 {
        1
    } else {
        number.log10() as usize + 1
    };
    let text = format!("{number:.*}", 6_usize.saturating_sub(before));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Who sent or was asked, as JSON has it.
fn shown(address: Option<IpAddr>) -> Option<String> {
    address.map(|address| address.to_string())
}

#[cfg(test)]
mod tests;
