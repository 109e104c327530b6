//! A packet as it was asked for: its layers, and what was said of each. It prints itself as the words
//! that ask for it.

use std::fmt::Write;

use super::kinds::{Kind, Slot, Which};
use super::options::{Item, separator};
use super::value::{Value, typed};
use super::words::quoted;

/// A packet as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// Its layers, outermost first.
    pub layers: Vec<Layer>,
}

/// A layer of it.
#[derive(Clone, Debug)]
pub enum Layer {
    /// A header.
    Header(Header),
    /// Bytes that are no header.
    Data(Data),
}

/// A header, and what was said of it.
#[derive(Clone, Debug)]
pub struct Header {
    /// Which kind.
    pub kind: &'static Kind,
    /// Which message, if that was said.
    pub message: Option<&'static str>,
    /// The fields that were set, in the order in which that was said.
    pub sets: Vec<(Slot, Value)>,
    /// What varies in length; `None` when nothing was said of it.
    pub tail: Option<Vec<Item>>,
}

/// Bytes that are no header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Given as text.
    Text(Vec<u8>),
    /// Given as hexadecimal digits.
    Hex(Vec<u8>),
    /// A file's. The bytes are for whoever may read files to put in.
    File {
        /// Its name.
        path: String,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// So many zeros.
    Zeros(usize),
    /// So many bytes that count up from 0, so that one sees which of them is where.
    Pattern(usize),
}

impl Data {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(bytes) | Self::Hex(bytes) | Self::File { bytes, .. } => bytes.clone(),
            Self::Zeros(count) => vec![0; *count],
            Self::Pattern(count) => (0..*count).map(|at| at as u8).collect(),
        }
    }

    fn words(&self) -> [String; 2] {
        match self {
            Self::Text(bytes) => ["text".to_owned(), escaped(bytes)],
            Self::Hex(bytes) => ["hex".to_owned(), crate::wire::field::hex(bytes)],
            Self::File { path, .. } => ["file".to_owned(), path.clone()],
            Self::Zeros(count) => ["zeros".to_owned(), count.to_string()],
            Self::Pattern(count) => ["pattern".to_owned(), count.to_string()],
        }
    }
}

impl Header {
    /// What a field was set to.
    pub(super) fn set(&self, name: &str) -> Option<Value> {
        let found = self.sets.iter().find(|(slot, _)| slot.field.name == name);
        found.map(|(_, value)| *value)
    }

    /// The bits that a field was set to.
    pub(super) fn bits(&self, name: &str) -> Option<u128> {
        match self.set(name)? {
            Value::Bits(bits) => Some(bits),
            Value::Bad => None,
        }
    }

    /// The type and code that decide which fields it has.
    pub(super) fn type_and_code(&self) -> (u16, u8) {
        let (kind, code) = self.kind.message(self.message);
        match self.kind.which {
            Which::Routing => (self.bits("routing type").unwrap_or(4) as u16, 0),
            _ => (
                self.bits("type").map_or(kind, |it| it as u16),
                self.bits("code").map_or(code, |it| it as u8),
            ),
        }
    }

    /// Every field it has.
    pub fn slots(&self) -> Vec<Slot> {
        let (kind, code) = self.type_and_code();
        self.kind.slots(kind as u8, code)
    }

    /// The bytes of what varies in length.
    pub(super) fn tail(&self) -> Vec<u8> {
        let items = self.tail.iter().flatten();
        items.flat_map(|item| item.bytes.clone()).collect()
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec![self.kind.name.to_owned()];
        words.extend(self.message.map(str::to_owned));
        for (slot, value) in &self.sets {
            let name = self.kind.name_of(slot);
            words.push(format!("{name}={}", typed(&slot.field, *value)));
        }
        if let (Some((name, _)), Some(items)) = (self.kind.tail, &self.tail) {
            let items: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
            words.push(format!("{name}={}", items.join(separator(self.kind.which))));
        }
        words
    }
}

impl Layer {
    /// Its name in descriptions.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Header(header) => header.kind.name,
            Self::Data(Data::Text(_)) => "text",
            Self::Data(Data::Hex(_)) => "hex",
            Self::Data(Data::File { .. }) => "file",
            Self::Data(Data::Zeros(_)) => "zeros",
            Self::Data(Data::Pattern(_)) => "pattern",
        }
    }

    /// Which header it is, if it is one.
    pub fn which(&self) -> Option<Which> {
        match self {
            Self::Header(header) => Some(header.kind.which),
            Self::Data(_) => None,
        }
    }

    /// The words that ask for it.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Header(header) => header.words(),
            Self::Data(data) => data.words().into(),
        }
    }
}

impl Recipe {
    /// The words that ask for it.
    pub fn words(&self) -> Vec<String> {
        let layers: Vec<Vec<String>> = self.layers.iter().map(Layer::words).collect();
        layers.join(&"/".to_owned())
    }

    /// The same as a shell takes it.
    pub fn command(&self) -> String {
        let words: Vec<String> = self.words().iter().map(|word| quoted(word)).collect();
        words.join(" ")
    }

    /// The files whose bytes it wants, and where to put them.
    pub fn files(&mut self) -> impl Iterator<Item = (&str, &mut Vec<u8>)> {
        self.layers.iter_mut().filter_map(|layer| match layer {
            Layer::Data(Data::File { path, bytes }) => Some((path.as_str(), bytes)),
            _ => None,
        })
    }

    /// Whether its frame says where it goes, or has no header that could.
    pub fn names_next_hop(&self) -> bool {
        match self.layers.first() {
            Some(Layer::Header(header)) if header.kind.which == Which::Ether => {
                header.set("destination").is_some()
            }
            _ => true,
        }
    }

    /// The same packet with an Ethernet header before it, if it has none.
    #[must_use]
    pub fn framed(mut self) -> Self {
        if self.layers.first().and_then(Layer::which) != Some(Which::Ether)
            && let Some(kind) = super::kinds::kind("ether")
        {
            let header = Header {
                kind,
                message: None,
                sets: Vec::new(),
                tail: None,
            };
            self.layers.insert(0, Layer::Header(header));
        }
        self
    }

    /// Its headers with their places among the layers.
    pub(super) fn headers(&self) -> impl Iterator<Item = (usize, &Header)> {
        let layers = self.layers.iter().enumerate();
        layers.filter_map(|(index, layer)| match layer {
            Layer::Header(header) => Some((index, header)),
            Layer::Data(_) => None,
        })
    }

    /// The outermost IP header and its place.
    pub(super) fn ip(&self) -> Option<(usize, &Header)> {
        self.headers()
            .find(|(_, header)| matches!(header.kind.which, Which::Ipv4 | Which::Ipv6))
    }
}

/// Bytes as text that [`unescaped`] turns back into them.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_ascii_control() => hexed(&[c as u8], &mut text),
                // Beyond ASCII only what a terminal may be shown.
                c if c.is_ascii() || c.is_alphanumeric() => text.push(c),
                c => hexed(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text),
            }
        }
        hexed(chunk.invalid(), &mut text);
    }
    text
}

/// Bytes as `\xHH`.
fn hexed(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// The bytes of text with `\n`, `\r`, `\t`, `\0`, `\\` and `\xHH` in it; on failure the part that means
/// nothing.
pub(super) fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        bytes.extend(before.bytes());
        let mut chars = escape.chars();
        chars.next();
        let which = chars.next();
        let mut used = 1 + which.map_or(0, char::len_utf8);
        match which {
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits = escape.get(2..4).filter(|it| !it.starts_with('+'));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or_else(|| escape.chars().take(4).collect::<String>())?);
                used = 4;
            }
            _ => return Err(escape.chars().take(2).collect()),
        }
        rest = escape.get(used..).unwrap_or_default();
    }
    bytes.extend(rest.bytes());
    Ok(bytes)
}
