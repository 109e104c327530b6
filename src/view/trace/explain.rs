//! `--explain`: how TTL brings routers to speak, with the numbers of this path.

use std::io::{self, Write};

use super::Text;
use super::words::ms;
use crate::event::{Answer, Method, Probe, ProbeState, Trace, units};
use crate::view::Paint;

/// Hops told probe by probe.
const TOLD: usize = 3;

impl Text {
    pub(super) fn explain(&self, trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
        let heading = self.style.paint(Paint::Strong, "How this comes about");
        writeln!(out, "\n{heading}")?;
        let v6 = self.target.ip.is_ipv6();
        let (ttl, rfc) = if v6 {
            ("hop limit", "RFC 8200 3, RFC 4443 3.3")
        } else {
            ("TTL", "RFC 1812 5.3.1, RFC 792")
        };
        self.indented(
            2,
            &format!(
                "A packet leaves with a {ttl}, and every router takes one from it. Where none is left \
                 the packet is dropped, and the router says so to the sender ({rfc}). So the {ttl} \
                 chooses who answers."
            ),
            Paint::Plain,
            out,
        )?;
        for probe in self.examples() {
            writeln!(out)?;
            if let Some(answer) = &probe.answer {
                self.indented(2, &told(probe, answer, ttl), Paint::Plain, out)?;
            }
        }
        writeln!(out)?;
        for line in self.rest(trace) {
            self.indented(2, &line, Paint::Plain, out)?;
        }
        Ok(())
    }

    /// The first answer of the first hops, and the destination's.
    fn examples(&self) -> Vec<&Probe> {
        let answered = |probe: &&Probe| probe.answer.is_some() && probe.state != ProbeState::Wrong;
        let of_hops = self
            .hops
            .iter()
            .filter_map(|hop| hop.probes.iter().find(answered));
        let all: Vec<&Probe> = of_hops.collect();
        let mut examples: Vec<&Probe> = all.iter().copied().take(TOLD).collect();
        if let Some(last) = all.last().filter(|_| all.len() > TOLD) {
            examples.push(last);
        }
        examples
    }

    fn rest(&self, trace: &Trace) -> Vec<String> {
        let mut lines = vec![format!(
            "An answer is matched to its probe by what it quotes, not by when it comes: {}.",
            self.target.matched_by
        )];
        lines.push(match self.target.method {
            Method::Icmp => "Routers that share traffic choose a path by addresses and the first four \
                             bytes after the IP header. All probes of a flow have the same there: the \
                             data make up for what the sequence number does to the checksum."
                .to_owned(),
            Method::Udp => "Routers that share traffic choose a path by addresses and ports. All probes \
                            of a flow have the same ones, unless --classic is given; their number is in \
                            the data."
                .to_owned(),
            Method::Tcp => "The kernel sends the SYNs and closes what was accepted with RST. Each comes \
                            from its own port, so routers that share traffic may send them by different \
                            paths."
                .to_owned(),
        });
        lines.push(format!(
            "* is a probe that nobody answered within {} s. Routers limit how often they answer: a star \
             at one hop says nothing of loss as long as later hops answer.",
            self.target.wait_ns as f64 / 1e9
        ));
        if trace.beyond > 0 {
            lines.push(format!(
                "{} with a larger TTL had left before the destination's first answer came; they arrived \
                 as well and are not shown.",
                units::plural(trace.beyond, "probe")
            ));
        }
        lines
    }
}

/// A probe's way, with its numbers.
fn told(probe: &Probe, answer: &Answer, ttl: &str) -> String {
    let passed = u64::from(probe.ttl) - 1;
    let mut text = format!("Probe {} left with {ttl} {}. ", probe.number, probe.ttl);
    let before = match passed {
        0 => String::new(),
        1 => "A router took one. ".to_owned(),
        n => format!("{n} routers took one each. "),
    };
    text += &before;
    let kind = answer
        .icmp
        .map(|(kind, code)| format!(" (type {kind}, code {code})"))
        .unwrap_or_default();
    text += &match (probe.state, answer.quoted_ttl) {
        (ProbeState::Router, Some(left)) => format!(
            "{} got it with {ttl} {left}, as its quote shows, took its own and had nothing left to \
             pass it on with. It said \"{}\"{kind}",
            answer.from, answer.meaning
        ),
        (ProbeState::Router, None) => format!(
            "{} took its own and had nothing left to pass it on with. It said \"{}\"{kind}",
            answer.from, answer.meaning
        ),
        (ProbeState::Destination, _) => format!(
            "With what was left it arrived: {} answered \"{}\"{kind}",
            answer.from, answer.meaning
        ),
        _ => format!("{} said \"{}\"{kind}", answer.from, answer.meaning),
    };
    if let Some(ns) = answer.rtt_ns {
        text += &format!("; {} ms after it had left", ms(ns));
    }
    text += ".";
    if let Some(quote) = &answer.quote {
        text += &format!(
            " It quotes {} of the probe",
            units::bytes(quote.bytes as u64)
        );
        text += if quote.with_header {
            ", IP header included."
        } else {
            " (the kernel keeps the headers before that to itself)."
        };
    }
    if let (Some(left), Some(back)) = (answer.ttl, answer.back) {
        let routers = match back.hops {
            0 | 1 => "no router".to_owned(),
            hops => units::plural(u64::from(hops) - 1, "router"),
        };
        text += &format!(
            " The answer itself came with {ttl} {left}: if it began with {}, it passed {routers}.",
            back.initial
        );
    }
    text
}
