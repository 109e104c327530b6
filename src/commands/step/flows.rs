//! The connections of a capture, as far as it has been read.

use std::sync::Arc;

use super::capture::Walk;
use crate::event::Flow;
use crate::tui::FlowLine;

/// Most connections that are listed: the first ones.
pub(super) const MOST: usize = 1 << 16;

/// A connection, and where its frames are.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) line: FlowLine,
    pub(super) first_frame: u64,
    pub(super) last_frame: u64,
}

/// Those that are over; the others are asked for when the list is.
#[derive(Debug, Default)]
pub(super) struct Flows {
    over: Vec<Listed>,
    /// There were more.
    pub(super) too_many: bool,
}

impl Flows {
    /// Takes in a connection that was let go.
    pub(super) fn ended(&mut self, flow: &Flow) {
        if self.over.len() < MOST {
            self.over.push(listed(flow));
        } else {
            self.too_many = true;
        }
    }

    /// Those that are over; at the end of the capture, all.
    pub(super) fn over(&self) -> &[Listed] {
        &self.over
    }

    /// All of them, those included that the walk still follows, in their order.
    pub(super) fn all(&mut self, walk: Option<&Walk>) -> Vec<Listed> {
        let mut all = self.over.clone();
        if let Some(walk) = walk {
            walk.followed(&mut |flow| all.push(listed(flow)));
        }
        all.sort_by_key(|listed| listed.line.flow);
        self.too_many |= all.len() > MOST;
        all.truncate(MOST);
        all
    }
}

/// As the screen is told.
pub(super) fn lines(all: &[Listed]) -> Arc<[FlowLine]> {
    all.iter().map(|listed| listed.line.clone()).collect()
}

/// A connection as a line of the list.
pub(super) fn listed(flow: &Flow) -> Listed {
    let trouble = |counts: &crate::event::NoteCounts| {
        let kinds = counts.iter().filter(|(kind, _)| kind.is_trouble());
        kinds.map(|(_, count)| count).sum::<u32>()
    };
    Listed {
        line: FlowLine {
            flow: flow.flow,
            ends: [flow.initiator, flow.responder],
            start: flow.start,
            duration_ns: flow.duration_ns(),
            segments: flow.packets(),
            bytes: flow.stats.each_ref().map(|stats| stats.unique_bytes),
            shape: flow.shape,
            problems: flow.notes.iter().map(trouble).sum(),
        },
        first_frame: flow.first_frame,
        last_frame: flow.last_frame,
    }
}
