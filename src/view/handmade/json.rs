//! `craft handshake --format json`: a line for each thing that happens; docs/schema.json describes them. The
//! kernel's figures and the far program's calls are the lab's `sample` and `call`.

use std::io::{self, Write};

use serde::Serialize;

use crate::event::{
    HandmadeEnd, HandmadeEvent, HandmadeSegment, Judgement, LinkNews, Reason, Remark, TcpState,
};
use crate::frame::Timestamp;
use crate::wire::tcp::Flags;

/// Writes JSON lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

/// A line; its `type` comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Link {
        frame: u64,
        time: Timestamp,
        sent: bool,
        text: &'a str,
    },
    Step(Box<Step<'a>>),
    Remark {
        time: Timestamp,
        text: &'a str,
        rfc: Option<&'a str>,
        states: Option<[&'a str; 2]>,
    },
    Judgement {
        time: Timestamp,
        did: &'a str,
        demand: &'a str,
        rfc: &'a str,
        answer: &'a str,
        agrees: bool,
        remark: Option<&'a str>,
    },
    Ending {
        ok: bool,
        text: &'a str,
        sent: u64,
        received: u64,
        agreed: u64,
        judged: u64,
        state: &'a str,
        kernel_state: Option<&'a str>,
        elapsed_ns: u64,
    },
}

#[derive(Serialize)]
struct Step<'a> {
    frame: u64,
    time: Timestamp,
    sent: bool,
    flags: String,
    seq_raw: u32,
    ack_raw: Option<u32>,
    window: u16,
    mss: Option<u16>,
    len: usize,
    again: u32,
    mistake: Option<&'a str>,
    states: [&'a str; 2],
    reasons: Vec<Grounds<'a>>,
    variables: Variables,
}

#[derive(Serialize)]
struct Grounds<'a> {
    what: &'a str,
    why: &'a str,
    rfc: &'a str,
    ok: bool,
}

#[derive(Serialize)]
struct Variables {
    snd_una_raw: u32,
    snd_nxt_raw: u32,
    snd_wnd: u32,
    rcv_nxt_raw: Option<u32>,
    rcv_wnd: u32,
}

impl Json {
    /// One thing that happened; nothing of what the lab's own lines tell.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn event(self, event: &HandmadeEvent, out: &mut dyn Write) -> io::Result<()> {
        let line = match event {
            HandmadeEvent::Link(LinkNews {
                frame,
                time,
                sent,
                text,
                ..
            }) => Line::Link {
                frame: *frame,
                time: *time,
                sent: *sent,
                text,
            },
            HandmadeEvent::Segment(segment) => Line::Step(Box::new(step(segment))),
            HandmadeEvent::Remark(Remark {
                time,
                text,
                rfc,
                states,
            }) => Line::Remark {
                time: *time,
                text,
                rfc: Some(*rfc).filter(|rfc| !rfc.is_empty()),
                states: states.map(|states| states.map(TcpState::name)),
            },
            HandmadeEvent::Judged(Judgement {
                time,
                did,
                demand,
                rfc,
                answer,
                agrees,
                remark,
            }) => Line::Judgement {
                time: *time,
                did,
                demand,
                rfc,
                answer,
                agrees: *agrees,
                remark: *remark,
            },
            HandmadeEvent::Kernel(_) | HandmadeEvent::Call(_) => return Ok(()),
        };
        write(&line, out)
    }

    /// How it ended: the last line.
    ///
    /// # Errors
    ///
    /// Whatever writing gives.
    pub fn end(self, end: &HandmadeEnd, out: &mut dyn Write) -> io::Result<()> {
        let [agreed, judged] = end.agreed;
        let line = Line::Ending {
            ok: end.ok,
            text: &end.text,
            sent: end.sent,
            received: end.received,
            agreed,
            judged,
            state: end.state.name(),
            kernel_state: end.kernel.map(TcpState::name),
            elapsed_ns: end.elapsed_ns,
        };
        write(&line, out)
    }
}

fn step(s: &HandmadeSegment) -> Step<'_> {
    let Flags(bits) = s.flags;
    Step {
        frame: s.frame,
        time: s.time,
        sent: s.sent,
        flags: Flags(bits).to_string(),
        seq_raw: s.seq.0,
        ack_raw: s.ack.map(|ack| ack.0),
        window: s.window,
        mss: s.options.mss,
        len: s.data.len(),
        again: s.again,
        mistake: s.mistake.as_deref(),
        states: s.states.map(TcpState::name),
        reasons: s.reasons.iter().map(grounds).collect(),
        variables: Variables {
            snd_una_raw: s.variables.snd_una.0,
            snd_nxt_raw: s.variables.snd_nxt.0,
            snd_wnd: s.variables.snd_wnd,
            rcv_nxt_raw: s.variables.rcv_nxt.map(|next| next.0),
            rcv_wnd: s.variables.rcv_wnd,
        },
    }
}

fn grounds(reason: &Reason) -> Grounds<'_> {
    Grounds {
        what: &reason.what,
        why: &reason.why,
        rfc: reason.rfc,
        ok: reason.ok,
    }
}

fn write(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}
