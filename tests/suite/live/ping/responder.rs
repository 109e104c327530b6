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
            for setting in ["ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all"] {
                std::fs::write(format!("/proc/sys/net/{setting}"), "1").expect("its own setting");
            }
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
        let byte = |at: usize| request.get(at).copied();
        let v6 = match request.get(12..14) {
            Some([0x08, 0x00]) => false,
            Some([0x86, 0xdd]) => true,
            _ => return,
        };
        // Protocol and type of an echo request, where its addresses are, and where ICMP begins.
        let (at, [protocol, kind], src, dst) = if v6 {
            (54, [byte(20), byte(54)], 22..38, 38..54)
        } else {
            (34, [byte(23), byte(34)], 26..30, 30..34)
        };
        let asks = if v6 { (58, 128) } else { (1, 8) };
        if protocol.zip(kind) != Some(asks) {
            return;
        }
        let mut reply = request.to_vec();
        reply[..6].copy_from_slice(&request[6..12]);
        reply[6..12].copy_from_slice(&request[..6]);
        reply[src.clone()].copy_from_slice(&request[dst.clone()]);
        reply[dst].copy_from_slice(&request[src.clone()]);
        reply[at] = if v6 { 129 } else { 0 };
        let seq = u16::from_be_bytes([reply[at + 6], reply[at + 7]]);
        let fault = self.faults.iter().find(|(it, _)| *it == seq).map(|it| it.1);
        match fault {
            Some(Fault::Drop) => return,
            Some(Fault::Cut(len)) => {
                reply.truncate(at + len);
                let (field, header) = if v6 { (18..20, 0) } else { (16..18, 20) };
                reply[field].copy_from_slice(&(header + len as u16).to_be_bytes());
            }
            Some(Fault::Code(code)) => reply[at + 1] = code,
            Some(Fault::From(address)) => reply[src].copy_from_slice(&address),
            _ => {}
        }
        if !v6 {
            reply[24..26].fill(0);
            let sum = Sum::new().add_bytes(&reply[14..34]).checksum();
            reply[24..26].copy_from_slice(&sum.to_be_bytes());
        }
        let v6_ends = v6.then(|| {
            let address = |at: usize| *reply[at..].first_chunk::<16>().expect("16 bytes");
            (address(22).into(), address(38).into())
        });
        reply[at + 2..at + 4].fill(0);
        wirelab::wire::echo::seal(&mut reply[at..], v6_ends);
        match fault {
            Some(Fault::Flip(byte)) => reply[at + byte] ^= 0x10,
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
