//! Where results go, and how they look there.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};

use anyhow::{Context, Result};
use encoding_rs::Encoding;
use terminal_size::{Width, terminal_size};

use crate::cli;
use crate::view::Style;

/// Room for several hundred lines: one system call for them, and little to wait for.
const BUFFER: usize = 64 * 1024;
/// Where neither a terminal nor the environment says how wide a line may be.
const COLUMNS: u16 = 80;

/// What standard output is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// Whether it is a terminal.
    pub(super) is_one: bool,
    /// Its width in columns, or what the environment says.
    columns: Option<u16>,
}

impl Terminal {
    /// Looks at standard output and the environment.
    pub(super) fn look() -> Self {
        let is_one = io::stdout().is_terminal();
        let size = || terminal_size().map(|(Width(columns), _)| columns);
        let said = || env::var("COLUMNS").ok()?.parse().ok();
        let columns = if is_one { size().or_else(said) } else { said() };
        Self {
            is_one,
            columns: columns.filter(|&columns: &u16| columns > 0),
        }
    }
}

/// Standard output, buffered.
pub(super) fn stdout() -> BufWriter<impl Write> {
    BufWriter::with_capacity(BUFFER, io::stdout().lock())
}

/// The style that the options and the terminal make.
///
/// # Errors
///
/// When the encoding is unknown.
pub(super) fn style(output: &cli::Output, view: &cli::View, terminal: Terminal) -> Result<Style> {
    let color = match output.color {
        cli::Color::Always => true,
        cli::Color::Never => false,
        cli::Color::Auto => terminal.is_one && color_is_welcome(),
    };
    Ok(Style {
        width: output.width.or(terminal.columns).unwrap_or(COLUMNS),
        color,
        unicode: !output.ascii && locale_is_unicode(),
        encoding: view.encoding.as_deref().map(encoding).transpose()?,
        all: view.all,
        ..Style::default()
    })
}

fn encoding(name: &str) -> Result<&'static Encoding> {
    Encoding::for_label(name.as_bytes()).with_context(|| {
        format!("--encoding {}: not an encoding known here; try utf-8, gbk, gb18030, big5, shift-jis, euc-kr or latin1", name.escape_debug())
    })
}

/// <https://no-color.org>, and terminals that say they can't.
fn color_is_welcome() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the locale asks for UTF-8. Where none is set there is no reason to think otherwise:
/// containers and services have none, and what they write is read elsewhere.
fn locale_is_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8")
            || locale.contains("utf8")
            || !(locale == "c" || locale == "posix" || locale.contains('.'))
    })
}
