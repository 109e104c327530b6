//! The probes: what each tries, and what it makes of the outcome.

use nix::errno::Errno;

use super::child::{self, Errand, Outcome, Told};
use super::circumstances::Circumstances;
use super::remedy::{self, Step};
use super::sockets::{self, Echo, Way};
use super::{Probe, Subject, capture as live};

pub(super) fn capture(at: &Circumstances) -> Vec<Probe> {
    let subject = Subject::Capture;
    let (library, filter) = match live::libpcap_version() {
        Ok(version) => (
            Probe::ok("libpcap", subject, version),
            match live::filter() {
                Ok(()) => Probe::ok("bpf", subject, "a filter was compiled"),
                Err(reason) => Probe::failed("bpf", subject, reason),
            },
        ),
        Err(reason) => {
            let short = reason.split(": apt install").next().unwrap_or(reason);
            (
                Probe::failed("libpcap", subject, short)
                    .with(remedy::libpcap(at, reason.contains("can't be loaded"))),
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

pub(super) fn packets(at: &Circumstances) -> Vec<Probe> {
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

/// A probe, and the steps that it consists of.
type Row = (&'static str, &'static [(&'static str, Step)]);

/// Names of the lab's probes, in order, and the steps that each consists of.
const LAB: &[Row] = &[
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
    ("tap", &[("tap", Step::TunAttach)]),
    ("setting", &[("setting", Step::Setting)]),
    ("sock-diag", &[("sock-diag", Step::SocketDiagnosis)]),
];

/// Names of the probes that come last: the hosts themselves.
const HOSTS: &[Row] = &[
    (
        "hosts",
        &[
            ("hosts", Step::NetworkNamespace),
            ("handshake", Step::Interface),
        ],
    ),
    ("reno", &[("reno", Step::CongestionControl)]),
    ("cubic", &[("cubic", Step::CongestionControl)]),
];

pub(super) fn lab(at: &Circumstances) -> Vec<Probe> {
    let as_root = at.holds_lab();
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
            _ => step_probe(at, name, steps, &told),
        })
        .collect();
    let missing = probes.iter().find(|probe| probe.ok == Some(false));
    let hosts: Vec<Probe> = if let Some(missing) = missing {
        let why = format!("not tried: {} comes first", missing.name);
        let untried = |(name, _): &Row| Probe::untried(name, Subject::Lab, why.clone());
        HOSTS.iter().map(untried).collect()
    } else {
        let told = child::send(Errand::Hosts);
        let probe = |&(name, steps): &Row| step_probe(at, name, steps, &told);
        HOSTS.iter().map(probe).collect()
    };
    probes.extend(hosts);
    if as_root {
        probes.push(users(at));
    }
    probes
}

fn step_probe(
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
                // A seccomp filter that kills is one that refuses.
                Outcome::Failed(why) if why.contains("SIGSYS") => Probe {
                    fix: remedy::remedy(*step, Errno::EPERM, at).fix,
                    ..Probe::failed(name, subject, format!("{why}: a seccomp filter"))
                },
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
            None => Probe::untried(name, subject, "not tried: what it needs is missing"),
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
    let failed = |(name, steps): &Row, told: &[Told]| {
        let probe = step_probe(&at, name, steps, told);
        (probe.ok == Some(false)).then_some(probe)
    };
    // The hosts only where nothing is known to be in their way.
    let failed = LAB.iter().find_map(|row| failed(row, &told)).or_else(|| {
        let told = child::send(Errand::OtherHosts);
        HOSTS.iter().take(1).find_map(|row| failed(row, &told))
    });
    match failed {
        Some(probe) => Probe {
            name,
            detail: format!("the lab {who}: {}", probe.detail),
            ..probe
        },
        None => Probe::ok(name, subject, format!("the lab works {who}, too")),
    }
}
