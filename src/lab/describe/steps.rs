//! A call in words.

use std::fmt::Write as _;

use super::{milliseconds, plural, time};
use crate::lab::experiment::{
    Amount, Call, Connect, Listen, Options, Payload, Ping, Receive, Send, Step, UdpReceive, UdpSend,
};

/// Most characters of a text that are quoted.
const QUOTED: usize = 32;

/// What a program does in one call.
pub(super) fn sentence(call: &Call) -> String {
    let mut said = step(&call.step);
    if !call.on.is_empty() {
        said = format!("{said}, on its socket '{}'", call.on);
    }
    if let Some(errno) = call.expect {
        said = format!("{said}; it has to fail with {errno}");
    }
    said
}

fn step(step: &Step) -> String {
    match step {
        Step::Listen(listen) => self::listen(listen),
        Step::Accept => "waits for a connection and accepts it".to_owned(),
        Step::Connect(connect) => self::connect(connect),
        Step::Send(send) => self::send(send),
        Step::Receive(receive) => self::receive(receive),
        Step::Shutdown => "says that nothing more will come (shutdown)".to_owned(),
        Step::Close => "closes its socket".to_owned(),
        Step::Abort => "aborts: closes its socket with an RST".to_owned(),
        Step::StopListening => "stops listening".to_owned(),
        Step::Set(options) => set(options),
        Step::PauseMs(ms) => format!("waits {}", milliseconds(*ms)),
        Step::Signal(mark) => format!("gives the signal '{mark}'"),
        Step::Wait(mark) => format!("waits for the signal '{mark}'"),
        Step::Ping(ping) => self::ping(ping),
        Step::UdpSend(send) => udp_send(send),
        Step::UdpReceive(receive) => udp_receive(receive),
    }
}

fn listen(listen: &Listen) -> String {
    let usual = Listen::default();
    let mut said = format!("listens on port {}", listen.port);
    if listen.backlog != usual.backlog {
        let waiting = plural(u64::from(listen.backlog), "connection");
        let _ = write!(said, ", with room for {waiting} to be accepted");
    }
    if listen.reuse_address != usual.reuse_address {
        said.push_str(", without SO_REUSEADDR");
    }
    said
}

fn connect(connect: &Connect) -> String {
    let mut said = format!("connects to port {}", connect.port);
    if let Some(port) = connect.from_port {
        let _ = write!(said, " from port {port}");
    }
    if connect.reuse_address {
        said.push_str(", with SO_REUSEADDR");
    }
    if let Some(ms) = connect.timeout_ms {
        let _ = write!(said, ", and gives up after {}", milliseconds(ms));
    }
    said
}

fn send(send: &Send) -> String {
    format!(
        "sends {}{}",
        payload(&send.payload),
        often(send.times, send.every_ms)
    )
}

fn udp_send(send: &UdpSend) -> String {
    let times = often(send.times, send.every_ms);
    let what = payload(&send.payload);
    let datagrams = if send.times == 1 {
        "a datagram"
    } else {
        "datagrams"
    };
    format!("sends {datagrams} of {what} to port {}{times}", send.port)
}

/// `11,584 bytes`, `"你好" (4 bytes)`.
fn payload(payload: &Payload) -> String {
    let bytes = plural(payload.bytes().len() as u64, "byte");
    let Some(text) = payload.text() else {
        return bytes;
    };
    let mut quoted: String = text.chars().take(QUOTED).collect();
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    format!("{quoted:?} ({bytes})")
}

/// `, 5 times, 20 ms apart`.
fn often(times: u32, every_ms: u64) -> String {
    match (times, every_ms) {
        (1, _) => String::new(),
        (times, 0) => format!(", {times} times"),
        (times, ms) => format!(", {times} times, {} apart", milliseconds(ms)),
    }
}

fn receive(receive: &Receive) -> String {
    let mut said = match receive.amount {
        Amount::End => "receives until the other side is done".to_owned(),
        Amount::Bytes(bytes) => format!("receives {}", plural(bytes, "byte")),
        Amount::Once => "receives what one call gives".to_owned(),
    };
    if receive.at_once != 65536 {
        let bytes = plural(receive.at_once as u64, "byte");
        let _ = write!(said, ", {bytes} a call at most");
    }
    if let Some(rate) = receive.rate {
        let _ = write!(said, ", at {} a second", plural(rate, "byte"));
    }
    said
}

fn set(options: &Options) -> String {
    let Options {
        nodelay,
        quick_ack,
        send_buffer,
        receive_buffer,
        window_clamp,
        max_segment,
        reuse_address,
        keep_alive_s,
        keep_alive_every_s,
        keep_alive_probes,
        user_timeout_ms,
        congestion,
        ttl,
        dont_fragment,
    } = options;
    let mut set = Vec::new();
    let mut switch = |value: &Option<bool>, on: &str, off: &str| {
        set.extend(value.map(|value| if value { on } else { off }.to_owned()));
    };
    switch(nodelay, "Nagle's algorithm off", "Nagle's algorithm on");
    switch(quick_ack, "ACKs at once", "ACKs delayed");
    switch(reuse_address, "SO_REUSEADDR", "no SO_REUSEADDR");
    switch(dont_fragment, "don't fragment", "may be fragmented");
    let bytes = |value: Option<u64>, what: &str| {
        value.map(|value| format!("{what} {}", plural(value, "byte")))
    };
    set.extend(bytes(send_buffer.map(|n| n as u64), "send buffer"));
    set.extend(bytes(receive_buffer.map(|n| n as u64), "receive buffer"));
    set.extend(bytes(window_clamp.map(u64::from), "highest window"));
    set.extend(bytes(max_segment.map(u64::from), "largest segment"));
    set.extend(keep_alive_s.map(|s| format!("keep-alive after {s} s of silence")));
    set.extend(keep_alive_every_s.map(|s| format!("keep-alive probes every {s} s")));
    set.extend(
        keep_alive_probes.map(|n| format!("{} at most", plural(u64::from(n), "keep-alive probe"))),
    );
    set.extend(user_timeout_ms.map(|ms| format!("user timeout {}", milliseconds(u64::from(ms)))));
    set.extend(
        congestion
            .as_ref()
            .map(|name| format!("congestion control {name}")),
    );
    set.extend(ttl.map(|ttl| format!("time to live {ttl}")));
    if set.is_empty() {
        return "sets nothing".to_owned();
    }
    format!("sets: {}", set.join(", "))
}

fn ping(ping: &Ping) -> String {
    let requests = plural(u64::from(ping.count), "echo request");
    let bytes = plural(ping.bytes as u64, "byte");
    let mut said = format!("sends {requests} of {bytes}");
    if ping.count > 1 {
        let _ = write!(said, ", {} apart", milliseconds(ping.every_ms));
    }
    match &*ping.ttl {
        [] => {}
        ttls => {
            let ttls: Vec<_> = ttls.iter().map(u8::to_string).collect();
            let _ = write!(said, ", with a time to live of {}", ttls.join(", "));
        }
    }
    said
}

fn udp_receive(receive: &UdpReceive) -> String {
    let port = receive.port;
    let mut said = match receive.count {
        Some(count) => format!(
            "receives {} on port {port}",
            plural(u64::from(count), "datagram")
        ),
        None => format!("receives datagrams on port {port}"),
    };
    let _ = write!(
        said,
        ", until none comes for {}",
        milliseconds(receive.wait_ms)
    );
    if receive.every_ms > 0 {
        let every = time(std::time::Duration::from_millis(receive.every_ms));
        let _ = write!(said, ", one every {every}");
    }
    if let Some(bytes) = receive.receive_buffer {
        let _ = write!(
            said,
            ", with a receive buffer of {}",
            plural(bytes as u64, "byte")
        );
    }
    said
}
