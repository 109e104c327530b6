//! Which retransmissions turn out to have been needless, and what proves it: the receiver says that it
//! had the bytes (D-SACK, RFC 3708 section 3), or its acknowledgment echoes the timestamp of an
//! earlier sending (Eifel detection, RFC 3522 section 3).

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::acks::Heard;
use super::half::Half;
use super::observation::Observation;
use super::order::Stamp;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// Retransmissions remembered for each direction; a proof comes within a few round trips or never.
const REMEMBERED: usize = 128;
/// Places remembered at which SND.UNA has been; where there are more, every other is let go.
const PASSED: usize = 64;
/// Places further back than this are let go: before and after mean nothing there.
const REACH: u32 = 1 << 30;

/// A retransmission that may turn out to have been needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resending {
    seq: Seq,
    end: Seq,
    frame: u64,
    stamp: Stamp,
    /// Whether its bytes had not been seen before: it may be a repetition of what the capture missed.
    first_sight: bool,
    /// That, but it came before anybody could have asked for it.
    early: bool,
    time: Timestamp,
    /// Whether nothing before it was outstanding: only then does the echo of an older timestamp mean
    /// that an older copy of it has arrived.
    oldest: bool,
    /// Whether the receiver is known to have its bytes.
    arrived: bool,
    /// Whether it was told so too soon for it to have been this sending that brought them.
    too_soon: bool,
    /// Whether it is proved to have been needless.
    proved: bool,
}

/// The latest retransmissions of a direction.
#[derive(Clone, Debug, Default)]
pub struct Resendings {
    list: VecDeque<Resending>,
    /// Where SND.UNA has been.
    passed: VecDeque<Passed>,
}

/// A place at which SND.UNA has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passed {
    una: Seq,
    /// What had been sent latest of all that was seen by then.
    latest: Stamp,
    /// When it came there.
    time: Timestamp,
}

/// What proves that a retransmission was needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The receiver reports that it got the bytes twice.
    Dsack,
    /// The timestamp echoed is that of a sending before it.
    Timestamp,
    /// A copy of all its bytes that was sent before it comes after it.
    FirstCopy,
}

/// A retransmission that was needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needless {
    /// Its frame.
    pub frame: u64,
    /// What proves it.
    pub proof: Proof,
}

/// What an acknowledgment says that none before it did.
pub(super) struct News {
    /// Whether it moved SND.UNA.
    pub(super) acked: bool,
    /// Whether its SACK blocks cover more than those before.
    pub(super) sacked: bool,
    /// The duplicate it reports.
    pub(super) dsack: Option<(Seq, Seq)>,
}

impl Resendings {
    /// Bytes of memory they take beside themselves.
    pub(super) fn weight(&self) -> usize {
        self.list.capacity() * size_of::<Resending>() + self.passed.capacity() * size_of::<Passed>()
    }

    fn add(&mut self, resending: Resending) {
        if self.list.len() >= REMEMBERED {
            self.list.pop_front();
        }
        self.list.push_back(resending);
    }

    /// SND.UNA has come to a new place.
    fn pass(&mut self, place: Passed) {
        let far = |before: &Passed| place.una.offset_from(before.una) > REACH;
        while self.passed.front().is_some_and(far) {
            self.passed.pop_front();
        }
        if self.passed.len() >= PASSED {
            let mut keep = false;
            self.passed.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.passed.push_back(place);
    }

    /// The first place known where everything up to `end` had come: who brought it was sent no later than
    /// the latest by then.
    fn passed_at(&self, end: Seq) -> Option<Passed> {
        let at = self.passed.partition_point(|place| place.una.before(end));
        self.passed.get(at).copied()
    }

    /// The latest that carried any of `start..end`, which the receiver got twice.
    ///
    /// Whichever two of the copies came, the latest that was sent was not needed: it is one of them, or
    /// both were sent before it. The timestamp that is echoed tells nothing here: by RFC 7323 section 4.3 it
    /// is that of the second copy, but a receiver that discards old segments before it reads their options
    /// echoes the one that brought the bytes first.
    fn take(&mut self, start: Seq, end: Seq) -> Option<Resending> {
        let list = &mut self.list;
        let such = |it: &Resending| !it.first_sight && it.overlaps(start, end);
        let at = list.iter().rposition(such)?;
        list.remove(at)
    }
}

impl Resending {
    fn tsval(&self) -> Option<u32> {
        self.stamp.ts.map(|ts| ts.0)
    }

    fn overlaps(&self, start: Seq, end: Seq) -> bool {
        self.seq.before(end) && start.before(self.end)
    }
}

impl Half {
    /// Remembers that data was sent again.
    pub(super) fn resent(&mut self, o: &Observation, end: Seq) {
        self.remember(o, end, None);
    }

    /// Remembers that data came after what follows it: the first of it may still be on its way.
    ///
    /// `early` says that nobody could have asked for it yet.
    pub(super) fn filled_late(&mut self, o: &Observation, end: Seq, early: bool) {
        self.remember(o, end, Some(early));
    }

    /// When it sent something again, or brought something late, that was not the segment just seen.
    pub(super) fn sent_again_at(&self, now: u64) -> Option<Timestamp> {
        let list = self.rare()?.resendings.list.iter();
        list.rev().find(|it| it.frame != now).map(|it| it.time)
    }

    /// When everything up to `end` had been acknowledged, as far as that is known: no sooner.
    pub fn acked_by(&self, end: Seq) -> Timestamp {
        let passed = self.rare().and_then(|rare| rare.resendings.passed_at(end));
        passed.map_or(self.una_time, |passed| passed.time)
    }

    /// Which retransmission the segment, a copy that was sent before it, proves to have been needless:
    /// the one in `frame`, if all it carried is here.
    pub(super) fn overtaken(&self, o: &Observation, frame: u64) -> Option<Needless> {
        let list = &self.rare()?.resendings.list;
        let it = list.iter().find(|it| it.frame == frame)?;
        let whole = o.seq.at_or_before(it.seq) && it.end.at_or_before(o.end);
        whole.then_some(Needless {
            frame,
            proof: Proof::FirstCopy,
        })
    }

    /// A frame that carried some of these bytes before, and whether it was sent earlier or later than
    /// this one, if that can be told of one of the latest; `Equal` if it can't be told and that one came late.
    pub(super) fn twin(&self, o: &Observation, end: Seq) -> Option<(u64, Ordering)> {
        let mine = Stamp {
            ts: o.stamp.ts.map(|ts| (ts.0, 0)),
            ..o.stamp
        };
        let earlier = |it: Stamp| it.order(mine, o.ids_count) == Some(Ordering::Less);
        let original = o.original.filter(|it| earlier(it.stamp()));
        let original = original.map(|it| (it.frame, Ordering::Less));
        // What brought these bytes when they were acknowledged was sent before that.
        let acked = o.original.is_none() && end.at_or_before(self.una);
        let passed = self.rare().filter(|_| acked);
        let passed = passed.and_then(|rare| rare.resendings.passed_at(end));
        let before = passed.filter(|passed| earlier(passed.latest));
        let frame = o.original_frame.unwrap_or(self.una_frame);
        let original = original.or(before.map(|_| (frame, Ordering::Less)));
        let list = self.rare().map(|rare| &rare.resendings.list);
        let such = list
            .into_iter()
            .flatten()
            .filter(|it| it.overlaps(o.seq, end));
        let known = such.filter_map(|it| match it.stamp.order(o.stamp, o.ids_count) {
            Some(order) => Some((it.frame, order)),
            // What nobody could have asked for is the first copy, but this one may be a copy of it.
            None => (it.first_sight && !it.early).then_some((it.frame, Ordering::Equal)),
        });
        // One that was sent later settles it.
        known.chain(original).max_by_key(|twin| match twin.1 {
            Ordering::Greater => 2,
            Ordering::Less => 1,
            Ordering::Equal => 0,
        })
    }

    fn remember(&mut self, o: &Observation, end: Seq, first_sight: Option<bool>) {
        let resending = Resending {
            seq: o.seq,
            end,
            frame: o.frame,
            time: o.time,
            stamp: o.stamp,
            first_sight: first_sight.is_some(),
            early: first_sight == Some(true),
            oldest: o.seq.at_or_before(self.una),
            arrived: false,
            too_soon: false,
            proved: false,
        };
        self.rare_mut().resendings.add(resending);
    }

    /// Looks for the proof in an ACK that moved SND.UNA to `ack` or reports what has arrived, and in its
    /// D-SACK.
    ///
    /// A D-SACK says that the bytes came twice, and that may be the network's doing (RFC 3708 section 3):
    /// it proves the repetition to have been needless if the receiver had the bytes before the
    /// repetition can have arrived, or tells of both at once.
    ///
    /// Gives the repetition that came twice, and the one that is proved to have been needless.
    #[inline]
    pub(super) fn look_back(
        &mut self,
        heard: &Heard,
        news: &News,
    ) -> (Option<u64>, Option<Needless>) {
        // Who has never sent anything again has nothing to look back at.
        if self.rare().is_none() {
            return (None, None);
        }
        self.look_far_back(heard, news)
    }

    fn look_far_back(&mut self, heard: &Heard, news: &News) -> (Option<u64>, Option<Needless>) {
        let Heard { ack, echo, .. } = *heard;
        let least_ns = self.counts.rtt.min;
        let ts = self.stamped.then_some((self.latest_tsval, 0));
        let Some(rare) = self.rare_if_any() else {
            return (None, None);
        };
        if news.acked {
            let id = rare.ids.latest();
            rare.resendings.pass(Passed {
                una: ack,
                latest: Stamp { ts, id },
                time: heard.time,
            });
        }
        let twice = news
            .dsack
            .and_then(|(left, right)| rare.resendings.take(left, right));
        let mut needless = twice
            .filter(|it| it.proved || !it.arrived || it.too_soon)
            .map(|it| Needless {
                frame: it.frame,
                proof: Proof::Dsack,
            });
        let sent_twice = twice.map(|it| it.frame);
        if !news.acked && !news.sacked {
            return (sent_twice, needless);
        }
        let (list, sacked) = (&mut rare.resendings.list, &rare.sacked);
        for it in list.iter_mut().filter(|it| !it.arrived && !it.first_sight) {
            let acknowledged = it.end.at_or_before(ack);
            if !acknowledged && !sacked.covers(it.seq, it.end) {
                continue;
            }
            let stamps = it.tsval().zip(echo);
            let before = stamps.is_some_and(|(sent, echo)| (echo.wrapping_sub(sent) as i32) < 0);
            it.arrived = true;
            it.too_soon = before || heard.time.nanos_since(it.time) < least_ns - least_ns / 8;
            if it.oldest && acknowledged && before {
                it.proved = true;
                needless.get_or_insert(Needless {
                    frame: it.frame,
                    proof: Proof::Timestamp,
                });
            }
        }
        (sent_twice, needless)
    }
}
