//! Every view of every frame: no bytes make one fail, whatever link they are taken to be from.

use proptest::prelude::*;
use wirelab::decode::{Body, Checksum, Decoder, LayerKind, Packet};
use wirelab::frame::{Frame, LinkType, Timestamp};
use wirelab::inspect::{Sheet, difference, workings};
use wirelab::view::{self, Style};

use super::odd;

/// Link types there is a reader for, and one there is none for.
const LINKS: &[u32] = &[
    0, 1, 7, 9, 12, 14, 50, 51, 101, 108, 113, 129, 166, 204, 228, 229, 276, 999,
];

fn frame(bytes: &[u8], link: u32, missing: u32) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::default(),
        link_type: LinkType(link as u16),
        interface: 0,
        original_len: bytes.len() as u32 + missing,
        bytes,
        comment: None,
    }
}

/// Everything there is to see of a frame, in so many columns.
fn look(frame: &Frame<'_>, width: u16) -> String {
    let mut decoder = Decoder::new();
    let packet = decoder.decode(frame);
    let sheet = Sheet::new(frame, &packet);
    let workings = workings(&sheet, packet.ip.as_ref(), !frame.is_cut());
    let style = Style {
        width,
        ..Style::default()
    };
    let mut out = Vec::new();
    view::inspect::fields(&style, &sheet, &mut out).expect("written");
    view::inspect::diagram(&style, &sheet, &mut out).expect("written");
    view::inspect::bits(&style, &sheet, &mut out).expect("written");
    view::inspect::sums(&style, &sheet, &workings, &mut out).expect("written");
    view::inspect::troubles(&style, &sheet, &mut out).expect("written");
    let other = difference(&sheet, &sheet);
    assert!(other.changes.is_empty());
    view::inspect::diff(&style, (1, 1), &other, &mut out).expect("written");
    view::json_fields(&sheet, 1, &mut out).expect("written");
    view::json_sums(&sheet, 1, &workings, &mut out).expect("written");
    String::from_utf8(out).expect("text")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_shown(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        link in prop::sample::select(LINKS),
        missing in prop_oneof![Just(0), 0..2000_u32],
        width in 20..200_u16,
    ) {
        look(&frame(&bytes, link, missing), width);
    }

    #[test]
    fn so_are_frames_that_make_sense_but_for_some_bytes(
        which: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        keep: prop::sample::Index,
    ) {
        let all = odd::all();
        let frames: Vec<_> = all.iter().flat_map(|odd| odd.frames.iter().map(|f| (odd.link, f))).collect();
        let (link, bytes) = *which.get(&frames);
        let mut bytes = bytes.clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(keep.index(bytes.len()) + 1);
        look(&frame(&bytes, link, 0), 80);
    }
}

#[test]
fn frames_made_by_hand_have_no_unnamed_header() {
    for odd in odd::all().iter().filter(|odd| odd.name != "cut") {
        for (number, bytes) in (1..).zip(&odd.frames) {
            let frame = frame(bytes, odd.link, 0);
            let mut decoder = Decoder::new();
            let packet = decoder.decode(&frame);
            let sheet = Sheet::new(&frame, &packet);
            let told = |key| sheet.troubles.iter().any(|trouble| trouble.key == key);
            for header in sheet.headers.iter().filter(|header| !told(header.key)) {
                let fields = &header.layout.fields;
                assert!(!fields.is_empty(), "{} {number}: {}", odd.name, header.name);
            }
        }
    }
}

/// The kind of header a body's checksum is in, and what was said of it.
fn verdict(packet: &Packet<'_>) -> Option<(LayerKind, Checksum)> {
    match &packet.body {
        Body::Tcp(tcp) => Some((LayerKind::Tcp, tcp.checksum)),
        Body::Udp(udp) => Some((LayerKind::Udp, udp.checksum)),
        Body::Icmp(icmp) if icmp.v6 => Some((LayerKind::Icmpv6, icmp.checksum)),
        Body::Icmp(icmp) => Some((LayerKind::Icmpv4, icmp.checksum)),
        Body::Igmp(igmp) => Some((LayerKind::Igmp, igmp.checksum)),
        _ => None,
    }
}

/// Sums worked out word by word come to what decoding says, over IPv4 and IPv6, behind routing headers
/// (whose last stop counts), of odd lengths, left out, left to the card, cut short.
#[test]
fn sums_worked_out_agree_with_decoding() {
    let mut compared = 0;
    for odd in odd::all() {
        for (number, bytes) in (1..).zip(&odd.frames) {
            for (change, missing) in [(None, 0), (Some(1), 0), (None, 3)] {
                let mut bytes = bytes.clone();
                if let (Some(from_end), len) = (change, bytes.len()) {
                    bytes[len - from_end] ^= 0x55;
                }
                let frame = frame(&bytes, odd.link, missing);
                let mut decoder = Decoder::new();
                let packet = decoder.decode(&frame);
                let sheet = Sheet::new(&frame, &packet);
                let workings = workings(&sheet, packet.ip.as_ref(), !frame.is_cut());
                let Some((kind, checksum)) = verdict(&packet) else {
                    continue;
                };
                let own = workings
                    .iter()
                    .rfind(|w| sheet.headers[w.header].kind == kind);
                let Some(own) = own else { continue };
                compared += 1;
                let said = (own.verdict, own.stated);
                assert_eq!(own.verdict, checksum, "{} {number}: {said:?}", odd.name);
            }
        }
    }
    assert!(compared > 100, "{compared}");
}
