//! Words become a recipe: layers parted by `/`, each a name, perhaps a message, and fields as
//! `name=value`.

use super::kinds::{KINDS, Kind, Slot, kind};
use super::mistake::Mistake;
use super::options;
use super::recipe::{Data, Header, Layer, Recipe, unescaped};
use super::value::{self, hex, number};
use super::words::{Line, Word};
use crate::wire::field::Read;

/// Layers of bytes that are no header.
const DATA: [&str; 5] = ["text", "hex", "file", "zeros", "pattern"];
/// Most layers: more than any frame has, and few enough that nothing grows without bound.
const MOST_LAYERS: usize = 32;
/// Most bytes of data: no length field of IP tells of more.
const MOST_DATA: usize = 65_535;

impl Recipe {
    /// Reads a description: words, or strings of several.
    ///
    /// # Errors
    ///
    /// The first word that can't be what was meant.
    pub fn parse<T: AsRef<str>>(arguments: &[T]) -> Result<Self, Box<Mistake>> {
        let arguments: Vec<String> = arguments.iter().map(|it| it.as_ref().to_owned()).collect();
        recipe(&Line::of(&arguments))
    }
}

fn recipe(line: &Line) -> Result<Recipe, Box<Mistake>> {
    let mut recipe = Recipe::default();
    let mut at = 0;
    loop {
        if recipe.layers.len() == MOST_LAYERS {
            let why = format!("more than {MOST_LAYERS} layers");
            return Err(Mistake::new(line, at, why));
        }
        let (layer, next) = layer(line, at)?;
        recipe.layers.push(layer);
        match line.text(next) {
            None => return Ok(recipe),
            Some("/") => at = next + 1,
            Some(_) => {
                let why = "layers are parted by /, with a blank before and after it";
                return Err(Mistake::new(line, next, why));
            }
        }
    }
}

/// The layer that begins with word `at`, and the place of the word after it.
fn layer(line: &Line, at: usize) -> Result<(Layer, usize), Box<Mistake>> {
    let names = || KINDS.iter().map(|kind| kind.name).chain(DATA);
    let layers = "layers are";
    let Some(name) = line.text(at).filter(|name| *name != "/") else {
        let why = "a layer is missing here";
        return Err(Mistake::new(line, at, why).of_names("", layers, names()));
    };
    let lower = name.to_ascii_lowercase();
    if DATA.contains(&lower.as_str()) {
        let (data, next) = data(line, at, &lower)?;
        return Ok((Layer::Data(data), next));
    }
    let Some(kind) = kind(&lower) else {
        let why = "no such layer";
        return Err(Mistake::new(line, at, why).of_names(name, layers, names()));
    };
    let words = line.words.iter().skip(at + 1);
    let end = at + 1 + words.take_while(|word| word.text != "/").count();
    Ok((Layer::Header(header(line, kind, at + 1, end)?), end))
}

/// Data, and the place of the word after it.
fn data(line: &Line, at: usize, name: &str) -> Result<(Data, usize), Box<Mistake>> {
    let missing = |what: &str| Mistake::new(line, at + 1, format!("{name} needs {what}"));
    let Some(text) = line.text(at + 1) else {
        return Err(missing(match name {
            "text" => "the text",
            "hex" => "hexadecimal digits",
            "file" => "the name of a file",
            _ => "a number of bytes",
        }));
    };
    let wrong = |why: String| Mistake::new(line, at + 1, why);
    let data = match name {
        "text" => {
            let bytes = unescaped(text).map_err(|escape| {
                wrong(format!("{escape} means nothing"))
                    .allowing(r"there are \n, \r, \t, \0, \\ and \xHH")
            })?;
            Data::Text(bytes)
        }
        "file" => Data::File {
            path: text.to_owned(),
            bytes: Vec::new(),
        },
        "hex" => {
            let words = line.words.iter().skip(at + 1);
            let words = words.take_while(|word| word.text != "/");
            let texts: Vec<&str> = words.map(|word| word.text.as_str()).collect();
            let bytes = hex(&texts.concat())
                .ok_or_else(|| wrong("not pairs of hexadecimal digits".to_owned()))?;
            if bytes.len() > MOST_DATA {
                return Err(wrong(format!("more than {MOST_DATA} bytes")));
            }
            return Ok((Data::Hex(bytes), at + 1 + texts.len()));
        }
        _ => {
            let count = number(text)
                .and_then(|count| usize::try_from(count).ok())
                .filter(|&count| count <= MOST_DATA);
            let why = || wrong(format!("not a number of bytes up to {MOST_DATA}"));
            let count = count.ok_or_else(why)?;
            if name == "zeros" {
                Data::Zeros(count)
            } else {
                Data::Pattern(count)
            }
        }
    };
    if matches!(&data, Data::Text(bytes) if bytes.len() > MOST_DATA) {
        return Err(wrong(format!("more than {MOST_DATA} bytes")));
    }
    Ok((data, at + 2))
}

/// A header of which words `from` to before `end` tell.
fn header(
    line: &Line,
    kind: &'static Kind,
    from: usize,
    end: usize,
) -> Result<Header, Box<Mistake>> {
    let mut header = Header {
        kind,
        message: None,
        sets: Vec::new(),
        tail: None,
    };
    let words = || line.words.iter().enumerate().take(end).skip(from);
    for (index, word) in words() {
        if let Some(message) = message(kind, &word.text)
            && header.message.replace(message).is_some()
        {
            let why = format!("{} can't be two messages", kind.name);
            return Err(Mistake::new(line, index, why));
        }
    }
    let slots = decided(&header, words().map(|(_, word)| word));
    for (index, word) in words() {
        if message(kind, &word.text).is_none() {
            set(line, &mut header, &slots, index, word)?;
        }
    }
    Ok(header)
}

/// The fields of a header of which these words tell: its type and code decide which there are.
fn decided<'a>(header: &Header, words: impl Iterator<Item = &'a Word>) -> Vec<Slot> {
    let mut probe = header.clone();
    let slots = header.slots();
    for word in words {
        let Some((name, text)) = word.text.split_once('=') else {
            continue;
        };
        let slot = header.kind.find(&slots, name);
        let decides = |slot: &Slot| matches!(slot.field.name, "type" | "code" | "routing type");
        if let Some(slot) = slot.filter(decides)
            && let Ok(value) = value::read(&slot.field, text)
        {
            probe.sets.push((slot, value));
        }
    }
    probe.slots()
}

/// The message of that name.
pub(super) fn message(kind: &Kind, word: &str) -> Option<&'static str> {
    let word = match word {
        "request" if kind.has_types() => "echo",
        "ns" => "neighbor-solicitation",
        "na" => "neighbor-advertisement",
        "rs" => "router-solicitation",
        "ra" => "router-advertisement",
        word => word,
    };
    let mut messages = kind.messages.iter();
    messages.find(|it| it.name == word).map(|it| it.name)
}

/// Sets what one word says.
fn set(
    line: &Line,
    header: &mut Header,
    slots: &[Slot],
    index: usize,
    word: &Word,
) -> Result<(), Box<Mistake>> {
    let kind = header.kind;
    let (name, text) = match word.text.split_once('=') {
        Some((name, text)) => (name, Some(text)),
        None => (word.text.as_str(), None),
    };
    if let Some((tail, how)) = kind.tail
        && name == tail
    {
        let text = text.unwrap_or_default();
        let items = options::read(kind.which, text).map_err(|(part, why)| {
            let why = format!("{part}: {why}");
            Mistake::new(line, index, why).allowing(format!("{tail} of {}: {how}", kind.name))
        })?;
        if header.tail.replace(items).is_some() {
            return Err(Mistake::new(line, index, format!("{tail} are set twice")));
        }
        return Ok(());
    }
    let Some(slot) = kind.find(slots, name) else {
        return Err(unknown(line, header, slots, index, name));
    };
    let field = slot.field;
    let text = match (text, field.read) {
        (Some(text), _) => text,
        (None, Read::Flag) => "1",
        (None, _) => {
            let why = format!("{name} needs a value, as in {name}=1");
            return Err(Mistake::new(line, index, why).allowing(value::allowed(&field)));
        }
    };
    // Said, and still left to us.
    if text == "auto" {
        return Ok(());
    }
    if header
        .sets
        .iter()
        .any(|(it, _)| it.field.name == field.name)
    {
        return Err(Mistake::new(
            line,
            index,
            format!("{} is set twice", field.name),
        ));
    }
    let value = value::read(&field, text).map_err(|allowed| {
        let why = format!("{} can't be {text}", field.name);
        Mistake::new(line, index, why).allowing(allowed)
    })?;
    header.sets.push((slot, value));
    Ok(())
}

/// A name that means nothing in that header.
fn unknown(line: &Line, header: &Header, slots: &[Slot], index: usize, name: &str) -> Box<Mistake> {
    let kind = header.kind;
    let mut names: Vec<String> = slots.iter().map(|slot| kind.name_of(slot)).collect();
    if kind.name == "tcp" {
        names.push("flags".to_owned());
    }
    names.extend(kind.tail.map(|(tail, _)| tail.to_owned()));
    names.extend(kind.messages.iter().map(|it| it.name.to_owned()));
    // Long names are understood as well, and some mistype those.
    let long = slots.iter().map(|slot| slot.field.name);
    let near: Vec<&str> = names.iter().map(String::as_str).chain(long).collect();
    let of = match (kind.has_types(), header.message) {
        (true, Some(message)) => format!("{} {message}", kind.name),
        (true, None) => format!("{} of that type", kind.name),
        _ => kind.name.to_owned(),
    };
    let what = format!("{} has", kind.name);
    let mut mistake = Mistake::new(line, index, format!("{of} has no field {name}")).of_names(
        name,
        &what,
        names.iter().map(String::as_str),
    );
    if mistake.nearest.is_none() {
        mistake.nearest = super::mistake::nearest(name, &near).map(str::to_owned);
    }
    mistake
}
