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

impl<'a> Reported<'a> {
    /// What it quotes, if it is an error about a request of this run.
    fn inner(&self, plan: &Plan) -> Option<Inner<'a>> {
        if !is_error(plan.is_v6(), *self.message.first()?) {
            return None;
        }
        let quoted = self.message.get(ERROR_HEADER..)?;
        let inner = if plan.is_v6() {
            inner_v6(quoted, plan)?
        } else {
            inner_v4(quoted, plan)?
        };
        is_ours(inner.message, plan).then_some(inner)
    }

    /// The quoted request, from its ICMP header on; `None` if it is no error, or about nothing of this
    /// run.
    pub(super) fn request(&self, plan: &Plan) -> Option<&'a [u8]> {
        self.inner(plan).map(|inner| inner.message)
    }

    /// What it says of request `count`.
    pub(super) fn read(&self, plan: &Plan, count: u64) -> Option<EchoError> {
        let [kind, code, _, _, rest @ ..] = self.message else {
            return None;
        };
        let v6 = plan.is_v6();
        let quoted = self.message.get(ERROR_HEADER..)?;
        let inner = self.inner(plan)?;
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
        message_changes(inner.message, plan, count, &mut changes);
        Some(EchoError {
            from: Some(self.from),
            icmp: Some((*kind, *code)),
            meaning: icmp::name(v6, *kind, *code).to_owned(),
            mtu: mtu.filter(|&mtu| mtu > 0),
            quote: Some(Quote {
                bytes: quoted.len(),
                with_header: true,
                changes,
            }),
        })
    }
}

impl<'a> Queued<'a> {
    /// As [`Reported::request`].
    pub(super) fn request(&self, plan: &Plan) -> Option<&'a [u8]> {
        is_ours(self.quoted, plan).then_some(self.quoted)
    }

    /// As [`Reported::read`].
    pub(super) fn read(&self, plan: &Plan, count: u64) -> EchoError {
        let meaning = self.icmp.map_or_else(
            || self.reason.to_owned(),
            |(kind, code)| icmp::name(plan.is_v6(), kind, code).to_owned(),
        );
        let mut changes = Vec::new();
        let mut quote = None;
        if self.icmp.is_some() {
            message_changes(self.quoted, plan, count, &mut changes);
            quote = Some(Quote {
                bytes: self.quoted.len(),
                with_header: false,
                changes,
            });
        }
        EchoError {
            from: self.from.filter(|_| self.icmp.is_some()),
            icmp: self.icmp,
            meaning,
            mtu: Some(self.info).filter(|&mtu| mtu > 0),
            quote,
        }
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

/// Whether a quoted message is a request of this run.
fn is_ours(message: &[u8], plan: &Plan) -> bool {
    echo::Echo::parse(message).is_some_and(|quoted| {
        quoted.kind == echo::request(plan.is_v6())
            && quoted.id == plan.id
            && !plan.is_of_others(message)
    })
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
    change_of_length(header, plan, changes);
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

/// What of the ICMP message is not as request `count` was sent.
fn message_changes(quoted: &[u8], plan: &Plan, count: u64, changes: &mut Vec<QuoteChange>) {
    let mut sent = Vec::new();
    plan.write_request(&mut sent, count);
    let (Some(was), Some(came)) = (echo::Echo::parse(&sent), echo::Echo::parse(quoted)) else {
        return;
    };
    if was.seq != came.seq {
        changes.push(QuoteChange {
            field: "sequence number",
            sent: was.seq.to_string(),
            quoted: came.seq.to_string(),
            why: "damaged on the way; the count in the data says which request it was".to_owned(),
        });
    }
    if plan.knows_checksum() && was.checksum != came.checksum {
        changes.push(QuoteChange {
            field: "ICMP checksum",
            sent: format!("{:#06x}", was.checksum),
            quoted: format!("{:#06x}", came.checksum),
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

/// An IPv4 packet that isn't a piece of one says how long it is, and so does the quote.
fn change_of_length(header: &[u8], plan: &Plan, changes: &mut Vec<QuoteChange>) {
    let &[_, _, high, low, _, _, flags, offset, ..] = header else {
        return;
    };
    // Neither more fragments nor an offset.
    let whole = u16::from_be_bytes([flags & 0x3f, offset]) == 0;
    let sent = header.len() + echo::HEADER + plan.size;
    let came = usize::from(u16::from_be_bytes([high, low]));
    if whole && came != sent {
        changes.push(QuoteChange {
            field: "total length",
            sent: sent.to_string(),
            quoted: came.to_string(),
            why: "damaged on the way, or quoted wrongly by who sent the error".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Session;
    use super::*;
    use crate::event::EchoEvent;
    use crate::frame::Timestamp;

    const HOST: [u8; 4] = [10, 0, 0, 2];

    /// Twenty requests under way, of which that one is quoted after `damage`: which is blamed, and for
    /// what changes.
    fn blamed(
        count: usize,
        size: usize,
        queued: bool,
        damage: impl FnOnce(&mut Vec<u8>),
    ) -> Option<(u64, Vec<&'static str>)> {
        let mut plan = Plan::new(HOST.into(), 0x1234);
        (plan.size, plan.interval) = (size, Duration::from_millis(1));
        plan.nonce = Some(*b"not else");
        let mut session = Session::new(plan);
        let mut sent = Vec::new();
        for ms in 0..20_u64 {
            let at = Timestamp::from_nanos((1_000 + ms) * 1_000_000);
            let request = session.poll_transmit(at).expect("it is due");
            sent.push(request.message.to_vec());
            session.handle_sent(at);
        }
        let mut quoted = sent.swap_remove(count - 1);
        damage(&mut quoted);
        let total = (28 + size as u16).to_be_bytes();
        let mut header = vec![0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, 1, 0, 0];
        header.extend([10, 0, 0, 1]);
        header.extend(HOST);
        let sum = Sum::new().add_bytes(&header).checksum().to_be_bytes();
        header[10..12].copy_from_slice(&sum);
        let mut message = vec![11, 0, 0, 0, 0, 0, 0, 0];
        message.extend([&header[..], &quoted[..]].concat());
        let (now, from) = (
            Timestamp::from_nanos(2_000_000_000),
            IpAddr::from([10, 0, 0, 9]),
        );
        if queued {
            let queued = Queued {
                from: Some(from),
                icmp: Some((11, 0)),
                reason: "",
                info: 0,
                quoted: &quoted,
            };
            session.handle_queued(now, &queued);
        } else {
            let message = &message;
            session.handle_reported(now, &Reported { from, message });
        }
        std::iter::from_fn(|| session.poll_event()).find_map(|event| match event {
            EchoEvent::Error { count, error, .. } => {
                let quote = error.quote.expect("a quote");
                let fields = quote.changes.iter().map(|it| it.field).collect();
                Some((count, fields))
            }
            _ => None,
        })
    }

    #[test]
    fn a_damaged_number_is_not_put_down_to_another_request() {
        for queued in [false, true] {
            assert_eq!(blamed(6, 56, queued, |_| {}), Some((6, vec![])));
            for bit in 0..16 {
                let flip = |quote: &mut Vec<u8>| quote[6 + bit / 8] ^= 0x80 >> (bit % 8);
                let told = blamed(6, 56, queued, flip);
                assert_eq!(told, Some((6, vec!["sequence number"])), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_damaged_count_in_the_data_leaves_the_number_to_be_believed() {
        for bit in 0..64 {
            let flip = |quote: &mut Vec<u8>| quote[8 + bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(
                blamed(6, 56, false, flip),
                Some((6, vec!["data"])),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn eight_bytes_of_a_quote_have_the_number_alone() {
        assert_eq!(
            blamed(6, 56, false, |quote| quote.truncate(8)),
            Some((6, vec![]))
        );
        assert_eq!(blamed(6, 4, false, |_| {}), Some((6, vec![])));
        // Of a request that was never made.
        assert_eq!(blamed(6, 4, false, |quote| quote[6] ^= 0x40), None);
        // Somebody else's, by the identifier or by the bytes that no other run has.
        assert_eq!(blamed(6, 56, false, |quote| quote[5] ^= 1), None);
        assert_eq!(blamed(6, 56, false, |quote| quote[16..24].fill(0)), None);
    }

    #[test]
    fn a_length_that_is_not_the_requests_is_told() {
        let plan = Plan::new(HOST.into(), 0x1234);
        let mut header = [0_u8; 20];
        for (total, flags, told) in [(84, 0x40, 0), (64, 0, 1), (64, 0x20, 0)] {
            (header[3], header[6]) = (total, flags);
            let mut changes = Vec::new();
            change_of_length(&header, &plan, &mut changes);
            assert_eq!(changes.len(), told, "{total}");
        }
    }
}
