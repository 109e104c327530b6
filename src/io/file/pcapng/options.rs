//! The options at the end of a pcapng block: code, length, value, padding, again and again.

use std::ops::Range;

use crate::io::file::endian::Endian;

pub(super) const END: u16 = 0;
pub(super) const COMMENT: u16 = 1;
pub(super) const IF_NAME: u16 = 2;
pub(super) const IF_TSRESOL: u16 = 9;
pub(super) const IF_TSOFFSET: u16 = 14;

/// Gives each option's code and the place of its value in the block.
///
/// One that runs past the block ends them. The packet itself is good, so it is not lost for that.
#[derive(Clone)]
pub(super) struct Options<'a> {
    block: &'a [u8],
    at: usize,
    endian: Endian,
}

impl<'a> Options<'a> {
    /// The options of `block` (without its trailing length) from offset `at` on.
    pub(super) const fn new(block: &'a [u8], at: usize, endian: Endian) -> Self {
        Self { block, at, endian }
    }
}

impl Iterator for Options<'_> {
    type Item = (u16, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (code, length) = self
            .endian
            .halves(*self.block.get(self.at..)?.first_chunk()?);
        let start = self.at + 4;
        let end = start + usize::from(length);
        if code == END || end > self.block.len() {
            return None;
        }
        self.at = end.next_multiple_of(4);
        Some((code, start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_at_the_end_mark_and_before_one_that_is_too_long() {
        let block = [
            9, 9, 9, 9, // not options
            1, 0, 5, 0, b'h', b'e', b'l', b'l', b'o', 0, 0, 0, // comment
            2, 0, 0, 0, // empty
        ];
        let expected = vec![(1, 8..13), (2, 20..20)];
        for tail in [&[][..], &[0, 0, 0, 0, 1, 0, 0, 0], &[1, 0, 1, 0], &[1, 0]] {
            let block = [&block[..], tail].concat();
            let options: Vec<_> = Options::new(&block, 4, Endian::Little).collect();
            assert_eq!(options, expected, "{tail:?}");
        }
    }
}
