//! Which host an address belongs to, for captures that don't say who sent a frame.
//!
//! A packet that both captures show was sent by the host that saw it first. Each address is asked about
//! many packets, so that a capture that begins late or a clock that is a little off changes nothing.

use std::collections::HashMap;
use std::net::IpAddr;

use super::digest::Digest;
use crate::decode::{Decoder, Packet};
use crate::event::Host;
use crate::frame::{Frame, Timestamp};

/// Most packets and addresses looked at.
const MOST: usize = 16_384;
/// How much more than a vote it is to know.
const KNOWN: u32 = 65_536;

/// Whose an address is.
#[derive(Debug, Default)]
pub struct Homes {
    /// Where and when a packet was seen first, and what its sender is called.
    seen: HashMap<u64, (Host, Timestamp)>,
    votes: HashMap<Name, [u32; 2]>,
    alone: HashMap<Name, [u32; 2]>,
}

/// What a sender or a receiver is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Address(IpAddr),
    Hardware([u8; 6]),
}

impl Homes {
    /// Looks at a frame of one host's capture. All that is to be looked at comes before the first
    /// question. Whether there is room for more.
    pub fn learn(&mut self, host: Host, frame: &Frame<'_>) -> bool {
        let mut decoder = Decoder::new();
        let packet = decoder.decode(frame);
        let digest = Digest::of(frame, &packet, None).steady();
        let names = [address(&packet, true), hardware(frame, 6)];
        if self.seen.len() >= MOST {
            return false;
        }
        let (first, time) = *self.seen.entry(digest).or_insert((host, frame.time));
        for name in names.into_iter().flatten() {
            if first == host {
                self.alone.entry(name).or_default()[host.index()] += 1;
            } else {
                let home = if time <= frame.time { first } else { host };
                self.votes.entry(name).or_default()[home.index()] += 1;
            }
        }
        true
    }

    /// Says whose an address is, where that is known.
    pub(super) fn knows(&mut self, address: IpAddr, host: Host) {
        let votes = self.votes.entry(Name::Address(address)).or_default();
        votes[host.index()] += KNOWN;
    }

    /// Whether the host whose capture this frame is in sent it.
    pub fn sent(&self, host: Host, frame: &Frame<'_>) -> bool {
        let mut decoder = Decoder::new();
        let packet = decoder.decode(frame);
        let to = address(&packet, false);
        let from = address(&packet, true);
        let surely = |name: Option<Name>| home(&self.votes, name?);
        let likely = |name: Option<Name>| home(&self.alone, name?);
        if let Some(home) = surely(from) {
            return home == host;
        }
        // What comes to an address of this host was not sent by it, wherever it came from: routers
        // answer from addresses that only one of the captures ever shows.
        if let Some(home) = surely(to) {
            return home != host;
        }
        let hardware = hardware(frame, 6);
        let home = likely(from)
            .or_else(|| surely(hardware))
            .or_else(|| likely(hardware));
        home.is_none_or(|home| home == host)
    }
}

fn home(votes: &HashMap<Name, [u32; 2]>, name: Name) -> Option<Host> {
    let votes = votes.get(&name)?;
    Some(if votes[0] >= votes[1] {
        Host::Client
    } else {
        Host::Server
    })
}

fn address(packet: &Packet<'_>, source: bool) -> Option<Name> {
    let ip = packet.ip.as_ref()?;
    Some(Name::Address(if source { ip.src } else { ip.dst }))
}

/// The hardware address at `at` of an Ethernet frame.
fn hardware(frame: &Frame<'_>, at: usize) -> Option<Name> {
    if frame.link_type != crate::frame::LinkType::ETHERNET {
        return None;
    }
    let bytes = frame.bytes.get(at..at + 6)?;
    Some(Name::Hardware(bytes.try_into().ok()?))
}
