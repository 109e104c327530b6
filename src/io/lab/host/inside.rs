//! The thread of a host: it makes the namespace, lives in it, and starts the threads of programs there.
//!
//! A thread that is started is in the namespace of the one that starts it. So nobody ever has to enter
//! one, for which rights would be needed: there is always a thread inside to start others.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
};
use nix::unistd::{Gid, Pid, gettid};

use super::counters::Counters;
use super::error::{HostError, Step};
use super::settings::Settings;
use super::tap::Tap;
use super::{link, remedy};
use crate::io::privileges::{self, Becomes, PrivilegeError};
use crate::lab::Side;
use crate::lab::experiment::Experiment;

/// Duplicate address detection takes about a second; then the job fails by itself.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(10);

/// What a thread can do.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// What the host's thread is told to do; it answers each.
pub(super) enum Order {
    /// Give up what rights it has.
    GiveUp(Becomes, SyncSender<Result<(), PrivilegeError>>),
    /// Start a thread of that name that does this.
    Spawn(String, Job, SyncSender<io::Result<()>>),
}

/// What belongs to a host and was made inside.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) address: IpAddr,
    pub(super) tap: Tap,
    pub(super) diag: OwnedFd,
    pub(super) counters: Counters,
    pub(super) settings: Settings,
    pub(super) thread: Pid,
}

/// A host's thread at work.
pub(super) struct Beginning {
    side: Side,
    made: Receiver<Result<Made, HostError>>,
    orders: Sender<Order>,
}

/// Starts the thread of a host, which makes it.
pub(super) fn begin(
    side: Side,
    experiment: &Experiment,
    group: Gid,
) -> Result<Beginning, HostError> {
    let (say, made) = sync_channel(1);
    let (orders, obey) = channel();
    let experiment = experiment.clone();
    let live = move || {
        let host = make(side, &experiment, group);
        let own = link::address(side, experiment.network.ip);
        let waits_for = link::detects_duplicates(&experiment).then_some(own);
        let stands = host.is_ok();
        if say.send(host).is_ok() && stands {
            obey_all(&obey, waits_for);
        }
    };
    let started = thread::Builder::new().name(side.to_string()).spawn(live);
    started.map_err(|error| HostError::Thread {
        side,
        reason: error.to_string(),
    })?;
    Ok(Beginning { side, made, orders })
}

impl Beginning {
    /// Waits until the host stands.
    pub(super) fn wait(self) -> Result<(Made, Sender<Order>), HostError> {
        let made = self.made.recv().map_err(|_| HostError::Thread {
            side: self.side,
            reason: "it ended before the host was made".to_owned(),
        })?;
        Ok((made?, self.orders))
    }
}

/// Makes the host that this thread is then in.
fn make(side: Side, experiment: &Experiment, group: Gid) -> Result<Made, HostError> {
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|errno| remedy::namespace(Step::NetworkNamespace, &errno.into()))?;
    let mut settings = Settings::new(side, experiment, group);
    settings.write_general()?;
    let tap = Tap::make()?;
    settings.write_rest()?;
    let failed = |(step, error): link::Failure| HostError::Network {
        side,
        remedy: remedy::network(&error),
        step,
        reason: error.to_string(),
    };
    link::set_up(side, experiment, settings.congestion.as_deref()).map_err(failed)?;
    let diag =
        open_diag().map_err(|error| failed(("open a sock_diag socket".to_owned(), error)))?;
    let counters = Counters::open()
        .map_err(|error| failed(("open the kernel's counters".to_owned(), error)))?;
    privileges::empty_bounding()?;
    Ok(Made {
        address: link::address(side, experiment.network.ip),
        tap,
        diag,
        counters,
        settings,
        thread: gettid(),
    })
}

/// A socket that asks about the sockets of this thread's namespace (`sock_diag(7)`).
pub(in crate::io::lab) fn open_diag() -> io::Result<OwnedFd> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(fd)
}

/// Does what it is told until the host is dropped.
fn obey_all(orders: &Receiver<Order>, waits_for: Option<IpAddr>) {
    for order in orders {
        match order {
            Order::GiveUp(becomes, answer) => {
                let _ = answer.send(privileges::give_up_thread(becomes));
            }
            Order::Spawn(name, job, answer) => {
                let job = move || {
                    if let Some(own) = waits_for {
                        // When it fails, the job meets an address that may not be used, and says so.
                        let _ = link::wait_until_usable(own, ADDRESS_PATIENCE);
                    }
                    job();
                };
                let started = thread::Builder::new().name(name).spawn(job);
                let _ = answer.send(started.map(drop));
            }
        }
    }
}

/// Gives an order and waits until it is obeyed; `None` when the thread is gone.
pub(super) fn order<T>(
    orders: &Sender<Order>,
    make: impl FnOnce(SyncSender<T>) -> Order,
) -> Option<T> {
    let (answer, heard) = sync_channel(1);
    orders.send(make(answer)).ok()?;
    heard.recv().ok()
}
