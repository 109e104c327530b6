//! The wire in words.

use std::net::IpAddr;

use super::{plural, time};
use crate::lab::experiment::Ip;
use crate::lab::{Config, Jitter, Link, Loss, Probability, Queue, Rate, Side};

/// How the wire carries packets, a sentence each.
pub(super) fn links(config: &Config) -> Vec<String> {
    let mut said = Vec::new();
    let links = &config.links;
    if links.client == links.server {
        said.extend(link(&links.client, "each way"));
    } else {
        for side in [Side::Client, Side::Server] {
            let way = format!("from {side} to {}", side.other());
            said.extend(link(links.of(side), &way));
        }
    }
    if by_chance(&links.client) || by_chance(&links.server) {
        said.push(format!("chance begins with seed {}", config.seed));
    }
    said
}

/// The routers on the way, a sentence each.
pub(super) fn routers(config: &Config, ip: Ip) -> Vec<String> {
    let routers = config.routers.iter();
    let said = routers.map(|router| {
        let address: IpAddr = match ip {
            Ip::V4 => router.v4.into(),
            Ip::V6 => router.v6.into(),
        };
        let mtu = router.mtu.map_or_else(String::new, |mtu| {
            format!(
                ", passes on packets of {} at most",
                plural(u64::from(mtu), "byte")
            )
        });
        format!("a router, {address}{mtu}")
    });
    said.collect()
}

/// A direction's features: `10 ms each way`, and what else it has.
fn link(link: &Link, way: &str) -> Vec<String> {
    let mut said = vec![format!("{} {way}", time(link.delay))];
    said.extend(
        features(link)
            .into_iter()
            .map(|feature| format!("{feature}, {way}")),
    );
    said
}

/// What a direction does beside its delay, in few words.
pub(super) fn features(link: &Link) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(Rate {
        bits_per_second,
        queue,
    }) = link.rate
    {
        let queue = match queue {
            Queue::Packets(packets) => plural(packets as u64, "packet"),
            Queue::Bytes(bytes) => plural(bytes, "byte"),
        };
        let rate = bits(bits_per_second.get());
        said.push(format!("{rate} with a queue of {queue}"));
    }
    if link.jitter != Jitter::default() {
        let order = if link.jitter.reorders {
            "may reorder"
        } else {
            "in order"
        };
        said.push(format!("jitter up to {} ({order})", time(link.jitter.max)));
    }
    match link.loss {
        Loss::None => {}
        Loss::Random(chance) => said.push(format!("loses {} by chance", percent(chance))),
        Loss::Bursts {
            worsens,
            mends,
            good,
            bad,
        } => said.push(format!(
            "loses in bursts: {} while bad, {} while good (turns bad with {}, good with {} a packet)",
            percent(bad),
            percent(good),
            percent(worsens),
            percent(mends)
        )),
    }
    if link.duplicate != Probability::NEVER {
        said.push(format!("duplicates {} by chance", percent(link.duplicate)));
    }
    if link.corrupt != Probability::NEVER {
        said.push(format!("damages {} by chance", percent(link.corrupt)));
    }
    said
}

fn by_chance(link: &Link) -> bool {
    let Link {
        delay: _,
        rate: _,
        jitter,
        loss,
        duplicate,
        corrupt,
    } = link;
    *jitter != Jitter::default()
        || *loss != Loss::None
        || *duplicate != Probability::NEVER
        || *corrupt != Probability::NEVER
}

/// `2 Mbit/s`, `512 kbit/s`.
fn bits(per_second: u64) -> String {
    let (unit, name) = match per_second {
        0..1_000_000 => (1e3, "kbit/s"),
        1_000_000..1_000_000_000 => (1e6, "Mbit/s"),
        _ => (1e9, "Gbit/s"),
    };
    format!("{} {name}", per_second as f64 / unit)
}

/// `1.5%`, rounded to what four digits can tell.
fn percent(probability: Probability) -> String {
    let percent = (probability.as_f64() * 1e6).round() / 1e4;
    format!("{percent}%")
}
