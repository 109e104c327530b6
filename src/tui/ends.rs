//! What the pane of both endpoints knows: how the connection stands after the row looked at, on which scale it is
//! drawn, and what the kernels had in mind where that was recorded.

use std::sync::Arc;

use crate::event::{Board, Endpoint, Figures, HalfBoard, Side};
use crate::frame::Timestamp;

/// So long after a frame the reading may be that was made because of it.
const AT_ONCE_NS: u64 = 1_000_000;

/// What a kernel had in mind about its end of a connection, at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mind {
    /// When, by the clock of the capture.
    pub time: Timestamp,
    /// The port at this end, and at the far end.
    pub ports: (u16, u16),
    /// The figures.
    pub figures: Figures,
}

/// State of the pane.
#[derive(Debug, Default)]
pub(in crate::tui) struct Ends {
    /// The view of the capture that the rows below are of.
    pub(in crate::tui) view: u64,
    /// The row whose board was asked for and has not come.
    pub(in crate::tui) asked: Option<u64>,
    /// The row whose board came last; `None` in it when there is none.
    pub(in crate::tui) known: Option<(u64, Option<Box<Board>>)>,
    /// The most that each side of the connection had to show at once, of all boards that came, so that the scale
    /// stays while one steps; and the connection.
    pub(in crate::tui) reach: (u32, [u32; 2]),
    minds: Arc<[Mind]>,
}

impl Ends {
    /// Takes in how the connection stands after a row.
    pub(in crate::tui) fn learn(&mut self, row: u64, board: Option<Box<Board>>) {
        if let Some(board) = &board {
            if self.reach.0 != board.flow {
                self.reach = (board.flow, [0; 2]);
            }
            for (reach, half) in self.reach.1.iter_mut().zip(&board.halves) {
                *reach = needed(half).max(*reach);
            }
        }
        self.known = Some((row, board));
    }

    /// Takes in what the kernels had in mind during all of the capture.
    pub(in crate::tui) fn remember(&mut self, minds: Arc<[Mind]>) {
        self.minds = minds;
    }

    /// What the kernel of `end` had in mind when `time` had passed, `next` being when something else is captured;
    /// and the longest that its queue of bytes to send was in all.
    pub(in crate::tui) fn mind(
        &self,
        [end, far]: [Endpoint; 2],
        time: Timestamp,
        next: Option<Timestamp>,
    ) -> Option<(Figures, u64)> {
        // Between the same ports nothing tells whose reading it is.
        let own = |mind: &&Mind| mind.ports == (end.port, far.port) && end.port != far.port;
        // A reading comes a little after what it is about.
        let latest = Timestamp::from_nanos(time.as_nanos().saturating_add(AT_ONCE_NS));
        let until = next.map_or(latest, |next| next.max(time).min(latest));
        let before = self.minds.partition_point(|mind| mind.time <= until);
        let found = self.minds[..before].iter().rev().find(own)?;
        let queues = self.minds.iter().filter(own);
        let longest = queues.filter_map(|mind| mind.figures.send_queue).max();
        Some((found.figures, longest.unwrap_or(0)))
    }
}

/// How many numbers there are to show of what a side sends: what was outstanding at most, and room for ten segments
/// of its (RFC 6928 section 2) as far as the window lets it send them.
fn needed(half: &HalfBoard) -> u32 {
    let burst = half.largest.saturating_mul(10);
    let allowed = if half.widest > 0 { half.widest } else { burst };
    half.peak.max(burst.min(allowed))
}

/// The ends of a segment's connection, initiator first.
pub(in crate::tui) const fn ends(dir: Side, src: Endpoint, dst: Endpoint) -> [Endpoint; 2] {
    match dir {
        Side::Initiator => [src, dst],
        Side::Responder => [dst, src],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mind(at: u64, ports: (u16, u16), cwnd: u32) -> Mind {
        Mind {
            time: Timestamp::from_nanos(at),
            ports,
            figures: Figures {
                cwnd: Some(cwnd),
                send_queue: Some(u64::from(cwnd) * 100),
                ..Figures::default()
            },
        }
    }

    #[test]
    fn the_reading_just_after_a_frame_belongs_to_it_and_the_next_one_does_not() {
        let end = |port| Endpoint {
            addr: std::net::Ipv4Addr::LOCALHOST.into(),
            port,
        };
        let ends = Ends {
            minds: [
                mind(1_000, (1, 80), 10),
                mind(1_500, (80, 1), 4),
                mind(2_050, (1, 80), 11),
                mind(9_000_000, (1, 80), 12),
            ]
            .into(),
            ..Ends::default()
        };
        let at = |time, next: Option<u64>| {
            let next = next.map(Timestamp::from_nanos);
            let found = ends.mind([end(1), end(80)], Timestamp::from_nanos(time), next);
            found.and_then(|(figures, longest)| Some((figures.cwnd?, longest)))
        };
        assert_eq!(at(900, Some(950)), None);
        assert_eq!(at(990, Some(2_000)), Some((10, 1_200)));
        assert_eq!(at(2_000, Some(20_000_000)), Some((11, 1_200)));
        assert_eq!(at(2_000, None), Some((11, 1_200)));
        assert_eq!(at(8_900_000, None), Some((12, 1_200)));
    }

    #[test]
    fn the_scale_of_a_connection_only_grows() {
        let mut ends = Ends::default();
        let mut board = Board {
            frame: 1,
            flow: 0,
            halves: [HalfBoard::default(), HalfBoard::default()],
            gave_up_at: None,
        };
        board.halves[0].largest = 1000;
        ends.learn(0, Some(Box::new(board.clone())));
        assert_eq!(ends.reach, (0, [10_000, 0]));
        board.halves[0].widest = 3000;
        board.halves[0].peak = 2500;
        assert_eq!(needed(&board.halves[0]), 3000, "the window allows no more");
        ends.learn(1, Some(Box::new(board.clone())));
        assert_eq!(ends.reach, (0, [10_000, 0]));
        board.flow = 1;
        ends.learn(2, Some(Box::new(board)));
        assert_eq!(ends.reach, (1, [3000, 0]));
    }
}
