//! The wire between two hosts, for real: how much TCP it carries, what that costs the thread that
//! carries, and how late delayed packets are (docs/PERFORMANCE.md, "The wire").
//!
//! For comparison, the same transfer over a veth pair, where the kernel alone carries packets (of 64 KB,
//! as nobody makes segments of them), and how late a thread wakes up that only sleeps.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use std::{env, fs};

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use wirelab::io::clock::Stopwatch;
use wirelab::io::lab::host;
use wirelab::io::lab::run::run;
use wirelab::lab::experiment::Experiment;
use wirelab::lab::truth::Happening;

/// A transfer, by the delay of the wire in each direction.
const TRANSFERS: &[(&str, &str)] = &[
    ("no delay", "[wire]\ndelay_ms = 0"),
    ("1 ms each way", "[wire]\ndelay_ms = 1"),
    (
        "1 ms each way, at 200 Mbit/s",
        "[wire]\ndelay_ms = 1\nrate_mbit = 200\nqueue_packets = 100",
    ),
];

/// Small messages that leave one by one.
const PACED: &str = "[wire]\ndelay_ms = 10";

/// Longest time for one experiment.
const LONGEST_S: u32 = 120;

/// One run of the wire.
struct Measured {
    /// Of payload, both ways together.
    gbit: f64,
    seconds: f64,
    /// Of the thread that carries.
    cpu_s: f64,
    packets: u64,
    late_median_us: f64,
    late_max_us: f64,
    samples: u64,
}

/// Measures everything, and gives the section as text.
pub(super) fn section(scale: f64, runs: usize) -> io::Result<String> {
    let mut text = String::from(
        "| transfer | payload | Gbit/s | wire thread, CPU s per Gbit | packets/s | late, median | late, most | samples |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (name, wire) in TRANSFERS {
        // What is held back takes its time.
        let most = if wire.contains("rate_mbit") {
            200.0
        } else {
            1000.0
        };
        let megabytes = (most * scale).max(1.0) as u64;
        let experiment = format!(
            "[server]\ncalls = ['listen', 'accept', {{ receive = 'end' }}, 'close']\n[client]\ncalls = \
             ['connect', {{ send = {{ bytes = 1000000, times = {megabytes} }} }}, 'close']\n{wire}"
        );
        let one = best(&experiment, runs)?;
        row(&mut text, &format!("one connection, {name}"), &one);
    }
    let both = format!(
        "[server]\ncalls = ['listen', 'accept', {{ send = {{ bytes = 1000000, times = {0} }} }}, 'close']\n\
         [client]\ncalls = ['connect', {{ receive = 'end' }}, 'close']\n\
         [server.also.up]\ncalls = [{{ listen = {{ port = 81 }} }}, 'accept', {{ receive = 'end' }}, 'close']\n\
         [client.also.up]\ncalls = [{{ connect = {{ port = 81 }} }}, {{ send = {{ bytes = 1000000, times = {0} }} }}, 'close']\n\
         [wire]\ndelay_ms = 0",
        (500.0 * scale).max(1.0) as u64
    );
    row(&mut text, "one each way, no delay", &best(&both, runs)?);
    let paced = format!(
        "[server]\ncalls = ['listen', 'accept', {{ receive = 'end' }}, 'close']\n[client]\ncalls = ['connect', \
         {{ set = {{ nodelay = true }} }}, {{ send = {{ bytes = 100, times = {}, every_ms = 2 }} }}, 'close']\n{PACED}",
        (1000.0 * scale).max(10.0) as u64
    );
    row(
        &mut text,
        "100 bytes every 2 ms, 10 ms each way",
        &best(&paced, 1)?,
    );
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).unwrap_or("?").to_owned();
    let cpus = thread::available_parallelism()?;
    let (slack, none) = (oversleep(None)?, oversleep(Some(1))?);
    let _ = writeln!(
        text,
        "\nOn {cpus} CPUs with a load of {load} over the last five minutes, other programs' work included. What \
         this machine adds by itself: a thread that only sleeps wakes up {slack:.0} µs late at the median with \
         the kernel's default timer slack, {none:.0} µs with a slack of 1 ns, which the wire has."
    );
    match veth((2000.0 * scale).max(1.0) as u64) {
        Ok(gbit_s) => {
            let _ = writeln!(
                text,
                "For scale: the same transfer over a veth pair, whose \"packets\" are up to 64 KB long and never \
                 leave the kernel: {gbit_s:.1} Gbit/s."
            );
        }
        Err(error) => writeln!(io::stderr(), "no veth pair to compare with: {error}")?,
    }
    Ok(text)
}

fn row(text: &mut String, name: &str, it: &Measured) {
    // Of next to nothing there is no cost for each Gbit.
    let cost = if it.gbit < 0.1 {
        "–".to_owned()
    } else {
        format!("{:.2}", it.cpu_s / it.gbit)
    };
    let _ = writeln!(
        text,
        "| {name} | {:.2} Gbit | {:.2} | {cost} | {:.0} | {:.0} µs | {:.0} µs | {} |",
        it.gbit,
        it.gbit / it.seconds,
        it.packets as f64 / it.seconds,
        it.late_median_us,
        it.late_max_us,
        it.samples,
    );
}

/// The run in the middle, by its rate.
fn best(experiment: &str, runs: usize) -> io::Result<Measured> {
    let mut all = Vec::new();
    for _ in 0..runs.max(1) {
        all.push(in_a_process_of_its_own(experiment)?);
    }
    all.sort_by(|a, b| (a.gbit / a.seconds).total_cmp(&(b.gbit / b.seconds)));
    Ok(all.swap_remove((all.len() - 1) / 2))
}

/// Making hosts gives up a process's rights, so each run has one of its own.
fn in_a_process_of_its_own(experiment: &str) -> io::Result<Measured> {
    let output = Command::new(env::current_exe()?)
        .args(["wire-run", experiment])
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|it| it.parse().ok())
        .collect();
    let &[
        gbit,
        seconds,
        cpu_s,
        packets,
        late_median_us,
        late_max_us,
        samples,
    ] = &*numbers
    else {
        return Err(io::Error::other("the run of the wire failed"));
    };
    writeln!(
        io::stderr(),
        "wire: {gbit:.2} Gbit in {seconds:.2} s, {cpu_s:.2} s of the thread"
    )?;
    Ok(Measured {
        gbit,
        seconds,
        cpu_s,
        packets: packets as u64,
        late_median_us,
        late_max_us,
        samples: samples as u64,
    })
}

/// Runs one experiment, and writes its numbers.
pub(super) fn run_one(experiment: &str, out: &mut impl Write) -> io::Result<()> {
    let text =
        format!("title = ''\nlook_for = ''\nlongest_s = {LONGEST_S}\nquiet_ms = 50\n{experiment}");
    let experiment = Experiment::parse(&text).map_err(io::Error::other)?;
    let hosts = host::open(&experiment).map_err(io::Error::other)?;
    let (mut bytes, mut samples, mut cpu_s) = (0, 0, 0.0);
    let mut happened = 0_u64;
    let outcome = run(&experiment, hosts, None, &mut |happening| {
        // Of the last moments nothing is known, for then the thread is gone.
        if happened.is_multiple_of(256) {
            cpu_s = wire_thread_cpu_s().unwrap_or(cpu_s);
        }
        happened += 1;
        match happening {
            // Ethernet, IPv4, TCP and its timestamps take 66 bytes.
            Happening::Frame(frame) if frame.sent => bytes += frame.bytes.len().saturating_sub(66),
            Happening::Line(wirelab::lab::truth::Line::Sample(_)) => samples += 1,
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let outcome = outcome.map_err(io::Error::other)?;
    if !outcome.ok {
        return Err(io::Error::other(outcome.failures.join("; ")));
    }
    writeln!(
        out,
        "{} {} {cpu_s} {} {} {} {samples}",
        bytes as f64 * 8.0 / 1e9,
        outcome.elapsed_ns as f64 / 1e9,
        outcome.packets,
        outcome.late_median_ns as f64 / 1e3,
        outcome.late_max_ns as f64 / 1e3,
    )
}

/// CPU seconds of the thread that carries, so far.
fn wire_thread_cpu_s() -> Option<f64> {
    for task in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).ok();
        if read("comm")?.trim() == "wire" {
            let ns: f64 = read("schedstat")?.split(' ').next()?.parse().ok()?;
            return Some(ns / 1e9);
        }
    }
    None
}

/// How many microseconds a sleep of 2 ms takes longer, at the median, with this timer slack in
/// nanoseconds.
fn oversleep(slack: Option<u64>) -> io::Result<f64> {
    let sleeper = thread::spawn(move || {
        if let Some(slack) = slack {
            prctl::set_timerslack(slack)?;
        }
        let sleep = Duration::from_millis(2);
        let mut late: Vec<f64> = (0..500)
            .map(|_| {
                let watch = Stopwatch::start();
                thread::sleep(sleep);
                watch.elapsed().saturating_sub(sleep).as_secs_f64() * 1e6
            })
            .collect();
        late.sort_by(f64::total_cmp);
        Ok(late[late.len() / 2])
    });
    sleeper
        .join()
        .map_err(|_| io::Error::other("the sleeper broke off"))?
}

/// Gbit/s of one connection over a veth pair between two namespaces.
fn veth(megabytes: u64) -> io::Result<f64> {
    let _made = Veth::make()?;
    let listener = Veth::inside(Veth::NAMES[1], || TcpListener::bind("10.9.9.2:0"))?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || -> io::Result<u64> {
            let (stream, _) = listener.accept()?;
            let mut received = 0;
            let mut stream = stream;
            let mut buffer = vec![0; 1 << 16];
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok(received),
                    more => received += more as u64,
                }
            }
        });
        let sender = scope.spawn(move || -> io::Result<()> {
            Veth::enter(Veth::NAMES[0])?;
            let mut stream = TcpStream::connect(address)?;
            let payload = vec![0; 1_000_000];
            (0..megabytes).try_for_each(|_| stream.write_all(&payload))
        });
        let watch = Stopwatch::start();
        sender
            .join()
            .map_err(|_| io::Error::other("the sender broke off"))??;
        let received = receiver.join();
        let received = received.map_err(|_| io::Error::other("the receiver broke off"))??;
        Ok(received as f64 * 8.0 / 1e9 / watch.elapsed().as_secs_f64())
    })
}

/// Two namespaces and a cable; gone when dropped.
pub(super) struct Veth;

impl Veth {
    pub(super) const NAMES: [&str; 2] = ["wirelab-bench-a", "wirelab-bench-b"];
    /// The cable's end, by the same name in both.
    pub(super) const IFACE: &str = "wl0";

    /// From now on this thread is in that namespace.
    pub(super) fn enter(name: &str) -> io::Result<()> {
        let namespace = fs::File::open(format!("/run/netns/{name}"))?;
        Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
    }

    /// Does `work` on a thread that is there; what it starts stays there.
    pub(super) fn inside<T: Send>(
        name: &str,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                Self::enter(name)?;
                work()
            });
            there
                .join()
                .map_err(|_| io::Error::other("the thread in the namespace broke off"))?
        })
    }

    pub(super) fn make() -> io::Result<Self> {
        let [a, b] = Self::NAMES;
        let made = Self;
        for line in [
            format!("netns add {a}"),
            format!("netns add {b}"),
            format!("-n {a} link add wl0 type veth peer name wl0 netns {b}"),
            format!("-n {a} addr add 10.9.9.1/24 dev wl0"),
            format!("-n {b} addr add 10.9.9.2/24 dev wl0"),
            format!("-n {a} link set wl0 up"),
            format!("-n {b} link set wl0 up"),
        ] {
            let output = Command::new("ip").args(line.split(' ')).output()?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(io::Error::other(format!("ip {line}: {}", said.trim())));
            }
        }
        Ok(made)
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        for name in Self::NAMES {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}
