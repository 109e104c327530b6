//! The bottom lines of a terminal, kept for what changes in place while everything else scrolls above them:
//! also what is being typed there, which the terminal itself echoes (ECMA-48, and DECSTBM, DECSC and DECRC of
//! the VT100, which every terminal has kept).

use std::fmt::Write as _;
use std::io::{self, Write};

use terminal_size::{Height, Width, terminal_size};

/// Fewest lines of a terminal that are enough for a panel and something above it.
const LEAST: u16 = 14;
/// Save the cursor, and back to where it was.
const SAVE: &str = "\x1b7";
const RESTORE: &str = "\x1b8";
/// A line down, and what is above moves up where there is no more room; the column stays.
const DOWN: &str = "\x1bD";
/// All lines scroll.
const WHOLE: &str = "\x1b[r";
/// Wipes all below the cursor.
const BELOW: &str = "\x1b[J";

/// The panel.
#[derive(Debug, Default)]
pub(super) struct Panel {
    /// Lines of the terminal when it was laid out.
    rows: u16,
    /// Lines of the panel; 0 while there is none.
    height: u16,
}

impl Panel {
    /// Columns and lines of the terminal, where a panel has room.
    pub(super) fn room() -> Option<(u16, u16)> {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let (Width(columns), Height(rows)) = terminal_size()?;
        (!dumb && rows >= LEAST && columns > 0).then_some((columns, rows))
    }

    /// Shows these lines, none of them wider than the terminal, which has so many lines.
    pub(super) fn show(
        &mut self,
        lines: &[String],
        rows: u16,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // In one piece: nothing else may come between moving the cursor and moving it back.
        let mut said = String::new();
        if self.height > 0 && self.rows != rows {
            self.height = 0;
            let _ = write!(said, "{SAVE}{WHOLE}{RESTORE}{BELOW}");
        }
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(rows / 2);
        if height > self.height {
            self.make_room(height, rows, &mut said);
        }
        let _ = write!(said, "\x1b[?25l{SAVE}");
        for at in 0..self.height {
            let line = lines.get(usize::from(at)).map_or("", |line| line);
            // Wiped before and not after: behind the last column the cursor still stands on it.
            let _ = write!(said, "\x1b[{};1H\x1b[2K{line}", rows - self.height + 1 + at);
        }
        let _ = write!(said, "{RESTORE}\x1b[?25h");
        out.write_all(said.as_bytes())?;
        out.flush()
    }

    /// Moves what is there up, cursor and all, and has the rest scroll alone.
    fn make_room(&mut self, height: u16, rows: u16, said: &mut String) {
        let more = height - self.height;
        let down = DOWN.repeat(usize::from(more));
        if self.height == 0 {
            let _ = write!(said, "{down}\x1b[{more}A");
        } else {
            let last = rows - self.height;
            let _ = write!(said, "{SAVE}\x1b[{last};1H{down}{RESTORE}\x1b[{more}A");
        }
        // Setting what scrolls puts the cursor into a corner.
        let _ = write!(said, "{SAVE}\x1b[1;{}r{RESTORE}", rows - height);
        (self.height, self.rows) = (height, rows);
    }

    /// Takes it away.
    pub(super) fn release(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.height == 0 {
            return Ok(());
        }
        self.height = 0;
        write!(out, "{SAVE}{WHOLE}{RESTORE}{BELOW}")?;
        out.flush()
    }
}

/// Begins a new line where the cursor is within one, as behind what somebody has begun to type, and else does
/// nothing that is seen: as many spaces as a line has end exactly at its end, or in the next one.
pub(super) fn new_line_if_within_one(columns: u16) -> String {
    format!("{}\r\x1b[K", " ".repeat(columns.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(panel: &mut Panel, lines: &[&str], rows: u16) -> String {
        let lines: Vec<String> = lines.iter().map(|it| (*it).to_owned()).collect();
        let mut out = Vec::new();
        panel.show(&lines, rows, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn room_is_made_once_and_more_when_more_is_needed() {
        let mut panel = Panel::default();
        let first = shown(&mut panel, &["one", "two"], 24);
        assert!(
            first.starts_with("\x1bD\x1bD\x1b[2A\x1b7\x1b[1;22r\x1b8"),
            "{first:?}"
        );
        assert!(
            first.contains("\x1b[23;1H\x1b[2Kone\x1b[24;1H\x1b[2Ktwo"),
            "{first:?}"
        );
        let again = shown(&mut panel, &["three"], 24);
        assert!(!again.contains("r\x1b8"), "{again:?}");
        assert!(
            again.contains("\x1b[24;1H\x1b[2K\x1b8"),
            "what was there is wiped: {again:?}"
        );
        let more = shown(&mut panel, &["1", "2", "3"], 24);
        assert!(
            more.starts_with("\x1b7\x1b[22;1H\x1bD\x1b8\x1b[1A\x1b7\x1b[1;21r\x1b8"),
            "{more:?}"
        );
    }

    #[test]
    fn it_takes_no_more_than_half_and_follows_the_size_of_the_terminal() {
        let mut panel = Panel::default();
        let lines = ["x"; 30];
        assert_eq!(shown(&mut panel, &lines, 20).matches("2Kx").count(), 10);
        let grown = shown(&mut panel, &lines, 40);
        assert!(grown.starts_with("\x1b7\x1b[r\x1b8\x1b[J"), "{grown:?}");
        assert_eq!(grown.matches("2Kx").count(), 20);
        let mut out = Vec::new();
        panel.release(&mut out).unwrap();
        panel.release(&mut out).unwrap();
        assert_eq!(out, b"\x1b7\x1b[r\x1b8\x1b[J");
    }
}
