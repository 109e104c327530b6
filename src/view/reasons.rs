//! The reasoning behind the notes on one frame: what was found, the rule, the numbers compared, how sure
//! it is, and the frames that it rests on, each with what was found there. `reasons/chain.rs` follows these further back.

mod chain;

use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) use chain::Chained;

use super::segments::Segments;
use super::{Paint, Style, View, text};
use crate::decode::Packet;
use crate::event::{Cause, Event, Kind, Note, Quantity, Segment, units};
use crate::frame::Timestamp;

/// The view. It is shown the frame and those that it rests on, and nothing else.
#[derive(Debug)]
pub(super) struct Reasons {
    frame: u64,
    words: Words,
    lines: Segments,
    /// What is said of the frame, once it has come.
    said: Option<String>,
}

impl Reasons {
    pub(super) fn new(style: Style, frame: u64, start: Option<Timestamp>) -> Self {
        let lines = lines(&style, start);
        Self {
            frame,
            words: Words { style },
            lines,
            said: None,
        }
    }
}

/// The lines of frames, with nothing else that a style may ask for.
pub(super) fn lines(style: &Style, start: Option<Timestamp>) -> Segments {
    let plain = Style {
        color: style.color,
        width: style.width,
        ..Style::default()
    };
    Segments::since(plain, start)
}

/// Columns that what is said of evidence is indented by.
const INDENT: usize = 8;

/// Says what frames are, and why.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) style: Style,
}

impl Words {
    /// Adds text, broken into lines that fit.
    pub(super) fn wrapped(&self, to: &mut String, indent: usize, words: &str) {
        let columns = usize::from(self.style.width).saturating_sub(indent).max(20);
        for line in text::wrap(words, columns) {
            let _ = writeln!(to, "{:indent$}{line}", "");
        }
    }

    /// What is said of the frame itself; `more` follows what the segment is.
    pub(super) fn asked(&self, segment: &Segment<'_>, more: &str) -> String {
        self.what(segment, more) + &self.judged(segment)
    }

    /// The same where there is little room: what was judged comes before what the segment is, which its row in the
    /// ladder says in short.
    fn asked_in_short(&self, segment: &Segment<'_>) -> String {
        if segment.notes.is_empty() {
            return self.asked(segment, "");
        }
        self.judged(segment) + &self.what(segment, "")
    }

    fn what(&self, segment: &Segment<'_>, more: &str) -> String {
        let mut said = String::new();
        let what = format!("{}{}{more}", plain(segment), states(segment));
        self.wrapped(&mut said, 0, &what);
        said
    }

    /// What the rules say of it.
    fn judged(&self, segment: &Segment<'_>) -> String {
        let mut said = String::new();
        if segment.notes.is_empty() {
            said.push_str("Nothing stands out about it: no rule has anything to say.\n");
        }
        for note in segment.notes {
            let (name, rule) = (title(note), note.rfc);
            let name = self.style.paint(Paint::of(note.kind), name);
            let _ = writeln!(said, "{name}   by {rule}");
            self.wrapped(&mut said, 2, &note.why());
            if let Some(doubt) = doubt(note) {
                self.wrapped(&mut said, 2, &doubt);
            }
            self.proof(&mut said, 2, note);
            let numbers = note.why.numbers.iter();
            let numbers: Vec<_> = numbers
                .filter_map(|(name, quantity)| figure(name, *quantity))
                .collect();
            if !numbers.is_empty() {
                let numbers = format!("what was compared: {}", numbers.join("; "));
                self.wrapped(&mut said, 2, &numbers);
            }
            self.rests_on(&mut said, 2, segment.frame, note);
        }
        said
    }

    /// What is said of a frame that it rests on: what was found there, or what was seen.
    pub(super) fn behind(&self, segment: &Segment<'_>) -> String {
        let mut said = String::new();
        if segment.notes.is_empty() {
            self.wrapped(&mut said, INDENT, &plain(segment));
        }
        for note in segment.notes {
            let why = format!("{} ({})", note.why(), note.rfc);
            self.wrapped(&mut said, INDENT, &why);
            if let Some(doubt) = doubt(note) {
                self.wrapped(&mut said, INDENT, &doubt);
            }
            self.proof(&mut said, INDENT, note);
            self.rests_on(&mut said, INDENT, segment.frame, note);
        }
        said
    }

    fn proof(&self, said: &mut String, indent: usize, note: &Note) {
        if let Some((frame, how)) = note.proof {
            let proof = format!("frame {frame} proves that it was needless: {how}");
            self.wrapped(said, indent, &proof);
        }
    }

    fn rests_on(&self, said: &mut String, indent: usize, own: u64, note: &Note) {
        let others: Vec<_> = note.evidence().filter(|&frame| frame != own).collect();
        if !others.is_empty() {
            let frames = units::frames(&others, others.len());
            self.wrapped(said, indent, &format!("rests on {frames}"));
        }
    }

    /// What is said of a frame that is no TCP segment.
    pub(super) fn other(&self, packet: &Packet<'_>, asked: bool) -> String {
        let mut said = String::new();
        let indent = if asked { 0 } else { INDENT };
        self.wrapped(&mut said, indent, &text::escape(&packet.summary()));
        for problem in &packet.problems {
            self.wrapped(&mut said, indent + 2, &text::escape(&problem.to_string()));
        }
        if asked {
            said.push_str("It is no TCP segment: no rule of TCP has anything to say.\n");
        }
        said
    }
}

/// Kind, cause and the like, in a few words.
fn title(note: &Note) -> String {
    let mut title = note.kind.name().to_owned();
    if let Some(number) = note.number {
        let _ = write!(title, " #{number}");
    }
    if let Some(cause) = note.cause {
        let cause = match cause {
            Cause::Rto => "retransmission timeout",
            Cause::Tlp => "tail loss probe",
            Cause::Fast => "fast: on news of loss, before any timeout",
            Cause::Unknown => "cause unknown",
        };
        let _ = write!(title, ", {cause}");
    }
    if note.spurious == Some(true) {
        title.push_str(", needless as it turned out");
    }
    title
}

/// How sure it is, unless it is certain.
fn doubt(note: &Note) -> Option<String> {
    let others: Vec<_> = note
        .alternatives
        .iter()
        .map(|kind| Kind::name(*kind))
        .collect();
    let or = if others.is_empty() {
        String::new()
    } else {
        format!("; it could be {}", others.join(" or "))
    };
    match note.confidence.name() {
        "certain" => None,
        "likely" => Some(format!("likely, not certain, from this capture alone{or}")),
        _ => Some(format!("this capture can't decide it{or}")),
    }
}

/// What the segment is: what it carries, and what it acknowledges.
fn plain(s: &Segment<'_>) -> String {
    let (flags, end) = (s.flags, s.seq_end());
    let mut said = match (flags.syn(), flags.fin(), flags.rst()) {
        (true, true, _) | (true, _, true) => {
            format!("Flags that make no sense together, at number {}", s.seq)
        }
        (true, ..) if flags.ack() => format!(
            "A SYN-ACK: {} agrees, and its own numbers begin at {} (0 here)",
            s.src, s.seq_raw
        ),
        (true, ..) => format!(
            "A SYN: {} asks {} for a connection; its numbers begin at {} (0 here)",
            s.src, s.dst, s.seq_raw
        ),
        (.., true) => format!(
            "An RST: {} ends the connection at once, at number {}",
            s.src, s.seq
        ),
        (_, true, _) => {
            let data = if s.len > 0 {
                format!(
                    "{} from number {} on, and a",
                    units::plural(s.len.into(), "byte"),
                    s.seq
                )
            } else {
                "A".to_owned()
            };
            format!(
                "{data} FIN at number {}: {} sends nothing after it",
                end.wrapping_sub(1),
                s.src
            )
        }
        _ if s.len > 0 => format!(
            "Data: {} of {}, numbers {} to {}",
            units::plural(s.len.into(), "byte"),
            s.src,
            s.seq,
            end.wrapping_sub(1)
        ),
        _ if flags.ack() => format!("An ACK of {} without data", s.src),
        _ => format!("A segment of {} without data and without an ACK", s.src),
    };
    if let Some(ack) = s.ack {
        let _ = write!(
            said,
            "; it acknowledges all before number {ack} of the other side"
        );
    }
    said.push('.');
    said
}

/// Where it leaves the two (RFC 9293 section 3.10.7).
fn states(s: &Segment<'_>) -> String {
    let [a, b] = [s.state[0].name(), s.state[1].name()];
    let moved = if s.state == s.state_before {
        "stay"
    } else {
        "are then"
    };
    format!(" The two {moved} in {a} (who opened) and {b}.")
}

/// A figure that a rule compared, with what it is; `None` where that is no figure, or stands in the title.
fn figure(name: &str, quantity: Quantity) -> Option<String> {
    let shown = value(quantity);
    let (none, number) = (quantity.value() == 0, matches!(quantity, Quantity::Seq(_)));
    let (before, after) = match name {
        // Of a probe or a keep-alive it is the how-manieth, which the title has.
        "number" if !number => return None,
        "sender" => return None,
        // An unknown timeout or limit is kept as none at all.
        "rto" | "timeout" | "mtu" if none => return None,
        "seq" => ("it begins at number ", ""),
        "end" => ("it ends before number ", ""),
        "ack" => ("it acknowledges up to number ", ""),
        "len" => ("it carries ", ""),
        "waited" => ("", " since the timer for it could have been started"),
        "age" => ("", " since it was sent before"),
        "reordering_window" => (
            "what may be overtaken is given ",
            " more (a quarter of the least round trip)",
        ),
        "least_rtt" => ("the least round trip is ", ""),
        "rtt" => ("a round trip takes ", ""),
        "rto" => ("the retransmission timeout is ", " by estimate"),
        "dup_acks" => ("duplicate ACKs before it: ", ""),
        "timeout" => ("timeouts in a row: ", ""),
        "una" => ("the oldest unacknowledged number is ", ""),
        "window" => ("the window is ", ""),
        "window_before" => ("the window was ", ""),
        "edge" => ("the window ends before number ", ""),
        "past" => ("", " of it are beyond that"),
        "retreat" => ("the edge of the window went back by ", ""),
        "outstanding" => ("", " are sent and not acknowledged"),
        "sacked" => ("", " of these have arrived (SACK)"),
        "left" => ("what came twice begins at number ", ""),
        "right" => ("and ends before number ", ""),
        "recover" => ("recovery lasts until number ", " is acknowledged"),
        "expected" | "next" => ("the next number was to be ", ""),
        "missing" => ("", " before it were not seen"),
        "unseen" => ("", " of what it acknowledges were not seen"),
        "fin" => ("the FIN was at number ", ""),
        "after" => ("", " after what it answers"),
        "silence" => ("", " since its sender said anything"),
        "quiet" => ("", " in which neither side said anything"),
        "heard" => ("its sender had heard of losses: ", ""),
        "acked" => ("what showed the hole acknowledges up to number ", ""),
        "since" => ("", " since the earlier connection's last segment"),
        "earlier" => ("that was connection ", ""),
        "late" => ("", " after the hole was seen"),
        "early" => ("its time is ", " before that of what it stands behind"),
        "number" => ("its peer checks number ", ""),
        "ack_raw" => ("its acknowledgment field is ", ""),
        "expected_raw" => ("the SYN calls for ", " there"),
        "later" => (
            "timestamped later than what followed the hole by ",
            " ticks",
        ),
        "segments" => ("as large as ", " segments"),
        "mss" => ("a segment carries at most ", ""),
        "mtu" => ("the path lets through ", " at most"),
        _ => return Some(format!("{}: {shown}", name.replace('_', " "))),
    };
    Some(format!("{before}{shown}{after}"))
}

fn value(quantity: Quantity) -> String {
    match quantity {
        Quantity::Seq(number) => number.to_string(),
        Quantity::Bytes(bytes) => units::bytes(bytes),
        Quantity::Count(count) => count.to_string(),
        Quantity::Nanos(nanos) => units::nanos(nanos),
    }
}

impl View for Reasons {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Segment(segment) => {
                self.lines.event(event, out)?;
                if segment.frame == self.frame {
                    self.said = Some(self.words.asked_in_short(segment));
                    return Ok(());
                }
                let mut why = String::new();
                for note in segment.notes {
                    self.words.wrapped(&mut why, INDENT, &note.why());
                }
                out.write_all(why.as_bytes())
            }
            Event::Packet(frame, packet) => {
                self.lines.event(event, out)?;
                if frame.number == self.frame {
                    self.said = Some(self.words.other(packet, true));
                }
                Ok(())
            }
            Event::End(_) => match &self.said {
                Some(said) => write!(out, "\nFrame {}\n{said}", self.frame),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
