//! Asking what comes next: what was filled in, and how often it was right.

use crate::event::{Board, Side};
use crate::view::guess::{Answer, Guess};
use crate::wire::tcp::Flags;

/// The flags there are to choose from.
pub(super) const FLAGS: [Flags; 7] = [
    Flags::SYN,
    Flags(Flags::SYN.0 | Flags::ACK.0),
    Flags::ACK,
    Flags(Flags::FIN.0 | Flags::ACK.0),
    Flags::RST,
    Flags(Flags::RST.0 | Flags::ACK.0),
    Flags(0),
];
/// Numbers have no more digits.
const MOST_DIGITS: usize = 10;

/// What is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Field {
    #[default]
    From,
    Flags,
    Seq,
    Ack,
    Window,
}

impl Field {
    pub(super) const ALL: [Self; 5] = [Self::From, Self::Flags, Self::Seq, Self::Ack, Self::Window];

    /// The question.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::From => "who sends",
            Self::Flags => "flags",
            Self::Seq => "seq",
            Self::Ack => "ack",
            Self::Window => "window",
        }
    }
}

/// Where in a question we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is asked.
    #[default]
    Off,
    /// What comes after the cursor is hidden.
    Asking,
    /// The row at the cursor is the answer.
    Told,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Quiz {
    pub(super) stage: Stage,
    pub(super) field: Field,
    pub(super) from: Option<Side>,
    /// Place among [`FLAGS`].
    pub(super) flags: Option<usize>,
    /// Sequence number, acknowledgment number and window, as digits.
    pub(super) numbers: [String; 3],
    /// How the connection stood when it was asked, and after which row.
    pub(super) board: Option<(u64, Box<Board>)>,
    /// So many were right, of so many that were answered.
    pub(super) score: (u32, u32),
    /// The first line of the answer that is on the screen.
    pub(super) top: usize,
}

impl Quiz {
    /// Whether what comes after the cursor must not be seen.
    pub(super) fn is_asking(&self) -> bool {
        self.stage == Stage::Asking
    }

    /// Whether any of it is on the screen.
    pub(super) fn is_on(&self) -> bool {
        self.stage != Stage::Off
    }

    /// Begins a question with everything empty.
    pub(super) fn ask(&mut self) {
        *self = Self {
            stage: Stage::Asking,
            score: self.score,
            ..Self::default()
        };
    }

    /// What was filled in.
    pub(super) fn guess(&self) -> Guess {
        let [seq, ack, window] = &self.numbers;
        let number = |digits: &String| digits.parse().ok();
        Guess {
            from: self.from,
            flags: self.flags.and_then(|at| FLAGS.get(at)).copied(),
            seq: number(seq),
            ack: number(ack),
            window: number(window),
        }
    }

    /// Counts what was right.
    pub(super) fn count(&mut self, answers: &[Answer]) {
        for right in answers.iter().filter_map(|answer| answer.right) {
            self.score.0 += u32::from(right);
            self.score.1 += 1;
        }
    }

    /// The next field, or one before.
    pub(super) fn next_field(&mut self, by: usize) {
        let at = self.field as usize + by;
        if let Some(field) = Field::ALL.get(at % Field::ALL.len()) {
            self.field = *field;
        }
    }

    /// The next choice of a field that has choices; the one after the last is none.
    pub(super) fn next_choice(&mut self, back: bool) {
        let turn = |at: Option<usize>, count: usize| {
            let at = at.map_or(0, |at| at + 1);
            let next = (at + if back { count } else { 1 }) % (count + 1);
            next.checked_sub(1)
        };
        match self.field {
            Field::From => {
                let sides = [Side::Initiator, Side::Responder];
                let next = turn(self.from.map(Side::index), sides.len());
                self.from = next.and_then(|at| sides.get(at)).copied();
            }
            Field::Flags => self.flags = turn(self.flags, FLAGS.len()),
            _ => {}
        }
    }

    fn digits(&mut self) -> Option<&mut String> {
        let at = (self.field as usize).checked_sub(Field::Seq as usize)?;
        self.numbers.get_mut(at)
    }

    /// Writes a digit.
    pub(super) fn digit(&mut self, digit: char) {
        if let Some(digits) = self.digits()
            && digits.len() < MOST_DIGITS
        {
            digits.push(digit);
            // What is no number any more is not taken for one.
            if digits.parse::<u32>().is_err() {
                digits.pop();
            }
        }
    }

    /// Takes back a digit, or what was chosen.
    pub(super) fn take_back(&mut self) {
        match self.field {
            Field::From => self.from = None,
            Field::Flags => self.flags = None,
            _ => {
                if let Some(digits) = self.digits() {
                    digits.pop();
                }
            }
        }
    }
}
