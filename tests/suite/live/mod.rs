//! Live captures of real connections, by the real binary, between two hosts made for the purpose.
//!
//! These need root (to make network namespaces) and iproute2. Where a machine can't run them they
//! say why and pass, except on CI (`CI=true`), where that is a failure.

mod addr;
mod buffers;
mod check;
mod craft;
mod doctor;
mod ends;
mod inspect;
mod nc;
mod net;
mod ping;
mod ports;
mod program;
mod refusals;
mod rights;
mod runs;
mod screen;
mod sockets;
mod talk;
mod talker;
mod trace;

use std::process::Command;

pub(crate) use net::skip;
use net::{CLIENT, Net, SERVER};
use program::{Running, WIRELAB, assert_whole, segments, wait_until};

const ASK: &str = "how do you do";
const ANSWER: &str = "very well, thank you";

/// `wirelab capture` on the client's end of the cable, as root itself: not through sudo, whoever
/// started the tests.
fn capture(arguments: &[&str]) -> Command {
    let mut command = Command::new(WIRELAB);
    command
        .args(["capture", "-i", Net::IFACE])
        .args(arguments)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID");
    command
}

/// Holds a conversation, and waits until `file` shows all of it while `running` still captures:
/// whatever is seen must be in the file at once.
fn converse_and_wait(net: &Net, running: &Running, file: &std::path::Path) {
    net.converse(ASK, ANSWER);
    wait_until("the whole conversation in the file", || {
        let seen = segments(file).unwrap_or_default();
        // Two FINs, and the ACK of the second.
        let fin = |from: &str| {
            let mut of_side = seen.iter().filter(|s| s.from == from);
            of_side.any(|s| s.flags == "AF")
        };
        fin(CLIENT) && fin(SERVER) && seen.last().is_some_and(|s| s.flags == "A")
    });
    assert!(std::path::Path::new(&format!("/proc/{}", running.pid())).exists());
    let seen = segments(file).expect("a whole file");
    assert_whole(&seen, CLIENT, ASK, SERVER, ANSWER);
}
