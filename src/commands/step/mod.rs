//! `step`: walks through a capture on a screen.

mod joint;
mod subject;
mod worker;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use anyhow::{Context, Result, bail};

use self::subject::Subject;
use self::worker::Worker;
use super::output::{self, Terminal};
use crate::cli;
use crate::io::Signals;
use crate::io::clock::Stopwatch;
use crate::io::screen::{self, Input, Screen};
use crate::tui::{self, Look, Message, Model, Wish};

/// What wakes the screen.
enum News {
    Input(Input),
    Message(Message),
}

/// Runs it.
pub(super) fn run(args: &cli::Step) -> Result<ExitCode> {
    // What can't be read is told before the screen is taken.
    let subject = Subject::of(args)?;
    let title = subject.title();
    if !io::stdout().is_terminal() {
        bail!(
            "step draws on a terminal, and standard output is none: wirelab replay writes the same"
        );
    }
    let style = output::style(&args.output, &args.view, Terminal::look())?;
    let signals = Signals::catch().context("can't catch signals")?;
    let (to_screen, news) = mpsc::channel();
    let tell = {
        let to_screen = to_screen.clone();
        move |told| to_screen.send(News::Message(Message::Told(told))).is_ok()
    };
    let (worker, both) = match subject {
        Subject::One(name) => (Worker::start(name, tell)?, None),
        Subject::Two(two) => {
            let (worker, shows) = joint::start(two, tell)?;
            (worker, Some(shows))
        }
    };
    let mut screen = Screen::take().context("can't take over the terminal")?;
    let size = screen
        .size()
        .context("the terminal does not say how large it is")?;
    screen::listen(signals, move |input| {
        to_screen.send(News::Input(input)).is_ok()
    })?;
    let look = Look { style, title, both };
    let ended = show(&mut screen, Model::new(look, size), &news, &worker);
    drop(screen);
    ended
}

/// Draws, waits, and draws again, until it is over.
fn show(
    screen: &mut Screen,
    mut model: Model,
    news: &Receiver<News>,
    worker: &Sender<Wish>,
) -> Result<ExitCode> {
    let mut wishes = model.begin();
    let since = Stopwatch::start();
    loop {
        for wish in wishes.drain(..) {
            // Without a worker there is an end to the news, too, and that is told below.
            let _ = worker.send(wish);
        }
        screen
            .draw(|frame| tui::draw(&model, frame))
            .context("can't draw on the terminal")?;
        let first = match model.patience() {
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(patience) => news.recv_timeout(patience),
        };
        let first = match first {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) => News::Message(Message::Tick(since.elapsed())),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("reading has ended, for no reason that is known")
            }
        };
        // What has come meanwhile is drawn together.
        for news in std::iter::once(first).chain(news.try_iter()) {
            let message = match news {
                News::Message(message) => message,
                News::Input(Input::Key(key)) => Message::Key(key),
                News::Input(Input::Mouse(mouse)) => Message::Mouse(mouse),
                News::Input(Input::Resize(columns, lines)) => Message::Resize(columns, lines),
                News::Input(Input::Signal(_) | Input::Gone) => return Ok(ExitCode::SUCCESS),
            };
            wishes.extend(model.update(message));
            if model.is_over() {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}
