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
            Method::Tcp if !self.target.own_flow => {
                "Routers that share traffic choose a path by addresses and ports. All probes of a flow have \
                 the same ones: SYNs of our own, whose sequence number is the probe's. The kernel knows of no \
                 connection there, and closes with RST what was accepted."
                    .to_owned()
            }
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
    let mut parts = vec![format!(
        "Probe {} left with {ttl} {}.",
        probe.number, probe.ttl
    )];
    match u64::from(probe.ttl) - 1 {
        0 => {}
        1 => parts.push("A router took one.".to_owned()),
        n => parts.push(format!("{n} routers took one each.")),
    }
    let icmp = answer.icmp;
    let kind = icmp.map(|(kind, code)| format!(" (type {kind}, code {code})"));
    let after = answer
        .rtt_ns
        .map(|ns| format!("; {} ms after it had left", ms(ns)));
    let said = format!(
        "\"{}\"{}{}.",
        answer.meaning,
        kind.unwrap_or_default(),
        after.unwrap_or_default()
    );
    let from = answer.from;
    parts.push(match (probe.state, answer.quoted_ttl) {
        (ProbeState::Router, Some(left)) => format!(
            "{from} got it with {ttl} {left}, as its quote shows, took its own and had nothing left to \
             pass it on with. It said {said}"
        ),
        (ProbeState::Router, None) => format!(
            "{from} took its own and had nothing left to pass it on with. It said {said}"
        ),
        (ProbeState::Destination, _) => {
            format!("With what was left it arrived: {from} answered {said}")
        }
        _ => format!("{from} said {said}"),
    });
    if let Some(quote) = &answer.quote {
        let bytes = units::bytes(quote.bytes as u64);
        let rest = if quote.with_header {
            ", IP header included."
        } else {
            " (the kernel keeps the headers before that to itself)."
        };
        parts.push(format!("It quotes {bytes} of the probe{rest}"));
    }
    if let (Some(left), Some(back)) = (answer.ttl, answer.back) {
        let routers = match back.hops {
            0 | 1 => "no router".to_owned(),
            hops => units::plural(u64::from(hops) - 1, "router"),
        };
        parts.push(format!(
            "The answer itself came with {ttl} {left}: if it began with {}, it passed {routers}.",
            back.initial
        ));
    }
    parts.join(" ")
}
