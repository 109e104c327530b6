//! What is wrong with a description of a packet: which word, where it stands, why, what is allowed
//! there, and which name comes nearest.

use std::fmt;

use super::words::{Line, Word};

/// How alike a name must be to be proposed, as Jaro and Winkler count; 1 is the same.
const ALIKE: f64 = 0.75;

/// A word that can't be what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The word, as it was written.
    pub word: String,
    /// Which word it is, counted from 1; one more than there are when something is missing at the end.
    pub number: usize,
    /// Why it won't do.
    pub why: String,
    /// What would do; empty where `why` says all.
    pub allowed: String,
    /// The name that comes nearest.
    pub nearest: Option<String>,
    /// The whole description in one line, and the columns of the word in it.
    line: String,
    columns: (usize, usize),
}

impl Mistake {
    /// A mistake in that word of the line.
    pub(super) fn new(line: &Line, index: usize, why: impl Into<String>) -> Box<Self> {
        let shown = plain(&line.shown);
        let word = line.words.get(index);
        let (from, to) = word.map_or((line.shown.len(), line.shown.len() + 1), Word::columns);
        // Columns are those of the escaped line, which is what people see.
        let column = |at: usize| {
            let before = line.shown.get(..at).unwrap_or(&line.shown);
            let past = at.saturating_sub(line.shown.len());
            plain(before).chars().count() + past
        };
        Box::new(Self {
            word: word.map_or(String::new(), |word| word.text.clone()),
            number: index + 1,
            why: why.into(),
            allowed: String::new(),
            nearest: None,
            columns: (column(from), column(to)),
            line: shown,
        })
    }

    /// With the names that are allowed, the nearest of which is proposed.
    #[must_use]
    pub(super) fn of_names<'a>(
        mut self: Box<Self>,
        wanted: &str,
        what: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Box<Self> {
        let names: Vec<&str> = names.into_iter().collect();
        self.nearest = nearest(wanted, &names).map(str::to_owned);
        self.allowed = format!("{what}: {}", names.join(", "));
        self
    }

    /// With what is allowed, in words.
    #[must_use]
    pub(super) fn allowing(mut self: Box<Self>, allowed: impl Into<String>) -> Box<Self> {
        self.allowed = allowed.into();
        self
    }

    /// The word and what is wrong with it, but not where it stands, which in a file is a line.
    pub fn told(&self) -> String {
        let mut text = String::new();
        if !self.word.is_empty() {
            text = format!("{}: ", plain(&self.word));
        }
        text += &plain(&self.why);
        if let Some(nearest) = &self.nearest {
            text = format!("{text}; did you mean {nearest}?");
        }
        if !self.allowed.is_empty() {
            text = format!("{text}; {}", self.allowed);
        }
        text
    }

    /// The whole description in a line, and below it a mark under the word.
    pub fn marked(&self) -> String {
        let (from, to) = self.columns;
        let mark = "^".repeat(to.saturating_sub(from).max(1));
        format!("  {}\n  {:from$}{mark}", self.line, "")
    }
}

/// `word 2, ttll=1: ipv4 has no field ttll; did you mean ttl? Its fields: …`.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.word.is_empty() { ':' } else { ',' };
        write!(f, "word {}{sign} {}", self.number, self.told())
    }
}

impl std::error::Error for Mistake {}

/// Text that a terminal may be shown.
fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\'' | '"' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// The name that `wanted` was most likely meant to be: two keys struck wrongly at most, else one that is
/// alike.
pub(super) fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    // Who types a whole novel did not mistype a name.
    if wanted.is_empty() || wanted.len() > 40 {
        return None;
    }
    let slips = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, name), *name))
        .filter(|(slips, name)| *slips <= 2 && *slips * 2 < name.chars().count())
        .min_by_key(|(slips, _)| *slips);
    let alike = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, name), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    slips.map(|it| it.1).or(alike.map(|it| it.1))
}
