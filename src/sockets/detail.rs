//! One TCP socket in full: what its buffers hold, what its kernel has in mind, and from that who waits
//! for whom (RFC 9293 section 3.8; tcp(7), `sock_diag(7)`).

use std::net::IpAddr;

use super::Owner;
use crate::event::TcpState;

/// A TCP socket, as its kernel has it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Its own address and port.
    pub local: (IpAddr, u16),
    /// The other end; port 0 for none.
    pub peer: (IpAddr, u16),
    /// Its state.
    pub state: TcpState,
    /// The timer that runs, if one does.
    pub timer: Option<Timer>,
    /// Bytes that came in order and have not been read (SIOCINQ).
    pub receive_queue: u64,
    /// Bytes that were written and have not been acknowledged (SIOCOUTQ).
    pub send_queue: u64,
    /// Of these, bytes that have not been sent (SIOCOUTQNSD); `None`: the kernel does not say.
    pub unsent: Option<u64>,
    /// Of one that listens: connections that wait to be accepted, and how many may.
    pub accept_queue: Option<(u32, u32)>,
    /// What its buffers take, and may take.
    pub memory: Option<Memory>,
    /// What the kernel tells of the connection.
    pub info: Info,
    /// Who sets the congestion window: `cubic`, `reno` … not escaped.
    pub congestion_control: Option<String>,
    /// The user it belongs to.
    pub user: u32,
    /// Who has it open, as far as we may know.
    pub owners: Vec<Owner>,
}

/// What a socket's buffers take in memory, in bytes: more than the data in them, for each packet has a
/// header of the kernel's own (`SK_MEMINFO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Taken by what was received: in order or not.
    pub received: u64,
    /// As much may be received (`SO_RCVBUF`).
    pub receive_limit: u64,
    /// Taken by what is to be sent, or was and has not been acknowledged.
    pub queued: u64,
    /// As much may be queued (`SO_SNDBUF`).
    pub send_limit: u64,
    /// Of what was sent: still in this machine, on its way to the card.
    pub in_card: u64,
    /// Received while the program was inside of a call, and to be looked at yet.
    pub backlog: u64,
    /// Packets that were dropped for want of room.
    pub drops: u64,
}

/// `struct tcp_info` of `linux/tcp.h`, as far as the kernel has it and means something by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// What the sender is doing: `open`, `disorder`, `cwr`, `recovery` or `loss`.
    pub mood: Option<&'static str>,
    /// How often the retransmission timeout has been doubled.
    pub backoff: Option<u64>,
    /// By how many bits the peer's window is shifted, and our own.
    pub scales: Option<(u8, u8)>,
    /// Retransmission timeout.
    pub rto_ns: Option<u64>,
    /// Smoothed round-trip time.
    pub srtt_ns: Option<u64>,
    /// Its mean deviation.
    pub rttvar_ns: Option<u64>,
    /// The shortest round trip of late.
    pub min_rtt_ns: Option<u64>,
    /// Most bytes in a segment that is sent.
    pub snd_mss: Option<u64>,
    /// Bytes in the segments that come, as the kernel guesses.
    pub rcv_mss: Option<u64>,
    /// What we told the peer to send at most.
    pub advmss: Option<u64>,
    /// Longest packet that the path is known to take.
    pub pmtu: Option<u64>,
    /// Congestion window, in segments.
    pub cwnd: Option<u64>,
    /// Slow start threshold, in segments; `None` while there is none.
    pub ssthresh: Option<u64>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u64>,
    /// Of these, acknowledged selectively.
    pub sacked: Option<u64>,
    /// Of these, taken for lost.
    pub lost: Option<u64>,
    /// Of these, sent again.
    pub retrans: Option<u64>,
    /// Segments sent again in all.
    pub total_retrans: Option<u64>,
    /// The peer's window in bytes, from the first byte that is not acknowledged (Linux 5.4).
    pub snd_wnd: Option<u64>,
    /// The window that we advertise, in bytes (Linux 6.2).
    pub rcv_wnd: Option<u64>,
    /// Bytes not sent yet (Linux 4.6).
    pub notsent: Option<u64>,
    /// How long there was something to send (Linux 4.10).
    pub busy_ns: Option<u64>,
    /// How long of that the peer's window was in the way.
    pub rwnd_limited_ns: Option<u64>,
    /// How long of that the send buffer was in the way.
    pub sndbuf_limited_ns: Option<u64>,
    /// Bytes sent, those sent again included (Linux 4.19).
    pub bytes_sent: Option<u64>,
    /// Of these, bytes sent again.
    pub bytes_retrans: Option<u64>,
    /// Bytes the peer acknowledged (Linux 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes that came.
    pub bytes_received: Option<u64>,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// To send again what is not acknowledged (RFC 6298), or to probe for a lost tail (RFC 8985).
    Retransmission,
    /// To ask who waits in silence whether it still lives (RFC 9293 section 3.8.4), or to give up
    /// waiting for its FIN.
    KeepAlive,
    /// To be gone from TIME-WAIT.
    TimeWait,
    /// To ask for the size of a window that is closed (RFC 9293 section 3.8.6.1).
    Persist,
}

impl Alarm {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmission => "retransmission",
            Self::KeepAlive => "keepalive",
            Self::TimeWait => "time-wait",
            Self::Persist => "persist",
        }
    }
}

/// A timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What for.
    pub alarm: Alarm,
    /// Milliseconds until it goes off.
    pub left_ms: u32,
    /// How often it went off already without an answer.
    pub tries: u8,
}

/// Who waits, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It listens, and nobody is there.
    Callers,
    /// Connections wait for the program to accept them.
    Accept,
    /// For the answer to the SYN.
    Answer,
    /// For the ACK that opens the connection.
    Open,
    /// What was sent is being sent again: something was lost, or nobody answers.
    Retransmission,
    /// The peer's window is closed: its program does not read.
    ClosedWindow,
    /// What is on its way fills the peer's window.
    PeerWindow,
    /// What is on its way fills the congestion window.
    Congestion,
    /// There is room for more on the way, and the kernel holds it back.
    HeldBack,
    /// All is sent, and ACKs are awaited.
    Acks,
    /// What came waits for the program to read it.
    Reader,
    /// The same, and the window that we advertise is closed.
    ReaderStopsPeer,
    /// What came waits for a gap before it to be filled.
    Gap,
    /// All data have been read, and the peer's FIN waits behind them.
    Fin,
    /// The peer is done; our program has yet to close.
    OwnClose,
    /// We are done; the peer has yet to close.
    PeerClose,
    /// Our FIN is not acknowledged.
    FinAck,
    /// The connection is over, and its port is kept for late segments.
    TimeWait,
    /// Nobody: both queues are empty.
    Nobody,
}

impl Wait {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::Accept => "accept",
            Self::Answer => "answer",
            Self::Open => "open",
            Self::Retransmission => "retransmission",
            Self::ClosedWindow => "closed-window",
            Self::PeerWindow => "peer-window",
            Self::Congestion => "congestion",
            Self::HeldBack => "held-back",
            Self::Acks => "acks",
            Self::Reader => "reader",
            Self::ReaderStopsPeer => "reader-stops-peer",
            Self::Gap => "gap",
            Self::Fin => "fin-unread",
            Self::OwnClose => "own-close",
            Self::PeerClose => "peer-close",
            Self::FinAck => "fin-ack",
            Self::TimeWait => "time-wait",
            Self::Nobody => "nobody",
        }
    }
}

impl Detail {
    /// Bytes sent and not acknowledged.
    pub fn sent_unacked(&self) -> Option<u64> {
        Some(self.send_queue.saturating_sub(self.unsent?))
    }

    /// The congestion window in bytes.
    pub fn congestion_window(&self) -> Option<u64> {
        Some(self.info.cwnd?.saturating_mul(self.info.snd_mss?))
    }

    /// Segments on their way, as congestion control counts them (RFC 6675's pipe): what was sent and has
    /// neither arrived nor been given up.
    pub fn in_flight(&self) -> Option<u64> {
        let info = &self.info;
        let gone = info.sacked?.saturating_add(info.lost?);
        let out = info.unacked?.saturating_sub(gone);
        Some(out.saturating_add(info.retrans?))
    }

    /// Whether the send buffer is full, so that a send would block, or fail with EAGAIN. Linux takes bytes
    /// as long as less memory is taken than may be (`sk_stream_memory_free`).
    pub fn is_full(&self) -> Option<bool> {
        let memory = self.memory?;
        Some(memory.send_limit > 0 && memory.queued >= memory.send_limit)
    }

    /// Whether a program that waits for room may go on, and poll(2) says so: only when a third of the
    /// buffer is free, so that it is not woken for every ACK (`sk_stream_is_writeable`).
    pub fn is_writable(&self) -> Option<bool> {
        let memory = self.memory?;
        let free = memory.send_limit.saturating_sub(memory.queued);
        Some(free >= memory.queued / 2)
    }

    /// Whether programs may still write to it.
    pub const fn may_send(&self) -> bool {
        matches!(self.state, TcpState::Established | TcpState::CloseWait)
    }

    /// Who waits for whom now: at most one wait for each of sending, receiving and closing, or just
    /// [`Wait::Nobody`].
    pub fn waits(&self) -> Vec<Wait> {
        let state = match self.state {
            TcpState::Listen => {
                let some = self.accept_queue.is_some_and(|(waiting, _)| waiting > 0);
                return vec![if some { Wait::Accept } else { Wait::Callers }];
            }
            TcpState::SynSent => return vec![Wait::Answer],
            TcpState::SynReceived => return vec![Wait::Open],
            TcpState::TimeWait => return vec![Wait::TimeWait],
            TcpState::Closed => return vec![Wait::Nobody],
            TcpState::CloseWait => Some(Wait::OwnClose),
            TcpState::FinWait2 => Some(Wait::PeerClose),
            TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => Some(Wait::FinAck),
            TcpState::Established => None,
        };
        let all: Vec<_> = [self.sending(), self.receiving(), state]
            .into_iter()
            .flatten()
            .collect();
        if all.is_empty() {
            vec![Wait::Nobody]
        } else {
            all
        }
    }

    fn sending(&self) -> Option<Wait> {
        if self.send_queue == 0 {
            return None;
        }
        let info = &self.info;
        let persists = self
            .timer
            .is_some_and(|timer| timer.alarm == Alarm::Persist);
        let repeats = self
            .timer
            .is_some_and(|timer| timer.alarm == Alarm::Retransmission && timer.tries > 0);
        let repairs = matches!(info.mood, Some("recovery" | "loss")) && info.unacked > Some(0);
        let unsent = self.unsent.unwrap_or(0);
        Some(if persists || unsent > 0 && info.snd_wnd == Some(0) {
            Wait::ClosedWindow
        } else if repeats || repairs {
            Wait::Retransmission
        } else if unsent == 0 {
            Wait::Acks
        } else if self.fills_window(unsent) {
            Wait::PeerWindow
        } else if info.cwnd.is_some() && self.in_flight() >= info.cwnd {
            Wait::Congestion
        } else {
            Wait::HeldBack
        })
    }

    /// Whether the next segment would not fit into the peer's window.
    fn fills_window(&self, unsent: u64) -> bool {
        let (Some(window), Some(sent)) = (self.info.snd_wnd, self.sent_unacked()) else {
            return false;
        };
        let next = unsent.min(self.info.snd_mss.unwrap_or(unsent));
        sent.saturating_add(next) > window
    }

    /// Whether the peer's FIN has come, and all that it sent before (RFC 9293 section 3.3.2).
    const fn peer_is_done(&self) -> bool {
        matches!(
            self.state,
            TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait
        )
    }

    fn receiving(&self) -> Option<Wait> {
        if self.receive_queue > 0 {
            return Some(if self.info.rcv_wnd == Some(0) {
                Wait::ReaderStopsPeer
            } else {
                Wait::Reader
            });
        }
        // What is in order has been read; memory is taken by what came too early. Behind a FIN that came in
        // its turn there is nothing: then it is the FIN's own record, which stays until recv has told of it.
        let memory = self.memory?;
        let wait = if self.peer_is_done() {
            Wait::Fin
        } else {
            Wait::Gap
        };
        (memory.received > 0 && memory.backlog == 0).then_some(wait)
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// An open connection with a little of everything, of a program whose name is up to no good.
    pub(crate) fn open() -> Detail {
        Detail {
            local: ("10.0.0.1".parse().unwrap(), 40_312),
            peer: ("10.0.0.2".parse().unwrap(), 8080),
            state: TcpState::Established,
            timer: None,
            receive_queue: 0,
            send_queue: 0,
            unsent: Some(0),
            accept_queue: None,
            memory: Some(Memory {
                receive_limit: 131_072,
                send_limit: 46_080,
                ..Memory::default()
            }),
            info: Info {
                mood: Some("open"),
                backoff: Some(0),
                scales: Some((7, 7)),
                rto_ns: Some(254_000_000),
                srtt_ns: Some(50_100_000),
                rttvar_ns: Some(2_000_000),
                min_rtt_ns: Some(50_000_000),
                snd_mss: Some(1448),
                rcv_mss: Some(536),
                advmss: Some(1448),
                pmtu: Some(1500),
                cwnd: Some(10),
                ssthresh: None,
                unacked: Some(0),
                sacked: Some(0),
                lost: Some(0),
                retrans: Some(0),
                total_retrans: Some(0),
                snd_wnd: Some(65_160),
                rcv_wnd: Some(64_256),
                notsent: Some(0),
                busy_ns: Some(1_200_000_000),
                rwnd_limited_ns: Some(480_000_000),
                sndbuf_limited_ns: Some(120_000_000),
                bytes_sent: Some(100_000),
                bytes_retrans: Some(0),
                bytes_acked: Some(100_001),
                bytes_received: Some(17),
            },
            congestion_control: Some("cubic".to_owned()),
            user: 1000,
            owners: vec![Owner {
                pid: 4321,
                name: "serv\u{1b}er".to_owned(),
            }],
        }
    }

    /// The same, with so much in its send buffer.
    pub(crate) fn sending(sent: u64, unsent: u64) -> Detail {
        let mut it = open();
        it.send_queue = sent + unsent;
        it.unsent = Some(unsent);
        it.info.notsent = Some(unsent);
        it.info.unacked = Some(sent.div_ceil(1448));
        if let Some(memory) = &mut it.memory {
            memory.queued = (sent + unsent) * 8 / 5;
        }
        if sent > 0 {
            it.timer = Some(Timer {
                alarm: Alarm::Retransmission,
                left_ms: 204,
                tries: 0,
            });
        }
        it
    }

    /// One whose peer does not read: window closed, buffer full.
    pub(crate) fn stopped() -> Detail {
        let mut it = sending(0, 30_000);
        it.info.snd_wnd = Some(0);
        it.timer = Some(Timer {
            alarm: Alarm::Persist,
            left_ms: 1_632,
            tries: 3,
        });
        it
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{open, sending, stopped};
    use super::*;

    #[test]
    fn the_sender_waits_for_whatever_is_in_the_way() {
        assert_eq!(open().waits(), [Wait::Nobody]);
        assert_eq!(sending(2896, 0).waits(), [Wait::Acks]);
        assert_eq!(sending(14_480, 5_000).waits(), [Wait::Congestion]);
        assert_eq!(sending(1448, 100).waits(), [Wait::HeldBack], "Nagle");
        let mut narrow = sending(4_344, 5_000);
        narrow.info.snd_wnd = Some(5_000);
        assert_eq!(narrow.waits(), [Wait::PeerWindow]);
        assert_eq!(stopped().waits(), [Wait::ClosedWindow]);
        let mut lost = sending(14_480, 5_000);
        lost.info.mood = Some("recovery");
        assert_eq!(lost.waits(), [Wait::Retransmission]);
    }

    #[test]
    fn the_buffer_is_full_when_its_memory_is_taken() {
        assert_eq!(open().is_full(), Some(false));
        assert_eq!(stopped().is_full(), Some(true));
        let mut between = stopped();
        if let Some(memory) = &mut between.memory {
            memory.queued = memory.send_limit * 4 / 5;
        }
        assert_eq!(between.is_full(), Some(false));
        assert_eq!(between.is_writable(), Some(false));
        assert_eq!(open().is_writable(), Some(true));
        let mut unknown = open();
        unknown.memory = None;
        assert_eq!(unknown.is_full(), None);
    }

    #[test]
    fn the_receiver_waits_for_its_reader_or_for_a_gap() {
        let mut it = open();
        it.receive_queue = 10;
        assert_eq!(it.waits(), [Wait::Reader]);
        it.info.rcv_wnd = Some(0);
        assert_eq!(it.waits(), [Wait::ReaderStopsPeer]);
        it.receive_queue = 0;
        it.memory.as_mut().unwrap().received = 2_000;
        assert_eq!(it.waits(), [Wait::Gap]);
    }

    /// What the kernel was seen to have when a peer had shut down and nobody had read that yet.
    #[test]
    fn a_fin_that_nobody_has_read_is_nothing_that_came_too_early() {
        let mut it = open();
        it.memory.as_mut().unwrap().received = 832;
        for state in [TcpState::CloseWait, TcpState::LastAck, TcpState::Closing] {
            it.state = state;
            assert_eq!(it.waits()[0], Wait::Fin, "{state:?}");
        }
        it.state = TcpState::FinWait2;
        assert_eq!(it.waits(), [Wait::Gap, Wait::PeerClose]);
        it.state = TcpState::CloseWait;
        it.receive_queue = 10;
        assert_eq!(it.waits(), [Wait::Reader, Wait::OwnClose]);
    }

    #[test]
    fn each_state_waits_for_something_of_its_own() {
        let of = |state| {
            let mut it = open();
            it.state = state;
            it.waits()
        };
        assert_eq!(of(TcpState::SynSent), [Wait::Answer]);
        assert_eq!(of(TcpState::CloseWait), [Wait::OwnClose]);
        assert_eq!(of(TcpState::FinWait2), [Wait::PeerClose]);
        assert_eq!(of(TcpState::LastAck), [Wait::FinAck]);
        assert_eq!(of(TcpState::TimeWait), [Wait::TimeWait]);
        assert_eq!(of(TcpState::Listen), [Wait::Callers]);
    }

    #[test]
    fn what_was_lost_or_has_arrived_is_not_on_its_way() {
        let mut it = sending(14_480, 0);
        it.info.sacked = Some(3);
        it.info.lost = Some(2);
        it.info.retrans = Some(1);
        assert_eq!(it.in_flight(), Some(6));
        it.info.lost = Some(1_000);
        assert_eq!(it.in_flight(), Some(1), "numbers that make no sense");
    }
}
