//! A connection that is watched while its program talks.

use super::Detail;

/// Both ends of a connection at one moment, as far as this machine's kernel has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What its program calls it: `#1`; empty for an only one.
    pub name: String,
    /// The program's own end.
    pub near: Detail,
    /// The other end, where it is on this machine too.
    pub far: Option<Detail>,
}

impl Watched {
    /// Whether nothing has changed since `before` that is worth another look: clocks and measured times go on
    /// while nothing happens.
    pub fn is_as(&self, before: &Self) -> bool {
        let seen = |it: &Detail| {
            (
                (it.state, it.receive_queue, it.send_queue, it.unsent),
                (it.info.snd_wnd, it.info.rcv_wnd),
                (it.info.cwnd, it.info.ssthresh, it.in_flight()),
                (it.info.mood, it.info.total_retrans, it.is_full()),
            )
        };
        seen(&self.near) == seen(&before.near)
            && self.far.as_ref().map(|it| it.receive_queue)
                == before.far.as_ref().map(|it| it.receive_queue)
    }
}
