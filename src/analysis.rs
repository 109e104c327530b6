//! From frames to events: decode, track and judge, joined.

pub use crate::track::Limits;

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use hashbrown::{HashMap, HashSet};

use crate::decode::{Body, Decoder, Icmp, IcmpDetail, Packet, Plain, Tcp};
use crate::event::{Board, Dir, End, Endpoint, Event, Note, Segment, Side};
use crate::frame::{BATCH, Frame};
use crate::track::{Arrival, Connection, Facts, Observation, Place, Proof, TooBig, Tracker};
use crate::verdict::{self, Proved};

/// Takes frames in the order of the capture and gives events.
#[derive(Clone, Debug)]
pub struct Analysis {
    decoder: Decoder,
    follower: Follower,
    flows_only: bool,
}

/// All of it that comes after decoding: what a packet holds is borrowed from the decoder.
#[derive(Clone, Debug)]
struct Follower {
    tracker: Tracker,
    notes: Vec<Note>,
    crowd: Crowd,
    /// Shared, since it can be large and analyses of the same capture are kept by the hundred.
    hindsight: Arc<Hindsight>,
    learning: bool,
    learned: Hindsight,
}

/// What a look at a frame that comes soon has found.
#[derive(Debug)]
pub struct Ahead<'a> {
    plain: Option<(Plain<'a>, Arrival)>,
    /// Where its connection probably is.
    near: Place,
}

/// What is known beyond the frames so far.
///
/// Later frames prove things about earlier ones. A capture that can be read twice is read once for this:
/// then a retransmission can be told to have been needless where it stands, and not only where the
/// proof does.
#[derive(Clone, Debug, Default)]
pub struct Hindsight {
    /// The shift of windows in connections whose SYNs are not in the capture, if somebody knows it.
    wscale: Option<u8>,
    /// Frames of retransmissions that were needless, and what proves it so many frames later.
    needless: HashMap<u64, (u32, Proof)>,
    /// Frames of retransmissions that a timeout brought about, as the next one shows.
    timeouts: HashSet<u64>,
    /// Frames of what came late, and once more later.
    twice: HashSet<u64>,
    /// Frames of copies that the receiver got, too.
    copies: HashSet<u64>,
    /// Frames that acknowledge what the capture holds only behind them, though from no later: how much of it.
    behind: HashMap<u64, u32>,
}

impl Hindsight {
    /// Nothing but the scale, if that.
    pub fn knowing_scale(shift: Option<u8>) -> Self {
        Self::default().and_scale(shift)
    }

    /// And the scale, if that is known.
    #[must_use]
    pub fn and_scale(mut self, shift: Option<u8>) -> Self {
        self.wscale = shift;
        self
    }

    /// Whether nothing of single frames is known, so that reading again would tell nothing new.
    pub fn is_empty(&self) -> bool {
        let sets = [&self.timeouts, &self.twice, &self.copies];
        let others = self.needless.is_empty() && self.behind.is_empty();
        others && sets.into_iter().all(HashSet::is_empty)
    }

    /// Takes in what a segment proves of earlier ones.
    fn learn(&mut self, seen: &Observation) {
        if let Some(needless) = seen.needless
            && self.needless.len() < MOST_HINDSIGHT
        {
            let later = u32::try_from(seen.frame.saturating_sub(needless.frame));
            let proof = (later.unwrap_or(u32::MAX), needless.proof);
            self.needless.entry(needless.frame).or_insert(proof);
        }
        if let Some(frame) = seen.doubled
            && self.timeouts.len() < MOST_HINDSIGHT
        {
            self.timeouts.insert(frame);
        }
        if let Some((frame, Ordering::Equal)) = seen.twin
            && self.twice.len() < MOST_HINDSIGHT
        {
            self.twice.insert(frame);
        }
        if let Some(frame) = seen.copy_arrived
            && self.copies.len() < MOST_HINDSIGHT
        {
            self.copies.insert(frame);
        }
        if let Some((frame, bytes)) = seen.written_behind()
            && self.behind.len() < MOST_HINDSIGHT
        {
            let behind = self.behind.entry(frame).or_default();
            *behind = behind.saturating_add(bytes);
        }
    }

    /// What later segments prove of a frame.
    fn of(&self, frame: u64) -> Proved {
        Proved {
            needless: (self.needless.get(&frame))
                .map(|(later, proof)| (frame + u64::from(*later), *proof)),
            timeout: !self.timeouts.is_empty() && self.timeouts.contains(&frame),
            twice: !self.twice.is_empty() && self.twice.contains(&frame),
            copied: !self.copies.is_empty() && self.copies.contains(&frame),
            behind: if self.behind.is_empty() {
                0
            } else {
                self.behind.get(&frame).copied().unwrap_or(0)
            },
        }
    }
}

/// The protocol number of TCP.
const TCP: u8 = 6;

/// Most frames that a list of [`Hindsight`] holds; what is proved beyond it is told where the proof stands only.
const MOST_HINDSIGHT: usize = 1 << 19;

/// Whether it was said that there is too much, and how much that is.
#[derive(Clone, Debug)]
struct Crowd {
    limits: Limits,
    said: bool,
}

impl Analysis {
    /// Starts with nothing known.
    pub fn new(limits: Limits) -> Self {
        Self {
            decoder: Decoder::new(),
            follower: Follower {
                tracker: Tracker::new(limits),
                notes: Vec::new(),
                crowd: Crowd {
                    limits,
                    said: false,
                },
                hindsight: Arc::default(),
                learning: false,
                learned: Hindsight::default(),
            },
            flows_only: false,
        }
    }

    /// The analysis as it stands, to go on from here another time. It knows what this one knows, and
    /// nothing of what this one learns.
    #[must_use]
    pub fn checkpoint(&self) -> Self {
        let Follower {
            tracker,
            crowd,
            hindsight,
            ..
        } = &self.follower;
        Self {
            decoder: self.decoder.clone(),
            follower: Follower {
                tracker: tracker.clone(),
                notes: Vec::new(),
                crowd: crowd.clone(),
                hindsight: Arc::clone(hindsight),
                learning: false,
                learned: Hindsight::default(),
            },
            flows_only: self.flows_only,
        }
    }

    /// With what an analysis of the same frames has learned before.
    #[must_use]
    pub fn with_hindsight(mut self, hindsight: Hindsight) -> Self {
        self.follower.tracker.assume_scale(hindsight.wscale);
        self.follower.hindsight = Arc::new(hindsight);
        self
    }

    /// Follows all frames only for what they prove about earlier ones: [`Analysis::learned`]. Gives no
    /// events of segments.
    #[must_use]
    pub fn learning(limits: Limits) -> Self {
        let mut analysis = Self::new(limits).flows_only(true);
        analysis.follower.learning = true;
        analysis
    }

    /// What was learned.
    pub fn learned(self) -> Hindsight {
        self.follower.learned
    }

    /// Leaves out the events of single segments, for who only wants to know of connections.
    #[must_use]
    pub fn flows_only(mut self, yes: bool) -> Self {
        self.flows_only = yes;
        self
    }

    /// Looks at frames that come next before they are handled one by one, so that what is known of their
    /// connections is at hand by then: fills `ahead`, which is empty. Changes no result.
    pub fn look_ahead<'a>(&self, frames: &[Frame<'a>], ahead: &mut ArrayVec<Ahead<'a>, BATCH>) {
        ahead.extend(frames.iter().take(BATCH).map(Ahead::at));
        let tracker = &self.follower.tracker;
        if tracker.looks_ahead() && ahead.len() > 1 {
            let arrivals = ahead.iter().map(|ahead| Some(&ahead.plain.as_ref()?.1));
            let places = tracker.bring_near(arrivals);
            for (ahead, place) in ahead.iter_mut().zip(places) {
                ahead.near = place;
            }
        }
    }

    /// How the connection between these ends stands after the frame handled last; `None` when it is not followed.
    pub fn board(&self, ends: [Endpoint; 2], tunnel: u32) -> Option<Board> {
        self.follower.tracker.board(ends, tunnel)
    }

    /// Connections kept, and bytes of detail on them: see [`Limits`].
    pub fn kept(&self) -> (usize, usize) {
        self.follower.tracker.kept()
    }

    /// Takes the next frame and hands the events that come of it to `sink`.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn handle<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.handle_ahead(frame, &Ahead::at(frame), sink)
    }

    /// The same of a frame that [`Analysis::look_ahead`] has looked at.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn handle_ahead<E>(
        &mut self,
        frame: &Frame<'_>,
        ahead: &Ahead<'_>,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.flows_only
            && let Some((plain, arrival)) = &ahead.plain
        {
            return self.follower.follow(arrival, plain.tcp(), ahead.near, sink);
        }
        // Filled in place: handing a packet over by value would copy it for every frame.
        let mut packet = Packet::default();
        let plain = ahead.plain.as_ref().map(|(plain, _)| plain);
        self.decoder.decode_as(frame, plain, &mut packet);
        if let Body::Icmp(icmp) = &packet.body {
            hear(&mut self.follower.tracker, icmp, frame, packet.tunnel);
        }
        let (Body::Tcp(tcp), Some(ip)) = (&packet.body, &packet.ip) else {
            return sink(&Event::Packet(frame, &packet));
        };
        let ends = ends((ip.src, ip.dst), tcp);
        let arrival = match &ahead.plain {
            Some((_, arrival)) => *arrival,
            None => Arrival::of(frame, ends, packet.tunnel, (ip.id, ip.ttl)),
        };
        let place = self.follower.tracker.observe(&arrival, tcp, ahead.near);
        self.follower.judge(frame.number, place, sink)?;
        let Some((seen, connection)) = place.and_then(|place| self.follower.tracker.found(place))
        else {
            return sink(&Event::Packet(frame, &packet));
        };
        if self.flows_only {
            return Ok(());
        }
        sink(&Event::Segment(&segment(
            frame,
            &packet,
            tcp,
            ends,
            seen,
            connection,
            &self.follower.notes,
        )))
    }

    /// Ends the analysis: the flows still followed, then `end`.
    ///
    /// # Errors
    ///
    /// Only what `sink` gives.
    pub fn finish<E>(
        &mut self,
        end: &End,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.follower
            .tracker
            .finish()
            .try_for_each(|flow| sink(&Event::Flow(&flow)))?;
        let crowded_out = self.follower.tracker.crowded_out();
        if crowded_out > 0 {
            sink(&Event::Notice(&format!(
                "{crowded_out} connections were let go before they were over, to hold memory"
            )))?;
        }
        sink(&Event::End(end))
    }
}

impl Follower {
    /// Follows a segment for who only wants to know of connections: what is as it was to be expected leaves
    /// nothing to judge and, but for what it may prove of others, nothing to know.
    fn follow<E>(
        &mut self,
        arrival: &Arrival,
        tcp: &Tcp<'_>,
        near: Place,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = if self.learning {
            self.tracker.observe(arrival, tcp, near)
        } else {
            self.tracker.observe_untold(arrival, tcp, near)
        };
        if place.is_none() && !self.tracker.has_ended() {
            return Ok(());
        }
        self.judge(arrival.frame, place, sink)
    }

    /// Reports the connections that the segment just followed has ended, and has the rules judge it.
    fn judge<E>(
        &mut self,
        frame: u64,
        place: Option<Place>,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.tracker.has_ended() {
            self.crowd.let_go(&mut self.tracker, frame, sink)?;
        }
        let Some((seen, connection)) = place.and_then(|place| self.tracker.found(place)) else {
            return Ok(());
        };
        if self.learning {
            self.learned.learn(seen);
        }
        self.notes.clear();
        // Without a fact no rule has a question; that is how nearly every segment is.
        if seen.facts != Facts::NONE {
            let proved = self.hindsight.of(seen.frame);
            verdict::judge(seen, connection, proved, &mut self.notes);
            connection.judged(seen, &self.notes);
        }
        Ok(())
    }
}

impl<'a> Ahead<'a> {
    /// A frame by itself: where its connection is known is not looked for.
    #[inline]
    fn at(frame: &Frame<'a>) -> Self {
        let plain = Plain::read(frame).map(|plain| {
            let ends = ends(plain.ends(), plain.tcp());
            (plain, Arrival::of(frame, ends, 0, plain.id_and_ttl()))
        });
        Self {
            plain,
            near: Place::NOWHERE,
        }
    }
}

/// The ends of a segment between these addresses.
#[inline]
fn ends((src, dst): (IpAddr, IpAddr), tcp: &Tcp<'_>) -> [Endpoint; 2] {
    let (from, to) = (tcp.src_port, tcp.dst_port);
    [(src, from), (dst, to)].map(|(addr, port)| Endpoint { addr, port })
}

impl Crowd {
    /// Reports the connections that this frame's made room for, or replaced.
    fn let_go<E>(
        &mut self,
        tracker: &mut Tracker,
        frame: u64,
        sink: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        tracker
            .ended()
            .iter()
            .try_for_each(|flow| sink(&Event::Flow(flow)))?;
        if tracker.crowded_out() > 0 && !self.said {
            self.said = true;
            sink(&Event::Notice(&format!(
                "from frame {frame} on there is more than is followed at once ({} connections, {} KiB \
                 of what is outstanding or missing on them): those that are least to be missed are \
                 let go, and count as new if they go on",
                self.limits.connections,
                self.limits.details / 1024,
            )))?;
        }
        Ok(())
    }
}

/// Takes in what an ICMP error says of a connection. Anybody can send one; so it explains what its
/// target does next, and changes nothing else.
fn hear(tracker: &mut Tracker, icmp: &Icmp<'_>, frame: &Frame<'_>, tunnel: u32) {
    let (IcmpDetail::Mtu(mtu), Some(quoted)) = (icmp.detail, &icmp.quoted) else {
        return;
    };
    let (Some((from, to)), true) = (quoted.ports, quoted.protocol == TCP) else {
        return;
    };
    let end = |addr, port| Endpoint { addr, port };
    let word = TooBig {
        frame: frame.number,
        time: frame.time,
        mtu,
    };
    let (src, dst) = (end(quoted.src, from), end(quoted.dst, to));
    tracker.too_big(src, dst, tunnel, word);
}

fn segment<'a>(
    frame: &Frame<'a>,
    packet: &'a Packet<'a>,
    tcp: &Tcp<'a>,
    [src, dst]: [Endpoint; 2],
    seen: &Observation,
    connection: &Connection,
    notes: &'a [Note],
) -> Segment<'a> {
    let (sender, receiver) = match seen.side {
        Side::Initiator => (&connection.halves[0], &connection.halves[1]),
        Side::Responder => (&connection.halves[1], &connection.halves[0]),
    };
    // On a pure ACK it is the other side's data that is on its way.
    let own = seen.len > 0 || tcp.flags.syn() || tcp.flags.fin() || tcp.flags.rst();
    let (flying, bound, in_flight_of) = if own {
        (sender, receiver, seen.side)
    } else {
        (receiver, sender, seen.side.other())
    };
    Segment {
        frame: seen.frame,
        time: seen.time,
        flow: seen.flow,
        dir: Dir(seen.side),
        src,
        dst,
        flags: tcp.flags,
        seq: sender.relative(seen.seq),
        ack: seen.ack.map(|ack| receiver.relative(ack)),
        seq_raw: tcp.seq.0,
        ack_raw: tcp.ack.0,
        len: seen.len,
        window: tcp.window,
        window_bytes: seen.window,
        options: seen.options,
        option_bytes: tcp.options,
        options_cut: tcp.options_cut,
        payload: tcp.payload,
        new_bytes: seen.new.min(seen.len),
        newly_acked: seen.newly_acked,
        in_flight: flying.in_flight(),
        in_flight_of,
        flight_window: bound.window,
        legs_ns: connection.legs_ns(),
        rtt: seen.rtt,
        state_before: seen.state_before,
        state: seen.state,
        phase: seen.phase,
        checksum: tcp.checksum,
        notes,
        wireshark: None,
        cwnd: None,
        packet,
        comment: frame.comment,
    }
}
