//! A stretch of a frame: what was captured of it, where it begins, and how long it was on the wire.

/// From some header on to the end that the lengths in the headers before it allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// The captured bytes.
    pub(super) bytes: &'a [u8],
    /// Where they begin, in bytes from the frame's start.
    pub(super) offset: u32,
    /// How many there were on the wire; at least as many as were captured.
    pub(super) wire: u32,
}

impl<'a> Span<'a> {
    /// What comes after the first `len` bytes.
    #[inline]
    pub(super) fn skip(self, len: u32) -> Self {
        let captured = (len as usize).min(self.bytes.len());
        Self {
            bytes: self.bytes.get(captured..).unwrap_or_default(),
            offset: self.offset + captured as u32,
            wire: self.wire.saturating_sub(len),
        }
    }

    /// The first `len` bytes, if there are as many.
    #[inline]
    pub(super) fn limit(self, len: u32) -> Self {
        let captured = (len as usize).min(self.bytes.len());
        Self {
            bytes: self.bytes.get(..captured).unwrap_or_default(),
            offset: self.offset,
            wire: self.wire.min(len),
        }
    }

    /// Whether some of it was not captured.
    #[inline]
    pub(super) const fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.wire as u64
    }

    /// The bytes at `at`, if captured.
    #[inline]
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<&'a [u8; N]> {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk)
    }

    /// The big-endian number at `at`, if captured.
    #[inline]
    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(|bytes| u16::from_be_bytes(*bytes))
    }
}
