//! Statistics that every segment changes, kept small; the rare ones are in [`super::rare`].

use super::half::Half;
use crate::event::{Stats, Summary};
use crate::frame::Timestamp;

/// What is counted of every segment of a side. See [`Stats`] for what each figure means.
#[repr(C)]
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub(super) packets: u32,
    pub(super) acks: u32,
    pub(super) pure_acks: u32,
    pub(super) min_window: u32,
    pub(super) max_window: u32,
    pub(super) window_count: u32,
    pub(super) window_sum: u64,
    pub(super) max_idle_ns: u64,
    pub(super) outstanding_time: Timestamp,
    pub(super) outstanding_ns_sum: f64,
    pub(super) last_outstanding: u32,
    pub(super) max_outstanding: u32,
    pub(super) min_outstanding: u32,
    pub(super) data_packets: u32,
    pub(super) outstanding_sum: u64,
    pub(super) data_bytes: u64,
    pub(super) unique_bytes: u64,
    pub(super) max_segment: u32,
    pub(super) min_segment: u32,
    pub(super) pushed: u32,
    pub(super) cumulatively_acked: u32,
    pub(super) last_data_time: Timestamp,
    pub(super) first_data_time: Timestamp,
    /// Round-trip samples.
    pub rtt: Summary,
    pub(super) rtt_handshake_ns: u64,
    pub(super) initial_window_packets: u16,
    pub(super) initial_window_bytes: u32,
    pub(super) syns: u16,
    pub(super) fins: u16,
    pub(super) resets: u16,
}

impl Half {
    /// All statistics of this side in one.
    pub fn stats(&self) -> Stats {
        let c = &self.counts;
        let mut stats = Stats::default();
        if let Some(rare) = self.rare() {
            rare.fill_in(&mut stats);
        }
        stats.packets = c.packets;
        stats.acks = c.acks;
        stats.pure_acks = c.pure_acks;
        (stats.min_window, stats.max_window) = (c.min_window, c.max_window);
        (stats.window_sum, stats.window_count) = (c.window_sum, c.window_count);
        stats.max_idle_ns = c.max_idle_ns;
        stats.outstanding_ns_sum = c.outstanding_ns_sum;
        (stats.max_outstanding, stats.min_outstanding) = (c.max_outstanding, c.min_outstanding);
        stats.outstanding_sum = c.outstanding_sum;
        (stats.data_packets, stats.data_bytes) = (c.data_packets, c.data_bytes);
        stats.unique_bytes = c.unique_bytes;
        (stats.max_segment, stats.min_segment) = (c.max_segment, c.min_segment);
        (stats.pushed, stats.cumulatively_acked) = (c.pushed, c.cumulatively_acked);
        stats.data_time_ns = c.last_data_time.nanos_since(c.first_data_time);
        stats.rtt = c.rtt;
        stats.rtt_full = self.rtt_full.as_deref().copied().unwrap_or_default();
        stats.rtt_handshake_ns = (c.rtt_handshake_ns > 0).then_some(c.rtt_handshake_ns);
        stats.initial_window_packets = u32::from(c.initial_window_packets);
        stats.initial_window_bytes = u64::from(c.initial_window_bytes);
        (stats.syns, stats.fins) = (u32::from(c.syns), u32::from(c.fins));
        stats.resets = u32::from(c.resets);
        (stats.mss, stats.wscale) = (self.offer.mss, self.offer.wscale);
        (stats.sack_permitted, stats.timestamps) =
            (self.offer.sack_permitted, self.offer.timestamps);
        if self.known() {
            let fin = u32::from(self.fin.is_some_and(|fin| self.nxt.after(fin)));
            let span = self.nxt.offset_from(self.base.plus(1)).saturating_sub(fin);
            // The difference of two numbers wraps at 4 GiB; the count of bytes does not.
            let counted = stats.unique_bytes + stats.missed_bytes;
            let wrapped = counted > u64::from(u32::MAX);
            stats.stream_length = if wrapped { counted } else { u64::from(span) };
        }
        stats
    }
}
