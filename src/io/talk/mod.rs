//! A program that talks over TCP, as `wirelab server` and `wirelab client` do: real calls of the sockets API,
//! each told as it ends (RFC 9293 section 3.9.1, in the words of socket(7) and tcp(7)).
//!
//! Sockets are non-blocking underneath, so that one loop serves many and a signal ends it. What is told is what
//! a program with plain blocking calls would see: one call, and how long it blocked.

mod input;
mod link;
mod open;
mod run;
mod teller;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, getsockname};

pub use open::{Listening, addresses, connect, listen};
pub use run::{client, server};
pub use teller::Teller;

use super::errno::name;
use super::privileges::PrivilegeError;
use crate::frame::{Frame, Timestamp};
use crate::sockets::Watched;
use crate::talk::{CallLine, Coding, Lacking, Message};

/// Most connections that a server serves at once; more wait in the kernel's queue.
pub const MOST: usize = 64;
/// Most bytes of one `recv`.
pub const MOST_AT_ONCE: usize = 16 << 20;

/// How to talk.
#[derive(Clone, Debug)]
pub struct Options {
    /// The encoding of text.
    pub coding: Coding,
    /// What to send in place of characters that the encoding lacks; `None`: nothing of such a text is sent.
    pub lacking: Option<String>,
    /// What to send once, right after accept or connect.
    pub payload: Option<Payload>,
    /// Bytes that one `recv` asks for.
    pub recv_size: usize,
    /// Read so many bytes a second at most.
    pub slow_read: Option<u64>,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// `SO_SNDBUF`, in bytes.
    pub sndbuf: Option<usize>,
    /// `SO_RCVBUF`, in bytes.
    pub rcvbuf: Option<usize>,
    /// `SO_REUSEADDR`.
    pub reuse: bool,
    /// Send back what comes.
    pub echo: bool,
    /// End after so many clients.
    pub count: Option<u64>,
    /// Give up when nothing has happened for so long.
    pub timeout: Option<Duration>,
    /// Look at the sockets' buffers so often.
    pub watch: Option<Duration>,
    /// Where the bytes go that are received.
    pub save: Option<Rc<File>>,
}

/// What is sent once.
#[derive(Clone, Debug)]
pub enum Payload {
    /// These bytes, by one `send`.
    Bytes(Rc<Vec<u8>>),
    /// A file, by as many as it takes.
    File(Rc<File>),
}

/// What whoever runs it is told.
#[derive(Debug)]
pub enum Told<'a> {
    /// A call has ended; and what its error means, a sentence each.
    Call(&'a CallLine, &'a [String]),
    /// What it carried, as text.
    Message(&'a Message),
    /// Something worth knowing about a connection; empty for what concerns none.
    Remark(&'a str, Timestamp, &'a str),
    /// A text was not sent, or with something in place of these characters.
    Lacking(&'a str, Timestamp, &'a Lacking, Option<&'a str>),
    /// Our end of the connection.
    Here(SocketAddr),
    /// What is in the sockets' buffers now, of those connected; whom lines go to first.
    Buffers(Timestamp, &'a [Watched]),
    /// A frame was captured.
    Frame(&'a Frame<'a>),
    /// What was told so far should be seen: more may come at once.
    Pause,
    /// Nothing has happened for a moment.
    Idle,
    /// The process is stopped now, as by Ctrl-Z: others have the terminal until it goes on.
    Stopping,
}

/// Takes what is told.
pub type Tell<'a> = &'a mut dyn FnMut(Told<'_>) -> io::Result<()>;

/// Why it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// A call that sets a socket up failed; it was told.
    #[error("{what}: {name} ({})", .errno.desc().to_lowercase())]
    Refused {
        /// The call.
        what: String,
        /// What the kernel said.
        errno: Errno,
        /// Its name.
        name: String,
    },
    /// The connection did not come about, or broke; it was told.
    #[error("{0}")]
    Failed(String),
    /// There is no address to connect to; nothing was told.
    #[error("{0}")]
    Nowhere(String),
    /// The kernel won't let us wait.
    #[error("can't wait for sockets: {0}")]
    Wait(Errno),
    /// Rights could not be given up.
    #[error(transparent)]
    Rights(#[from] PrivilegeError),
    /// A file could not be read or written.
    #[error("{0}")]
    File(String),
    /// Telling failed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl TalkError {
    fn refused(what: String, errno: Errno) -> Self {
        let name = name(errno);
        Self::Refused { what, errno, name }
    }
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What went wrong on the way, the first of it: a connection was reset, a text could not be sent.
    pub trouble: Option<String>,
    /// Connections there were.
    pub connections: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

/// The address of this end of a socket; `None` where the kernel does not tell.
fn local(fd: &impl AsFd) -> Option<SocketAddr> {
    use std::os::fd::AsRawFd;
    getsockname::<SockaddrStorage>(fd.as_fd().as_raw_fd())
        .ok()
        .and_then(|it| address(&it))
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|it| SocketAddr::V4((*it).into()));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|it| SocketAddr::V6((*it).into()))
    })
}
