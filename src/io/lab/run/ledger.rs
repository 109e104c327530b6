//! Which frame of which capture shows a packet of the wire.

use std::collections::VecDeque;

use crate::lab::truth::{FateLine, Frames};
use crate::lab::{Both, Fate, Origin, Side};

/// Most packets whose frames are remembered. A packet is forgotten only when it is still on the wire
/// after so many later ones have entered it; its fate then names no frame of the sender.
const MAX_PACKETS: usize = 1 << 22;

/// Numbers frames, and knows which of them are which packet.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Frames of each capture so far.
    frames: Both<u64>,
    /// The sender's frame of each packet from `first` on.
    packets: VecDeque<u64>,
    first: u64,
}

impl Ledger {
    /// A host sent the packet of that number: its frame in that host's capture.
    pub(super) fn sent(&mut self, side: Side, packet: u64) -> u64 {
        let frame = self.next(side);
        if self.packets.is_empty() {
            self.first = packet;
        }
        if self.packets.len() >= MAX_PACKETS {
            self.packets.pop_front();
            self.first += 1;
        }
        self.packets.push_back(frame);
        frame
    }

    /// A host received a frame: its number in that host's capture.
    pub(super) fn received(&mut self, side: Side) -> u64 {
        self.next(side)
    }

    /// Nothing is on the wire, so nothing more will be asked about what has been.
    pub(super) fn forget(&mut self) {
        self.packets.clear();
    }

    /// A fate as a line, with its frames. `received`: where it was delivered, and as which frame.
    pub(super) fn line(&self, fate: &Fate, received: Option<(Side, u64)>) -> FateLine {
        let mut frames = Both::default();
        if let Origin::Host(side) = fate.from {
            *frames.of_mut(side) = self.frame_of(fate.packet);
        }
        if let Some((side, frame)) = received {
            *frames.of_mut(side) = Some(frame);
        }
        FateLine::new(
            fate,
            Frames {
                client: frames.client,
                server: frames.server,
            },
        )
    }

    /// The frame that shows a packet in its sender's capture.
    fn frame_of(&self, packet: u64) -> Option<u64> {
        let index = usize::try_from(packet.checked_sub(self.first)?).ok()?;
        self.packets.get(index).copied()
    }

    fn next(&mut self, side: Side) -> u64 {
        let frames = self.frames.of_mut(side);
        *frames += 1;
        *frames
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::frame::Timestamp;
    use crate::lab::Outcome;

    fn fate(packet: u64, from: Origin) -> Fate {
        Fate {
            packet,
            time: Timestamp::default(),
            from,
            outcome: Outcome::Delivered,
            cause: None,
            delivered_at: None,
            late: Duration::ZERO,
            delivery: None,
        }
    }

    #[test]
    fn each_capture_counts_what_its_host_sends_and_receives() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.sent(Side::Client, 1), 1);
        assert_eq!(ledger.sent(Side::Client, 2), 2);
        let received = Some((Side::Server, ledger.received(Side::Server)));
        let line = ledger.line(&fate(2, Origin::Host(Side::Client)), received);
        assert_eq!((line.frame.client, line.frame.server), (Some(2), Some(1)));
        assert_eq!(ledger.sent(Side::Server, 3), 2);
        // What a router says was sent by no host.
        let received = Some((Side::Client, ledger.received(Side::Client)));
        let line = ledger.line(&fate(1, Origin::Router(0)), received);
        assert_eq!((line.frame.client, line.frame.server), (Some(3), None));
        // Lost: nobody received it.
        let line = ledger.line(&fate(3, Origin::Host(Side::Server)), None);
        assert_eq!((line.frame.client, line.frame.server), (None, Some(2)));
        // And numbers go on when the wire has been empty.
        ledger.forget();
        assert_eq!(ledger.sent(Side::Server, 4), 3);
        let line = ledger.line(&fate(4, Origin::Host(Side::Server)), None);
        assert_eq!(line.frame.server, Some(3));
    }
}
