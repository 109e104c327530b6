//! A packet as a TOML file: the same names and values as on the command line, a table for each layer.
//!
//! ```toml
//! [[layer]]
//! ipv4 = { dst = "192.0.2.1", ttl = 1 }
//! [[layer]]
//! icmp = { message = "echo", id = 7 }
//! [[layer]]
//! text = "abc"
//! ```

use std::fmt::Write;

use toml::de::DeTable;
use toml::{Table, Value};

use super::mistake::Mistake;
use super::recipe::{Layer, Recipe};

/// The key under which a layer has the word for its message.
const MESSAGE: &str = "message";

/// Why a file is no packet.
#[derive(Debug, thiserror::Error)]
pub enum TomlMistake {
    /// It is not TOML, or has something else in it.
    #[error("{0}")]
    Shape(String),
    /// What it says of a layer can't be.
    #[error("line {line}: {}", mistake.told())]
    Words {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        mistake: Box<Mistake>,
    },
}

/// Reads a file.
///
/// # Errors
///
/// What it says that can't be.
pub fn from_toml(text: &str) -> Result<Recipe, TomlMistake> {
    let shape = |why: &str| TomlMistake::Shape(why.to_owned());
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| TomlMistake::Shape(error.to_string()))?;
    if let Some(other) = table.keys().find(|key| *key != "layer") {
        let why = format!(
            "{}: a packet has [[layer]]s and nothing else",
            other.escape_debug()
        );
        return Err(TomlMistake::Shape(why));
    }
    let layers = table.get("layer").and_then(Value::as_array);
    let layers = layers.ok_or_else(|| shape("there is no [[layer]]"))?;
    let mut words = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for (number, layer) in (1..).zip(layers) {
        let only = layer.as_table().filter(|table| table.len() == 1);
        let Some((name, value)) = only.and_then(|table| table.iter().next()) else {
            let line = line_of(text, &(number, None));
            let why = format!(
                "line {line}, layer {number}: it is one name and what it has, as in udp = {{ dport = 53 }}"
            );
            return Err(TomlMistake::Shape(why));
        };
        if number > 1 {
            words.push("/".to_owned());
        }
        words.push(name.clone());
        places.resize(words.len(), (number, None));
        for (key, word) in said(value) {
            let place = (number, key.map(str::to_owned));
            let word = word.map_err(|why| {
                let key = key.map_or(String::new(), |key| format!("{}: ", key.escape_debug()));
                let (line, name) = (line_of(text, &place), name.escape_debug());
                TomlMistake::Shape(format!("line {line}, layer {number}, {name}: {key}{why}"))
            })?;
            words.push(word);
            places.push(place);
        }
    }
    Recipe::parse(&words).map_err(|mistake| {
        // What is missing at the end is missing in the last layer.
        let place = places.get(mistake.number - 1).or(places.last());
        let line = place.map_or(1, |place| line_of(text, place));
        TomlMistake::Words { line, mistake }
    })
}

/// Where a word comes from: which layer, counted from 1, and which key of it.
type Place = (usize, Option<String>);

/// The line of that place, counted from 1; the first where there is no such place.
fn line_of(text: &str, (number, key): &Place) -> usize {
    let found = || {
        let table = DeTable::parse(text).ok()?;
        let layers = table.get_ref().get("layer")?.get_ref().as_array()?;
        let layer = layers.get(number - 1)?;
        let (name, value) = layer.get_ref().as_table()?.iter().next()?;
        let own = value.get_ref().as_table().zip(key.as_deref());
        let key = own.and_then(|(own, key)| own.get_key_value(key));
        Some(key.map_or(name.span().start, |(key, _)| key.span().start))
    };
    let at = found().unwrap_or(0);
    let before = text.get(..at).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// The words for what a layer has, each with its key.
fn said(value: &Value) -> Vec<(Option<&str>, Result<String, String>)> {
    let Some(table) = value.as_table() else {
        return vec![(None, plain(value))];
    };
    let word = |(name, value)| {
        let name: &String = name;
        let text = plain(value).map(|text| {
            if name == MESSAGE {
                text
            } else {
                format!("{name}={text}")
            }
        });
        (Some(name.as_str()), text)
    };
    table.iter().map(word).collect()
}

fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(is) => Ok(u8::from(*is).to_string()),
        other => Err(format!("a string or a number, not a {}", other.type_str())),
    }
}

/// The file that asks for the same packet.
pub fn to_toml(recipe: &Recipe) -> String {
    let mut text = String::new();
    for layer in &recipe.layers {
        let words = layer.words();
        let (name, said) = words
            .split_first()
            .map_or(("", &[][..]), |(n, s)| (n.as_str(), s));
        // Writing to a string can't fail.
        let _ = write!(text, "[[layer]]\n{name} = ");
        match (layer, said) {
            (Layer::Data(_), [text_of, ..]) => {
                let _ = writeln!(text, "{}", written(text_of));
            }
            (_, said) => {
                let pairs = said.iter().map(|word| match word.split_once('=') {
                    Some((name, value)) => format!("{name} = {}", written(value)),
                    None => format!("{MESSAGE} = {}", written(word)),
                });
                let pairs: Vec<String> = pairs.collect();
                let _ = if pairs.is_empty() {
                    writeln!(text, "{{}}")
                } else {
                    writeln!(text, "{{ {} }}", pairs.join(", "))
                };
            }
        }
    }
    text
}

/// A value as TOML: a number where it is one that TOML writes the same.
fn written(value: &str) -> String {
    match value.parse::<i64>() {
        Ok(number) if number.to_string() == value => value.to_owned(),
        // TOML's strings are JSON's, but for DEL, which it wants escaped.
        _ => serde_json::Value::from(value)
            .to_string()
            .replace('\u{7f}', "\\u007f"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_asks_for_the_same_packet() {
        let text = r#"
            [[layer]]
            ipv4 = { dst = "192.0.2.1", ttl = 1, df = true }
            [[layer]]
            icmp = { message = "echo", id = 7 }
            [[layer]]
            text = "abc def"
        "#;
        let recipe = from_toml(text).unwrap();
        assert_eq!(
            recipe.command(),
            "ipv4 df=1 dst=192.0.2.1 ttl=1 / icmp echo id=7 / text 'abc def'"
        );
        let again = from_toml(&to_toml(&recipe)).unwrap();
        assert_eq!(again.words(), recipe.words());
    }

    #[test]
    fn files_that_cannot_be_packets_say_where() {
        for (text, why) in [
            ("", "no [[layer]]"),
            ("x", "expected"),
            ("layers = 1", "layers: a packet has"),
            (
                "\n[[layer]]\nudp = {}\ntcp = {}",
                "line 4, layer 1: it is one name",
            ),
            (
                "[[layer]]\nudp = { sport = [1] }",
                "line 2, layer 1, udp: sport: a string or a number, not a array",
            ),
            (
                "[[layer]]\nudp = { sprt = 1 }",
                "line 2: sprt=1: udp has no field sprt; did you mean sport?",
            ),
            (
                "# two\n[[layer]]\nipv4 = {}\n\n[[layer]]\n  [layer.udp]\n  dport = 1\n  sprt = 1",
                "line 8: sprt=1",
            ),
            ("layer = [\n{ ipv4 = {} },\n{ upd = {} },\n]", "line 3: upd"),
        ] {
            let error = from_toml(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
