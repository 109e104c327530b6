//! Which departure an arrival belongs to, by the fates that the wire told. A fate names the frames of
//! both captures; it may come before them or after them.

use std::collections::{BTreeMap, HashMap};

use crate::event::{Fate, Host, Origin};
use crate::frame::Timestamp;
use crate::lab::Side;
use crate::lab::truth::FateLine;

/// What became of a packet, or of a copy of it, with the places of its departure and its arrival.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) departure: Option<u64>,
    pub(super) arrival: Option<(u64, Host)>,
    pub(super) from: Origin,
    /// `None`: the number of the departure.
    pub(super) packet: Option<u64>,
    pub(super) fate: Fate,
    pub(super) fault: Option<u64>,
    pub(super) cause: Option<String>,
    /// As how many segments it was captured where it left and where it arrived, if not as one.
    pub(super) captured_as: Option<[u32; 2]>,
    /// When it arrived, or was known to be lost.
    pub(super) at: Timestamp,
}

/// Frames that wait for their fates, and fates that wait for their frames.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// The places of departures. They stay for copies.
    left: HashMap<(usize, u64), u64>,
    /// The places of arrivals that no fate has named yet, and back.
    landed: HashMap<(usize, u64), u64>,
    places: HashMap<u64, (Host, u64)>,
    /// Fates with frames that have not come yet, under the frame they wait for.
    early: BTreeMap<(usize, u64), Vec<FateLine>>,
    /// The latest frame of each host.
    seen: [u64; 2],
}

impl Fates {
    /// A frame leaves its host.
    pub(super) fn departs(&mut self, host: Host, frame: u64, place: u64) -> Vec<Settled> {
        self.left.insert((host.index(), frame), place);
        self.comes(host, frame)
    }

    /// A frame arrives at its host.
    pub(super) fn arrives(&mut self, host: Host, frame: u64, place: u64) -> Vec<Settled> {
        self.landed.insert((host.index(), frame), place);
        self.places.insert(place, (host, frame));
        self.comes(host, frame)
    }

    fn comes(&mut self, host: Host, frame: u64) -> Vec<Settled> {
        let seen = &mut self.seen[host.index()];
        *seen = (*seen).max(frame);
        let early = self.early.remove(&(host.index(), frame));
        early
            .into_iter()
            .flatten()
            .filter_map(|fate| self.fate(&fate))
            .collect()
    }

    /// A fate is told. `None` while a frame of it is still to come, and when it tells nothing of the
    /// frames there are.
    pub(super) fn fate(&mut self, line: &FateLine) -> Option<Settled> {
        let from = origin(line);
        let to = match from {
            Origin::Host(host) => host.other(),
            _ if line.frame.server.is_some() => Host::Server,
            _ => Host::Client,
        };
        let frame = |host: Host| match host {
            Host::Client => line.frame.client,
            Host::Server => line.frame.server,
        };
        let near = match from {
            Origin::Host(host) => frame(host).map(|frame| (host, frame)),
            _ => None,
        };
        let far = frame(to).map(|frame| (to, frame));
        for (host, frame) in near.into_iter().chain(far) {
            if frame > self.seen[host.index()] {
                let waits = self.early.entry((host.index(), frame)).or_default();
                waits.push(line.clone());
                return None;
            }
        }
        let departure = near
            .and_then(|(host, frame)| self.left.get(&(host.index(), frame)))
            .copied();
        let arrival = far.and_then(|(host, frame)| {
            let place = self.landed.remove(&(host.index(), frame))?;
            self.places.remove(&place);
            Some((place, host))
        });
        (departure.is_some() || arrival.is_some()).then(|| Settled {
            departure,
            arrival,
            from,
            packet: Some(line.packet),
            fate: fate(&line.fate),
            fault: line.fault.map(|fault| fault as u64),
            cause: line.cause.clone(),
            captured_as: None,
            at: line.delivered_at.unwrap_or(line.time),
        })
    }

    /// An arrival waits no more for its fate; gives whose it is.
    pub(super) fn gives_up(&mut self, place: u64) -> Option<Host> {
        let (host, frame) = self.places.remove(&place)?;
        self.landed.remove(&(host.index(), frame));
        Some(host)
    }

    /// A departure is no longer remembered.
    pub(super) fn forgets(&mut self, host: Host, frame: u64) {
        self.left.remove(&(host.index(), frame));
    }

    /// Forgets the fates that wait for frames furthest away, beyond `most`; whether there were any.
    pub(super) fn keep_to(&mut self, most: usize) -> bool {
        let crowded = self.early.len() > most;
        while self.early.len() > most {
            self.early.pop_last();
        }
        crowded
    }
}

fn origin(line: &FateLine) -> Origin {
    match line.sender() {
        Some(Side::Client) => Origin::Host(Host::Client),
        Some(Side::Server) => Origin::Host(Host::Server),
        None => {
            let number = line.from.strip_prefix("router ");
            number
                .and_then(|number| number.parse().ok())
                .map_or(Origin::Unknown, Origin::Router)
        }
    }
}

fn fate(name: &str) -> Fate {
    match name {
        "delayed" => Fate::Delayed,
        "reordered" => Fate::Reordered,
        "duplicated" => Fate::Duplicated,
        "corrupted" => Fate::Corrupted,
        "dropped" => Fate::Dropped,
        _ => Fate::Delivered,
    }
}
