//! Requests and replies in virtual time: nothing is sent, and no clock is read.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::event::{Echo, EchoEvent, EchoState, ReplyFault};
use crate::frame::Timestamp;
use crate::wire::echo;

const HOST: [u8; 4] = [10, 0, 0, 2];
const ID: u16 = 0x1234;

/// A run whose network is the test.
struct Run {
    session: Session,
    now: u64,
    settled: Vec<Echo>,
    events: Vec<EchoEvent>,
}

impl Run {
    fn new(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::new(IpAddr::from(HOST), ID);
        plan.timeout = Some(Duration::from_secs(1));
        change(&mut plan);
        Self {
            session: Session::new(plan),
            now: 1_000_000_000_000,
            settled: Vec::new(),
            events: Vec::new(),
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms * 1_000_000;
        self.session.handle_timeout(self.at());
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let EchoEvent::Settled(echo) = &event {
                self.settled.push(echo.clone());
            }
            self.events.push(event);
        }
    }

    /// Sends the next request; its reply, as the host would make it.
    fn request(&mut self) -> Vec<u8> {
        let at = self.at();
        let plan = self.session.plan().clone();
        let request = self.session.poll_transmit(at).expect("it is due");
        let mut reply = request.message.to_vec();
        reply[0] = echo::reply(plan.is_v6());
        reply[2..4].fill(0);
        let ends = plan.source.map(|source| (plan.target, source));
        echo::seal(&mut reply, ends.filter(|_| plan.is_v6()));
        self.session.handle_sent(at);
        self.collect();
        reply
    }

    fn reply_from(&mut self, from: IpAddr, message: &[u8]) {
        let received = Received {
            from,
            message,
            ttl: Some(60),
            options: &[],
            kernel_lag: None,
            stamp: None,
        };
        self.session.handle_reply(self.at(), received);
        self.collect();
    }

    fn reply(&mut self, message: &[u8]) {
        self.reply_from(self.session.plan().target, message);
    }

    /// How each ended.
    fn end(&mut self) -> Vec<EchoState> {
        self.session.stop(self.at());
        self.collect();
        let states: Vec<_> = self.settled.iter().map(|echo| echo.state).collect();
        let statistics = self.session.statistics();
        assert_eq!(
            statistics.states.iter().sum::<u64>(),
            statistics.transmitted + statistics.unsent
        );
        let received = states.iter().filter(|state| state.is_received()).count();
        assert_eq!(received as u64, statistics.received);
        states
    }
}

#[test]
fn each_request_has_one_state() {
    let mut run = Run::new(|_| ());
    let first = run.request();
    run.pass(30);
    run.reply(&first);
    run.pass(970);
    let second = run.request();
    run.pass(1_000);
    let third = run.request();
    run.pass(10);
    run.reply(&third);
    run.reply(&third);
    run.pass(500);
    // A second and a half after its request.
    run.reply(&second);
    run.pass(490);
    let fourth = run.request();
    run.pass(1_000);
    let fifth = run.request();
    run.reply(&fifth);
    run.reply(&fourth);
    run.pass(1_000);
    run.request();
    run.pass(12_000);
    // The fourth took exactly a second: in time, but the fifth was first.
    assert_eq!(
        run.end(),
        [
            EchoState::Answered,
            EchoState::Late,
            EchoState::Duplicate,
            EchoState::Reordered,
            EchoState::Answered,
            EchoState::Lost
        ]
    );
    assert_eq!(run.settled[0].round_trip.unwrap().ns, 30_000_000);
    assert_eq!(
        (run.settled[2].replies, run.session.statistics().duplicates),
        (2, 1)
    );
    assert_eq!(run.settled[0].ttl, Some(60));
}

#[test]
fn damage_is_found_to_the_byte() {
    let mut run = Run::new(|_| ());
    let mut reply = run.request();
    reply[30] ^= 0x20;
    run.reply(&reply);
    let [echo] = {
        assert_eq!(run.end(), [EchoState::Corrupted]);
        [run.settled[0].clone()]
    };
    let Some(ReplyFault::Corrupted(damage)) = echo.fault else {
        panic!("{echo:?}")
    };
    assert_eq!(
        (damage.at, damage.bytes, damage.checksum_fits),
        (30, 1, false)
    );
    assert_eq!((damage.expected, damage.found), (Some(22), 0x36));
}

/// Edge case 14: a code other than 0 is delivered like any reply; what mends checksums gives itself
/// away by the bytes all the same.
#[test]
fn damage_shows_in_every_byte_whatever_the_checksum_says() {
    for at in 0..64 {
        for mend in [false, true] {
            let mut run = Run::new(|plan| plan.interval = Duration::ZERO);
            run.request();
            let mut reply = run.request();
            reply[at] ^= 0x04;
            if mend && !(2..4).contains(&at) {
                reply[2..4].fill(0);
                echo::seal(&mut reply, None);
            }
            run.reply(&reply);
            let states = run.end();
            match at {
                // No reply, or none of ours.
                0 | 4 | 5 => assert_eq!(states, [EchoState::Lost; 2], "byte {at}"),
                // The data holds the count as well, so it is known which number that was. With a
                // checksum that fits there is no reason to doubt the number.
                6 | 7 if mend => assert!(!states.contains(&EchoState::Answered), "byte {at}"),
                _ => {
                    assert_eq!(states, [EchoState::Lost, EchoState::Corrupted], "byte {at}");
                    let Some(ReplyFault::Corrupted(damage)) = run.settled[1].fault else {
                        panic!("byte {at}")
                    };
                    assert_eq!((damage.at, damage.bytes), (at, 1));
                    assert_eq!(damage.checksum_fits, mend && !(2..4).contains(&at));
                }
            }
        }
    }
}

#[test]
fn a_reply_that_ends_early_is_truncated_and_a_longer_one_is_damaged() {
    for len in echo::HEADER..64 {
        let mut run = Run::new(|_| ());
        let reply = run.request();
        let mut short = reply[..len].to_vec();
        short[2..4].fill(0);
        echo::seal(&mut short, None);
        run.reply(&short);
        assert_eq!(run.end(), [EchoState::Truncated], "{len}");
        assert_eq!(
            run.settled[0].fault,
            Some(ReplyFault::Truncated {
                came: len,
                sent: 64
            })
        );
    }
    let mut run = Run::new(|_| ());
    let mut long = run.request();
    long.extend([0, 0]);
    run.reply(&long);
    assert_eq!(run.end(), [EchoState::Corrupted]);
}

/// Edge case 15.
#[test]
fn another_address_is_a_wrong_source_unless_many_were_asked() {
    for (many, state) in [(false, EchoState::WrongSource), (true, EchoState::Answered)] {
        let mut run = Run::new(|plan| plan.many = many);
        let reply = run.request();
        run.reply_from(IpAddr::from([10, 0, 0, 3]), &reply);
        assert_eq!(run.end(), [state]);
    }
}

#[test]
fn a_good_reply_after_a_bad_one_counts() {
    let mut run = Run::new(|_| ());
    let reply = run.request();
    let mut bad = reply.clone();
    bad[40] = 0;
    run.reply(&bad);
    run.reply(&reply);
    assert_eq!(run.end(), [EchoState::Duplicate]);
    assert_eq!(run.session.statistics().received, 1);
}

/// Edge case 12: after 65535 comes 0, and a late reply to the first round is not taken for one to the
/// second.
#[test]
fn the_number_starts_over_and_old_replies_are_told_apart() {
    let mut run = Run::new(|plan| plan.interval = Duration::ZERO);
    let old = run.request();
    for _ in 1..65_536 {
        let reply = run.request();
        run.reply(&reply);
    }
    assert_eq!(
        run.events
            .iter()
            .rfind(|event| matches!(event, EchoEvent::Reply(_)))
            .map(|event| {
                match event {
                    EchoEvent::Reply(reply) => (reply.count, reply.seq),
                    _ => unreachable!(),
                }
            }),
        Some((65_536, 0))
    );
    // The first one gives its number up.
    let again = run.request();
    assert_eq!(run.settled[0].state, EchoState::Lost);
    assert_eq!(old[6..8], again[6..8]);
    run.reply(&old);
    assert_eq!(run.session.statistics().strays, 1);
    run.reply(&again);
    assert_eq!(run.end().last(), Some(&EchoState::Answered));
    assert_eq!(run.session.statistics().transmitted, 65_537);
}

#[test]
fn replies_that_nobody_asked_for_settle_nothing() {
    let mut run = Run::new(|_| ());
    let reply = run.request();
    let mut other = reply.clone();
    other[5] ^= 1;
    run.reply(&other);
    let mut future = reply.clone();
    // Number 9, in the data too.
    [future[7], future[15]] = [9, 9];
    future[2..4].fill(0);
    echo::seal(&mut future, None);
    run.reply(&future);
    run.reply(&reply[..7]);
    run.reply(&[]);
    assert_eq!(run.end(), [EchoState::Lost]);
}

/// The message of a router about a request, as RFC 792 has it.
fn error_about(request: &[u8], kind: u8, code: u8, ttl: u8, len: usize) -> Vec<u8> {
    let total = (20 + request.len() as u16).to_be_bytes();
    let mut header = vec![
        0x45, 0, total[0], total[1], 0, 1, 0x40, 0, ttl, 1, 0, 0, 10, 0, 0, 1,
    ];
    header.extend(HOST);
    let sum = crate::wire::checksum::Sum::new()
        .add_bytes(&header)
        .checksum();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(request);
    header.truncate(len);
    [&[kind, code, 0, 0, 0, 0, 5, 120][..], &header].concat()
}

fn request_of(reply: &[u8]) -> Vec<u8> {
    let mut request = reply.to_vec();
    request[0] = 8;
    request[2..4].fill(0);
    echo::seal(&mut request, None);
    request
}

/// Edge case 16: 8 bytes of the request are enough, and what changed on the way is told.
#[test]
fn an_error_is_put_down_to_the_request_it_quotes() {
    for len in [28, 36, 84] {
        let mut run = Run::new(|plan| plan.count = Some(2));
        let first = run.request();
        run.pass(1_000);
        run.request();
        let message = error_about(&request_of(&first), 11, 0, 1, len);
        let from = IpAddr::from([10, 0, 9, 1]);
        run.session.handle_reported(
            run.at(),
            &Reported {
                from,
                message: &message,
            },
        );
        assert_eq!(run.end(), [EchoState::IcmpError, EchoState::Lost]);
        let error = run.settled[0].error.clone().unwrap();
        assert_eq!((error.from, error.icmp), (Some(from), Some((11, 0))));
        assert_eq!(error.meaning, "time to live exceeded in transit");
        let quote = error.quote.unwrap();
        assert_eq!((quote.bytes, quote.with_header), (len, true));
        let [ttl] = quote.changes.as_slice() else {
            panic!("{:?}", quote.changes)
        };
        assert_eq!((ttl.field, &*ttl.sent, &*ttl.quoted), ("TTL", "64", "1"));
        assert_eq!(ttl.why, "passed 63 routers");
    }
}

#[test]
fn what_changed_under_way_is_told_field_by_field() {
    let mut run = Run::new(|_| ());
    let mut request = request_of(&run.request());
    request[3] ^= 1;
    request[20] = 0;
    let mut message = error_about(&request, 3, 4, 62, 84);
    message[8 + 1] = 0xb8;
    let from = IpAddr::from([10, 0, 9, 1]);
    run.session.handle_reported(
        run.at(),
        &Reported {
            from,
            message: &message,
        },
    );
    run.end();
    let error = run.settled[0].error.clone().unwrap();
    assert_eq!(error.mtu, Some(1_400));
    let fields: Vec<_> = error
        .quote
        .unwrap()
        .changes
        .iter()
        .map(|it| it.field)
        .collect();
    assert_eq!(
        fields,
        ["TTL", "TOS", "IP header checksum", "ICMP checksum", "data"]
    );
}

#[test]
fn errors_about_others_and_news_that_are_none_settle_nothing() {
    let mut run = Run::new(|_| ());
    let request = request_of(&run.request());
    let from = IpAddr::from([10, 0, 9, 1]);
    let other_id = {
        let mut it = request.clone();
        it[5] ^= 1;
        it
    };
    let mut other_host = error_about(&request, 11, 0, 1, 84);
    other_host[8 + 19] = 9;
    let not_ours = [
        error_about(&other_id, 11, 0, 1, 84),
        other_host,
        error_about(&request, 5, 1, 64, 84),
        error_about(&request, 11, 0, 1, 27),
    ];
    for message in &not_ours {
        run.session
            .handle_reported(run.at(), &Reported { from, message });
    }
    for len in 0..36 {
        let message = &error_about(&request, 11, 0, 1, 27)[..len.min(35)];
        run.session
            .handle_reported(run.at(), &Reported { from, message });
    }
    assert_eq!(run.end(), [EchoState::Lost]);
}

/// Edge cases 5 and 18: what the kernel keeps for a datagram socket, and what it says by itself.
#[test]
fn the_error_queue_and_refusals_are_told_apart() {
    let mut run = Run::new(|_| ());
    let request = request_of(&run.request());
    let queued = Queued {
        from: Some(IpAddr::from([10, 0, 9, 1])),
        icmp: Some((3, 4)),
        reason: "message too long",
        info: 1_400,
        quoted: &request,
    };
    run.session.handle_queued(run.at(), &queued);
    run.pass(1_000);
    run.request();
    let reason = "message too long".to_owned();
    let refused = Unsent::Refused {
        reason,
        mtu: Some(1_400),
    };
    run.session.handle_unsent(run.at(), refused);
    assert_eq!(run.end(), [EchoState::IcmpError, EchoState::Unsent]);
    let [network, local] = [0, 1].map(|at: usize| run.settled[at].error.clone().unwrap());
    assert_eq!((network.icmp, network.mtu), (Some((3, 4)), Some(1_400)));
    assert!(
        network
            .quote
            .is_some_and(|quote| !quote.with_header && quote.changes.is_empty())
    );
    assert_eq!(
        (local.from, local.icmp, local.mtu),
        (None, None, Some(1_400))
    );
}

/// Edge case 20: no room is tried again, ever later, and is an error in the end.
#[test]
fn no_room_is_tried_again_and_then_is_an_error() {
    let mut run = Run::new(|_| ());
    let mut tries = 0;
    while run.session.statistics().errors == 0 {
        assert!(tries < 20);
        let at = run.at();
        if run.session.poll_transmit(at).is_some() {
            tries += 1;
            run.session.handle_unsent(at, Unsent::Busy);
        }
        run.now += 1_000_000;
    }
    assert_eq!(tries, 7);
    assert_eq!(run.end(), [EchoState::Unsent]);
    let figures = run.session.statistics();
    assert_eq!(
        (figures.transmitted, figures.unsent, figures.loss()),
        (0, 1, None)
    );
}

/// Edge case 19: a clock that was set must not make a round trip of it.
#[test]
fn the_kernels_stamp_is_taken_only_where_it_makes_sense() {
    for (lag_ms, ns, by_kernel) in [(2, 8_000_000, true), (3_600_000, 10_000_000, false)] {
        let mut run = Run::new(|_| ());
        let message = run.request();
        run.now += 10_000_000;
        let received = Received {
            from: IpAddr::from(HOST),
            message: &message,
            ttl: None,
            options: &[],
            kernel_lag: Some(Duration::from_millis(lag_ms)),
            stamp: None,
        };
        run.session.handle_reply(run.at(), received);
        run.end();
        let it = run.settled[0].round_trip.unwrap();
        assert_eq!(
            (it.ns, it.own_ns, it.by_kernel),
            (ns, 10_000_000, by_kernel)
        );
    }
}

#[test]
fn the_end_comes_when_nothing_is_owed_any_more() {
    let mut run = Run::new(|plan| plan.count = Some(1));
    let reply = run.request();
    run.now += 20_000_000;
    assert!(!run.session.is_over(run.at()));
    run.reply(&reply);
    // A copy would follow closely.
    assert!(!run.session.is_over(run.at()));
    run.now += 20_000_000;
    assert!(run.session.is_over(run.at()));

    let mut run = Run::new(|plan| plan.count = Some(1));
    run.request();
    run.now += 999_000_000;
    assert!(!run.session.is_over(run.at()));
    run.now += 1_000_000;
    assert!(run.session.is_over(run.at()));

    // With a deadline, so many answers are waited for.
    let mut run = Run::new(|plan| {
        plan.count = Some(1);
        plan.deadline = Some(Duration::from_secs(5));
    });
    for _ in 0..3 {
        run.request();
        run.pass(1_000);
        assert!(!run.session.is_over(run.at()));
    }
    run.pass(2_000);
    assert!(run.session.is_over(run.at()));
}

#[test]
fn the_pace_is_kept_and_follows_the_answers_where_it_shall() {
    let mut run = Run::new(|plan| plan.interval = Duration::from_millis(100));
    for late in [3, 0, 7] {
        run.request();
        let due = run.session.poll_timeout(run.at()).unwrap();
        run.now = due.as_nanos() + late * 1_000_000;
    }
    // Lateness does not add up.
    assert_eq!((run.now - 1_000_000_000_000) / 1_000_000, 307);
    let mut flood = Run::new(|plan| {
        plan.pace = Pace::Flood;
        plan.interval = Duration::from_millis(10);
    });
    let reply = flood.request();
    assert!(flood.session.poll_transmit(flood.at()).is_none());
    flood.reply(&reply);
    flood.request();
    flood.now += 10_000_000;
    flood.request();
    assert_eq!(flood.session.statistics().transmitted, 3);
}

#[test]
fn a_pattern_is_read_as_iputils_reads_it() {
    assert_eq!(Pattern::parse("ff00"), Ok(Pattern::new(vec![0xff, 0])));
    assert_eq!(Pattern::parse("abc"), Ok(Pattern::new(vec![0xab, 0xc])));
    for wrong in ["", "xy", "+f", "0123456789abcdef0123456789abcdef01"] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong}");
    }
}

/// Edge case 4: two programs can have the same identifier.
#[test]
fn another_runs_replies_are_not_ours_even_with_our_identifier() {
    let ours = |plan: &mut Plan| plan.nonce = Some([1; 8]);
    let mut other = Run::new(|plan| plan.nonce = Some([2; 8]));
    let theirs = other.request();
    let mut run = Run::new(ours);
    let reply = run.request();
    run.reply(&theirs);
    run.reply_from(IpAddr::from([10, 0, 0, 3]), &theirs);
    let message = error_about(&request_of(&theirs), 11, 0, 1, 84);
    let from = IpAddr::from([10, 0, 9, 1]);
    let reported = Reported {
        from,
        message: &message,
    };
    run.session.handle_reported(run.at(), &reported);
    run.reply(&reply);
    assert_eq!(run.end(), [EchoState::Answered]);
    // A bit of it is damage.
    let mut run = Run::new(ours);
    let mut reply = run.request();
    reply[echo::HEADER + 9] ^= 1;
    run.reply(&reply);
    assert_eq!(run.end(), [EchoState::Corrupted]);
}
