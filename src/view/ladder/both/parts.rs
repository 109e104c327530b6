//! Which segment a passage is of, and where it stops.

use crate::event::{Host, Part, Passage, Segment, Stop};

/// The segment that a passage is of, as its sender's capture has it, or else its receiver's.
pub(in crate::view::ladder) fn segment<'a>(p: &Passage<'a>) -> Option<&'a Segment<'a>> {
    let sent = p.sent.and_then(|stop| stop.segment);
    sent.or_else(|| p.arrived.and_then(|stop| stop.segment))
}

/// 0 for what comes from the left.
pub(in crate::view::ladder) const fn side(p: &Passage<'_>) -> usize {
    p.to.other().index()
}

/// The stops that this part of the way is about, with the host that each is at.
pub(in crate::view::ladder) fn stops<'a>(
    p: &Passage<'a>,
) -> impl Iterator<Item = (Host, Stop<'a>)> {
    let sent = p.sent.filter(|_| p.part != Part::Arrives);
    let arrived = p.arrived.filter(|_| p.part != Part::Departs);
    let near = sent.map(|stop| (p.to.other(), stop));
    near.into_iter().chain(arrived.map(|stop| (p.to, stop)))
}
