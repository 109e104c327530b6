//! `getnameinfo(3)`: the name of an address.

use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};

use nix::sys::socket::{SockaddrLike, SockaddrStorage};

/// Longest name that is taken, with the zero at its end (netdb.h `NI_MAXHOST`).
const LONGEST: usize = 1025;

/// The name of an address, if it has one.
pub(in crate::io) fn of(address: IpAddr) -> Option<String> {
    let address = SockaddrStorage::from(SocketAddr::new(address, 0));
    let mut name = [0_u8; LONGEST];
    // SAFETY: `address` is a whole socket address of the length given with it. The resolver writes at
    // most `LONGEST` bytes to `name`, which has as many, and nothing to the service, for which there is
    // no room. It keeps neither.
    let answer = unsafe {
        libc::getnameinfo(
            address.as_ptr(),
            address.len(),
            name.as_mut_ptr().cast(),
            LONGEST as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if answer != 0 {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&name).ok()?;
    Some(name.to_string_lossy().into_owned())
}
