//! Going to the next of something: at once where the rows are at hand, else when the answer comes.

use crate::event::{Kept, units};
use crate::tui::message::{Hit, Wish};
use crate::tui::model::Model;
use crate::tui::query::Query;
use crate::tui::search::{Aim, Sought};

/// What the rows at hand tell.
enum AtHand {
    Found(u64),
    /// There is none.
    None,
    /// It is not among those between here and that row.
    NotUpTo(u64),
}

impl Model {
    /// Goes to the next row, or with `back` the one before, that the query fits, and says so if there is none.
    pub(super) fn seek(&mut self, query: &Query, what: &str, back: bool, wishes: &mut Vec<Wish>) {
        let turn = match (query, back) {
            (Query::Event, false) => Some('E'),
            (Query::Event, true) => Some('e'),
            (Query::Problem, false) => Some('P'),
            (Query::Problem, true) => Some('p'),
            _ => None,
        };
        let aim = Aim {
            query: query.clone(),
            back,
            what: Some(what.to_owned()),
            turn,
        };
        self.seek_from(self.cursor, aim, wishes);
    }

    /// The same for a kind of row that has a key of its own.
    pub(super) fn seek_kind(&mut self, kind: Query, back: bool, wishes: &mut Vec<Wish>) {
        self.seek(&kind, kind.called(), back, wishes);
        self.search.kind = kind;
    }

    /// The same from another row.
    pub(super) fn seek_from(&mut self, from: u64, aim: Aim, wishes: &mut Vec<Wish>) {
        // A key that is held down does not begin what is under way again and again.
        let same = |out: &Sought| out.aim == aim && out.origin == from;
        if self.search.pending().is_some_and(same) {
            return;
        }
        self.give_up(wishes);
        match self.at_hand(from, &aim) {
            AtHand::Found(row) => self.cursor = row,
            AtHand::None => self.none_found(from, &aim),
            AtHand::NotUpTo(after) => {
                let sought = Sought {
                    aim,
                    origin: from,
                    from: after,
                    at: None,
                };
                self.send_out(sought, wishes);
            }
        }
    }

    fn send_out(&mut self, sought: Sought, wishes: &mut Vec<Wish>) {
        self.search.number += 1;
        wishes.push(Wish::Find {
            search: self.search.number,
            from: sought.from,
            back: sought.aim.back,
            query: sought.aim.query.clone(),
        });
        self.search.out = Some(sought);
    }

    /// Ends the search that is under way, if one is; gives it.
    pub(super) fn give_up(&mut self, wishes: &mut Vec<Wish>) -> Option<Sought> {
        let sought = self.search.out.take()?;
        wishes.push(Wish::LetBe);
        Some(sought)
    }

    /// Ends the search because somebody wants that, and says how far it was.
    pub(super) fn let_be(&mut self, wishes: &mut Vec<Wish>) {
        if let Some(sought) = self.give_up(wishes) {
            let what = sought.aim.what.as_deref().unwrap_or("it");
            let row = units::count(sought.at.unwrap_or(sought.from) + 1);
            self.notice = Some(format!(
                "looked for {what} as far as row {row}, and let it be"
            ));
        }
    }

    fn at_hand(&self, from: u64, aim: &Aim) -> AtHand {
        let mut row = from;
        loop {
            let next = if aim.back {
                row.checked_sub(1)
            } else {
                Some(row + 1)
            };
            let Some(next) = next else {
                return AtHand::None;
            };
            match self.pages.row(next) {
                // Text can go on in rows that are not at hand.
                Some(_) if aim.query.is_text() => return AtHand::NotUpTo(row),
                Some(kept) if aim.query.fits(kept) => return AtHand::Found(next),
                Some(_) => row = next,
                None if next >= self.extent.rows && self.extent.complete => return AtHand::None,
                None => return AtHand::NotUpTo(row),
            }
        }
    }

    /// Takes the answer to what was asked for; one to an earlier search is none.
    pub(super) fn found(
        &mut self,
        search: u64,
        found: Result<Option<Hit>, String>,
        wishes: &mut Vec<Wish>,
    ) {
        if search != self.search.number {
            return;
        }
        let Some(sought) = self.search.out.take() else {
            return;
        };
        match found {
            Ok(Some(hit)) => {
                self.extent.rows = self.extent.rows.max(hit.row + 1);
                self.cursor = hit.row;
                if let Some(what) = sought.aim.what.filter(|_| hit.goes_on) {
                    let how = "begins in this segment and goes on in the bytes that follow it";
                    self.notice = Some(format!("{what} {how}"));
                }
                if self.quiz.is_asking() {
                    wishes.push(Wish::Board(hit.row));
                }
            }
            Ok(None) => self.none_found(sought.origin, &sought.aim),
            Err(why) => self.notice = Some(why),
        }
    }

    /// Takes in how far a search is.
    pub(super) fn searching(&mut self, search: u64, row: u64) {
        if search == self.search.number
            && let Some(sought) = &mut self.search.out
        {
            sought.at = Some(row);
        }
    }

    /// Says what was looked for, and where.
    fn none_found(&mut self, from: u64, aim: &Aim) {
        let Some(what) = &aim.what else {
            return;
        };
        let of = match self.flow {
            Some(flow) => format!(" of connection #{flow}"),
            None => String::new(),
        };
        let row = |row: u64| units::count(row + 1);
        let last = self.extent.rows.saturating_sub(1);
        let end = if self.extent.complete {
            ", the last"
        } else {
            ", the latest so far"
        };
        let (first, until, end) = if aim.back {
            (0, from.saturating_sub(1), "")
        } else {
            (from + 1, last, end)
        };
        let place = match (aim.back, first) {
            (true, _) if from == 0 => format!("before the first row{of}"),
            (false, first) if first > last => format!("after row {}{of}{end}", row(from)),
            (_, first) if first == until => format!("in row {}{of}{end}", row(first)),
            (_, first) => format!("in rows {} to {}{of}{end}", row(first), row(until)),
        };
        let turned = Aim {
            back: !aim.back,
            ..aim.clone()
        };
        let (on, other) = if aim.back {
            ("further on", "after it")
        } else {
            ("before", "before it")
        };
        let turn = match (aim.turn, self.at_hand(from, &turned)) {
            (None, _) => String::new(),
            (Some(_), AtHand::None) => format!(", and none {other}"),
            (Some(key), AtHand::Found(there)) => format!("; {key} goes to row {}", row(there)),
            (Some(key), AtHand::NotUpTo(_)) => format!("; {key} looks {on}"),
        };
        self.notice = Some(format!("no {what} {place}{turn}"));
    }

    /// Looks for what was looked for last: what was written, else what a key stands for.
    pub(super) fn seek_again(&mut self, other_way: bool, wishes: &mut Vec<Wish>) {
        let Some(last) = &mut self.search.last else {
            let kind = self.search.kind.clone();
            self.seek(&kind, kind.called(), other_way, wishes);
            return;
        };
        last.marked = true;
        let aim = Aim {
            query: last.query.clone(),
            back: last.back != other_way,
            what: Some(format!("“{}”", last.text)),
            turn: Some(if other_way { 'n' } else { 'N' }),
        };
        self.seek_from(self.cursor, aim, wishes);
    }

    /// Goes to what was just written. A frame and a connection stand in one place, whichever way that is.
    pub(super) fn seek_written(&mut self, wishes: &mut Vec<Wish>) {
        let written = self.search.last.as_ref();
        match (written.map(|last| &last.query), self.current()) {
            (Some(Query::Frame(_, frame)), Some(here)) => {
                let (frame, here) = (*frame, here.frame);
                if let Some(last) = &mut self.search.last {
                    last.back = frame < here;
                }
                if frame == here {
                    self.notice = Some(format!("this is frame {frame}"));
                } else {
                    self.seek_again(false, wishes);
                }
            }
            (Some(Query::Flow(flow)), _) if self.flow.is_none() => {
                let flow = *flow;
                self.go_to_first_of(flow, wishes);
            }
            _ => self.seek_again(false, wishes),
        }
    }

    /// Goes to the first segment of the connection after the one looked at, or before it. Where one is looked at
    /// alone, the other is then.
    pub(super) fn seek_flow(&mut self, back: bool, wishes: &mut Vec<Wish>) {
        let here = self.flow.or_else(|| {
            let segment = self.current().and_then(Kept::segment)?;
            Some(segment.flow)
        });
        let flow = match here {
            Some(flow) if back => flow.checked_sub(1),
            Some(flow) => flow.checked_add(1),
            None => {
                // Between connections, as in an ARP exchange, the next one is whichever has a segment next.
                self.seek(&Query::AnyFlow, "connection", back, wishes);
                return;
            }
        };
        let known = self.list.flows.len() as u32;
        match flow {
            None => self.notice = Some("no connection before this one".to_owned()),
            Some(flow) if known > 0 && flow >= known => {
                self.notice = Some("no connection after this one".to_owned());
            }
            Some(flow) if self.flow.is_some() => self.look_at(Some(flow), None, wishes),
            Some(flow) => self.go_to_first_of(flow, wishes),
        }
    }

    /// Goes to the first segment of a connection among all.
    fn go_to_first_of(&mut self, flow: u32, wishes: &mut Vec<Wish>) {
        let query = Query::Flow(flow);
        // Looking on begins after a row, which leaves out the very first.
        match self.pages.row(0) {
            Some(row) if query.fits(row) => self.cursor = 0,
            _ => {
                let aim = Aim {
                    query,
                    back: false,
                    what: Some(format!("segment of connection #{flow}")),
                    turn: None,
                };
                self.seek_from(0, aim, wishes);
            }
        }
    }

    /// Looks at one connection alone, or at all, from that frame on.
    pub(super) fn look_at(
        &mut self,
        flow: Option<u32>,
        frame: Option<u64>,
        wishes: &mut Vec<Wish>,
    ) {
        // A frame's number is of one capture, where two are looked at.
        let host = self.current().and_then(Kept::host);
        self.view += 1;
        self.flow = flow;
        self.forget_rows();
        let number = self.view;
        wishes.push(Wish::View { number, flow });
        self.carry_marks(wishes);
        if let Some(frame) = frame {
            let aim = Aim {
                query: Query::Frame(host, frame),
                back: false,
                what: None,
                turn: None,
            };
            self.seek_from(0, aim, wishes);
        }
    }

    /// This connection alone, or all again; the row looked at stays the same.
    pub(super) fn toggle_alone(&mut self, wishes: &mut Vec<Wish>) {
        let frame = self.current().map(|row| row.frame);
        if self.flow.is_some() {
            self.look_at(None, frame, wishes);
            return;
        }
        let Some(segment) = self.current().and_then(Kept::segment) else {
            let none = "this is no segment of a connection, so there is none to follow";
            self.notice = Some(none.to_owned());
            return;
        };
        let flow = segment.flow;
        self.look_at(Some(flow), frame, wishes);
        self.notice = Some(format!("connection #{flow} alone; o shows all again"));
    }
}
