//! Sequence numbers: 32 bits, compared modulo 2^32 (RFC 9293 section 3.4).

use std::fmt;

/// A raw TCP sequence or acknowledgment number.
///
/// There is no `Ord`: "before" and "after" only mean something within half the number space, and
/// no value stands for "unknown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `count` further on, wrapping.
    #[must_use]
    pub const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// The number `count` before, wrapping.
    #[must_use]
    pub const fn minus(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }

    /// Signed distance from `other` to here: positive when this is after it.
    pub const fn from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Bytes from `other` up to here, modulo 2^32: what a relative number is.
    pub const fn offset_from(self, other: Self) -> u32 {
        self.0.wrapping_sub(other.0)
    }

    /// Whether this comes before `other`.
    pub const fn before(self, other: Self) -> bool {
        self.from(other) < 0
    }

    /// Whether this comes after `other`.
    pub const fn after(self, other: Self) -> bool {
        self.from(other) > 0
    }

    /// Whether this is `other` or before it.
    pub const fn at_or_before(self, other: Self) -> bool {
        self.from(other) <= 0
    }

    /// Whether this is `other` or after it.
    pub const fn at_or_after(self, other: Self) -> bool {
        self.from(other) >= 0
    }

    /// The later of the two.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.after(other) { self } else { other }
    }

    /// The earlier of the two.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.before(other) { self } else { other }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let (before, after) = (Seq(u32::MAX - 1), Seq(3));
        assert!(before.before(after) && after.after(before));
        assert_eq!(after.from(before), 5);
        assert_eq!(before.from(after), -5);
        assert_eq!(before.max(after), after);
        assert_eq!(before.min(after), before);
        assert_eq!(before.plus(5), after);
        assert_eq!(after.minus(5), before);
    }
}
