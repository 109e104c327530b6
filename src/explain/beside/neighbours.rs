//! Who asked for a neighbour's hardware address, and whether anybody answered: ARP (RFC 826, RFC 5227), and
//! neighbor discovery (RFC 4861 section 7.2, RFC 4862 section 5.4).

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::episode::Evidence;
use super::super::telling::finding;
use super::MOST;
use crate::decode::{Arp, HardwareAddress, Icmp, IcmpDetail, Ip};
use crate::event::units::{nanos, times};
use crate::event::{Finding, Severity, Topic};
use crate::frame::{Frame, Timestamp};

/// Questions by who asked for whom; nobody, where a host asks for the address that it is about to take.
#[derive(Debug, Default)]
pub(super) struct Neighbours(HashMap<(Option<IpAddr>, IpAddr), Question>);

/// What became of it.
#[derive(Debug, Default)]
struct Question {
    v6: bool,
    asked: u32,
    last: Timestamp,
    answers: u32,
    /// The first answer: after how long, and the hardware address where it tells one.
    answer: Option<(u64, Option<HardwareAddress>)>,
    /// Whether another hardware address was told as well.
    disputed: bool,
    evidence: Evidence,
}

impl Neighbours {
    /// Takes an ARP packet; tells whether it is told of here.
    pub(super) fn arp(&mut self, frame: &Frame<'_>, arp: &Arp) -> bool {
        let (sender, target) = (IpAddr::from(arp.sender), IpAddr::from(arp.target));
        match arp.operation {
            // Who asks for itself, or as nobody, looks whether its address is free.
            1 if arp.sender.is_unspecified() || sender == target => {
                self.ask(frame, None, target, false)
            }
            1 => self.ask(frame, Some(sender), target, false),
            2 => self.answer(frame, sender, target, Some(arp.sender_hardware)),
            _ => false,
        }
    }

    /// Takes an ICMPv6 message.
    pub(super) fn icmp(&mut self, frame: &Frame<'_>, ip: &Ip, icmp: &Icmp<'_>) -> bool {
        let IcmpDetail::Target(target) = icmp.detail else {
            return false;
        };
        let target = IpAddr::from(target);
        match icmp.kind {
            135 if ip.src.is_unspecified() => self.ask(frame, None, target, true),
            135 => self.ask(frame, Some(ip.src), target, true),
            136 => self.answer(frame, target, ip.dst, None),
            _ => false,
        }
    }

    fn ask(&mut self, frame: &Frame<'_>, who: Option<IpAddr>, target: IpAddr, v6: bool) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&(who, target)) {
            return false;
        }
        let question = self.0.entry((who, target)).or_default();
        question.v6 = v6;
        question.asked = question.asked.saturating_add(1);
        question.last = frame.time;
        question.evidence.add(frame.number);
        true
    }

    /// Takes an answer to `to`; one to everybody answers who asks whether its address is free.
    fn answer(
        &mut self,
        frame: &Frame<'_>,
        about: IpAddr,
        to: IpAddr,
        hardware: Option<HardwareAddress>,
    ) -> bool {
        let asked = self.0.contains_key(&(Some(to), about));
        let key = (asked.then_some(to), about);
        let Some(question) = self.0.get_mut(&key) else {
            return false;
        };
        question.answers = question.answers.saturating_add(1);
        question.evidence.add(frame.number);
        let after = frame.time.nanos_since(question.last);
        let first = *question.answer.get_or_insert((after, hardware));
        question.disputed |= first.1 != hardware;
        true
    }

    /// What there is to tell.
    pub(super) fn tell(&self) -> Vec<Finding> {
        let of = |((who, target), question): (&(Option<IpAddr>, IpAddr), &Question)| {
            question.tell(*who, *target)
        };
        self.0.iter().map(of).collect()
    }
}

impl Question {
    fn tell(&self, who: Option<IpAddr>, target: IpAddr) -> Finding {
        let by = if self.v6 { "neighbor discovery" } else { "ARP" };
        let often = match self.asked {
            1 => String::new(),
            n => format!(" {}", times(n.into())),
        };
        let asks = match who {
            Some(who) => format!("{who} asked{often} who has {target} ({by})"),
            None => {
                format!("a host asked{often} whether {target} is free, to take it ({by})")
            }
        };
        let (severity, becomes, advice) = match (&self.answer, who) {
            _ if self.disputed => (
                Severity::Problem,
                ", and was told two hardware addresses".to_owned(),
                "two hosts use one address, or somebody answers for another: compare the hardware addresses",
            ),
            (Some((after, hardware)), Some(_)) => {
                let told = hardware.map_or(String::new(), |address| format!(": {address}"));
                (
                    Severity::Info,
                    format!(" and was told{told}, after {}", nanos(*after)),
                    "",
                )
            }
            (Some(_), None) => (
                Severity::Problem,
                ": somebody else has it already".to_owned(),
                "two hosts with one address take each other's packets: give one of them another",
            ),
            (None, Some(_)) => (
                Severity::Problem,
                ": nobody answered".to_owned(),
                "nobody on this link has that address: is the host up, on this link, and the network mask right?",
            ),
            (None, None) => (Severity::Info, ": nobody has it".to_owned(), ""),
        };
        Finding {
            evidence: self.evidence.frames.clone(),
            more: self.evidence.more,
            advice: advice.to_owned(),
            ..finding(Topic::Neighbour, severity, format!("{asks}{becomes}"))
        }
    }
}
