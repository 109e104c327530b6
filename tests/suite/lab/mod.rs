//! The laboratory's wire, in virtual time: what goes in, when, and what comes out, when.

mod actions;
mod drawn;
mod frames;
mod joins;
mod links;
mod pair;
mod precision;
mod robust;
mod routers;
mod selectors;
