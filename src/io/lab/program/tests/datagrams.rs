//! UDP over loopback.

use super::*;

#[test]
fn datagrams_keep_their_boundaries_and_come_with_their_sender() {
    let came = play(
        r#"
        [server]
        calls = [{ udp_receive = { count = 4, wait_ms = 5000 } }, "close"]
        [client]
        calls = [{ udp_send = { text = "你好", encoding = "gbk", times = 3, every_ms = 5 } },
            { udp_send = { bytes = 0 } }, "close"]"#,
    );
    let received = came.calls("server", "recvfrom");
    let results: Vec<_> = received.iter().map(|line| line.result).collect();
    assert_eq!(results, [Some(4), Some(4), Some(4), Some(0)]);
    assert_eq!(received[0].data.as_deref(), Some("你好"));
    assert!(
        received[0].arguments.starts_with("from 127."),
        "{received:?}"
    );
    assert_eq!(came.calls("client", "send").len(), 4);
    // One socket for both steps.
    assert_eq!(came.calls("client", "socket").len(), 1);
}

#[test]
fn nobody_at_a_port_shows_as_refused_with_who_said_so() {
    let came = play(
        r#"
        [client]
        calls = [{ udp_send = { bytes = 10, port = 7 } },
            { udp_receive = { wait_ms = 5000 }, expect = "ECONNREFUSED" }]"#,
    );
    let received = came.calls("client", "recvfrom");
    assert_eq!(received[0].errno.as_deref(), Some("ECONNREFUSED"));
    let told = came.calls("client", "recvmsg")[0];
    let told = told.data.as_deref().unwrap();
    assert!(told.starts_with("port unreachable from 127."), "{told}");
}

#[test]
fn silence_ends_receiving_unless_more_is_owed() {
    let came = play(
        r#"
        [server]
        calls = [{ udp_receive = { wait_ms = 60, receive_buffer = 212992 } },
            { udp_receive = { wait_ms = 30, count = 1 }, expect = "EAGAIN" }]
        [client]
        calls = [{ udp_send = { bytes = 10, times = 300 } }]"#,
    );
    let received = came.calls("server", "recvfrom");
    let bytes: i64 = received.iter().filter_map(|line| line.result).sum();
    assert_eq!(bytes, 3000);
    // 100 lines, two groups of 100 more, and two silences.
    assert_eq!(received.len(), 104);
    let last = received.last().unwrap();
    assert_eq!(last.errno.as_deref(), Some("EAGAIN"));
    assert!(last.blocked_ns >= 30_000_000);
}

#[test]
fn a_datagram_too_long_for_the_path_is_refused_when_it_may_not_be_fragmented() {
    // Loopback's MTU is 65536, and no datagram over IPv4 may be longer than 65535.
    let came = play(
        r#"
        [client]
        calls = [{ set = { dont_fragment = true } },
            { udp_send = { bytes = 65508 }, expect = "EMSGSIZE" }]"#,
    );
    let sent = came.calls("client", "send")[0];
    assert_eq!(sent.errno.as_deref(), Some("EMSGSIZE"));
}

#[test]
fn an_answer_goes_to_a_port_that_was_bound_for_it() {
    let came = play(
        r#"
        [server]
        calls = [{ udp_receive = { count = 1, wait_ms = 5000 } },
            { udp_send = { text = "the answer", port = 5000 } }]
        [client]
        calls = [{ udp_receive = { port = 5000, count = 0 } }, { udp_send = { text = "the question" } },
            { udp_receive = { count = 1, wait_ms = 5000 } }]"#,
    );
    let asked = came.calls("server", "recvfrom")[0];
    assert!(asked.arguments.ends_with(":5000"), "{asked:?}");
    let answered = came.calls("client", "recvfrom")[0];
    assert_eq!(answered.data.as_deref(), Some("the answer"));
    assert!(answered.arguments.ends_with(":8080"), "{answered:?}");
    assert_eq!(
        came.names("client"),
        ["socket", "bind", "sendto", "recvfrom"]
    );
}

#[test]
fn a_udp_socket_and_a_connection_may_have_the_same_name() {
    let came = play(
        r#"
        [server]
        calls = [{ set = { ttl = 9 } }, { udp_receive = { count = 1, wait_ms = 5000 } },
            { set = { receive_buffer = 8192 } }, "listen", "accept", { set = { ttl = 10 } },
            { receive = "end" }, "close", { set = { ttl = 11 } },
            { udp_receive = { count = 0 } }, "close", "stop-listening"]
        [client]
        calls = [{ udp_send = { bytes = 10 } }, "connect", { send = 10 }, "close", "close"]"#,
    );
    // Options are those of the socket to come, or of the connection, or of the next call on UDP.
    assert_eq!(
        came.names("server"),
        [
            "socket",
            "setsockopt",
            "bind",
            "recvfrom",
            "socket",
            "setsockopt",
            "setsockopt",
            "bind",
            "listen",
            "accept",
            "setsockopt",
            "recv",
            "recv",
            "close",
            "setsockopt",
            "close",
            "close"
        ]
    );
}
