//! Counting: the statistics of each direction, Zeek's history letters and tshark's completeness.

use super::Probe;
use super::asked::SILENCE_NS;
use super::connection::Connection;
use super::half::{Base, Half};
use super::observation::{Facts, Observation};
use super::predicted::Said;
use super::sent::Sent;
use crate::decode::Tcp;
use crate::event::Side;
use crate::frame::Timestamp;

// The bits of the history's letters.
const SYN: u16 = 1;
const SYN_ACK: u16 = 1 << 1;
const ACK: u16 = 1 << 2;
const DATA: u16 = 1 << 3;
const FIN: u16 = 1 << 4;
const RST: u16 = 1 << 5;
const CHECKSUM: u16 = 1 << 6;
const RESENT: u16 = 1 << 7;
const GAP: u16 = 1 << 8;
const ZERO_WINDOW: u16 = 1 << 9;
/// The first six bits are also tshark's `tcp.completeness`.
const COMPLETENESS: u16 = SYN | SYN_ACK | ACK | DATA | FIN | RST;

impl Connection {
    /// Counts the segment.
    pub(super) fn count(&mut self, o: &Observation, tcp: &Tcp<'_>) {
        self.idle(o);
        let (sender, receiver) = self.pair(o.side);
        (sender.last_time, sender.last_frame) = (o.time, o.frame);
        sender.counts.packets += 1;
        if o.facts.any(Facts::CAPTURED_TWICE) {
            sender.rare_mut().counts.capture_duplicates += 1;
            return;
        }
        if o.facts.any(Facts::BAD_CHECKSUM) {
            sender.rare_mut().counts.bad_checksums += 1;
            self.letters(o.side, CHECKSUM);
            return;
        }
        flags(o, sender);
        if !o.flags.rst() {
            sender.count_window(o.window.unwrap_or(u32::from(o.field)));
        }
        if o.facts.any(Facts::ZERO_WINDOW) {
            sender.rare_mut().counts.zero_windows += 1;
        }
        if o.len > 0 {
            data(o, sender);
            let cut = u64::from(o.len).saturating_sub(tcp.payload.len() as u64);
            let odd = Facts::RESENT.and(Facts::FILLED);
            if o.facts.any(odd) || o.flags.urg() || cut > 0 {
                odd_data(o, tcp, sender, cut);
            }
        }
        if o.probe == Some(Probe::ZeroWindow) {
            let stats = &mut sender.rare_mut().counts;
            stats.probe_packets += 1;
            stats.probe_bytes += u64::from(o.len);
        }
        if let Some(original) = o.original.filter(|_| o.facts.any(Facts::RESENT)) {
            sent_again(o, &original, sender);
        }
        sender.count_outstanding(o.time, o.len);
        if o.newly_acked > 0 {
            receiver.count_outstanding(o.time, o.len);
        }
        // A content gap is what was acknowledged and never seen: until then it may only be late.
        let gap = o.newly_acked > 0
            && receiver
                .rare()
                .is_some_and(|rare| rare.holes.any_before(receiver.una));
        self.letters(o.side, letters(o));
        if gap {
            self.letters(o.side.other(), GAP);
        }
    }

    /// The same for a segment that has nothing but ACK, and perhaps payload, and about which nothing is odd.
    #[expect(
        clippy::inline_always,
        reason = "every segment comes this way, and what is not asked for is left out"
    )]
    #[inline(always)]
    pub(super) fn count_plain(
        &mut self,
        said: &Said<'_>,
        side: Side,
        window: u32,
        newly_acked: bool,
    ) {
        let (sender, receiver) = self.pair(side);
        let (time, len) = (said.time(), said.len());
        if sender.counts.packets > 0 {
            sender.counts.max_idle_ns = sender.counts.max_idle_ns.max(sender.idle_ns(time));
        }
        (sender.last_time, sender.last_frame) = (time, said.frame());
        sender.counts.packets += 1;
        sender.counts.acks += 1;
        sender.counts.pure_acks += u32::from(len == 0);
        sender.count_window(window);
        if len > 0 {
            sender.count_data(time, len, len, said.pushes());
        }
        sender.count_outstanding(time, len);
        if newly_acked {
            receiver.count_outstanding(time, len);
        }
        self.letters(side, if len > 0 { DATA } else { ACK });
    }

    /// Counts the time since its sender sent anything.
    #[inline]
    fn idle(&mut self, o: &Observation) {
        self.habits.set_resumed(o.side, false);
        let (sender, _) = self.pair(o.side);
        if sender.counts.packets > 0 {
            let idle_ns = sender.idle_ns(o.time);
            sender.counts.max_idle_ns = sender.counts.max_idle_ns.max(idle_ns);
            if idle_ns > SILENCE_NS && o.len > 0 {
                self.after_silence(o, idle_ns);
            }
        }
    }

    /// Zeek's history: each letter once a side; and tshark's completeness.
    #[inline]
    fn letters(&mut self, side: Side, now: u16) {
        self.completeness |= (now & COMPLETENESS) as u8;
        let (half, _) = self.pair(side);
        let fresh = now & !half.letters;
        if fresh == 0 {
            return;
        }
        self.write_letters(side, fresh);
    }

    #[cold]
    fn write_letters(&mut self, side: Side, fresh: u16) {
        let (half, _) = self.pair(side);
        half.letters |= fresh;
        self.history.add(side, fresh);
    }
}

/// What the segment adds to the history.
fn letters(o: &Observation) -> u16 {
    let (f, data) = (o.flags, o.len > 0);
    let bare = f.ack() && !f.syn() && !f.fin() && !f.rst() && !data;
    let pick = |is: bool, letter: u16| if is { letter } else { 0 };
    pick(f.syn() && !f.ack(), SYN)
        | pick(f.syn() && f.ack(), SYN_ACK)
        | pick(bare, ACK)
        | pick(data, DATA)
        | pick(f.fin(), FIN)
        | pick(f.rst(), RST)
        | pick(o.facts.any(Facts::RESENT), RESENT)
        | pick(o.facts.any(Facts::ZERO_WINDOW), ZERO_WINDOW)
}

fn flags(o: &Observation, sender: &mut Half) {
    let (f, counts) = (o.flags, &mut sender.counts);
    counts.acks += u32::from(f.ack());
    counts.pure_acks += u32::from(f.ack() && !f.syn() && !f.fin() && !f.rst() && o.len == 0);
    if f.syn() || f.fin() || f.rst() {
        counts.resets = counts.resets.saturating_add(u16::from(f.rst()));
        counts.syns = counts.syns.saturating_add(u16::from(f.syn()));
        counts.fins = counts.fins.saturating_add(u16::from(f.fin()));
    }
    let blocks = o.options.sack.as_slice().len();
    if blocks > 0 {
        let stats = &mut sender.rare_mut().counts;
        stats.sacks += 1;
        stats.dsacks += u32::from(o.dsack.is_some());
        stats.max_sack_blocks = stats.max_sack_blocks.max(blocks as u8);
    }
}

fn data(o: &Observation, sender: &mut Half) {
    // SYN and FIN are in `new` and `resent` too, where they apply.
    let phantom = u32::from(o.flags.syn()) + u32::from(o.flags.fin());
    let fresh = o.new.saturating_sub(phantom).min(o.len);
    sender.count_data(o.time, o.len, fresh, o.flags.psh());
}

/// A segment, with data or SYN or FIN alone, that is sent again.
fn sent_again(o: &Observation, original: &Sent, sender: &mut Half) {
    let stats = &mut sender.rare_mut().counts;
    let again = original.resent.saturating_add(1);
    stats.max_retransmissions = stats.max_retransmissions.max(again);
    stats
        .retransmission_time
        .add(o.time.nanos_since(original.last_time));
}

/// Data that was sent again, came late, is urgent, or was cut short by the capture.
fn odd_data(o: &Observation, tcp: &Tcp<'_>, sender: &mut Half, cut: u64) {
    let (len, stats) = (o.len, &mut sender.rare_mut().counts);
    if o.facts.any(Facts::RESENT) {
        stats.retransmitted_packets += 1;
        stats.retransmitted_bytes += u64::from(o.resent.min(len));
    }
    stats.out_of_order_packets += u32::from(o.facts.any(Facts::FILLED));
    if o.flags.urg() {
        stats.urgent_packets += 1;
        stats.urgent_bytes += u64::from(tcp.urgent).min(u64::from(len));
    }
    stats.truncated_packets += u32::from(cut > 0);
    stats.truncated_bytes += cut;
}

impl Half {
    /// Counts a window that it advertises.
    #[inline]
    fn count_window(&mut self, window: u32) {
        let counts = &mut self.counts;
        counts.min_window = if counts.window_count == 0 {
            window
        } else {
            counts.min_window.min(window)
        };
        counts.max_window = counts.max_window.max(window);
        counts.window_sum += u64::from(window);
        counts.window_count += 1;
    }

    /// Counts payload, of which `fresh` bytes were not seen before.
    #[inline]
    fn count_data(&mut self, time: Timestamp, len: u32, fresh: u32, pushed: bool) {
        let opens = self.base_from == Base::Syn;
        let acked_data = self.data_acked;
        let counts = &mut self.counts;
        if counts.data_packets == 0 {
            counts.first_data_time = time;
        }
        if opens && (counts.data_packets == 0 || !acked_data) {
            counts.initial_window_packets = counts.initial_window_packets.saturating_add(1);
            counts.initial_window_bytes = counts.initial_window_bytes.saturating_add(len);
        }
        counts.data_packets += 1;
        counts.data_bytes += u64::from(len);
        counts.unique_bytes += u64::from(fresh);
        counts.pushed += u32::from(pushed);
        counts.min_segment = if counts.max_segment == 0 {
            len
        } else {
            counts.min_segment.min(len)
        };
        counts.max_segment = counts.max_segment.max(len);
        counts.last_data_time = time;
    }

    /// Keeps the outstanding amount, and its time-weighted sum, where a segment of `len` bytes of either side
    /// may have changed it.
    #[inline]
    fn count_outstanding(&mut self, time: Timestamp, len: u32) {
        let bytes = self.outstanding_bytes();
        let counts = &mut self.counts;
        let since = time.nanos_since(counts.outstanding_time);
        // Nothing, for however long, adds nothing.
        if counts.last_outstanding > 0 {
            counts.outstanding_ns_sum += f64::from(counts.last_outstanding) * since as f64;
        }
        counts.outstanding_time = counts.outstanding_time.max(time);
        counts.last_outstanding = bytes;
        if bytes > 0 && len > 0 {
            counts.max_outstanding = counts.max_outstanding.max(bytes);
            let least = counts.min_outstanding;
            counts.min_outstanding = if least == 0 { bytes } else { least.min(bytes) };
            counts.outstanding_sum += u64::from(bytes);
        }
    }
}
