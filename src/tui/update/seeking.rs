//! Going to the next of something: at once where the rows are at hand, else when the answer comes.

use crate::event::Kept;
use crate::tui::message::Wish;
use crate::tui::model::Model;
use crate::tui::query::Query;
use crate::tui::search::Sought;

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
        self.seek_from(self.cursor, query, Some(what), back, wishes);
    }

    /// The same from another row; without `what` it is not said that there is none.
    pub(super) fn seek_from(
        &mut self,
        from: u64,
        query: &Query,
        what: Option<&str>,
        back: bool,
        wishes: &mut Vec<Wish>,
    ) {
        self.search.let_go();
        match self.at_hand(from, query, back) {
            AtHand::Found(row) => self.cursor = row,
            AtHand::None => self.none_found(what, back),
            AtHand::NotUpTo(from) => {
                let sought = Sought {
                    query: query.clone(),
                    from,
                    back,
                    what: what.map(str::to_owned),
                };
                if self.search.out.is_some() {
                    self.search.next = Some(sought);
                } else {
                    self.send_out(sought, wishes);
                }
            }
        }
    }

    fn send_out(&mut self, sought: Sought, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Find {
            from: sought.from,
            back: sought.back,
            query: sought.query.clone(),
        });
        self.search.out = Some((sought, true));
    }

    /// Asks once more for what has no answer: who reads has begun anew, with more known of every row.
    pub(super) fn ask_again(&mut self, wishes: &mut Vec<Wish>) {
        if let Some((sought, true)) = self.search.out.take() {
            self.send_out(sought, wishes);
        } else if let Some(next) = self.search.next.take() {
            self.send_out(next, wishes);
        }
    }

    fn at_hand(&self, from: u64, query: &Query, back: bool) -> AtHand {
        let mut row = from;
        loop {
            let next = if back {
                row.checked_sub(1)
            } else {
                Some(row + 1)
            };
            let Some(next) = next else {
                return AtHand::None;
            };
            match self.pages.row(next) {
                Some(kept) if query.fits(kept) => return AtHand::Found(next),
                Some(_) => row = next,
                None if next >= self.extent.rows && self.extent.complete => return AtHand::None,
                None => return AtHand::NotUpTo(row),
            }
        }
    }

    /// Takes the answer to what was asked for.
    pub(super) fn found(&mut self, row: Option<u64>, wishes: &mut Vec<Wish>) {
        let Some((sought, wanted)) = self.search.out.take() else {
            return;
        };
        if let Some(next) = self.search.next.take() {
            self.send_out(next, wishes);
            return;
        }
        match row {
            _ if !wanted => {}
            Some(row) => {
                self.extent.rows = self.extent.rows.max(row + 1);
                self.cursor = row;
                if self.quiz.is_asking() {
                    wishes.push(Wish::Board(row));
                }
            }
            None => self.none_found(sought.what.as_deref(), sought.back),
        }
    }

    fn none_found(&mut self, what: Option<&str>, back: bool) {
        let Some(what) = what else {
            return;
        };
        let whole = match self.flow {
            Some(_) => "the connection",
            None => "the capture",
        };
        self.notice = Some(match (back, self.extent.complete) {
            (true, _) => format!("no {what} before this; {whole} begins"),
            (false, true) => format!("no further {what}; {whole} ends"),
            (false, false) => format!("no further {what} in what has been read so far"),
        });
    }

    /// Looks for what was looked for last; for any event if that was nothing.
    pub(super) fn seek_again(&mut self, other_way: bool, wishes: &mut Vec<Wish>) {
        let Some(last) = &mut self.search.last else {
            self.seek(&Query::Event, "event", other_way, wishes);
            return;
        };
        last.marked = true;
        let (query, back) = (last.query.clone(), last.back != other_way);
        let what = format!("“{}”", last.text);
        self.seek(&query, &what, back, wishes);
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
                self.none_found(Some("connection"), false);
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
            _ => self.seek_from(0, &query, Some("connection"), false, wishes),
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
            self.seek_from(0, &Query::Frame(host, frame), None, false, wishes);
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
        self.notice = Some(format!("connection {flow} alone; o shows all again"));
    }
}
