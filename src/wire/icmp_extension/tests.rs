//! What is emitted is read again, whatever is cut off is read as far as it goes, and places are found.

use proptest::prelude::*;

use super::*;
use crate::wire::field::assert_covers;
use crate::wire::layout::assert_tiles;

fn labels() -> impl Strategy<Value = Vec<Label>> {
    let label = (0..1_u32 << 20, 0..8_u8, any::<bool>(), any::<u8>());
    let label = label.prop_map(|(label, traffic_class, bottom, ttl)| Label {
        label,
        traffic_class,
        bottom,
        ttl,
    });
    prop::collection::vec(label, 0..5)
}

fn interfaces() -> impl Strategy<Value = Interface> {
    let role = prop_oneof![
        Just(Role::Incoming),
        Just(Role::IncomingPart),
        Just(Role::Outgoing),
        Just(Role::NextHop)
    ];
    let name = prop::collection::vec(1..=u8::MAX, 1..63);
    (
        role,
        any::<Option<u32>>(),
        any::<Option<std::net::IpAddr>>(),
        prop::option::of(name),
        any::<Option<u32>>(),
    )
        .prop_map(|(role, index, address, name, mtu)| Interface {
            role,
            index,
            address,
            name,
            mtu,
        })
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    let words = prop::collection::vec(any::<[u8; 4]>(), 0..5);
    let other = (4_u8.., any::<u8>(), words).prop_map(|(class, c_type, words)| Object::Other {
        class,
        c_type,
        data: words.concat(),
    });
    let object = prop_oneof![
        labels().prop_map(Object::Mpls),
        interfaces().prop_map(Object::Interface),
        other
    ];
    prop::collection::vec(object, 0..4)
}

/// An error that quotes 128 bytes of zeros, with a structure behind.
fn error(v6: bool, structure: &[u8], told: bool) -> Vec<u8> {
    let mut message = vec![if v6 { 3 } else { 11 }, 0, 0, 0, 0, 0, 0, 0];
    if told {
        message[if v6 { 4 } else { 5 }] = if v6 { 16 } else { 32 };
    }
    message.extend([0; 128]);
    message.extend(structure);
    message
}

#[test]
fn the_tables_cover_the_headers() {
    assert_covers(FIELDS, LEN);
    assert_covers(OBJECT, OBJECT_LEN);
    assert_covers(interface::OBJECT, OBJECT_LEN);
    assert_covers(LABEL_ENTRY, 4);
}

proptest! {
    #[test]
    fn what_is_emitted_is_found_and_read(objects in objects(), v6: bool) {
        let mut bytes = Vec::new();
        Extensions::emit(&objects, &mut bytes);
        let read = Extensions::parse(&bytes).unwrap();
        prop_assert_eq!(&read.objects, &objects);
        prop_assert_eq!(read.checksum, Checksum::Right);
        for told in [true, false] {
            let place = find(v6, &error(v6, &bytes, told));
            prop_assert_eq!(place, Some(Place { at: 136, told }));
        }
        let layout = layout(&bytes);
        prop_assert_eq!(layout.stop, None);
        assert_tiles(&layout, bytes.len());
    }

    #[test]
    fn cut_anywhere_it_is_read_as_far_as_it_goes(objects in objects()) {
        let mut bytes = Vec::new();
        Extensions::emit(&objects, &mut bytes);
        for len in 0..bytes.len() {
            let cut = &bytes[..len];
            if let Some(read) = Extensions::parse(cut) {
                // An object that is all there is as it was.
                prop_assert!(read.objects.len() <= objects.len());
                for (read, whole) in read.objects.iter().zip(&objects) {
                    prop_assert_eq!(read, whole);
                }
            } else {
                prop_assert!(len < LEN);
            }
            let layout = layout(cut);
            prop_assert!(layout.len as usize <= len);
            find(false, &error(false, cut, true));
            find(true, &error(true, cut, false));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120), v6: bool) {
        Extensions::parse(&bytes);
        Extensions::parse(&[&[0x20, 0, 0, 0][..], &bytes].concat());
        find(v6, &bytes);
        let layout = layout(&bytes);
        prop_assert!(layout.len as usize <= bytes.len());
    }
}

#[test]
fn what_is_not_told_needs_the_right_version_and_checksum() {
    let mut bytes = Vec::new();
    Extensions::emit(&[Object::Mpls(vec![Label::default()])], &mut bytes);
    bytes[11] ^= 1;
    assert_eq!(find(false, &error(false, &bytes, false)), None);
    let told = Place {
        at: 136,
        told: true,
    };
    assert_eq!(find(false, &error(false, &bytes, true)), Some(told));
    let read = Extensions::parse(&bytes).unwrap();
    assert_eq!(read.checksum, Checksum::Wrong);
    // A quote of more than 128 bytes without anything behind it.
    assert_eq!(find(false, &error(false, &[0; 400], false)), None);
    // A quote that is said to go beyond the message.
    assert_eq!(find(false, &error(false, &[], true)), None);
}

/// An object of three bytes would make a reader go round for ever, or backwards.
#[test]
fn an_object_shorter_than_its_header_ends_it() {
    let bytes = [0x20, 0, 0, 0, 0, 3, 1, 1, 0, 0, 0, 0];
    assert_eq!(Extensions::parse(&bytes).unwrap().objects, []);
    let stop = layout(&bytes).stop.unwrap();
    assert_eq!((stop.at, stop.rfc), (4, "RFC 4884 7.1"));
}
