//! The screen as a person uses it: keys in, and what is wished for and drawn then.

mod moving;
mod panes;
mod quiz;
pub(crate) mod read;
mod room;
pub(crate) mod sample;
mod screens;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::{Message, Model, Wish, draw};

/// Presses a key.
fn press(model: &mut Model, code: KeyCode) -> Vec<Wish> {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    model.update(Message::Key(key))
}

/// Presses these keys one after another.
fn type_in(model: &mut Model, text: &str) -> Vec<Wish> {
    let keys = text.chars().map(KeyCode::Char);
    keys.flat_map(|code| press(model, code)).collect()
}

fn mouse(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) -> Vec<Wish> {
    let modifiers = KeyModifiers::NONE;
    model.update(Message::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers,
    }))
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Wish> {
    mouse(model, MouseEventKind::Down(MouseButton::Left), column, row)
}

/// What is on the screen, line by line; what is reversed stands between angle brackets.
fn screen(model: &Model) -> String {
    use ratatui::style::Modifier;
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let (mut line, mut reversed) = (String::new(), false);
        let mut skip = 0;
        for x in 0..width {
            let cell = &buffer[(x, y)];
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = crate::view::text::width(cell.symbol()).saturating_sub(1);
            if cell.modifier.contains(Modifier::REVERSED) != reversed {
                line.push(if reversed { '⟩' } else { '⟨' });
                reversed = !reversed;
            }
            line.push_str(cell.symbol());
        }
        if reversed {
            line.push('⟩');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
