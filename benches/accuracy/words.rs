//! Duplicate ACKs and full windows, against what is true of them.
//!
//! An ACK is a duplicate (RFC 5681 section 2) if it repeats the number, and the window unless SACK says more,
//! because something arrived that could not be taken while there is a gap: that is read off what arrived at
//! its sender. One that reports a duplicate (RFC 2883) has a word of its own. A window is full
//! when new data reaches the furthest edge of which its sender had heard, undamaged.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use wirelab::decode::{Body, Decoder, Packet as Decoded};
use wirelab::event::Kind;
use wirelab::io::file;
use wirelab::lab::Side;
use wirelab::wire::tcp::TcpOptions;

use super::grade::{Grades, Judge, Miss, Vantage};
use super::judge::Said;
use super::run::Recorded;
use super::truth::Run;
use super::tshark;

/// What is true of the packets that a host gave to the wire, by its own frames.
#[derive(Debug, Default)]
struct Words {
    duplicate_acks: HashSet<u64>,
    window_full: HashSet<u64>,
}

/// A TCP header, as far as it matters here.
struct Header {
    frame: u64,
    seq: u32,
    end: u32,
    payload: u32,
    ack: Option<u32>,
    window: u32,
    scale: Option<u8>,
    sack: bool,
    /// Whether it does nothing but report a duplicate.
    dsack: bool,
    bare: bool,
    syn: bool,
    bad: bool,
}

fn headers(path: &Path) -> io::Result<Vec<Header>> {
    let mut source = file::open(path).map_err(io::Error::other)?;
    let mut decoder = Decoder::new();
    let mut headers = Vec::new();
    while let Some(frame) = source.next_frame().map_err(io::Error::other)? {
        let mut packet = Decoded::default();
        decoder.decode_into(&frame, &mut packet);
        let Body::Tcp(tcp) = &packet.body else {
            continue;
        };
        let options = TcpOptions::read(tcp.options);
        let taken = u32::from(tcp.flags.syn()) + u32::from(tcp.flags.fin());
        headers.push(Header {
            frame: frame.number,
            seq: tcp.seq.0,
            end: tcp.seq.0.wrapping_add(tcp.payload_len + taken),
            payload: tcp.payload_len,
            ack: tcp.flags.ack().then_some(tcp.ack.0),
            window: u32::from(tcp.window),
            scale: options.wscale,
            sack: !options.sack.is_empty(),
            dsack: reports_duplicate(&options, tcp.ack.0),
            bare: tcp.payload_len + taken == 0 && !tcp.flags.rst(),
            syn: tcp.flags.syn(),
            bad: tcp.checksum == wirelab::decode::Checksum::Bad,
        });
    }
    Ok(headers)
}

/// What has arrived at a host.
#[derive(Default)]
struct Arrived {
    next: Option<u32>,
    beyond: Vec<(u32, u32)>,
}

impl Arrived {
    /// Takes bytes; tells whether they leave a gap as it was.
    fn take(&mut self, from: u32, to: u32) -> bool {
        let Some(next) = self.next else {
            self.next = Some(to);
            return false;
        };
        let after = |a: u32, b: u32| (a.wrapping_sub(b) as i32) > 0;
        if after(from, next) {
            self.beyond.push((from, to));
            return true;
        }
        if !after(to, next) {
            return !self.beyond.is_empty();
        }
        let mut next = to;
        while let Some(more) = self
            .beyond
            .iter()
            .find(|it| !after(it.0, next) && after(it.1, next))
        {
            next = more.1;
        }
        self.beyond.retain(|it| after(it.0, next));
        self.next = Some(next);
        false
    }
}

/// What is true of what `side` sent, from the capture at its side and from who sent what.
fn truth(run: &Run, side: Side, folder: &Path) -> io::Result<Words> {
    let own: HashSet<u64> = run
        .packets
        .iter()
        .filter(|it| it.from == side)
        .map(|it| it.frame)
        .collect();
    let headers = headers(&folder.join(format!("{side}.pcapng")))?;
    let scales: Vec<Option<u8>> = headers
        .iter()
        .filter(|it| it.syn)
        .map(|it| it.scale)
        .collect();
    let scaled = scales.len() > 1 && scales.iter().all(Option::is_some);
    let mut words = Words::default();
    let (mut arrived, mut news) = (Arrived::default(), false);
    let mut last: Option<(u32, u32)> = None;
    let (mut edge, mut highest): (Option<u32>, Option<u32>) = (None, None);
    let mut shift = 0;
    let ahead = |a: u32, b: u32| a.wrapping_sub(b) as i32;
    for it in headers {
        if own.contains(&it.frame) {
            let repeats =
                last.is_some_and(|last| Some(last.0) == it.ack && (it.sack || last.1 == it.window));
            if it.bare && news && repeats && !it.dsack {
                words.duplicate_acks.insert(it.frame);
            }
            if let Some(ack) = it.ack {
                (last, news) = (Some((ack, it.window)), false);
            }
            let new = highest.is_none_or(|highest| ahead(it.end, highest) > 0);
            if it.payload > 0 && new && edge.is_some_and(|edge| ahead(it.end, edge) >= 0) {
                words.window_full.insert(it.frame);
            }
            if new {
                highest = Some(it.end);
            }
            continue;
        }
        if it.bad {
            continue;
        }
        if it.syn && scaled {
            shift = it.scale.unwrap_or(0).min(14);
        }
        if it.end != it.seq {
            news |= arrived.take(it.seq, it.end);
        }
        if let Some(ack) = it.ack {
            let right = ack.wrapping_add(it.window << if it.syn { 0 } else { shift });
            edge = Some(edge.map_or(
                right,
                |edge| if ahead(right, edge) > 0 { right } else { edge },
            ));
        }
    }
    Ok(words)
}

/// Whether the first SACK block is below the acknowledgment, or inside the second (RFC 2883 section 4).
fn reports_duplicate(options: &TcpOptions, ack: u32) -> bool {
    let blocks = options.sack.as_slice();
    let Some(&(left, right)) = blocks.first() else {
        return false;
    };
    let before = |a: u32, b: u32| (a.wrapping_sub(b) as i32) < 0;
    let second = blocks.get(1);
    before(left, ack) || second.is_some_and(|it| !before(left, it.0) && !before(it.1, right))
}

impl Grades {
    /// Grades duplicate ACKs and full windows.
    pub(crate) fn words(
        &mut self,
        run: &Run,
        recorded: &Recorded,
        side: Side,
        file: &str,
        said: &HashMap<u64, Vec<Said>>,
        tsharks: Option<&HashMap<u64, tshark::Said>>,
    ) -> io::Result<()> {
        let of = |kind| {
            let such = said
                .iter()
                .filter(move |it| it.1.iter().any(|note| note.kind == kind));
            such.map(|it| *it.0).collect::<HashSet<u64>>()
        };
        let ours = [
            of(Kind::DupAck),
            &of(Kind::WindowFull) | &of(Kind::WindowExceeded),
        ];
        let theirs = tsharks.map(|said| {
            let of = |yes: fn(&tshark::Said) -> bool| {
                let such = said.iter().filter(move |it| yes(it.1));
                such.map(|it| *it.0).collect::<HashSet<u64>>()
            };
            [of(|it| it.duplicate_ack), of(|it| it.window_full)]
        });
        let own = run.packets.iter().filter(|it| it.from == side);
        let own: HashSet<u64> = own.map(|it| it.frame).collect();
        let truth = truth(run, side, &recorded.folder)?;
        // The other end's capture shows ACKs that their receiver had not heard, and some come out of order.
        let asked = [
            ("dup-ack", 0, truth.duplicate_acks),
            ("window-full", 1, truth.window_full),
        ];
        let vantage = Vantage::Sender;
        for (row, at, truth) in asked {
            let mine = |frame: &&u64| own.contains(frame);
            let judges = [
                (Judge::Wirelab, Some(&ours)),
                (Judge::Tshark, theirs.as_ref()),
            ];
            for (judge, said) in judges {
                let Some(said) = said.map(|said| &said[at]) else {
                    continue;
                };
                let said: HashSet<u64> = said.iter().filter(mine).copied().collect();
                let tally = self.rows.entry((vantage, row, judge)).or_default();
                tally.truth += truth.len() as u64;
                tally.found += truth.intersection(&said).count() as u64;
                tally.wrong += said.difference(&truth).count() as u64;
                if judge == Judge::Wirelab {
                    for &frame in said.symmetric_difference(&truth) {
                        let verdict = if said.contains(&frame) {
                            "said"
                        } else {
                            "not said"
                        };
                        self.misses.push(Miss {
                            row: format!("{vantage:?} {row}"),
                            file: file.to_owned(),
                            frame,
                            said: verdict.to_owned(),
                            truth: String::new(),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}
