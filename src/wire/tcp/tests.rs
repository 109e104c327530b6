//! The TCP header against etherparse and pnet.

use super::*;
use crate::wire::field::assert_covers;
use pnet_packet::Packet as _;
use pnet_packet::tcp::{TcpPacket, ipv4_checksum, ipv6_checksum};
use proptest::prelude::*;

#[test]
fn the_table_covers_the_header() {
    assert_covers(FIELDS, MIN_LEN);
}

#[test]
fn each_flag_of_the_table_is_the_flag_of_that_letter() {
    for (name, flag) in [
        ("AE", Flags::AE),
        ("CWR", Flags::CWR),
        ("ECE", Flags::ECE),
        ("URG", Flags::URG),
        ("ACK", Flags::ACK),
        ("PSH", Flags::PSH),
        ("RST", Flags::RST),
        ("SYN", Flags::SYN),
        ("FIN", Flags::FIN),
    ] {
        let mut header = [0; MIN_LEN];
        let field = FIELDS.iter().find(|field| field.name == name).unwrap();
        field.put(&mut header, 1);
        assert_eq!(Header::new(&header).unwrap().flags(), flag, "{name}");
    }
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let refused = |bytes: &[u8]| Repr::parse(bytes).unwrap_err().to_string();
    assert_eq!(refused(&[0; 19]), "TCP needs 20 bytes, there are 19");
    let mut bytes = [0; 20];
    bytes[12] = 0x40;
    let small = "TCP: data offset can't be 4 (RFC 9293 3.1)";
    assert_eq!(refused(&bytes), small);
    bytes[12] = 0x60;
    assert_eq!(refused(&bytes), "TCP needs 24 bytes, there are 20");
}

#[test]
fn a_header_in_words() {
    let repr = Repr {
        src_port: 40_000,
        dst_port: 80,
        seq: Seq(5),
        flags: Flags::SYN,
        window: 64_240,
        ..Repr::default()
    };
    assert_eq!(repr.to_string(), "TCP 40000 > 80, S seq 5 ack 0 win 64240");
}

#[test]
fn a_wrong_value_is_emitted_as_it_is() {
    let repr = Repr {
        data_offset: Some(3),
        checksum: Some(0xbad0),
        reserved: 0b101,
        ..Repr::default()
    };
    let mut bytes = Vec::new();
    repr.emit([1; 4].into(), [2; 4].into(), b"", &mut bytes);
    let header = Header::new(&bytes).unwrap();
    assert_eq!((header.header_len(), header.checksum()), (12, 0xbad0));
    assert_eq!((header.reserved(), header.flags()), (0b101, Flags(0)));
}

fn repr() -> impl Strategy<Value = Repr> {
    let options = prop::sample::select(vec![
        vec![
            TcpOption::Mss(1460),
            TcpOption::SackPermitted,
            TcpOption::WindowScale(7),
        ],
        vec![TcpOption::Nop, TcpOption::Nop, TcpOption::Timestamps(1, 2)],
        vec![TcpOption::Sack(&[1, 2, 3, 4, 5, 6, 7, 8])],
        vec![
            TcpOption::Other {
                kind: 34,
                data: &[9; 8],
            },
            TcpOption::End,
        ],
        vec![],
    ]);
    let fields = any::<(u16, u16, u32, u32, u16, u16)>();
    (fields, 0..0x200_u16, options).prop_map(|(fields, flags, options)| {
        let (src_port, dst_port, seq, ack, window, urgent) = fields;
        let mut bytes = Vec::new();
        for option in &options {
            option.emit(&mut bytes);
        }
        assert!(tcp_options(&bytes).eq(options));
        Repr {
            src_port,
            dst_port,
            seq: Seq(seq),
            ack: Seq(ack),
            flags: Flags(flags),
            window,
            urgent,
            options: bytes,
            ..Repr::default()
        }
    })
}

proptest! {
    #[test]
    fn what_we_emit_etherparse_and_pnet_read(
        repr in repr(),
        four: ([u8; 4], [u8; 4]),
        six: ([u8; 16], [u8; 16]),
        v6: bool,
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let (src, dst): (IpAddr, IpAddr) = if v6 {
            (six.0.into(), six.1.into())
        } else {
            (four.0.into(), four.1.into())
        };
        let mut bytes = Vec::new();
        repr.emit(src, dst, &data, &mut bytes);

        let slice = etherparse::TcpSlice::from_slice(&bytes).unwrap();
        prop_assert_eq!((slice.source_port(), slice.destination_port()), (repr.src_port, repr.dst_port));
        prop_assert_eq!(slice.sequence_number(), repr.seq.0);
        prop_assert_eq!(slice.acknowledgment_number(), repr.ack.0);
        prop_assert_eq!((slice.window_size(), slice.urgent_pointer()), (repr.window, repr.urgent));
        let flags = [slice.fin(), slice.syn(), slice.rst(), slice.psh(), slice.ack(), slice.urg(), slice.ece(), slice.cwr(), slice.ns()];
        for (bit, set) in flags.into_iter().enumerate() {
            prop_assert_eq!(set, repr.flags.0 >> bit & 1 == 1);
        }
        prop_assert!(slice.options().starts_with(&repr.options));
        prop_assert_eq!(slice.payload(), &data);
        let theirs = if v6 {
            slice.calc_checksum_ipv6(six.0, six.1)
        } else {
            slice.calc_checksum_ipv4(four.0, four.1)
        };
        prop_assert_eq!(slice.checksum(), theirs.unwrap());

        let packet = TcpPacket::new(&bytes).unwrap();
        prop_assert_eq!(packet.payload(), &data);
        let theirs = if v6 {
            ipv6_checksum(&packet, &six.0.into(), &six.1.into())
        } else {
            ipv4_checksum(&packet, &four.0.into(), &four.1.into())
        };
        prop_assert_eq!(packet.get_checksum(), theirs);

        let (parsed, after) = Repr::parse(&bytes).unwrap();
        prop_assert_eq!(after, &data);
        let mut again = Vec::new();
        Repr { data_offset: None, checksum: None, ..parsed }.emit(src, dst, &data, &mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn what_etherparse_builds_our_table_reads(seq: u32, ack: u32, window: u16, urgent: u16, bits: [bool; 9]) {
        let mut theirs = etherparse::TcpHeader::new(1, 2, seq, window);
        theirs.acknowledgment_number = ack;
        theirs.urgent_pointer = urgent;
        theirs.checksum = 0x1234;
        [theirs.ns, theirs.cwr, theirs.ece, theirs.urg, theirs.ack, theirs.psh, theirs.rst, theirs.syn, theirs.fin] = bits;
        theirs.set_options_raw(&[1, 1, 1, 1]).unwrap();
        let bytes = theirs.to_bytes();
        let raw: Vec<_> = FIELDS.iter().map(|field| field.raw(&bytes).unwrap()).collect();
        let mut expected = vec![1, 2, u128::from(seq), u128::from(ack), 6, 0];
        expected.extend(bits.map(u128::from));
        expected.extend([u128::from(window), 0x1234, u128::from(urgent)]);
        prop_assert_eq!(raw, expected);
    }
}
