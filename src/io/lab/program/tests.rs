//! Programs over loopback: what they do, what is on record, and how they end.

mod calls;
mod datagrams;
mod ends;
mod hosts;
mod pings;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use super::*;
use crate::io::clock;
use crate::lab::experiment::Experiment;
use crate::lab::truth::CallLine;
use crate::lab::{Both, Side};

/// No test's programs run as long, unless one waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run on loopback: both hosts are this one, at an address that no other test and no other process
/// uses, so that ports are free.
struct Run {
    stages: Both<Stage>,
    programs: Vec<(String, JoinHandle<Result<(), String>>)>,
    lines: Receiver<CallLine>,
}

/// What came of a run.
struct Came {
    /// How each program ended: `client`, `server`, `server/other`.
    ends: BTreeMap<String, Result<(), String>>,
    lines: Vec<CallLine>,
}

fn an_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    let [_, _, high, low] = pid.to_be_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, u8::try_from(next % 250 + 1).unwrap(), high, low | 1).into()
}

fn experiment(text: &str) -> Experiment {
    Experiment::parse(&format!("title = \"t\"\nlook_for = \"l\"\n{text}")).unwrap()
}

impl Run {
    fn start(text: &str) -> Self {
        let address = an_address();
        Self::start_on(text, address)
    }

    fn start_on(text: &str, address: IpAddr) -> Self {
        let addresses = Both {
            client: address,
            server: address,
        };
        let experiment = experiment(text);
        let (sender, lines) = channel();
        let log = move |line| drop(sender.send(line));
        let stages = Stage::for_run(&experiment, addresses, log, clock::now).unwrap();
        let mut programs = Vec::new();
        for side in [Side::Client, Side::Server] {
            for (name, calls) in experiment.host(side).programs() {
                let (stage, calls) = (stages.of(side).clone(), calls.to_vec());
                let program = name.to_owned();
                let who = match name {
                    "" => side.to_string(),
                    name => format!("{side}/{name}"),
                };
                let job = move || run(&program, &calls, &stage);
                programs.push((who, thread::spawn(job)));
            }
        }
        Self {
            stages,
            programs,
            lines,
        }
    }

    /// Waits until the programs have ended; what they left open is still open.
    fn join(&mut self) -> Came {
        let programs = std::mem::take(&mut self.programs);
        let watch = Stopwatch::start();
        while programs.iter().any(|(_, program)| !program.is_finished()) {
            if watch.elapsed() > PATIENCE {
                self.stages.client.end("the test had no more patience");
            }
            thread::sleep(Duration::from_millis(1));
        }
        let ends = programs
            .into_iter()
            .map(|(who, program)| (who, program.join().unwrap()));
        Came {
            ends: ends.collect(),
            lines: self.lines.try_iter().collect(),
        }
    }
}

/// Runs an experiment's programs to their ends, which must be good ones.
fn play(text: &str) -> Came {
    let came = Run::start(text).join();
    for (who, end) in &came.ends {
        assert_eq!(*end, Ok(()), "{who}");
    }
    came
}

impl Came {
    /// The lines of a host's calls of that name.
    fn calls(&self, host: &str, call: &str) -> Vec<&CallLine> {
        let those = |line: &&CallLine| line.host == host && line.call == call;
        self.lines.iter().filter(those).collect()
    }

    /// The names of a host's calls, in order.
    fn names(&self, host: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line.host == host);
        lines.map(|line| &*line.call).collect()
    }

    /// The sentence that a program ended with.
    fn failure(&self, who: &str) -> &str {
        self.ends[who].as_ref().unwrap_err()
    }
}
