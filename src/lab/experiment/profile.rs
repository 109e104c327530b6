//! How a host's kernel is set: everything that shapes what TCP does, whatever the machine's defaults are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::Ip;

/// A set of kernel settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// As Linux does it, with Reno for congestion control: SACK, RACK, tail loss probes, F-RTO.
    #[default]
    Linux,
    /// As textbooks tell it, where Linux lets us: NewReno without SACK, no RACK, no tail loss probe, no
    /// F-RTO, no delayed ACKs.
    Textbook,
}

/// Both profiles have these.
const COMMON: &[(&str, &str)] = &[
    ("net.ipv4.tcp_autocorking", "0"),
    // Every segment that arrives out of order is answered at once, as RFC 5681 section 4.2 asks.
    ("net.ipv4.tcp_comp_sack_nr", "0"),
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_dsack", "1"),
    ("net.ipv4.tcp_early_retrans", "3"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.tcp_fastopen", "0"),
    ("net.ipv4.tcp_frto", "2"),
    // A probe is answered even when another was answered half a second ago.
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    ("net.ipv4.tcp_moderate_rcvbuf", "1"),
    // What one connection learned must not shape the next.
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.ipv4.tcp_recovery", "1"),
    ("net.ipv4.tcp_reordering", "3"),
    ("net.ipv4.tcp_retries2", "15"),
    ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    ("net.ipv4.tcp_sack", "1"),
    ("net.ipv4.tcp_slow_start_after_idle", "1"),
    ("net.ipv4.tcp_syn_linear_timeouts", "0"),
    ("net.ipv4.tcp_syn_retries", "6"),
    ("net.ipv4.tcp_synack_retries", "5"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.tcp_timestamps", "1"),
    ("net.ipv4.tcp_tw_reuse", "0"),
    ("net.ipv4.tcp_window_scaling", "1"),
    ("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    // Echo requests from sockets that need no rights.
    ("net.ipv4.ping_group_range", "0 0"),
];

/// What the textbook has otherwise.
const TEXTBOOK: &[(&str, &str)] = &[
    ("net.ipv4.tcp_dsack", "0"),
    ("net.ipv4.tcp_early_retrans", "0"),
    ("net.ipv4.tcp_frto", "0"),
    ("net.ipv4.tcp_recovery", "0"),
    ("net.ipv4.tcp_sack", "0"),
];

/// Where IPv6 is not the subject: no neighbour discovery, no router solicitation.
const WITHOUT_IPV6: &[(&str, &str)] = &[
    ("net.ipv6.conf.all.disable_ipv6", "1"),
    ("net.ipv6.conf.default.disable_ipv6", "1"),
];

/// Where it is: addresses and routes come from the experiment alone.
const WITH_IPV6: &[(&str, &str)] = &[
    ("net.ipv6.conf.all.accept_ra", "0"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.disable_ipv6", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
];

impl Profile {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Textbook => "textbook",
        }
    }

    /// Its settings, for hosts that use this version of IP.
    pub fn sysctls(self, ip: Ip) -> BTreeMap<String, String> {
        let textbook: &[_] = match self {
            Self::Linux => &[],
            Self::Textbook => TEXTBOOK,
        };
        let ipv6 = match ip {
            Ip::V4 => WITHOUT_IPV6,
            Ip::V6 => WITH_IPV6,
        };
        let all = COMMON.iter().chain(textbook).chain(ipv6);
        all.map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Reads a table of kernel settings: texts, or numbers where a setting is one.
pub(super) fn settings<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let table = BTreeMap::<String, Value>::deserialize(from)?;
    Ok(table
        .into_iter()
        .map(|(key, Value(it))| (key, it))
        .collect())
}

/// A setting as it is written to the kernel.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a text such as \"4096 131072 6291456\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(text.to_owned()))
            }
        }

        from.deserialize_any(Written)
    }
}
