//! What a program does, call by call.
//!
//! A call is a word (`"accept"`) or a table with one (`{ send = 1000 }`), and may say on which of the
//! program's sockets it is made and which error it has to meet:
//!
//! ```toml
//! calls = ["listen", "accept", { receive = "end" }, "close"]
//! calls = [{ connect = { port = 81 }, expect = "ECONNREFUSED" }]
//! calls = ["connect", { connect = {}, on = "second" }, { send = 10, on = "second" }]
//! ```
//!
//! A program has connections, listening sockets and UDP sockets. Each kind has names of its own, and each
//! a nameless one: `listen`, `accept` and `udp_receive` without `on` make three sockets that don't get in
//! each other's way. A name is free again when its socket is closed; a second socket of the same kind
//! and name is refused, since the first would be closed by nobody. What a program leaves open when it
//! ends stays open until the run is over.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::short::Short;
use super::{Encoding, PORT, Payload};

/// One call of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is done.
    pub step: Step,
    /// On which of the program's sockets; each program has its own, and a nameless one (`""`).
    pub on: String,
    /// The error that it has to end with; `None`: it has to succeed. A step that is several system calls
    /// ends with the first of them that fails.
    pub expect: Option<Errno>,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Makes a socket, binds it to the host's own address, listens. `on` names the listening socket.
    Listen(Listen),
    /// Waits for a connection; it becomes the socket that later calls are made on, and `on` names it.
    /// It comes from the listening socket of the same name, if there is one, else from the nameless
    /// one, else from the only one there is.
    Accept,
    /// Makes a socket and connects it. If a program of the other host ever listens on that port, it
    /// waits for that first; only for the first time, whatever becomes of the listening socket later.
    /// A connection that does not come about is closed.
    Connect(Connect),
    /// Sends, blocking until the send buffer has taken all of it: one call of `send`, unless the
    /// connection breaks in between.
    Send(Send),
    /// Receives.
    Receive(Receive),
    /// Says that nothing more will be sent: `shutdown(SHUT_WR)`.
    Shutdown,
    /// Closes the connection of that name, or the UDP socket if there is no connection.
    Close,
    /// Closes it with `SO_LINGER` 0: an RST instead of a FIN (RFC 9293 section 3.10.5).
    Abort,
    /// Closes the listening socket, which is found as for [`Step::Accept`].
    StopListening,
    /// Sets options of the connection of that name, or else of the listening socket, from which
    /// accepted connections inherit them. If there is neither, of the socket to come: the next
    /// `listen`, `connect`, `accept`, `ping`, `udp_send` or `udp_receive` of that name sets them.
    Set(Options),
    /// Does nothing for so many milliseconds.
    PauseMs(u64),
    /// Tells all programs that it has come to here.
    Signal(String),
    /// Waits until a program has signalled this; not at all if that was before.
    Wait(String),
    /// Sends echo requests to the other host and waits for the answers, over a socket of its own that
    /// is closed at the end. A request that is lost, or answered by an ICMP error, is a result and no
    /// error of the call; one that this host refuses to send (`EMSGSIZE`) is.
    Ping(Ping),
    /// Sends datagrams, over the UDP socket of that name; if there is none, over a new one that is
    /// connected to the port, so that ICMP errors come back to it: the next call on it ends with them.
    /// If a program of the other host ever receives on that port, it waits for that first.
    UdpSend(UdpSend),
    /// Receives datagrams, on the UDP socket of that name; if there is none, on a new one that is bound
    /// to the port.
    UdpReceive(UdpReceive),
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The port.
    pub port: u16,
    /// How many connections may wait to be accepted.
    pub backlog: u32,
    /// Whether `SO_REUSEADDR` is set.
    pub reuse_address: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            port: PORT,
            backlog: 16,
            reuse_address: true,
        }
    }
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connect {
    /// The port.
    pub port: u16,
    /// The port to connect from; the kernel's choice if `None`.
    pub from_port: Option<u16>,
    /// Whether `SO_REUSEADDR` is set.
    pub reuse_address: bool,
    /// It gives up after so many milliseconds, as a program with a timeout of its own does; the error
    /// is then `ETIMEDOUT`. `None`: when the kernel does.
    pub timeout_ms: Option<u64>,
}

impl Default for Connect {
    fn default() -> Self {
        Self {
            port: PORT,
            from_port: None,
            reuse_address: false,
            timeout_ms: None,
        }
    }
}

/// What to send, and in how many calls. Written as a number of bytes, a text, or a table:
/// `{ bytes = 100, times = 5, every_ms = 20 }`, `{ text = "你好", encoding = "gbk" }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Sending")]
pub struct Send {
    /// What each call sends.
    pub payload: Payload,
    /// How many calls.
    pub times: u32,
    /// Milliseconds between one call and the next.
    pub every_ms: u64,
}

/// The table of [`Send`] and [`UdpSend`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sending {
    bytes: Option<Payload>,
    text: Option<String>,
    #[serde(default)]
    encoding: Encoding,
    port: Option<u16>,
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    every_ms: u64,
}

impl Sending {
    fn payload(&self) -> Result<Payload, String> {
        match (&self.bytes, &self.text) {
            (Some(payload), None) => Ok(payload.clone()),
            (None, Some(text)) => Payload::text_in(text, self.encoding),
            _ => Err("say what to send: bytes = 1000, or text = \"…\"".to_owned()),
        }
    }
}

impl TryFrom<Sending> for Send {
    type Error = String;

    fn try_from(table: Sending) -> Result<Self, String> {
        if table.port.is_some() {
            return Err("a connection has its port from connect".to_owned());
        }
        Ok(Self {
            payload: table.payload()?,
            times: table.times,
            every_ms: table.every_ms,
        })
    }
}

impl TryFrom<Sending> for UdpSend {
    type Error = String;

    fn try_from(table: Sending) -> Result<Self, String> {
        Ok(Self {
            payload: table.payload()?,
            port: table.port.unwrap_or(PORT),
            times: table.times,
            every_ms: table.every_ms,
        })
    }
}

const fn once() -> u32 {
    1
}

/// What to receive, and how fast. Written as an amount, or as a table with `amount`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// How much.
    pub amount: Amount,
    /// Most bytes asked for in one call; 65,536 if nothing is said, or with a rate what it brings in
    /// 20 ms.
    #[serde(default = "at_once")]
    pub at_once: usize,
    /// Bytes a second, by the clock and steadily: a reader that had to wait does not hurry afterwards.
    /// As fast as they come if `None`.
    #[serde(default)]
    pub rate: Option<u64>,
}

impl Receive {
    /// [`Receive::at_once`] where nothing is said.
    pub const AT_ONCE: usize = 65536;
}

const fn at_once() -> usize {
    Receive::AT_ONCE
}

/// How much is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Until the other side is done: `recv` gives 0.
    End,
    /// So many bytes, in as many calls as it takes; that the other side is done before is a failure.
    Bytes(u64),
    /// What one call gives.
    Once,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"end\", \"once\", or a number of bytes")
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Amount, E> {
                let bytes = u64::try_from(bytes).map_err(E::custom)?;
                Ok(Amount::Bytes(bytes))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Amount, E> {
                match word {
                    "end" => Ok(Amount::End),
                    "once" => Ok(Amount::Once),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
        }
        from.deserialize_any(Written)
    }
}

/// Options of a socket; what is `None` stays as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `TCP_NODELAY`: small segments need not wait for an ACK (Nagle's algorithm off).
    pub nodelay: Option<bool>,
    /// `TCP_QUICKACK`: ACKs are not delayed, for the time being.
    pub quick_ack: Option<bool>,
    /// `SO_SNDBUF`, in bytes; the kernel doubles it for its own needs.
    pub send_buffer: Option<usize>,
    /// `SO_RCVBUF`, in bytes; the kernel doubles it for its own needs.
    pub receive_buffer: Option<usize>,
    /// `TCP_WINDOW_CLAMP`: the highest window it will advertise, in bytes.
    pub window_clamp: Option<u32>,
    /// `TCP_MAXSEG`: the largest segment it sends, and the MSS it offers, in bytes.
    pub max_segment: Option<u32>,
    /// `SO_REUSEADDR`.
    pub reuse_address: Option<bool>,
    /// `SO_KEEPALIVE` with `TCP_KEEPIDLE`: seconds of silence before the first probe.
    pub keep_alive_s: Option<u32>,
    /// `TCP_KEEPINTVL`: seconds between probes; as long as [`Options::keep_alive_s`] if that is set.
    pub keep_alive_every_s: Option<u32>,
    /// `TCP_KEEPCNT`: probes without answer before the connection is given up.
    pub keep_alive_probes: Option<u32>,
    /// `TCP_USER_TIMEOUT`: milliseconds that sent data may stay unacknowledged (RFC 5482).
    pub user_timeout_ms: Option<u32>,
    /// `TCP_CONGESTION`: the algorithm for congestion control.
    pub congestion: Option<String>,
    /// `IP_TTL` or `IPV6_UNICAST_HOPS`.
    pub ttl: Option<u8>,
    /// `IP_MTU_DISCOVER` or `IPV6_MTU_DISCOVER`: whether packets may not be fragmented on the way.
    pub dont_fragment: Option<bool>,
}

/// Echo requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ping {
    /// How many.
    pub count: u32,
    /// Bytes of data in each.
    pub bytes: usize,
    /// Milliseconds from one to the next.
    pub every_ms: u64,
    /// Milliseconds to wait for the answer to the last.
    pub wait_ms: u64,
    /// Time to live: the same for all, or for the first, second … of them; those beyond the list have
    /// the last.
    pub ttl: Vec<u8>,
}

impl Default for Ping {
    fn default() -> Self {
        Self {
            count: 1,
            bytes: 56,
            every_ms: 1000,
            wait_ms: 1000,
            ttl: Vec::new(),
        }
    }
}

/// Datagrams to send, as [`Send`] and with a port.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Sending")]
pub struct UdpSend {
    /// What each carries.
    pub payload: Payload,
    /// To which port.
    pub port: u16,
    /// How many.
    pub times: u32,
    /// Milliseconds from one to the next; at once if 0.
    pub every_ms: u64,
}

/// Datagrams to receive.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UdpReceive {
    /// On which port.
    pub port: u16,
    /// How many; that the next does not come for [`UdpReceive::wait_ms`] is then `EAGAIN`. `None`: until
    /// that. With 0 the port is only bound, for answers that are to come to it.
    pub count: Option<u32>,
    /// Milliseconds to wait for the next before it is over.
    pub wait_ms: u64,
    /// Milliseconds before each call of `recv`: a slow reader.
    pub every_ms: u64,
    /// `SO_RCVBUF`, in bytes.
    pub receive_buffer: Option<usize>,
}

impl Default for UdpReceive {
    fn default() -> Self {
        Self {
            port: PORT,
            count: None,
            wait_ms: 1000,
            every_ms: 0,
            receive_buffer: None,
        }
    }
}

/// The error of a system call, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(&'static str);

impl<'de> Deserialize<'de> for Errno {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .try_into()
            .map_err(de::Error::custom)
    }
}

/// Those that a program over TCP, UDP or ICMP can meet.
const ERRORS: &[&str] = &[
    "EACCES",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "EAGAIN",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "EINPROGRESS",
    "EINVAL",
    "EISCONN",
    "EMSGSIZE",
    "ENETUNREACH",
    "ENOTCONN",
    "EPIPE",
    "EPROTO",
    "ETIMEDOUT",
];

impl Errno {
    /// Its name: `ECONNREFUSED`.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl TryFrom<String> for Errno {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = ERRORS.iter().find(|known| **known == name);
        known
            .map(|known| Self(known))
            .ok_or_else(|| format!("'{name}' is no error; there are {}", ERRORS.join(", ")))
    }
}

/// The words for steps, for messages.
const STEPS: &[&str] = &[
    "listen",
    "accept",
    "connect",
    "send",
    "receive",
    "shutdown",
    "close",
    "abort",
    "stop-listening",
    "set",
    "pause_ms",
    "signal",
    "wait",
    "ping",
    "udp_send",
    "udp_receive",
];

impl Step {
    /// The word for it: `connect`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Listen(_) => "listen",
            Self::Accept => "accept",
            Self::Connect(_) => "connect",
            Self::Send(_) => "send",
            Self::Receive(_) => "receive",
            Self::Shutdown => "shutdown",
            Self::Close => "close",
            Self::Abort => "abort",
            Self::StopListening => "stop-listening",
            Self::Set(_) => "set",
            Self::PauseMs(_) => "pause_ms",
            Self::Signal(_) => "signal",
            Self::Wait(_) => "wait",
            Self::Ping(_) => "ping",
            Self::UdpSend(_) => "udp_send",
            Self::UdpReceive(_) => "udp_receive",
        }
    }

    /// The step of a word that stands alone.
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "listen" => Self::Listen(Listen::default()),
            "accept" => Self::Accept,
            "connect" => Self::Connect(Connect::default()),
            "shutdown" => Self::Shutdown,
            "close" => Self::Close,
            "abort" => Self::Abort,
            "stop-listening" => Self::StopListening,
            "ping" => Self::Ping(Ping::default()),
            "udp_receive" => Self::UdpReceive(UdpReceive::default()),
            _ => return None,
        })
    }

    /// The step of a word with what belongs to it.
    fn from_entry<'de, A: MapAccess<'de>>(word: &str, map: &mut A) -> Result<Self, A::Error> {
        // `{ accept = true, on = "second" }`: a table needs a value, but there is nothing to say.
        let plain = |step: Self, map: &mut A| {
            if map.next_value()? {
                return Ok(step);
            }
            Err(de::Error::custom(format!(
                "`{word} = false` means nothing; leave the call out"
            )))
        };
        Ok(match word {
            "listen" => Self::Listen(map.next_value()?),
            "accept" => plain(Self::Accept, map)?,
            "connect" => Self::Connect(map.next_value()?),
            "send" => Self::Send(map.next_value::<Short<Send>>()?.0),
            "receive" => Self::Receive(map.next_value::<Short<Receive>>()?.0),
            "shutdown" => plain(Self::Shutdown, map)?,
            "close" => plain(Self::Close, map)?,
            "abort" => plain(Self::Abort, map)?,
            "stop-listening" => plain(Self::StopListening, map)?,
            "set" => Self::Set(map.next_value()?),
            "pause_ms" => Self::PauseMs(map.next_value()?),
            "signal" => Self::Signal(map.next_value()?),
            "wait" => Self::Wait(map.next_value()?),
            "ping" => Self::Ping(map.next_value()?),
            "udp_send" => Self::UdpSend(map.next_value()?),
            "udp_receive" => Self::UdpReceive(map.next_value()?),
            _ => return Err(de::Error::unknown_field(word, STEPS)),
        })
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written)
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Call;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: \"accept\", { send = 1000 } …")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Call, E> {
        match Step::from_word(word) {
            Some(step) => Ok(Call {
                step,
                on: String::new(),
                expect: None,
            }),
            None if STEPS.contains(&word) => Err(E::custom(format!(
                "'{word}' needs to be told more: {{ {word} = … }}"
            ))),
            None => Err(E::custom(format!(
                "'{word}' is no call; there are {}",
                STEPS.join(", ")
            ))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Call, A::Error> {
        let (mut step, mut on, mut expect) = (None, String::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "on" => on = map.next_value()?,
                "expect" => expect = Some(map.next_value()?),
                word if step.is_none() => step = Some(Step::from_entry(word, &mut map)?),
                word => {
                    return Err(de::Error::custom(format!(
                        "'{word}' is a second call in one table: each needs its own"
                    )));
                }
            }
        }
        let step = step.ok_or_else(|| {
            de::Error::custom(format!("no call here; there are {}", STEPS.join(", ")))
        })?;
        Ok(Call { step, on, expect })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
