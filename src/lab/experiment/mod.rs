//! An experiment as data: what two hosts do, and what the wire between them does to their packets.
//!
//! The text is TOML, the file `captures/<name>/experiment.toml`; `docs/EXTENDING.md` tells how to write
//! one. What can't be meant is an error with its line and column, and so is a word that means nothing:
//! a typing error must not pass for a setting.

mod call;
mod payload;
mod profile;
mod short;
mod wiring;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use call::{
    Amount, Call, Connect, Errno, Listen, Options, Ping, Receive, Send, Step, UdpReceive, UdpSend,
};
pub use payload::{Encoding, Payload};
pub use profile::Profile;

use super::{Both, Config, Side};

/// The port that servers listen on and clients connect to unless they are told otherwise.
pub const PORT: u16 = 8080;

/// An experiment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its place among the lessons; those of a topic stand together.
    #[serde(default)]
    pub order: u32,
    /// What it belongs to: `setup`, `data`, `loss` …
    #[serde(default)]
    pub topic: String,
    /// What happens, in a few words.
    pub title: String,
    /// What to look for, in a sentence or two.
    pub look_for: String,
    /// How the hosts' kernels are set, where [`Experiment::sysctl`] says nothing else.
    #[serde(default)]
    pub profile: Profile,
    /// Where chance begins.
    #[serde(default)]
    pub seed: u64,
    /// Seconds after which the experiment is over, whatever its programs wait for.
    #[serde(default = "longest_s")]
    pub longest_s: u32,
    /// After the last call, it is over when nothing has moved for so many milliseconds.
    #[serde(default = "quiet_ms")]
    pub quiet_ms: u32,
    /// How the hosts are joined.
    #[serde(default)]
    pub network: Network,
    /// Kernel settings of both hosts, such as `"net.ipv4.tcp_sack" = "0"`.
    #[serde(default, deserialize_with = "profile::settings")]
    pub sysctl: BTreeMap<String, String>,
    /// The wire.
    #[serde(default = "Config::plain", deserialize_with = "wiring::config")]
    pub wire: Config,
    /// The host that opens connections.
    #[serde(default)]
    pub client: Host,
    /// The host that waits for them.
    #[serde(default)]
    pub server: Host,
}

const fn longest_s() -> u32 {
    30
}

const fn quiet_ms() -> u32 {
    300
}

/// How the hosts are joined.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The version of IP that connections use.
    pub ip: Ip,
    /// Whether each host knows the other's hardware address from the start, or has to ask.
    pub neighbours: Neighbours,
    /// The longest IP packet of the interfaces, in bytes.
    pub mtu: u16,
    /// Initial congestion window in segments (route attribute `initcwnd`); the kernel's own if `None`.
    pub initial_window: Option<u32>,
    /// The least retransmission timeout (route attribute `rto_min`), in milliseconds; the kernel's own,
    /// 200, if `None`.
    pub rto_min_ms: Option<u32>,
    /// Whether each segment is acknowledged at once (route attribute `quickack`). The profile's if
    /// `None`.
    pub quick_ack: Option<bool>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            ip: Ip::V4,
            neighbours: Neighbours::Known,
            mtu: 1500,
            initial_window: None,
            rto_min_ms: None,
            quick_ack: None,
        }
    }
}

/// A version of IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
pub enum Ip {
    /// IPv4; IPv6 is switched off.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl TryFrom<u8> for Ip {
    type Error = String;

    fn try_from(version: u8) -> Result<Self, String> {
        match version {
            4 => Ok(Self::V4),
            6 => Ok(Self::V6),
            _ => Err(format!("there is no IP version {version} here; say 4 or 6")),
        }
    }
}

/// How a host comes to know its neighbour's hardware address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Neighbours {
    /// It is told before anything is sent: nothing of ARP or neighbour discovery is on the wire.
    #[default]
    Known,
    /// It asks: ARP, or for IPv6 neighbour discovery with duplicate address detection before.
    Learnt,
}

/// A host: what its programs do, and how its kernel differs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Host {
    /// What its program does, one call after another.
    pub calls: Vec<Call>,
    /// Programs that run beside it, by name.
    pub also: BTreeMap<String, Program>,
    /// Kernel settings of this host alone.
    #[serde(deserialize_with = "profile::settings")]
    pub sysctl: BTreeMap<String, String>,
}

/// A further program.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// What it does, one call after another.
    pub calls: Vec<Call>,
}

impl Host {
    /// Its programs: the nameless first one, if it does anything, and those beside it.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &[Call])> {
        let first = (!self.calls.is_empty()).then_some(("", &*self.calls));
        let also = self.also.iter().map(|(name, it)| (&**name, &*it.calls));
        first.into_iter().chain(also)
    }
}

/// Why a text is no experiment. Its message names line and column, and shows the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExperimentError(String);

impl Experiment {
    /// Reads the text of an experiment.
    ///
    /// # Errors
    ///
    /// When it is not TOML, a word in it means nothing, or what it asks for can't be done.
    pub fn parse(text: &str) -> Result<Self, ExperimentError> {
        let fail =
            |error: toml::de::Error| ExperimentError(error.to_string().trim_end().to_owned());
        let mut experiment: Self = toml::from_str(text).map_err(fail)?;
        experiment.wire.seed = experiment.seed;
        experiment.wire.port = experiment.port();
        experiment.check(text).map_err(ExperimentError)?;
        Ok(experiment)
    }

    /// The host of that side.
    pub const fn host(&self, side: Side) -> &Host {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The kernel settings of a host: the profile's, then the experiment's, then the host's own.
    pub fn sysctls(&self, side: Side) -> BTreeMap<String, String> {
        let mut all = self.profile.sysctls(self.network.ip);
        for more in [&self.sysctl, &self.host(side).sysctl] {
            all.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        all
    }

    /// Whether each segment is to be acknowledged at once.
    pub fn quick_ack(&self) -> bool {
        let by_profile = self.profile == Profile::Textbook;
        self.network.quick_ack.unwrap_or(by_profile)
    }

    /// The port that faults count by: the one that all connections use, if it is one.
    fn port(&self) -> Option<u16> {
        let mut ports = BTreeSet::new();
        for (_, calls) in self.client.programs().chain(self.server.programs()) {
            for call in calls {
                match &call.step {
                    Step::Listen(listen) => ports.insert(listen.port),
                    Step::Connect(connect) => ports.insert(connect.port),
                    _ => false,
                };
            }
        }
        ports.pop_first().filter(|_| ports.is_empty())
    }

    /// What TOML can't know: programs that wait for what never comes.
    fn check(&self, text: &str) -> Result<(), String> {
        let signals: Both<BTreeSet<&str>> = Both {
            client: signals(&self.client),
            server: signals(&self.server),
        };
        for side in [Side::Client, Side::Server] {
            for (_, calls) in self.host(side).programs() {
                for call in calls {
                    let Step::Wait(mark) = &call.step else {
                        continue;
                    };
                    let known = [&signals.client, &signals.server];
                    if !known.iter().any(|signals| signals.contains(&**mark)) {
                        return Err(format!(
                            "{}{side} waits for '{mark}', but no program has {{ signal = \"{mark}\" }}",
                            place(text, "wait", mark)
                        ));
                    }
                }
            }
        }
        if self.longest_s == 0 || self.longest_s > 600 {
            let longest = self.longest_s;
            return Err(format!(
                "longest_s = {longest}: an experiment may last 1 to 600 seconds"
            ));
        }
        Ok(())
    }
}

/// Where `word = "value"` stands, as TOML's own errors put it; nothing if it is written otherwise.
fn place(text: &str, word: &str, value: &str) -> String {
    let is_here = |at: &usize| {
        let rest = text.get(at + word.len()..).unwrap_or_default();
        let rest = rest.trim_start().strip_prefix('=').unwrap_or_default();
        let rest = rest.trim_start().strip_prefix(['"', '\'']);
        rest.is_some_and(|rest| rest.starts_with(value))
    };
    let found = text.match_indices(word).map(|(at, _)| at).find(is_here);
    found.map_or_else(String::new, |at| {
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let whole = text.lines().nth(line - 1).unwrap_or_default();
        format!("line {line}, column {column}\n{line} | {whole}\n")
    })
}

fn signals(host: &Host) -> BTreeSet<&str> {
    let calls = host.programs().flat_map(|(_, calls)| calls);
    calls
        .filter_map(|call| match &call.step {
            Step::Signal(mark) => Some(&**mark),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
