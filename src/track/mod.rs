//! The TCP tracker: follows every connection of a capture, sans-IO, one file per question.
//!
//! [`Tracker::observe`] takes a segment, [`Tracker::found`] gives the facts about it ([`Observation`])
//! and the [`Connection`] as it stands after it. It judges nothing: that is `verdict`'s.
//!
//! | question | file |
//! |---|---|
//! | is it what was to be expected, so that nothing else need be asked? | `predicted` |
//! | which connection? | `key`, `table` |
//! | is it an artefact of the capture? | `artefact` |
//! | how does it open? | `handshake` |
//! | what is new, what fills a hole, what was sent before? | `sequence`, `holes`, `sent` |
//! | what does the ACK say? | `acks`, `ranges` |
//! | which retransmissions were needless, as it turned out? | `needless` |
//! | in which order was it sent? | `order` |
//! | how long was the round trip? | `rtt` |
//! | how much may be sent? | `window` |
//! | is it there only for its answer? | `probe` |
//! | which states are the endpoints in? | `closing` |
//! | must its receiver ask back before it believes it? | `suspect` |
//! | how much of everything? | `count`, `counts`, `rare`, `summary` |

mod acks;
mod artefact;
mod asked;
mod board;
mod closing;
mod connection;
mod count;
mod counts;
mod half;
mod handshake;
mod history;
mod holes;
mod key;
mod needless;
mod observation;
mod order;
mod predicted;
mod probe;
mod ranges;
mod rare;
mod rtt;
mod sent;
mod sequence;
mod summary;
mod suspect;
mod table;
mod window;

pub use connection::{Arrival, Connection, Remarks};
pub use counts::Counts;
pub use half::{Base, Half, Offer};
use handshake::MAX_SHIFT;
pub use holes::Hole;
pub use key::FlowKey;
pub use needless::{Needless, Proof, Resendings};
pub use observation::{Earlier, Facts, Marks, Observation, Probe};
pub use order::Stamp;
pub use ranges::RangeSet;
pub use rare::{Rare, Spoiled, TooBig};
pub use sent::{Acked, Sent, SentList, Store};
pub use suspect::{Suspect, Suspicion};

use arrayvec::ArrayVec;

use crate::decode::Tcp;
use crate::event::{Endpoint, Flow, LetGo, Side};
use crate::frame::BATCH;
use predicted::Said;
use table::Table;

/// What is kept at most, so that memory is bounded whatever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections followed at once.
    pub connections: usize,
    /// Sent segments remembered per direction of a connection.
    pub ranges: usize,
    /// Bytes of what is outstanding, missing or remarkable on all connections together, beside the
    /// kilobyte that each has. Beyond half of that a direction keeps [`Limits::SCARCE`] segments;
    /// beyond all of it connections are let go.
    pub details: usize,
}

impl Limits {
    /// Sent segments a direction may keep when there is little room left.
    pub const SCARCE: usize = 16;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            ranges: 16_384,
            details: 12 << 20,
        }
    }
}

/// Follows all connections of a capture.
#[derive(Clone, Debug)]
pub struct Tracker {
    table: Table,
    limits: Limits,
    store: Store,
    next_number: u32,
    ended: Vec<Flow>,
    crowded_out: u64,
    seen: Observation,
    /// Where the latest segment's connection was.
    latest: usize,
    assumed_scale: Option<u8>,
}

/// As many connections fit into a second-level cache; there is nothing to be brought near.
const NEAR: usize = 512;

/// Where in the tracker a connection is, until the next segment is observed, or probably is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// A place that no table is large enough to have: where is not known.
    pub const NOWHERE: Self = Self(usize::MAX);
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(limits: Limits) -> Self {
        Self {
            table: Table::new(limits.connections),
            limits,
            store: Store::new(limits.ranges),
            next_number: 0,
            ended: Vec::new(),
            crowded_out: 0,
            seen: Observation::blank(),
            latest: Place::NOWHERE.0,
            assumed_scale: None,
        }
    }

    /// The shift to be taken for windows whose scale the capture does not tell; `None`: it stays
    /// unknown.
    pub fn assume_scale(&mut self, shift: Option<u8>) {
        self.assumed_scale = shift.map(|shift| shift.min(MAX_SHIFT));
    }

    /// Follows one segment, whose connection is perhaps at `near`; [`Tracker::found`] then gives the facts
    /// about it.
    pub fn observe(&mut self, arrival: &Arrival, tcp: &Tcp<'_>, near: Place) -> Option<Place> {
        let known = self.place_of(arrival, near);
        self.follow(arrival, tcp, known, Said::of(arrival, tcp).as_ref())
    }

    /// The same for who wants to know of the segment only what is not as it was to be expected: nothing, if
    /// all is.
    pub fn observe_untold(
        &mut self,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        near: Place,
    ) -> Option<Place> {
        let known = self.place_of(arrival, near);
        if let (Some(place), Some(said)) = (known, Said::of(arrival, tcp))
            && self.goes_as_predicted(place, arrival, &said)
        {
            return None;
        }
        self.follow(arrival, tcp, known, None)
    }

    /// Where the connection of a segment is, if it is known; perhaps at `near`.
    #[inline]
    fn place_of(&self, arrival: &Arrival, near: Place) -> Option<usize> {
        let near = if near == Place::NOWHERE {
            self.latest
        } else {
            near.0
        };
        if self.table.is_at(near, &arrival.key) {
            Some(near)
        } else {
            self.table.find(&arrival.key)
        }
    }

    /// Takes in a segment of the connection at a place and returns true, if it is as expected.
    #[inline]
    fn goes_as_predicted(&mut self, place: usize, arrival: &Arrival, said: &Said<'_>) -> bool {
        self.limit_store();
        let (store, seen) = (&mut self.store, &mut self.seen);
        let as_predicted = self.table.pass(place, arrival.time, |connection| {
            let side = side(connection, arrival.sender_is_low);
            connection.goes_as_predicted::<false>(seen, said, side, store)
        });
        if as_predicted {
            self.latest = place;
            self.shed(place);
        }
        as_predicted
    }

    fn follow(
        &mut self,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        mut known: Option<usize>,
        said: Option<&Said<'_>>,
    ) -> Option<Place> {
        let mut earlier = None;
        if tcp.flags.syn()
            && let Some(old) = known
        {
            earlier = self.replace(old, arrival.sender_is_low, tcp);
            known = known.filter(|_| earlier.is_none());
        }
        let place = known.unwrap_or_else(|| self.begin(arrival, tcp, earlier));
        self.latest = place;
        self.limit_store();
        let (store, seen) = (&mut self.store, &mut self.seen);
        self.table.visit(place, arrival.time, |connection| {
            let side = side(connection, arrival.sender_is_low);
            connection.observe(seen, arrival, tcp, side, store, said);
        })?;
        self.shed(place);
        Some(Place(place))
    }

    /// How many segments a direction may keep just now.
    #[inline]
    fn limit_store(&mut self) {
        let scarce = self.table.weight() > self.limits.details / 2;
        self.store.limit = if scarce {
            Limits::SCARCE
        } else {
            self.limits.ranges
        };
    }

    /// Lets go of connections while there is more of them than memory for it, but not of the one at `spare`.
    #[inline]
    fn shed(&mut self, spare: usize) {
        if self.table.weight() > self.limits.details {
            self.shed_some(spare);
        }
    }

    #[cold]
    fn shed_some(&mut self, spare: usize) {
        while self.table.weight() > self.limits.details {
            let Some(connection) = self.table.shed(spare) else {
                break;
            };
            self.crowded_out += 1;
            self.let_go(&connection, LetGo::TableFull);
        }
    }

    /// Lets go of the connection that a SYN begins anew, if it does: then tells what it was.
    #[cold]
    fn replace(&mut self, old: usize, sender_is_low: bool, tcp: &Tcp<'_>) -> Option<Earlier> {
        let connection = self.table.get(old)?;
        if !begins_anew(connection, side(connection, sender_is_low), tcp) {
            return None;
        }
        let (time, frame) = connection.latest();
        let earlier = Earlier {
            flow: connection.number,
            frame,
            time,
        };
        if let Some(connection) = self.table.remove(old) {
            self.let_go(&connection, LetGo::Replaced);
        }
        Some(earlier)
    }

    /// Takes in that a packet from `src` to `dst` was too long for the path.
    pub fn too_big(&mut self, src: Endpoint, dst: Endpoint, tunnel: u32, word: TooBig) {
        let (key, sender_is_low) = FlowKey::of(src, dst, tunnel);
        let Some(connection) = self.table.find(&key).and_then(|at| self.table.get_mut(at)) else {
            return;
        };
        let side = if sender_is_low == connection.initiator_is_low {
            Side::Initiator
        } else {
            Side::Responder
        };
        connection.halves[side.index()].rare_mut().too_big = Some(word);
    }

    /// Whether there are so many connections that it pays to know which come next.
    pub fn looks_ahead(&self) -> bool {
        self.table.len() > NEAR
    }

    /// Brings the connections of segments that come soon near, and tells where each probably is. Changes
    /// no result.
    ///
    /// With tens of thousands of connections each segment waits for its own to come from memory, several
    /// times; looked up together they are waited for at once. The less there is to be done between one and the
    /// next, the more of them are under way: so a step is done for all before the next one.
    pub fn bring_near<'a>(
        &self,
        arrivals: impl Iterator<Item = Option<&'a Arrival>>,
    ) -> ArrayVec<Place, BATCH> {
        let table = &self.table;
        let hashes: ArrayVec<_, BATCH> = arrivals
            .take(BATCH)
            .map(|arrival| arrival.map(|arrival| table.hash(&arrival.key)))
            .collect();
        let place = |hash| table.guess(hash).map_or(Place::NOWHERE, Place);
        let places: ArrayVec<_, BATCH> = hashes
            .iter()
            .map(|hash| hash.map_or(Place::NOWHERE, place))
            .collect();
        let near = || places.iter().filter_map(|place| table.get(place.0));
        let mut touched = 0_u64;
        for connection in near() {
            touched ^= connection.touch();
        }
        // Only now are the pointers in them at hand.
        for connection in near() {
            touched ^= connection.touch_beyond();
        }
        std::hint::black_box(touched);
        places
    }

    /// The connection between these ends.
    pub fn between(&self, [one, other]: [Endpoint; 2], tunnel: u32) -> Option<&Connection> {
        let (key, _) = FlowKey::of(one, other, tunnel);
        self.table.find(&key).and_then(|at| self.table.get(at))
    }

    /// What was found about the latest segment, and its connection as it stands after it.
    pub fn found(&mut self, place: Place) -> Option<(&Observation, &mut Connection)> {
        Some((&self.seen, self.table.get_mut(place.0)?))
    }

    fn begin(&mut self, arrival: &Arrival, tcp: &Tcp<'_>, earlier: Option<Earlier>) -> usize {
        let mut leaving = Vec::new();
        self.table.make_room(arrival.time, |connection, reason| {
            leaving.push(connection.summary(reason));
        });
        for flow in leaving {
            self.crowded_out += u64::from(flow.let_go == LetGo::TableFull);
            self.ended.push(flow);
        }
        let initiator_is_low = arrival.sender_is_low == sender_initiates(tcp);
        let mut connection = Connection::new(self.next_number, arrival, initiator_is_low);
        if !tcp.flags.syn() {
            for half in &mut connection.halves {
                half.shift = self.assumed_scale;
            }
        }
        if earlier.is_some() {
            connection.remarks.get_or_insert_default().earlier = earlier;
        }
        self.next_number = self.next_number.wrapping_add(1);
        self.table.insert(connection)
    }

    fn let_go(&mut self, connection: &Connection, reason: LetGo) {
        self.ended.push(connection.summary(reason));
    }

    /// Whether connections were let go since [`Tracker::ended`] was last asked.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// The connections let go since this was last asked; empty almost always.
    pub fn ended(&mut self) -> Vec<Flow> {
        std::mem::take(&mut self.ended)
    }

    /// Connections kept, and bytes of detail on them: see [`Limits`].
    pub fn kept(&self) -> (usize, usize) {
        (self.table.len(), self.table.weight())
    }

    /// How many connections had to make room for others before they were over.
    pub fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// Lets go of everything, in order of the connections' numbers.
    pub fn finish(&mut self) -> impl Iterator<Item = Flow> + use<> {
        self.table
            .drain()
            .into_iter()
            .map(|connection| connection.summary(LetGo::CaptureEnded))
    }
}

/// Which side of the connection the sender is. Where both ends are the same address and port, only
/// the order of the addresses could tell, and it does not: the initiator is taken to send.
#[inline]
fn side(connection: &Connection, sender_is_low: bool) -> Side {
    if sender_is_low == connection.initiator_is_low || connection.key.is_loop() {
        Side::Initiator
    } else {
        Side::Responder
    }
}

/// Whether a segment starts a new connection on the four-tuple of one that is known: a SYN whose
/// number is not the one its sender started with.
fn begins_anew(connection: &Connection, side: Side, tcp: &Tcp<'_>) -> bool {
    let sender = &connection.halves[side.index()];
    let opens = tcp.flags.syn() && !tcp.flags.ack() && !tcp.flags.rst();
    opens && sender.seen() && sender.base != tcp.seq
}

/// Whether the sender of a connection's first segment is its initiator: by the SYN, or else by the
/// ports, where one looks like a service and the other does not (RFC 6335 section 6; 32768 is where
/// Linux begins to pick ports).
fn sender_initiates(tcp: &Tcp<'_>) -> bool {
    if tcp.flags.syn() {
        return !tcp.flags.ack();
    }
    let class = |port: u16| match port {
        0..=1023 => 0,
        1024..=32_767 => 1,
        _ => 2,
    };
    class(tcp.src_port) >= class(tcp.dst_port)
}
