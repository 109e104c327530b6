//! Grades: what was said of each packet, against what is true of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use wirelab::event::{Cause as SaidCause, Confidence, Kind};
use wirelab::lab::Side;

use super::both;
use super::judge::{self, Said};
use super::pace::{self, Direction};
use super::run::Recorded;
use super::spoken::Answers;
use super::truth::{self, Cause, Packet, Run};
use super::tshark;
use super::words;

/// Where the capture was made, seen from who sent the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vantage {
    Sender,
    Receiver,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// How many there are in truth.
    pub(crate) truth: u64,
    /// Of these, found.
    pub(crate) found: u64,
    /// Of these, called ambiguous with the truth among the readings.
    pub(crate) ambiguous: u64,
    /// Said of something else, as if it were sure.
    pub(crate) wrong: u64,
}

impl Tally {
    pub(crate) fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }

    pub(crate) fn recall(&self) -> f64 {
        share(self.found, self.truth)
    }

    fn add(&mut self, other: &Self) {
        self.truth += other.truth;
        self.found += other.found;
        self.ambiguous += other.ambiguous;
        self.wrong += other.wrong;
    }
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 {
        1.0
    } else {
        part as f64 / of as f64
    }
}

/// Who is graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judge {
    Wirelab,
    Tshark,
}

/// A packet that was judged wrongly.
#[derive(Clone, Debug)]
pub(crate) struct Miss {
    pub(crate) row: String,
    pub(crate) file: String,
    pub(crate) frame: u64,
    pub(crate) said: String,
    pub(crate) truth: String,
}

/// All grades so far.
#[derive(Debug, Default)]
pub(crate) struct Grades {
    pub(crate) rows: BTreeMap<(Vantage, &'static str, Judge), Tally>,
    /// Causes: what is true, what was said, how often.
    pub(crate) causes: BTreeMap<(Vantage, Judge, &'static str, &'static str), u64>,
    pub(crate) misses: Vec<Miss>,
    /// Counter of the kernel: what the packets add up to, what it says, in how many hosts they differ.
    pub(crate) counters: BTreeMap<&'static str, (u64, u64, u64)>,
    pub(crate) runs: u64,
    pub(crate) packets: u64,
    /// Retransmissions that left nothing in the receiver's capture to know them by.
    pub(crate) invisible: u64,
    pub(crate) kernel: String,
    pub(crate) troubles: BTreeMap<&'static str, u64>,
    /// What both captures together tell.
    pub(crate) both: BTreeMap<&'static str, Tally>,
    /// What set the pace of who sent.
    pub(crate) directions: Vec<Direction>,
}

/// What was said of a frame, in the words that are graded.
#[derive(Clone, Debug, Default)]
struct Verdict {
    retransmission: bool,
    out_of_order: bool,
    may_be_retransmission: bool,
    may_be_out_of_order: bool,
    cause: Option<&'static str>,
    spurious: bool,
    zero_window: bool,
    checksum_bad: bool,
    copy: bool,
    may_be_copy: bool,
    words: String,
}

impl Verdict {
    fn ours(said: Option<&Vec<Said>>) -> Self {
        let mut verdict = Self::default();
        for note in said.into_iter().flatten() {
            let sure = note.confidence != Confidence::Ambiguous;
            let kinds = [note.kind]
                .into_iter()
                .chain(note.alternatives.iter().copied());
            for kind in kinds {
                verdict.may_be_retransmission |= kind == Kind::Retransmission;
                verdict.may_be_out_of_order |= kind == Kind::OutOfOrder;
                verdict.may_be_copy |= kind == Kind::CaptureDuplicate;
            }
            verdict.copy |= note.kind == Kind::CaptureDuplicate;
            match note.kind {
                Kind::Retransmission if sure => verdict.retransmission = true,
                Kind::OutOfOrder if sure => verdict.out_of_order = true,
                Kind::ZeroWindow => verdict.zero_window = true,
                Kind::ChecksumBad => verdict.checksum_bad = true,
                _ => {}
            }
            verdict.spurious |= note.spurious;
            verdict.cause = verdict.cause.or(note.cause.map(SaidCause::name));
            let (kind, sure) = (note.kind, note.confidence.name());
            let _ = write!(verdict.words, "{kind}~{sure}: {}; ", note.why);
        }
        verdict
    }

    fn tsharks(said: Option<&tshark::Said>) -> Self {
        let said = said.copied().unwrap_or_default();
        Self {
            retransmission: said.retransmission,
            out_of_order: said.out_of_order,
            may_be_retransmission: said.retransmission,
            may_be_out_of_order: said.out_of_order,
            cause: (said.retransmission && !said.spurious).then_some(if said.fast {
                "fast"
            } else {
                "rto"
            }),
            spurious: said.spurious,
            zero_window: said.zero_window,
            checksum_bad: said.checksum_bad,
            copy: false,
            may_be_copy: false,
            words: String::new(),
        }
    }
}

/// What is true of a frame in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    /// Its bytes were given to the wire before.
    Retransmission,
    /// That, but nothing in this capture can show it.
    Invisible,
    /// First sent, and overtaken.
    OutOfOrder,
    /// The wire made two of one packet; this is the second.
    Copy,
    /// Damaged on the way.
    Damaged,
    /// Nothing of that kind.
    Plain,
}

impl Grades {
    /// Takes another's grades in.
    pub(crate) fn add(&mut self, other: Self) {
        for (key, tally) in other.rows {
            self.rows.entry(key).or_default().add(&tally);
        }
        for (key, count) in other.causes {
            *self.causes.entry(key).or_default() += count;
        }
        for (key, (ours, theirs, differ)) in other.counters {
            let sum = self.counters.entry(key).or_default();
            *sum = (sum.0 + ours, sum.1 + theirs, sum.2 + differ);
        }
        for (key, count) in other.troubles {
            *self.troubles.entry(key).or_default() += count;
        }
        for (key, tally) in other.both {
            self.both.entry(key).or_default().add(&tally);
        }
        self.directions.extend(other.directions);
        self.misses.extend(other.misses);
        self.runs += other.runs;
        self.packets += other.packets;
        self.invisible += other.invisible;
        if self.kernel.is_empty() {
            self.kernel = other.kernel;
        }
    }

    /// Grades a run.
    pub(crate) fn run(&mut self, recorded: &Recorded, with_tshark: bool) -> io::Result<()> {
        let run = truth::read(&recorded.folder)?;
        self.runs += 1;
        self.packets += run.packets.len() as u64;
        *self.troubles.entry(recorded.trouble).or_default() += 1;
        self.kernel.clone_from(&run.kernel);
        let misses = both::grade(super::WIRELAB, &recorded.folder, &mut self.both)?;
        self.misses.extend(misses.into_iter().map(|said| Miss {
            row: "both captures".to_owned(),
            file: recorded.name.clone(),
            frame: 0,
            said,
            truth: String::new(),
        }));
        self.directions
            .extend(pace::read_run(&recorded.name, &recorded.folder)?);
        let words = words::truth(&run);
        self.compare_counters(&run, &recorded.name, &words);
        for side in [Side::Client, Side::Server] {
            let path = recorded.folder.join(format!("{side}.pcapng"));
            let said = judge::capture(&path)?;
            let tsharks = if with_tshark {
                Some(tshark::capture(&path)?)
            } else {
                None
            };
            let file = format!("{}/{side}.pcapng", recorded.name);
            let answers = Answers {
                file: &file,
                ours: &said,
                tsharks: tsharks.as_ref(),
            };
            self.words(&run, side, &words[side as usize], &answers);
            let ours = |frame| Verdict::ours(said.get(&frame));
            self.end(Judge::Wirelab, &run, side, &file, &ours);
            if let Some(said) = tsharks {
                self.end(Judge::Tshark, &run, side, &file, &|frame| {
                    Verdict::tsharks(said.get(&frame))
                });
            }
        }
        Ok(())
    }

    /// Grades what was said of one end's capture.
    fn end(
        &mut self,
        judge: Judge,
        run: &Run,
        side: Side,
        file: &str,
        said: &dyn Fn(u64) -> Verdict,
    ) {
        for packet in run.packets.iter().filter(|packet| packet.from == side) {
            let truth = if packet.again.is_some() {
                Truth::Retransmission
            } else {
                Truth::Plain
            };
            let verdict = said(packet.frame);
            self.one(
                Vantage::Sender,
                judge,
                packet,
                truth,
                &verdict,
                (file, packet.frame),
            );
        }
        // Numbers from and to that the capture has shown so far.
        let (mut shown, mut highest) = (Vec::new(), 0);
        let mut arrivals: Vec<_> = run
            .packets
            .iter()
            .filter(|packet| packet.from != side)
            .collect();
        arrivals.sort_by_key(|packet| packet.arrivals.first().map_or(0, |arrival| arrival.frame));
        let mut list: Vec<_> = arrivals
            .iter()
            .flat_map(|packet| {
                packet
                    .arrivals
                    .iter()
                    .map(move |arrival| (arrival.frame, *packet, arrival))
            })
            .collect();
        list.sort_by_key(|it| it.0);
        for (frame, packet, arrival) in list {
            let (from, to) = packet.range;
            let empty = from == to;
            let seen = shown.iter().any(|&(left, right)| left < to && from < right);
            let truth = if arrival.corrupted {
                Truth::Damaged
            } else if arrival.copy {
                Truth::Copy
            } else if empty {
                Truth::Plain
            } else if packet.again.is_some() {
                if seen || highest > from {
                    Truth::Retransmission
                } else {
                    Truth::Invisible
                }
            } else if highest > from {
                Truth::OutOfOrder
            } else {
                Truth::Plain
            };
            if !empty {
                shown.push((from, to));
            }
            // An ACK that carries nothing shows by its number what was sent before it, too.
            if !arrival.corrupted {
                highest = highest.max(to);
            }
            let verdict = said(frame);
            self.one(
                Vantage::Receiver,
                judge,
                packet,
                truth,
                &verdict,
                (file, frame),
            );
        }
    }

    fn one(
        &mut self,
        vantage: Vantage,
        judge: Judge,
        packet: &Packet,
        truth: Truth,
        verdict: &Verdict,
        place: (&str, u64),
    ) {
        if truth == Truth::Invisible && judge == Judge::Wirelab {
            self.invisible += 1;
        }
        let readings = [
            (
                "retransmission",
                truth == Truth::Retransmission,
                verdict.retransmission,
                verdict.may_be_retransmission,
            ),
            (
                "out-of-order",
                truth == Truth::OutOfOrder,
                verdict.out_of_order,
                verdict.may_be_out_of_order,
            ),
        ];
        for (row, is, said, may_be) in readings {
            let tally = self.rows.entry((vantage, row, judge)).or_default();
            tally.truth += u64::from(is);
            tally.found += u64::from(is && said);
            tally.ambiguous += u64::from(is && !said && may_be);
            // Of what was damaged, any word on its place is as good as another.
            let wrong = said && !is && truth != Truth::Damaged && truth != Truth::Invisible;
            tally.wrong += u64::from(wrong);
            if judge == Judge::Wirelab && is && !said && may_be {
                let row = format!("{row}, ambiguous");
                self.miss(vantage, &row, place, verdict, "");
            }
            if judge == Judge::Wirelab && (wrong || is && !said && !may_be) {
                self.miss(
                    vantage,
                    row,
                    place,
                    verdict,
                    &format!("{truth:?} {:?}", packet.again),
                );
            }
        }
        let zero = self
            .rows
            .entry((vantage, "zero-window", judge))
            .or_default();
        let is = packet.window_zero;
        zero.truth += u64::from(is);
        zero.found += u64::from(is && verdict.zero_window);
        zero.wrong += u64::from(!is && verdict.zero_window);
        let damaged = truth == Truth::Damaged;
        let bad = self
            .rows
            .entry((vantage, "checksum-bad", judge))
            .or_default();
        bad.truth += u64::from(damaged);
        bad.found += u64::from(damaged && verdict.checksum_bad);
        bad.wrong += u64::from(!damaged && verdict.checksum_bad);
        if judge == Judge::Wirelab && damaged != verdict.checksum_bad {
            self.miss(
                vantage,
                "checksum-bad",
                place,
                verdict,
                &format!("{truth:?}"),
            );
        }
        if judge == Judge::Wirelab {
            let copies = self
                .rows
                .entry((vantage, "capture-duplicate", judge))
                .or_default();
            let is = truth == Truth::Copy && packet.range.0 != packet.range.1;
            copies.truth += u64::from(is);
            copies.found += u64::from(is && verdict.copy);
            copies.ambiguous += u64::from(is && !verdict.copy && verdict.may_be_copy);
            copies.wrong += u64::from(truth != Truth::Copy && verdict.copy);
            if is && !verdict.copy {
                let row = "capture-duplicate, not found";
                self.miss(vantage, row, place, verdict, "");
            }
            if truth != Truth::Copy && verdict.copy {
                self.miss(
                    vantage,
                    "capture-duplicate",
                    place,
                    verdict,
                    &format!("{truth:?}"),
                );
            }
        }
        self.again(vantage, judge, packet, truth, verdict, place);
    }

    /// Grades cause and need of a retransmission that was found.
    fn again(
        &mut self,
        vantage: Vantage,
        judge: Judge,
        packet: &Packet,
        truth: Truth,
        verdict: &Verdict,
        place: (&str, u64),
    ) {
        let again = packet.again.filter(|_| truth == Truth::Retransmission);
        let needless = again.is_some_and(|again| again.needless);
        let spurious = self.rows.entry((vantage, "spurious", judge)).or_default();
        spurious.truth += u64::from(needless);
        spurious.found += u64::from(needless && verdict.spurious);
        let wrong = verdict.spurious && !needless && truth != Truth::Damaged;
        spurious.wrong += u64::from(wrong);
        if wrong && judge == Judge::Wirelab {
            self.miss(
                vantage,
                "spurious",
                place,
                verdict,
                &format!("{truth:?} {again:?}"),
            );
        }
        if needless && !verdict.spurious && judge == Judge::Wirelab {
            let row = "spurious, not proved";
            self.miss(vantage, row, place, verdict, &format!("{again:?}"));
        }
        if needless && verdict.spurious && judge == Judge::Tshark {
            self.miss(vantage, "tshark spurious", place, verdict, "");
        }
        let Some(cause) = again.and_then(|again| again.cause) else {
            return;
        };
        if !verdict.retransmission {
            return;
        }
        let is = match cause {
            Cause::Rto => "rto",
            Cause::Tlp => "tlp",
            Cause::Fast => "fast",
        };
        let said = verdict.cause.unwrap_or("unknown");
        *self.causes.entry((vantage, judge, is, said)).or_default() += 1;
        if said != is && judge == Judge::Wirelab {
            let row = format!("cause {is} as {said}");
            self.miss(vantage, &row, place, verdict, is);
        }
    }

    fn miss(
        &mut self,
        vantage: Vantage,
        row: &str,
        place: (&str, u64),
        verdict: &Verdict,
        truth: &str,
    ) {
        self.misses.push(Miss {
            row: format!("{vantage:?} {row}"),
            file: place.0.to_owned(),
            frame: place.1,
            said: verdict.words.clone(),
            truth: truth.to_owned(),
        });
    }
}
