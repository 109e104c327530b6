//! The stepping screen: a capture as a place to walk through.
//!
//! Model, update and draw are kept apart. [`Model`] is all there is to know of what is shown; [`Model::update`]
//! takes a [`Message`], a key or an answer, and gives [`Wish`]es, what it would like to be told; [`draw`] makes
//! a picture of the model and changes nothing. None of them touches a file, a thread or a clock, so a test walks
//! through a capture as a person does. What serves the wishes is `commands::step`.
//!
//! Nothing is judged here: rows are kept events, and their words are those of [`crate::view`].

mod bytes;
mod draw;
mod ends;
mod folding;
mod keys;
mod line;
mod list;
mod marks;
mod measure;
mod message;
mod model;
mod pages;
mod play;
mod query;
mod quiz;
mod search;
mod strip;
#[cfg(test)]
mod tests;
mod update;
mod why;

pub use draw::draw;
pub use ends::Mind;
pub use keys::{Action, KEYS, action};
pub use measure::Measured;
pub use message::{Bucket, Extent, FlowLine, Hit, Message, Told, Wish};
pub use model::{Look, Model, Pane};
pub use pages::{PAGE_ROWS, Page, Pages};
pub use query::{Figure, Query, Relation, Seeker};
