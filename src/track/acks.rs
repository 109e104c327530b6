//! What an acknowledgment says: bytes it newly covers, duplicates (RFC 5681 section 2), selective
//! acknowledgments (RFC 2018) and duplicates reported (RFC 2883).

use super::connection::Connection;
use super::half::{Base, Half};
use super::needless::News;
use super::observation::{Facts, Observation};
use super::sent::Store;
use crate::event::{Cause, Rtt, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

/// Most disjoint SACKed ranges kept; a receiver reports four at a time.
const MAX_SACKED: usize = 1024;

impl Connection {
    /// Takes in the acknowledgment number and the SACK blocks.
    pub(super) fn acknowledge(&mut self, o: &mut Observation, store: &mut Store) {
        let Some(ack) = o.ack else { return };
        if o.flags.rst() {
            self.refuse(o, ack, store);
            return;
        }
        let first_frame = self.first_frame;
        let (sender, data) = self.pair(o.side);
        let repeats = sender.last_ack == Some(ack);
        // Until the SYN is acknowledged, nothing but it and what came with it can be.
        let first = data.base_from == Base::Syn && data.una == data.base;
        let sensible = ack.after(data.base) && ack.at_or_before(data.nxt);
        // Who has sent data before this knows the connection well, and refuses nothing.
        let silent = !sender.seen() || o.seq == sender.base.plus(1);
        let refuses = sender.base_from != Base::Syn && silent && !o.flags.syn() && o.len == 0;
        if first && !sensible && refuses {
            o.facts.set(Facts::REFUSES_SYN);
        }
        let furthest = sender.furthest_edge();
        if data.seen()
            && ack.after(data.nxt)
            && !data.probed_up_to(ack)
            && is_stray(data, ack, furthest)
        {
            o.acked_unseen = ack.offset_from(data.nxt);
            o.facts.set(Facts::ACKS_UNSEEN.and(Facts::STRAY));
            return;
        }
        sender.last_ack = Some(sender.last_ack.map_or(ack, |last| last.max(ack)));
        if !data.seen() {
            // Nothing of the other side is there to be acknowledged; only its place becomes known.
            data.acked = true;
            (data.una_frame, data.una_time) = (o.frame, o.time);
            if !data.known() {
                data.set_base(Base::Acked, ack.minus(1), ack);
            } else if ack.after(data.nxt) {
                (data.floor, data.nxt, data.una, data.seen_end) = (ack, ack, ack, ack);
                data.data_acked = true;
            }
            return;
        }
        let mut forgot = false;
        if ack.after(data.nxt) {
            let Some(forgot_holes) = accept_unseen(o, data, ack) else {
                return;
            };
            forgot = forgot_holes;
            data.keep_in_reach(first_frame, store);
        }
        let heard = Heard {
            frame: o.frame,
            time: o.time,
            ack,
            echo: o.options.ts.map(|ts| ts.1),
            of_unseen: o.acked_unseen > 0,
        };
        if ack.after(data.una) {
            acked_holes(o, data, ack);
            let advanced = data.advance(&heard, first_frame, store);
            (o.newly_acked, o.rtt) = (advanced.newly_acked, advanced.rtt);
            if advanced.recover.is_some() {
                o.facts.set(Facts::PARTIAL_ACK);
                o.recover = advanced.recover;
            }
        }
        forgot |= read_sack(o, data, ack);
        if o.newly_acked > 0 || o.newly_sacked > 0 || o.dsack.is_some() {
            let news = News {
                acked: o.newly_acked > 0,
                sacked: o.newly_sacked > 0,
                dsack: o.dsack,
            };
            let (sent_twice, needless) = data.look_back(&heard, &news);
            o.sent_twice = sent_twice;
            // The segment itself may prove something of one of its own sender's.
            o.needless = needless.or(o.needless);
        }
        if let Some((left, right)) = o.dsack
            && o.sent_twice.is_none()
            && o.answers.is_none()
        {
            let copied = data.rare().and_then(|rare| rare.copied);
            let such = copied.filter(|(seq, end, _)| seq.before(right) && left.before(*end));
            o.copy_arrived = such.map(|(.., frame)| frame);
        }
        if repeats {
            duplicate(o, data, ack);
        }
        if forgot {
            self.give_up(o.frame);
        }
    }
}

/// An acknowledgment of bytes in a hole: the receiver has them, so the capture missed them.
fn acked_holes(o: &mut Observation, data: &mut Half, ack: Seq) {
    let una = data.una;
    let Some(rare) = data.rare_if_any() else {
        return;
    };
    let missed = rare
        .holes
        .missing_before(ack)
        .saturating_sub(rare.holes.missing_before(una));
    if missed > 0 {
        o.acked_unseen = missed;
        o.facts.set(Facts::ACKS_UNSEEN);
        rare.holes.acknowledge(ack, o.frame, o.time);
    }
}

/// An acknowledgment, as the side hears it whose data it is about.
pub(super) struct Heard {
    pub(super) frame: u64,
    pub(super) time: Timestamp,
    pub(super) ack: Seq,
    /// The TSecr that came with it.
    pub(super) echo: Option<u32>,
    /// Whether it acknowledges what was not seen beyond all that was.
    pub(super) of_unseen: bool,
}

/// What an acknowledgment that moved SND.UNA has brought.
pub(super) struct Advanced {
    /// Sequence numbers newly acknowledged.
    pub(super) newly_acked: u32,
    /// The round-trip sample it completes.
    pub(super) rtt: Option<Rtt>,
    /// For a partial ACK: SND.NXT when recovery began.
    pub(super) recover: Option<Seq>,
}

impl Half {
    /// Takes in that the other side has everything before an acknowledgment, and had not before.
    #[expect(
        clippy::inline_always,
        reason = "two segments in three come this way, and what is not asked for is left out"
    )]
    #[inline(always)]
    pub(super) fn advance(
        &mut self,
        heard: &Heard,
        first_frame: u64,
        store: &mut Store,
    ) -> Advanced {
        let ack = heard.ack;
        let newly_acked = ack.offset_from(self.una);
        let sacked_before = self.sacked().1;
        let acked = self.sent.ack(ack, heard.echo, first_frame, store);
        // What called forth an ACK of unseen bytes was not seen either.
        let rtt = if heard.of_unseen {
            None
        } else {
            self.sample(heard.time, &acked, sacked_before)
        };
        self.counts.cumulatively_acked += acked.count.saturating_sub(1);
        (self.una, self.una_frame, self.una_time) = (ack, heard.frame, heard.time);
        (self.acked, self.counts.dup_acks) = (true, 0);
        self.data_acked |= ack != self.base.plus(1);
        self.keep_in_reach(first_frame, store);
        Advanced {
            newly_acked,
            rtt,
            recover: recover(self, ack, heard.time),
        }
    }

    /// Takes in why it sent again: `timeout` is the how-manieth timeout in a row, 0 if it was none.
    ///
    /// A recovery lasts until all is acknowledged that was out when it began, and a timeout begins
    /// another one (RFC 6582 section 3.2, step 4). A probe begins none.
    pub(super) fn sent_again_for(&mut self, cause: Cause, timeout: u64) {
        let (begins, nxt, una) = (self.recovery_cause().is_none(), self.nxt, self.una);
        let probe_was_due = begins && self.sent.is_tail_of_many(una, self.srtt_ns);
        if !matches!(cause, Cause::Rto | Cause::Fast) {
            return;
        }
        let rare = self.rare_mut();
        rare.recovery_cause = Some(cause);
        if begins || timeout > 0 {
            rare.recovery_until = Some(nxt);
        }
        if timeout > 0 {
            rare.makes_no_probes |= probe_was_due && timeout == 1 && rare.sacked.is_empty();
            rare.timeouts = rare.timeouts.saturating_add(1);
        }
    }
}

impl Connection {
    /// An RST that answers a SYN has come all the way, so it tells the round trip as well as a SYN-ACK
    /// would (RFC 9293 section 3.10.7.1).
    fn refuse(&mut self, o: &mut Observation, ack: Seq, store: &mut Store) {
        let first_frame = self.first_frame;
        let (_, opener) = self.pair(o.side);
        if opener.state == TcpState::SynSent && ack == opener.nxt && opener.base_from == Base::Syn {
            let echo = o.options.ts.map(|ts| ts.1);
            let acked = opener.sent.ack(ack, echo, first_frame, store);
            o.rtt = opener.sample(o.time, &acked, None);
        }
    }
}

/// What an acknowledgment of something new means for a recovery under way: its end, or that more was
/// lost (RFC 6582 section 3.2). Then tells where fast recovery is to end.
fn recover(data: &mut Half, ack: Seq, time: Timestamp) -> Option<Seq> {
    let rare = data.rare_if_any()?;
    let fast = rare.recovery_cause == Some(Cause::Fast);
    rare.sacked.remove_below(ack);
    rare.timeouts = 0;
    let until = rare.recovery_until?;
    if ack.at_or_after(until) {
        rare.recovery_until = None;
        rare.counts.post_loss_acks += 1;
        if rare.recovery_cause == Some(Cause::Rto) {
            // Far from its sender: until that hears of it, it goes on.
            rare.unasked_at = Some(time);
        }
        rare.recovery_cause = None;
        return None;
    }
    fast.then_some(until)
}

/// Whether an acknowledgment lies beyond everything its sender has ever offered to take: then it
/// can't be one, unless the capture missed a great deal and a second one is near it.
fn is_stray(data: &mut Half, ack: Seq, furthest: Option<Seq>) -> bool {
    const NEAR: i32 = 1 << 24;
    if furthest.is_none_or(|edge| ack.at_or_before(edge)) {
        if let Some(rare) = data.rare_if_any() {
            rare.stray_ack = None;
        }
        return false;
    }
    let near = data
        .rare_mut()
        .stray_ack
        .is_some_and(|stray| (0..NEAR).contains(&ack.from(stray)));
    data.rare_mut().stray_ack = if near { None } else { Some(ack) };
    !near
}

/// An acknowledgment of what was not seen: what it means, and whether it counts. If so, tells
/// whether a hole had to be forgotten for the new one.
fn accept_unseen(o: &mut Observation, data: &mut Half, ack: Seq) -> Option<bool> {
    if data.probed_up_to(ack) {
        // The receiver took the byte that a zero-window probe carried.
        (data.nxt, data.seen_end) = (ack, ack);
        return Some(false);
    }
    if data.base_from == Base::Syn && data.una == data.base {
        // While only the SYN is out, no other number is acceptable (RFC 9293 section 3.10.7.3).
        return None;
    }
    o.acked_unseen = ack.offset_from(data.nxt);
    o.facts.set(Facts::ACKS_UNSEEN);
    let hole = super::holes::Hole {
        start: data.nxt,
        end: ack,
        frame: o.frame,
        time: o.time,
        stamp: super::Stamp::default(),
        acked: None,
        before_capture: false,
    };
    let forgot = data.rare_mut().holes.open(hole);
    data.nxt = ack;
    Some(forgot)
}

/// Reads the SACK blocks; tells whether some had to be forgotten.
fn read_sack(o: &mut Observation, data: &mut Half, ack: Seq) -> bool {
    let blocks = o.options.sack;
    if blocks.is_empty() {
        return false;
    }
    let edges = |block: &(u32, u32)| (Seq(block.0), Seq(block.1));
    let mut blocks = blocks.as_slice().iter().map(edges).peekable();
    if let Some(&(left, right)) = blocks.peek() {
        // RFC 2883 section 4: a first block below the acknowledgment, or inside the second block.
        let second = o.options.sack.as_slice().get(1).map(edges);
        let inside = second
            .is_some_and(|(l, r)| left.at_or_after(l) && right.at_or_before(r) && l.before(r));
        let there = left.before(right) && right.at_or_before(data.nxt);
        if there && (left.before(ack) || inside) {
            o.dsack = Some((left, right));
            o.facts.set(Facts::DSACK);
            blocks.next();
        }
    }
    let before = data.sacked().0;
    for (left, right) in blocks {
        // By distances, since both edges may be anywhere: in order, and within what is outstanding.
        let [from, to] = [left, right].map(|edge| edge.offset_from(data.una));
        if from < to && to <= data.outstanding() {
            o.newly_sacked += data.rare_mut().sacked.insert(left, right);
        }
    }
    let Some(rare) = data.rare_if_any() else {
        return false;
    };
    if o.newly_sacked > 0 {
        rare.told_in = o.frame;
        if before == 0 {
            rare.told_with = o.options.ts.map(|ts| ts.0);
        }
    }
    let forgot = rare.sacked.len() > MAX_SACKED;
    if forgot {
        rare.sacked.clear();
    }
    forgot
}

/// Whether it is a duplicate ACK: data is outstanding, it carries none, and nothing in it is news
/// but, with SACK, the SACK blocks themselves.
fn duplicate(o: &mut Observation, data: &mut Half, ack: Seq) {
    let bare = o.len == 0 && !o.flags.syn() && !o.flags.fin();
    let same_window = o.window_before == o.window && !o.facts.any(Facts::WINDOW_CHANGED);
    // What is there for its answer, or is an answer, says nothing of what arrived.
    let told = Facts::PROBE.and(Facts::PROBE_ANSWER).and(Facts::CHALLENGE);
    let probing = o.facts.any(told);
    let outstanding = data.outstanding() > 0 && ack == data.una && data.acked;
    if bare && outstanding && !probing && o.dsack.is_none() && (same_window || o.newly_sacked > 0) {
        data.counts.dup_acks += 1;
        o.dup_ack = data.counts.dup_acks;
        o.facts.set(Facts::DUP_ACK);
        o.facts.clear(Facts::WINDOW_CHANGED);
        let third = data.counts.dup_acks == 3;
        let rare = data.rare_mut();
        let [_, first, second] = rare.dup_ack_frames;
        rare.dup_ack_frames = [first, second, o.frame];
        if third {
            rare.third_dup_ack_at = Some(o.time);
            rare.third_dup_ack_with = o.options.ts.map(|ts| ts.0);
        }
        rare.counts.duplicate_acks += 1;
        rare.counts.triple_duplicate_acks += u32::from(third);
    }
}
