//! TCP options: every kind, known or not (RFC 9293 section 3.2; RFC 7323; RFC 2018; RFC 7413).

use arrayvec::ArrayVec;

/// One option as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Kind 0: no more options.
    End,
    /// Kind 1: padding.
    Nop,
    /// Kind 2: largest segment the sender wants to receive (RFC 9293 section 3.7.1).
    Mss(u16),
    /// Kind 3: shift for the sender's windows (RFC 7323 section 2), as on the wire.
    WindowScale(u8),
    /// Kind 4: the sender can read SACK (RFC 2018 section 2).
    SackPermitted,
    /// Kind 5: the blocks, 8 bytes each, as on the wire (RFC 2018 section 3).
    Sack(&'a [u8]),
    /// Kind 8: TSval and TSecr (RFC 7323 section 3).
    Timestamps(u32, u32),
    /// Any other kind, or a known one of an unusual length.
    Other {
        /// Its kind.
        kind: u8,
        /// What follows kind and length.
        data: &'a [u8],
    },
    /// The list ends in the middle of an option, or a length is impossible: nothing after this
    /// can be told apart.
    Broken {
        /// The kind of the option that can't be read.
        kind: u8,
        /// What is left from its kind byte on.
        rest: &'a [u8],
    },
}

impl TcpOption<'_> {
    /// Appends the option as it goes into a header. What is broken is appended as it stands.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let mut with_length = |kind: u8, data: &[u8]| {
            out.extend([kind, (data.len() + 2) as u8]);
            out.extend(data);
        };
        match *self {
            Self::End => out.push(0),
            Self::Nop => out.push(1),
            Self::Mss(mss) => with_length(2, &mss.to_be_bytes()),
            Self::WindowScale(shift) => with_length(3, &[shift]),
            Self::SackPermitted => with_length(4, &[]),
            Self::Sack(blocks) => with_length(5, blocks),
            Self::Timestamps(value, echo) => {
                let data = u64::from(value) << 32 | u64::from(echo);
                with_length(8, &data.to_be_bytes());
            }
            Self::Other { kind, data } => with_length(kind, data),
            Self::Broken { rest, .. } => out.extend(rest),
        }
    }
}

/// TSval and TSecr of the 8 bytes that follow kind and length; zero where there are fewer.
fn timestamps(data: &[u8]) -> (u32, u32) {
    let number = |at: usize| data.get(at..).and_then(<[u8]>::first_chunk).copied();
    (
        u32::from_be_bytes(number(0).unwrap_or_default()),
        u32::from_be_bytes(number(4).unwrap_or_default()),
    )
}

/// Walks the options of a header, the bytes after the first 20.
#[derive(Clone, Debug)]
pub struct TcpOptionIter<'a> {
    rest: &'a [u8],
}

/// All options in `bytes`, in order; after [`TcpOption::End`] or [`TcpOption::Broken`] none.
pub const fn tcp_options(bytes: &[u8]) -> TcpOptionIter<'_> {
    TcpOptionIter { rest: bytes }
}

impl<'a> Iterator for TcpOptionIter<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<TcpOption<'a>> {
        let (&kind, after) = self.rest.split_first()?;
        match kind {
            0 => {
                self.rest = &[];
                return Some(TcpOption::End);
            }
            1 => {
                self.rest = after;
                return Some(TcpOption::Nop);
            }
            _ => {}
        }
        let len = usize::from(after.first().copied().unwrap_or(0));
        let Some(data) = self.rest.get(2..len) else {
            let rest = std::mem::take(&mut self.rest);
            return Some(TcpOption::Broken { kind, rest });
        };
        self.rest = &self.rest[len..];
        Some(match (kind, data) {
            (2, &[a, b]) => TcpOption::Mss(u16::from_be_bytes([a, b])),
            (3, &[shift]) => TcpOption::WindowScale(shift),
            (4, []) => TcpOption::SackPermitted,
            (5, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => TcpOption::Sack(blocks),
            (8, data) if data.len() == 8 => {
                let (value, echo) = timestamps(data);
                TcpOption::Timestamps(value, echo)
            }
            _ => TcpOption::Other { kind, data },
        })
    }
}

/// TSval and TSecr where they are all there is, as RFC 7323 appendix A lays them out: that is what almost
/// every segment of almost every connection carries.
#[inline]
pub fn plain_timestamps(bytes: &[u8]) -> Option<(u32, u32)> {
    let &[1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] = bytes else {
        return None;
    };
    let value = u32::from_be_bytes([v0, v1, v2, v3]);
    Some((value, u32::from_be_bytes([e0, e1, e2, e3])))
}

/// The options a connection is made of, read once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// MSS.
    pub mss: Option<u16>,
    /// Window scale as on the wire; above 14 it counts as 14 (RFC 7323 section 2.3).
    pub wscale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// TSval and TSecr.
    pub ts: Option<(u32, u32)>,
    /// SACK blocks as raw sequence numbers, left and right edge.
    pub sack: SackBlocks,
    /// Whether there are options beside these (padding does not count), or a broken list.
    pub others: bool,
}

/// Up to four SACK blocks, raw left and right edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); 4],
    len: u8,
}

impl SackBlocks {
    /// The blocks, in the order of the option.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.blocks[..usize::from(self.len)]
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl TcpOptions {
    /// Reads option bytes, the part of a header after its first 20.
    pub fn read(bytes: &[u8]) -> Self {
        let mut options = Self {
            ts: plain_timestamps(bytes),
            ..Self::default()
        };
        if options.ts.is_some() {
            return options;
        }
        for option in tcp_options(bytes) {
            match option {
                TcpOption::End | TcpOption::Nop => {}
                TcpOption::Mss(mss) => options.mss = Some(mss),
                TcpOption::WindowScale(shift) => options.wscale = Some(shift),
                TcpOption::SackPermitted => options.sack_permitted = true,
                TcpOption::Timestamps(value, echo) => options.ts = Some((value, echo)),
                TcpOption::Sack(bytes) => options.sack = SackBlocks::read(bytes),
                TcpOption::Other { .. } | TcpOption::Broken { .. } => options.others = true,
            }
        }
        options
    }
}

impl SackBlocks {
    fn read(bytes: &[u8]) -> Self {
        let mut blocks = ArrayVec::<(u32, u32), 4>::new();
        for block in bytes.chunks_exact(8).take(4) {
            let edge = |at: usize| {
                u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
            };
            blocks.push((edge(0), edge(4)));
        }
        let mut all = Self {
            len: blocks.len() as u8,
            ..Self::default()
        };
        all.blocks[..blocks.len()].copy_from_slice(&blocks);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_hides_nothing_behind_it() {
        // TFO cookie request, then MSS and window scale.
        let options = TcpOptions::read(&[34, 2, 2, 4, 5, 0xb4, 3, 3, 7, 1, 0, 0]);
        assert_eq!(
            (options.mss, options.wscale, options.others),
            (Some(1460), Some(7), true)
        );
    }

    #[test]
    fn a_length_that_cannot_be_stops_the_walk_without_a_panic() {
        for bytes in [
            &[2u8][..],
            &[2, 0],
            &[2, 1, 0, 0],
            &[2, 200, 0],
            &[8, 10, 1, 2],
        ] {
            let all: Vec<_> = tcp_options(bytes).collect();
            assert!(
                matches!(all[..], [TcpOption::Broken { .. }]),
                "{bytes:?}: {all:?}"
            );
        }
    }

    #[test]
    fn sack_blocks_keep_their_order() {
        let mut bytes = vec![1, 1, 5, 18];
        for edge in [5000u32, 6000, 3000, 4000] {
            bytes.extend(edge.to_be_bytes());
        }
        assert_eq!(
            TcpOptions::read(&bytes).sack.as_slice(),
            [(5000, 6000), (3000, 4000)]
        );
    }

    #[test]
    fn the_short_way_for_timestamps_reads_the_same() {
        let bytes = [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7];
        let walked = tcp_options(&bytes).find(|o| matches!(o, TcpOption::Timestamps(..)));
        assert_eq!(walked, Some(TcpOption::Timestamps(9, 7)));
        assert_eq!(TcpOptions::read(&bytes).ts, Some((9, 7)));
    }
}
