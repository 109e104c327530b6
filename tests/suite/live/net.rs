//! Two hosts of our own: network namespaces joined by a virtual cable, with real kernel TCP.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;
use wirelab::io::interfaces::{ANY, interfaces};
use wirelab::io::live::obstacle;

/// The address of the client's end.
pub(super) const CLIENT: &str = "10.77.0.1";
/// The address of the server's end.
pub(super) const SERVER: &str = "10.77.0.2";
/// Longest wait for anything: far more than a loaded machine needs, and still an end.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The two hosts, gone when this is dropped, also by a panic.
pub(super) struct Net {
    /// Namespace of the client, whose end of the cable is [`Net::IFACE`].
    pub(super) client: String,
    /// Namespace of the server.
    pub(super) server: String,
}

impl Net {
    /// The cable's end, by the same name on both hosts.
    pub(super) const IFACE: &'static str = "wire";

    /// Makes them; the reason when this machine does not allow it.
    fn make() -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "wirelab-{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        // Made first, so that it takes away what there is of them when a step fails.
        let net = Self {
            client: format!("{name}-c"),
            server: format!("{name}-s"),
        };
        let (c, s) = (&net.client, &net.server);
        for host in [c, s] {
            ip(&format!("netns add {host}"))?;
        }
        let wire = Self::IFACE;
        ip(&format!(
            "link add {wire} netns {c} type veth peer name {wire} netns {s}"
        ))?;
        for (host, address) in [(c, CLIENT), (s, SERVER)] {
            ip(&format!("-n {host} addr add {address}/24 dev {wire}"))?;
            ip(&format!("-n {host} link set lo up"))?;
            ip(&format!("-n {host} link set {wire} up"))?;
        }
        Ok(net)
    }

    /// One connection: the client says `ask`, the server `answer`, then the client closes first.
    pub(super) fn converse(&self, ask: &str, answer: &str) {
        let (port, listener) = inside(&self.server, || {
            let listener = TcpListener::bind((SERVER, 0)).expect("bind in the server's namespace");
            (listener.local_addr().expect("its port").port(), listener)
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("accept");
                stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
                let mut heard = String::new();
                stream.read_to_string(&mut heard).expect("the question");
                assert_eq!(heard, ask);
                stream.write_all(answer.as_bytes()).expect("the answer");
            });
            let mut stream = inside(&self.client, || {
                let server = SocketAddr::new(SERVER.parse().expect("address"), port);
                TcpStream::connect_timeout(&server, PATIENCE).expect("connect")
            });
            stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
            stream.write_all(ask.as_bytes()).expect("the question");
            stream.shutdown(Shutdown::Write).expect("half-close");
            let mut heard = String::new();
            stream.read_to_string(&mut heard).expect("the answer");
            assert_eq!(heard, answer);
        });
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in [&self.client, &self.server] {
            let _ = ip(&format!("netns del {host}"));
        }
    }
}

/// The two hosts, or `None` after saying why this machine can't have them. On CI that is a
/// failure: there the live tests are what the machine is for.
pub(super) fn live_or_skip() -> Option<Net> {
    match allowed().and_then(|()| Net::make()) {
        Ok(net) => Some(net),
        Err(reason) => {
            skip(&reason);
            None
        }
    }
}

/// What a live test needs besides namespaces; the reason when it is not there.
fn allowed() -> Result<(), String> {
    if !geteuid().is_root() {
        return Err("live tests need root, to make network namespaces".to_owned());
    }
    let any = interfaces().into_iter().find(|i| i.name == ANY);
    any.as_ref().and_then(obstacle).map_or(Ok(()), Err)
}

/// Says why a live test does not run here; fails on CI.
pub(crate) fn skip(reason: &str) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name}: CI must be able to run live tests: {reason}"
    );
    // Past the test harness, which keeps what a passing test prints to itself.
    let line = format!("skipped: {name}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Does `work` on a thread that has entered the namespace `host`. Processes started and sockets
/// opened there stay there.
pub(super) fn inside<T: Send>(host: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let entered = scope.spawn(|| {
            let namespace = File::open(format!("/run/netns/{host}")).expect("the namespace");
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            work()
        });
        entered
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs `ip`; the reason when it fails.
pub(super) fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("the ip command (iproute2) can't be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {arguments}: {}", text.trim()))
}
