//! From frames to events: decode, track and judge, joined.

pub use crate::track::{AHEAD, Limits};

use std::cmp::Ordering;

use hashbrown::HashSet;

use crate::decode::{Body, Decoder, Icmp, IcmpDetail, Packet, Tcp, glance};
use crate::event::{Board, Dir, End, Endpoint, Event, Note, Segment, Side};
use crate::frame::{Frame, LinkType};
use crate::track::{Arrival, Connection, Facts, Observation, TooBig, Tracker};
use crate::verdict::{self, Proved};

/// Takes frames in the order of the capture and gives events.
#[derive(Clone, Debug)]
pub struct Analysis {
    decoder: Decoder,
    tracker: Tracker,
    notes: Vec<Note>,
    crowd: Crowd,
    flows_only: bool,
    hindsight: Hindsight,
    learning: bool,
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
    /// Frames of retransmissions that were needless.
    needless: HashSet<u64>,
    /// Frames of retransmissions that a timeout brought about, as the next one shows.
    timeouts: HashSet<u64>,
    /// Frames of what came late, and once more later.
    twice: HashSet<u64>,
    /// Frames of copies that the receiver got, too.
    copies: HashSet<u64>,
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

    /// Takes in what a segment proves of earlier ones.
    fn learn(&mut self, seen: &Observation) {
        if let Some(needless) = seen.needless
            && self.needless.len() < MOST_HINDSIGHT
        {
            self.needless.insert(needless.frame);
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
    }

    /// What later segments prove of a frame.
    fn of(&self, frame: u64) -> Proved {
        Proved {
            needless: !self.needless.is_empty() && self.needless.contains(&frame),
            timeout: !self.timeouts.is_empty() && self.timeouts.contains(&frame),
            twice: !self.twice.is_empty() && self.twice.contains(&frame),
            copied: !self.copies.is_empty() && self.copies.contains(&frame),
        }
    }
}

/// The protocol number of TCP.
const TCP: u8 = 6;

/// Most frames that a list of [`Hindsight`] holds; what is proved beyond it is told where the proof stands only.
const MOST_HINDSIGHT: usize = 1 << 20;

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
            tracker: Tracker::new(limits),
            notes: Vec::new(),
            crowd: Crowd {
                limits,
                said: false,
            },
            flows_only: false,
            hindsight: Hindsight::default(),
            learning: false,
        }
    }

    /// With what an analysis of the same frames has learned before.
    #[must_use]
    pub fn with_hindsight(mut self, hindsight: Hindsight) -> Self {
        self.tracker.assume_scale(hindsight.wscale);
        self.hindsight = hindsight;
        self
    }

    /// Follows all frames only for what they prove about earlier ones: [`Analysis::learned`]. Gives no
    /// events of segments.
    #[must_use]
    pub fn learning(limits: Limits) -> Self {
        let mut analysis = Self::new(limits).flows_only(true);
        analysis.learning = true;
        analysis
    }

    /// What was learned.
    pub fn learned(self) -> Hindsight {
        self.hindsight
    }

    /// Leaves out the events of single segments, for who only wants to know of connections.
    #[must_use]
    pub fn flows_only(mut self, yes: bool) -> Self {
        self.flows_only = yes;
        self
    }

    /// Whether it pays to call [`Analysis::expect`] for the frames that come next.
    pub fn looks_ahead(&self) -> bool {
        self.tracker.looks_ahead()
    }

    /// Says what comes soon, so that what is known of it is at hand by then. Changes no result.
    pub fn expect(&mut self, link_type: LinkType, bytes: &[u8]) {
        if let Some([src, dst]) = glance(link_type, bytes) {
            let end = |(addr, port)| Endpoint { addr, port };
            self.tracker.expect(end(src), end(dst));
        }
    }

    /// Brings what was expected near.
    pub fn bring_near(&mut self) {
        self.tracker.bring_near();
    }

    /// How the connection between these ends stands after the frame handled last; `None` when it is not followed.
    pub fn board(&self, ends: [Endpoint; 2], tunnel: u32) -> Option<Board> {
        self.tracker.between(ends, tunnel).map(Connection::board)
    }

    /// Connections kept, and bytes of detail on them: see [`Limits`].
    pub fn kept(&self) -> (usize, usize) {
        self.tracker.kept()
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
        // Filled in place: handing a packet over by value would copy it for every frame.
        let mut packet = Packet::default();
        self.decoder.decode_into(frame, &mut packet);
        if let Body::Icmp(icmp) = &packet.body {
            hear(&mut self.tracker, icmp, frame, packet.tunnel);
        }
        let (Body::Tcp(tcp), Some(ip)) = (&packet.body, &packet.ip) else {
            return sink(&Event::Packet(frame, &packet));
        };
        let arrival = Arrival {
            frame: frame.number,
            time: frame.time,
            src: Endpoint {
                addr: ip.src,
                port: tcp.src_port,
            },
            dst: Endpoint {
                addr: ip.dst,
                port: tcp.dst_port,
            },
            ip_id: ip.id,
            ttl: ip.ttl,
        };
        let place = self.tracker.observe(&arrival, tcp, packet.tunnel);
        if self.tracker.has_ended() {
            self.crowd.let_go(&mut self.tracker, frame.number, sink)?;
        }
        let Some((seen, connection)) = place.and_then(|place| self.tracker.found(place)) else {
            return sink(&Event::Packet(frame, &packet));
        };
        if self.learning {
            self.hindsight.learn(seen);
        }
        self.notes.clear();
        // Without a fact no rule has a question; that is how nearly every segment is.
        if seen.facts != Facts::NONE {
            let proved = self.hindsight.of(seen.frame);
            verdict::judge(seen, connection, proved, &mut self.notes);
            connection.judged(seen, &self.notes);
        }
        if self.flows_only {
            return Ok(());
        }
        sink(&Event::Segment(&segment(
            frame,
            &packet,
            tcp,
            &arrival,
            seen,
            connection,
            &self.notes,
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
        self.tracker
            .finish()
            .try_for_each(|flow| sink(&Event::Flow(&flow)))?;
        let crowded_out = self.tracker.crowded_out();
        if crowded_out > 0 {
            sink(&Event::Notice(&format!(
                "{crowded_out} connections were let go before they were over, to hold memory"
            )))?;
        }
        sink(&Event::End(end))
    }
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
    arrival: &Arrival,
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
        src: arrival.src,
        dst: arrival.dst,
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
        packet,
        comment: frame.comment,
    }
}
