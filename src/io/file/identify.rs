//! Names what a file is when it is no capture that can be read here, so that the error says more
//! than "bad magic".

use super::compressed::Compression;
use super::input::Input;
use crate::io::SourceError;

/// Enough to see a tar header's magic and a line of text.
const HEAD_BYTES: usize = 512;
/// How much text or how many bytes are quoted.
const QUOTED_CHARS: usize = 24;
const QUOTED_BYTES: usize = 8;

/// What a first few bytes stand for.
enum Kind {
    /// A capture in another format, which editcap can convert.
    OtherCapture,
    /// Something packed, and the command that unpacks it.
    Packed(&'static str),
    /// Anything else.
    Thing,
}

use Kind::{OtherCapture, Packed, Thing};

/// Formats by their first bytes; the first that fits counts.
const MAGICS: &[(&[u8], &str, Kind)] = &[
    (b"\xa1\xb2", "an unknown kind of pcap", OtherCapture),
    (b"\xa1\x2b\x3c\x4d", "a Navtel pcap", OtherCapture),
    (b"\x4d\x3c\x2b\xa1", "a Navtel pcap", OtherCapture),
    (b"\x1c\x00\x01\xac", "an IXIA capture", OtherCapture),
    (b"\xac\x01\x00\x1c", "an IXIA capture", OtherCapture),
    (b"\x1c\x00\x01\xab", "an IXIA capture", OtherCapture),
    (b"\xab\x01\x00\x1c", "an IXIA capture", OtherCapture),
    (b"snoop\0\0\0", "a snoop capture", OtherCapture),
    (b"btsnoop\0", "a Bluetooth btsnoop capture", OtherCapture),
    (
        b"RTSS",
        "a Microsoft Network Monitor 1 capture",
        OtherCapture,
    ),
    (
        b"GMBU",
        "a Microsoft Network Monitor 2 capture",
        OtherCapture,
    ),
    (
        b"TRSNIFF data    \x1a",
        "an NG Sniffer capture",
        OtherCapture,
    ),
    (
        b"XCP\0",
        "a NetXray or Windows Sniffer capture",
        OtherCapture,
    ),
    (b"iptrace ", "an AIX iptrace capture", OtherCapture),
    (b"\x05VNF", "a Visual Networks capture", OtherCapture),
    (b"EyeSDN", "an EyeSDN capture", OtherCapture),
    (b"\x7fver", "an EtherPeek or OmniPeek capture", OtherCapture),
    (b"BZh", "bzip2 data", Packed("bunzip2 -c FILE")),
    (b"\xfd7zXZ\0", "xz data", Packed("xz -dc FILE")),
    (b"\x04\x22\x4d\x18", "lz4 data", Packed("lz4 -dc FILE")),
    (b"\x1f\x9d", "compress data", Packed("uncompress -c FILE")),
    (b"PK\x03\x04", "a zip archive", Packed("unzip -p FILE")),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", Thing),
    (b"Rar!", "a RAR archive", Thing),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", Thing),
    (b"\xff\xd8\xff", "a JPEG image", Thing),
    (b"GIF8", "a GIF image", Thing),
    (b"%PDF-", "a PDF document", Thing),
    (b"\x7fELF", "an ELF program", Thing),
    (b"MZ", "a Windows program", Thing),
    (b"\xcf\xfa\xed\xfe", "a macOS program", Thing),
    (b"SQLite format 3\0", "an SQLite database", Thing),
    (b"PAR1", "a Parquet table", Thing),
    (b"\x1f\x8b", "gzip data", Packed("gunzip -c FILE")),
    (b"\x28\xb5\x2f\xfd", "zstd data", Packed("zstd -dc FILE")),
];

/// The error for what `input` starts with.
pub(super) fn not_a_capture(input: &mut Input) -> Result<SourceError, SourceError> {
    input.has(HEAD_BYTES)?;
    let within = input.compression();
    let text = describe(input.window(), within);
    Ok(SourceError::NotACapture(match input.cut() {
        Some(cut) => format!("{text}; {cut}"),
        None => text,
    }))
}

fn describe(head: &[u8], within: Option<Compression>) -> String {
    let (what, kind) = name(head);
    let what = match within {
        Some(compression) => format!("{what}, inside {compression} data"),
        None => what,
    };
    match kind {
        OtherCapture => {
            format!("{what}, which wirelab doesn't read; convert it: editcap -F pcapng FILE OUT")
        }
        Packed(command) => {
            format!("not a capture: this is {what}; unpack it first: {command} | wirelab replay -")
        }
        Thing => format!("not a capture: this is {what}"),
    }
}

fn name(head: &[u8]) -> (String, Kind) {
    if head.is_empty() {
        return ("empty".into(), Thing);
    }
    for (magic, what, kind) in MAGICS {
        if head.starts_with(magic) {
            return match kind {
                OtherCapture => ((*what).into(), OtherCapture),
                Packed(command) => ((*what).into(), Packed(command)),
                Thing => ((*what).into(), Thing),
            };
        }
    }
    if head
        .get(257..)
        .is_some_and(|rest| rest.starts_with(b"ustar"))
    {
        return ("a tar archive".into(), Thing);
    }
    if is_erf(head) {
        return ("perhaps an Endace ERF capture".into(), OtherCapture);
    }
    if head.iter().all(|byte| *byte == 0) {
        return ("nothing but zero bytes".into(), Thing);
    }
    (text(head).unwrap_or_else(|| binary(head)), Thing)
}

/// ERF has no magic number: a record's type, its length and flags must make sense, twice.
fn is_erf(head: &[u8]) -> bool {
    let record = |at: usize| -> Option<usize> {
        let &[_, _, _, _, _, _, _, _, kind, _, r0, r1, _, _, w0, w1] =
            head.get(at..)?.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([r0, r1]));
        let wire = usize::from(u16::from_be_bytes([w0, w1]));
        let known = matches!(kind & 0x7f, 1..=25) && wire > 0;
        (known && (16..=wire + 64).contains(&length)).then_some(at + length)
    };
    record(0).and_then(record).is_some()
}

/// Text is quoted, escaped: what comes from a file must not drive a terminal.
fn text(head: &[u8]) -> Option<String> {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut by the end of what was read.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x1b');
    if valid.is_empty() || valid.chars().any(strange) {
        return None;
    }
    let quoted: String = valid.chars().take(QUOTED_CHARS).collect();
    Some(format!("text starting with {quoted:?}"))
}

fn binary(head: &[u8]) -> String {
    let bytes: Vec<_> = head
        .iter()
        .take(QUOTED_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("data starting with the bytes {}", bytes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_named() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "not a capture: this is empty"),
            (
                b"\x89PNG\r\n\x1a\n\0\0",
                "not a capture: this is a PNG image",
            ),
            (b"\x7fELF\x02", "not a capture: this is an ELF program"),
            (
                b"hello \x1b[31mworld\n",
                "not a capture: this is text starting with \"hello \\u{1b}[31mworld\\n\"",
            ),
            (&[0; 40], "not a capture: this is nothing but zero bytes"),
            (
                b"\x01\x02\xff\xfe",
                "not a capture: this is data starting with the bytes 01 02 ff fe",
            ),
            (
                b"snoop\0\0\0\0\0\0\x02",
                "a snoop capture, which wirelab doesn't read; convert it: editcap -F pcapng FILE OUT",
            ),
            (
                b"BZh91AY",
                "not a capture: this is bzip2 data; unpack it first: bunzip2 -c FILE | wirelab replay -",
            ),
            (
                "你好".as_bytes(),
                "not a capture: this is text starting with \"你好\"",
            ),
            (
                "a\u{202e}b".as_bytes(),
                "not a capture: this is text starting with \"a\\u{202e}b\"",
            ),
        ];
        for (head, expected) in cases {
            assert_eq!(describe(head, None), expected);
        }
    }

    #[test]
    fn a_tar_archive_inside_gzip_is_named_as_such() {
        let mut head = vec![b'x'; 512];
        head.splice(257..262, *b"ustar");
        assert_eq!(
            describe(&head, Some(Compression::Gzip)),
            "not a capture: this is a tar archive, inside gzip data"
        );
    }

    #[test]
    fn two_erf_records_are_recognised() {
        let mut record = vec![0_u8; 80];
        record.splice(8..16, [2, 4, 0, 80, 0, 0, 0, 62]);
        assert!(is_erf(&record.repeat(2)));
        assert!(!is_erf(&record), "one could be chance");
    }
}
