//! What a person writes to look for something. It is forgiving: `len>1,000`, `length > 1000` and `len more than
//! 1000` are the same; and what it can't read it answers with what could have been written.

use std::net::{IpAddr, SocketAddr};

use encoding_rs::Encoding;

use super::{Figure, Query, Relation};
use crate::event::{Cause, Kind};
use crate::wire::tcp::Flags;

/// What can be written, for who wrote something else.
const POSSIBLE: &str = "a note (retransmission), flags (syn, fin-ack), seq N, ack N, seq = N, len > N, window = 0, \
                        frame N, port N, an address, #N for a connection, text WORDS, 0xBYTES, problem, event";

const FLAGS: &[(&str, Flags)] = &[
    ("syn", Flags::SYN),
    ("fin", Flags::FIN),
    ("rst", Flags::RST),
    ("psh", Flags::PSH),
    ("push", Flags::PSH),
    ("ack", Flags::ACK),
    ("urg", Flags::URG),
    ("ece", Flags::ECE),
    ("cwr", Flags::CWR),
    ("ae", Flags::AE),
];

const RELATIONS: &[(&str, Relation)] = &[
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("!=", Relation::Other),
    ("==", Relation::Equal),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::More),
];

impl Query {
    /// Reads what a person wrote; several things are meant to be so at once. Text is looked for in `encoding`, as
    /// UTF-8 without one.
    ///
    /// # Errors
    ///
    /// What could not be read, and what could have been written.
    pub fn parse(text: &str, encoding: Option<&'static Encoding>) -> Result<Self, String> {
        let mut words = Words { rest: text.trim() };
        let mut queries = Vec::new();
        while let Some(word) = words.next() {
            if word != "and" {
                queries.push(one(&word, &mut words, encoding)?);
            }
        }
        match queries.len() {
            0 => Err(format!("write what to look for: {POSSIBLE}")),
            1 => Ok(queries.remove(0)),
            _ => Ok(Self::All(queries)),
        }
    }
}

/// What is left to be read.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next word in small letters, or a comparison.
    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let sign = |c: char| matches!(c, '<' | '>' | '=' | '!');
        let first = self.rest.chars().next()?;
        let end = if first == '"' {
            1
        } else if sign(first) {
            self.rest.find(|c| !sign(c)).unwrap_or(self.rest.len())
        } else {
            let ends = |c: char| c.is_whitespace() || sign(c);
            self.rest.find(ends).unwrap_or(self.rest.len())
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word.to_lowercase())
    }

    /// The next word, which stays there.
    fn peek(&self) -> Option<String> {
        Words { rest: self.rest }.next()
    }

    /// All that is left.
    fn all(&mut self) -> &'a str {
        std::mem::take(&mut self.rest).trim()
    }

    fn relation(&mut self) -> Result<Option<Relation>, String> {
        let Some(word) = self.peek() else {
            return Ok(None);
        };
        if !word.starts_with(['<', '>', '=', '!']) {
            return Ok(None);
        }
        self.next();
        match RELATIONS.iter().find(|(sign, _)| *sign == word) {
            Some((_, relation)) => Ok(Some(*relation)),
            None => Err(format!("{word} compares nothing: = != < <= > >= do")),
        }
    }

    fn number<T: TryFrom<u64>>(&mut self, of: &str) -> Result<T, String> {
        let word = self.next().unwrap_or_default();
        number(&word)
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| match word.as_str() {
                "" => format!("{of} needs a number after it"),
                _ => format!("{of} needs a number after it, and {word} is none that it can be"),
            })
    }
}

/// A number, with or without marks between thousands.
fn number(word: &str) -> Option<u64> {
    let digits: String = word.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    digits.parse().ok()
}

/// One thing to look for, which begins with that word.
fn one(
    word: &str,
    words: &mut Words<'_>,
    encoding: Option<&'static Encoding>,
) -> Result<Query, String> {
    match word {
        "problem" | "problems" | "trouble" => return Ok(Query::Problem),
        "event" | "events" => return Ok(Query::Event),
        "note" | "notes" => {
            return match words.next() {
                Some(word) => note(&word, words).unwrap_or_else(|| Err(unknown(&word))),
                None => Ok(Query::Noted),
            };
        }
        "frame" => return words.number(word).map(|number| Query::Frame(None, number)),
        "flow" | "connection" | "conn" => return words.number(word).map(Query::Flow),
        "port" => return words.number(word).map(Query::Port),
        "host" | "address" | "addr" | "ip" => {
            let host = words.next().unwrap_or_default();
            let parsed = host.parse().map(Query::Address);
            return parsed.map_err(|_| format!("{word} needs an IPv4 or IPv6 address after it"));
        }
        "text" | "payload" | "\"" => return text(words.all(), encoding),
        "hex" => return hex(words.all()),
        "flags" => {
            let letters = words.next().unwrap_or_default();
            return flags(&letters)
                .or_else(|| letters_of(&letters))
                .map(Query::Flags)
                .ok_or_else(|| "flags needs their names or letters: syn-ack, AS".to_owned());
        }
        _ => {}
    }
    if let Some(digits) = word.strip_prefix("0x") {
        return hex(digits);
    }
    if let Some(figure) = figure(word, words) {
        return compared(word, figure, words);
    }
    if let Some(flags) = flags(word) {
        return Ok(Query::Flags(flags));
    }
    if let Some(number) = number(word) {
        return Ok(Query::Frame(None, number));
    }
    if let Some(flow) = word.strip_prefix('#').and_then(|flow| flow.parse().ok()) {
        return Ok(Query::Flow(flow));
    }
    if let Ok(host) = word.parse::<IpAddr>() {
        return Ok(Query::Address(host));
    }
    if let Ok(end) = word.parse::<SocketAddr>() {
        return Ok(Query::All(vec![
            Query::Address(end.ip()),
            Query::Port(end.port()),
        ]));
    }
    note(word, words).unwrap_or_else(|| Err(unknown(word)))
}

fn unknown(word: &str) -> String {
    format!(
        "“{word}” is no note, flag or figure; text {word} looks for it in payload; what there is: {POSSIBLE}"
    )
}

/// The figure of that name. The ACK flag is a figure when a number comes after it.
fn figure(word: &str, words: &Words<'_>) -> Option<Figure> {
    let counted = || {
        words
            .peek()
            .is_some_and(|next| number(&next).is_some() || next.starts_with(['<', '>', '=', '!']))
    };
    Some(match word {
        "seq" | "sequence" => Figure::Seq,
        "ack" if counted() => Figure::Ack,
        "len" | "length" | "size" => Figure::Len,
        "win" => Figure::Window,
        "window" if counted() => Figure::Window,
        _ => return None,
    })
}

fn compared(word: &str, figure: Figure, words: &mut Words<'_>) -> Result<Query, String> {
    let mut relation = words.relation()?;
    if relation.is_none()
        && let Some(than @ ("more" | "over" | "above" | "less" | "under" | "below")) =
            words.peek().as_deref()
    {
        relation = Some(if matches!(than, "more" | "over" | "above") {
            Relation::More
        } else {
            Relation::Less
        });
        words.next();
        if words.peek().as_deref() == Some("than") {
            words.next();
        }
    }
    match (figure, relation) {
        (Figure::Seq, None) => words.number(word).map(Query::Seq),
        (Figure::Ack, None) => words.number(word).map(Query::Ack),
        (_, relation) => {
            let number = words.number(word)?;
            let relation = relation.unwrap_or(Relation::Equal);
            Ok(Query::Figure(figure, relation, number))
        }
    }
}

/// `syn`, `syn-ack`, `fin+ack`, `synack`.
fn flags(word: &str) -> Option<Flags> {
    let named = |name: &str| FLAGS.iter().find(|(known, _)| *known == name);
    if word == "synack" {
        return Some(Flags::SYN | Flags::ACK);
    }
    let mut all = Flags(0);
    for part in word.split(['-', '+', '/', ',', '|', '&']) {
        all = all | named(part)?.1;
    }
    Some(all)
}

/// `AS`, as JSON has flags.
fn letters_of(word: &str) -> Option<Flags> {
    let mut all = Flags(0);
    for letter in word.to_uppercase().chars() {
        let bit = (0..9)
            .map(|bit| Flags(1 << bit))
            .find(|flag| flag.letters().eq([letter]))?;
        all = all | bit;
    }
    (all != Flags(0)).then_some(all)
}

/// What is said of retransmissions, in the words of the screen and of JSON.
const RESENT: &[(&str, Query)] = &[
    ("spurious", Query::Needless),
    ("needless", Query::Needless),
    ("rto", Query::Cause(Cause::Rto)),
    ("timeout", Query::Cause(Cause::Rto)),
    ("tlp", Query::Cause(Cause::Tlp)),
    ("fast", Query::Cause(Cause::Fast)),
];

/// A kind of note by its name, by its name in words, or by how its name begins; `None` if none does.
fn note(word: &str, words: &mut Words<'_>) -> Option<Result<Query, String>> {
    if let Some((_, query)) = RESENT.iter().find(|(name, _)| *name == word) {
        return Some(Ok(query.clone()));
    }
    let mut longest = None;
    let (mut name, mut ahead) = (word.to_owned(), Words { rest: words.rest });
    loop {
        if let Some(kind) = Kind::from_name(&name) {
            longest = Some((kind, ahead.rest));
        }
        match ahead.next() {
            Some(next) if Kind::ALL.iter().any(|kind| kind.name().starts_with(&name)) => {
                name.push('-');
                name.push_str(&next);
            }
            _ => break,
        }
    }
    if let Some((kind, rest)) = longest {
        words.rest = rest;
        return Some(Ok(Query::Note(kind)));
    }
    let meant: Vec<Kind> = Kind::ALL
        .iter()
        .copied()
        .filter(|kind| kind.name().starts_with(word))
        .collect();
    match meant.as_slice() {
        [] => None,
        // `zero` is zero-window, though there are probes of one, too.
        [kind, others @ ..]
            if others
                .iter()
                .all(|other| other.name().starts_with(kind.name())) =>
        {
            Some(Ok(Query::Note(*kind)))
        }
        several => {
            let names: Vec<_> = several.iter().map(|kind| kind.name()).collect();
            let names = names.join(", ");
            Some(Err(format!("“{word}” could be {names}: which one?")))
        }
    }
}

fn text(text: &str, encoding: Option<&'static Encoding>) -> Result<Query, String> {
    let text = text.strip_prefix('"').unwrap_or(text);
    let text = text.strip_suffix('"').unwrap_or(text);
    if text.is_empty() {
        return Err("text needs what to look for after it: text GET".to_owned());
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return hex(digits);
    }
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Query::Letters(text.as_bytes().into()));
    }
    let Some(encoding) = encoding else {
        return Ok(Query::Bytes(text.as_bytes().into()));
    };
    match encoding.encode(text) {
        (bytes, written, false) if written == encoding => {
            Ok(Query::Bytes(bytes.into_owned().into()))
        }
        _ => {
            let name = encoding.name();
            Err(format!(
                "“{text}” can't be written in {name}; its bytes can be given as 0x…"
            ))
        }
    }
}

fn hex(digits: &str) -> Result<Query, String> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b':'))
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    match bytes {
        Some(bytes) if !bytes.is_empty() && digits.len().is_multiple_of(2) => {
            Ok(Query::Bytes(bytes.into()))
        }
        _ => Err("bytes are written as pairs of hexadecimal digits: 0x474554".to_owned()),
    }
}
