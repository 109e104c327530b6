//! The two hosts of an experiment: network namespaces with kernels' own TCP, each with a TAP device for
//! a cable.
//!
//! ```text
//!    main thread                 thread "client"                thread "server"
//!    user namespace, if not root
//!    starts both ──────────────> own network namespace          own network namespace
//!                                settings, TAP, addresses       settings, TAP, addresses
//!    has both   <─────────────── TAP, counters, sock_diag       TAP, counters, sock_diag
//!    becomes sudo's caller       (so do all threads)
//!    gives up its rights         gives up its rights            gives up its rights
//!                                starts threads of programs     starts threads of programs
//! ```
//!
//! A namespace lives as long as a thread or a descriptor is in it. These have no names and nobody else
//! knows them, so that whatever ends the process, `kill -9` too, leaves nothing behind.
//!
//! When [`open`] returns, no thread that it knows of has any right left (capabilities(7)), and threads
//! can't come by them again. What programs do needs none: echo requests (`ping_group_range`), ports
//! below 1024 (`ip_unprivileged_port_start`), a congestion control that the machine keeps for itself (the
//! route names it) are provided for.

mod allowed;
mod counters;
mod error;
mod inside;
mod link;
mod remedy;
mod settings;
mod tap;
mod user;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::process;
use std::sync::mpsc::Sender;

use nix::unistd::{Gid, Pid, getegid, geteuid};

pub use error::{HostError, Step};
pub(super) use inside::open_diag;
pub use link::INTERFACE;
pub use tap::Tap;

use self::inside::{Beginning, Made, Order};
use self::user::Rights;
use crate::io::privileges::{self, Becomes, PrivilegeError};
use crate::lab::experiment::Experiment;
use crate::lab::{Both, Side};

/// One of the two hosts. It is gone when this is dropped and the threads that it has spawned have
/// ended.
pub struct Host {
    side: Side,
    made: Made,
    orders: Sender<Order>,
    enter: String,
}

/// Makes the hosts of an experiment, and gives up every right for good: this can be done once. For
/// several runs in one process there is [`open_each`].
///
/// To be called while this is the only thread: those that run already keep their rights, and without
/// root a user namespace can't be entered. With `sudo` the process becomes the user who called it;
/// without root it becomes root of a user namespace, in name only.
///
/// # Errors
///
/// When this machine does not allow it, with what to do about it. Rights may be there still.
pub fn open(experiment: &Experiment) -> Result<Both<Host>, HostError> {
    let rights = begin_with_rights()?;
    let hosts = rights.open(experiment)?;
    give_up_rights([&hosts.client, &hosts.server], rights.becomes)?;
    Ok(hosts)
}

/// Makes the hosts of several runs, and gives up every right for good, as [`open`] does.
///
/// They stand from now on: what they send by themselves, where neighbours are learnt by IPv6, they send
/// now, and it is the first thing to be read from their TAPs.
///
/// # Errors
///
/// As for [`open`].
pub fn open_each<'a>(
    experiments: impl IntoIterator<Item = &'a Experiment>,
) -> Result<Vec<Both<Host>>, HostError> {
    let rights = begin_with_rights()?;
    let hosts = experiments.into_iter().map(|it| rights.open(it));
    let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
    let all = hosts.iter().flat_map(|it| [&it.client, &it.server]);
    give_up_rights(all, rights.becomes)?;
    Ok(hosts)
}

/// Makes one host of an experiment alone: who holds its TAP is the other end. Gives up every right for
/// good, as [`open`] does.
///
/// # Errors
///
/// As for [`open`].
pub fn open_alone(side: Side, experiment: &Experiment) -> Result<Host, HostError> {
    let rights = begin_with_rights()?;
    let beginning = inside::begin(side, experiment, rights.group)?;
    let host = rights.host(side, beginning)?;
    give_up_rights([&host], rights.becomes)?;
    Ok(host)
}

/// What is settled before hosts are made.
struct Beginner {
    rights: Rights,
    becomes: Becomes,
    /// The group that programs run as.
    group: Gid,
    as_root: bool,
}

fn begin_with_rights() -> Result<Beginner, HostError> {
    let as_root = geteuid().is_root();
    let (rights, becomes) = user::acquire(Becomes::find()?)?;
    Ok(Beginner {
        rights,
        becomes,
        group: match becomes {
            Becomes::Invoker { gid, .. } => gid,
            // Root's, in a user namespace too.
            Becomes::Same => getegid(),
        },
        as_root,
    })
}

impl Beginner {
    fn open(&self, experiment: &Experiment) -> Result<Both<Host>, HostError> {
        // Both at once: most of the time goes into waiting for the kernel.
        let client = inside::begin(Side::Client, experiment, self.group)?;
        let server = inside::begin(Side::Server, experiment, self.group);
        // Neither is left at work when the other fails.
        let client = self.host(Side::Client, client);
        let server = self.host(Side::Server, server?);
        Ok(Both {
            client: client?,
            server: server?,
        })
    }

    fn host(&self, side: Side, beginning: Beginning) -> Result<Host, HostError> {
        let (made, orders) = beginning.wait()?;
        let enter = self.enter(made.thread);
        Ok(Host {
            side,
            made,
            orders,
            enter,
        })
    }

    /// The command that enters the host of that thread.
    fn enter(&self, thread: Pid) -> String {
        let folder = format!("/proc/{}/task/{thread}/ns", process::id());
        let nsenter = format!("nsenter --net={folder}/net");
        match self.rights {
            // In the user namespace whoever made it is root.
            Rights::UserNamespace => {
                format!("nsenter --user={folder}/user --preserve-credentials --net={folder}/net")
            }
            Rights::Own if self.as_root && !self.becomes.is_someone_else() => nsenter,
            Rights::Own => format!("sudo {nsenter}"),
        }
    }
}

/// Takes all rights from this thread and the hosts'.
fn give_up_rights<'a>(
    hosts: impl IntoIterator<Item = &'a Host>,
    becomes: Becomes,
) -> Result<(), HostError> {
    privileges::empty_bounding()?;
    // All threads become that user together, while each still may.
    privileges::become_other(becomes)?;
    for host in hosts {
        let answer = inside::order(&host.orders, |answer| Order::GiveUp(becomes, answer));
        let gone = || PrivilegeError::Left("the thread of a host is gone".to_owned());
        answer.ok_or_else(gone)??;
    }
    privileges::give_up_thread(becomes)?;
    Ok(())
}

impl Host {
    /// Which of the two it is.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Its address: 10.0.0.1 or `fd00::1` for the client, 10.0.0.2 or `fd00::2` for the server.
    pub const fn address(&self) -> IpAddr {
        self.made.address
    }

    /// Its end of the wire. Read it without pause: what is not taken in time is lost.
    pub const fn tap(&self) -> &Tap {
        &self.made.tap
    }

    /// Starts a thread inside, which has no rights, and whose sockets are this host's.
    ///
    /// The job begins when the host's address may be used. That is at once, except where duplicate
    /// address detection comes first: it takes a second, and its frames have to be carried meanwhile.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub fn spawn(&self, name: &str, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job = Box::new(job);
        inside::order(&self.orders, |answer| {
            Order::Spawn(name.to_owned(), job, answer)
        })
        .ok_or_else(|| io::Error::other("the thread of the host is gone"))?
    }

    /// The kernel settings that were pinned, as read back: those of the experiment, and those that make
    /// a host of a namespace.
    pub const fn settings(&self) -> &BTreeMap<String, String> {
        &self.made.settings.pinned
    }

    /// What the experiment wants and this kernel does not have, or keeps as it is; and what its programs
    /// will be refused: a sentence each, with what would help.
    pub fn missing(&self) -> &[String] {
        &self.made.settings.missing
    }

    /// What the kernel has counted so far, where it is not zero, by the names that nstat(8) has; TCP's
    /// own without the name of their group: `TCPTimeouts`.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn counters(&self) -> io::Result<BTreeMap<String, u64>> {
        self.made.counters.read()
    }

    /// A `NETLINK_SOCK_DIAG` socket that asks about the host's sockets.
    pub fn diag(&self) -> BorrowedFd<'_> {
        self.made.diag.as_fd()
    }

    /// The command that enters the host from another terminal while it stands; a program to run inside
    /// may follow.
    pub fn enter(&self) -> String {
        self.enter.clone()
    }
}
