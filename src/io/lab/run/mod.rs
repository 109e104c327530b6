//! A run of an experiment: programs on two hosts, the thread that carries frames between them, and
//! everything that is to be known of it, told in the order in which it happens.
//!
//! ```text
//!  client's programs        thread "wire"         server's programs
//!        kernel  <── TAP ──>  lab::Wire  <── TAP ──>  kernel
//!            '── calls ──>   sock_diag   <── calls ────'
//!                                  v
//!                     frames, fates, samples, calls
//!                                  v
//!                      this thread: disk and screen
//! ```
//!
//! The thread that carries waits for nobody. It ends the run (see [`life`]); then the counters are read,
//! the programs that are still at it are told, and only when all have ended are their sockets closed:
//! what a kernel sends at that is no part of the experiment.

mod carrier;
pub(super) mod control;
mod lateness;
mod ledger;
mod life;
mod outcome;
mod queue;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::host::{Host, Tap};
use super::program::{self, Stage};
use crate::io::Signals;
use crate::io::clock::{Steady, Stopwatch};
use crate::lab::experiment::{Call, Experiment};
use crate::lab::truth::{Counters, Happening, Line, Outcome, Run};
use crate::lab::{Both, Side, Wire};
use carrier::{Carried, Carrier, Port};
use control::{Control, Ended};
use life::Life;
use queue::{MAX_BYTES, Receiver, queue};
use watch::Watch;

/// How long programs have to end after they are told that the run is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is to be said about a run beside its experiment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The name of the experiment, for the record.
    pub name: &'a str,
    /// What ends it early; without, signals do to the process what they always do.
    pub signals: Option<Signals>,
    /// Whether frames are carried on when the programs have ended, however long, until a signal comes or
    /// the sink breaks off: somebody looks around in the hosts ([`Host::enter`]).
    pub keep: bool,
}

/// Runs an experiment on its hosts, with nothing but defaults; see [`run_with`].
///
/// # Errors
///
/// As [`run_with`].
pub fn run(
    experiment: &Experiment,
    hosts: Both<Host>,
    stop: Option<Signals>,
    sink: &mut dyn FnMut(Happening) -> ControlFlow<()>,
) -> Result<Outcome, RunError> {
    let options = Options {
        signals: stop,
        ..Options::default()
    };
    run_with(experiment, hosts, &options, sink)
}

/// Runs an experiment on its hosts. The first thing that `sink` is told is [`Line::Run`], the last
/// [`Line::Outcome`], which is also returned; when it breaks off, the run ends and it is told no more.
///
/// `sink` may be slow: up to 256 MiB wait for it. A program that fails, the time limit and a signal
/// make an outcome, which says so, and no error.
///
/// # Errors
///
/// When the hosts' interfaces or kernels don't do their part, or `sink` is slower than that.
pub fn run_with(
    experiment: &Experiment,
    hosts: Both<Host>,
    options: &Options<'_>,
    sink: &mut dyn FnMut(Happening) -> ControlFlow<()>,
) -> Result<Outcome, RunError> {
    let clock = Steady::start();
    let (out, happenings) = queue(MAX_BYTES);
    let control = Arc::new(Control::new().map_err(RunError::Start)?);
    let log = Arc::clone(&control);
    let stages = Stage::for_run(
        experiment,
        Both {
            client: hosts.client.address(),
            server: hosts.server.address(),
        },
        move |call| log.call(call),
        move || clock.now(),
    )
    .map_err(RunError::Start)?;
    let mut audience = Audience {
        sink,
        control: &control,
        left: false,
    };
    audience.tell_line(Line::Run(description(experiment, &hosts, options.name)));
    let programs = programs(experiment);
    let mut runner = Runner {
        hosts: &hosts,
        stages: &stages,
        control: &control,
        running: programs
            .iter()
            .map(|it| (it.side, it.name.to_owned()))
            .collect(),
    };
    let life = Life::new(experiment, options.keep, programs.len(), clock.now());
    let carrier = Carrier {
        ports: Both {
            client: hosts.client.tap(),
            server: hosts.server.tap(),
        },
        wire: Wire::new(experiment.wire.clone()),
        clock,
        watch: Some(Watch::new(Both {
            client: hosts.client.diag(),
            server: hosts.server.diag(),
        })),
        life,
        control: &control,
        signals: options.signals,
        out,
    };
    let carried = runner.carry(carrier, &programs, &happenings, &mut audience);
    // Whatever went wrong, the programs have to end.
    let (reason, counters) = match &carried {
        Ok(carried) => (outcome::reason(carried, experiment), runner.counters()),
        Err(error) => (error.to_string(), Ok(Vec::new())),
    };
    let late = runner.farewell(&reason, &mut audience);
    stages.client.abort_all();
    let carried = carried?;
    for counters in counters? {
        audience.tell_line(Line::Counters(counters));
    }
    let outcome = outcome::outcome(&carried, options.keep, &reason, &late, &runner.running);
    audience.tell_line(Line::Outcome(outcome.clone()));
    drop(hosts);
    Ok(outcome)
}

/// A program of the experiment.
struct Program<'a> {
    side: Side,
    name: &'a str,
    calls: &'a [Call],
}

fn programs(experiment: &Experiment) -> Vec<Program<'_>> {
    let of = |side| {
        let programs = experiment.host(side).programs();
        programs.map(move |(name, calls)| Program { side, name, calls })
    };
    // Who waits is there before who comes.
    of(Side::Server).chain(of(Side::Client)).collect()
}

/// What ran, and how.
fn description(experiment: &Experiment, hosts: &Both<Host>, name: &str) -> Run {
    let say = |what| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{what}"));
        text.unwrap_or_default().trim().to_owned()
    };
    let missing = [&hosts.client, &hosts.server].map(Host::missing);
    let missing: BTreeSet<&String> = missing.into_iter().flatten().collect();
    let faults = experiment.wire.faults.iter();
    Run {
        experiment: name.to_owned(),
        profile: experiment.profile.name().to_owned(),
        seed: experiment.seed,
        kernel: format!("{} {}", say("ostype"), say("osrelease")),
        sysctl: Both {
            client: hosts.client.settings().clone(),
            server: hosts.server.settings().clone(),
        },
        missing: missing.into_iter().cloned().collect(),
        faults: faults.map(ToString::to_string).collect(),
    }
}

/// Who is told what happens, as long as they listen.
struct Audience<'a> {
    sink: &'a mut dyn FnMut(Happening) -> ControlFlow<()>,
    control: &'a Control,
    left: bool,
}

impl Audience<'_> {
    fn tell(&mut self, batch: Vec<Happening>) {
        for happening in batch {
            if !self.left && (self.sink)(happening).is_break() {
                self.left = true;
                self.control.unwatched();
            }
        }
    }

    fn tell_line(&mut self, line: Line) {
        self.tell(vec![Happening::Line(line)]);
    }
}

/// Has things done by other threads.
struct Runner<'a> {
    hosts: &'a Both<Host>,
    stages: &'a Both<Stage>,
    control: &'a Arc<Control>,
    /// Programs that have not ended, as far as is known.
    running: Vec<(Side, String)>,
}

impl Runner<'_> {
    /// Carries frames and runs programs until the run is over.
    fn carry(
        &mut self,
        carrier: Carrier<'_, Tap>,
        programs: &[Program<'_>],
        happenings: &Receiver,
        audience: &mut Audience<'_>,
    ) -> Result<Carried, RunError> {
        let carried = thread::scope(|scope| {
            // A panic of the sink must not leave the other thread at work.
            let _leaves = Leaves(self.control);
            let wire = thread::Builder::new().name("wire".to_owned());
            let carrying = wire.spawn_scoped(scope, move || carrier.carry());
            let carrying = carrying.map_err(RunError::Start)?;
            for program in programs {
                self.start(program)?;
            }
            while let Some(batch) = happenings.recv() {
                audience.tell(batch);
            }
            carrying.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        for ended in &carried.ended {
            self.is_over(ended);
        }
        Ok(carried)
    }

    fn start(&self, program: &Program<'_>) -> Result<(), RunError> {
        let side = program.side;
        let (name, calls) = (program.name.to_owned(), program.calls.to_vec());
        let stage = self.stages.of(side).clone();
        let mut ending = Ending {
            control: Arc::clone(self.control),
            ended: Some(Ended {
                side,
                program: name.clone(),
                result: Err(format!("{side}: the program broke off: a bug in wirelab")),
            }),
        };
        let title = if name.is_empty() {
            side.name()
        } else {
            program.name
        };
        let started = self.hosts.of(side).spawn(title, move || {
            let result = program::run(&name, &calls, &stage);
            if let Some(ended) = &mut ending.ended {
                ended.result = result;
            }
        });
        started.map_err(RunError::Start)
    }

    fn is_over(&mut self, ended: &Ended) {
        let is_it = |(side, name): &(Side, String)| *side == ended.side && *name == ended.program;
        self.running.retain(|program| !is_it(program));
    }

    fn counters(&self) -> Result<Vec<Counters>, RunError> {
        let read = |host: &Host| {
            let side = host.side();
            let counters = host.counters();
            let counters = counters.map_err(|error| RunError::Counters { side, error })?;
            let host = side.name().to_owned();
            Ok(Counters { host, counters })
        };
        [&self.hosts.client, &self.hosts.server]
            .map(read)
            .into_iter()
            .collect()
    }

    /// Tells the programs that the run is over, and waits for them to end, though not for ever. Gives
    /// how those ended that had not.
    fn farewell(&mut self, reason: &str, audience: &mut Audience<'_>) -> Vec<Ended> {
        self.stages.client.end(reason);
        let mut late = Vec::new();
        let watch = Stopwatch::start();
        loop {
            let news = self.control.take();
            for call in news.calls {
                audience.tell_line(Line::Call(call));
            }
            for ended in news.ended {
                self.is_over(&ended);
                late.push(ended);
            }
            let left = FAREWELL.saturating_sub(watch.elapsed());
            if self.running.is_empty() || left.is_zero() {
                return late;
            }
            let mut news = [PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
            // An interrupted wait is one that is begun again.
            let _ = ppoll(&mut news, Some(TimeSpec::from_duration(left)), None);
        }
    }
}

/// Tells how a program ended, when its thread does, in whatever way.
struct Ending {
    control: Arc<Control>,
    ended: Option<Ended>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.control.program_ended(ended);
        }
    }
}

/// Has the thread that carries end when this one leaves.
struct Leaves<'a>(&'a Control);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.unwatched();
    }
}

impl Port for Tap {
    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.read(buffer)
    }

    fn write(&self, frame: &[u8]) -> io::Result<()> {
        self.write(frame)
    }
}

/// Why a run could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A thread or what threads have in common can't be had.
    #[error("can't start the run: {0}")]
    Start(io::Error),
    /// A host's frames can't be had.
    #[error("can't take frames from the {side}'s interface: {error}")]
    Read {
        /// Whose.
        side: Side,
        /// What the kernel says.
        error: io::Error,
    },
    /// A host takes no frames.
    #[error("can't hand a frame to the {side}'s interface: {error}")]
    Write {
        /// Whose.
        side: Side,
        /// What the kernel says.
        error: io::Error,
    },
    /// The kernel does not wait for frames.
    #[error("can't wait for frames: {0}")]
    Wait(io::Error),
    /// A kernel does not tell of its sockets.
    #[error("can't ask the {side}'s kernel about its connections (sock_diag): {error}")]
    Sample {
        /// Whose.
        side: Side,
        /// What it says.
        error: io::Error,
    },
    /// A kernel does not tell what it has counted.
    #[error("can't read what the {side}'s kernel has counted: {error}")]
    Counters {
        /// Whose.
        side: Side,
        /// What it says.
        error: io::Error,
    },
    /// More happened than could be written down.
    #[error(
        "packets came faster than they could be written down, and {0} MiB of them were waiting; the \
         recording has stopped there. Write to a faster disk, or lower the wire's rate_mbit"
    )]
    Overrun(usize),
}
