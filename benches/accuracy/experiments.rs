//! Experiments by the hundred: what may happen on a wire, chosen by chance that starts from a seed.
//!
//! Each is the text of an experiment as a person could write it (docs/EXTENDING.md), so that one that is
//! judged wrongly can be run again by itself.

use std::fmt::Write as _;

/// Chance that starts from a seed (`splitmix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of them.
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.next() % of.len() as u64) as usize]
    }

    /// A number from `low` to `high`, both included.
    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Whether it happens, this often in a hundred.
    fn happens(&mut self, of_hundred: u64) -> bool {
        self.next() % 100 < of_hundred
    }
}

/// What happens to packets.
pub(crate) const TROUBLES: [&str; 17] = [
    "loss",
    "burst",
    "jitter",
    "behind",
    "duplicate",
    "spike",
    "ack-loss",
    "slow-reader",
    "queue",
    "both-ways",
    "tail",
    "corrupt",
    "clean",
    "mixed",
    "keep-alive",
    "zero-window",
    "send-buffer",
];

/// An experiment: which trouble it has, and its text.
pub(crate) struct Drawn {
    pub(crate) trouble: &'static str,
    pub(crate) text: String,
}

/// The experiment of that number.
pub(crate) fn draw(seed: u64, number: u64) -> Drawn {
    let trouble = TROUBLES[(number % TROUBLES.len() as u64) as usize];
    let mut chance = Chance(seed.wrapping_mul(1_000_003).wrapping_add(number));
    chance.next();
    let mut text = String::new();
    let _ = writeln!(text, "title = \"accuracy {number}: {trouble}\"");
    let _ = writeln!(text, "look_for = \"whether it is judged rightly\"");
    let _ = writeln!(text, "longest_s = 20");
    if chance.happens(25) {
        text += "profile = \"textbook\"\n";
    }
    hosts(&mut chance, &mut text);
    let delay = chance.one(&[1, 2, 5, 10, 10, 20, 20, 40, 70, 100]);
    let sends = if chance.happens(70) {
        "client"
    } else {
        "server"
    };
    wire(&mut chance, trouble, delay, sends, &mut text);
    calls(&mut chance, trouble, delay, sends, &mut text);
    Drawn { trouble, text }
}

/// What the kernels do otherwise than usual.
fn hosts(chance: &mut Chance, text: &mut String) {
    let settings = [
        (20, "tcp_timestamps"),
        (10, "tcp_sack"),
        (10, "tcp_early_retrans"),
    ];
    let off = settings.iter().find(|(often, _)| chance.happens(*often));
    if let Some((_, name)) = off {
        let _ = writeln!(text, "[sysctl]\n\"net.ipv4.{name}\" = \"0\"");
    }
    match chance.within(0, 9) {
        0 => text.push_str("[network]\nip = 6\n"),
        1 => text.push_str("[network]\nquick_ack = true\n"),
        2 => text.push_str("[network]\nmtu = 576\n"),
        _ => {}
    }
}

fn wire(chance: &mut Chance, trouble: &str, delay: u64, sends: &str, text: &mut String) {
    let other = if sends == "client" {
        "server"
    } else {
        "client"
    };
    let _ = writeln!(text, "[wire]\ndelay_ms = {delay}");
    if trouble != "queue" && chance.happens(30) {
        let rate = chance.one(&[5, 10, 20, 50]);
        let _ = writeln!(text, "rate_mbit = {rate}.0\nqueue_packets = 500");
    }
    if trouble == "both-ways" {
        let loss = chance.one(&[0.01, 0.02, 0.05]);
        let _ = writeln!(text, "loss = {loss}");
    }
    *text += &faults(chance, trouble, delay, [sends, other]);
    *text += &links(chance, trouble, [sends, other]);
}
/// The programs of both hosts.
fn calls(chance: &mut Chance, trouble: &str, delay: u64, sends: &str, text: &mut String) {
    let mut sender = Vec::new();
    let mut receiver = Vec::new();
    let special = special(chance, trouble, &mut sender, &mut receiver);
    let small = delay >= 40 || trouble == "tail";
    if special.is_some() {
        // They have their own.
    } else if matches!(
        trouble,
        "both-ways" | "loss" | "ack-loss" | "mixed" | "spike"
    ) && chance.happens(35)
    {
        let (ask, answer) = (
            chance.within(100, 4000),
            chance.one(&[200, 1500, 6000, 20000]),
        );
        for _ in 0..chance.within(4, 15) {
            sender.extend([
                format!("{{ send = {answer} }}"),
                format!("{{ receive = {ask} }}"),
            ]);
            receiver.extend([
                format!("{{ receive = {answer} }}"),
                format!("{{ send = {ask} }}"),
            ]);
            if chance.happens(30) {
                sender.push(format!("{{ pause_ms = {} }}", chance.within(5, 60)));
            }
        }
    } else if trouble == "tail" {
        let segments = chance.within(4, 18);
        sender.push(format!(
            "{{ send = {} }}",
            segments * 1448 - chance.within(0, 700)
        ));
        sender.push(format!("{{ pause_ms = {} }}", chance.one(&[100, 600])));
        receiver.push("{ receive = \"end\" }".to_owned());
    } else if chance.happens(15) {
        let (bytes, every) = (chance.within(50, 3000), chance.one(&[5, 20, 50]));
        sender.push(format!(
            "{{ send = {{ bytes = {bytes}, times = 40, every_ms = {every} }} }}"
        ));
        receiver.push("{ receive = \"end\" }".to_owned());
    } else {
        let bytes = if small {
            chance.one(&[20, 60, 150, 300])
        } else {
            chance.one(&[60, 150, 400, 900])
        };
        sender.push(format!(
            "{{ send = {} }}",
            bytes * 1000 + chance.within(0, 999)
        ));
        if trouble == "slow-reader" {
            let rate = chance.one(&[150_000, 300_000, 600_000]);
            if chance.happens(40) {
                receiver.push(format!("{{ pause_ms = {} }}", chance.within(300, 1200)));
            }
            receiver.push(format!(
                "{{ receive = {{ amount = \"end\", rate = {rate} }} }}"
            ));
        } else {
            receiver.push("{ receive = \"end\" }".to_owned());
        }
    }
    let first = special.unwrap_or_default();
    let (client, server, firsts) = if sends == "client" {
        (sender, receiver, ["", &first])
    } else {
        (receiver, sender, [first.as_str(), ""])
    };
    let _ = writeln!(
        text,
        "[server]\ncalls = [{}\"listen\", \"accept\", {}, \"close\"]",
        firsts[1],
        server.join(", ")
    );
    let _ = writeln!(
        text,
        "[client]\ncalls = [{}\"connect\", {}, \"close\"]",
        firsts[0],
        client.join(", ")
    );
}

/// The programs where there is nothing to do, no room, or a small buffer; and what is set before the connection
/// is there.
fn special(
    chance: &mut Chance,
    trouble: &str,
    sender: &mut Vec<String>,
    receiver: &mut Vec<String>,
) -> Option<String> {
    let mut first = String::new();
    match trouble {
        "keep-alive" => {
            for _ in 0..chance.within(1, 3) {
                if chance.happens(70) {
                    sender.push("{ set = { keep_alive_s = 1 } }".to_owned());
                }
                if chance.happens(40) {
                    receiver.push("{ set = { keep_alive_s = 1 } }".to_owned());
                }
                sender.push(format!("{{ send = {} }}", chance.one(&[1, 100, 5000])));
                let pause = format!("{{ pause_ms = {} }}", chance.within(500, 3500));
                sender.push(pause);
            }
            receiver.push("{ receive = \"end\" }".to_owned());
        }
        "zero-window" => {
            let room = chance.one(&[4096, 8192, 16384]);
            first = format!("{{ set = {{ receive_buffer = {room} }} }}, ");
            sender.push(format!("{{ send = {} }}", chance.within(10_000, 90_000)));
            receiver.push(format!("{{ pause_ms = {} }}", chance.within(400, 3000)));
            if chance.happens(50) {
                receiver.push(format!("{{ receive = {} }}", chance.within(2000, 9000)));
                receiver.push(format!("{{ pause_ms = {} }}", chance.within(400, 1500)));
            }
            receiver.push("{ receive = \"end\" }".to_owned());
        }
        "send-buffer" => {
            let room = chance.one(&[4096, 8192, 16384, 32768]);
            sender.push(format!("{{ set = {{ send_buffer = {room} }} }}"));
            sender.push(format!("{{ send = {} }}", chance.within(60_000, 300_000)));
            receiver.push("{ receive = \"end\" }".to_owned());
        }
        _ => return None,
    }
    Some(first)
}

/// Faults of single packets.
fn faults(chance: &mut Chance, trouble: &str, delay: u64, [sends, other]: [&str; 2]) -> String {
    let mut faults = String::new();
    let mut fault = |packet: String, what: String| {
        let _ = writeln!(faults, "[[wire.fault]]\npacket = \"{packet}\"\n{what}");
    };
    match trouble {
        "behind" => {
            let mut at = chance.within(2, 8);
            for _ in 0..chance.within(1, 5) {
                let behind = chance.one(&[1, 1, 2, 2, 3, 4, 6, 10]);
                fault(format!("{sends} data {at}"), format!("behind = {behind}"));
                at += chance.within(3, 15);
            }
        }
        "spike" => {
            let at = chance.within(2, 30);
            let ms = chance.one(&[220, 300, 400, 700]) + delay * 2;
            let (packet, what) = match chance.within(0, 2) {
                0 => (format!("{sends} data {at}..{}", at + 4), "delay_ms"),
                1 => (format!("{other} ack {at}..{}", at + 10), "delay_ms"),
                _ => (format!("{sends} data {at}"), "block_ms"),
            };
            fault(packet, format!("{what} = {ms}"));
        }
        "tail" => {
            let drop = || "drop = true".to_owned();
            let last = chance.within(3, 14);
            for at in last..=last + chance.within(0, 3) {
                fault(format!("{sends} data {at}"), drop());
            }
            for (often, again) in [(40, "x2"), (20, "x3")] {
                if chance.happens(often) {
                    fault(format!("{sends} data {last} {again}"), drop());
                }
            }
            if chance.happens(30) {
                let ends = [
                    "client syn 1",
                    "server syn-ack 1",
                    "client fin 1",
                    "server fin 1",
                ];
                fault(chance.one(&ends).to_owned(), drop());
            }
        }
        _ => {}
    }
    faults
}

/// What may happen to any packet of a direction.
fn links(chance: &mut Chance, trouble: &str, [sends, other]: [&str; 2]) -> String {
    match trouble {
        "loss" => {
            let loss = chance.one(&[0.005, 0.01, 0.02, 0.03, 0.05, 0.1]);
            format!("[wire.{sends}]\nloss = {loss}\n")
        }
        "burst" => {
            let worsens = chance.one(&[0.005, 0.01, 0.02]);
            let mends = chance.one(&[0.2, 0.35, 0.5]);
            format!(
                "[wire.{sends}]\nburst = {{ worsens = {worsens}, mends = {mends}, good = 0.0, bad = 0.8 }}\n"
            )
        }
        "jitter" => {
            let jitter = chance.one(&[0.5, 1.0, 2.0, 5.0, 10.0]);
            format!("[wire.{sends}]\njitter_ms = {jitter}\njitter_reorders = true\n")
        }
        "duplicate" => {
            let often = chance.one(&[0.005, 0.01, 0.03, 0.05]);
            let loss = chance.one(&[0.0, 0.0, 0.01]);
            format!("[wire.{sends}]\nduplicate = {often}\nloss = {loss}\n")
        }
        "ack-loss" => {
            let loss = chance.one(&[0.02, 0.05, 0.1, 0.3]);
            format!("[wire.{other}]\nloss = {loss}\n")
        }
        "queue" => {
            let rate = chance.one(&[2, 5, 10, 20]);
            let queue = chance.one(&[5, 10, 20, 40]);
            format!("[wire.{sends}]\nrate_mbit = {rate}.0\nqueue_packets = {queue}\n")
        }
        "keep-alive" | "zero-window" => {
            let often = chance.one(&[0.0, 0.0, 0.1, 0.3]);
            format!("[wire.{sends}]\nloss = {often}\n[wire.{other}]\nloss = {often}\n")
        }
        "corrupt" => {
            let often = chance.one(&[0.005, 0.01, 0.03]);
            format!("[wire.{sends}]\ncorrupt = {often}\n")
        }
        "mixed" => {
            let (loss, often) = (chance.one(&[0.005, 0.02]), chance.one(&[0.0, 0.01]));
            let jitter = chance.one(&[0.0, 0.5, 2.0]);
            format!(
                "[wire.{sends}]\nloss = {loss}\nduplicate = {often}\njitter_ms = {jitter}\n\
                 jitter_reorders = true\n[wire.{other}]\nloss = {loss}\n"
            )
        }
        _ => String::new(),
    }
}
