//! Statistics that every segment changes, kept small; the rare ones are in [`super::rare`].

use crate::event::Summary;
use crate::frame::Timestamp;

/// What is counted of every segment of a side. See [`crate::event::Stats`] for what each figure means.
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
    pub(super) initial_window_bytes: u32,
    pub(super) initial_window_packets: u16,
    pub(super) syns: u16,
    pub(super) fins: u16,
    pub(super) resets: u16,
    /// Duplicate ACKs in a row that it has received.
    pub(super) dup_acks: u32,
}
