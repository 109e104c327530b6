//! How far a long read has come, on standard error.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::io::Source;

/// Nothing is shown of what is over before anyone wonders.
const PATIENCE: Duration = Duration::from_millis(500);

/// A line on standard error that comes after a while and goes before the results.
pub(super) struct Progress {
    /// `None` when it is never to be shown.
    bar: Option<ProgressBar>,
    shown: bool,
}

impl Progress {
    /// `streams` says that results are written while reading: on a terminal they show the progress
    /// better than a line that gets in their way.
    pub(super) fn new(streams: bool) -> Self {
        let wanted = io::stderr().is_terminal() && !(streams && io::stdout().is_terminal());
        Self {
            bar: wanted.then(ProgressBar::hidden),
            shown: false,
        }
    }

    /// Takes a look at the source.
    pub(super) fn watch(&mut self, source: &dyn Source) {
        let Some(bar) = &self.bar else { return };
        let progress = source.progress();
        if !self.shown {
            if bar.elapsed() < PATIENCE {
                return;
            }
            self.shown = true;
            show(bar, progress.total);
        }
        bar.set_position(progress.read);
    }

    /// Wipes it away.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn show(bar: &ProgressBar, total: Option<u64>) {
    let template = match total {
        Some(total) => {
            bar.set_length(total);
            "reading {bar:30} {percent}% of {total_bytes}, {bytes_per_sec}, {eta} left"
        }
        None => "reading {spinner} {bytes}, {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
}
