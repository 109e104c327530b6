//! `struct tcp_info` of `linux/tcp.h`: where each number stands. It has grown over the years and only at
//! its end, so what an older kernel's does not reach is not known.

use crate::event::TcpState;
use crate::lab::truth::Sample;

/// Where a number stands: offset and length in bytes; and what puts it, as the kernel gives it, to where
/// it belongs.
pub(in crate::io) type Place<T> = (usize, usize, fn(&mut T, u64));

#[rustfmt::skip] // a table reads best as one
const LAYOUT: &[Place<Sample>] = &[
    (1, 1, |s, n| s.ca_state = CA_STATES.get(n as usize).map(|&name| name.to_owned())),
    (4, 1, |s, n| s.backoff = Some(n as u32)),
    (8, 4, |s, n| s.rto_ns = Some(micros(n))),
    (16, 4, |s, n| s.snd_mss = Some(n as u32)),
    (24, 4, |s, n| s.unacked = Some(n as u32)),
    (28, 4, |s, n| s.sacked = Some(n as u32)),
    (32, 4, |s, n| s.lost = Some(n as u32)),
    (36, 4, |s, n| s.retrans = Some(n as u32)),
    // Zero until there is a first measurement, and then never.
    (68, 4, |s, n| s.srtt_ns = (n != 0).then(|| micros(n))),
    (72, 4, |s, n| s.rttvar_ns = s.srtt_ns.map(|_| micros(n))),
    (76, 4, |s, n| s.ssthresh = (n < NO_THRESHOLD).then_some(n as u32)),
    (80, 4, |s, n| s.cwnd = Some(n as u32)),
    (100, 4, |s, n| s.total_retrans = Some(n as u32)),
    (168, 8, |s, n| s.busy_ns = Some(micros(n))),
    (176, 8, |s, n| s.rwnd_limited_ns = Some(micros(n))),
    (184, 8, |s, n| s.sndbuf_limited_ns = Some(micros(n))),
    (228, 4, |s, n| s.snd_wnd = Some(n as u32)),
    (232, 4, |s, n| s.rcv_wnd = Some(n as u32)),
];

/// What the sender is doing, by number (`enum tcp_ca_state`).
pub(in crate::io) const CA_STATES: [&str; 5] = ["open", "disorder", "cwr", "recovery", "loss"];

/// The slow start threshold of who has none yet (`TCP_INFINITE_SSTHRESH`).
pub(in crate::io) const NO_THRESHOLD: u64 = 0x7fff_ffff;

/// Reads as much of `struct tcp_info` as is there.
pub(in crate::io) fn read(info: &[u8], sample: &mut Sample) {
    fill(info, LAYOUT, sample);
}

/// Reads the numbers of a table, as far as they are there.
pub(in crate::io) fn fill<T>(info: &[u8], layout: &[Place<T>], into: &mut T) {
    for &(offset, len, put) in layout {
        let Some(bytes) = info.get(offset..).and_then(|from| from.get(..len)) else {
            continue;
        };
        let number = match *bytes {
            [byte] => byte.into(),
            [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
            _ => match bytes.first_chunk() {
                Some(bytes) => u64::from_ne_bytes(*bytes),
                None => continue,
            },
        };
        put(into, number);
    }
}

/// The state of that number in `net/tcp_states.h`.
pub(in crate::io) const fn state(number: u8) -> Option<TcpState> {
    Some(match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        // 12 is a connection request that has no socket of its own yet.
        3 | 12 => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        // 13 is bound to a port, and no more.
        7 | 13 => TcpState::Closed,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => return None,
    })
}

/// Microseconds in nanoseconds.
pub(in crate::io) const fn micros(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_unknown_is_not_a_number() {
        let mut info = vec![0; 248];
        info[76..80].copy_from_slice(&0x7fff_ffff_u32.to_ne_bytes());
        info[1] = 9;
        let mut sample = Sample::default();
        read(&info, &mut sample);
        assert_eq!((sample.ssthresh, sample.ca_state.take()), (None, None));
        assert_eq!((sample.srtt_ns, sample.rttvar_ns), (None, None));
        assert_eq!((sample.cwnd, sample.rcv_wnd), (Some(0), Some(0)));
        info[68] = 3;
        info[72] = 4;
        read(&info, &mut sample);
        assert_eq!((sample.srtt_ns, sample.rttvar_ns), (Some(3000), Some(4000)));
    }

    /// Against libc's own picture of the structure, as far as that goes.
    #[test]
    fn places_are_those_of_the_header_file() {
        use libc::tcp_info;
        use std::mem::offset_of;

        let mut info = vec![0; 248];
        let places = [
            offset_of!(tcp_info, tcpi_unacked),
            offset_of!(tcp_info, tcpi_sacked),
            offset_of!(tcp_info, tcpi_lost),
            offset_of!(tcp_info, tcpi_retrans),
            offset_of!(tcp_info, tcpi_snd_ssthresh),
            offset_of!(tcp_info, tcpi_snd_cwnd),
            offset_of!(tcp_info, tcpi_total_retrans),
        ];
        for (number, place) in (1_u32..).zip(places) {
            info[place..place + 4].copy_from_slice(&number.to_ne_bytes());
        }
        let mut sample = Sample::default();
        read(&info, &mut sample);
        let read = [
            sample.unacked,
            sample.sacked,
            sample.lost,
            sample.retrans,
            sample.ssthresh,
            sample.cwnd,
            sample.total_retrans,
        ];
        assert_eq!(read, [1, 2, 3, 4, 5, 6, 7].map(Some));
    }
}
