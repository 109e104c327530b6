//! Where a connection by hand takes place: in the lab, where the other end is a host of its own with a
//! program that listens; or on a TAP device of this machine, where it is whoever is there.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::time::TimeSpec;

use crate::io::clock::{Steady, Stopwatch};
use crate::io::doctor::remedy::{self, Step};
use crate::io::lab::host::{Host, HostError, Tap, open_alone, open_diag};
use crate::io::lab::program::{self, Stage};
use crate::io::lab::run::control::{Control, Ended};
use crate::io::privileges::{self, Becomes, PrivilegeError};
use crate::io::sys::ifreq;
use crate::lab::experiment::Experiment;
use crate::lab::truth::CallLine;
use crate::lab::{Both, Side};

/// Why there is no ground.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The lab's host can't be had.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The TAP device can't be used.
    #[error("can't use {name} as a TAP device: {reason}; {remedy}")]
    Tap {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// Rights can't be given up.
    #[error(transparent)]
    Rights(#[from] PrivilegeError),
}

/// Where it takes place.
pub struct Ground(Kind);

enum Kind {
    Lab(Box<Lab>),
    Tap {
        tap: Tap,
        mtu: u16,
        diag: Option<OwnedFd>,
    },
}

/// A host with a program that listens.
struct Lab {
    host: Host,
    experiment: Experiment,
    control: Arc<Control>,
    stage: Option<Stage>,
    /// Calls that were made before anybody asked.
    early: RefCell<Vec<CallLine>>,
    /// Whether the program has ended.
    ended: Cell<bool>,
}

impl Lab {
    fn take(&self) -> Vec<CallLine> {
        let mut calls = self.early.take();
        let news = self.control.take();
        calls.extend(news.calls);
        if !news.ended.is_empty() {
            self.ended.set(true);
        }
        calls
    }

    /// Waits until the program listens, or has ended, but not for ever.
    fn await_listener(&self) {
        let watch = Stopwatch::start();
        loop {
            let calls = self.take();
            let listens = calls.iter().any(|call| call.call == "listen");
            self.early.replace(calls);
            let left = PATIENCE.saturating_sub(watch.elapsed());
            if listens || self.ended.get() || left.is_zero() {
                return;
            }
            let mut news = [PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
            // An interrupted wait is begun again.
            let _ = ppoll(&mut news, Some(TimeSpec::from_duration(left)), None);
        }
    }
}

/// How long a program may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(2);

impl Ground {
    /// The server of an experiment, alone; we are what its client would be. Every right is given up. To be
    /// called while this is the only thread.
    ///
    /// # Errors
    ///
    /// When this machine does not allow it, with what to do about it.
    pub fn lab(experiment: Experiment) -> Result<Self, GroundError> {
        let host = open_alone(Side::Server, &experiment)?;
        let control = Control::new().map_err(|error| HostError::Thread {
            side: Side::Server,
            reason: error.to_string(),
        })?;
        Ok(Self(Kind::Lab(Box::new(Lab {
            host,
            experiment,
            control: Arc::new(control),
            stage: None,
            early: RefCell::default(),
            ended: Cell::new(false),
        }))))
    }

    /// A TAP device of this machine that is there already. Every right is given up.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or it is not ours to use; with what to do about it.
    pub fn tap(name: &str) -> Result<Self, GroundError> {
        let becomes = Becomes::find()?;
        let fail = |reason: String, remedy: String| GroundError::Tap {
            name: name.escape_debug().to_string(),
            reason,
            remedy,
        };
        let shown = name.escape_debug();
        let make = |name: &str| {
            format!(
                "make one with an address for this machine: sudo ip tuntap add dev {name} mode tap user $USER && \
                 sudo ip address add 192.0.2.1/24 dev {name} && sudo ip link set {name} up"
            )
        };
        let flags = SockFlag::SOCK_CLOEXEC;
        let asks = socket(AddressFamily::Inet, SockType::Datagram, flags, None)
            .map_err(|error| fail(error.to_string(), "run wirelab doctor".to_owned()))?;
        // Asked first: with the right to, a name that nothing has would become a new device.
        let mtu = ifreq::mtu(asks.as_fd(), name)
            .map_err(|error| fail(error.to_string(), make(&shown.to_string())))?;
        let is_up = ifreq::flags(asks.as_fd(), name).is_ok_and(|flags| flags & libc::IFF_UP != 0);
        if !is_up {
            let up = format!("sudo ip link set {shown} up");
            return Err(fail("it is down".to_owned(), up));
        }
        let tap = Tap::hold(name).map_err(|error| {
            let what = match error.raw_os_error() {
                Some(libc::EINVAL) => "it is another kind of interface; ".to_owned() + &make("tap0"),
                Some(libc::EBUSY) => "another program holds it; end that, or make another one".to_owned(),
                Some(libc::EPERM) => format!(
                    "it is not yours: make it with user $USER, or run with sudo (ip tuntap show tells whose {shown} is)"
                ),
                _ => remedy::in_a_line(Step::TunOpen, &error),
            };
            fail(error.to_string(), what)
        })?;
        // The device comes up once somebody holds it, not at once; what the kernel sends before is lost.
        let watch = Stopwatch::start();
        let runs =
            || ifreq::flags(asks.as_fd(), name).is_ok_and(|flags| flags & libc::IFF_RUNNING != 0);
        while !runs() && watch.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        let diag = open_diag().ok();
        privileges::drop_for_good(becomes)?;
        Ok(Self(Kind::Tap {
            tap,
            mtu: u16::try_from(mtu).unwrap_or(u16::MAX),
            diag,
        }))
    }

    /// Whether the far end is a host of the lab.
    pub(super) const fn is_lab(&self) -> bool {
        matches!(self.0, Kind::Lab(_))
    }

    /// Longest IP packet, in bytes.
    pub fn mtu(&self) -> u16 {
        match &self.0 {
            Kind::Lab(lab) => lab.experiment.network.mtu,
            Kind::Tap { mtu, .. } => *mtu,
        }
    }

    pub(super) fn held(&self) -> &Tap {
        match &self.0 {
            Kind::Lab(lab) => lab.host.tap(),
            Kind::Tap { tap, .. } => tap,
        }
    }

    /// Whom to ask about the far end's sockets.
    pub(super) fn diag(&self) -> Option<OwnedFd> {
        match &self.0 {
            Kind::Lab(lab) => lab.host.diag().try_clone_to_owned().ok(),
            Kind::Tap { diag, .. } => diag.as_ref().and_then(|it| it.try_clone().ok()),
        }
    }

    /// Readable when the far program has something to tell.
    pub(super) fn program(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Lab(lab) => Some(lab.control.as_fd()),
            Kind::Tap { .. } => None,
        }
    }

    /// What the far program has done since this was last asked.
    pub(super) fn calls(&self) -> Vec<CallLine> {
        match &self.0 {
            Kind::Lab(lab) => lab.take(),
            Kind::Tap { .. } => Vec::new(),
        }
    }

    /// Starts the program at the far end, and waits until it listens.
    pub(super) fn start(&mut self, clock: Steady) -> io::Result<()> {
        let Kind::Lab(lab) = &mut self.0 else {
            return Ok(());
        };
        let addresses = Both {
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            server: lab.host.address(),
        };
        let log = Arc::clone(&lab.control);
        let stages = Stage::for_run(
            &lab.experiment,
            addresses,
            move |call| log.call(call),
            move || clock.now(),
        )?;
        let stage = stages.server.clone();
        lab.stage = Some(stages.server);
        let calls = lab.experiment.server.calls.clone();
        let control = Arc::clone(&lab.control);
        lab.host.spawn("server", move || {
            let result = program::run("", &calls, &stage);
            control.program_ended(Ended {
                side: Side::Server,
                program: String::new(),
                result,
            });
        })?;
        lab.await_listener();
        Ok(())
    }
}

impl Drop for Ground {
    /// The program ends, and its connection with it, without a word: nobody listens at this end any more.
    fn drop(&mut self) {
        if let Kind::Lab(lab) = &mut self.0
            && let Some(stage) = lab.stage.take()
        {
            stage.end("the handshake is over");
            let watch = Stopwatch::start();
            while !lab.ended.get() && watch.elapsed() < PATIENCE {
                let left = TimeSpec::from_duration(PATIENCE.saturating_sub(watch.elapsed()));
                let mut news = [PollFd::new(lab.control.as_fd(), PollFlags::POLLIN)];
                let _ = ppoll(&mut news, Some(left), None);
                lab.take();
            }
            stage.abort_all();
        }
    }
}
