//! The table `[wire]`: what the wire does.
//!
//! What stands directly in it is meant for both directions; `[wire.client]` and `[wire.server]` say
//! otherwise for what that host sends.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU64;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::lab::{
    Action, Both, Config, Damage, Fault, FieldChange, HOLD, Jitter, Link, Loss, Probability, Queue,
    Rate, Router, Selector,
};

/// One way, unless it is said otherwise.
const DELAY_MS: f64 = 10.0;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    delay_ms: Option<f64>,
    rate_mbit: Option<f64>,
    queue_packets: Option<usize>,
    queue_bytes: Option<u64>,
    jitter_ms: Option<f64>,
    jitter_reorders: Option<bool>,
    loss: Option<Chance>,
    burst: Option<Burst>,
    duplicate: Option<Chance>,
    corrupt: Option<Chance>,
    client: Option<Direction>,
    server: Option<Direction>,
    fault: Vec<FaultTable>,
    router: Vec<RouterTable>,
}

/// One direction; what is `None` is as for both.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Direction {
    delay_ms: Option<f64>,
    rate_mbit: Option<f64>,
    queue_packets: Option<usize>,
    queue_bytes: Option<u64>,
    jitter_ms: Option<f64>,
    jitter_reorders: Option<bool>,
    loss: Option<Chance>,
    burst: Option<Burst>,
    duplicate: Option<Chance>,
    corrupt: Option<Chance>,
}

/// A probability from 0 to 1.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Chance(Probability);

impl TryFrom<f64> for Chance {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        Probability::new(number)
            .map(Self)
            .ok_or_else(|| format!("{number} is no probability; it is between 0.0 and 1.0"))
    }
}

/// Loss in bursts.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    worsens: Chance,
    mends: Chance,
    good: Option<Chance>,
    bad: Chance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultTable {
    #[serde(deserialize_with = "selector")]
    packet: Selector,
    drop: Option<bool>,
    delay_ms: Option<f64>,
    duplicate: Option<u8>,
    behind: Option<u32>,
    timeout_ms: Option<f64>,
    corrupt_bit: Option<u64>,
    corrupt_field: Option<String>,
    value: Option<u64>,
    mend: Option<bool>,
    truncate: Option<usize>,
    block_ms: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterTable {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
    mtu: Option<u16>,
}

fn selector<'de, D: Deserializer<'de>>(from: D) -> Result<Selector, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// Reads the table.
pub(super) fn config<'de, D: Deserializer<'de>>(from: D) -> Result<Config, D::Error> {
    Table::deserialize(from)?.config().map_err(D::Error::custom)
}

/// The wire of an experiment that says nothing of it.
impl Config {
    /// Ten milliseconds each way, and nothing else.
    pub fn plain() -> Self {
        Table::default().config().unwrap_or_default()
    }
}

impl Table {
    fn config(self) -> Result<Config, String> {
        let both = Direction {
            delay_ms: self.delay_ms.or(Some(DELAY_MS)),
            rate_mbit: self.rate_mbit,
            queue_packets: self.queue_packets,
            queue_bytes: self.queue_bytes,
            jitter_ms: self.jitter_ms,
            jitter_reorders: self.jitter_reorders,
            loss: self.loss,
            burst: self.burst,
            duplicate: self.duplicate,
            corrupt: self.corrupt,
        };
        let faults = self.fault.into_iter().map(FaultTable::fault);
        let routers = self.router.into_iter().enumerate();
        Ok(Config {
            links: Both {
                client: self.client.unwrap_or_default().or(&both).link()?,
                server: self.server.unwrap_or_default().or(&both).link()?,
            },
            faults: faults.collect::<Result<_, _>>()?,
            routers: routers
                .map(|(index, router)| router.router(index))
                .collect::<Result<_, _>>()?,
            ..Config::default()
        })
    }
}

impl Direction {
    /// This, and where it says nothing, `both`.
    fn or(self, both: &Self) -> Self {
        // A queue in packets takes the place of one in bytes, and a burst that of plain loss.
        let queue = self.queue_packets.is_some() || self.queue_bytes.is_some();
        let loss = self.loss.is_some() || self.burst.is_some();
        Self {
            delay_ms: self.delay_ms.or(both.delay_ms),
            rate_mbit: self.rate_mbit.or(both.rate_mbit),
            queue_packets: self.queue_packets.or(both.queue_packets.filter(|_| !queue)),
            queue_bytes: self.queue_bytes.or(both.queue_bytes.filter(|_| !queue)),
            jitter_ms: self.jitter_ms.or(both.jitter_ms),
            jitter_reorders: self.jitter_reorders.or(both.jitter_reorders),
            loss: self.loss.or(both.loss.filter(|_| !loss)),
            burst: self.burst.or(both.burst.filter(|_| !loss)),
            duplicate: self.duplicate.or(both.duplicate),
            corrupt: self.corrupt.or(both.corrupt),
        }
    }

    fn link(self) -> Result<Link, String> {
        let chance = |chance: Option<Chance>| chance.map_or(Probability::NEVER, |it| it.0);
        let queue = match (self.queue_packets, self.queue_bytes) {
            (Some(_), Some(_)) => {
                return Err(
                    "queue_packets and queue_bytes are two ways to say one thing".to_owned(),
                );
            }
            (Some(packets), None) => Some(Queue::Packets(packets)),
            (None, Some(bytes)) => Some(Queue::Bytes(bytes)),
            (None, None) => None,
        };
        let rate = match self.rate_mbit {
            None if queue.is_some() => {
                return Err("a queue needs a rate_mbit: without one nothing ever waits".to_owned());
            }
            None => None,
            Some(mbit) => Some(Rate {
                bits_per_second: bits_per_second(mbit)?,
                queue: queue.unwrap_or(Queue::Packets(100)),
            }),
        };
        let loss = match (self.loss, self.burst) {
            (Some(_), Some(_)) => {
                return Err("loss and burst are two ways to lose packets; say one".to_owned());
            }
            (Some(loss), None) => Loss::Random(loss.0),
            (None, Some(burst)) => Loss::Bursts {
                worsens: burst.worsens.0,
                mends: burst.mends.0,
                good: chance(burst.good),
                bad: burst.bad.0,
            },
            (None, None) => Loss::None,
        };
        Ok(Link {
            delay: milliseconds("delay_ms", self.delay_ms.unwrap_or_default())?,
            rate,
            jitter: Jitter {
                max: milliseconds("jitter_ms", self.jitter_ms.unwrap_or_default())?,
                reorders: self.jitter_reorders.unwrap_or_default(),
            },
            loss,
            duplicate: chance(self.duplicate),
            corrupt: chance(self.corrupt),
        })
    }
}

fn bits_per_second(mbit: f64) -> Result<NonZeroU64, String> {
    let bits = NonZeroU64::new((mbit * 1e6).round() as u64);
    bits.filter(|_| mbit.is_finite())
        .ok_or_else(|| format!("rate_mbit = {mbit} is no rate; say a number above 0"))
}

/// Longest time a wire may be told, in milliseconds: ten minutes.
const LONGEST_MS: f64 = 600_000.0;

fn milliseconds(what: &str, ms: f64) -> Result<Duration, String> {
    if (0.0..=LONGEST_MS).contains(&ms) {
        return Ok(Duration::from_nanos((ms * 1e6).round() as u64));
    }
    Err(format!("{what} = {ms} can't be; say 0 to {LONGEST_MS}"))
}

impl FaultTable {
    fn fault(self) -> Result<Fault, String> {
        let packet = self.packet;
        let mut actions = Vec::new();
        if self.drop == Some(true) {
            actions.push(Action::Drop);
        }
        if let Some(ms) = self.delay_ms {
            actions.push(Action::Delay(milliseconds("delay_ms", ms)?));
        }
        if let Some(copies) = self.duplicate {
            actions.push(Action::Duplicate(copies));
        }
        if let Some(packets) = self.behind {
            let timeout = self.timeout_ms.map(|ms| milliseconds("timeout_ms", ms));
            actions.push(Action::Hold {
                packets,
                timeout: timeout.transpose()?.unwrap_or(HOLD),
            });
        }
        let mend = self.mend.unwrap_or_default();
        if let Some(bit) = self.corrupt_bit {
            let damage = Damage::BitFromEnd(bit);
            actions.push(Action::Corrupt { damage, mend });
        }
        if let Some(name) = &self.corrupt_field {
            let (header, field) = name.split_once(' ').unwrap_or((name, ""));
            let change = FieldChange::new(header, field, self.value.map(u128::from));
            let damage = Damage::Field(change.map_err(|error| error.to_string())?);
            actions.push(Action::Corrupt { damage, mend });
        }
        if let Some(len) = self.truncate {
            actions.push(Action::Truncate(len));
        }
        if let Some(ms) = self.block_ms {
            actions.push(Action::Block(milliseconds("block_ms", ms)?));
        }
        match <[Action; 1]>::try_from(actions) {
            Ok([action]) => Ok(Fault { packet, action }),
            Err(_) => Err(format!(
                "fault on '{packet}': say one thing to do: drop = true, delay_ms, duplicate, behind, \
                 corrupt_bit, corrupt_field, truncate or block_ms"
            )),
        }
    }
}

impl RouterTable {
    fn router(self, index: usize) -> Result<Router, String> {
        if let Some(mtu) = self.mtu.filter(|mtu| *mtu < 68) {
            return Err(format!(
                "router with mtu = {mtu}: no link takes less than 68 bytes (RFC 791), and none that \
                 carries IPv6 less than 1280 (RFC 8200)"
            ));
        }
        let number = u8::try_from(index + 1).map_err(|_| "more than 255 routers".to_owned())?;
        let v6 = Ipv6Addr::new(0xfd00, 0, 0, 1, 0, 0, 0, u16::from(number));
        Ok(Router {
            v4: self.v4.unwrap_or(Ipv4Addr::new(10, 0, 1, number)),
            v6: self.v6.unwrap_or(v6),
            mtu: self.mtu,
        })
    }
}
