//! Text to bytes in an encoding (the WHATWG encoding standard), with no character lost in silence.

use encoding_rs::{EncoderResult, Encoding, REPLACEMENT, UTF_8};

/// Most characters that a report lists one by one.
const LISTED: usize = 8;

/// An encoding that text can be written in as well as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding(&'static Encoding);

/// Characters that an encoding lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The encoding.
    pub encoding: &'static str,
    /// The first of them, each with its place in the text, counted in characters from 1.
    pub characters: Vec<(char, usize)>,
    /// How many there are in all.
    pub total: usize,
}

impl Default for Coding {
    fn default() -> Self {
        Self(UTF_8)
    }
}

impl Coding {
    /// The encoding of that name: `gbk`, `utf-8`, `big5` …
    ///
    /// # Errors
    ///
    /// When there is none of that name, or it can only be read.
    pub fn named(name: &str) -> Result<Self, String> {
        let shown = name.escape_debug();
        let Some(encoding) = Encoding::for_label(name.as_bytes()) else {
            return Err(format!(
                "--encoding {shown}: not an encoding known here; try utf-8, gbk, gb18030, big5, shift-jis, euc-kr or latin1"
            ));
        };
        if encoding == REPLACEMENT || encoding.output_encoding() != encoding {
            return Err(format!(
                "--encoding {shown}: {} can be read here and not written; say utf-8 or gbk",
                encoding.name()
            ));
        }
        Ok(Self(encoding))
    }

    /// The standard's name of it.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The encoding itself.
    pub const fn encoding(self) -> &'static Encoding {
        self.0
    }

    /// The bytes of `text`, with `instead` in place of characters that the encoding lacks, if that was given.
    ///
    /// # Errors
    ///
    /// The characters that it lacks, where nothing was given to put in their place.
    pub fn encode(self, text: &str, instead: Option<&str>) -> Result<Vec<u8>, Lacking> {
        let mut encoder = self.0.new_encoder();
        let mut bytes = Vec::with_capacity(text.len());
        let mut lacking = Lacking {
            encoding: self.name(),
            characters: Vec::new(),
            total: 0,
        };
        let mut rest = text;
        loop {
            // Never more than four bytes a character in any of them, and an escape sequence at the end.
            bytes.reserve(rest.len().saturating_mul(2).saturating_add(16));
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                EncoderResult::InputEmpty => break,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(c) => {
                    lacking.total += 1;
                    if lacking.characters.len() < LISTED {
                        let before = text.len() - rest.len();
                        let at = text.get(..before).map_or(0, |text| text.chars().count());
                        lacking.characters.push((c, at));
                    }
                    if let Some(instead) = instead {
                        let (instead, _, _) = self.0.encode(instead);
                        bytes.extend_from_slice(&instead);
                    }
                }
            }
        }
        if lacking.total > 0 && instead.is_none() {
            return Err(lacking);
        }
        Ok(bytes)
    }
}

impl Lacking {
    /// What is lacking, as a sentence with its full stop. Characters are not escaped: they are the user's own.
    pub fn sentence(&self) -> String {
        let listed: Vec<String> = self
            .characters
            .iter()
            .map(|(c, at)| format!("'{c}' (U+{:04X}, character {at})", u32::from(*c)))
            .collect();
        let more = match self.total - self.characters.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} has no {}{more}.", self.encoding, listed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gbk() -> Coding {
        Coding::named("gbk").unwrap()
    }

    #[test]
    fn text_of_the_notes_becomes_the_bytes_that_python_makes_of_it() {
        let bytes = gbk().encode("你好", None).unwrap();
        assert_eq!(bytes, [0xc4, 0xe3, 0xba, 0xc3]);
        assert_eq!(
            Coding::default().encode("你", None).unwrap(),
            "你".as_bytes()
        );
    }

    #[test]
    fn what_is_lacking_is_named_with_its_place_and_never_replaced_unasked() {
        let lacking = gbk().encode("ok ✓, 你好 🙂", None).unwrap_err();
        assert_eq!(lacking.characters, [('✓', 4), ('🙂', 10)]);
        assert_eq!(
            lacking.sentence(),
            "GBK has no '✓' (U+2713, character 4), '🙂' (U+1F642, character 10)."
        );
        assert_eq!(gbk().encode("ok ✓!", Some("?")).unwrap(), b"ok ?!");
        let many = gbk().encode(&"✓".repeat(100), None).unwrap_err();
        assert_eq!((many.characters.len(), many.total), (LISTED, 100));
        assert!(many.sentence().ends_with("and 92 more."));
    }

    #[test]
    fn encodings_that_can_only_be_read_are_refused() {
        for name in ["utf-16le", "hz-gb-2312", "klingon"] {
            assert!(Coding::named(name).is_err(), "{name}");
        }
        assert_eq!(Coding::named("latin1").unwrap().name(), "windows-1252");
    }

    #[test]
    fn long_text_in_stateful_encodings_is_whole() {
        let jp = Coding::named("iso-2022-jp").unwrap();
        let text = "あa".repeat(5_000);
        let bytes = jp.encode(&text, None).unwrap();
        assert_eq!(jp.encoding().decode_without_bom_handling(&bytes).0, text);
    }
}
