//! A header laid out: each of its fields with the place it stands at, options and other parts of
//! varying length included.
//!
//! A header's table, `FIELDS`, has what is always there. What comes after it depends on what it
//! says, so each header has a function `layout` beside the table that lays out the bytes at hand.
//! Layouts never fail: they hold what is certain, and say where and why nothing more could be told.

use super::field::{Field, Read};

/// A field where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Laid {
    /// Bytes from the header's start to where the field's own bits are counted from.
    pub at: u32,
    /// The part of the header it belongs to: an option, an address list. `None` for the fixed part.
    pub part: Option<&'static str>,
    /// Which part it is, counted from 1: two of the same name may follow each other.
    pub item: u16,
    /// The field.
    pub field: Field,
}

impl Laid {
    /// Bytes from the header's start to the first it touches.
    pub const fn start(&self) -> usize {
        self.at as usize + self.field.start()
    }

    /// Bytes from the header's start to the one after the last it touches.
    pub const fn end(&self) -> usize {
        self.at as usize + self.field.end()
    }

    /// Its first bit, counted from the header's first.
    pub const fn first_bit(&self) -> usize {
        self.at as usize * 8 + self.field.bit as usize
    }

    /// What the field's own functions read from: the header from where its bits are counted.
    pub fn base<'a>(&self, header: &'a [u8]) -> &'a [u8] {
        header.get(self.at as usize..).unwrap_or_default()
    }
}

/// Why a layout ends before its header does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Bytes from the header's start to what could not be read.
    pub at: u32,
    /// Why.
    pub why: &'static str,
    /// The clause that is broken.
    pub rfc: &'static str,
}

/// A header's fields, in the order they stand in.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The fields that are all there.
    pub fields: Vec<Laid>,
    /// Bytes from the header's start that the fields cover.
    pub len: u32,
    /// Why there are no more, if there should be.
    pub stop: Option<Stop>,
}

/// A layout in the making.
#[derive(Debug)]
pub(super) struct Lay<'a> {
    bytes: &'a [u8],
    at: usize,
    part: Option<&'static str>,
    item: u16,
    /// Whether the bytes ended in the middle of something: nothing can follow.
    cut: bool,
    layout: Layout,
}

impl<'a> Lay<'a> {
    /// Nothing laid out yet of the header that is `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            part: None,
            item: 0,
            cut: false,
            layout: Layout::default(),
        }
    }

    /// What is not laid out yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Whether all bytes are laid out, or nothing more can be.
    pub(super) fn is_done(&self) -> bool {
        self.cut || self.rest().is_empty() || self.layout.stop.is_some()
    }

    /// Names the part that what follows belongs to.
    pub(super) fn part(&mut self, name: &'static str) -> &mut Self {
        self.part = Some(name);
        // A header has at most some thousand options, a message at most 64 KiB of them.
        self.item = self.item.saturating_add(1);
        self
    }

    /// Lays out a table at the place reached. Of one that is not all there it takes the fields that
    /// are, and nothing can follow.
    pub(super) fn table(&mut self, fields: &[Field]) -> &mut Self {
        if self.cut || self.layout.stop.is_some() {
            return self;
        }
        let mut reached = self.at;
        for field in fields {
            if field.bytes(self.rest()).is_none() {
                self.layout.len = reached as u32;
                self.cut = true;
                return self;
            }
            reached = self.at + field.end();
            self.layout.fields.push(Laid {
                at: self.at as u32,
                part: self.part,
                item: self.item,
                field: *field,
            });
        }
        self.at = reached;
        self.layout.len = reached as u32;
        self
    }

    /// Lays out one field of whole bytes at the place reached; none of length 0.
    pub(super) fn bytes(
        &mut self,
        len: usize,
        name: &'static str,
        read: Read,
        meaning: &'static str,
        rfc: &'static str,
    ) -> &mut Self {
        // Longer than any header's, which have at most 2048 bytes: it can only be a message's rest.
        let len = len.min(usize::from(u16::MAX) / 8);
        if len == 0 {
            return self;
        }
        self.table(&[Field::new(name, 0, len as u16 * 8, read, meaning, rfc)])
    }

    /// Says why nothing more can be laid out.
    pub(super) fn stop(&mut self, why: &'static str, rfc: &'static str) {
        self.stop_after(&[], why, rfc);
    }

    /// The same of what begins with these fields, which are certain as far as they are there.
    pub(super) fn stop_after(&mut self, fields: &[Field], why: &'static str, rfc: &'static str) {
        if self.cut || self.layout.stop.is_some() {
            return;
        }
        let at = self.at as u32;
        self.table(fields);
        self.layout.stop = Some(Stop { at, why, rfc });
    }

    /// The layout as far as it has come.
    pub(super) fn done(&mut self) -> Layout {
        std::mem::take(&mut self.layout)
    }
}

/// Panics unless each byte of `len` belongs to fields that follow each other bit by bit.
#[cfg(test)]
#[track_caller]
pub(super) fn assert_tiles(layout: &Layout, len: usize) {
    let mut next = 0;
    for laid in &layout.fields {
        let name = (laid.part, laid.field.name);
        assert_eq!(laid.first_bit(), next, "{name:?}");
        next += usize::from(laid.field.bits);
    }
    assert_eq!(next, len * 8, "{:?}", layout.stop);
    assert_eq!(layout.len as usize, len);
}
