//! Which key does what: one table, for the keyboard and for the help screen.
//!
//! The habits are those of vim and less: a capital letter goes back where the small one goes on. `h`, `l`, `y`, `Y`,
//! `m`, `'`, `z` and Enter are kept for what is inside a pane; digits are tenths of the capture, which
//! [`action`] knows by itself.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next segment.
    Next,
    /// The one before.
    Previous,
    /// A screen further.
    PageDown,
    /// A screen back.
    PageUp,
    /// The first segment.
    First,
    /// The last one.
    Last,
    /// The next note, or flag that opens, closes or breaks a connection.
    NextEvent,
    /// The one before.
    PreviousEvent,
    /// The next note that tells of trouble.
    NextProblem,
    /// The one before.
    PreviousProblem,
    /// The next connection.
    NextFlow,
    /// The one before.
    PreviousFlow,
    /// Asks what to look for, towards the end.
    Search,
    /// The same, towards the beginning.
    SearchBack,
    /// Looks for it once more.
    Again,
    /// The same, the other way.
    AgainBack,
    /// A tenth of the capture further.
    TenthOn,
    /// A tenth back.
    TenthBack,
    /// So many tenths from the beginning.
    Tenth(u8),
    /// The connections.
    Flows,
    /// One connection alone, or all again.
    Alone,
    /// Folds what is unremarkable, or unfolds it.
    Fold,
    /// Plays, faster, and pauses.
    Play,
    /// Asks what comes next.
    Predict,
    /// The next pane.
    Pane,
    /// The pane before.
    PaneBack,
    /// The next segment, whatever pane has the keys.
    NextRow,
    /// The one before.
    PreviousRow,
    /// The byte at the right.
    Right,
    /// The one at the left.
    Left,
    /// Opens or closes what is chosen.
    Enter,
    /// From the dump to the fields, and back.
    Switch,
    /// The checksums, worked out.
    Sums,
    /// The pane that has the keys alone, or all again.
    Zoom,
    /// The reasoning, then the next frame that it rests on.
    Evidence,
    /// Back to where we came from.
    Return,
    /// A mark here, or none.
    Mark,
    /// To the mark, the other one if that is here.
    ToMark,
    /// The segment as JSON, to paste it elsewhere.
    CopyJson,
    /// The command that makes or shows the segment, to paste it elsewhere.
    CopyCommand,
    /// What the keys do.
    Help,
    /// Ends what was begun: a prompt, a list, at last nothing.
    Back,
    /// Ends it all.
    Quit,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys as the help screen writes them.
    pub shown: &'static str,
    /// The keys.
    pub keys: &'static [(KeyCode, KeyModifiers)],
    /// What they ask for.
    pub action: Action,
    /// In words.
    pub help: &'static str,
}

const PLAIN: KeyModifiers = KeyModifiers::NONE;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;
const CONTROL: KeyModifiers = KeyModifiers::CONTROL;

const fn key(c: char) -> (KeyCode, KeyModifiers) {
    (KeyCode::Char(c), PLAIN)
}

/// All keys, those of a subject together.
pub const KEYS: &[(&str, &[Binding])] = &[
    (
        "Walking",
        &[
            Binding {
                shown: "↓ j",
                keys: &[(KeyCode::Down, PLAIN), key('j')],
                action: Action::Next,
                help: "the next segment",
            },
            Binding {
                shown: "↑ k",
                keys: &[(KeyCode::Up, PLAIN), key('k')],
                action: Action::Previous,
                help: "the one before",
            },
            Binding {
                shown: "PgDn Space",
                keys: &[
                    (KeyCode::PageDown, PLAIN),
                    key(' '),
                    (KeyCode::Char('f'), CONTROL),
                ],
                action: Action::PageDown,
                help: "a screen further",
            },
            Binding {
                shown: "PgUp b",
                keys: &[
                    (KeyCode::PageUp, PLAIN),
                    key('b'),
                    (KeyCode::Char('b'), CONTROL),
                ],
                action: Action::PageUp,
                help: "a screen back",
            },
            Binding {
                shown: "Home g",
                keys: &[(KeyCode::Home, PLAIN), key('g')],
                action: Action::First,
                help: "the first segment",
            },
            Binding {
                shown: "End G",
                keys: &[(KeyCode::End, PLAIN), key('G')],
                action: Action::Last,
                help: "the last one that is known",
            },
        ],
    ),
    (
        "Going to",
        &[
            Binding {
                shown: "e",
                keys: &[key('e')],
                action: Action::NextEvent,
                help: "the next note, opening, closing or reset",
            },
            Binding {
                shown: "E",
                keys: &[key('E')],
                action: Action::PreviousEvent,
                help: "the one before",
            },
            Binding {
                shown: "p",
                keys: &[key('p')],
                action: Action::NextProblem,
                help: "the next sign of trouble",
            },
            Binding {
                shown: "P",
                keys: &[key('P')],
                action: Action::PreviousProblem,
                help: "the one before",
            },
            Binding {
                shown: "} ]",
                keys: &[key('}'), key(']')],
                action: Action::NextFlow,
                help: "the next connection",
            },
            Binding {
                shown: "{ [",
                keys: &[key('{'), key('[')],
                action: Action::PreviousFlow,
                help: "the one before",
            },
            Binding {
                shown: "/",
                keys: &[key('/')],
                action: Action::Search,
                help: "find: syn, seq 1449, len > 1000, text GET, …",
            },
            Binding {
                shown: "\\",
                keys: &[key('\\')],
                action: Action::SearchBack,
                help: "the same, towards the beginning",
            },
            Binding {
                shown: "n",
                keys: &[key('n')],
                action: Action::Again,
                help: "what was looked for, once more",
            },
            Binding {
                shown: "N",
                keys: &[key('N')],
                action: Action::AgainBack,
                help: "the same, the other way",
            },
            Binding {
                shown: ">",
                keys: &[key('>')],
                action: Action::TenthOn,
                help: "a tenth of the capture further",
            },
            Binding {
                shown: "<",
                keys: &[key('<')],
                action: Action::TenthBack,
                help: "a tenth back",
            },
            Binding {
                shown: "0 … 9",
                keys: &[],
                action: Action::Tenth(0),
                help: "so many tenths from its beginning",
            },
        ],
    ),
    (
        "Looking",
        &[
            Binding {
                shown: "Tab",
                keys: &[(KeyCode::Tab, PLAIN)],
                action: Action::Pane,
                help: "the next pane",
            },
            Binding {
                shown: "Shift-Tab",
                keys: &[(KeyCode::BackTab, PLAIN), (KeyCode::BackTab, SHIFT)],
                action: Action::PaneBack,
                help: "the pane before",
            },
            Binding {
                shown: "c",
                keys: &[key('c')],
                action: Action::Flows,
                help: "the connections, as a list",
            },
            Binding {
                shown: "o",
                keys: &[key('o')],
                action: Action::Alone,
                help: "this connection only, and all again",
            },
            Binding {
                shown: "F",
                keys: &[key('F')],
                action: Action::Fold,
                help: "folds bulk data, and unfolds it",
            },
        ],
    ),
    (
        "Playing and guessing",
        &[
            Binding {
                shown: "r",
                keys: &[key('r')],
                action: Action::Play,
                help: "plays it as it was; again: ×10, ×100, pause",
            },
            Binding {
                shown: "t",
                keys: &[key('t')],
                action: Action::Predict,
                help: "asks you what comes next",
            },
        ],
    ),
    (
        "In a pane",
        &[
            Binding {
                shown: "J Shift-↓",
                keys: &[key('J'), (KeyCode::Down, SHIFT)],
                action: Action::NextRow,
                help: "the next segment, the field looked at kept",
            },
            Binding {
                shown: "K Shift-↑",
                keys: &[key('K'), (KeyCode::Up, SHIFT)],
                action: Action::PreviousRow,
                help: "the one before, the same way",
            },
            Binding {
                shown: "→ l",
                keys: &[(KeyCode::Right, PLAIN), key('l')],
                action: Action::Right,
                help: "the byte at the right",
            },
            Binding {
                shown: "← h",
                keys: &[(KeyCode::Left, PLAIN), key('h')],
                action: Action::Left,
                help: "the byte at the left",
            },
            Binding {
                shown: "x",
                keys: &[key('x')],
                action: Action::Switch,
                help: "↓ and ↑ walk the dump, or the fields again",
            },
            Binding {
                shown: "Enter",
                keys: &[(KeyCode::Enter, PLAIN)],
                action: Action::Enter,
                help: "hides or shows the fields of a header",
            },
            Binding {
                shown: "s",
                keys: &[key('s')],
                action: Action::Sums,
                help: "its checksums, worked out",
            },
            Binding {
                shown: "z",
                keys: &[key('z')],
                action: Action::Zoom,
                help: "this pane alone, or all again",
            },
        ],
    ),
    (
        "Reasons and marks",
        &[
            Binding {
                shown: "v",
                keys: &[key('v')],
                action: Action::Evidence,
                help: "why; then the frames that this rests on",
            },
            Binding {
                shown: "Backspace",
                keys: &[(KeyCode::Backspace, PLAIN)],
                action: Action::Return,
                help: "back to where we came from",
            },
            Binding {
                shown: "m",
                keys: &[key('m')],
                action: Action::Mark,
                help: "a mark here; a second: measures between them",
            },
            Binding {
                shown: "'",
                keys: &[key('\'')],
                action: Action::ToMark,
                help: "to the mark, or to the other one",
            },
            Binding {
                shown: "y",
                keys: &[key('y')],
                action: Action::CopyJson,
                help: "copies the segment as JSON",
            },
            Binding {
                shown: "Y",
                keys: &[key('Y')],
                action: Action::CopyCommand,
                help: "copies the command that makes it again",
            },
        ],
    ),
    (
        "Leaving",
        &[
            Binding {
                shown: "?",
                keys: &[key('?'), (KeyCode::F(1), PLAIN)],
                action: Action::Help,
                help: "these keys",
            },
            Binding {
                shown: "Esc",
                keys: &[(KeyCode::Esc, PLAIN)],
                action: Action::Back,
                help: "leaves what was begun, takes marks away",
            },
            Binding {
                shown: "q Ctrl-C",
                keys: &[key('q'), (KeyCode::Char('c'), CONTROL)],
                action: Action::Quit,
                help: "ends",
            },
        ],
    ),
];

/// Whether that goes to another row.
pub(super) const fn leads_elsewhere(action: Action) -> bool {
    use Action::{
        First, Last, Next, NextEvent, NextFlow, NextProblem, PageDown, PageUp, Previous,
        PreviousEvent, PreviousFlow, PreviousProblem, Tenth, TenthBack, TenthOn,
    };
    matches!(
        action,
        Next | Previous | PageDown | PageUp | First | Last | NextEvent | PreviousEvent
    ) || matches!(
        action,
        NextProblem | PreviousProblem | NextFlow | PreviousFlow | TenthOn | TenthBack | Tenth(_)
    )
}

/// What a key asks for; `None` for one that means nothing.
pub fn action(event: &KeyEvent) -> Option<Action> {
    if let (KeyCode::Char(c @ '0'..='9'), PLAIN) = (event.code, event.modifiers) {
        return Some(Action::Tenth(c as u8 - b'0'));
    }
    // A capital letter says that Shift is held; some terminals say it twice.
    let modifiers = match event.code {
        KeyCode::Char(_) => event.modifiers.difference(SHIFT),
        _ => event.modifiers,
    };
    KEYS.iter()
        .flat_map(|(_, bindings)| *bindings)
        .find(|binding| binding.keys.contains(&(event.code, modifiers)))
        .map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let mut seen = Vec::new();
        for binding in KEYS.iter().flat_map(|(_, bindings)| *bindings) {
            for key in binding.keys {
                assert!(!seen.contains(key), "{key:?} of {}", binding.shown);
                seen.push(*key);
            }
        }
    }

    #[test]
    fn capital_letters_are_known_with_shift_and_without() {
        for modifiers in [SHIFT, PLAIN] {
            let event = KeyEvent::new(KeyCode::Char('G'), modifiers);
            assert_eq!(action(&event), Some(Action::Last));
        }
    }
}
