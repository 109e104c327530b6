//! What set the pace: for each direction, how long the application had nothing under way, how long the
//! receiver's window stood in the way, how long a loss was being mended, and how long everything simply
//! waited for the network (the idea of Linux's `TCP_INFO` busy and `rwnd_limited` times, told from a
//! capture).
//!
//! All of it is told by the sender's clock: an ACK counts when it comes to the sender, so where the capture
//! was made near the receiver it counts that much later. In the kernel's terms the application's share is the
//! time that is not `busy`, the receiver's is `rwnd_limited`, and the rest of `busy` is split here: while the
//! last and short segment of a message waits for its ACK, no more was there to be sent.

use super::congestion::Congestion;
use super::heard::{Heard, NEAR_NS, UnderWay, full};
use super::telling::{Names, finding};
use super::whole::Whole;
use crate::event::units::{nanos, plural};
use crate::event::{
    Confidence, Finding, Flow, Kind, Note, Quantity, Segment, Severity, Side, Topic,
};
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
    /// The ACK of the last there was to send: a sender with more would have filled the segment.
    Tail,
}

/// The order in which the shares are told.
const ALL: [(Waiting, &str); 5] = [
    (Waiting::Application, "the application"),
    (Waiting::Network, "the network"),
    (Waiting::Receiver, "the receiver's window"),
    (Waiting::Recovery, "the repair of losses"),
    (Waiting::Tail, "the last ACK of what there was"),
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
    /// Nanoseconds of the present recovery that rest on a hole alone: what fills it tells whether there was
    /// a loss. `None` when more than a hole shows one.
    on_a_hole: Option<u64>,
    /// Payload of a full segment: what is no multiple of it was cut where the data ended.
    full: u32,
    /// What the other side said and has not reached the sender yet, by when it will.
    under_way: UnderWay,
    /// Whether its latest data was a segment shorter than others: no more was there.
    short: bool,
    segments: u32,
    since: Option<Timestamp>,
    /// When an ACK of something new last came.
    advanced: Option<Timestamp>,
    /// Nanoseconds waited for the ACK of what seemed to be the last, until the next data tells.
    undecided: u64,
    /// Nanoseconds since its latest data in which it seemed to have nothing to send.
    silence: u64,
    waiting: Waiting,
    /// Nanoseconds by what was waited for, in the order of [`ALL`].
    shares: [u64; 5],
    /// The longest stretch of each, and the frames it lies between.
    longest: [(u64, u64, u64); 5],
    /// When the present stretch began, and in which frame.
    stretch: (Timestamp, u64),
    /// What is known of it as a whole.
    whole: Whole,
    /// Its congestion window, as far as it shows.
    congestion: Congestion,
}

/// What a direction waited for, each in nanoseconds, from its first data on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Nothing was under way: the application gave nothing to send.
    pub application_ns: u64,
    /// ACKs were waited for: round trips and the congestion window.
    pub network_ns: u64,
    /// There was no room in the receiver's window.
    pub receiver_ns: u64,
    /// A loss was being mended.
    pub recovery_ns: u64,
    /// The last ACK of what there was to send.
    pub tail_ns: u64,
}

impl Shares {
    /// All of it.
    pub fn all_ns(&self) -> u64 {
        let parts = [
            self.network_ns,
            self.receiver_ns,
            self.recovery_ns,
            self.tail_ns,
        ];
        let add = |sum: u64, part: u64| sum.saturating_add(part);
        parts.into_iter().fold(self.application_ns, add)
    }
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
        let legs = s.legs_ns;
        for half in &mut self.0 {
            half.catch_up(s.time, s.frame);
        }
        if let Some(half) = self.0.get_mut(sender) {
            half.sends(s, legs[sender], legs[sender] > legs[receiver]);
        }
        if let (Some(half), Some(heard)) = (self.0.get_mut(receiver), Heard::of(s)) {
            if let Some(rtt) = s.rtt
                && half.segments > 0
            {
                let under_way = half.under_way_bytes();
                half.whole.returned(rtt.ns, under_way, s.frame);
            }
            half.is_told(heard, s.time, legs[receiver]);
        }
        for half in &mut self.0 {
            half.settle(s.time, s.frame);
        }
    }

    /// What a direction waited for so far; `None` before it has sent data.
    pub(super) fn shares(&self, side: Side) -> Option<Shares> {
        let half = self.0.get(side.index()).filter(|half| half.segments > 0)?;
        let [
            application_ns,
            network_ns,
            receiver_ns,
            recovery_ns,
            tail_ns,
        ] = half.told_shares();
        Some(Shares {
            application_ns,
            network_ns,
            receiver_ns,
            recovery_ns,
            tail_ns,
        })
    }

    /// The congestion window of a direction by estimate, in bytes.
    pub(super) fn congestion_window(&self, side: Side) -> Option<u32> {
        self.0.get(side.index())?.congestion.window()
    }

    /// What set the pace.
    pub(super) fn tell(&self, names: &Names) -> Vec<Finding> {
        let sides = [Side::Initiator, Side::Responder];
        let halves = sides.into_iter().zip(&self.0);
        halves
            .filter_map(|(side, half)| half.tell(names, side))
            .collect()
    }

    /// What is to be told of each direction as a whole.
    pub(super) fn tell_whole(&self, flow: &Flow, names: &Names) -> Vec<Finding> {
        let sides = [Side::Initiator, Side::Responder];
        let halves = sides.into_iter().zip(&self.0);
        halves
            .filter(|(_, half)| half.segments >= LEAST_SEGMENTS)
            .flat_map(|(side, half)| {
                let least = |side: Side| flow.stats[side.index()].rtt.min;
                let near = least(side) >= least(side.other());
                let mut findings = half.whole.tell(flow, names, side, near);
                let windows = findings
                    .iter_mut()
                    .filter(|it| it.kind == Topic::CongestionWindow);
                if let Some(mean) = half.congestion.mean().filter(|_| near) {
                    let segments = plural(mean.div_ceil(half.full.max(1)).into(), "segment");
                    for it in windows {
                        let mean = Quantity::Bytes(mean.into());
                        it.numbers.push(("congestion_window_mean", mean));
                        it.summary = format!("{}; {segments} by estimate on average", it.summary);
                    }
                }
                findings
            })
            .collect()
    }
}

impl Half {
    /// What it sends; `leg_ns` is how far the capture is from it and back, `far` whether that is further
    /// than from the receiver.
    fn sends(&mut self, s: &Segment<'_>, leg_ns: u64, far: bool) {
        let probe = |kind| matches!(kind, Kind::ZeroWindowProbe | Kind::KeepAlive);
        if s.seq_len() == 0 || s.flags.rst() || s.notes.iter().any(|note| probe(note.kind)) {
            return;
        }
        let end = Seq(s.seq_end());
        if self.end.is_none() {
            self.una = Seq(s.seq);
        }
        // What was lost before the capture shows as what it left open.
        let noted = |kind| s.notes.iter().any(|note| note.kind == kind);
        let again = noted(Kind::Retransmission);
        let lost = again || (far && noted(Kind::Hole));
        if s.notes.iter().any(was_only_late) {
            self.was_no_loss();
        }
        if s.len > 0 {
            self.explain_silence(lost && far);
        }
        if lost {
            if self.recover.is_none() {
                self.whole.lost(self.under_way_bytes());
                self.on_a_hole = Some(0);
            }
            if again {
                self.on_a_hole = None;
            }
            self.recover = self.recover.or(Some(self.end.unwrap_or(end)));
        }
        if s.len > 0 {
            self.decide(s.time, leg_ns);
            self.segments += 1;
            self.full = full(self.full, s);
            // One that is short because the window had room for no more was not the last.
            let room = self.edge.map_or(i32::MAX, |edge| edge.from(end));
            let cut = room < i32::try_from(self.full).unwrap_or(i32::MAX);
            self.short = !cut && !s.len.is_multiple_of(self.full.max(1));
            self.congestion.sends(s, self.full);
        }
        let back = self.end.map_or(0, |known| known.from(Seq(s.seq)).max(0));
        self.end = Some(self.end.map_or(end, |known| known.max(end)));
        let under_way = self.under_way_bytes();
        self.whole
            .sent(s, under_way, self.full, back.unsigned_abs());
    }

    /// From afar silence looks like an application with nothing to send; but if what ends it shows that
    /// something was lost, its sender was waiting to find that out.
    fn explain_silence(&mut self, lost: bool) {
        let ns = std::mem::take(&mut self.silence);
        if lost {
            let [application, recovery] =
                [Waiting::Application, Waiting::Recovery].map(|it| it as usize);
            self.shares[application] = self.shares[application].saturating_sub(ns);
            self.shares[recovery] = self.shares[recovery].saturating_add(ns);
        }
    }

    /// What seemed to be lost was only overtaken: the time counts for the network.
    fn was_no_loss(&mut self) {
        let Some(ns) = self.on_a_hole.take() else {
            return;
        };
        let [network, recovery] = [Waiting::Network, Waiting::Recovery].map(|it| it as usize);
        self.shares[recovery] = self.shares[recovery].saturating_sub(ns);
        self.shares[network] = self.shares[network].saturating_add(ns);
        self.recover = None;
        self.waiting = self.waits_for();
    }

    /// What is sent and not acknowledged, as far as the sender knows.
    fn under_way_bytes(&self) -> u32 {
        self.end
            .map_or(0, |end| end.from(self.una).max(0).unsigned_abs())
    }

    /// Data that follows on an ACK at once was there before: the short segment was not the last.
    fn decide(&mut self, now: Timestamp, leg_ns: u64) {
        let clocked = self
            .advanced
            .is_some_and(|ack| now.nanos_since(ack) <= NEAR_NS.max(leg_ns / 8));
        let waited = if clocked {
            Waiting::Network
        } else {
            Waiting::Tail
        };
        let ns = std::mem::take(&mut self.undecided);
        if let Some(share) = self.shares.get_mut(waited as usize) {
            *share = share.saturating_add(ns);
        }
    }

    /// What the other side says, which takes `leg_ns` to the sender and back to the capture.
    fn is_told(&mut self, heard: Heard, now: Timestamp, leg_ns: u64) {
        if let Some(heard) = self.under_way.put(heard, now, leg_ns) {
            self.hears(heard, now);
        }
    }

    /// Takes in what has reached the sender by now, each at its time.
    fn catch_up(&mut self, now: Timestamp, frame: u64) {
        while let Some((due, heard)) = self.under_way.arrived(now) {
            self.hears(heard, due);
            self.settle(due, frame);
        }
    }

    /// What it is told by the other side.
    fn hears(&mut self, heard: Heard, now: Timestamp) {
        let ack = heard.ack;
        self.congestion.hears(ack, self.full);
        if self.end.is_some_and(|end| ack.at_or_before(end)) && ack.after(self.una) {
            self.una = ack;
            self.advanced = Some(now);
        }
        self.closed = heard.closed;
        self.edge = heard.edge.or(self.edge);
        if self
            .recover
            .is_some_and(|until| self.una.at_or_after(until))
        {
            (self.recover, self.on_a_hole) = (None, None);
        }
    }

    /// Counts the time that has passed, and finds what is waited for from now on.
    fn settle(&mut self, now: Timestamp, frame: u64) {
        let first_data = self.segments == 0;
        if let Some(since) = self.since
            && self.waiting == Waiting::Application
        {
            self.silence = self.silence.saturating_add(now.nanos_since(since));
        }
        if let Some(since) = self.since
            && self.waiting == Waiting::Tail
        {
            self.undecided = self.undecided.saturating_add(now.nanos_since(since));
        } else if let Some(since) = self.since
            && let Some(share) = self.shares.get_mut(self.waiting as usize)
        {
            // A damaged capture may hold any times.
            let ns = now.nanos_since(since);
            *share = share.saturating_add(ns);
            if let Some(doubtful) = &mut self.on_a_hole
                && self.waiting == Waiting::Recovery
            {
                *doubtful = doubtful.saturating_add(ns);
            }
        }
        // The time counts from the first data on.
        self.since = (!first_data).then_some(now);
        let waiting = self.waits_for();
        let lasted = now.nanos_since(self.stretch.0);
        if let Some(longest) = self.longest.get_mut(self.waiting as usize)
            && self.stretch.1 > 0
            && lasted > longest.0
        {
            *longest = (lasted, self.stretch.1, frame);
        }
        if waiting != self.waiting || self.stretch.1 == 0 {
            self.stretch = (now, if first_data { 0 } else { frame });
        }
        self.waiting = waiting;
    }

    fn waits_for(&self) -> Waiting {
        let Some(end) = self.end else {
            return Waiting::Application;
        };
        let outstanding = end.after(self.una);
        // A full segment that no longer fits stands for one that waits.
        let fits = self
            .edge
            .is_none_or(|edge| edge.from(end) >= i32::try_from(self.full).unwrap_or(i32::MAX));
        if (self.closed || !outstanding && !fits) && !self.short {
            Waiting::Receiver
        } else if !outstanding {
            Waiting::Application
        } else if self.recover.is_some() {
            Waiting::Recovery
        } else if !fits {
            Waiting::Receiver
        } else if self.short {
            Waiting::Tail
        } else {
            Waiting::Network
        }
    }

    /// The shares, with what is not decided yet as what it seems to be.
    fn told_shares(&self) -> [u64; 5] {
        let mut shares = self.shares;
        let tail = &mut shares[Waiting::Tail as usize];
        *tail = tail.saturating_add(self.undecided);
        shares
    }

    /// The shares, by name.
    fn numbers(&self) -> Vec<(&'static str, Quantity)> {
        let names = ["application", "network", "receiver", "recovery", "tail"];
        let shares = self.told_shares().map(Quantity::Nanos);
        names.into_iter().zip(shares).collect()
    }

    fn tell(&self, names: &Names, side: Side) -> Option<Finding> {
        let shares = self.told_shares();
        let all = shares
            .iter()
            .fold(0, |all: u64, share| all.saturating_add(*share));
        if self.segments < LEAST_SEGMENTS || all < LEAST_NS {
            return None;
        }
        let mut shares: Vec<_> = ALL.iter().zip(shares).collect();
        shares.sort_by_key(|(_, ns)| std::cmp::Reverse(*ns));
        let percents = percents(shares.iter().map(|(_, ns)| *ns));
        let parts: Vec<_> = shares
            .iter()
            .zip(percents)
            .filter(|(_, percent)| *percent > 0)
            .map(|(((_, name), _), percent)| format!("{name} {percent} %"))
            .collect();
        let host = names.of_side(side);
        let what = format!(
            "what set the pace of {host} over {}: {}",
            nanos(all),
            parts.join(", ")
        );
        let ((most, _), held) = *shares.first()?;
        let (_, from, to) = *self.longest.get(*most as usize)?;
        let stands_in_the_way = matches!(most, Waiting::Receiver | Waiting::Recovery);
        let severity = if stands_in_the_way && held >= all / 2 {
            Severity::Notice
        } else {
            Severity::Info
        };
        Some(Finding {
            side: Some(side),
            advice: advice(*most).to_owned(),
            evidence: [from, to].into_iter().filter(|&frame| frame > 0).collect(),
            numbers: self.numbers(),
            ..finding(Topic::Pace, severity, what)
        })
    }
}

/// Whether a segment that filled a hole was late, and not sent again.
fn was_only_late(note: &Note) -> bool {
    note.kind == Kind::OutOfOrder && note.confidence != Confidence::Ambiguous
}

/// Whole percents of each, that make a hundred together: the largest remainders are rounded up.
fn percents(parts: impl Iterator<Item = u64>) -> [u64; 5] {
    let mut given = [0; 5];
    for (place, part) in given.iter_mut().zip(parts) {
        *place = u128::from(part);
    }
    let all = given.iter().sum::<u128>().max(1);
    let mut shares = given.map(|part| (part * 100 / all) as u64);
    let mut order = [0, 1, 2, 3, 4];
    order.sort_by_key(|&at: &usize| std::cmp::Reverse(given[at] * 100 % all));
    let missing = 100_u64.saturating_sub(shares.iter().sum());
    for at in order.into_iter().take(missing as usize) {
        shares[at] += u64::from(given[at] > 0);
    }
    shares
}

const fn advice(most: Waiting) -> &'static str {
    match most {
        Waiting::Application | Waiting::Tail => "",
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
mod tests;
