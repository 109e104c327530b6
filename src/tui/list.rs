//! The list of connections: in which order, which of them, and the one looked at.

use std::cmp::Ordering;
use std::sync::Arc;

use super::line::Line;
use super::message::FlowLine;

/// What it can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Column {
    #[default]
    Number,
    Initiator,
    Responder,
    Duration,
    Segments,
    BytesTo,
    BytesFrom,
    Shape,
    Problems,
}

impl Column {
    const ALL: [Self; 9] = [
        Self::Number,
        Self::Initiator,
        Self::Responder,
        Self::Duration,
        Self::Segments,
        Self::BytesTo,
        Self::BytesFrom,
        Self::Shape,
        Self::Problems,
    ];

    /// What the list says it is sorted by.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Number => "start",
            Self::Initiator => "initiator",
            Self::Responder => "responder",
            Self::Duration => "duration",
            Self::Segments => "segments",
            Self::BytesTo => "bytes of the initiator",
            Self::BytesFrom => "bytes of the responder",
            Self::Shape => "shape",
            Self::Problems => "problems",
        }
    }

    /// The one that comes next.
    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|column| *column == self);
        let next = at.map_or(0, |at| (at + 1) % Self::ALL.len());
        Self::ALL.get(next).copied().unwrap_or_default()
    }

    /// Whether the largest come first unless it is turned round: those are what one looks for.
    const fn falls(self) -> bool {
        matches!(
            self,
            Self::Duration | Self::Segments | Self::BytesTo | Self::BytesFrom | Self::Problems
        )
    }

    fn compare(self, a: &FlowLine, b: &FlowLine) -> Ordering {
        let end = |line: &FlowLine, side: usize| (line.ends[side].addr, line.ends[side].port);
        match self {
            Self::Number => a.flow.cmp(&b.flow),
            Self::Initiator => end(a, 0).cmp(&end(b, 0)),
            Self::Responder => end(a, 1).cmp(&end(b, 1)),
            Self::Duration => a.duration_ns.cmp(&b.duration_ns),
            Self::Segments => a.segments.cmp(&b.segments),
            Self::BytesTo => a.bytes[0].cmp(&b.bytes[0]),
            Self::BytesFrom => a.bytes[1].cmp(&b.bytes[1]),
            Self::Shape => a.shape.name().cmp(b.shape.name()),
            Self::Problems => a.problems.cmp(&b.problems),
        }
    }
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct FlowList {
    pub(super) flows: Arc<[FlowLine]>,
    /// Those that are shown, in the order in which they are: places among `flows`.
    pub(super) order: Vec<u32>,
    pub(super) sort: Column,
    pub(super) reversed: bool,
    /// The line looked at, and the first on the screen: places in `order`.
    pub(super) cursor: usize,
    pub(super) top: usize,
    /// What a line has to have in it.
    pub(super) filter: Line,
    /// Whether that is being written.
    pub(super) typing: bool,
}

impl FlowList {
    /// Takes what is known of the connections now.
    pub(super) fn take(&mut self, flows: Arc<[FlowLine]>) {
        self.flows = flows;
        self.arrange();
    }

    /// The line looked at.
    pub(super) fn chosen(&self) -> Option<&FlowLine> {
        self.flows.get(*self.order.get(self.cursor)? as usize)
    }

    /// Looks at that connection.
    pub(super) fn choose(&mut self, flow: u32) {
        let place = |at: &u32| self.flows.get(*at as usize).map(|line| line.flow) == Some(flow);
        if let Some(at) = self.order.iter().position(place) {
            self.cursor = at;
        }
    }

    /// Sorts by the next column.
    pub(super) fn next_sort(&mut self) {
        self.sort = self.sort.next();
        self.reversed = false;
        self.arrange();
    }

    /// Sorts the other way round.
    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.arrange();
    }

    /// Puts the lines in order; the connection that was looked at still is.
    pub(super) fn arrange(&mut self) {
        let chosen = self.chosen().map(|line| line.flow);
        let wanted = self.filter.text().to_lowercase();
        let flows = &self.flows;
        self.order = (0..flows.len() as u32)
            .filter(|at| {
                flows
                    .get(*at as usize)
                    .is_some_and(|line| has(line, &wanted))
            })
            .collect();
        let falls = self.sort.falls() != self.reversed;
        self.order.sort_by(|a, b| {
            let (Some(a), Some(b)) = (flows.get(*a as usize), flows.get(*b as usize)) else {
                return Ordering::Equal;
            };
            let order = self.sort.compare(a, b);
            let order = if falls { order.reverse() } else { order };
            order.then(a.flow.cmp(&b.flow))
        });
        match chosen {
            Some(flow) => self.choose(flow),
            None => self.cursor = 0,
        }
        self.cursor = self.cursor.min(self.order.len().saturating_sub(1));
    }

    /// Goes so many lines on.
    pub(super) fn go(&mut self, by: i64) {
        let last = self.order.len().saturating_sub(1);
        let to = (self.cursor as i64).saturating_add(by).max(0);
        self.cursor = (to as usize).min(last);
    }

    /// Scrolls so that the line looked at is among so many on the screen.
    pub(super) fn keep_in_sight(&mut self, lines: usize) {
        self.top = self.top.min(self.cursor);
        self.top = self.top.max((self.cursor + 1).saturating_sub(lines.max(1)));
    }
}

/// Whether a line has that in it, small letters and all.
fn has(line: &FlowLine, wanted: &str) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let [a, b] = line.ends;
    let shape = line.shape;
    let text = format!(
        "#{} {a} {b} {} {}",
        line.flow,
        shape.name(),
        shape.meaning()
    );
    text.to_lowercase().contains(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Endpoint, Shape};
    use crate::frame::Timestamp;

    /// Connections of which the middle one sent most, and each third was refused.
    fn flows(count: u32) -> Arc<[FlowLine]> {
        let line = |flow: u32| FlowLine {
            flow,
            ends: [40_000, 80].map(|port| Endpoint {
                addr: [10, 0, (flow >> 8) as u8, flow as u8].into(),
                port,
            }),
            start: Timestamp::from_nanos(u64::from(flow)),
            duration_ns: 1_000,
            segments: 3,
            bytes: [u64::from(flow.min(count - flow)), 0],
            shape: if flow.is_multiple_of(3) {
                Shape::Rej
            } else {
                Shape::Sf
            },
            problems: flow % 3,
        };
        (0..count).map(line).collect()
    }

    fn shown(list: &FlowList) -> Vec<u32> {
        let flow = |at: &u32| list.flows[*at as usize].flow;
        list.order.iter().map(flow).collect()
    }

    #[test]
    fn sorting_keeps_the_connection_looked_at() {
        let mut list = FlowList::default();
        list.take(flows(7));
        list.choose(5);
        while list.sort != Column::BytesTo {
            list.next_sort();
        }
        assert_eq!(shown(&list), [3, 4, 2, 5, 1, 6, 0], "the largest first");
        assert_eq!(list.chosen().unwrap().flow, 5);
        list.reverse();
        assert_eq!(shown(&list), [0, 1, 6, 2, 5, 3, 4]);
        assert_eq!(list.chosen().unwrap().flow, 5);
    }

    #[test]
    fn what_is_written_chooses_lines() {
        let mut list = FlowList::default();
        list.take(flows(7));
        list.filter.set("refused");
        list.arrange();
        assert_eq!(shown(&list), [0, 3, 6]);
        list.filter.set("10.0.0.4:");
        list.arrange();
        assert_eq!(shown(&list), [4]);
        list.filter.set("nobody");
        list.arrange();
        assert!(list.chosen().is_none());
        list.go(1);
        list.filter.set("");
        list.arrange();
        assert_eq!(list.order.len(), 7);
    }

    #[test]
    fn thirty_thousand_lines_are_one_screen_at_a_time() {
        let mut list = FlowList::default();
        list.take(flows(30_000));
        list.go(i64::MAX);
        list.keep_in_sight(20);
        assert_eq!((list.cursor, list.top), (29_999, 29_980));
        list.go(i64::MIN);
        list.keep_in_sight(20);
        assert_eq!((list.cursor, list.top), (0, 0));
    }
}
