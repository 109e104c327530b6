//! Which retransmissions turn out to have been needless, and what proves it: the receiver says that it
//! had the bytes (D-SACK, RFC 3708 section 3), or its acknowledgment echoes the timestamp of an
//! earlier sending (Eifel detection, RFC 3522 section 3).

use std::collections::VecDeque;

use super::half::Half;
use super::observation::Observation;
use crate::wire::seq::Seq;

/// Retransmissions remembered for each direction; a proof comes within a few round trips or never.
const REMEMBERED: usize = 64;

/// A retransmission that may turn out to have been needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resending {
    seq: Seq,
    end: Seq,
    frame: u64,
    tsval: Option<u32>,
    /// Whether nothing before it was outstanding: only then does the echo of an older timestamp mean
    /// that an older copy of it has arrived.
    oldest: bool,
    acknowledged: bool,
}

/// The latest retransmissions of a direction.
#[derive(Clone, Debug, Default)]
pub struct Resendings(VecDeque<Resending>);

/// What proves that a retransmission was needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The receiver reports that it got the bytes twice.
    Dsack,
    /// The timestamp echoed is that of a sending before it.
    Timestamp,
}

/// A retransmission that was needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needless {
    /// Its frame.
    pub frame: u64,
    /// What proves it.
    pub proof: Proof,
}

impl Resendings {
    /// Bytes of memory they take beside themselves.
    pub(super) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<Resending>()
    }

    fn add(&mut self, resending: Resending) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(resending);
    }

    /// The latest that carried any of `start..end`, which the receiver got twice.
    fn take(&mut self, start: Seq, end: Seq) -> Option<Resending> {
        let at = self.0.iter().rposition(|it| it.overlaps(start, end))?;
        self.0.remove(at)
    }
}

impl Resending {
    fn overlaps(&self, start: Seq, end: Seq) -> bool {
        self.seq.before(end) && start.before(self.end)
    }
}

impl Half {
    /// Remembers that data was sent again.
    pub(super) fn resent(&mut self, o: &Observation, end: Seq) {
        let resending = Resending {
            seq: o.seq,
            end,
            frame: o.frame,
            tsval: o.options.ts.map(|ts| ts.0),
            oldest: o.seq.at_or_before(self.una),
            acknowledged: false,
        };
        self.rare_mut().resendings.add(resending);
    }

    /// Looks for the proof in an ACK that moved SND.UNA from `una` to `ack`, and in its D-SACK.
    pub(super) fn look_back(&mut self, o: &mut Observation, ack: Seq) {
        let dsack = o.dsack;
        let echo = o.options.ts.map(|ts| ts.1);
        let Some(rare) = self.rare_if_any() else {
            return;
        };
        if let Some((left, right)) = dsack
            && let Some(resending) = rare.resendings.take(left, right)
        {
            o.needless = Some(Needless {
                frame: resending.frame,
                proof: Proof::Dsack,
            });
            return;
        }
        if o.newly_acked == 0 {
            return;
        }
        let list = &mut rare.resendings.0;
        let earlier = |it: &Resending| {
            let stamps = it.tsval.zip(echo);
            let before = stamps.is_some_and(|(sent, echo)| (echo.wrapping_sub(sent) as i32) < 0);
            it.oldest && !it.acknowledged && it.end.at_or_before(ack) && before
        };
        // It stays in the list: the D-SACK that may come later is about it too.
        if let Some(resending) = list.iter().find(|it| earlier(it)) {
            o.needless = Some(Needless {
                frame: resending.frame,
                proof: Proof::Timestamp,
            });
        }
        for it in list.iter_mut().filter(|it| it.end.at_or_before(ack)) {
            it.acknowledged = true;
        }
    }
}
