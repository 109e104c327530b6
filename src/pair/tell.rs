//! Slots of the timeline as events.

use std::collections::HashMap;

use super::held::Held;
use super::timeline::{Slot, Verdict};
use crate::event::{Call, CallPart, Event, Host, Kind, Part, Passage, Stop};
use crate::frame::Timestamp;
use crate::lab::truth::CallLine;

/// Calls that give or take data one after the other.
const ROUTINE: [&str; 8] = [
    "send", "recv", "sendto", "recvfrom", "sendmsg", "recvmsg", "read", "write",
];
/// Connections whose numbers in both captures are known at once.
const FLOWS: usize = 65_536;

/// Whether a note of the far end's capture says something of an arrival that the near end's does not
/// say of the departure. What the sender did is known best where it was done.
pub(super) fn is_news(kind: Kind, said: &[Kind], in_order: bool) -> bool {
    match kind {
        Kind::ChecksumBad => true,
        // At the far end, a repetition of what it never got looks like this. What was overtaken, or
        // copied, is known to be.
        Kind::OutOfOrder => in_order && !said.contains(&Kind::Retransmission),
        _ => false,
    }
}

/// Tells slots.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The client's numbers of connections, by the server's.
    flows: HashMap<u32, u32>,
}

impl Teller {
    /// Tells one.
    pub(super) fn tell<E>(
        &mut self,
        slot: Slot,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match slot {
            Slot::Departure {
                held,
                end: Some((verdict, part)),
                arrived,
            } => {
                let to = held.host.other();
                let flow = self.flow(Some(&held), arrived.as_ref());
                passage(
                    flow,
                    part,
                    to,
                    Some(&held),
                    arrived.as_ref(),
                    &verdict,
                    sink,
                )
            }
            Slot::Arrival {
                to,
                held,
                sent,
                end: Some(verdict),
                ..
            } => {
                let flow = self.flow(sent.as_ref(), held.as_ref());
                let part = Part::Arrives;
                passage(flow, part, to, sent.as_ref(), held.as_ref(), &verdict, sink)
            }
            Slot::Call(line, part) => {
                call(&line, part).map_or(Ok(()), |call| sink(&Event::Call(&call)))
            }
            Slot::Reading(reading) => sink(&Event::Reading(&reading)),
            Slot::Departure { .. } | Slot::Arrival { .. } | Slot::Gone => Ok(()),
        }
    }

    /// The number of the connection, and what is learnt of it.
    fn flow(&mut self, sent: Option<&Held>, arrived: Option<&Held>) -> Option<u32> {
        let of = |host: Host| {
            let stops = [sent, arrived].into_iter().flatten();
            stops.filter(|held| held.host == host).find_map(Held::flow)
        };
        match (of(Host::Client), of(Host::Server)) {
            (Some(client), Some(server)) => {
                if self.flows.len() >= FLOWS {
                    self.flows.clear();
                }
                self.flows.insert(server, client);
                Some(client)
            }
            (Some(client), None) => Some(client),
            (None, Some(server)) => Some(*self.flows.get(&server).unwrap_or(&server)),
            (None, None) => None,
        }
    }
}

fn passage<E>(
    flow: Option<u32>,
    part: Part,
    to: Host,
    sent: Option<&Held>,
    arrived: Option<&Held>,
    verdict: &Verdict,
    sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let one_way_ns = sent
        .zip(arrived)
        .map(|(sent, arrived)| arrived.time.nanos_since(sent.time));
    let mut show = |sent: Option<Stop<'_>>, arrived: Option<Stop<'_>>| {
        sink(&Event::Passage(&Passage {
            packet: verdict.packet,
            flow,
            part,
            from: verdict.from,
            to,
            sent,
            arrived,
            one_way_ns,
            fate: verdict.fate,
            overtaken_by: verdict.overtaken_by,
            fault: verdict.fault,
            cause: verdict.cause.as_deref(),
            changes: &verdict.changes,
            captured_as: verdict.captured_as.map(|[near, far]| match to {
                Host::Server => [near, far],
                Host::Client => [far, near],
            }),
        }))
    };
    match (sent, arrived) {
        (Some(a), Some(b)) => a.with_stop(true, |a| b.with_stop(false, |b| show(Some(a), Some(b)))),
        (Some(a), None) => a.with_stop(true, |a| show(Some(a), None)),
        (None, Some(b)) => b.with_stop(false, |b| show(None, Some(b))),
        (None, None) => show(None, None),
    }
}

/// The host of that name.
pub(super) fn named(name: &str) -> Option<Host> {
    [Host::Client, Host::Server]
        .into_iter()
        .find(|host| host.name() == name)
}

fn call(line: &CallLine, part: CallPart) -> Option<Call<'_>> {
    let host = named(&line.host)?;
    let time = match part {
        CallPart::Begins => line.time,
        _ => Timestamp::from_nanos(line.time.as_nanos().saturating_add(line.blocked_ns)),
    };
    Some(Call {
        host,
        time,
        part,
        program: &line.program,
        socket: &line.socket,
        call: &line.call,
        arguments: &line.arguments,
        result: line.result,
        errno: line.errno.as_deref(),
        blocked_ns: line.blocked_ns,
        blocked: super::Pair::blocks(line),
        routine: line.errno.is_none() && ROUTINE.contains(&line.call.as_str()),
        data: line.data.as_deref(),
    })
}
