//! Recordings as models, for tests: what the screen knows when it has been told everything.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::analysis::{Analysis, Limits};
use crate::event::{Board, Event, Kept, Side};
use crate::explain::Windows;
use crate::io::file;
use crate::lab::truth::Line;
use crate::tui::{Extent, Look, Message, Mind, Model, PAGE_ROWS, Page, Told, Wish, draw};
use crate::{pair, recordings};

/// A recording, read: its rows, and how the connection stands after each.
#[derive(Clone)]
pub(crate) struct Read {
    rows: Vec<Kept>,
    boards: Vec<Option<Board>>,
    minds: Vec<Mind>,
}

/// Reads the recording of that name, `NAME` or `NAME/server`.
pub(crate) fn read(name: &str) -> Read {
    let (recording, bytes) = recordings::capture(name).unwrap();
    let mut source = file::from_bytes(bytes).unwrap();
    let mut analysis = Analysis::new(Limits::default());
    let (mut rows, mut boards) = (Vec::new(), Vec::new());
    let mut windows = Windows::default();
    while let Some(frame) = source.next_frame().unwrap() {
        let (mut kept, mut tunnel) = (None, 0);
        let _: Result<(), ()> = analysis.handle(&frame, &mut |event| {
            if let Event::Segment(segment) = event {
                windows.observe(segment);
                tunnel = segment.packet.tunnel;
            }
            kept = Kept::of(&frame, event).or(kept.take());
            Ok(())
        });
        let kept = kept.unwrap();
        let ends = kept.segment().map(|segment| [segment.src, segment.dst]);
        let mut board = ends.and_then(|ends| analysis.board(ends, tunnel));
        for side in [Side::Initiator, Side::Responder] {
            if let Some(board) = &mut board {
                board.halves[side.index()].cwnd = windows.estimate(board.flow, side);
            }
        }
        boards.push(board);
        rows.push(kept);
    }
    let lines = recording.truth().unwrap_or_default().lines();
    let samples = lines.filter_map(|line| match Line::from_json(line) {
        Ok(Line::Sample(sample)) => Some(Mind {
            time: sample.time,
            ports: (sample.port, sample.peer_port),
            figures: pair::figures(&sample),
        }),
        _ => None,
    });
    let mut minds: Vec<_> = samples.collect();
    minds.sort_by_key(|mind| mind.time);
    Read {
        rows,
        boards,
        minds,
    }
}

impl Read {
    /// The same, had nobody written down what the kernels had in mind.
    pub(crate) fn without_truth(mut self) -> Self {
        self.minds.clear();
        self
    }

    /// The screen over it, told all that it asks for.
    pub(crate) fn model(&self, look: Look, size: (u16, u16)) -> Model {
        let mut model = Model::new(look, size);
        let wishes = model.begin();
        let extent = Extent {
            rows: self.rows.len() as u64,
            complete: true,
            settled: true,
            ..Extent::default()
        };
        self.tell(&mut model, Told::Extent(0, extent));
        self.tell(&mut model, Told::Truth(self.minds.clone().into()));
        self.grant(&mut model, wishes);
        model
    }

    /// Its rows.
    pub(crate) fn rows(self) -> Vec<Kept> {
        self.rows
    }

    /// How the connection stands after that row.
    pub(crate) fn board(&self, row: usize) -> Option<Board> {
        self.boards.get(row)?.clone()
    }

    /// Presses a key so many times.
    pub(crate) fn press(&self, model: &mut Model, key: KeyCode, times: usize) {
        for _ in 0..times {
            let wishes = model.update(Message::Key(KeyEvent::new(key, KeyModifiers::NONE)));
            self.grant(model, wishes);
        }
    }

    fn tell(&self, model: &mut Model, told: Told) {
        let wishes = model.update(Message::Told(told));
        self.grant(model, wishes);
    }

    /// Gives it the pages and boards it wishes for, and what it wishes for then.
    pub(crate) fn grant(&self, model: &mut Model, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Page(number) => {
                    let rows = self.rows.iter().skip((number * PAGE_ROWS) as usize);
                    let rows = rows.take(PAGE_ROWS as usize).cloned().collect();
                    self.tell(model, Told::Page(0, Page { number, rows }));
                }
                Wish::Board(row) => {
                    let board = self.boards[row as usize].clone().map(Box::new);
                    self.tell(model, Told::Board(0, row, board));
                }
                _ => {}
            }
        }
    }
}

/// What the screen shows, as text.
pub(crate) fn screen(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(model.size.0, model.size.1)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let drawn = terminal.backend().to_string();
    let lines = drawn.lines().map(|line| line.trim_matches('"').trim_end());
    lines.collect::<Vec<_>>().join("\n")
}
