//! An event that is kept: who steps through a capture goes back and forth, long after a frame has made room for
//! the next one.

use super::{Event, Host, Joint, Note, Segment};
use crate::decode::{Body, Decoder, Packet};
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
    /// What is known of it as a segment, if it is one.
    segment: Option<Box<Facts>>,
}

/// A segment without what it borrows: its options, payload, notes and packet are empty here.
#[derive(Clone, Debug)]
struct Facts {
    segment: Segment<'static>,
    /// Options and payload, where the frame alone does not hold them: it completed a datagram that began in
    /// others.
    elsewhere: Option<Elsewhere>,
}

/// Bytes that a frame alone does not hold.
#[derive(Clone, Debug)]
struct Elsewhere {
    options: Box<[u8]>,
    payload: Box<[u8]>,
}

/// Stands for the packet of a segment that is kept, until that is decoded again.
static NO_PACKET: std::sync::LazyLock<Packet<'static>> = std::sync::LazyLock::new(Packet::default);

impl Kept {
    /// Keeps what `event` says of `frame`; `None` for events that are not about a frame.
    pub fn of(frame: &Frame<'_>, event: &Event<'_>) -> Option<Self> {
        let (notes, segment) = match event {
            Event::Segment(segment) => (segment.notes, Some(Box::new(Facts::of(segment)))),
            Event::Packet(..) => (&[][..], None),
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
        });
        kept.time = time.unwrap_or(kept.time);
        // The two captures may count connections differently: one number is for both.
        if let (Some(facts), Some(flow)) = (&mut kept.segment, joint.flow()) {
            facts.segment.flow = flow;
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

    /// Whether it is about that frame, of that host's capture where two are looked at.
    pub fn shows(&self, host: Option<Host>, frame: u64) -> bool {
        match (&self.joint, host) {
            (None, _) => self.frame == frame,
            (Some(joint), Some(host)) => joint.shows(host, frame),
            (Some(_), None) => false,
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
        self.segment.as_ref().map(|facts| &facts.segment)
    }

    /// Memory it takes, in bytes, about.
    pub fn weight(&self) -> usize {
        let facts = self.segment.as_ref().map_or(0, |_| size_of::<Facts>());
        size_of::<Self>() + self.bytes.len() + self.notes.len() * size_of::<Note>() + facts
    }

    /// Hands over the event as it was, with its packet decoded again.
    pub fn with<T>(&self, then: impl FnOnce(&Event<'_>) -> T) -> T {
        let frame = self.frame();
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        let Some(facts) = self.segment.as_deref() else {
            return then(&Event::Packet(&frame, &packet));
        };
        let (option_bytes, payload) = match (&facts.elsewhere, &packet.body) {
            (Some(bytes), _) => (&*bytes.options, &*bytes.payload),
            (None, Body::Tcp(tcp)) => (tcp.options, tcp.payload),
            (None, _) => (&[][..], &[][..]),
        };
        then(&Event::Segment(&Segment {
            option_bytes,
            payload,
            notes: &self.notes,
            packet: &packet,
            comment: self.comment.as_deref(),
            ..facts.segment
        }))
    }
}

impl Facts {
    fn of(segment: &Segment<'_>) -> Self {
        let elsewhere = segment.packet.reassembled.is_some();
        Self {
            segment: Segment {
                option_bytes: &[],
                payload: &[],
                notes: &[],
                packet: &NO_PACKET,
                comment: None,
                ..*segment
            },
            elsewhere: elsewhere.then(|| Elsewhere {
                options: segment.option_bytes.into(),
                payload: segment.payload.into(),
            }),
        }
    }
}
