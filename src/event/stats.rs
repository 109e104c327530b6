//! Per-direction statistics: everything `tcptrace -l -r` reports, and what it cannot.

/// Minimum, maximum, mean and deviation of a stream of samples, in constant space (Welford).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of samples.
    pub count: u32,
    /// Smallest sample; 0 without samples.
    pub min: u64,
    /// Largest sample; 0 without samples.
    pub max: u64,
    mean: f64,
    squares: f64,
}

impl Summary {
    /// Takes one more sample.
    pub fn add(&mut self, sample: u64) {
        self.min = if self.count == 0 {
            sample
        } else {
            self.min.min(sample)
        };
        self.max = self.max.max(sample);
        self.count = self.count.saturating_add(1);
        let value = sample as f64;
        let delta = value - self.mean;
        self.mean += delta / f64::from(self.count);
        self.squares += delta * (value - self.mean);
    }

    /// The mean; `None` without samples.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The sample standard deviation (n - 1); `None` with fewer than two samples.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / f64::from(self.count - 1)).sqrt())
    }
}

/// What one side of a connection sent, and what its data met with.
///
/// Bytes are payload bytes unless the name says otherwise; times are nanoseconds. "Its" is the side
/// that sent the packets counted here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Segments sent.
    pub packets: u32,
    /// Segments with RST.
    pub resets: u32,
    /// Segments with ACK.
    pub acks: u32,
    /// Segments that are nothing but an ACK.
    pub pure_acks: u32,
    /// Segments with at least one SACK block.
    pub sacks: u32,
    /// Segments whose first SACK block is a D-SACK (RFC 2883).
    pub dsacks: u32,
    /// Most SACK blocks in one segment.
    pub max_sack_blocks: u8,
    /// Segments with SYN.
    pub syns: u32,
    /// Segments with FIN.
    pub fins: u32,
    /// Segments with payload and PSH.
    pub pushed: u32,
    /// Segments with payload and URG.
    pub urgent_packets: u32,
    /// Urgent bytes, summed over those segments.
    pub urgent_bytes: u64,
    /// Segments with payload.
    pub data_packets: u32,
    /// Payload bytes, counting what was sent again.
    pub data_bytes: u64,
    /// Payload bytes seen for the first time.
    pub unique_bytes: u64,
    /// Segments with payload bytes sent before.
    pub retransmitted_packets: u32,
    /// Payload bytes sent before.
    pub retransmitted_bytes: u64,
    /// Segments judged to be zero-window probes, empty ones too.
    pub probe_packets: u32,
    /// Payload bytes in those.
    pub probe_bytes: u64,
    /// Segments with first-seen bytes that come after later ones.
    pub out_of_order_packets: u32,
    /// Packets captured twice.
    pub capture_duplicates: u32,
    /// Segments whose checksum is wrong.
    pub bad_checksums: u32,
    /// Largest payload; 0 without data.
    pub max_segment: u32,
    /// Smallest payload that is not empty; 0 without data.
    pub min_segment: u32,
    /// Largest window advertised, bytes (scaled where known; SYNs count unscaled).
    pub max_window: u32,
    /// Smallest window advertised; `u32::MAX` before the first.
    pub min_window: u32,
    /// Segments that advertise a window of zero.
    pub zero_windows: u32,
    /// Sum of all advertised windows, for the average.
    pub window_sum: u64,
    /// Segments in that sum (an RST's window says nothing).
    pub window_count: u32,
    /// Payload bytes sent before the first acknowledgment of any payload; 0 without the SYN.
    pub initial_window_bytes: u64,
    /// Segments with payload until then.
    pub initial_window_packets: u32,
    /// Bytes from the first to the last sequence number of the payload stream.
    pub stream_length: u64,
    /// Bytes of that stream the capture never held: not seen at all.
    pub missed_bytes: u64,
    /// Payload bytes cut off by the capture's snap length.
    pub truncated_bytes: u64,
    /// Segments with such a cut.
    pub truncated_packets: u32,
    /// From the first to the last segment with payload.
    pub data_time_ns: u64,
    /// Longest time between two segments of this side.
    pub max_idle_ns: u64,
    /// Largest amount outstanding: sent and not acknowledged, SACKed or not.
    pub max_outstanding: u32,
    /// Smallest amount outstanding that is not zero; 0 if there never was any.
    pub min_outstanding: u32,
    /// Sum of the outstanding amount after each segment that carried data.
    pub outstanding_sum: u64,
    /// Outstanding bytes times nanoseconds, for the time-weighted average.
    pub outstanding_ns_sum: f64,
    /// Round-trip samples, nanoseconds: this side's data, the other's ACK.
    pub rtt: Summary,
    /// The same of full-size segments only.
    pub rtt_full: Summary,
    /// RTT from this side's SYN to its acknowledgment, if seen once and unambiguously.
    pub rtt_handshake_ns: Option<u64>,
    /// Acknowledgments of data that had been sent more than once: no sample (Karn).
    pub ambiguous_acks: u32,
    /// Segments acknowledged together with a later one.
    pub cumulatively_acked: u32,
    /// First ACKs after a loss that cover recovered data.
    pub post_loss_acks: u32,
    /// Duplicate ACKs sent by the *other* side for this side's data (RFC 5681).
    pub duplicate_acks: u32,
    /// How often those reached three in a row.
    pub triple_duplicate_acks: u32,
    /// Most often that one segment was sent again.
    pub max_retransmissions: u8,
    /// Time from one sending of a segment to the next.
    pub retransmission_time: Summary,
    /// MSS offered, 0 without the option.
    pub mss: u16,
    /// Window scale offered.
    pub wscale: Option<u8>,
    /// Where no SYN tells the scale in force: the least that explains what the other side sent; 14 is the
    /// most there is (RFC 7323 section 2.3).
    pub least_wscale: Option<u8>,
    /// What shows that, where it is more than 0.
    pub least_wscale_by: Option<ScaleProof>,
    /// The scale that was said to be in force, where no SYN tells.
    pub assumed_wscale: Option<u8>,
    /// Whether SACK-permitted was offered.
    pub sack_permitted: bool,
    /// Whether timestamps were offered.
    pub timestamps: bool,
}

/// What shows how large the scale of a side's windows is at least, where no SYN tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleProof {
    /// The frame after which so much was outstanding.
    pub frame: u64,
    /// Bytes outstanding towards the side.
    pub outstanding: u32,
    /// The largest window field that it had sent by then.
    pub field: u32,
}

impl Stats {
    /// Mean payload of the segments that carry some.
    pub fn average_segment(&self) -> Option<f64> {
        (self.data_packets > 0).then(|| self.data_bytes as f64 / f64::from(self.data_packets))
    }

    /// The scale that was said to be in force, the least that can be, and what shows that, where the first is too small.
    pub fn refuted_scale(&self) -> Option<(u8, u8, ScaleProof)> {
        let (assumed, least) = (self.assumed_wscale?, self.least_wscale?);
        (assumed < least).then_some((assumed, least, self.least_wscale_by?))
    }

    /// Mean advertised window in bytes.
    pub fn average_window(&self) -> Option<f64> {
        (self.window_count > 0).then(|| self.window_sum as f64 / f64::from(self.window_count))
    }

    /// Mean outstanding amount over the segments with data.
    pub fn average_outstanding(&self) -> Option<f64> {
        (self.data_packets > 0).then(|| self.outstanding_sum as f64 / f64::from(self.data_packets))
    }

    /// Outstanding amount averaged over the time the connection lasted.
    pub fn weighted_outstanding(&self, duration_ns: u64) -> Option<f64> {
        (duration_ns > 0).then(|| self.outstanding_ns_sum / duration_ns as f64)
    }

    /// Unique payload bytes a second over the connection's duration.
    pub fn throughput(&self, duration_ns: u64) -> Option<f64> {
        (duration_ns > 0).then(|| self.unique_bytes as f64 * 1e9 / duration_ns as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_agrees_with_the_textbook_formulas() {
        let mut summary = Summary::default();
        assert_eq!((summary.mean(), summary.deviation()), (None, None));
        for sample in [2, 4, 4, 4, 5, 5, 7, 9] {
            summary.add(sample);
        }
        assert_eq!((summary.count, summary.min, summary.max), (8, 2, 9));
        assert!((summary.mean().unwrap() - 5.0).abs() < 1e-12);
        assert!((summary.deviation().unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
    }
}
