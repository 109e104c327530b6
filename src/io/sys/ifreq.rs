//! What `ioctl` says about a network interface (netdevice(7)).
//!
//! Not read from `/sys/class/net`: that shows the namespace it was mounted in, which after
//! `nsenter --net` is not the one we are in.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// An `ifreq` that names `interface`, and is zero otherwise.
pub(super) fn named(interface: &str) -> io::Result<libc::ifreq> {
    // SAFETY: `ifreq` is made of integers and a union of integers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.as_bytes();
    // The last byte stays zero: the kernel reads a C string.
    if name.len() >= request.ifr_name.len() || name.contains(&0) {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    Ok(request)
}

/// Calls `ioctl` with an `ifreq` that names `interface`, and gives what the kernel made of it.
fn request(fd: BorrowedFd<'_>, code: libc::Ioctl, interface: &str) -> io::Result<libc::ifreq> {
    let mut request = named(interface)?;
    // SAFETY: the codes used here read and write one `ifreq`, which is what is passed.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), code, &raw mut request) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(request)
}

/// Largest packet the interface sends, in bytes.
///
/// # Errors
///
/// When there is no such interface.
pub(in crate::io) fn mtu(socket: BorrowedFd<'_>, interface: &str) -> io::Result<u32> {
    let answer = request(socket, libc::SIOCGIFMTU as libc::Ioctl, interface)?;
    // SAFETY: SIOCGIFMTU fills this member of the union.
    let mtu = unsafe { answer.ifr_ifru.ifru_mtu };
    Ok(u32::try_from(mtu).unwrap_or(0))
}

/// What kind of hardware it is: an `ARPHRD_` number, 1 for Ethernet.
///
/// # Errors
///
/// When there is no such interface.
pub(in crate::io) fn hardware(socket: BorrowedFd<'_>, interface: &str) -> io::Result<u16> {
    let answer = request(socket, libc::SIOCGIFHWADDR as libc::Ioctl, interface)?;
    // SAFETY: SIOCGIFHWADDR fills this member of the union.
    Ok(unsafe { answer.ifr_ifru.ifru_hwaddr.sa_family })
}

/// The interface's flags (`IFF_UP` …), the low 16 bits of them.
///
/// # Errors
///
/// When there is no such interface.
pub(in crate::io) fn flags(socket: BorrowedFd<'_>, interface: &str) -> io::Result<i32> {
    let answer = request(socket, libc::SIOCGIFFLAGS as libc::Ioctl, interface)?;
    // SAFETY: SIOCGIFFLAGS fills this member of the union.
    Ok(i32::from(unsafe { answer.ifr_ifru.ifru_flags }))
}

/// Brings the interface up, and leaves its other flags as they are.
///
/// # Errors
///
/// When there is no such interface, or the right to do so is missing.
pub(in crate::io) fn bring_up(socket: BorrowedFd<'_>, interface: &str) -> io::Result<()> {
    let mut request = request(socket, libc::SIOCGIFFLAGS as libc::Ioctl, interface)?;
    // SAFETY: SIOCGIFFLAGS has filled this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    let code = libc::SIOCSIFFLAGS as libc::Ioctl;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which is what is passed.
    if unsafe { libc::ioctl(socket.as_raw_fd(), code, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
