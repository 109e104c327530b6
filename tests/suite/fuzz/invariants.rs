//! What must hold whatever came: the events agree with each other, and the tracker with itself.

use std::collections::HashMap;

use wirelab::analysis::Limits;
use wirelab::decode::{Body, Decoder};
use wirelab::event::{
    Confidence, Endpoint, Event, Flow, Kind, Note, NoteCounts, Segment, TcpState,
};
use wirelab::track::{Arrival, Place, Tracker};

use super::mutate::Kept;
use TcpState::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
    SynSent, TimeWait,
};

/// The arrows of RFC 9293 figure 5, and those by which the tracker learns what had happened before
/// the capture began, or puts right that a segment was taken to have arrived (FINs that cross).
const ARROWS: &[(TcpState, &[TcpState])] = &[
    (
        Closed,
        &[
            Listen,
            SynSent,
            SynReceived,
            Established,
            CloseWait,
            FinWait1,
        ],
    ),
    (Listen, &[SynReceived, SynSent]),
    (SynSent, &[Established, SynReceived, CloseWait, FinWait1]),
    (SynReceived, &[Established, FinWait1, CloseWait]),
    (Established, &[FinWait1, CloseWait]),
    (FinWait1, &[FinWait2, Closing, TimeWait]),
    (FinWait2, &[TimeWait]),
    (CloseWait, &[LastAck, Closing]),
    (Closing, &[TimeWait]),
    (LastAck, &[]),
    (TimeWait, &[]),
];

/// Whether one segment may bring an endpoint from one state to the other: it may carry several
/// events (data, an ACK, a FIN), and an RST or the last ACK closes.
fn may_become(from: TcpState, to: TcpState) -> bool {
    let arrows = |from| ARROWS.iter().find(|(state, _)| *state == from);
    from == to
        || to == Closed
        || arrows(from).is_some_and(|(_, next)| next.iter().any(|&next| may_become(next, to)))
}

#[test]
fn arrows_point_one_way() {
    assert!(may_become(SynSent, Established) && may_become(Established, TimeWait));
    assert!(may_become(LastAck, Closed) && may_become(CloseWait, LastAck));
    assert!(!may_become(Established, SynSent) && !may_become(TimeWait, Established));
    assert!(!may_become(FinWait2, Closing) && !may_become(FinWait1, CloseWait));
}

/// What the segments of one connection add up to.
struct Account {
    notes: [NoteCounts; 2],
    packets: [u32; 2],
    data_bytes: [u64; 2],
    state: [TcpState; 2],
    first_frame: u64,
    last_frame: u64,
}

/// All events so far.
#[derive(Default)]
pub(super) struct Books {
    open: HashMap<u32, Account>,
    flows: u32,
    closed: u32,
    ended: bool,
}

impl Books {
    pub(super) fn enter(&mut self, event: &Event<'_>) {
        assert!(!self.ended, "nothing comes after the end: {event:?}");
        match event {
            Event::Segment(segment) => self.segment(segment),
            Event::Flow(flow) => self.flow(flow),
            Event::End(_) => self.ended = true,
            _ => {}
        }
    }

    fn segment(&mut self, s: &Segment<'_>) {
        let known = self.open.contains_key(&s.flow);
        if !known {
            assert_eq!(s.flow, self.flows, "flows are numbered as they appear");
            self.flows += 1;
        }
        let account = self.open.entry(s.flow).or_insert_with(|| Account {
            notes: Default::default(),
            packets: [0; 2],
            data_bytes: [0; 2],
            state: [Closed; 2],
            first_frame: s.frame,
            last_frame: s.frame,
        });
        let side = s.dir.0.index();
        for note in s.notes {
            account.notes[side].add(note.kind);
            assert!(!note.why().is_empty() && !note.rfc.is_empty(), "{note:?}");
            assert!(
                note.frames.iter().all(|&f| f <= s.frame && f > 0),
                "{note:?}"
            );
            assert!(
                note.of_frame.is_none_or(|f| f <= s.frame && f > 0),
                "{note:?}"
            );
        }
        let kinds: Vec<Kind> = s.notes.iter().map(|note| note.kind).collect();
        let certain = |note: &Note| note.confidence == Confidence::Certain;
        let discarded = match kinds[..] {
            [Kind::CaptureDuplicate] => true,
            [Kind::ChecksumBad] => certain(&s.notes[0]),
            _ => false,
        };
        account.packets[side] += 1;
        account.data_bytes[side] += if discarded { 0 } else { u64::from(s.len) };
        account.last_frame = s.frame;
        assert!(s.new_bytes <= s.len, "{s:?}");
        assert_eq!(s.state_before, account.state, "{s:?}");
        for at in [0, 1] {
            let (from, to) = (s.state_before[at], s.state[at]);
            assert!(may_become(from, to), "side {at}: {from} to {to} by {s:?}");
            assert!(!discarded || from == to, "{s:?}");
        }
        account.state = s.state;
    }

    fn flow(&mut self, flow: &Flow) {
        let account = self.open.remove(&flow.flow);
        let account = account.unwrap_or_else(|| panic!("reported twice, or never seen: {flow:?}"));
        self.closed += 1;
        assert_eq!(account.notes, flow.notes, "{flow:?}");
        assert_eq!(account.state, flow.state, "{flow:?}");
        let stats = &flow.stats;
        assert_eq!(
            account.packets,
            [0, 1].map(|at| stats[at].packets),
            "{flow:?}"
        );
        assert_eq!(
            account.data_bytes,
            [0, 1].map(|at| stats[at].data_bytes),
            "{flow:?}"
        );
        assert_eq!(
            (account.first_frame, account.last_frame),
            (flow.first_frame, flow.last_frame)
        );
        for stats in stats {
            assert!(stats.unique_bytes <= stats.data_bytes, "{flow:?}");
            assert!(stats.retransmitted_bytes <= stats.data_bytes, "{flow:?}");
            assert!(stats.pure_acks <= stats.acks && stats.acks <= stats.packets);
            assert!(stats.outstanding_ns_sum.is_finite());
        }
    }

    pub(super) fn close(&self) {
        assert!(self.ended, "the end was not reported");
        assert!(self.open.is_empty(), "flows that were never reported");
        assert_eq!(self.flows, self.closed);
    }
}

/// What the tracker keeps of each side must make sense after every segment.
pub(super) fn halves_are_sound(frames: &[Kept], limits: Limits) {
    let mut decoder = Decoder::new();
    let mut tracker = Tracker::new(limits);
    for kept in frames {
        let frame = kept.frame();
        let packet = decoder.decode(&frame);
        let (Body::Tcp(tcp), Some(ip)) = (&packet.body, &packet.ip) else {
            continue;
        };
        let end = |addr, port| Endpoint { addr, port };
        let ends = [end(ip.src, tcp.src_port), end(ip.dst, tcp.dst_port)];
        let arrival = Arrival::of(&frame, ends, packet.tunnel, (ip.id, 64));
        let Some(place) = tracker.observe(&arrival, tcp, Place::NOWHERE) else {
            continue;
        };
        tracker.ended();
        let (_, connection) = tracker.found(place).expect("it was just looked at");
        for half in &connection.halves {
            let (sacked, end) = half.sacked();
            assert!(half.in_flight() <= half.outstanding(), "{half:?}");
            assert!(
                sacked <= half.outstanding(),
                "frame {}: {half:?}",
                frame.number
            );
            assert!(
                half.una.at_or_before(half.nxt),
                "frame {}: {half:?}",
                frame.number
            );
            assert!(
                half.seen_end.at_or_before(half.nxt),
                "frame {}: {half:?}",
                frame.number
            );
            assert!(end.is_none_or(|end| end.at_or_before(half.nxt)), "{half:?}");
            assert!(
                half.sent.len() <= limits.ranges.max(Limits::SCARCE),
                "{half:?}"
            );
        }
    }
}
