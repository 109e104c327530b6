//! What set the pace, and the congestion window by estimate, against what the sender's kernel measured.
//!
//! `TCP_INFO` counts how long there was something to send (`busy`) and how long of that the peer's window
//! stood in the way; its last reading may lie before the last ACK, so both are compared up to that reading.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::Path;

use wirelab::analysis::{Analysis, Limits};
use wirelab::commands::pipeline::learn;
use wirelab::event::{Event, Side as End};
use wirelab::explain::{Explainer, Shares};
use wirelab::frame::Timestamp;
use wirelab::io::file;
use wirelab::lab::Side;
use wirelab::lab::truth::{Line, Sample};

/// Shorter than this, a clock that ticks each 4 ms says too little.
const LEAST_NS: u64 = 100_000_000;
/// Fewer segments are no bulk transfer.
const BULK: u64 = 100;

/// Of the time: how much the application, the receiver's window, and all the rest took.
pub(crate) type Split = [f64; 3];

/// What one host sent in a run.
#[derive(Clone, Debug)]
pub(crate) struct Direction {
    pub(crate) name: String,
    pub(crate) kernel: Split,
    /// Of the time, for how much the kernel says that the send buffer was in the way: a part of its last share.
    pub(crate) send_buffer: f64,
    /// As told from its own capture, and from the other end's.
    pub(crate) ours: [Option<Split>; 2],
    /// The estimate of the congestion window against the kernel's, as shares of that, where there was more to
    /// send and room for it.
    pub(crate) windows: Vec<f64>,
}

/// What a capture says of both directions up to given moments.
struct Told {
    shares: [Option<Shares>; 2],
    /// The estimate after each frame that its host sent, in bytes.
    windows: Vec<(u64, Option<u32>)>,
    first_data: [Option<Timestamp>; 2],
    segments: [u64; 2],
}

const fn end(side: Side) -> End {
    match side {
        Side::Client => End::Initiator,
        Side::Server => End::Responder,
    }
}

/// `cut` is up to when the client's and the server's shares are asked for, by what this capture shows.
fn read(path: &Path, host: Side, cut: [Timestamp; 2]) -> io::Result<Told> {
    let wrong = |error| io::Error::other(format!("{}: {error}", path.display()));
    let limits = Limits::default();
    let mut first = file::open(path).map_err(wrong)?;
    let hindsight = learn(first.as_mut(), &mut None, limits);
    let mut analysis = Analysis::new(limits).with_hindsight(hindsight);
    let mut source = file::open(path).map_err(wrong)?;
    let mut explainer = Explainer::new();
    let mut told = Told {
        shares: [None; 2],
        windows: Vec::new(),
        first_data: [None; 2],
        segments: [0; 2],
    };
    while let Some(frame) = source.next_frame().map_err(wrong)? {
        let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
            let Event::Segment(segment) = event else {
                return Ok(());
            };
            explainer.observe(segment);
            let from = segment.dir.0.index();
            if segment.len > 0 {
                told.first_data[from].get_or_insert(segment.time);
                told.segments[from] += 1;
                if from == end(host).index() {
                    let window = explainer.congestion_window(segment.flow, end(host));
                    told.windows.push((segment.frame, window));
                }
            }
            for side in [End::Initiator, End::Responder] {
                if segment.time <= cut[side.index()] {
                    let shares = explainer.shares(segment.flow, side);
                    told.shares[side.index()] = shares.or(told.shares[side.index()]);
                }
            }
            Ok(())
        });
        let Ok(()) = done;
    }
    Ok(told)
}

/// What the kernels and the wire said of a run, the client first.
#[derive(Default)]
struct Truth {
    samples: [Vec<Sample>; 2],
    /// What each sent: the number of the packet, and its frame there.
    frames: [HashMap<u64, u64>; 2],
    /// The quickest way to the other end.
    way_ns: [Option<u64>; 2],
}

impl Truth {
    fn read(folder: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(folder.join("truth.ndjson"))?;
        let mut truth = Self::default();
        for line in text.lines() {
            match Line::from_json(line).map_err(io::Error::other)? {
                Line::Sample(sample) => {
                    let at = usize::from(sample.host == "server");
                    truth.samples[at].push(*sample);
                }
                Line::Fate(fate) => {
                    let (at, frame) = match fate.sender() {
                        Some(Side::Client) => (0, fate.frame.client),
                        Some(Side::Server) => (1, fate.frame.server),
                        None => continue,
                    };
                    truth.frames[at].extend(frame.map(|it| (fate.packet, it)));
                    if let Some(arrived) = fate.delivered_at {
                        let ns = arrived.nanos_since(fate.time);
                        truth.way_ns[at] = Some(truth.way_ns[at].map_or(ns, |least| least.min(ns)));
                    }
                }
                _ => {}
            }
        }
        Ok(truth)
    }
}

/// What is told and what is true of both directions of a run.
pub(crate) fn read_run(name: &str, folder: &Path) -> io::Result<Vec<Direction>> {
    let Truth {
        samples,
        frames,
        way_ns,
    } = Truth::read(folder)?;
    let last = |at: usize| samples[at].iter().rev().find(|it| it.busy_ns.is_some());
    let cut = [0, 1].map(|at| last(at).map_or(Timestamp::default(), |it| it.time));
    let sides = [Side::Client, Side::Server];
    // The other end sees what was sent by then that much later.
    let later = |at: usize| {
        Timestamp::from_nanos(cut[at].as_nanos().saturating_add(way_ns[at].unwrap_or(0)))
    };
    let told = [
        read(&folder.join("client.pcapng"), sides[0], [cut[0], later(1)])?,
        read(&folder.join("server.pcapng"), sides[1], [later(0), cut[1]])?,
    ];
    let mut directions = Vec::new();
    for (at, side) in sides.into_iter().enumerate() {
        let (Some(last), Some(first)) = (last(at), told[at].first_data[at]) else {
            continue;
        };
        let span_ns = last.time.nanos_since(first);
        if span_ns < LEAST_NS || told[at].segments[at] < 5 {
            continue;
        }
        let of = |ns: u64| ns as f64 / span_ns as f64;
        let busy = of(last.busy_ns.unwrap_or(0)).min(1.0);
        let receiver = of(last.rwnd_limited_ns.unwrap_or(0));
        let split = |shares: Shares| {
            let all = shares.all_ns().max(1) as f64;
            let (application, receiver) = (
                shares.application_ns as f64 / all,
                shares.receiver_ns as f64 / all,
            );
            [application, receiver, 1.0 - application - receiver]
        };
        let bulk = told[at].segments[at] >= BULK;
        directions.push(Direction {
            name: format!("{name}/{side}"),
            kernel: [1.0 - busy, receiver, busy - receiver],
            send_buffer: of(last.sndbuf_limited_ns.unwrap_or(0)),
            ours: [at, 1 - at].map(|end| told[end].shares[at].map(split)),
            windows: if bulk {
                windows(&samples[at], &frames[at], &told[at])
            } else {
                Vec::new()
            },
        });
    }
    Ok(directions)
}

/// The estimate against each reading, as shares of that.
fn windows(samples: &[Sample], frames: &HashMap<u64, u64>, told: &Told) -> Vec<f64> {
    let estimates: HashMap<u64, Option<u32>> = told.windows.iter().copied().collect();
    let one = |sample: &Sample| {
        let frame = frames.get(&sample.packet?)?;
        let estimate = estimates.get(frame)?.unwrap_or(0);
        let (cwnd, mss) = (u64::from(sample.cwnd?), u64::from(sample.snd_mss?));
        let out = u64::from(sample.unacked?) * mss;
        let waits = sample.send_queue? > out + mss;
        let room = cwnd * mss < u64::from(sample.snd_wnd?);
        (waits && room).then(|| f64::from(estimate) / (cwnd * mss) as f64)
    };
    samples.iter().filter_map(one).collect()
}
