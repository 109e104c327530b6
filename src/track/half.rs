//! One direction of a connection: what one side sent, and what it said it can take.
//!
//! Tens of thousands of these are held at once and every segment looks at two, so what every
//! segment needs comes first, small, and what only eventful connections need is in a box.

use super::counts::Counts;
use super::rare::Rare;
use super::rare::TooBig;
use super::sent::{Sent, SentList, Store};
use crate::event::{Cause, Summary, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::TcpOptions;

/// The largest window there is: 65,535 units of 2^14 bytes, and a little (RFC 7323 section 2.3).
const REACH: u32 = 1 << 30;

/// How the zero point of the relative numbers is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// Nothing of this side's numbers is known.
    #[default]
    Unknown,
    /// From the other side's acknowledgments only: this side was not seen to send.
    Acked,
    /// From a segment in mid-stream: its first byte counts as 1.
    MidStream,
    /// From its SYN, which counts as 0.
    Syn,
}

/// What a side's SYN offered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer {
    /// Its MSS, 0 without the option.
    pub mss: u16,
    wscale: u8,
    flags: u8,
}

impl Offer {
    const WSCALE: u8 = 1;
    const SACK_PERMITTED: u8 = 1 << 1;
    const TIMESTAMPS: u8 = 1 << 2;
    const CUT: u8 = 1 << 3;

    /// What the options of a SYN offer; `cut` where the capture has not got all of them.
    pub fn of(options: &TcpOptions, cut: bool) -> Self {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        Self {
            mss: options.mss.unwrap_or(0),
            wscale: options.wscale.unwrap_or(0),
            flags: flag(options.wscale.is_some(), Self::WSCALE)
                | flag(options.sack_permitted, Self::SACK_PERMITTED)
                | flag(options.ts.is_some(), Self::TIMESTAMPS)
                | flag(cut, Self::CUT),
        }
    }

    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Its window scale.
    pub fn wscale(self) -> Option<u8> {
        self.has(Self::WSCALE).then_some(self.wscale)
    }

    /// Whether it can read SACK.
    pub const fn sack_permitted(self) -> bool {
        self.has(Self::SACK_PERMITTED)
    }

    /// Whether it has timestamps.
    pub const fn timestamps(self) -> bool {
        self.has(Self::TIMESTAMPS)
    }

    /// Whether the capture cut off some of it: what is not there may have been.
    pub const fn cut(self) -> bool {
        self.has(Self::CUT)
    }
}

/// What one side of a connection sent, and what it said it can take.
// In the order in which a segment asks: the compiler would sort by size, and spread what belongs
// together over more cache lines.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct Half {
    /// RFC 9293 state of this side.
    pub state: TcpState,
    /// How `base` is known.
    pub base_from: Base,
    /// Whether the other side has acknowledged anything at all.
    pub acked: bool,
    /// Whether any of its data is acknowledged.
    pub data_acked: bool,
    /// Whether it has sent a SYN-ACK.
    pub answered: bool,
    /// Whether any of its checksums was right. Until one is, a wrong one says more about the capture
    /// (rewritten addresses, a card that fills checksums in) than about the segment.
    pub checksums_work: bool,
    /// Shift for its windows; `None` while unknown. 0 until both SYNs offered the option.
    pub shift: Option<u8>,
    /// While it is unknown: the least that explains what the other side sent.
    pub least_shift: u8,
    /// The byte, if its latest data was just one: tells a keep-alive's garbage byte from that byte
    /// sent again.
    pub one_byte: Option<u8>,
    /// Where the next fingerprint goes in `recent`.
    pub recent_next: u8,
    /// Whether it has sent timestamps: then `latest_tsval` is one.
    pub stamped: bool,
    /// Time to live or hop limit of its latest packet that was no RST; 0 before the first.
    pub ttl: u8,
    /// Which of Zeek's history letters it has.
    pub letters: u16,
    /// Last window field it sent, as on the wire; `None` before the first.
    pub window_field: Option<u16>,
    /// The sequence number that counts as 0.
    pub base: Seq,
    /// The lowest sequence number that can be judged: what comes before it was sent before the
    /// capture began, or was never seen.
    pub floor: Seq,
    /// SND.NXT as far as known: one past the highest sequence number seen or acknowledged.
    pub nxt: Seq,
    /// One past the highest sequence number seen.
    pub seen_end: Seq,
    /// SND.UNA: the highest acknowledgment of the other side.
    pub una: Seq,
    /// Last acknowledgment number it sent; `None` before the first.
    pub last_ack: Option<Seq>,
    /// The same window in bytes; `None` while the scale is unknown.
    pub window: Option<u32>,
    /// The right edge it offered last: acknowledgment plus window, where both are known.
    pub edge: Option<Seq>,
    /// Sequence number of its FIN.
    pub fin: Option<Seq>,
    /// What its SYN offered.
    pub offer: Offer,
    /// The latest of its timestamps.
    pub latest_tsval: u32,
    /// When it last sent anything.
    pub last_time: Timestamp,
    /// The frame of that.
    pub last_frame: u64,
    /// Fingerprints of its latest packets, to know one that was captured twice.
    pub recent: [u32; 4],
    /// What only eventful connections have.
    rare: Option<Box<Rare>>,
    /// What it sent and is not acknowledged.
    pub sent: SentList,
    /// The frame that brought `una`.
    pub una_frame: u64,
    /// When that came.
    pub una_time: Timestamp,
    /// Smoothed round-trip time, nanoseconds (RFC 6298 section 2); 0 before the first sample.
    pub srtt_ns: u64,
    /// Its variation.
    pub rttvar_ns: u64,
    /// Round-trip samples of segments of a full size, once there are any.
    pub rtt_full: Option<Box<Summary>>,
    /// Statistics of what every segment changes.
    pub counts: Counts,
}

impl Half {
    /// What only eventful connections have.
    pub fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The word from the path, come after `sent` went and just before `time`, that makes its sender
    /// send it in pieces of `len` bytes.
    pub fn cut_smaller(&self, sent: &Sent, len: u32, time: Timestamp) -> Option<TooBig> {
        let word = self.rare()?.too_big?;
        let headers = 40;
        let passes = word.mtu == 0 || len + headers <= word.mtu;
        // Who is told sends again at once, not when the timer runs out.
        let at_once = time.nanos_since(word.time) <= self.srtt_ns.max(10_000_000);
        (word.time >= sent.last_time && passes && at_once).then_some(word)
    }

    /// Bytes of memory it takes beside itself.
    pub(super) fn weight(&self) -> usize {
        let rare = self.rare().map_or(0, Rare::weight);
        self.sent.room() * size_of::<Sent>() + rare
    }

    /// Its bytes that the other side holds beyond SND.UNA: how many, and where they end.
    pub fn sacked(&self) -> (u32, Option<Seq>) {
        self.rare().map_or((0, None), |rare| {
            (rare.sacked.total(), rare.sacked.last_end())
        })
    }

    /// Whether it may read SACK: its SYN said so, or is not in the capture (RFC 2018 section 2).
    pub fn may_sack(&self) -> bool {
        self.base_from != Base::Syn || self.offer.sack_permitted()
    }

    /// Payload bytes of the longest segment it sent.
    pub fn largest_segment(&self) -> u32 {
        self.counts.max_segment
    }

    /// Frame of the latest duplicate ACK it received, 0 before the first.
    pub fn dup_ack_frame(&self) -> u64 {
        self.rare().map_or(0, |rare| rare.dup_ack_frames[2])
    }

    /// Frames of the duplicate ACKs in a row that it received last, three at most.
    pub fn dup_ack_frames(&self) -> impl Iterator<Item = u64> {
        let frames = self.rare().map_or([0; 3], |rare| rare.dup_ack_frames);
        let others = 3_usize.saturating_sub(self.counts.dup_acks as usize).min(2);
        frames.into_iter().skip(others)
    }

    /// What the recovery it is in was judged to be driven by.
    pub fn recovery_cause(&self) -> Option<Cause> {
        self.rare().and_then(|rare| rare.recovery_cause)
    }

    /// Timeouts since something new was acknowledged.
    pub fn timeouts(&self) -> u8 {
        self.rare().map_or(0, |rare| rare.timeouts)
    }

    /// Whether it sent something again without being asked, or may have, within that time before `now`: a
    /// timer ran out, and what it took for lost may go again before anything shows that it was lost.
    pub fn repeats_unasked_within(&self, ns: u64, now: Timestamp) -> bool {
        let at = self.rare().and_then(|rare| rare.unasked_at);
        at.is_some_and(|at| now.nanos_since(at) < ns)
    }

    /// From where to where it went when it sent something again last.
    pub fn repeated_last(&self) -> Option<(Seq, Seq)> {
        self.rare()?.repeated
    }

    /// Whether all it has sent so far is its SYN, more than once.
    pub fn repeats_its_syn(&self) -> bool {
        self.counts.packets > 1 && self.counts.packets == u32::from(self.counts.syns)
    }

    /// Whether it is known to make no tail loss probes.
    pub fn makes_no_probes(&self) -> bool {
        self.rare().is_some_and(|rare| rare.makes_no_probes)
    }

    /// The same, to change it: from here on this half pays for it.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The same, if there is any.
    pub fn rare_if_any(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// Whether a probe of its carried the byte before `end` beyond a closed window.
    pub fn probed_up_to(&self, end: Seq) -> bool {
        self.rare().is_some_and(|rare| rare.probe_end == Some(end))
    }

    /// Whether anything of this side's numbers is known.
    pub fn known(&self) -> bool {
        self.base_from != Base::Unknown
    }

    /// Whether this side was seen to send.
    pub fn seen(&self) -> bool {
        matches!(self.base_from, Base::MidStream | Base::Syn)
    }

    /// `seq` as a relative number.
    pub fn relative(&self, seq: Seq) -> u32 {
        seq.offset_from(self.base)
    }

    /// Sets the zero point from a segment or an acknowledgment.
    pub fn set_base(&mut self, from: Base, base: Seq, next: Seq) {
        (self.base_from, self.base) = (from, base);
        (self.floor, self.nxt, self.una, self.seen_end) = (next, next, next, next);
    }

    /// Keeps everything known within reach of SND.NXT, so that before and after go on to mean
    /// something however much is sent: what is further back than any window is large (RFC 7323
    /// section 2.3) must have been acknowledged, though no acknowledgment may have been captured.
    #[inline]
    pub(super) fn keep_in_reach(&mut self, first_frame: u64, store: &mut Store) {
        let behind = |seq: Seq| self.nxt.offset_from(seq) > REACH;
        if behind(self.floor) || behind(self.una) {
            self.catch_up(first_frame, store);
        }
    }

    #[cold]
    fn catch_up(&mut self, first_frame: u64, store: &mut Store) {
        let nxt = self.nxt;
        // Half the reach at once: this is not to happen for every segment.
        let low = nxt.minus(REACH / 2);
        let behind = |seq: Seq| nxt.offset_from(seq) > REACH;
        if behind(self.una) {
            self.sent.ack(low, None, first_frame, store);
            self.una = low;
        }
        if behind(self.seen_end) {
            self.seen_end = low;
        }
        self.floor = low.min(self.una).min(self.seen_end);
        let (floor, una) = (self.floor, self.una);
        if let Some(rare) = self.rare_if_any() {
            rare.holes.give_up_before(floor);
            rare.sacked.remove_below(una);
            rare.spoiled = rare.spoiled.filter(|spoiled| spoiled.seq.after(floor));
        }
    }

    /// Sequence numbers sent and not acknowledged, SACKed or not.
    pub fn outstanding(&self) -> u32 {
        self.nxt.offset_from(self.una)
    }

    /// Whether its SYN is outstanding.
    fn syn_outstanding(&self) -> bool {
        self.base_from == Base::Syn && self.una == self.base && self.nxt != self.base
    }

    /// Whether its FIN is outstanding.
    fn fin_outstanding(&self) -> bool {
        self.fin
            .is_some_and(|fin| self.una.at_or_before(fin) && self.nxt.after(fin))
    }

    /// Whether its FIN has been sent and acknowledged.
    pub fn fin_acked(&self) -> bool {
        self.fin.is_some_and(|fin| self.una.after(fin))
    }

    /// Payload bytes sent and not acknowledged, SACKed or not.
    pub fn outstanding_bytes(&self) -> u32 {
        let phantom = u32::from(self.syn_outstanding()) + u32::from(self.fin_outstanding());
        self.outstanding().saturating_sub(phantom)
    }

    /// Payload bytes sent and neither acknowledged nor SACKed.
    pub fn in_flight(&self) -> u32 {
        self.outstanding_bytes().saturating_sub(self.sacked().0)
    }

    /// The furthest right edge it can have offered, by what it said last: with the largest scale
    /// while the scale is unknown, and half as much again for what the capture may have missed.
    pub fn furthest_edge(&self) -> Option<Seq> {
        let window = u32::from(self.window_field?) << self.shift.unwrap_or(14);
        Some(self.last_ack?.plus(window + window / 2))
    }

    /// Whether the window it advertised last is closed.
    pub fn window_closed(&self) -> bool {
        self.window_field == Some(0)
    }

    /// The RTO its sender would have after these samples: RFC 6298 section 2, with Linux's floor of
    /// 200 ms in place of the RFC's second, since most senders have a floor like that.
    pub fn rto_ns(&self) -> Option<u64> {
        const FLOOR_NS: u64 = 200_000_000;
        let spread = self.rttvar_ns.saturating_mul(4).max(FLOOR_NS);
        (self.srtt_ns > 0).then(|| self.srtt_ns.saturating_add(spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_of_ages_is_still_a_number() {
        let mut half = Half::default();
        (half.srtt_ns, half.rttvar_ns) = (u64::MAX / 2, u64::MAX / 2);
        assert_eq!(half.rto_ns(), Some(u64::MAX));
    }

    #[test]
    fn syn_and_fin_take_numbers_but_are_no_bytes_in_flight() {
        let mut half = Half::default();
        half.set_base(Base::Syn, Seq(u32::MAX), Seq(u32::MAX));
        half.nxt = Seq(0);
        assert_eq!((half.outstanding(), half.in_flight()), (1, 0));
        half.una = Seq(0);
        half.nxt = Seq(100);
        assert_eq!(half.in_flight(), 100);
        half.rare_mut().sacked.insert(Seq(50), Seq(80));
        assert_eq!(half.in_flight(), 70);
        half.fin = Some(Seq(100));
        half.nxt = Seq(101);
        assert_eq!((half.outstanding(), half.in_flight()), (101, 70));
    }
}
