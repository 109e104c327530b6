//! Looks at the hosts' sockets as packets come and go, and now and then between.
//!
//! A host is looked at when a packet has just been taken from it or given to it, and by a clock: every
//! 10 ms while something changes, up to ten times as seldom while nothing does. A look takes some
//! microseconds in which no frame is carried, so there are at most [`LOOKS_PER_SECOND`] at each host.
//! What comes faster is put together: the next look that is allowed is about the latest packet.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::RunError;
use super::life::after;
use crate::decode::glance;
use crate::event::TcpState;
use crate::frame::{LinkType, Timestamp};
use crate::io::sample::{Diag, Ends};
use crate::lab::truth::{Happening, Line, Sample};
use crate::lab::{Both, Side};

/// Most looks at a host in a second, when it is busy.
pub(super) const LOOKS_PER_SECOND: u32 = 5000;
/// How many may come at once after a pause.
const AT_ONCE: u32 = 100;
/// Most connections that are looked at; then the one that has been quiet longest is left alone.
const MAX_CONNECTIONS: usize = 64;
/// Most ports whose listening sockets are looked at, on each host.
const MAX_LISTENERS: usize = 16;
/// From one look by the clock to the next, when something has changed, and when nothing has for long.
const SOON: Duration = Duration::from_millis(10);
const LATE: Duration = Duration::from_millis(100);

/// The two ends of a connection.
pub(super) type Pair = Both<(IpAddr, u16)>;

/// Looks at the sockets of both hosts.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    hosts: Both<Eye<'a>>,
    connections: Vec<Connection>,
    packets: u64,
}

/// What looks at one host.
#[derive(Debug)]
struct Eye<'a> {
    diag: Diag<'a>,
    budget: Budget,
    /// What was last known of listening sockets.
    listeners: Vec<Sample>,
}

/// A connection that was seen on the wire.
#[derive(Debug)]
struct Connection {
    ends: Pair,
    sights: Both<Sight>,
    /// The last packet of it.
    latest: u64,
    /// When it is looked at next, by the clock; `None`: not before a packet of it comes.
    next: Option<Timestamp>,
    pace: Duration,
}

/// What is known of a connection at one end.
#[derive(Debug, Default)]
struct Sight {
    last: Option<Sample>,
    /// A look that had to be put off, and the packet that it is about.
    due: Option<u64>,
}

/// How many looks are left.
#[derive(Debug)]
struct Budget {
    /// When the next one is allowed, were none saved up.
    next: Timestamp,
}

impl Budget {
    const EACH: Duration = Duration::from_nanos(1_000_000_000 / LOOKS_PER_SECOND as u64);
    const SAVED: Duration = Duration::from_nanos(Self::EACH.as_nanos() as u64 * AT_ONCE as u64);

    /// Takes one, if there is one.
    fn take(&mut self, now: Timestamp) -> bool {
        if self.allowed() > now {
            return false;
        }
        let saved = Timestamp::from_nanos(now.as_nanos().saturating_sub(nanos(Self::SAVED)));
        self.next = after(self.next.max(saved), Self::EACH);
        true
    }

    /// When one may be taken.
    const fn allowed(&self) -> Timestamp {
        self.next
    }
}

impl<'a> Watch<'a> {
    /// Over these sockets of the hosts.
    pub(super) fn new(sockets: Both<BorrowedFd<'a>>) -> Self {
        let eye = |socket| Eye {
            diag: Diag::new(socket),
            budget: Budget {
                next: Timestamp::default(),
            },
            listeners: Vec::new(),
        };
        Self {
            hosts: Both {
                client: eye(sockets.client),
                server: eye(sockets.server),
            },
            connections: Vec::new(),
            packets: 0,
        }
    }

    /// The host on `side` has just sent or received a packet of the connection with these ends.
    ///
    /// # Errors
    ///
    /// When its kernel does not tell of its sockets.
    pub(super) fn packet(
        &mut self,
        side: Side,
        ends: Pair,
        packet: u64,
        now: Timestamp,
        out: &mut Vec<Happening>,
    ) -> Result<(), RunError> {
        let index = self.find(ends, now);
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.next = Some(after(now, SOON));
        connection.pace = SOON;
        let host = self.hosts.of_mut(side);
        if host.budget.take(now) {
            host.look(side, connection, Some(packet), now, out)?;
        } else {
            connection.sights.of_mut(side).due = Some(packet);
        }
        Ok(())
    }

    /// Looks where it is time to.
    ///
    /// # Errors
    ///
    /// As [`Watch::packet`].
    pub(super) fn tick(
        &mut self,
        now: Timestamp,
        out: &mut Vec<Happening>,
    ) -> Result<(), RunError> {
        for connection in &mut self.connections {
            let by_clock = connection.next.is_some_and(|next| next <= now);
            let mut changed = false;
            let mut looked = false;
            for side in [Side::Client, Side::Server] {
                let due = connection.sights.of(side).due;
                let host = self.hosts.of_mut(side);
                if (due.is_some() || by_clock) && host.budget.take(now) {
                    changed |= host.look(side, connection, due, now, out)?;
                    looked = true;
                }
            }
            if by_clock && looked {
                connection.rest(changed, now);
            }
        }
        Ok(())
    }

    /// When to come again at the latest.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let times = self.connections.iter().flat_map(|connection| {
            let due = [Side::Client, Side::Server].into_iter().filter_map(|side| {
                let due = connection.sights.of(side).due;
                due.map(|_| self.hosts.of(side).budget.allowed())
            });
            // By the clock it is both hosts' turn.
            let allowed = |side| self.hosts.of(side).budget.allowed();
            let both = allowed(Side::Client).max(allowed(Side::Server));
            due.chain(connection.next.map(|next| next.max(both)))
        });
        times.min()
    }

    /// The place of a connection in the list, new or not.
    fn find(&mut self, ends: Pair, now: Timestamp) -> usize {
        self.packets += 1;
        let found = self.connections.iter().position(|it| it.ends == ends);
        let index = found.unwrap_or_else(|| {
            let new = Connection {
                ends,
                sights: Both::default(),
                latest: 0,
                next: Some(after(now, SOON)),
                pace: SOON,
            };
            if self.connections.len() < MAX_CONNECTIONS {
                self.connections.push(new);
                return self.connections.len() - 1;
            }
            let oldest = self.connections.iter().enumerate();
            let oldest = oldest
                .min_by_key(|(_, it)| it.latest)
                .map(|(index, _)| index);
            let oldest = oldest.unwrap_or_default();
            if let Some(place) = self.connections.get_mut(oldest) {
                *place = new;
            }
            oldest
        });
        if let Some(connection) = self.connections.get_mut(index) {
            connection.latest = self.packets;
        }
        index
    }
}

impl Connection {
    /// Sets when the clock will look again, after it has just done so.
    fn rest(&mut self, changed: bool, now: Timestamp) {
        self.pace = if changed {
            SOON
        } else {
            self.pace.saturating_mul(2).min(LATE)
        };
        let ended = |sight: &Sight| {
            let last = sight.last.as_ref();
            last.is_none_or(|last| ENDED.iter().any(|state| state.name() == last.state))
        };
        // Without a packet, nothing becomes of these.
        let over = ended(&self.sights.client) && ended(&self.sights.server);
        self.next = (!over).then(|| after(now, self.pace));
    }
}

/// States that only a packet, or a minute, leads out of.
const ENDED: [TcpState; 3] = [TcpState::Closed, TcpState::Listen, TcpState::TimeWait];

impl Eye<'_> {
    /// Looks at one end of a connection. What a packet has led to is told in any case, else only what
    /// has changed. Gives whether something has.
    fn look(
        &mut self,
        side: Side,
        connection: &mut Connection,
        packet: Option<u64>,
        now: Timestamp,
        out: &mut Vec<Happening>,
    ) -> Result<bool, RunError> {
        let ends = Ends {
            local: *connection.ends.of(side),
            peer: *connection.ends.of(side.other()),
        };
        let (own, listener) = match self.ask(side, &ends)? {
            Some(sample) if listens(&sample) => (None, Some(sample)),
            own => (own, None),
        };
        // No socket is the state CLOSED (RFC 9293 section 3.3.2).
        let own = own.unwrap_or_else(|| Sample {
            port: ends.local.1,
            peer_port: ends.peer.1,
            state: TcpState::Closed.name().to_owned(),
            ..Sample::default()
        });
        let sight = connection.sights.of_mut(side);
        sight.due = None;
        let last = sight.last.as_ref();
        let is_closed = own.state == TcpState::Closed.name();
        let changed = last.map_or(!is_closed, |last| !same(last, &own));
        let moved = last.is_none_or(|last| last.state != own.state);
        let mut tell = |sample: &Sample| {
            out.push(Happening::Line(Line::Sample(Box::new(Sample {
                host: side.name().to_owned(),
                time: now,
                packet,
                ..sample.clone()
            }))));
        };
        // Where another one listens, that is the socket that the packet has come to.
        if changed || packet.is_some() && listener.is_none() {
            tell(&own);
        }
        let comes_to_listener = listener.is_some() && packet.is_some();
        sight.last = Some(own);
        // A connection that comes to be, or is accepted, changes what waits at the listening socket.
        let known = self.listeners.iter().find(|it| it.port == ends.local.1);
        let waiting = known.is_some_and(|known| known.recv_queue != Some(0));
        let listener = match listener {
            None if moved || waiting => self.ask(side, &ends.listener())?.filter(listens),
            listener => listener,
        };
        let Some(listener) = listener else {
            return Ok(changed);
        };
        let news = known_changed(&mut self.listeners, &listener);
        if news || comes_to_listener {
            tell(&listener);
        }
        Ok(changed || news)
    }

    fn ask(&mut self, side: Side, ends: &Ends) -> Result<Option<Sample>, RunError> {
        let asked = self.diag.lookup(ends);
        asked.map_err(|error| RunError::Sample { side, error })
    }
}

fn listens(sample: &Sample) -> bool {
    sample.state == TcpState::Listen.name()
}

/// Notes what is known of a listening socket. Gives whether that is new.
fn known_changed(listeners: &mut Vec<Sample>, listener: &Sample) -> bool {
    if let Some(known) = listeners.iter_mut().find(|it| it.port == listener.port) {
        let news = !same(known, listener);
        *known = listener.clone();
        return news;
    }
    listeners.truncate(MAX_LISTENERS - 1);
    listeners.push(listener.clone());
    true
}

/// Whether two samples say the same, but for what always goes on while a connection is busy.
fn same(a: &Sample, b: &Sample) -> bool {
    a.state == b.state
        && a.ca_state == b.ca_state
        && Sample {
            busy_ns: b.busy_ns,
            rwnd_limited_ns: b.rwnd_limited_ns,
            sndbuf_limited_ns: b.sndbuf_limited_ns,
            ..a.clone()
        } == *b
}

/// The ends of the connection that a frame from `from` belongs to; `None` when it is not TCP.
pub(super) fn ends(frame: &[u8], from: Side) -> Option<Pair> {
    // The second and later fragments of a datagram have no ports.
    let ip = frame.get(14..)?;
    if ip.first()? >> 4 == 4 && u16::from_be_bytes([*ip.get(6)?, *ip.get(7)?]) & 0x1fff != 0 {
        return None;
    }
    let [src, dst] = glance(LinkType::ETHERNET, frame)?;
    Some(match from {
        Side::Client => Both {
            client: src,
            server: dst,
        },
        Side::Server => Both {
            client: dst,
            server: src,
        },
    })
}

const fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use etherparse::PacketBuilder;

    use super::*;

    #[test]
    fn looks_are_rationed_and_a_pause_saves_some_up() {
        let mut budget = Budget {
            next: Timestamp::default(),
        };
        let second = 1_000_000_000;
        // A microsecond apart for a second, after a long pause.
        let taken = (0..1_000_000).filter(|us| {
            let now = Timestamp::from_nanos(100 * second + us * 1000);
            budget.take(now)
        });
        assert_eq!(taken.count() as u32, LOOKS_PER_SECOND + AT_ONCE);
        assert!(budget.take(budget.allowed()));
    }

    #[test]
    fn ends_are_the_hosts_and_a_fragment_has_none() {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
            .tcp(8080, 4000, 1, 1)
            .write(&mut frame, &[])
            .unwrap();
        let (client, server) = (([10, 0, 0, 1].into(), 4000), ([10, 0, 0, 2].into(), 8080));
        let expected = Both { client, server };
        assert_eq!(ends(&frame, Side::Server), Some(expected));
        frame[14 + 7] = 1;
        assert_eq!(ends(&frame, Side::Server), None);
        assert_eq!(ends(&frame[..20], Side::Server), None);
    }

    #[test]
    fn of_many_connections_the_latest_are_watched() {
        let nothing = std::fs::File::open("/dev/null").unwrap();
        let mut watch = Watch::new(Both {
            client: nothing.as_fd(),
            server: nothing.as_fd(),
        });
        let pair = |port| Both {
            client: ([10, 0, 0, 1].into(), port),
            server: ([10, 0, 0, 2].into(), 8080),
        };
        let now = Timestamp::default();
        for port in 1..=500 {
            watch.find(pair(port), now);
            watch.find(pair(1), now);
        }
        assert_eq!(watch.connections.len(), MAX_CONNECTIONS);
        let known = |port| watch.connections.iter().any(|it| it.ends == pair(port));
        assert!(known(1) && known(500) && !known(2));
    }
}
