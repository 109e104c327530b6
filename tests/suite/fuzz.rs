//! Conversations that no sane host would hold, through the whole pipeline: recordings damaged at
//! random, with their checksums put right so that the tracker believes them, and segments made up
//! from numbers that lie close to what matters.
//!
//! Nothing may panic (this is built with overflow checks), every view must stay readable, and what
//! the events say must agree with itself. The seed is fixed; `make soak` runs more of it.
//!
//! `WIRELAB_SOAK` is how many conversations to hold, `WIRELAB_SEED` where to begin. A failure names
//! the seed that repeats it. `WIRELAB_CAPTURES` is a folder of captures to damage as well.

mod invariants;
mod mutate;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonschema::Validator;
use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{Confidence, End, Event, Kind, Note};
use wirelab::explain::Explainer;
use wirelab::frame::Frame;
use wirelab::view::{Json, Lines, Style, VIEWS, View};

use crate::schema::schema;
use invariants::{Books, halves_are_sound};
use mutate::{Kept, Random, Recorded};

/// Conversations of an ordinary test run: a few seconds without optimisation.
const ROUNDS: u64 = 150;
const SEED: u64 = 0x5eed;
/// Failures after which there is enough to look into.
const ENOUGH: usize = 10;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok().filter(|said| !said.is_empty());
    said.map_or(otherwise, |said| {
        said.parse()
            .unwrap_or_else(|_| panic!("{name}={said}: a whole number is needed"))
    })
}

#[test]
fn nothing_that_can_be_captured_breaks_anything() {
    let (rounds, seed) = (
        from_environment("WIRELAB_SOAK", ROUNDS),
        from_environment("WIRELAB_SEED", SEED),
    );
    let recorded = Recorded::all();
    let schema = schema();
    let mut failed = Vec::new();
    for seed in (0..rounds).map(|round| seed.wrapping_add(round)) {
        let held = catch_unwind(AssertUnwindSafe(|| {
            let mut random = Random::new(seed);
            let frames = recorded.conversation(&mut random);
            let limits = limits(&mut random);
            hold(&frames, limits, random.one_in(8).then_some(&schema));
            halves_are_sound(&frames, limits);
        }));
        failed.extend(held.is_err().then_some(seed));
        if failed.len() >= ENOUGH {
            break;
        }
    }
    assert!(
        failed.is_empty(),
        "failed as said above with seeds {failed:?}; WIRELAB_SOAK=1 WIRELAB_SEED=... repeats one"
    );
}

/// Who is said for certain to have sent what can't be is the one frame that was damaged: the others were sent by
/// Linux, which keeps to RFC 9293.
#[test]
fn damage_makes_nothing_else_unacceptable() {
    let (rounds, seed) = (
        from_environment("WIRELAB_SOAK", 2 * ROUNDS),
        from_environment("WIRELAB_SEED", SEED),
    );
    let recorded = Recorded::all();
    for seed in (0..rounds).map(|round| seed.wrapping_add(round)) {
        let mut random = Random::new(seed);
        let (frames, damaged) = recorded.damaged_once(&mut random);
        let mut analysis = Analysis::new(Limits::default());
        for frame in &frames {
            let frame: Frame<'_> = frame.frame();
            let Ok(()) = analysis.handle(&frame, &mut |event| {
                if let Event::Segment(segment) = event
                    && segment.frame != damaged
                {
                    let mut notes = segment.notes.iter();
                    let wrong = notes.find(|note| {
                        note.kind == Kind::Unacceptable && note.confidence == Confidence::Certain
                    });
                    assert!(
                        wrong.is_none(),
                        "seed {seed}, frame {damaged} damaged, frame {}: {}",
                        segment.frame,
                        wrong.map_or(String::new(), Note::why)
                    );
                }
                Ok::<(), Infallible>(())
            });
        }
    }
}

/// Mostly what is usual, sometimes so little that every limit bites.
fn limits(random: &mut Random) -> Limits {
    if random.one_in(3) {
        return Limits {
            connections: 1 + random.below(3) as usize,
            ranges: 1 + random.below(4) as usize,
            details: random.below(4000) as usize,
        };
    }
    Limits::default()
}

/// Runs frames through everything, and holds what comes of it against what must be.
fn hold(frames: &[Kept], limits: Limits, schema: Option<&Validator>) {
    let mut analysis = Analysis::new(limits);
    let mut shown = Shown::new();
    let mut books = Books::default();
    let mut explainer = Explainer::new();
    let mut end = End::default();
    let mut show = |event: &Event<'_>| {
        books.enter(event);
        shown.event(event);
        let findings = match event {
            Event::Segment(segment) => {
                explainer.observe(segment);
                Vec::new()
            }
            Event::Packet(frame, packet) => {
                explainer.beside(frame, packet);
                Vec::new()
            }
            Event::Flow(flow) => explainer.conclude(flow),
            _ => Vec::new(),
        };
        for finding in findings {
            assert!(!finding.summary.is_empty(), "{}", finding.kind);
            shown.event(&Event::Finding(&finding));
        }
        Ok::<(), Infallible>(())
    };
    for frame in frames {
        let frame: Frame<'_> = frame.frame();
        end.frames = frame.number;
        let Ok(()) = analysis.handle(&frame, &mut show);
    }
    let Ok(()) = analysis.finish(&end, &mut show);
    for finding in explainer.conclude_beside() {
        shown.event(&Event::Finding(&finding));
    }
    books.close();
    shown.check(schema);
}

/// Every view at every width, and every kind of JSON.
struct Shown {
    views: Vec<(String, Box<dyn View>, Vec<u8>)>,
    json: Vec<(Json, Vec<u8>)>,
}

impl Shown {
    fn new() -> Self {
        let mut views = Vec::new();
        let mut add = |name: &str, style: Style| {
            let entry = VIEWS.iter().find(|entry| entry.name == name);
            let what = format!("{name} at {}, {style:?}", style.width);
            views.push((what, (entry.expect(name).make)(style), Vec::new()));
        };
        for width in [40, 80, 200] {
            for name in ["ladder", "explain", "flows"] {
                let style = Style {
                    width,
                    ..Style::default()
                };
                add(name, style);
            }
        }
        let plain = Style::default();
        add("segments", plain.clone());
        add(
            "ladder",
            Style {
                all: true,
                unicode: false,
                ..plain.clone()
            },
        );
        add(
            "flows",
            Style {
                long: true,
                ..plain
            },
        );
        let json = [Lines::Everything, Lines::Flows, Lines::Findings];
        Self {
            views,
            json: json
                .map(|lines| (Json::new(lines), Vec::new()))
                .into_iter()
                .collect(),
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        for (_, view, out) in &mut self.views {
            view.event(event, out).expect("memory takes everything");
        }
        for (view, out) in &mut self.json {
            view.event(event, out).expect("memory takes everything");
        }
    }

    fn check(&self, schema: Option<&Validator>) {
        for (what, _, out) in &self.views {
            let text = std::str::from_utf8(out).unwrap_or_else(|e| panic!("{what}: {e}"));
            let harmful = text.chars().find(|&c| c != '\n' && harms(c));
            assert_eq!(harmful, None, "{what}:\n{text}");
            assert!(text.is_empty() || text.ends_with('\n'), "{what}:\n{text}");
        }
        for (_, out) in &self.json {
            let text = std::str::from_utf8(out).expect("JSON is UTF-8");
            for line in text.lines() {
                let value: serde_json::Value =
                    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
                let Some(schema) = schema else { continue };
                let error = schema.iter_errors(&value).next();
                assert!(error.is_none(), "{}\n{line}", error.expect("there is one"));
            }
        }
    }
}

/// Whether a character could do something to a terminal, or turn a line around.
fn harms(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
