//! One row of the ladder, of one capture or of two in step.

use ratatui::text::Line;

use super::lines::{line, style};
use crate::event::Kept;
use crate::frame::Timestamp;
use crate::tui::model::Model;
use crate::view::{BothLines, Bulk, LadderLines};

/// Draws rows.
pub(super) enum Rungs {
    /// Of one capture.
    One(Box<LadderLines>),
    /// Of two.
    Both(Box<BothLines>),
}

impl Rungs {
    /// In so many columns.
    pub(super) fn new(model: &Model, width: u16, tagged: bool) -> Self {
        let style = style(model, width);
        match model.look.both {
            None => Self::One(Box::new(LadderLines::new(style, tagged, model.start))),
            Some(shows) => Self::Both(Box::new(BothLines::new(style, shows, tagged, model.start))),
        }
    }

    /// Columns of the two hosts' lines.
    pub(super) const fn columns(&self) -> (usize, usize) {
        match self {
            Self::One(lines) => lines.columns(),
            Self::Both(lines) => lines.columns(),
        }
    }

    /// The row of what came after something at `before`.
    pub(super) fn line(&mut self, row: &Kept, before: Option<Timestamp>) -> Line<'static> {
        match (self, &row.joint) {
            (Self::Both(lines), Some(joint)) => joint.with(|event| line(lines.line(event))),
            (Self::One(lines), _) => row.with(|event| line(lines.line(event, before))),
            (Self::Both(_), None) => Line::default(),
        }
    }

    /// The row that stands for many.
    pub(super) fn folded(&mut self, bulk: &Bulk) -> Line<'static> {
        match self {
            Self::One(lines) => line(lines.folded(bulk)),
            Self::Both(lines) => line(lines.folded(bulk)),
        }
    }
}
