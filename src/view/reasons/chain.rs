//! The whole reasoning behind the notes on one frame: what is said of it, then what that rests on, the nearest first,
//! and what is said of each of these; and so on back to what was only seen.

use std::collections::HashMap;
use std::io::{self, Write};

use super::{Words, lines};
use crate::event::{Event, Link, Segment, units};
use crate::frame::Timestamp;
use crate::view::segments::Segments;
use crate::view::{Paint, Style, View};

/// The view. It is shown the frames of a chain, and nothing else.
#[derive(Debug)]
pub(in crate::view) struct Chained {
    links: Vec<Link>,
    /// Whether the chain has more frames than these.
    cut: bool,
    words: Words,
    lines: Segments,
    /// The line of each frame that has come and what is said of it, by number.
    said: HashMap<u64, Vec<u8>>,
}

impl Chained {
    pub(in crate::view) fn new(
        style: Style,
        links: Vec<Link>,
        cut: bool,
        start: Option<Timestamp>,
    ) -> Self {
        Self {
            links,
            cut,
            lines: lines(&style, start),
            words: Words { style },
            said: HashMap::new(),
        }
    }

    /// All that came, the frame that is asked about first.
    fn told(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut step = 0;
        for link in &self.links {
            let Some(said) = self.said.get(&link.frame) else {
                continue;
            };
            if link.step != step {
                let heading = match link.step {
                    1 => "What it rests on, the nearest first",
                    2 => "What that rests on",
                    _ => "And that, further back",
                };
                let heading = self.words.style.paint(Paint::Strong, heading);
                writeln!(out, "\n{heading}")?;
                step = link.step;
            }
            out.write_all(said)?;
        }
        if self.cut
            && let Some(last) = self.links.last()
        {
            let mut more = String::from("\n");
            let words = format!(
                "There are more frames behind these: --frame {} goes on from there.",
                last.frame
            );
            self.words.wrapped(&mut more, 0, &words);
            out.write_all(more.as_bytes())?;
        }
        Ok(())
    }
}

impl View for Chained {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        let asked = |frame| self.links.first().is_some_and(|link| link.frame == frame);
        let (frame, words) = match event {
            Event::Segment(segment) if asked(segment.frame) => (
                segment.frame,
                format!("\n{}", self.words.asked(segment, &under_way(segment))),
            ),
            Event::Segment(segment) => (segment.frame, self.words.behind(segment)),
            Event::Packet(frame, packet) if asked(frame.number) => (
                frame.number,
                format!("\n{}", self.words.other(packet, true)),
            ),
            Event::Packet(frame, packet) => (frame.number, self.words.other(packet, false)),
            Event::End(_) => return self.told(out),
            _ => return Ok(()),
        };
        let mut said = Vec::new();
        self.lines.event(event, &mut said)?;
        said.extend_from_slice(words.as_bytes());
        self.said.insert(frame, said);
        Ok(())
    }
}

/// How much is under way after it, and what bounds that.
fn under_way(s: &Segment<'_>) -> String {
    if s.in_flight == 0 {
        return String::new();
    }
    let host = if s.in_flight_of == s.dir.0 {
        s.src
    } else {
        s.dst
    };
    let window = s.flight_window.map_or_else(
        || "a window whose scale is not known".to_owned(),
        |window| format!("a window of {}", units::count(window.into())),
    );
    let bytes = units::bytes(s.in_flight.into());
    let cwnd = s.cwnd.map(|cwnd| {
        let segments = units::plural(cwnd.segments.into(), "segment");
        let bytes = units::count(cwnd.bytes.into());
        format!("; its congestion window is {bytes} ({segments}) by estimate")
    });
    format!(
        " After it {bytes} of {host} are under way, of {window}{}.",
        cwnd.unwrap_or_default()
    )
}
