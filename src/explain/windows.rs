//! The congestion windows of all connections by estimate, as they are at each segment: so little is kept for it
//! that who walks through a capture can keep it with every place to walk on from.

use hashbrown::HashMap;

use super::congestion::Congestion;
use super::heard::{Heard, UnderWay, full};
use crate::event::{CwndEstimate, Kind, Segment, Side};
use crate::wire::seq::Seq;

/// Connections followed at once; of more there is no estimate.
const MOST: usize = 4096;

/// The windows of those that carry data.
#[derive(Clone, Debug, Default)]
pub struct Windows(HashMap<u32, [Sender; 2]>);

/// One direction.
#[derive(Clone, Debug, Default)]
struct Sender {
    /// Payload of a full segment.
    full: u32,
    under_way: UnderWay,
    congestion: Congestion,
    /// From the capture to it and back, and to the other side, as they were last: 0 while nothing tells.
    legs_ns: [u64; 2],
}

impl Windows {
    /// Memory that a connection takes, in bytes, about.
    pub const EACH: usize = size_of::<(u32, [Sender; 2])>() * 8 / 7;

    /// Takes the next segment of any connection. As in what set the pace, what the receiver discards and what
    /// probes says nothing.
    pub fn observe(&mut self, s: &Segment<'_>) {
        let room = s.len > 0 && self.0.len() < MOST;
        let halves = match self.0.get_mut(&s.flow) {
            Some(halves) => halves,
            None if room => self.0.entry(s.flow).or_default(),
            None => return,
        };
        let silent = [Kind::ChecksumBad, Kind::CaptureDuplicate];
        if s.notes.iter().any(|note| silent.contains(&note.kind)) {
            return;
        }
        let probe = |kind| matches!(kind, Kind::ZeroWindowProbe | Kind::KeepAlive);
        let data = s.len > 0 && !s.flags.rst() && !s.notes.iter().any(|note| probe(note.kind));
        let from = s.dir.0;
        for (side, half) in [Side::Initiator, Side::Responder].into_iter().zip(halves) {
            while let Some((_, heard)) = half.under_way.arrived(s.time) {
                half.hears(heard.ack);
            }
            half.legs_ns = [s.legs_ns[side.index()], s.legs_ns[side.other().index()]];
            if side == from && data {
                half.full = full(half.full, s);
                half.congestion.sends(s, half.full);
            } else if let Some(heard) = Heard::of(s).filter(|_| side != from)
                && let Some(heard) = half.under_way.put(heard, s.time, half.legs_ns[0])
            {
                half.hears(heard.ack);
            }
        }
    }

    /// Forgets a connection that was let go.
    pub fn forget(&mut self, flow: u32) {
        self.0.remove(&flow);
    }

    /// How many connections it knows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it knows of none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The window of a direction; `None` where too little was sent to have filled it, and where the capture was made
    /// nearer to the receiver, or that is not known: ACKs count too soon there.
    pub fn estimate(&self, flow: u32, side: Side) -> Option<CwndEstimate> {
        let half = self.0.get(&flow)?.get(side.index())?;
        let [own, other] = half.legs_ns;
        let near = own > 0 && own <= other;
        let bytes = half.congestion.window().filter(|_| near)?;
        half.congestion.mean()?;
        Some(CwndEstimate {
            bytes,
            segments: bytes.div_ceil(half.full.max(1)),
        })
    }
}

impl Sender {
    fn hears(&mut self, ack: Seq) {
        self.congestion.hears(ack, self.full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Analysis, Limits};
    use crate::event::Event;
    use crate::explain::Explainer;
    use crate::{io, recordings};

    /// Hands over each segment of a recording, with what both estimates say after it.
    fn both(name: &str, mut see: impl FnMut(&Segment<'_>, &Windows, &Explainer)) {
        let (_, bytes) = recordings::capture(name).unwrap();
        let mut source = io::file::from_bytes(bytes).unwrap();
        let (mut windows, mut explainer) = (Windows::default(), Explainer::new());
        let mut analysis = Analysis::new(Limits::default());
        while let Some(frame) = source.next_frame().unwrap() {
            let done: Result<(), std::convert::Infallible> =
                analysis.handle(&frame, &mut |event| {
                    if let Event::Segment(segment) = event {
                        windows.observe(segment);
                        explainer.observe(segment);
                        see(segment, &windows, &explainer);
                    }
                    Ok(())
                });
            let Ok(()) = done;
        }
    }

    #[test]
    fn they_are_what_explain_estimates_segment_by_segment() {
        let mut estimates = 0;
        for name in ["slow-start", "queue-overflow-20", "reno-vs-cubic"] {
            both(name, |segment, windows, explainer| {
                for side in [Side::Initiator, Side::Responder] {
                    if let Some(estimate) = windows.estimate(segment.flow, side) {
                        let other = explainer.congestion_window(segment.flow, side);
                        assert_eq!(Some(estimate.bytes), other, "{name} {}", segment.frame);
                        estimates += 1;
                    }
                }
            });
        }
        assert!(estimates > 500, "{estimates}");
    }

    #[test]
    fn near_the_receiver_and_of_few_segments_there_is_none() {
        for name in ["slow-start/server", "retransmission", "data"] {
            both(name, |segment, windows, _| {
                let estimate = windows.estimate(segment.flow, Side::Initiator);
                assert_eq!(estimate, None, "{name} {}", segment.frame);
            });
        }
    }

    #[test]
    fn a_connection_that_was_let_go_is_forgotten() {
        let mut last = Windows::default();
        both("slow-start", |_, windows, _| last = windows.clone());
        assert_eq!(last.len(), 1);
        last.forget(0);
        assert!(last.is_empty() && last.estimate(0, Side::Initiator).is_none());
    }
}
