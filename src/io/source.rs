//! Where frames come from: a file, standard input, a bundled recording or an interface.

use crate::frame::{Batch, Frame, LinkType};

/// An interface as the capture names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where the capture has one (pcapng `if_name`), not yet escaped.
    pub name: Option<String>,
    /// What its frames start with.
    pub link_type: LinkType,
    /// Most bytes kept of a frame; 0 for no limit.
    pub snaplen: u32,
    /// Ticks of its clock in a second.
    pub ticks_per_second: u64,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input consumed (compressed bytes, for a compressed file).
    pub read: u64,
    /// Bytes of the input in all, where that is known.
    pub total: Option<u64>,
}

/// A stream of frames.
pub trait Source {
    /// The next frame, numbered from 1; `None` at the end.
    ///
    /// A capture that was cut mid-packet ends normally: [`Source::truncated`] tells.
    ///
    /// # Errors
    ///
    /// When reading fails, or the capture stops making sense so that no further frame can be told.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError>;

    /// Whether the next call of [`Source::next_frame`] may have to wait for a frame. Who shows or
    /// saves frames flushes before such a call, so that everything seen so far is on the screen
    /// and in the file, and never while more frames are at hand.
    fn may_wait(&self) -> bool {
        false
    }

    /// The next frame, and with it some of those that are at hand behind it; none at the end.
    ///
    /// # Errors
    ///
    /// Those of [`Source::next_frame`], which concern the first of them.
    fn next_frames<'a>(&'a mut self, batch: &mut Batch<'a>) -> Result<(), SourceError> {
        batch.extend(self.next_frame()?);
        Ok(())
    }

    /// The interfaces met so far.
    fn interfaces(&self) -> &[Interface];

    /// After the end: what is missing, when the capture was cut inside a record, and where.
    fn truncated(&self) -> Option<String> {
        None
    }

    /// How far reading has come.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Packets dropped by the kernel and by the interface; live captures only.
    fn dropped(&mut self) -> (Option<u64>, Option<u64>) {
        (None, None)
    }
}

/// Why no frames, or no more, can be had. Messages are fragments that chain: the caller puts what
/// was opened in front.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system said no.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// These bytes are not a capture; says what they are.
    #[error("{0}")]
    NotACapture(String),
    /// A record that cannot be; says where and why.
    #[error("{0}")]
    Damaged(String),
    /// Live capture: not permitted, no such interface, bad filter …; says what to do.
    #[error("{0}")]
    Live(String),
}
