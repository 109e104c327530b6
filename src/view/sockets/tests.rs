//! The pages of sockets as text.

use super::*;
use crate::sockets::samples::{open, sending, stopped};
use crate::sockets::{Info, Memory, Timer};

fn style(width: u16) -> Style {
    Style {
        width,
        ..Style::default()
    }
}

/// One of everything that can be met.
fn all() -> Vec<Detail> {
    let mut unread = open();
    unread.receive_queue = 37_000;
    unread.info.rcv_wnd = Some(0);
    unread.memory.as_mut().unwrap().received = 150_000;
    let mut lost = sending(14_480, 5_000);
    lost.info.mood = Some("loss");
    lost.info.lost = Some(10);
    lost.info.retrans = Some(1);
    lost.info.total_retrans = Some(3);
    lost.timer = Some(Timer {
        alarm: Alarm::Retransmission,
        left_ms: 803,
        tries: 2,
    });
    let mut listening = open();
    listening.state = TcpState::Listen;
    listening.peer.1 = 0;
    listening.accept_queue = Some((3, 128));
    let mut over = open();
    over.state = TcpState::TimeWait;
    over.owners.clear();
    over.timer = Some(Timer {
        alarm: Alarm::TimeWait,
        left_ms: 41_500,
        tries: 0,
    });
    let mut long = sending(2_896, 0);
    long.local.0 = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().unwrap();
    long.peer.0 = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
    long.state = TcpState::CloseWait;
    vec![
        open(),
        sending(14_480, 12_000),
        stopped(),
        unread,
        lost,
        listening,
        over,
        long,
    ]
}

/// A connection as a kernel of ten years ago tells of it.
fn old() -> Detail {
    let mut it = sending(2_896, 0);
    it.unsent = None;
    it.memory = None;
    let info = std::mem::take(&mut it.info);
    it.info = Info {
        cwnd: info.cwnd,
        snd_mss: info.snd_mss,
        rto_ns: info.rto_ns,
        ..Info::default()
    };
    it
}

#[test]
fn every_page_fits_and_shows_no_control_characters() {
    for width in [80, 160] {
        let mut sockets = all();
        sockets.push(old());
        // Two addresses of 39 characters are shown whole, whatever the width.
        let below = |page: String| page.split_once('\n').map(|it| it.1.to_owned());
        let pages = sockets.iter().map(|it| detail(it, &style(width)));
        let mut pages: Vec<_> = pages.filter_map(below).collect();
        pages.push(overview(&sockets[..7], true, &style(width)));
        for page in pages {
            let fits = |line: &str| text::width(line) <= usize::from(width);
            assert!(page.lines().all(fits), "{width}: {page}");
            assert!(!page.contains('\u{1b}'), "{page}");
        }
    }
}

#[test]
fn without_unicode_all_is_drawn_in_ascii() {
    let style = Style {
        unicode: false,
        ..Style::default()
    };
    let page = detail(&stopped(), &style);
    assert!(page.contains("[++++"), "{page}");
    let drawn = page.chars().filter(|it| !it.is_ascii());
    assert_eq!(drawn.collect::<String>(), "", "{page}");
}

#[test]
fn numbers_at_their_largest_are_no_panic() {
    let mut it = sending(u64::MAX / 16, u64::MAX / 16);
    it.memory = Some(Memory {
        received: u64::MAX,
        receive_limit: 1,
        queued: u64::MAX,
        send_limit: u64::MAX,
        in_card: u64::MAX,
        backlog: u64::MAX,
        drops: u64::MAX,
    });
    it.info.rwnd_limited_ns = Some(u64::MAX);
    it.info.busy_ns = Some(u64::MAX);
    it.info.cwnd = Some(u64::MAX);
    it.info.retrans = Some(u64::MAX);
    let _ = detail(&it, &style(80));
    let _ = json_line(&it, crate::frame::Timestamp::from_nanos(u64::MAX));
}

#[test]
fn a_page_for_each_situation() {
    let pages = all();
    let pages = pages.iter().map(|it| detail(it, &style(80)));
    insta::assert_snapshot!(pages.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_an_older_kernel_does_not_tell() {
    insta::assert_snapshot!(detail(&old(), &style(80)));
}

#[test]
fn a_line_each() {
    insta::assert_snapshot!(
        overview(&all()[..5], true, &style(80)) + &overview(&[], false, &style(80))
    );
}
