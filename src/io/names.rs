//! Names of addresses, asked of the resolver (getnameinfo(3)). Nothing is asked that nobody asked for.

use std::net::IpAddr;

use super::sys::name;

/// The name of an address; `None` when it has none, or nobody knows. It may take as long as the resolver
/// is patient.
pub fn of(address: IpAddr) -> Option<String> {
    name::of(address)
}
