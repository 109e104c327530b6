//! One end of a connection: its variables, what it sends, and when (RFC 9293 sections 3.3, 3.8 and 3.10).
//! What it makes of what comes is in `receive`.
//!
//! There is never more than one segment on its way: the next is sent when that is acknowledged. It is
//! repeated when the timer of RFC 6298 runs out.

use std::collections::VecDeque;
use std::time::Duration;

use super::rto::Rto;
use super::segment::Segment;
use super::why;
use crate::event::{Reason, TcpState, Variables};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

/// A segment is repeated so often before the connection is given up.
const MOST_REPEATS: u32 = 6;
/// Most bytes that wait to be sent; what is more is not taken.
const MOST_QUEUED: usize = 1 << 20;
/// Most bytes received that are kept to be looked at.
pub(super) const MOST_KEPT: usize = 1 << 20;

/// What an endpoint begins with.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The initial send sequence number, ISS.
    pub iss: Seq,
    /// The window it offers, in bytes.
    pub window: u16,
    /// The largest segment it takes, in bytes of data.
    pub mss: u16,
    /// What it takes the peer to take when that does not say: 536 bytes over IPv4, 1220 over IPv6
    /// (RFC 9293 section 3.7.1).
    pub mss_unsaid: u16,
    /// How long it stays in TIME-WAIT.
    pub time_wait: Duration,
}

/// Why a connection is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Both sides have closed it.
    Closed,
    /// An RST answered the SYN.
    Refused,
    /// An RST ended it.
    Reset,
    /// Nobody acknowledged a segment, however often it was sent.
    GaveUp,
    /// We ended it by an RST.
    Aborted,
}

/// A segment to send.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The segment.
    pub segment: Segment,
    /// Why its numbers are what they are.
    pub reasons: Vec<Reason>,
    /// How often it was sent before.
    pub again: u32,
    /// Our state before it and after.
    pub states: [TcpState; 2],
    /// Whether it acknowledges and does nothing else.
    pub only_acknowledges: bool,
}

/// What is on its way and not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) flags: Flags,
    pub(super) seq: Seq,
    /// Bytes of the queue that it carries.
    pub(super) bytes: usize,
    pub(super) sent: Timestamp,
    pub(super) again: u32,
    /// When it is sent again.
    pub(super) due: Timestamp,
}

/// Why an ACK is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckWhy {
    /// The SYN of the other side is to be acknowledged.
    Syn,
    /// So are its data.
    Data,
    /// So is its FIN.
    Fin,
    /// A segment was not acceptable: this says what would be.
    Unacceptable,
    /// Our window has changed.
    Window,
}

/// One end of a connection.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) config: Config,
    pub(super) state: TcpState,
    pub(super) snd_una: Seq,
    pub(super) snd_nxt: Seq,
    pub(super) snd_wnd: u32,
    /// The largest window that was offered, MAX.SND.WND of RFC 5961 section 5.2.
    pub(super) max_snd_wnd: u32,
    /// The segment that the window was last taken from.
    pub(super) snd_wl1: Seq,
    pub(super) snd_wl2: Seq,
    /// The largest segment that the peer takes.
    pub(super) mss: u16,
    pub(super) irs: Seq,
    pub(super) rcv_nxt: Seq,
    pub(super) rcv_wnd: u16,
    /// Whether LISTEN is where it came from.
    pub(super) passive: bool,
    /// Bytes to be sent, the unacknowledged first.
    pub(super) queue: VecDeque<u8>,
    /// Whether the user has closed.
    pub(super) closing: bool,
    pub(super) flight: Option<Flight>,
    pub(super) rto: Rto,
    pub(super) ack_due: Option<AckWhy>,
    pub(super) reply: Option<Sending>,
    /// When a window of zero is probed, or TIME-WAIT ends.
    pub(super) probe_at: Option<Timestamp>,
    pub(super) time_wait_ends: Option<Timestamp>,
    pub(super) received: Vec<u8>,
    pub(super) received_count: u64,
    pub(super) ended: Option<Ended>,
}

impl Endpoint {
    /// In state CLOSED.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            state: TcpState::Closed,
            snd_una: config.iss,
            snd_nxt: config.iss,
            snd_wnd: 0,
            max_snd_wnd: 0,
            snd_wl1: Seq(0),
            snd_wl2: Seq(0),
            mss: config.mss_unsaid,
            irs: Seq(0),
            rcv_nxt: Seq(0),
            rcv_wnd: config.window,
            passive: false,
            queue: VecDeque::new(),
            closing: false,
            flight: None,
            rto: Rto::new(),
            ack_due: None,
            reply: None,
            probe_at: None,
            time_wait_ends: None,
            received: Vec::new(),
            received_count: 0,
            ended: None,
        }
    }

    /// OPEN, actively (RFC 9293 section 3.10.1): a SYN is to be sent.
    pub fn open(&mut self) {
        if self.state == TcpState::Closed && self.ended.is_none() {
            self.state = TcpState::SynSent;
        }
    }

    /// OPEN, passively: waits for a SYN.
    pub fn listen(&mut self) {
        if self.state == TcpState::Closed && self.ended.is_none() {
            self.state = TcpState::Listen;
            self.passive = true;
        }
    }

    /// SEND (section 3.10.2). Gives how many bytes it has taken.
    pub fn send(&mut self, data: &[u8]) -> usize {
        let room = MOST_QUEUED.saturating_sub(self.queue.len());
        let take = if self.closing {
            0
        } else {
            room.min(data.len())
        };
        self.queue.extend(data.iter().take(take));
        take
    }

    /// CLOSE (section 3.10.4): a FIN follows the last byte.
    pub const fn close(&mut self) {
        self.closing = true;
    }

    /// ABORT (section 3.10.5): an RST, if the other side knows of a connection.
    pub fn abort(&mut self) {
        let knows = !matches!(
            self.state,
            TcpState::Closed | TcpState::Listen | TcpState::SynSent | TcpState::TimeWait
        );
        let was = self.state;
        self.end(Ended::Aborted);
        if knows {
            let segment = Segment {
                flags: Flags::RST,
                seq: self.snd_nxt,
                ..Segment::default()
            };
            self.reply = Some(Sending {
                reasons: why::abort(self.snd_nxt),
                segment,
                again: 0,
                states: [was, TcpState::Closed],
                only_acknowledges: false,
            });
        }
    }

    /// Offers another window from now on, and says so.
    pub fn set_window(&mut self, window: u16) {
        self.rcv_wnd = window;
        self.ack_due = Some(AckWhy::Window);
    }

    /// Has it acknowledge what came, though nothing asks for that now.
    pub(super) const fn acknowledge(&mut self) {
        self.ack_due = Some(AckWhy::Syn);
    }

    /// Its state.
    pub const fn state(&self) -> TcpState {
        self.state
    }

    /// Why it is CLOSED, once it is so again.
    pub const fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Bytes that came, in order; the first MiB of them.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// How many bytes came.
    pub const fn received_count(&self) -> u64 {
        self.received_count
    }

    /// Whether all that was sent is acknowledged.
    pub fn all_acknowledged(&self) -> bool {
        self.queue.is_empty() && self.flight.is_none()
    }

    /// Its variables.
    pub fn variables(&self) -> Variables {
        // Their SYN has set them apart.
        let heard = self.irs != self.rcv_nxt;
        Variables {
            snd_una: self.snd_una,
            snd_nxt: self.snd_nxt,
            snd_wnd: self.snd_wnd,
            rcv_nxt: heard.then_some(self.rcv_nxt),
            rcv_wnd: self.rcv_wnd.into(),
        }
    }

    /// When [`Endpoint::poll_transmit`] may have something that it has not now.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let resend = self.flight.map(|flight| flight.due);
        [resend, self.probe_at, self.time_wait_ends]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next segment to send, if there is one now.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Sending> {
        if let Some(reply) = self.reply.take() {
            return Some(reply);
        }
        if self.time_wait_ends.is_some_and(|ends| ends <= now) {
            self.end(Ended::Closed);
            return None;
        }
        if let Some(flight) = self.flight {
            if flight.due <= now {
                return self.resend(flight, now);
            }
        } else if let Some(sending) = self.something_new(now) {
            return Some(sending);
        }
        let why = self.ack_due.take()?;
        Some(self.pure_ack(why))
    }

    fn something_new(&mut self, now: Timestamp) -> Option<Sending> {
        match self.state {
            TcpState::SynSent => return Some(self.launch(Flags::SYN, 0, now)),
            TcpState::SynReceived if self.snd_nxt == self.config.iss => {
                return Some(self.launch(Flags::SYN | Flags::ACK, 0, now));
            }
            TcpState::Established | TcpState::CloseWait => {}
            _ => return None,
        }
        if self.queue.is_empty() {
            self.probe_at = None;
            return self
                .closing
                .then(|| self.launch(Flags::FIN | Flags::ACK, 0, now));
        }
        let fits = self
            .queue
            .len()
            .min(self.snd_wnd as usize)
            .min(self.mss.max(1).into());
        if fits > 0 {
            self.probe_at = None;
            return Some(self.launch(Flags::PSH | Flags::ACK, fits, now));
        }
        // A window of zero: ask now and then, with a byte that may be refused (section 3.8.6.1).
        let at = *self.probe_at.get_or_insert(after(now, self.rto.timeout()));
        if at > now {
            return None;
        }
        self.probe_at = None;
        Some(self.launch(Flags::PSH | Flags::ACK, 1, now))
    }

    /// Sends something that takes sequence numbers, for the first time.
    fn launch(&mut self, flags: Flags, bytes: usize, now: Timestamp) -> Sending {
        let was = self.state;
        let flight = Flight {
            flags,
            seq: self.snd_nxt,
            bytes,
            sent: now,
            again: 0,
            due: after(now, self.rto.timeout()),
        };
        if flags.fin() {
            self.state = match was {
                TcpState::CloseWait => TcpState::LastAck,
                _ => TcpState::FinWait1,
            };
        }
        let segment = self.segment(&flight);
        self.snd_nxt = segment.end();
        self.flight = Some(flight);
        self.with_reasons(segment, 0, was)
    }

    /// The timer has run out (RFC 6298 sections 5.4 to 5.7).
    fn resend(&mut self, flight: Flight, now: Timestamp) -> Option<Sending> {
        if flight.again >= MOST_REPEATS {
            self.end(Ended::GaveUp);
            return None;
        }
        let waited = self.rto.timeout();
        self.rto.back_off();
        let flight = Flight {
            again: flight.again + 1,
            due: after(now, self.rto.timeout()),
            ..flight
        };
        self.flight = Some(flight);
        let segment = self.segment(&flight);
        let mut sending = self.with_reasons(segment, flight.again, self.state);
        let next = self.rto.timeout();
        let reason = why::repeated(waited, next, self.rto.srtt(), self.rto.doubled());
        sending.reasons.insert(0, reason);
        Some(sending)
    }

    /// The segment of a flight, with the ACK and window of now.
    fn segment(&self, flight: &Flight) -> Segment {
        let acks = flight.flags.ack();
        Segment {
            flags: flight.flags,
            seq: flight.seq,
            ack: if acks { self.rcv_nxt } else { Seq(0) },
            window: self.rcv_wnd,
            mss: flight.flags.syn().then_some(self.config.mss),
            data: self.queue.iter().take(flight.bytes).copied().collect(),
        }
    }

    fn with_reasons(&mut self, segment: Segment, again: u32, was: TcpState) -> Sending {
        if segment.flags.ack() {
            self.ack_due = None;
        }
        // The SYN is what leads out of CLOSED; the user's OPEN only announced it.
        let was = match (was, segment.flags.syn(), again) {
            (TcpState::SynSent, true, 0) => TcpState::Closed,
            _ => was,
        };
        Sending {
            reasons: why::numbers(self, &segment),
            segment,
            again,
            states: [was, self.state],
            only_acknowledges: false,
        }
    }

    fn pure_ack(&self, why: AckWhy) -> Sending {
        let segment = self.ack_segment();
        let mut reasons = why::numbers(self, &segment);
        reasons.insert(0, why::ack(why));
        Sending {
            segment,
            reasons,
            again: 0,
            states: [self.state; 2],
            only_acknowledges: true,
        }
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
    pub(super) fn ack_segment(&self) -> Segment {
        Segment {
            flags: Flags::ACK,
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            window: self.rcv_wnd,
            ..Segment::default()
        }
    }

    /// Back to CLOSED.
    pub(super) fn end(&mut self, why: Ended) {
        self.state = TcpState::Closed;
        self.ended.get_or_insert(why);
        self.flight = None;
        self.ack_due = None;
        self.probe_at = None;
        self.time_wait_ends = None;
        self.queue.clear();
    }
}

/// The moment `by` after `time`.
pub(super) fn after(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(by))
}
