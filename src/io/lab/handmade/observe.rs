//! Looks at the far end's socket, after each frame and now and then between, and tells what is new.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use super::after;
use crate::event::{CallNews, KernelNews, TcpState};
use crate::frame::Timestamp;
use crate::io::sample::{Diag, Ends};
use crate::lab::truth::{CallLine, Sample};

/// How often it is looked at when no frame comes.
const EVERY: Duration = Duration::from_millis(20);

/// Looks at one end of a connection.
pub(super) struct Observer<'a> {
    diag: Option<Diag<'a>>,
    ends: Ends,
    /// Whether the far end is certain to be in the namespace that is asked.
    certain: bool,
    last: Option<Sample>,
    state: Option<TcpState>,
    /// Whether there ever was more than a listening socket.
    connected: bool,
    next: Timestamp,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) state: TcpState,
    pub(super) news: Option<KernelNews>,
    pub(super) sample: Option<Sample>,
}

impl<'a> Observer<'a> {
    /// Of the connection with those ends, the far one first. Where nothing is to be had, there is nothing
    /// to see.
    pub(super) fn new(
        diag: Option<&'a OwnedFd>,
        ends: (SocketAddr, SocketAddr),
        certain: bool,
    ) -> Self {
        let of = |end: SocketAddr| (end.ip(), end.port());
        Self {
            diag: diag.map(|fd| Diag::new(fd.as_fd())),
            ends: Ends {
                local: of(ends.0),
                peer: of(ends.1),
            },
            certain,
            last: None,
            state: None,
            connected: false,
            next: Timestamp::default(),
        }
    }

    /// When to look at the latest.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.diag.as_ref().map(|_| self.next)
    }

    /// Looks, if it is time to or `for_certain`.
    pub(super) fn look(&mut self, now: Timestamp, for_certain: bool) -> io::Result<Option<Seen>> {
        let Some(diag) = &mut self.diag else {
            return Ok(None);
        };
        if !for_certain && now < self.next {
            return Ok(None);
        }
        self.next = after(now, EVERY);
        let found = diag.lookup(&self.ends)?;
        if found.is_none() && !self.certain && self.state.is_none() {
            return Ok(None);
        }
        let listens = TcpState::Listen.name();
        let found = found.filter(|it| !self.connected || it.state != listens);
        let sample = found.unwrap_or_else(|| Sample {
            port: self.ends.local.1,
            peer_port: self.ends.peer.1,
            state: TcpState::Closed.name().to_owned(),
            ..Sample::default()
        });
        let state = STATES.iter().copied().find(|it| it.name() == sample.state);
        let state = state.unwrap_or_default();
        self.connected |= !matches!(state, TcpState::Closed | TcpState::Listen);
        let is_new = self.last.as_ref().is_none_or(|last| !same(last, &sample));
        let was = self.state.replace(state);
        let backoff = |it: &Sample| it.backoff.unwrap_or(0);
        let backed_off = self.last.as_ref().map_or(0, backoff) < backoff(&sample);
        // How it was before anything happened is told with the first change.
        let news = (was.is_some_and(|was| was != state) || backed_off).then_some(KernelNews {
            time: now,
            state,
            was,
            recv_queue: sample.recv_queue,
            send_queue: sample.send_queue,
            rto_ns: sample.rto_ns,
            backoff: sample.backoff,
            snd_wnd: sample.snd_wnd,
        });
        let sample = Sample {
            host: "server".to_owned(),
            time: now,
            ..sample
        };
        self.last = Some(sample.clone());
        Ok(Some(Seen {
            state,
            news,
            sample: is_new.then_some(sample),
        }))
    }
}

/// Whether two samples say the same, but for when, and for what goes on by itself.
fn same(a: &Sample, b: &Sample) -> bool {
    Sample {
        host: b.host.clone(),
        time: b.time,
        busy_ns: b.busy_ns,
        rwnd_limited_ns: b.rwnd_limited_ns,
        sndbuf_limited_ns: b.sndbuf_limited_ns,
        ..a.clone()
    } == *b
}

const STATES: [TcpState; 11] = [
    TcpState::Closed,
    TcpState::Listen,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::Closing,
    TcpState::LastAck,
    TcpState::TimeWait,
];

/// A call in a few words; `None` for those that only prepare.
pub(super) fn call(line: &CallLine) -> Option<CallNews> {
    let prepares = ["socket", "bind", "listen", "setsockopt", "fcntl"];
    if prepares.iter().any(|call| line.call.starts_with(call)) {
        return None;
    }
    let CallLine {
        call, arguments, ..
    } = line;
    let came = match (line.result, &line.errno) {
        (Some(_), _) if call == "accept" || call == "close" => String::new(),
        (Some(result), _) => format!(" = {result}"),
        (None, Some(errno)) => format!(": {errno}"),
        // It was still blocked when all was over.
        (None, None) => return None,
    };
    let data = line.data.as_deref().map(|data| format!(" {data:?}"));
    // What waits for something has it when it comes back; what sends may have sent before it does.
    let waits = ["accept", "recv", "read", "poll", "epoll", "select"];
    let blocked = if waits.iter().any(|it| call.starts_with(it)) {
        line.blocked_ns
    } else {
        0
    };
    Some(CallNews {
        time: after(line.time, Duration::from_nanos(blocked)),
        text: format!("{call}({arguments}){came}{}", data.unwrap_or_default()),
    })
}
