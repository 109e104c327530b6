//! The short way against the long one, over conversations with everything in them.

use super::*;
use crate::event::{Endpoint, Side};
use crate::frame::Timestamp;
use crate::track::{FlowKey, Limits};
use proptest::prelude::*;

/// Which ways of looking at a segment are open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// Both, and what is found is asked for.
    Told,
    /// Both, and of what is as predicted nothing is asked for.
    ShortUntold,
    /// The long one.
    LongOnly,
}

/// A connection followed by the short way where that is open, or by the long way alone.
struct Followed {
    connection: Connection,
    seen: Observation,
    store: Store,
    ways: Ways,
}

impl Followed {
    fn new(ways: Ways) -> Self {
        let first = arrival(Side::Initiator, 1, 0, 0);
        Self {
            connection: Connection::new(0, &first, first.sender_is_low),
            seen: Observation::blank(),
            store: Store::new(Limits::SCARCE),
            ways,
        }
    }

    /// Follows a segment; tells whether by the short way, where nothing is told.
    fn follow(&mut self, side: Side, arrival: &Arrival, tcp: &Tcp<'_>) -> bool {
        let (seen, store) = (&mut self.seen, &mut self.store);
        let said = Said::of(arrival, tcp).filter(|_| self.ways != Ways::LongOnly);
        if let (Some(said), Ways::ShortUntold) = (&said, self.ways)
            && self
                .connection
                .goes_as_predicted::<false>(seen, said, side, store)
        {
            return true;
        }
        let said = said.filter(|_| self.ways == Ways::Told);
        self.connection
            .observe(seen, arrival, tcp, side, store, said.as_ref());
        false
    }

    /// Follows a segment; gives what was found about it, and what was left behind.
    fn observe(&mut self, side: Side, arrival: &Arrival, tcp: &Tcp<'_>) -> [String; 2] {
        self.follow(side, arrival, tcp);
        [
            format!("{:#?}", self.seen),
            format!("{:#?}", self.connection),
        ]
    }
}

fn arrival(side: Side, frame: u64, time: u64, id: u32) -> Arrival {
    let ends = [10, 20].map(|host| Endpoint {
        addr: [10, 0, 0, host].into(),
        port: 4000 + u16::from(host),
    });
    let (key, sender_is_low) = FlowKey::of(ends[side.index()], ends[side.other().index()], 0);
    Arrival {
        frame,
        time: Timestamp::from_nanos(time),
        key,
        sender_is_low,
        ip_id: Some(id),
        ttl: 64,
    }
}

fn segment<'a>(
    flags: Flags,
    (seq, ack): (u32, u32),
    payload: &'a [u8],
    options: &'a [u8],
) -> Tcp<'a> {
    Tcp {
        src_port: 0,
        dst_port: 0,
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        window: 500,
        urgent: 0,
        options,
        options_cut: false,
        payload,
        payload_len: payload.len() as u32,
        checksum: Checksum::Good,
    }
}

/// MSS 1000, window scale 2, SACK permitted.
const OFFER: &[u8] = &[2, 4, 3, 232, 3, 3, 2, 4, 2, 0, 0, 0];
const ZEROS: [u32; 2] = [u32::MAX - 50, 7_000];

/// SYN, SYN-ACK, ACK: side, flags, and numbers.
fn handshake() -> [(Side, Tcp<'static>); 3] {
    let [i, r] = ZEROS;
    let (syn, ack) = (Flags::SYN, Flags::ACK);
    [
        (Side::Initiator, segment(syn, (i, 0), &[], OFFER)),
        (
            Side::Responder,
            segment(syn | ack, (r, i.wrapping_add(1)), &[], OFFER),
        ),
        (
            Side::Initiator,
            segment(ack, (i.wrapping_add(1), r + 1), &[], &[]),
        ),
    ]
}

#[test]
fn data_that_comes_next_and_its_acknowledgment_take_the_short_way() {
    let mut followed = Followed::new(Ways::ShortUntold);
    let [i, r] = ZEROS.map(|zero| zero.wrapping_add(1));
    let data = segment(Flags::ACK, (i, r), &[0; 100], &[]);
    let acked = segment(Flags::ACK, (r, i.wrapping_add(100)), &[], &[]);
    let both = [
        (Side::Initiator, data, true),
        (Side::Responder, acked, true),
    ];
    let opening = handshake().map(|(side, tcp)| (side, tcp, false));
    for (frame, (side, tcp, short)) in (1..).zip(opening.into_iter().chain(both)) {
        let arrival = arrival(side, frame, frame * 1000, frame as u32);
        assert_eq!(
            followed.follow(side, &arrival, &tcp),
            short,
            "frame {frame}"
        );
    }
}

/// What a step does otherwise than send the next data, or acknowledge all there is.
#[derive(Clone, Debug)]
struct Step {
    from_responder: bool,
    len: u8,
    odd: u8,
    by: u8,
    wait: u32,
}

fn step() -> impl Strategy<Value = Step> {
    let odd = prop_oneof![6 => Just(0), 1 => 1..24_u8];
    (
        any::<bool>(),
        prop_oneof![Just(0), Just(1), 2..200_u8],
        odd,
        any::<u8>(),
        0..400_000_000_u32,
    )
        .prop_map(|(from_responder, len, odd, by, wait)| Step {
            from_responder,
            len,
            odd,
            by,
            wait,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_ways_leave_the_same_behind(steps in proptest::collection::vec(step(), 1..60), stamped: bool) {
        let [mut short, mut untold, mut long] =
            [Ways::Told, Ways::ShortUntold, Ways::LongOnly].map(Followed::new);
        let mut next = ZEROS.map(|zero| zero.wrapping_add(1));
        let (mut frame, mut time, mut id) = (0, 1_000_000_000, 0);
        let mut both = |side, tcp: &Tcp<'_>, time, id| {
            frame += 1;
            let arrival = arrival(side, frame, time, id);
            let expected = long.observe(side, &arrival, tcp);
            assert_eq!(short.observe(side, &arrival, tcp), expected);
            assert_eq!(untold.observe(side, &arrival, tcp)[1], expected[1]);
        };
        for (side, tcp) in handshake() {
            id += 1;
            both(side, &tcp, time, id);
        }
        for Step { from_responder, len, odd, by, wait } in steps {
            let side = if from_responder { Side::Responder } else { Side::Initiator };
            let (me, other) = (side.index(), side.other().index());
            let payload = vec![by; len.into()];
            let (mut seq, mut ack, by) = (next[me], next[other], u32::from(by));
            let mut options = Vec::new();
            if stamped {
                options.extend([1, 1, 8, 10]);
                options.extend(((time / 1_000_000) as u32).to_be_bytes());
                options.extend(((time / 2_000_000) as u32).to_be_bytes());
            }
            let mut again = false;
            let mut flags = Flags::ACK;
            match odd {
                1 | 2 => seq = seq.wrapping_sub(by),
                3 | 4 => seq = seq.wrapping_add(by),
                5 => seq = seq.wrapping_sub(1),
                6 | 7 => ack = ack.wrapping_sub(by),
                8 => ack = ack.wrapping_add(by),
                9 => flags = flags | Flags::FIN,
                10 if by < 40 => flags = flags | Flags::RST,
                11 if by < 80 => flags = flags | Flags::SYN,
                12 => flags = flags | Flags::URG,
                13 | 14 => {
                    let left = ack.wrapping_sub(by);
                    options.extend([1, 1, 5, 10]);
                    options.extend(left.to_be_bytes());
                    options.extend(left.wrapping_add(50).to_be_bytes());
                }
                15 => flags = Flags::PSH,
                16 => again = true,
                _ => {}
            }
            let mut tcp = segment(flags, (seq, ack), &payload, &options);
            match odd {
                17 => tcp.window = 0,
                18 | 19 => tcp.window = by as u16,
                20 => tcp.checksum = Checksum::Bad,
                21 => tcp.checksum = Checksum::Unverified,
                22 => tcp.payload = &[],
                23 => tcp.payload_len += 1000,
                _ => {}
            }
            time += u64::from(wait);
            id += 1;
            both(side, &tcp, time, id);
            if again {
                both(side, &tcp, time + 1000, id);
            }
            let end = seq.wrapping_add(tcp.payload_len).wrapping_add(u32::from(flags.fin()));
            if (end.wrapping_sub(next[me]) as i32) > 0 {
                next[me] = end;
            }
        }
    }
}
