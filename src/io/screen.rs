//! The terminal as a screen: taken over, and given back as it was, whatever ends us.

use std::io::{self, Stdout, stdout};
use std::panic;
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, KeyEvent, MouseEvent,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::signals::Signals;

/// How long a signal may wait to be noticed.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);

/// The terminal, ours until this is dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes over the terminal.
    ///
    /// # Errors
    ///
    /// When standard output is no terminal.
    pub fn take() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            give_back();
            before(what);
        }));
        enable_raw_mode()?;
        let taken = execute!(stdout(), EnterAlternateScreen, EnableMouseCapture)
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match taken {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and lines.
    ///
    /// # Errors
    ///
    /// When the terminal does not say.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws a picture; what has not changed is not sent.
    ///
    /// # Errors
    ///
    /// When the terminal has gone.
    pub fn draw(&mut self, picture: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was. If that fails there is nobody left to tell.
fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen);
    let _ = execute!(stdout(), ratatui::crossterm::cursor::Show);
}

/// What a person does.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// Presses a key.
    Key(KeyEvent),
    /// Uses the mouse.
    Mouse(MouseEvent),
    /// Makes the terminal that many columns and lines.
    Resize(u16, u16),
    /// Sends a signal, of that name.
    Signal(&'static str),
    /// Is gone.
    Gone,
}

/// Hands over what a person does, from a thread of its own, until `deliver` gives false.
///
/// # Errors
///
/// When no thread can be had.
pub fn listen(
    signals: Signals,
    mut deliver: impl FnMut(Input) -> bool + Send + 'static,
) -> io::Result<()> {
    let listen = move || {
        loop {
            if let Some(name) = signals.caught() {
                deliver(Input::Signal(name));
                return;
            }
            let input = match event::poll(SIGNALS_EVERY)
                .and_then(|any| any.then(event::read).transpose())
            {
                Ok(None) => continue,
                Ok(Some(event::Event::Key(key))) => Input::Key(key),
                Ok(Some(event::Event::Mouse(mouse))) => Input::Mouse(mouse),
                Ok(Some(event::Event::Resize(columns, lines))) => Input::Resize(columns, lines),
                Ok(Some(_)) => continue,
                Err(_) => Input::Gone,
            };
            if !deliver(input) || matches!(input, Input::Gone) {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(listen)
        .map(|_| ())
}
