//! ICMP errors and the packet that they quote: which request it is about, and what changed on the way
//! (RFC 792; RFC 1812 section 4.3.2.3; RFC 4443 section 3).
//!
//! A raw socket gets the whole message. A datagram socket gets what the kernel keeps in its error queue
//! (ip(7), `IP_RECVERR`): the quote from the ICMP header on, and no IP header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::plan::Plan;
use crate::event::{EchoError, Quote, QuoteChange};
use crate::wire::checksum::Sum;
use crate::wire::{echo, icmp, icmpv6};

/// The protocol number of ICMPv4.
const ICMP_V4: u8 = 1;
/// Before the quote: type, code, checksum, and four bytes that depend on them.
const ERROR_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;
/// The extension header that says where a fragment belongs (RFC 8200 section 4.5).
const FRAGMENT: u8 = 44;

/// An ICMP message as a raw socket gives it.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// The message, without IP header.
    pub message: &'a [u8],
}

/// An error as the kernel's queue has it.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a> {
    /// Who sent it; `None` for the kernel of this host.
    pub from: Option<IpAddr>,
    /// Type and code, where it came as an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// What the kernel calls it.
    pub reason: &'a str,
    /// The MTU, or 0.
    pub info: u32,
    /// The request, from its ICMP header on.
    pub quoted: &'a [u8],
}

/// The quoted packet taken apart.
struct Inner<'a> {
    header: &'a [u8],
    /// From the ICMP header on.
    message: &'a [u8],
}

impl Reported<'_> {
    /// The sequence number it is about, and what it says; `None` if it is no error, or about nothing
    /// of this run.
    pub(super) fn read(&self, plan: &Plan) -> Option<(u16, EchoError)> {
        let [kind, code, _, _, rest @ ..] = self.message else {
            return None;
        };
        let v6 = plan.is_v6();
        if !is_error(v6, *kind) {
            return None;
        }
        let quoted = self.message.get(ERROR_HEADER..)?;
        let inner = if v6 {
            inner_v6(quoted, plan)?
        } else {
            inner_v4(quoted, plan)?
        };
        let seq = whose(inner.message, plan)?;
        let word = |at: usize| Some(u16::from_be_bytes(rest.get(at..at + 2)?.try_into().ok()?));
        let mtu = match (v6, *kind, *code) {
            // RFC 1191 section 4: in the lower half of what was unused before.
            (false, 3, 4) => word(2).map(u32::from),
            (true, 2, _) => rest
                .get(..4)
                .and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?))),
            _ => None,
        };
        let mut changes = Vec::new();
        if v6 {
            header_changes_v6(inner.header, plan, &mut changes);
        } else {
            header_changes_v4(inner.header, plan, &mut changes);
        }
        message_changes(inner.message, plan, seq, &mut changes);
        let error = EchoError {
            from: Some(self.from),
            icmp: Some((*kind, *code)),
            meaning: icmp::name(v6, *kind, *code).to_owned(),
            mtu: mtu.filter(|&mtu| mtu > 0),
            quote: Some(Quote {
                bytes: quoted.len(),
                with_header: true,
                changes,
            }),
        };
        Some((seq, error))
    }
}

impl Queued<'_> {
    /// As [`Reported::read`].
    pub(super) fn read(&self, plan: &Plan) -> Option<(u16, EchoError)> {
        let seq = whose(self.quoted, plan)?;
        let meaning = self.icmp.map_or_else(
            || self.reason.to_owned(),
            |(kind, code)| icmp::name(plan.is_v6(), kind, code).to_owned(),
        );
        let mut changes = Vec::new();
        let mut quote = None;
        if self.icmp.is_some() {
            message_changes(self.quoted, plan, seq, &mut changes);
            quote = Some(Quote {
                bytes: self.quoted.len(),
                with_header: false,
                changes,
            });
        }
        let error = EchoError {
            from: self.from.filter(|_| self.icmp.is_some()),
            icmp: self.icmp,
            meaning,
            mtu: Some(self.info).filter(|&mtu| mtu > 0),
            quote,
        };
        Some((seq, error))
    }
}

/// Whether a message of that type says that a packet did not get through. A redirect or a source
/// quench says something else: the packet went on.
const fn is_error(v6: bool, kind: u8) -> bool {
    if v6 {
        matches!(kind, 1..=4)
    } else {
        matches!(kind, 3 | 11 | 12)
    }
}

/// The sequence number of a quoted request, if it is one of this run.
fn whose(message: &[u8], plan: &Plan) -> Option<u16> {
    let quoted = echo::Echo::parse(message)?;
    let ours = quoted.kind == echo::request(plan.is_v6()) && quoted.id == plan.id;
    (ours && !plan.is_of_others(message)).then_some(quoted.seq)
}

fn inner_v4<'a>(quoted: &'a [u8], plan: &Plan) -> Option<Inner<'a>> {
    let header_len = usize::from(quoted.first()? & 0x0f) * 4;
    let (header, message) = quoted.split_at_checked(header_len)?;
    let dst: [u8; 4] = header.get(16..20)?.try_into().ok()?;
    let ours = *header.get(9)? == ICMP_V4 && plan.target == IpAddr::from(Ipv4Addr::from(dst));
    ours.then_some(Inner { header, message })
}

fn inner_v6<'a>(quoted: &'a [u8], plan: &Plan) -> Option<Inner<'a>> {
    let (header, rest) = quoted.split_at_checked(IPV6_HEADER)?;
    let dst: [u8; 16] = header.get(24..40)?.try_into().ok()?;
    let (next, message) = match *header.get(6)? {
        FRAGMENT => (*rest.first()?, rest.get(8..)?),
        next => (next, rest),
    };
    let ours = next == icmpv6::PROTOCOL && plan.target == IpAddr::from(Ipv6Addr::from(dst));
    ours.then_some(Inner { header, message })
}

fn header_changes_v4(header: &[u8], plan: &Plan, changes: &mut Vec<QuoteChange>) {
    let &[_, tos, _, _, _, _, _, _, ttl, _, sum_high, sum_low, ..] = header else {
        return;
    };
    change_of_ttl("TTL", ttl, plan, changes);
    change_of_tos("TOS", tos, plan, changes);
    if Sum::new().add_bytes(header).fold() != 0xffff {
        let right = header.get(..10).unwrap_or_default();
        let sum = Sum::new()
            .add_bytes(right)
            .add_bytes(header.get(12..).unwrap_or_default())
            .checksum();
        changes.push(QuoteChange {
            field: "IP header checksum",
            sent: format!("{sum:#06x}"),
            quoted: format!("{:#06x}", u16::from_be_bytes([sum_high, sum_low])),
            why: "not right for the header as it is quoted; routers may quote what they had begun \
                  to change"
                .to_owned(),
        });
    }
}

fn header_changes_v6(header: &[u8], plan: &Plan, changes: &mut Vec<QuoteChange>) {
    let &[high, low, _, _, _, _, _, hops, ..] = header else {
        return;
    };
    change_of_ttl("hop limit", hops, plan, changes);
    change_of_tos("traffic class", high << 4 | low >> 4, plan, changes);
}

fn change_of_ttl(field: &'static str, came: u8, plan: &Plan, changes: &mut Vec<QuoteChange>) {
    if came == plan.ttl {
        return;
    }
    let why = match plan.ttl.checked_sub(came) {
        Some(1) => "passed 1 router".to_owned(),
        Some(passed) => format!("passed {passed} routers"),
        None => "more than it was sent with: something on the way raised it".to_owned(),
    };
    changes.push(QuoteChange {
        field,
        sent: plan.ttl.to_string(),
        quoted: came.to_string(),
        why,
    });
}

fn change_of_tos(field: &'static str, came: u8, plan: &Plan, changes: &mut Vec<QuoteChange>) {
    if came == plan.tos {
        return;
    }
    let why = match (came ^ plan.tos) & 0xfc {
        0 => "the ECN bits were changed on the way",
        _ => "the DSCP was changed on the way",
    };
    changes.push(QuoteChange {
        field,
        sent: format!("{:#04x}", plan.tos),
        quoted: format!("{came:#04x}"),
        why: why.to_owned(),
    });
}

/// What of the ICMP message is not as it was sent.
fn message_changes(quoted: &[u8], plan: &Plan, seq: u16, changes: &mut Vec<QuoteChange>) {
    let mut sent = Vec::new();
    plan.write(
        &mut sent,
        echo::request(plan.is_v6()),
        plan.id,
        u64::from(seq),
    );
    let known = !plan.is_v6() || plan.source.is_some();
    // The tag holds the full count, of which the quote gives the lower half only: what it says is taken.
    let tag = sent.get_mut(echo::HEADER..echo::HEADER + super::plan::TAG);
    if let (Some(tag), Some(came)) = (
        tag.filter(|_| plan.size >= super::plan::TAG),
        quoted.get(echo::HEADER..echo::HEADER + super::plan::TAG),
    ) && came.get(6..) == Some(&seq.to_be_bytes()[..])
    {
        tag.copy_from_slice(came);
    }
    // Too short a quote leaves the full count open, and the checksum with it.
    let whole_tag = plan.size < super::plan::TAG
        || quoted.len() >= echo::HEADER + super::plan::TAG
        || plan.count.is_some_and(|count| count <= 0xffff);
    echo::seal(&mut sent, plan.ends());
    let word = |bytes: &[u8]| {
        let field = bytes.get(echo::CHECKSUM).unwrap_or_default();
        field
            .iter()
            .fold(0_u16, |word, &byte| word << 8 | u16::from(byte))
    };
    if known && whole_tag && word(&sent) != word(quoted) {
        changes.push(QuoteChange {
            field: "ICMP checksum",
            sent: format!("{:#06x}", word(&sent)),
            quoted: format!("{:#06x}", word(quoted)),
            why: "changed on the way, as address translation does when it changes the identifier"
                .to_owned(),
        });
    }
    let differs = |at: &usize| sent.get(*at) != quoted.get(*at);
    let data = echo::HEADER..quoted.len().min(sent.len());
    if let Some(at) = data.clone().find(differs) {
        let byte = |bytes: &[u8]| format!("{:#04x}", bytes.get(at).copied().unwrap_or(0));
        changes.push(QuoteChange {
            field: "data",
            sent: byte(&sent),
            quoted: byte(quoted),
            why: format!(
                "byte {at} of the ICMP message is the first of {} that differ",
                data.filter(differs).count()
            ),
        });
    }
}
