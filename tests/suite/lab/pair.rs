//! Two hosts that only note what reaches them, and the wire between them, in virtual time: it jumps
//! from wake-up to wake-up.

use std::time::Duration;

use wirelab::frame::Timestamp;
use wirelab::lab::{Action, Both, Config, Fate, Fault, Outcome, Side, Transmit, Wire};

/// A moment, in microseconds from the start.
pub(super) const fn at(micros: u64) -> Timestamp {
    Timestamp::from_nanos(micros * 1000)
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A fault, from its text.
pub(super) fn fault(packet: &str, action: Action) -> Fault {
    let packet = packet.parse().expect("a packet's name");
    Fault { packet, action }
}

pub(super) struct Pair {
    pub(super) wire: Wire,
    pub(super) now: Timestamp,
    /// What has come out, in order, and when.
    pub(super) arrived: Vec<(Timestamp, Transmit)>,
    pub(super) fates: Vec<Fate>,
}

impl Pair {
    pub(super) fn new(config: Config) -> Self {
        Self {
            wire: Wire::new(config),
            now: at(0),
            arrived: Vec::new(),
            fates: Vec::new(),
        }
    }

    /// A wire of 10 ms each way with these faults.
    pub(super) fn with(faults: Vec<Fault>) -> Self {
        let mut config = Config {
            faults,
            ..Config::default()
        };
        config.links = Both {
            client: config.links.client,
            server: config.links.server,
        };
        config.links.client.delay = ms(10);
        config.links.server.delay = ms(10);
        Self::new(config)
    }

    /// Lets the time pass until `time`, waking up when the wire asks for it.
    pub(super) fn run_until(&mut self, time: Timestamp) {
        while let Some(wake) = self.wire.poll_timeout().filter(|wake| *wake <= time) {
            assert!(wake >= self.now, "it wants to be woken in the past");
            self.now = wake;
            self.take();
        }
        self.now = time.max(self.now);
        self.take();
    }

    fn take(&mut self) {
        while let Some(transmit) = self.wire.poll_transmit(self.now) {
            assert!(transmit.due <= self.now, "it came before its time");
            self.arrived.push((self.now, transmit));
        }
        self.fates
            .extend(std::iter::from_fn(|| self.wire.poll_fate()));
    }

    /// A host sends a frame, `micros` after the start.
    pub(super) fn send(&mut self, micros: u64, side: Side, frame: &[u8]) -> u64 {
        self.run_until(at(micros));
        self.wire.handle_frame(self.now, side, frame)
    }

    /// Lets everything come to its end.
    pub(super) fn finish(&mut self) {
        while let Some(wake) = self.wire.poll_timeout() {
            self.run_until(wake);
        }
        self.take();
        assert_eq!(self.wire.in_flight(), 0);
    }

    /// The numbers of the packets that have arrived, in order.
    pub(super) fn packets(&self) -> Vec<u64> {
        self.arrived.iter().map(|(_, t)| t.packet).collect()
    }

    /// The same with the microseconds when.
    pub(super) fn times(&self) -> Vec<(u64, u64)> {
        let micros = |time: Timestamp| time.as_nanos() / 1000;
        self.arrived
            .iter()
            .map(|(time, t)| (t.packet, micros(*time)))
            .collect()
    }

    /// The numbers of the packets that were lost.
    pub(super) fn dropped(&self) -> Vec<u64> {
        let dropped = self
            .fates
            .iter()
            .filter(|fate| fate.outcome == Outcome::Dropped);
        dropped.map(|fate| fate.packet).collect()
    }

    /// The outcomes of a packet's copies, in order, with the fault that decided each.
    pub(super) fn outcomes(&self, packet: u64) -> Vec<(Outcome, Option<usize>)> {
        let fates = self.fates.iter().filter(|fate| fate.packet == packet);
        fates.map(|fate| (fate.outcome, fate.fault())).collect()
    }
}
