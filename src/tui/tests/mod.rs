//! The screen as a person uses it: keys in, and what is wished for and drawn then.

mod panes;
pub(crate) mod sample;
pub(crate) mod told;
