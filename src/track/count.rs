//! Counting: the statistics of each direction, Zeek's history letters and tshark's completeness.

use super::connection::Connection;
use super::half::Half;
use super::observation::{Facts, Observation};
use crate::decode::Tcp;
use crate::event::Side;

/// Zeek's letters, by the bit that remembers that a side has had one.
const LETTERS: &[u8; 11] = b"shadfrctwg^";

impl Connection {
    /// Counts the segment.
    pub(super) fn count(&mut self, o: &Observation, tcp: &Tcp<'_>) {
        let (sender, receiver) = self.pair(o.side);
        if sender.stats.packets > 0 {
            sender.stats.max_idle_ns = sender.stats.max_idle_ns.max(sender.idle_ns(o.time));
        }
        (sender.last_time, sender.last_frame) = (o.time, o.frame);
        let stats = &mut sender.stats;
        stats.packets += 1;
        if o.facts.any(Facts::CAPTURED_TWICE) {
            stats.capture_duplicates += 1;
            return;
        }
        if o.facts.any(Facts::BAD_CHECKSUM) {
            stats.bad_checksums += 1;
            self.letter(o.side, b'c');
            return;
        }
        flags(o, sender);
        options(o, sender);
        window(o, sender);
        if o.len > 0 {
            data(o, tcp, sender);
        }
        outstanding(o, sender);
        if o.newly_acked > 0 {
            outstanding(o, receiver);
        }
        self.letters(o);
    }

    /// Zeek's history and tshark's completeness.
    fn letters(&mut self, o: &Observation) {
        let f = o.flags;
        let pure_ack = f.ack() && !f.syn() && !f.fin() && !f.rst() && o.len == 0;
        let seen = [
            (f.syn() && !f.ack(), b's', 1),
            (f.syn() && f.ack(), b'h', 2),
            (pure_ack, b'a', 4),
            (o.len > 0, b'd', 8),
            (o.facts.any(Facts::RESENT), b't', 0),
            (o.facts.any(Facts::OPENED_HOLE), b'g', 0),
            (o.facts.any(Facts::ZERO_WINDOW), b'w', 0),
            (f.fin(), b'f', 16),
            (f.rst(), b'r', 32),
        ];
        for (is, letter, bit) in seen {
            if is {
                self.completeness |= bit;
                self.letter(o.side, letter);
            }
        }
    }

    fn letter(&mut self, side: Side, letter: u8) {
        let bit = LETTERS
            .iter()
            .position(|&l| l == letter)
            .map_or(0, |at| 1 << at);
        let (half, _) = self.pair(side);
        if half.letters & bit == 0 {
            half.letters |= bit;
            let letter = if side == Side::Initiator {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            let _ = self.history.try_push(letter);
        }
    }
}

fn flags(o: &Observation, sender: &mut Half) {
    let (f, stats) = (o.flags, &mut sender.stats);
    stats.resets += u32::from(f.rst());
    stats.acks += u32::from(f.ack());
    stats.pure_acks += u32::from(f.ack() && !f.syn() && !f.fin() && !f.rst() && o.len == 0);
    stats.syns += u32::from(f.syn());
    stats.fins += u32::from(f.fin());
}

fn options(o: &Observation, sender: &mut Half) {
    let blocks = o.options.sack.as_slice().len();
    if blocks > 0 {
        let stats = &mut sender.stats;
        stats.sacks += 1;
        stats.dsacks += u32::from(o.dsack.is_some());
        stats.max_sack_blocks = stats.max_sack_blocks.max(blocks as u8);
    }
}

fn window(o: &Observation, sender: &mut Half) {
    if o.flags.rst() {
        return;
    }
    let (window, stats) = (o.window.unwrap_or(u32::from(o.field)), &mut sender.stats);
    stats.min_window = if stats.window_count == 0 {
        window
    } else {
        stats.min_window.min(window)
    };
    stats.max_window = stats.max_window.max(window);
    stats.zero_windows += u32::from(o.facts.any(Facts::ZERO_WINDOW));
    stats.window_sum += u64::from(window);
    stats.window_count += 1;
}

fn data(o: &Observation, tcp: &Tcp<'_>, sender: &mut Half) {
    let first = *sender.first_data_time.get_or_insert(o.time);
    let (acked_data, first_byte) = (
        sender.una.from(sender.base) > 1,
        sender.stats.data_bytes == 0,
    );
    let (len, stats) = (o.len, &mut sender.stats);
    // SYN and FIN are in `new` and `resent` too, where they apply.
    let phantom = u32::from(o.flags.syn()) + u32::from(o.flags.fin());
    let new = o.new.saturating_sub(phantom).min(len);
    stats.data_packets += 1;
    stats.data_bytes += u64::from(len);
    stats.unique_bytes += u64::from(new);
    if first_byte || !acked_data {
        stats.initial_window_packets += 1;
        stats.initial_window_bytes += u64::from(len);
    }
    if o.facts.any(Facts::RESENT) {
        let again = o.resent.min(len);
        stats.retransmitted_packets += 1;
        stats.retransmitted_bytes += u64::from(again);
        if let Some(original) = &o.original {
            stats.max_retransmissions = stats
                .max_retransmissions
                .max(original.resent.saturating_add(1));
            stats
                .retransmission_time
                .add(o.time.nanos_since(original.last_time));
        }
    }
    stats.out_of_order_packets += u32::from(o.facts.any(Facts::FILLED));
    if o.probe.is_some() {
        stats.probe_packets += 1;
        stats.probe_bytes += u64::from(len);
    }
    stats.pushed += u32::from(o.flags.psh());
    if o.flags.urg() {
        stats.urgent_packets += 1;
        stats.urgent_bytes += u64::from(tcp.urgent).min(u64::from(len));
    }
    let cut = u64::from(len).saturating_sub(tcp.payload.len() as u64);
    stats.truncated_packets += u32::from(cut > 0);
    stats.truncated_bytes += cut;
    stats.min_segment = if stats.max_segment == 0 {
        len
    } else {
        stats.min_segment.min(len)
    };
    stats.max_segment = stats.max_segment.max(len);
    stats.data_time_ns = o.time.nanos_since(first);
}

/// Keeps the outstanding amount, and its time-weighted sum, of the half whose amount may have changed.
fn outstanding(o: &Observation, half: &mut Half) {
    let bytes = half.outstanding_bytes();
    let since = o.time.nanos_since(half.outstanding_time);
    half.stats.outstanding_ns_sum += f64::from(half.last_outstanding) * since as f64;
    (half.outstanding_time, half.last_outstanding) = (half.outstanding_time.max(o.time), bytes);
    if bytes > 0 && o.len > 0 {
        let stats = &mut half.stats;
        stats.max_outstanding = stats.max_outstanding.max(bytes);
        stats.min_outstanding = if stats.min_outstanding == 0 {
            bytes
        } else {
            stats.min_outstanding.min(bytes)
        };
        stats.outstanding_sum += u64::from(bytes);
    }
}
