//! Options of sockets by their numbers (socket(7), tcp(7), ip(7), ipv6(7)).
//!
//! The safe crate has a type for each of some; a laboratory sets them from a table, and wants those
//! that the crate lacks (`TCP_QUICKACK`, `TCP_WINDOW_CLAMP`, `IP_MTU_DISCOVER`) as well.

use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, socklen_t};
use nix::errno::Errno;

/// Sets an option to the bytes that the kernel expects of it.
///
/// # Errors
///
/// What `setsockopt` says: `ENOPROTOOPT` when the socket has no such option, `EINVAL` when the value
/// won't do.
pub(in crate::io) fn set(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    value: &[u8],
) -> nix::Result<()> {
    let len = socklen_t::try_from(value.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads `len` bytes at the pointer, which are those of `value`, and keeps nothing.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            value.as_ptr().cast(),
            len,
        )
    };
    Errno::result(answer).map(drop)
}

/// Reads an option: what the kernel wrote, `longest` bytes at most.
///
/// # Errors
///
/// What `getsockopt` says.
#[cfg(test)]
pub(in crate::io) fn bytes(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    longest: usize,
) -> nix::Result<Vec<u8>> {
    let mut value = vec![0_u8; longest];
    let mut len = socklen_t::try_from(longest).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel writes at most `len` bytes at the pointer, which `value` has room for, and
    // sets `len` to how many they were.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    Errno::result(answer)?;
    value.truncate(usize::try_from(len).unwrap_or(0));
    Ok(value)
}
