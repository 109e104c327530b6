//! Makes a TAP device of an open `/dev/net/tun` (Linux Documentation/networking/tuntap.rst).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::ifreq::named;

/// Makes a TAP device of that name, which goes when the last descriptor of `tun` is closed.
///
/// # Errors
///
/// When the kernel refuses: without `CAP_NET_ADMIN`, or when there is one of that name.
pub(in crate::io) fn attach(tun: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let mut request = named(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which is what is passed.
    let answer = unsafe {
        libc::ioctl(
            tun.as_raw_fd(),
            libc::TUNSETIFF as libc::Ioctl,
            &raw mut request,
        )
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
