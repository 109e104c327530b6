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
    #[error("{0}")]
    Words(Box<Mistake>),
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
    for (number, layer) in (1..).zip(layers) {
        let only = layer.as_table().filter(|table| table.len() == 1);
        let Some((name, value)) = only.and_then(|table| table.iter().next()) else {
            let why = format!(
                "layer {number}: it is one name and what it has, as in udp = {{ dport = 53 }}"
            );
            return Err(TomlMistake::Shape(why));
        };
        if number > 1 {
            words.push("/".to_owned());
        }
        words.push(name.clone());
        said(value, &mut words).map_err(|why| {
            TomlMistake::Shape(format!("layer {number}, {}: {why}", name.escape_debug()))
        })?;
    }
    Recipe::parse(&words).map_err(TomlMistake::Words)
}

/// The words for what a layer has.
fn said(value: &Value, words: &mut Vec<String>) -> Result<(), String> {
    let Some(table) = value.as_table() else {
        words.push(plain(value)?);
        return Ok(());
    };
    for (name, value) in table {
        let text = plain(value).map_err(|why| format!("{}: {why}", name.escape_debug()))?;
        if name == MESSAGE {
            words.push(text);
        } else {
            words.push(format!("{name}={text}"));
        }
    }
    Ok(())
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
            ("[[layer]]\nudp = {}\ntcp = {}", "layer 1: it is one name"),
            (
                "[[layer]]\nudp = { sport = [1] }",
                "layer 1, udp: sport: a string or a number, not a array",
            ),
            ("[[layer]]\nudp = { sprt = 1 }", "did you mean sport?"),
        ] {
            let error = from_toml(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
