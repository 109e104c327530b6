//! Conversations: what two hosts say, a segment a line, with the verdicts expected beside it.
//!
//! `tests/conversations/*.txt`, one claim a file. A line is
//!
//! ```text
//! 0.020 i>r A 1001:2001 ack 1 win 502 <nop> id 7 | retransmission:fast~certain of=4, in_flight=1000
//! ```
//!
//! time in seconds, direction, flags, relative sequence numbers from:to (SYN and FIN not counted),
//! then what applies of `ack N`, `win N`, `<options>`, `id N` (IP identification), `byte HEX` (all
//! payload bytes), `badsum`, `snap N` (captured bytes), `ttl N`. After `|` stand the notes expected and checks of other figures, and no
//! note is given that does not stand there; words in quotes have to be in its sentence. The notes of a line without `|` must be empty.
//! `wireshark=retransmission+fast_retransmission` is what `--as-wireshark` has Wireshark say, `none` for
//! nothing; it is checked with ordinary initial numbers only, since Wireshark's words do depend on them.
//! A line `! wscale 7` is what somebody knows of windows whose scale the capture does not tell.
//! A line `= SF ShADadFf` tells a connection's shape and history, in the order they end.
//!
//! Every conversation runs with several pairs of initial sequence numbers, since no verdict may
//! depend on them: with the wrap in the middle of things, and with each number of it in turn as exactly 0.
//! Nor may one depend on the date, or on which host has the lower address.

mod said;

use std::fmt::Write as _;

use said::{ISNS, ORDINARY, Said, Setting, name, spoken};
use wirelab::analysis::{Analysis, Limits};
use wirelab::compare::Compare;
use wirelab::event::{Confidence, End, Event, Kind, Note, Segment, Word};
use wirelab::frame::{Frame, LinkType, Timestamp};

/// All that a conversation is run with.
fn settings(text: &str) -> Vec<Setting> {
    let mut all = ISNS.map(Setting::with).to_vec();
    let mut ends: Vec<u32> = spoken(text)
        .flat_map(|(_, line)| {
            let said = Said::parse(line.split('|').next().unwrap_or_default(), 1);
            let syn = u32::from(said.flags.contains('S'));
            let end = said.seq.wrapping_add(said.len);
            [end.wrapping_add(syn), end.wrapping_add(1)]
        })
        .collect();
    ends.sort_unstable();
    ends.dedup();
    all.extend(
        ends.into_iter()
            .map(|end| Setting::with([end.wrapping_neg(); 2])),
    );
    // Into the day when a count of nanoseconds fills 32 bits of milliseconds and of 2^10, and far ahead.
    for epoch in [0, (1 << 42) - 25_000_000, 1_795_398_540_633_349_452] {
        all.push(Setting {
            epoch,
            ..Setting::with(ORDINARY)
        });
    }
    all.push(Setting {
        swapped: true,
        ..Setting::with(ORDINARY)
    });
    all
}
/// Every conversation as a capture file, with ordinary initial numbers.
pub(crate) fn captures() -> Vec<(String, Vec<u8>)> {
    said::captures(crate::root())
}

#[test]
fn every_conversation_is_judged_as_it_says() {
    let folder = crate::root().join("tests/conversations");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(
        files.len() > 10,
        "the conversations are gone from {}",
        folder.display()
    );
    let mut wrong = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for setting in settings(&text) {
            let problems = run(&text, setting);
            if !problems.is_empty() {
                let _ = writeln!(wrong, "{} with {setting:?}:\n{problems}", name(&file));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Runs one conversation; gives what was not as expected. It is read twice, as a file is: the first time
/// only for what later segments prove about earlier ones.
fn run(text: &str, setting: Setting) -> String {
    let mut ignored = String::new();
    let mut learner = Analysis::learning(Limits::default());
    say(text, setting, &mut learner, &mut ignored, 0);
    let scale = text.lines().find_map(|line| line.strip_prefix("! wscale "));
    let known = scale.map(|shift| shift.parse().expect("a shift"));
    let hindsight = learner.learned().and_scale(known);
    let mut analysis = Analysis::new(Limits::default()).with_hindsight(hindsight);
    let mut problems = String::new();
    say(text, setting, &mut analysis, &mut problems, 1);
    let told = text.lines().filter_map(|line| line.strip_prefix("= "));
    shapes(analysis, &told.collect::<Vec<_>>(), &mut problems);
    problems
}

/// Gives the segments of a conversation to `analysis`, which makes `events` of each, and compares what
/// comes of it.
fn say(
    text: &str,
    setting: Setting,
    analysis: &mut Analysis,
    problems: &mut String,
    events: usize,
) {
    let mut compare = Compare::default();
    for (frame_number, (at, line)) in (1u64..).zip(spoken(text)) {
        let (said, expected) = line.split_once('|').unwrap_or((line, ""));
        let parsed = Said::parse(said, frame_number);
        let snap = parsed.number("snap").map_or(usize::MAX, |n| n as usize);
        let bytes = parsed.build(setting);
        let frame = Frame {
            number: frame_number,
            time: Timestamp::from_nanos(parsed.nanos(setting.epoch)),
            link_type: LinkType::RAW,
            interface: 0,
            original_len: bytes.len() as u32,
            bytes: &bytes[..snap.min(bytes.len())],
            comment: None,
        };
        let (mut judged, mut ends) = (0, None);
        let _: Result<(), ()> = analysis.handle(&frame, &mut |event| {
            if let Event::Segment(segment) = event {
                judged += 1;
                ends = Some([segment.src, segment.dst]);
                let ordinary = setting.isns == ORDINARY;
                let segment = Segment {
                    wireshark: ordinary.then(|| compare.segment(segment)),
                    ..**segment
                };
                check(&segment, expected, at + 1, problems);
            }
            Ok(())
        });
        assert_eq!(judged, events, "line {}: {line}", at + 1);
        if let Some(board) = ends.and_then(|ends| analysis.board(ends, 0)) {
            crate::boards::make_sense(&board, &format!("line {}: {line}", at + 1));
        }
    }
}

/// Compares the connections still open at the end with the lines that tell of them, if any do.
fn shapes(mut analysis: Analysis, told: &[&str], problems: &mut String) {
    let mut found = Vec::new();
    let _: Result<(), ()> = analysis.finish(&End::default(), &mut |event| {
        if let Event::Flow(flow) = event {
            found.push(format!("{} {}", flow.shape.name(), flow.history));
        }
        Ok(())
    });
    if !told.is_empty() && told != found {
        let _ = writeln!(problems, "  expected {told:?}, got {found:?}");
    }
}

/// Compares a segment with what was expected of it.
fn check(segment: &Segment<'_>, expected: &str, line: usize, problems: &mut String) {
    let mut notes: Vec<String> = Vec::new();
    let mut quoted = false;
    let parts = expected.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    for wanted in parts.map(str::trim).filter(|w| !w.is_empty()) {
        match wanted.split_once('=') {
            Some((key, value)) if !key.contains([' ', '"']) => {
                figure(segment, key, value, line, problems);
            }
            _ => notes.push(wanted.to_owned()),
        }
    }
    // A note may be written with as much of its detail as matters.
    let given: Vec<&Note> = segment.notes.iter().collect();
    for note in &given {
        let doubt = note.confidence == Confidence::Ambiguous;
        let whole = !note.rfc.is_empty()
            && !note.why.numbers.is_empty()
            && note.frames.contains(&segment.frame)
            && note.frames.iter().all(|&frame| frame <= segment.frame)
            // Instead of a wrong checksum there may be nothing wrong, and no kind says that.
            && (doubt != note.alternatives.is_empty() || note.kind == Kind::ChecksumBad)
            && !note.alternatives.contains(&note.kind);
        if !whole {
            let _ = writeln!(problems, "  line {line}: not all of a note: {note:?}");
        }
    }
    let matches =
        notes.len() == given.len() && notes.iter().zip(&given).all(|(n, note)| agrees(n, note));
    if !matches {
        let given: Vec<String> = given.iter().map(|note| full(note)).collect();
        let _ = writeln!(
            problems,
            "  line {line}: expected [{}], got {given:#?}",
            notes.join(", ")
        );
    }
}

fn full(note: &Note) -> String {
    let cause = note
        .cause
        .map_or(String::new(), |c| format!(":{}", c.name()));
    let of = note.of_frame.map_or(String::new(), |f| format!(" of={f}"));
    let number = note.number.map_or(String::new(), |n| format!(" #{n}"));
    let spurious = if note.spurious == Some(true) {
        " spurious"
    } else {
        ""
    };
    format!(
        "{}{cause}~{}{of}{number}{spurious}  ({})",
        note.kind,
        note.confidence.name(),
        note.why()
    )
}

fn agrees(wanted: &str, note: &Note) -> bool {
    let (wanted, said) = wanted.split_once('"').unwrap_or((wanted, ""));
    let why = note.why();
    let says = said.split('"').all(|words| why.contains(words.trim()));
    let mut words = wanted.split_whitespace();
    let head = words.next().unwrap_or_default();
    let (head, confidence) = head
        .split_once('~')
        .map_or((head, None), |(h, c)| (h, Some(c)));
    let (kind, cause) = head
        .split_once(':')
        .map_or((head, None), |(k, c)| (k, Some(c)));
    let details_agree = words
        .clone()
        .all(|word| match (word.split_once('='), word) {
            (Some(("of", frame)), _) => note.of_frame == frame.parse().ok(),
            (_, "spurious") => note.spurious == Some(true),
            (_, word) => word
                .strip_prefix('#')
                .is_some_and(|n| note.number == n.parse().ok()),
        });
    says && note.kind.name() == kind
        && cause.is_none_or(|cause| note.cause.is_some_and(|c| c.name() == cause))
        && confidence.is_none_or(|confidence| note.confidence.name() == confidence)
        && (note.spurious.is_none() || words.any(|word| word == "spurious"))
        && details_agree
}

fn figure(segment: &Segment<'_>, key: &str, value: &str, line: usize, problems: &mut String) {
    let optional = |n: Option<u64>| n.map_or("none".to_owned(), |n| n.to_string());
    let actual = match key {
        "in_flight" => segment.in_flight.to_string(),
        "window" => optional(segment.window_bytes.map(u64::from)),
        "rtt_ms" => optional(segment.rtt.map(|rtt| rtt.ns / 1_000_000)),
        "acks_frame" => optional(segment.rtt.map(|rtt| rtt.acks_frame)),
        "flow" => segment.flow.to_string(),
        "new" => segment.new_bytes.to_string(),
        "seq" => segment.seq.to_string(),
        "wireshark" => match segment.wireshark {
            None => return,
            Some(said) if said.words.is_empty() => "none".to_owned(),
            Some(said) => {
                let names: Vec<_> = said.words.iter().map(Word::name).collect();
                names.join("+")
            }
        },
        "i" => segment.state[0].name().to_owned(),
        "r" => segment.state[1].name().to_owned(),
        other => panic!("line {line}: no figure called {other}"),
    };
    if actual != value {
        let _ = writeln!(
            problems,
            "  line {line}: expected {key}={value}, got {actual}"
        );
    }
}
