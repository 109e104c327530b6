//! The Internet checksum (RFC 1071) and the pseudo-headers it covers (RFC 9293 section 3.1,
//! RFC 8200 section 8.1).
//!
//! The sum does not care about byte order as long as the result is turned once at the end
//! (RFC 1071 section 2), so it runs over words as the machine loads them, eight bytes at a time.

use std::net::IpAddr;

/// A ones' complement sum of 16-bit words, not yet folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds bytes, padded with a zero byte when their number is odd (RFC 1071 section 1): only the
    /// last bytes of what is summed may be odd in number.
    #[must_use]
    #[inline]
    pub fn add_bytes(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        // Whole words in one sum, whatever runs over its end, and their upper halves in another, which
        // takes 16 GiB to run over: what the lower halves come to is what is left of the first without the
        // second. The compiler makes vector code of it.
        let (mut whole, mut upper) = (0_u64, 0_u64);
        for word in words {
            let word = u64::from_ne_bytes(*word);
            whole = whole.wrapping_add(word);
            upper += word >> 32;
        }
        let mut sum = whole.wrapping_sub(upper << 32) + upper;
        // The last seven bytes at most, largest pieces first: every header of 20 bytes gets here.
        let (words, rest) = rest.as_chunks::<4>();
        if let [word] = words {
            sum += u64::from(u32::from_ne_bytes(*word));
        }
        let (words, rest) = rest.as_chunks::<2>();
        if let [word] = words {
            sum += u64::from(u16::from_ne_bytes(*word));
        }
        if let [byte] = rest {
            sum += u64::from(u16::from_ne_bytes([*byte, 0]));
        }
        Self(self.0 + sum)
    }

    /// Adds two 16-bit words as they stand in memory.
    #[inline]
    const fn add_pair(self, bytes: [u8; 4]) -> Self {
        Self(self.0 + u32::from_ne_bytes(bytes) as u64)
    }

    /// Adds one 16-bit word.
    #[must_use]
    #[inline]
    pub const fn add_u16(self, word: u16) -> Self {
        Self(self.0 + word.to_be() as u64)
    }

    /// Adds a 32-bit number as two words.
    #[must_use]
    #[inline]
    pub const fn add_u32(self, number: u32) -> Self {
        self.add_u16((number >> 16) as u16).add_u16(number as u16)
    }

    /// The pseudo-header of TCP, UDP and ICMPv6 over these addresses: addresses, length of the
    /// transport header and its payload, protocol.
    #[inline]
    pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: u32) -> Self {
        let sum = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                Self::new().add_pair(src.octets()).add_pair(dst.octets())
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => Self::new()
                .add_bytes(&src.octets())
                .add_bytes(&dst.octets()),
            // Addresses of two kinds never share a header; a caller that mixes them sums both.
            (IpAddr::V4(v4), IpAddr::V6(v6)) | (IpAddr::V6(v6), IpAddr::V4(v4)) => {
                Self::new().add_bytes(&v4.octets()).add_bytes(&v6.octets())
            }
        };
        sum.add_pair([0, 0, 0, protocol])
            .add_pair(len.to_be_bytes())
    }

    /// The 16-bit sum, carries added back in. 0xffff when the checksum is among what was summed
    /// and right.
    #[inline]
    pub const fn fold(self) -> u16 {
        let sum = fold_to_32(self.0);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        u16::from_be(sum as u16)
    }

    /// What goes into the checksum field: the complement of the sum, where the field itself was
    /// summed as zero.
    #[inline]
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }
}

/// Adds the upper half to the lower, twice: at most 32 bits remain.
const fn fold_to_32(sum: u64) -> u64 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    (sum & 0xffff_ffff) + (sum >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 section 4.1, word for word.
    fn textbook(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().add_bytes(&bytes).fold(), 0xddf2);
        assert_eq!(Sum::new().add_bytes(&bytes).checksum(), 0x220d);
    }

    proptest! {
        #[test]
        fn any_bytes_sum_as_in_the_textbook(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(Sum::new().add_bytes(&bytes).fold(), textbook(&bytes));
        }

        #[test]
        fn words_and_bytes_sum_alike(a: u16, b: u32, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut all = a.to_be_bytes().to_vec();
            all.extend(b.to_be_bytes());
            all.extend(&bytes);
            let sum = Sum::new().add_u16(a).add_u32(b).add_bytes(&bytes);
            prop_assert_eq!(sum.fold(), textbook(&all));
        }
    }

    #[test]
    fn a_long_run_of_ones_loses_no_carry() {
        let bytes = vec![0xff; 1 << 20];
        assert_eq!(Sum::new().add_bytes(&bytes).fold(), 0xffff);
    }
}
