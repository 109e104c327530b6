//! The byte order of a capture file, which is that of the machine that wrote it.

/// Which byte comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    #[inline]
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        let value = u16::from_le_bytes(bytes);
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }

    #[inline]
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        let value = u32::from_le_bytes(bytes);
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }

    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        let value = i64::from_le_bytes(bytes);
        match self {
            Self::Little => value,
            Self::Big => value.swap_bytes(),
        }
    }

    /// The two halves of a word, the one that comes first in the file first.
    pub(super) const fn halves(self, [a, b, c, d]: [u8; 4]) -> (u16, u16) {
        (self.u16([a, b]), self.u16([c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_read() {
        assert_eq!(Endian::Little.u32([1, 2, 3, 4]), 0x0403_0201);
        assert_eq!(Endian::Big.u32([1, 2, 3, 4]), 0x0102_0304);
        assert_eq!(Endian::Big.halves([1, 2, 3, 4]), (0x0102, 0x0304));
        assert_eq!(Endian::Little.halves([1, 2, 3, 4]), (0x0201, 0x0403));
        assert_eq!(Endian::Big.i64([255; 8]), -1);
        assert_eq!(Endian::Little.i64([1, 0, 0, 0, 0, 0, 0, 0]), 1);
    }
}
