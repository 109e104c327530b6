//! What is known between two blocks of a pcapng file, so that it can be read on from there another time.

use std::sync::Arc;

use super::Reader;
use super::clock::Clock;
use crate::frame::Timestamp;
use crate::io::Interface;
use crate::io::file::endian::Endian;

/// What the blocks before a place say of those behind it.
#[derive(Clone, Debug)]
pub(in crate::io::file) struct State {
    endian: Endian,
    last_time: Timestamp,
    described: Arc<Described>,
}

impl State {
    /// Memory that it shares with other states, in bytes, about.
    pub(in crate::io::file) fn weight(&self) -> usize {
        self.described.interfaces.len() * (size_of::<Interface>() + size_of::<Clock>())
            + self.described.section_comment_bytes
    }
}

/// What the blocks that are no packets describe.
#[derive(Clone, Debug)]
pub(super) struct Described {
    first_interface: usize,
    interfaces: Vec<Interface>,
    clocks: Vec<Clock>,
    section_comments: Vec<Vec<u8>>,
    section_comment_bytes: usize,
}

impl Reader {
    /// What is known between two blocks.
    pub(in crate::io::file) fn state(&mut self) -> State {
        let described = self.described.get_or_insert_with(|| {
            Arc::new(Described {
                first_interface: self.first_interface,
                interfaces: self.interfaces.clone(),
                clocks: self.clocks.clone(),
                section_comments: self.section_comments.clone(),
                section_comment_bytes: self.section_comment_bytes,
            })
        });
        State {
            endian: self.endian,
            last_time: self.last_time,
            described: Arc::clone(described),
        }
    }

    /// Reads on behind the blocks that led to `state`.
    pub(in crate::io::file) fn resume(state: &State) -> Self {
        let described = Described::clone(&state.described);
        Self {
            described: Some(Arc::clone(&state.described)),
            endian: state.endian,
            first_interface: described.first_interface,
            interfaces: described.interfaces,
            clocks: described.clocks,
            section_comments: described.section_comments,
            section_comment_bytes: described.section_comment_bytes,
            joined_comment: Vec::new(),
            at: 0,
            last_time: state.last_time,
            cut: None,
        }
    }

    /// Where the block starts inside which the end was found, if it was.
    pub(in crate::io::file) fn cut_at(&self) -> Option<u64> {
        self.cut.is_some().then_some(self.at)
    }
}
