//! Rows that stand at a host: what its programs ask for, and what its kernel has in mind.

use std::io::{self, Write};

use super::{Both, Paint, Says, Turn, aside, glyphs, queues};
use crate::event::{Call, Host, Reading};
use crate::frame::Timestamp;
use crate::view::text;

impl Both {
    /// A row with words at the hosts, and the time beside the host that they are of.
    pub(super) fn at_hosts(&mut self, words: [(Paint, &str); 2], at: Option<(Host, Timestamp)>) {
        let cell = |host: Host| match at {
            Some((of, time)) if of == host => {
                self.cell(None, &self.seconds(time), host == Host::Client)
            }
            _ => String::new(),
        };
        let [left, right] = [cell(Host::Client), cell(Host::Server)];
        let (layout, style) = (self.layout, &self.style);
        let line = glyphs(style).line.to_string();
        let pen = self.pen.clear().pad_to(layout.figures);
        pen.plain(&left).pad_to(layout.left);
        pen.put(style, Paint::Dim, &line).plain(" ");
        pen.put(style, words[0].0, words[0].1);
        pen.pad_to((layout.right() - 1).saturating_sub(text::width(words[1].1)));
        pen.put(style, words[1].0, words[1].1).plain(" ");
        pen.put(style, Paint::Dim, &line).plain(&right);
    }

    /// A row that is of one host.
    pub(super) fn at_host(&mut self, host: Host, time: Timestamp, paint: Paint, words: &str) {
        let room = self.layout.inner.saturating_sub(2);
        let words = text::fit(words, room);
        let mut both = [(paint, ""); 2];
        both[host.index()].1 = &words;
        self.at_hosts(both, Some((host, time)));
    }

    pub(super) fn call(&mut self, call: &Call<'_>, out: &mut dyn Write) -> io::Result<()> {
        if !self.shows.calls {
            return Ok(());
        }
        self.begin(call.time, out)?;
        if self.fold.is_over(call.time) {
            self.unfold(out)?;
        }
        let turn = if self.style.all {
            Turn::Show
        } else if call.routine && !queues::is_told(call) {
            self.fold.call(0, call.time)
        } else {
            self.unfold(out)?;
            Turn::Show
        };
        if turn == Turn::Counted {
            return Ok(());
        }
        let words = aside::call(call, &self.style, self.layout.inner.saturating_sub(2));
        let paint = if call.errno.is_some() {
            Paint::Trouble
        } else {
            Paint::Good
        };
        self.at_host(call.host, call.time, paint, &words);
        let mut row = format!("{}\n", self.pen.finish());
        if let Some(held) = self.queues.beside(call, &self.style)
            && self.shows.figures
        {
            let mut both = [(Paint::State, ""); 2];
            let room = self.layout.inner.saturating_sub(2);
            let held = text::fit(&held, room);
            both[call.host.index()].1 = &held;
            self.at_hosts(both, None);
            row.push_str(self.pen.finish());
            row.push('\n');
        }
        if turn == Turn::Keep {
            self.fold.keep(row);
        } else if self.rows == 0 {
            self.early.extend(row.as_bytes());
        } else {
            self.drawn = true;
            out.write_all(row.as_bytes())?;
        }
        Ok(())
    }

    /// Shows what happened on hosts that never sent anything.
    pub(super) fn without_packets(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.early.is_empty() {
            return Ok(());
        }
        self.hosts(None, out)?;
        self.drawn = true;
        out.write_all(&std::mem::take(&mut self.early))
    }

    pub(super) fn reading(&mut self, reading: &Reading, out: &mut dyn Write) -> io::Result<()> {
        if !self.shows.figures || self.rows == 0 {
            return Ok(());
        }
        self.unfold(out)?;
        let words = aside::reading(reading, &self.style);
        self.at_host(reading.host, reading.time, Paint::State, &words);
        writeln!(out, "{}", self.pen.finish())?;
        // Each reason is given once at a host; the rest is the same again.
        let because = reading.because.filter(|because| {
            let of = (reading.host, *because);
            let new = !self.reasons.contains(&of);
            self.reasons.extend(new.then_some(of));
            new || self.style.all
        });
        let mut says = Says::default();
        if let Some(because) = because {
            says.add(reading.host, Paint::State, because.words().to_owned());
        }
        says.write(&mut self.pen, &self.style, self.layout, out)
    }
}
