//! In which order a sender sent what a capture shows, where that can be told.
//!
//! Timestamps go up with time (RFC 7323 section 5.4), and so does the one that is echoed (section 4.3).
//! Where they are equal or missing there is the identification of IPv4: many hosts count it up with each
//! packet. It need not mean anything (RFC 6864 section 4.1), so it counts only for a sender that has been
//! seen to count.

use std::cmp::Ordering;

use super::connection::Connection;
use super::half::Half;
use super::observation::Observation;
use crate::event::Side;

/// What of a segment tells when it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// TSval and TSecr.
    pub ts: Option<(u32, u32)>,
    /// The identification of its IPv4 packet, if that is not 0.
    pub id: Option<u16>,
}

/// Steps in which an identification goes up while its host says little to others.
const STEP: i16 = 64;
const STEP_BACK: i16 = -STEP;
/// Steps in a row after which a sender is known to count.
const ENOUGH: u8 = 2;

impl Stamp {
    /// The stamp of a segment with that timestamp option and that IP identification.
    #[inline]
    pub(super) fn new(ts: Option<(u32, u32)>, ip_id: Option<u32>) -> Self {
        // IPv6 has longer ones, and only in fragments.
        let id = ip_id.and_then(|id| u16::try_from(id).ok());
        Self {
            ts,
            id: id.filter(|&id| id != 0),
        }
    }

    /// Whether this was sent before or after `other`; `None` if that can't be told. `counts` says
    /// whether its sender is known to count its packets.
    #[inline]
    pub fn order(self, other: Self, counts: bool) -> Option<Ordering> {
        let apart = |(a, b): (u32, u32)| (a.wrapping_sub(b) as i32).cmp(&0);
        let by_time = self.ts.zip(other.ts).map(|(mine, its)| {
            let by_value = apart((mine.0, its.0));
            by_value.then(apart((mine.1, its.1)))
        });
        let by_id = self.id.zip(other.id).filter(|_| counts);
        by_time
            .filter(|order| order.is_ne())
            .or(by_id.map(|(mine, its)| (mine.wrapping_sub(its) as i16).cmp(&0)))
            .filter(|order| order.is_ne())
    }
}

/// The latest identification of a sender, and whether it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    latest: Option<u16>,
    steps: u8,
}

impl Ids {
    /// Whether it is known to count.
    pub const fn count(self) -> bool {
        self.steps >= ENOUGH
    }

    /// The latest that was seen.
    pub(super) const fn latest(self) -> Option<u16> {
        self.latest
    }

    /// Takes in the identification of a segment that was not overtaken.
    pub(super) fn see(&mut self, id: u16) {
        let step = self.latest.map(|latest| id.wrapping_sub(latest) as i16);
        self.steps = steps_after(self.steps, step);
        // What was overtaken on the way is neither here nor there.
        if !matches!(step, Some(STEP_BACK..=0)) {
            self.latest = Some(id);
        }
    }
}

/// What is kept of every connection in one byte, since there are many. Three bits a side: steps in a row in
/// which its identification went up by little, as far as [`ENOUGH`]; and whether its latest packet came after
/// silence, as if its timer had run out. One more: whether nothing is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Habits(u8);

impl Habits {
    const STEPS: u8 = 0b011;
    const RESUMED: u8 = 0b100;
    const STEADY: u8 = 1 << 6;

    const fn shift(side: Side) -> u32 {
        match side {
            Side::Initiator => 0,
            Side::Responder => 3,
        }
    }

    /// Steps in a row.
    pub(super) const fn steps(self, side: Side) -> u8 {
        self.0 >> Self::shift(side) & Self::STEPS
    }

    /// Takes in one more; `None` where there was no identification to go on from.
    #[inline]
    pub(super) fn step(&mut self, side: Side, step: Option<i16>) {
        let steps = steps_after(self.steps(side), step).min(ENOUGH);
        self.0 = self.0 & !(Self::STEPS << Self::shift(side)) | steps << Self::shift(side);
    }

    /// Whether it counts its packets.
    pub(super) const fn count(self, side: Side) -> bool {
        self.steps(side) >= ENOUGH
    }

    /// Whether both sides are in the middle of what they have to say, and neither has just gone on after silence.
    #[inline]
    pub(super) const fn steady(self) -> bool {
        self.0 & (Self::STEADY | Self::RESUMED | Self::RESUMED << 3) == Self::STEADY
    }

    /// Sets the first of that.
    pub(super) fn set_steady(&mut self, yes: bool) {
        self.0 = self.0 & !Self::STEADY | if yes { Self::STEADY } else { 0 };
    }

    /// Whether its latest packet came after silence.
    pub(super) const fn resumed(self, side: Side) -> bool {
        self.0 >> Self::shift(side) & Self::RESUMED != 0
    }

    /// Sets that.
    #[inline]
    pub(super) fn set_resumed(&mut self, side: Side, yes: bool) {
        let bit = Self::RESUMED << Self::shift(side);
        self.0 = if yes { self.0 | bit } else { self.0 & !bit };
    }
}

/// Steps in a row, after one more; `None` where there was no identification to go on from.
#[inline]
fn steps_after(steps: u8, step: Option<i16>) -> u8 {
    match step {
        Some(1..=STEP) => steps.saturating_add(1),
        Some(STEP_BACK..=0) => steps,
        _ => 0,
    }
}

impl Connection {
    /// Finds out whether the segment was sent after all of its sender that were captured before it.
    pub(super) fn put_in_order(&mut self, o: &mut Observation, ip_id: Option<u32>) {
        o.stamp = Stamp::new(o.options.ts, ip_id);
        let (sender, _) = self.pair(o.side);
        (o.ids_count, o.order) = sender.put_in_order(o.stamp);
    }
}

impl Half {
    /// The same of a side of whose identifications nothing is known: its timestamps alone tell.
    #[inline]
    fn put_in_order_by_time(&mut self, stamp: Stamp) -> Option<Ordering> {
        let (value, _) = stamp.ts?;
        let order = (value.wrapping_sub(self.latest_tsval) as i32).cmp(&0);
        let order = Some(order).filter(|order| self.stamped && order.is_ne());
        if order != Some(Ordering::Less) {
            (self.latest_tsval, self.stamped) = (value, true);
        }
        order
    }

    /// Takes in the stamp of a segment; tells whether this side counts its packets, and whether it sent this
    /// one after the latest before.
    #[inline]
    pub(super) fn put_in_order(&mut self, stamp: Stamp) -> (bool, Option<Ordering>) {
        let Some(known) = self.rare().map(|rare| rare.ids) else {
            return (false, self.put_in_order_by_time(stamp));
        };
        let latest = Stamp {
            ts: self.stamped.then_some((self.latest_tsval, 0)),
            id: known.latest,
        };
        let mine = Stamp {
            ts: stamp.ts.map(|(value, _)| (value, 0)),
            ..stamp
        };
        let counts = known.count();
        let order = mine.order(latest, counts);
        if order == Some(Ordering::Less) {
            return (counts, order);
        }
        if let Some((value, _)) = stamp.ts {
            (self.latest_tsval, self.stamped) = (value, true);
        }
        if let (Some(rare), Some(id)) = (self.rare_if_any(), stamp.id) {
            rare.ids.see(id);
        }
        (counts, order)
    }
}

impl Connection {
    /// What is known of how a side numbers its packets, from before anything happened, too, goes to where it is
    /// kept from then on.
    pub(super) fn number(&mut self) {
        for side in [Side::Initiator, Side::Responder] {
            let counted = Ids {
                latest: Some(self.ip_ids[side.index()]).filter(|&id| id != 0),
                steps: self.habits.steps(side),
            };
            let (half, _) = self.pair(side);
            if let Some(rare) = half.rare_if_any().filter(|rare| rare.ids.latest.is_none()) {
                rare.ids = counted;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(ts: Option<(u32, u32)>, id: u16) -> Stamp {
        Stamp { ts, id: Some(id) }
    }

    #[test]
    fn timestamps_go_before_identifications_and_both_wrap() {
        let order = |a, b| stamp(Some(a), 9).order(stamp(Some(b), 1), true);
        assert_eq!(order((5, 1), (6, 0)), Some(Ordering::Less));
        assert_eq!(order((2, 1), (u32::MAX, 1)), Some(Ordering::Greater));
        assert_eq!(order((5, 2), (5, 1)), Some(Ordering::Greater));
        assert_eq!(order((5, 1), (5, 1)), Some(Ordering::Greater), "by id");
        let (late, early) = (stamp(None, 3), stamp(None, u16::MAX));
        assert_eq!(late.order(early, true), Some(Ordering::Greater));
        assert_eq!(late.order(early, false), None);
        assert_eq!(late.order(late, true), None);
    }

    #[test]
    fn habits_of_both_sides_fit_into_a_byte() {
        let mut habits = Habits::default();
        for _ in 0..300 {
            habits.step(Side::Responder, Some(1));
        }
        habits.set_resumed(Side::Initiator, true);
        let told = |habits: Habits| {
            [Side::Initiator, Side::Responder]
                .map(|side| (habits.steps(side), habits.resumed(side)))
        };
        assert_eq!(told(habits), [(0, true), (ENOUGH, false)]);
        habits.step(Side::Responder, Some(-3));
        habits.step(Side::Initiator, Some(2));
        habits.set_resumed(Side::Initiator, false);
        assert_eq!(told(habits), [(1, false), (ENOUGH, false)]);
        habits.step(Side::Responder, None);
        assert_eq!(told(habits), [(1, false), (0, false)]);
    }

    #[test]
    fn who_chooses_identifications_at_random_does_not_count() {
        let mut ids = Ids::default();
        for id in [7, 8, 12] {
            ids.see(id);
        }
        assert!(ids.count());
        ids.see(9);
        assert!(ids.count(), "one that was overtaken says nothing");
        ids.see(40_000);
        assert!(!ids.count());
    }
}
