//! A person at an endpoint: does what the plan says, one step after another, and tells what happens.
//! The steps themselves are in `acts`.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::demand::Demand;
use super::endpoint::{Config, Endpoint, Sending};
use super::link::{Heard, Link};
use super::script::{Act, Plan};
use super::segment::{Came, Segment};
use super::why::reason;
use crate::event::{
    HandmadeEnd, HandmadeEvent, HandmadeSegment, Judgement, LinkNews, Reason, Remark, TcpState,
};
use crate::frame::Timestamp;
use crate::wire::tcp::{TcpOption, TcpOptions};

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What is wrong with it on purpose.
    pub mistake: Option<String>,
}

/// The bit of the checksum that is flipped where it has to be wrong.
const DAMAGE: u16 = 0x0100;

/// An answer that is awaited.
#[derive(Debug)]
pub(super) struct Awaiting {
    pub(super) demand: Demand,
    pub(super) until: Timestamp,
}

/// A connection by hand, from its first frame to its last.
#[derive(Debug)]
pub struct Session {
    pub(super) plan: Plan,
    pub(super) link: Link,
    pub(super) end: Endpoint,
    pub(super) acts: VecDeque<Act>,
    /// When the first of these was begun.
    pub(super) begun: Option<Timestamp>,
    /// Whether it has sent its wrong segment.
    pub(super) forged: bool,
    /// ACKs are made and not sent.
    pub(super) holding: bool,
    pub(super) held: u32,
    /// The next data go with a wrong checksum.
    pub(super) spoil: bool,
    pub(super) awaiting: Option<Awaiting>,
    /// When SYN-ACKs came, and window probes.
    pub(super) syn_acks: Vec<Timestamp>,
    pub(super) probes: Vec<Timestamp>,
    /// The last segment that came, and when.
    pub(super) last: Option<(Timestamp, Segment)>,
    /// What came with the SYN-ACK.
    pub(super) their_options: TcpOptions,
    /// What the far kernel's socket is, and whether it was ever in FIN-WAIT-2.
    pub(super) kernel: Option<TcpState>,
    pub(super) seen_fin_wait: bool,
    out: VecDeque<Transmit>,
    events: VecDeque<HandmadeEvent>,
    frames: u64,
    started: Option<Timestamp>,
    told: HandmadeEnd,
    pub(super) over: bool,
}

impl Session {
    /// Ready to begin.
    pub fn new(plan: Plan, link: Link, config: Config) -> Self {
        Self {
            acts: plan.acts(),
            plan,
            link,
            end: Endpoint::new(config),
            begun: None,
            forged: false,
            holding: false,
            held: 0,
            spoil: false,
            awaiting: None,
            syn_acks: Vec::new(),
            probes: Vec::new(),
            last: None,
            their_options: TcpOptions::default(),
            kernel: None,
            seen_fin_wait: false,
            out: VecDeque::new(),
            events: VecDeque::new(),
            frames: 0,
            started: None,
            told: HandmadeEnd::default(),
            over: false,
        }
    }

    /// The endpoint.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.end
    }

    /// Our address and port.
    pub const fn own(&self) -> SocketAddr {
        self.link.own()
    }

    /// The other end's.
    pub const fn peer(&self) -> SocketAddr {
        self.link.peer()
    }

    /// How it ended; `None` while it has not, or still has something to send.
    pub fn ended(&self) -> Option<&HandmadeEnd> {
        (self.over && self.out.is_empty() && self.end.reply.is_none()).then_some(&self.told)
    }

    /// The far kernel's socket is in this state now.
    pub fn kernel(&mut self, state: TcpState) {
        self.kernel = Some(state);
        self.seen_fin_wait |= state == TcpState::FinWait2;
    }

    /// Ends it early: what has been said so far remains, and the other side is told by an RST.
    pub fn stop(&mut self, now: Timestamp, why: &str) {
        if !self.over {
            self.finish(now, why, false);
            self.end.abort();
        }
    }

    /// When [`Session::poll_transmit`] is to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.over {
            return None;
        }
        let endpoint = self.link.is_known().then(|| self.end.poll_timeout());
        let awaited = self.awaiting.as_ref().map(|it| it.until);
        [
            endpoint.flatten(),
            self.link.next(),
            awaited,
            self.act_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<HandmadeEvent> {
        self.events.pop_front()
    }

    /// The next frame to send now.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Transmit> {
        loop {
            self.advance(now);
            if let Some(transmit) = self.out.pop_front() {
                return Some(transmit);
            }
            if let Some(saying) = self.link.poll(now) {
                let frame = self.number(now);
                self.tell(HandmadeEvent::Link(LinkNews {
                    frame,
                    time: now,
                    sent: true,
                    text: saying.text,
                    why: saying.why,
                    rfc: saying.rfc,
                }));
                return Some(Transmit {
                    bytes: saying.bytes,
                    mistake: None,
                });
            }
            // Nobody answers, and that is the end.
            if self.link.is_silent() && !self.over {
                continue;
            }
            if !self.link.is_known() || self.over && self.end.reply.is_none() {
                return None;
            }
            let before = self.end.state();
            match self.end.poll_transmit(now) {
                Some(sending) if self.holding && sending.only_acknowledges => {
                    self.hold(now, &sending);
                }
                Some(sending) => self.send(now, sending),
                None if self.end.state() != before => self.silent_change(now, before),
                None => return None,
            }
        }
    }

    /// A frame has come.
    pub fn handle_frame(&mut self, now: Timestamp, frame: &[u8]) {
        let number = self.number(now);
        match self.link.hear(frame) {
            Heard::Other => {}
            Heard::Link(text) => self.tell(HandmadeEvent::Link(LinkNews {
                frame: number,
                time: now,
                sent: false,
                text,
                why: "",
                rfc: "",
            })),
            Heard::Taken(text) => {
                let text = format!("our address is not ours: {text}; choose another one");
                self.finish(now, &text, false);
            }
            Heard::Segment(segment) => self.came(now, number, segment.0),
        }
    }

    /// Numbers frames as a capture of them does.
    fn number(&mut self, now: Timestamp) -> u64 {
        self.started.get_or_insert(now);
        self.frames += 1;
        self.frames
    }

    pub(super) fn tell(&mut self, event: HandmadeEvent) {
        self.events.push_back(event);
    }

    pub(super) fn remark(&mut self, now: Timestamp, text: impl Into<String>, rfc: &'static str) {
        self.tell(HandmadeEvent::Remark(Remark {
            time: now,
            text: text.into(),
            rfc,
            states: None,
        }));
    }

    /// The state has changed by the clock alone.
    fn silent_change(&mut self, now: Timestamp, before: TcpState) {
        let state = self.end.state();
        let (text, rfc) = match before {
            TcpState::TimeWait => (
                "the wait is over; the connection is forgotten",
                "RFC 9293 3.6.1",
            ),
            _ => (
                "sent often enough without an answer: the connection is given up",
                "RFC 9293 3.8.3",
            ),
        };
        self.tell(HandmadeEvent::Remark(Remark {
            time: now,
            text: text.to_owned(),
            rfc,
            states: Some([before, state]),
        }));
    }

    fn hold(&mut self, now: Timestamp, sending: &Sending) {
        self.held += 1;
        let segment = &sending.segment;
        let text = if self.held == 1 {
            format!(
                "the ACK is ready (seq {}, ack {}) and is not sent",
                segment.seq, segment.ack
            )
        } else {
            "that would be acknowledged again; this too is not sent".to_owned()
        };
        self.remark(now, text, "");
    }

    /// Sends what the endpoint has made; spoils it, if that is asked for.
    fn send(&mut self, now: Timestamp, mut sending: Sending) {
        let spoilt = self.spoil && !sending.segment.data.is_empty();
        let mut mistake = None;
        if spoilt {
            self.spoil = false;
            sending.reasons.push(Reason {
                ok: false,
                ..reason(
                    "checksum",
                    "one bit of it is flipped: it fits neither these bytes nor these addresses",
                    "RFC 9293 3.1",
                )
            });
            mistake = Some("a wrong checksum".to_owned());
            self.await_silence(now);
        }
        let damage = if spoilt { DAMAGE } else { 0 };
        self.emit(now, sending, damage, mistake);
    }

    /// Puts a segment on the wire.
    pub(super) fn emit(
        &mut self,
        now: Timestamp,
        sending: Sending,
        damage: u16,
        mistake: Option<String>,
    ) {
        let Sending {
            segment,
            reasons,
            again,
            states,
            ..
        } = sending;
        let (own, peer) = (self.link.own(), self.link.peer());
        let bytes = self.link.carry(&segment.emit(own, peer, damage));
        let frame = self.number(now);
        self.told.sent += 1;
        let mut options = Vec::new();
        if let Some(mss) = segment.mss {
            TcpOption::Mss(mss).emit(&mut options);
        }
        self.tell(HandmadeEvent::Segment(Box::new(HandmadeSegment {
            frame,
            time: now,
            sent: true,
            flags: segment.flags,
            seq: segment.seq,
            ack: segment.flags.ack().then_some(segment.ack),
            window: segment.window,
            options: TcpOptions::read(&options),
            data: segment.data,
            again,
            mistake: mistake.clone(),
            states,
            reasons,
            variables: self.end.variables(),
        })));
        self.out.push_back(Transmit { bytes, mistake });
    }

    fn came(&mut self, now: Timestamp, frame: u64, came: Came) {
        self.told.received += 1;
        let Came {
            segment,
            options,
            checksum: (stands, should_be),
        } = came;
        let was = self.end.state();
        let mut reasons = Vec::new();
        if let Some(should_be) = should_be {
            reasons.push(Reason {
                ok: false,
                ..reason(
                    format!("checksum {stands:#06x}"),
                    format!("should be {should_be:#06x}: damaged on the way, so that nothing in it counts"),
                    "RFC 9293 3.1",
                )
            });
        } else {
            reasons.push(reason(
                format!("checksum {stands:#06x}"),
                "right: with it, pseudo-header, header and data sum to ffff",
                "RFC 9293 3.1",
            ));
            let unopened = was == TcpState::Closed && self.end.ended().is_none();
            if !unopened {
                self.note(now, &segment, options);
                reasons.extend(self.end.handle(now, &segment));
            }
        }
        let state = self.end.state();
        self.tell(HandmadeEvent::Segment(Box::new(HandmadeSegment {
            frame,
            time: now,
            sent: false,
            flags: segment.flags,
            seq: segment.seq,
            ack: segment.flags.ack().then_some(segment.ack),
            window: segment.window,
            options,
            data: segment.data.clone(),
            again: 0,
            mistake: None,
            states: [was, state],
            reasons,
            variables: self.end.variables(),
        })));
        if should_be.is_none() {
            self.last = Some((now, segment.clone()));
            self.answered(now, &segment);
        }
        if state == TcpState::TimeWait && was != state {
            let wait = self.end.config.time_wait;
            self.remark(
                now,
                format!(
                    "TIME-WAIT: should be 2 MSL, four minutes, so that our last ACK can be sent again and old \
                     segments die; here {:.1} s, for nobody else has this address",
                    wait.as_secs_f64()
                ),
                "RFC 9293 3.6.1",
            );
        }
    }

    /// Keeps what later steps are about.
    fn note(&mut self, now: Timestamp, segment: &Segment, options: TcpOptions) {
        let flags = segment.flags;
        if flags.syn() && flags.ack() {
            self.syn_acks.push(now);
            if self.syn_acks.len() == 1 {
                self.their_options = options;
            }
        }
        let variables = self.end.variables();
        let probes = variables.rcv_nxt.is_some_and(|next| {
            segment.is_empty() && segment.seq == next.minus(1)
                || !segment.data.is_empty() && segment.seq == next
        });
        if variables.rcv_wnd == 0 && probes && !flags.syn() {
            self.probes.push(now);
        }
        // Whatever comes, these don't grow without end.
        self.syn_acks.truncate(64);
        self.probes.truncate(64);
    }

    /// Something came: perhaps the answer to a mistake.
    fn answered(&mut self, now: Timestamp, segment: &Segment) {
        let is_old = segment.flags.syn();
        if let Some(awaiting) = self.awaiting.take_if(|_| !is_old) {
            self.judge(now, &awaiting.demand, Some(segment));
        }
    }

    /// Tells what was demanded, and what came.
    pub(super) fn judge(&mut self, now: Timestamp, demand: &Demand, came: Option<&Segment>) {
        let (answer, agrees) = demand.judge(came);
        self.judged(Judgement {
            time: now,
            did: demand.did.clone(),
            demand: demand.rule.clone(),
            rfc: demand.rfc,
            answer,
            agrees,
            remark: if agrees { demand.kept } else { demand.broken },
        });
    }

    pub(super) fn judged(&mut self, judgement: Judgement) {
        self.told.agreed[1] += 1;
        self.told.agreed[0] += u64::from(judgement.agrees);
        self.tell(HandmadeEvent::Judged(judgement));
    }

    /// It is over; whether it went well also depends on the judgements.
    pub(super) fn finish(&mut self, now: Timestamp, text: &str, ok: bool) {
        if self.over {
            return;
        }
        self.over = true;
        let [agreed, all] = self.told.agreed;
        self.told = HandmadeEnd {
            text: text.to_owned(),
            ok: ok && agreed == all,
            elapsed_ns: self.started.map_or(0, |started| now.nanos_since(started)),
            state: self.end.state(),
            kernel: self.kernel,
            ..self.told.clone()
        };
    }
}
