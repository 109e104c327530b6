//! Text from the network made safe to show, and text measured in terminal columns.
//!
//! Payload, comments and interface names are written by strangers. Nothing of theirs reaches a
//! terminal that could move the cursor, change colours, reorder the line (the bidirectional
//! controls of UAX #9) or hide itself: such characters are shown as escapes.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    // Numbers and addresses, which is most of what is laid out.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        text.len()
    } else {
        text.width()
    }
}

/// Whether a character would do something other than stand in its place.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Appends one character, escaped if need be.
fn push_escaped(out: &mut String, c: char) {
    use std::fmt::Write;
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\x1f' | '\x7f' => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        _ if is_unsafe(c) => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
        _ => out.push(c),
    }
}

/// Text from outside with everything unsafe escaped; borrowed when there is nothing to escape.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push_escaped(&mut out, c));
    Cow::Owned(out)
}

/// Bytes from outside as escaped text, for names and comments that should be UTF-8.
pub fn escape_bytes(bytes: &[u8]) -> String {
    escape(&String::from_utf8_lossy(bytes)).into_owned()
}

/// `text` cut to at most `columns`, with an ellipsis where something is missing.
///
/// Marks that combine with the character before them are kept up to two in a row: more than that
/// is no script, and would climb over the neighbouring lines.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns && !text.chars().any(|c| c.width() == Some(0)) {
        return Cow::Borrowed(text);
    }
    let whole = width(text) <= columns;
    let room = if whole {
        columns
    } else {
        columns.saturating_sub(1)
    };
    let (mut out, mut used, mut marks) = (String::with_capacity(text.len().min(columns * 4)), 0, 0);
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        marks = if w == 0 { marks + 1 } else { 0 };
        if marks > 2 {
            continue;
        }
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if !whole && columns > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// A glimpse of payload: the beginning as text in quotes, at most `columns` wide with them.
///
/// With an encoding named, that is how it is read. Without one it is UTF-8 if it is valid UTF-8
/// (a character cut at the end is forgiven), else ASCII with a dot for every other byte. `None`
/// when nothing of it would fit.
pub fn glimpse(
    payload: &[u8],
    encoding: Option<&'static Encoding>,
    columns: usize,
) -> Option<String> {
    if payload.is_empty() || columns < 5 {
        return None;
    }
    let room = columns - 2;
    // No encoding takes more than four bytes for a column, and escapes only make text longer.
    let head = &payload[..payload.len().min(room * 4 + 4)];
    let text = decode(head, encoding);
    let mut escaped = String::with_capacity(room * 2);
    let mut used = 0;
    let mut whole = head.len() == payload.len();
    let mut one = String::new();
    for c in text.chars() {
        one.clear();
        push_escaped(&mut one, c);
        if used + width(&one) > room {
            whole = false;
            break;
        }
        used += width(&one);
        escaped.push_str(&one);
    }
    if !whole {
        while used + 1 > room {
            let Some(last) = escaped.pop() else { break };
            used -= last.width().unwrap_or(0);
        }
        escaped.push('…');
    }
    Some(format!("\"{}\"", fit(&escaped, room)))
}

fn decode<'a>(bytes: &'a [u8], encoding: Option<&'static Encoding>) -> Cow<'a, str> {
    if let Some(encoding) = encoding
        && encoding != UTF_8
    {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // Cut inside the last character.
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            Cow::Owned(String::from_utf8_lossy(&bytes[..e.valid_up_to()]).into_owned())
        }
        Err(_) if encoding.is_some() => String::from_utf8_lossy(bytes),
        Err(_) => Cow::Owned(bytes.iter().map(|&b| dot(b)).collect()),
    }
}

fn dot(byte: u8) -> char {
    match byte {
        b' '..=b'~' | b'\n' | b'\r' | b'\t' => char::from(byte),
        _ => '.',
    }
}

/// Breaks `text` at spaces into lines of at most `columns`; a longer word is broken where it must.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let w = width(word);
        if used > 0 && used + 1 + w > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if w <= columns {
            line.push_str(word);
            used += w;
            continue;
        }
        for c in word.chars() {
            let cw = c.width().unwrap_or(0);
            if used + cw > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += cw;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_moves_hides_or_reorders_gets_through() {
        assert_eq!(
            escape("a\x1b[31mb\u{202e}c\u{9b}d\u{200b}"),
            "a\\x1b[31mb\\u{202e}c\\u{9b}d\\u{200b}"
        );
        assert!(matches!(escape("数据 ok"), Cow::Borrowed(_)));
        assert_eq!(escape_bytes(b"eth\xff0\x07"), "eth\u{fffd}0\\x07");
    }

    #[test]
    fn chinese_takes_two_columns_a_character() {
        assert_eq!(width("你好"), 4);
        assert_eq!(fit("你好吗", 5), "你好…");
        assert_eq!(fit("你好吗", 4), "你…");
        assert_eq!(fit("你好", 4), "你好");
    }

    #[test]
    fn a_glimpse_reads_the_encoding_it_is_told() {
        let gbk = [0xc4, 0xe3, 0xba, 0xc3, b'!'];
        assert_eq!(
            glimpse(&gbk, Encoding::for_label(b"gbk"), 20).unwrap(),
            "\"你好!\""
        );
        assert_eq!(glimpse(&gbk, None, 20).unwrap(), "\"....!\"");
        assert_eq!(glimpse("你好".as_bytes(), None, 20).unwrap(), "\"你好\"");
        // The last character is cut by the segment's end.
        assert_eq!(
            glimpse(&"你好".as_bytes()[..5], None, 20).unwrap(),
            "\"你\""
        );
        assert_eq!(
            glimpse(b"GET / HTTP/1.1\r\n", None, 12).unwrap(),
            "\"GET / HTT…\""
        );
        assert_eq!(glimpse(b"hello", None, 4), None);
    }

    #[test]
    fn wrapping_breaks_at_spaces_and_only_then_inside_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert_eq!(wrap("", 8), [""]);
    }

    proptest! {
        #[test]
        fn a_glimpse_is_never_wider_than_allowed_and_always_safe(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), columns in 0_usize..60, gbk: bool,
        ) {
            let encoding = gbk.then(|| Encoding::for_label(b"gbk").unwrap());
            if let Some(text) = glimpse(&bytes, encoding, columns) {
                prop_assert!(width(&text) <= columns, "{text:?} in {columns}");
                prop_assert!(!text.chars().any(is_unsafe), "{text:?}");
            }
        }

        #[test]
        fn cut_text_fits(text in "\\PC{0,40}", columns in 0_usize..40) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
        }
    }
}
