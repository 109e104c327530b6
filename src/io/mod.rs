//! All input and output: files, live interfaces, the terminal, clocks, privileges.
//!
//! Only this module, `commands` and `main` touch sockets, files, threads or clocks.

pub mod clock;
pub mod craft;
pub mod doctor;
mod errno;
pub mod file;
pub mod filter;
pub mod interfaces;
pub mod lab;
pub mod live;
pub mod machine;
pub mod names;
mod netlink;
pub mod privileges;
pub mod probe;
mod sample;
pub mod save;
pub mod saving;
pub mod screen;
mod signals;
mod source;
mod sys;
pub mod talk;
pub mod trace;

pub use signals::Signals;
pub use source::{Interface, Progress, Source, SourceError};
