//! Which connections and segments a person asked for. Pure: it looks at events, not at libpcap.
//!
//! Different options narrow the choice (and), several values of one widen it (or).

use std::net::IpAddr;
use std::str::FromStr;

use crate::event::{Event, Flow, Kind, Passage, Segment};

/// A run of frame numbers: `7`, `5-9`, `5-`, `-9`. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: u64,
    last: u64,
}

impl Range {
    /// This frame alone.
    pub const fn one(frame: u64) -> Self {
        Self {
            first: frame,
            last: frame,
        }
    }

    const fn has(self, frame: u64) -> bool {
        self.first <= frame && frame <= self.last
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str, open: u64| match part.trim() {
            "" => Ok(open),
            digits => digits
                .parse()
                .map_err(|_| format!("'{text}' is no range of frames: write 7, 5-9, 5- or -9")),
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if first.is_empty() && last.is_empty() {
            return Err("an empty range of frames: write 7, 5-9, 5- or -9".to_owned());
        }
        let range = Self {
            first: number(first, 1)?,
            last: number(last, u64::MAX)?,
        };
        if range.first > range.last {
            return Err(format!("'{text}' ends before it begins"));
        }
        Ok(range)
    }
}

/// Whether single segments are chosen or whole connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each segment by itself: what is replayed.
    Segments,
    /// A connection with all its segments: what is summed up or told as a story. It is chosen when
    /// one of its segments is.
    Connections,
}

/// The choice. Empty lists choose everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Numbers of connections.
    pub flows: Vec<u32>,
    /// Addresses, of either end.
    pub hosts: Vec<IpAddr>,
    /// Ports, of either end.
    pub ports: Vec<u16>,
    /// Kinds of notes.
    pub notes: Vec<Kind>,
    /// Frame numbers.
    pub frames: Vec<Range>,
}

fn any<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(is)
}

impl Selection {
    /// Whether everything is chosen.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an event is to be shown. Notices and the end always are.
    pub fn wants(&self, event: &Event<'_>, scope: Scope) -> bool {
        match event {
            Event::Segment(segment) => self.wants_segment(segment, scope),
            Event::Packet(frame, packet) => {
                self.wants_packet(frame.number, packet.ip.map(|ip| [ip.src, ip.dst]))
            }
            Event::Flow(flow) => self.wants_flow(flow),
            Event::Finding(finding) => any(&self.flows, |&flow| finding.flow == Some(flow)),
            Event::At(_, event) => self.wants(event, scope),
            Event::Passage(passage) => self.wants_passage(passage),
            // They belong to no segment, and would stand alone among chosen ones.
            Event::Call(_) | Event::Reading(_) => self.notes.is_empty() && self.frames.is_empty(),
            Event::Notice(_) | Event::Clock(_) | Event::Crossings(_) | Event::End(_) => true,
        }
    }

    fn wants_segment(&self, s: &Segment<'_>, scope: Scope) -> bool {
        any(&self.flows, |&flow| flow == s.flow)
            && any(&self.hosts, |&host| host == s.src.addr || host == s.dst.addr)
            && any(&self.ports, |&port| port == s.src.port || port == s.dst.port)
            // A connection's story needs all of its segments.
            && (scope == Scope::Connections
                || any(&self.notes, |&kind| s.notes.iter().any(|n| n.kind == kind))
                    && any(&self.frames, |range| range.has(s.frame)))
    }

    /// A packet is chosen when it is chosen at either end.
    fn wants_passage(&self, p: &Passage<'_>) -> bool {
        let stops = || [p.sent, p.arrived].into_iter().flatten();
        let ends = || {
            stops()
                .filter_map(|stop| stop.segment)
                .flat_map(|s| [s.src, s.dst])
        };
        any(&self.flows, |&flow| p.flow == Some(flow))
            && any(&self.hosts, |&host| ends().any(|end| end.addr == host))
            && any(&self.ports, |&port| ends().any(|end| end.port == port))
            && any(&self.notes, |&kind| {
                stops().any(|stop| stop.notes.iter().any(|note| note.kind == kind))
            })
            && any(&self.frames, |range| {
                stops().any(|stop| range.has(stop.frame))
            })
    }

    /// Frames that belong to no connection have no ports and no notes.
    fn wants_packet(&self, frame: u64, ends: Option<[IpAddr; 2]>) -> bool {
        self.flows.is_empty()
            && self.ports.is_empty()
            && self.notes.is_empty()
            && any(&self.hosts, |host| {
                ends.is_some_and(|ends| ends.contains(host))
            })
            && any(&self.frames, |range| range.has(frame))
    }

    fn wants_flow(&self, f: &Flow) -> bool {
        let ends = [f.initiator, f.responder];
        any(&self.flows, |&flow| flow == f.flow)
            && any(&self.hosts, |&host| ends.iter().any(|e| e.addr == host))
            && any(&self.ports, |&port| ends.iter().any(|e| e.port == port))
            && any(&self.notes, |&kind| {
                f.notes.iter().any(|counts| counts.of(kind) > 0)
            })
            && any(&self.frames, |range| {
                range.first <= f.last_frame && f.first_frame <= range.last
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Note;
    use crate::view::View;
    use crate::view::sample::Talk;
    use std::io::{self, Write};

    /// Writes the numbers of the frames that are chosen.
    struct Chosen(Selection, Scope);

    impl View for Chosen {
        fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
            match event {
                _ if !self.0.wants(event, self.1) => Ok(()),
                Event::Segment(s) => write!(out, "{} ", s.frame),
                Event::Packet(f, _) => write!(out, "p{} ", f.number),
                Event::Flow(f) => write!(out, "flow{} ", f.flow),
                _ => Ok(()),
            }
        }
    }

    fn chosen(scope: Scope, change: impl FnOnce(&mut Selection)) -> String {
        let mut selection = Selection::default();
        change(&mut selection);
        let mut talk = Talk::new(Chosen(selection, scope));
        talk.handshake().packet(b"?");
        talk.note(Note::new(Kind::DupAck, "", |_| String::new()))
            .ack(1);
        let flow = talk.summary();
        talk.flow(&flow).text().trim_end().to_owned()
    }

    #[test]
    fn options_narrow_and_values_widen() {
        use Scope::Segments;
        assert_eq!(chosen(Segments, |_| ()), "1 2 3 p4 5 flow0");
        assert_eq!(chosen(Segments, |s| s.flows = vec![3]), "");
        assert_eq!(chosen(Segments, |s| s.flows = vec![3, 0]), "1 2 3 5 flow0");
        assert_eq!(chosen(Segments, |s| s.ports = vec![80]), "1 2 3 5 flow0");
        assert_eq!(
            chosen(Segments, |s| s.hosts = vec![[10, 0, 0, 9].into()]),
            ""
        );
        assert_eq!(chosen(Segments, |s| s.notes = vec![Kind::DupAck]), "5");
        assert_eq!(
            chosen(Segments, |s| s.frames =
                vec!["2-3".parse().unwrap(), "4".parse().unwrap()]),
            "2 3 p4 flow0"
        );
    }

    #[test]
    fn a_whole_connection_is_chosen_by_any_part_of_it() {
        use Scope::Connections;
        assert_eq!(
            chosen(Connections, |s| s.frames = vec!["2".parse().unwrap()]),
            "1 2 3 5 flow0"
        );
        assert_eq!(
            chosen(Connections, |s| s.frames = vec!["6-".parse().unwrap()]),
            "1 2 3 5"
        );
    }

    #[test]
    fn ranges_read_as_written_and_say_what_is_wrong() {
        let range = |text: &str| text.parse::<Range>();
        assert_eq!(range("7"), Ok(Range { first: 7, last: 7 }));
        assert_eq!(
            range("5-"),
            Ok(Range {
                first: 5,
                last: u64::MAX
            })
        );
        assert_eq!(range("-9"), Ok(Range { first: 1, last: 9 }));
        for wrong in ["", "-", "9-5", "a-b", "1-2-3"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
