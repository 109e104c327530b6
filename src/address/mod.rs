//! IP addresses as such: what kind one is, what network it is of, which of several is tried first.
//!
//! No socket is needed to know any of it: an address says by its first bits where it is valid.

mod facts;
mod kind;
mod machine;
mod names;
mod network;
mod order;

pub use facts::{Assigned, Neighbour, NeighbourState, Path, Route, RouteKind};
pub use kind::{Kind, Scope, kind, multicast_scope};
pub use machine::{Card, Machine, Name};
pub use names::{HostsLine, hosts_lines, name_fault, nameservers, ways_of_lookup};
pub use network::{Network, NetworkError};
pub use order::{Candidate, Policy, Rule, policy, preferred};
