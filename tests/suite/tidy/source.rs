//! Rust source as the tidy test needs it: which paths a file names, on which lines.
//!
//! No parser: comments, strings and test modules are blanked out, and what is left is read word by
//! word. That is enough for `use` trees and for paths in expressions and types.

/// A path a file names, `crate::event::Segment` say, and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// 1-based line.
    pub line: usize,
    /// Its parts; a `use` of several things gives one path each.
    pub parts: Vec<String>,
}

/// A word or a sign of the source, and its line.
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// The source without the text of comments, strings and characters; lines stay where they were.
pub(super) fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let length = literal_or_comment(rest, &code).unwrap_or(0);
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            let (blank, after) = rest.split_at(length);
            code.push(' ');
            code.extend(blank.chars().filter(|&c| c == '\n'));
            rest = after;
        }
    }
    code
}

/// Length of the comment or literal that `rest` starts with.
fn literal_or_comment(rest: &str, before: &str) -> Option<usize> {
    let up_to = |end: &str, from: usize| {
        let at = rest.get(from..)?.find(end)?;
        Some(from + at + end.len())
    };
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return up_to("*/", 2);
    }
    let in_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if !in_word && let Some(raw) = rest.strip_prefix('r').or(rest.strip_prefix("br")) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = rest.len() - raw.len() + hashes + 1;
            return up_to(&format!("\"{}", "#".repeat(hashes)), start);
        }
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        return Some(1 + end_of_quoted(quoted, '"'));
    }
    // A lifetime is not closed by a quote: `'a'` is a character, `'a,` is not.
    let mut after_quote = rest.strip_prefix('\'')?.chars();
    let is_character = after_quote.next()? == '\\' || after_quote.next()? == '\'';
    is_character.then(|| 1 + end_of_quoted(&rest[1..], '\''))
}

/// Bytes up to and with the closing quote.
fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The code up to its test module. Tests may look where the code itself may not.
///
/// `clippy::items_after_test_module` sees to it that the test module comes last.
pub(super) fn without_tests(code: &str) -> &str {
    let tests = code.match_indices("#[cfg(test)]").find(|(at, mark)| {
        let after = code[at + mark.len()..].trim_start();
        after.starts_with("mod ") && !after.starts_with("mod tests;")
    });
    tests.map_or(code, |(at, _)| &code[..at])
}

/// The words of the code, each with its line.
pub(super) fn words(code: &str) -> Vec<(usize, &str)> {
    tokens(code)
        .into_iter()
        .map(|token| (token.line, token.text))
        .filter(|(_, text)| is_word(text))
        .collect()
}

/// Every path of two parts or more that the code names.
pub(super) fn paths(code: &str) -> Vec<Path> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens[at].text) {
            at = path(&tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found.retain(|path| path.parts.len() > 1);
    found
}

/// Reads one path, or a tree of them, from `at`; returns where it ends.
fn path(tokens: &[Token<'_>], mut at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let mut parts = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        if is_word(text(at)) {
            parts.push(text(at).to_owned());
            at += 1;
        } else if text(at) == "{" && !parts.is_empty() {
            at += 1;
            while !matches!(text(at), "}" | "") {
                let next = path(tokens, at, &parts, found);
                // Whatever is no path (a comma, a star) is stepped over.
                at = next.max(at + 1);
            }
            return at + 1;
        }
        if text(at) != "::" {
            break;
        }
        at += 1;
        if !is_word(text(at)) && text(at) != "{" {
            break;
        }
    }
    if parts.len() > prefix.len() {
        found.push(Path { line, parts });
    }
    at
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = if c.is_alphanumeric() || c == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        let (text, after) = rest.split_at(length);
        if c == '\n' {
            line += 1;
        } else if !c.is_whitespace() {
            tokens.push(Token { line, text });
        }
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str) -> Vec<(usize, String)> {
        paths(&code_of(source))
            .into_iter()
            .map(|path| (path.line, path.parts.join("::")))
            .collect()
    }

    #[test]
    fn a_use_tree_gives_each_of_its_paths() {
        let source = "use std::{fs, io::{self, Write}};\nuse crate::event::*;\nfn f(x: crate::io::A) { g::<u8>(); }";
        let expected = [
            (1, "std::fs"),
            (1, "std::io::self"),
            (1, "std::io::Write"),
            (2, "crate::event"),
            (3, "crate::io::A"),
        ];
        assert_eq!(named(source), expected.map(|(n, p)| (n, p.to_owned())));
    }

    #[test]
    fn comments_strings_and_characters_name_nothing() {
        let source = "/// [`crate::io`]\nlet a = \"crate::io::A \\\" b::c\"; // d::e\n/* f::g\n*/ let q = '\"'; let r = r#\"h::i\"#; let s: &'a str = j::k('\\'');";
        assert_eq!(named(source), [(4, "j::k".to_owned())]);
    }

    #[test]
    fn test_modules_are_left_out() {
        let code = "use a::b;\n#[cfg(test)]\nmod tests { use c::d; }";
        assert_eq!(without_tests(code), "use a::b;\n");
        let apart = "#[cfg(test)]\nmod tests;\nuse a::b;";
        assert_eq!(without_tests(apart), apart);
    }
}
