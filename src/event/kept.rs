//! An event that is kept: who steps through a capture goes back and forth, long after a frame has made room for
//! the next one.

use super::{Event, Host, Joint, Note, Segment};
use crate::decode::{Body, Decoder, MAX_PROBLEMS, Packet, Problem, Reassembled};
use crate::frame::{Frame, LinkType, Timestamp};

/// What became of one frame, with its bytes.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Number of the frame.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// How its first bytes are to be read.
    pub link_type: LinkType,
    /// Index of the interface that captured it.
    pub interface: u32,
    /// Its length on the wire, in bytes.
    pub original_len: u32,
    /// As many of them as were captured.
    pub bytes: Box<[u8]>,
    /// The capture's comment, not yet escaped.
    pub comment: Option<Box<[u8]>>,
    /// What the rules say of it.
    pub notes: Box<[Note]>,
    /// What two captures tell of it together, where two are looked at; the rest is then what the capture of the
    /// host says where it left, or else where it arrived.
    pub joint: Option<Box<Joint>>,
    /// What is known of it as a segment, if it is one: without what it borrows, its options, payload, notes and
    /// packet are empty here.
    segment: Option<Box<Segment<'static>>>,
    /// What the frame alone does not hold: it completed a datagram that began in others.
    whole: Option<Box<Whole>>,
}

/// A datagram that came in fragments.
#[derive(Clone, Debug)]
struct Whole {
    bytes: Box<[u8]>,
    /// Without its bytes.
    facts: Reassembled<'static>,
    /// What is wrong with the packet: some of that shows only beside the other fragments.
    problems: Box<[Problem]>,
}

/// Stands for the packet of a segment that is kept, until that is decoded again.
static NO_PACKET: std::sync::LazyLock<Packet<'static>> = std::sync::LazyLock::new(Packet::default);

impl Kept {
    /// Keeps what `event` says of `frame`; `None` for events that are not about a frame.
    pub fn of(frame: &Frame<'_>, event: &Event<'_>) -> Option<Self> {
        let (notes, segment, packet) = match event {
            Event::Segment(segment) => (
                segment.notes,
                Some(Box::new(without_bytes(segment))),
                segment.packet,
            ),
            Event::Packet(_, packet) => (&[][..], None, *packet),
            _ => return None,
        };
        Some(Self {
            frame: frame.number,
            time: frame.time,
            link_type: frame.link_type,
            interface: frame.interface,
            original_len: frame.original_len,
            bytes: frame.bytes.into(),
            comment: frame.comment.map(Box::from),
            notes: notes.into(),
            joint: None,
            segment,
            whole: Whole::of(packet).map(Box::new),
        })
    }

    /// What two captures tell together, with the frame that it is best looked at in; `None` for what happened
    /// without one, a call or a reading.
    pub fn joined(joint: Joint, frame: Option<&Self>) -> Self {
        let time = joint.time();
        let mut kept = frame.cloned().unwrap_or_else(|| Self {
            frame: 0,
            time: Timestamp::default(),
            link_type: LinkType::ETHERNET,
            interface: 0,
            original_len: 0,
            bytes: Box::default(),
            comment: None,
            notes: Box::default(),
            joint: None,
            segment: None,
            whole: None,
        });
        kept.time = time.unwrap_or(kept.time);
        // The two captures may count connections differently: one number is for both.
        if let (Some(segment), Some(flow)) = (&mut kept.segment, joint.flow()) {
            segment.flow = flow;
        }
        kept.joint = Some(Box::new(joint));
        kept
    }

    /// Whether there is a frame in it: not so of calls and readings.
    pub const fn has_frame(&self) -> bool {
        self.frame > 0
    }

    /// Whose capture its frame is of, where two are looked at.
    pub fn host(&self) -> Option<Host> {
        self.joint.as_ref().and_then(|joint| joint.host())
    }

    /// The host that sent its packet, where two captures are looked at.
    pub fn sender(&self) -> Option<Host> {
        match self.joint.as_deref() {
            Some(Joint::Passage(passage)) => Some(passage.to().other()),
            _ => None,
        }
    }

    /// Whether it is about that frame, of that host's capture where two are looked at.
    pub fn shows(&self, host: Option<Host>, frame: u64) -> bool {
        match (&self.joint, host) {
            (None, _) => self.frame == frame,
            (Some(joint), Some(host)) => joint.shows(host, frame),
            (Some(_), None) => false,
        }
    }

    /// That frame as it was kept, which where two captures are looked at the row may show as the other one has it.
    pub fn as_frame(&self, host: Option<Host>, frame: u64) -> Option<&Self> {
        match (&self.joint, host) {
            (Some(joint), Some(host)) => {
                let shown = joint.host() == Some(host) && self.frame == frame;
                shown
                    .then_some(self)
                    .or_else(|| joint.frame_of(host, frame))
            }
            _ => (self.frame == frame).then_some(self),
        }
    }

    /// The frame as it was read.
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            number: self.frame,
            time: self.time,
            link_type: self.link_type,
            interface: self.interface,
            original_len: self.original_len,
            bytes: &self.bytes,
            comment: self.comment.as_deref(),
        }
    }

    /// The facts of the segment, without its packet, options and payload; `None` for what is no segment.
    pub fn segment(&self) -> Option<&Segment<'static>> {
        self.segment.as_deref()
    }

    /// Memory it takes, in bytes, about.
    pub fn weight(&self) -> usize {
        let facts = self
            .segment
            .as_ref()
            .map_or(0, |_| size_of::<Segment<'_>>());
        let of_whole = |whole: &Whole| size_of::<Whole>() + whole.bytes.len();
        let whole = self.whole.as_deref().map_or(0, of_whole);
        size_of::<Self>() + self.bytes.len() + self.notes.len() * size_of::<Note>() + facts + whole
    }

    /// In how many fragments the datagram came that it completed; 0 when it completed none.
    pub fn fragments(&self) -> u16 {
        self.whole.as_ref().map_or(0, |whole| whole.facts.fragments)
    }

    /// Hands over its packet, decoded again; of a datagram that it completed all is there, whichever frames the
    /// rest was in.
    pub fn with_packet<T>(&self, then: impl FnOnce(&Frame<'_>, &Packet<'_>) -> T) -> T {
        let frame = self.frame();
        let Some(whole) = self.whole.as_deref() else {
            return then(&frame, &Decoder::new().decode(&frame));
        };
        let mut decoder = Decoder::completing(&Reassembled {
            bytes: &whole.bytes,
            ..whole.facts
        });
        let mut packet = decoder.decode(&frame);
        packet.problems = whole.problems.iter().copied().take(MAX_PROBLEMS).collect();
        then(&frame, &packet)
    }

    /// Hands over the event as it was, with its packet decoded again.
    pub fn with<T>(&self, then: impl FnOnce(&Event<'_>) -> T) -> T {
        self.with_packet(|frame, packet| {
            let Some(facts) = self.segment.as_deref() else {
                return then(&Event::Packet(frame, packet));
            };
            let (option_bytes, payload) = match &packet.body {
                Body::Tcp(tcp) => (tcp.options, tcp.payload),
                _ => (&[][..], &[][..]),
            };
            then(&Event::Segment(&Segment {
                option_bytes,
                payload,
                notes: &self.notes,
                packet,
                comment: self.comment.as_deref(),
                ..*facts
            }))
        })
    }
}

fn without_bytes(segment: &Segment<'_>) -> Segment<'static> {
    Segment {
        option_bytes: &[],
        payload: &[],
        notes: &[],
        packet: &NO_PACKET,
        comment: None,
        ..*segment
    }
}

impl Whole {
    /// The datagram that a packet completes. What was compressed is in the frame itself.
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let whole = packet.reassembled.filter(|whole| whole.fragments > 0)?;
        Some(Self {
            bytes: whole.bytes.into(),
            facts: Reassembled {
                bytes: &[],
                ..whole
            },
            problems: packet.problems.as_slice().into(),
        })
    }
}
