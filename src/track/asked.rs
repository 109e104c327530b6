//! Whether a sender could have been asked for what comes, as far as that is known away from it: news of
//! loss has to get there, and what it sends again for it has to come (RFC 5681 section 3.2, RFC 6675
//! section 5); a timer that runs out there shows here as silence (RFC 6298, RFC 5682).

use super::connection::Connection;
use super::half::Half;
use super::observation::Observation;
use crate::event::Cause;
use crate::frame::Timestamp;

/// Silence that is worth a look: no sender's retransmission timer is known to run for less.
pub(super) const SILENCE_NS: u64 = 100_000_000;
/// The shortest timeout of a sender whose round trips are not known (Linux's `TCP_RTO_MIN`).
const SHORTEST_RTO_NS: u64 = 200_000_000;

impl Connection {
    /// The shortest round trip between the hosts: what goes from here to either side and back.
    pub fn round_trip_ns(&self) -> u64 {
        let [to_one, to_other] = self.legs_ns();
        to_one.saturating_add(to_other)
    }

    /// Whether what fills a hole comes before its sender can have been asked for it and have sent it again:
    /// then it is the first copy, overtaken on the way.
    pub fn comes_unasked(&self, o: &Observation) -> bool {
        let Some(hole) = o.hole.filter(|hole| !hole.before_capture) else {
            return false;
        };
        let sender = &self.halves[o.side.index()];
        let rtt_ns = self.round_trip_ns();
        // Whose timer has run out needs not be asked.
        let calm = !sender.repeats_unasked_within(rtt_ns, o.time);
        let since = self.asked_at(o).unwrap_or(hole.time);
        rtt_ns > 0 && calm && o.time.nanos_since(since) < rtt_ns - rtt_ns / 8
    }

    /// When the third duplicate ACK asked for the segment, where nothing less can have: without SACK, and
    /// with no recovery under way in which an ACK that goes on a little asks, too (RFC 6582 section 3.2).
    fn asked_at(&self, o: &Observation) -> Option<Timestamp> {
        let sender = &self.halves[o.side.index()];
        let told_by_sack = self.halves.iter().all(Half::may_sack);
        let alone = o.seq == o.una && o.dup_acks_received >= 3;
        let rare = sender.rare().filter(|_| alone && !told_by_sack)?;
        rare.third_dup_ack_at
            .filter(|_| rare.recovery_cause.is_none())
    }

    /// Whether the timestamp that the segment echoes is from before any ACK that could have told its sender of a
    /// loss (RFC 7323 section 4.3): with SACK the first that told of something beyond SND.UNA, without it the
    /// third duplicate.
    ///
    /// That holds for a receiver with nothing outstanding: then each of its ACKs is the latest to be echoed. And it
    /// holds for a sender who has sent nothing again lately: a recovery lasts until it has heard of all that was out
    /// when that began, which does not show here, and what is lost meanwhile needs no news of its own.
    pub fn is_sent_unheard(&self, o: &Observation, sack: bool) -> bool {
        let (sender, receiver) = (
            &self.halves[o.side.index()],
            &self.halves[o.side.other().index()],
        );
        let told = sender.rare().and_then(|rare| {
            if sack {
                rare.told_with.filter(|_| !rare.sacked.is_empty())
            } else {
                rare.third_dup_ack_with.filter(|_| o.dup_acks_received >= 3)
            }
        });
        let lately_ns = self.round_trip_ns().saturating_mul(3);
        let again = sender.sent_again_at(o.frame);
        let lately = again.is_some_and(|at| o.time.nanos_since(at) < lately_ns);
        let calm = sender.recovery_cause().is_none() && !lately && receiver.outstanding() == 0;
        let echoed = o.stamp.ts.map(|ts| ts.1);
        let before = |(echoed, told): (u32, u32)| (echoed.wrapping_sub(told) as i32) < 0;
        calm && echoed.zip(told).is_some_and(before)
    }

    /// Takes in that its sender was silent for so long before the segment: it may be what goes first after
    /// a timeout, though nothing here shows that it was sent before.
    #[cold]
    pub(super) fn after_silence(&mut self, o: &Observation, silent_ns: u64) {
        let (sender, receiver) = self.pair(o.side);
        let rto_ns = sender.rto_ns().map_or(SHORTEST_RTO_NS, |rto| {
            rto.saturating_add(receiver.counts.rtt.min)
        });
        let first = o.seq == o.una && o.seq == o.nxt;
        // Who counts its packets shows whether any went and did not get here.
        let counts = self.habits.count(o.side);
        let none_lost = counts && o.marks.id == o.marks_before.id.wrapping_add(1);
        let long = silent_ns >= rto_ns - rto_ns / 10;
        self.habits.set_resumed(o.side, first && !none_lost && long);
    }

    /// Takes in that a segment skips something. If all that came since a silence as long as the timer was one
    /// segment a round trip ago, there had been a timeout: its sender tries new data before it repeats the
    /// rest of what was lost (RFC 5682 section 2.1, step 2), and the rest follows unasked.
    pub(super) fn goes_on_after_timeout(&mut self, o: &Observation) {
        let rtt_ns = self.round_trip_ns();
        let resumed = self.habits.resumed(o.side);
        let (sender, receiver) = self.pair(o.side);
        let far = receiver.counts.rtt.min >= sender.counts.rtt.min / 2;
        // Or it echoes what was said since: the one segment had been answered before this was sent.
        let heard = receiver.stamped
            && receiver.last_time > sender.last_time
            && o.stamp.ts.is_some_and(|ts| ts.1 == receiver.latest_tsval);
        let answered = heard || o.time.nanos_since(sender.last_time) >= rtt_ns - rtt_ns / 8;
        if resumed && far && rtt_ns > 0 && answered {
            let rare = sender.rare_mut();
            rare.recovery_cause = Some(Cause::Rto);
            rare.recovery_until = Some(o.seq);
            rare.unasked_at = Some(o.time);
        }
    }
}
