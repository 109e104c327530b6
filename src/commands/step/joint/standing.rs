//! How a connection stands at a row of two captures in step: each end as its own capture has it, which is what that
//! host knew then (RFC 9293 section 3.3.1). What is on its way is sent at the one and not yet received at the other.

use std::convert::Infallible;

use super::Ends;
use super::rows::{Home, Rows};
use crate::analysis::{Analysis, Limits};
use crate::event::{Board, Event, HalfBoard, Host, Kept, Moved, Segment, Side};
use crate::explain::Windows;
use crate::io::Source;

/// The two captures, each read as far as it was last asked for.
#[derive(Default)]
pub(super) struct Standing {
    walks: [Option<Walk>; 2],
}

/// A capture on the way.
struct Walk {
    source: Box<dyn Source>,
    analysis: Analysis,
    windows: Windows,
    /// The frame that was read last.
    frame: u64,
}

impl Standing {
    /// How the connection of the row at `place` stands after it; for what is no segment, the connection that had one
    /// last, or else first. `None` before either host has seen anything of it.
    pub(super) fn board(&mut self, captures: &Ends, rows: &Rows, place: usize) -> Option<Board> {
        let all = rows.all();
        let row = all.get(place)?;
        let anchor = anchor(all, place)?;
        let segment = anchor.segment()?;
        let sides = sides(anchor, segment)?;
        let reached = rows.reached(place)?;
        let mut board = Board {
            frame: anchor.frame,
            flow: segment.flow,
            halves: [HalfBoard::default(), HalfBoard::default()],
            gave_up_at: None,
        };
        let mut known = false;
        for host in [Host::Client, Host::Server] {
            let frame = reached[host.index()];
            let Some(home) = rows.home(segment.flow, host).filter(|_| frame > 0) else {
                continue;
            };
            let Some(own) = self.at(captures, host, frame, home) else {
                continue;
            };
            let mut half = own.of(home.side).clone();
            // What this row is not about was moved before it.
            if !(row.shows(Some(host), frame) && own.frame == frame) {
                half.moved = Moved::default();
            }
            board.halves[sides[host.index()].index()] = half;
            board.gave_up_at = board.gave_up_at.or(own.gave_up_at);
            known = true;
        }
        known.then_some(board)
    }

    /// How a host's capture has its connection after a frame. It is read on from where it was, or anew.
    fn at(&mut self, captures: &Ends, host: Host, frame: u64, home: &Home) -> Option<Board> {
        let walk = &mut self.walks[host.index()];
        if walk.as_ref().is_none_or(|walk| walk.frame > frame) {
            *walk = Some(Walk {
                source: captures.open(host).ok()?,
                analysis: Analysis::new(Limits::default()),
                windows: Windows::default(),
                frame: 0,
            });
        }
        let walk = walk.as_mut()?;
        walk.to(frame);
        let mut board = walk.analysis.board(home.ends, home.tunnel)?;
        let estimate = walk.windows.estimate(board.flow, home.side);
        board.halves[home.side.index()].cwnd = estimate;
        Some(board)
    }
}

impl Walk {
    /// Reads on to that frame, or to where the capture ends: what is wrong with it was told when all was read.
    fn to(&mut self, frame: u64) {
        while self.frame < frame {
            let Ok(Some(next)) = self.source.next_frame() else {
                self.frame = frame;
                return;
            };
            self.frame = next.number;
            let windows = &mut self.windows;
            let done: Result<(), Infallible> = self.analysis.handle(&next, &mut |event| {
                match event {
                    Event::Segment(segment) => windows.observe(segment),
                    Event::Flow(flow) => windows.forget(flow.flow),
                    _ => {}
                }
                Ok(())
            });
            let Ok(()) = done;
        }
    }
}

/// The row itself where it is a segment, or the nearest before it that is one, or after it.
fn anchor(all: &[Kept], place: usize) -> Option<&Kept> {
    let before = all.get(..=place)?.iter().rev();
    let after = all.get(place + 1..)?.iter();
    before.chain(after).find(|row| row.segment().is_some())
}

/// Which side the client is, and which the server, in a row with a segment.
fn sides(row: &Kept, segment: &Segment<'_>) -> Option<[Side; 2]> {
    let side = segment.dir.0;
    Some(match row.sender()? {
        Host::Client => [side, side.other()],
        Host::Server => [side.other(), side],
    })
}
