//! Experiments run for real: two hosts, their programs, the wire between them, and whether what is told
//! of it is so.

use std::any::type_name_of_val;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use wirelab::decode::glance;
use wirelab::frame::LinkType;
use wirelab::io::Signals;
use wirelab::io::clock::Stopwatch;
use wirelab::io::lab::host;
use wirelab::io::lab::run::{Options, run, run_with};
use wirelab::lab::experiment::Experiment;
use wirelab::lab::truth::{
    CallLine, Counters, FateLine, Happening, HostFrame, Line, Outcome, Run, Sample,
};
use wirelab::lab::{Both, Side};

use super::net::skip;

/// Where a test finds its name when it is run in a process of its own.
const ALONE: &str = "WIRELAB_TEST_ALONE";

/// Runs the rest of a test in a process of its own: making hosts gives up the rights of the whole process,
/// and without root is possible for one with a single thread only.
fn alone<F: FnOnce()>(body: F) {
    let path = type_name_of_val(&body);
    let name = path.strip_suffix("::{{closure}}").expect("a closure");
    let (_, name) = name.split_once("::").expect("the name of the crate");
    if std::env::var(ALONE).is_ok_and(|alone| alone == name) {
        return body();
    }
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .output()
        .expect("this program runs");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", said[0], said[1]);
    assert!(
        said[0].contains("1 passed"),
        "{name} was not found: {}",
        said[0]
    );
    // What it says when it can't run here.
    for line in said[1].lines().filter(|line| line.starts_with("skipped: ")) {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
    }
}

/// What was told of a run.
#[derive(Default)]
struct Told {
    runs: Vec<Run>,
    frames: Both<Vec<HostFrame>>,
    fates: Vec<FateLine>,
    samples: Vec<Sample>,
    calls: Vec<CallLine>,
    counters: BTreeMap<String, Counters>,
    outcomes: Vec<Outcome>,
    /// The last line came last.
    ends_well: bool,
    took: Duration,
}

impl Told {
    fn note(&mut self, happening: Happening) {
        self.ends_well = false;
        match happening {
            Happening::Frame(frame) => self.frames.of_mut(frame.side).push(frame),
            Happening::Line(Line::Run(run)) => self.runs.push(run),
            Happening::Line(Line::Fate(fate)) => self.fates.push(fate),
            Happening::Line(Line::Sample(sample)) => self.samples.push(*sample),
            Happening::Line(Line::Call(call)) => self.calls.push(call),
            Happening::Line(Line::Counters(counters)) => {
                self.counters.insert(counters.host.clone(), counters);
            }
            Happening::Line(Line::Outcome(outcome)) => {
                self.outcomes.push(outcome);
                self.ends_well = true;
            }
        }
    }

    fn count(&self, host: &str, counter: &str) -> u64 {
        let counters = &self.counters[host].counters;
        counters.get(counter).copied().unwrap_or(0)
    }

    fn dropped(&self) -> Vec<&FateLine> {
        self.fates
            .iter()
            .filter(|it| it.fate == "dropped")
            .collect()
    }
}

/// Runs an experiment; `None` when this machine can't have hosts. `watch` is shown everything and may
/// break off.
fn run_text(text: &str, mut watch: impl FnMut(&Happening) -> ControlFlow<()>) -> Option<Told> {
    let text = format!("title = 'a test'\nlook_for = ''\nquiet_ms = 100\n{text}");
    let experiment = Experiment::parse(&text).expect("an experiment");
    let hosts = match host::open(&experiment) {
        Ok(hosts) => hosts,
        Err(error) => {
            skip(&error.to_string());
            return None;
        }
    };
    let mut told = Told::default();
    let watch_it = Stopwatch::start();
    let outcome = run(&experiment, hosts, None, &mut |happening| {
        let flow = watch(&happening);
        told.note(happening);
        flow
    });
    told.took = watch_it.elapsed();
    let outcome = outcome.expect("a run");
    if let Some(last) = told.outcomes.last() {
        assert_eq!(*last, outcome);
    }
    assert_eq!(told.runs.len(), 1);
    Some(told)
}

fn go_on(_: &Happening) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The TCP flags of a frame.
fn flags(frame: &HostFrame) -> u8 {
    assert!(glance(LinkType::ETHERNET, &frame.bytes).is_some(), "TCP");
    frame.bytes[14 + 20 + 13]
}

#[test]
fn a_handshake_is_in_both_captures_and_all_is_told_of_it() {
    alone(|| {
        let text = "[server]\ncalls = ['listen', 'accept', { receive = 'end' }, 'close']\n\
                    [client]\ncalls = ['connect', { pause_ms = 30 }, { send = 1000 }, 'close']";
        let Some(told) = run_text(text, go_on) else {
            return;
        };
        assert!(told.ends_well && told.outcomes.len() == 1);
        let outcome = &told.outcomes[0];
        assert_eq!((outcome.ok, &*outcome.failures), (true, &[][..]));

        // The same frames at both ends, each a delay apart.
        let (client, server) = (&told.frames.client, &told.frames.server);
        assert_eq!(client.len(), server.len());
        let first: Vec<_> = client
            .iter()
            .take(3)
            .map(|it| (flags(it), it.sent))
            .collect();
        assert_eq!(first, [(0x02, true), (0x12, false), (0x10, true)]);
        for frames in [client, server] {
            let numbers: Vec<_> = frames.iter().map(|it| it.number).collect();
            assert_eq!(numbers, (1..=frames.len() as u64).collect::<Vec<_>>());
            assert!(frames.is_sorted_by_key(|it| it.time));
        }
        assert_eq!(told.fates.len() as u64, outcome.packets);
        for fate in &told.fates {
            assert_eq!(fate.fate, "delivered");
            let at = |frames: &[HostFrame], number: Option<u64>| {
                frames[number.expect("a frame") as usize - 1].clone()
            };
            let ends = Both {
                client: at(client, fate.frame.client),
                server: at(server, fate.frame.server),
            };
            let from = fate.sender().expect("a host");
            let (sent, received) = (ends.of(from), ends.of(from.other()));
            assert!(sent.sent && !received.sent);
            assert_eq!(sent.bytes, received.bytes);
            assert_eq!(
                (sent.time, Some(received.time)),
                (fate.time, fate.delivered_at)
            );
            assert!(received.time.since(sent.time) >= Duration::from_millis(10));
        }

        // What the kernels had in mind, after each packet. (Without the pause the client's program might
        // have closed before its kernel was asked.)
        let states = |host: &str| -> Vec<&str> {
            let of_host = told
                .samples
                .iter()
                .filter(|it| it.host == host && it.peer_port != 0);
            let mut states: Vec<_> = of_host.map(|it| &*it.state).collect();
            states.dedup();
            states
        };
        let client_states = states("client");
        assert!(
            client_states.starts_with(&["SYN-SENT", "ESTABLISHED"]),
            "{client_states:?}"
        );
        assert_eq!(client_states.last(), Some(&"TIME-WAIT"));
        let server_states = states("server");
        assert!(
            server_states.starts_with(&["SYN-RECEIVED", "ESTABLISHED"]),
            "{server_states:?}"
        );
        assert_eq!(server_states.last(), Some(&"CLOSED"));
        let has = |sample: &Sample| sample.cwnd.is_some() && sample.srtt_ns > Some(20_000_000);
        assert!(told.samples.iter().any(has));

        let calls: Vec<_> = told.calls.iter().map(|it| (&*it.host, &*it.call)).collect();
        for call in [
            ("server", "accept"),
            ("client", "connect"),
            ("client", "send"),
        ] {
            assert!(calls.contains(&call), "{call:?} in {calls:?}");
        }
        assert_eq!(told.count("client", "TcpActiveOpens"), 1);
        assert_eq!(told.count("server", "TcpPassiveOpens"), 1);
        let run = &told.runs[0];
        assert!(run.kernel.starts_with("Linux "));
        let pinned = run.sysctl.client.get("net.ipv4.tcp_congestion_control");
        assert_eq!(pinned.map(String::as_str), Some("reno"));
    });
}

/// What a program does is told after what led to it, and before what comes of it.
#[test]
fn calls_are_told_in_their_place_among_frames() {
    alone(|| {
        let text = "[server]\ncalls = ['listen', 'accept', { receive = 'end' }, 'close']\n\
                    [client]\ncalls = ['connect', { send = 1000 }, 'close']";
        let mut before = Vec::new();
        let told = run_text(text, |happening| {
            match happening {
                Happening::Frame(it) if it.side == Side::Client => {
                    let what = if it.bytes.len() > 1000 {
                        "data"
                    } else {
                        "frame"
                    };
                    before.push(what.to_owned());
                }
                Happening::Line(Line::Call(it)) if it.host == "client" => {
                    before.push(it.call.clone());
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        if told.is_none() {
            return;
        }
        let place = |what: &str| before.iter().position(|it| it == what);
        assert!(
            place("frame") < place("connect") && place("connect") < place("data"),
            "{before:?}"
        );
    });
}

#[test]
fn the_packet_that_is_named_is_lost_and_no_other() {
    alone(|| {
        let text = "[[wire.fault]]\npacket = 'client data 3'\ndrop = true\n\
                    [server]\ncalls = ['listen', 'accept', { receive = 'end' }, 'close']\n\
                    [client]\ncalls = ['connect', { send = 11584 }, 'close']";
        let Some(told) = run_text(text, go_on) else {
            return;
        };
        assert!(told.outcomes[0].ok, "{:?}", told.outcomes);
        assert_eq!(told.runs[0].faults, ["client data 3: drop"]);
        let dropped = told.dropped();
        assert_eq!(dropped.len(), 1);
        assert_eq!((dropped[0].fault, dropped[0].frame.server), (Some(0), None));
        // It is the third that carries data, and it never came to the server.
        let data = |it: &&HostFrame| it.sent && it.bytes.len() > 100;
        let third = told
            .frames
            .client
            .iter()
            .filter(data)
            .nth(2)
            .expect("a third");
        assert_eq!(dropped[0].frame.client, Some(third.number));
        let came = told
            .frames
            .server
            .iter()
            .any(|it| !it.sent && it.bytes == third.bytes);
        assert!(!came);
        assert_eq!(told.count("client", "TcpRetransSegs"), 1);
        let most = told.samples.iter().filter_map(|it| it.total_retrans).max();
        assert_eq!(most, Some(1));
    });
}

#[test]
fn what_waits_for_ever_meets_the_limit_and_says_where_it_was() {
    alone(|| {
        let text = "longest_s = 1\n[server]\ncalls = ['listen', 'accept']";
        let Some(told) = run_text(text, go_on) else {
            return;
        };
        let outcome = &told.outcomes[0];
        assert!(!outcome.ok);
        assert!(outcome.failures[0].contains("longest_s = 1"), "{outcome:?}");
        assert!(outcome.failures[1].contains("accept"), "{outcome:?}");
        assert!(told.took >= Duration::from_secs(1));
        assert!(told.took < Duration::from_secs(3), "{:?}", told.took);
        assert_eq!(told.counters.len(), 2);
    });
}

#[test]
fn a_program_that_fails_ends_it_early() {
    alone(|| {
        let text = "[server]\ncalls = ['listen', 'accept']\n[client]\ncalls = [{ connect = { port = 81 } }]";
        let Some(told) = run_text(text, go_on) else {
            return;
        };
        let outcome = &told.outcomes[0];
        assert_eq!(outcome.failures.len(), 1, "{outcome:?}");
        assert!(outcome.failures[0].contains("ECONNREFUSED"), "{outcome:?}");
        assert!(told.took < Duration::from_secs(5), "{:?}", told.took);
        let last = told.frames.client.last().expect("a frame");
        assert_eq!(flags(last), 0x14, "the RST is in the capture");
        let closed = told
            .samples
            .iter()
            .find(|it| it.host == "server" && it.port == 81);
        assert_eq!(closed.map(|it| &*it.state), Some("CLOSED"));
    });
}

#[test]
fn whoever_has_seen_enough_ends_it_at_once() {
    alone(|| {
        let text = "[server]\ncalls = ['listen', 'accept', { receive = 'end' }]\n\
                    [client]\ncalls = ['connect', { pause_ms = 20000 }]";
        let mut frames = 0;
        let told = run_text(text, |happening| {
            frames += u32::from(matches!(happening, Happening::Frame(_)));
            if frames == 4 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let Some(told) = told else { return };
        assert_eq!(told.outcomes.len(), 0, "nothing is told after that");
        assert!(told.took < Duration::from_secs(3), "{:?}", told.took);
    });
}

#[test]
fn ctrl_c_ends_it_in_mid_run_and_it_is_told_to_its_end() {
    alone(|| {
        let text = "title = ''\nlook_for = ''\n[server]\ncalls = ['listen', 'accept', { receive = 'end' }]\n\
                    [client]\ncalls = ['connect', { pause_ms = 100 }, { send = 10 }, { pause_ms = 20000 }]";
        let experiment = Experiment::parse(text).expect("an experiment");
        let signals = Signals::catch().expect("signals");
        let hosts = match host::open(&experiment) {
            Ok(hosts) => hosts,
            Err(error) => return skip(&error.to_string()),
        };
        let mut told = Told::default();
        let watch = Stopwatch::start();
        let outcome = run(&experiment, hosts, Some(signals), &mut |happening| {
            // The ten bytes: the server has been waiting for them.
            let data =
                matches!(&happening, Happening::Frame(it) if it.sent && it.bytes.len() == 76);
            told.note(happening);
            if data {
                raise(Signal::SIGINT).expect("a signal");
            }
            ControlFlow::Continue(())
        });
        assert!(
            watch.elapsed() < Duration::from_secs(3),
            "{:?}",
            watch.elapsed()
        );
        let outcome = outcome.expect("an outcome");
        assert!(outcome.failures[0].contains("SIGINT"), "{outcome:?}");
        assert!(told.ends_well && told.counters.len() == 2);
        // Also the calls that it broke off.
        let calls: Vec<_> = told.calls.iter().map(|it| (&*it.host, &*it.call)).collect();
        assert!(calls.contains(&("server", "recv")), "{calls:?}");
    });
}

#[test]
fn what_is_kept_goes_on_until_it_is_stopped_and_that_is_no_failure() {
    alone(|| {
        let text = "title = ''\nlook_for = ''\nlongest_s = 1\nquiet_ms = 20\n\
                    [server]\ncalls = ['listen', 'accept']\n[client]\ncalls = ['connect']";
        let experiment = Experiment::parse(text).expect("an experiment");
        let hosts = match host::open(&experiment) {
            Ok(hosts) => hosts,
            Err(error) => return skip(&error.to_string()),
        };
        let options = Options {
            name: "kept",
            signals: Some(Signals::catch().expect("signals")),
            keep: true,
        };
        let watch = Stopwatch::start();
        let stopper = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(1500));
            raise(Signal::SIGTERM).expect("a signal");
        });
        let mut told = Told::default();
        let outcome = run_with(&experiment, hosts, &options, &mut |happening| {
            told.note(happening);
            ControlFlow::Continue(())
        });
        stopper.join().expect("the stopper");
        assert!(watch.elapsed() >= Duration::from_millis(1500));
        let outcome = outcome.expect("an outcome");
        assert!(outcome.ok, "{outcome:?}");
        assert_eq!(told.runs[0].experiment, "kept");
        // Nothing was closed before the end of the capture.
        assert!(told.frames.client.iter().all(|it| flags(it) & 1 == 0));
    });
}

#[test]
fn a_queue_of_connections_to_accept_is_seen_to_fill() {
    alone(|| {
        let text = "[server]\ncalls = [{ listen = { backlog = 5 } }, { wait = 'both' }, 'accept']\n\
                    [client]\ncalls = ['connect', { connect = {}, on = 'second' }, \
                    { pause_ms = 300 }, { signal = 'both' }]";
        let Some(told) = run_text(text, go_on) else {
            return;
        };
        let listening = told.samples.iter().filter(|it| it.state == "LISTEN");
        assert!(
            listening
                .clone()
                .all(|it| it.host == "server" && it.peer_port == 0)
        );
        let waiting: Vec<_> = listening.filter_map(|it| it.recv_queue).collect();
        assert!(waiting.contains(&2), "{waiting:?}");
        assert_eq!(
            waiting.last(),
            Some(&1),
            "one of them was accepted: {waiting:?}"
        );
        assert_eq!(told.frames.of(Side::Client).len(), 6);
    });
}
