//! One JSON object written straight into a reused buffer.
//!
//! A value tree for each of a million segments would cost more than following the connection did,
//! so keys and values go out in the order of the contract. Characters that could disturb a
//! terminal are written as `\u` escapes, which JSON readers turn back into themselves.

use std::io::Write;
use std::net::IpAddr;

use super::digits;
use crate::view::text;
use crate::wire::tcp::Flags;

/// A line under construction.
#[derive(Debug, Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    /// Whether the next key or element needs a comma before it.
    comma: bool,
    /// Whose capture lines are of, where there are two.
    at: Option<&'static str>,
}

impl Line {
    /// Starts a line of that type.
    pub(super) fn start(&mut self, kind: &str) -> &mut Self {
        self.bytes.clear();
        self.bytes.extend_from_slice(b"{\"type\":\"");
        self.bytes.extend_from_slice(kind.as_bytes());
        self.bytes.push(b'"');
        self.comma = true;
        if let Some(at) = self.at {
            self.key("at").name(at);
        }
        self
    }

    /// Says whose capture the next line is of, where there are two.
    pub(super) fn at(&mut self, at: Option<&'static str>) {
        self.at = at;
    }

    /// Ends the line and gives it, newline included.
    pub(super) fn end(&mut self) -> &[u8] {
        self.bytes.extend_from_slice(b"}\n");
        &self.bytes
    }

    fn separate(&mut self) {
        if self.comma {
            self.bytes.push(b',');
        }
        self.comma = true;
    }

    /// Writes a key; a value must follow. Keys are ours, and need no escaping.
    pub(super) fn key(&mut self, key: &str) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        self.comma = false;
        self
    }

    /// The key of a duration in nanoseconds: that name, with `_ns`.
    pub(super) fn key_ns(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"_ns\":");
        self.comma = false;
        self
    }

    /// Writes what stands between two values of a line whose keys are always the same: comma, quotes, key,
    /// colon, as one piece that the compiler knows the length of. A value without its comma must follow, by
    /// [`Line::digits`] or [`Line::or_null`], or any after another [`Line::piece`] or with a comma of its own.
    #[inline]
    pub(super) fn piece(&mut self, text: &'static str) -> &mut Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self.comma = false;
        self
    }

    /// The digits of an integer.
    #[inline]
    pub(super) fn digits(&mut self, value: impl Into<u64>) -> &mut Self {
        digits::push(&mut self.bytes, value.into());
        self.comma = true;
        self
    }

    /// The digits of an integer, or null.
    #[inline]
    pub(super) fn or_null(&mut self, value: Option<impl Into<u64>>) -> &mut Self {
        match value {
            Some(value) => self.digits(value),
            None => self.piece("null"),
        };
        self.comma = true;
        self
    }

    /// An address as a string.
    pub(super) fn address(&mut self, address: IpAddr) -> &mut Self {
        let IpAddr::V4(v4) = address else {
            return self.show(address);
        };
        self.separate();
        self.bytes.push(b'"');
        digits::push_ipv4(&mut self.bytes, v4);
        self.bytes.push(b'"');
        self
    }

    /// Flags as a string of letters.
    pub(super) fn flags(&mut self, flags: Flags) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        self.bytes
            .extend(flags.letters().map(|letter| letter as u8));
        self.bytes.push(b'"');
        self
    }

    /// An integer.
    pub(super) fn int(&mut self, value: u64) -> &mut Self {
        self.separate();
        digits::push(&mut self.bytes, value);
        self
    }

    /// An integer that may be negative.
    pub(super) fn signed(&mut self, value: i64) -> &mut Self {
        self.separate();
        let _ = write!(self.bytes, "{value}");
        self
    }

    /// An integer or null.
    pub(super) fn maybe(&mut self, value: Option<impl Into<u64>>) -> &mut Self {
        match value {
            Some(value) => self.int(value.into()),
            None => self.null(),
        }
    }

    /// A number rounded to three decimals, or null.
    pub(super) fn real(&mut self, value: Option<f64>) -> &mut Self {
        let Some(value) = value.filter(|v| v.is_finite()) else {
            return self.null();
        };
        self.separate();
        // Three decimals are a thousandth of a byte or a nanosecond: more would be false precision.
        let _ = write!(self.bytes, "{}", (value * 1e3).round() / 1e3);
        self
    }

    /// `null`.
    pub(super) fn null(&mut self) -> &mut Self {
        self.raw(b"null")
    }

    /// `true` or `false`.
    pub(super) fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { b"true" } else { b"false" })
    }

    fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.separate();
        self.bytes.extend_from_slice(value);
        self
    }

    /// A string of ours, known to need no escaping.
    pub(super) fn name(&mut self, value: &str) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(b'"');
        self
    }

    /// A string of ours or null.
    pub(super) fn maybe_name(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.name(value),
            None => self.null(),
        }
    }

    /// A value that prints as a string without anything to escape: an address, a time.
    pub(super) fn show(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.separate();
        let _ = write!(self.bytes, "\"{value}\"");
        self
    }

    /// Seconds since the epoch with nine decimals, as a string.
    pub(super) fn time(&mut self, nanos: u64) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        digits::push_seconds(&mut self.bytes, nanos);
        self.bytes.push(b'"');
        self
    }

    /// Any string.
    pub(super) fn string(&mut self, value: &str) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        for c in value.chars() {
            match c {
                '"' => self.bytes.extend_from_slice(b"\\\""),
                '\\' => self.bytes.extend_from_slice(b"\\\\"),
                '\n' => self.bytes.extend_from_slice(b"\\n"),
                '\t' => self.bytes.extend_from_slice(b"\\t"),
                _ if text::is_unsafe(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self.bytes, "\\u{unit:04x}");
                    }
                }
                _ => self
                    .bytes
                    .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.bytes.push(b'"');
        self
    }

    /// Bytes from outside as a string (what is not UTF-8 becomes U+FFFD), or null.
    pub(super) fn maybe_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.string(&String::from_utf8_lossy(value)),
            None => self.null(),
        }
    }

    /// Bytes as a string of hexadecimal digits.
    pub(super) fn hex(&mut self, value: &[u8]) -> &mut Self {
        self.separate();
        self.bytes.push(b'"');
        for byte in value {
            let _ = write!(self.bytes, "{byte:02x}");
        }
        self.bytes.push(b'"');
        self
    }

    /// Opens an object (after a key or as an element).
    pub(super) fn object(&mut self) -> &mut Self {
        self.open(b'{')
    }

    /// Closes it.
    pub(super) fn end_object(&mut self) -> &mut Self {
        self.close(b'}')
    }

    /// Opens a list.
    pub(super) fn list(&mut self) -> &mut Self {
        self.open(b'[')
    }

    /// Closes it.
    pub(super) fn end_list(&mut self) -> &mut Self {
        self.close(b']')
    }

    /// A list of integers.
    pub(super) fn ints(&mut self, values: &[u64]) -> &mut Self {
        self.list();
        for &value in values {
            self.int(value);
        }
        self.end_list()
    }

    fn open(&mut self, bracket: u8) -> &mut Self {
        self.separate();
        self.bytes.push(bracket);
        self.comma = false;
        self
    }

    fn close(&mut self, bracket: u8) -> &mut Self {
        self.bytes.push(bracket);
        self.comma = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commas_stand_between_and_nowhere_else() {
        let mut line = Line::default();
        line.start("x")
            .key("a")
            .int(1)
            .key("b")
            .list()
            .int(2)
            .list()
            .end_list()
            .end_list();
        line.key("c")
            .object()
            .key("d")
            .null()
            .end_object()
            .key("e")
            .bool(true);
        assert_eq!(
            std::str::from_utf8(line.end()).unwrap(),
            "{\"type\":\"x\",\"a\":1,\"b\":[2,[]],\"c\":{\"d\":null},\"e\":true}\n"
        );
    }

    #[test]
    fn times_have_nine_decimals_and_reals_at_most_three() {
        let mut line = Line::default();
        line.start("x")
            .key("t")
            .time(1_000_000_007)
            .key("r")
            .real(Some(1.0 / 3.0));
        line.key("n").real(Some(f64::NAN)).key("m").int(u64::MAX);
        assert_eq!(
            std::str::from_utf8(line.end()).unwrap(),
            "{\"type\":\"x\",\"t\":\"1.000000007\",\"r\":0.333,\"n\":null,\"m\":18446744073709551615}\n"
        );
    }

    proptest! {
        #[test]
        fn any_string_reads_back_as_itself_and_shows_nothing_unsafe(text: String) {
            let mut line = Line::default();
            line.start("x").key("s").string(&text);
            let bytes = line.end();
            let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            prop_assert_eq!(value["s"].as_str(), Some(&*text));
            let shown = std::str::from_utf8(bytes).unwrap();
            prop_assert!(!shown.trim_end().chars().any(text::is_unsafe));
        }
    }
}
