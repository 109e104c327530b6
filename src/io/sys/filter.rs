//! A classic BPF program on a socket (socket(7), `SO_ATTACH_FILTER`): what it refuses never wakes us.
//!
//! The safe crate has no such option, since it holds a pointer.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// An instruction, as the kernel has it.
pub(in crate::io) type Instruction = libc::sock_filter;

/// Has the kernel give a socket only what `program` accepts. No rights are needed.
///
/// # Errors
///
/// `EINVAL` when the program is not sound, and what else `setsockopt` says.
pub(in crate::io) fn attach(socket: BorrowedFd<'_>, program: &[Instruction]) -> nix::Result<()> {
    let filter = libc::sock_fprog {
        len: libc::c_ushort::try_from(program.len()).map_err(|_| Errno::EINVAL)?,
        // The kernel only reads it; its type knows no const.
        filter: program.as_ptr().cast_mut(),
    };
    let len = libc::socklen_t::try_from(size_of_val(&filter)).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the kernel reads `filter` and the `len` instructions that it points to, which live in
    // `program` until the call is over, and keeps a copy.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            len,
        )
    };
    Errno::result(answer).map(drop)
}
