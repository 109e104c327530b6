//! What the experiments below and beside TCP show.

use wirelab::lab::Side::{Client, Server};

use super::claims::Claim::{Counted, Fates, Notes, Sent, So};
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
            Notes("8 not TCP", "8 not TCP"),
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
            Sent(
                Client,
                "S A 1..1449 1449..2897 1..1149 1149..2297 2297..2897 2897..4045 4045..5193 F A",
            ),
            Counted(Client, "TcpRetransSegs", 3..=3),
            Counted(Client, "TCPTimeouts", 0..=0),
            Counted(Client, "IcmpInDestUnreachs", 2..=2),
        ],
    ),
    (
        "udp-flood",
        &[
            So("the kernel of the server throws datagrams away", |run| {
                run.counter(Server, "UdpRcvbufErrors") >= 10
            }),
            So("no byte of TCP is lost or repeated", whole),
        ],
    ),
];

fn whole(run: &Run) -> bool {
    let repeated = run.counter(Client, "TcpRetransSegs");
    repeated == 0 && run.fates().is_empty()
}
