//! Events by hand, for the tests of views: a conversation is written as calls, and what the view
//! makes of it is read as text.

use std::net::IpAddr;

use super::View;
use crate::decode::{Checksum, Decoder};
use crate::event::{
    Capability, Dir, End, Endpoint, Event, Flow, Handshake, LetGo, Note, NoteCounts, Phase, Rtt,
    Segment, Shape, Side, Stats, TcpState,
};
use crate::frame::{Frame, LinkType, Timestamp};
use crate::wire::tcp::{Flags, TcpOptions};

/// When the conversations begin: 2026-01-01.
pub(crate) const EPOCH: u64 = 1_767_225_600_000_000_000;
/// The initial sequence numbers; the responder's data soon passes the wrap.
const ISN: [u32; 2] = [1_000_000, u32::MAX - 500];
const SYN_OPTIONS: [u8; 10] = [2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7];

/// A conversation between 10.0.0.1:40312 and 10.0.0.2:80, shown by a view as it goes.
pub(crate) struct Talk<V> {
    pub(crate) view: V,
    out: Vec<u8>,
    /// What goes into the next segments as it stands.
    pub(crate) flow: u32,
    pub(crate) hosts: [Endpoint; 2],
    pub(crate) window: [u32; 2],
    pub(crate) phase: Phase,
    frame: u64,
    now: u64,
    /// Next sequence number of each side, and what the other has acknowledged of it.
    next: [u32; 2],
    acked: [u32; 2],
    state: [TcpState; 2],
    /// What goes into the next segment only.
    notes: Vec<Note>,
    comment: Option<Vec<u8>>,
    sack: Vec<(u32, u32)>,
    option_bytes: Vec<u8>,
    becomes: Option<[TcpState; 2]>,
    rtt: Option<Rtt>,
}

fn endpoint(address: &str, port: u16) -> Endpoint {
    let addr: IpAddr = address.parse().unwrap();
    Endpoint { addr, port }
}

/// The frame that all segments here are said to come in.
const FRAME: Frame<'static> = Frame {
    number: 1,
    time: Timestamp::from_nanos(EPOCH),
    link_type: LinkType::ETHERNET,
    interface: 0,
    original_len: 0,
    bytes: &[],
    comment: None,
};

impl<V: View> Talk<V> {
    pub(crate) fn new(view: V) -> Self {
        Self {
            view,
            out: Vec::new(),
            flow: 0,
            hosts: [endpoint("10.0.0.1", 40312), endpoint("10.0.0.2", 80)],
            window: [64_256, 65_152],
            phase: Phase::Setup,
            frame: 0,
            now: 0,
            next: [0; 2],
            acked: [0; 2],
            state: [TcpState::Closed, TcpState::Listen],
            notes: Vec::new(),
            comment: None,
            sack: Vec::new(),
            option_bytes: Vec::new(),
            becomes: None,
            rtt: None,
        }
    }

    /// What the view wrote so far.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Sets the time, in microseconds from the beginning.
    pub(crate) fn at(&mut self, micros: u64) -> &mut Self {
        self.now = micros * 1_000;
        self
    }

    /// Adds a note to the next segment.
    pub(crate) fn note(&mut self, note: Note) -> &mut Self {
        self.notes.push(note);
        self
    }

    /// Gives the next segment a comment.
    pub(crate) fn comment(&mut self, comment: &[u8]) -> &mut Self {
        self.comment = Some(comment.to_vec());
        self
    }

    /// Gives the next segment SACK blocks (relative).
    pub(crate) fn sack(&mut self, blocks: &[(u32, u32)]) -> &mut Self {
        self.sack = blocks.to_vec();
        self
    }

    /// Gives the next segment these options, before any others.
    pub(crate) fn options(&mut self, bytes: &[u8]) -> &mut Self {
        self.option_bytes = bytes.to_vec();
        self
    }

    /// The window a side advertises from now on.
    pub(crate) fn opens(&mut self, side: usize, bytes: u32) -> &mut Self {
        self.window[side] = bytes;
        self
    }

    /// The states after the next segment.
    pub(crate) fn becomes(&mut self, initiator: TcpState, responder: TcpState) -> &mut Self {
        self.becomes = Some([initiator, responder]);
        self
    }

    /// An RTT sample that the next segment completes.
    pub(crate) fn rtt(&mut self, micros: u64, acks_frame: u64) -> &mut Self {
        let ns = micros * 1_000;
        self.rtt = Some(Rtt {
            ns,
            acks_frame,
            srtt_ns: ns,
        });
        self
    }

    /// SYN, SYN-ACK, ACK, 20 to 40 µs apart.
    pub(crate) fn handshake(&mut self) -> &mut Self {
        use TcpState::{Established, SynReceived, SynSent};
        self.becomes(SynSent, SynReceived)
            .emit(0, Flags::SYN, 0, b"");
        self.at(40).rtt(40, 1).becomes(Established, SynReceived);
        self.emit(1, Flags::SYN | Flags::ACK, 0, b"");
        self.at(60)
            .rtt(20, 2)
            .becomes(Established, Established)
            .ack(0);
        self.phase = Phase::Transfer;
        self
    }

    /// New data from a side.
    pub(crate) fn send(&mut self, side: usize, payload: &[u8]) -> &mut Self {
        self.emit(side, Flags::PSH | Flags::ACK, self.next[side], payload)
    }

    /// Data at any place.
    pub(crate) fn resend(&mut self, side: usize, seq: u32, payload: &[u8]) -> &mut Self {
        self.emit(side, Flags::PSH | Flags::ACK, seq, payload)
    }

    /// An ACK of everything the other side sent.
    pub(crate) fn ack(&mut self, side: usize) -> &mut Self {
        self.acked[1 - side] = self.next[1 - side];
        self.ack_at(side, self.next[1 - side])
    }

    /// An ACK of that number.
    pub(crate) fn ack_at(&mut self, side: usize, number: u32) -> &mut Self {
        self.acked[1 - side] = number;
        self.emit(side, Flags::ACK, self.next[side], b"")
    }

    /// FIN from a side, which acknowledges everything.
    pub(crate) fn fin(&mut self, side: usize) -> &mut Self {
        self.phase = Phase::Teardown;
        self.acked[1 - side] = self.next[1 - side];
        self.emit(side, Flags::FIN | Flags::ACK, self.next[side], b"")
    }

    /// Any segment.
    pub(crate) fn emit(
        &mut self,
        side: usize,
        flags: Flags,
        seq: u32,
        payload: &[u8],
    ) -> &mut Self {
        self.frame += 1;
        let before = self.state;
        self.state = self.becomes.take().unwrap_or(before);
        let comment = self.comment.take();
        let options = self.all_options(side, flags);
        let [ack, len] = [self.acked[1 - side], payload.len() as u32];
        let end = seq + len + u32::from(flags.syn()) + u32::from(flags.fin());
        self.next[side] = self.next[side].max(end);
        if flags.syn() && flags.ack() {
            self.acked[0] = 1;
        }
        let ack = if flags.syn() { 1 } else { ack };
        let of = if len > 0 { side } else { 1 - side };
        let mut decoder = Decoder::new();
        let mut packet = decoder.decode(&FRAME);
        // It is the segment's facts that views are tested with, not those of an empty frame.
        packet.problems.clear();
        let segment = Segment {
            frame: self.frame,
            time: Timestamp::from_nanos(EPOCH + self.now),
            flow: self.flow,
            dir: Dir(if side == 0 {
                Side::Initiator
            } else {
                Side::Responder
            }),
            src: self.hosts[side],
            dst: self.hosts[1 - side],
            flags,
            seq,
            ack: flags.ack().then_some(ack),
            seq_raw: ISN[side].wrapping_add(seq),
            ack_raw: ISN[1 - side].wrapping_add(ack),
            len,
            window: (self.window[side] >> 7) as u16,
            window_bytes: Some(if flags.syn() {
                64_240
            } else {
                self.window[side]
            }),
            options: TcpOptions::read(&options),
            option_bytes: &options,
            options_cut: false,
            payload,
            new_bytes: len,
            newly_acked: 0,
            in_flight: self.next[of].saturating_sub(self.acked[of].max(1)),
            in_flight_of: if of == 0 {
                Side::Initiator
            } else {
                Side::Responder
            },
            flight_window: Some(self.window[1 - of]),
            legs_ns: [0; 2],
            rtt: self.rtt.take(),
            state_before: before,
            state: self.state,
            phase: self.phase,
            checksum: Checksum::Good,
            notes: &std::mem::take(&mut self.notes),
            wireshark: None,
            cwnd: None,
            packet: &packet,
            comment: comment.as_deref(),
        };
        self.view
            .event(&Event::Segment(&segment), &mut self.out)
            .unwrap();
        self
    }

    fn all_options(&mut self, side: usize, flags: Flags) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.option_bytes);
        if flags.syn() {
            bytes.extend(SYN_OPTIONS);
        }
        if !self.sack.is_empty() {
            bytes.extend([1, 1, 5, 2 + 8 * self.sack.len() as u8]);
            for (left, right) in self.sack.drain(..) {
                for edge in [left, right] {
                    bytes.extend(ISN[1 - side].wrapping_add(edge).to_be_bytes());
                }
            }
        }
        bytes
    }

    /// A frame that is not TCP.
    pub(crate) fn packet(&mut self, bytes: &[u8]) -> &mut Self {
        self.frame += 1;
        let frame = Frame {
            number: self.frame,
            time: Timestamp::from_nanos(EPOCH + self.now),
            original_len: bytes.len() as u32,
            bytes,
            ..FRAME
        };
        let mut decoder = Decoder::new();
        let packet = decoder.decode(&frame);
        self.view
            .event(&Event::Packet(&frame, &packet), &mut self.out)
            .unwrap();
        self
    }

    /// The connection's summary as it stands, for a test to change before it is shown.
    pub(crate) fn summary(&self) -> Flow {
        Flow {
            flow: self.flow,
            initiator: self.hosts[0],
            responder: self.hosts[1],
            tunnel: 0,
            start: Timestamp::from_nanos(EPOCH),
            end: Timestamp::from_nanos(EPOCH + self.now),
            first_frame: 1,
            last_frame: self.frame,
            state: self.state,
            shape: Shape::Sf,
            history: "ShADFaf".to_owned(),
            completeness: 31,
            handshake: Handshake {
                syn_frame: Some(1),
                syn_ack_frame: Some(2),
                ack_frame: Some(3),
                took_ns: Some(60_000),
                window_scaling: Capability::On,
                sack: Capability::On,
                timestamps: Capability::Off,
                ecn: Capability::Off,
            },
            closed_by: None,
            let_go: LetGo::CaptureEnded,
            gave_up_at: None,
            stats: [Stats::default(), Stats::default()],
            notes: [NoteCounts::default(), NoteCounts::default()],
        }
    }

    /// Shows a flow.
    pub(crate) fn flow(&mut self, flow: &Flow) -> &mut Self {
        self.event(&Event::Flow(flow))
    }

    /// Ends the capture.
    pub(crate) fn end(&mut self) -> &mut Self {
        let end = End {
            frames: self.frame,
            elapsed_ns: self.now,
            ..End::default()
        };
        self.event(&Event::End(&end))
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> &mut Self {
        self.view.event(event, &mut self.out).unwrap();
        self
    }
}
