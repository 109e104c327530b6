//! A description as words: arguments as a shell hands them over, or one string with quotes of its own.

/// Layers whose next word is data, whatever it looks like.
pub(super) const VERBATIM: [&str; 2] = ["text", "file"];

/// A word of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says, without quotes.
    pub(super) text: String,
    /// Where it stands in the line that is shown: first byte, and the one after the last.
    from: usize,
    to: usize,
}

impl Word {
    pub(super) const fn columns(&self) -> (usize, usize) {
        (self.from, self.to)
    }
}

/// A description in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// As one would type it.
    pub(super) shown: String,
    /// Its words.
    pub(super) words: Vec<Word>,
}

impl Line {
    /// The line that these arguments make. One with blanks is several words, unless it is the data of
    /// a layer: then it was one word for the shell as well.
    pub(super) fn of(arguments: &[String]) -> Self {
        let mut line = Self::default();
        for argument in arguments {
            let after = line.words.last().map(|word| word.text.as_str());
            let is_data = after.is_some_and(|name| VERBATIM.contains(&name));
            if is_data || !argument.contains([' ', '\t', '\n', '\r']) {
                if is_data || !argument.is_empty() {
                    line.push(argument.clone());
                }
                continue;
            }
            for word in split(argument) {
                line.push(word);
            }
        }
        line
    }

    /// Adds a word.
    pub(super) fn push(&mut self, text: String) {
        if !self.shown.is_empty() {
            self.shown.push(' ');
        }
        let from = self.shown.len();
        self.shown.push_str(&quoted(&text));
        let to = self.shown.len();
        self.words.push(Word { text, from, to });
    }

    /// The text of that word.
    pub(super) fn text(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(|word| word.text.as_str())
    }
}

/// Words of a string, with a shell's quotes: `'…'` as it is, `"…"` with `\"` and `\\`.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') if matches!(chars.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            // Elsewhere a backslash is the text's own, as in \n.
            (None, '\\') if matches!(chars.peek(), Some('"' | '\'')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A word as a shell takes it: in quotes where it needs them.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
        let line = Line::of(&arguments);
        line.words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn one_string_or_many_are_the_same_words() {
        let many = ["ipv4", "ttl=1", "/", "text", "a b"];
        assert_eq!(words(&many), many);
        assert_eq!(words(&["ipv4 ttl=1 / text 'a b'"]), many);
        assert_eq!(words(&["ipv4  ttl=1 /\n", "text", "a b"]), many);
        assert_eq!(words(&[r#"text "say \"hi\"""#]), ["text", "say \"hi\""]);
        assert_eq!(words(&["text ''"]), ["text", ""]);
        assert_eq!(words(&["text 'never closed"]), ["text", "never closed"]);
    }

    #[test]
    fn quotes_are_for_words_that_need_them() {
        assert_eq!(quoted("ttl=1"), "ttl=1");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
