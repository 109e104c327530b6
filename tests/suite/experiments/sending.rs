//! What the experiments on data, loss, flow control and congestion control show.

use wirelab::lab::Side::{self, Client, Server};
use wirelab::lab::truth::Sample;

use super::claims::Claim::{Blocked, Counted, Fates, Notes, Sent, So};
use super::claims::Entry;
use super::seen::{Run, ms};

const PROBED: &str = "1 window-update, 4 zero-window, 3 zero-window-probe, 3 zero-window-probe-ack";

pub(super) const ENTRIES: &[Entry] = &[
    (
        "data",
        &[
            Notes("", ""),
            Fates(&[]),
            Sent(Client, "S A 1..28 A F A"),
            Sent(Server, "AS A 1..28 F"),
            So("the text arrives as it was sent", |run| {
                let calls = run.calls(Server, "recv");
                let read = calls.first().and_then(|it| it.data.as_deref());
                read.is_some() && calls.first().and_then(|it| it.result) == Some(27)
            }),
        ],
    ),
    (
        "message-boundaries",
        &[
            Notes("", ""),
            Fates(&[]),
            Sent(
                Client,
                "S A 1..7 7..13 13..19 19..25 25..31 31..1479 1479..2927 2927..3031 F A",
            ),
            So("one recv gives all 30 bytes, three give 1000 each", |run| {
                let results: Vec<_> = run
                    .calls(Server, "recv")
                    .iter()
                    .map(|it| it.result)
                    .collect();
                results.starts_with(&[Some(30), Some(1000), Some(1000), Some(1000)])
            }),
        ],
    ),
    (
        "send-buffer",
        &[
            Fates(&[]),
            So("nothing is lost or repeated", never_repeated),
            // Less than a round trip: nothing can have been acknowledged.
            Blocked(Client, "send", 0, 0..=50),
            Blocked(Client, "send", 1, 100..=1500),
            So(
                "the first send returns before anything is acknowledged, the second before all is",
                |run| {
                    let sends = run.calls(Client, "send");
                    let ends = sends.iter().map(|it| it.time.as_nanos() + it.blocked_ns);
                    let ends: Vec<_> = ends.collect();
                    let arrived = run.arrived(Server);
                    let when = |ack: u32| {
                        let all = arrived.iter().find(|it| it.ack >= Some(ack));
                        all.map(|it| it.time.as_nanos())
                    };
                    let [one, two] = ends[..] else { return false };
                    Some(one) < when(2) && when(2) < Some(two) && Some(two) < when(62_001)
                },
            ),
            So(
                "the send buffer is in the way, and never the peer's window",
                |run| {
                    let queues = run.samples(Client).filter(|it| it.snd_wnd > Some(0));
                    let queues = queues.map(|it| (it.send_queue, it.snd_wnd.map(u64::from)));
                    let queues: Vec<_> = queues.collect();
                    let most = queues.iter().filter_map(|it| it.0).max();
                    // All that was written at once would be twice as much.
                    (Some(16_384)..Some(40_000)).contains(&most)
                        && queues.iter().all(|(queue, window)| queue < window)
                },
            ),
        ],
    ),
    (
        "nagle-delayed-ack",
        &[
            Fates(&[]),
            So("nothing is lost or repeated", never_repeated),
            So(
                "the second write waits for a delayed ACK, with TCP_NODELAY for nothing",
                |run| {
                    let sent = run.sent(Client);
                    let data: Vec<_> = sent.iter().filter(|it| it.has_data()).collect();
                    let [_, one, two, three, four] = &data[..] else {
                        return false;
                    };
                    (55..200).contains(&ms(one.time, two.time)) && ms(three.time, four.time) < 20
                },
            ),
        ],
    ),
    (
        "keepalive",
        &[
            Notes(
                "2 keep-alive, 2 keep-alive-ack",
                "2 keep-alive, 2 keep-alive-ack",
            ),
            Fates(&[]),
            Counted(Client, "TCPKeepAlive", 2..=2),
        ],
    ),
    (
        "retransmission",
        &[
            Notes(
                "5 dup-ack, 1 fast retransmission",
                "5 dup-ack, 1 fast retransmission, 1 hole",
            ),
            Fates(&["client 2897..4345 dropped"]),
            Counted(Client, "TCPFastRetrans", 1..=1),
            Counted(Client, "TCPSackRecovery", 1..=1),
            Counted(Client, "TcpRetransSegs", 1..=1),
            Counted(Client, "TCPTimeouts", 0..=0),
            Counted(Client, "TCPLossProbes", 0..=0),
        ],
    ),
    (
        "fast-retransmit",
        &[
            Notes(
                "5 dup-ack, 1 fast retransmission",
                "5 dup-ack, 1 fast retransmission, 1 hole",
            ),
            Fates(&["client 2897..4345 dropped"]),
            So("no SACK", |run| {
                let all = run.ends.client.segments.iter();
                all.clone().all(|it| it.options.sack.as_slice().is_empty())
            }),
            So("the window is halved", |run| {
                kept(run, Client, 8080).is_some_and(|kept| (0.45..0.55).contains(&kept))
            }),
            Counted(Client, "TCPFastRetrans", 1..=1),
            Counted(Client, "TCPRenoRecovery", 1..=1),
            Counted(Client, "TcpRetransSegs", 1..=1),
            Counted(Client, "TCPTimeouts", 0..=0),
        ],
    ),
    (
        "rto",
        &[
            // Nothing comes after what is lost, so the server never knows.
            Notes("2 rto retransmission", ""),
            Fates(&["client 2897..3397 dropped", "client 2897..3397 dropped"]),
            So("the second wait is twice the first", |run| {
                let gaps = run.gaps_ms(Client, |it| it.seq == 2897 && it.has_data());
                let [first, second] = gaps[..] else {
                    return false;
                };
                (200..350).contains(&first) && (first * 17 / 10..first * 23 / 10).contains(&second)
            }),
            Counted(Client, "TCPTimeouts", 2..=2),
            Counted(Client, "TcpRetransSegs", 2..=2),
            Counted(Client, "TCPLossProbes", 0..=0),
        ],
    ),
    (
        "tail-loss-probe",
        &[
            Notes(
                "1 dup-ack, 1 fast retransmission, 1 tlp retransmission",
                "1 dup-ack, 1 fast retransmission, 1 hole",
            ),
            Fates(&[
                "client 4345..5793 dropped",
                "client 5793..6501 dropped",
                "client 5793..6501 delayed",
            ]),
            Counted(Client, "TCPLossProbes", 1..=1),
            Counted(Client, "TCPTimeouts", 0..=0),
        ],
    ),
    (
        "two-losses",
        &[
            Notes(
                "6 dup-ack, 2 fast retransmission, 1 partial-ack",
                "6 dup-ack, 2 fast retransmission, 2 hole, 1 partial-ack",
            ),
            Fates(&["client 2897..4345 dropped", "client 7241..8689 dropped"]),
            So("both in one round trip", |run| {
                let again = |seq| run.gaps_ms(Client, |it| it.seq == seq && it.has_data());
                again(2897).len() == 1 && again(7241).len() == 1 && again(7241)[0] < 60
            }),
            Counted(Client, "TcpRetransSegs", 2..=2),
            Counted(Client, "TCPTimeouts", 0..=0),
        ],
    ),
    (
        "lost-ack",
        &[
            Fates(&["server A dropped", "server A dropped"]),
            So("only the last is sent again", |run| {
                run.sent(Client)
                    .iter()
                    .filter(|it| it.seq == 5793 && it.has_data())
                    .count()
                    == 2
            }),
            So("the answer is a D-SACK", |run| {
                run.ends.client.notes.contains("1 dsack")
            }),
            Counted(Client, "TcpRetransSegs", 1..=1),
            Counted(Client, "TCPDSACKRecv", 1..=1),
        ],
    ),
    (
        "spurious",
        &[
            Fates(&["client 2897..2997 delayed", "client 2897..2997 delayed"]),
            So("the answer is a D-SACK", |run| {
                run.ends.client.notes.contains("1 dsack")
            }),
            Counted(Client, "TCPTimeouts", 1..=1),
            Counted(Client, "TcpRetransSegs", 1..=1),
            Counted(Client, "TCPDSACKRecv", 1..=1),
        ],
    ),
    (
        "reorder",
        &[
            Notes("2 dup-ack", "2 dup-ack, 1 hole, 1 out-of-order"),
            Fates(&["client 2897..4345 reordered"]),
            Counted(Client, "TcpRetransSegs", 0..=0),
        ],
    ),
    (
        "duplicate",
        &[
            Fates(&["client 1449..2897 duplicated"]),
            So("the client sent it once, the server met it twice", |run| {
                let copies = |seen: &[&super::seen::Segment]| {
                    seen.iter()
                        .filter(|it| it.seq == 1449 && it.has_data())
                        .count()
                };
                copies(&run.sent(Client)) == 1 && copies(&run.arrived(Client)) == 2
            }),
            Counted(Client, "TcpRetransSegs", 0..=0),
            Counted(Client, "TCPDSACKRecv", 1..=1),
        ],
    ),
    (
        "corrupt",
        &[
            Notes(
                "3 dup-ack, 1 fast retransmission",
                "1 checksum-bad, 3 dup-ack, 1 fast retransmission, 1 hole",
            ),
            Fates(&["client 1449..2897 corrupted"]),
            Counted(Server, "TcpInCsumErrors", 1..=1),
            Counted(Client, "TcpRetransSegs", 1..=1),
        ],
    ),
    (
        "recv-buffer",
        &[
            Fates(&[]),
            So("nothing is lost or repeated", never_repeated),
            So(
                "the right edge stands still while the window shrinks to nothing, and moves on",
                |run| {
                    let sent = run.sent(Server);
                    let acks: Vec<_> = sent
                        .iter()
                        .filter(|it| it.is("A"))
                        .filter_map(|it| Some((it.ack?, it.window_bytes?)))
                        .collect();
                    let Some(closed) = acks.iter().position(|it| it.1 == 0) else {
                        return false;
                    };
                    let Some(still) = closed.checked_sub(5).and_then(|at| acks.get(at..=closed))
                    else {
                        return false;
                    };
                    let edge = |it: &(u32, u32)| it.0 + it.1;
                    still.iter().all(|it| edge(it) == edge(&still[0]))
                        && still.windows(2).all(|pair| pair[1].1 + 1000 == pair[0].1)
                        && acks.last().is_some_and(|last| edge(last) > edge(&still[0]))
                },
            ),
            So(
                "what the window still took lies in the receive buffer, what it did not in the send buffer",
                |run| {
                    let closed = run.samples(Client).find(|it| it.snd_wnd == Some(0));
                    let lies = run.samples(Server).filter(|it| it.state == "ESTABLISHED");
                    let most = lies.filter_map(|it| it.recv_queue).max().unwrap_or(0);
                    closed.is_some() && (12_000..16_000).contains(&most) && most % 1000 == 0
                },
            ),
            So("the application reads all of it in the end", |run| {
                let all = run.calls(Server, "recv");
                all.iter().filter_map(|it| it.result).sum::<i64>() == 16_000
            }),
        ],
    ),
    (
        "zero-window",
        &[
            Notes(PROBED, PROBED),
            Fates(&[]),
            So("the peer's window falls to 0", |run| {
                run.samples(Client).any(|it| it.snd_wnd == Some(0))
            }),
            Counted(Client, "TcpRetransSegs", 0..=0),
            Counted(Client, "TCPTimeouts", 0..=0),
        ],
    ),
    (
        "silly-window",
        &[
            Fates(&[]),
            So(
                "the window is shut again and again, and never opened by a little",
                |run| {
                    let sent = run.sent(Server);
                    let windows: Vec<_> = sent.iter().filter_map(|it| it.window_bytes).collect();
                    let opened = windows
                        .windows(2)
                        .filter(|pair| pair[0] == 0 && pair[1] > 0);
                    let opened: Vec<_> = opened.map(|pair| pair[1]).collect();
                    opened.len() >= 2 && opened.iter().all(|&window| window >= 500)
                },
            ),
        ],
    ),
    (
        "window-scaling",
        &[
            Fates(&[]),
            So("nothing is lost or repeated", never_repeated),
            So(
                "the window passes 65535, its field does not come near",
                |run| {
                    let sent = run.sent(Server);
                    let large = |it: &&&super::seen::Segment| it.window_bytes > Some(65535);
                    let most = sent.iter().find(large);
                    most.is_some_and(|it| it.window < 10_000)
                },
            ),
        ],
    ),
    (
        "slow-start",
        &[
            Fates(&[]),
            So("nothing is lost or repeated", never_repeated),
            So("10, 20, 40 segments in the first three rounds", |run| {
                let rounds = rounds(run, 70);
                rounds.starts_with(&[10, 20, 40])
            }),
            So("cwnd only grows, and beyond 40", |run| {
                let cwnd: Vec<_> = run.samples(Client).filter_map(|it| it.cwnd).collect();
                cwnd.is_sorted() && cwnd.last().is_some_and(|&last| last > 40)
            }),
        ],
    ),
    (
        "queue-overflow-5",
        &[
            So("packets are dropped at the queue", |run| {
                dropped_by_queue(run) >= 2
            }),
            So("the round trip stays short", |run| most_srtt_ms(run) < 150),
        ],
    ),
    (
        "queue-overflow-20",
        &[
            So("packets are dropped at the queue", |run| {
                dropped_by_queue(run) >= 2
            }),
            So("the round trip grows", |run| {
                (80..300).contains(&most_srtt_ms(run))
            }),
        ],
    ),
    (
        "queue-overflow-100",
        &[
            So("nothing is dropped", |run| dropped_by_queue(run) == 0),
            So("nothing is repeated", never_repeated),
            So("the round trip grows to many times its 40 ms", |run| {
                most_srtt_ms(run) > 200
            }),
        ],
    ),
    (
        "reno-vs-cubic",
        &[
            Fates(&["client 20437..20961 dropped", "server 20437..20961 dropped"]),
            So("Reno goes on with half, CUBIC with seven tenths", |run| {
                let reno = kept(run, Client, 8080);
                let cubic = kept(run, Server, 8081);
                reno.is_some_and(|kept| (0.45..0.55).contains(&kept))
                    && cubic.is_some_and(|kept| (0.65..0.75).contains(&kept))
            }),
        ],
    ),
];

/// Whether no segment with data was sent twice.
fn never_repeated(run: &Run) -> bool {
    !run.ends.client.notes.contains("retransmission") && run.counter(Client, "TcpRetransSegs") == 0
}

/// Which part of its window a sender kept when it met its first loss: the slow start threshold then, by
/// the largest window before.
fn kept(run: &Run, host: Side, port: u16) -> Option<f64> {
    let (mut most, mut threshold) = (0, None);
    let of = |it: &&Sample| it.port == port || it.peer_port == port;
    for sample in run.samples(host).filter(of) {
        if sample.ca_state.as_deref() == Some("recovery") {
            threshold = sample.ssthresh;
            break;
        }
        most = most.max(sample.cwnd.unwrap_or(0));
    }
    Some(f64::from(threshold?) / f64::from(most))
}

/// Packets that found the queue full.
fn dropped_by_queue(run: &Run) -> usize {
    let dropped = run.fates.iter().filter(|it| it.fate == "dropped");
    dropped
        .filter(|it| it.cause.as_deref().is_some_and(|why| why.contains("queue")))
        .count()
}

/// The longest smoothed round-trip time that the client's kernel had in mind, in milliseconds.
fn most_srtt_ms(run: &Run) -> u64 {
    let most = run.samples(Client).filter_map(|it| it.srtt_ns).max();
    most.unwrap_or(0) / 1_000_000
}

/// How many segments with data the client sent in each round: a pause of `apart_ms` divides them.
fn rounds(run: &Run, apart_ms: u64) -> Vec<usize> {
    let mut rounds = Vec::new();
    let mut start = None;
    for segment in run.sent(Client).iter().filter(|it| it.has_data()) {
        match (start, rounds.last_mut()) {
            (Some(start), Some(count)) if ms(start, segment.time) < apart_ms => *count += 1,
            _ => {
                start = Some(segment.time);
                rounds.push(1);
            }
        }
    }
    rounds
}
