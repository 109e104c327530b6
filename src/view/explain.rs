//! Findings laid out as a story: a heading for each connection, and one for what is not TCP, a sentence for each
//! finding, what to do about it below, the frames that show it at the end.

use std::io::{self, Write};

use super::{Paint, Style, View, text};
use crate::event::{Event, Finding, Flow, Severity, units};

/// Frames named as evidence; more would drown the sentence.
const EVIDENCE: usize = 5;
/// Lines longer than this are hard to read as prose.
const LONGEST: u16 = 100;

/// The view.
#[derive(Debug)]
pub(super) struct Explain {
    style: Style,
    /// The connection whose findings come next.
    flow: Option<Flow>,
    told: u64,
    /// Whether the heading of what is not TCP stands.
    beside: bool,
    shown: [u64; 2],
}

impl Explain {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            flow: None,
            told: 0,
            beside: false,
            shown: [0; 2],
        }
    }

    fn heading(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(flow) = self.flow.take() else {
            return Ok(());
        };
        self.apart(out)?;
        self.told += 1;
        let arrow = if self.style.unicode { "→" } else { "->" };
        let title = format!(
            "connection {}: {} {arrow} {}",
            flow.flow, flow.initiator, flow.responder
        );
        let size = format!(
            "{}, {}",
            units::plural(flow.packets(), "segment"),
            units::nanos(flow.duration_ns())
        );
        writeln!(
            out,
            "{} {}",
            self.style.paint(Paint::Strong, title),
            self.style.paint(Paint::Dim, format!("({size})"))
        )
    }

    /// An empty line between headings, and what is shown before the first.
    fn apart(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.told > 0 {
            writeln!(out)?;
        } else if let Some(title) = self.style.headline.lines().next() {
            writeln!(out, "{}\n", self.style.paint(Paint::Strong, title))?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        self.heading(out)?;
        if finding.flow.is_none() && !self.beside {
            self.apart(out)?;
            self.beside = true;
            let title = if self.told > 0 {
                "beside TCP"
            } else {
                "no TCP connections, but"
            };
            writeln!(out, "{}", self.style.paint(Paint::Strong, title))?;
        }
        let style = &self.style;
        let (mark, paint) = match (finding.severity, style.unicode) {
            (Severity::Problem, _) => ("!", Paint::Trouble),
            (Severity::Notice, true) => ("•", Paint::Caution),
            (Severity::Info, true) => ("·", Paint::Dim),
            (_, false) => ("-", Paint::Plain),
        };
        match finding.severity {
            Severity::Problem => self.shown[0] += 1,
            Severity::Notice => self.shown[1] += 1,
            Severity::Info => {}
        }
        let mut sentence = finding.summary.clone();
        if !finding.evidence.is_empty() {
            sentence.push_str(" (");
            sentence.push_str(&units::frames_and_more(
                &finding.evidence,
                EVIDENCE,
                finding.more,
            ));
            sentence.push(')');
        }
        let room = usize::from(style.width.min(LONGEST)).saturating_sub(4);
        let loud = finding.severity == Severity::Problem;
        for (at, line) in text::wrap(&sentence, room).iter().enumerate() {
            let mark = if at == 0 { mark } else { " " };
            let look = if loud { Paint::Strong } else { Paint::Plain };
            writeln!(
                out,
                "  {} {}",
                style.paint(paint, mark),
                style.paint(look, line)
            )?;
        }
        if !finding.advice.is_empty() {
            let arrow = if style.unicode { "→" } else { "->" };
            let lines = text::wrap(&finding.advice, room.saturating_sub(2 + arrow.len()));
            for (at, line) in lines.iter().enumerate() {
                let mark = if at == 0 { arrow } else { " " };
                let mark = format!("{mark:<w$}", w = text::width(arrow));
                writeln!(
                    out,
                    "    {} {}",
                    style.paint(Paint::State, mark),
                    style.paint(Paint::State, line)
                )?;
            }
        }
        Ok(())
    }

    fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.told < 2 {
            return Ok(());
        }
        let [problems, notices] = self.shown;
        let what = format!(
            "{}: {} and {} worth a look",
            units::plural(self.told, "connection"),
            units::plural(problems, "problem"),
            units::plural(notices, "thing"),
        );
        writeln!(out, "\n{}", self.style.paint(Paint::Strong, what))
    }
}

impl View for Explain {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Flow(flow) => {
                self.flow = Some((*flow).clone());
                Ok(())
            }
            Event::Finding(finding) => self.finding(finding, out),
            Event::Notice(notice) => writeln!(out, "{}", self.style.paint(Paint::Caution, notice)),
            Event::End(end) => {
                if let Some(what) = &end.truncated {
                    writeln!(out, "the capture ends early: {}", text::escape(what))?;
                }
                if self.told == 0 && !self.beside {
                    return writeln!(out, "{}", self.style.nothing(end.frames));
                }
                self.end(out)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use crate::view::sample::Talk;

    #[test]
    fn a_finding_is_a_sentence_with_its_evidence_and_what_to_do() {
        let mut talk = Talk::new(Explain::new(Style {
            width: 60,
            ..Style::default()
        }));
        let flow = talk.at(2_500_000).summary();
        let finding = Finding {
            kind: Kind::ZeroWindow.into(),
            flow: Some(0),
            severity: Severity::Problem,
            side: None,
            summary: "10.0.0.2 had no room for more data for 1.76s (window 0)".to_owned(),
            evidence: vec![8, 9, 10, 11, 12, 13],
            more: 2,
            advice: "the application does not read".to_owned(),
            numbers: Vec::new(),
        };
        talk.flow(&flow).event(&Event::Finding(&finding)).end();
        let expected = [
            "connection 0: 10.0.0.1:40312 → 10.0.0.2:80 (0 segments, 2.50s)",
            "  ! 10.0.0.2 had no room for more data for 1.76s (window 0)",
            "    (frames 8, 9, 10, 11, 12 and 3 more)",
            "    → the application does not read",
        ];
        assert_eq!(talk.text().lines().collect::<Vec<_>>(), expected);
    }
}
