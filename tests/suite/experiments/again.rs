//! Every recording once more in virtual time: what the two hosts gave to the wire, when they gave it,
//! through a new wire of the same experiment. It has to do to each packet what the real one did. No
//! kernel, no clock.

use std::collections::BTreeMap;

use wirelab::frame::Timestamp;
use wirelab::io::file;
use wirelab::lab::truth::{FateLine, Line};
use wirelab::lab::{Fate, Side, Wire};
use wirelab::recordings::{self, Recording};

/// What became of a packet, without when: number, whence, fate, fault.
type Done = (u64, String, String, Option<usize>);

fn frames(recording: &Recording, side: Side) -> Vec<Vec<u8>> {
    let bytes: &'static [u8] = recording.end(side).to_vec().leak();
    let mut source = file::from_bytes(bytes).expect("a capture");
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().expect("a frame") {
        frames.push(frame.bytes.to_vec());
    }
    frames
}

fn fates(recording: &Recording) -> (Vec<FateLine>, u64) {
    let truth = recording.truth().expect("the truth was recorded");
    let (mut fates, mut seed) = (Vec::new(), 0);
    for line in truth.lines() {
        match Line::from_json(line).expect("a line of truth") {
            Line::Fate(fate) => fates.push(fate),
            Line::Run(run) => seed = run.seed,
            _ => {}
        }
    }
    (fates, seed)
}

/// What the hosts gave to the wire, by number.
fn given(recording: &Recording, fates: &[FateLine]) -> BTreeMap<u64, (Timestamp, Side, Vec<u8>)> {
    let ends = [Side::Client, Side::Server].map(|side| frames(recording, side));
    let mut given = BTreeMap::new();
    for fate in fates {
        let Some(from) = fate.sender() else { continue };
        let number = match from {
            Side::Client => fate.frame.client,
            Side::Server => fate.frame.server,
        };
        let number = number.expect("who sent it has it in its capture");
        let bytes = ends[from as usize][number as usize - 1].clone();
        given.insert(fate.packet, (fate.time, from, bytes));
    }
    given
}

fn done(fate: &Fate) -> Done {
    let (from, outcome) = (fate.from.to_string(), fate.outcome.name().to_owned());
    (fate.packet, from, outcome, fate.fault())
}

fn again(recording: &Recording) -> (Vec<Done>, Vec<Done>) {
    let (fates, seed) = fates(recording);
    let experiment = recording.lesson().expect("a lesson").experiment();
    let mut config = experiment.expect("an experiment").wire;
    config.seed = seed;
    let mut wire = Wire::new(config);
    let deliver = |wire: &mut Wire, until: Timestamp| {
        while let Some(due) = wire.poll_timeout().filter(|due| *due <= until) {
            while wire.poll_transmit(due).is_some() {}
        }
    };
    for (packet, (time, from, bytes)) in given(recording, &fates) {
        deliver(&mut wire, time);
        assert_eq!(wire.handle_frame(time, from, &bytes), packet);
    }
    deliver(&mut wire, Timestamp::from_nanos(u64::MAX));
    let mut simulated: Vec<Done> = std::iter::from_fn(|| wire.poll_fate())
        .map(|fate| done(&fate))
        .collect();
    let real = fates.into_iter();
    let mut real: Vec<Done> = real
        .map(|it| (it.packet, it.from, it.fate, it.fault))
        .collect();
    simulated.sort();
    real.sort();
    (real, simulated)
}

#[test]
fn a_wire_in_virtual_time_does_what_the_real_one_did() {
    let mut wrong = Vec::new();
    for recording in recordings::all() {
        let (real, simulated) = again(recording);
        assert!(!real.is_empty(), "{} has no fates", recording.name);
        let only = |ours: &[Done], theirs: &[Done]| {
            let mut only: Vec<Done> = ours.to_vec();
            only.retain(|it| !theirs.contains(it));
            only
        };
        let (lost, more) = (only(&real, &simulated), only(&simulated, &real));
        if !lost.is_empty() || !more.is_empty() {
            wrong.push(format!(
                "{}: only real {lost:?}, only simulated {more:?}",
                recording.name
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
