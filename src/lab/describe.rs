//! An experiment in words: what its programs do, what the wire does, and how the hosts' kernels are
//! set. [`picture`] draws the wire between them, and [`doubts`] are about what can't happen.
//!
//! Sentences have no subject and no full stop: they stand in a list below the name of what does it.

mod doubts;
mod faults;
mod picture;
mod steps;
mod wires;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use doubts::doubts;
pub use picture::{fault_mark, picture, router_mark};

use super::experiment::{Experiment, Ip, Neighbours, Profile};
use super::{Both, Side};

/// An experiment in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The programs of the hosts, the client's first.
    pub programs: Vec<Program>,
    /// How the wire carries packets.
    pub wire: Vec<String>,
    /// What befalls packets by name; as many as the experiment has faults.
    pub faults: Vec<String>,
    /// The routers on the way; as many as the experiment has.
    pub routers: Vec<String>,
    /// How the hosts are set, where it is not as usual.
    pub settings: Vec<String>,
}

/// A program in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Whose.
    pub side: Side,
    /// Its name; empty for a host's nameless one.
    pub name: String,
    /// What it does, one call after another.
    pub calls: Vec<String>,
}

/// The experiment in words.
pub fn description(experiment: &Experiment) -> Description {
    let mut programs = Vec::new();
    for side in [Side::Client, Side::Server] {
        for (name, calls) in experiment.host(side).programs() {
            programs.push(Program {
                side,
                name: name.to_owned(),
                calls: calls.iter().map(steps::sentence).collect(),
            });
        }
    }
    Description {
        programs,
        wire: wires::links(&experiment.wire),
        faults: experiment
            .wire
            .faults
            .iter()
            .map(faults::sentence)
            .collect(),
        routers: wires::routers(&experiment.wire, experiment.network.ip),
        settings: settings(experiment),
    }
}

/// The addresses of the hosts.
pub const fn addresses(ip: Ip) -> Both<IpAddr> {
    match ip {
        Ip::V4 => Both {
            client: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            server: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
        },
        Ip::V6 => Both {
            client: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
            server: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
        },
    }
}

/// How the hosts are set, where it is not as usual.
fn settings(experiment: &Experiment) -> Vec<String> {
    let mut said = vec![match experiment.profile {
        Profile::Linux => "profile linux: as Linux does it, with Reno".to_owned(),
        Profile::Textbook => {
            "profile textbook: NewReno without SACK, RACK, tail loss probes, F-RTO and delayed ACKs"
                .to_owned()
        }
    }];
    let network = &experiment.network;
    if network.ip == Ip::V6 {
        said.push("IPv6".to_owned());
    }
    if network.neighbours == Neighbours::Learnt {
        said.push("each host has to ask for the other's hardware address".to_owned());
    }
    if network.mtu != 1500 {
        said.push(format!("interfaces with an MTU of {} bytes", network.mtu));
    }
    if let Some(segments) = network.initial_window {
        said.push(format!(
            "an initial congestion window of {}",
            plural(u64::from(segments), "segment")
        ));
    }
    if let Some(ms) = network.rto_min_ms {
        said.push(format!("a retransmission timeout of {ms} ms at least"));
    }
    if let Some(quick) = network.quick_ack {
        let how = if quick {
            "at once"
        } else {
            "as Linux sees fit"
        };
        said.push(format!("segments are acknowledged {how}"));
    }
    for (key, value) in &experiment.sysctl {
        said.push(format!("{key} = {value}"));
    }
    for side in [Side::Client, Side::Server] {
        for (key, value) in &experiment.host(side).sysctl {
            said.push(format!("{key} = {value}, on the {side}"));
        }
    }
    said
}

/// `1 segment`, `11,584 bytes`.
fn plural(n: u64, noun: &str) -> String {
    crate::event::units::plural(n, noun)
}

/// `100 ms`, `1.5 s`, `250 µs`.
fn time(duration: std::time::Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, name) = match nanos {
        0..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    // As many decimals as it was written with: `7.5`, not `7.500`.
    format!("{} {name}", nanos as f64 / unit)
}

fn milliseconds(ms: u64) -> String {
    time(std::time::Duration::from_millis(ms))
}

/// `first`, `tenth`, `11th`, `22nd`.
fn ordinal(n: u64) -> String {
    const WORDS: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    let word = n
        .checked_sub(1)
        .and_then(|at| WORDS.get(usize::try_from(at).ok()?));
    if let Some(word) = word {
        return (*word).to_owned();
    }
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

#[cfg(test)]
mod tests;
