//! What wirelab says of a capture: read twice, as `replay` reads a file.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::path::Path;

use wirelab::analysis::{Analysis, Limits};
use wirelab::commands::pipeline::learn;
use wirelab::event::{Cause, Confidence, Event, Kind, Note};
use wirelab::io::file;

/// A note, as far as it is graded.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) kind: Kind,
    pub(crate) cause: Option<Cause>,
    pub(crate) spurious: bool,
    pub(crate) confidence: Confidence,
    pub(crate) alternatives: &'static [Kind],
    pub(crate) why: String,
}

impl Said {
    fn new(note: &Note) -> Self {
        Self {
            kind: note.kind,
            cause: note.cause,
            spurious: note.spurious == Some(true),
            confidence: note.confidence,
            alternatives: note.alternatives,
            why: note.why(),
        }
    }
}

/// The notes of a capture's frames.
pub(crate) fn capture(path: &Path) -> io::Result<HashMap<u64, Vec<Said>>> {
    let wrong = |error| io::Error::other(format!("{}: {error}", path.display()));
    let mut first = file::open(path).map_err(wrong)?;
    let limits = Limits::default();
    let hindsight = learn(first.as_mut(), &mut None, limits);
    let mut analysis = Analysis::new(limits).with_hindsight(hindsight);
    let mut source = file::open(path).map_err(wrong)?;
    let mut said = HashMap::new();
    while let Some(frame) = source.next_frame().map_err(wrong)? {
        let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
            if let Event::Segment(segment) = event
                && !segment.notes.is_empty()
            {
                said.insert(segment.frame, segment.notes.iter().map(Said::new).collect());
            }
            Ok(())
        });
        let Ok(()) = done;
    }
    Ok(said)
}
