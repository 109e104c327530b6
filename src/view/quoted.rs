//! What is not as it was sent in a packet that an ICMP error quotes, as JSON has it: `ping` and `trace`.

use serde::Serialize;

use crate::event::QuoteChange;

/// One field of it.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    field: &'a str,
    sent: &'a str,
    quoted: &'a str,
    why: &'a str,
}

/// All of them.
pub(super) fn changes(all: &[QuoteChange]) -> Vec<Change<'_>> {
    let mut changes = Vec::with_capacity(all.len());
    for change in all {
        changes.push(Change {
            field: change.field,
            sent: &change.sent,
            quoted: &change.quoted,
            why: &change.why,
        });
    }
    changes
}
