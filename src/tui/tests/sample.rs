//! Recordings as rows and models, for the tests of the screen.

use std::convert::Infallible;

use crate::analysis::{Analysis, Limits};
use crate::event::{Board, Event, Kept};
use crate::recordings;
use crate::tui::{Extent, Look, Message, Model, PAGE_ROWS, Page, Told};

/// What became of each frame of a recording.
pub(crate) fn rows(recording: &str) -> Vec<Kept> {
    let (_, bytes) = recordings::capture(recording).unwrap();
    let mut source = crate::io::file::from_bytes(bytes).unwrap();
    let mut analysis = Analysis::new(Limits::default());
    let mut rows = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
            rows.extend(Kept::of(&frame, event));
            Ok(())
        });
        let Ok(()) = done;
    }
    rows
}

/// How the connection stands after that frame of a recording, counted from 0.
pub(crate) fn board(recording: &str, row: usize) -> Option<Board> {
    let (_, bytes) = recordings::capture(recording).unwrap();
    let mut source = crate::io::file::from_bytes(bytes).unwrap();
    let mut analysis = Analysis::new(Limits::default());
    let mut ends = None;
    for _ in 0..=row {
        let frame = source.next_frame().unwrap().unwrap();
        let done: Result<(), Infallible> = analysis.handle(&frame, &mut |event| {
            if let Event::Segment(segment) = event {
                ends = Some([segment.src, segment.dst]);
            }
            Ok(())
        });
        let Ok(()) = done;
    }
    analysis.board(ends?, 0)
}

/// A screen of that size with all of a recording at hand.
pub(crate) fn model_of(recording: &str, size: (u16, u16)) -> Model {
    model_with(recording, &rows(recording), size)
}

/// The same with rows of one's own.
pub(crate) fn model_with(title: &str, rows: &[Kept], size: (u16, u16)) -> Model {
    let look = Look {
        title: title.to_owned(),
        ..Look::default()
    };
    let mut model = Model::new(look, size);
    model.begin();
    tell(&mut model, 0, rows);
    model
}

/// Tells a model that these are all rows of that view.
pub(crate) fn tell(model: &mut Model, view: u64, rows: &[Kept]) {
    let extent = Extent {
        rows: rows.len() as u64,
        complete: true,
        settled: true,
        ..Extent::default()
    };
    for (number, rows) in rows.chunks(PAGE_ROWS as usize).enumerate() {
        let page = Page {
            number: number as u64,
            rows: rows.into(),
        };
        model.update(Message::Told(Told::Page(view, page)));
    }
    model.update(Message::Told(Told::Extent(view, extent)));
}
