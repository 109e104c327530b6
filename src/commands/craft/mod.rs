//! `wirelab craft`: a packet of one's own.

mod layers;
mod sending;

pub(super) use layers::run;
