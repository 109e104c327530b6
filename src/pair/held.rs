//! A packet as one host's capture shows it, kept until it is known what became of it.

use arrayvec::ArrayVec;

use super::changes;
use crate::decode::{Body, Checksum, Packet};
use crate::event::{Change, Figures, Host, Note, Segment, Stop, TcpState};
use crate::frame::{Frame, Timestamp};

/// Payload bytes kept: more than any view shows of it.
const GLIMPSE: usize = 256;

/// A packet of which nothing is known: what a held segment refers to until it is shown again.
static NOTHING: Packet<'static> = Packet {
    layers: ArrayVec::new_const(),
    more_layers: 0,
    ip: None,
    tunnel: 0,
    body: Body::NotIp { ethertype: 0 },
    reassembled: None,
    problems: ArrayVec::new_const(),
};

/// A packet at one of the hosts.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) host: Host,
    pub(super) frame: u64,
    pub(super) time: Timestamp,
    pub(super) figures: Option<Figures>,
    segment: Option<Box<Kept>>,
    summary: String,
}

/// A segment that outlives its frame.
#[derive(Debug)]
struct Kept {
    facts: Segment<'static>,
    packet: Packet<'static>,
    options: Vec<u8>,
    payload: Vec<u8>,
    notes: Vec<Note>,
    comment: Option<Vec<u8>>,
}

impl Kept {
    fn segment(&self) -> Segment<'_> {
        Segment {
            option_bytes: &self.options,
            payload: &self.payload,
            notes: &self.notes,
            packet: &self.packet,
            comment: self.comment.as_deref(),
            ..self.facts
        }
    }
}

impl Held {
    /// A frame of which nothing is known but that it is there.
    pub(super) fn bare(host: Host, frame: u64, time: Timestamp) -> Self {
        Self {
            host,
            frame,
            time,
            figures: None,
            segment: None,
            summary: String::new(),
        }
    }

    /// Remembers that it is a segment.
    pub(super) fn segment(&mut self, s: &Segment<'_>) {
        self.segment = Some(Box::new(Kept {
            options: s.option_bytes.to_vec(),
            payload: s.payload.iter().copied().take(GLIMPSE).collect(),
            notes: s.notes.to_vec(),
            comment: s.comment.map(<[u8]>::to_vec),
            packet: Packet {
                layers: s.packet.layers.clone(),
                more_layers: s.packet.more_layers,
                ip: s.packet.ip,
                tunnel: s.packet.tunnel,
                problems: s.packet.problems.clone(),
                ..NOTHING.clone()
            },
            facts: Segment {
                option_bytes: &[],
                payload: &[],
                notes: &[],
                packet: &NOTHING,
                comment: None,
                ..*s
            },
        }));
    }

    /// Remembers that it is something else.
    pub(super) fn packet(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        self.summary = packet.summary();
        for problem in packet.problems.iter().filter(|p| p.rfc().is_some()) {
            self.summary.push_str("; ");
            self.summary.push_str(&problem.to_string());
        }
        if frame.is_cut() {
            self.summary.push_str("; cut by the capture");
        }
    }

    /// What differs between this packet as it left and as it arrived, of what is known of both.
    pub(super) fn changes(&self, arrived: &Self) -> Vec<Change> {
        match (&self.segment, &arrived.segment) {
            (Some(sent), Some(arrived)) => changes::compare(&sent.segment(), &arrived.segment()),
            _ => Vec::new(),
        }
    }

    /// Whether it is a segment with a wrong checksum.
    pub(super) fn is_damaged(&self) -> bool {
        let segment = self.segment.as_ref();
        segment.is_some_and(|kept| kept.facts.checksum == Checksum::Bad)
    }

    /// Number of the connection as this host's capture counts.
    pub(super) fn flow(&self) -> Option<u32> {
        Some(self.segment.as_ref()?.facts.flow)
    }

    /// What is noted of it.
    pub(super) fn notes(&self) -> &[Note] {
        self.segment.as_ref().map_or(&[], |kept| &kept.notes)
    }

    /// Takes away notes that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Note) -> bool) {
        if let Some(kept) = &mut self.segment {
            let mut keep = keep;
            kept.notes.retain(|note| keep(note));
        }
    }

    /// Calls `show` with what is known of it.
    pub(super) fn with_stop<T>(&self, sent: bool, show: impl FnOnce(Stop<'_>) -> T) -> T {
        let Some(kept) = &self.segment else {
            return show(Stop {
                segment: None,
                state: None,
                notes: &[],
                ..self.stop(None)
            });
        };
        let segment = kept.segment();
        let own = if sent {
            segment.dir.0
        } else {
            segment.dir.0.other()
        };
        let state = (
            segment.state_before[own.index()],
            segment.state[own.index()],
        );
        show(Stop {
            segment: Some(&segment),
            notes: &kept.notes,
            ..self.stop(Some(state))
        })
    }

    fn stop(&self, state: Option<(TcpState, TcpState)>) -> Stop<'_> {
        Stop {
            frame: self.frame,
            time: self.time,
            segment: None,
            summary: &self.summary,
            state,
            notes: &[],
            figures: self.figures,
        }
    }
}
