//! Putting fragments together (RFC 791 section 3.2, RFC 815; RFC 8200 section 4.5, RFC 5722).
//!
//! Memory is bounded whatever comes: so many datagrams, so many bytes, so many pieces in each; the
//! oldest datagram goes first. Time is the frames' own.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::{Fault, Reassembled};
use crate::frame::Timestamp;

/// Most datagrams in the making.
const MAX_DATAGRAMS: usize = 256;
/// Most bytes held for them.
const MAX_BYTES: usize = 4 << 20;
/// Most separate stretches in one datagram: more than any order of arrival of real fragments makes.
const MAX_STRETCHES: usize = 512;
/// Longest datagram (RFC 791: total length has 16 bits; RFC 8200 section 4.5).
const MAX_LEN: u32 = 65_535;
const SECOND: u64 = 1_000_000_000;

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Source address.
    pub(super) src: IpAddr,
    /// Destination address.
    pub(super) dst: IpAddr,
    /// Identification.
    pub(super) id: u32,
    /// IPv4 tells datagrams apart by protocol too; 0 in IPv6.
    pub(super) protocol: u8,
    /// The tunnel they are in.
    pub(super) tunnel: u32,
}

impl Key {
    /// How long fragments wait: Linux's 30 seconds for IPv4 (RFC 1122 section 3.3.2 would allow
    /// more), 60 for IPv6 (RFC 8200 section 4.5).
    const fn timeout_ns(&self) -> u64 {
        match self.src {
            IpAddr::V4(_) => 30 * SECOND,
            IpAddr::V6(_) => 60 * SECOND,
        }
    }
}

/// One fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Bytes of the datagram before it.
    pub(super) offset: u32,
    /// Whether more follow.
    pub(super) more: bool,
    /// Length on the wire.
    pub(super) len: u32,
    /// What was captured of it.
    pub(super) bytes: &'a [u8],
    /// What it says the datagram's protocol is.
    pub(super) protocol: u8,
    /// Bytes of the IP header, which count towards the longest datagram in IPv4.
    pub(super) header_len: u32,
}

/// A datagram's payload, put together.
#[derive(Clone, Debug)]
pub(super) struct Datagram {
    /// From its start to the first byte that was not captured.
    pub(super) bytes: Vec<u8>,
    /// Length on the wire.
    pub(super) len: u32,
    /// Its protocol, from the first fragment.
    pub(super) protocol: u8,
    /// How many fragments it took.
    pub(super) fragments: u16,
}

/// A datagram in the making.
#[derive(Clone, Debug)]
struct Partial {
    started: Timestamp,
    /// Order of arrival, to break ties between equal times.
    number: u64,
    bytes: Vec<u8>,
    /// What has come, as `start..end`, in order and never touching.
    stretches: Vec<(u32, u32)>,
    /// The first byte that came but was not captured.
    cut_at: u32,
    total: Option<u32>,
    protocol: u8,
    fragments: u16,
    /// Overlapped in IPv6: this datagram is dead, and so is what still comes of it (RFC 5722).
    dead: bool,
}

/// Where fragments wait for each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    partials: HashMap<Key, Partial>,
    bytes: usize,
    started: u64,
    /// What the next fragment is known to complete.
    known: Option<Datagram>,
}

impl Reassembly {
    /// One whose next fragment completes this datagram.
    pub(super) fn completing(whole: &Reassembled<'_>) -> Self {
        let known = Datagram {
            bytes: whole.bytes.to_vec(),
            len: whole.len,
            protocol: whole.protocol,
            fragments: whole.fragments,
        };
        Self {
            known: Some(known),
            ..Self::default()
        }
    }

    /// Takes a fragment; gives the datagram if that was the last one missing.
    ///
    /// The error says what is wrong with the fragment. Overlap is noted even where the datagram is
    /// completed all the same, as in IPv4, where what came first stands.
    pub(super) fn add(
        &mut self,
        key: Key,
        piece: Piece<'_>,
        now: Timestamp,
    ) -> (Option<Datagram>, Option<Fault>) {
        if let Some(known) = self.known.take() {
            return (Some(known), None);
        }
        if let Some(fault) = impossible(&key, &piece) {
            return (None, Some(fault));
        }
        if let Some(partial) = self.partials.get(&key)
            && now.nanos_since(partial.started) > key.timeout_ns()
        {
            self.forget(&key);
        }
        if !self.partials.contains_key(&key) {
            self.make_room();
            self.started += 1;
        }
        let number = self.started;
        let partial = self
            .partials
            .entry(key)
            .or_insert_with(|| Partial::new(now, number));
        let before = partial.bytes.capacity();
        let fault = partial.add(&piece, key.src.is_ipv6());
        self.bytes = self.bytes + partial.bytes.capacity() - before;
        let complete = partial.is_complete();
        let mut datagram = None;
        if complete && let Some(partial) = self.forget(&key) {
            datagram = Some(partial.finish());
        }
        self.shrink();
        (datagram, fault)
    }

    fn forget(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.bytes -= partial.bytes.capacity();
        Some(partial)
    }

    /// Lets the oldest go until there is room for one more datagram.
    fn make_room(&mut self) {
        while self.partials.len() >= MAX_DATAGRAMS {
            self.forget_oldest();
        }
    }

    /// Lets the oldest go until what is held is within the limit.
    fn shrink(&mut self) {
        while self.bytes > MAX_BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .partials
            .iter()
            .min_by_key(|(_, partial)| (partial.started, partial.number))
            .map(|(key, _)| *key);
        match oldest {
            Some(key) => drop(self.forget(&key)),
            None => self.bytes = 0,
        }
    }
}

/// What no fragment may be, whatever else has come.
fn impossible(key: &Key, piece: &Piece<'_>) -> Option<Fault> {
    let limit = match key.src {
        IpAddr::V4(_) => MAX_LEN.saturating_sub(piece.header_len),
        IpAddr::V6(_) => MAX_LEN,
    };
    let end = piece.offset.saturating_add(piece.len);
    if end > limit {
        return Some(Fault::FragmentBeyond { end, limit });
    }
    if piece.more && (!piece.len.is_multiple_of(8) || piece.len == 0) {
        return Some(Fault::FragmentLength { len: piece.len });
    }
    None
}

impl Partial {
    const fn new(started: Timestamp, number: u64) -> Self {
        Self {
            started,
            number,
            bytes: Vec::new(),
            stretches: Vec::new(),
            cut_at: u32::MAX,
            total: None,
            protocol: 0,
            fragments: 0,
            dead: false,
        }
    }

    fn add(&mut self, piece: &Piece<'_>, v6: bool) -> Option<Fault> {
        let (start, end) = (piece.offset, piece.offset + piece.len);
        if let Some(fault) = self.disagrees_on_end(piece.more, end) {
            return Some(fault);
        }
        let overlap = self.overlap(start, end);
        if overlap == Some((start, end)) && self.holds(start, piece.bytes) {
            // The same piece once more: captured twice, or duplicated on the way.
            return None;
        }
        let fault = overlap.map(|(from, to)| Fault::FragmentOverlap { from, to });
        if self.dead || (v6 && fault.is_some()) {
            self.dead = true;
            self.bytes = Vec::new();
            return fault;
        }
        if self.stretches.len() >= MAX_STRETCHES {
            return fault;
        }
        if piece.offset == 0 {
            self.protocol = piece.protocol;
        }
        if !piece.more {
            self.total = Some(end);
        }
        self.fragments = self.fragments.saturating_add(1);
        self.store(start, piece);
        self.cover(start, end);
        fault
    }

    /// The last fragment fixes the end; nothing may lie beyond it, and it can't move.
    fn disagrees_on_end(&self, more: bool, end: u32) -> Option<Fault> {
        let covered = self.stretches.last().map_or(0, |&(_, end)| end);
        let known = match self.total {
            Some(total) if end > total || (!more && end != total) => total,
            None if !more && end < covered => covered,
            _ => return None,
        };
        Some(Fault::FragmentEnd {
            claimed: end,
            known,
        })
    }

    /// The first part of `start..end` that has come already.
    fn overlap(&self, start: u32, end: u32) -> Option<(u32, u32)> {
        let at = self.stretches.partition_point(|&(_, to)| to <= start);
        let &(from, to) = self.stretches.get(at)?;
        (from < end).then_some((from.max(start), to.min(end)))
    }

    /// Whether what is held from `start` on equals `bytes`.
    fn holds(&self, start: u32, bytes: &[u8]) -> bool {
        let start = start as usize;
        self.bytes.get(start..start + bytes.len()) == Some(bytes)
    }

    /// Copies what is new of a piece; what came first stands.
    fn store(&mut self, start: u32, piece: &Piece<'_>) {
        let end = start as usize + piece.bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = start;
        let captured_end = end as u32;
        while at < captured_end {
            let next = self.stretches.partition_point(|&(_, to)| to <= at);
            let (from, to) = self
                .stretches
                .get(next)
                .copied()
                .unwrap_or((u32::MAX, u32::MAX));
            let until = from.clamp(at, captured_end);
            let source = (at - start) as usize..(until - start) as usize;
            if let (Some(target), Some(source)) = (
                self.bytes.get_mut(at as usize..until as usize),
                piece.bytes.get(source),
            ) {
                target.copy_from_slice(source);
            }
            at = to.max(until);
        }
        if (piece.bytes.len() as u32) < piece.len {
            self.cut_at = self.cut_at.min(captured_end);
        }
    }

    /// Marks `start..end` as come, joining it with what it touches.
    fn cover(&mut self, start: u32, end: u32) {
        let first = self.stretches.partition_point(|&(_, to)| to < start);
        let last = self.stretches.partition_point(|&(from, _)| from <= end);
        let joined = self.stretches.get(first..last).unwrap_or_default();
        let from = joined.first().map_or(start, |&(from, _)| from.min(start));
        let to = joined.last().map_or(end, |&(_, to)| to.max(end));
        self.stretches.splice(first..last, [(from, to)]);
    }

    fn is_complete(&self) -> bool {
        !self.dead
            && matches!((&*self.stretches, self.total), ([(0, end)], Some(total)) if *end == total)
    }

    fn finish(mut self) -> Datagram {
        self.bytes.truncate(self.cut_at as usize);
        Datagram {
            bytes: self.bytes,
            len: self.total.unwrap_or(0),
            protocol: self.protocol,
            fragments: self.fragments,
        }
    }
}

#[cfg(test)]
mod tests;
