//! A line a segment, for those who read tcpdump: times, addresses, flags, numbers, then the notes.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Paint, Style, View, text};
use crate::event::{Event, Segment, units};
use crate::frame::Timestamp;
use crate::wire::tcp::{Flags, TcpOption, tcp_options};

/// The view.
#[derive(Debug)]
pub(super) struct Segments {
    style: Style,
    /// When the first line was: times count from there.
    start: Option<Timestamp>,
    line: String,
    /// What is in colour follows the line.
    tags: Vec<(Paint, String)>,
    /// Frame and time, before the line.
    margin: String,
}

/// Columns of frame number and time; where a line goes on, it is indented by so many.
const MARGIN: usize = 16;

impl Segments {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            start: None,
            line: String::new(),
            tags: Vec::new(),
            margin: String::new(),
        }
    }

    /// With times that count from `start`, where that is known.
    pub(super) fn since(style: Style, start: Option<Timestamp>) -> Self {
        Self {
            start,
            ..Self::new(style)
        }
    }

    fn begin(&mut self, frame: u64, time: Timestamp) {
        let start = *self.start.get_or_insert(time);
        let at = units::seconds(time.nanos_since(start));
        self.line.clear();
        self.tags.clear();
        self.margin = format!("{frame:>5} {at:>9} ");
    }

    /// Writes the line, broken at spaces where it is wider than the screen.
    fn flush(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = usize::from(self.style.width);
        let words = self.line.split(' ').map(|word| (Paint::Plain, word));
        let tags = self.tags.iter();
        let tags = tags.flat_map(|(paint, tag)| tag.split(' ').map(|word| (*paint, word)));
        write!(out, "{}", self.style.paint(Paint::Dim, &self.margin))?;
        let mut used = self.margin.len();
        let mut first = true;
        for (paint, word) in words.chain(tags) {
            let columns = text::width(word);
            if first {
                first = false;
            } else if used + 1 + columns > width {
                write!(out, "\n{:MARGIN$}  ", "")?;
                used = MARGIN + 2;
            } else {
                out.write_all(b" ")?;
                used += 1;
            }
            write!(out, "{}", self.style.paint(paint, word))?;
            used += columns;
        }
        writeln!(out)
    }

    fn segment(&mut self, s: &Segment<'_>) {
        self.begin(s.frame, s.time);
        let line = &mut self.line;
        let _ = write!(line, "{} > {}: Flags [{}]", s.src, s.dst, flags(s.flags));
        if s.seq_len() > 0 || s.flags.rst() {
            let _ = write!(line, ", seq {}", s.seq);
        }
        if s.len > 0 {
            let _ = write!(line, ":{}", s.seq.wrapping_add(s.len));
        }
        if let Some(ack) = s.ack {
            let _ = write!(line, ", ack {ack}");
        }
        match s.window_bytes {
            Some(bytes) => drop(write!(line, ", win {bytes}")),
            None => drop(write!(line, ", win {} (unscaled)", s.window)),
        }
        options(line, s);
        let _ = write!(line, ", length {}", s.len);
        for note in s.notes {
            let mut tag = note.kind.name().to_owned();
            let cause = note.cause.map(|c| format!(" ({})", c.name()));
            tag.push_str(&cause.unwrap_or_default());
            if let Some(number) = note.number {
                let _ = write!(tag, " #{number}");
            }
            self.tags.push((Paint::of(note.kind), format!("[{tag}]")));
        }
        if let Some(wireshark) = s.wireshark.filter(|wireshark| wireshark.differs) {
            self.tags
                .push((Paint::Dim, format!("{{Wireshark {wireshark}}}")));
        }
    }
}

impl View for Segments {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Segment(segment) => self.segment(segment),
            Event::Packet(frame, packet) => {
                self.begin(frame.number, frame.time);
                self.line.push_str(&text::escape(&packet.summary()));
            }
            Event::Notice(notice) => return writeln!(out, "({notice})"),
            Event::End(end) => {
                if self.start.is_none() {
                    writeln!(out, "{}", self.style.nothing(end.frames))?;
                }
                return end
                    .truncated
                    .as_ref()
                    .map_or(Ok(()), |what| writeln!(out, "({what})"));
            }
            _ => return Ok(()),
        }
        self.flush(out)
    }
}

/// Flags in tcpdump's letters and order, the dot for ACK last but for what came after 1981.
fn flags(flags: Flags) -> String {
    let letters = [
        (Flags::FIN, 'F'),
        (Flags::SYN, 'S'),
        (Flags::RST, 'R'),
        (Flags::PSH, 'P'),
        (Flags::ACK, '.'),
        (Flags::URG, 'U'),
        (Flags::ECE, 'E'),
        (Flags::CWR, 'W'),
        (Flags::AE, 'e'),
    ];
    let text: String = letters
        .iter()
        .filter(|(f, _)| flags.has(*f))
        .map(|(_, c)| c)
        .collect();
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

fn options(line: &mut String, s: &Segment<'_>) {
    let mut separator = ", options [";
    for option in tcp_options(s.option_bytes) {
        line.push_str(separator);
        separator = ",";
        let _ = match option {
            TcpOption::End => write!(line, "eol"),
            TcpOption::Nop => write!(line, "nop"),
            TcpOption::Mss(mss) => write!(line, "mss {mss}"),
            TcpOption::WindowScale(shift) => write!(line, "wscale {shift}"),
            TcpOption::SackPermitted => write!(line, "sackOK"),
            TcpOption::Timestamps(value, echo) => write!(line, "TS val {value} ecr {echo}"),
            TcpOption::Sack(_) => {
                let base = s.ack.unwrap_or(0).wrapping_sub(s.ack_raw);
                let _ = write!(line, "sack");
                for (left, right) in s.options.sack.as_slice() {
                    let (left, right) = (left.wrapping_add(base), right.wrapping_add(base));
                    let _ = write!(line, " {{{left}:{right}}}");
                }
                Ok(())
            }
            TcpOption::Other { kind, data } => write!(line, "kind {kind} ({} bytes)", data.len()),
            TcpOption::Broken { kind, .. } => write!(line, "kind {kind} (broken)"),
        };
    }
    if separator == "," {
        line.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Kind, Note};
    use crate::view::sample::Talk;

    #[test]
    fn lines_read_as_tcpdump_prints_them() {
        let wide = Style {
            width: 200,
            ..Style::default()
        };
        let mut talk = Talk::new(Segments::new(wide));
        talk.handshake();
        talk.at(50_000).send(0, b"GET / HTTP/1.1\r\n");
        let mut note = Note::new(Kind::Retransmission, "RFC 5681 3.2", |_| String::new());
        note.cause = Some(Cause::Fast);
        talk.note(note)
            .at(90_000)
            .resend(0, 1, b"GET / HTTP/1.1\r\n");
        let expected = [
            "    1  0.000000 10.0.0.1:40312 > 10.0.0.2:80: Flags [S], seq 0, win 64240, options [mss 1460,sackOK,nop,wscale 7], length 0",
            "    2  0.000040 10.0.0.2:80 > 10.0.0.1:40312: Flags [S.], seq 0, ack 1, win 64240, options [mss 1460,sackOK,nop,wscale 7], length 0",
            "    3  0.000060 10.0.0.1:40312 > 10.0.0.2:80: Flags [.], ack 1, win 64256, length 0",
            "    4  0.050000 10.0.0.1:40312 > 10.0.0.2:80: Flags [P.], seq 1:17, ack 1, win 64256, length 16",
            "    5  0.090000 10.0.0.1:40312 > 10.0.0.2:80: Flags [P.], seq 1:17, ack 1, win 64256, length 16 [retransmission (fast)]",
        ];
        assert_eq!(talk.text().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_wider_than_the_screen_goes_on_in_the_next() {
        let mut talk = Talk::new(Segments::new(Style::default()));
        talk.handshake();
        let shown = talk.text();
        assert!(shown.lines().count() > 3, "{shown}");
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        assert!(shown.contains("\n                  "), "{shown}");
    }
}
