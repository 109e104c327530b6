//! What an endpoint makes of a segment that comes, in the order of RFC 9293 section 3.10.7: each check with
//! what was compared.

use super::endpoint::{AckWhy, Ended, Endpoint, MOST_KEPT, Sending, after};
use super::segment::Segment;
use super::why::reason;
use crate::event::{Reason, TcpState};
use crate::frame::Timestamp;
use crate::wire::seq::Seq;
use crate::wire::tcp::Flags;

const SYN_SENT: &str = "RFC 9293 3.10.7.3";
const SYNCHRONIZED: &str = "RFC 9293 3.10.7.4";

/// The checks of a segment so far; `Err` ends its processing.
type Step = Result<(), ()>;

impl Endpoint {
    /// A segment has come whose checksum is right. Gives what was checked about it.
    pub fn handle(&mut self, now: Timestamp, segment: &Segment) -> Vec<Reason> {
        let mut checks = Checks(Vec::new());
        let _ = match self.state {
            TcpState::Closed => {
                checks.note(
                    "no connection",
                    "there is none any more",
                    "RFC 9293 3.10.7.1",
                );
                self.unknown(segment);
                Ok(())
            }
            TcpState::Listen => self.in_listen(segment, &mut checks),
            TcpState::SynSent => self.in_syn_sent(now, segment, &mut checks),
            _ => self.synchronized(now, segment, &mut checks),
        };
        checks.0
    }

    /// A segment of no connection is answered by an RST with the number that its sender expects.
    fn unknown(&mut self, segment: &Segment) {
        if segment.flags.rst() {
            return;
        }
        let reset = if segment.flags.ack() {
            Segment {
                flags: Flags::RST,
                seq: segment.ack,
                ..Segment::default()
            }
        } else {
            Segment {
                flags: Flags::RST | Flags::ACK,
                ack: segment.end(),
                ..Segment::default()
            }
        };
        self.reset(reset);
    }

    fn reset(&mut self, segment: Segment) {
        let seq = segment.seq;
        let what = format!("seq {seq}");
        let why =
            "the number that the segment it answers acknowledged, so that its sender believes it";
        self.reply = Some(Sending {
            segment,
            reasons: vec![reason(what, why, "RFC 9293 3.5.2")],
            again: 0,
            states: [self.state; 2],
            only_acknowledges: false,
        });
    }

    fn in_listen(&mut self, segment: &Segment, checks: &mut Checks) -> Step {
        let rfc = "RFC 9293 3.10.7.2";
        checks.must(!segment.flags.rst(), "no RST", "nothing to reset", rfc)?;
        if segment.flags.ack() {
            self.unknown(segment);
        }
        checks.must(!segment.flags.ack(), "no ACK", "nothing was sent yet", rfc)?;
        checks.must(
            segment.flags.syn(),
            "SYN",
            "a connection begins with one",
            rfc,
        )?;
        self.synchronize(segment);
        self.state = TcpState::SynReceived;
        Ok(())
    }

    /// Takes over what a SYN says.
    fn synchronize(&mut self, segment: &Segment) {
        self.irs = segment.seq;
        self.rcv_nxt = segment.seq.plus(1);
        self.mss = segment.mss.unwrap_or(self.config.mss_unsaid);
        self.take_window(segment);
    }

    fn take_window(&mut self, segment: &Segment) {
        self.snd_wnd = segment.window.into();
        self.max_snd_wnd = self.max_snd_wnd.max(self.snd_wnd);
        self.snd_wl1 = segment.seq;
        self.snd_wl2 = segment.ack;
    }

    fn in_syn_sent(&mut self, now: Timestamp, segment: &Segment, checks: &mut Checks) -> Step {
        let flags = segment.flags;
        let ack = segment.ack;
        if flags.ack() {
            let fits = ack.after(self.config.iss) && ack.at_or_before(self.snd_nxt);
            let why = if fits {
                "our ISS + 1: it answers this SYN of ours, not one of another time"
            } else {
                "not our ISS + 1: it answers some other SYN"
            };
            if !fits {
                self.unknown(segment);
            }
            checks.must(fits, format!("ack {ack}"), why, SYN_SENT)?;
        }
        if flags.rst() {
            let why = "with an ACK of our SYN: nobody wants this connection";
            checks.must(flags.ack(), "RST", why, SYN_SENT)?;
            if segment.seq == Seq(0) {
                let why = "who has no connection has no numbers: the one it could tell is in ack";
                checks.note("seq 0", why, "RFC 9293 3.10.7.1");
            }
            self.end(Ended::Refused);
            return Ok(());
        }
        checks.must(
            flags.syn(),
            "SYN",
            "it tells where their numbers begin",
            SYN_SENT,
        )?;
        self.synchronize(segment);
        let why =
            "their initial sequence number, IRS; RCV.NXT becomes one more, for their SYN takes it";
        checks.note(format!("seq {}", segment.seq), why, SYN_SENT);
        let why = "bytes from the ack number on that they take, SND.WND: in a SYN never scaled";
        checks.note(format!("win {}", segment.window), why, "RFC 9293 3.8.6");
        self.note_mss(segment, checks);
        if flags.ack() {
            self.acknowledged(now, segment);
            self.state = TcpState::Established;
            self.ack_due = Some(AckWhy::Syn);
        } else {
            let why = "they did not answer our SYN, they sent one of their own at the same time";
            checks.note("no ACK", why, "RFC 9293 3.5");
            self.state = TcpState::SynReceived;
            self.flight = None;
            self.snd_nxt = self.config.iss;
        }
        Ok(())
    }

    fn note_mss(&self, segment: &Segment, checks: &mut Checks) {
        match segment.mss {
            Some(mss) => checks.note(
                format!("mss {mss}"),
                "the most data that they take in a segment",
                "RFC 9293 3.7.1",
            ),
            None => checks.note(
                "no mss",
                format!("then it counts as {}", self.config.mss_unsaid),
                "RFC 9293 3.7.1",
            ),
        }
    }

    fn synchronized(&mut self, now: Timestamp, segment: &Segment, checks: &mut Checks) -> Step {
        self.check_seq(now, segment, checks)?;
        self.check_rst(segment, checks)?;
        if segment.flags.syn() {
            self.ack_due = Some(AckWhy::Unacceptable);
            let why = "there has been one already: an ACK asks whether they mean it";
            checks.must(false, "SYN", why, SYNCHRONIZED)?;
        }
        let why = "every segment after the first has it; this one is dropped";
        if !segment.flags.ack() {
            checks.must(false, "ACK", why, SYNCHRONIZED)?;
        }
        self.check_ack(now, segment, checks)?;
        self.take_data(segment, checks);
        self.take_fin(now, segment, checks);
        Ok(())
    }

    /// First: whether its numbers are in the window.
    fn check_seq(&mut self, now: Timestamp, segment: &Segment, checks: &mut Checks) -> Step {
        let (seq, next) = (segment.seq, self.rcv_nxt);
        let window = u32::from(self.rcv_wnd);
        let inside = |number: Seq| number.offset_from(next) < window;
        let what = format!("seq {seq}");
        let ok = if segment.is_empty() {
            seq == next || inside(seq)
        } else {
            // With a window of zero nothing is acceptable, but its ACK still counts.
            seq == next || window > 0 && (inside(seq) || inside(segment.end().minus(1)))
        };
        if ok {
            let why = if seq == next {
                "RCV.NXT: exactly what we expect next".to_owned()
            } else {
                format!("within our window, which begins at RCV.NXT {next}")
            };
            checks.note(what, why, SYNCHRONIZED);
            return Ok(());
        }
        if !segment.flags.rst() {
            self.ack_due = Some(AckWhy::Unacceptable);
        }
        // Their FIN again: our ACK of it was lost, so the wait begins anew.
        if self.state == TcpState::TimeWait && segment.flags.fin() {
            self.begin_time_wait(now);
        }
        let offset = seq.from(next);
        let why = match offset {
            _ if segment.flags.rst() => {
                "outside our window: whoever made it does not know our numbers, so that it is ignored".to_owned()
            }
            -1 if segment.is_empty() => {
                "one before RCV.NXT, without data: a probe that wants an ACK and nothing else".to_owned()
            }
            ..0 => format!("{} before RCV.NXT {next}: old, or sent again", -i64::from(offset)),
            _ => format!("beyond our window, which is {window} bytes from RCV.NXT {next} on"),
        };
        checks.must(false, what, why, SYNCHRONIZED)
    }

    /// Second: RST.
    fn check_rst(&mut self, segment: &Segment, checks: &mut Checks) -> Step {
        if !segment.flags.rst() {
            return Ok(());
        }
        if segment.seq != self.rcv_nxt {
            self.ack_due = Some(AckWhy::Unacceptable);
            let why = "in the window, and yet not RCV.NXT: it may be a stranger's guess, so we ask by an ACK";
            return checks.must(false, "RST", why, SYNCHRONIZED);
        }
        checks.note("RST", "with exactly RCV.NXT: they mean it", SYNCHRONIZED);
        if self.state == TcpState::SynReceived && self.passive {
            self.flight = None;
            self.snd_nxt = self.config.iss;
            self.snd_una = self.config.iss;
            self.state = TcpState::Listen;
        } else if self.state == TcpState::TimeWait {
            // Both had closed; only the wait is cut short (RFC 1337 tells of the hazards).
            self.end(Ended::Closed);
        } else {
            self.end(Ended::Reset);
        }
        Err(())
    }

    /// Fifth: what it acknowledges.
    fn check_ack(&mut self, now: Timestamp, segment: &Segment, checks: &mut Checks) -> Step {
        let ack = segment.ack;
        let what = format!("ack {ack}");
        let (una, nxt) = (self.snd_una, self.snd_nxt);
        if self.state == TcpState::SynReceived {
            let fits = ack.after(una) && ack.at_or_before(nxt);
            if !fits {
                self.unknown(segment);
            }
            let why = if fits {
                "acknowledges our SYN"
            } else {
                "not of our SYN: answered by an RST"
            };
            checks.must(fits, &*what, why, SYNCHRONIZED)?;
            self.state = TcpState::Established;
        }
        let oldest = una.minus(self.max_snd_wnd);
        if ack.after(nxt) || ack.before(oldest) {
            self.ack_due = Some(AckWhy::Unacceptable);
            let why = if ack.after(nxt) {
                format!("beyond SND.NXT {nxt}: acknowledges what we have not sent")
            } else {
                format!("too old: {} before SND.UNA {una}", una.offset_from(ack))
            };
            return checks.must(false, what, why, SYNCHRONIZED);
        }
        let news = ack.offset_from(una);
        let why = if ack == nxt && ack == una {
            "SND.UNA, and SND.NXT: nothing of ours is outstanding".to_owned()
        } else if ack == nxt {
            format!("SND.NXT: all we sent has arrived; {news} acknowledged by this")
        } else if ack.after(una) {
            format!("within SND.UNA {una} and SND.NXT {nxt}: {news} acknowledged by this")
        } else {
            format!("nothing new: {} are outstanding", nxt.offset_from(una))
        };
        checks.note(what, why, SYNCHRONIZED);
        self.update_window(segment, checks);
        if ack.after(una) {
            let was = self.state;
            self.acknowledged(now, segment);
            if was != self.state {
                let why = format!("our FIN is acknowledged: {was} becomes {}", self.state);
                checks.note("FIN", why, "RFC 9293 3.10.7.4");
            }
        }
        // Who refuses a probe is there: it is asked again, however often.
        if self.snd_wnd == 0
            && let Some(flight) = &mut self.flight
        {
            flight.again = flight.again.min(1);
        }
        Ok(())
    }

    /// The window of an older segment must not replace that of a newer one.
    fn update_window(&mut self, segment: &Segment, checks: &mut Checks) {
        let newer = self.snd_wl1.before(segment.seq)
            || self.snd_wl1 == segment.seq && self.snd_wl2.at_or_before(segment.ack);
        if !newer || segment.ack.before(self.snd_una) {
            return;
        }
        let was = self.snd_wnd;
        self.take_window(segment);
        if was == self.snd_wnd {
            return;
        }
        let why = format!("the window they offer, {was} until now");
        checks.note(format!("win {}", segment.window), why, "RFC 9293 3.8.6");
        // A probe that was refused goes again at once, with more behind it.
        if was == 0
            && let Some(flight) = self.flight.take_if(|it| it.bytes > 0)
        {
            self.snd_nxt = flight.seq;
            if segment.ack.after(flight.seq) {
                self.flight = Some(flight);
                self.snd_nxt = flight.seq.plus(flight.bytes as u32);
            }
            self.rto.acknowledged();
        }
        self.probe_at = None;
    }

    /// Something new of ours is acknowledged: with one segment on its way, all of that or part of it.
    fn acknowledged(&mut self, now: Timestamp, segment: &Segment) {
        self.snd_una = segment.ack;
        let Some(flight) = self.flight.take() else {
            return;
        };
        if flight.again == 0 {
            self.rto.measure(now.since(flight.sent));
        }
        self.rto.acknowledged();
        if flight.flags.syn() && flight.again > 0 {
            self.rto.syn_was_repeated();
        }
        let start = flight.seq.plus(u32::from(flight.flags.syn()));
        let bytes = (segment.ack.offset_from(start) as usize).min(flight.bytes);
        self.queue.drain(..bytes.min(self.queue.len()));
        if self.snd_una != self.snd_nxt {
            // Part of it: the rest goes again as what comes next.
            self.snd_nxt = self.snd_una;
        }
        if !flight.flags.fin() {
            return;
        }
        self.state = match self.state {
            TcpState::FinWait1 => TcpState::FinWait2,
            TcpState::Closing => {
                self.begin_time_wait(now);
                TcpState::TimeWait
            }
            TcpState::LastAck => {
                self.end(Ended::Closed);
                TcpState::Closed
            }
            state => state,
        };
    }

    /// Seventh: its data, as far as they are in order and in the window.
    fn take_data(&mut self, segment: &Segment, checks: &mut Checks) {
        let takes = matches!(
            self.state,
            TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2
        );
        if segment.data.is_empty() || !takes {
            return;
        }
        let behind = self.rcv_nxt.from(segment.seq);
        let len = segment.data.len();
        let what = format!("{len} bytes");
        let new = usize::try_from(behind)
            .ok()
            .and_then(|old| segment.data.get(old..));
        let Some(new) = new else {
            self.ack_due = Some(AckWhy::Unacceptable);
            let why =
                "something before them is missing: they are not kept, they will be sent again";
            checks.0.push(Reason {
                ok: false,
                ..reason(what, why, SYNCHRONIZED)
            });
            return;
        };
        let new = new.get(..new.len().min(self.rcv_wnd.into())).unwrap_or(new);
        if new.is_empty() {
            self.ack_due = Some(AckWhy::Unacceptable);
            let why = "more than our window of 0 takes: refused";
            checks.0.push(Reason {
                ok: false,
                ..reason(what, why, "RFC 9293 3.8.6.1")
            });
            return;
        }
        self.rcv_nxt = self.rcv_nxt.plus(new.len() as u32);
        self.received_count += new.len() as u64;
        let room = MOST_KEPT.saturating_sub(self.received.len());
        self.received.extend(new.iter().take(room));
        self.ack_due = Some(AckWhy::Data);
        let why = if new.len() == len {
            format!(
                "all of them next in order: RCV.NXT becomes {}",
                self.rcv_nxt
            )
        } else {
            format!(
                "{} of them new and in the window: RCV.NXT becomes {}",
                new.len(),
                self.rcv_nxt
            )
        };
        checks.note(what, why, SYNCHRONIZED);
    }

    /// Eighth: its FIN, once all before it has come.
    fn take_fin(&mut self, now: Timestamp, segment: &Segment, checks: &mut Checks) {
        let is_next = segment.end().minus(1) == self.rcv_nxt;
        let refused = self.rcv_wnd == 0 && !segment.data.is_empty();
        if !segment.flags.fin() || !is_next || refused || self.ended.is_some() {
            return;
        }
        let next = match self.state {
            TcpState::SynReceived | TcpState::Established => TcpState::CloseWait,
            TcpState::FinWait1 => TcpState::Closing,
            TcpState::FinWait2 => TcpState::TimeWait,
            _ => return,
        };
        self.rcv_nxt = self.rcv_nxt.plus(1);
        self.ack_due = Some(AckWhy::Fin);
        self.state = next;
        if next == TcpState::TimeWait {
            self.begin_time_wait(now);
        }
        let why = format!(
            "they will send no more; it takes one number, so that RCV.NXT becomes {}",
            self.rcv_nxt
        );
        checks.note("FIN", why, "RFC 9293 3.6");
    }

    fn begin_time_wait(&mut self, now: Timestamp) {
        self.time_wait_ends = Some(after(now, self.config.time_wait));
    }
}

/// What was checked.
struct Checks(Vec<Reason>);

impl Checks {
    /// Something that is as it should be.
    fn note(&mut self, what: impl Into<String>, why: impl Into<String>, rfc: &'static str) {
        self.0.push(reason(what, why, rfc));
    }

    /// Something without which the segment is dropped.
    fn must(
        &mut self,
        ok: bool,
        what: impl Into<String>,
        why: impl Into<String>,
        rfc: &'static str,
    ) -> Step {
        self.0.push(Reason {
            ok,
            ..reason(what, why, rfc)
        });
        if ok { Ok(()) } else { Err(()) }
    }
}
