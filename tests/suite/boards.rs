//! How a connection stands between two segments: `wirelab::event::Board`, for the stepping screen.

use std::io::Cursor;

use wirelab::analysis::{Analysis, Limits};
use wirelab::event::{Board, Event, HalfBoard, How, TcpState};
use wirelab::io::file;

use crate::conversations;

/// Fails where a board contradicts itself. Every conversation is held to it after every line, with the wrap of
/// sequence numbers in all places: see [`conversations`].
pub(crate) fn make_sense(board: &Board, place: &str) {
    for half in &board.halves {
        let (Some(una), Some(nxt)) = (half.una, half.nxt) else {
            assert!(half.stretches.is_empty(), "{place}: {half:?}");
            continue;
        };
        let (mut at, mut held, mut last) = (una, 0, None);
        for stretch in &half.stretches {
            assert_eq!(
                stretch.from, at,
                "{place}: a gap, or out of order: {half:?}"
            );
            let len = stretch.to.wrapping_sub(stretch.from);
            assert!(len > 0 && len < 1 << 31, "{place}: {half:?}");
            assert_ne!(last, Some(stretch.how), "{place}: not merged: {half:?}");
            held += if stretch.how == How::Sacked { len } else { 0 };
            (at, last) = (stretch.to, Some(stretch.how));
        }
        assert!(half.stretches.len() <= HalfBoard::MOST, "{place}");
        assert_eq!(half.more, 0, "{place}: no conversation is that eventful");
        assert_eq!(at, nxt, "{place}: they end at SND.NXT: {half:?}");
        assert_eq!(held, half.sacked, "{place}: {half:?}");
        let bytes = nxt.wrapping_sub(una) - held;
        // SYN and FIN take numbers and are no bytes.
        assert!(
            (bytes.saturating_sub(2)..=bytes).contains(&half.in_flight),
            "{place}: {half:?}"
        );
        if let Some(fin) = half.fin {
            assert!(nxt.wrapping_sub(fin) < 1 << 31, "{place}: {half:?}");
        }
    }
}

/// The boards of a conversation, after each of its lines.
fn boards(name: &str) -> Vec<Board> {
    let (_, pcap) = conversations::captures()
        .into_iter()
        .find(|(known, _)| known == name)
        .expect("a conversation of that name");
    boards_of(pcap)
}

fn boards_of(pcap: Vec<u8>) -> Vec<Board> {
    let mut source = file::from_reader(Box::new(Cursor::new(pcap)), None).expect("a capture");
    let mut analysis = Analysis::new(Limits::default());
    let mut boards = Vec::new();
    while let Some(frame) = source.next_frame().expect("frames") {
        let mut ends = None;
        let _: Result<(), ()> = analysis.handle(&frame, &mut |event| {
            if let Event::Segment(segment) = event {
                ends = Some([segment.src, segment.dst]);
            }
            Ok(())
        });
        boards.extend(ends.and_then(|ends| analysis.board(ends, 0)));
    }
    boards
}

/// What the initiator has outstanding after that line, counted from 1.
fn outstanding(boards: &[Board], line: usize) -> Vec<(u32, u32, How)> {
    let stretches = boards[line - 1].halves[0].stretches.iter();
    stretches.map(|it| (it.from, it.to, it.how)).collect()
}

#[test]
fn a_loss_is_asked_for_sent_again_and_filled() {
    let boards = boards("fast-retransmit.txt");
    assert_eq!(outstanding(&boards, 8), [(1, 5001, How::Sent)]);
    assert_eq!(outstanding(&boards, 9), [(1001, 5001, How::Sent)]);
    let asked = [
        (1001, 2001, How::Lacking),
        (2001, 3001, How::Sacked),
        (3001, 5001, How::Sent),
    ];
    assert_eq!(outstanding(&boards, 10), asked);
    let again = [(1001, 2001, How::Again(1)), (2001, 5001, How::Sacked)];
    assert_eq!(outstanding(&boards, 13), again);
    assert_eq!(boards[12].halves[0].recovery, Some(5001));
    assert_eq!(boards[12].halves[0].dup_acks, 3);
    assert_eq!(outstanding(&boards, 14), []);
    let [client, server] = &boards[13].halves;
    assert_eq!(
        (client.una, client.nxt, client.recovery),
        (Some(5001), Some(5001), None)
    );
    // 509 units of 128 bytes.
    assert_eq!(
        (client.wnd, client.edge, client.usable()),
        (Some(65_152), Some(70_153), Some(65_152))
    );
    assert_eq!((server.rcv_nxt, server.rcv_wnd), (client.una, client.wnd));
    assert_eq!(
        (server.sends(), client.sends(), client.largest),
        (false, true, 1000)
    );
}

#[test]
fn what_the_capture_missed_is_told_from_what_the_receiver_lacks() {
    let boards = boards("missed-in-a-hole.txt");
    let missed = [(1, 1001, How::Unseen), (1001, 2001, How::Sent)];
    assert_eq!(outstanding(&boards, 4), missed);
    // Acknowledged, so the receiver has it; the capture still has not.
    assert_eq!(
        (outstanding(&boards, 5), boards[4].halves[0].unseen),
        (vec![], 1000)
    );
    assert_eq!(outstanding(&boards, 8)[0], (3001, 4001, How::Unseen));
    assert_eq!(
        outstanding(&boards, 9)[0],
        (3001, 4001, How::Lacking),
        "a duplicate ACK asks for it"
    );
    assert_eq!(outstanding(&boards, 10), [(3001, 5001, How::Sent)]);
}

#[test]
fn a_closed_window_takes_nothing() {
    let boards = boards("zero-window.txt");
    let client = |line: usize| &boards[line - 1].halves[0];
    assert_eq!(
        (client(4).edge, client(4).usable()),
        (Some(2001), Some(1000))
    );
    assert_eq!((client(5).edge, client(5).usable()), (Some(2001), Some(0)));
    assert_eq!(
        (client(6).wnd, client(6).edge, client(6).nxt),
        (Some(0), Some(2001), Some(2001))
    );
    assert_eq!(client(11).usable(), Some(2000));
    assert_eq!(client(11).widest, 2000);
}

#[test]
fn states_and_the_fin_are_told() {
    let boards = boards("handshake-and-teardown.txt");
    let states = |at: usize| [boards[at].halves[0].state, boards[at].halves[1].state];
    assert_eq!(states(0), [TcpState::SynSent, TcpState::SynReceived]);
    let last = boards.last().expect("lines");
    assert!(
        last.halves.iter().all(|half| half.fin.is_some()),
        "{last:?}"
    );
}

#[test]
fn what_a_segment_moved_is_the_difference_to_the_board_before() {
    let mut moved = 0;
    for (name, pcap) in conversations::captures() {
        let boards = boards_of(pcap);
        // Where a side is known from acknowledgments alone, its numbers may turn out to begin elsewhere.
        if boards[0].halves[0].state != TcpState::SynSent {
            continue;
        }
        for pair in boards
            .windows(2)
            .filter(|pair| pair[0].flow == pair[1].flow)
        {
            for (before, after) in pair[0].halves.iter().zip(&pair[1].halves) {
                let place = format!("{name} frame {}: {before:?} {after:?}", pair[1].frame);
                if let (Some(was), Some(is)) = (before.una, after.una) {
                    assert_eq!(after.moved.una, is.wrapping_sub(was), "{place}");
                }
                if let (Some(was), Some(is)) = (before.nxt, after.nxt) {
                    // What an acknowledgment shows to have been sent is not sent by it.
                    let shown =
                        after.moved.nxt == 0 && after.moved.una > 0 && after.una == after.nxt;
                    assert!(shown || after.moved.nxt == is.wrapping_sub(was), "{place}");
                }
                if let (Some(was), Some(is)) = (before.edge, after.edge) {
                    let by = is.wrapping_sub(was) as i32;
                    assert!([0, by].contains(&after.moved.edge), "{place}");
                    moved += u32::from(after.moved.edge != 0);
                }
            }
        }
    }
    assert!(moved > 100, "{moved}");
}
