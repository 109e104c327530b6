//! Connections over loopback.

use std::time::Duration;

use super::*;
use crate::io::clock::Stopwatch;

#[test]
fn the_first_exchange_of_the_course_arrives_as_it_was_sent() {
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", { receive = 27 },
            { send = { text = "你好客户端小黑，我是服务端!", encoding = "gbk" } },
            { receive = "end" }, "close", "stop-listening"]
        [client]
        calls = ["connect", { send = { text = "你好服务端，我是客户端小黑!", encoding = "gbk" } },
            { receive = 27 }, "close"]"#,
    );
    assert_eq!(
        came.names("server"),
        [
            "socket",
            "setsockopt",
            "bind",
            "listen",
            "accept",
            "recv",
            "send",
            "recv",
            "close",
            "close"
        ]
    );
    assert_eq!(
        came.names("client"),
        ["socket", "connect", "send", "recv", "close"]
    );
    let received = came.calls("server", "recv");
    assert_eq!(received[0].result, Some(27));
    assert_eq!(
        received[0].data.as_deref(),
        Some("你好服务端，我是客户端小黑!")
    );
    // The end of the stream.
    assert_eq!((received[1].result, &received[1].data), (Some(0), &None));
    let sent = came.calls("server", "send")[0];
    assert_eq!(sent.arguments, "27 bytes");
    assert_eq!(sent.data.as_deref(), Some("你好客户端小黑，我是服务端!"));
    let accepted = came.calls("server", "accept")[0];
    assert!(accepted.arguments.starts_with("from 127."), "{accepted:?}");
}

#[test]
fn tcp_keeps_no_message_boundaries() {
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", { wait = "sent" }, { receive = "once" }]
        [client]
        calls = ["connect", { send = { text = "hello", times = 3 } }, { signal = "sent" }]"#,
    );
    assert_eq!(came.calls("client", "send").len(), 3);
    let received = came.calls("server", "recv");
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].data.as_deref(), Some("hellohellohello"));
}

#[test]
fn a_send_blocks_until_the_buffer_has_taken_all_and_is_one_call() {
    let came = play(
        r#"
        [server]
        calls = [{ set = { receive_buffer = 8192 } }, "listen", "accept", { pause_ms = 150 },
            { receive = "end" }]
        [client]
        calls = [{ set = { send_buffer = 8192 } }, "connect", { send = 1000000 }, "close"]"#,
    );
    let sent = came.calls("client", "send");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].result, Some(1_000_000));
    assert!(sent[0].blocked_ns > 100_000_000, "{sent:?}");
    let received = came.calls("server", "recv");
    assert_eq!(
        received.iter().filter_map(|line| line.result).sum::<i64>(),
        1_000_000
    );
}

#[test]
fn a_slow_reader_keeps_to_its_rate_and_later_calls_share_a_line() {
    let watch = Stopwatch::start();
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", { receive = { amount = 250, at_once = 1, rate = 1000 } },
            { receive = { amount = 200, rate = 1000 } }]
        [client]
        calls = ["connect", { send = 450 }]"#,
    );
    // 450 bytes at 1000 a second; the last one need not be waited for.
    assert!(
        watch.elapsed() > Duration::from_millis(400),
        "{:?}",
        watch.elapsed()
    );
    let received = came.calls("server", "recv");
    let results: Vec<_> = received.iter().filter_map(|line| line.result).collect();
    assert_eq!(results[..100], [1; 100]);
    assert_eq!(results[100..102], [100, 50]);
    assert!(received[100].arguments.ends_with("100 calls in one line"));
    // 20 ms of 1000 bytes a second.
    assert_eq!(results[102..], [20; 10]);
}

#[test]
fn abort_resets_the_connection() {
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", { receive = "end", expect = "ECONNRESET" }, "close"]
        [client]
        calls = ["connect", "abort"]"#,
    );
    assert_eq!(
        came.names("client"),
        ["socket", "connect", "setsockopt", "close"]
    );
    let received = came.calls("server", "recv")[0];
    assert_eq!(received.errno.as_deref(), Some("ECONNRESET"));
    assert_eq!(received.result, None);
}

#[test]
fn what_was_sent_before_a_reset_counts_and_the_next_call_tells_the_reset() {
    let came = play(
        r#"
        [server]
        calls = [{ set = { receive_buffer = 8192 } }, "listen", "accept", { pause_ms = 50 }, "abort"]
        [client]
        calls = [{ set = { send_buffer = 8192 } }, "connect", { send = 1000000, expect = "ECONNRESET" },
            { send = 1, expect = "EPIPE" }]"#,
    );
    let sent = came.calls("client", "send");
    let results: Vec<_> = sent
        .iter()
        .map(|line| (line.result, line.errno.as_deref()))
        .collect();
    assert!(matches!(results[0].0, Some(1..1_000_000)), "{results:?}");
    assert_eq!(
        results[1..],
        [(None, Some("ECONNRESET")), (None, Some("EPIPE"))]
    );
}

#[test]
fn an_address_in_use_is_an_error_until_it_is_reused() {
    // The server closes first, so the address stays in TIME-WAIT at its end.
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", "close", "stop-listening", { wait = "closed" },
            { listen = { reuse_address = false }, expect = "EADDRINUSE" }, "listen",
            { listen = {}, on = "second", expect = "EADDRINUSE" }, "stop-listening"]
        [client]
        calls = ["connect", { receive = "end" }, "close", { signal = "closed" }]"#,
    );
    let bound: Vec<_> = came.calls("server", "bind");
    let errors: Vec<_> = bound.iter().map(|line| line.errno.as_deref()).collect();
    let in_use = Some("EADDRINUSE");
    assert_eq!(errors[..3], [None, in_use, None]);
}

#[test]
fn sockets_have_names() {
    let came = play(
        r#"
        [server]
        calls = ["listen", { listen = { port = 8081 }, on = "other" }, { accept = true, on = "first" },
            { accept = true, on = "second" }, { accept = true, on = "other" },
            { receive = 1, on = "first" }, { receive = 2, on = "second" }, { receive = 3, on = "other" },
            { close = true, on = "second" }, { stop-listening = true, on = "other" }, "stop-listening"]
        [client]
        calls = ["connect", { connect = {}, on = "b" }, { connect = { port = 8081 }, on = "c" },
            { send = 1 }, { send = 2, on = "b" }, { send = 3, on = "c" }, { receive = "end", on = "b" }]"#,
    );
    let received = came.calls("server", "recv");
    let seen: Vec<_> = received
        .iter()
        .map(|line| (&*line.socket, line.result))
        .collect();
    assert_eq!(
        seen,
        [("first", Some(1)), ("second", Some(2)), ("other", Some(3))]
    );
}

#[test]
fn a_connection_can_be_opened_from_both_sides_at_once() {
    // With both ends at one address and port: the SYN meets its own sender, in SYN-SENT.
    let came = play(
        r#"
        [client]
        calls = [{ connect = { port = 4000, from_port = 4000 } }, { send = "to myself" },
            { receive = 9 }, "close"]"#,
    );
    assert_eq!(came.names("client")[..3], ["socket", "bind", "connect"]);
    let received = came.calls("client", "recv")[0];
    assert_eq!(received.data.as_deref(), Some("to myself"));
}

#[test]
fn a_program_may_be_less_patient_than_the_kernel() {
    // Room for one connection, and nobody accepts: further SYNs are dropped.
    let came = play(
        r#"
        [server]
        calls = [{ listen = { backlog = 0 } }]
        [client]
        calls = [{ connect = {}, on = "a" }, { pause_ms = 20 },
            { connect = { timeout_ms = 150 }, on = "b", expect = "ETIMEDOUT" },
            { connect = { port = 9 }, on = "b", expect = "ECONNREFUSED" }]"#,
    );
    let connected = came.calls("client", "connect");
    assert_eq!(connected[1].errno.as_deref(), Some("ETIMEDOUT"));
    assert!(connected[1].blocked_ns >= 150_000_000, "{connected:?}");
    assert!(connected[1].arguments.ends_with(", 150 ms at most"));
    assert_eq!(connected[2].errno.as_deref(), Some("ECONNREFUSED"));
    // What came to nothing is closed.
    assert_eq!(came.calls("client", "close").len(), 2);
}

#[test]
fn shutdown_closes_one_direction() {
    let came = play(
        r#"
        [server]
        calls = ["listen", "accept", { receive = "end" }, { send = "the answer" }, "close"]
        [client]
        calls = ["connect", { send = "the question" }, "shutdown", { send = 1, expect = "EPIPE" },
            { receive = "end" }, "close"]"#,
    );
    let answer = came.calls("client", "recv")[0];
    assert_eq!(answer.data.as_deref(), Some("the answer"));
    assert_eq!(came.calls("client", "shutdown")[0].arguments, "SHUT_WR");
}

#[test]
fn what_a_program_leaves_open_stays_open_until_it_is_told() {
    let mut run = Run::start(
        r#"
        [server]
        calls = ["listen", "accept", { receive = "end" }]
        [client]
        calls = ["connect"]"#,
    );
    // The client has ended; were its connection closed, the server's would be at its end.
    let (client, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut run.programs)
        .into_iter()
        .partition(|(who, _)| who != "server");
    for (who, program) in client {
        assert_eq!(program.join().unwrap(), Ok(()), "{who}");
    }
    thread::sleep(Duration::from_millis(50));
    assert!(!rest[0].1.is_finished());
    assert_eq!(run.stages.client.close_all(), 1);
    run.programs = rest;
    assert_eq!(run.join().ends["server"], Ok(()));
}
