//! Which key does what: one table, for the keyboard and for the help screen.

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
    /// The next pane.
    Pane,
    /// The pane before.
    PaneBack,
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
                help: "leaves what was begun",
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

/// What a key asks for; `None` for one that means nothing.
pub fn action(event: &KeyEvent) -> Option<Action> {
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
