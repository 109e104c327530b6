//! What the probes come to: what the user can do here, and what is to be done.

use super::circumstances::Circumstances;
use super::fix::Fix;
use super::{Probe, Subject};

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
        self.circumstances.holds_lab()
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
    pub fn fixes(&self) -> Vec<Task> {
        let mut all: Vec<Task> = Vec::new();
        for probe in &self.probes {
            let Some(fix) = &probe.fix else { continue };
            let needed = self.is_needed(probe);
            if let Some(task) = all.iter_mut().find(|task| task.fix.clone().merge(fix)) {
                task.fix.merge(fix);
                task.needed |= needed;
                task.probes.push(probe.name);
            } else {
                all.push(Task {
                    fix: fix.clone(),
                    needed,
                    probes: vec![probe.name],
                });
            }
        }
        all.sort_by_key(|task| !task.needed);
        all
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
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
