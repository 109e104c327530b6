//! Packets of one's own: a description in words becomes bytes, every field as asked for or as it should
//! be.
//!
//! ```
//! use wirelab::craft::{Around, Recipe};
//!
//! let recipe = Recipe::parse(&["ipv4 dst=192.0.2.1 ttl=1 / icmp echo id=7 seq=1 / text abc"])?;
//! let packet = recipe.build(&Around::default());
//! assert_eq!(packet.bytes.len(), 20 + 8 + 3);
//! assert_eq!(packet.bytes[8], 1); // the time to live
//! # Ok::<(), Box<wirelab::craft::Mistake>>(())
//! ```
//!
//! `words` splits, `read` makes a [`Recipe`] of the words, `build` makes bytes of that; `kinds` knows which
//! layers there are, and draws their fields from the tables in [`crate::wire`]. `fragments` and `way` look
//! at the bytes alone: how they are cut into pieces, and which way out leaves them as they are. `answer`
//! tells what comes back in answer to them.

mod again;
mod answer;
mod build;
mod file;
mod fragments;
mod kinds;
mod listing;
mod mistake;
mod options;
mod read;
mod recipe;
#[cfg(test)]
mod tests;
mod value;
mod way;
mod words;

pub use answer::{Answer, Asked};
pub use build::{Around, Built};
pub use file::{TomlMistake, from_toml, to_toml};
pub use fragments::{Fragments, Order};
pub use kinds::{KINDS, Kind, Slot, Which};
pub use listing::{Entry, MessageOf, layer};
pub use mistake::Mistake;
pub use options::Item;
pub use recipe::{Data, Header, Layer, Recipe};
pub use value::Value;
pub use way::{Choice, Forced, Way, choose};
pub use words::quoted;
