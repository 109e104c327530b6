//! The terminal as a screen: taken over, and given back as it was, whatever ends us.
//!
//! A panic of any thread gives it back before it says anything, and from then on nothing is drawn. A signal
//! that asks for an end comes as an [`Input`]; Ctrl-Z and SIGTSTP give the terminal back, stop, and take it again.

use std::io::{self, Stdout, Write, stdout};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, TryLockError};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, KeyEvent, MouseEvent,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::signals::Signals;
use super::sys;

/// How long a signal may wait to be noticed.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);
/// How long a panic waits for a picture that is being sent; it may itself be what panicked.
const PICTURE: Duration = Duration::from_millis(200);
/// The most that is offered to the terminal's clipboard: what terminals take at least (xterm's own bound is
/// far above it, and some drop what is longer without a word).
const MOST_COPIED: usize = 74_994;

/// Whether the terminal is ours. Held while a picture is sent, so that none is sent to a terminal that was
/// given back.
static OURS: Mutex<()> = Mutex::new(());
static TAKEN: AtomicBool = AtomicBool::new(false);

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
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |what| {
                give_back();
                before(what);
            }));
        });
        take_over()?;
        match Terminal::new(CrosstermBackend::new(stdout())) {
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
    /// When the terminal has gone, or was given back because something panicked.
    pub fn draw(&mut self, picture: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        let _held = ours();
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(io::Error::other("it was given back"));
        }
        self.terminal.draw(picture).map(|_| ())
    }

    /// Stops, as Ctrl-Z does elsewhere, with the terminal given back; goes on when the shell says so. Gives the
    /// size of the terminal then.
    ///
    /// # Errors
    ///
    /// When the terminal has gone meanwhile.
    pub fn suspend(&mut self) -> io::Result<(u16, u16)> {
        give_back();
        sys::signal::stop()?;
        self.resume()
    }

    /// Takes the terminal again after others had it.
    ///
    /// # Errors
    ///
    /// When the terminal has gone meanwhile.
    pub fn resume(&mut self) -> io::Result<(u16, u16)> {
        // A shell that took it may have set it otherwise than it was believed to be.
        let _ = disable_raw_mode();
        take_over()?;
        // Ratatui's own clearing asks the terminal where the cursor is, and whoever reads keys gets the answer.
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        self.size()
    }

    /// Offers a text to the terminal's clipboard, the way that works through ssh, too (OSC 52). Whether the
    /// terminal takes it, it does not say.
    ///
    /// # Errors
    ///
    /// When it is longer than terminals take, or the terminal has gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let _held = ours();
        let packed = base64(text.as_bytes());
        if packed.len() > MOST_COPIED {
            let why = format!("{} bytes are more than terminals take", text.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut out = stdout();
        write!(out, "\x1b]52;c;{packed}\x07")?;
        out.flush()
    }
}

/// Base64 (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(digit);
        text.extend(digits.iter().take(three.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    text
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Waits for a picture that is being sent. Where the thread that sends it is this one, and panics, not for
/// ever.
fn ours() -> Option<MutexGuard<'static, ()>> {
    let mut waited = Duration::ZERO;
    loop {
        match OURS.try_lock() {
            Ok(held) => return Some(held),
            Err(TryLockError::Poisoned(held)) => return Some(held.into_inner()),
            Err(TryLockError::WouldBlock) if waited < PICTURE => {
                let step = Duration::from_millis(1);
                thread::sleep(step);
                waited += step;
            }
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}

/// Makes the terminal ours.
fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let taken = execute!(stdout(), EnterAlternateScreen, EnableMouseCapture);
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Makes the terminal what it was, if it is ours. If that fails there is nobody left to tell.
fn give_back() {
    let _held = ours();
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen);
    let _ = execute!(stdout(), ratatui::crossterm::cursor::Show);
    let _ = disable_raw_mode();
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
    /// Has us stop, by a signal.
    Stop,
    /// Has us go on after others had the terminal.
    Continue,
    /// Is gone.
    Gone,
}

/// Hands over what a person does, from threads of their own, until `deliver` gives false.
///
/// Signals and the end of the terminal have one to themselves: whoever waits for keys of a terminal that has gone may
/// wait in it for ever.
///
/// # Errors
///
/// When no thread can be had.
pub fn listen(
    signals: Signals,
    deliver: impl FnMut(Input) -> bool + Clone + Send + 'static,
) -> io::Result<()> {
    let mut to_keys = deliver.clone();
    let keys = move || while next_key().is_none_or(&mut to_keys) {};
    let mut deliver = deliver;
    let watch = move || {
        loop {
            if let Some(input) = ending(signals) {
                deliver(input);
                return;
            }
            if signals.is_to_stop() && !deliver(Input::Stop) {
                return;
            }
            if signals.was_continued() && !deliver(Input::Continue) {
                return;
            }
        }
    };
    let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
    spawn("keys").spawn(keys)?;
    spawn("watch").spawn(watch)?;
    Ok(())
}

/// The next thing a person does; `None` for what is none of ours.
fn next_key() -> Option<Input> {
    match event::read() {
        Ok(event::Event::Key(key)) => Some(Input::Key(key)),
        Ok(event::Event::Mouse(mouse)) => Some(Input::Mouse(mouse)),
        Ok(event::Event::Resize(columns, lines)) => Some(Input::Resize(columns, lines)),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        Err(_) => {
            // An error that comes again and again must not take all there is.
            thread::sleep(SIGNALS_EVERY);
            None
        }
    }
}

/// Waits a little for what ends us: a signal, or that the terminal has gone.
fn ending(signals: Signals) -> Option<Input> {
    let out = stdout();
    let mut terminal = [PollFd::new(out.as_fd(), PollFlags::empty())];
    let timeout = PollTimeout::from(SIGNALS_EVERY.as_millis() as u16);
    // An interrupted wait is begun again.
    let _ = poll(&mut terminal, timeout);
    let gone = terminal[0].revents().is_some_and(|it| {
        it.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL)
    });
    let signal = signals.caught().map(Input::Signal);
    signal.or(gone.then_some(Input::Gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("??>>", "Pz8+Pg=="),
        ];
        for (text, packed) in cases {
            assert_eq!(base64(text.as_bytes()), packed);
        }
    }
}
