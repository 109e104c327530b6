//! What is typed: to whom it goes, and in which encoding.

use super::Talk;
use crate::io::talk::TalkError;
use crate::io::talk::link::Link;
use crate::io::talk::teller::Teller;
use crate::talk::{Coding, Typed};

/// A piece to send, and to whom: all if nobody. Nothing: it was no text.
type Addressed = Option<(Option<u64>, Vec<u8>)>;

impl Talk<'_> {
    /// Takes in what was typed, and queues it for those it is for.
    pub(super) fn take_in(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        let now = teller.now();
        for piece in self.input.read(now) {
            let Some((to, piece)) = self.addressed(piece, teller)? else {
                continue;
            };
            let Some(bytes) = self.encoded(piece, teller)? else {
                continue;
            };
            for link in &mut self.links {
                if to.is_none_or(|to| link.number == to) {
                    link.put(bytes.clone());
                }
            }
        }
        if self.input.has_ended() && self.input.is_terminal() {
            teller.remark("", "Input has ended: what is queued is still sent.")?;
        }
        Ok(())
    }

    /// Whom a piece is for, and the piece; `None` when there is nothing to send. Only people address: what comes
    /// from a file or a program is sent as it is.
    fn addressed(
        &mut self,
        piece: Vec<u8>,
        teller: &mut Teller<'_>,
    ) -> Result<Addressed, TalkError> {
        if !(self.serves && self.input.is_terminal()) {
            return Ok(Some((self.addressee, piece)));
        }
        let (to, text) = match Typed::read(&piece) {
            Typed::Text(text) => return Ok(Some((self.addressee, text.to_vec()))),
            Typed::ToAll => {
                self.addressee = None;
                teller.remark("", "Lines go to all clients again.")?;
                return Ok(None);
            }
            Typed::To(to, text) => (to, text),
        };
        if !self.links.iter().any(|link| link.number == to) {
            let all: Vec<_> = self.links.iter().map(|link| &*link.name).collect();
            let said = format!(
                "Not sent: no client is {} now; there {} {}.",
                Link::name_of(to),
                if all.len() == 1 { "is" } else { "are" },
                all.join(", ")
            );
            teller.remark("", &said)?;
            return Ok(None);
        }
        if text.is_empty() {
            self.addressee = Some(to);
            let said = format!(
                "Lines go to {} alone from now on; @ means all again.",
                Link::name_of(to)
            );
            teller.remark("", &said)?;
            return Ok(None);
        }
        Ok(Some((Some(to), text.to_vec())))
    }

    /// Says how one of several is addressed, when there are several for the first time.
    pub(super) fn tell_how_to_address(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        if self.told_how || self.links.len() < 2 || !self.input.is_terminal() {
            return Ok(());
        }
        self.told_how = true;
        let to = self.links.last().map_or(2, |link| link.number);
        let said = format!(
            "What you type goes to all clients. @{to} TEXT sends to #{to} alone, @{to} by itself all that follows; @ means all again."
        );
        teller.remark("", &said)
    }

    /// Whom lines go to from now on, where that one has gone.
    pub(super) fn has_gone(
        &mut self,
        number: u64,
        teller: &mut Teller<'_>,
    ) -> Result<(), TalkError> {
        if number == 0 || self.addressee != Some(number) {
            return Ok(());
        }
        self.addressee = None;
        let said = format!("{} has gone: lines go to all again.", Link::name_of(number));
        teller.remark("", &said)
    }

    /// A piece of input in the encoding that was asked for; `None` when it is not to be sent. What goes out as
    /// UTF-8 goes out as it came in, text or not.
    fn encoded(
        &mut self,
        piece: Vec<u8>,
        teller: &mut Teller<'_>,
    ) -> Result<Option<Vec<u8>>, TalkError> {
        let options = self.options;
        if options.coding == Coding::default() {
            return Ok(Some(piece));
        }
        let text = match String::from_utf8(piece) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to() + 1;
                let said = format!(
                    "Nothing of this input was sent: byte {at} is not UTF-8, so it can't be turned into {}.",
                    options.coding.name()
                );
                teller.remark("", &said)?;
                self.outcome.trouble.get_or_insert(said);
                return Ok(None);
            }
        };
        let lacking = match options.coding.encode(&text, None) {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(lacking) => lacking,
        };
        let instead = options.lacking.as_deref();
        teller.lacking("", &lacking, instead)?;
        if instead.is_none() {
            self.outcome.trouble.get_or_insert(lacking.sentence());
            return Ok(None);
        }
        Ok(options.coding.encode(&text, instead).ok())
    }
}
