//! The steps of a session: when each is done, and what is judged at its end.

use std::time::Duration;

use super::demand::{Answer, Demand, Forgery, words};
use super::endpoint::{Ended, Sending, after};
use super::script::{Act, Mistake, PROBES, REPEATS, WINDOW};
use super::session::{Awaiting, Session};
use super::why::reason;
use crate::event::{Judgement, Reason, TcpState};
use crate::frame::Timestamp;
use crate::wire::tcp::Flags;

/// How long an answer to a wrong segment may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// Linux answers one wrong ACK in half a second, unless it is told otherwise (RFC 5961 section 7 allows that).
const LIMIT: Duration = Duration::from_millis(600);
/// How long an answer of unknown length may make pauses, and may let us wait for its beginning.
const PAUSE: Duration = Duration::from_secs(1);
const BEGINNING: Duration = Duration::from_secs(3);
/// How long we wait for a far end to forget us that nobody watches, and one that is watched.
const FORGET_BLINDLY: Duration = Duration::from_secs(5);
const FORGET: Duration = Duration::from_secs(70);

impl Session {
    /// Does what can be done now.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while !self.over {
            self.give_up_waiting(now);
            if self.has_ended(now) {
                return;
            }
            let Some(act) = self.acts.front().cloned() else {
                return self.finish(now, "done", true);
            };
            let begun = *self.begun.get_or_insert(now);
            if !self.act(&act, begun, now) {
                return;
            }
            if self.over {
                return;
            }
            self.acts.pop_front();
            self.begun = None;
            self.forged = false;
        }
    }

    /// What was to come has not.
    fn give_up_waiting(&mut self, now: Timestamp) {
        if let Some(awaiting) = self.awaiting.take_if(|it| it.until <= now) {
            self.judge(now, &awaiting.demand, None);
        }
    }

    /// Whether the connection is no more, or can't be had, whatever step we are at.
    fn has_ended(&mut self, now: Timestamp) -> bool {
        let peer = self.link.peer().ip();
        if self.link.is_silent() {
            let text = format!("nobody answers for {peer}: no such host on this link");
            self.finish(now, &text, false);
            return true;
        }
        let Some(ended) = self.end.ended() else {
            return false;
        };
        let (text, ok) = match ended {
            Ended::Closed => ("closed by both sides", true),
            Ended::Refused => {
                let last = self.last.clone();
                let rule = "a SYN to a port that nobody listens on is answered by an RST: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>";
                let ack = self.end.config.iss.plus(1);
                let did = "sent a SYN to a closed port";
                let demand = Demand::new(did, Answer::Refusal { ack }, rule, "RFC 9293 3.10.7.1");
                self.judge(now, &demand, last.as_ref().map(|(_, segment)| segment));
                ("refused: nobody listens on that port", false)
            }
            // That was the question.
            Ended::Reset if self.acts.front() == Some(&Act::AwaitClosed) && self.forgot_fin() => {
                ("the other side had forgotten the connection", true)
            }
            Ended::Reset => ("the other side has reset the connection", false),
            Ended::GaveUp => ("given up: nobody answers", false),
            Ended::Aborted => ("aborted", false),
        };
        self.finish(now, text, ok);
        true
    }

    fn forgot_fin(&self) -> bool {
        self.plan.mistake == Some(Mistake::ForgetFin)
    }

    /// When the step has to be looked at again, though nothing happens.
    pub(super) fn act_deadline(&self) -> Option<Timestamp> {
        let begun = self.begun?;
        let wait = match self.acts.front()? {
            Act::AwaitReply if self.plan.reply.is_none() => {
                let last = self.last.as_ref().map(|(time, _)| after(*time, PAUSE));
                let beginning = after(begun, BEGINNING);
                return Some(if self.end.received_count() > 0 {
                    last.map_or(beginning, |last| last.max(begun))
                } else {
                    beginning
                });
            }
            Act::AwaitForgotten => self.forget_after(),
            Act::Pause => LIMIT,
            _ => return None,
        };
        Some(after(begun, wait))
    }

    const fn forget_after(&self) -> Duration {
        if self.plan.watched {
            FORGET
        } else {
            FORGET_BLINDLY
        }
    }

    /// Does a step, or goes on with it; gives whether it is done.
    fn act(&mut self, act: &Act, begun: Timestamp, now: Timestamp) -> bool {
        match act {
            Act::Resolve => {
                if self.link.next().is_none() && !self.link.is_known() {
                    self.link.begin(self.plan.claim);
                }
                self.link.is_known()
            }
            Act::Open(hold) => {
                self.holding = *hold;
                self.end.open();
                true
            }
            Act::AwaitOpen => self.is_open(now),
            Act::AwaitRepeats => self.repeats(now),
            Act::Release => {
                self.holding = false;
                // Whoever forgot it needs no ACK of its own if data follow.
                if self.plan.mistake != Some(Mistake::ForgetAck) || self.plan.data.is_empty() {
                    self.end.acknowledge();
                }
                true
            }
            Act::Forge(forgery) => self.forge(*forgery, now),
            Act::Pause => now.since(begun) >= LIMIT,
            Act::Spoil => {
                self.spoil = true;
                true
            }
            // What is to be acknowledged is, by a segment of its own: each step is one thing.
            Act::Send | Act::Close if self.end.ack_due.is_some() => false,
            Act::Send => {
                let data = self.plan.data.clone();
                self.end.send(&data);
                true
            }
            Act::AwaitAcknowledged => self.end.all_acknowledged() && self.awaiting.is_none(),
            Act::AwaitReply => self.has_reply(now),
            Act::AwaitProbes => self.probes(begun, now),
            Act::OpenWindow => {
                self.end.set_window(WINDOW);
                true
            }
            Act::AwaitFin => self.end.state() == TcpState::CloseWait,
            Act::AwaitForgotten => self.is_forgotten(begun, now),
            Act::CloseLate => {
                self.close_late(now);
                true
            }
            Act::Close => {
                self.end.close();
                true
            }
            Act::AwaitClosed => false,
        }
    }

    /// Whether the SYN is answered; then that answer is judged.
    fn is_open(&mut self, now: Timestamp) -> bool {
        if matches!(self.end.state(), TcpState::Closed | TcpState::SynSent) {
            return false;
        }
        let Some((_, segment)) = self.last.clone() else {
            return true;
        };
        let options = self.their_options;
        let unasked = [
            options.wscale.map(|_| "window scale"),
            options.sack_permitted.then_some("SACK permitted"),
            options.ts.map(|_| "timestamps"),
        ];
        let unasked: Vec<&str> = unasked.into_iter().flatten().collect();
        let fits = segment.ack == self.end.config.iss.plus(1);
        let offered = if unasked.is_empty() {
            "nothing that we did not offer".to_owned()
        } else {
            format!("unasked: {}", unasked.join(", "))
        };
        self.judged(Judgement {
            time: now,
            did: "sent a SYN".to_owned(),
            demand: "SYN and ACK with ack = our ISS + 1; options only where the SYN offered them"
                .to_owned(),
            rfc: "RFC 9293 3.10.7.2, RFC 7323 2.2",
            answer: format!("{}; {offered}", words(&segment)),
            agrees: fits && segment.flags == Flags::SYN | Flags::ACK && unasked.is_empty(),
            remark: None,
        });
        true
    }

    /// Whether the SYN-ACK has come often enough.
    fn repeats(&mut self, now: Timestamp) -> bool {
        if self.syn_acks.len() <= REPEATS {
            return false;
        }
        let gaps = gaps(&self.syn_acks);
        // A busy machine tells late of what came; what is doubled is seen all the same.
        let first = gaps.first().is_some_and(|gap| *gap > 0.8);
        let agrees = first && grows(&gaps, 1.5);
        self.judged(Judgement {
            time: now,
            did: "did not acknowledge their SYN".to_owned(),
            demand: "it is repeated when the timeout runs out, a second at first, and that is doubled each time".to_owned(),
            rfc: "RFC 9293 3.8.1, RFC 6298 2.1 and 5.5",
            answer: format!("SYN-ACK again after {}", seconds(&gaps)),
            agrees,
            remark: Some(
                "half-open: we could send, they wait in SYN-RECEIVED. No third segment of its own is needed: the \
                 ACK of our first data completes the handshake as well",
            ),
        });
        true
    }

    /// Sends a wrong segment; done when its answer has come, or none.
    fn forge(&mut self, forgery: Forgery, now: Timestamp) -> bool {
        if self.forged {
            return self.awaiting.is_none();
        }
        // What is still to be said comes first: a right ACK after the wrong one would blur the answer.
        let busy = self.end.ack_due.is_some() || !self.end.all_acknowledged();
        if busy && !self.holding {
            return false;
        }
        self.forged = true;
        let wrong = forgery.make(&self.end);
        let state = self.end.state();
        let wrong_reason = Reason {
            ok: false,
            ..reason(&*wrong.what, wrong.why, "RFC 9293 3.4")
        };
        let mistake = format!(
            "a wrong {}",
            wrong.what.split(' ').next().unwrap_or("number")
        );
        self.awaiting = Some(Awaiting {
            demand: wrong.demand,
            until: after(now, PATIENCE),
        });
        let sending = Sending {
            segment: wrong.segment,
            reasons: vec![wrong_reason],
            again: 0,
            states: [state; 2],
            only_acknowledges: false,
        };
        self.emit(now, sending, 0, Some(mistake));
        false
    }

    /// Data have just gone with a wrong checksum.
    pub(super) fn await_silence(&mut self, now: Timestamp) {
        let rule = "the receiver must check it, and process nothing of a segment that fails: it is dropped without an answer";
        let mut demand = Demand::new(
            "sent data with a wrong checksum",
            Answer::Silence,
            rule,
            "RFC 9293 3.1 (MUST-3)",
        );
        demand.kept = Some("nobody tells the sender: that is what its retransmission timer is for");
        self.awaiting = Some(Awaiting {
            demand,
            until: after(now, PATIENCE),
        });
    }

    fn has_reply(&self, now: Timestamp) -> bool {
        let over = !matches!(self.end.state(), TcpState::Established);
        match self.plan.reply {
            Some(bytes) => self.end.received_count() >= bytes || over,
            None => over || self.act_deadline().is_some_and(|deadline| deadline <= now),
        }
    }

    /// Whether they have asked often enough if the window is open again.
    fn probes(&mut self, begun: Timestamp, now: Timestamp) -> bool {
        let Some(first) = self.probes.first().filter(|_| self.probes.len() >= PROBES) else {
            return false;
        };
        let first = first.since(begun).as_secs_f64();
        let gaps = gaps(&self.probes);
        let empty = self.last.as_ref().is_some_and(|(_, it)| it.is_empty());
        let how = if empty {
            "empty segments with seq one before what we expect"
        } else {
            "segments with a byte"
        };
        self.judged(Judgement {
            time: now,
            did: "offered a window of 0 while they had something to send".to_owned(),
            demand: "they ask again and again whether it is open, after the retransmission timeout at first, and then less and less often".to_owned(),
            rfc: "RFC 9293 3.8.6.1",
            answer: format!(
                "{} probes ({how}): the first after {first:.2} s, then {} apart",
                self.probes.len(),
                seconds(&gaps)
            ),
            agrees: grows(&gaps, 1.25),
            remark: empty.then_some(
                "the RFC has a byte of new data in a probe; Linux sends none, and a number that is old: it can't be \
                 accepted, so that it has to be answered all the same",
            ),
        });
        true
    }

    /// Whether the far end knows nothing of us any more.
    fn is_forgotten(&mut self, begun: Timestamp, now: Timestamp) -> bool {
        let waited = now.since(begun);
        let gone = self.seen_fin_wait && self.kernel == Some(TcpState::Closed);
        if !gone && waited < self.forget_after() {
            return false;
        }
        if self.plan.watched {
            let silent = self.last.as_ref().is_none_or(|(time, _)| *time <= begun);
            let answer = match (self.seen_fin_wait, gone) {
                (false, _) => "its socket was never in FIN-WAIT-2".to_owned(),
                (true, false) => format!("FIN-WAIT-2 still, after {:.1} s", waited.as_secs_f64()),
                (true, true) => format!(
                    "FIN-WAIT-2 for {:.1} s without a word, then no socket any more",
                    waited.as_secs_f64()
                ),
            };
            self.judged(Judgement {
                time: now,
                did: "did not close, though they have".to_owned(),
                demand: "they stay in FIN-WAIT-2 and wait for our FIN; they have nothing to say".to_owned(),
                rfc: "RFC 9293 3.6",
                answer,
                agrees: self.seen_fin_wait && silent,
                remark: Some(
                    "the RFC sets no limit. Linux does, for sockets that no program holds any more \
                     (net.ipv4.tcp_fin_timeout: 2 s here, else 60); a program that never closes holds its end in \
                     CLOSE-WAIT for ever",
                ),
            });
        }
        true
    }

    /// Sends a FIN at last.
    fn close_late(&mut self, now: Timestamp) {
        let ack = self.end.rcv_nxt;
        let answer = if self.plan.watched {
            Answer::Reset { seq: ack }
        } else {
            let ours = self.end.snd_nxt.plus(1);
            Answer::ResetOrAck {
                seq: ack,
                ack: ours,
            }
        };
        let demand = Demand::new(
            "sent the FIN when they had forgotten us",
            answer,
            "a segment of no known connection is answered by an RST with <SEQ=SEG.ACK>",
            "RFC 9293 3.10.7.1",
        );
        self.awaiting = Some(Awaiting {
            demand,
            until: after(now, PATIENCE),
        });
        self.end.close();
    }
}

/// Seconds between these moments.
fn gaps(times: &[Timestamp]) -> Vec<f64> {
    let pairs = times.windows(2);
    pairs
        .filter_map(|pair| match pair {
            [a, b] => Some(b.since(*a).as_secs_f64()),
            _ => None,
        })
        .collect()
}

/// Whether each is at least so many times the one before.
fn grows(gaps: &[f64], factor: f64) -> bool {
    gaps.windows(2).all(|pair| match pair {
        [a, b] => *b >= a * factor,
        _ => true,
    })
}

/// `0.2, 0.4 and 0.8 s`.
fn seconds(gaps: &[f64]) -> String {
    let all: Vec<String> = gaps.iter().map(|gap| format!("{gap:.2}")).collect();
    match all.split_last() {
        Some((last, [])) => format!("{last} s"),
        Some((last, rest)) => format!("{} and {last} s", rest.join(", ")),
        None => "no time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_and_have_to_grow() {
        let times = [0, 200, 600, 1400].map(|ms| Timestamp::from_nanos(ms * 1_000_000));
        let gaps = gaps(&times);
        assert_eq!(seconds(&gaps), "0.20, 0.40 and 0.80 s");
        assert!(grows(&gaps, 1.8) && !grows(&gaps, 2.1));
    }
}
