//! What the experiments on opening and closing connections show.

use wirelab::lab::Side::{Client, Server};

use super::claims::Claim::{Blocked, Counted, Ended, Fates, Notes, Sent, So};
use super::claims::Entry;
use super::seen::ms;

/// Bounds of a timer that is set to 1, 2, 4 seconds: the kernel rounds up, a busy machine is late.
const ONE: std::ops::RangeInclusive<u64> = 990..=1250;
const TWO: std::ops::RangeInclusive<u64> = 1990..=2400;

pub(super) const ENTRIES: &[Entry] = &[
    (
        "handshake",
        &[
            Notes("", ""),
            Fates(&[]),
            Sent(Client, "S A"),
            Sent(Server, "AS"),
            Ended(Client, "connect", 0, None),
            // A round trip.
            Blocked(Client, "connect", 0, 19..=200),
        ],
    ),
    (
        "teardown",
        &[
            Notes("", ""),
            Fates(&[]),
            Sent(Client, "S A 1..6 F A"),
            Sent(Server, "AS A A F"),
            So(
                "the client ends in TIME-WAIT, the server is closed",
                |run| {
                    let last = run.ends.client.segments.last();
                    last.is_some_and(|it| it.state == ["TIME-WAIT", "CLOSED"])
                },
            ),
        ],
    ),
    (
        "options",
        &[
            Notes("", ""),
            Fates(&[]),
            Sent(Client, "S A 1..989 989..1977 1977..2965 F A"),
            So("the SYNs offer 1460 with SACK, 1000 without", |run| {
                let syn = run.arrived(Client)[0].options;
                let answer = run.arrived(Server)[0].options;
                (syn.mss, syn.sack_permitted) == (Some(1460), true)
                    && (answer.mss, answer.sack_permitted) == (Some(1000), false)
            }),
        ],
    ),
    (
        "refused",
        &[
            Notes("1 refused", "1 refused"),
            Fates(&[]),
            Sent(Client, "S"),
            Sent(Server, "AR"),
            Ended(Client, "connect", 0, Some("ECONNREFUSED")),
            Counted(Server, "TcpOutRsts", 1..=1),
        ],
    ),
    (
        "syn-lost",
        &[
            // The server meets the third SYN only.
            Notes("2 rto retransmission", ""),
            Fates(&["client S dropped", "client S dropped"]),
            Sent(Client, "S S S A"),
            Sent(Server, "AS"),
            So("after one second, then after two", |run| {
                let gaps = run.gaps_ms(Client, |it| it.is("S"));
                gaps.len() == 2 && ONE.contains(&gaps[0]) && TWO.contains(&gaps[1])
            }),
            Blocked(Client, "connect", 0, 3000..=3600),
            Counted(Client, "TCPSynRetrans", 2..=2),
            Counted(Client, "TCPTimeouts", 2..=2),
        ],
    ),
    (
        "synack-lost",
        &[
            Notes(
                "1 rto retransmission",
                "1 rto retransmission, 1 unknown retransmission",
            ),
            Fates(&["client S delayed", "server AS dropped"]),
            Sent(Client, "S S A"),
            Sent(Server, "AS AS"),
            So("the answer repeated is the same one", |run| {
                let sent = run.sent(Server);
                sent[0].seq_raw == sent[1].seq_raw
            }),
            Blocked(Client, "connect", 0, 1000..=1400),
            Counted(Client, "TCPSynRetrans", 1..=1),
            Counted(Server, "TcpRetransSegs", 1..=1),
        ],
    ),
    (
        "connect-timeout",
        &[
            Notes("2 rto retransmission", ""),
            Fates(&["client S dropped", "client S dropped", "client S dropped"]),
            Sent(Client, "S S S"),
            So("after one second, then after two", |run| {
                let gaps = run.gaps_ms(Client, |it| it.is("S"));
                gaps.len() == 2 && ONE.contains(&gaps[0]) && TWO.contains(&gaps[1])
            }),
            Ended(Client, "connect", 0, Some("ETIMEDOUT")),
            Blocked(Client, "connect", 0, 6900..=8000),
        ],
    ),
    (
        "simultaneous-open",
        &[
            Fates(&[]),
            So(
                "each end sees a SYN cross its own, and one connection",
                |run| {
                    [Client, Server].iter().all(|&side| {
                        let end = run.ends.of(side);
                        let syns = end.segments.iter().filter(|it| it.is("S")).count();
                        syns == 2
                            && end.notes.contains("simultaneous-open")
                            && end.segments.iter().all(|it| it.flow == 0)
                    })
                },
            ),
            So("both are established at the end", |run| {
                let last = run.ends.server.segments.last();
                last.is_some_and(|it| it.state == ["ESTABLISHED"; 2])
            }),
            Ended(Client, "connect", 0, None),
            Ended(Server, "connect", 0, None),
        ],
    ),
    (
        "backlog-full",
        &[
            Notes("1 rto retransmission", "1 rto retransmission"),
            Fates(&[]),
            Blocked(Client, "connect", 0, 19..=200),
            Blocked(Client, "connect", 1, 19..=200),
            Blocked(Client, "connect", 2, 1000..=1400),
            Counted(Server, "TcpExtListenOverflows", 1..=1),
            Counted(Server, "TcpExtListenDrops", 1..=1),
            Counted(Client, "TCPSynRetrans", 1..=1),
        ],
    ),
    (
        "half-close",
        &[
            Notes("1 half-close", "1 half-close"),
            Fates(&[]),
            So(
                "all of the answer comes after the FIN, and is acknowledged",
                |run| {
                    let seen = &run.ends.client.segments;
                    let fin = seen
                        .iter()
                        .position(|it| it.from == Client && it.flags.contains('F'));
                    let first = seen
                        .iter()
                        .position(|it| it.from == Server && it.has_data());
                    fin.is_some() && fin < first
                },
            ),
        ],
    ),
    (
        "simultaneous-close",
        &[
            Notes("1 simultaneous-close", "1 simultaneous-close"),
            Fates(&[]),
            Sent(Client, "S A F A"),
            Sent(Server, "AS F A"),
            So("both end in TIME-WAIT", |run| {
                let last = run.ends.client.segments.last();
                last.is_some_and(|it| it.state == ["TIME-WAIT"; 2])
            }),
        ],
    ),
    (
        "lost-fin",
        &[
            Fates(&["client F dropped"]),
            Sent(Client, "S A 1..6 F F A"),
            So("the FIN is repeated", |run| {
                run.ends.client.notes.contains("1 tlp retransmission")
                    || run.ends.client.notes.contains("1 rto retransmission")
            }),
            So("the server never knows", |run| {
                run.ends.server.notes.is_empty()
            }),
        ],
    ),
    (
        "time-wait",
        &[
            Notes("", ""),
            Fates(&[]),
            Ended(Server, "bind", 0, None),
            Ended(Server, "bind", 1, Some("EADDRINUSE")),
            Ended(Server, "bind", 2, None),
            So("the server closed first, both times", |run| {
                let fins = |flow| {
                    let seen = run.ends.client.segments.iter();
                    let mut fins = seen.filter(move |it| it.flow == flow && it.flags.contains('F'));
                    fins.next().map(|it| it.from)
                };
                fins(0) == Some(Server) && fins(1) == Some(Server)
            }),
        ],
    ),
    (
        "reset",
        &[
            Notes("1 reset", "1 reset"),
            Fates(&[]),
            So("the RST is the last of it", |run| {
                let last = run.ends.server.segments.last();
                last.is_some_and(|it| it.from == Client && it.flags.contains('R'))
            }),
            So("the server's recv fails with ECONNRESET", |run| {
                let calls = run.calls(Server, "recv");
                calls
                    .last()
                    .is_some_and(|it| it.errno.as_deref() == Some("ECONNRESET"))
            }),
        ],
    ),
    (
        "abort",
        &[
            Notes("1 reset", "1 reset"),
            Fates(&[]),
            So("all was acknowledged, and then came the RST", |run| {
                let sent = run.sent(Server);
                let whole = sent
                    .iter()
                    .any(|it| it.ack == Some(3001) && !it.flags.contains('R'));
                whole && sent.last().is_some_and(|it| it.flags.contains('R'))
            }),
            Ended(Client, "recv", 0, Some("ECONNRESET")),
            So("the send after it fails with EPIPE", |run| {
                let calls = run.calls(Client, "send");
                calls
                    .last()
                    .is_some_and(|it| it.errno.as_deref() == Some("EPIPE"))
            }),
            Counted(Server, "TCPAbortOnClose", 1..=1),
        ],
    ),
    (
        "half-open",
        &[
            // The server's own capture has the RST that was lost, too.
            Notes("1 reset", "2 reset"),
            Fates(&["server AR dropped"]),
            Ended(Client, "recv", 0, Some("ECONNRESET")),
            So("an RST answers the data, without ACK", |run| {
                let seen = &run.ends.client.segments;
                let [.., data, reset] = &seen[..] else {
                    return false;
                };
                data.has_data() && reset.is("R") && ms(data.time, reset.time) >= 20
            }),
        ],
    ),
];
