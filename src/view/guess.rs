//! What somebody thinks the next segment of a connection will be, held against what it is, and why it is that.

use crate::event::{Board, HalfBoard, Kind, Note, Segment, Side, TcpState, units};
use crate::wire::tcp::Flags;

/// What somebody thinks; what is `None` they did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// Who sends it.
    pub from: Option<Side>,
    /// Its flags, apart from PSH and those of ECN.
    pub flags: Option<Flags>,
    /// Its relative sequence number.
    pub seq: Option<u32>,
    /// Its relative acknowledgment number.
    pub ack: Option<u32>,
    /// Its window, in bytes.
    pub window: Option<u32>,
}

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What.
    pub asked: &'static str,
    /// Whether they were right; `None` when they did not say.
    pub right: Option<bool>,
    /// What they said; empty for nothing.
    pub said: String,
    /// What it was.
    pub was: String,
    /// Why it was that, in a sentence or two.
    pub why: String,
    /// Where that is written.
    pub rfc: &'static str,
}

/// Flags that are asked for. PSH depends on how the program wrote, and ECN's on the path.
const ASKED: Flags =
    Flags(Flags::FIN.0 | Flags::SYN.0 | Flags::RST.0 | Flags::ACK.0 | Flags::URG.0);

/// Of a window so many parts of a hundred may be missed by: how full a buffer is can't be known from outside.
const WINDOW_LEEWAY: u64 = 20;

/// Everything that was asked. `before` is how the connection stood before the segment, where that is known.
pub fn answers(guess: &Guess, next: &Segment<'_>, before: Option<&Board>) -> Vec<Answer> {
    let known = Known {
        s: next,
        own: before.map(|board| board.of(next.dir.0)),
        other: before.map(|board| board.of(next.dir.0.other())),
    };
    vec![
        known.from(guess.from),
        known.flags(guess.flags),
        known.seq(guess.seq),
        known.ack(guess.ack),
        known.window(guess.window),
    ]
}

/// What the answers are made of.
struct Known<'a> {
    s: &'a Segment<'a>,
    /// What its sender has sent before it, and what the other side has.
    own: Option<&'a HalfBoard>,
    other: Option<&'a HalfBoard>,
}

impl Known<'_> {
    fn note(&self, kinds: &[Kind]) -> Option<&Note> {
        let mut notes = self.s.notes.iter();
        notes.find(|note| kinds.contains(&note.kind))
    }

    fn from(&self, said: Option<Side>) -> Answer {
        let s = self.s;
        let name = |side: Side| {
            let end = if side == s.dir.0 { s.src } else { s.dst };
            format!("{end}, the {}", side.name())
        };
        let flags = s.flags;
        let (why, rfc) = if let Some(note) = self.note(&[Kind::Retransmission]) {
            (format!("It sends again: {}.", note.why()), note.rfc)
        } else if flags.rst() {
            ("It breaks the connection off.".to_owned(), "RFC 9293 3.5.2")
        } else if flags.syn() && flags.ack() {
            let why = "A SYN had come; who listens answers it with a SYN of its own and an ACK in one segment.";
            (why.to_owned(), "RFC 9293 3.5")
        } else if flags.syn() {
            let why = "Who wants a connection begins: there is nobody else to.";
            (why.to_owned(), "RFC 9293 3.5")
        } else if s.state_before[s.dir.0.other().index()] == TcpState::SynReceived {
            let why = "The SYN-ACK had come, and its own numbers want to be acknowledged: the third step of three.";
            (why.to_owned(), "RFC 9293 3.5")
        } else if flags.fin() {
            let why =
                "Its program has no more to send, and closed; each side closes its own direction.";
            (why.to_owned(), "RFC 9293 3.6")
        } else if s.len > 0 {
            let why = format!(
                "Its program had something to send, and the window of the other side has room for it{}.",
                match self.own.and_then(|own| own.wnd) {
                    Some(wnd) => format!(" ({})", units::bytes(wnd.into())),
                    None => String::new(),
                }
            );
            (why, "RFC 9293 3.8.6")
        } else {
            self.why_ack_from()
        };
        Answer {
            asked: "who sends",
            right: said.map(|side| side == s.dir.0),
            said: said
                .map(|side| format!("the {}", side.name()))
                .unwrap_or_default(),
            was: name(s.dir.0),
            why,
            rfc,
        }
    }

    /// Why somebody sends a bare ACK.
    fn why_ack_from(&self) -> (String, &'static str) {
        if let Some(note) = self.s.notes.first() {
            return (format!("{}: {}.", note.kind, note.why()), note.rfc);
        }
        let news = match (self.s.ack, self.other.and_then(|other| other.una)) {
            (Some(ack), Some(una)) => ack.wrapping_sub(una),
            _ => 0,
        };
        let why = if news > 0 && news < 1 << 31 {
            format!(
                "{} of the other side had come and wanted an ACK: one is due for at least every second full \
                 segment, and in any case within half a second.",
                units::plural(news.into(), "number")
            )
        } else {
            "It has nothing to send, and says how far it has got.".to_owned()
        };
        (why, "RFC 9293 3.8.6.3")
    }

    fn flags(&self, said: Option<Flags>) -> Answer {
        let s = self.s;
        let asked = Flags(s.flags.0 & ASKED.0);
        let mut why = match (asked.syn(), asked.fin(), asked.rst(), asked.ack()) {
            (true, _, _, true) => {
                "SYN, as its own numbers begin here, and ACK for the SYN of the other side."
            }
            (true, ..) => "SYN: its numbers begin here. There is nothing to acknowledge yet, so there is no ACK.",
            (_, _, true, true) => "RST ends it at once, and ACK says what it was the answer to.",
            (_, _, true, _) => "RST ends it at once; no more is said after it.",
            (_, true, ..) => {
                "FIN says that no data comes after it; ACK as on all segments of an open connection."
            }
            _ => "Once the connection is open every segment has ACK: saying how far one has got costs nothing.",
        }
        .to_owned();
        if s.flags.psh() {
            why.push_str(
                " PSH, which was not asked for: its program had written no more just then.",
            );
        }
        Answer {
            asked: "flags",
            right: said.map(|flags| Flags(flags.0 & ASKED.0) == asked),
            said: said.map(words).unwrap_or_default(),
            was: words(s.flags),
            why,
            rfc: if s.flags.psh() {
                "RFC 9293 3.1, 3.9.1.2"
            } else {
                "RFC 9293 3.1"
            },
        }
    }

    fn seq(&self, said: Option<u32>) -> Answer {
        let s = self.s;
        let nxt = self.own.and_then(|own| own.nxt);
        let (why, rfc) = match nxt {
            _ if s.flags.syn() => (
                format!(
                    "The SYN takes the initial number, {} on the wire, which is counted as 0 here.",
                    s.seq_raw
                ),
                "RFC 9293 3.4.1",
            ),
            Some(nxt) if nxt == s.seq => (self.why_next(nxt), "RFC 9293 3.4"),
            Some(nxt) => self.why_not_next(nxt),
            None if self.own.is_some() => (
                "Nothing that it sent before is in the capture.".to_owned(),
                "RFC 9293 3.4",
            ),
            None => (
                "Each side goes on from the number after the last one it sent, its SND.NXT."
                    .to_owned(),
                "RFC 9293 3.4",
            ),
        };
        Answer {
            asked: "seq",
            right: said.map(|seq| seq == s.seq),
            said: said.map(number).unwrap_or_default(),
            was: number(s.seq),
            why,
            rfc,
        }
    }

    /// It goes on where it stopped.
    fn why_next(&self, nxt: u32) -> String {
        let mut why = format!(
            "It has sent everything before {}: that is its SND.NXT, the next number to send.",
            number(nxt)
        );
        if nxt == 1 {
            why.push_str(" Its SYN took number 0.");
        }
        if self.s.len == 0 && !self.s.flags.fin() {
            why.push_str(" A segment without data carries it, too, and takes no number.");
        }
        why
    }

    fn why_not_next(&self, nxt: u32) -> (String, &'static str) {
        let instead = format!("not its SND.NXT, {}", number(nxt));
        if let Some(note) = self.note(&[Kind::Retransmission]) {
            let why = format!("{instead}: old numbers once more. {}.", note.why());
            return (why, note.rfc);
        }
        if let Some(note) = self.note(&[Kind::KeepAlive, Kind::ZeroWindowProbe]) {
            let why = format!(
                "{instead}, but an old one, which has to be answered. {}.",
                note.why()
            );
            return (why, note.rfc);
        }
        if let Some(note) = self.s.notes.first() {
            return (
                format!("{instead}. {}: {}.", note.kind, note.why()),
                note.rfc,
            );
        }
        let why = if self.s.seq.wrapping_sub(nxt) < 1 << 31 {
            format!("{instead}: what is between them the capture has not seen.")
        } else {
            format!("{instead}: it was overtaken by later ones.")
        };
        (why, "RFC 9293 3.4")
    }

    fn ack(&self, said: Option<u32>) -> Answer {
        let s = self.s;
        let nxt = self.other.and_then(|other| other.nxt);
        let why = match (s.ack, nxt) {
            (None, _) => "It has no ACK, so the number in its place means nothing.".to_owned(),
            (Some(ack), Some(nxt)) if ack == nxt => {
                let flag = match ack {
                    1 => " The SYN takes a number, and so does a FIN.",
                    _ => "",
                };
                format!(
                    "All that the other side has sent has come: {} is the next number expected of it.{flag}",
                    number(ack)
                )
            }
            (Some(ack), Some(nxt)) if nxt.wrapping_sub(ack) < 1 << 31 => format!(
                "The other side has sent up to {}, but an ACK names the first number that has not come yet \
                 (or that it has not dealt with): {} of them are not acknowledged.",
                number(nxt),
                number(nxt.wrapping_sub(ack))
            ),
            (Some(_), None) => {
                "An ACK names the next number that is expected of the other side.".to_owned()
            }
            (Some(ack), _) => format!(
                "{} is the next number it expects of the other side, though the capture has not seen all before it.",
                number(ack)
            ),
        };
        Answer {
            asked: "ack",
            // Who said nothing where there is nothing is as right as one can be, but has not said it.
            right: said.map(|ack| s.ack == Some(ack)),
            said: said.map(number).unwrap_or_default(),
            was: s.ack.map_or_else(|| "none".to_owned(), number),
            why,
            rfc: "RFC 9293 3.4",
        }
    }

    fn window(&self, said: Option<u32>) -> Answer {
        let s = self.s;
        let window = s.window_bytes.unwrap_or(s.window.into());
        let close = |said: u32| {
            let most = u64::from(said.max(window));
            u64::from(said.abs_diff(window)) * 100 <= most * WINDOW_LEEWAY
        };
        // What the other side may send is what this one advertised before.
        let before = self.other.and_then(|other| other.wnd);
        let buffer = "how much of its receive buffer is free, which nobody else can know exactly; near it counts \
                      as right";
        let why = match before {
            _ if window == 0 => {
                "Its receive buffer is full: its program does not read, and the other side has to wait.".to_owned()
            }
            None => format!("It says {buffer}."),
            Some(before) if before == window => {
                format!("As before. It says {buffer}.")
            }
            Some(before) if before > window => format!(
                "{} before: what has come in since waits to be read by its program. It says {buffer}.",
                number(before)
            ),
            Some(before) => format!(
                "{} before: its program has read, or its buffer has grown. It says {buffer}.",
                number(before)
            ),
        };
        Answer {
            asked: "window",
            right: said.map(close),
            said: said.map(number).unwrap_or_default(),
            was: number(window),
            why,
            rfc: "RFC 9293 3.8.6",
        }
    }
}

fn number(number: u32) -> String {
    units::count(number.into())
}

/// `SYN ACK`.
pub fn words(flags: Flags) -> String {
    super::ladder::flags(flags)
}
