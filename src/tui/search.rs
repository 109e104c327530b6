//! What is looked for: the line in which that is written, what was looked for last, and what has no answer yet.

use super::line::Line;
use super::query::Query;

/// So many lines are remembered.
const MOST_REMEMBERED: usize = 50;

/// All of it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) prompt: Prompt,
    /// What was looked for last.
    pub(super) last: Option<Last>,
    /// What a key that stands for a kind of row looked for last.
    pub(super) kind: Query,
    /// What was asked for and not answered yet.
    pub(super) out: Option<Sought>,
    /// Number of the search that was begun last: answers to others are not taken.
    pub(super) number: u64,
    remembered: Vec<String>,
}

/// The line.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) line: Line,
    /// Whether towards the beginning.
    pub(super) back: bool,
    /// Why it can't be read.
    pub(super) wrong: Option<String>,
    /// How far back among the remembered lines, 0 for none of them.
    recalled: usize,
    /// What was written before that.
    draft: String,
}

/// What was looked for.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) query: Query,
    pub(super) text: String,
    pub(super) back: bool,
    /// Whether the rows that fit are marked.
    pub(super) marked: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    pub(super) aim: Aim,
    /// The row that was looked at when it was asked for.
    pub(super) origin: u64,
    /// The row from which it is looked for: those between were at hand.
    pub(super) from: u64,
    /// The row to which the search has come.
    pub(super) at: Option<u64>,
}

/// What is wanted, and how to speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aim {
    pub(super) query: Query,
    pub(super) back: bool,
    /// How to say what it is; `None` when nobody needs to know that it was not found.
    pub(super) what: Option<String>,
    /// The key that looks for it the other way.
    pub(super) turn: Option<char>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            prompt: Prompt::default(),
            last: None,
            kind: Query::Event,
            out: None,
            number: 0,
            remembered: Vec::new(),
        }
    }
}

impl Search {
    /// Begins a new line.
    pub(super) fn ask(&mut self, back: bool) {
        self.prompt = Prompt {
            back,
            ..Prompt::default()
        };
    }

    /// Remembers what is written.
    pub(super) fn remember(&mut self) {
        let text = self.prompt.line.text().trim().to_owned();
        self.remembered.retain(|known| *known != text);
        self.remembered.push(text);
        if self.remembered.len() > MOST_REMEMBERED {
            self.remembered.remove(0);
        }
    }

    /// Brings back a line from before, or with `newer` a later one.
    pub(super) fn recall(&mut self, newer: bool) {
        let prompt = &mut self.prompt;
        if prompt.recalled == 0 {
            prompt.line.text().clone_into(&mut prompt.draft);
        }
        prompt.recalled = if newer {
            prompt.recalled.saturating_sub(1)
        } else {
            (prompt.recalled + 1).min(self.remembered.len())
        };
        match prompt.recalled {
            0 => prompt.line.set(&prompt.draft),
            back => {
                let text = self.remembered.len().checked_sub(back);
                let text = text.and_then(|at| self.remembered.get(at));
                prompt.line.set(text.map_or("", String::as_str));
            }
        }
    }

    /// What is being looked for and has not been found yet.
    pub(super) const fn pending(&self) -> Option<&Sought> {
        self.out.as_ref()
    }

    /// Forgets what was asked for: an answer to it will not be taken.
    pub(super) fn forget(&mut self) {
        self.out = None;
    }

    /// What is marked.
    pub(super) fn marks(&self) -> Option<&Query> {
        let last = self.last.as_ref()?;
        last.marked.then_some(&last.query)
    }
}
