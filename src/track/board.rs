//! How a connection stands, for who looks at it between two segments (RFC 9293 section 3.3.1).

use super::{Connection, Half, Observation, Sent, Tracker};
use crate::event::{Board, Endpoint, HalfBoard, How, Moved, Side, Stretch};
use crate::wire::seq::Seq;

impl Tracker {
    /// How the connection between these ends stands after the segment observed last, and what that has moved if
    /// it was one of its; `None` when it is not followed.
    pub fn board(&self, ends: [Endpoint; 2], tunnel: u32) -> Option<Board> {
        let connection = self.between(ends, tunnel)?;
        let mut board = connection.board();
        if self.seen.flow == connection.number && self.seen.frame == board.frame {
            connection.moved(&self.seen, &mut board);
        }
        Some(board)
    }
}

impl Connection {
    /// How it stands.
    fn board(&self) -> Board {
        let [initiator, responder] = &self.halves;
        Board {
            frame: self.latest().1,
            flow: self.number,
            halves: [initiator.board(responder), responder.board(initiator)],
            gave_up_at: self.remarks.as_ref().and_then(|it| it.gave_up_at),
        }
    }

    /// What a segment that was just observed has moved.
    fn moved(&self, seen: &Observation, board: &mut Board) {
        let half = |side: Side| &self.halves[side.index()];
        let (sender, data) = (half(seen.side), half(seen.side.other()));
        if sender.seen() {
            // Before its first segment nothing of its numbers is known, unless the other side acknowledged some.
            let first = sender.counts.packets <= 1 && seen.nxt == Seq(0);
            let before = if first { seen.seq } else { seen.nxt };
            let by = sender.nxt.from(before).max(0).unsigned_abs();
            board.halves[seen.side.index()].moved.nxt = by;
        }
        let una = data.una.minus(seen.newly_acked);
        // The window of a SYN is of another scale, and what was before it is no window of this connection.
        let before = seen.window_before.filter(|_| !seen.flags.syn());
        let edge = sender.edge.zip(before);
        let moved = &mut board.halves[seen.side.other().index()].moved;
        moved.una = seen.newly_acked;
        moved.edge = edge.map_or(0, |(edge, window)| edge.from(una.plus(window)));
    }
}

impl Half {
    /// How this direction stands, `other` being what comes the other way.
    fn board(&self, other: &Self) -> HalfBoard {
        let known = |seq| self.known().then(|| self.relative(seq));
        let (stretches, more) = self.stretches();
        let rare = self.rare();
        let rto_ns = self.rto_ns();
        HalfBoard {
            state: self.state,
            una: known(self.una),
            nxt: known(self.nxt),
            wnd: other.window,
            wnd_field: other.window_field,
            edge: other.edge.and_then(known),
            moved: Moved::default(),
            widest: other.shift.map_or(0, |_| other.counts.max_window),
            rcv_nxt: self
                .last_ack
                .and_then(|ack| other.known().then(|| other.relative(ack))),
            rcv_wnd: self.window,
            fin: self.fin.and_then(known),
            stretches,
            more,
            in_flight: self.in_flight(),
            sacked: self.sacked().0,
            peak: self.counts.max_outstanding.max(self.outstanding()),
            largest: self.counts.max_segment,
            unseen: rare.map_or(0, |rare| rare.holes.missing()),
            dup_acks: self.counts.dup_acks,
            recovery: rare.and_then(|rare| rare.recovery_until).and_then(known),
            timeouts: self.timeouts(),
            srtt_ns: (self.srtt_ns > 0).then_some(self.srtt_ns),
            // The samples begin and end at the capture; the sender waits for the way between them, too.
            rto_ns: rto_ns.map(|ns| ns.saturating_add(other.counts.rtt.min)),
            // That is told by a story, not by a table: see `explain::Windows`.
            cwnd: None,
        }
    }

    /// What is outstanding, by how it stands, and how many stretches there are beyond those listed.
    fn stretches(&self) -> (Vec<Stretch>, u32) {
        let layers = Layers::of(self);
        let mut edges = layers.edges();
        edges.sort_unstable();
        edges.dedup();
        let (mut list, mut more) = (Vec::<Stretch>::new(), 0);
        let mut last = None;
        for pair in edges.windows(2) {
            let &[from, to] = pair else { continue };
            let how = layers.at(from);
            let relative = |offset| self.relative(self.una.plus(offset));
            if last == Some(how) {
                if let Some(stretch) = list.last_mut().filter(|_| more == 0) {
                    stretch.to = relative(to);
                }
                continue;
            }
            last = Some(how);
            if list.len() < HalfBoard::MOST {
                list.push(Stretch {
                    from: relative(from),
                    to: relative(to),
                    how,
                });
            } else {
                more += 1;
            }
        }
        (list, more)
    }
}

/// What is known of outstanding numbers, each as its distance from SND.UNA: ranges in order, each with its own.
struct Layers {
    outstanding: u32,
    sacked: Vec<(u32, u32)>,
    again: Vec<(u32, u32, u8)>,
    unseen: Vec<(u32, u32)>,
    /// Before this the other side lacked what it did not hold, when it said so last.
    lacking: u32,
    /// What was sent for the first time since.
    late: Vec<(u32, u32)>,
}

impl Layers {
    fn of(half: &Half) -> Self {
        let (una, outstanding) = (half.una, half.outstanding());
        // What reaches out of the window is cut; by distances, since numbers have no order.
        let cut = |(from, to): (Seq, Seq)| {
            let end = to.from(una).max(0).unsigned_abs().min(outstanding);
            let start = from.from(una).max(0).unsigned_abs().min(end);
            (start, end)
        };
        let within = |&(from, to): &(u32, u32)| from < to;
        let place = |sent: &Sent| cut((sent.seq, sent.end));
        let again = half.sent.iter().filter(|sent| sent.resent > 0);
        let again = again.map(|sent| (place(sent), sent.resent));
        let again = again.filter(|(range, _)| within(range));
        let holes = half.rare().map(|rare| rare.holes.iter());
        let unseen = holes.into_iter().flatten();
        let unseen = unseen.map(|hole| cut((hole.start, hole.end)));
        let unseen: Vec<_> = unseen.filter(within).collect();
        let sacked = half.rare().map(|rare| rare.sacked.iter());
        let sacked = sacked.into_iter().flatten().map(cut);
        let sacked: Vec<_> = sacked.filter(within).collect();
        // A duplicate ACK asks for the segment at SND.UNA, or for what was not seen there.
        let first = half.sent.find(una).map(|sent| cut((una, sent.end)).1);
        let first = first.or_else(|| unseen.first().filter(|(from, _)| *from == 0).map(|r| r.1));
        let asked = first.filter(|_| half.counts.dup_acks > 0).unwrap_or(0);
        let lacking = sacked.last().map_or(0, |&(_, to)| to).max(asked);
        let said = half.dup_ack_frame().max(half.una_frame);
        let late = half.sent.iter().filter(|sent| sent.frame > said);
        let late = late.map(place).filter(|range| range.0 < lacking);
        Self {
            outstanding,
            late: late.filter(within).collect(),
            again: again.map(|((from, to), times)| (from, to, times)).collect(),
            sacked,
            unseen,
            lacking,
        }
    }

    /// Where the standing can change.
    fn edges(&self) -> Vec<u32> {
        let ranges = self.sacked.iter().chain(&self.unseen).chain(&self.late);
        let ranges = ranges.copied();
        let again = self.again.iter().map(|&(from, to, _)| (from, to));
        let both = ranges.chain(again).flat_map(|(from, to)| [from, to]);
        let lacking = self.lacking.min(self.outstanding);
        both.chain([0, lacking, self.outstanding]).collect()
    }

    fn at(&self, offset: u32) -> How {
        let covers = |ranges: &[(u32, u32)]| {
            let at = ranges.partition_point(|&(_, to)| to <= offset);
            ranges.get(at).is_some_and(|&(from, _)| from <= offset)
        };
        let again = self.again.partition_point(|&(_, to, _)| to <= offset);
        let again = self.again.get(again).filter(|&&(from, ..)| from <= offset);
        match again {
            _ if covers(&self.sacked) => How::Sacked,
            Some(&(.., times)) => How::Again(times),
            None if offset < self.lacking && !covers(&self.late) => How::Lacking,
            None if covers(&self.unseen) => How::Unseen,
            None => How::Sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::Base;

    #[test]
    fn what_is_beyond_the_most_is_counted() {
        let mut half = Half::default();
        let base = Seq(u32::MAX - 500);
        half.set_base(Base::Syn, base, base);
        (half.una, half.nxt) = (base.plus(1), base.plus(2001));
        for at in 0..100 {
            let from = base.plus(11 + at * 20);
            half.rare_mut().sacked.insert(from, from.plus(10));
        }
        let (list, more) = half.stretches();
        // Each of the hundred has one before it that is lacking.
        assert_eq!((list.len(), more), (HalfBoard::MOST, 152));
        let first = Stretch {
            from: 1,
            to: 11,
            how: How::Lacking,
        };
        assert_eq!(list.first(), Some(&first));
        assert_eq!(
            list.last().map(|it| (it.to, it.how)),
            Some((481, How::Sacked))
        );
    }
}
