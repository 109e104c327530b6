//! Episodes: stretches of a connection in which one thing went on, made of the notes on segments.

use arrayvec::ArrayVec;

use crate::event::{Cause, Confidence, Kind, Note, Segment, Side};
use crate::frame::Timestamp;

/// Episodes of each sort kept whole; later ones are only counted.
pub(super) const KEPT: usize = 6;
/// Frames kept as evidence.
const EVIDENCE: usize = 6;
/// What those take, in bytes, as a list that grew to hold them.
const FRAMES: usize = size_of::<[u64; 8]>();
/// What is sent again within this time of the last repair is part of the same trouble.
const SAME_TROUBLE_NS: u64 = 1_000_000_000;

/// The first frames that show something, and how many there were.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    pub(super) frames: Vec<u64>,
    pub(super) count: u32,
    /// Frames there was no room for.
    pub(super) more: u32,
}

impl Evidence {
    pub(super) fn add(&mut self, frame: u64) {
        self.count = self.count.saturating_add(1);
        self.see(frame);
    }

    /// Adds a frame that belongs to the evidence without being one of what is counted.
    pub(super) fn see(&mut self, frame: u64) {
        if self.frames.contains(&frame) {
            return;
        }
        if self.frames.len() >= EVIDENCE {
            self.more = self.more.saturating_add(1);
            return;
        }
        let at = self.frames.partition_point(|&seen| seen < frame);
        self.frames.insert(at, frame);
    }

    /// Makes room for the frame that ends it.
    fn end(&mut self, frame: u64) {
        if self.frames.len() >= EVIDENCE && self.frames.last().is_some_and(|&last| last < frame) {
            self.frames.pop();
            self.more = self.more.saturating_add(1);
        }
        self.see(frame);
    }
}

/// Segments lost and sent again, until it was over.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// Who sent them.
    pub(super) side: Side,
    pub(super) evidence: Evidence,
    pub(super) bytes: u64,
    /// How many by cause, in the order of [`CAUSES`].
    pub(super) causes: [u32; 4],
    /// How many went in smaller pieces because the path said that they were too long; not in `causes`.
    pub(super) too_big: u32,
    /// The longest packet that it takes, where it says so.
    pub(super) mtu: u64,
    /// Whether a probe among them may have been a timeout as well.
    pub(super) or_timeout: bool,
    /// How many were proved needless.
    pub(super) needless: u32,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// The reason of the first, in the rule's words.
    pub(super) why: String,
    /// Whether it was the SYN, or the SYN-ACK.
    pub(super) syn: bool,
    pub(super) syn_ack: bool,
    /// How many different segments that was, as far as neighbours show.
    pub(super) originals: u32,
    of_frame: Option<u64>,
}

impl Loss {
    fn new(s: &Segment<'_>, note: &Note) -> Self {
        Self {
            side: s.dir.0,
            evidence: Evidence::default(),
            bytes: 0,
            causes: [0; 4],
            too_big: 0,
            mtu: 0,
            or_timeout: false,
            needless: 0,
            first: s.time,
            last: s.time,
            why: note.why(),
            syn: s.flags.syn(),
            syn_ack: s.flags.syn() && s.flags.ack(),
            originals: 0,
            of_frame: note.of_frame,
        }
    }
}

/// The order of [`Loss::causes`].
pub(super) const CAUSES: [Cause; 4] = [Cause::Rto, Cause::Tlp, Cause::Fast, Cause::Unknown];

/// A receiver without room.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    /// Whose window it is.
    pub(super) side: Side,
    pub(super) from: Timestamp,
    /// When it opened; `None` while it has not.
    pub(super) until: Option<Timestamp>,
    pub(super) evidence: Evidence,
    pub(super) probes: u32,
    /// Times from one probe to the next, from the close to the first; the first few.
    pub(super) gaps: ArrayVec<u64, 5>,
    last: Timestamp,
}

/// A reset: by whom, in which frame, and why.
#[derive(Clone, Debug)]
pub(super) struct Reset {
    pub(super) side: Side,
    pub(super) frame: u64,
    pub(super) why: String,
    pub(super) refused: bool,
}

/// A kind of which it is enough to know how often and where.
#[derive(Clone, Debug)]
pub(super) struct Simple {
    pub(super) kind: Kind,
    pub(super) side: Side,
    /// Whether it is the capture's doing rather than anybody's else.
    pub(super) of_the_capture: bool,
    /// The frames that show it.
    pub(super) evidence: Evidence,
    /// The reason of the first, in the rule's words.
    pub(super) why: String,
}

/// What happened on one connection so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Episodes {
    pub(super) losses: Vec<Loss>,
    /// Loss episodes beyond those kept.
    pub(super) more_losses: u32,
    pub(super) closed: Vec<Closed>,
    /// Closed windows beyond those kept, and how long they lasted together.
    pub(super) more_closed: u32,
    /// The first FIN of each side.
    pub(super) fins: [Option<u64>; 2],
    pub(super) reset: Option<Reset>,
    pub(super) resets: u32,
    /// Kinds that need no episodes.
    pub(super) simple: Vec<Simple>,
    /// Whether there was no room for what happened.
    pub(super) untold: bool,
    /// Bytes that this takes beside itself.
    weight: usize,
}

/// Kinds of which it is enough to know how often and where.
const SIMPLE: [Kind; 17] = [
    Kind::OutOfOrder,
    Kind::AckedUnseen,
    Kind::Dsack,
    Kind::WindowShrunk,
    Kind::WindowFull,
    Kind::WindowExceeded,
    Kind::KeepAlive,
    Kind::PortReused,
    Kind::CaptureDuplicate,
    Kind::OffloadSegment,
    Kind::ChecksumBad,
    Kind::ChallengeAck,
    Kind::SimultaneousOpen,
    Kind::SimultaneousClose,
    Kind::HalfClose,
    Kind::Unacceptable,
    Kind::WindowUpdate,
];

impl Episodes {
    /// Of a connection for which there was no room.
    pub(super) fn untold() -> Self {
        Self {
            untold: true,
            ..Self::default()
        }
    }

    /// Bytes of memory that this takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.weight
    }

    /// Takes in a segment; without `room` what is known is added to, and nothing else is kept.
    pub(super) fn observe(&mut self, s: &Segment<'_>, room: bool) {
        let side = s.dir.0;
        for note in s.notes {
            match note.kind {
                Kind::Retransmission => self.loss(s, note, room),
                Kind::ZeroWindow => self.close(s, room),
                Kind::ZeroWindowProbe => self.probe(s),
                Kind::Reset | Kind::Refused => self.reset(s, note),
                // A window that grows a little says nothing of who reads; nor is one that was closed told twice.
                Kind::WindowUpdate if !reopens(note) => {}
                // What a keep-alive is made of is no trouble.
                Kind::Dsack if has(s, Kind::KeepAliveAck) => {}
                kind if SIMPLE.contains(&kind) => self.simple(kind, side, s.frame, note, room),
                _ => {}
            }
        }
        if s.flags.fin() && !has(s, Kind::ChecksumBad) {
            self.fins[side.index()].get_or_insert(s.frame);
        }
        if s.window > 0 && s.flags.ack() && !s.flags.rst() {
            self.open(s);
        }
    }

    fn loss(&mut self, s: &Segment<'_>, note: &Note, room: bool) {
        let side = s.dir.0;
        // The same bytes again belong to it however long the timer has grown.
        let current = self
            .losses
            .iter()
            .rposition(|loss| loss.side == side)
            .filter(|&at| {
                let loss = &self.losses[at];
                (note.of_frame.is_some() && note.of_frame == loss.of_frame)
                    || s.time.nanos_since(loss.last) <= SAME_TROUBLE_NS
            });
        if current.is_none() {
            if self.losses.len() >= KEPT || !room {
                self.more_losses = self.more_losses.saturating_add(1);
                return;
            }
            let loss = Loss::new(s, note);
            self.weight += size_of::<Loss>() + FRAMES + loss.why.len();
            self.losses.push(loss);
        }
        let Some(loss) = (match current {
            Some(at) => self.losses.get_mut(at),
            None => self.losses.last_mut(),
        }) else {
            return;
        };
        loss.last = s.time;
        if loss.originals == 0 || note.of_frame.is_none() || note.of_frame != loss.of_frame {
            loss.originals = loss.originals.saturating_add(1);
        }
        loss.bytes += u64::from(s.len);
        let cause = note.cause.unwrap_or(Cause::Unknown);
        let too_big = note.has("mtu");
        loss.too_big = loss.too_big.saturating_add(u32::from(too_big));
        let rto_ns = note.number_of("rto");
        let timed_out = rto_ns > 0 && note.number_of("waited") >= rto_ns - rto_ns / 10;
        loss.or_timeout |= cause == Cause::Tlp && timed_out;
        loss.mtu = loss.mtu.max(note.number_of("mtu"));
        for (count, of) in loss.causes.iter_mut().zip(CAUSES) {
            *count = count.saturating_add(u32::from(of == cause && !too_big));
        }
        // The word of a router is evidence of its own.
        if too_big && let [.., word, _] = note.frames[..] {
            loss.evidence.see(word);
        }
        loss.needless = loss
            .needless
            .saturating_add(u32::from(note.spurious == Some(true)));
        if let Some(frame) = note.of_frame {
            loss.evidence.see(frame);
        }
        loss.evidence.add(s.frame);
    }

    /// The window of a side that is closed right now.
    fn closed_now(&mut self, side: Side) -> Option<&mut Closed> {
        self.closed
            .iter_mut()
            .rev()
            .find(|c| c.side == side)
            .filter(|c| c.until.is_none())
    }

    fn close(&mut self, s: &Segment<'_>, room: bool) {
        let side = s.dir.0;
        if let Some(closed) = self.closed_now(side) {
            closed.evidence.add(s.frame);
            return;
        }
        if self.closed.len() >= KEPT || !room {
            self.more_closed = self.more_closed.saturating_add(1);
            return;
        }
        self.weight += size_of::<Closed>() + FRAMES;
        let mut evidence = Evidence::default();
        evidence.add(s.frame);
        let (from, until) = (s.time, None);
        self.closed.push(Closed {
            side,
            from,
            until,
            evidence,
            probes: 0,
            gaps: ArrayVec::new(),
            last: s.time,
        });
    }

    fn probe(&mut self, s: &Segment<'_>) {
        if let Some(closed) = self.closed_now(s.dir.0.other()) {
            closed.probes = closed.probes.saturating_add(1);
            let _ = closed.gaps.try_push(s.time.nanos_since(closed.last));
            closed.last = s.time;
            closed.evidence.see(s.frame);
        }
    }

    fn open(&mut self, s: &Segment<'_>) {
        if let Some(closed) = self.closed_now(s.dir.0) {
            closed.until = Some(s.time);
            closed.evidence.end(s.frame);
        }
    }

    fn reset(&mut self, s: &Segment<'_>, note: &Note) {
        // One that its receiver ignores ends nothing.
        if note.kind == Kind::Reset && s.state.iter().any(|state| !state.is_over()) {
            return;
        }
        self.resets = self.resets.saturating_add(1);
        self.reset.get_or_insert_with(|| Reset {
            side: s.dir.0,
            frame: s.frame,
            why: note.why(),
            refused: note.kind == Kind::Refused,
        });
    }

    fn simple(&mut self, kind: Kind, side: Side, frame: u64, note: &Note, room: bool) {
        let of_the_capture = is_of_the_capture(note);
        let found = self
            .simple
            .iter_mut()
            .find(|it| it.kind == kind && it.side == side && it.of_the_capture == of_the_capture);
        if let Some(known) = found {
            known.evidence.add(frame);
            return;
        }
        if !room {
            self.untold = true;
            return;
        }
        // At most two entries a kind and side, so this list is bounded by itself.
        let mut evidence = Evidence::default();
        evidence.add(frame);
        let why = note.why();
        self.weight += size_of::<Simple>() + FRAMES + why.len();
        self.simple.push(Simple {
            kind,
            side,
            of_the_capture,
            evidence,
            why,
        });
    }
}

/// Whether what is noted is rather the capture's doing than what happened: a checksum that may be wrong in
/// the capture only, or a segment that the capture wrote out of the order of time.
fn is_of_the_capture(note: &Note) -> bool {
    match note.kind {
        Kind::ChecksumBad => note.confidence == Confidence::Ambiguous,
        Kind::OutOfOrder => note.has("early"),
        _ => false,
    }
}

/// Whether the window at least doubles, and was not closed.
fn reopens(note: &Note) -> bool {
    let (before, now) = (note.number_of("window_before"), note.number_of("window"));
    before > 0 && now >= 2 * before
}

fn has(s: &Segment<'_>, kind: Kind) -> bool {
    s.notes.iter().any(|note| note.kind == kind)
}
