//! What is typed or piped in: read as it comes, never while nobody could take it.

use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{getpgrp, tcgetpgrp};

use crate::frame::Timestamp;

/// Most bytes taken at once; so many are more than lines that somebody types.
const BUFFER: usize = 64 << 10;
/// Longest line that is waited for to its end, in bytes.
const LONGEST: usize = BUFFER;
/// How long after the last of it more may still be expected of a pipe.
const STILL_COMING: u64 = 500_000_000;

/// Standard input.
#[derive(Debug)]
pub(super) struct Input {
    stdin: std::io::Stdin,
    terminal: bool,
    regular: bool,
    /// A line without its end.
    begun: Vec<u8>,
    ended: bool,
    latest: Timestamp,
}

impl Input {
    pub(super) fn new() -> Self {
        let stdin = std::io::stdin();
        let kind = fstat(&stdin).map(|it| SFlag::from_bits_truncate(it.st_mode) & SFlag::S_IFMT);
        Self {
            terminal: stdin.is_terminal(),
            regular: kind == Ok(SFlag::S_IFREG),
            stdin,
            begun: Vec::new(),
            ended: false,
            latest: Timestamp::from_nanos(0),
        }
    }

    /// To be waited for, unless it has ended. A program in the background that reads its terminal would be
    /// stopped by the kernel (SIGTTIN).
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended && !self.in_background()).then(|| self.stdin.as_fd())
    }

    /// Whether it is a terminal that is another program's just now.
    pub(super) fn in_background(&self) -> bool {
        self.terminal && tcgetpgrp(&self.stdin).is_ok_and(|front| front != getpgrp())
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether more of it comes without anybody doing anything: a file, or a pipe that flows.
    pub(super) fn flows(&self, now: Timestamp) -> bool {
        !self.ended
            && !self.terminal
            && (self.regular || now.nanos_since(self.latest) < STILL_COMING)
    }

    /// Reads what is there: pieces to be sent by one call each. Lines, with their ends, where it comes in
    /// lines; where it comes in bulk, as much as came at once.
    pub(super) fn read(&mut self, now: Timestamp) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; BUFFER];
        let len = match nix::unistd::read(&self.stdin, &mut buffer) {
            Ok(len) => len,
            Err(Errno::EINTR | Errno::EAGAIN) => return Vec::new(),
            // There is none, or it was taken away: as good as its end.
            Err(_) => 0,
        };
        self.latest = now;
        if len == 0 {
            self.ended = true;
            let rest = std::mem::take(&mut self.begun);
            return if rest.is_empty() {
                Vec::new()
            } else {
                vec![rest]
            };
        }
        buffer.truncate(len);
        self.cut(&buffer)
    }

    /// Cuts into lines; the last one may wait for its end.
    fn cut(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let end = match all.iter().rposition(|&byte| byte == b'\n') {
            Some(at) => at + 1,
            None if all.len() >= LONGEST => all.len(),
            None => 0,
        };
        self.begun = all.split_off(end);
        if bytes.len() == BUFFER {
            return if all.is_empty() {
                Vec::new()
            } else {
                vec![all]
            };
        }
        all.split_inclusive(|&byte| byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_one_by_one_and_bulk_as_it_comes() {
        let mut input = Input::new();
        assert_eq!(
            input.cut(b"one\ntwo\nthr"),
            [b"one\n".to_vec(), b"two\n".to_vec()]
        );
        assert_eq!(input.cut(b"ee\n"), [b"three\n".to_vec()]);
        let bulk = [&b"x\n".repeat(BUFFER / 2)[..]].concat();
        assert_eq!(input.cut(&bulk), [bulk]);
        let endless = vec![b'y'; BUFFER];
        assert_eq!(input.cut(&endless), [endless]);
    }
}
