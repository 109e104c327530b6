//! Bytes to text as they come, in pieces cut anywhere. A character whose bytes are not all there waits for
//! the rest; bytes that are no character are told and not passed over.

use encoding_rs::{DecoderResult, Encoding, GB18030, GBK, UTF_8};

/// Longest sequence of bytes that makes one character, in any encoding that there is.
const LONGEST: usize = 4;
/// Most malformed sequences that are listed of one piece.
const LISTED: usize = 8;

/// Bytes that are no character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where they begin, in bytes from the first of the connection.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a piece of a stream says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The text; U+FFFD stands for each malformed sequence.
    pub text: String,
    /// The first malformed sequences.
    pub malformed: Vec<Malformed>,
    /// How many there are.
    pub malformed_total: usize,
    /// Bytes of earlier pieces that this one completed to a character.
    pub completed: usize,
    /// Bytes at its end that are a character not yet complete, with those of earlier pieces.
    pub pending: usize,
    /// How many bytes that character should have, where its beginning tells.
    pub of: Option<usize>,
}

/// Reads a stream of bytes as text.
pub struct Decoder {
    encoding: &'static Encoding,
    inner: encoding_rs::Decoder,
    /// Bytes seen.
    seen: u64,
    /// The last bytes that were seen, to show those that are no character.
    tail: Vec<u8>,
    /// How many of them are a character's beginning.
    pending: usize,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("encoding", &self.encoding.name())
            .field("seen", &self.seen)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Ready for the first byte of a stream.
    pub fn new(encoding: &'static Encoding) -> Self {
        Self {
            encoding,
            inner: encoding.new_decoder_without_bom_handling(),
            seen: 0,
            tail: Vec::new(),
            pending: 0,
        }
    }

    /// The standard's name of the encoding.
    pub fn name(&self) -> &'static str {
        self.encoding.name()
    }

    /// Takes the next piece.
    pub fn feed(&mut self, bytes: &[u8]) -> Decoded {
        let mut decoded = Decoded::default();
        let before = self.pending;
        // The last few go one by one: that shows where the last character ends.
        let bulk = bytes.len().saturating_sub(LONGEST);
        let (most, last) = bytes.split_at(bulk);
        if !most.is_empty() {
            self.run(most, false, &mut decoded);
            self.pending = 0;
        }
        for byte in last {
            let known = (decoded.text.len(), decoded.malformed_total);
            self.run(std::slice::from_ref(byte), false, &mut decoded);
            if known == (decoded.text.len(), decoded.malformed_total) {
                self.pending += 1;
            } else {
                // UTF-8 finds out that a sequence is broken by a byte that may begin the next one.
                self.pending = usize::from(self.begins_after_error(known.1, &decoded, *byte));
            }
        }
        if !decoded.text.is_empty() || decoded.malformed_total > 0 {
            decoded.completed = before;
        }
        decoded.pending = self.pending;
        let held = self
            .tail
            .get(self.tail.len() - self.pending.min(self.tail.len())..);
        decoded.of = held.and_then(|held| needs(self.encoding, held));
        decoded
    }

    /// The stream has ended: what is still waiting for its rest is malformed.
    pub fn finish(&mut self) -> Decoded {
        let mut decoded = Decoded::default();
        self.run(&[], true, &mut decoded);
        self.pending = 0;
        decoded
    }

    /// Whether the byte that showed a sequence to be malformed begins a character itself.
    fn begins_after_error(&self, errors: usize, decoded: &Decoded, byte: u8) -> bool {
        decoded.malformed_total > errors
            && self.encoding == UTF_8
            && decoded.text.ends_with(char::REPLACEMENT_CHARACTER)
            && needs(UTF_8, &[byte]).is_some()
            && decoded
                .malformed
                .last()
                .is_none_or(|last| last.offset + last.bytes.len() as u64 != self.seen)
    }

    fn run(&mut self, bytes: &[u8], last: bool, decoded: &mut Decoded) {
        self.tail.extend_from_slice(bytes);
        let start = self.seen;
        let mut rest = bytes;
        loop {
            let room = self
                .inner
                .max_utf8_buffer_length_without_replacement(rest.len());
            decoded.text.reserve(room.unwrap_or(rest.len()).max(16));
            let (result, read) =
                self.inner
                    .decode_to_string_without_replacement(rest, &mut decoded.text, last);
            self.seen += read as u64;
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(len, after) => {
                    let len = usize::from(len);
                    let offset = self.seen.saturating_sub(u64::from(after) + len as u64);
                    self.malformed(offset, len, start + bytes.len() as u64, decoded);
                }
            }
        }
        let keep = self.tail.len().min(2 * LONGEST);
        self.tail.drain(..self.tail.len() - keep);
    }

    /// Notes a malformed sequence; the last byte in `tail` is the one before `end`.
    fn malformed(&self, offset: u64, len: usize, end: u64, decoded: &mut Decoded) {
        decoded.text.push(char::REPLACEMENT_CHARACTER);
        decoded.malformed_total += 1;
        if decoded.malformed.len() >= LISTED {
            return;
        }
        let back = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let from = self.tail.len().saturating_sub(back);
        let bytes = self.tail.get(from..(from + len).min(self.tail.len()));
        decoded.malformed.push(Malformed {
            offset,
            bytes: bytes.unwrap_or_default().to_vec(),
        });
    }
}

/// How many bytes the character has that begins so.
fn needs(encoding: &'static Encoding, beginning: &[u8]) -> Option<usize> {
    let (&first, rest) = beginning.split_first()?;
    let len = match encoding.name() {
        _ if encoding == UTF_8 => match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return None,
        },
        _ if encoding == GBK || encoding == GB18030 => match (first, rest.first()) {
            (0x81..=0xfe, Some(b'0'..=b'9')) => 4,
            (0x81..=0xfe, _) => 2,
            _ => return None,
        },
        "EUC-JP" if first == 0x8f => 3,
        "Big5" | "EUC-KR" | "Shift_JIS" | "EUC-JP" if first >= 0x80 => 2,
        _ => return None,
    };
    (beginning.len() < len).then_some(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoder(name: &str) -> Decoder {
        Decoder::new(Encoding::for_label(name.as_bytes()).unwrap())
    }

    #[test]
    fn a_character_cut_in_two_waits_for_its_rest_and_both_are_told() {
        let mut gbk = decoder("gbk");
        let first = gbk.feed(&[b'a', 0xc4]);
        assert_eq!((&*first.text, first.pending, first.of), ("a", 1, Some(2)));
        let second = gbk.feed(&[0xe3, 0xba, 0xc3]);
        assert_eq!(
            (&*second.text, second.completed, second.pending),
            ("你好", 1, 0)
        );

        let mut utf8 = decoder("utf-8");
        let bytes = "你".as_bytes();
        assert_eq!(utf8.feed(&bytes[..1]).pending, 1);
        let two = utf8.feed(&bytes[1..2]);
        assert_eq!(
            (&*two.text, two.pending, two.of, two.completed),
            ("", 2, Some(3), 0)
        );
        let all = utf8.feed(&bytes[2..]);
        assert_eq!((&*all.text, all.completed, all.pending), ("你", 2, 0));
    }

    #[test]
    fn what_is_no_character_is_told_with_its_place() {
        let mut utf8 = decoder("utf-8");
        assert_eq!(utf8.feed(b"abc").malformed_total, 0);
        let bad = utf8.feed(b"d\xffe");
        assert_eq!(bad.text, "d\u{fffd}e");
        assert_eq!(
            bad.malformed,
            [Malformed {
                offset: 4,
                bytes: vec![0xff]
            }]
        );
        // Cut by the end of the stream.
        assert_eq!(utf8.feed(&[0xe4, 0xbd]).pending, 2);
        let end = utf8.finish();
        assert_eq!(
            end.malformed,
            [Malformed {
                offset: 6,
                bytes: vec![0xe4, 0xbd]
            }]
        );
        // A character begun twice: the second beginning still counts.
        let mut twice = decoder("utf-8");
        let begun = twice.feed(&[0xe4, 0xe4]);
        assert_eq!((begun.malformed_total, begun.pending), (1, 1));
    }

    fn encodings() -> impl Strategy<Value = &'static Encoding> {
        let names = [
            "utf-8",
            "gbk",
            "gb18030",
            "big5",
            "shift-jis",
            "euc-kr",
            "euc-jp",
            "iso-2022-jp",
            "latin1",
        ];
        proptest::sample::select(
            names
                .map(|it| Encoding::for_label(it.as_bytes()).unwrap())
                .to_vec(),
        )
    }

    proptest! {
        /// However the bytes of a text are cut, the same text comes out, and nothing is left over.
        #[test]
        fn text_cut_anywhere_is_the_same_text(
            text in "[a-z你好世界한국あアé€𠀀\n]{0,40}", encoding in encodings(),
            cuts in proptest::collection::vec(1_usize..6, 1..40),
        ) {
            let (bytes, _, _) = encoding.encode(&text);
            let whole = encoding.decode_without_bom_handling(&bytes).0;
            let mut decoder = Decoder::new(encoding);
            let (mut got, mut rest, mut cuts) = (String::new(), &*bytes, cuts.iter().cycle());
            while !rest.is_empty() {
                let at = (*cuts.next().unwrap()).min(rest.len());
                let (piece, more) = rest.split_at(at);
                let decoded = decoder.feed(piece);
                prop_assert_eq!(decoded.malformed_total, 0);
                got.push_str(&decoded.text);
                rest = more;
            }
            prop_assert_eq!(decoder.finish().malformed_total, 0);
            prop_assert_eq!(got, whole);
        }

        /// The same of any bytes: what is malformed is so wherever it is cut.
        #[test]
        fn any_bytes_cut_anywhere_read_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..60), encoding in encodings(),
            cuts in proptest::collection::vec(1_usize..9, 1..20),
        ) {
            let mut whole = Decoder::new(encoding);
            let mut expected = whole.feed(&bytes).text;
            expected.push_str(&whole.finish().text);
            let mut decoder = Decoder::new(encoding);
            let (mut got, mut rest, mut cuts) = (String::new(), &*bytes, cuts.iter().cycle());
            while !rest.is_empty() {
                let at = (*cuts.next().unwrap()).min(rest.len());
                let (piece, more) = rest.split_at(at);
                let decoded = decoder.feed(piece);
                prop_assert!(decoded.pending <= LONGEST + 4, "{}", decoded.pending);
                got.push_str(&decoded.text);
                rest = more;
            }
            got.push_str(&decoder.finish().text);
            prop_assert_eq!(got, expected);
        }
    }
}
