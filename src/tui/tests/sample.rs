//! Models that have been told all of a recording at once, for tests that tell the rest themselves; where a test
//! wants its wishes granted, as the program does, there is [`super::read`].

use super::read::read;
use crate::event::{Board, Kept};
use crate::tui::{Extent, Look, Message, Model, PAGE_ROWS, Page, Told};

/// What became of each frame of a recording.
pub(crate) fn rows(recording: &str) -> Vec<Kept> {
    read(recording).rows()
}

/// How the connection stands after that frame of a recording, counted from 0.
pub(crate) fn board(recording: &str, row: usize) -> Option<Board> {
    read(recording).board(row)
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
