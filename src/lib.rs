//! wirelab: a TCP/IP laboratory.
//!
//! Data flows one way: `io` reads frames, [`decode`] turns them into packets, [`track`] follows
//! connections, [`verdict`] judges, and [`view`] shows the [`event`]s that come of it. See
//! `docs/ARCHITECTURE.md`.

pub mod address;
pub mod analysis;
pub mod check;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod craft;
pub mod decode;
pub mod event;
pub mod explain;
pub mod frame;
pub mod handmade;
pub mod inspect;
pub mod io;
pub mod lab;
pub mod pair;
pub mod probe;
pub mod recordings;
pub mod select;
pub mod sockets;
pub mod talk;
pub mod trace;
pub mod track;
pub mod tui;
pub mod verdict;
pub mod view;
pub mod wire;
