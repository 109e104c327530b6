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
mod lab;
mod machine;
pub mod remedy;
mod sockets;
#[cfg(test)]
mod tests;

use nix::errno::Errno;

pub use child::{Errand, run_errand};
use child::{Outcome, Told};
pub use circumstances::{Circumstances, Container, Family};
pub use fix::{Fix, Grant};
pub use remedy::{Remedy, Step};
use sockets::{Echo, Way};

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

/// Something the user wants to do, and whether it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ability {
    /// Its name.
    pub name: &'static str,
    /// Whether it works.
    pub works: bool,
    /// How, or why not.
    pub how: String,
}

/// Everything that was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where we are.
    pub circumstances: Circumstances,
    /// What was tried, by subject.
    pub probes: Vec<Probe>,
}

/// Tries everything. Takes about a tenth of a second, and has an end whatever happens.
pub fn examine(screen: Screen) -> Report {
    let at = Circumstances::look();
    let mut probes = capture_probes(&at);
    probes.extend(packet_probes(&at));
    probes.extend(lab_probes(&at));
    probes.push(machine::ipv6(&at));
    probes.push(machine::terminal(screen));
    probes.push(machine::clock());
    Report {
        circumstances: at,
        probes,
    }
}

fn capture_probes(at: &Circumstances) -> Vec<Probe> {
    let subject = Subject::Capture;
    let (library, filter) = match capture::libpcap_version() {
        Ok(version) => (
            Probe::ok("libpcap", subject, version),
            match capture::filter() {
                Ok(()) => Probe::ok("bpf", subject, "a filter was compiled"),
                Err(reason) => Probe::failed("bpf", subject, reason),
            },
        ),
        Err(reason) => {
            let short = reason.split(": apt install").next().unwrap_or(reason);
            (
                Probe::failed("libpcap", subject, short).with(remedy::libpcap(at)),
                Probe::untried("bpf", subject, "not tried: it needs libpcap"),
            )
        }
    };
    let packet = match sockets::packet() {
        Ok(()) => Probe::ok("packet-socket", subject, "opened"),
        Err(errno) => Probe::blocked(
            "packet-socket",
            subject,
            remedy::remedy(Step::PacketSocket, errno, at),
        ),
    };
    let capture = match [&library, &packet].iter().find(|probe| !probe.works()) {
        Some(missing) => Probe::untried(
            "capture",
            subject,
            format!("not tried: it needs {}", missing.name),
        ),
        None => capture_probe(at),
    };
    vec![library, filter, packet, capture]
}

fn capture_probe(at: &Circumstances) -> Probe {
    let told = child::send(Errand::Capture);
    let (name, subject) = ("capture", Subject::Capture);
    match told.into_iter().last().and_then(|told| told.outcome) {
        Some(Outcome::Ok(detail)) => Probe::ok(name, subject, detail),
        Some(Outcome::Errno(errno)) => {
            let errno = Errno::from_raw(errno);
            Probe::failed(
                name,
                subject,
                format!("no datagram to ourselves: {}", remedy::text(errno)),
            )
            .with(remedy::loopback(at))
        }
        Some(Outcome::Failed(why)) => Probe::failed(name, subject, why).with(remedy::loopback(at)),
        None => Probe::failed(name, subject, "wirelab could not run itself again"),
    }
}

fn packet_probes(at: &Circumstances) -> Vec<Probe> {
    [
        ("icmp-ipv4", Way::Datagram, false),
        ("icmp-ipv6", Way::Datagram, true),
        ("raw-ipv4", Way::Raw, false),
        ("raw-ipv6", Way::Raw, true),
    ]
    .map(|(name, way, v6)| echo_probe(at, name, way, v6))
    .into()
}

fn echo_probe(at: &Circumstances, name: &'static str, way: Way, v6: bool) -> Probe {
    let subject = Subject::Packets;
    let step = match way {
        Way::Raw => Step::RawSocket,
        Way::Datagram => Step::PingSocket,
    };
    let groups = match (way, at.ping_groups) {
        (Way::Datagram, Some((low, high))) => format!("; ping_group_range {low} {high}"),
        _ => String::new(),
    };
    let host = if v6 { "::1" } else { "127.0.0.1" };
    match sockets::echo(way, v6) {
        Ok(Echo::Answered(time)) => {
            let detail = format!("{host} answered in {} us{groups}", time.as_micros());
            Probe::ok(name, subject, detail)
        }
        // The socket is what was in question.
        Ok(Echo::Silence) => Probe::ok(
            name,
            subject,
            format!("opened, but {host} does not answer{groups}"),
        ),
        Ok(Echo::Unsent(errno)) if v6 => Probe::blocked(name, subject, remedy::ipv6(errno, at)),
        Ok(Echo::Unsent(errno)) => Probe::failed(
            name,
            subject,
            format!(
                "opened, but {host} can't be reached: {}",
                remedy::text(errno)
            ),
        )
        .with(remedy::loopback(at)),
        Err(errno) => Probe::blocked(name, subject, remedy::remedy(step, errno, at)),
    }
}

/// Names of the lab's probes, in order, and the steps that each consists of.
const LAB: &[(&str, &[(&str, Step)])] = &[
    (
        "user-namespace",
        &[
            ("user-namespace", Step::UserNamespace),
            ("user-ids", Step::UserIds),
        ],
    ),
    (
        "network-namespace",
        &[
            ("network-namespace", Step::NetworkNamespace),
            ("namespace-inside", Step::NamespaceInside),
        ],
    ),
    ("interface", &[("interface", Step::Interface)]),
    ("tun-device", &[("tun-device", Step::TunOpen)]),
    ("setting", &[("setting", Step::Setting)]),
    ("reno", &[("reno", Step::CongestionControl)]),
    ("cubic", &[("cubic", Step::CongestionControl)]),
    ("sock-diag", &[("sock-diag", Step::SocketDiagnosis)]),
];

/// Whether we may make namespaces by our own right.
fn holds_lab(at: &Circumstances) -> bool {
    at.holds("CAP_SYS_ADMIN") && at.holds("CAP_NET_ADMIN")
}

fn lab_probes(at: &Circumstances) -> Vec<Probe> {
    let as_root = holds_lab(at);
    let errand = if as_root { Errand::Root } else { Errand::User };
    let told = child::send(errand);
    let mut probes: Vec<Probe> = LAB
        .iter()
        .map(|&(name, steps)| match name {
            "user-namespace" if as_root => Probe::untried(
                name,
                Subject::Lab,
                "not needed: network namespaces come with our rights",
            ),
            _ => lab_probe(at, name, steps, &told),
        })
        .collect();
    if as_root {
        probes.push(users(at));
    }
    probes
}

fn lab_probe(
    at: &Circumstances,
    name: &'static str,
    steps: &[(&str, Step)],
    told: &[Told],
) -> Probe {
    let subject = Subject::Lab;
    let mut seen = None;
    for told in told {
        let step = steps.iter().find(|(step, _)| *step == told.step);
        if let (Some((_, step)), Some(outcome)) = (step, &told.outcome) {
            let probe = match outcome {
                Outcome::Ok(detail) => Probe::ok(name, subject, detail.clone()),
                Outcome::Failed(why) => Probe::failed(name, subject, why.clone()),
                Outcome::Errno(errno) => Probe::blocked(
                    name,
                    subject,
                    remedy::remedy(*step, Errno::from_raw(*errno), at),
                ),
            };
            seen = Some(probe);
        }
    }
    seen.unwrap_or_else(|| {
        let why = told
            .iter()
            .find_map(|told| match (&*told.step, &told.outcome) {
                ("start" | "end", Some(Outcome::Failed(why))) => Some(why.clone()),
                _ => None,
            });
        match why {
            Some(why) => Probe::failed(name, subject, why),
            None => Probe::untried(
                name,
                subject,
                "not tried: it needs a network namespace of our own",
            ),
        }
    })
}

/// Whether a user of this machine could have the lab too: for a root that asks on their behalf.
fn users(at: &Circumstances) -> Probe {
    let (name, subject) = ("users", Subject::Lab);
    let told = child::send(Errand::Other);
    let who = match told.first().and_then(|told| told.outcome.as_ref()) {
        Some(Outcome::Ok(who)) => who.clone(),
        _ => {
            return Probe::untried(
                name,
                subject,
                "not tried: becoming a user is not possible here",
            );
        }
    };
    let at = at.as_user();
    let steps = LAB.iter().filter(|(name, _)| !OPTIONAL.contains(name));
    for (name, steps) in steps.filter(|(name, _)| *name != "network-namespace") {
        let probe = lab_probe(&at, name, steps, &told);
        if !probe.works() {
            return Probe {
                name: "users",
                detail: format!("the lab {who}: {}", probe.detail),
                ..probe
            };
        }
    }
    Probe::ok(name, subject, format!("the lab works {who}, too"))
}

/// What the lab does without, if it must.
const OPTIONAL: &[&str] = &["cubic", "users"];

impl Report {
    fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.name == name)
    }

    fn works(&self, name: &str) -> bool {
        self.probe(name).is_some_and(Probe::works)
    }

    /// The first of these probes that failed, in words.
    fn obstacle(&self, names: &[&str]) -> String {
        let mut found = names.iter().filter_map(|name| self.probe(name));
        let failed = found.find(|probe| probe.ok == Some(false));
        failed.map_or_else(|| "not tried".to_owned(), |probe| probe.detail.clone())
    }

    /// The lab's probes that it can't do without.
    fn of_lab(&self) -> impl Iterator<Item = &Probe> {
        let lab = self
            .probes
            .iter()
            .filter(|probe| probe.subject == Subject::Lab);
        lab.filter(|probe| !OPTIONAL.contains(&probe.name))
    }

    /// Whether two hosts can be had.
    fn lab_works(&self) -> bool {
        let as_root = self.as_root();
        self.of_lab()
            .all(|probe| probe.works() || (as_root && probe.name == "user-namespace"))
    }

    /// Whether the lab needs no user namespace.
    fn as_root(&self) -> bool {
        holds_lab(&self.circumstances)
    }

    /// What the user can do here.
    pub fn abilities(&self) -> Vec<Ability> {
        let filters = if self.works("bpf") {
            "recordings and capture files, with BPF filters"
        } else {
            "recordings and capture files (BPF filters need libpcap; --host, --port and --flow work)"
        };
        let capture = self.works("capture");
        let (ping, raw) = (self.works("icmp-ipv4"), self.works("raw-ipv4"));
        vec![
            Ability::new("replay", true, filters),
            Ability::new(
                "capture",
                capture,
                if capture {
                    "on every interface that is up".to_owned()
                } else {
                    self.obstacle(&["libpcap", "packet-socket", "capture"])
                },
            ),
            Ability::new(
                "ping",
                ping || raw,
                match (ping, raw) {
                    (true, _) => "no rights needed".to_owned(),
                    (false, true) => "by the right to raw sockets".to_owned(),
                    (false, false) => self.obstacle(&["icmp-ipv4", "raw-ipv4"]),
                },
            ),
            Ability::new(
                "packets by hand",
                raw,
                if raw {
                    "raw sockets open".to_owned()
                } else {
                    self.obstacle(&["raw-ipv4"])
                },
            ),
            self.lab(),
        ]
    }

    fn lab(&self) -> Ability {
        let works = self.lab_works();
        let how = if !works {
            let names: Vec<_> = self.of_lab().map(|probe| probe.name).collect();
            format!("{}; lab falls back to recordings", self.obstacle(&names))
        } else if self.as_root() {
            "as root".to_owned()
        } else {
            "without root, in a user namespace".to_owned()
        };
        let how = match self.probe("cubic") {
            Some(cubic) if works && cubic.ok == Some(false) => format!("{how}; reno, not cubic"),
            _ => how,
        };
        Ability::new("lab", works, how)
    }

    /// Whether capture and lab work.
    pub fn is_well(&self) -> bool {
        self.works("capture") && self.lab_works()
    }

    /// Whether something that does not work for the user would by this probe's fix.
    fn is_needed(&self, probe: &Probe) -> bool {
        match probe.subject {
            Subject::Capture => true,
            Subject::Packets => !self.works("icmp-ipv4") && !self.works("raw-ipv4"),
            Subject::Lab => !OPTIONAL.contains(&probe.name),
            Subject::Machine => false,
        }
    }

    /// What to do, each thing once, with the probes it is for: what is needed first. `true` with
    /// those that something the user asks for does not work without.
    pub fn fixes(&self) -> Vec<Todo> {
        let mut all: Vec<Todo> = Vec::new();
        for probe in &self.probes {
            let Some(fix) = &probe.fix else { continue };
            let needed = self.is_needed(probe);
            if let Some(todo) = all.iter_mut().find(|todo| todo.fix.clone().merge(fix)) {
                todo.fix.merge(fix);
                todo.needed |= needed;
                todo.probes.push(probe.name);
            } else {
                all.push(Todo {
                    fix: fix.clone(),
                    needed,
                    probes: vec![probe.name],
                });
            }
        }
        all.sort_by_key(|todo| !todo.needed);
        all
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// What.
    pub fix: Fix,
    /// Whether something the user may want does not work without it.
    pub needed: bool,
    /// Which probes it is for.
    pub probes: Vec<&'static str>,
}

impl Ability {
    fn new(name: &'static str, works: bool, how: impl Into<String>) -> Self {
        Self {
            name,
            works,
            how: how.into(),
        }
    }
}
