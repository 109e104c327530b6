//! Reads what tshark says of every field of a capture: names, places and values from `-T pdml`, masks
//! from `-T json -x`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A field as tshark has it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its abbreviation, as in display filters.
    pub(super) name: String,
    /// The protocol it belongs to.
    pub(super) protocol: String,
    /// First bit, counted from the start of the bytes it stands in.
    pub(super) bit: u64,
    /// How many bits.
    pub(super) bits: u64,
    /// Its bits in hexadecimal: a number, or bytes.
    pub(super) value: String,
    /// What it shows.
    pub(super) show: String,
}

/// Whether there is a tshark to ask.
pub(super) fn is_installed() -> bool {
    Command::new("tshark")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// What tshark says of each frame of a capture.
pub(super) fn fields(path: &Path, settings: &Path) -> Vec<Vec<Field>> {
    // Both at once: starting takes tshark longer than reading.
    let [pdml, json] = [
        &["-T", "pdml"][..],
        &["-T", "json", "-x", "--no-duplicate-keys"],
    ]
    .map(|words| ask(path, settings, words))
    .map(answer);
    let json: Vec<Value> = serde_json::from_str(&json).expect("tshark's JSON");
    let masks = json.iter().map(|packet| {
        let mut masks = BTreeMap::new();
        collect(&packet["_source"]["layers"], &mut masks);
        masks
    });
    let packets = pdml.split("<packet>").skip(1);
    packets
        .zip(masks)
        .map(|(packet, masks)| packet_fields(packet, &masks))
        .collect()
}

fn ask(path: &Path, settings: &Path, words: &[&str]) -> Child {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", settings).arg("-nr");
    command.arg(path).args(words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("tshark runs")
}

fn answer(child: Child) -> String {
    let output = child.wait_with_output().expect("tshark ends");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Masks by abbreviation, first byte and length; 0 is none.
type Masks = BTreeMap<(String, u64, u64), u64>;

/// Finds `"NAME_raw": [value, first byte, length, mask, type]`, or a list of such, at any depth.
fn collect(value: &Value, masks: &mut Masks) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if let (Some(name), Value::Array(list)) = (key.strip_suffix("_raw"), value) {
                    if list.first().is_some_and(Value::is_array) {
                        for raw in list {
                            note(name, raw, masks);
                        }
                    } else {
                        note(name, value, masks);
                    }
                }
                collect(value, masks);
            }
        }
        Value::Array(list) => {
            for value in list {
                collect(value, masks);
            }
        }
        _ => {}
    }
}

fn note(name: &str, raw: &Value, masks: &mut Masks) {
    if let (Some(at), Some(len), Some(mask)) = (raw[1].as_u64(), raw[2].as_u64(), raw[3].as_u64()) {
        masks.insert((name.to_owned(), at, len), mask);
    }
}

/// The fields of a packet that stand in bytes, those that are only there to be filtered by left out.
fn packet_fields(packet: &str, masks: &Masks) -> Vec<Field> {
    let mut protocols: Vec<String> = Vec::new();
    let mut fields = Vec::new();
    for tag in packet.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            continue;
        };
        if tag == "/proto" {
            protocols.pop();
        }
        let (kind, _) = tag.split_once(' ').unwrap_or((tag, ""));
        let attribute = |name: &str| attribute(tag, name).unwrap_or_default();
        if kind == "proto" {
            let name = attribute("name");
            // A wrapper is part of the protocol around it.
            let wrapped = name == "fake-field-wrapper";
            let outer = protocols.last().cloned().unwrap_or_default();
            let name = if wrapped { outer } else { name };
            if tag.ends_with('/') {
                continue;
            }
            protocols.push(name);
            continue;
        }
        if kind != "field" || attribute("hide") == "yes" {
            continue;
        }
        let number = |name: &str| attribute(name).parse::<u64>().unwrap_or(0);
        let (name, at, len) = (attribute("name"), number("pos"), number("size"));
        let protocol = protocols.last().cloned().unwrap_or_default();
        if name.is_empty() || len == 0 {
            continue;
        }
        let mask = masks.get(&(name.clone(), at, len)).copied().unwrap_or(0);
        let field = place(&attribute("showname"), mask, (at, len), &attribute("value"));
        fields.extend(field.map(|(bit, bits, value)| Field {
            name,
            protocol,
            bit,
            bits,
            value,
            show: attribute("show"),
        }));
    }
    fields
}

/// The bits a field has and what they hold: by its mask, else by the pattern it is shown with
/// (`0100 .... = Version: 4`), else all of its bytes.
fn place(shown: &str, mask: u64, (at, len): (u64, u64), value: &str) -> Option<(u64, u64, String)> {
    if mask != 0 {
        let reach = u64::from(u64::BITS - mask.leading_zeros());
        // A mask wider than the bytes said to hold it goes on in those after them.
        let width = (len * 8).max(reach.next_multiple_of(8));
        let bits = reach - u64::from(mask.trailing_zeros());
        return Some((at * 8 + width - reach, bits, value.to_owned()));
    }
    let (pattern, _) = shown.split_once(" = ").unwrap_or_default();
    let pattern: String = pattern.chars().filter(|&c| c != ' ').collect();
    let is_pattern = !pattern.is_empty() && pattern.chars().all(|c| matches!(c, '0' | '1' | '.'));
    if is_pattern {
        let first = pattern.find(['0', '1'])?;
        let digits: String = pattern.chars().filter(|&c| c != '.').collect();
        let number = u128::from_str_radix(&digits, 2).ok()?;
        return Some((
            at * 8 + first as u64,
            digits.len() as u64,
            format!("{number:x}"),
        ));
    }
    Some((at * 8, len * 8, value.to_owned()))
}

/// An attribute of a tag, its entities resolved.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let mut text = value.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    Some(text)
}
