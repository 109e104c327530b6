//! What a person types at the terminal of a server that has several clients.

/// A line, read as what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    /// Text, for whoever it goes to now: any line, also `@name`. `@@` stands for an `@` where one would address.
    Text(&'a [u8]),
    /// `@2 TEXT`: text for the second client alone; without text, as all that follows.
    To(u64, &'a [u8]),
    /// `@`: for all again.
    ToAll,
}

impl<'a> Typed<'a> {
    /// Reads a line, with its end.
    pub fn read(line: &'a [u8]) -> Self {
        let Some(rest) = line.strip_prefix(b"@") else {
            return Self::Text(line);
        };
        if rest.starts_with(b"@") {
            return Self::Text(rest);
        }
        if rest.trim_ascii().is_empty() {
            return Self::ToAll;
        }
        let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
        let (number, text) = rest.split_at(digits);
        let number = std::str::from_utf8(number)
            .ok()
            .and_then(|it| it.parse().ok());
        match (number, text) {
            (Some(number), _) if text.trim_ascii().is_empty() => Self::To(number, &[]),
            (Some(number), [b' ', text @ ..]) => Self::To(number, text),
            _ => Self::Text(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_addressed_by_number_and_all_else_is_text() {
        for (line, meant) in [
            ("@2 hi there\n", Typed::To(2, b"hi there\n")),
            ("@12  two spaces\n", Typed::To(12, b" two spaces\n")),
            ("@2\n", Typed::To(2, b"")),
            ("@2  \r\n", Typed::To(2, b"")),
            ("@\n", Typed::ToAll),
            ("@", Typed::ToAll),
            ("@@2 a word\n", Typed::Text(b"@2 a word\n")),
            ("@all\n", Typed::Text(b"@all\n")),
            ("@2nd\n", Typed::Text(b"@2nd\n")),
            (
                "@99999999999999999999 x\n",
                Typed::Text(b"@99999999999999999999 x\n"),
            ),
            (" @2 x\n", Typed::Text(b" @2 x\n")),
            ("", Typed::Text(b"")),
        ] {
            assert_eq!(Typed::read(line.as_bytes()), meant, "{line:?}");
        }
    }
}
