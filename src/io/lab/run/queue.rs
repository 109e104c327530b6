//! From the wire to whoever writes and shows: a queue that is never waited for.
//!
//! A disk that is slow must not make the wire late. So there is room for what comes meanwhile, and when
//! that is full the run ends with an error: a capture with holes would be no truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::lab::truth::Happening;

/// Most bytes that wait to be written.
pub(super) const MAX_BYTES: usize = 256 << 20;
/// What a happening takes beside the bytes of a frame, roughly.
const EACH: usize = 400;

/// Some happenings, in order.
type Batch = Vec<Happening>;

/// How full the queue is.
#[derive(Debug)]
struct Level {
    limit: usize,
    bytes: AtomicUsize,
    overrun: AtomicBool,
}

/// The end that happenings are put into.
#[derive(Debug)]
pub(super) struct Sender {
    to: mpsc::Sender<Batch>,
    level: Arc<Level>,
}

/// The end that they come out of.
#[derive(Debug)]
pub(super) struct Receiver {
    from: mpsc::Receiver<Batch>,
    level: Arc<Level>,
}

/// An empty queue for so many bytes.
pub(super) fn queue(limit: usize) -> (Sender, Receiver) {
    let (to, from) = mpsc::channel();
    let level = Arc::new(Level {
        limit,
        bytes: AtomicUsize::new(0),
        overrun: AtomicBool::new(false),
    });
    let receiver = Receiver {
        from,
        level: Arc::clone(&level),
    };
    (Sender { to, level }, receiver)
}

impl Sender {
    /// Puts happenings at the end, all of them or, when there is no room, none.
    pub(super) fn send(&self, batch: Batch) {
        let weight = weight(&batch);
        let before = self.level.bytes.fetch_add(weight, Ordering::Relaxed);
        if before.saturating_add(weight) > self.level.limit {
            self.level.overrun.store(true, Ordering::Relaxed);
            self.level.bytes.fetch_sub(weight, Ordering::Relaxed);
            return;
        }
        // Nobody there to receive it: then the run has ended, and with it the interest.
        let _ = self.to.send(batch);
    }

    /// Whether something was lost because there was no room.
    pub(super) fn is_overrun(&self) -> bool {
        self.level.overrun.load(Ordering::Relaxed)
    }
}

impl Receiver {
    /// The next happenings, when there are some; waits for them until then. `None` when the
    /// sender is gone.
    pub(super) fn recv(&self) -> Option<Batch> {
        self.from.recv().ok().inspect(|batch| self.taken(batch))
    }

    fn taken(&self, batch: &Batch) {
        let weight = weight(batch);
        self.level.bytes.fetch_sub(weight, Ordering::Relaxed);
    }
}

fn weight(batch: &Batch) -> usize {
    let bytes = |happening: &Happening| match happening {
        Happening::Frame(frame) => frame.bytes.len() + EACH,
        Happening::Line(_) => EACH,
    };
    batch.iter().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::lab::Side;
    use crate::lab::truth::HostFrame;

    fn frame(number: u64, len: usize) -> Happening {
        Happening::Frame(HostFrame {
            side: Side::Client,
            number,
            time: Timestamp::default(),
            sent: true,
            bytes: vec![0; len],
        })
    }

    #[test]
    fn what_is_taken_makes_room_and_what_has_none_is_told() {
        let (sender, receiver) = queue(3 * (EACH + 100));
        for number in 1..=10 {
            sender.send(vec![frame(number, 100), frame(number + 100, 100)]);
            assert_eq!(receiver.recv().unwrap()[0], frame(number, 100));
        }
        assert!(!sender.is_overrun());
        sender.send(vec![frame(1, 100), frame(2, 100)]);
        sender.send(vec![frame(3, 101)]);
        assert!(sender.is_overrun());
        // What was there is still there, and nothing else.
        assert_eq!(receiver.recv().map(|batch| batch.len()), Some(2));
        drop(sender);
        assert_eq!(receiver.recv(), None);
    }
}
