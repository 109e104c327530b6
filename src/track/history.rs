//! The order in which what is worth a letter first happened in a connection, in Zeek's letters, packed: there are
//! many connections, and each has one.

use crate::event::Side;

/// Zeek's letters; a letter's place is the bit that remembers that a side has had it.
const LETTERS: &[u8; 10] = b"shadfrctgw";
/// Bits of a letter and its side: 1 to 20, 0 where there is none any more.
const BITS: usize = 5;
const LETTER: u32 = (1 << BITS) - 1;
const A_WORD: usize = u32::BITS as usize / BITS;

/// Letters, each at most once a side. In words of four bytes, which leave no gap behind what stands before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History([u32; 4]);

impl History {
    /// Adds the letters whose bits are set, in the order of the bits.
    pub(super) fn add(&mut self, side: Side, letters: u16) {
        for at in (0..LETTERS.len()).filter(|at| letters & (1 << at) != 0) {
            let code = 1 + 2 * at + side.index();
            // One word after the other, each from its low end.
            let free = self.0.iter_mut().find_map(|word| {
                let place = (0..A_WORD).find(|place| *word >> (place * BITS) & LETTER == 0)?;
                Some((word, place))
            });
            if let Some((word, place)) = free {
                *word |= (code as u32) << (place * BITS);
            }
        }
    }

    /// As Zeek writes it: letters of the initiator are upper case.
    pub fn text(self) -> String {
        let codes = self.0.iter().flat_map(|word| {
            (0..A_WORD).map(move |place| (word >> (place * BITS) & LETTER) as usize)
        });
        let letter = |code: usize| {
            let letter = *LETTERS.get((code - 1) / 2)?;
            let is_initiator = (code - 1) % 2 == Side::Initiator.index();
            Some(char::from(if is_initiator {
                letter.to_ascii_uppercase()
            } else {
                letter
            }))
        };
        codes
            .take_while(|code| *code > 0)
            .filter_map(letter)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_every_letter_of_both_sides_in_the_order_they_came() {
        let mut history = History::default();
        let mut expected = String::new();
        for at in (0..LETTERS.len()).rev() {
            for side in [Side::Responder, Side::Initiator] {
                history.add(side, 1 << at);
                let letter = char::from(LETTERS[at]);
                let is_initiator = side == Side::Initiator;
                expected.push(if is_initiator {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                });
                assert_eq!(history.text(), expected);
            }
        }
        assert_eq!(expected.len(), 20);
    }

    #[test]
    fn several_at_once_come_in_the_order_of_their_bits() {
        let mut history = History::default();
        history.add(Side::Initiator, 0b1001);
        history.add(Side::Responder, 0b10_0000);
        assert_eq!(history.text(), "SDr");
    }
}
