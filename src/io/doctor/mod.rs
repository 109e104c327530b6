//! What this machine allows, tried end to end, and the exact fix for what it does not.
//!
//! Every probe does what the commands do: it opens the socket and gets its own answer, captures a
//! packet, makes the namespace and configures it. A file that says it should work proves nothing.
//! What would change this process is tried by a copy of it (`child`). Files, capabilities and the
//! like are read only to explain a failure (`circumstances`, `remedy`).

mod capture;
mod child;
mod circumstances;
mod fix;
mod hosts;
mod lab;
mod machine;
mod probes;
pub mod remedy;
mod report;
mod sockets;
#[cfg(test)]
mod tests;

pub use child::{Errand, run_errand};
pub use circumstances::{Circumstances, Container, Family};
pub use fix::{Fix, Grant};
pub use remedy::{Remedy, Step};
pub use report::{Ability, Report, Task};

/// What a probe is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Capturing on interfaces, and filters.
    Capture,
    /// Echo requests and packets made by hand.
    Packets,
    /// Two hosts of our own.
    Lab,
    /// The machine itself.
    Machine,
}

impl Subject {
    /// All, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Packets, Self::Lab, Self::Machine];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Packets => "packets",
            Self::Lab => "lab",
            Self::Machine => "machine",
        }
    }
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its name, for people and programs.
    pub name: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// Whether it worked; `None` when it was not tried, and `detail` says why.
    pub ok: Option<bool>,
    /// What was seen, or why it did not work.
    pub detail: String,
    /// What to do about it.
    pub fix: Option<Fix>,
}

impl Probe {
    fn new(
        name: &'static str,
        subject: Subject,
        ok: Option<bool>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            name,
            subject,
            ok,
            detail: detail.into(),
            fix: None,
        }
    }

    fn ok(name: &'static str, subject: Subject, detail: impl Into<String>) -> Self {
        Self::new(name, subject, Some(true), detail)
    }

    fn failed(name: &'static str, subject: Subject, detail: impl Into<String>) -> Self {
        Self::new(name, subject, Some(false), detail)
    }

    fn untried(name: &'static str, subject: Subject, detail: impl Into<String>) -> Self {
        Self::new(name, subject, None, detail)
    }

    fn blocked(name: &'static str, subject: Subject, remedy: Remedy) -> Self {
        Self {
            fix: remedy.fix,
            ..Self::failed(name, subject, remedy.reason)
        }
    }

    fn with(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    fn works(&self) -> bool {
        self.ok == Some(true)
    }
}

/// What standard output is like, as whoever draws on it knows.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether it is a terminal.
    pub is_terminal: bool,
    /// Columns that will be filled.
    pub columns: u16,
    /// Whether it will be coloured.
    pub color: bool,
    /// Whether more than ASCII will be written.
    pub unicode: bool,
}

/// Tries everything. Takes about a tenth of a second, and has an end whatever happens.
pub fn examine(screen: Screen) -> Report {
    let at = Circumstances::look();
    let mut tried = probes::capture(&at);
    tried.extend(probes::packets(&at));
    tried.extend(probes::lab(&at));
    tried.push(machine::ipv6(&at));
    tried.push(machine::terminal(screen));
    tried.push(machine::clock());
    Report {
        circumstances: at,
        probes: tried,
    }
}
