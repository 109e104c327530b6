//! `--format json`: an `echo` line for each request when it is settled, and `statistics` for each host;
//! docs/schema.json describes them.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::{Host, corrupted, quoted, shown};
use crate::event::{Echo, EchoState, EchoStatistics, ReplyFault, Route};
use crate::frame::Timestamp;

/// Writes JSON lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Echo(Box<EchoLine<'a>>),
    Statistics(Box<StatisticsLine<'a>>),
}

#[derive(Serialize)]
struct EchoLine<'a> {
    host: &'a str,
    address: &'a str,
    seq: u16,
    count: u64,
    time: Timestamp,
    state: &'static str,
    rtt_ns: Option<u64>,
    own_rtt_ns: Option<u64>,
    kernel_rtt_ns: Option<u64>,
    ttl: Option<u8>,
    bytes: Option<usize>,
    from: Option<String>,
    replies: u32,
    error: Option<String>,
    route: Option<Vec<Hop>>,
    damage: Option<DamageObject>,
    icmp: Option<Icmp<'a>>,
}

/// What a router recorded.
#[derive(Serialize)]
struct Hop {
    address: Option<String>,
    clock_ms: Option<u32>,
}

fn hops(route: &Route) -> Vec<Hop> {
    let hop = |address: Option<IpAddr>, clock_ms| Hop {
        address: shown(address),
        clock_ms,
    };
    match route {
        Route::Recorded(addresses) => addresses
            .iter()
            .map(|&it| hop(Some(it.into()), None))
            .collect(),
        Route::Stamped { stamps, .. } => stamps
            .iter()
            .map(|&(who, ms)| hop(who.map(IpAddr::from), Some(ms)))
            .collect(),
    }
}

#[derive(Serialize)]
struct DamageObject {
    byte: usize,
    expected: Option<u8>,
    found: u8,
    bytes: usize,
    checksum_fits: bool,
}

#[derive(Serialize)]
struct Icmp<'a> {
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
    meaning: &'a str,
    from: Option<String>,
    mtu: Option<u32>,
    quoted_bytes: Option<usize>,
    changes: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    field: &'a str,
    sent: &'a str,
    quoted: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct StatisticsLine<'a> {
    host: &'a str,
    address: &'a str,
    socket: &'a str,
    transmitted: u64,
    received: u64,
    unsent: u64,
    loss: Option<f64>,
    duplicates: u64,
    errors: u64,
    strays: u64,
    states: std::collections::BTreeMap<&'static str, u64>,
    elapsed_ns: u64,
    pipe: u64,
    rtt_min_ns: Option<u64>,
    rtt_avg_ns: Option<u64>,
    rtt_max_ns: Option<u64>,
    rtt_mdev_ns: Option<u64>,
    rtt_median_ns: Option<u64>,
    rtt_p95_ns: Option<u64>,
    jitter_ns: Option<u64>,
    exact: Option<bool>,
    read_lag_ns: Option<u64>,
    kernel_rtt_min_ns: Option<u64>,
    kernel_rtt_avg_ns: Option<u64>,
    kernel_rtt_max_ns: Option<u64>,
    kernel_rtt_median_ns: Option<u64>,
}

impl Json {
    /// A request that is settled.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn echo(self, host: &Host, echo: &Echo, out: &mut dyn Write) -> io::Result<()> {
        let icmp = echo.error.as_ref().and_then(|error| {
            let (kind, code) = error.icmp?;
            let quote = error.quote.as_ref();
            let changes = quote
                .map(|quote| quote.changes.as_slice())
                .unwrap_or_default();
            Some(Icmp {
                kind,
                code,
                meaning: &error.meaning,
                from: shown(error.from),
                mtu: error.mtu,
                quoted_bytes: quote.map(|quote| quote.bytes),
                changes: changes
                    .iter()
                    .map(|change| Change {
                        field: change.field,
                        sent: &change.sent,
                        quoted: &change.quoted,
                        why: &change.why,
                    })
                    .collect(),
            })
        });
        let damage = match &echo.fault {
            Some(ReplyFault::Corrupted(damage)) => Some(DamageObject {
                byte: damage.at,
                expected: damage.expected,
                found: damage.found,
                bytes: damage.bytes,
                checksum_fits: damage.checksum_fits,
            }),
            _ => None,
        };
        let line = EchoLine {
            host: &host.name,
            address: &host.address,
            seq: echo.seq,
            count: echo.count,
            time: echo.time,
            state: echo.state.name(),
            rtt_ns: echo.round_trip.map(|it| it.ns),
            own_rtt_ns: echo.round_trip.map(|it| it.own_ns),
            kernel_rtt_ns: echo.round_trip.and_then(|it| it.kernel_ns),
            ttl: echo.ttl,
            bytes: echo.bytes,
            from: shown(echo.from),
            replies: echo.replies,
            error: error_of(echo),
            route: echo.route.as_ref().map(hops),
            damage,
            icmp,
        };
        write(&Line::Echo(Box::new(line)), out)
    }

    /// The figures of a host. `socket` is the kind of socket that was used.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(
        self,
        host: &Host,
        socket: &str,
        s: &EchoStatistics,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (figures, kernel) = (s.round_trips.as_ref(), s.kernel.as_ref());
        let line = StatisticsLine {
            host: &host.name,
            address: &host.address,
            socket,
            transmitted: s.transmitted,
            received: s.received,
            unsent: s.unsent,
            loss: s.loss(),
            duplicates: s.duplicates,
            errors: s.errors,
            strays: s.strays,
            states: EchoState::ALL
                .iter()
                .map(|&state| (state.name(), s.in_state(state)))
                .collect(),
            elapsed_ns: s.elapsed_ns,
            pipe: s.pipe,
            rtt_min_ns: figures.map(|it| it.min_ns),
            rtt_avg_ns: figures.map(|it| it.avg_ns),
            rtt_max_ns: figures.map(|it| it.max_ns),
            rtt_mdev_ns: figures.map(|it| it.mdev_ns),
            rtt_median_ns: figures.map(|it| it.median_ns),
            rtt_p95_ns: figures.map(|it| it.p95_ns),
            jitter_ns: figures.map(|it| it.jitter_ns),
            exact: figures.map(|it| it.exact),
            read_lag_ns: s.read_lag_ns,
            kernel_rtt_min_ns: kernel.map(|it| it.min_ns),
            kernel_rtt_avg_ns: kernel.map(|it| it.avg_ns),
            kernel_rtt_max_ns: kernel.map(|it| it.max_ns),
            kernel_rtt_median_ns: kernel.map(|it| it.median_ns),
        };
        write(&Line::Statistics(Box::new(line)), out)
    }
}

/// What went wrong, in words.
fn error_of(echo: &Echo) -> Option<String> {
    let fault = echo.fault.as_ref().map(|fault| match fault {
        ReplyFault::Corrupted(damage) => corrupted(damage),
        ReplyFault::Truncated { came, sent } => format!("{came} of {sent} bytes came back"),
        ReplyFault::WrongSource { asked } => {
            let from = shown(echo.from).unwrap_or_default();
            format!("{from} answered, {asked} was asked")
        }
    });
    let error = echo.error.as_ref().map(|error| {
        let from = shown(error.from).map(|from| format!(" from {from}"));
        let mtu = error.mtu.map(|mtu| format!(" (MTU {mtu})"));
        let mut lines = vec![format!(
            "{}{}{}",
            error.meaning,
            mtu.unwrap_or_default(),
            from.unwrap_or_default()
        )];
        lines.extend(quoted(error));
        lines.join("; ")
    });
    let all: Vec<String> = fault.into_iter().chain(error).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn write(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    writeln!(out, "{text}")
}
