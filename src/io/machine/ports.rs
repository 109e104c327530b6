//! The kernel's rules about ports (ip(7)), names of services, and a port tried for real (bind(2)).

use std::fs;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, getsockname, listen,
    setsockopt, socket, sockopt,
};

use crate::sockets::{Attempt, Limits, Protocol, Refusal, Services, Step};

/// The kernel's rules; its defaults where they can't be read.
pub fn limits() -> Limits {
    let read = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
        text.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect::<Vec<u16>>()
    };
    let mut limits = Limits::default();
    if let [first, last] = read("ip_local_port_range")[..] {
        limits.ephemeral = first..=last;
    }
    if let [first] = read("ip_unprivileged_port_start")[..] {
        limits.first_free_for_all = first;
    }
    limits
}

/// Names of services, by this machine's list and our own.
pub fn services() -> Services {
    Services::new(&fs::read_to_string("/etc/services").unwrap_or_default())
}

/// Tries a port as a server would take it, and again with `SO_REUSEADDR` where that fails because
/// somebody has it. Whatever is opened is closed at once.
pub fn try_port(protocol: Protocol, at: SocketAddr) -> Attempt {
    let (plain, got) = calls(protocol, at, false);
    let in_use = plain.iter().any(|step| {
        step.refusal
            .as_ref()
            .is_some_and(|it| it.name == "EADDRINUSE")
    });
    Attempt {
        protocol,
        at,
        reuse: in_use.then(|| calls(protocol, at, true).0),
        plain,
        got,
    }
}

/// Makes the calls up to the first that fails, and gives the port that it is.
fn calls(protocol: Protocol, at: SocketAddr, reuse: bool) -> (Vec<Step>, Option<u16>) {
    let mut steps = Vec::new();
    let got = take(protocol, at, reuse, &mut steps);
    (steps, got.ok().flatten())
}

fn take(
    protocol: Protocol,
    at: SocketAddr,
    reuse: bool,
    steps: &mut Vec<Step>,
) -> Result<Option<u16>, Errno> {
    let mut step = |call: String, outcome: Result<(), Errno>| {
        let refusal = outcome.err().map(|errno| Refusal {
            name: format!("{errno:?}"),
            text: errno.desc().to_lowercase(),
        });
        steps.push(Step { call, refusal });
        outcome
    };
    let (family, family_name) = if at.is_ipv6() {
        (AddressFamily::Inet6, "AF_INET6")
    } else {
        (AddressFamily::Inet, "AF_INET")
    };
    let (kind, kind_name) = match protocol {
        Protocol::Tcp => (SockType::Stream, "SOCK_STREAM"),
        Protocol::Udp => (SockType::Datagram, "SOCK_DGRAM"),
    };
    let made = socket(family, kind, SockFlag::SOCK_CLOEXEC, None);
    step(
        format!("socket({family_name}, {kind_name})"),
        made.as_ref().map(drop).map_err(|it| *it),
    )?;
    let fd: OwnedFd = made?;
    if reuse {
        let set = setsockopt(&fd, sockopt::ReuseAddr, &true);
        step("setsockopt(SO_REUSEADDR, 1)".to_owned(), set)?;
    }
    let address = SockaddrStorage::from(at);
    step(format!("bind({at})"), bind(fd.as_raw_fd(), &address))?;
    if protocol == Protocol::Tcp {
        step("listen(1)".to_owned(), listen(&fd, Backlog::new(1)?))?;
    }
    let name: SockaddrStorage = getsockname(fd.as_raw_fd())?;
    let v4 = name
        .as_sockaddr_in()
        .map(nix::sys::socket::SockaddrIn::port);
    Ok(v4.or_else(|| {
        name.as_sockaddr_in6()
            .map(nix::sys::socket::SockaddrIn6::port)
    }))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn local(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_free_port_is_got_and_given_back() {
        let chosen = try_port(Protocol::Tcp, local(0));
        assert_eq!(chosen.refusal(), None);
        let port = chosen.got.unwrap();
        assert!(limits().ephemeral.contains(&port), "{port}");
        let again = try_port(Protocol::Tcp, local(port));
        assert_eq!((again.refusal(), again.got), (None, Some(port)));
        assert_eq!(try_port(Protocol::Udp, local(port)).got, Some(port));
    }

    #[test]
    fn somebody_who_listens_is_in_the_way_with_or_without_reuse() {
        let listener = TcpListener::bind(local(0)).unwrap();
        let attempt = try_port(Protocol::Tcp, listener.local_addr().unwrap());
        assert_eq!(attempt.refusal().unwrap().name, "EADDRINUSE");
        let reuse = attempt.reuse.unwrap();
        assert_eq!(
            reuse.last().unwrap().refusal.as_ref().unwrap().name,
            "EADDRINUSE"
        );
    }

    /// A server on a port of its own that closes a connection first and is gone; the port.
    fn leave_in_time_wait(reuse: bool) -> u16 {
        let kind = SockType::Stream;
        let fd = socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&fd, sockopt::ReuseAddr, &reuse).unwrap();
        bind(fd.as_raw_fd(), &SockaddrStorage::from(local(0))).unwrap();
        listen(&fd, Backlog::new(1).unwrap()).unwrap();
        let listener = TcpListener::from(fd);
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(local(port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        drop(server);
        drop(client);
        port
    }

    /// Linux lets a port in TIME-WAIT be had again where both sockets have set it: the one that left it
    /// so, and the one that wants it.
    #[test]
    fn reuse_helps_against_time_wait_if_both_have_set_it() {
        for both in [false, true] {
            let attempt = try_port(Protocol::Tcp, local(leave_in_time_wait(both)));
            assert_eq!(attempt.refusal().unwrap().name, "EADDRINUSE", "{both}");
            let works = attempt
                .reuse
                .unwrap()
                .iter()
                .all(|step| step.refusal.is_none());
            assert_eq!(works, both);
        }
    }

    #[test]
    fn an_address_of_somebody_else_is_refused() {
        let attempt = try_port(Protocol::Tcp, "192.0.2.200:0".parse().unwrap());
        assert_eq!(attempt.refusal().unwrap().name, "EADDRNOTAVAIL");
        assert_eq!(attempt.reuse, None);
    }
}
