//! Frames from an interface, as they pass.
//!
//! Built on libpcap in immediate mode: each packet is there as soon as the kernel has it; or where nobody
//! is that quick, in blocks, of which the kernel's buffer holds many more packets. The
//! handle never blocks; we wait ourselves, for packets and signals at once, because libpcap's own
//! timeout does not fire on an idle interface.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use arrayvec::ArrayVec;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Linktype, Precision};

use super::filter::{bad_filter, link_type};
use super::interfaces::{ANY, NetworkInterface, State, interfaces, is_up, may_capture};
use super::sys::libpcap::{self, Program};
use super::{Interface, Signals, Source, SourceError, clock, privileges};
use crate::frame::{Frame, Timestamp};

/// The most of a packet that is ever kept, in bytes: what libpcap itself allows.
pub const MAX_SNAPLEN: u32 = 262_144;
/// Packets taken from the kernel's buffer at once. Enough that a busy link costs few calls, few
/// enough that what was taken is soon shown and saved.
const BATCH: usize = 64;
/// How long the kernel may keep packets in a block that is not full, in milliseconds.
const BLOCK_MS: u8 = 10;

/// What to capture, and how.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Name of the interface, or [`ANY`].
    pub interface: String,
    /// Most bytes to keep of a packet; 0 for all.
    pub snaplen: u32,
    /// A filter as in pcap-filter(7).
    pub filter: Option<String>,
    /// End after this many packets.
    pub count: Option<u64>,
    /// Ask the interface for packets to other machines too.
    pub promiscuous: bool,
    /// Size of the kernel's buffer in bytes. In immediate mode every packet takes a slot of the
    /// largest size, which on an interface with segmentation offload is 64 KiB.
    pub buffer_bytes: u32,
    /// Whether packets are to be there at once. If not, they come some milliseconds later in blocks without gaps:
    /// a busy link fills the buffer a hundred times later, and wakes us less often.
    pub immediate: bool,
}

impl LiveOptions {
    /// Everything on `interface`, until a signal comes.
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            snaplen: 0,
            filter: None,
            count: None,
            promiscuous: true,
            buffer_bytes: 32 << 20,
            immediate: true,
        }
    }
}

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As many packets as were asked for have come.
    Count,
    /// This signal came.
    Signal(&'static str),
    /// The interface went down or disappeared; says which.
    Interface(String),
    /// Whoever read what was shown has gone.
    Unread,
}

/// A packet in [`Live::bytes`].
#[derive(Debug)]
struct Record {
    time: Timestamp,
    original_len: u32,
    bytes: Range<usize>,
}

/// A capture in progress.
pub struct Live {
    capture: Capture<Active>,
    interface: Interface,
    signals: Option<Signals>,
    /// Where what comes is shown, to be told when nobody reads it any more.
    output: Option<OwnedFd>,
    nanoseconds: bool,
    /// Packets taken from the kernel and not yet handed out, and their bytes.
    batch: VecDeque<Record>,
    bytes: Vec<u8>,
    /// Frames handed out.
    frames: u64,
    /// Frames still to be taken.
    left: u64,
    /// When a signal was seen to have come: what was captured until then still counts.
    stopping: Option<Timestamp>,
    /// Whether there may be packets in a block that the kernel has not handed over.
    may_be_held: bool,
    /// Whether the kernel had nothing more when packets were last taken.
    drained: bool,
    ending: Option<Ending>,
    /// The last known counts, for when the interface is gone.
    dropped: (Option<u64>, Option<u64>),
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("interface", &self.interface)
            .field("frames", &self.frames)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Opens `options.interface`. With `signals`, one of them ends the capture.
    ///
    /// # Errors
    ///
    /// [`SourceError::Live`] with what was tried, why it failed, and what to do about it.
    pub fn open(options: &LiveOptions, signals: Option<Signals>) -> Result<Self, SourceError> {
        let name = options.interface.as_str();
        let refused = |reason: &str| {
            SourceError::Live(format!("can't open {}: {reason}", name.escape_debug()))
        };
        libpcap::available().map_err(refused)?;
        let snaplen = match options.snaplen {
            0 => MAX_SNAPLEN,
            some => some.min(MAX_SNAPLEN),
        };
        let mut capture = Capture::from_device(name)
            .map_err(|error| refused(&explain(name, &error)))?
            .immediate_mode(options.immediate)
            .timeout(BLOCK_MS.into())
            .precision(Precision::Nano)
            .promisc(options.promiscuous && name != ANY)
            .snaplen(i32::try_from(snaplen).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer_bytes).unwrap_or(i32::MAX))
            .open()
            .and_then(Capture::setnonblock)
            .map_err(|error| refused(&explain(name, &error)))?;
        // "any" offers a cooked header with the interface's number; older libpcaps only the one
        // without.
        if name == ANY {
            let _ = capture.set_datalink(Linktype::LINUX_SLL2);
        }
        if let Some(expression) = &options.filter {
            let netmask = interfaces()
                .iter()
                .find(|i| i.name == name)
                .and_then(NetworkInterface::ipv4_netmask);
            Program::compile(&capture, expression, netmask)
                .and_then(|program| program.install(&mut capture))
                .map_err(|reason| bad_filter(expression, &reason))?;
        }
        let nanoseconds = libpcap::counts_nanoseconds(&capture);
        Ok(Self {
            interface: Interface {
                name: Some(name.to_owned()),
                link_type: link_type(capture.get_datalink().0),
                snaplen,
                ticks_per_second: if nanoseconds {
                    1_000_000_000
                } else {
                    1_000_000
                },
            },
            capture,
            signals,
            output: None,
            nanoseconds,
            batch: VecDeque::with_capacity(BATCH),
            bytes: Vec::new(),
            frames: 0,
            left: options.count.unwrap_or(u64::MAX),
            stopping: None,
            may_be_held: !options.immediate,
            drained: true,
            ending: None,
            dropped: (None, None),
        })
    }

    /// Ends the capture when the reader of the pipe `output` goes away. Writing to it would tell as
    /// well, but not before the next packet comes, which may be never.
    #[must_use]
    pub fn shown_on(mut self, output: OwnedFd) -> Self {
        self.output = Some(output);
        self
    }

    /// What the frames start with, in libpcap's words: "Ethernet".
    pub fn link_name(&self) -> String {
        let link = self.capture.get_datalink();
        link.get_description()
            .unwrap_or_else(|_| format!("link type {}", self.interface.link_type.0))
    }

    /// After the end: why.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Whether all that the kernel had is handed out or about to be: it will be waited for more.
    pub fn is_drained(&self) -> bool {
        self.drained && self.batch.is_empty()
    }

    /// To be waited for by who waits for other things as well: readable when there may be a frame.
    pub(in crate::io) fn descriptor(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }

    /// The next frame, if there is one now. Does not wait, and looks at no signals.
    ///
    /// # Errors
    ///
    /// As [`Source::next_frame`].
    pub(in crate::io) fn frame_now(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        if self.batch.is_empty() {
            self.take()
                .map_err(|error| SourceError::Live(text_of(&error)))?;
        }
        Ok(self.hand_out())
    }

    /// The next frame of the batch.
    fn hand_out(&mut self) -> Option<Frame<'_>> {
        let record = self.batch.pop_front()?;
        self.frames += 1;
        Some(Frame {
            number: self.frames,
            time: record.time,
            link_type: self.interface.link_type,
            interface: 0,
            original_len: record.original_len,
            bytes: self.bytes.get(record.bytes).unwrap_or_default(),
            comment: None,
        })
    }

    /// Takes the next batch, or waits until there may be one, or finds a reason to end.
    fn advance(&mut self) -> Result<(), SourceError> {
        if self.left == 0 {
            self.ending = Some(Ending::Count);
            return Ok(());
        }
        let signal = self.signals.and_then(Signals::caught);
        if signal.is_some() && self.stopping.is_none() {
            self.stopping = Some(clock::now());
        }
        match (self.take(), signal) {
            (Ok(1..), _) => {}
            // A block that is not full is handed over soon.
            (Ok(0), Some(_)) if self.may_be_held => {
                self.may_be_held = false;
                let mut waiting = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
                // An interrupted wait is as good as one that is over.
                let _ = poll(&mut waiting, PollTimeout::from(3 * BLOCK_MS));
            }
            (Ok(0), Some(name)) => self.ending = Some(Ending::Signal(name)),
            (Ok(0), None) => self.wait()?,
            (Err(error), _) => match self.interface_trouble() {
                Some(ending) => self.ending = Some(ending),
                None => return Err(SourceError::Live(text_of(&error))),
            },
        }
        Ok(())
    }

    /// Takes what the kernel has, up to a batch; how many packets that was.
    fn take(&mut self) -> Result<usize, pcap::Error> {
        self.batch.clear();
        self.bytes.clear();
        let (batch, bytes, nanoseconds) = (&mut self.batch, &mut self.bytes, self.nanoseconds);
        let until = self.stopping.unwrap_or(Timestamp::from_nanos(u64::MAX));
        let most = BATCH.min(usize::try_from(self.left).unwrap_or(BATCH));
        self.capture.dispatch(Some(most), |packet| {
            let time = timestamp(packet.header.ts, nanoseconds);
            if time > until {
                return;
            }
            let start = bytes.len();
            bytes.extend_from_slice(packet.data);
            batch.push_back(Record {
                time,
                original_len: packet.header.len,
                bytes: start..bytes.len(),
            });
        })?;
        self.left -= self.batch.len() as u64;
        self.drained = self.batch.len() < most;
        Ok(self.batch.len())
    }

    /// Waits until there is something to take, a signal, or trouble with the interface.
    fn wait(&mut self) -> Result<(), SourceError> {
        let mut waiting = ArrayVec::<_, 3>::new();
        waiting.push(PollFd::new(self.capture.as_fd(), PollFlags::POLLIN));
        if let Some(output) = &self.output {
            waiting.push(PollFd::new(output.as_fd(), PollFlags::empty()));
        }
        if let Some(signals) = &self.signals {
            waiting.push(PollFd::new(signals.event(), PollFlags::POLLIN));
        }
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
        let trouble = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        let in_trouble = |fd: &PollFd<'_>| fd.revents().is_some_and(|r| r.intersects(trouble));
        let troubled = waiting.first().is_some_and(in_trouble);
        let unread = self.output.is_some() && waiting.get(1).is_some_and(in_trouble);
        drop(waiting);
        if unread {
            self.ending = Some(Ending::Unread);
            return Ok(());
        }
        // libpcap goes on waiting for an interface that went down to come back, which is of no use
        // to someone who watches: they would never learn why nothing comes. What came before the
        // trouble is still to be had.
        if troubled && matches!(self.take(), Ok(0) | Err(_)) {
            self.ending = self.interface_trouble();
        }
        Ok(())
    }

    /// Why the interface gives nothing any more, if it is the interface.
    fn interface_trouble(&self) -> Option<Ending> {
        let name = self.interface.name.as_deref().unwrap_or_default();
        let what = match is_up(name) {
            Some(true) => return None,
            Some(false) => "went down",
            None => "disappeared",
        };
        Some(Ending::Interface(format!("{} {what}", name.escape_debug())))
    }
}

impl Source for Live {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        while self.batch.is_empty() && self.ending.is_none() {
            self.advance()?;
        }
        Ok(self.hand_out())
    }

    fn interfaces(&self) -> &[Interface] {
        std::slice::from_ref(&self.interface)
    }

    fn may_wait(&self) -> bool {
        self.batch.is_empty()
    }

    fn dropped(&mut self) -> (Option<u64>, Option<u64>) {
        if let Ok(stats) = self.capture.stats() {
            self.dropped = (Some(stats.dropped.into()), Some(stats.if_dropped.into()));
        }
        self.dropped
    }
}

/// libpcap's time, whose second part counts nanoseconds where they were asked for and offered.
fn timestamp(time: libc::timeval, nanoseconds: bool) -> Timestamp {
    let part = time.tv_usec.unsigned_abs() * if nanoseconds { 1 } else { 1_000 };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(part))
}

/// libpcap's text without the crate's "libpcap error: " before it.
fn text_of(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.replace('\n', " "),
        other => other.to_string(),
    }
}

/// Why `name` can't be opened, and what to do about it.
fn explain(name: &str, error: &pcap::Error) -> String {
    let list = interfaces();
    match list.iter().find(|interface| interface.name == name) {
        None => {
            let names: Vec<_> = list
                .iter()
                .map(|i| i.name.escape_debug().to_string())
                .collect();
            format!("no such interface; there are {}", names.join(", "))
        }
        Some(found) => obstacle(found).unwrap_or_else(|| text_of(error)),
    }
}

/// Why nothing can be captured on `interface` now, and what to do about it; `None` when it can.
pub fn obstacle(interface: &NetworkInterface) -> Option<String> {
    if let Err(reason) = libpcap::available() {
        return Some(reason.to_owned());
    }
    if !may_capture() {
        return Some(format!("permission denied; {}", privileges::remedy()));
    }
    (interface.state == State::Down).then(|| {
        let name = interface.name.escape_debug();
        format!("it is down; bring it up: sudo ip link set {name} up")
    })
}
