//! A copy of this program that tries what would change the process, or might never end.
//!
//! A user namespace can't be left again, and only a process with one thread may make one
//! (`user_namespaces`(7)). So the program runs itself again with a hidden option; the child tells on
//! its standard output, a JSON line for each step, what came of it. It is killed when its time is
//! up, and by the kernel when we end before it (`PR_SET_PDEATHSIG`, prctl(2)).

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use serde::{Deserialize, Serialize};

use crate::io::clock::Stopwatch;

/// Longest that a child may take. The slowest step waits for a packet for two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a child is to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A capture on the loopback interface.
    Capture,
    /// The lab's hosts, by our own right.
    Root,
    /// The lab's hosts, in a user namespace.
    User,
    /// The same, after having become a user without rights.
    Other,
    /// Two hosts and a connection between them.
    Hosts,
    /// The same, as a user without rights.
    OtherHosts,
}

impl Errand {
    const ALL: [Self; 6] = [
        Self::Capture,
        Self::Root,
        Self::User,
        Self::Other,
        Self::Hosts,
        Self::OtherHosts,
    ];

    /// Its name on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Root => "root",
            Self::User => "user",
            Self::Other => "other",
            Self::Hosts => "hosts",
            Self::OtherHosts => "other-hosts",
        }
    }

    /// The errand of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|errand| errand.name() == name)
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Which step.
    pub(super) step: String,
    /// `None` while it is being tried.
    pub(super) outcome: Option<Outcome>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It worked; says what was seen.
    Ok(String),
    /// The kernel refused, with this number.
    Errno(i32),
    /// It did not work; says why.
    Failed(String),
}

impl Outcome {
    /// From what system calls give.
    pub(super) fn of(result: io::Result<String>) -> Self {
        match result {
            Ok(detail) => Self::Ok(detail),
            Err(error) => match error.raw_os_error() {
                Some(errno) => Self::Errno(errno),
                None => Self::Failed(error.to_string()),
            },
        }
    }
}

/// Where a child tells.
pub(super) struct Teller<'a>(&'a mut dyn Write);

impl Teller<'_> {
    /// Tries a step and tells what came of it; whether it worked.
    pub(super) fn step(
        &mut self,
        step: &str,
        attempt: impl FnOnce() -> io::Result<String>,
    ) -> io::Result<bool> {
        // Told first, so that it is known what the kernel killed us for.
        self.say(step, None)?;
        let outcome = Outcome::of(attempt());
        let worked = matches!(outcome, Outcome::Ok(_));
        self.say(step, Some(outcome))?;
        Ok(worked)
    }

    fn say(&mut self, step: &str, outcome: Option<Outcome>) -> io::Result<()> {
        let step = step.to_owned();
        let line = serde_json::to_string(&Told { step, outcome })?;
        writeln!(self.0, "{line}")?;
        self.0.flush()
    }
}

/// The child's part: runs `errand`, telling on `out`. `parent` is the process that started it.
///
/// # Errors
///
/// When nobody listens, or the parent has ended already.
pub fn run_errand(errand: Errand, parent: i32, out: &mut dyn Write) -> io::Result<()> {
    die_with_parent()?;
    if getppid().as_raw() != parent {
        return Err(io::Error::other("whoever started this has ended"));
    }
    let mut teller = Teller(out);
    match errand {
        Errand::Capture => super::capture::try_loopback(&mut teller),
        Errand::Root | Errand::User => super::lab::try_steps(errand, &mut teller),
        Errand::Hosts => super::hosts::try_lab(&mut teller),
        Errand::Other | Errand::OtherHosts => {
            if !teller.step("become", super::lab::become_a_user)? {
                return Ok(());
            }
            match errand {
                Errand::Other => super::lab::try_steps(errand, &mut teller),
                _ => super::hosts::try_lab(&mut teller),
            }
        }
    }
}

/// From now on the kernel kills us when the parent ends. Becoming another user undoes it.
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// Sends a child on `errand`, and gives what it told. Never fails: what went wrong is told too.
pub(super) fn send(errand: Errand) -> Vec<Told> {
    match attempt(errand) {
        Ok((text, ended)) => read(&text, &ended),
        Err(error) => vec![Told {
            step: "start".to_owned(),
            outcome: Some(Outcome::Failed(format!(
                "wirelab can't run itself again: {error}"
            ))),
        }],
    }
}

/// How a child came to its end.
enum Ended {
    Itself(ExitStatus, String),
    TimeUp,
}

fn attempt(errand: Errand) -> io::Result<(String, Ended)> {
    // Not by its path, where there may be another version by now, or none.
    let mut child = Command::new("/proc/self/exe")
        .args(["doctor", "--errand", errand.name(), "--parent"])
        .arg(std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut told = Vec::new();
    let in_time = match child.stdout.take() {
        Some(mut from) => read_until(&mut from, &mut told),
        None => Ok(false),
    };
    if !matches!(in_time, Ok(true)) {
        child.kill()?;
    }
    let status = child.wait()?;
    let mut complaint = String::new();
    if let Some(stderr) = child.stderr.take() {
        // It has ended, and whatever it could have started ends with its namespace.
        let _ = stderr.take(4096).read_to_string(&mut complaint);
    }
    let ended = if in_time? {
        Ended::Itself(status, complaint)
    } else {
        Ended::TimeUp
    };
    Ok((String::from_utf8_lossy(&told).into_owned(), ended))
}

/// Reads to the end, `false` when that does not come in time.
fn read_until(from: &mut (impl Read + AsFd), into: &mut Vec<u8>) -> io::Result<bool> {
    let watch = Stopwatch::start();
    let mut some = [0; 4096];
    loop {
        let left = PATIENCE.saturating_sub(watch.elapsed());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut waiting = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, timeout) {
            Ok(0) => return Ok(false),
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        match from.read(&mut some)? {
            0 => return Ok(true),
            count => into.extend(some.get(..count).unwrap_or_default()),
        }
    }
}

/// The outcomes among the lines; a step that was begun and not ended got what ended the child.
fn read(text: &str, ended: &Ended) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for line in text.lines() {
        let Ok(told) = serde_json::from_str::<Told>(line) else {
            continue;
        };
        match all.last_mut() {
            Some(last) if last.outcome.is_none() && last.step == told.step => *last = told,
            _ => all.push(told),
        }
    }
    let how = match ended {
        Ended::TimeUp => Some(format!("no end after {} s", PATIENCE.as_secs())),
        Ended::Itself(status, complaint) => match status.signal() {
            Some(signal) => {
                let name = Signal::try_from(signal).map_or("a signal", Signal::as_str);
                Some(format!("the process was killed by {name}"))
            }
            None if status.success() => None,
            None => Some(complaint.trim().escape_debug().to_string()),
        },
    };
    let Some(how) = how else {
        return all;
    };
    let failed = Some(Outcome::Failed(how));
    match all.last_mut() {
        Some(last) if last.outcome.is_none() => last.outcome = failed,
        _ => all.push(Told {
            step: "end".to_owned(),
            outcome: failed,
        }),
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_tells_is_read_back() {
        let mut out = Vec::new();
        let mut teller = Teller(&mut out);
        let refused = || Err(io::Error::from_raw_os_error(1));
        assert!(teller.step("one", || Ok("fine".to_owned())).unwrap());
        assert!(!teller.step("two", refused).unwrap());
        let text = String::from_utf8(out).unwrap();
        let told = read(
            &text,
            &Ended::Itself(ExitStatus::from_raw(0), String::new()),
        );
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].outcome, Some(Outcome::Ok("fine".to_owned())));
        assert_eq!(told[1].outcome, Some(Outcome::Errno(1)));
    }

    #[test]
    fn the_step_that_killed_a_child_is_named() {
        let begun = r#"{"step":"one","outcome":{"Ok":""}}
{"step":"two","outcome":null}"#;
        let by_sigsys = Ended::Itself(ExitStatus::from_raw(31), String::new());
        let told = read(begun, &by_sigsys);
        assert_eq!(told[1].step, "two");
        let Some(Outcome::Failed(why)) = &told[1].outcome else {
            panic!("{told:?}");
        };
        assert_eq!(why, "the process was killed by SIGSYS");
        let told = read(begun, &Ended::TimeUp);
        assert_eq!(
            told[1].outcome,
            Some(Outcome::Failed("no end after 10 s".to_owned()))
        );
    }
}
