//! The two ends of a recording, and the truth of its run where that was kept.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use super::input;
use crate::event::Host;
use crate::frame::{Frame, Timestamp};
use crate::io::{Source, SourceError, file};
use crate::lab::truth::{CallLine, Line};
use crate::pair::{Homes, Join, Meeting};
use crate::recordings::{self, Recording};

/// Where the two ends are.
pub(super) enum Ends {
    /// In a folder, as `lab run --record` makes it.
    Folder(PathBuf),
    /// Among the recordings that come with wirelab.
    Recording(&'static Recording),
    /// Anywhere: the client's, and the server's.
    Places([Place; 2]),
}

/// Where a capture is that can be read more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a file.
    File(PathBuf),
    /// In a recording that comes with wirelab.
    End(&'static str, Host),
}

impl Place {
    /// The capture.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(super) fn open(&self) -> Result<Box<dyn Source>> {
        match self {
            Self::File(path) => input::read(path),
            Self::End(name, host) => {
                let recording = recordings::find(name).with_context(|| input::unknown(name))?;
                Ends::Recording(recording).open(*host)
            }
        }
    }
}

impl Ends {
    /// The folder or recording of that name.
    ///
    /// # Errors
    ///
    /// When it is something that has no two ends, or nothing.
    pub(super) fn find(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if is_recording(path) {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_file() || name == "-" {
            bail!(
                "{}: one capture has one end; {TWO_ENDS}",
                name.escape_debug()
            );
        }
        if let Some(recording) = recordings::find(name) {
            return Ok(Self::Recording(recording));
        }
        if let Some((recording, _)) = recordings::capture(name) {
            bail!(
                "{} is one end of {}: leave out --at, or what comes after the name",
                name.escape_debug(),
                recording.name
            );
        }
        if path.exists() {
            bail!(
                "{} is no recording: it holds no client.pcapng and server.pcapng; {TWO_ENDS}",
                name.escape_debug()
            );
        }
        bail!(input::unknown(name))
    }

    /// The recording it is, if it comes with wirelab.
    pub(super) fn recording(&self) -> Option<&'static Recording> {
        match self {
            Self::Recording(recording) => Some(recording),
            Self::Places([Place::End(name, _), Place::End(other, _)]) if name == other => {
                recordings::find(name)
            }
            Self::Folder(_) | Self::Places(_) => None,
        }
    }

    /// The capture of one end.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(super) fn open(&self, host: Host) -> Result<Box<dyn Source>> {
        match self {
            Self::Places(places) => places[host.index()].open(),
            Self::Folder(folder) => input::read(&folder.join(format!("{host}.pcapng"))),
            Self::Recording(recording) => {
                let bytes = match host {
                    Host::Client => recording.client(),
                    Host::Server => recording.server(),
                };
                file::from_bytes(bytes)
                    .with_context(|| format!("can't read the recording {}", recording.name))
            }
        }
    }

    /// The truth of the run, where it was kept, and what is wrong with its text.
    ///
    /// # Errors
    ///
    /// When the file is there and can't be read.
    pub(super) fn truth(&self) -> Result<Option<Truth>> {
        let text = match self {
            Self::Folder(folder) => {
                let path = folder.join("truth.ndjson");
                if !path.is_file() {
                    return Ok(None);
                }
                fs::read_to_string(&path)
                    .with_context(|| format!("can't read {}", path.display()))?
            }
            Self::Recording(recording) => match recording.truth() {
                Some(text) => text.to_owned(),
                None => return Ok(None),
            },
            // What is asked here is what the captures alone tell.
            Self::Places(_) => return Ok(None),
        };
        Ok(Some(Truth::read(&text)))
    }
}

const TWO_ENDS: &str = "--at is for recordings, which have two: a name that `wirelab captures` lists, \
                        or a folder that `wirelab lab run NAME --record FOLDER` made";

/// Whether a folder holds the two ends of a run.
pub(super) fn is_recording(folder: &Path) -> bool {
    folder.is_dir()
        && ["client.pcapng", "server.pcapng"]
            .iter()
            .all(|name| folder.join(name).is_file())
}

/// What is known of a run beside its captures.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// In the order in which it became known, with the time of that; calls that are about to block
    /// when they are made.
    lines: Vec<(Timestamp, Told)>,
    /// Frames that each host sent, and received.
    sent: [HashSet<u64>; 2],
    received: [HashSet<u64>; 2],
    /// What could not be read of it.
    pub(super) problem: Option<String>,
}

/// A line of truth, and when in the story it stands.
#[derive(Debug)]
pub(super) enum Told {
    /// When it became known.
    Line(Line),
    /// A call is made that returns later.
    Begins(Box<CallLine>),
}

impl Truth {
    /// Reads the text of a `truth.ndjson`, as far as it makes sense.
    pub(super) fn read(text: &str) -> Self {
        let mut truth = Self::default();
        for (at, line) in text.lines().enumerate() {
            match Line::from_json(line) {
                Ok(line) => truth.add(line),
                Err(error) => {
                    let at = at + 1;
                    truth.problem = Some(format!(
                        "the truth of the run is read up to line {at}, which makes no sense: {error}"
                    ));
                    break;
                }
            }
        }
        truth.lines.sort_by_key(|(time, _)| *time);
        truth
    }

    fn add(&mut self, line: Line) {
        let forever = Timestamp::from_nanos(u64::MAX);
        let time = match &line {
            Line::Run(_) => Timestamp::default(),
            Line::Fate(fate) => {
                let frames = [fate.frame.client, fate.frame.server];
                let from = fate.sender().map(|side| side as usize);
                for (host, frame) in frames.into_iter().enumerate() {
                    let frames = if from == Some(host) {
                        &mut self.sent
                    } else {
                        &mut self.received
                    };
                    frames[host].extend(frame);
                }
                fate.delivered_at.unwrap_or(fate.time)
            }
            Line::Sample(sample) => sample.time,
            Line::Call(call) => {
                self.lines
                    .push((call.time, Told::Begins(Box::new(call.clone()))));
                Timestamp::from_nanos(call.time.as_nanos().saturating_add(call.blocked_ns))
            }
            Line::Counters(_) | Line::Outcome(_) => forever,
        };
        self.lines.push((time, Told::Line(line)));
    }

    /// Whether the host sent that frame; `None` where no fate names it.
    fn sent(&self, host: Host, frame: u64) -> Option<bool> {
        let has = |frames: &[HashSet<u64>; 2]| frames[host.index()].contains(&frame);
        (has(&self.sent) || has(&self.received)).then(|| has(&self.sent))
    }
}

/// A frame that was read and not yet taken.
struct Waiting {
    frame: Frame<'static>,
    bytes: Vec<u8>,
    comment: Option<Vec<u8>>,
}

/// Both captures and the truth, in the order of time.
pub(super) struct Merged {
    sources: [Box<dyn Source>; 2],
    waiting: [Option<Waiting>; 2],
    truth: Option<Truth>,
    told: std::vec::IntoIter<(Timestamp, Told)>,
    next: Option<(Timestamp, Told)>,
    homes: Homes,
    /// What sets the clocks right.
    meeting: Option<Rc<Meeting>>,
}

/// What comes next of both.
pub(super) enum Next<'a> {
    /// A frame, and whether the host sent it.
    Frame(Host, Frame<'a>, bool),
    /// A line of truth.
    Told(Told),
}

impl Merged {
    /// Opens both ends, and says what they have in common where that was looked for.
    ///
    /// # Errors
    ///
    /// When one can't be read.
    pub(super) fn open(ends: &Ends, meeting: Option<Rc<Meeting>>) -> Result<Self> {
        let mut truth = ends.truth()?;
        let mut homes = Homes::default();
        if let Some(meeting) = &meeting {
            meeting.tell(&mut homes);
        }
        for host in [Host::Client, Host::Server] {
            // What is wrong with a capture is said when it is read for good.
            let mut source = ends.open(host)?;
            while let Ok(Some(mut frame)) = source.next_frame() {
                if let Some(meeting) = &meeting {
                    frame.time = meeting.correct(host, frame.time);
                }
                if !homes.learn(host, &frame) {
                    break;
                }
            }
        }
        let told = truth.as_mut().map(|truth| std::mem::take(&mut truth.lines));
        let mut merged = Self {
            sources: [ends.open(Host::Client)?, ends.open(Host::Server)?],
            waiting: [None, None],
            told: told.unwrap_or_default().into_iter(),
            truth,
            next: None,
            homes,
            meeting,
        };
        merged.next = merged.told.next();
        for host in [Host::Client, Host::Server] {
            merged.read(host)?;
        }
        Ok(merged)
    }

    /// How departures and arrivals are to be joined.
    pub(super) fn join(&self) -> Join {
        match &self.truth {
            Some(truth) if truth.sent.iter().any(|frames| !frames.is_empty()) => Join::ByFate,
            _ => Join::ByContent,
        }
    }

    /// Whether it is known what really happened.
    pub(super) fn has_truth(&self) -> bool {
        self.truth.is_some()
    }

    /// What could not be read of the truth.
    pub(super) fn problem(&self) -> Option<&str> {
        self.truth.as_ref()?.problem.as_deref()
    }

    /// What the captures say is missing at their ends.
    pub(super) fn truncated(&self) -> Option<String> {
        let hosts = [Host::Client, Host::Server].into_iter();
        let said: Vec<String> = hosts
            .zip(&self.sources)
            .filter_map(|(host, source)| Some(format!("{host}: {}", source.truncated()?)))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn read(&mut self, host: Host) -> Result<(), SourceError> {
        let mut frame = self.sources[host.index()].next_frame()?;
        if let (Some(frame), Some(meeting)) = (&mut frame, &self.meeting) {
            frame.time = meeting.correct(host, frame.time);
        }
        self.waiting[host.index()] = frame.map(|frame| Waiting {
            bytes: frame.bytes.to_vec(),
            comment: frame.comment.map(<[u8]>::to_vec),
            frame: Frame {
                bytes: &[],
                comment: None,
                ..frame
            },
        });
        Ok(())
    }

    /// Hands over what comes next; `false` when there is nothing more.
    ///
    /// # Errors
    ///
    /// What reading gives, or `take`.
    pub(super) fn next<E: From<SourceError>>(
        &mut self,
        take: impl FnOnce(Next<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        // Where the clocks have it that packets arrive before they leave, departures are told earlier.
        let slack = self.meeting.as_ref().map_or(0, |meeting| meeting.slack_ns);
        // At one moment a departure comes before an arrival, and both before what is told of them.
        let of = |host: Host| {
            let waiting = self.waiting[host.index()].as_ref()?;
            let sent = self.sent(host, waiting);
            let earlier = if sent { slack } else { 0 };
            let time = waiting.frame.time.as_nanos().saturating_sub(earlier);
            Some(((Timestamp::from_nanos(time), !sent), host, sent))
        };
        let frame = match (of(Host::Client), of(Host::Server)) {
            (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
            (a, b) => a.or(b),
        };
        match (frame, &self.next) {
            (None, None) => Ok(false),
            (Some(((time, _), host, sent)), next)
                if next.as_ref().is_none_or(|(told, _)| time <= *told) =>
            {
                if let Some(waiting) = self.waiting[host.index()].take() {
                    let frame = Frame {
                        bytes: &waiting.bytes,
                        comment: waiting.comment.as_deref(),
                        ..waiting.frame
                    };
                    take(Next::Frame(host, frame, sent))?;
                }
                self.read(host)?;
                Ok(true)
            }
            _ => {
                let next = self.told.next();
                if let Some((_, told)) = std::mem::replace(&mut self.next, next) {
                    take(Next::Told(told))?;
                }
                Ok(true)
            }
        }
    }

    fn sent(&self, host: Host, waiting: &Waiting) -> bool {
        let named = self
            .truth
            .as_ref()
            .and_then(|truth| truth.sent(host, waiting.frame.number));
        named.unwrap_or_else(|| {
            let frame = Frame {
                bytes: &waiting.bytes,
                comment: None,
                ..waiting.frame
            };
            self.homes.sent(host, &frame)
        })
    }
}
