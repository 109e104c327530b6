//! What is waited for, moment by moment.

use super::*;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

/// A direction that has sent five full segments and waits at 1 ms.
fn sending() -> Half {
    let mut half = Half {
        end: Some(Seq(5001)),
        una: Seq(1),
        edge: Some(Seq(60_001)),
        full: 1000,
        segments: 5,
        ..Half::default()
    };
    half.settle(at(1), 1);
    half
}

#[test]
fn time_goes_to_what_is_waited_for() {
    let mut half = sending();
    assert_eq!(half.waiting, Waiting::Network);
    half.edge = Some(Seq(5501));
    half.settle(at(11), 11);
    assert_eq!(half.waiting, Waiting::Receiver);
    half.edge = Some(Seq(60_001));
    half.recover = Some(Seq(5001));
    half.settle(at(111), 111);
    assert_eq!(half.waiting, Waiting::Recovery);
    (half.una, half.recover) = (Seq(5001), None);
    half.settle(at(141), 141);
    assert_eq!(half.waiting, Waiting::Application);
    half.settle(at(241), 241);
    let shares = half.shares.map(|ns| ns / 1_000_000);
    assert_eq!(shares, [100, 10, 100, 30, 0]);
}

#[test]
fn a_last_short_segment_under_way_is_all_there_was() {
    let mut half = sending();
    half.short = true;
    half.settle(at(2), 2);
    assert_eq!(half.waiting, Waiting::Tail);
    // Not even a closed window stands in the way of nothing.
    half.closed = true;
    half.settle(at(3), 3);
    assert_eq!(half.waiting, Waiting::Tail);
}

#[test]
fn near_the_receiver_an_ack_counts_when_it_comes_to_the_sender() {
    let mut half = sending();
    let heard = Heard {
        ack: Seq(5001),
        edge: Some(Seq(60_001)),
        closed: false,
    };
    half.is_told(heard, at(2), 40_000_000);
    half.settle(at(2), 2);
    assert_eq!(half.waiting, Waiting::Network);
    half.catch_up(at(41), 3);
    assert_eq!(half.waiting, Waiting::Network);
    half.catch_up(at(100), 4);
    half.settle(at(100), 4);
    assert_eq!(half.waiting, Waiting::Application);
    let shares = half.shares.map(|ns| ns / 1_000_000);
    assert_eq!(shares, [58, 41, 0, 0, 0]);
}

#[test]
fn what_follows_an_ack_at_once_shows_that_there_was_more() {
    for (after, network) in [(0, 20), (9, 0)] {
        let mut half = sending();
        half.short = true;
        half.settle(at(2), 2);
        let network_before = half.shares[Waiting::Network as usize];
        half.settle(at(22), 3);
        half.advanced = Some(at(22));
        half.decide(at(22 + after), 0);
        let network_now = half.shares[Waiting::Network as usize];
        assert_eq!((network_now - network_before) / 1_000_000, network);
    }
}

#[test]
fn a_pace_is_small_enough_to_keep_thousands() {
    let under_way = 2 * crate::explain::heard::MOST * size_of::<(Timestamp, Heard)>();
    assert!(
        size_of::<Pace>() + under_way <= 3072,
        "{}",
        size_of::<Pace>()
    );
}

#[test]
fn a_window_that_opens_by_less_than_a_segment_stands_in_the_way() {
    let mut half = sending();
    (half.una, half.edge) = (Seq(5001), Some(Seq(5501)));
    assert_eq!(half.waits_for(), Waiting::Receiver);
    half.short = true;
    assert_eq!(half.waits_for(), Waiting::Application, "it had no more");
    (half.short, half.edge) = (false, Some(Seq(6001)));
    assert_eq!(half.waits_for(), Waiting::Application, "a segment fits");
}

#[test]
fn silence_that_ends_with_a_loss_was_its_repair() {
    for (lost, shares) in [(true, [0, 300]), (false, [300, 0])] {
        let mut half = sending();
        half.una = Seq(5001);
        half.settle(at(2), 2);
        half.settle(at(302), 3);
        half.explain_silence(lost);
        let of = |waiting: Waiting| half.shares[waiting as usize] / 1_000_000;
        let found = [Waiting::Application, Waiting::Recovery].map(of);
        assert_eq!(found, shares);
    }
}

#[test]
fn a_hole_that_only_something_late_fills_was_no_loss() {
    let mut half = sending();
    (half.recover, half.on_a_hole) = (Some(Seq(5001)), Some(0));
    half.settle(at(11), 11);
    half.settle(at(41), 41);
    assert_eq!(half.shares.map(|ns| ns / 1_000_000), [0, 10, 0, 30, 0]);
    half.was_no_loss();
    assert_eq!(half.shares.map(|ns| ns / 1_000_000), [0, 40, 0, 0, 0]);
    assert_eq!(half.waiting, Waiting::Network);
    // Where more than a hole shows a loss, lateness of something else changes nothing.
    (half.recover, half.on_a_hole) = (Some(Seq(5001)), None);
    half.settle(at(42), 42);
    half.settle(at(52), 52);
    half.was_no_loss();
    assert_eq!(half.shares.map(|ns| ns / 1_000_000), [0, 41, 0, 10, 0]);
}

#[test]
fn percents_make_a_hundred() {
    assert_eq!(percents([1, 1, 1].into_iter()), [34, 33, 33, 0, 0]);
    assert_eq!(
        percents([466, 367, 167].into_iter()),
        [46, 37, 17, 0, 0],
        "the largest remainders are rounded up"
    );
    assert_eq!(percents([].into_iter()), [0; 5]);
    let most = percents([u64::MAX; 5].into_iter());
    assert_eq!(most, [20; 5]);
}
