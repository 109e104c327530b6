//! Puts what both ends tell into the order in which it happened. The far program tells of a call when it
//! has come back, and its kernel only when asked, so that segments overtake both on their way to us.

use std::time::Duration;

use super::after;
use crate::event::HandmadeEvent;
use crate::frame::Timestamp;

/// How long something earlier may still turn up.
const PATIENCE: Duration = Duration::from_millis(10);
/// Most events held back; beyond that the earliest are told at once.
const MOST: usize = 1 << 10;

/// What happened and is not told yet, the earliest first.
#[derive(Default)]
pub(super) struct Order(Vec<HandmadeEvent>);

impl Order {
    /// Takes something. Of what happened at once, the first to be told stays the first.
    pub(super) fn push(&mut self, event: HandmadeEvent) {
        let time = time_of(&event);
        let at = self.0.partition_point(|it| time_of(it) <= time);
        self.0.insert(at, event);
    }

    /// The earliest, once nothing can come before it any more; without a time, at once.
    pub(super) fn pop(&mut self, now: Option<Timestamp>) -> Option<HandmadeEvent> {
        let due = self.due()?;
        let ripe = now.is_none_or(|now| due <= now) || self.0.len() > MOST;
        ripe.then(|| self.0.remove(0))
    }

    /// When the earliest is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.0.first().map(|it| after(time_of(it), PATIENCE))
    }
}

const fn time_of(event: &HandmadeEvent) -> Timestamp {
    match event {
        HandmadeEvent::Link(it) => it.time,
        HandmadeEvent::Segment(it) => it.time,
        HandmadeEvent::Remark(it) => it.time,
        HandmadeEvent::Kernel(it) => it.time,
        HandmadeEvent::Call(it) => it.time,
        HandmadeEvent::Judged(it) => it.time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CallNews;

    fn call(ms: u64, text: &str) -> HandmadeEvent {
        HandmadeEvent::Call(CallNews {
            time: at(ms),
            text: text.to_owned(),
        })
    }

    const fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn what_was_told_late_comes_where_it_happened() {
        let mut order = Order::default();
        order.push(call(12, "the data came"));
        order.push(call(12, "and this at once"));
        order.push(call(11, "send"));
        assert_eq!(order.due(), Some(at(21)));
        assert_eq!(order.pop(Some(at(20))), None);
        assert_eq!(order.pop(Some(at(21))), Some(call(11, "send")));
        assert_eq!(order.pop(Some(at(21))), None);
        assert_eq!(order.pop(None), Some(call(12, "the data came")));
        assert_eq!(order.pop(None), Some(call(12, "and this at once")));
        assert_eq!((order.pop(None), order.due()), (None, None));
    }
}
