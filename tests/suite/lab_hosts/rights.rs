//! What programs on the hosts may do: nothing that needs rights, and everything that experiments need.

use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use wirelab::io::lab::host::{open, open_each};
use wirelab::lab::Both;

use super::carry::{Carrier, run};
use super::{PATIENCE, alone, converse, experiment, hosts};

#[test]
fn threads_of_a_host_have_no_rights() {
    alone(|| {
        let hosts = hosts("");
        for host in [&hosts.client, &hosts.server] {
            let found = run(host, || {
                let status = fs::read_to_string("/proc/thread-self/status");
                let raw = socket(
                    AddressFamily::Inet,
                    SockType::Raw,
                    SockFlag::empty(),
                    SockProtocol::Icmp,
                );
                (status, raw.err(), unshare(CloneFlags::CLONE_NEWNET).err())
            });
            let (status, raw, made) = found.recv_timeout(PATIENCE).expect("an answer");
            assert_no_rights(&status.expect("its status"));
            assert_eq!((raw, made), (Some(Errno::EPERM), Some(Errno::EPERM)));
        }
    });
}

#[test]
fn the_thread_that_makes_hosts_has_none_either_and_makes_all_of_them_before() {
    alone(|| {
        let one = experiment("");
        let all = open_each([&one, &one, &one]).unwrap_or_else(|error| panic!("{error}"));
        assert_no_rights(&fs::read_to_string("/proc/thread-self/status").unwrap());
        assert_eq!(unshare(CloneFlags::CLONE_NEWNET), Err(Errno::EPERM));
        assert!(open(&one).is_err());
        for hosts in &all {
            converse(hosts);
        }
    });
}

/// The status of a thread says that it has none, and can't come by any.
pub(super) fn assert_no_rights(status: &str) {
    for (name, value) in [
        ("CapInh", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ] {
        let line = format!("{name}:\t{value}");
        assert!(status.lines().any(|it| it == line), "{line}: {status}");
    }
}

#[test]
fn a_program_pings_without_rights() {
    alone(|| {
        for (ip, protocol, family, request, reply) in [
            (4, SockProtocol::Icmp, AddressFamily::Inet, 8, 0),
            (6, SockProtocol::IcmpV6, AddressFamily::Inet6, 128, 129),
        ] {
            let hosts = hosts(&format!("[network]\nip = {ip}"));
            let server = hosts.server.address();
            let pinged = run(&hosts.client, move || -> io::Result<Vec<u8>> {
                let flags = SockFlag::SOCK_CLOEXEC;
                let ping = socket(family, SockType::Datagram, flags, protocol)?;
                let ping = UdpSocket::from(ping);
                ping.set_read_timeout(Some(PATIENCE))?;
                ping.connect((server, 0))?;
                ping.send(&[request, 0, 0, 0, 0, 0, 0, 1, b'h', b'i'])?;
                let mut answer = vec![0; 64];
                let length = ping.recv(&mut answer)?;
                answer.truncate(length);
                Ok(answer)
            });
            let nothing = run(&hosts.server, || Ok(String::new()));
            let client = run_to_text(pinged);
            let said = Carrier::new(&hosts).until_done(&Both {
                client,
                server: nothing,
            });
            assert_eq!(said.client, format!("{reply} hi"), "IPv{ip}");
        }
    });
}

/// Says the type of an answer, and what it brings back.
fn run_to_text(
    pinged: std::sync::mpsc::Receiver<io::Result<Vec<u8>>>,
) -> std::sync::mpsc::Receiver<io::Result<String>> {
    let (say, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let answer = pinged.recv().expect("an answer");
        let text = answer.map(|it| format!("{} {}", it[0], String::from_utf8_lossy(&it[8..])));
        let _ = say.send(text);
    });
    heard
}

#[test]
fn a_program_listens_where_only_root_does_elsewhere() {
    alone(|| {
        let hosts = hosts("");
        let address = hosts.server.address();
        let bound = run(&hosts.server, move || {
            TcpListener::bind((address, 1)).map(drop)
        });
        let bound = bound
            .recv_timeout(Duration::from_secs(5))
            .expect("an answer");
        bound.expect("port 1");
    });
}
