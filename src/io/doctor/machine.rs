//! The machine itself: IPv6, the terminal, the clock.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use nix::errno::Errno;

use super::{Probe, Screen, Subject};
use crate::io::clock::{self, Stopwatch};

use super::circumstances::Circumstances;
use super::remedy;

/// A pause of this length, to see when it ends.
const PAUSE: Duration = Duration::from_millis(1);
/// How often: the median of few is enough to tell a good clock from a coarse one.
const PAUSES: usize = 9;
/// A median lateness above this makes the lab's short delays meaningless.
const TOO_LATE: Duration = Duration::from_millis(1);
/// 2020-01-01, before which nothing of this program was written.
const PAST_SECONDS: u64 = 1_577_836_800;

/// Whether this machine talks IPv6 with itself.
pub(super) fn ipv6(at: &Circumstances) -> Probe {
    let name = "ipv6";
    match UdpSocket::bind(("::1", 0)) {
        Ok(_) => Probe::ok(name, Subject::Machine, "::1 is there"),
        Err(error) => {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            Probe::blocked(name, Subject::Machine, remedy::ipv6(errno, at))
        }
    }
}

/// What the screen is like. Nothing here is a blocker.
pub(super) fn terminal(screen: Screen) -> Probe {
    let what = if screen.is_terminal {
        "a terminal"
    } else {
        "not a terminal"
    };
    let color = if screen.color { "colour" } else { "no colour" };
    let letters = if screen.unicode {
        "UTF-8"
    } else {
        "ASCII only"
    };
    let columns = screen.columns;
    let detail = format!("{what}, {columns} columns, {color}, {letters}");
    Probe::ok("terminal", Subject::Machine, detail)
}

/// Whether pauses end when they should, and the time of day is one.
pub(super) fn clock() -> Probe {
    let name = "clock";
    let mut late: Vec<Duration> = (0..PAUSES)
        .map(|_| {
            let watch = Stopwatch::start();
            std::thread::sleep(PAUSE);
            watch.elapsed().saturating_sub(PAUSE)
        })
        .collect();
    late.sort();
    let median = late.get(PAUSES / 2).copied().unwrap_or_default();
    let source =
        fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let source = source.map_or_else(
        |_| String::new(),
        |name| format!(", source {}", name.trim().escape_debug()),
    );
    let detail = format!(
        "a pause of 1 ms is late by {} us (median of {PAUSES}){source}",
        median.as_micros()
    );
    if clock::now().as_nanos() / 1_000_000_000 < PAST_SECONDS {
        return Probe::failed(
            name,
            Subject::Machine,
            "the time of day is years behind: captures will bear wrong dates",
        )
        .with(super::fix::Fix::run(
            "set it",
            "sudo timedatectl set-ntp true",
        ));
    }
    if median > TOO_LATE {
        return Probe::failed(
            name,
            Subject::Machine,
            format!("{detail}: the lab's delays will be coarse"),
        )
        .with(super::fix::Fix::Say(
            "end what keeps this machine busy".to_owned(),
        ));
    }
    Probe::ok(name, Subject::Machine, detail)
}
