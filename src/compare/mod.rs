//! What Wireshark would say of each segment, beside what is noted here: `--as-wireshark`.
//!
//! Its analysis is rebuilt from the description of its rules, weaknesses included: it compares numbers
//! where RFC 9293 has states, takes 0 for "unknown", and knows a conversation by nothing but addresses
//! and ports. `docs/VERDICTS.md` has the rules in words, and how often this says what tshark says.

mod conversation;
mod meaning;
mod rules;

use std::collections::HashMap;

use conversation::Conversation;

use crate::event::{Endpoint, Segment, Wireshark, Words};

/// Conversations kept in one generation; those of two are known. Wireshark keeps all there ever were.
const GENERATION: usize = 1 << 15;

/// A conversation as Wireshark tells it from others; the lower end first.
type Key = [Endpoint; 2];

/// Follows a capture the way Wireshark does.
#[derive(Debug, Default)]
pub struct Compare {
    young: HashMap<Key, Conversation>,
    old: HashMap<Key, Conversation>,
}

impl Compare {
    /// Takes the next segment of the capture: what Wireshark says of it, and whether that is what its
    /// notes say.
    pub fn segment(&mut self, segment: &Segment<'_>) -> Wireshark {
        let words = self.words(segment);
        let differs = meaning::differs(segment.notes, words);
        Wireshark { words, differs }
    }

    fn words(&mut self, segment: &Segment<'_>) -> Words {
        let order = |end: &Endpoint| (end.addr, end.port);
        let swapped = order(&segment.src) > order(&segment.dst);
        let (first, second) = if swapped {
            (segment.dst, segment.src)
        } else {
            (segment.src, segment.dst)
        };
        let conversation = self.conversation([first, second]);
        rules::judge(conversation, usize::from(swapped), segment)
    }

    /// The conversation between two ends; a new one if it is not known (any more).
    fn conversation(&mut self, key: Key) -> &mut Conversation {
        if !self.young.contains_key(&key) {
            let known = self.old.remove(&key).unwrap_or_default();
            if self.young.len() >= GENERATION {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(key, known);
        }
        self.young.entry(key).or_default()
    }
}
