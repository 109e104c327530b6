//! JSON lines, one object for each event, as `docs/schema.json` describes them.

mod digits;
mod field;
mod flow;
mod line;
mod passage;

use std::io::{self, Write};

use line::Line;

pub use field::{difference, fields, pieces, sums};

use super::View;
use crate::decode::Packet;
use crate::event::{Cause, End, Event, Finding, Host, Note, Part, Quantity, Segment, Side};
use crate::frame::Frame;
use crate::wire::tcp::{TcpOption, tcp_options};

/// Which lines to write; `notice` and `end` always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Segments, other packets and flows: `replay` and `capture`.
    Everything,
    /// Flows only: `flows`.
    Flows,
    /// Findings only: `explain`.
    Findings,
    /// Flows, and what is found of each: `flows --long`.
    FlowsAndFindings,
}

/// Writes events as JSON lines.
#[derive(Debug)]
pub struct Json {
    lines: Lines,
    line: Line,
}

impl Json {
    /// A view that writes those lines.
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            line: Line::default(),
        }
    }
}

impl View for Json {
    fn shows_segments(&self) -> bool {
        self.lines != Lines::Flows
    }

    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        let line = &mut self.line;
        let (at, event) = match event {
            Event::At(host, event) => (Some(*host), *event),
            event => (None, event),
        };
        line.at(at.map(Host::name));
        match (event, self.lines) {
            (Event::Segment(segment), Lines::Everything) => write_segment(line, segment),
            (Event::Packet(frame, packet), Lines::Everything) => write_packet(line, frame, packet),
            (Event::Flow(flow), Lines::Everything | Lines::Flows | Lines::FlowsAndFindings) => {
                flow::write(line, flow);
            }
            // Of a packet on its way there is one line, when its end is known.
            (Event::Passage(passage), Lines::Everything) if passage.part != Part::Departs => {
                passage::write(line, passage);
            }
            (Event::Clock(clock), Lines::Everything) => passage::write_clock(line, clock),
            (Event::Finding(finding), Lines::Findings | Lines::FlowsAndFindings) => {
                write_finding(line, finding);
            }
            (Event::Notice(text), _) => {
                line.start("notice").key("text").string(text);
            }
            (Event::End(end), _) => write_end(line, end),
            _ => return Ok(()),
        }
        out.write_all(line.end())
    }
}

// A capture has millions of these, each with thirty keys: they are pieces that always stand in this order.
fn write_segment(line: &mut Line, s: &Segment<'_>) {
    line.start("segment").piece(",\"frame\":").digits(s.frame);
    line.piece(",\"time\":").time(s.time.as_nanos());
    line.piece(",\"flow\":").digits(s.flow);
    line.piece(",\"dir\":").name(s.dir.arrow());
    line.piece(",\"src\":").address(s.src.addr);
    line.piece(",\"sport\":").digits(s.src.port);
    line.piece(",\"dst\":").address(s.dst.addr);
    line.piece(",\"dport\":").digits(s.dst.port);
    line.piece(",\"flags\":").flags(s.flags);
    line.piece(",\"seq\":").digits(s.seq);
    line.piece(",\"ack\":").or_null(s.ack);
    line.piece(",\"seq_raw\":").digits(s.seq_raw);
    line.piece(",\"ack_raw\":").digits(s.ack_raw);
    line.piece(",\"len\":").digits(s.len);
    line.piece(",\"window\":").digits(s.window);
    line.piece(",\"window_bytes\":").or_null(s.window_bytes);
    line.piece(",\"options\":{");
    write_options(line, s);
    line.piece("},\"in_flight\":").digits(s.in_flight);
    line.piece(",\"in_flight_of\":").name(s.in_flight_of.name());
    line.piece(",\"cwnd_estimate\":")
        .or_null(s.cwnd.map(|cwnd| cwnd.bytes));
    line.piece(",\"flight_window\":").or_null(s.flight_window);
    line.piece(",\"rtt_ns\":").or_null(s.rtt.map(|r| r.ns));
    line.piece(",\"acks_frame\":")
        .or_null(s.rtt.map(|r| r.acks_frame));
    line.piece(",\"srtt_ns\":")
        .or_null(s.rtt.map(|r| r.srtt_ns));
    line.piece(",\"state\":{\"i\":").name(s.state[0].name());
    line.piece(",\"r\":").name(s.state[1].name());
    line.piece("},\"checksum\":").name(s.checksum.name());
    line.piece(",\"comment\":").maybe_bytes(s.comment);
    line.piece(",\"notes\":").list();
    for note in s.notes {
        write_note(line, note);
    }
    line.end_list();
    if let Some(wireshark) = s.wireshark {
        line.key("wireshark").list();
        for word in wireshark.words.iter() {
            line.name(word.name());
        }
        line.end_list();
    }
}

fn write_options(line: &mut Line, s: &Segment<'_>) {
    let options = &s.options;
    line.piece("\"mss\":").or_null(options.mss);
    line.piece(",\"wscale\":").or_null(options.wscale);
    line.piece(",\"sack_permitted\":")
        .bool(options.sack_permitted);
    // The blocks are in the numbers of the side that is acknowledged, which the acknowledgment
    // number ties to the relative ones.
    let relative = s.ack.map(|ack| ack.wrapping_sub(s.ack_raw));
    match relative {
        Some(base) if !options.sack.is_empty() => {
            line.piece(",\"sack\":").list();
            for &(left, right) in options.sack.as_slice() {
                line.list();
                line.int(left.wrapping_add(base).into());
                line.int(right.wrapping_add(base).into());
                line.end_list();
            }
            line.end_list();
        }
        _ => {
            line.piece(",\"sack\":null");
        }
    }
    match options.ts {
        Some((value, echo)) => {
            line.piece(",\"ts\":[").digits(value);
            line.piece(",").digits(echo).piece("]")
        }
        None => line.piece(",\"ts\":null"),
    };
    line.piece(",\"other\":").list();
    let sack_without_ack = relative.is_none() && !options.sack.is_empty();
    if options.others || sack_without_ack {
        for option in tcp_options(s.option_bytes) {
            let (kind, data) = match option {
                TcpOption::Other { kind, data } | TcpOption::Broken { kind, rest: data } => {
                    (kind, data)
                }
                TcpOption::Sack(blocks) if sack_without_ack => (5, blocks),
                _ => continue,
            };
            line.object().key("kind").int(kind.into());
            line.key("len").int(data.len() as u64).key("hex").hex(data);
            line.end_object();
        }
    }
    line.end_list();
}

fn write_note(line: &mut Line, note: &Note) {
    line.object().key("kind").name(note.kind.name());
    line.key("cause").maybe_name(note.cause.map(Cause::name));
    match note.spurious {
        Some(spurious) => line.key("spurious").bool(spurious),
        None => line.key("spurious").null(),
    };
    line.key("of_frame").maybe(note.of_frame);
    line.key("number").maybe(note.number);
    line.key("confidence").name(note.confidence.name());
    line.key("why").string(&note.why());
    line.key("rfc").string(note.rfc);
    line.key("frames").list();
    for frame in note.evidence() {
        line.int(frame);
    }
    line.end_list();
    line.key("alternatives").list();
    for kind in note.alternatives {
        line.name(kind.name());
    }
    line.end_list();
    write_numbers(line, &note.why.numbers);
    line.end_object();
}

fn write_numbers(line: &mut Line, numbers: &[(&str, Quantity)]) {
    line.key("numbers").object();
    for (name, quantity) in numbers {
        match quantity {
            Quantity::Nanos(ns) => line.key_ns(name).int(*ns),
            _ => line.key(name).int(quantity.value()),
        };
    }
    line.end_object();
}

fn write_packet(line: &mut Line, frame: &Frame<'_>, packet: &Packet<'_>) {
    line.start("packet").key("frame").int(frame.number);
    line.key("time").time(frame.time.as_nanos());
    line.key("len").int(frame.original_len.into());
    line.key("captured").int(frame.bytes.len() as u64);
    line.key("layers").list();
    for layer in &packet.layers {
        line.name(layer.kind.key());
    }
    line.end_list();
    let ip = packet.ip.as_ref();
    for (key, address) in [("src", ip.map(|ip| ip.src)), ("dst", ip.map(|ip| ip.dst))] {
        match address {
            Some(address) => line.key(key).show(address),
            None => line.key(key).null(),
        };
    }
    line.key("summary").string(&packet.summary());
    line.key("problems").list();
    for problem in &packet.problems {
        line.object();
        line.key("layer").name(problem.layer.key());
        line.key("offset").int(problem.offset.into());
        line.key("text").string(&problem.to_string());
        line.key("rfc").maybe_name(problem.rfc());
        line.end_object();
    }
    line.end_list();
    line.key("comment").maybe_bytes(frame.comment);
}

fn write_finding(line: &mut Line, finding: &Finding) {
    line.start("finding").key("kind").name(finding.kind.name());
    line.key("flow").maybe(finding.flow);
    line.key("severity").name(finding.severity.name());
    line.key("side").maybe_name(finding.side.map(Side::name));
    line.key("summary").string(&finding.summary);
    line.key("evidence").ints(&finding.evidence);
    line.key("more_evidence").int(finding.more.into());
    line.key("advice");
    if finding.advice.is_empty() {
        line.null();
    } else {
        line.string(&finding.advice);
    }
    write_numbers(line, &finding.numbers);
}

fn write_end(line: &mut Line, end: &End) {
    line.start("end").key("frames").int(end.frames);
    line.key("bytes").int(end.bytes);
    line.key("truncated");
    match &end.truncated {
        Some(text) => line.string(text),
        None => line.null(),
    };
    line.key("dropped_by_kernel").maybe(end.dropped_by_kernel);
    line.key("dropped_by_interface")
        .maybe(end.dropped_by_interface);
    line.key("elapsed_ns").int(end.elapsed_ns);
}

#[cfg(test)]
mod tests;
