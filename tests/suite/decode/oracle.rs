//! What etherparse reads in a packet, we read too.

use etherparse::{LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;
use wirelab::decode::{Body, Decoder};
use wirelab::frame::LinkType;

use super::frame;

/// A packet as etherparse builds it, with everything about it chosen freely, and then a few bytes
/// overwritten.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let fields = (
        any::<(bool, bool, [u8; 4], [u8; 4], u8)>(),
        any::<(bool, u16, u16, u32, u16)>(),
        prop::collection::vec(any::<u8>(), 0..100),
        prop::sample::select(vec![
            vec![],
            vec![1; 4],
            vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
        ]),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    );
    fields.prop_map(|(outer, inner, payload, options, changes)| {
        let (v6, vlan, src, dst, ttl) = outer;
        let (is_tcp, src_port, dst_port, seq, window) = inner;
        let wide = |address: [u8; 4]| [address; 4].concat().try_into().unwrap();
        let ip = match (v6, vlan) {
            (true, true) => PacketBuilder::ethernet2([1; 6], [2; 6])
                .single_vlan(5.try_into().unwrap())
                .ipv6(wide(src), wide(dst), ttl),
            (true, false) => {
                PacketBuilder::ethernet2([1; 6], [2; 6]).ipv6(wide(src), wide(dst), ttl)
            }
            (false, true) => PacketBuilder::ethernet2([1; 6], [2; 6])
                .single_vlan(5.try_into().unwrap())
                .ipv4(src, dst, ttl),
            (false, false) => PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(src, dst, ttl),
        };
        let mut bytes = Vec::new();
        if is_tcp {
            let tcp = ip.tcp(src_port, dst_port, seq, window);
            let tcp = tcp.options_raw(&options).unwrap();
            tcp.write(&mut bytes, &payload).unwrap();
        } else {
            let udp = ip.udp(src_port, dst_port);
            udp.write(&mut bytes, &payload).unwrap();
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn addresses_ports_and_payload_are_those_etherparse_finds(bytes in packet()) {
        let theirs = LaxSlicedPacket::from_ethernet(&bytes).unwrap();
        let mut decoder = Decoder::new();
        let ours = decoder.decode(&frame(LinkType::ETHERNET, &bytes));
        // What a problem is to us, etherparse may well read on from; into tunnels it does not go.
        prop_assume!(ours.problems.is_empty() && ours.tunnel == 0);
        // Old numbers of VLAN tags (before IEEE 802.1ad) that switches still use, and etherparse does
        // not know.
        prop_assume!(![12, 16].iter().any(|&at| matches!(bytes[at..at + 2], [0x92 | 0x93, 0])));
        match (&theirs.transport, ours.body) {
            (Some(TransportSlice::Tcp(theirs)), Body::Tcp(ours)) => {
                prop_assert_eq!(theirs.source_port(), ours.src_port);
                prop_assert_eq!(theirs.destination_port(), ours.dst_port);
                prop_assert_eq!(theirs.sequence_number(), ours.seq.0);
                prop_assert_eq!(theirs.acknowledgment_number(), ours.ack.0);
                prop_assert_eq!(theirs.window_size(), ours.window);
                prop_assert_eq!(theirs.options(), ours.options);
                prop_assert_eq!(theirs.payload(), ours.payload);
                prop_assert_eq!(theirs.payload().len(), ours.payload_len as usize);
            }
            (Some(TransportSlice::Udp(theirs)), Body::Udp(ours)) => {
                prop_assert_eq!(theirs.source_port(), ours.src_port);
                prop_assert_eq!(theirs.destination_port(), ours.dst_port);
                prop_assert_eq!(theirs.payload(), ours.payload);
            }
            (Some(TransportSlice::Tcp(_) | TransportSlice::Udp(_)), ours) => {
                prop_assert!(false, "we read {:?}", ours);
            }
            (None, ours) => {
                prop_assert!(!matches!(ours, Body::Tcp(_) | Body::Udp(_)), "etherparse reads nothing");
            }
            _ => {}
        }
        match &theirs.net {
            Some(LaxNetSlice::Ipv4(theirs)) if theirs.header().options().is_empty() => {
                let ours = ours.ip.unwrap();
                prop_assert_eq!(ours.src, theirs.header().source_addr());
                prop_assert_eq!(ours.dst, theirs.header().destination_addr());
                prop_assert_eq!(ours.ttl, theirs.header().ttl());
                prop_assert_eq!(ours.dont_fragment, theirs.header().dont_fragment());
                prop_assert_eq!(ours.id, Some(u32::from(theirs.header().identification())));
            }
            Some(LaxNetSlice::Ipv6(theirs)) if theirs.extensions().is_empty() => {
                let ours = ours.ip.unwrap();
                prop_assert_eq!(ours.src, theirs.header().source_addr());
                prop_assert_eq!(ours.dst, theirs.header().destination_addr());
                prop_assert_eq!(ours.ttl, theirs.header().hop_limit());
                prop_assert_eq!(ours.traffic_class, theirs.header().traffic_class());
            }
            _ => {}
        }
    }
}
