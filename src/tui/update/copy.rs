//! Handing a segment to the clipboard, as data or as a command.

use super::{Model, Wish};
use crate::event::units;
use crate::view::{self, Json, Lines, View};

/// Bytes of a command that is still one to paste.
const LONGEST: usize = 16_000;

impl Model {
    /// Copies the row as `wirelab replay --format json` writes it.
    pub(super) fn copy_json(&mut self, wishes: &mut Vec<Wish>) {
        let Some(row) = self.current() else {
            return;
        };
        let mut line = Vec::new();
        let mut json = Json::new(Lines::Everything);
        let written = match &row.joint {
            Some(joint) => joint.with(|event| json.event(event, &mut line)),
            None => row.with(|event| json.event(event, &mut line)),
        };
        // Writing to memory can't fail, and JSON is text.
        let Some(text) = written.ok().and_then(|()| String::from_utf8(line).ok()) else {
            return;
        };
        let text = text.trim_end().to_owned();
        if text.is_empty() {
            self.notice = Some("there is no JSON for this".to_owned());
            return;
        }
        self.notice = Some(format!(
            "copied as JSON: {}",
            units::bytes(text.len() as u64)
        ));
        wishes.push(Wish::Copy(text));
    }

    /// Copies the command that makes the packet again; of what `craft` can't make, the one that shows it.
    pub(super) fn copy_command(&mut self, wishes: &mut Vec<Wish>) {
        let title = self.look.title.clone();
        let made = self.with_sheet(|row, _, packet| {
            let crafted = view::craft::again(&row.frame(), packet);
            crafted.filter(|command| command.len() <= LONGEST)
        });
        let Some((made, row)) = made.zip(self.current()) else {
            self.notice = Some("there is no packet here".to_owned());
            return;
        };
        let frame = row.frame;
        let (text, what) = match made {
            Some(command) => (command, "the command that makes it again"),
            // Two captures have no name that inspect knows.
            None if row.joint.is_some() => {
                self.notice = Some("craft has no words for it".to_owned());
                return;
            }
            None => (
                format!(
                    "wirelab inspect {} --frame {frame}",
                    view::craft::quoted(&title)
                ),
                "the command that shows it (craft has no words for it)",
            ),
        };
        self.notice = Some(format!("copied {what}: {text}"));
        wishes.push(Wish::Copy(text));
    }
}
