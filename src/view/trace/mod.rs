//! What `trace` prints: a line a hop, below it what is out of the ordinary, and at the end what was found.

mod explain;
mod json;
mod words;

use std::io::{self, Write};
use std::net::IpAddr;

pub use json::Json;

use super::text::{escape, width, wrap};
use super::{Paint, Style};
use crate::event::{Hop, Method, MtuStep, Probe, ProbeState, Trace, TraceEvent, units};

/// Columns before the address.
const MARGIN: usize = 5;
/// Columns of a time.
const TIME: usize = 9;
/// So many silent hops in a row get a line each; more share one.
const FEW_SILENT: usize = 2;

/// A host as it is named on the screen, and how it is traced.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it was asked for.
    pub name: String,
    /// What it turned out to be, with its zone.
    pub address: String,
    /// The same, to compare with.
    pub ip: IpAddr,
    /// What probes are.
    pub method: Method,
    /// The kind of socket.
    pub socket: &'static str,
    /// The last TTL.
    pub max: u8,
    /// Bytes of an IP packet.
    pub size: usize,
    /// How long an answer may take, in nanoseconds.
    pub wait_ns: u64,
    /// What quoted packets are told apart by, in words.
    pub matched_by: String,
}

/// Names of addresses, where they are wanted.
pub type Names<'a> = &'a mut dyn FnMut(IpAddr) -> Option<String>;

/// Prints for people.
#[derive(Debug)]
pub struct Text {
    style: Style,
    target: Target,
    explains: bool,
    hops: Vec<Hop>,
    /// Silent hops not printed yet.
    held: Vec<Hop>,
}

impl Text {
    /// Prints in that style; with `explains` it says how it all comes about.
    pub const fn new(style: Style, target: Target, explains: bool) -> Self {
        Self {
            style,
            target,
            explains,
            hops: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The lines before everything: who is looked for, and by which means.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn begin(&self, how: &str, out: &mut dyn Write) -> io::Result<()> {
        let name = escape(&self.target.name);
        writeln!(
            out,
            "TRACE {} ({}), {} at most{}",
            self.style.paint(Paint::Strong, &name),
            self.target.address,
            units::plural(self.target.max.into(), "hop"),
            match self.target.method {
                Method::Tcp => String::new(),
                _ => format!(", packets of {} bytes", self.target.size),
            }
        )?;
        self.indented(2, how, Paint::Dim, out)?;
        let address = self.address_columns();
        let heading = format!("hop  {:<address$}  round trips in ms", "address");
        writeln!(out, "{}", self.style.paint(Paint::Dim, heading))
    }

    /// Columns of an address. IPv6 ones can be longer; then times move to the right.
    fn address_columns(&self) -> usize {
        if self.target.ip.is_ipv6() { 26 } else { 15 }
    }

    /// One thing that happened.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn event(
        &mut self,
        event: &TraceEvent,
        names: Names<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match event {
            TraceEvent::Hop(hop) => {
                self.hops.push(hop.clone());
                if hop.answered() == 0 && hop.sent() > 0 {
                    self.held.push(hop.clone());
                    return Ok(());
                }
                self.flush(out)?;
                self.hop(hop, names, out)
            }
            TraceEvent::Late(probe) => {
                self.flush(out)?;
                self.amend(probe);
                self.late(probe, out)
            }
            TraceEvent::Mtu(step) => self.step(step, out),
            TraceEvent::Settled(_) => Ok(()),
        }
    }

    /// A late answer belongs to its hop, so that the verdict knows of it.
    fn amend(&mut self, late: &Probe) {
        let probes = self.hops.iter_mut().flat_map(|hop| &mut hop.probes);
        for probe in probes.filter(|it| it.number == late.number) {
            probe.clone_from(late);
        }
    }

    /// Prints the silent hops that were held back.
    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        if let ([first, .., last], true) = (&held[..], held.len() > FEW_SILENT) {
            let text = format!("{:>3} to {}: no answer", first.ttl, last.ttl);
            return writeln!(out, "{}", self.style.paint(Paint::Dim, text));
        }
        for hop in &held {
            let stars = format!("{:>TIME$}", "*").repeat(hop.probes.len().min(5));
            let address = self.address_columns();
            let text = format!("{:>3}  {:<address$}{stars}", hop.ttl, "no answer");
            writeln!(out, "{}", self.style.paint(Paint::Dim, text))?;
        }
        Ok(())
    }

    fn hop(&self, hop: &Hop, names: Names<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut addresses: Vec<Option<IpAddr>> = hop.addresses().into_iter().map(Some).collect();
        if addresses.is_empty() {
            addresses.push(None);
        }
        for (index, address) in addresses.iter().enumerate() {
            let ttl = if index == 0 {
                format!("{:>3}", hop.ttl)
            } else {
                " ".repeat(3)
            };
            // What was not answered stands with the first.
            let of =
                |probe: &&Probe| probe.from() == *address || index == 0 && probe.answer.is_none();
            let cells: Vec<_> = hop.probes.iter().filter(of).map(cell).collect();
            let shown = address.map_or("not sent".to_owned(), |it| it.to_string());
            self.times(&ttl, &shown, &cells, out)?;
            if let Some(name) = address.and_then(&mut *names) {
                self.indented(MARGIN, &escape(&name), Paint::State, out)?;
            }
        }
        let mut told: Vec<String> = Vec::new();
        for line in hop
            .probes
            .iter()
            .flat_map(|probe| words::below(probe, &self.target))
        {
            if !told.contains(&line) {
                self.indented(MARGIN, &line, Paint::Caution, out)?;
                told.push(line);
            }
        }
        Ok(())
    }

    /// A line with an address and its times, and more lines where those are too many for one.
    fn times(
        &self,
        ttl: &str,
        address: &str,
        cells: &[(String, Paint)],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let room = self.address_columns().max(address.len());
        let columns = usize::from(self.style.width);
        write!(
            out,
            "{ttl}  {}{}",
            self.style.paint(Paint::Strong, address),
            " ".repeat(room - address.len())
        )?;
        let mut used = MARGIN + room;
        for (cell, paint) in cells {
            if used + width(cell) > columns && used > MARGIN + room {
                write!(out, "\n{}", " ".repeat(MARGIN + room))?;
                used = MARGIN + room;
            }
            used += width(cell);
            write!(out, "{}", self.style.paint(*paint, cell))?;
        }
        writeln!(out)
    }

    fn late(&self, probe: &Probe, out: &mut dyn Write) -> io::Result<()> {
        let Some(answer) = &probe.answer else {
            return Ok(());
        };
        let took = answer
            .rtt_ns
            .map(|ns| format!(" after {} ms", words::ms(ns)));
        let said = answer
            .mark
            .as_ref()
            .map(|mark| format!(": {} ({mark})", answer.meaning));
        let line = format!(
            "late: {} answered for hop {}{}{}",
            answer.from,
            probe.ttl,
            took.unwrap_or_default(),
            said.unwrap_or_default()
        );
        self.indented(MARGIN, &line, Paint::Caution, out)
    }

    fn step(&self, step: &MtuStep, out: &mut dyn Write) -> io::Result<()> {
        self.indented(MARGIN, &words::step(step), Paint::Caution, out)
    }

    /// Text in lines with so many spaces before them.
    fn indented(&self, by: usize, text: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        let room = usize::from(self.style.width).saturating_sub(by);
        for line in wrap(text, room) {
            writeln!(out, "{}{}", " ".repeat(by), self.style.paint(paint, line))?;
        }
        Ok(())
    }

    /// A sentence below everything.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn note(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        self.indented(0, text, Paint::Caution, out)
    }

    /// What was found.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(&mut self, trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out)?;
        writeln!(out)?;
        for (paint, sentence) in words::end(trace, &self.target, &self.hops) {
            self.indented(0, &sentence, paint, out)?;
        }
        if self.explains {
            self.explain(trace, out)?;
        }
        Ok(())
    }
}

/// A time as it stands in its column, and what is said behind it.
fn cell(probe: &Probe) -> (String, Paint) {
    let Some(answer) = &probe.answer else {
        let (text, paint) = match probe.state {
            ProbeState::Unsent => ("-", Paint::Trouble),
            _ => ("*", Paint::Dim),
        };
        return (format!("{text:>TIME$}"), paint);
    };
    let time = answer.rtt_ns.map_or("?".to_owned(), words::ms);
    let mark = match (&answer.mark, probe.state) {
        (Some(mark), _) => format!(" {mark}"),
        (None, ProbeState::Late | ProbeState::Wrong) => format!(" {}", probe.state.name()),
        (None, _) => String::new(),
    };
    let paint = match probe.state {
        ProbeState::Destination => Paint::Good,
        ProbeState::Unreachable | ProbeState::Wrong => Paint::Trouble,
        ProbeState::Late => Paint::Caution,
        _ => Paint::Plain,
    };
    (format!("{time:>TIME$}{mark}"), paint)
}

#[cfg(test)]
mod tests;
