//! The control bits of a TCP header (RFC 9293 section 3.1; AE: RFC 9768, ECE and CWR: RFC 3168).

use std::fmt;

/// Letters from the high bit to the low one, as `contract.md` has them.
const LETTERS: [(u16, char); 9] = [
    (0x100, 'N'),
    (0x080, 'W'),
    (0x040, 'E'),
    (0x020, 'U'),
    (0x010, 'A'),
    (0x008, 'P'),
    (0x004, 'R'),
    (0x002, 'S'),
    (0x001, 'F'),
];

/// The nine control bits; the three reserved ones above them are kept in `bits`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// FIN: no more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// SYN: the sequence number is the initial one.
    pub const SYN: Self = Self(0x002);
    /// RST: abort.
    pub const RST: Self = Self(0x004);
    /// PSH: hand over what you have.
    pub const PSH: Self = Self(0x008);
    /// ACK: the acknowledgment number means something.
    pub const ACK: Self = Self(0x010);
    /// URG: the urgent pointer means something.
    pub const URG: Self = Self(0x020);
    /// ECE: ECN echo.
    pub const ECE: Self = Self(0x040);
    /// CWR: congestion window reduced.
    pub const CWR: Self = Self(0x080);
    /// AE: accurate ECN (once NS).
    pub const AE: Self = Self(0x100);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// FIN is set.
    pub const fn fin(self) -> bool {
        self.has(Self::FIN)
    }

    /// SYN is set.
    pub const fn syn(self) -> bool {
        self.has(Self::SYN)
    }

    /// RST is set.
    pub const fn rst(self) -> bool {
        self.has(Self::RST)
    }

    /// PSH is set.
    pub const fn psh(self) -> bool {
        self.has(Self::PSH)
    }

    /// ACK is set.
    pub const fn ack(self) -> bool {
        self.has(Self::ACK)
    }

    /// URG is set.
    pub const fn urg(self) -> bool {
        self.has(Self::URG)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One letter a set bit, high to low: a SYN-ACK is `AS`.
impl Flags {
    /// The letters of those that are set, the high bit's first.
    pub fn letters(self) -> impl Iterator<Item = char> {
        let set = LETTERS
            .into_iter()
            .filter(move |(bit, _)| self.0 & bit != 0);
        set.map(|(_, letter)| letter)
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = arrayvec::ArrayString::<9>::new();
        self.letters().for_each(|letter| text.push(letter));
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_run_from_the_high_bit_to_the_low_one() {
        assert_eq!((Flags::SYN | Flags::ACK).to_string(), "AS");
        assert_eq!((Flags::PSH | Flags::ACK).to_string(), "AP");
        assert_eq!(Flags(0xfff).to_string(), "NWEUAPRSF");
        assert_eq!(Flags(0).to_string(), "");
    }
}
