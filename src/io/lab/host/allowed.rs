//! What programs ask for and a machine keeps from those without rights, known before they ask: each with
//! what would help.
//!
//! These settings are the whole machine's. A namespace can't have its own, and a laboratory has no
//! business to change them.

use std::collections::BTreeSet;

use super::settings::stands;
use crate::lab::Side;
use crate::lab::experiment::{Experiment, Step};

/// What `TCP_CONGESTION` may name. (What the whole host uses is another matter: a route can name anything.)
const CONGESTION: &str = "net.ipv4.tcp_allowed_congestion_control";
/// Most bytes that `SO_RCVBUF` may ask for, and `SO_SNDBUF`. What is beyond is cut without a word.
const RECEIVE_MOST: &str = "net.core.rmem_max";
const SEND_MOST: &str = "net.core.wmem_max";

/// What programs of a host ask for.
#[derive(Default)]
struct Asked<'a> {
    congestion: BTreeSet<&'a str>,
    receive_buffer: usize,
    send_buffer: usize,
}

/// What programs of a host are not going to get. To be asked inside it.
pub(super) fn refused(side: Side, experiment: &Experiment) -> Vec<String> {
    let asked = asked(side, experiment);
    let mut refused = Vec::new();
    // A kernel that does not show a setting to namespaces is not judged.
    if let Some(allowed) = stands(CONGESTION) {
        for name in asked.congestion {
            if !allowed.split(' ').any(|it| it == name) {
                refused.push(format!(
                    "TCP_CONGESTION \"{name}\" for programs (this machine keeps it for root; allow it: \
                     sudo sysctl {CONGESTION}=\"{allowed} {name}\")"
                ));
            }
        }
    }
    for (option, bytes, key) in [
        ("SO_RCVBUF", asked.receive_buffer, RECEIVE_MOST),
        ("SO_SNDBUF", asked.send_buffer, SEND_MOST),
    ] {
        if let Some(most) = stands(key).and_then(|it| it.parse::<usize>().ok())
            && bytes > most
        {
            refused.push(format!(
                "{option} {bytes} for programs (this machine allows {most}; allow it: \
                 sudo sysctl {key}={bytes})"
            ));
        }
    }
    refused
}

fn asked(side: Side, experiment: &Experiment) -> Asked<'_> {
    let mut asked = Asked::default();
    for (_, calls) in experiment.host(side).programs() {
        for call in calls {
            let (receive, send) = match &call.step {
                Step::Set(options) => {
                    asked.congestion.extend(options.congestion.as_deref());
                    (options.receive_buffer, options.send_buffer)
                }
                Step::UdpReceive(udp) => (udp.receive_buffer, None),
                _ => (None, None),
            };
            asked.receive_buffer = asked.receive_buffer.max(receive.unwrap_or(0));
            asked.send_buffer = asked.send_buffer.max(send.unwrap_or(0));
        }
    }
    asked
}
