//! What a socket's buffer holds, as a small bar beside the call that it explains: what a send that blocked
//! has left behind, and what a recv finds.

use crate::event::{Call, CallPart, Figures, Host, units};
use crate::view::bars::{Ink, Piece, bar};
use crate::view::{Paint, Style};

/// Columns of a bar, brackets included.
const COLUMNS: usize = 14;
/// Fewer bytes than this wait to be read whenever data comes: that is not worth a word.
const MANY: u64 = 4_000;

/// Whether a call is more than routine for its buffer's sake: a send that had to wait for room.
pub(in crate::view::ladder) fn is_told(call: &Call<'_>) -> bool {
    sends(call) && call.blocked && call.part == CallPart::Returns
}

fn sends(call: &Call<'_>) -> bool {
    call.call.starts_with("send") || call.call == "write"
}

fn receives(call: &Call<'_>) -> bool {
    call.call.starts_with("recv") || call.call == "read"
}

/// Bytes in a send buffer and in a receive buffer.
type Bytes = [u64; 2];

/// What the buffers of both hosts hold, and how much that was at most: the bars are of that, for nobody
/// says here how much may be.
#[derive(Debug, Default)]
pub(super) struct Queues {
    now: [Bytes; 2],
    most: [Bytes; 2],
}

impl Queues {
    /// Takes in the latest figures of each host.
    pub(super) fn see(&mut self, figures: &[Option<Figures>; 2]) {
        for host in [Host::Client, Host::Server].map(Host::index) {
            let Some(figures) = figures[host] else {
                continue;
            };
            let now = [figures.send_queue, figures.recv_queue];
            self.now[host] = now.map(|bytes| bytes.unwrap_or(0));
            for (most, now) in self.most[host].iter_mut().zip(self.now[host]) {
                *most = now.max(*most);
            }
        }
    }

    /// What is to be said of the buffer that this call is about. What it took is no longer there, though the
    /// kernel is not asked again until there is a packet.
    pub(super) fn beside(&mut self, call: &Call<'_>, style: &Style) -> Option<String> {
        let now = &mut self.now[call.host.index()];
        let [sending, receiving] = *now;
        if receives(call) && call.part != CallPart::Begins {
            let taken = call.result.and_then(|it| u64::try_from(it).ok());
            now[1] = receiving.saturating_sub(taken.unwrap_or(0));
        }
        let (which, bytes, name) = if is_told(call) && sending > 0 {
            (0, sending, "still in the send buffer")
        } else if receives(call) && call.part != CallPart::Begins && receiving >= MANY {
            (1, receiving, "lay in the receive buffer")
        } else {
            return None;
        };
        let piece = Piece {
            amount: bytes,
            ink: Ink::Full,
            paint: Paint::Plain,
        };
        // The row has a colour already.
        let plain = Style {
            color: false,
            ..style.clone()
        };
        let most = self.most[call.host.index()][which];
        let bar = bar(&plain, &[piece], most, COLUMNS);
        Some(format!("{bar} {} {name}", units::amount(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;

    fn call(name: &'static str, part: CallPart, result: i64) -> Call<'static> {
        Call {
            host: Host::Server,
            time: Timestamp::default(),
            part,
            program: "",
            socket: "",
            call: name,
            arguments: "",
            result: Some(result),
            errno: None,
            blocked_ns: 300_000_000,
            blocked: true,
            routine: true,
            data: None,
        }
    }

    fn seen(send_queue: u64, recv_queue: u64) -> Queues {
        let mut queues = Queues::default();
        let figures = Figures {
            send_queue: Some(send_queue),
            recv_queue: Some(recv_queue),
            ..Figures::default()
        };
        queues.see(&[None, Some(figures)]);
        queues
    }

    #[test]
    fn a_recv_finds_what_the_one_before_it_left() {
        let mut queues = seen(0, 15_000);
        let mut said = |result| {
            let call = call("recv", CallPart::Whole, result);
            queues.beside(&call, &Style::default())
        };
        let full = "[████████████] 15.0k lay in the receive buffer";
        assert_eq!(said(8_000).as_deref(), Some(full));
        let less = "[█████·······] 7000 lay in the receive buffer";
        assert_eq!(said(7_000).as_deref(), Some(less));
        assert_eq!(said(1), None, "nothing is left");
    }

    #[test]
    fn only_a_send_that_had_to_wait_says_what_it_left() {
        let mut queues = seen(23_168, 0);
        let style = Style::default();
        let returns = call("send", CallPart::Returns, 60_000);
        assert!(is_told(&returns));
        let said = queues.beside(&returns, &style).unwrap();
        assert_eq!(said, "[████████████] 23.2k still in the send buffer");
        let begins = call("send", CallPart::Begins, 60_000);
        assert_eq!(queues.beside(&begins, &style), None);
        assert!(!is_told(&call("recv", CallPart::Returns, 5)));
    }
}
