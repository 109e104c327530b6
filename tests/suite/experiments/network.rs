//! What the experiments below and beside TCP show.

use wirelab::lab::Side::{Client, Server};

use super::claims::Claim::{Counted, Fates, Notes, So};
use super::claims::Entry;
use super::seen::Run;

pub(super) const ENTRIES: &[Entry] = &[
    (
        "arp",
        &[
            Notes("6 not TCP", "6 not TCP"),
            Fates(&[]),
            So("one question, one answer, two pings", |run| {
                run.ends.client.frames == ["ARP", "ARP", "ICMP", "ICMP", "ICMP", "ICMP"]
            }),
        ],
    ),
    (
        "ipv6-neighbours",
        &[
            Fates(&[]),
            So("both pings are answered", |run| {
                run.counter(Client, "Icmp6InEchoReplies") == 2
            }),
        ],
    ),
    (
        "ping-loss",
        &[
            Notes("8 not TCP", "7 not TCP"),
            Fates(&["client ICMP dropped", "server ICMP dropped"]),
            Counted(Client, "IcmpInEchoReps", 3..=3),
            Counted(Server, "IcmpInEchos", 4..=4),
        ],
    ),
    (
        "traceroute",
        &[
            Counted(Client, "IcmpInTimeExcds", 3..=3),
            Counted(Client, "IcmpInEchoReps", 1..=1),
            Counted(Server, "IcmpInEchos", 1..=1),
        ],
    ),
    (
        "pmtu",
        &[
            So("an ICMP error names the narrow place", |run| {
                run.ends.client.frames.iter().any(|it| it == "ICMP")
            }),
            So("segments of 1448 at first, of 1148 at last", |run| {
                let sizes: Vec<_> = run.sent(Client).iter().map(|it| it.len).collect();
                let arrived = run.arrived(Client);
                sizes.contains(&1448) && arrived.iter().all(|it| it.len <= 1148)
            }),
        ],
    ),
    (
        "udp-flood",
        &[
            So("the kernel of the server throws datagrams away", |run| {
                run.counter(Server, "UdpRcvbufErrors") >= 10
            }),
            So("no byte of TCP is lost or repeated", |run| whole(run)),
        ],
    ),
];

fn whole(run: &Run) -> bool {
    let repeated = run.counter(Client, "TcpRetransSegs");
    repeated == 0 && run.fates().is_empty()
}
