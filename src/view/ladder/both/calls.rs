//! What a call of a program asks of TCP, and what it came to: the interface that RFC 9293 section
//! 3.9.1 gives to programs, by the names it has on Unix.

use crate::event::{Call, CallPart, units};
use crate::talk::{of_past_errno, purpose_of};

/// What is to be said of a call beyond its name, arguments and result, a sentence each.
pub(super) fn words(call: &Call<'_>) -> Vec<String> {
    let mut said = vec![purpose_of(call.call).to_owned()];
    let takes = matches!(call.call, "recv" | "read");
    match (call.part, call.errno) {
        (part, None) if part != CallPart::Begins && takes && call.result == Some(0) => {
            said.push(
                "It gave 0: the other side's FIN has come, and nothing follows it.".to_owned(),
            );
        }
        (CallPart::Begins, _) => {
            said.push("It waits; what it came to is told further below.".to_owned());
        }
        (_, Some(errno)) => said.push(of_past_errno(errno).to_owned()),
        (_, None) if call.blocked => said.push(waited(call)),
        (_, None) => {}
    }
    if call.part != CallPart::Begins && call.blocked && call.errno.is_some() {
        said.push(waited(call));
    }
    said.retain(|sentence| !sentence.is_empty());
    said
}

fn waited(call: &Call<'_>) -> String {
    let time = units::nanos(call.blocked_ns);
    format!("The program waited in it for {time}.")
}
