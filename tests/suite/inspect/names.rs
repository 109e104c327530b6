//! What our fields are called in tshark, and why some have no counterpart: `names.txt`.

/// A difference that is explained.
struct Explained {
    /// Which fields: a name, or its beginning and `*`.
    fields: String,
    /// Where: the beginning of a capture's name and a frame's number; empty for everywhere.
    place: String,
    why: String,
}

/// The file, read.
#[derive(Default)]
pub(super) struct Names {
    /// Protocols of tshark whose fields are all looked at.
    pub(super) protocols: Vec<String>,
    same: Vec<(String, Vec<String>)>,
    ours: Vec<Explained>,
    theirs: Vec<Explained>,
    read: Vec<Explained>,
    value: Vec<Explained>,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// We have a field that tshark has not, or has elsewhere.
    OnlyOurs,
    /// The other way round.
    OnlyTheirs,
    /// The same bits are read differently.
    Read,
    /// The same bits at the same place are others.
    Value,
}

impl Names {
    pub(super) fn load() -> Self {
        let path = crate::root().join("tests/suite/inspect/names.txt");
        let text = std::fs::read_to_string(path).expect("names.txt");
        let mut names = Self::default();
        let mut section = "";
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                continue;
            }
            let columns: Vec<String> = line.split('|').map(|text| text.trim().to_owned()).collect();
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            match (section, columns.as_slice()) {
                ("protocols", [protocols]) => names.protocols = words(protocols),
                ("same", [ours, theirs]) => names.same.push((ours.clone(), words(theirs))),
                (_, [fields, place, why]) => {
                    let explained = Explained {
                        fields: fields.clone(),
                        place: place.clone(),
                        why: why.clone(),
                    };
                    match section {
                        "only ours" => names.ours.push(explained),
                        "only theirs" => names.theirs.push(explained),
                        "read" => names.read.push(explained),
                        "value" => names.value.push(explained),
                        _ => panic!("names.txt has no section {section:?}"),
                    }
                }
                _ => panic!("names.txt, {section}: {line}"),
            }
        }
        names
    }

    /// Their names for a field of ours. A part can be any: `tcp/*/kind`.
    pub(super) fn theirs(&self, key: &str) -> &[String] {
        let find = |key: &str| self.same.iter().find(|(ours, _)| *ours == key);
        let found = find(key).or_else(|| find(&anywhere(key)?));
        found.map_or(&[], |(_, theirs)| theirs)
    }

    /// Why a field differs, if that is known.
    pub(super) fn why(&self, what: What, key: &str, place: &str) -> Option<&str> {
        let table = match what {
            What::OnlyOurs => &self.ours,
            What::OnlyTheirs => &self.theirs,
            What::Read => &self.read,
            What::Value => &self.value,
        };
        let matches = |explained: &&Explained| {
            let fields = match explained.fields.strip_suffix('*') {
                Some(start) => key.starts_with(start),
                None => {
                    key == explained.fields || anywhere(key).as_ref() == Some(&explained.fields)
                }
            };
            fields && place.starts_with(&explained.place)
        };
        table.iter().find(matches).map(|explained| &*explained.why)
    }
}

/// The key with any part.
fn anywhere(key: &str) -> Option<String> {
    let mut words = key.split('/');
    let (layer, _, name) = (words.next()?, words.next()?, words.next()?);
    Some(format!("{layer}/*/{name}"))
}
