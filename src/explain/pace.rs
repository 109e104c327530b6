//! What set the pace: for each direction, how long the application had nothing under way, how long the
//! receiver's window stood in the way, how long a loss was being mended, and how long everything simply
//! waited for the network (the idea of Linux's `TCP_INFO` busy and `rwnd_limited` times, told from a
//! capture).
//!
//! Seen from the capture, a pause while the last and short segment of a message waits for its ACK is the
//! application's: a sender that had more would have filled it.

use super::telling::{Names, finding};
use crate::event::units::nanos;
use crate::event::{Finding, Kind, Segment, Severity, Side};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// What a direction is waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    /// Something to send.
    #[default]
    Application,
    /// ACKs of what is under way; more may not be sent, or is not there yet.
    Network,
    /// Room in the receiver's window.
    Receiver,
    /// The repair of a loss.
    Recovery,
}

/// The order in which the shares are told.
const ALL: [(Waiting, &str); 4] = [
    (Waiting::Application, "the application"),
    (Waiting::Network, "the network"),
    (Waiting::Receiver, "the receiver's window"),
    (Waiting::Recovery, "the repair of losses"),
];

/// Shorter transfers have no pace.
const LEAST_NS: u64 = 50_000_000;
/// Nor have those of fewer segments.
const LEAST_SEGMENTS: u32 = 5;

/// One direction.
#[derive(Clone, Debug, Default)]
struct Half {
    /// Just past the highest number sent, and the highest acknowledged.
    end: Option<Seq>,
    una: Seq,
    /// The right edge of the window it was given.
    edge: Option<Seq>,
    /// Whether that window is closed.
    closed: bool,
    /// Recovery lasts until this is acknowledged.
    recover: Option<Seq>,
    longest: u32,
    /// Whether its latest data was a segment shorter than others: no more was there.
    short: bool,
    segments: u32,
    since: Option<Timestamp>,
    waiting: Waiting,
    /// Nanoseconds by what was waited for, in the order of [`ALL`].
    shares: [u64; 4],
}

/// Both directions of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace([Half; 2]);

impl Pace {
    /// Takes the next segment.
    pub(super) fn observe(&mut self, s: &Segment<'_>) {
        let discarded = [Kind::ChecksumBad, Kind::CaptureDuplicate];
        if s.notes.iter().any(|note| discarded.contains(&note.kind)) {
            return;
        }
        let [sender, receiver] = match s.dir.0 {
            Side::Initiator => [0, 1],
            Side::Responder => [1, 0],
        };
        if let Some(half) = self.0.get_mut(sender) {
            half.sends(s);
        }
        if let Some(half) = self.0.get_mut(receiver) {
            half.hears(s);
        }
        for half in &mut self.0 {
            half.settle(s.time);
        }
    }

    /// What is to be told of it.
    pub(super) fn tell(&self, names: &Names) -> Vec<Finding> {
        let sides = [Side::Initiator, Side::Responder];
        let halves = sides.into_iter().zip(&self.0);
        halves
            .filter_map(|(side, half)| half.tell(names, side))
            .collect()
    }
}

impl Half {
    /// What it sends.
    fn sends(&mut self, s: &Segment<'_>) {
        let probe = |kind| matches!(kind, Kind::ZeroWindowProbe | Kind::KeepAlive);
        if s.seq_len() == 0 || s.flags.rst() || s.notes.iter().any(|note| probe(note.kind)) {
            return;
        }
        let end = Seq(s.seq_end());
        if self.end.is_none() {
            self.una = Seq(s.seq);
        }
        if s.notes.iter().any(|note| note.kind == Kind::Retransmission) {
            self.recover = self.recover.or(self.end);
        }
        if s.len > 0 {
            self.segments += 1;
            self.longest = self.longest.max(s.len);
            self.short = s.len < self.longest;
        }
        self.end = Some(self.end.map_or(end, |known| known.max(end)));
    }

    /// What it is told by the other side.
    fn hears(&mut self, s: &Segment<'_>) {
        let Some(ack) = s.ack.map(Seq).filter(|_| !s.flags.rst()) else {
            return;
        };
        if self.end.is_some_and(|end| ack.at_or_before(end)) {
            self.una = self.una.max(ack);
        }
        self.closed = s.window == 0 && !s.flags.syn() && !s.flags.fin();
        if let Some(window) = s.window_bytes {
            self.edge = Some(ack.plus(window));
        }
        if self
            .recover
            .is_some_and(|until| self.una.at_or_after(until))
        {
            self.recover = None;
        }
    }

    /// Counts the time that has passed, and finds what is waited for from now on.
    fn settle(&mut self, now: Timestamp) {
        let first_data = self.segments == 0;
        if let Some(since) = self.since
            && let Some(share) = self.shares.get_mut(self.waiting as usize)
        {
            // A damaged capture may hold any times.
            *share = share.saturating_add(now.nanos_since(since));
        }
        // The time counts from the first data on.
        self.since = (!first_data).then_some(now);
        self.waiting = self.waits_for();
    }

    fn waits_for(&self) -> Waiting {
        let Some(end) = self.end else {
            return Waiting::Application;
        };
        let outstanding = end.after(self.una);
        // A full segment that no longer fits stands for one that waits.
        let fits = self
            .edge
            .is_none_or(|edge| edge.from(end) >= i32::try_from(self.longest).unwrap_or(i32::MAX));
        if self.closed && !self.short {
            Waiting::Receiver
        } else if !outstanding {
            Waiting::Application
        } else if self.recover.is_some() {
            Waiting::Recovery
        } else if !fits {
            Waiting::Receiver
        } else if self.short {
            Waiting::Application
        } else {
            Waiting::Network
        }
    }

    fn tell(&self, names: &Names, side: Side) -> Option<Finding> {
        let all = self
            .shares
            .iter()
            .fold(0, |all: u64, share| all.saturating_add(*share));
        if self.segments < LEAST_SEGMENTS || all < LEAST_NS {
            return None;
        }
        let mut shares: Vec<_> = ALL.iter().zip(self.shares).collect();
        shares.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        let percent = |ns: u64| (ns as f64 * 100.0 / all as f64).round() as u64;
        let parts: Vec<_> = shares
            .iter()
            .filter(|(_, ns)| percent(*ns) > 0)
            .map(|((_, name), ns)| format!("{name} {} %", percent(*ns)))
            .collect();
        let host = names.of_side(side);
        let what = format!(
            "what set the pace of {host} over {}: {}",
            nanos(all),
            parts.join(", ")
        );
        let ((most, _), _) = *shares.first()?;
        Some(Finding {
            side: Some(side),
            advice: advice(*most).to_owned(),
            ..finding("pace", Severity::Info, what)
        })
    }
}

const fn advice(most: Waiting) -> &'static str {
    match most {
        Waiting::Application => "",
        Waiting::Network => {
            "round trips and the congestion window: more can only be under way when ACKs come sooner \
             or the window has grown"
        }
        Waiting::Receiver => {
            "a larger receive buffer, or an application that reads sooner, would let more be sent"
        }
        Waiting::Recovery => "fewer losses, or a way to find them sooner (SACK), would help most",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    /// A direction that has sent five full segments and waits at 1 ms.
    fn sending() -> Half {
        let mut half = Half {
            end: Some(Seq(5001)),
            una: Seq(1),
            edge: Some(Seq(60_001)),
            longest: 1000,
            segments: 5,
            ..Half::default()
        };
        half.settle(at(1));
        half
    }

    #[test]
    fn time_goes_to_what_is_waited_for() {
        let mut half = sending();
        assert_eq!(half.waiting, Waiting::Network);
        half.edge = Some(Seq(5501));
        half.settle(at(11));
        assert_eq!(half.waiting, Waiting::Receiver);
        half.edge = Some(Seq(60_001));
        half.recover = Some(Seq(5001));
        half.settle(at(111));
        assert_eq!(half.waiting, Waiting::Recovery);
        (half.una, half.recover) = (Seq(5001), None);
        half.settle(at(141));
        assert_eq!(half.waiting, Waiting::Application);
        half.settle(at(241));
        let shares = half.shares.map(|ns| ns / 1_000_000);
        assert_eq!(shares, [100, 10, 100, 30]);
    }

    #[test]
    fn a_last_short_segment_under_way_is_all_there_was() {
        let mut half = sending();
        half.short = true;
        half.settle(at(2));
        assert_eq!(half.waiting, Waiting::Application);
        // Not even a closed window stands in the way of nothing.
        half.closed = true;
        half.settle(at(3));
        assert_eq!(half.waiting, Waiting::Application);
    }
}
