//! Two frames compared field by field.

use super::{Header, Rest, Sheet};
use crate::wire::layout::Laid;

/// What differs between two frames.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// How many fields are the same.
    pub alike: usize,
    /// The fields that are not, in the order of the first frame.
    pub changes: Vec<Change>,
    /// What is to be said of the bytes that are no header.
    pub data: Vec<String>,
}

/// A field that differs, or that only one frame has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its header, for people.
    pub header: &'static str,
    /// The same for scripts.
    pub key: &'static str,
    /// The part of the header it belongs to.
    pub part: Option<&'static str>,
    /// Its name.
    pub name: &'static str,
    /// Its values in the first and in the second; `None` where it is not there.
    pub values: (Option<String>, Option<String>),
    /// How much was added, where it is a number of at most 32 bits that is counted.
    pub by: Option<i64>,
}

/// A field with all that tells it from others.
struct Entry<'a> {
    header: &'a Header,
    laid: &'a Laid,
    /// What it is the how-manieth of: header, quote, part and name, and its count among those.
    key: (&'static str, u8, Option<&'static str>, &'static str, usize),
    value: String,
    raw: Option<u128>,
}

fn entries<'a>(sheet: &'a Sheet<'_>) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for header in &sheet.headers {
        for laid in &header.layout.fields {
            let same = |key: &(&str, u8, Option<&str>, &str, usize)| {
                (key.0, key.1, key.2, key.3)
                    == (header.key, header.quoted, laid.part, laid.field.name)
            };
            let before = entries.iter().filter(|entry| same(&entry.key)).count();
            entries.push(Entry {
                header,
                laid,
                key: (
                    header.key,
                    header.quoted,
                    laid.part,
                    laid.field.name,
                    before,
                ),
                value: sheet.value(header, laid),
                raw: laid.field.raw(laid.base(sheet.header(header))),
            });
        }
    }
    entries
}

/// Compares two frames.
pub fn difference(one: &Sheet<'_>, two: &Sheet<'_>) -> Difference {
    use crate::wire::field::Read;
    let (first, second) = (entries(one), entries(two));
    let one_way = ends(&first) == ends(&second);
    let mut result = Difference::default();
    for entry in &first {
        let other = second.iter().find(|other| other.key == entry.key);
        if other.is_some_and(|other| other.value == entry.value) {
            result.alike += 1;
            continue;
        }
        let counted = matches!(
            entry.laid.field.read,
            Read::Number | Read::Words | Read::EightBytes | Read::Hex
        ) && is_counted(entry, one_way);
        let numbers = other.and_then(|other| Some((entry.raw?, other.raw?)));
        let by = numbers
            .filter(|_| counted && entry.laid.field.bits <= 32)
            .filter(|&(before, after)| entry.laid.field.bits < 32 || before != 0 && after != 0)
            .map(|(before, after)| by(entry.laid.field.bits, before, after));
        result.changes.push(change(
            entry,
            Some(&entry.value),
            other.map(|other| &other.value),
            by,
        ));
    }
    for entry in &second {
        if !first.iter().any(|other| other.key == entry.key) {
            result
                .changes
                .push(change(entry, None, Some(&entry.value), None));
        }
    }
    result.data = data(one, two);
    result
}

/// How much was added; numbers of 32 bits begin again at zero, and one that is zero says nothing.
fn by(bits: u16, before: u128, after: u128) -> i64 {
    match bits {
        32 => (after as u32)
            .wrapping_sub(before as u32)
            .cast_signed()
            .into(),
        _ => after as i64 - before as i64,
    }
}

/// Addresses and ports of a frame, those of tunnels included, as the sender wrote them.
fn ends<'a>(entries: &'a [Entry<'_>]) -> Vec<(&'static str, &'a str)> {
    let names = ["source", "destination", "source port", "destination port"];
    let own = entries.iter().filter(|entry| entry.header.quoted == 0);
    let network = own.filter(|entry| entry.key.0 != "ethernet");
    network
        .filter(|entry| names.contains(&entry.laid.field.name))
        .map(|entry| (entry.laid.field.name, entry.value.as_str()))
        .collect()
}

/// Whether a field is a number of which the difference tells something: lengths and hops always, what
/// one end counts only in packets that go `one_way`, from that end to the same other.
fn is_counted(entry: &Entry<'_>, one_way: bool) -> bool {
    match (entry.laid.part, entry.laid.field.name) {
        (_, "time to live" | "hop limit") => true,
        (_, name) if name.ends_with("length") => true,
        (Some("timestamps"), "value" | "echo reply")
        | (_, "sequence number" | "acknowledgment number" | "identification" | "window") => one_way,
        _ => false,
    }
}

fn change(
    entry: &Entry<'_>,
    one: Option<&String>,
    two: Option<&String>,
    by: Option<i64>,
) -> Change {
    Change {
        header: entry.header.name,
        key: entry.header.key,
        part: entry.laid.part,
        name: entry.laid.field.name,
        values: (one.cloned(), two.cloned()),
        by,
    }
}

/// What is to be said of their data: whether it is the same, or from where on it is not.
fn data(one: &Sheet<'_>, two: &Sheet<'_>) -> Vec<String> {
    fn bytes<'a>(sheet: &Sheet<'a>) -> &'a [u8] {
        let data = |rest: &&Rest| rest.name == "data";
        sheet.rests.iter().find(data).map_or(&[], |rest| {
            let from = sheet.bytes(rest.origin).get(rest.offset as usize..);
            let from = from.unwrap_or_default();
            from.get(..rest.len as usize).unwrap_or(from)
        })
    }
    let (one, two) = (bytes(one), bytes(two));
    if one.is_empty() && two.is_empty() {
        return Vec::new();
    }
    let alike = one.iter().zip(two).take_while(|(a, b)| a == b).count();
    let lengths = if one.len() == two.len() {
        format!("data: {} bytes in both", one.len())
    } else {
        format!("data: {} bytes and {}", one.len(), two.len())
    };
    let shorter = one.len().min(two.len());
    vec![match alike {
        alike if alike == one.len().max(two.len()) => format!("{lengths}, the same"),
        alike if alike == shorter => format!("{lengths}, the same as far as both go"),
        alike => format!("{lengths}, different from byte {alike} of the data on"),
    }]
}
