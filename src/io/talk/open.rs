//! From nothing to a socket that listens or is connected.

use std::cmp::Ordering;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{
    self, AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrStorage, sockopt,
};
use nix::sys::time::TimeSpec;

use super::teller::{Ended, Teller};
use super::{Options, TalkError, local};
use crate::event::units;
use crate::io::Signals;
use crate::io::privileges::{self, Becomes};
use crate::talk::of_errno;

/// How many connections the kernel keeps for us that we have not accepted yet.
const BACKLOG: i32 = 128;

/// A socket that listens.
#[derive(Debug)]
pub struct Listening {
    pub(super) socket: TcpListener,
    /// Where: the kernel may have chosen the port.
    pub at: SocketAddr,
}

/// Makes the calls of a server up to `listen`.
///
/// # Errors
///
/// The call that failed. Each was told.
pub fn listen(
    at: SocketAddr,
    options: &Options,
    teller: &mut Teller<'_>,
) -> Result<Listening, TalkError> {
    teller.port = at.port();
    let socket = open(at.is_ipv6(), options, options.reuse, teller)?;
    bind(&socket, at, teller)?;
    teller.must("", "listen", format!("backlog {BACKLOG}"), || {
        socket::listen(&socket, Backlog::new(BACKLOG)?)
    })?;
    let at = local(&socket).unwrap_or(at);
    teller.port = at.port();
    Ok(Listening {
        socket: TcpListener::from(socket),
        at,
    })
}

/// The addresses of a name, in the order in which they should be tried, with the port.
///
/// # Errors
///
/// What the resolver said.
pub fn addresses(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    // An address in brackets, as in URLs, is meant as one.
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let mut all = Vec::new();
    for address in (bare.unwrap_or(host), port).to_socket_addrs()? {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

/// Makes the calls of a client up to `connect`, for one address after the other until one answers.
///
/// With `becomes`, rights are given up before the first packet leaves: `bind` may need them.
///
/// # Errors
///
/// [`TalkError::Failed`] when none did; the call that failed where it was another one. Each was told.
pub fn connect(
    to: &[SocketAddr],
    from: Option<SocketAddr>,
    options: &Options,
    signals: Signals,
    becomes: Option<Becomes>,
    teller: &mut Teller<'_>,
) -> Result<(OwnedFd, SocketAddr), TalkError> {
    let mut becomes = becomes;
    let mut failed = None;
    if to.len() > 1 {
        let all: Vec<_> = to.iter().map(|it| it.ip().to_string()).collect();
        let said = format!(
            "The name has {} addresses, to be tried in this order: {}.",
            all.len(),
            all.join(", ")
        );
        teller.remark("", &said)?;
    }
    for (tried, to) in to.iter().enumerate() {
        if tried > 0 {
            teller.remark("", "The name has another address: on to that.")?;
        }
        teller.port = to.port();
        let socket = open(
            to.is_ipv6(),
            options,
            from.is_some() && options.reuse,
            teller,
        )?;
        if let Some(from) = from {
            bind(&socket, from, teller)?;
        }
        // Nobody's answer is read with rights.
        if let Some(becomes) = becomes.take() {
            privileges::drop_for_good(becomes)?;
        }
        match connect_to(&socket, *to, options.timeout, signals, teller)? {
            Ok(()) => {
                if let Some(here) = local(&socket) {
                    teller.remark("", &format!("We are {here}, the server is {to}."))?;
                }
                return Ok((socket, *to));
            }
            Err(reason) => {
                failed = Some(reason);
                teller
                    .at_once("", "close", "", || {
                        drop(socket);
                        Ok(())
                    })?
                    .ok();
            }
        }
        if signals.caught().is_some() {
            break;
        }
    }
    Err(TalkError::Failed(failed.unwrap_or_else(|| {
        "there is no address to connect to".to_owned()
    })))
}

/// Why it came to nothing, as part of a sentence.
type Connected = Result<(), String>;

fn connect_to(
    socket: &OwnedFd,
    to: SocketAddr,
    timeout: Option<Duration>,
    signals: Signals,
    teller: &mut Teller<'_>,
) -> Result<Connected, TalkError> {
    let time = teller.now();
    let mut end = loop {
        match socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
            Err(Errno::EINTR) => {}
            other => break other,
        }
    };
    if let Some(here) = local(socket) {
        teller.here(here)?;
    }
    let mut stopped = None;
    while end == Err(Errno::EINPROGRESS) {
        teller.pause()?;
        let left = timeout.map(|longest| longest.saturating_sub(teller.now().since(time)));
        if left == Some(Duration::ZERO) {
            stopped = Some("given up (--timeout)");
            break;
        }
        let mut fds = vec![
            PollFd::new(socket.as_fd(), PollFlags::POLLOUT),
            PollFd::new(signals.event(), PollFlags::POLLIN),
        ];
        fds.extend(
            teller
                .capture()
                .map(|it| PollFd::new(it, PollFlags::POLLIN)),
        );
        match ppoll(&mut fds, left.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(TalkError::Wait(errno)),
        }
        let ready = fds.first().is_some_and(|it| it.any() == Some(true));
        drop(fds);
        if signals.caught().is_some() {
            stopped = Some("stopped by a signal");
            break;
        }
        // What is on the wire came before the call returns.
        teller.frames()?;
        if ready {
            end = match socket::getsockopt(socket, sockopt::SocketError) {
                Ok(0) => Ok(()),
                Ok(errno) => Err(Errno::from_raw(errno)),
                Err(errno) => Err(errno),
            };
        }
    }
    let ended = Ended {
        socket: "",
        call: "connect",
        arguments: to.to_string(),
        time,
        blocked: teller.now().since(time),
        data: None,
    };
    if let Some(why) = stopped {
        teller.given_up(ended)?;
        for sentence in of_errno("connect", "ETIMEDOUT", to.port()) {
            teller.remark("", &sentence)?;
        }
        let said = format!("connect {to}: {why}, no answer so far");
        return Ok(Err(said));
    }
    teller.call(ended, end.map(|()| 0))?;
    Ok(end.map_err(|errno| TalkError::refused(format!("connect {to}"), errno).to_string()))
}

fn open(
    v6: bool,
    options: &Options,
    reuse: bool,
    teller: &mut Teller<'_>,
) -> Result<OwnedFd, TalkError> {
    let (family, family_name) = if v6 {
        (AddressFamily::Inet6, "AF_INET6")
    } else {
        (AddressFamily::Inet, "AF_INET")
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let arguments = format!("{family_name}, SOCK_STREAM, IPPROTO_TCP");
    let socket = teller.must("", "socket", arguments, || {
        socket::socket(family, SockType::Stream, flags, SockProtocol::Tcp)
    })?;
    if reuse {
        teller.must("", "setsockopt", "SO_REUSEADDR, 1", || {
            socket::setsockopt(&socket, sockopt::ReuseAddr, &true)
        })?;
    }
    if options.nodelay {
        teller.must("", "setsockopt", "TCP_NODELAY, 1", || {
            socket::setsockopt(&socket, sockopt::TcpNoDelay, &true)
        })?;
    }
    // Before listen and connect: the window scale is settled by the SYN, from the size that the buffer has then.
    if let Some(bytes) = options.sndbuf {
        teller.must("", "setsockopt", format!("SO_SNDBUF, {bytes}"), || {
            socket::setsockopt(&socket, sockopt::SndBuf, &bytes)
        })?;
        size("SO_SNDBUF", bytes, "wmem_max", teller, || {
            socket::getsockopt(&socket, sockopt::SndBuf)
        })?;
    }
    if let Some(bytes) = options.rcvbuf {
        teller.must("", "setsockopt", format!("SO_RCVBUF, {bytes}"), || {
            socket::setsockopt(&socket, sockopt::RcvBuf, &bytes)
        })?;
        size("SO_RCVBUF", bytes, "rmem_max", teller, || {
            socket::getsockopt(&socket, sockopt::RcvBuf)
        })?;
    }
    Ok(socket)
}

/// Reads back what the kernel made of the size that was asked for.
fn size(
    name: &str,
    asked: usize,
    limit: &str,
    teller: &mut Teller<'_>,
    read: impl FnOnce() -> nix::Result<usize>,
) -> Result<(), TalkError> {
    let time = teller.now();
    let made = read();
    let ended = Ended {
        socket: "",
        call: "getsockopt",
        arguments: name.to_owned(),
        time,
        blocked: Duration::ZERO,
        data: None,
    };
    let number = made.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    teller.call(ended, number)?;
    if let Ok(made) = made {
        let twice = asked.saturating_mul(2);
        let why = match made.cmp(&twice) {
            Ordering::Equal => {
                "it doubles, to have room for its own records of the data".to_owned()
            }
            Ordering::Less => {
                format!("net.core.{limit} is the most it gives, doubled for its own records")
            }
            Ordering::Greater => "less than that it does not give".to_owned(),
        };
        let said = format!(
            "Asked for {}, the kernel keeps {}: {why}.",
            units::count(asked as u64),
            units::count(made as u64)
        );
        teller.remark("", &said)?;
    }
    Ok(())
}

fn bind(socket: &OwnedFd, at: SocketAddr, teller: &mut Teller<'_>) -> Result<(), TalkError> {
    let asked = teller.port;
    teller.port = at.port();
    teller.must("", "bind", at.to_string(), || {
        socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(at))
    })?;
    teller.port = asked;
    if at.port() == 0
        && let Some(got) = local(socket)
    {
        teller.remark("", &format!("The kernel chose port {}.", got.port()))?;
    }
    Ok(())
}
