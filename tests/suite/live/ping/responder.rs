//! A host that answers echo requests as it is told to: the server's end of the cable, whose own kernel
//! keeps silent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender};
use wirelab::wire::checksum::Sum;

use super::super::net::{Net, inside};

/// What happens to the reply to a request.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Drop,
    Twice,
    /// A bit of that byte of the ICMP message.
    Flip(usize),
    /// So many bytes of the ICMP message.
    Cut(usize),
    After(Duration),
    /// Behind the reply to the next request.
    Behind,
    From([u8; 4]),
    /// A code other than 0.
    Code(u8),
}

/// Answers echo requests on the server's end, with faults by sequence number, until told to stop.
pub(super) struct Responder<'a> {
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
    faults: &'a [(u16, Fault)],
    held: Vec<(wirelab::io::clock::Stopwatch, Duration, Vec<u8>)>,
    behind: Vec<Vec<u8>>,
}

impl<'a> Responder<'a> {
    pub(super) fn new(net: &Net, faults: &'a [(u16, Fault)]) -> Self {
        let (sender, receiver) = inside(&net.server, || {
            // Of the namespace that the writer is in: the server's kernel keeps silent.
            std::fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1")
                .expect("its own setting");
            let interfaces = pnet_datalink::interfaces();
            let wire = interfaces.iter().find(|it| it.name == Net::IFACE);
            let config = Config {
                read_timeout: Some(Duration::from_millis(5)),
                ..Config::default()
            };
            match pnet_datalink::channel(wire.expect("its end"), config) {
                Ok(Channel::Ethernet(sender, receiver)) => (sender, receiver),
                other => panic!("no channel: {:?}", other.err()),
            }
        });
        Self {
            sender,
            receiver,
            faults,
            held: Vec::new(),
            behind: Vec::new(),
        }
    }

    pub(super) fn run(mut self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            let request = self.receiver.next().map(<[u8]>::to_vec);
            if let Ok(request) = request {
                self.answer(&request);
            }
            let due = self
                .held
                .extract_if(.., |(since, long, _)| since.elapsed() >= *long);
            for (_, _, frame) in due.collect::<Vec<_>>() {
                self.send(&frame);
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.sender
            .send_to(frame, None)
            .expect("room")
            .expect("sent");
    }

    fn answer(&mut self, request: &[u8]) {
        let is_echo = request.get(12..14) == Some(&[8, 0])
            && request.get(23) == Some(&1)
            && request.get(34) == Some(&8);
        if !is_echo {
            return;
        }
        let mut reply = request.to_vec();
        reply[..6].copy_from_slice(&request[6..12]);
        reply[6..12].copy_from_slice(&request[..6]);
        reply[26..30].copy_from_slice(&request[30..34]);
        reply[30..34].copy_from_slice(&request[26..30]);
        reply[34] = 0;
        let seq = u16::from_be_bytes([reply[40], reply[41]]);
        let fault = self.faults.iter().find(|(it, _)| *it == seq).map(|it| it.1);
        match fault {
            Some(Fault::Drop) => return,
            Some(Fault::Cut(len)) => {
                reply.truncate(34 + len);
                reply[16..18].copy_from_slice(&(20 + len as u16).to_be_bytes());
            }
            Some(Fault::Code(code)) => reply[35] = code,
            Some(Fault::From(address)) => reply[26..30].copy_from_slice(&address),
            _ => {}
        }
        for part in [14..34, 34..reply.len()] {
            let at = part.start + if part.start == 14 { 10 } else { 2 };
            reply[at..at + 2].fill(0);
            let sum = Sum::new().add_bytes(&reply[part]).checksum();
            reply[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        match fault {
            Some(Fault::Flip(at)) => reply[34 + at] ^= 0x10,
            Some(Fault::After(long)) => {
                let now = wirelab::io::clock::Stopwatch::start();
                self.held.push((now, long, reply));
                return;
            }
            Some(Fault::Behind) => return self.behind.push(reply),
            _ => {}
        }
        self.send(&reply);
        if matches!(fault, Some(Fault::Twice)) {
            self.send(&reply);
        }
        for frame in std::mem::take(&mut self.behind) {
            self.send(&frame);
        }
    }
}
