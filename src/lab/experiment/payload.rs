//! What is sent: text in an encoding, or so many bytes that tell where they stand.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Visitor};

/// What one `send` call, or one datagram, carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    bytes: Vec<u8>,
    text: Option<(String, Encoding)>,
}

impl Payload {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text it was made of, if it was.
    pub fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|(text, _)| &**text)
    }

    /// The encoding of that text.
    pub fn encoding(&self) -> Option<Encoding> {
        self.text.as_ref().map(|(_, encoding)| *encoding)
    }

    /// So many bytes of text that says where in the stream it stands, eight bytes a line: segments of
    /// 1448 start with a line, so each tells where it belongs.
    pub fn numbered(len: usize) -> Self {
        let lines = (0..len).step_by(8).map(|at| format!("{at:07}\n"));
        let mut bytes = lines.collect::<String>().into_bytes();
        bytes.truncate(len);
        Self { bytes, text: None }
    }

    /// These bytes.
    pub const fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, text: None }
    }

    /// Text in an encoding.
    ///
    /// # Errors
    ///
    /// When the encoding lacks one of its characters; says which.
    pub fn text_in(text: &str, encoding: Encoding) -> Result<Self, String> {
        // `encode` writes `&#10003;` for what the encoding lacks; here it must not pass in silence.
        let (bytes, used, lacking) = encoding.0.encode(text);
        if lacking || used != encoding.0 {
            let lacks = |c: &char| encoding.0.encode(c.encode_utf8(&mut [0; 4])).2;
            let name = encoding.0.name();
            return Err(match text.chars().find(lacks) {
                Some(c) => format!("{name} has no character '{c}' (U+{:04X})", u32::from(c)),
                None => format!("{name} can only be read, not written; say utf-8 or gbk"),
            });
        }
        Ok(Self {
            bytes: bytes.into_owned(),
            text: Some((text.to_owned(), encoding)),
        })
    }
}

/// A character encoding by its name: `utf-8`, `gbk`, `big5` …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Default for Encoding {
    fn default() -> Self {
        Self(encoding_rs::UTF_8)
    }
}

impl Encoding {
    /// The text that these bytes are, if they are one in this encoding.
    pub fn read(self, bytes: &[u8]) -> Option<String> {
        let text = self
            .0
            .decode_without_bom_handling_and_without_replacement(bytes)?;
        Some(text.into_owned())
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        encoding_rs::Encoding::for_label(name.as_bytes())
            .map(Self)
            .ok_or_else(|| format!("there is no encoding '{name}'; utf-8 and gbk are two"))
    }
}

/// Most bytes of one payload.
const LONGEST: usize = 64 << 20;

struct Written;

impl Visitor<'_> for Written {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes, or a text")
    }

    fn visit_i64<E: de::Error>(self, len: i64) -> Result<Payload, E> {
        match usize::try_from(len) {
            Ok(len) if len <= LONGEST => Ok(Payload::numbered(len)),
            _ => Err(E::custom(format!(
                "{len} bytes can't be sent; 0 to {LONGEST} can"
            ))),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Payload, E> {
        Payload::text_in(text, Encoding::default()).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written)
    }
}
