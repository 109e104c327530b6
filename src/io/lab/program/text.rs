//! What was sent or received, as far as a person wants to see it.

use crate::lab::experiment::{Encoding, Payload};

/// Longest text shown, in characters.
const LONGEST: usize = 80;
/// More bytes than these are only counted, not shown.
const MOST: usize = 4096;

/// What a payload says: its text, cut where it gets long; nothing for bytes that only count.
pub(super) fn of_payload(payload: &Payload) -> Option<String> {
    payload.text().map(cut)
}

/// Received bytes: as text in UTF-8, or in one of the encodings that texts of the experiment are in;
/// escaped if they are neither. Much at once is not shown at all.
pub(super) fn of_bytes(bytes: &[u8], encodings: &[Encoding]) -> Option<String> {
    if bytes.is_empty() || bytes.len() > MOST {
        return None;
    }
    let mut all = std::iter::once(Encoding::default()).chain(encodings.iter().copied());
    Some(match all.find_map(|encoding| encoding.read(bytes)) {
        Some(text) => cut(&text),
        // Each byte may take four characters.
        None => cut(&bytes.escape_ascii().to_string()),
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_in_its_encoding_and_what_is_none_is_escaped() {
        let gbk = Encoding::try_from("gbk".to_owned()).unwrap();
        let hello = [0xc4, 0xe3, 0xba, 0xc3];
        let shown = |bytes: &[u8], encodings: &[Encoding]| of_bytes(bytes, encodings).unwrap();
        assert_eq!(shown(&hello, &[gbk]), "你好");
        assert_eq!(shown(&hello, &[]), "\\xc4\\xe3\\xba\\xc3");
        // Half a character is no text.
        assert_eq!(shown(&hello[..3], &[gbk]), "\\xc4\\xe3\\xba");
        assert_eq!(shown("你好\n".as_bytes(), &[gbk]), "你好\n");
        let long = shown(&[b'a'; 500], &[]);
        assert_eq!((long.len(), long.ends_with("a…")), (LONGEST + 3, true));
        assert_eq!(of_bytes(&[b'a'; 5000], &[]), None);
    }
}
