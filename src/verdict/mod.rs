//! The judgements: what a person should know about a segment, and why. One rule a file.
//!
//! A rule names the facts it is asked about, so that a segment with nothing odd about it asks no
//! rule at all. It looks at the facts and at the connection, and gives a [`Note`] or nothing.

#![expect(
    clippy::unnecessary_wraps,
    reason = "rules that always have an answer stand in one table with those that may not"
)]

mod acked_unseen;
mod capture_duplicate;
mod cause;
mod challenge_ack;
mod checksum_bad;
mod crossing;
mod dsack;
mod dup_ack;
mod half_close;
mod hole;
mod keep_alive;
mod offload_segment;
mod out_of_order;
mod partial_ack;
mod port_reused;
mod probe;
mod refused;
mod reset;
mod retransmission;
mod unacceptable;
mod window_full;
mod window_shrunk;
mod window_update;
mod zero_window;

use crate::event::{Kind, Note};
use crate::track::{Connection, Facts, Half, Observation, Proof};

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it notes.
    pub kind: Kind,
    /// It is asked when a segment has any of these facts.
    pub when: Facts,
    /// Where it is written.
    pub rfc: &'static str,
    /// Judges: a note, or nothing.
    pub judge: fn(&Case<'_>) -> Option<Note>,
}

/// All rules, in the order in which their notes stand.
pub const RULES: &[Rule] = &[
    capture_duplicate::RULE,
    checksum_bad::RULE,
    offload_segment::RULE,
    port_reused::RULE,
    crossing::OPEN,
    refused::RULE,
    reset::RULE,
    keep_alive::RULE,
    keep_alive::ANSWER,
    probe::RULE,
    probe::ANSWER,
    retransmission::RULE,
    out_of_order::RULE,
    hole::RULE,
    acked_unseen::RULE,
    unacceptable::ANSWER,
    unacceptable::BEYOND,
    challenge_ack::RULE,
    challenge_ack::ANSWER,
    dup_ack::RULE,
    partial_ack::RULE,
    dsack::RULE,
    zero_window::RULE,
    window_update::RULE,
    window_shrunk::RULE,
    window_full::FULL,
    window_full::EXCEEDED,
    crossing::CLOSE,
    half_close::RULE,
];

/// A segment before the rules.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What was found about it.
    pub seen: &'a Observation,
    /// Its connection, as it stands after it.
    pub connection: &'a Connection,
    /// What later segments prove of it.
    pub proved: Proved,
}

/// What later segments prove of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proved {
    /// The frame that proves it was sent again without need, and how.
    pub needless: Option<(u64, Proof)>,
    /// Its sender's retransmission timer ran out.
    pub timeout: bool,
    /// What it brought late came once more later, and nothing tells which was sent first.
    pub twice: bool,
    /// It is a copy that its receiver got, too.
    pub copied: bool,
    /// Of the sequence numbers that it acknowledges unseen, how many the capture holds behind it, though from no
    /// later.
    pub behind: u32,
}

impl Case<'_> {
    /// The half of its sender.
    pub fn sender(&self) -> &Half {
        &self.connection.halves[self.seen.side.index()]
    }

    /// The half of its receiver.
    pub fn receiver(&self) -> &Half {
        &self.connection.halves[self.seen.side.other().index()]
    }

    /// Whether that kind was noted on an earlier segment of its sender.
    pub fn noted_before(&self, kind: Kind) -> bool {
        let remarks = self.connection.remarks.as_deref();
        remarks.is_some_and(|remarks| remarks.notes[self.seen.side.index()].of(kind) > 0)
    }

    /// Relative number of its first byte.
    pub fn seq(&self) -> u32 {
        self.sender().relative(self.seen.seq)
    }

    /// Relative number just past its last byte.
    pub fn end(&self) -> u32 {
        self.sender().relative(self.seen.end)
    }

    /// Relative acknowledgment number; 0 without one.
    pub fn ack(&self) -> u32 {
        self.seen.ack.map_or(0, |ack| self.receiver().relative(ack))
    }
}

/// Asks the rules about a segment; `notes` holds the answers afterwards. `proved` is what later segments
/// are known to prove of it.
pub fn judge(seen: &Observation, connection: &Connection, proved: Proved, notes: &mut Vec<Note>) {
    notes.clear();
    if seen.facts == Facts::NONE {
        return;
    }
    let case = Case {
        seen,
        connection,
        proved,
    };
    let asked = RULES.iter().filter(|rule| seen.facts.any(rule.when));
    notes.extend(asked.filter_map(|rule| (rule.judge)(&case)));
}
