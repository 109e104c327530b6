//! What Wireshark would call a segment: its words for the marks of its TCP analysis.

use std::fmt;

macro_rules! words {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $title:literal;)*) => {
        /// A mark of Wireshark's TCP analysis.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Word { $($(#[$doc])* $variant,)* }

        impl Word {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The field's name, after `tcp.analysis.`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What Wireshark's list of packets says.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

words! {
    /// Sent before, for whatever reason.
    Retransmission = "retransmission", "TCP Retransmission";
    /// Sent again at once after duplicate ACKs.
    Fast = "fast_retransmission", "TCP Fast Retransmission";
    /// Sent again although acknowledged.
    Spurious = "spurious_retransmission", "TCP Spurious Retransmission";
    /// Comes late, but not sent again.
    OutOfOrder = "out_of_order", "TCP Out-Of-Order";
    /// Something before it is missing.
    LostSegment = "lost_segment", "TCP Previous segment not captured";
    /// Acknowledges what was not seen.
    AckLost = "ack_lost_segment", "TCP ACKed unseen segment";
    /// The same ACK again.
    DupAck = "duplicate_ack", "TCP Dup ACK";
    /// An old number, to see whether the peer is there.
    KeepAlive = "keep_alive", "TCP Keep-Alive";
    /// The answer to that.
    KeepAliveAck = "keep_alive_ack", "TCP Keep-Alive ACK";
    /// No window is offered.
    ZeroWindow = "zero_window", "TCP ZeroWindow";
    /// A byte against a closed window.
    Probe = "zero_window_probe", "TCP ZeroWindowProbe";
    /// The answer to that.
    ProbeAck = "zero_window_probe_ack", "TCP ZeroWindowProbeAck";
    /// The window is used up.
    WindowFull = "window_full", "TCP Window Full";
    /// Another window and nothing else.
    WindowUpdate = "window_update", "TCP Window Update";
    /// A SYN on a four-tuple that was used before.
    PortReused = "reused_ports", "TCP Port numbers reused";
}

/// Words for one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(u16);

impl Words {
    /// With one more.
    #[must_use]
    pub const fn and(self, word: Word) -> Self {
        Self(self.0 | 1 << (word as u16))
    }

    /// Adds a word.
    pub const fn add(&mut self, word: Word) {
        *self = self.and(word);
    }

    /// Whether that is among them.
    pub const fn has(self, word: Word) -> bool {
        self.0 & 1 << (word as u16) != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Word> {
        let all = Word::ALL.iter().copied();
        all.filter(move |&word| self.has(word))
    }
}

/// What Wireshark says of a segment, and whether that is something else than the notes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wireshark {
    /// Its words.
    pub words: Words,
    /// Whether a reader of both would be told two things.
    pub differs: bool,
}

/// `says: TCP Fast Retransmission`, `says nothing`: of two words the narrower one.
impl fmt::Display for Wireshark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let narrower = self.words.has(Word::Fast) || self.words.has(Word::Spurious);
        let words = self.words.iter();
        let mut first = true;
        for word in words.filter(|&word| !(narrower && word == Word::Retransmission)) {
            f.write_str(if first { "says: " } else { ", " })?;
            f.write_str(word.title())?;
            first = false;
        }
        if first {
            f.write_str("says nothing")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_words_the_narrower_one_is_said() {
        let mut said = Wireshark::default();
        assert_eq!(said.to_string(), "says nothing");
        said.words.add(Word::Retransmission);
        assert_eq!(said.to_string(), "says: TCP Retransmission");
        said.words = said.words.and(Word::Fast).and(Word::AckLost);
        assert_eq!(
            said.to_string(),
            "says: TCP Fast Retransmission, TCP ACKed unseen segment"
        );
        assert_eq!(said.words.iter().count(), 3);
    }
}
