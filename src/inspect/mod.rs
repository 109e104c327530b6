//! A frame taken apart for a look at every bit: its headers, each laid out field by field, what is
//! left between and after them, and what is wrong.
//!
//! `decode` finds the headers and `wire` knows their fields; this joins the two. What shows a header,
//! as text or as data, draws from a [`Sheet`].

mod difference;
pub mod given;
mod kinds;
mod outline;
mod pieces;
mod sheet;
mod silence;
mod sums;
#[cfg(test)]
mod tests;

pub use difference::{Change, Difference, difference};
pub use outline::{Line, Outline, Place, Spot};
pub use pieces::{Piece, Whole, gaps, piece};
pub use sheet::{Checked, Header, Origin, Rest, Sheet, Trouble};
pub use silence::{Silenced, silenced};
pub use sums::{From, Word, Working, workings};
