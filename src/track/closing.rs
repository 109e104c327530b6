//! The states of both endpoints (RFC 9293 section 3.3.2), and how a connection ends: FIN, RST.
//!
//! A segment that was captured is taken to arrive, as in the figures of RFC 9293. Where the other
//! side's answer shows that it had not arrived yet, the states are put right: FINs that cross.

use super::connection::Connection;
use super::half::{Base, Half};
use super::observation::{Facts, Observation};
use super::rare::Rare;
use super::suspect::{Suspect, Suspicion};
use crate::event::{Phase, TcpState};

use TcpState::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
    SynSent, TimeWait,
};

impl Connection {
    /// Moves both endpoints' states.
    pub(super) fn change_state(&mut self, o: &mut Observation) {
        if o.flags.rst() {
            self.reset(o);
            return;
        }
        // Not acceptable, so dropped (RFC 9293 section 3.10.7.4).
        if o.facts.any(Facts::STRAY.and(Facts::WRONG_ANSWER)) {
            return;
        }
        let was_reset = self.reset_by.is_some();
        let (sender, receiver) = self.pair(o.side);
        if o.flags.syn() {
            on_syn(o, sender, receiver);
        } else if !was_reset {
            // In mid-stream, somebody who sends anything else has been through the handshake.
            for half in [&mut *sender, &mut *receiver] {
                if half.state == Closed && half.fin.is_none() && !o.flags.fin() {
                    half.state = Established;
                }
            }
        }
        if o.ack.is_some() {
            on_ack(sender, receiver);
            if o.len > 0 && o.new > 0 && receiver.fin_acked() {
                o.facts.set(Facts::AFTER_PEER_FIN);
            }
        }
        if goes_beyond_its_fin(o, sender) {
            o.facts.set(Facts::AFTER_OWN_FIN);
        }
        let is_fin = o.flags.fin() && !o.facts.any(Facts::PROBE) && !was_reset;
        let waits = is_fin && o.flags.syn() && !o.flags.ack();
        if waits && matches!(sender.state, SynSent | SynReceived) {
            sender.rare_mut().fin_waits = true;
        }
        let takes_effect = begin_to_close(sender) | begin_to_close(receiver);
        take_in_fin(sender, receiver);
        take_in_fin(receiver, sender);
        if is_fin && !waits {
            on_fin(o, sender, receiver);
        }
        if is_fin {
            self.closed_by.get_or_insert(o.side);
        }
        if takes_effect || is_fin && !waits {
            self.phase = Phase::Teardown;
        }
        let open = |half: &Half| !matches!(half.state, Closed | Listen | SynSent | SynReceived);
        if self.phase == Phase::Setup && self.halves.iter().all(open) {
            self.phase = Phase::Transfer;
        }
    }

    fn reset(&mut self, o: &mut Observation) {
        o.facts.set(Facts::RST);
        let (sender, receiver) = self.pair(o.side);
        // In answer to a SYN, only an RST that acknowledges it counts (RFC 9293 section 3.10.7.3).
        if receiver.state == SynSent && o.ack != Some(receiver.nxt) {
            return;
        }
        if refuses_an_answer(o, sender, receiver) {
            // Its sender goes on asking; what answered was over already, or never there.
            receiver.state = Closed;
            return;
        }
        match place(o, sender, receiver) {
            Hit::Outside => {
                o.facts.set(Facts::STRAY);
                return;
            }
            Hit::Inside => {
                o.facts.set(Facts::NOT_NEXT);
                sender.rare_mut().suspect = Some(Suspect {
                    why: Suspicion::Reset,
                    frame: o.frame,
                    number: o.seq,
                });
                return;
            }
            Hit::Next => {}
        }
        (sender.state, receiver.state) = (Closed, Closed);
        self.closed_by.get_or_insert(o.side);
        self.reset_by.get_or_insert(o.side);
        self.phase = Phase::Teardown;
    }
}

/// Where an RST hits its receiver's window.
enum Hit {
    /// Where nothing is believed (RFC 9293 section 3.10.7.4).
    Outside,
    /// In the window, where it has to be repeated after a challenge (RFC 5961 section 3.2).
    Inside,
    /// At the number that the receiver expects next, as far as the capture knows that.
    Next,
}

/// What a capture took in has arrived, or may have: from the last acknowledgment to the last byte seen,
/// any number may be the next. So may the one after the last SACKed byte, where the sender knows nothing of
/// the hole before it, and any beyond that if the capture misses some.
fn place(o: &Observation, sender: &Half, receiver: &Half) -> Hit {
    let (Some(next), Some(edge)) = (receiver.last_ack, receiver.furthest_edge()) else {
        return Hit::Next;
    };
    // Who acknowledges less than the other's SYN errs about what it sends, not about what it expects.
    let first = sender.base.plus(1);
    let next = if next.before(first) { first } else { next };
    let known = o.seq.at_or_after(next) && o.seq.at_or_before(sender.nxt);
    let missed = sender.rare().is_some_and(|rare| rare.holes.missing() > 0);
    let inside = o.seq.at_or_after(next) && o.seq.at_or_before(edge);
    if known || o.seq == sender.nxt || (inside && missed) {
        Hit::Next
    } else if inside {
        Hit::Inside
    } else {
        Hit::Outside
    }
}

/// Whether the RST refuses what answered its sender's SYN, and acknowledged something else: it stands where
/// that acknowledgment did (RFC 9293 section 3.10.7.3).
fn refuses_an_answer(o: &mut Observation, sender: &Half, receiver: &mut Half) -> bool {
    let asked = sender.state == SynSent && o.ack.is_none();
    let suspect = receiver.rare_if_any().and_then(|rare| rare.suspect);
    o.challenges =
        suspect.filter(|s| asked && s.why == Suspicion::WrongAnswer && s.number == o.seq);
    o.challenges.is_some()
}

/// Whether the segment carries something beyond its sender's FIN, as far as that FIN can be believed: it is
/// acknowledged, and nothing further; or its sender goes on where the FIN leaves off. Who puts data where
/// the FIN stands knows of no FIN: then it was the flag that was wrong (RFC 9293 section 3.10.7.4 has the
/// receiver ignore what comes after a FIN that it has received, and no other).
fn goes_beyond_its_fin(o: &Observation, sender: &mut Half) -> bool {
    let Some(fin) = sender.fin else { return false };
    if o.end == o.seq || o.facts.any(Facts::PROBE) {
        return false;
    }
    let taken = sender.una == fin.plus(1);
    let data_end = o.end.minus(u32::from(o.flags.fin()));
    if !taken && o.seq.at_or_before(fin) && data_end.after(fin) {
        sender.rare_mut().fin_refuted = true;
    }
    let refuted = sender.rare().is_some_and(|rare| rare.fin_refuted);
    let follows =
        o.seq.after(fin) && sender.una.at_or_before(fin) && !o.facts.any(Facts::OPENED_HOLE);
    let beyond = o.end.after(fin) && o.end.minus(1) != fin;
    beyond && !refuted && (taken || follows)
}

fn on_syn(o: &mut Observation, sender: &mut Half, receiver: &mut Half) {
    if o.flags.ack() {
        // What is answered by a SYN-ACK was a SYN, whatever its flags say here.
        if receiver.fin.is_some() && receiver.base_from != Base::Syn {
            receiver.rare_mut().fin_refuted = true;
        }
        if matches!(sender.state, Closed | Listen) {
            sender.state = SynReceived;
        }
        // Only an answer to the SYN as it was sent opens the other side.
        let right = !receiver.seen() || receiver.una.after(receiver.base);
        if right && matches!(receiver.state, SynSent | SynReceived) {
            receiver.state = Established;
        }
    } else {
        match (sender.state, receiver.state) {
            (Closed | Listen, Closed | Listen) => {
                (sender.state, receiver.state) = (SynSent, SynReceived);
            }
            // It was refused what was no answer to it, and asks again.
            (SynSent, Closed) => receiver.state = SynReceived,
            // The other side's SYN was taken to have arrived, yet this one was sent without it.
            (SynReceived, SynSent) => {
                o.facts.set(Facts::CROSSED);
                receiver.state = SynReceived;
            }
            _ => {}
        }
    }
}

/// What the sender acknowledges moves the receiver.
fn on_ack(sender: &mut Half, receiver: &mut Half) {
    if receiver.state == SynReceived && receiver.una.after(receiver.base) && receiver.seen() {
        receiver.state = Established;
        if sender.state == SynSent {
            sender.state = Established;
        }
    }
    if receiver.fin_acked() {
        receiver.state = match receiver.state {
            FinWait1 => FinWait2,
            Closing => TimeWait,
            LastAck => Closed,
            other => other,
        };
        // Who acknowledges a FIN has taken it in, if that was not certain before.
        sender.state = after_fin_arrived(sender.state, sender.fin_acked());
    }
}

/// A FIN that came with a SYN waits until the handshake is through: its receiver can't know yet that the
/// SYN is no old one (RFC 9293 sections 3.10.7.2 and 3.10.7.3 have it queue other controls), and its sender
/// has closed only what its SYN has opened. Gives whether it counts from now on for who sent it.
fn begin_to_close(half: &mut Half) -> bool {
    let begins = half.state == Established && half.rare().is_some_and(Rare::has_fin_waiting);
    if begins {
        half.state = if half.fin_acked() { FinWait2 } else { FinWait1 };
    }
    begins
}

/// The same for who gets it, unless that has acknowledged it already: `on_ack` has seen to that.
fn take_in_fin(sender: &mut Half, receiver: &mut Half) {
    let is_open = !matches!(receiver.state, SynSent | SynReceived);
    let closes = !matches!(sender.state, SynSent | SynReceived);
    if is_open && closes && sender.rare().is_some_and(Rare::has_fin_waiting) {
        receiver.state = after_fin_arrived(receiver.state, receiver.fin_acked());
        sender.rare_mut().fin_waits = false;
    }
}

/// The state of an endpoint once the other side's FIN is taken in.
fn after_fin_arrived(state: TcpState, own_fin_acked: bool) -> TcpState {
    match state {
        Established | SynReceived | SynSent => CloseWait,
        FinWait1 if own_fin_acked => TimeWait,
        FinWait1 => Closing,
        FinWait2 => TimeWait,
        other => other,
    }
}

fn on_fin(o: &mut Observation, sender: &mut Half, receiver: &mut Half) {
    match sender.state {
        // It was acknowledged long ago, and comes once more.
        Closed if sender.fin_acked() => return,
        Established | SynReceived | SynSent | Closed | Listen => sender.state = FinWait1,
        CloseWait if receiver.fin_acked() || receiver.state != FinWait1 => sender.state = LastAck,
        // It was taken to have the other side's FIN, yet does not acknowledge it: the two crossed.
        CloseWait => {
            o.facts.set(Facts::CROSSED);
            (sender.state, receiver.state) = (Closing, Closing);
            return;
        }
        FinWait1 | FinWait2 | Closing | LastAck | TimeWait => return,
    }
    // The receiver can't have taken the FIN in while something before it is missing.
    if sender
        .fin
        .zip(sender.rare())
        .is_some_and(|(fin, rare)| rare.holes.any_before(fin))
    {
        return;
    }
    let own_fin_acked = receiver.fin_acked();
    receiver.state = after_fin_arrived(receiver.state, own_fin_acked);
}
