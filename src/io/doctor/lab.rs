//! What the lab's hosts need, step by step, in a namespace of our own that goes with the process.
//!
//! `user_namespaces`(7), `network_namespaces`(7). Which step fails tells what is in the way: AppArmor
//! as Ubuntu 24.04 has it lets the namespace be made and refuses what comes after.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::TimeVal;
use nix::unistd::{Gid, Uid, getegid, geteuid, setgroups, setresgid, setresuid};

use pnet_datalink::Channel;

use super::child::{Errand, Teller, die_with_parent};
use crate::io::clock::Stopwatch;
use crate::io::interfaces;
use crate::io::privileges::{self, Becomes};
use crate::io::sys::ifreq;
use crate::io::sys::tap::attach;

/// `nobody`, on every Linux: the highest id that 16 bits hold, less one.
const NOBODY: u32 = 65_534;

/// Longest wait for a frame, which takes some microseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before looking whether that is over.
const TURN: Duration = Duration::from_millis(20);

/// Tries everything; a step that the ones after it need ends it when it fails.
pub(super) fn try_steps(errand: Errand, teller: &mut Teller<'_>) -> io::Result<()> {
    let opens = teller.step("tun-device", || {
        open_tun()?;
        Ok("/dev/net/tun opens".to_owned())
    })?;
    let made = if errand == Errand::Root {
        teller.step("network-namespace", network_namespace)?
    } else {
        teller.step("user-namespace", user_namespace)?
            && teller.step("user-ids", user_ids)?
            && teller.step("namespace-inside", network_namespace)?
    };
    if !made {
        return Ok(());
    }
    teller.step("interface", loopback_up)?;
    if opens {
        teller.step("tap", tap)?;
    }
    teller.step("setting", || set("tcp_sack", &["0", "1"]))?;
    teller.step("sock-diag", ask_about_sockets)?;
    teller.step("ipv6", ipv6)?;
    Ok(())
}

/// Becomes whoever called sudo, or nobody.
pub(super) fn become_a_user() -> io::Result<String> {
    let id = |name| std::env::var(name).ok()?.parse().ok();
    let uid = id("SUDO_UID").filter(|&uid| uid != 0).unwrap_or(NOBODY);
    let gid = id("SUDO_GID").filter(|&gid| gid != 0).unwrap_or(NOBODY);
    setgroups(&[])?;
    let (group, user) = (Gid::from_raw(gid), Uid::from_raw(uid));
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    // Who changes identity loses what a user's own process has: its files in /proc, and the wish
    // to end with its parent.
    prctl::set_dumpable(true)?;
    die_with_parent()?;
    Ok(format!("as user {uid}"))
}

fn open_tun() -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
}

/// Makes a TAP device, and sends a frame each way through it: no address is needed for that.
fn tap() -> io::Result<String> {
    // Opened here: what it makes belongs to the namespace that it was opened in.
    let mut tun = open_tun()?;
    attach(tun.as_fd(), "probe")?;
    let any = UdpSocket::bind(("0.0.0.0", 0))?;
    ifreq::bring_up(any.as_fd(), "probe")?;
    let interface = pnet_datalink::interfaces()
        .into_iter()
        .find(|interface| interface.name == "probe")
        .ok_or_else(|| io::Error::other("the device was made, and yet is not there"))?;
    let config = pnet_datalink::Config {
        read_timeout: Some(TURN),
        ..pnet_datalink::Config::default()
    };
    let Ok(Channel::Ethernet(mut kernel_out, mut kernel_in)) =
        pnet_datalink::channel(&interface, config)
    else {
        return Err(io::Error::other("the device is no Ethernet"));
    };
    // To everybody, of a type that IEEE 802 keeps for experiments: nobody answers it.
    let frame = [
        &[0xff; 6][..],
        &[2, 0, 0, 0, 0, 1],
        &[0x88, 0xb5],
        &[0x5a; 46],
    ]
    .concat();
    let watch = Stopwatch::start();
    tun.write_all(&frame)?;
    while kernel_in.next().ok() != Some(&frame[..]) {
        if watch.elapsed() > PATIENCE {
            return Err(io::Error::other(
                "a frame written to the TAP did not reach the kernel",
            ));
        }
    }
    kernel_out.send_to(&frame, None).transpose()?;
    let mut seen = [0; 2048];
    loop {
        match tun.read(&mut seen) {
            Ok(length) if seen.get(..length) == Some(&frame[..]) => break,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if watch.elapsed() > PATIENCE {
            return Err(io::Error::other(
                "a frame of the kernel did not come out of the TAP",
            ));
        }
        let mut waiting = [PollFd::new(tun.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut waiting, PollTimeout::from(20_u8));
    }
    Ok("a frame passed each way".to_owned())
}

fn network_namespace() -> io::Result<String> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    Ok("made one".to_owned())
}

fn user_namespace() -> io::Result<String> {
    // As the lab does: a root without rights becomes whoever called sudo.
    let becomes = Becomes::find().map_err(io::Error::other)?;
    privileges::become_other(becomes).map_err(io::Error::other)?;
    // Outside of the namespace we are still who we were; inside, nobody until we say so.
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    OUTSIDE
        .set((uid, gid))
        .map_err(|_| io::Error::other("made twice"))?;
    Ok("made one".to_owned())
}

/// Who we were before the user namespace.
static OUTSIDE: std::sync::OnceLock<(Uid, Gid)> = std::sync::OnceLock::new();

fn user_ids() -> io::Result<String> {
    let Some((uid, gid)) = OUTSIDE.get() else {
        return Err(io::Error::other("no user namespace was made"));
    };
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    if geteuid().is_root() {
        Ok("root in it".to_owned())
    } else {
        Err(io::Error::other(
            "the map was taken, and yet we are not root in it",
        ))
    }
}

fn loopback_up() -> io::Result<String> {
    let any = UdpSocket::bind(("0.0.0.0", 0))?;
    ifreq::bring_up(any.as_fd(), "lo")?;
    if interfaces::is_up("lo") != Some(true) {
        return Err(io::Error::other("lo was brought up, and yet is down"));
    }
    Ok("brought lo up".to_owned())
}

/// Sets a TCP setting to each value, and reads each back.
fn set(name: &str, values: &[&str]) -> io::Result<String> {
    let path = format!("/proc/sys/net/ipv4/{name}");
    for value in values {
        // Not created where it is missing: that would be another error than the true one.
        OpenOptions::new()
            .write(true)
            .open(&path)?
            .write_all(value.as_bytes())?;
        let is = fs::read_to_string(&path)?;
        if is.trim() != *value {
            return Err(io::Error::other(format!(
                "{name} was set to {value} and is {}",
                is.trim()
            )));
        }
    }
    Ok(format!("set {name}"))
}

/// Has the kernel list the TCP sockets of this namespace (`sock_diag`(7)).
fn ask_about_sockets() -> io::Result<String> {
    const MESSAGE_BYTES: u32 = 16 + 56;
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::new(2, 0))?;
    let mut message = MESSAGE_BYTES.to_ne_bytes().to_vec();
    message.extend(20_u16.to_ne_bytes()); // SOCK_DIAG_BY_FAMILY
    message.extend(0x301_u16.to_ne_bytes()); // NLM_F_REQUEST and NLM_F_DUMP
    message.extend([0; 8]);
    message.extend([2, 6, 0, 0, 0xff, 0xff, 0xff, 0xff]); // IPv4, TCP, in all states
    message.extend([0; 48]);
    send(fd.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 8192];
    let length = recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    match answer.get(..length.min(20)) {
        // NLMSG_ERROR
        Some([_, _, _, _, 2, 0, .., a, b, c, d]) if length >= 20 => {
            Err(io::Error::from_raw_os_error(-i32::from_ne_bytes([
                *a, *b, *c, *d,
            ])))
        }
        Some([_, _, _, _, 3 | 20, ..]) => Ok("the kernel lists its TCP sockets".to_owned()),
        _ => Err(io::Error::other("the kernel's answer makes no sense")),
    }
}

fn ipv6() -> io::Result<String> {
    UdpSocket::bind(("::1", 0))?;
    Ok("::1 is there".to_owned())
}
