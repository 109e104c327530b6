//! The lab's wire between two kernels: two ends of cables in a namespace between them, and whatever comes
//! in at one goes through [`Wire`] to the other.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use pnet_datalink::{Channel, Config as Settings, DataLinkReceiver, DataLinkSender};
use wirelab::frame::Timestamp;
use wirelab::io::clock::Steady;
use wirelab::lab::{Config, Fate, Side, Wire};

use super::super::net::{Net, PATIENCE, inside, ip};

/// Longest sleep of whoever carries: it also has to see that all is over.
const NAP: Duration = Duration::from_millis(5);

/// What went over the wire.
pub(super) struct Carried {
    /// Each frame that entered, by its number: when, and from which side.
    pub(super) entered: HashMap<u64, (Timestamp, Side, Vec<u8>)>,
    /// Each frame that came out, by the number of its delivery.
    pub(super) left: HashMap<u64, Vec<u8>>,
    pub(super) fates: Vec<Fate>,
}

/// The namespace in the middle; gone when dropped.
pub(super) struct Middle(String);

impl Drop for Middle {
    fn drop(&mut self) {
        let _ = ip(&format!("netns del {}", self.0));
    }
}

impl Middle {
    /// Cuts the cable of `net`, and puts a namespace in between. Both hosts
    /// have the addresses of `crate::echoes`, and know each other's Ethernet addresses: what is to be counted are echoes.
    pub(super) fn make(net: &Net) -> Result<Self, String> {
        let middle = Self(format!("{}-m", net.client));
        ip(&format!("netns add {}", middle.0))?;
        let wire = Net::IFACE;
        ip(&format!("-n {} link del {wire}", net.client))?;
        for (host, end, number) in [(&net.client, "client", 1), (&net.server, "server", 2)] {
            let other = 3 - number;
            ip(&format!(
                "link add {wire} netns {host} address 02:00:00:00:00:0{number} type veth peer name {end} netns {}",
                middle.0
            ))?;
            ip(&format!("-n {} link set {end} up promisc on", middle.0))?;
            ip(&format!("-n {host} addr add 10.0.0.{number}/24 dev {wire}"))?;
            ip(&format!(
                "-n {host} addr add 2001:db8::{number}/64 dev {wire} nodad"
            ))?;
            ip(&format!("-n {host} link set {wire} up"))?;
            for address in [format!("10.0.0.{other}"), format!("2001:db8::{other}")] {
                ip(&format!(
                    "-n {host} neigh replace {address} lladdr 02:00:00:00:00:0{other} dev {wire}"
                ))?;
            }
        }
        inside(&middle.0, || {
            // What the ends themselves would say is nobody's business.
            fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").map_err(|it| it.to_string())
        })?;
        Ok(middle)
    }

    fn end(&self, side: Side) -> (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>) {
        let name = side.to_string();
        inside(&self.0, || {
            let interfaces = pnet_datalink::interfaces();
            let end = interfaces.iter().find(|it| it.name == name);
            let settings = Settings {
                read_timeout: Some(NAP),
                ..Settings::default()
            };
            match pnet_datalink::channel(end.expect("its end"), settings) {
                Ok(Channel::Ethernet(sender, receiver)) => (sender, receiver),
                other => panic!("no channel: {:?}", other.err()),
            }
        })
    }

    /// Carries frames with these faults while `work` goes on, and until the wire is empty.
    pub(super) fn carry<T>(&self, config: Config, work: impl FnOnce() -> T) -> (T, Carried) {
        let [client, server] = [Side::Client, Side::Server].map(|side| self.end(side));
        let over = AtomicBool::new(false);
        let clock = Steady::start();
        thread::scope(|scope| {
            let (frames, came) = channel();
            for (side, mut receiver) in [(Side::Client, client.1), (Side::Server, server.1)] {
                let (frames, over): (Sender<(Side, Vec<u8>)>, _) = (frames.clone(), &over);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        if let Ok(frame) = receiver.next()
                            && frames.send((side, frame.to_vec())).is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(frames);
            let carrier = scope.spawn(|| {
                let came = came;
                let (mut to_client, mut to_server) = (client.0, server.0);
                let mut wire = Wire::new(config);
                let mut all = Carried {
                    entered: HashMap::new(),
                    left: HashMap::new(),
                    fates: Vec::new(),
                };
                loop {
                    let left = wire.poll_timeout().map(|due| due.since(clock.now()));
                    match came.recv_timeout(left.unwrap_or(NAP).min(NAP)) {
                        Ok((side, frame)) => {
                            let now = clock.now();
                            let number = wire.handle_frame(now, side, &frame);
                            all.entered.insert(number, (now, side, frame));
                        }
                        Err(_) if over.load(Ordering::Relaxed) && wire.poll_timeout().is_none() => {
                            return all;
                        }
                        Err(_) => thread::sleep(Duration::from_micros(50)),
                    }
                    while let Some(out) = wire.poll_transmit(clock.now()) {
                        let to = match out.to {
                            Side::Client => &mut to_client,
                            Side::Server => &mut to_server,
                        };
                        // A frame that was cut below what a link carries is lost, as on a real one.
                        let _ = to.send_to(&out.bytes, None);
                        all.left.insert(out.delivery, out.bytes);
                    }
                    while let Some(fate) = wire.poll_fate() {
                        all.fates.push(fate);
                    }
                    assert!(clock.elapsed() < PATIENCE * 3, "it does not end");
                }
            });
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            over.store(true, Ordering::Relaxed);
            let carried = carrier.join().expect("the carrier");
            (
                done.unwrap_or_else(|it| std::panic::resume_unwind(it)),
                carried,
            )
        })
    }
}
