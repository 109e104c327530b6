//! Headers as the RFCs draw them, 32 bits a row, with the values that are in them.
//!
//! ```text
//!   14 +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!      |version|header |   dscp    |ecn|         total length          |
//!      |       |length |           |   |                               |
//!      |   4   |   5   |     0     | 0 |              60               |
//! ```

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{cut, heading, look};
use crate::inspect::{Header, Sheet};
use crate::view::text::{width, wrap};
use crate::view::{Paint, Style};
use crate::wire::field::Read;
use crate::wire::layout::Laid;

/// Bits in a row.
const ROW: usize = 32;
/// Columns before it: where it is in the frame.
const MARGIN: usize = 6;
/// Rows that one field fills before those in its middle are left out.
const ROWS_OF_ONE: usize = 4;
/// Most lines of a name.
const NAME_LINES: usize = 3;

/// Part of a row that belongs to one field.
struct Cell {
    /// Index of the field.
    field: usize,
    /// First bit of the row, and the one after the last.
    from: usize,
    to: usize,
    /// Whether name and value stand here: a field that spans rows has them once.
    named: bool,
}

impl Cell {
    /// Columns between its borders.
    const fn columns(&self) -> usize {
        (self.to - self.from) * 2 - 1
    }
}

/// Writes the diagram of every header.
///
/// # Errors
///
/// Whatever writing gives.
pub fn diagram(style: &Style, sheet: &Sheet<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (index, header) in sheet.headers.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        heading(style, index, header, out)?;
        if header.layout.fields.is_empty() {
            writeln!(out, "{:MARGIN$} no field of it can be told", "")?;
            continue;
        }
        ruler(style, out)?;
        draw(style, sheet, index, header, out)?;
        let left = header.len.saturating_sub(header.layout.len);
        if left > 0 {
            writeln!(out, "{:MARGIN$} {left} bytes of it can't be read", "")?;
        }
    }
    Ok(())
}

/// The bit numbers over a diagram.
fn ruler(style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (mut tens, mut ones) = (String::new(), String::new());
    for bit in 0..ROW {
        let ten = (bit % 10 == 0).then_some(bit / 10);
        let ten = ten.map_or_else(|| " ".to_owned(), |ten| ten.to_string());
        // Writing to a string can't fail.
        let _ = write!(tens, "{ten} ");
        let _ = write!(ones, "{} ", bit % 10);
    }
    for line in [tens, ones] {
        let line = format!("{:MARGIN$}  {}", "", line.trim_end());
        writeln!(out, "{}", style.paint(Paint::Dim, line))?;
    }
    Ok(())
}

/// The rows of a header, cell by cell.
fn rows(fields: &[Laid]) -> Vec<Vec<Cell>> {
    let bits = fields
        .iter()
        .map(|laid| laid.first_bit() + usize::from(laid.field.bits));
    let count = bits.max().unwrap_or(0).div_ceil(ROW);
    let mut rows: Vec<Vec<Cell>> = (0..count).map(|_| Vec::new()).collect();
    for (index, laid) in fields.iter().enumerate() {
        let (first, end) = (
            laid.first_bit(),
            laid.first_bit() + usize::from(laid.field.bits),
        );
        let mut pieces: Vec<(usize, usize, usize)> = Vec::new();
        let mut at = first;
        while at < end {
            let until = end.min((at / ROW + 1) * ROW);
            pieces.push((at / ROW, at % ROW, until - at / ROW * ROW));
            at = until;
        }
        let widest = pieces.iter().map(|(_, from, to)| to - from).max();
        let named = pieces
            .iter()
            .position(|(_, from, to)| Some(to - from) == widest);
        for (piece, &(row, from, to)) in pieces.iter().enumerate() {
            if let Some(row) = rows.get_mut(row) {
                row.push(Cell {
                    field: index,
                    from,
                    to,
                    named: Some(piece) == named,
                });
            }
        }
    }
    rows
}

fn draw(
    style: &Style,
    sheet: &Sheet<'_>,
    index: usize,
    header: &Header,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows = rows(&header.layout.fields);
    // The field that fills a row alone, if one does.
    let alone = |row: usize| match rows.get(row).map(Vec::as_slice) {
        Some([cell]) if cell.to - cell.from == ROW => Some(cell.field),
        _ => None,
    };
    let mut row = 0;
    let mut above: &[Cell] = &[];
    while let Some(cells) = rows.get(row) {
        let at = header.offset as usize + row * ROW / 8;
        writeln!(out, "{at:>MARGIN$} {}", border(above, cells))?;
        for line in lines(sheet, header, cells) {
            let line = style.paint(look(index), line);
            writeln!(out, "{:MARGIN$} {line}", "")?;
        }
        above = cells;
        let same = (row..rows.len())
            .take_while(|&next| alone(next).is_some() && alone(next) == alone(row))
            .count();
        row += 1;
        if same > ROWS_OF_ONE {
            let text = format!(
                "~{:^1$}~",
                format!("{} bytes more", (same - 1) * ROW / 8),
                ROW * 2 - 1
            );
            writeln!(out, "{:MARGIN$} {text}", "")?;
            row += same - 1;
        }
    }
    writeln!(out, "{:MARGIN$} {}", "", border(above, &[]))
}

/// The line between two rows: dashes, but inside a field that goes on below.
fn border(above: &[Cell], below: &[Cell]) -> String {
    let owner = |cells: &[Cell], bit: usize| {
        let found = cells
            .iter()
            .find(|cell| (cell.from..cell.to).contains(&bit));
        found.map(|cell| cell.field)
    };
    let end = |cells: &[Cell]| cells.last().map_or(0, |cell| cell.to);
    let end = end(above).max(end(below));
    let mut line = String::with_capacity(ROW * 2 + 1);
    let mut open_before = false;
    for bit in 0..end {
        let (up, down) = (owner(above, bit), owner(below, bit));
        let open = up.is_some() && up == down;
        let inside = open && open_before && owner(above, bit.wrapping_sub(1)) == up;
        line.push(if inside { ' ' } else { '+' });
        line.push(if open { ' ' } else { '-' });
        open_before = open;
    }
    line.push('+');
    line
}

/// The lines of a row: names, as many lines as the longest needs, then values.
fn lines(sheet: &Sheet<'_>, header: &Header, cells: &[Cell]) -> Vec<String> {
    let mut names: Vec<Vec<String>> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    for cell in cells {
        let laid = header.layout.fields.get(cell.field).filter(|_| cell.named);
        names.push(laid.map_or_else(Vec::new, |laid| name(laid.field.name, cell.columns())));
        values.push(laid.map_or_else(String::new, |laid| {
            value(sheet, header, laid, cell.columns())
        }));
    }
    let height = names.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for line in 0..=height {
        let mut text = String::from("|");
        for ((cell, names), value) in cells.iter().zip(&names).zip(&values) {
            let word = if line == height {
                Some(value)
            } else {
                names.get(line)
            };
            let word = word.map_or("", String::as_str);
            // Chinese does not occur in names or values, so characters are columns.
            let _ = write!(text, "{word:^0$}|", cell.columns());
        }
        lines.push(text);
    }
    lines
}

/// A name in so many columns, in several lines if need be; in a single one its letters stand below
/// each other, as RFC 9293 has the control bits.
fn name(name: &str, columns: usize) -> Vec<String> {
    if columns == 1 {
        let words: Vec<&str> = name.split(' ').collect();
        let letters: String = match *words.as_slice() {
            [word] if word.chars().all(char::is_uppercase) => word.to_owned(),
            ref words => words
                .iter()
                .filter_map(|word| word.chars().next())
                .collect(),
        };
        let letters = letters.to_uppercase();
        return letters.chars().take(NAME_LINES).map(String::from).collect();
    }
    if width(name) <= columns {
        return vec![name.to_owned()];
    }
    let head = |word: &str| word.chars().take(columns).collect::<String>();
    let mut lines: Vec<String> = Vec::new();
    for word in name.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(head(word)),
        }
    }
    lines.truncate(NAME_LINES);
    lines
}

/// A value in so many columns: in full, or without its name, or as a plain number.
fn value(sheet: &Sheet<'_>, header: &Header, laid: &Laid, columns: usize) -> String {
    let raw = laid.field.raw(laid.base(sheet.header(header)));
    if let (Read::Flag, Some(raw)) = (laid.field.read, raw) {
        return raw.to_string();
    }
    let full = sheet.value(header, laid);
    let remarked = sheet.remarked(header, laid);
    let bare = full.split(" (").next().unwrap_or_default().to_owned();
    let number = raw.map(|raw| raw.to_string()).unwrap_or_default();
    [remarked, full, bare.clone(), number]
        .into_iter()
        .find(|text| !text.is_empty() && width(text) <= columns)
        .unwrap_or_else(|| {
            let shown = wrap(&bare, columns.max(8))
                .into_iter()
                .next()
                .unwrap_or_default();
            cut(&shown, columns)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ipv6_ext, tcp};
    use proptest::prelude::*;

    /// Panics unless each bit of the fields is drawn once, under its field, each row from left to right,
    /// and each field is named once.
    fn check(fields: &[Laid]) {
        let mut drawn = Vec::new();
        let mut named = vec![0; fields.len()];
        for (row, cells) in rows(fields).iter().enumerate() {
            for cell in cells {
                let bits = row * ROW + cell.from..row * ROW + cell.to;
                drawn.extend(bits.map(|bit| (bit, cell.field)));
                named[cell.field] += u32::from(cell.named);
            }
        }
        let bits = fields.iter().enumerate().flat_map(|(index, laid)| {
            let first = laid.first_bit();
            (first..first + usize::from(laid.field.bits)).map(move |bit| (bit, index))
        });
        assert_eq!(drawn, bits.collect::<Vec<_>>());
        assert!(named.iter().all(|&times| times == 1), "{named:?}");
    }

    proptest! {
        #[test]
        fn each_bit_is_drawn_once(options in prop::collection::vec(any::<u8>(), 0..41), number in prop::sample::select(vec![0_u8, 43, 44, 60, 135])) {
            let header = [&[0; 20][..], &options].concat();
            check(&tcp::layout(&header).fields);
            check(&ipv6_ext::layout(number, &header).fields);
        }
    }
}
