//! The path MTU (RFC 1191, RFC 8201), also where a router drops big packets without a word (RFC 2923
//! section 2.1, the black hole; found as RFC 8899 does, by sizes that come through).
//!
//! [`Search`] is told what became of each packet it asks for, and asks for the next. Errors are
//! followed: a router that says what fits is believed. Silence is not: then sizes are tried until the
//! largest is known that comes through, and hops, until it is known between which two the rest vanishes.

use crate::event::{MtuStep, PathMtu};

/// What links commonly take, in bytes of IP packet: the plateaus of RFC 1191 section 7, and what is left
/// of Ethernet's 1500 inside tunnels.
const COMMON: &[usize] = &[
    68, 296, 508, 576, 1006, 1280, 1300, 1360, 1400, 1412, 1420, 1428, 1434, 1440, 1450, 1460,
    1472, 1476, 1480, 1492, 1500, 2002, 4352, 4470, 8166, 9000, 17914, 32000, 65535,
];
/// A packet of the asked kind, this often, before silence means something: errors are rate limited.
pub(super) const TRIES: u8 = 3;

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) ttl: u8,
    pub(super) size: usize,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// It came through to its hop.
    Through,
    /// Somebody, or our own kernel, said that it is too big.
    TooBig(MtuStep),
    /// Nothing came, however often it was sent.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// From the top down, as errors say.
    Follow,
    /// `low` comes through, `high` does not.
    Sizes {
        low: usize,
        high: usize,
    },
    /// Packets of `size` bytes reach the hop of index `low` less one, but not that of index `high`.
    Hops {
        size: usize,
        low: usize,
        high: usize,
    },
    Done,
}

/// The search.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// Hops that answer small packets, in order.
    hops: Vec<u8>,
    smallest: usize,
    size: usize,
    stage: Stage,
    found: PathMtu,
}

impl Search {
    /// Begins with the largest packet there is. `hops` answer packets of `smallest` bytes, which is what
    /// a probe needs.
    pub(super) fn new(hops: Vec<u8>, smallest: usize) -> Self {
        let found = PathMtu {
            hop: hops.last().copied().unwrap_or(0),
            ..PathMtu::default()
        };
        let stage = if hops.is_empty() {
            Stage::Done
        } else {
            Stage::Follow
        };
        Self {
            hops,
            smallest,
            size: usize::from(u16::MAX),
            stage,
            found,
        }
    }

    /// The next packet to send; `None` when all is known that can be.
    pub(super) fn ask(&self) -> Option<Ask> {
        let last = self.hops.last().copied()?;
        let ask = |ttl, size| Some(Ask { ttl, size });
        match self.stage {
            Stage::Follow => ask(last, self.size),
            Stage::Sizes { low, high } => ask(last, middle(low, high)),
            Stage::Hops { size, low, high } => {
                ask(self.hops.get(usize::midpoint(low, high)).copied()?, size)
            }
            Stage::Done => None,
        }
    }

    /// What became of the packet that was asked for.
    pub(super) fn tell(&mut self, became: Became) {
        let step = match became {
            Became::TooBig(step) => Some(step),
            Became::Through => return self.through(),
            Became::Silence => None,
        };
        let said = step.as_ref().and_then(|step| step.mtu);
        if let Some(step) = step {
            self.found.steps.push(step);
            // As long as each answer is smaller than the packet, this comes to an end.
            if self.stage == Stage::Follow {
                let next = said.filter(|&mtu| mtu < self.size && mtu >= self.smallest);
                let below = || COMMON.iter().rev().copied().find(|&it| it < self.size);
                match next.or_else(below).filter(|&it| it >= self.smallest) {
                    Some(next) => self.size = next,
                    None => self.stage = Stage::Done,
                }
                return;
            }
        }
        match self.stage {
            Stage::Follow => self.sizes(self.smallest, self.size),
            Stage::Sizes { low, high } => self.sizes(low, middle(low, high)),
            Stage::Hops { size, low, high } => {
                self.between(size, low, usize::midpoint(low, high));
            }
            Stage::Done => {}
        }
    }

    fn through(&mut self) {
        match self.stage {
            Stage::Follow => {
                self.found.mtu = Some(self.size);
                self.found.complete = true;
                self.stage = Stage::Done;
            }
            Stage::Sizes { low, high } => self.sizes(middle(low, high), high),
            Stage::Hops { size, low, high } => {
                self.between(size, usize::midpoint(low, high) + 1, high);
            }
            Stage::Done => {}
        }
    }

    /// Goes on between two sizes, or to the hops when they are neighbours.
    fn sizes(&mut self, low: usize, high: usize) {
        if high > low + 1 {
            self.stage = Stage::Sizes { low, high };
            return;
        }
        self.found.mtu = Some(low);
        self.between(high, 0, self.hops.len() - 1);
    }

    /// Goes on between two hops, of which the latter is silent.
    fn between(&mut self, size: usize, low: usize, high: usize) {
        if low < high {
            self.stage = Stage::Hops { size, low, high };
            return;
        }
        let before = low.checked_sub(1).and_then(|it| self.hops.get(it));
        let behind = self.hops.get(high).copied().unwrap_or(self.found.hop);
        self.found.black_hole = Some((before.copied().unwrap_or(0), behind));
        self.found.complete = true;
        self.stage = Stage::Done;
    }

    /// What is known so far.
    pub(super) fn found(&self) -> &PathMtu {
        &self.found
    }

    /// Counts a packet that was sent for it.
    pub(super) fn count(&mut self) {
        self.found.probes += 1;
    }
}

/// A size to try between two: a common one, of which one is likely to be the answer, and right above a
/// common one that came through, to confirm it; else the middle.
fn middle(low: usize, high: usize) -> usize {
    let between: Vec<usize> = COMMON
        .iter()
        .copied()
        .filter(|&it| it > low && it < high)
        .collect();
    match between.get(between.len() / 2) {
        Some(&common) => common,
        None if COMMON.contains(&low) => low + 1,
        None => usize::midpoint(low, high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A path: from which hop on which sizes are dropped, and whether that is said.
    fn run(hops: &[u8], drops: &[(u8, usize, bool)]) -> (PathMtu, u32) {
        let mut search = Search::new(hops.to_vec(), 36);
        let mut asked = 0;
        while let Some(ask) = search.ask() {
            asked += 1;
            assert!(asked < 100, "no end: {search:?}");
            let met = drops
                .iter()
                .find(|(hop, mtu, _)| *hop <= ask.ttl && ask.size > *mtu);
            search.tell(match met {
                None => Became::Through,
                Some((hop, mtu, true)) => Became::TooBig(MtuStep {
                    from: None,
                    hop: Some(*hop),
                    size: ask.size,
                    mtu: Some(*mtu),
                }),
                Some(_) => Became::Silence,
            });
        }
        (search.found().clone(), asked)
    }

    #[test]
    fn errors_are_followed_step_by_step() {
        let (found, asked) = run(
            &[1, 2, 4],
            &[(1, 1500, true), (3, 1400, true), (4, 1300, true)],
        );
        assert_eq!((found.mtu, found.black_hole, asked), (Some(1300), None, 4));
        let said: Vec<_> = found
            .steps
            .iter()
            .map(|step| (step.hop, step.mtu))
            .collect();
        assert_eq!(
            said,
            [
                (Some(1), Some(1500)),
                (Some(3), Some(1400)),
                (Some(4), Some(1300))
            ]
        );
    }

    #[test]
    fn a_router_that_names_no_mtu_is_taken_down_the_plateaus() {
        let mut search = Search::new(vec![2], 36);
        let mut sizes = Vec::new();
        while let Some(ask) = search.ask() {
            sizes.push(ask.size);
            search.tell(if ask.size <= 1492 {
                Became::Through
            } else {
                Became::TooBig(MtuStep {
                    from: None,
                    hop: None,
                    size: ask.size,
                    mtu: None,
                })
            });
        }
        assert_eq!(search.found().mtu, Some(1492));
        assert_eq!(sizes.len(), 10, "{sizes:?}");
    }

    proptest! {
        #[test]
        fn a_black_hole_is_found_to_the_byte_and_to_the_hop(
            mtu in 36_usize..9000, at in 0_usize..6, count in 1_usize..6, local in 1500_usize..9001,
        ) {
            let hops: Vec<u8> = (1..=count as u8).map(|hop| hop * 2).collect();
            let behind = hops[at % count];
            let (found, asked) = run(&hops, &[(1, local, true), (behind, mtu, false)]);
            if mtu >= local {
                prop_assert_eq!((found.mtu, found.black_hole), (Some(local), None));
            } else {
                let before = (at % count).checked_sub(1).map_or(0, |it| hops[it]);
                prop_assert_eq!(found.mtu, Some(mtu));
                prop_assert_eq!(found.black_hole, Some((before, behind)));
            }
            prop_assert!(found.complete && asked < 30, "{} questions", asked);
        }
    }
}
