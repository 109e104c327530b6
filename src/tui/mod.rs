//! The stepping screen: a capture as a place to walk through.
//!
//! Model, update and draw are kept apart. [`Model`] is all there is to know of what is shown; [`Model::update`]
//! takes a [`Message`], a key or an answer, and gives [`Wish`]es, what it would like to be told; [`draw`] makes
//! a picture of the model and changes nothing. None of them touches a file, a thread or a clock, so a test walks
//! through a capture as a person does. What serves the wishes is `commands::step`.
//!
//! Nothing is judged here: rows are kept events, and their words are those of [`crate::view`].

mod draw;
mod keys;
mod message;
mod model;
mod pages;
mod query;
mod update;

pub use draw::draw;
pub use keys::{Action, KEYS, action};
pub use message::{Bucket, Extent, FlowLine, Message, Told, Wish};
pub use model::{Look, Model, Pane};
pub use pages::{PAGE_ROWS, Page, Pages};
pub use query::Query;
