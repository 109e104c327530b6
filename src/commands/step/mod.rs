//! `step`: walks through a capture on a screen.

mod capture;
mod find;
mod flows;
mod joint;
pub(super) mod live;
mod measure;
mod overview;
mod subject;
mod trail;
mod truth;
mod worker;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use self::capture::Capture;
pub(super) use self::capture::Wanted;
use self::joint::Two;
use self::subject::Subject;
use self::worker::Worker;
use super::USAGE_OR_ENVIRONMENT;
use super::output::{self, Terminal};
use crate::cli;
use crate::io::Signals;
use crate::io::clock::Stopwatch;
use crate::io::file::Store;
use crate::io::screen::{self, Input, Screen};
use crate::select::Selection;
use crate::tui::{self, Look, Message, Model, Told, Wish};
use crate::view::Style;

/// From one picture to the next at least: about 60 a second.
const PICTURE: Duration = Duration::from_millis(16);
/// News that may wait: where a terminal takes no pictures for a while, no more of them are made.
const NEWS: usize = 256;
/// How long the beginning of what comes through a pipe is waited for before the screen is taken: what is no
/// capture is better told without one.
const FIRST_BYTES: Duration = Duration::from_secs(1);

/// What wakes the screen.
enum News {
    Input(Input),
    Message(Message),
    /// A thread is no more, for a reason that it has told.
    Lost,
}

/// Runs it.
pub(super) fn run(args: &cli::Step) -> Result<ExitCode> {
    // What can't be read is told before the screen is taken.
    let subject = Subject::of(args)?;
    let title = subject.title();
    let style = style(&args.output, &args.view, "wirelab replay writes the same")?;
    let signals = Signals::catch_for_screen().context("can't catch signals")?;
    let (to_screen, news) = mpsc::sync_channel(NEWS);
    let tell = {
        let to_screen = Alarm(to_screen.clone());
        move |told| to_screen.send(Message::Told(told))
    };
    if let Subject::One(name) | Subject::Two(Two::Ends(name, _)) = &subject {
        remember(name.clone(), to_screen.clone())?;
    }
    let (worker, both) = match subject {
        Subject::One(name) => {
            let store = capture::store(&name)?;
            let wanted = Wanted::of(args);
            first_bytes(&store, &wanted)
                .with_context(|| format!("can't read {}", name.escape_debug()))?;
            (Worker::start(store, wanted, tell)?, None)
        }
        Subject::Two(two) => {
            if !Selection::from(&args.select).is_everything() {
                bail!("of two captures all is shown: leave the options out that choose segments");
            }
            let (worker, shows) = joint::start(two, tell)?;
            (worker, Some(shows))
        }
    };
    let look = Look {
        style,
        title,
        both,
        follows: false,
    };
    on_screen(look, signals, (to_screen, &news), &worker)
}

/// Shows a capture that others are writing, until its user has seen enough. `tellers` gets what shows lines of
/// its own.
pub(super) fn follow(
    store: Store,
    wanted: Wanted,
    look: Look,
    signals: Signals,
    tellers: impl FnOnce(Teller),
) -> Result<ExitCode> {
    let (to_screen, news) = mpsc::sync_channel(NEWS);
    let worker = Worker::start(store, wanted, {
        let to_screen = Alarm(to_screen.clone());
        move |told| to_screen.send(Message::Told(told))
    })?;
    tellers(Teller(to_screen.clone()));
    on_screen(look, signals, (to_screen, &news), &worker)
}

/// How the screen is to look.
///
/// # Errors
///
/// When standard output is no terminal, or the options don't go together.
pub(super) fn style(output: &cli::Output, view: &cli::View, instead: &str) -> Result<Style> {
    if !io::stdout().is_terminal() {
        bail!("step draws on a terminal, and standard output is none: {instead}");
    }
    output::style(output, view, Terminal::look())
}

/// Looks at the beginning, if it comes soon.
fn first_bytes(store: &Store, wanted: &Wanted) -> Result<(), crate::io::SourceError> {
    let watch = Stopwatch::start();
    let mut capture = Capture::new(store.clone(), wanted.clone());
    while capture.beginning()?.is_none() && watch.elapsed() < FIRST_BYTES {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Takes the screen, and gives it back when its user has seen enough.
fn on_screen(
    look: Look,
    signals: Signals,
    (to_screen, news): (SyncSender<News>, &Receiver<News>),
    worker: &Sender<Wish>,
) -> Result<ExitCode> {
    let mut screen = Screen::take().context("can't take over the terminal")?;
    let size = screen
        .size()
        .context("the terminal does not say how large it is")?;
    let alarm = Alarm(to_screen);
    screen::listen(signals, move |input| {
        alarm.0.send(News::Input(input)).is_ok()
    })?;
    let model = Model::new(look, size);
    let shown = catch_unwind(AssertUnwindSafe(|| show(&mut screen, model, news, worker)));
    drop(screen);
    // What panicked has said so itself.
    shown.unwrap_or_else(|_| Ok(ExitCode::from(USAGE_OR_ENVIRONMENT)))
}

/// Tells the screen news from elsewhere.
pub(super) struct Teller(SyncSender<News>);

impl Teller {
    /// Shows a line.
    pub(super) fn say(&self, line: String) {
        // Where there is no screen any more, nobody wants to know.
        let _ = self
            .0
            .send(News::Message(Message::Told(Told::Notice(line))));
    }
}

/// Tells the screen when the thread that has this panics: it would wait for it for ever.
#[derive(Clone)]
struct Alarm(SyncSender<News>);

impl Alarm {
    fn send(&self, message: Message) -> bool {
        self.0.send(News::Message(message)).is_ok()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(News::Lost);
        }
    }
}

/// In a build for tests, panics where it is asked to: that the terminal is given back then can't be seen otherwise.
fn panic_on_demand(place: &str) {
    let demanded = || std::env::var("WIRELAB_STEP_PANICS").is_ok_and(|at| at == place);
    assert!(
        !(cfg!(debug_assertions) && demanded()),
        "the {place} panics on demand"
    );
}

/// Has the truth of the run read, if there is any, while the capture is shown already.
fn remember(name: String, to_screen: SyncSender<News>) -> io::Result<()> {
    let read = move || {
        let minds = truth::minds(&name);
        if !minds.is_empty() {
            let told = Told::Truth(minds.into());
            // Nobody listens any more when it is over.
            let _ = to_screen.send(News::Message(Message::Told(told)));
        }
    };
    thread::Builder::new()
        .name("truth".to_owned())
        .spawn(read)?;
    Ok(())
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
            // Without a worker there is news of that, told below.
            if let Wish::Copy(text) = wish {
                if let Err(error) = screen.copy(&text) {
                    let why = format!("can't copy: {error}");
                    model.update(Message::Told(Told::Failed(why)));
                }
            } else {
                let _ = worker.send(wish);
            }
        }
        let drawn = Stopwatch::start();
        screen
            .draw(|frame| {
                tui::draw(&model, frame);
                panic_on_demand("screen");
            })
            .context("can't draw on the terminal")?;
        let first = match model.patience() {
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(patience) => news.recv_timeout(patience),
        };
        let mut next = Some(match first {
            Ok(news) => news,
            Err(RecvTimeoutError::Timeout) => News::Message(Message::Tick(since.elapsed())),
            Err(RecvTimeoutError::Disconnected) => News::Lost,
        });
        // What comes before it is time for another picture is drawn together.
        while let Some(news_of_it) = next {
            let Some(message) = message(news_of_it, screen)? else {
                return Ok(ExitCode::SUCCESS);
            };
            wishes.extend(model.update(message));
            if model.is_over() {
                return Ok(ExitCode::SUCCESS);
            }
            let left = PICTURE.saturating_sub(drawn.elapsed());
            // Answers are waited for that long only when nothing is wished for.
            next = if left.is_zero() || !wishes.is_empty() {
                news.try_recv().ok()
            } else {
                news.recv_timeout(left).ok()
            };
        }
        // Who waits for a time is told it, however much else comes meanwhile.
        if model.patience().is_some() {
            wishes.extend(model.update(Message::Tick(since.elapsed())));
        }
    }
}

/// What that means for the model; `None` to end.
fn message(news: News, screen: &mut Screen) -> Result<Option<Message>> {
    let resize = |(columns, lines)| Message::Resize(columns, lines);
    let gone = "the terminal has gone";
    Ok(Some(match news {
        News::Message(message) => message,
        News::Lost => bail!("reading has ended because of a fault of wirelab's own"),
        News::Input(Input::Key(key))
            if key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL =>
        {
            resize(screen.suspend().context(gone)?)
        }
        News::Input(Input::Stop) => resize(screen.suspend().context(gone)?),
        News::Input(Input::Continue) => resize(screen.resume().context(gone)?),
        News::Input(Input::Key(key)) => Message::Key(key),
        News::Input(Input::Mouse(mouse)) => Message::Mouse(mouse),
        News::Input(Input::Resize(columns, lines)) => Message::Resize(columns, lines),
        News::Input(Input::Signal(_) | Input::Gone) => return Ok(None),
    }))
}
