//! What the kernels had in mind, and when that is news: the congestion window shrinks, the threshold or
//! the sender's mood is another, the timer is backed off (RFC 5681, RFC 6298 section 5.5).

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::event::{Because, Figures, Host, Reading};
use crate::lab::truth::Sample;

/// Sockets followed at once; what is beyond them tells no news.
const SOCKETS: usize = 4_096;

/// The moods of a sender, by Linux's names (`ca_state`).
const MOODS: [&str; 5] = ["open", "disorder", "cwr", "recovery", "loss"];

/// The latest figures of each socket.
#[derive(Debug, Default)]
pub(super) struct Mind {
    latest: HashMap<(usize, u16, u16), Figures>,
}

impl Mind {
    /// Takes a reading: its figures, and what is new in them.
    pub(super) fn read(&mut self, sample: &Sample, host: Host) -> (Figures, Option<Reading>) {
        let now = figures(sample);
        let socket = (host.index(), sample.port, sample.peer_port);
        if self.latest.len() >= SOCKETS && !self.latest.contains_key(&socket) {
            return (now, None);
        }
        let Some(before) = self.latest.insert(socket, now) else {
            return (now, None);
        };
        let shrunk = before.cwnd.zip(now.cwnd).filter(|(was, is)| is < was);
        let mood_is_new = now.mood.is_some() && now.mood != before.mood.or(Some("open"));
        let reading = Reading {
            host,
            time: sample.time,
            now,
            cwnd_was: shrunk.map(|(was, _)| was),
            ssthresh_is_new: now.ssthresh.is_some() && now.ssthresh != before.ssthresh,
            // All is well is no news where nothing was said before.
            mood_is_new,
            backed_off: now.backoff.unwrap_or(0) > before.backoff.unwrap_or(0),
            rto_is_new: now.rto_ns > before.rto_ns,
            because: because(&now, shrunk.is_some(), mood_is_new),
        };
        let news = reading.cwnd_was.is_some()
            || reading.ssthresh_is_new
            || reading.mood_is_new
            || reading.backed_off;
        (now, news.then_some(reading))
    }
}

/// Why the window is what it is now; `None` where the figures don't tell.
fn because(now: &Figures, shrunk: bool, mood_is_new: bool) -> Option<Because> {
    let below = now.cwnd.zip(now.ssthresh).map(|(is, at)| is.cmp(&at));
    match (now.mood?, shrunk) {
        ("disorder", false) if mood_is_new => Some(Because::Doubt),
        ("loss", true) if mood_is_new => Some(Because::Timeout),
        // The window is what is on its way and what may follow at once.
        ("recovery", true) if now.cwnd < now.pipe => None,
        ("recovery", true) if below == Some(Ordering::Less) => Some(Because::FewLeft),
        ("recovery", true) => Some(Because::Down),
        ("cwr", true) => Some(Because::Told),
        ("open", _) if mood_is_new && below == Some(Ordering::Equal) => Some(Because::Over),
        ("open", true) if !mood_is_new => Some(Because::Unused),
        _ => None,
    }
}

/// The figures of a reading.
pub fn figures(sample: &Sample) -> Figures {
    let mood = sample.ca_state.as_deref();
    Figures {
        cwnd: sample.cwnd,
        ssthresh: sample.ssthresh,
        mss: sample.snd_mss,
        unacked: sample.unacked,
        pipe: pipe(sample),
        rcv_wnd: sample.rcv_wnd,
        mood: mood.and_then(|mood| MOODS.into_iter().find(|known| *known == mood)),
        backoff: sample.backoff,
        rto_ns: sample.rto_ns,
        send_queue: sample.send_queue,
        recv_queue: sample.recv_queue,
    }
}

/// As Linux counts it (`tcp_packets_in_flight`).
fn pipe(sample: &Sample) -> Option<u32> {
    let left = sample.sacked?.saturating_add(sample.lost?);
    let on_the_way = sample.unacked?.saturating_sub(left);
    Some(on_the_way.saturating_add(sample.retrans?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_no_news_and_a_loss_is() {
        let mut mind = Mind::default();
        let mut read = |cwnd, ssthresh, mood: &str| {
            let sample = Sample {
                cwnd: Some(cwnd),
                ssthresh,
                ca_state: Some(mood.to_owned()),
                ..Sample::default()
            };
            mind.read(&sample, Host::Client).1
        };
        assert_eq!(read(10, None, "open"), None);
        assert_eq!(read(11, None, "open"), None);
        let news = read(5, Some(5), "recovery").unwrap();
        assert_eq!((news.cwnd_was, news.now.cwnd), (Some(11), Some(5)));
        assert!(news.ssthresh_is_new && news.mood_is_new && !news.backed_off);
        assert_eq!(read(6, Some(5), "recovery"), None);
    }

    #[test]
    fn a_window_shrinks_for_different_reasons() {
        let mut mind = Mind::default();
        let mut read = |cwnd, ssthresh, out, mood: &str| {
            let sample = Sample {
                cwnd: Some(cwnd),
                ssthresh,
                ca_state: Some(mood.to_owned()),
                unacked: Some(out),
                sacked: Some(0),
                lost: Some(0),
                retrans: Some(0),
                ..Sample::default()
            };
            mind.read(&sample, Host::Client)
                .1
                .and_then(|news| news.because)
        };
        assert_eq!(read(10, None, 10, "open"), None);
        assert_eq!(read(10, None, 10, "disorder"), Some(Because::Doubt));
        assert_eq!(read(9, Some(5), 9, "recovery"), Some(Because::Down));
        assert_eq!(read(3, Some(5), 3, "recovery"), Some(Because::FewLeft));
        assert_eq!(
            read(2, Some(5), 3, "recovery"),
            None,
            "the figures don't say"
        );
        assert_eq!(read(5, Some(5), 0, "open"), Some(Because::Over));
        assert_eq!(read(1, Some(2), 1, "loss"), Some(Because::Timeout));
        assert_eq!(read(20, Some(2), 1, "open"), None, "it was none");
        assert_eq!(read(15, Some(2), 1, "open"), Some(Because::Unused));
        assert_eq!(read(14, Some(7), 14, "cwr"), Some(Because::Told));
    }
}
