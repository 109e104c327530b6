//! Keys that mean something in a pane, and those that mean the same in all of them.

use super::{Action, Model, Over, Pane, Wish};

impl Model {
    /// Does what a key means in the pane that has the keys, or over all of them; gives whether it did.
    pub(super) fn pane_key(&mut self, action: Action, wishes: &mut Vec<Wish>) -> bool {
        match &self.over {
            Some(Over::Sums) => return self.sums_key(action),
            Some(_) => return false,
            None => {}
        }
        let taken = match self.focus {
            Pane::Bytes => self.bytes_key(action),
            Pane::Why => self.why_key(action),
            Pane::Ladder | Pane::Ends => false,
        };
        if taken {
            return true;
        }
        match action {
            Action::NextRow => self.go(1),
            Action::PreviousRow => self.go(-1),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Back if self.zoomed => self.zoomed = false,
            Action::Sums => self.show_sums(),
            Action::Evidence => self.go_to_evidence(wishes),
            Action::Return => self.turn_back(),
            Action::Mark => self.set_mark(),
            Action::ToMark => self.go_to_mark(),
            Action::CopyJson => self.copy_json(wishes),
            Action::CopyCommand => self.copy_command(wishes),
            _ => return false,
        }
        true
    }
}
