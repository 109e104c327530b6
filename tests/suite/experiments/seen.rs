//! What a run came to: both captures, analysed, and the truth.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

use wirelab::analysis::{Analysis, Limits};
use wirelab::commands::pipeline::learn;
use wirelab::decode::Packet;
use wirelab::event::{self, End, Event, Kind, Note};
use wirelab::frame::{Frame, Timestamp};
use wirelab::io::{Source, SourceError, file};
use wirelab::lab::truth::{CallLine, FateLine, Line, Outcome, Sample};
use wirelab::lab::{Both, Side};
use wirelab::recordings::Recording;
use wirelab::wire::tcp::TcpOptions;

/// Not compared: whether the window's edge is just reached, or has just moved, is a matter of
/// microseconds, and differs from one run of the same experiment to the next.
const RACES: Kind = Kind::WindowFull;

/// A run, ready to be compared with what it is to show.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) ends: Both<Capture>,
    pub(super) fates: Vec<FateLine>,
    pub(super) samples: Vec<Sample>,
    pub(super) calls: Vec<CallLine>,
    counters: BTreeMap<String, BTreeMap<String, u64>>,
    pub(super) outcome: Option<Outcome>,
}

/// What one end's capture shows.
#[derive(Debug, Default)]
pub(super) struct Capture {
    pub(super) segments: Vec<Segment>,
    /// Frame by frame, in a few words, from the first.
    pub(super) frames: Vec<String>,
    /// Counts of notes by kind (and cause), by name; all that is not TCP is one kind more.
    pub(super) notes: String,
}

/// A TCP segment, as far as invariants ask.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) time: Timestamp,
    /// The connection it belongs to, from 0.
    pub(super) flow: u32,
    /// Who sent it: the host with the address that ends in 1 is the client.
    pub(super) from: Side,
    pub(super) flags: String,
    pub(super) seq: u32,
    pub(super) seq_raw: u32,
    pub(super) ack: Option<u32>,
    pub(super) len: u32,
    pub(super) window: u16,
    pub(super) window_bytes: Option<u32>,
    pub(super) options: TcpOptions,
    /// States of initiator and responder after it.
    pub(super) state: [&'static str; 2],
}

/// A capture, open, if it can be.
type Opened = Result<Box<dyn Source>, SourceError>;

impl Run {
    /// The run that comes with wirelab.
    pub(super) fn bundled(recording: &'static Recording) -> Result<Self, String> {
        let truth = recording
            .truth()
            .ok_or("the recording has no truth.ndjson")?;
        let open = |side| file::from_bytes(recording.end(side));
        Self::read(&open, truth)
    }

    /// A run that was recorded in a folder.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let truth = fs::read_to_string(folder.join("truth.ndjson"));
        let truth = truth.map_err(|error| format!("truth.ndjson: {error}"))?;
        let open = |side: Side| file::open(&folder.join(format!("{side}.pcapng")));
        Self::read(&open, &truth)
    }

    fn read(open: &dyn Fn(Side) -> Opened, truth: &str) -> Result<Self, String> {
        let mut run = Self {
            ends: Both {
                client: Capture::read(&|| open(Side::Client))?,
                server: Capture::read(&|| open(Side::Server))?,
            },
            ..Self::default()
        };
        for (number, line) in truth.lines().enumerate() {
            let line = Line::from_json(line)
                .map_err(|error| format!("truth.ndjson, line {}: {error}", number + 1))?;
            match line {
                Line::Run(_) => {}
                Line::Fate(fate) => run.fates.push(fate),
                Line::Sample(sample) => run.samples.push(*sample),
                Line::Call(call) => run.calls.push(call),
                Line::Counters(all) => {
                    run.counters.insert(all.host, all.counters);
                }
                Line::Outcome(outcome) => run.outcome = Some(outcome),
            }
        }
        Ok(run)
    }

    /// What that host's kernel counted.
    pub(super) fn counter(&self, host: Side, name: &str) -> u64 {
        let host = self.counters.get(host.name());
        host.and_then(|all| all.get(name)).copied().unwrap_or(0)
    }

    /// What became of each packet that was not simply carried across: `client 1449..2897 dropped`.
    pub(super) fn fates(&self) -> Vec<String> {
        let odd = self.fates.iter().filter(|fate| fate.fate != "delivered");
        odd.map(|fate| format!("{} {} {}", fate.from, self.packet(fate), fate.fate))
            .collect()
    }

    /// The packet of a fate, as its sender's capture shows it.
    pub(super) fn packet(&self, fate: &FateLine) -> &str {
        let (end, frame) = match fate.sender() {
            Some(Side::Server) => (&self.ends.server, fate.frame.server),
            Some(Side::Client) => (&self.ends.client, fate.frame.client),
            None => return "answer",
        };
        let index = frame.and_then(|number| usize::try_from(number.checked_sub(1)?).ok());
        let shown = index.and_then(|index| end.frames.get(index));
        shown.map_or("of no frame", String::as_str)
    }

    /// The calls of that name on that host, in the order in which they were made.
    pub(super) fn calls(&self, host: Side, name: &str) -> Vec<&CallLine> {
        let calls = self.calls.iter();
        let mut calls: Vec<_> = calls
            .filter(|call| call.host == host.name() && call.call == name)
            .collect();
        calls.sort_by_key(|call| call.time);
        calls
    }

    /// The readings of that host's connections.
    pub(super) fn samples(&self, host: Side) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |it| it.host == host.name())
    }

    /// The segments that a host sent, as it sent them.
    pub(super) fn sent(&self, host: Side) -> Vec<&Segment> {
        let end = self.ends.of(host);
        end.segments.iter().filter(|it| it.from == host).collect()
    }

    /// The segments that a host sent, as they arrived.
    pub(super) fn arrived(&self, from: Side) -> Vec<&Segment> {
        let end = self.ends.of(from.other());
        end.segments.iter().filter(|it| it.from == from).collect()
    }

    /// Milliseconds between the segments of that kind that a host sent.
    pub(super) fn gaps_ms(&self, host: Side, is: impl Fn(&Segment) -> bool) -> Vec<u64> {
        let sent = self.sent(host);
        let times: Vec<_> = sent.iter().filter(|it| is(it)).map(|it| it.time).collect();
        times.windows(2).map(|pair| ms(pair[0], pair[1])).collect()
    }
}

/// Milliseconds from one time to a later one.
pub(super) fn ms(from: Timestamp, to: Timestamp) -> u64 {
    to.nanos_since(from) / 1_000_000
}

impl Capture {
    /// Analyses a capture, reading it twice, as files are.
    fn read(open: &dyn Fn() -> Opened) -> Result<Self, String> {
        let open = || open().map_err(|error| error.to_string());
        let limits = Limits::default();
        let hindsight = learn(open()?.as_mut(), &mut None, limits);
        let mut analysis = Analysis::new(limits).with_hindsight(hindsight);
        let mut source = open()?;
        let mut capture = Self::default();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut keep = |event: &Event<'_>| {
            capture.keep(event, &mut counts);
            Ok::<(), Infallible>(())
        };
        let mut end = End::default();
        while let Some(frame) = source.next_frame().map_err(|error| error.to_string())? {
            end.frames = frame.number;
            let Ok(()) = analysis.handle(&frame, &mut keep);
        }
        let Ok(()) = analysis.finish(&end, &mut keep);
        let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
        capture.notes = counts.collect::<Vec<_>>().join(", ");
        Ok(capture)
    }

    fn keep(&mut self, event: &Event<'_>, counts: &mut BTreeMap<String, u32>) {
        match event {
            Event::Segment(segment) => {
                for note in segment.notes.iter().filter(|note| note.kind != RACES) {
                    *counts.entry(name(note)).or_default() += 1;
                }
                let segment = Segment::new(segment);
                self.frames.push(segment.words());
                self.segments.push(segment);
            }
            Event::Packet(frame, packet) => {
                *counts.entry("not TCP".to_owned()).or_default() += 1;
                self.frames.push(words(frame, packet));
            }
            _ => {}
        }
    }
}

impl Segment {
    fn new(segment: &event::Segment<'_>) -> Self {
        let client = segment.src.addr.to_string().ends_with('1');
        Self {
            time: segment.time,
            flow: segment.flow,
            from: if client { Side::Client } else { Side::Server },
            flags: segment.flags.to_string(),
            seq: segment.seq,
            seq_raw: segment.seq_raw,
            ack: segment.ack,
            len: segment.len,
            window: segment.window,
            window_bytes: segment.window_bytes,
            options: segment.options,
            state: segment.state.map(event::TcpState::name),
        }
    }

    /// `S`, `1..1449`, `F`, `A`: what is special about it.
    pub(super) fn words(&self) -> String {
        if self.len > 0 {
            return format!("{}..{}", self.seq, self.seq.wrapping_add(self.len));
        }
        if self.flags.contains('F') {
            return "F".to_owned();
        }
        self.flags.clone()
    }

    /// Whether it has these flags and no others.
    pub(super) fn is(&self, flags: &str) -> bool {
        self.flags == flags
    }

    /// Whether it carries data.
    pub(super) const fn has_data(&self) -> bool {
        self.len > 0
    }
}

fn words(_: &Frame<'_>, packet: &Packet<'_>) -> String {
    let last = packet.layers.iter().rev().map(|layer| layer.kind.name());
    let mut named = last.filter(|name| !matches!(*name, "payload" | "padding"));
    named.next().unwrap_or("frame").to_owned()
}

fn name(note: &Note) -> String {
    let kind = note.kind.name();
    note.cause.map_or_else(
        || kind.to_owned(),
        |cause| format!("{} {kind}", cause.name()),
    )
}
