//! The rows of two captures, as many as there is room for, and what is known of them together: connections, and
//! the whole in pieces.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::super::flows;
use super::super::overview::Overview;
use crate::event::{Endpoint, Event, Host, Joint, Kept, Part, Passage, Segment, Side, Stop};
use crate::frame::Frame;
use crate::tui::FlowLine;
use crate::view::BothEnds;

/// Rows that are kept, and bytes of them.
const MOST_ROWS: usize = 100_000;
const MOST_BYTES: usize = 256 << 20;

/// A connection as one host's capture has it.
pub(super) struct Home {
    /// Its ends, and in how many tunnels they are.
    pub(super) ends: [Endpoint; 2],
    pub(super) tunnel: u32,
    /// The side of it that this host is.
    pub(super) side: Side,
}

/// Rows, as they are kept.
pub(super) struct Rows {
    shows: BothEnds,
    all: Vec<Kept>,
    bytes: usize,
    /// Frames that rows to come may be about, by host and number.
    frames: HashMap<(Host, u64), Arc<Kept>>,
    overview: Overview,
    /// The connections of each capture that are over, by its own numbers.
    ended: [BTreeMap<u32, FlowLine>; 2],
    /// The numbers that the rows have for the server's.
    numbers: HashMap<u32, u32>,
    /// As many frames of each host as have passed with a row: the places of rows are those of `all`.
    reached: Vec<[u64; 2]>,
    /// What each host's capture calls a connection.
    homes: HashMap<(u32, Host), Home>,
    /// How many notes on rows of a connection tell of trouble.
    problems: HashMap<u32, u32>,
}

impl Rows {
    pub(super) fn new(shows: BothEnds) -> Self {
        Self {
            shows,
            all: Vec::new(),
            bytes: 0,
            frames: HashMap::new(),
            overview: Overview::default(),
            ended: [const { BTreeMap::new() }; 2],
            numbers: HashMap::new(),
            reached: Vec::new(),
            homes: HashMap::new(),
            problems: HashMap::new(),
        }
    }

    pub(super) fn all(&self) -> &[Kept] {
        &self.all
    }

    /// The last frame of each host's capture that had passed with that row; 0 before the first.
    pub(super) fn reached(&self, place: usize) -> Option<[u64; 2]> {
        self.reached.get(place).copied()
    }

    /// A connection as that host's capture has it.
    pub(super) fn home(&self, flow: u32, host: Host) -> Option<&Home> {
        self.homes.get(&(flow, host))
    }

    pub(super) const fn have_room(&self) -> bool {
        self.all.len() < MOST_ROWS && self.bytes < MOST_BYTES
    }

    /// All of them in pieces.
    pub(super) const fn overview(&self) -> &Overview {
        &self.overview
    }

    /// Keeps what a row is made of.
    pub(super) fn keep(&mut self, frame: Option<(Host, &Frame<'_>)>, event: &Event<'_>) {
        self.sum_up(event);
        if let Event::At(host, event) = event {
            if let Some(kept) = frame.and_then(|(_, frame)| Kept::of(frame, event)) {
                self.bytes += kept.weight();
                self.frames.insert((*host, kept.frame), Arc::new(kept));
            }
            return;
        }
        let wanted = match event {
            Event::Call(_) => self.shows.calls,
            Event::Reading(_) => self.shows.figures,
            _ => true,
        };
        let frames = &self.frames;
        let joint = Joint::of(event, |host, number| frames.get(&(host, number)).cloned());
        let Some(joint) = joint.filter(|_| wanted) else {
            return;
        };
        let frame = match &joint {
            Joint::Passage(passage) => passage.shown_at().and_then(|at| frames.get(&at)),
            _ => None,
        };
        if let (Some(Host::Server), Some(flow), Some(own)) = (
            joint.host(),
            joint.flow(),
            frame.and_then(|frame| frame.segment()),
        ) {
            self.numbers.insert(own.flow, flow);
        }
        let mut reached = self.reached.last().copied().unwrap_or([0; 2]);
        if let Event::Passage(passage) = event {
            for (host, stop) in passed(passage) {
                let at = &mut reached[host.index()];
                *at = stop.frame.max(*at);
                let flow = passage.flow.zip(stop.segment);
                if let Some((flow, segment)) = flow {
                    let home = || Home::of(host, passage.to, segment);
                    self.homes.entry((flow, host)).or_insert_with(home);
                }
            }
        }
        self.reached.push(reached);
        let row = Kept::joined(joint, frame.map(|frame| &**frame));
        if let Some(segment) = row.segment() {
            let trouble = row.notes.iter().filter(|note| note.kind.is_trouble());
            let trouble = u32::try_from(trouble.count()).unwrap_or(u32::MAX);
            *self.problems.entry(segment.flow).or_default() += trouble;
        }
        self.bytes += row.weight();
        count(&mut self.overview, self.all.len() as u64, &row);
        self.all.push(row);
    }

    /// Takes in a connection that is over, as one capture has it.
    pub(super) fn sum_up(&mut self, event: &Event<'_>) {
        if let Event::At(host, Event::Flow(flow)) = event
            && self.ended[host.index()].len() < flows::MOST
        {
            let line = flows::listed(flow).line;
            self.ended[host.index()].insert(line.flow, line);
        }
    }

    /// Nothing more comes.
    pub(super) fn done(&mut self) {
        self.frames.clear();
    }

    /// The connections that are over, as the client's capture has them, or else the server's.
    pub(super) fn flows(&self) -> Arc<[FlowLine]> {
        let [client, server] = &self.ended;
        let mut lines = client.clone();
        for (own, line) in server {
            let flow = *self.numbers.get(own).unwrap_or(own);
            lines.entry(flow).or_insert_with(|| FlowLine {
                flow,
                ..line.clone()
            });
        }
        let problems = |flow: &u32| self.problems.get(flow).copied().unwrap_or(0);
        let lines = lines.into_iter().take(flows::MOST);
        let lines = lines.map(|(flow, line)| FlowLine {
            problems: problems(&flow),
            ..line
        });
        lines.collect()
    }
}

impl Home {
    fn of(host: Host, to: Host, segment: &Segment<'_>) -> Self {
        let sender = segment.dir.0;
        Self {
            ends: [segment.src, segment.dst],
            tunnel: segment.packet.tunnel,
            side: if host == to { sender.other() } else { sender },
        }
    }
}

/// Where a packet was with this part of its way.
fn passed<'a>(passage: &Passage<'a>) -> impl Iterator<Item = (Host, Stop<'a>)> + use<'a> {
    let (sent, arrived) = match passage.part {
        Part::Whole => (passage.sent, passage.arrived),
        Part::Departs => (passage.sent, None),
        Part::Arrives => (None, passage.arrived),
    };
    let sent = sent.map(|stop| (passage.to.other(), stop));
    let arrived = arrived.map(|stop| (passage.to, stop));
    sent.into_iter().chain(arrived)
}

/// Counts a row among the pieces of all.
pub(super) fn count(overview: &mut Overview, number: u64, row: &Kept) {
    // What arrives was counted where it left.
    let again = row.joint.as_ref().is_some_and(|joint| joint.is_arrival());
    let segment = row.segment().filter(|_| !again);
    overview.add(number, row.time, segment, &row.notes);
}
