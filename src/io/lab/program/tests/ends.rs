//! How programs end that don't come to their end, and options that are really set.

use std::time::Duration;

use super::*;
use crate::io::clock::Stopwatch;
use crate::io::lab::program::options::settings;
use crate::io::sys::sockopt;
use crate::lab::experiment::Options;

#[test]
fn a_call_that_does_not_do_what_it_had_to_ends_the_program_with_a_sentence() {
    let came = Run::start(
        r#"
        [client]
        calls = [{ connect = { port = 9 } }, "close"]
        [server]
        calls = ["listen", { listen = {}, on = "b", expect = "EINVAL" }, "accept"]
        [server.also.other]
        calls = [{ listen = { port = 8010 }, expect = "EADDRINUSE" }]
        [server.also.third]
        calls = [{ send = 1 }]
        [server.also.reno]
        calls = [{ set = { congestion = "nonesuch" } }, { connect = { port = 8010 } }]"#,
    )
    .join();
    let failure = came.failure("client");
    assert!(
        failure.starts_with("client: call 1: connect: connect(127.")
            && failure.ends_with(":9): ECONNREFUSED (Connection refused)"),
        "{failure}"
    );
    let failure = came.failure("server");
    assert!(
        failure.starts_with("server: call 2: listen: bind(127.")
            && failure.ends_with("EADDRINUSE (Address already in use); it had to end with EINVAL"),
        "{failure}"
    );
    assert_eq!(
        came.failure("server/other"),
        "server \"other\": call 1: listen: succeeded, but had to end with EADDRINUSE"
    );
    let failure = came.failure("server/third");
    assert!(failure.contains("the socket is not open"), "{failure}");
    let failure = came.failure("server/reno");
    assert!(
        failure.contains("setsockopt(TCP_CONGESTION, nonesuch): ENOENT")
            && failure.contains("this kernel has: ")
            && failure.contains("reno"),
        "{failure}"
    );
}

#[test]
fn an_end_before_all_has_come_is_told_with_how_much_it_was() {
    let came = Run::start(
        r#"
        [server]
        calls = ["listen", "accept", { receive = 27 }]
        [client]
        calls = ["connect", { send = 12 }, "close"]"#,
    )
    .join();
    assert_eq!(
        came.failure("server"),
        "server: call 3: receive: recv: the other side ended after 12 of 27 bytes"
    );
}

#[test]
fn whatever_blocks_ends_when_the_run_does() {
    let mut run = Run::start(
        r#"
        [server]
        calls = ["listen", "accept", { receive = 1 }]
        [server.also.accept]
        calls = [{ listen = { port = 8001 } }, "accept"]
        [server.also.full]
        calls = [{ listen = { port = 8002, backlog = 0 } }, { pause_ms = 600000 }]
        [server.also.udp]
        calls = [{ udp_receive = { wait_ms = 600000 } }]
        [server.also.never]
        calls = [{ wait = "never" }, { signal = "never" }]
        [client]
        calls = ["connect", { send = 0 }, { send = 60000000 }]
        [client.also.full]
        calls = [{ connect = { port = 8002 } }, { connect = { port = 8002 }, on = "b" }]"#,
    );
    thread::sleep(Duration::from_millis(150));
    let blocked: Vec<_> = run.programs.iter().map(|(_, p)| p.is_finished()).collect();
    // The server's first program had its byte.
    let finished = blocked.iter().filter(|finished| **finished).count();
    assert_eq!(finished, 1, "{blocked:?}");
    let watch = Stopwatch::start();
    run.stages.server.end("its 30 seconds are over");
    let came = run.join();
    assert!(
        watch.elapsed() < Duration::from_millis(500),
        "{:?}",
        watch.elapsed()
    );
    let cases = [
        (
            "client",
            "client: call 3: send: send(60000000 bytes) was still blocked",
        ),
        (
            "client/full",
            "client \"full\": call 2: connect: connect(127.",
        ),
        (
            "server/accept",
            "server \"accept\": call 2: accept: accept() was still blocked",
        ),
        (
            "server/full",
            "server \"full\": call 2: pause_ms: sleep was still blocked",
        ),
        (
            "server/never",
            "server \"never\": call 1: wait: waiting for 'never' was still",
        ),
        (
            "server/udp",
            "server \"udp\": call 1: udp_receive: recvfrom(",
        ),
    ];
    for (who, start) in cases {
        let failure = came.failure(who);
        assert!(
            failure.starts_with(start)
                && failure.ends_with("when the run was over: its 30 seconds are over"),
            "{failure}"
        );
    }
    // What did not end has neither a result nor an error.
    let send = came.calls("client", "send");
    let last = send.last().unwrap();
    assert_eq!((last.result, &last.errno), (None, &None));
    assert!(last.blocked_ns > 50_000_000, "{last:?}");
}

#[test]
fn the_run_may_be_over_before_a_program_begins() {
    let experiment = experiment("[client]\ncalls = [\"connect\"]");
    let address = an_address();
    let addresses = Both {
        client: address,
        server: address,
    };
    let stages = Stage::for_run(&experiment, addresses, |_| (), clock::now).unwrap();
    stages.server.end("Ctrl-C");
    stages.server.end("too late");
    let failure = run("", &experiment.client.calls, &stages.client).unwrap_err();
    assert!(
        failure.ends_with("when the run was over: Ctrl-C"),
        "{failure}"
    );
}

/// Reads back what a setting made of the option of a socket of the program.
fn read_back(program: &Program<'_>, options: &Options) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let socket = program.sockets.existing("").unwrap();
    let read = |setting: &super::super::options::Setting| {
        let longest = setting.value.len().max(16);
        sockopt::bytes(socket, setting.level, setting.option, longest).unwrap()
    };
    let settings = settings(options, program.v6());
    settings
        .iter()
        .map(|setting| (setting.name, setting.value.clone(), read(setting)))
        .collect()
}

#[test]
fn options_are_really_set_on_the_socket_to_come_and_on_the_one_there_is() {
    const OPTIONS: &str = r#"{ nodelay = true, send_buffer = 20000, receive_buffer = 30000,
        window_clamp = 12345, max_segment = 777, reuse_address = true, keep_alive_s = 7,
        keep_alive_probes = 3, user_timeout_ms = 4321, congestion = "reno", ttl = 33,
        dont_fragment = false }"#;
    for address in ["127.0.0.1", "::1"] {
        // A port of this process alone, for want of addresses.
        let port = 20000 + std::process::id() % 10000;
        for set_first in [true, false] {
            let set = format!("{{ set = {OPTIONS} }}");
            let listen = format!("{{ listen = {{ port = {port} }} }}");
            let calls = if set_first {
                [set, listen]
            } else {
                [listen, set]
            };
            let [first, second] = &calls;
            let experiment = experiment(&format!("[server]\ncalls = [{first}, {second}]"));
            let address: IpAddr = address.parse().unwrap();
            let addresses = Both {
                client: address,
                server: address,
            };
            let stages = Stage::for_run(&experiment, addresses, |_| (), clock::now).unwrap();
            let mut program = Program {
                recorder: Recorder {
                    stage: &stages.server,
                    program: "",
                },
                sockets: Sockets::default(),
            };
            let mut wanted = None;
            for call in &experiment.server.calls {
                program.step(&call.on, &call.step).unwrap();
                if let Step::Set(options) = &call.step {
                    wanted = Some(options.clone());
                }
            }
            let all = read_back(&program, &wanted.unwrap());
            assert_eq!(all.len(), 14);
            for (name, set, read) in all {
                check(name, &set, &read);
            }
            // The listener is closed with the stage.
            drop(program);
            assert_eq!(stages.client.close_all(), 1);
        }
    }
}

fn check(name: &str, set: &[u8], read: &[u8]) {
    let number = |bytes: &[u8]| i32::from_ne_bytes(bytes.try_into().unwrap());
    match name {
        "TCP_CONGESTION" => assert!(read.starts_with(set), "{name}"),
        // The kernel doubles these.
        "SO_SNDBUF" | "SO_RCVBUF" => assert_eq!(number(read), number(set) * 2, "{name}"),
        // Milliseconds come in ticks of the kernel's clock, seconds whole.
        _ => assert_eq!(number(read), number(set), "{name}"),
    }
}
