//! A host's end of the wire: a TAP device, which hands Ethernet frames to whoever holds its descriptor
//! (Linux Documentation/networking/tuntap.rst).

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::error::HostError;
use super::link::INTERFACE;
use super::remedy;
use crate::io::sys::tap::attach;

/// Where TAP devices are made.
pub(super) const DEVICE: &str = "/dev/net/tun";

/// The end of a host's cable. It goes when this is dropped, and the host's interface with it.
#[derive(Debug)]
pub struct Tap(File);

impl Tap {
    /// Makes one in the namespace of this thread. Its frames are within the MTU and have their
    /// checksums, because it is without `IFF_VNET_HDR`: nobody is told that they might be added later.
    pub(super) fn make() -> Result<Self, HostError> {
        let file = open().map_err(|error| remedy::device(&error))?;
        attach(file.as_fd(), INTERFACE).map_err(|error| remedy::attach(&error))?;
        Ok(Self(file))
    }

    /// Takes hold of one that is there, or is made by this, in the namespace of this thread.
    ///
    /// # Errors
    ///
    /// What the kernel says: that this is not ours to hold, that somebody else does, that it is no TAP.
    pub(in crate::io::lab) fn hold(name: &str) -> io::Result<Self> {
        let file = open()?;
        attach(file.as_fd(), name)?;
        Ok(Self(file))
    }

    /// Takes a frame that the host has sent: its length, or `None` when there is none now.
    ///
    /// What does not fit into `buffer` is lost; the MTU and 18 bytes always do.
    ///
    /// # Errors
    ///
    /// When the kernel can't give it.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match (&self.0).read(buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(None),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Gives the host a frame. Its kernel has dealt with it when this returns.
    ///
    /// # Errors
    ///
    /// When the kernel won't take it: shorter than an Ethernet header, or the interface is down.
    pub fn write(&self, frame: &[u8]) -> io::Result<()> {
        loop {
            match (&self.0).write(frame) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn open() -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(DEVICE)
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
