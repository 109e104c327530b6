//! One file for each command: it joins pure parts to io and holds no logic.

pub mod pipeline;
