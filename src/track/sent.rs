//! What was sent and is not acknowledged yet: each segment with its times, for round-trip samples
//! (Karn's rule) and for naming the frame that a retransmission repeats.

use std::collections::VecDeque;

use super::order::Stamp;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// How many acknowledged segments stay known by their first frame.
const HISTORY: usize = 4;
/// Most lists kept for the next connection that needs one.
const POOL: usize = 256;
/// Lists with more room than this are not kept.
const ROOM: usize = 64;

/// What all connections share for their lists of sent segments: how long one may be, and lists that
/// are empty at the moment, since most connections are idle most of the time.
#[derive(Clone, Debug)]
pub struct Store {
    /// Segments that one direction may remember.
    pub limit: usize,
    empty: Vec<VecDeque<Sent>>,
}

impl Store {
    /// A store for lists of at most `limit` segments.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            empty: Vec::new(),
        }
    }

    fn lend(&mut self) -> VecDeque<Sent> {
        // Of most connections that there are most of, a SYN is all that is ever outstanding.
        self.empty
            .pop()
            .unwrap_or_else(|| VecDeque::with_capacity(1))
    }

    fn take_back(&mut self, list: &mut VecDeque<Sent>) {
        let mut list = std::mem::take(list);
        list.clear();
        if self.empty.len() < POOL && list.capacity() <= ROOM {
            self.empty.push(list);
        }
    }
}

/// One segment as first sent, and how often it was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// First sequence number.
    pub seq: Seq,
    /// The one after the last.
    pub end: Seq,
    /// Times sent again; stays at 255.
    pub resent: u8,
    /// Whether its payload was as long as any of its sender's so far.
    pub full_size: bool,
    /// Identification of the IPv4 packet that carried it first; 0 for none.
    pub id: u16,
    /// TSval of the first sending, if it had one.
    pub tsval: Option<u32>,
    /// TSval of the latest sending.
    pub last_tsval: Option<u32>,
    /// Frame of the first sending.
    pub frame: u64,
    /// Frame of the latest.
    pub last_frame: u64,
    /// Time of the first sending.
    pub time: Timestamp,
    /// Time of the latest.
    pub last_time: Timestamp,
}

impl Sent {
    /// What tells when it was first sent.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            ts: self.tsval.map(|value| (value, 0)),
            id: (self.id != 0).then_some(self.id),
        }
    }

    /// The sending that carried `tsval`, if this was sent more than once and the timestamps differ.
    fn sending_of(&self, tsval: Option<u32>) -> Option<(u64, Timestamp)> {
        if self.resent == 0 || tsval.is_none() || self.tsval == self.last_tsval {
            None
        } else if tsval == self.tsval {
            Some((self.frame, self.time))
        } else if tsval == self.last_tsval {
            Some((self.last_frame, self.last_time))
        } else {
            None
        }
    }
}

/// The segments an ACK newly covers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acked {
    /// How many.
    pub count: u32,
    /// Whether any of them was sent more than once.
    pub any_resent: bool,
    /// The last of them.
    pub last: Option<Sent>,
    /// Frame and time of the sending that the ACK's timestamp echoes, where that tells the sendings
    /// of a segment apart (RFC 7323 section 4).
    pub echoed: Option<(u64, Timestamp)>,
}

/// The segments of one direction that are not acknowledged, in order of sequence number, and the
/// first frames of the latest that are.
#[derive(Clone, Debug, Default)]
pub struct SentList {
    list: VecDeque<Sent>,
    // Start and frame, the frame counted from the connection's first to keep idle connections small.
    history: [(Seq, u32); HISTORY],
    history_len: u8,
    history_next: u8,
}

impl SentList {
    /// Segments outstanding.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The segments, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.list.iter()
    }

    /// Looks at the first segment outstanding; the result means nothing.
    pub(super) fn touch(&self) -> u64 {
        self.list.front().map_or(0, |sent| u64::from(sent.seq.0))
    }

    /// Segments there is room for without asking for more memory.
    pub(super) fn room(&self) -> usize {
        self.list.capacity()
    }

    /// Whether nothing is outstanding.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Remembers a segment; tells whether the oldest had to be forgotten to stay within the limit.
    #[inline]
    pub fn push(&mut self, sent: Sent, store: &mut Store) -> bool {
        if self.list.capacity() == 0 {
            self.list = store.lend();
        }
        let full = self.list.len() >= store.limit.max(1);
        if full {
            self.list.pop_front();
        }
        match self.list.back() {
            // Bytes seen late, in a hole: they go to their place.
            Some(last) if sent.seq.before(last.seq) => {
                let at = self.list.partition_point(|s| s.seq.before(sent.seq));
                self.list.insert(at, sent);
            }
            _ => self.list.push_back(sent),
        }
        full
    }

    /// Whether several segments were outstanding from `una` on, sent within `ns` of each other and none
    /// but the first sent again.
    pub fn is_tail_of_many(&self, una: Seq, ns: u64) -> bool {
        let (Some(first), Some(last)) = (self.list.front(), self.list.back()) else {
            return false;
        };
        let many = last.seq.after(una) && last.frame != first.frame;
        many && first.resent == 1 && last.resent == 0 && last.time.nanos_since(first.time) < ns
    }

    /// The outstanding segment that holds `seq`.
    pub fn find(&self, seq: Seq) -> Option<&Sent> {
        let at = self.list.partition_point(|s| s.end.at_or_before(seq));
        self.list.get(at).filter(|s| s.seq.at_or_before(seq))
    }

    /// Notes that `start..end` was sent again, and gives the first segment in it as it was before.
    ///
    /// A segment that was sent again in part is two from then on: a card that cuts segments lets one
    /// of them be repeated in many pieces, and each is repeated for the first time.
    pub fn resend(
        &mut self,
        (start, end): (Seq, Seq),
        frame: u64,
        time: Timestamp,
        tsval: Option<u32>,
        store: &Store,
    ) -> Option<Sent> {
        self.split(start, store);
        self.split(end, store);
        let mut first = None;
        let at = self.list.partition_point(|s| s.end.at_or_before(start));
        for sent in self
            .list
            .iter_mut()
            .skip(at)
            .take_while(|s| s.seq.before(end))
        {
            first.get_or_insert(*sent);
            sent.resent = sent.resent.saturating_add(1);
            (sent.last_frame, sent.last_time, sent.last_tsval) = (frame, time, tsval);
        }
        first
    }

    /// Makes two of the segment that holds `at` in its middle, if there is room for one more.
    fn split(&mut self, at: Seq, store: &Store) {
        let index = self.list.partition_point(|s| s.end.at_or_before(at));
        let full = self.list.len() >= store.limit.max(1);
        let Some(head) = self.list.get_mut(index).filter(|s| s.seq.before(at)) else {
            return;
        };
        if full {
            return;
        }
        let tail = Sent { seq: at, ..*head };
        head.end = at;
        self.list.insert(index + 1, tail);
    }

    /// Takes everything before `ack` as acknowledged; `echo` is the TSecr that came with it.
    pub fn ack(
        &mut self,
        ack: Seq,
        echo: Option<u32>,
        first_frame: u64,
        store: &mut Store,
    ) -> Acked {
        let mut acked = Acked::default();
        let mut covered = 0;
        for sent in self.list.iter().take_while(|sent| !sent.end.after(ack)) {
            // The pieces of one that was split count as the one they were sent as.
            acked.count += u32::from(acked.last.is_none_or(|last| last.frame != sent.frame));
            acked.any_resent |= sent.resent > 0;
            acked.last = Some(*sent);
            if acked.echoed.is_none() {
                acked.echoed = sent.sending_of(echo);
            }
            let frame = sent.frame.saturating_sub(first_frame);
            self.history[usize::from(self.history_next)] =
                (sent.seq, u32::try_from(frame).unwrap_or(u32::MAX));
            self.history_next = (self.history_next + 1) % HISTORY as u8;
            self.history_len = (self.history_len + 1).min(HISTORY as u8);
            covered += 1;
        }
        self.forget(covered, store);
        // Part of a segment: the capture saw it before it was cut in two on its way.
        if let Some(front) = self.list.front_mut() {
            front.seq = front.seq.max(ack);
        }
        acked
    }

    /// Drops the first so many segments.
    #[inline]
    fn forget(&mut self, count: usize, store: &mut Store) {
        let room = self.list.capacity();
        // As a whole and not one by one, which is how it nearly always goes: a list that has just been
        // changed is slow to be moved.
        if count == self.list.len() {
            if room > 0 {
                store.take_back(&mut self.list);
            }
            return;
        }
        for _ in 0..count {
            self.list.pop_front();
        }
        if room > ROOM && self.list.len() < room / 4 {
            // A burst is over: what it took is not kept for the next one.
            self.list.shrink_to(room / 2);
        }
    }

    /// The frame that first carried `seq`, if it is among the latest acknowledged ones.
    pub fn acknowledged_frame(&self, seq: Seq, first_frame: u64) -> Option<u64> {
        let known = &self.history[..usize::from(self.history_len)];
        let nearest = known
            .iter()
            .filter(|h| h.0.at_or_before(seq))
            .min_by_key(|h| seq.offset_from(h.0))?;
        (nearest.1 != u32::MAX).then(|| first_frame + u64::from(nearest.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(seq: u32, end: u32, frame: u64) -> Sent {
        Sent {
            seq: Seq(seq),
            end: Seq(end),
            resent: 0,
            full_size: false,
            id: 0,
            tsval: None,
            last_tsval: None,
            frame,
            last_frame: frame,
            time: Timestamp::from_nanos(frame),
            last_time: Timestamp::from_nanos(frame),
        }
    }

    #[test]
    fn an_ack_covers_whole_segments_and_trims_the_next() {
        let (mut list, mut store) = (SentList::default(), Store::new(100));
        for i in 0..4 {
            list.push(sent(i * 10, i * 10 + 10, u64::from(i) + 1), &mut store);
        }
        let acked = list.ack(Seq(25), None, 1, &mut store);
        assert_eq!((acked.count, acked.last.map(|s| s.frame)), (2, Some(2)));
        assert_eq!(
            list.find(Seq(26)).map(|s| (s.seq, s.frame)),
            Some((Seq(25), 3))
        );
        assert_eq!(list.acknowledged_frame(Seq(12), 1), Some(2));
    }

    #[test]
    fn a_resend_marks_every_segment_in_it() {
        let (mut list, mut store) = (SentList::default(), Store::new(100));
        list.push(sent(0, 10, 1), &mut store);
        list.push(sent(10, 20, 2), &mut store);
        let first = list.resend((Seq(0), Seq(20)), 9, Timestamp::from_nanos(9), None, &store);
        assert_eq!(first.map(|s| s.frame), Some(1));
        let acked = list.ack(Seq(20), None, 1, &mut store);
        assert!(acked.any_resent);
        assert_eq!(acked.last.map(|s| (s.frame, s.last_frame)), Some((2, 9)));
    }

    #[test]
    fn what_is_sent_again_in_part_is_marked_in_part() {
        let (mut list, mut store) = (SentList::default(), Store::new(100));
        list.push(sent(0, 30, 1), &mut store);
        let mut again = |from, to, frame| {
            let time = Timestamp::from_nanos(frame);
            let before = list.resend((Seq(from), Seq(to)), frame, time, None, &store);
            before.map(|s| (s.frame, s.resent, s.last_frame))
        };
        assert_eq!(again(0, 10, 7), Some((1, 0, 1)));
        assert_eq!(again(10, 20, 8), Some((1, 0, 1)));
        assert_eq!(again(10, 20, 9), Some((1, 1, 8)));
        let acked = list.ack(Seq(30), None, 1, &mut store);
        assert_eq!((acked.count, acked.last.map(|s| s.resent)), (1, Some(0)));
        assert!(acked.any_resent);
    }

    #[test]
    fn a_late_segment_finds_its_place_and_the_limit_holds() {
        let (mut list, mut store) = (SentList::default(), Store::new(2));
        assert!(!list.push(sent(20, 30, 1), &mut store));
        assert!(!list.push(sent(0, 10, 2), &mut store));
        assert_eq!(list.find(Seq(5)).map(|s| s.frame), Some(2));
        assert!(list.push(sent(30, 40, 3), &mut store));
        assert_eq!(list.len(), 2);
    }
}
